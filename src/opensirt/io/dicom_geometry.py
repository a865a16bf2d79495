"""Slices placed in the patient -> one even, right-angled voxel grid.

Slices are ordered by their position along the image normal, never by their number. Uneven gaps are
resampled linearly onto even ones; slices that drift sideways (tilted gantry) are shifted into line;
missing or repeated slices are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from opensirt.errors import DicomError
from opensirt.image import Grid

__all__ = ["Stack", "check_orientation", "stack_slices"]

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]

EVEN_FRACTION = 0.01
"""Slices within this fraction of the gap from an even grid are taken to lie on it."""
EVEN_MM = 0.01
"""... or within this, whichever is more: files round positions."""
MISSING_FACTOR = 1.5
"""A gap longer than this many usual gaps means that slices are missing."""
SAME_SLICE_FRACTION = 0.02
"""Slices closer than this fraction of the usual gap are repeated ones."""
DRIFT_MM = 0.05
"""Sideways drift over a whole stack that rounding explains; more is a tilted gantry."""
ASIDE_MM = 0.5
"""Most that a slice may lie off the straight line of a tilted gantry."""
MAX_TILT = 1.0
"""Largest drift per length along the normal (45 degrees); more is no stack of slices."""
ORTHOGONAL = 1e-3
"""Largest error of direction cosines that rounding explains."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Where the slices of one image lie, and what placing them on a grid takes.

    Parameters
    ----------
    grid : Grid
        The even, right-angled grid that values are delivered on.
    order : ndarray of int
        Slice number in the input for each place along the normal.
    heights_mm : ndarray
        Position along the normal of each ordered slice, from the first one.
    shifts : ndarray (slices, 2)
        Where slice pixel (0, 0) lies in the grid's plane, (row, column) pixels.
    """

    grid: Grid
    order: npt.NDArray[np.int64]
    heights_mm: Floats
    shifts: Floats
    notes: tuple[str, ...]

    @property
    def is_tilted(self) -> bool:
        """True where slices have to be shifted sideways."""
        return bool(self.shifts.any())

    @property
    def is_uneven(self) -> bool:
        """True where values have to be interpolated between slices."""
        even = np.arange(self.grid.shape[0]) * self.grid.spacing_mm[0]
        return len(even) != len(self.heights_mm) or not _is_even(self.heights_mm)

    def place(self, values: Values, *, outside: float) -> Values:
        """Ordered slices (slice, row, column) on the grid, `outside` where no slice reaches."""
        placed = self._straightened(values, outside) if self.is_tilted else values
        if not self.is_uneven:
            return placed
        wanted = np.arange(self.grid.shape[0]) * self.grid.spacing_mm[0]
        upper = np.clip(np.searchsorted(self.heights_mm, wanted), 1, len(self.heights_mm) - 1)
        gaps = self.heights_mm[upper] - self.heights_mm[upper - 1]
        parts = np.clip((wanted - self.heights_mm[upper - 1]) / gaps, 0.0, 1.0)
        result = np.empty(self.grid.shape, dtype=np.float32)
        for index, (above, part) in enumerate(zip(upper, parts, strict=True)):
            result[index] = placed[above - 1] + np.float32(part) * (
                placed[above] - placed[above - 1]
            )
        return result

    def _straightened(self, values: Values, outside: float) -> Values:
        shape = (len(values), *self.grid.shape[1:])
        result = np.full(shape, outside, dtype=np.float32)
        for index, (slice_values, shift) in enumerate(zip(values, self.shifts, strict=True)):
            room = [(0, n - m) for n, m in zip(shape[1:], slice_values.shape, strict=True)]
            padded = np.pad(slice_values, room, constant_values=outside)
            ndimage.shift(
                padded, shift, output=result[index], order=1, mode="constant", cval=outside
            )
        return result


def check_orientation(cosines: Sequence[float], name: str) -> Floats:
    """Unit vectors (2, 3) along increasing column and increasing row, from six cosines.

    Raises
    ------
    DicomError
        When ImageOrientationPatient is not two perpendicular unit vectors.
    """
    vectors = np.asarray(cosines, dtype=np.float64).reshape(2, 3)
    lengths = np.linalg.norm(vectors, axis=1)
    if np.abs(lengths - 1).max() > ORTHOGONAL or abs(vectors[0] @ vectors[1]) > ORTHOGONAL:
        raise DicomError(
            f"{name}: ImageOrientationPatient is not two perpendicular unit vectors; "
            "the slices cannot be placed"
        )
    first = vectors[0] / lengths[0]
    second = vectors[1] - (vectors[1] @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


def stack_slices(
    positions_mm: Floats,
    cosines: Floats,
    pixel_mm: tuple[float, float],
    shape: tuple[int, int],
    thickness_mm: float | None,
    name: str,
) -> Stack:
    """Order parallel slices along their normal and lay an even grid through them.

    Parameters
    ----------
    positions_mm : (slices, 3)
        Patient position of the centre of each slice's first pixel.
    cosines : (2, 3)
        From `check_orientation`.
    pixel_mm, shape : (row, column)
        Distance between rows and between columns, mm; their numbers.
    thickness_mm : float, optional
        Needed for a single slice only.

    Raises
    ------
    DicomError
        Repeated or missing slices, no thickness for a single one, no pixel size.
    """
    if min(pixel_mm) <= 0:
        raise DicomError(f"{name}: PixelSpacing must be positive")
    normal = np.cross(cosines[0], cosines[1])
    heights = positions_mm @ normal
    order = np.argsort(heights, kind="stable")
    ordered = positions_mm[order]
    heights = heights[order] - heights[order[0]]
    step, count, notes = _even_step(heights, thickness_mm, name)
    shifts, drift_notes = _sideways(ordered, heights, cosines, pixel_mm, name)
    low = np.floor(shifts.min(axis=0))
    extra = np.ceil(shifts.max(axis=0) - low).astype(int)
    origin = ordered[0] + cosines[1] * (low[0] - shifts[0, 0]) * pixel_mm[0]
    origin = origin + cosines[0] * (low[1] - shifts[0, 1]) * pixel_mm[1]
    grid = Grid.from_directions(
        (count, shape[0] + int(extra[0]), shape[1] + int(extra[1])),
        (step, pixel_mm[0], pixel_mm[1]),
        origin,
        np.stack([normal, cosines[1], cosines[0]]),
    )
    return Stack(grid, order, heights, shifts - low, (*notes, *drift_notes))


def _is_even(heights: Floats) -> bool:
    if len(heights) < 3:
        return True
    step = heights[-1] / (len(heights) - 1)
    error = np.abs(heights - np.arange(len(heights)) * step).max()
    return bool(error <= max(EVEN_MM, EVEN_FRACTION * step))


def _even_step(
    heights: Floats, thickness_mm: float | None, name: str
) -> tuple[float, int, tuple[str, ...]]:
    """Distance between slices of the even grid, their number, and notes."""
    if len(heights) == 1:
        if thickness_mm is None or thickness_mm <= 0:
            raise DicomError(
                f"{name}: a single slice without SliceThickness has no volume; give the series"
            )
        return float(thickness_mm), 1, ("a single slice; its SliceThickness is its extent",)
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    if usual <= 0 or gaps.min() < SAME_SLICE_FRACTION * usual:
        raise DicomError(
            f"{name}: several slices share one ImagePositionPatient; the series mixes acquisitions "
            "or holds copies, export one acquisition alone"
        )
    if gaps.max() > MISSING_FACTOR * usual:
        where = heights[int(gaps.argmax())]
        raise DicomError(
            f"{name}: slices are missing: a gap of {gaps.max():.2f} mm, {where:.1f} mm from the "
            f"first slice, where {usual:.2f} mm is usual (ImagePositionPatient)"
        )
    if _is_even(heights):
        return float(heights[-1]) / (len(heights) - 1), len(heights), ()
    count = round(float(heights[-1]) / usual) + 1
    step = float(heights[-1]) / (count - 1)
    note = (
        f"slice gaps from {gaps.min():.2f} to {gaps.max():.2f} mm resampled linearly "
        f"to {step:.4f} mm ({len(heights)} to {count} slices)"
    )
    return step, count, (note,)


def _sideways(
    ordered: Floats, heights: Floats, cosines: Floats, pixel_mm: tuple[float, float], name: str
) -> tuple[Floats, tuple[str, ...]]:
    """Sideways place of each slice in (row, column) pixels, zero where the stack is straight."""
    offsets = ordered - ordered[0]
    sideways_mm = np.stack([offsets @ cosines[1], offsets @ cosines[0]], axis=1)
    drift = float(np.abs(sideways_mm).max())
    if drift <= DRIFT_MM:
        return np.zeros_like(sideways_mm), ()
    slope = heights @ sideways_mm / float(heights @ heights)
    aside = float(np.abs(sideways_mm - heights[:, None] * slope).max())
    if aside > ASIDE_MM:
        raise DicomError(
            f"{name}: a slice lies {aside:.1f} mm beside the line through the others: "
            "ImagePositionPatient does not describe one stack; export the series again"
        )
    if drift > MAX_TILT * float(heights[-1]):
        raise DicomError(
            f"{name}: slices lie {drift:.1f} mm beside each other over {heights[-1]:.1f} mm; "
            "ImagePositionPatient and ImageOrientationPatient do not describe one stack"
        )
    angle = float(np.degrees(np.arctan2(drift, heights[-1])))
    note = f"tilted gantry ({angle:.1f} degrees): slices shifted into line by linear interpolation"
    return sideways_mm / np.asarray(pixel_mm), (note,)
