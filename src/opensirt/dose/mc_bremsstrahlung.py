"""Bremsstrahlung of electrons: photon spectrum and rate, one shape for all media.

The shape is the Bethe-Heitler cross-section integrated over angles, formula 3BN of
[kochmotz1959]; at each electron energy it is scaled so that its energy moment is the radiative
stopping power of the medium. Energies in MeV.
"""

from __future__ import annotations

import numpy as np

from opensirt.dose.mc_atoms import ELECTRON_MASS_MEV, FloatArray

__all__ = ["FRACTION_GRID", "bethe_heitler_shape", "emission", "sampling_shapes"]

FRACTION_GRID = np.linspace(0.0, 1.0, 41)
"""Photon energy over electron kinetic energy, for the tabulated shape."""


def bethe_heitler_shape(energy_mev: FloatArray, fraction: FloatArray) -> FloatArray:
    """k dsigma/dk in units of Z^2 r_e^2 alpha, formula 3BN of [kochmotz1959]; 0 at the tip.

    The two arrays are broadcast; the formula is taken at 0.001 below that fraction.
    """
    start = 1.0 + energy_mev / ELECTRON_MASS_MEV
    k = np.clip(fraction, 1e-3, 1.0 - 1e-9) * (start - 1.0)
    end = start - k
    p0, p = np.sqrt(start**2 - 1.0), np.sqrt(end**2 - 1.0)
    eps0, eps = 2.0 * np.log(start + p0), 2.0 * np.log(end + p)
    log_term = 2.0 * np.log((start * end + p0 * p - 1.0) / k)
    first = 4.0 / 3.0 - 2.0 * start * end * (p**2 + p0**2) / (p0 * p) ** 2
    first = first + eps0 * end / p0**3 + eps * start / p**3 - eps * eps0 / (p0 * p)
    bracket = 8.0 / 3.0 * start * end / (p0 * p)
    bracket = bracket + k**2 / (p0 * p) ** 3 * ((start * end) ** 2 + (p0 * p) ** 2)
    inner = (start * end + p0**2) / p0**3 * eps0 - (start * end + p**2) / p**3 * eps
    inner = inner + 2.0 * k * start * end / (p * p0) ** 2
    bracket = bracket + k / (2.0 * p0 * p) * inner
    shape = p / p0 * (first + log_term * bracket)
    return np.where(fraction >= 1.0, 0.0, np.clip(shape, 0.0, None))


def _above(shape: FloatArray, cut: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Integrals of shape df and of shape df/f above the cut, piecewise linear: (rows,) each."""
    left, right = FRACTION_GRID[:-1], FRACTION_GRID[1:]
    slope = np.diff(shape, axis=1) / (right - left)
    start = shape[:, :-1] - slope * left
    low = np.maximum(left, np.minimum(cut, 1.0)[:, None])
    high = np.maximum(right, low)
    energy = start * (high - low) + 0.5 * slope * (high**2 - low**2)
    number = start * np.log(high / low) + slope * (high - low)
    return energy.sum(axis=1), number.sum(axis=1)


def emission(energy_mev: FloatArray, cut_mev: float) -> tuple[FloatArray, FloatArray]:
    """Per radiative stopping power: photons above the cut (1/MeV), share of energy below: (rows,).

    Times the radiative stopping power (MeV cm2/g) they are a rate (cm2/g) and a stopping power.
    """
    shape = bethe_heitler_shape(energy_mev[:, None], FRACTION_GRID)
    whole = np.trapezoid(shape, FRACTION_GRID, axis=1)
    hard, number = _above(shape, cut_mev / energy_mev)
    return number / (whole * energy_mev), 1.0 - hard / whole


def sampling_shapes(energy_mev: FloatArray) -> FloatArray:
    """Shapes on FRACTION_GRID over their largest values, for rejection from 1/k: (rows, 41)."""
    shape = bethe_heitler_shape(energy_mev[:, None], FRACTION_GRID)
    return np.ascontiguousarray(shape / shape.max(axis=1, keepdims=True))
