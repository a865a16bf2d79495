"""Cumulative dose-volume histograms that count partly covered voxels by their fraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError, RegionError
from opensirt.image import Region, Volume
from opensirt.units import Unit

__all__ = ["Dvh", "dose_volume_histogram", "histogram_of"]

FloatArray = npt.NDArray[np.float64]

SAME_VOLUME = 1e-9
"""Shares of volume closer than this are the same; sums of fractions round."""
SAME_DOSE = 1e-6
"""Doses of a stored curve that lie closer than this, over the greater, are one bin."""


@dataclass(frozen=True, slots=True, eq=False)
class Dvh:
    """The doses of a region's voxels and the volume of each: an exact histogram, without bins.

    Parameters
    ----------
    name : str
        Name of the region.
    doses_gy : ndarray, (voxels,)
        From the highest to the lowest.
    volumes_ml : ndarray, (voxels,)
        Volume of each voxel inside the region.
    """

    name: str
    doses_gy: FloatArray
    volumes_ml: FloatArray

    @property
    def volume_ml(self) -> float:
        """Volume of the region, mL."""
        return float(self.volumes_ml.sum())

    @property
    def mean_gy(self) -> float:
        """Mean dose by volume, Gy."""
        return float(self.doses_gy @ self.volumes_ml) / self.volume_ml

    @property
    def minimum_gy(self) -> float:
        """Lowest dose of any voxel touched, Gy."""
        return float(self.doses_gy[-1])

    @property
    def maximum_gy(self) -> float:
        """Highest dose of any voxel touched, Gy."""
        return float(self.doses_gy[0])

    def d(self, percent: float) -> float:
        """D(x): the dose that `percent` of the volume exceeds, linear from voxel to voxel, Gy.

        Each voxel stands at the volume hotter than it; D(0) is the maximum, D(100) the minimum.
        For n whole voxels it is ``numpy.percentile(doses, 100 - percent,
        method="interpolated_inverted_cdf")``, the rank ``n (100 - percent) / 100`` from below.
        """
        if not 0.0 <= percent <= 100.0:
            raise InputError(f"D(x) needs a percentage from 0 to 100, got {percent:g}")
        hotter = (np.cumsum(self.volumes_ml) - self.volumes_ml) / self.volume_ml
        return float(np.interp(percent / 100.0, hotter, self.doses_gy))

    def v(self, dose_gy: float) -> float:
        """V(dose): fraction of the volume that receives at least `dose_gy`, 0 to 1."""
        count = int(np.searchsorted(-self.doses_gy, -dose_gy, side="right"))
        return float(self.volumes_ml[:count].sum()) / self.volume_ml

    def cumulative(self, points: int = 201) -> tuple[FloatArray, FloatArray]:
        """The curve to draw or to store: doses (Gy), even from 0 to the maximum, and V of each."""
        doses_gy = np.linspace(0.0, self.maximum_gy, points)
        doses_gy[-1] = self.maximum_gy
        return doses_gy, self._shares(doses_gy)

    def fine(self, points: int = 1000) -> tuple[FloatArray, FloatArray]:
        """The curve for a reader that takes D(x) from it: doses (Gy) rising from 0, and V of each.

        Half of at most `points` lie evenly up to the maximum, half at D(x) of even steps of x
        (0.2 % for 1000), so that one hot voxel leaves no coarse steps where the volume is.
        """
        half = points // 2
        filled = np.cumsum(self.volumes_ml) / self.volume_ml
        places = np.searchsorted(filled, np.linspace(0.0, 1.0, half + 1) - SAME_VOLUME)
        at_shares = self.doses_gy[np.minimum(places, self.doses_gy.size - 1)]
        doses_gy = np.unique([*self.cumulative(half)[0], *at_shares])
        apart = np.diff(doses_gy, prepend=-1.0) > SAME_DOSE * doses_gy
        apart[-1] = True
        return doses_gy[apart], self._shares(doses_gy[apart])

    def _shares(self, doses_gy: FloatArray) -> FloatArray:
        """V of each of several doses."""
        counts = np.searchsorted(-self.doses_gy, -doses_gy, side="right")
        filled = np.concatenate([[0.0], np.cumsum(self.volumes_ml)])
        return np.asarray(filled[counts] / filled[-1])


def dose_volume_histogram(dose: Volume, region: Region) -> Dvh:
    """The histogram of a dose map in a region.

    Parameters
    ----------
    dose : Volume, (slice, row, column), Gy
    region : Region
        On the grid of `dose`; move it first with ``region.onto(dose.grid)``.

    Raises
    ------
    UnitMismatchError, GridMismatchError, RegionError
        When `dose` is not in Gy, is on another grid, or the region is empty.
    """
    dose.require(Unit.GY)
    doses_gy, fractions = region.values_of(dose)
    return histogram_of(region.name, doses_gy, fractions, dose.grid.voxel_volume_ml)


def histogram_of(
    name: str,
    doses_gy: FloatArray,
    fractions: npt.NDArray[np.float32],
    voxel_volume_ml: float,
) -> Dvh:
    """The histogram of voxel doses (voxels,) with the covered fraction of each voxel."""
    if fractions.size == 0:
        raise RegionError(
            f"region {name!r} has no voxel on the dose grid; check that it overlaps the image"
        )
    order = np.argsort(-doses_gy, kind="stable")
    return Dvh(name, doses_gy[order], fractions[order] * np.float64(voxel_volume_ml))
