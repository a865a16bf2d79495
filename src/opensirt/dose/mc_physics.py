"""Laws of electron and photon transport: plain functions of numbers, compiled by numba.

``mu = (1 - cos theta)/2`` for every deflection. Energies in MeV. Where a law is sampled by
rejection it draws from the stream `state` (see ``mc_random``); otherwise random numbers arrive as
arguments. Tables of rates are made in ``mc_tables``; what moves particles is in ``mc_electrons``,
``mc_photons`` and ``mc_voxels``.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from opensirt.dose.mc_atoms import ELECTRON_MASS_MEV, FINE_STRUCTURE, PLANCK_C_MEV_ANGSTROM
from opensirt.dose.mc_random import law, normal, uniform

__all__ = [
    "MASS_MEV",
    "along_and_across",
    "coherent_cosine",
    "compton",
    "free_path_mm",
    "hard_elastic_mu",
    "interpolated",
    "isotropic",
    "moller_cosines",
    "moller_loss",
    "photon_cosine",
    "photon_energy",
    "soft_loss",
    "soft_mu",
    "turned",
    "widened",
]

MASS_MEV = ELECTRON_MASS_MEV
"""Electron rest energy (MeV), by its short name in the formulae."""


@law
def free_path_mm(per_mm, u):
    """Distance to the next event (mm) at a rate `per_mm`, for a uniform `u` in [0, 1)."""
    return -math.log(1.0 - u) / per_mm


@law
def interpolated(table, medium, place, column):
    """Linear interpolation of ``table[medium, row, column]`` at a fractional row."""
    row = min(max(int(place), 0), table.shape[1] - 2)
    low = table[medium, row, column]
    return low + (place - row) * (table[medium, row + 1, column] - low)


@law
def isotropic(u, v):
    """Unit vector from two uniform numbers, uniform over the sphere."""
    w = 2.0 * u - 1.0
    sine = math.sqrt(max(0.0, 1.0 - w * w))
    phi = 2.0 * math.pi * v
    return sine * math.cos(phi), sine * math.sin(phi), w


@law
def turned(u, v, w, cosine, side1, side2):
    """Unit vector with these components along (u, v, w) and across it.

    The two axes across are those of [duff2017], a smooth frame without square roots.
    """
    sign = math.copysign(1.0, w)
    a = -1.0 / (sign + w)
    b = u * v * a
    return (
        cosine * u + side1 * (1.0 + sign * u * u * a) + side2 * b,
        cosine * v + side1 * sign * b + side2 * (sign + v * v * a),
        cosine * w - side1 * sign * u - side2 * v,
    )


@law
def along_and_across(u, v, w, x, y, z):
    """Components of the vector (x, y, z) along (u, v, w) and across it; undoes `turned`."""
    sign = math.copysign(1.0, w)
    a = -1.0 / (sign + w)
    b = u * v * a
    return (
        x * u + y * v + z * w,
        x * (1.0 + sign * u * u * a) + y * sign * b - z * sign * u,
        x * b + y * (sign + v * v * a) - z * v,
    )


@law
def widened(cosine, ratio):
    """A deflection whose tan^2(theta/2) grows by `ratio`: new cosine, and factor on the sine.

    Small angles grow by sqrt(ratio), as multiple scattering does with the scattering power.
    """
    tan2 = max(0.0, 1.0 - cosine) / max(1e-9, 1.0 + cosine)
    wide = ratio * tan2
    return (1.0 - wide) / (1.0 + wide), math.sqrt(ratio) * (1.0 + tan2) / (1.0 + wide)


@law
def soft_mu(first, second, u, v):
    """mu of the soft deflection of one step, given its two transport depths s/lambda_l.

    The law is two uniform pieces joined at b, the simplest with the exact mean of mu and mu^2
    that multiple-scattering theory (Lewis) gives [penelope].
    """
    mean = 0.5 * (1.0 - math.exp(-first))
    if mean <= 0.0:
        return 0.0
    square = mean - (1.0 - math.exp(-second)) / 6.0
    b = (2.0 * mean - 3.0 * square) / (1.0 - 2.0 * mean)
    if u < 1.0 - 2.0 * mean + b:
        return b * v
    return b + (1.0 - b) * v


@law
def soft_loss(mean, variance, state):
    """Energy lost in the soft collisions of one step, with this mean and variance [penelope]."""
    if mean * mean > 9.0 * variance:
        draw = 1.015387 * normal(state)
        while abs(draw) > 3.0:
            draw = 1.015387 * normal(state)
        return mean + math.sqrt(variance) * draw
    if mean * mean > 3.0 * variance:
        return mean + math.sqrt(3.0 * variance) * (2.0 * uniform(state) - 1.0)
    none = (3.0 * variance - mean * mean) / (3.0 * variance + 3.0 * mean * mean)
    if uniform(state) < none:
        return 0.0
    return uniform(state) * (3.0 * variance + 3.0 * mean * mean) / (2.0 * mean)


@law
def hard_elastic_mu(charge, eta, mu_cut, beta2, state):
    """mu of one elastic event above `mu_cut` on a nucleus of this charge and screening `eta`.

    Wentzel's law, kept with the probability of the McKinley-Feshbach spin factor [mckinley1948].
    """
    spin = math.pi * FINE_STRUCTURE * charge * math.sqrt(beta2)
    low = 1.0 / (mu_cut + eta)
    high = 1.0 / (1.0 + eta)
    while True:
        mu = min(1.0, max(0.0, 1.0 / (low - uniform(state) * (low - high)) - eta))
        sine = math.sqrt(mu)
        ratio = 1.0 - beta2 * mu + spin * sine * (1.0 - sine)
        if uniform(state) * (1.0 + 0.25 * spin) < ratio:
            return mu


@law
def _moller_bracket(gamma, part):
    """Moller's bracket for the energy share `part` given to the slower electron [moller1932]."""
    ratio = part / (1.0 - part)
    extra = (gamma - 1.0) / gamma * part
    return 1.0 + ratio * ratio + extra * extra - (2.0 * gamma - 1.0) / (gamma * gamma) * ratio


