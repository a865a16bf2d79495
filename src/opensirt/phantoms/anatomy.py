"""The torso of the digital patients, drawn from analytic shapes in patient space (LPS, mm).

The drawing is our own: +x is the patient's left, +y the back, +z the head. The origin lies in the
middle of the body at the height of the liver hilum. Sizes follow an adult of about reference size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.phantoms.shapes import (
    Bounds,
    Box,
    Cylinder,
    Ellipsoid,
    HalfSpace,
    Shape,
    rotation_matrix,
    smooth_union,
)

__all__ = ["CANTLIE_PLANE", "LOWEST_Z_MM", "TOP_Z_MM", "torso"]

Array = npt.NDArray[np.float32]

LOWEST_Z_MM, TOP_Z_MM = -125.0, 235.0
"""Ends of the torso that the CT shows."""
ENDLESS_MM = 2000.0
DIAPHRAGM_MM = 4.0
"""Least gap of soft tissue between the lungs and what lies below them."""
WALL_POWER, WALL_Y_MM = 2.2, -1.0
"""Outline of the trunk's section, and its middle from front to back."""
CANTLIE_PLANE = HalfSpace((-38.0, -4.0, 0.0), (1.0, -0.37, 0.0))
"""Right of the line from the gallbladder to the caval vein: the territory of the right artery."""


@dataclass(frozen=True, slots=True)
class RibCage(Shape):
    """Ribs: tubes around an elliptic wall, sloping down to the front, at even gaps along z.

    Parameters
    ----------
    radii_mm : (x, y)
        Half axes of the wall that the tubes follow; its outline has exponent `WALL_POWER`.
    tube_mm, pitch_mm : float
        Radius of a tube, and distance from one to the next.
    slope : float
        Fall in z per mm towards the front.
    z_mm : (low, high)
        Ends of the cage.
    """

    radii_mm: tuple[float, float]
    tube_mm: float
    pitch_mm: float
    slope: float
    z_mm: tuple[float, float]

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """Distance from the nearest tube's axis, less the radius, and the two ends."""
        across = np.abs(x / np.float32(self.radii_mm[0])) ** WALL_POWER
        deep = np.abs((y - WALL_Y_MM) / np.float32(self.radii_mm[1])) ** WALL_POWER
        norm = (across + deep) ** (1 / WALL_POWER)
        wall = (norm - 1) * np.float32(min(self.radii_mm))
        turn = (z - np.float32(self.slope) * y) / np.float32(self.pitch_mm)
        along = (turn - np.rint(turn)) * np.float32(self.pitch_mm / np.hypot(1, self.slope))
        middle, half = np.mean(self.z_mm), np.ptp(self.z_mm) / 2
        ends = np.abs(z - np.float32(middle)) - np.float32(half)
        return np.asarray(np.maximum(np.hypot(wall, along) - np.float32(self.tube_mm), ends))

    @property
    def bounds_mm(self) -> Bounds:
        """The box around the wall, one tube wider for its long half axis."""
        x = self.radii_mm[0] + self.tube_mm * self.radii_mm[0] / min(self.radii_mm)
        y = self.radii_mm[1] + self.tube_mm * self.radii_mm[1] / min(self.radii_mm)
        return (-x, WALL_Y_MM - y, self.z_mm[0]), (x, WALL_Y_MM + y, self.z_mm[1])


def torso() -> Mapping[str, Shape]:
    """Organs by name, in the order in which they are painted: a later one covers an earlier one."""
    liver, gallbladder = _liver(), _gallbladder()
    spleen = Ellipsoid((112.0, 38.0, 22.0), (26.0, 44.0, 52.0), axes=rotation_matrix("y", -14))
    stomach = _stomach()
    ventricles = Ellipsoid((26.0, -42.0, 120.0), (60.0, 44.0, 48.0), axes=rotation_matrix("y", 35))
    great_vessels = Ellipsoid((4.0, -14.0, 185.0), (22.0, 26.0, 70.0), 2.4)
    heart = smooth_union(ventricles, great_vessels, 18.0)
    aorta = Cylinder((12.0, 38.0, 0.0), (11.0, 11.0), ENDLESS_MM)
    vena_cava = Cylinder((-20.0, 34.0, 0.0), (13.0, 10.0), 290.0)
    liver = liver - vena_cava.grown(1.0) - gallbladder.grown(1.5)
    dome = Ellipsoid((78.0, 4.0, -2.0), (66.0, 86.0, 82.0))
    below = liver.grown(DIAPHRAGM_MM) | dome | spleen.grown(5.0) | stomach.grown(6.0)
    under_heart = Ellipsoid((20.0, -14.0, 66.0), (46.0, 70.0, 28.0))
    mediastinum = (
        heart.grown(5.0) | under_heart | Ellipsoid((0.0, 38.0, 120.0), (36.0, 44.0, 220.0), 4.0)
    )
    pleura = Cylinder((0.0, WALL_Y_MM, 0.0), (137.0, 89.0), ENDLESS_MM, WALL_POWER)
    lungs = ((_lung(-1.0) | _lung(1.0)) & pleura) - below - mediastinum
    kidneys = _kidney(-1.0) | _kidney(1.0)
    chest_wall = RibCage((149.0, 98.5), 4.2, 27.0, 0.42, (-45.0, TOP_Z_MM + 20))
    ribs = chest_wall & HalfSpace((0.0, -70.0, 0.0), (0.0, -1.0, 0.0))
    ribs = ribs - Box((0.0, 100.0, 0.0), (72.0, 60.0, ENDLESS_MM))
    sternum = Box((0.0, -98.0, 165.0), (34.0, 10.0, 150.0))
    return {
        "skin and fat": Cylinder((0.0, 0.0, 0.0), (172.0, 121.0), ENDLESS_MM, 2.3),
        "muscle wall": Cylinder((0.0, 1.0, 0.0), (157.0, 107.0), ENDLESS_MM, WALL_POWER),
        "cavity": Cylinder((0.0, WALL_Y_MM, 0.0), (139.0, 91.0), ENDLESS_MM, WALL_POWER),
        "bowel": _bowel() - liver.grown(4.0) - gallbladder.grown(3.0),
        "heart": heart,
        "vessels": aorta | vena_cava,
        "spleen": spleen,
        "kidneys": kidneys - liver.grown(3.0),
        "stomach": stomach - liver.grown(2.0),
        "stomach gas": _stomach_gas() - liver.grown(5.0),
        "spine": _vertebrae(),
        "spinal canal": Cylinder((0.0, 87.0, 0.0), (10.0, 8.0), ENDLESS_MM),
        "ribs": ribs | sternum,
        "gallbladder": gallbladder,
        "lungs": lungs,
        "liver": liver,
    }


