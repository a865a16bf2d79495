"""Bremsstrahlung of electrons in water: photon spectrum and rate.

The shape is the Bethe-Heitler cross-section integrated over angles, formula 3BN of
[kochmotz1959]; at each electron energy it is scaled so that its energy moment is the ESTAR
radiative stopping power [estar]. Energies in MeV, rates in cm2/g.
"""

from __future__ import annotations

import numpy as np
from water import ELECTRON_MASS_MEV, FloatArray, radiative_stopping_power

FRACTION_GRID = np.linspace(0.0, 1.0, 41)
"""Photon energy over electron kinetic energy, for the tabulated shape."""


def bethe_heitler_shape(energy_mev: float, fraction: FloatArray) -> FloatArray:
    """k dsigma/dk in units of Z^2 r_e^2 alpha, formula 3BN of [kochmotz1959]; 0 at the tip."""
    start = 1.0 + energy_mev / ELECTRON_MASS_MEV
    k = np.clip(fraction, 1e-3, 1.0 - 1e-9) * (start - 1.0)
    end = start - k
    p0, p = np.sqrt(start**2 - 1.0), np.sqrt(end**2 - 1.0)
    eps0, eps = 2.0 * np.log(start + p0), 2.0 * np.log(end + p)
    log_term = 2.0 * np.log((start * end + p0 * p - 1.0) / k)
    first = 4.0 / 3.0 - 2.0 * start * end * (p**2 + p0**2) / (p0 * p) ** 2
    first += eps0 * end / p0**3 + eps * start / p**3 - eps * eps0 / (p0 * p)
    bracket = 8.0 / 3.0 * start * end / (p0 * p)
    bracket += k**2 / (p0 * p) ** 3 * ((start * end) ** 2 + (p0 * p) ** 2)
    inner = (start * end + p0**2) / p0**3 * eps0 - (start * end + p**2) / p**3 * eps
    inner += 2.0 * k * start * end / (p * p0) ** 2
    bracket += k / (2.0 * p0 * p) * inner
    shape = p / p0 * (first + log_term * bracket)
    return np.where(fraction >= 1.0, 0.0, np.clip(shape, 0.0, None))


def _shape_on_fine_grid(energy_mev: float) -> tuple[FloatArray, FloatArray]:
    fine = np.linspace(0.0, 1.0, 2001)
    coarse = bethe_heitler_shape(energy_mev, FRACTION_GRID)
    return fine, np.interp(fine, FRACTION_GRID, coarse)


def emission_rate(energy_mev: float, cut_mev: float) -> tuple[float, float]:
    """Rate of photons above the cut (cm2/g) and stopping power into those below (MeV cm2/g)."""
    fine, shape = _shape_on_fine_grid(energy_mev)
    scale = float(radiative_stopping_power(np.asarray(energy_mev))) / energy_mev
    scale /= float(np.trapezoid(shape, fine))
    cut = min(cut_mev / energy_mev, 1.0)
    low = np.linspace(0.0, cut, 201)
    soft = scale * energy_mev * float(np.trapezoid(np.interp(low, fine, shape), low))
    if cut >= 1.0:
        return 0.0, soft
    high = np.geomspace(cut, 1.0, 801)
    return scale * float(np.trapezoid(np.interp(high, fine, shape), np.log(high))), soft


def sampling_shape(energy_mev: float) -> FloatArray:
    """Shape on FRACTION_GRID divided by its largest value, for rejection from 1/k."""
    shape = bethe_heitler_shape(energy_mev, FRACTION_GRID)
    return shape / shape.max()
