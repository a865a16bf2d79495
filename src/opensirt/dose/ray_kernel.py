"""What rays carry: energy per mm as a sum of exponentials, and the directions that rays take."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["RayKernel", "fitted_kernel", "ray_directions"]

FloatArray = npt.NDArray[np.float64]

TERMS = 4
SLOWEST = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0)
RATIOS = (1.2, 1.35, 1.5, 1.75, 2.0)
"""Rates that are tried: the slowest over the reach, and the ratio of one to the next."""
SMOOTHING = 1e-3
"""Weight against large terms of opposite signs, which would magnify rounding."""
POINTS = 150
BEYOND = 1.3
"""The fit covers so many reaches."""
SETS = (
    ((0.136283, 0.339069, 0.930838), (0.297637, 0.570168, 0.765716)),
    (
        (0.085076, 0.583264, 0.807815),
        (0.088165, 0.203570, 0.975083),
        (0.100356, 0.380241, 0.919427),
        (0.263566, 0.609120, 0.748001),
        (0.270544, 0.445581, 0.853384),
        (0.431683, 0.564110, 0.703868),
    ),
)
"""Directions, one of each 48 that are its images under mirrors and exchanges of axes; of equal
weight, placed to integrate even spherical harmonics up to order 18 and 32 best."""


@dataclass(frozen=True, eq=False)
class RayKernel:
    """Energy that a decay leaves per mm of mass met: ``e(t) = sum_i A_i exp(-b_i t)``.

    Parameters
    ----------
    per_mm : ndarray, (TERMS,)
        `b`, per mm at 1 g/mL.
    mev_per_mm : ndarray, (TERMS,)
        `A`, MeV per mm at 1 g/mL; terms may be negative, their sum is what counts.
    """

    per_mm: FloatArray
    mev_per_mm: FloatArray

    def within_mev(self, mm: FloatArray) -> FloatArray:
        """Energy (MeV per decay) left within these distances (mm at 1 g/mL)."""
        shares = 1.0 - np.exp(-np.multiply.outer(np.asarray(mm), self.per_mm))
        return np.asarray(shares @ (self.mev_per_mm / self.per_mm))


def fitted_kernel(radius_mm: FloatArray, within_mev: FloatArray, reach_mm: float) -> RayKernel:
    """The exponentials nearest to a point kernel, least squares; the total is kept.

    Parameters
    ----------
    radius_mm, within_mev : ndarray, (n,)
        Rising radii (mm at 1 g/mL) from 0, and energy per decay within them.
    reach_mm : float
        Radius that holds nearly all of it.
    """
    total = float(within_mev[-1])
    mm = np.linspace(0.0, BEYOND * reach_mm, POINTS)
    wanted = np.interp(mm, radius_mm, within_mev / total)
    fits = [_fit(mm, wanted, a / reach_mm, b) for a, b in itertools.product(SLOWEST, RATIOS)]
    rates, shares, _ = min(fits, key=lambda fit: fit[2])
    return RayKernel(rates, total * shares * rates)


def _fit(
    mm: FloatArray, wanted: FloatArray, slowest: float, ratio: float
) -> tuple[FloatArray, FloatArray, float]:
    """Rates, shares that add up to 1, and what is missed."""
    rates = slowest * ratio ** np.arange(TERMS, dtype=np.float64)
    parts = 1.0 - np.exp(-np.outer(mm, rates))
    free = parts[:, :-1] - parts[:, -1:]  # the last share is what the others leave
    smooth = SMOOTHING * np.sqrt(POINTS) * np.eye(TERMS - 1)
    left = np.concatenate([wanted - parts[:, -1], np.zeros(TERMS - 1)])
    equations = np.vstack([free, smooth])
    shares = np.asarray(np.linalg.lstsq(equations, left, rcond=None)[0], dtype=np.float64)
    missed = left - equations @ shares
    last = np.array([1.0 - shares.sum()])
    return rates, np.concatenate([shares, last]), float(missed @ missed)


@lru_cache(maxsize=len(SETS))
def _images(number: int) -> FloatArray:
    orders = [order for one in SETS[number] for order in itertools.permutations(one)]
    signs = list(itertools.product((1.0, -1.0), repeat=3))
    found: FloatArray = (np.array(orders)[:, None] * np.array(signs)).reshape(-1, 3)
    unit: FloatArray = found / np.linalg.norm(found, axis=1, keepdims=True)
    unit.flags.writeable = False
    return unit


def ray_directions(most: float) -> FloatArray:
    """Unit vectors (n, 3): the largest set of at most `most`, or the smallest there is."""
    fitting = [n for n in range(len(SETS)) if len(_images(n)) <= most]
    return _images(fitting[-1] if fitting else 0)
