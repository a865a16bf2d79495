"""How much of each voxel a shape covers: exact where it is plain, sub-sampled at the surface."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensirt.image import Grid, Region
from opensirt.phantoms.shapes import Shape
from opensirt.units import ML_PER_MM3

__all__ = ["coverage", "shape_region"]

Fractions = npt.NDArray[np.float32]
Slices = tuple[slice, slice, slice]

SAMPLES_ACROSS_SHAPE = 40
"""Sub-samples across the narrowest extent of a shape, so that small lesions keep their volume."""
SAMPLES_PER_LONGEST_EDGE = 4
"""Sub-samples along the longest edge of a voxel, at least; shorter edges get fewer."""
MOST_SAMPLES = 32
"""Most sub-samples along one voxel edge."""
POINTS_AT_ONCE = 2_000_000


def coverage(shape: Shape, grid: Grid) -> tuple[Slices, Fractions]:
    """The box of `grid` that `shape` can touch, and the covered fraction of each voxel in it.

    Parameters
    ----------
    shape : Shape
    grid : Grid
        Any orientation; shapes may reach beyond it.

    Returns
    -------
    box : three slices
    fractions : ndarray float32, (slice, row, column) of the box
        Zero-sized where the shape lies outside the grid.
    """
    box = _box(shape, grid)
    fractions = np.zeros([s.stop - s.start for s in box], dtype=np.float32)
    if fractions.size == 0:
        return box, fractions
    columns = grid.matrix[:3, :3]
    half_diagonal_mm = float(np.abs(columns).sum(axis=1) @ np.abs(columns).sum(axis=1)) ** 0.5 / 2
    samples = _samples_per_edge(shape, grid)
    for index in range(box[0].start, box[0].stop):  # slice by slice keeps memory small
        part = (slice(index, index + 1), box[1], box[2])
        level = np.broadcast_to(shape.level_mm(*_centres(grid, part)), (1, *fractions.shape[1:]))[0]
        plane = fractions[index - box[0].start]
        plane[level < 0] = 1.0
        edge = np.argwhere(np.abs(level) <= half_diagonal_mm)
        if edge.size:
            first = np.array([index, box[1].start, box[2].start])
            voxels = np.insert(edge, 0, 0, axis=1) + first
            plane[tuple(edge.T)] = _covered(shape, grid, voxels, samples)
    return box, fractions


def shape_region(
    shape: Shape, grid: Grid, name: str, role: str, territory: str | None = None
) -> Region:
    """A shape as a named `Region` on a grid, partly covered voxels by their fraction."""
    box, fractions = coverage(shape, grid)
    return Region(name, role, grid, box, fractions, territory)


def _samples_per_edge(shape: Shape, grid: Grid) -> tuple[int, int, int]:
    low, high = (np.asarray(v) for v in shape.bounds_mm)
    extent = float((high - low).min())
    wanted_mm = min(extent / SAMPLES_ACROSS_SHAPE, max(grid.spacing_mm) / SAMPLES_PER_LONGEST_EDGE)
    counts = [int(np.clip(np.ceil(s / wanted_mm - 1e-6), 1, MOST_SAMPLES)) for s in grid.spacing_mm]
    return counts[0], counts[1], counts[2]


def _box(shape: Shape, grid: Grid) -> Slices:
    """Index box around the shape's bounds, cut to the grid."""
    ends = np.asarray(grid.shape)[:, None] - 0.5
    corners_index = np.array(np.meshgrid(*[(-0.5, float(e[0])) for e in ends])).T.reshape(-1, 3)
    inside = grid.to_patient(corners_index)
    low = np.maximum(shape.bounds_mm[0], inside.min(axis=0))
    high = np.minimum(shape.bounds_mm[1], inside.max(axis=0))
    if np.any(high <= low):
        return slice(0, 0), slice(0, 0), slice(0, 0)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).T.reshape(-1, 3)
    seen = grid.to_index(corners)
    start = np.clip(np.floor(seen.min(axis=0) + 0.5).astype(int), 0, grid.shape)
    stop = np.clip(np.ceil(seen.max(axis=0) + 0.5).astype(int), 0, grid.shape)
    s = [slice(int(a), max(int(a), int(b))) for a, b in zip(start, stop, strict=True)]
    return s[0], s[1], s[2]


def _centres(grid: Grid, box: Slices) -> list[npt.NDArray[np.float32]]:
    """Patient x, y, z of voxel centres in a box, broadcasting where an axis does not matter."""
    matrix = grid.matrix
    indices = np.ogrid[box]
    points = []
    for row in range(3):
        total: npt.NDArray[np.float64] | float = matrix[row, 3]
        for axis in range(3):
            if matrix[row, axis] != 0:
                total = total + matrix[row, axis] * indices[axis]
        points.append(np.asarray(total, dtype=np.float32).reshape(_three_axes(total)))
    return points


def _three_axes(values: npt.NDArray[np.float64] | float) -> tuple[int, ...]:
    shape = np.shape(values)
    return shape if len(shape) == 3 else (1, 1, 1)


def _covered(
    shape: Shape, grid: Grid, voxels: npt.NDArray[np.int64], samples: tuple[int, int, int]
) -> Fractions:
    """Share of each voxel (n, 3) inside the shape: sub-samples, each a soft step of its own width.

    The soft step makes flat faces exact wherever they cut the sub-samples.
    """
    width_mm = np.float32((grid.voxel_volume_ml / ML_PER_MM3 / np.prod(samples)) ** (1 / 3))
    offsets = np.array(
        np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in samples], indexing="ij")
    ).reshape(3, -1)
    shifts = (grid.matrix[:3, :3] @ offsets).astype(np.float32)  # (3, sub-samples)
    result = np.empty(len(voxels), dtype=np.float32)
    step = max(1, POINTS_AT_ONCE // shifts.shape[1])
    for first in range(0, len(voxels), step):
        centres = grid.to_patient(voxels[first : first + step]).astype(np.float32)
        x, y, z = (centres[:, [axis]] + shifts[axis] for axis in range(3))
        result[first : first + step] = np.clip(
            np.float32(0.5) - shape.level_mm(x, y, z) / width_mm, 0, 1
        ).mean(axis=1)
    return result
