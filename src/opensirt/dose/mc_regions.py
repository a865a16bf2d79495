"""Sums over regions, batch by batch: the statistical error of a region's mean.

A replayed track, and a photon's path, leave energy in many voxels, so that the errors of a region's
voxels are not independent and cannot be added in quadrature. Batches are independent: what a region
gets in each of them tells the error of its mean, whatever its voxels share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["RegionSums", "WeightedBox"]

Floats = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WeightedBox:
    """A region by what its sum takes of the energy in each voxel."""

    box: tuple[slice, slice, slice]
    """Where the weights lie in the grid."""
    weights: Floats
    """Shape of the box; for a mean dose the covered fraction over the density."""


@dataclass
class RegionSums:
    """What each region got in each batch, per history."""

    regions: Sequence[WeightedBox]
    shape: tuple[int, ...]
    rows: list[FloatArray] = field(default_factory=list)
    """One per batch, (regions,)."""

    def take(self, tally: npt.NDArray[np.uint32], mev_per_history: float) -> None:
        """Close a batch whose tally is in quanta of this energy per history."""
        if not self.regions:
            return
        cells = tally.reshape(self.shape)
        row = [
            np.einsum("ijk,ijk->", cells[of.box], of.weights, dtype=np.float64, casting="unsafe")
            for of in self.regions
        ]
        self.rows.append(mev_per_history * np.array(row))

    def relative_errors(self) -> FloatArray:
        """Relative standard error of each region's mean, (regions,); 1 where nothing was scored."""
        if not self.regions:
            return np.zeros(0)
        batches = np.array(self.rows)
        mean, spread = batches.mean(axis=0), batches.std(axis=0, ddof=1)
        error = spread / math.sqrt(len(batches))
        return np.asarray(np.divide(error, mean, out=np.ones_like(mean), where=mean > 0.0))