def _liver() -> Shape:
    """A right lobe under the dome and a flat left lobe, joined smoothly, cut by the bowel side."""
    right = Ellipsoid((-74.0, 4.0, -6.0), (58.0, 75.0, 79.0), 2.2, rotation_matrix("y", 6))
    left = Ellipsoid((2.0, -40.0, 29.0), (86.0, 36.0, 36.0), 2.1, rotation_matrix("y", 8))
    both = smooth_union(right, left, 22.0)
    under = HalfSpace((-40.0, 0.0, -40.0), (0.6, 0.22, -0.75))
    behind = HalfSpace((0.0, 66.0, 0.0), (0.25, 1.0, -0.12))
    return both & under & behind


def _gallbladder() -> Shape:
    """A pear under the right lobe, near its front edge."""
    axes = rotation_matrix("x", 35)
    return Ellipsoid((-48.0, -42.0, -56.0), (13.5, 14.5, 32.0), axes=axes)


def _stomach() -> Shape:
    """Fundus under the left dome, body and antrum towards the middle."""
    fundus = Ellipsoid((74.0, 8.0, 38.0), (38.0, 42.0, 40.0))
    body = Ellipsoid((62.0, -32.0, -12.0), (28.0, 30.0, 56.0), axes=rotation_matrix("y", 14))
    antrum = Ellipsoid((22.0, -48.0, -50.0), (44.0, 22.0, 20.0), axes=rotation_matrix("y", 12))
    return smooth_union(smooth_union(fundus, body, 20.0), antrum, 16.0)


def _stomach_gas() -> Shape:
    """Gas rises to the front in a patient who lies on the back."""
    return _stomach().grown(-5.0) & HalfSpace((0.0, -42.0, 0.0), (0.0, 1.0, 0.0))


def _lung(side: float) -> Shape:
    """A lung from the apex to behind the liver dome; side is -1 for the right, +1 for the left."""
    whole = Ellipsoid((side * 74.0, 4.0, 62.0), (66.0, 88.0, 171.0), 2.5)
    return whole & HalfSpace((0.0, 40.0, 14.0), (0.0, -0.25, -1.0))


def _kidney(side: float) -> Shape:
    axes = rotation_matrix("y", 12 * side)
    return Ellipsoid((side * 62.0, 52.0, -72.0), (26.0, 24.0, 54.0), axes=axes)


def _bowel() -> Shape:
    """Loops of colon and small bowel below stomach and liver."""
    colon = Ellipsoid((0.0, -58.0, -92.0), (112.0, 24.0, 22.0), 2.6)
    right = Ellipsoid((-106.0, -8.0, -122.0), (22.0, 24.0, 34.0), 2.3)
    left = Ellipsoid((110.0, 0.0, -98.0), (20.0, 24.0, 66.0), 2.4)
    small = Ellipsoid((30.0, -26.0, -128.0), (74.0, 46.0, 44.0), 2.4)
    return colon | right | left | small


def _vertebrae() -> Shape:
    """Vertebral bodies with gaps for the discs, arches and spinous processes behind the canal."""
    height_mm, gap_mm = 30.0, 5.0
    column: Shape | None = None
    for index in range(-5, 9):
        z = index * height_mm
        body = Cylinder((0.0, 60.0, z), (23.0, 18.0), height_mm - gap_mm)
        arch = Cylinder((0.0, 89.0, z), (18.0, 14.0), height_mm - 10)
        process = Box((0.0, 103.0, z - 4), (7.0, 22.0, 16.0))
        across = Box((0.0, 88.0, z + 2), (74.0, 9.0, 12.0))
        one = body | arch | process | across
        column = one if column is None else column | one
    assert column is not None
    return column
