"""Random draws of the transport, compiled by numba: directions, deflections, losses, collisions.

Every function draws from the generator of the running thread, seeded by ``tracking.run_batch``.
"""

# ruff: noqa: NPY002 - numba compiles the per-thread generator, not numpy.random.Generator here

from __future__ import annotations

import math

import numpy as np
from numba import njit

MASS_MEV = 0.510_998_95
FINE_STRUCTURE = 7.297_352_5693e-3


@njit(cache=True, nogil=True)
def rotate(u: float, v: float, w: float, cosine: float, phi: float) -> tuple[float, float, float]:
    """Direction (u, v, w) turned by a polar angle of this cosine and azimuth `phi`."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    across = u * u + v * v
    if across < 1e-14:
        return sine * math.cos(phi), sine * math.sin(phi), cosine * math.copysign(1.0, w)
    scale = sine / math.sqrt(across)
    a, b = scale * math.cos(phi), scale * math.sin(phi)
    return (
        u * cosine + a * u * w - b * v,
        v * cosine + a * v * w + b * u,
        w * cosine - a * across,
    )


@njit(cache=True, nogil=True)
def isotropic() -> tuple[float, float, float]:
    """Unit vector, uniform over the sphere."""
    w = 2.0 * np.random.random() - 1.0
    phi = 2.0 * math.pi * np.random.random()
    sine = math.sqrt(1.0 - w * w)
    return sine * math.cos(phi), sine * math.sin(phi), w


@njit(cache=True, nogil=True)
def soft_mu(first: float, second: float) -> float:
    """mu of the soft deflection of one step, given its two transport depths s/lambda_l.

    The law is two uniform pieces joined at b, the simplest with the exact mean of mu and mu^2
    that multiple-scattering theory (Lewis) gives [penelope].
    """
    mean = 0.5 * (1.0 - math.exp(-first))
    square = mean - (1.0 - math.exp(-second)) / 6.0
    b = (2.0 * mean - 3.0 * square) / (1.0 - 2.0 * mean)
    share = 1.0 - 2.0 * mean + b
    u = np.random.random()
    if u < share:
        return b * np.random.random()
    return b + (1.0 - b) * np.random.random()


@njit(cache=True, nogil=True)
def soft_loss(mean: float, variance: float) -> float:
    """Energy lost in the soft collisions of one step, with this mean and variance [penelope]."""
    if mean * mean > 9.0 * variance:
        draw = 4.0
        while abs(draw) > 3.0:
            draw = np.random.normal()
        return mean + 1.015387 * math.sqrt(variance) * draw
    if mean * mean > 3.0 * variance:
        return mean + math.sqrt(3.0 * variance) * (2.0 * np.random.random() - 1.0)
    none = (3.0 * variance - mean * mean) / (3.0 * variance + 3.0 * mean * mean)
    if np.random.random() < none:
        return 0.0
    return np.random.random() * (3.0 * variance + 3.0 * mean * mean) / (2.0 * mean)


@njit(cache=True, nogil=True)
def hard_elastic_mu(z: float, eta: float, mu_cut: float, beta2: float) -> float:
    """mu of one elastic event above `mu_cut`: Wentzel, kept with the spin factor's probability."""
    spin = math.pi * FINE_STRUCTURE * z * math.sqrt(beta2)
    low = 1.0 / (mu_cut + eta)
    high = 1.0 / (1.0 + eta)
    while True:
        mu = min(1.0, max(0.0, 1.0 / (low - np.random.random() * (low - high)) - eta))
        sine = math.sqrt(mu)
        ratio = 1.0 - beta2 * mu + spin * sine * (1.0 - sine)
        if np.random.random() * (1.0 + 0.25 * spin) < ratio:
            return mu


@njit(cache=True, nogil=True)
def moller_bracket(gamma: float, part: float) -> float:
    """Moller's bracket for the energy share `part` given to the slower electron."""
    ratio = part / (1.0 - part)
    extra = (gamma - 1.0) / gamma * part
    return 1.0 + ratio * ratio + extra * extra - (2.0 * gamma - 1.0) / gamma**2 * ratio


@njit(cache=True, nogil=True)
def moller_loss(energy: float, cut: float) -> float:
    """Energy (MeV) given to the secondary in a Moller collision above the cut."""
    gamma = 1.0 + energy / MASS_MEV
    bound = 1.001 * max(1.0, moller_bracket(gamma, 0.5))
    low, high = 1.0 / cut, 2.0 / energy
    while True:
        loss = 1.0 / (low - np.random.random() * (low - high))
        if np.random.random() * bound < moller_bracket(gamma, loss / energy):
            return loss


@njit(cache=True, nogil=True)
def photon_energy(energy: float, cut: float, shape: np.ndarray) -> float:
    """Bremsstrahlung photon energy (MeV) above the cut, from 1/k and a tabulated shape <= 1."""
    last = len(shape) - 1
    while True:
        k = cut * (energy / cut) ** np.random.random()
        place = k / energy * last
        i = min(int(place), last - 1)
        value = shape[i] + (place - i) * (shape[i + 1] - shape[i])
        if np.random.random() < value:
            return k


@njit(cache=True, nogil=True)
def photon_cosine(energy: float) -> float:
    """Emission angle of a bremsstrahlung photon: 1/(1 - beta cos)^2, the leading dipole term."""
    gamma = 1.0 + energy / MASS_MEV
    beta = math.sqrt(1.0 - 1.0 / gamma**2)
    u = 2.0 * np.random.random() - 1.0
    return (u + beta) / (1.0 + u * beta)


@njit(cache=True, nogil=True)
def compton(energy: float) -> tuple[float, float]:
    """Scattered photon energy (MeV) and cosine by the Klein-Nishina law, electron free at rest."""
    alpha = energy / MASS_MEV
    lowest = 1.0 / (1.0 + 2.0 * alpha)
    log_part = -math.log(lowest)
    flat_part = 0.5 * (1.0 - lowest * lowest)
    while True:
        if np.random.random() * (log_part + flat_part) < log_part:
            share = math.exp(-log_part * np.random.random())
        else:
            share = math.sqrt(lowest**2 + (1.0 - lowest**2) * np.random.random())
        t = (1.0 - share) / (alpha * share)
        if np.random.random() < 1.0 - share * t * (2.0 - t) / (1.0 + share * share):
            return share * energy, 1.0 - t
