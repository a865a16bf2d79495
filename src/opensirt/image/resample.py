"""Resampling between grids, averaging where the new voxels are larger; turned ones by SimpleITK."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.sparse import coo_array, csr_array

from opensirt.errors import GridMismatchError
from opensirt.image.grid import Grid
from opensirt.image.parallel import AxisMap, parallel_axes

__all__ = ["resample_values", "to_sitk"]

FloatArray = npt.NDArray[np.float32]

MAX_SUBDIVISION = 12
"""Most sub-samples along one edge of a target voxel."""
SLICES_AT_A_TIME = 16
ON_THE_EDGE = 1e-6
"""Voxels by which a sample on the outer edge of an image may lie beyond it, by rounding."""


def to_sitk(values: npt.NDArray[np.generic], grid: Grid) -> sitk.Image:
    """A SimpleITK image of the values, in the same patient space (LPS)."""
    if not grid.is_orthogonal:
        raise GridMismatchError(
            f"the grid {grid} is sheared (tilted gantry); resample it at its source first"
        )
    array = values.astype(np.uint8) if values.dtype == np.bool_ else np.asarray(values)
    image = sitk.GetImageFromArray(array)
    place_sitk(image, grid)
    return image


def place_sitk(image: sitk.Image, grid: Grid) -> None:
    """Give a SimpleITK image the geometry of `grid`."""
    image.SetOrigin(grid.origin_mm)
    image.SetSpacing(grid.spacing_mm[::-1])
    columns = grid.directions[::-1].T  # ITK wants column, row, slice directions as columns
    image.SetDirection(columns.ravel().tolist())


def resample_values(
    values: npt.NDArray[np.generic],
    source: Grid,
    target: Grid,
    *,
    outside: float = 0.0,
    nearest: bool = False,
) -> FloatArray:
    """Values of `source` on `target`, float32.

    Each target voxel is the mean of sub-samples closer together than the source voxels, taken
    linearly (or from the nearest voxel), so that going to a coarser grid neither skips nor aliases.
    """
    steps = _subdivision(source, target, nearest)
    maps = None if nearest else parallel_axes(source, target)
    if maps is not None:
        return _by_axes(values, maps, target.shape, steps, outside)
    image = to_sitk(np.asarray(values, dtype=np.float32), source)
    result = np.empty(target.shape, dtype=np.float32)
    for index in range(target.shape[0]):  # slab by slab: the fine grid is never whole in memory
        slab = target.crop((slice(index, index + 1), slice(None), slice(None)))
        result[index] = _sample_mean(image, slab, steps, outside, nearest)[0]
    return result


def _by_axes(
    values: npt.NDArray[np.generic],
    maps: tuple[AxisMap, AxisMap, AxisMap],
    shape: tuple[int, int, int],
    steps: tuple[int, int, int],
    outside: float,
) -> FloatArray:
    """The same means on a parallel grid: one sparse matrix for each axis, some slices at a time."""
    stored = values.transpose([m.along for m in maps])
    slices, rows, columns = (
        _weights(*of) for of in zip(maps, shape, stored.shape, steps, strict=True)
    )
    result = np.zeros((shape[0], shape[1] * shape[2]), dtype=np.float32)
    used = np.flatnonzero(np.diff(slices.tocsc().indptr))
    for part in np.array_split(used, max(1, math.ceil(used.size / SLICES_AT_A_TIME))):
        planes = [
            (columns @ (rows @ stored[i].astype(np.float32)).T).T.ravel() for i in part.tolist()
        ]
        if planes:
            result += slices[:, part] @ np.stack(planes)
    if outside:
        inside = [np.asarray(weights.sum(axis=1)).ravel() for weights in (slices, rows, columns)]
        seen = inside[0][:, None] * np.outer(inside[1], inside[2]).ravel()
        result += np.float32(outside) * (1.0 - seen).astype(np.float32)
    return result.reshape(shape)


def _weights(place: AxisMap, count: int, size: int, samples: int) -> csr_array:
    """(count, size): the mean of so many linear samples in each of `count` voxels; 0 outside."""
    offsets = (np.arange(samples) + 0.5) / samples - 0.5
    index = (place.first + place.step * (np.arange(count)[:, None] + offsets)).ravel()
    inside = (index > -0.5 - ON_THE_EDGE) & (index < size - 0.5 + ON_THE_EDGE)
    index = np.clip(index, 0.0, size - 1.0)
    low = np.minimum(index.astype(int), max(size - 2, 0))
    high, part = np.minimum(low + 1, size - 1), index - low
    row = np.tile(np.repeat(np.arange(count), samples), 2)
    data = np.concatenate([(1.0 - part) * inside, part * inside]) / samples
    found = coo_array((data, (row, np.concatenate([low, high]))), shape=(count, size))
    return csr_array(found, dtype=np.float32)


def _subdivision(source: Grid, target: Grid, nearest: bool) -> tuple[int, int, int]:
    """Sub-samples per target voxel edge: enough to see each source voxel and its offset."""
    step = np.linalg.norm(np.linalg.inv(source.matrix[:3, :3]) @ target.matrix[:3, :3], axis=0)
    counts = [min(MAX_SUBDIVISION, _samples_per_edge(float(s), nearest)) for s in step]
    return counts[0], counts[1], counts[2]


def _samples_per_edge(step: float, nearest: bool) -> int:
    """Sub-samples for a target edge of `step` source voxels.

    Where that is a whole number, they lie whole source voxels apart, so that each source voxel has
    the same weight and borders of both grids that coincide stay where they are.
    """
    whole = round(step)
    if whole >= 1 and abs(step - whole) < 1e-6:
        return whole * (math.ceil(4 / whole) if nearest else 1)
    if nearest:  # coverage of boxes: a shift of a fraction of a voxel must show
        if step > 0.5:
            return max(4, math.ceil(step) + 1)
        return 2 if step > 0.25 else 1
    return 1 if step <= 1.0 else math.ceil(step) + 1


def _sample_mean(
    image: sitk.Image, target: Grid, steps: tuple[int, int, int], outside: float, nearest: bool
) -> FloatArray:
    matrix = target.matrix
    shift = (
        (np.asarray([0.5 / n for n in steps]) - 0.5) if any(n > 1 for n in steps) else np.zeros(3)
    )
    matrix[:3, 3] = target.to_patient(shift)
    matrix[:3, :3] = matrix[:3, :3] / np.asarray(steps)
    fine = Grid.from_matrix([n * s for n, s in zip(target.shape, steps, strict=True)], matrix)
    interpolator = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    columns = fine.directions[::-1].T
    sampled = sitk.Resample(
        image,
        fine.shape[::-1],
        sitk.Transform(),
        interpolator,
        fine.origin_mm,
        fine.spacing_mm[::-1],
        columns.ravel().tolist(),
        outside,
        sitk.sitkFloat32,
    )
    n, r, c = target.shape
    blocks = sitk.GetArrayViewFromImage(sampled).reshape(n, steps[0], r, steps[1], c, steps[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float64), dtype=np.float32)
