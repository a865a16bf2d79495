"""Media of the electron transport: stopping powers, density effect and ranges.

Collision losses follow the Bethe formula in the Berger-Seltzer form [bergerseltzer1983] with
Sternheimer's oscillators for the density effect [sternheimer1982]; radiative losses are sums of
ESTAR's elements [estar]. Energies in MeV, stopping powers in MeV cm2/g.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from opensirt.dose.mc_atoms import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    PLANCK_C_MEV_ANGSTROM,
    FloatArray,
    atom,
    atoms_per_g,
    beta_squared,
    electrons_per_g,
)
from opensirt.errors import InputError
from opensirt.physics.materials import tissue

__all__ = [
    "Medium",
    "collision_constant",
    "collision_stopping_power",
    "csda_range",
    "density_correction",
    "media_named",
    "plasma_energy_ev",
    "radiative_stopping_power",
]

_EV_PER_MEV = 1e6
_CM_PER_ANGSTROM = 1e-8
_DELTA_NEWTON_STEPS = 40


@dataclass(frozen=True, slots=True)
class Medium:
    """A material of the transport: composition, density and mean excitation energy."""

    name: str
    composition: Mapping[str, float]
    """Mass fractions by chemical symbol."""
    density_g_ml: float
    """For the density effect alone; every law is per g/cm2."""
    mean_excitation_mev: float


def media_named(names: Iterable[str]) -> tuple[Medium, ...]:
    """Media of the tissues of these names, in this order.

    Raises
    ------
    UnknownNameError, InputError
        When a tissue is not known, or has no mean excitation energy.
    """
    return tuple(_medium_of(name) for name in names)


def _medium_of(name: str) -> Medium:
    found = tissue(name)
    if found.mean_excitation_ev is None:
        raise InputError(
            f"tissue {name!r} needs mean_excitation_ev, found none; add it to its table"
        )
    excitation_mev = found.mean_excitation_ev / _EV_PER_MEV
    return Medium(name, found.composition, found.density_g_ml, excitation_mev)


def collision_constant(medium: Medium) -> float:
    """2 pi r_e^2 m c^2 times electrons per gram (MeV cm2/g)."""
    electrons = electrons_per_g(medium.composition)
    return 2.0 * np.pi * ELECTRON_RADIUS_CM**2 * ELECTRON_MASS_MEV * electrons


def plasma_energy_ev(medium: Medium) -> float:
    """Plasma energy h nu_p (eV) of all electrons of the medium taken as free."""
    electrons_per_cm3 = electrons_per_g(medium.composition) * medium.density_g_ml
    hbar_c_mev_cm = PLANCK_C_MEV_ANGSTROM / (2.0 * np.pi) * _CM_PER_ANGSTROM
    wave_number = np.sqrt(4.0 * np.pi * electrons_per_cm3 * ELECTRON_RADIUS_CM)
    return float(_EV_PER_MEV * hbar_c_mev_cm * wave_number)


def _oscillators(medium: Medium) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Strengths f, levels (nu rho)^2 and l^2 of the oscillators, in plasma energies squared.

    One common factor rho on the binding energies makes them give ln I [sternheimer1982].
    """
    counts = atoms_per_g(medium.composition)
    atoms = [atom(symbol) for symbol in counts]
    electrons = np.concatenate([counts[a.symbol] * a.shell_electrons for a in atoms])
    binding = np.concatenate([a.shell_binding_ev for a in atoms])
    strength = electrons / electrons.sum()
    plasma_ev = plasma_energy_ev(medium)
    binding2 = (binding / plasma_ev) ** 2
    target = np.log(medium.mean_excitation_mev * _EV_PER_MEV / plasma_ev)

    def mismatch(log_factor: float) -> float:
        levels = np.exp(2.0 * log_factor) * binding2 + 2.0 / 3.0 * strength
        return float(0.5 * np.sum(strength * np.log(levels)) - target)

    factor2 = np.exp(2.0 * brentq(mismatch, np.log(0.05), np.log(50.0)))
    return strength, factor2 * binding2, factor2 * binding2 + 2.0 / 3.0 * strength


