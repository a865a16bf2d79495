"""Grids whose axes are parallel, in any order and direction: then axis by axis is enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensirt.image.grid import Grid

__all__ = ["AxisMap", "parallel_axes"]

TURNED = 1e-3
"""Voxels by which axes may part along a whole grid and still count as parallel."""


@dataclass(frozen=True, slots=True)
class AxisMap:
    """Where the voxels along one axis of a target grid lie along an axis of the source."""

    along: int
    """Axis of the source."""
    first: float
    """Index in the source of the centre of the first voxel."""
    step: float
    """Source voxels from one target voxel to the next; negative where they run backwards."""


def parallel_axes(source: Grid, target: Grid) -> tuple[AxisMap, AxisMap, AxisMap] | None:
    """One map for each axis of `target`, or None where the axes of the grids are not parallel."""
    scale = (np.linalg.inv(source.matrix) @ target.matrix)[:3, :3]
    along = np.abs(scale).argmax(axis=0)
    if sorted(along.tolist()) != [0, 1, 2]:
        return None
    beside = np.abs(scale)
    beside[along, range(3)] = 0.0
    if (beside * target.shape).max() > TURNED:
        return None
    first = source.to_index(target.to_patient((0, 0, 0)))
    a, b, c = (AxisMap(int(k), float(first[k]), float(scale[k, i])) for i, k in enumerate(along))
    return a, b, c
