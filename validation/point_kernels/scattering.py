"""Single scattering of electrons in water: elastic, Moller, and their angular moments.

``mu = (1 - cos theta)/2`` throughout. Elastic scattering by H and O nuclei is screened Rutherford
(Wentzel) with the screening of the Hartree-Fock atom [hubbell1975] and Moliere's second-Born term
[moliere1947], times the McKinley-Feshbach spin factor [mckinley1948]. Collisions with electrons
follow Moller [moller1932]; where binding matters (small momentum transfer) they are weighted with
the incoherent scattering function [hubbell1975].
Cross-sections are per gram of water (cm2/g), energies in MeV.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from water import (
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    ELECTRONS_PER_MOLECULE,
    FINE_STRUCTURE,
    MOLECULES_PER_G,
    PLANCK_C_MEV_ANGSTROM,
    FloatArray,
    beta_squared,
    collision_constant_mev_cm2_g,
    momentum_mev,
)

NUCLEI = ((1, 2), (8, 1))
"""(atomic number, atoms per water molecule)."""
HBAR_C_MEV_CM = PLANCK_C_MEV_ANGSTROM / (2.0 * np.pi) * 1e-8
GAUSS_NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(64)
ATOM_FUNCTIONS = np.loadtxt(
    Path(__file__).parent / "data" / "atom_functions.csv", delimiter=",", skiprows=3
)
"""Columns: x = sin(theta/2)/lambda (1/angstrom), S of H, S of O, F of H, F of O."""
FORM_FACTOR_COLUMN = {1: 3, 8: 4}


def log_quadrature(low: float, high: float, panels: int = 8) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of an integral from `low` to `high`, Gauss-Legendre in the logarithm."""
    edges = np.linspace(np.log(low), np.log(high), panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    nodes = np.exp(edges[:-1, None] + half * (1.0 + GAUSS_NODES))
    return nodes.ravel(), (half * GAUSS_WEIGHTS * nodes).ravel()


@lru_cache(maxsize=8)
def atom_length_cm(z: int) -> float:
    """Screening length a of an atom: eta = (hbar c/(2 p a))^2 in the first Born approximation.

    It is the length that gives Wentzel's form the first transport cross-section of the nucleus
    screened by the Hartree-Fock form factor F, whose law is (1 - F/Z)^2/mu^2. With mu
    proportional to x^2 both reduce to the integral of (1 - F/Z)^2 over ln x, less ln X, X large.
    """
    log_x = np.log(ATOM_FUNCTIONS[:, 0])
    bare = (1.0 - ATOM_FUNCTIONS[:, FORM_FACTOR_COLUMN[z]] / z) ** 2
    integral = float(np.trapezoid(bare, log_x)) - float(log_x[-1])
    momentum_per_angstrom = np.exp(-0.5 - integral)
    return 1e-8 / (4.0 * np.pi * momentum_per_angstrom)


def screening(energy_mev: float, z: int) -> float:
    """Screening parameter eta: the Wentzel denominator is (mu + eta)^2.

    The last factor is Moliere's second-Born correction, 3.76/1.13 (alpha Z/beta)^2 [moliere1947].
    """
    beta2 = float(beta_squared(np.asarray(energy_mev)))
    momentum = float(momentum_mev(np.asarray(energy_mev)))
    born = (HBAR_C_MEV_CM / (2.0 * momentum * atom_length_cm(z))) ** 2
    return born * (1.0 + 3.76 / 1.13 * (z * FINE_STRUCTURE) ** 2 / beta2)


def rutherford_factor(energy_mev: float, z: int) -> float:
    """pi (Z r_e m c^2/(p c beta))^2 (cm2): dsigma/dmu is this over (mu + eta)^2."""
    beta2 = float(beta_squared(np.asarray(energy_mev)))
    momentum = float(momentum_mev(np.asarray(energy_mev)))
    return np.pi * (z * ELECTRON_RADIUS_CM * ELECTRON_MASS_MEV / momentum) ** 2 / beta2


def spin_factor(energy_mev: float, z: int, mu: FloatArray) -> FloatArray:
    """McKinley-Feshbach ratio of Mott to Rutherford scattering [mckinley1948]."""
    beta2 = float(beta_squared(np.asarray(energy_mev)))
    sine = np.sqrt(mu)
    spin = np.pi * FINE_STRUCTURE * z * np.sqrt(beta2) * sine * (1.0 - sine)
    return 1.0 - beta2 * mu + spin


def elastic_cross_section(energy_mev: float, z: int, mu: FloatArray) -> FloatArray:
    """dsigma/dmu (cm2 per atom) of elastic scattering by an atom Z."""
    wentzel = rutherford_factor(energy_mev, z) / (mu + screening(energy_mev, z)) ** 2
    return wentzel * spin_factor(energy_mev, z, mu)


def elastic_integral(energy_mev: float, z: int, low: float, high: float, order: int) -> float:
    """Integral of (1 - P_order) dsigma over mu from `low` to `high` (cm2 per atom).

    Order 0 is the cross-section itself, 1 and 2 the first and second transport cross-sections.
    """
    eta = screening(energy_mev, z)
    nodes, weights = log_quadrature(low + eta, high + eta)
    mu = nodes - eta
    moment = (np.ones_like(mu), 2.0 * mu, 6.0 * mu * (1.0 - mu))[order]
    return float(np.sum(weights * moment * elastic_cross_section(energy_mev, z, mu)))


def elastic_moment(energy_mev: float, low: float, high: float, order: int) -> float:
    """As `elastic_integral`, for water (cm2/g)."""
    parts = (n * elastic_integral(energy_mev, z, low, high, order) for z, n in NUCLEI)
    return MOLECULES_PER_G * sum(parts)


def hard_angle(energy_mev: float, mean_free_path_g_cm2: float) -> float:
    """mu above which elastic events have this mean free path (g/cm2); 0 when all must be hard."""
    target = 1.0 / mean_free_path_g_cm2
    if elastic_moment(energy_mev, 0.0, 1.0, 0) <= target:
        return 0.0
    low, high = 1e-12, 1.0 - 1e-9
    for _ in range(60):
        middle = np.sqrt(low * high)
        if elastic_moment(energy_mev, middle, 1.0, 0) > target:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))


