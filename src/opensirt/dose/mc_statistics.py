"""Sums over batches: mean, relative standard error, and the mean error where the dose is high."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_random import law

__all__ = ["HIGH_DOSE_SHARE", "BatchSums"]

Floats = npt.NDArray[np.float32]
HIGH_DOSE_SHARE = 0.5
"""The mean relative error is taken over voxels above this share of the maximum dose."""
THINNEST_TISSUE_G_ML = 0.05
"""Thinner voxels, air, do not count for it."""


@law
def _take(tally, total, squares, quantum_mev, first, last):
    """Add the batch to the sums (MeV, MeV^2) and empty the tally."""
    for voxel in range(first, last):
        if tally[voxel] > 0:
            energy = tally[voxel] * quantum_mev
            total[voxel] += energy
            squares[voxel] += energy * energy
            tally[voxel] = 0


@law
def _relative_errors(total, squares, batches, first, last):
    """Turn `squares` into the relative standard error of `total`; 1 where one batch scored."""
    for voxel in range(first, last):
        sum1 = float(total[voxel])
        if sum1 > 0.0:
            spread = max(0.0, batches * float(squares[voxel]) / (sum1 * sum1) - 1.0)
            squares[voxel] = np.sqrt(spread / (batches - 1))
        else:
            squares[voxel] = 0.0


@dataclass
class BatchSums:
    """Energy per voxel (MeV), summed over independent batches of equal size."""

    tally: npt.NDArray[np.uint32]
    total: Floats
    squares: Floats
    batches: int = 0

    @classmethod
    def empty(cls, voxels: int) -> BatchSums:
        """Three arrays of four bytes per voxel, all that the engine keeps of the grid's size."""
        arrays = np.zeros(voxels, np.float32), np.zeros(voxels, np.float32)
        return cls(np.zeros(voxels, np.uint32), *arrays)

    def take(self, quantum_mev: float, pool: ThreadPoolExecutor) -> None:
        """Close a batch whose tally is in quanta of this energy."""
        self._spread(
            lambda a, b: _take(self.tally, self.total, self.squares, quantum_mev, a, b), pool
        )
        self.batches += 1

    def relative_error(self, pool: ThreadPoolExecutor) -> Floats:
        """Relative standard error per voxel; takes the place of the squares. At least 2 batches."""
        self._spread(
            lambda a, b: _relative_errors(self.total, self.squares, self.batches, a, b), pool
        )
        return self.squares

    def high_error(self, density: Floats, weight: Floats | None = None) -> float:
        """Mean relative error of voxels whose `weight` over density is above half its maximum.

        The weight is the energy itself, so that voxels of high dose count, or the activity: the
        same before the dose is known. Air, where one photon makes a high dose, is left out, unless
        there is nothing else.
        """
        weight = self.total if weight is None else weight
        least, highest = THINNEST_TISSUE_G_ML, _highest(weight, density, THINNEST_TISSUE_G_ML)
        if highest == 0.0:
            least = float(np.finfo(np.float32).tiny)
            highest = _highest(weight, density, least)
        error = _mean_relative_error(
            self.total,
            self.squares,
            self.batches,
            weight,
            density,
            HIGH_DOSE_SHARE * highest,
            least,
        )
        return float(error)

    def _spread(self, job: Callable[[int, int], None], pool: ThreadPoolExecutor) -> None:
        list(pool.map(lambda run: job(*run), _runs(self.total.size)))


def _runs(voxels: int) -> list[tuple[int, int]]:
    step = 1 << 20
    return [(first, min(first + step, voxels)) for first in range(0, voxels, step)]


def _highest(weight: Floats, density: Floats, least_g_ml: float) -> float:
    """Largest weight over density of voxels that are at least this dense."""
    highest = 0.0
    for a, b in _runs(weight.size):
        dense = density[a:b] >= least_g_ml
        highest = max(highest, float((weight[a:b][dense] / density[a:b][dense]).max(initial=0.0)))
    return highest


@law
def _mean_relative_error(total, squares, batches, weight, density, threshold, least_g_ml):
    """Mean relative error of voxels, dense enough, whose `weight` over density is above a bound."""
    number, errors = 0, 0.0
    for voxel in range(len(total)):
        rho = density[voxel]
        if rho >= least_g_ml and weight[voxel] > threshold * rho:
            number += 1
            if total[voxel] > 0.0:
                spread = batches * float(squares[voxel]) / float(total[voxel]) ** 2 - 1.0
                errors += np.sqrt(max(0.0, spread) / (batches - 1))
            else:
                errors += 1.0
    return errors / max(number, 1)
