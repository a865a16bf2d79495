"""What a decay emits: betas of the full spectrum, electron and photon lines, pairs.

Energies in MeV. Emissions too soft to leave the place are counted as left there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from opensirt.dose.mc_electrons import ELECTRON, PHOTON, POSITRON, push
from opensirt.dose.mc_physics import MASS_MEV, isotropic
from opensirt.dose.mc_random import law, uniform
from opensirt.physics.nuclides import Line, Nuclide

__all__ = [
    "DecaySource",
    "Emission",
    "decay_source",
    "emission_of",
    "emit_decay",
    "highest_energies",
    "line_source",
]

FloatArray = npt.NDArray[np.float64]

SPECTRUM_POINTS = 20_001
QUANTILES = 4097
SOFTEST_PHOTON_MEV = 0.001
"""Photons below this are absorbed within micrometres."""


class DecaySource(NamedTuple):
    """Emissions of one nuclide."""

    betas_per_decay: float
    beta_mev: FloatArray
    """Beta energy at equally spaced quantiles of the spectrum."""
    line_mev: FloatArray
    line_yield: FloatArray
    line_kind: npt.NDArray[np.int64]
    local_mev: float
    """Energy per decay that stays where the decay happened."""
    pair_yield: float
    pair_mev: float
    """Kinetic energy that positron and electron of an internal pair share."""


def decay_source(of: Nuclide, absorb_mev: float) -> DecaySource:
    """Emissions of a nuclide; electron lines below `absorb_mev` (MeV) stay where they start.

    The square root of the beta spectrum is interpolated: it is nearly straight towards the end
    point (the Kurie plot), where the table is coarse. The number of betas is the one that gives
    ICRP's mean beta energy per decay [icrp107].
    """
    betas, beta_mev = _betas(of)
    electrons = [line for line in of.electrons if line.energy_mev >= absorb_mev]
    photons = [line for line in of.photons if line.energy_mev >= SOFTEST_PHOTON_MEV]
    lines = [(line, ELECTRON) for line in electrons] + [(line, PHOTON) for line in photons]
    local = of.energies.everything_mev - _energy(electrons) - _energy(photons)
    if betas > 0.0:
        local -= of.energies.beta_mev
    return DecaySource(
        betas_per_decay=betas,
        beta_mev=beta_mev,
        line_mev=np.array([line.energy_mev for line, _ in lines], dtype=float),
        line_yield=np.array([line.yield_per_decay for line, _ in lines], dtype=float),
        line_kind=np.array([kind for _, kind in lines], dtype=np.int64),
        local_mev=max(0.0, local),
        pair_yield=of.positron_yield,
        pair_mev=of.pair_energy_mev,
    )


def line_source(energy_mev: float, kind: int = ELECTRON) -> DecaySource:
    """One particle of one energy per decay, for validation."""
    nothing = np.zeros(QUANTILES)
    ones = np.ones(1)
    return DecaySource(
        0.0, nothing, energy_mev * ones, ones, np.full(1, kind, dtype=np.int64), 0.0, 0.0, 0.0
    )


class Emission(NamedTuple):
    """What one decay emits, from the tables alone, no decay drawn."""

    mean_mev: float
    """Betas, lines, what stays on the spot, and pairs with the photons that they end in."""
    variance_mev2: float
    """Of one decay, but for the energy of the first beta, which is drawn evenly (below)."""
    beta_slope2_mev2: float
    """Mean square of the slope of beta energy over quantile: n evenly drawn betas have a mean of
    variance slope2/(12 n^3)."""
    highest_beta_mev: float


def emission_of(source: DecaySource) -> Emission:
    """Mean and spread of the energy of one decay as `emit_decay` draws it."""
    low, high = source.beta_mev[:-1], source.beta_mev[1:]
    beta = float(np.mean(0.5 * (low + high)))
    beta_square = float(np.mean((low * low + low * high + high * high) / 3.0))
    pair = source.pair_mev + 2.0 * MASS_MEV
    mean = source.betas_per_decay * beta + source.local_mev + source.pair_yield * pair
    mean += float(np.sum(source.line_mev * source.line_yield))
    more = source.betas_per_decay % 1.0, source.line_yield % 1.0, source.pair_yield
    variance = more[0] * (1.0 - more[0]) * beta**2 + more[2] * (1.0 - more[2]) * pair**2
    variance += float(np.sum(more[1] * (1.0 - more[1]) * source.line_mev**2))
    variance += max(0.0, source.betas_per_decay - 1.0) * (beta_square - beta * beta)
    slope2 = float(np.mean((high - low) ** 2)) * (len(source.beta_mev) - 1) ** 2
    return Emission(mean, variance, slope2, float(source.beta_mev[-1]))


def highest_energies(source: DecaySource) -> tuple[float, float]:
    """Energies (MeV) of the hardest electron and the hardest photon that a decay can emit."""
    lines, photon = source.line_mev, source.line_kind == PHOTON
    electrons = [float(lines[~photon].max(initial=0.0))]
    if source.betas_per_decay > 0.0:
        electrons.append(float(source.beta_mev[-1]))
    if source.pair_yield > 0.0:
        electrons.append(source.pair_mev)
    return max(electrons), float(lines[photon].max(initial=0.0))


def _energy(lines: list[Line]) -> float:
    return math.fsum(line.energy_mev * line.yield_per_decay for line in lines)


def _betas(of: Nuclide) -> tuple[float, FloatArray]:
    """Betas per decay, and their energy at QUANTILES equally spaced quantiles."""
    if not of.has_beta_spectrum:
        return 0.0, np.zeros(QUANTILES)
    table_mev, density = of.beta_spectrum()
    energy = np.linspace(0.0, table_mev[-1], SPECTRUM_POINTS)
    density = PchipInterpolator(table_mev, np.sqrt(density))(energy) ** 2
    rising = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    quantiles = np.interp(np.linspace(0.0, 1.0, QUANTILES), rising / rising[-1], energy)
    mean = float(np.mean(0.5 * (quantiles[1:] + quantiles[:-1])))
    return of.energies.beta_mev / mean, quantiles


@law
def emit_decay(source, quantile, p, stack, n, state):  # type: ignore[no-untyped-def]
    """Put the particles of one decay at ``p`` on the stack; returns its height.

    `quantile`, in [0, 1), chooses the beta's energy. Directions are isotropic and written to `p`.
    """
    count = int(source.betas_per_decay + uniform(state))
    for _ in range(count):
        place = quantile * (len(source.beta_mev) - 1)
        row = min(int(place), len(source.beta_mev) - 2)
        low = source.beta_mev[row]
        energy = low + (place - row) * (source.beta_mev[row + 1] - low)
        p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
        n = push(stack, n, ELECTRON, energy, p)
        quantile = uniform(state)
    for i in range(len(source.line_mev)):
        for _ in range(int(source.line_yield[i] + uniform(state))):
            p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
            n = push(stack, n, source.line_kind[i], source.line_mev[i], p)
    if source.pair_yield > 0.0 and uniform(state) < source.pair_yield:
        share = uniform(state) * source.pair_mev
        p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
        n = push(stack, n, POSITRON, share, p)
        p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
        n = push(stack, n, ELECTRON, source.pair_mev - share, p)
    return n
