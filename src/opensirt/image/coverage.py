"""How much of each voxel of one grid lies in the voxels of another, exactly, for parallel grids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensirt.image.grid import Grid
from opensirt.image.parallel import AxisMap, parallel_axes

__all__ = ["parallel_coverage"]

FloatArray = npt.NDArray[np.float32]

NOTHING = 1e-6
"""Shares below are rounding: a border that two grids have in common stays where it is."""
FAINT = 1e-3
"""Parts above are rounded, so that voxels that are equally full are equal; a speck stays whole."""


def parallel_coverage(fractions: FloatArray, source: Grid, target: Grid) -> FloatArray | None:
    """The part of each voxel of `target` that the covered part of `source` fills.

    Parameters
    ----------
    fractions : ndarray float32, shape of `source`
        Covered part of each voxel, evenly spread in it; nothing is covered outside `source`.
    source, target : Grid

    Returns
    -------
    ndarray float32, shape of `target`, or None
        None where the axes of the grids are not parallel. Lengths that overlap are multiplied, axis
        by axis, so the volume inside `target` is kept to rounding (1e-6 of a voxel).
    """
    maps = parallel_axes(source, target)
    if maps is None:
        return None
    result = np.asarray(fractions, dtype=np.float32).transpose([m.along for m in maps])
    for axis, place in enumerate(maps):
        weights = _shares(place, target.shape[axis], source.shape[place.along])
        result = np.moveaxis(np.tensordot(weights, result, axes=(1, axis)), 0, axis)
    return np.where(result > FAINT, np.round(result, 6), result)


def _shares(place: AxisMap, count: int, size: int) -> FloatArray:
    """(count, size): the part of each of `count` target lengths that each source length holds."""
    middle, half = place.first + place.step * np.arange(count)[:, None], abs(place.step) / 2
    unit = np.arange(size)
    low = np.maximum(middle - half, unit - 0.5)
    high = np.minimum(middle + half, unit + 0.5)
    shares = (high - low) / abs(place.step)
    return np.where(shares > NOTHING, shares, 0.0).astype(np.float32)
