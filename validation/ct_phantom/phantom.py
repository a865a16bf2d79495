"""A CT-like trunk of 128 x 128 x 96 voxels of 2 mm: organs, tumours near the dome, bone and air.

Drawn from analytic shapes in patient space (x left, y back, z head; mm; origin in the middle); a
voxel belongs to what its centre lies in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from validation.common import BoolArray, Scene, scene

from opensirt.image import Grid
from opensirt.phantoms.shapes import Cylinder, Ellipsoid, Shape

SHAPE, VOXEL_MM = (96, 128, 128), 2.0
LENGTH_MM = 400.0
DENSITY = {
    "air": 0.0012,
    "lung": 0.26,
    "adipose": 0.95,
    "tissue": 1.04,
    "liver": 1.06,
    "vertebra": 1.40,
    "bone": 1.92,
}
"""g/mL; vertebra: trabecular bone between soft tissue and cortical bone."""
NORMAL, TUMOUR = 1.0, 5.0
"""Relative concentrations; the lungs hold LUNG_SHUNT of all activity, evenly."""
LUNG_SHUNT = 0.05
DIAPHRAGM_MM = 3.0
RIB_PITCH_MM, RIB_HEIGHT_MM = 24.0, 10.0

BODY = Cylinder((0.0, 0.0, 0.0), (122.0, 95.0), LENGTH_MM)
INNER = Cylinder((0.0, 0.0, 0.0), (114.0, 87.0), LENGTH_MM)
RIB_OUTER = Cylinder((0.0, 0.0, 0.0), (111.0, 84.0), LENGTH_MM)
RIB_INNER = Cylinder((0.0, 0.0, 0.0), (104.0, 77.0), LENGTH_MM)
SPINE = Cylinder((0.0, 62.0, 0.0), (18.0, 18.0), LENGTH_MM)
LIVER = Ellipsoid((-36.0, -4.0, -30.0), (64.0, 60.0, 48.0))
LUNGS = (
    Ellipsoid((-56.0, 4.0, 80.0), (44.0, 62.0, 92.0)),
    Ellipsoid((56.0, 4.0, 80.0), (44.0, 62.0, 92.0)),
)
STOMACH = Ellipsoid((58.0, -22.0, -36.0), (30.0, 30.0, 38.0))
STOMACH_AIR = Ellipsoid((58.0, -34.0, -30.0), (18.0, 12.0, 24.0))
TUMOURS: dict[str, tuple[tuple[float, float, float], float]] = {
    "tumour 3 mm, dome": ((-60.0, -20.0, 8.0), 3.0),
    "tumour 5 mm, dome": ((-42.0, 4.0, 12.0), 5.0),
    "tumour 10 mm, dome": ((-22.0, -22.0, 3.0), 10.0),
    "tumour 5 mm, ribs": ((-93.0, -8.0, -30.0), 5.0),
    "tumour 8 mm, deep": ((-70.0, 20.0, -36.0), 8.0),
    "tumour 18 mm, deep": ((-26.0, -6.0, -46.0), 18.0),
}
"""Centre (mm) and radius (mm)."""
BASE_MM, NEAR_MM = 10.0, 12.0
"""Depth of the lung base above the liver, and of the bone and tissue beside it."""


@dataclass(frozen=True)
class Phantom:
    """The scene and its regions by name."""

    where: Scene
    regions: dict[str, BoolArray]


def build(voxel_mm: float = VOXEL_MM) -> Phantom:
    """Density, activity (Bq/mL) and regions; other voxels cover about the same space."""
    inside = _Inside(voxel_mm)
    shape = inside.shape
    lungs = (inside(LUNGS[0]) | inside(LUNGS[1])) & ~inside(LIVER.grown(DIAPHRAGM_MM))
    liver = inside(LIVER)
    bubble = inside(STOMACH_AIR)
    spine, ribs = inside(SPINE), _ribs(inside)
    density = np.full(shape, DENSITY["air"])
    for mask, name in (
        (inside(BODY), "adipose"),
        (inside(INNER), "tissue"),
        (lungs, "lung"),
        (spine, "vertebra"),
        (ribs, "bone"),
        (liver, "liver"),
        (bubble, "air"),
    ):
        density[mask] = DENSITY[name]
    tumours = {
        name: inside(Ellipsoid(centre, (radius,) * 3)) & liver
        for name, (centre, radius) in TUMOURS.items()
    }
    all_tumours = np.any(list(tumours.values()), axis=0)
    activity = 1e6 * np.where(all_tumours, TUMOUR, np.where(liver, NORMAL, 0.0))
    lung_only = lungs & (density == DENSITY["lung"])
    activity[lung_only] = activity.sum() * LUNG_SHUNT / (1.0 - LUNG_SHUNT) / lung_only.sum()
    base = lung_only & inside(LIVER.grown(DIAPHRAGM_MM + BASE_MM))
    near = inside(LIVER.grown(NEAR_MM)) & ~liver
    regions = {"normal liver": liver & ~all_tumours, **tumours}
    regions |= {"lung base": base, "lungs": lung_only & ~base}
    regions |= {"ribs beside the liver": (density == DENSITY["bone"]) & near}
    regions |= {"tissue beside the liver": (density == DENSITY["tissue"]) & near}
    return Phantom(scene(activity, density, (voxel_mm,) * 3), regions)


class _Inside:
    """Tells the voxels whose centre lies in a shape."""

    def __init__(self, voxel_mm: float) -> None:
        self.shape = tuple(round(n * VOXEL_MM / voxel_mm) for n in SHAPE)
        corner = [-(n - 1) / 2 * voxel_mm for n in self.shape]
        grid = Grid.regular(self.shape, (voxel_mm,) * 3, (corner[2], corner[1], corner[0]))
        z, y, x = (
            np.arange(n, dtype=np.float32) * np.float32(voxel_mm) + np.float32(c)
            for n, c in zip(grid.shape, corner, strict=True)
        )
        self.points = x[None, None, :], y[None, :, None], z[:, None, None]

    def __call__(self, shape: Shape) -> BoolArray:
        return np.broadcast_to(shape.level_mm(*self.points) < 0.0, self.shape).copy()


def _ribs(inside: _Inside) -> BoolArray:
    """Rings of bone in the wall, sloping down to the front."""
    _, y, z = inside.points
    phase = np.mod(z - 0.3 * y, RIB_PITCH_MM) < RIB_HEIGHT_MM
    return inside(RIB_OUTER) & ~inside(RIB_INNER) & np.broadcast_to(phase, inside.shape)