def moller_shape(energy_mev: float, loss_mev: FloatArray) -> FloatArray:
    """Dimensionless Moller bracket: dsigma/dW is constant/(beta^2 W^2) times this [moller1932]."""
    gamma = 1.0 + energy_mev / ELECTRON_MASS_MEV
    part = loss_mev / energy_mev
    ratio = part / (1.0 - part)
    return 1.0 + ratio**2 + ((gamma - 1.0) / gamma * part) ** 2 - (2 * gamma - 1) / gamma**2 * ratio


def moller_cross_section(energy_mev: float, loss_mev: FloatArray) -> FloatArray:
    """dsigma/dW (cm2/g per MeV) of collisions that transfer W to a free electron of water."""
    beta2 = float(beta_squared(np.asarray(energy_mev)))
    return collision_constant_mev_cm2_g() / beta2 * moller_shape(energy_mev, loss_mev) / loss_mev**2


def moller_integral(energy_mev: float, low_mev: float, high_mev: float, power: int) -> float:
    """Integral of W^power dsigma/dW from `low_mev` to `high_mev` (cm2/g MeV^power)."""
    if high_mev <= low_mev:
        return 0.0
    loss, weight = log_quadrature(low_mev, high_mev)
    return float(np.sum(weight * loss**power * moller_cross_section(energy_mev, loss)))


def deflection(energy_mev: float, loss_mev: FloatArray) -> FloatArray:
    """mu of an electron that gives W to a free electron at rest (kinematics)."""
    m2 = 2.0 * ELECTRON_MASS_MEV
    rest = energy_mev - loss_mev
    cos2 = rest * (energy_mev + m2) / (energy_mev * (rest + m2))
    sin2 = loss_mev * m2 / (energy_mev * (rest + m2))
    return 0.5 * sin2 / (1.0 + np.sqrt(cos2))


def bound_fraction(recoil_mev: FloatArray) -> FloatArray:
    """S/Z of the water molecule for recoil energy Q: share of its electrons that respond."""
    transfer = np.sqrt(recoil_mev * (recoil_mev + 2.0 * ELECTRON_MASS_MEV))
    x = np.log(transfer / (2.0 * PLANCK_C_MEV_ANGSTROM))
    grid = np.log(ATOM_FUNCTIONS[:, 0])
    response = np.zeros_like(recoil_mev)
    for (z, atoms), column in zip(NUCLEI, ATOM_FUNCTIONS[:, 1:3].T, strict=True):
        inside = np.exp(np.interp(x, grid, np.log(column)))
        small = column[0] * np.exp(2.0 * (x - grid[0]))
        response += atoms * np.minimum(np.where(x < grid[0], small, inside), z)
    return response / ELECTRONS_PER_MOLECULE


def soft_inelastic_moment(energy_mev: float, cut_mev: float, order: int) -> float:
    """Transport cross-section (cm2/g), order 1 or 2, of collisions that transfer less than the cut.

    Moller collisions above the cut are played one by one with their own deflection, so the
    electrons of the medium are counted once.
    """
    high = min(cut_mev, 0.5 * energy_mev)
    loss, weight = log_quadrature(1e-9, high)
    mu = deflection(energy_mev, loss)
    moment = 2.0 * mu if order == 1 else 6.0 * mu * (1.0 - mu)
    rate = moller_cross_section(energy_mev, loss) * bound_fraction(loss)
    return float(np.sum(weight * moment * rate))
