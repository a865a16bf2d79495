"""How much of each voxel of one grid lies in the voxels of another, exactly, for parallel grids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensirt.image.grid import Grid

__all__ = ["parallel_coverage"]

FloatArray = npt.NDArray[np.float32]

TURNED = 1e-3
"""Voxels by which axes may part along a whole region and still count as parallel."""
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
    inverse = np.linalg.inv(source.matrix)
    scale = (inverse @ target.matrix)[:3, :3]  # source voxels per target voxel
    first = source.to_index(target.to_patient((0, 0, 0)))
    along = np.abs(scale).argmax(axis=0)  # axis of the source that each axis of the target follows
    if sorted(along.tolist()) != [0, 1, 2]:
        return None
    beside = np.abs(scale)
    beside[along, range(3)] = 0.0
    if (beside * target.shape).max() > TURNED:
        return None
    result = np.asarray(fractions, dtype=np.float32).transpose(along)
    for axis in range(3):
        step, size = float(scale[along[axis], axis]), source.shape[along[axis]]
        weights = _shares(float(first[along[axis]]), step, target.shape[axis], size)
        result = np.moveaxis(np.tensordot(weights, result, axes=(1, axis)), 0, axis)
    return np.where(result > FAINT, np.round(result, 6), result)


def _shares(first: float, step: float, count: int, size: int) -> FloatArray:
    """(count, size): the part of each of `count` lengths that each unit length of `size` holds.

    The lengths are `step` long and `step` apart; the middle of the first is at `first`, that of
    unit length n at n.
    """
    middle = first + step * np.arange(count)[:, None]
    unit = np.arange(size)
    low = np.maximum(middle - abs(step) / 2, unit - 0.5)
    high = np.minimum(middle + abs(step) / 2, unit + 0.5)
    shares = (high - low) / abs(step)
    return np.where(shares > NOTHING, shares, 0.0).astype(np.float32)
