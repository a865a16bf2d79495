"""Photon cross-sections of water on a logarithmic grid (cm2/g), energies in MeV.

Photo-electric and incoherent coefficients come from ``data/photon_water.csv`` [xraylib2011] up to
0.8 MeV; above, incoherent scattering is Klein-Nishina [kleinnishina1929] and the photo-electric
part follows its last power law. Coherent scattering and pair production are left out: the first
deposits nothing, the second is below 1 % of the total up to 2 MeV.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from water import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    ELECTRONS_PER_MOLECULE,
    MOLECULES_PER_G,
    FloatArray,
)

LOWEST_MEV = 0.001
HIGHEST_MEV = 2.5
GRID_MEV = np.geomspace(LOWEST_MEV, HIGHEST_MEV, 600)


def klein_nishina(energy_mev: FloatArray) -> FloatArray:
    """Total Klein-Nishina cross-section of water (cm2/g), every electron free."""
    a = np.asarray(energy_mev, dtype=float) / ELECTRON_MASS_MEV
    ln = np.log1p(2.0 * a)
    first = (1.0 + a) / a**2 * (2.0 * (1.0 + a) / (1.0 + 2.0 * a) - ln / a)
    per_electron = first + ln / (2.0 * a) - (1.0 + 3.0 * a) / (1.0 + 2.0 * a) ** 2
    electrons_per_g = MOLECULES_PER_G * ELECTRONS_PER_MOLECULE
    return 2.0 * np.pi * ELECTRON_RADIUS_CM**2 * electrons_per_g * per_electron


def photon_coefficients(energy_mev: FloatArray) -> FloatArray:
    """Photo-electric and incoherent coefficients (cm2/g), last axis of length 2."""
    table = np.loadtxt(
        Path(__file__).parent / "data" / "photon_water.csv", delimiter=",", skiprows=3
    )
    energy = np.asarray(energy_mev, dtype=float)
    log_e, grid = np.log(energy), np.log(table[:, 0])
    photo = np.interp(log_e, grid, np.log(table[:, 1]))
    slope = (np.log(table[-1, 1]) - np.log(table[-6, 1])) / (grid[-1] - grid[-6])
    photo += np.where(log_e > grid[-1], slope * (log_e - grid[-1]), 0.0)
    bound = np.exp(np.interp(log_e, grid, np.log(table[:, 2])))
    incoherent = np.where(log_e > grid[-1], klein_nishina(energy), bound)
    return np.stack([np.exp(photo), incoherent], axis=-1)