@law
def moller_loss(energy, cut, state):
    """Energy (MeV) given to the secondary in a Moller collision above the cut [moller1932]."""
    gamma = 1.0 + energy / MASS_MEV
    bound = 1.001 * max(1.0, _moller_bracket(gamma, 0.5))
    low, high = 1.0 / cut, 2.0 / energy
    while True:
        loss = 1.0 / (low - uniform(state) * (low - high))
        if uniform(state) * bound < _moller_bracket(gamma, loss / energy):
            return loss


@law
def moller_cosines(energy, loss):
    """Cosines of primary and secondary after a collision that transfers `loss` (kinematics)."""
    m2 = 2.0 * MASS_MEV
    rest = energy - loss
    primary = math.sqrt(rest * (energy + m2) / (energy * (rest + m2)))
    return primary, math.sqrt(loss * (energy + m2) / (energy * (loss + m2)))


@law
def photon_energy(energy, cut, shapes, row, state):
    """Bremsstrahlung photon energy (MeV) above the cut, from 1/k and ``shapes[row]`` <= 1."""
    last = shapes.shape[1] - 1
    while True:
        k = cut * math.exp(uniform(state) * math.log(energy / cut))
        place = k / energy * last
        i = min(int(place), last - 1)
        value = shapes[row, i] + (place - i) * (shapes[row, i + 1] - shapes[row, i])
        if uniform(state) < value:
            return k


@law
def photon_cosine(energy, u):
    """Emission angle of a bremsstrahlung photon: 1/(1 - beta cos)^2, the leading dipole term."""
    gamma = 1.0 + energy / MASS_MEV
    beta = math.sqrt(1.0 - 1.0 / (gamma * gamma))
    w = 2.0 * u - 1.0
    return (w + beta) / (1.0 + w * beta)


@law
def compton(energy, state):
    """Scattered photon energy (MeV) and cosine, Klein-Nishina, electron free [kleinnishina1929]."""
    alpha = energy / MASS_MEV
    lowest = 1.0 / (1.0 + 2.0 * alpha)
    log_part = -math.log(lowest)
    flat_part = 0.5 * (1.0 - lowest * lowest)
    while True:
        if uniform(state) * (log_part + flat_part) < log_part:
            share = math.exp(-log_part * uniform(state))
        else:
            share = math.sqrt(lowest * lowest + (1.0 - lowest * lowest) * uniform(state))
        t = (1.0 - share) / (alpha * share)
        if uniform(state) < 1.0 - share * t * (2.0 - t) / (1.0 + share * share):
            return share * energy, 1.0 - t


@law
def coherent_cosine(energy, table, medium, state):
    """Cosine of coherent scattering: Thomson's law times the form factor squared [hubbell1975].

    ``table[medium]`` holds x^2 (1/angstrom^2) and the integral of F^2 up to it.
    """
    last = table.shape[1] - 1
    full = (energy / PLANCK_C_MEV_ANGSTROM) ** 2
    top = _at(table, medium, 0, 1, full, last)
    while True:
        wanted = uniform(state) * top
        x2 = _at(table, medium, 1, 0, wanted, last)
        cosine = max(-1.0, 1.0 - 2.0 * x2 / full)
        if 2.0 * uniform(state) < 1.0 + cosine * cosine:
            return cosine


@law
def _at(table, medium, key, value, wanted, last):
    """Linear interpolation of column `value` where the rising column `key` equals `wanted`."""
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if table[medium, middle, key] > wanted:
            high = middle
        else:
            low = middle
    start, end = table[medium, low, key], table[medium, high, key]
    part = min(1.0, max(0.0, (wanted - start) / (end - start)))
    return table[medium, low, value] + part * (
        table[medium, high, value] - table[medium, low, value]
    )
