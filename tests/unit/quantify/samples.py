"""A small liver, lesions and images that the quantification tests share."""

from __future__ import annotations

import numpy as np

from opensirt.image import Grid, Region, Regions, Volume
from opensirt.units import Unit

GRID = Grid.regular((10, 10, 12), (5.0, 10.0, 2.0))
"""Voxels of 0.1 mL, anisotropic so that axes cannot be mixed up unseen."""
VOXEL_ML = 0.1


def block(name: str, role: str, *parts: tuple[int, int], grid: Grid = GRID, **kw: str) -> Region:
    """A box-shaped region from (start, stop) along slice, row and column."""
    mask = np.zeros(grid.shape, bool)
    mask[tuple(slice(a, b) for a, b in parts)] = True
    return Region.from_mask(name, role, mask, grid, **kw)


def liver() -> Region:
    """6 x 6 x 10 voxels: 36 mL."""
    return block("liver", "liver", (2, 8), (2, 8), (1, 11))


def lungs() -> Region:
    """2 x 6 x 10 voxels above the liver, one slice away from the edge: 12 mL."""
    return block("lungs", "lungs", (8, 9), (2, 8), (1, 11))


def perfused() -> Region:
    """Half of the liver and one slab beyond it; 18 mL inside the liver."""
    return block("right lobe", "perfused", (2, 8), (2, 8), (6, 12))


def lesion(name: str = "T1", column: int = 7) -> Region:
    """2 x 2 x 2 voxels: 0.8 mL."""
    return block(name, "tumour", (4, 6), (4, 6), (column, column + 2))


def volume(values: np.ndarray | float, unit: Unit = Unit.COUNTS, grid: Grid = GRID) -> Volume:
    """A volume from an array, or filled with one number."""
    filled = np.full(grid.shape, values, dtype=np.float32) if np.isscalar(values) else values
    return Volume(np.asarray(filled), grid, unit)


def regions(*more: Region) -> Regions:
    """The liver and more."""
    return Regions((liver(), *more))
