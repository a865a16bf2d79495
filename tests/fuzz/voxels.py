"""Values and masks of a few voxels, the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["masks", "stored"]


def stored(shape: tuple[int, int, int], low: int = 900, high: int = 1300) -> npt.NDArray[np.uint16]:
    """Whole numbers that differ from voxel to voxel."""
    return np.random.default_rng(7).integers(low, high, shape).astype(np.uint16)


def masks(shape: tuple[int, ...]) -> list[npt.NDArray[Any]]:
    """A liver with one voxel missing, and a tumour in it."""
    liver, tumour = np.zeros(shape, bool), np.zeros(shape, bool)
    liver[0:4, 1:7, 1:6] = True
    liver[1, 1, 1] = False
    tumour[1:3, 2:4, 2:5] = True
    return [liver, tumour]