def density_correction(medium: Medium, energy_mev: FloatArray) -> FloatArray:
    """Density-effect correction delta, Sternheimer's oscillators [sternheimer1982]; same shape.

    The medium is an insulator: delta is 0 below a threshold energy. The root L of
    ``sum f/(nu^2 + L) = 1/beta^2 - 1`` is found by Newton's steps from L = 0: the left side falls
    and is convex, so that they rise to the root without passing it.
    """
    strength, nu2, level2 = _oscillators(medium)
    beta2 = beta_squared(np.asarray(energy_mev, dtype=np.float64))
    excess = 1.0 / beta2 - 1.0
    root = np.zeros_like(beta2)
    for _ in range(_DELTA_NEWTON_STEPS):
        shifted = nu2 + root[..., None]
        value = np.sum(strength / shifted, axis=-1) - excess
        root = np.maximum(root + value / np.sum(strength / shifted**2, axis=-1), 0.0)
    delta = np.sum(strength * np.log1p(root[..., None] / level2), axis=-1) - root * (1.0 - beta2)
    return np.where(excess >= np.sum(strength / nu2), 0.0, delta)


def collision_stopping_power(medium: Medium, energy_mev: FloatArray) -> FloatArray:
    """Unrestricted collision stopping power (MeV cm2/g) [bergerseltzer1983], same shape."""
    energy = np.asarray(energy_mev, dtype=np.float64)
    tau = energy / ELECTRON_MASS_MEV
    beta2 = beta_squared(energy)
    excitation = medium.mean_excitation_mev / ELECTRON_MASS_MEV
    shape = 1.0 - beta2 + (tau**2 / 8.0 - (2.0 * tau + 1.0) * np.log(2.0)) / (tau + 1.0) ** 2
    bracket = np.log(tau**2 * (tau + 2.0) / (2.0 * excitation**2)) + shape
    delta = density_correction(medium, energy)
    return np.asarray(collision_constant(medium) / beta2 * (bracket - delta))


def radiative_stopping_power(medium: Medium, energy_mev: FloatArray) -> FloatArray:
    """Radiative stopping power (MeV cm2/g), same shape: the elements' [estar], by mass.

    Log-log between ESTAR's energies, flat below 10 keV and above 3 MeV.
    """
    log_energy = np.log(energy_mev)
    total = np.zeros_like(log_energy)
    for symbol, share in medium.composition.items():
        element = atom(symbol)
        grid, losses = np.log(element.electron_energy_mev), np.log(element.radiative_mev_cm2_g)
        total += share * np.exp(np.interp(log_energy, grid, losses))
    return np.asarray(total / sum(medium.composition.values()))


_RANGE_START_MEV = 1e-3
_RANGE_POINTS = 3000


def csda_range(medium: Medium, energy_mev: FloatArray) -> FloatArray:
    """Range in the continuous-slowing-down approximation (g/cm2), same shape.

    Integral of 1/S from 1 keV, below which S is taken as the power of E that it has there.
    """
    energy = np.asarray(energy_mev, dtype=np.float64)
    grid = np.geomspace(_RANGE_START_MEV, max(float(energy.max()), 0.01), _RANGE_POINTS)
    total = collision_stopping_power(medium, grid) + radiative_stopping_power(medium, grid)
    slope = np.log(total[1] / total[0]) / np.log(grid[1] / grid[0])
    first = grid[0] / (total[0] * (1.0 - slope))
    value = grid / total
    pieces = 0.5 * (value[1:] + value[:-1]) * np.diff(np.log(grid))
    ranges = first + np.concatenate([[0.0], np.cumsum(pieces)])
    return np.asarray(np.exp(np.interp(np.log(energy), np.log(grid), np.log(ranges))))
