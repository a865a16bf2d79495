"""Photon cross-sections of any composition on a logarithmic grid (cm2/g), energies in MeV.

Photo-electric, incoherent and coherent coefficients are sums over the elements [xraylib2011] up
to 0.8 MeV; above, incoherent scattering is Klein-Nishina [kleinnishina1929] and the other two
follow their last power laws. Pair production is left out: below 1 % of water's total up to 2 MeV.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opensirt.dose.mc_atoms import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    Atom,
    FloatArray,
    atom,
    atoms_per_g,
    electrons_per_g,
)

__all__ = ["PHOTON_GRID_MEV", "coherent_table", "klein_nishina", "photon_coefficients"]

PHOTON_GRID_MEV = np.geomspace(0.001, 2.5, 600)
_TAIL_POINTS = 6
"""Last points of a table that give the power law beyond it."""
_COHERENT_POINTS = 241


def klein_nishina(energy_mev: FloatArray) -> FloatArray:
    """Total Klein-Nishina cross-section (cm2 per electron), same shape."""
    a = np.asarray(energy_mev, dtype=np.float64) / ELECTRON_MASS_MEV
    ln = np.log1p(2.0 * a)
    first = (1.0 + a) / a**2 * (2.0 * (1.0 + a) / (1.0 + 2.0 * a) - ln / a)
    shape = first + ln / (2.0 * a) - (1.0 + 3.0 * a) / (1.0 + 2.0 * a) ** 2
    return np.asarray(2.0 * np.pi * ELECTRON_RADIUS_CM**2 * shape)


def _log_law(log_energy: FloatArray, grid: FloatArray, law: FloatArray) -> FloatArray:
    """Log-log interpolation; beyond the grid the power law of its last points."""
    values = np.log(law)
    slope = (values[-1] - values[-_TAIL_POINTS]) / (grid[-1] - grid[-_TAIL_POINTS])
    beyond = np.maximum(log_energy - grid[-1], 0.0)
    return np.asarray(np.exp(np.interp(log_energy, grid, values) + slope * beyond))


def _atom_coefficients(element: Atom, energy_mev: FloatArray) -> FloatArray:
    log_energy, grid = np.log(energy_mev), np.log(element.photon_energy_mev)
    laws = (element.photo_cm2_g, element.incoherent_cm2_g, element.coherent_cm2_g)
    return np.stack([_log_law(log_energy, grid, law) for law in laws], axis=-1)


def photon_coefficients(composition: Mapping[str, float], energy_mev: FloatArray) -> FloatArray:
    """Photo-electric, incoherent and coherent coefficients (cm2/g): (energies, 3)."""
    energy = np.asarray(energy_mev, dtype=np.float64)
    total = sum(composition.values())
    parts = (w / total * _atom_coefficients(atom(s), energy) for s, w in composition.items())
    result = np.sum(list(parts), axis=0)
    last = min(atom(s).photon_energy_mev[-1] for s in composition)
    free = electrons_per_g(composition) * klein_nishina(energy)
    result[:, 1] = np.where(energy > last, free, result[:, 1])
    return np.asarray(result)


def coherent_table(composition: Mapping[str, float]) -> FloatArray:
    """x^2 (1/angstrom^2) and the integral of F^2 over x^2 from 0, per gram: (points, 2).

    x = sin(theta/2)/wavelength; F^2 is the sum over the atoms, each scattering by itself. The
    integral is scaled to end at 1.
    """
    counts = atoms_per_g(composition)
    grids = [atom(s).x_per_angstrom for s in counts]
    x = np.geomspace(max(g[0] for g in grids), min(g[-1] for g in grids), _COHERENT_POINTS - 1)
    square = np.zeros_like(x)
    for symbol, count in counts.items():
        element = atom(symbol)
        square += count * np.interp(x, element.x_per_angstrom, element.form_factor) ** 2
    x2 = np.concatenate([[0.0], x**2])
    square = np.concatenate([[square[0]], square])
    steps = 0.5 * (square[1:] + square[:-1]) * np.diff(x2)
    integral = np.concatenate([[0.0], np.cumsum(steps)])
    return np.stack([x2, integral / integral[-1]], axis=-1)
