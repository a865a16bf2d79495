"""Mott's ratio to Rutherford scattering by partial waves, and transport coefficients with it.

The point nucleus without screening; the sums of [mckinley1948], each less the part that has a
closed form, made to converge by two multiplications with 1 - cos theta.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import loggamma

from opensirt.dose.mc_atoms import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    FINE_STRUCTURE,
    FloatArray,
    atom,
    atoms_per_g,
    beta_squared,
    momentum_mev,
)
from opensirt.dose.mc_scattering import screening

Ratio = Callable[[int, float, FloatArray], FloatArray]
"""Cross-section over Rutherford's at mu, of a nucleus of charge z, at an energy in MeV."""
TERMS = 400
SMALLEST_MU = 3e-3
"""Below it the sums lose digits and the ratio is 1 within 0.5 %: the approximation stands in."""


def approximate_ratio(z: int, energy_mev: float, mu: FloatArray) -> FloatArray:
    """McKinley and Feshbach's ratio, as the transport plays it."""
    beta2 = float(beta_squared(np.array(energy_mev)))
    spin = np.pi * FINE_STRUCTURE * z * np.sqrt(beta2)
    return 1.0 - beta2 * mu + spin * np.sqrt(mu) * (1.0 - np.sqrt(mu))


def _phase(order: FloatArray, q: float) -> np.ndarray:
    """exp(-i pi s) Gamma(s - iq)/Gamma(s + iq)/(s + iq) for each order s."""
    gammas = np.exp(loggamma(order - 1j * q) - loggamma(order + 1j * q))
    return np.exp(-1j * np.pi * order) * gammas / (order + 1j * q)


def _times_one_minus_cosine(series: np.ndarray) -> np.ndarray:
    """Legendre coefficients of (1 - cos theta) times the series."""
    order = np.arange(len(series), dtype=float)
    above, below = np.append(series[1:], 0.0), np.insert(series[:-1], 0, 0.0)
    lower = order / np.where(order > 0.0, 2.0 * order - 1.0, 1.0)
    return series - (order + 1.0) / (2.0 * order + 3.0) * above - lower * below


def _sum(series: np.ndarray, mu: FloatArray) -> np.ndarray:
    reduced = _times_one_minus_cosine(_times_one_minus_cosine(series))[:-6]
    value = np.polynomial.legendre.legval(1.0 - 2.0 * mu, reduced)
    return 0.5j * value / (2.0 * mu) ** 2


def exact_ratio(z: int, energy_mev: float, mu: FloatArray) -> FloatArray:
    """Mott's cross-section over Rutherford's at mu = sin^2(theta/2)."""
    beta2 = float(beta_squared(np.array(energy_mev)))
    q = FINE_STRUCTURE * z / np.sqrt(beta2)
    k = np.arange(TERMS + 2, dtype=float)
    phases = np.zeros(TERMS + 2, dtype=complex)
    bound = np.sqrt(k[1:] ** 2 - (FINE_STRUCTURE * z) ** 2)
    phases[1:] = _phase(k[1:], q) - _phase(bound, q)
    sign = (-1.0) ** k[:-1]
    flip = sign * (k[:-1] * phases[:-1] + k[1:] * phases[1:])
    keep = sign * (k[:-1] ** 2 * phases[:-1] - k[1:] ** 2 * phases[1:])
    first = 0.5j * np.exp(loggamma(1.0 - 1j * q) - loggamma(1.0 + 1j * q) + 1j * q * np.log(mu))
    f = first + _sum(flip, mu)
    g = -1j * q * (1.0 - mu) / mu * first + _sum(keep, mu)
    strength = q**2 * (1.0 - beta2) * np.abs(f) ** 2 / mu + np.abs(g) ** 2 / (1.0 - mu)
    return 4.0 * mu**2 / q**2 * strength


def no_spin(z: int, energy_mev: float, mu: FloatArray) -> FloatArray:
    """Rutherford scattering itself: 1."""
    return np.ones_like(mu)


def second_born(z: int, energy_mev: float) -> float:
    """Moliere's factor on the screening, 1 + 3.76/1.13 (alpha Z/beta)^2 [moliere1947]."""
    beta2 = float(beta_squared(np.array(energy_mev)))
    return 1.0 + 3.76 / 1.13 * (FINE_STRUCTURE * z) ** 2 / beta2


def transport_integral(z: int, energy_mev: float, eta: float, ratio: Ratio) -> float:
    """Integral of 2 mu R/(mu + eta)^2; below SMALLEST_MU the played R stands for Mott's."""
    place = np.linspace(np.log(eta), np.log1p(eta), 4001)[1:-1]
    mu = np.exp(place) - eta
    large = mu > SMALLEST_MU
    known = ratio(z, energy_mev, np.where(large, mu, 0.5))
    small = approximate_ratio if ratio is exact_ratio else ratio
    factor = np.where(large, known, small(z, energy_mev, mu))
    return float(np.sum(2.0 * mu * np.exp(-place) * factor) * (place[1] - place[0]))


def transport_cm2_g(
    composition: dict[str, float], energy_mev: float, ratio: Ratio, factor: bool = False
) -> float:
    """First transport coefficient of the nuclei (cm2/g) with R, with Moliere's factor or not."""
    energy = np.array([energy_mev])
    beta2 = float(beta_squared(energy)[0])
    length = ELECTRON_RADIUS_CM * ELECTRON_MASS_MEV / float(momentum_mev(energy)[0])
    total = 0.0
    for symbol, count in atoms_per_g(composition).items():
        z, eta = atom(symbol).number, float(screening(energy, symbol)[0])
        eta *= second_born(z, energy_mev) if factor else 1.0
        total += count * z**2 * transport_integral(z, energy_mev, eta, ratio)
    return float(np.pi * length**2 / beta2 * total)
