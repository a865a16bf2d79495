"""Transport of electrons and photons from a point in infinite water, compiled by numba.

Lengths in mm, energies in MeV. The geometry has no boundaries: the only question asked of a
position is which spherical shell it lies in. Energy lost along a straight piece of path is
deposited at one random point of that piece, which is unbiased for uniform loss.
"""

# ruff: noqa: NPY002 - numba compiles the per-thread generator, not numpy.random.Generator here

from __future__ import annotations

import math

import numpy as np
from law_tables import ElectronTables
from numba import njit
from sampling import (
    compton,
    hard_elastic_mu,
    isotropic,
    moller_loss,
    photon_cosine,
    photon_energy,
    rotate,
    soft_loss,
    soft_mu,
)

MASS_MEV = 0.510_998_95
STACK = 4000
ELECTRON, PHOTON = 0.0, 1.0
STOPPING, STRAGGLING, ELASTIC, MOLLER, RADIATE, FIRST, SECOND, MU_CUT = range(8)
HYDROGEN_SHARE, ETA_H, ETA_O, BETA2, EVENTS = 8, 9, 10, 11, 12
PHOTON_CUT_MEV = 0.001
FAR_MM = 600.0
"""A photon farther out is counted as escaped: less than 1e-6 of it would come back to 200 mm."""


@njit(cache=True, nogil=True)
def place_of(tables: ElectronTables, energy: float) -> float:
    """Place of an energy on the logarithmic grid: row number and fraction."""
    return (math.log(energy) - tables.log_start) * tables.per_log


@njit(cache=True, nogil=True)
def law(laws: np.ndarray, place: float, column: int) -> float:
    """Linear interpolation of one law in ln E."""
    i = min(max(int(place), 0), laws.shape[0] - 2)
    low = laws[i, column]
    return low + (place - i) * (laws[i + 1, column] - low)


@njit(cache=True, nogil=True)
def deposit(
    tally: np.ndarray, edges: np.ndarray, fine: tuple, at: np.ndarray, energy: float
) -> None:
    """Add energy to the shell that holds `at`; the last cell is everything beyond the edges."""
    r = math.sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2])
    if r < fine[1]:
        tally[min(int(r * fine[0]), len(edges) - 1)] += energy
    else:
        tally[np.searchsorted(edges, r, side="right")] += energy


@njit(cache=True, nogil=True)
def push(
    stack: np.ndarray, n: int, kind: float, energy: float, p: np.ndarray, weight: float
) -> int:
    """Put a particle (kind, energy, position, direction, weight) on the stack."""
    stack[n, 0] = kind
    stack[n, 1] = energy
    stack[n, 2:8] = p
    stack[n, 8] = weight
    return n + 1


@njit(cache=True, nogil=True)
def turn(p: np.ndarray, cosine: float, phi: float) -> None:
    """Change the direction held in p[3:6]."""
    p[3], p[4], p[5] = rotate(p[3], p[4], p[5], cosine, phi)


@njit(cache=True, nogil=True)
def advance(p: np.ndarray, length: float) -> None:
    """Move the position p[0:3] along the direction p[3:6]."""
    for i in range(3):
        p[i] += length * p[3 + i]


@njit(cache=True, nogil=True)
def lay(tally, edges, fine, p, length, energy):  # type: ignore[no-untyped-def]
    """Move along a straight piece and deposit its loss at one random point of it."""
    u = np.random.random()
    advance(p, u * length)
    deposit(tally, edges, fine, p, energy)
    advance(p, (1.0 - u) * length)


@njit(cache=True, nogil=True)
def play_moller(tables, energy, p, q, stack, n, weight):  # type: ignore[no-untyped-def]
    """One Moller collision: secondary on the stack, primary deflected; returns (energy, n)."""
    loss = moller_loss(energy, tables.collision_mev)
    m2 = 2.0 * MASS_MEV
    phi = 2.0 * math.pi * np.random.random()
    q[:] = p
    turn(q, math.sqrt(loss * (energy + m2) / (energy * (loss + m2))), phi + math.pi)
    n = push(stack, n, ELECTRON, loss, q, weight)
    rest = energy - loss
    turn(p, math.sqrt(rest * (energy + m2) / (energy * (rest + m2))), phi)
    return rest, n


@njit(cache=True, nogil=True)
def play_photon(tables, energy, p, q, stack, n, weight, split):  # type: ignore[no-untyped-def]
    """One radiative event: `split` photons of one energy and shared weight; returns (energy, n)."""
    place = (math.log(energy) - tables.log_start) * tables.per_log
    row = min(max(int(place), 0), tables.shapes.shape[0] - 1)
    k = photon_energy(energy, tables.photon_mev, tables.shapes[row])
    for _ in range(split):
        q[:] = p
        turn(q, photon_cosine(energy), 2.0 * math.pi * np.random.random())
        n = push(stack, n, PHOTON, k, q, weight / split)
    return energy - k, n


@njit(cache=True, nogil=True)
def play_elastic(laws, place, p):  # type: ignore[no-untyped-def]
    """One elastic event above mu_cut, on hydrogen or oxygen."""
    z, column = 8.0, ETA_O
    if np.random.random() < law(laws, place, HYDROGEN_SHARE):
        z, column = 1.0, ETA_H
    eta = law(laws, place, column)
    mu = hard_elastic_mu(z, eta, law(laws, place, MU_CUT), law(laws, place, BETA2))
    turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * np.random.random())


@njit(cache=True, nogil=True)
def step(tables, energy, p, tally, edges, fine, weight):  # type: ignore[no-untyped-def]
    """One step with its random hinge; returns the new energy and the event rate used, or 0."""
    laws, per_log = tables.laws, tables.per_log
    place = place_of(tables, energy)
    stopping = law(laws, place, STOPPING)
    later = place - 1.25 * tables.loss_step * per_log
    rate = 1.01 * max(law(laws, place, EVENTS), law(laws, later, EVENTS))
    longest = tables.loss_step * energy / stopping
    length = -math.log(1.0 - np.random.random()) / rate
    if length > longest:
        length, rate = longest, 0.0
    x = 0.5 * stopping * length / energy
    middle = place - per_log * x * (1.0 + 0.5 * x)
    mean = law(laws, middle, STOPPING) * length
    loss = min(energy, soft_loss(mean, law(laws, middle, STRAGGLING) * length))
    tau = np.random.random()
    lay(tally, edges, fine, p, tau * length, weight * tau * loss)
    mu = soft_mu(law(laws, middle, FIRST) * length, law(laws, middle, SECOND) * length)
    turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * np.random.random())
    lay(tally, edges, fine, p, (1.0 - tau) * length, weight * (1.0 - tau) * loss)
    return energy - loss, rate


@njit(cache=True, nogil=True)
def track_electron(tables, energy, p, q, stack, n, tally, edges, fine, weight, split):  # type: ignore[no-untyped-def]
    """Follow one electron until it falls below the absorption energy; returns the stack height.

    Events are drawn with a rate no smaller than any on the step and kept with the ratio of the
    true rate at the energy reached, so the change of the rate along a step is exact.
    """
    laws = tables.laws
    while energy > tables.absorb_mev:
        energy, rate = step(tables, energy, p, tally, edges, fine, weight)
        if rate == 0.0 or energy <= tables.absorb_mev:
            continue
        place = place_of(tables, energy)
        choice = np.random.random() * rate - law(laws, place, ELASTIC)
        if choice < 0.0:
            play_elastic(laws, place, p)
            continue
        choice -= law(laws, place, MOLLER)
        if choice < 0.0:
            if energy > 2.0 * tables.collision_mev:
                energy, n = play_moller(tables, energy, p, q, stack, n, weight)
        elif choice < law(laws, place, RADIATE) and energy > tables.photon_mev:
            energy, n = play_photon(tables, energy, p, q, stack, n, weight, split)
    deposit(tally, edges, fine, p, weight * energy)
    return n


@njit(cache=True, nogil=True)
def play_compton(tables, energy, p, q, stack, n, tally, edges, fine, weight):  # type: ignore[no-untyped-def]
    """One Compton event: electron on the stack, photon deflected; returns (photon energy, n)."""
    scattered, cosine = compton(energy)
    phi = 2.0 * math.pi * np.random.random()
    kinetic = energy - scattered
    if kinetic > tables.absorb_mev:
        momentum = math.sqrt(kinetic * (kinetic + 2.0 * MASS_MEV))
        q[:] = p
        turn(q, min(1.0, (energy - scattered * cosine) / momentum), phi + math.pi)
        n = push(stack, n, ELECTRON, kinetic, q, weight)
    else:
        deposit(tally, edges, fine, p, weight * kinetic)
    turn(p, cosine, phi)
    return scattered, n


@njit(cache=True, nogil=True)
def track_photon(tables, energy, p, q, stack, n, tally, edges, fine, weight):  # type: ignore[no-untyped-def]
    """Follow one photon until it is absorbed or far away; returns the stack height."""
    while energy > PHOTON_CUT_MEV:
        place = (math.log(energy) - tables.photon_log_start) * tables.photon_per_log
        i = min(max(int(place), 0), tables.photo.shape[0] - 2)
        photo = tables.photo[i, 0] + (place - i) * (tables.photo[i + 1, 0] - tables.photo[i, 0])
        free = tables.photo[i, 1] + (place - i) * (tables.photo[i + 1, 1] - tables.photo[i, 1])
        advance(p, -math.log(1.0 - np.random.random()) / (photo + free))
        if p[0] * p[0] + p[1] * p[1] + p[2] * p[2] > FAR_MM * FAR_MM:
            break
        if np.random.random() * (photo + free) < photo:
            p[3], p[4], p[5] = isotropic()
            return push(stack, n, ELECTRON, energy, p, weight)
        energy, n = play_compton(tables, energy, p, q, stack, n, tally, edges, fine, weight)
    deposit(tally, edges, fine, p, weight * energy)
    return n


@njit(cache=True, nogil=True)
def run_batch(tables, particles, edges, fine, split, seed):  # type: ignore[no-untyped-def]
    """Energy (MeV) per shell, and beyond, from these source particles (kind, energy, weight).

    `fine` is (1/width, limit): below the limit (mm) shells are equally wide.
    """
    np.random.seed(seed)
    tally = np.zeros(len(edges) + 1)
    stack = np.zeros((STACK, 9))
    p, q = np.zeros(6), np.zeros(6)
    for source in range(particles.shape[0]):
        p[0:3] = 0.0
        p[3], p[4], p[5] = isotropic()
        n = push(stack, 0, particles[source, 0], particles[source, 1], p, particles[source, 2])
        while n > 0:
            n -= 1
            kind, energy, weight = stack[n, 0], stack[n, 1], stack[n, 8]
            p[:] = stack[n, 2:8]
            if kind == ELECTRON:
                n = track_electron(
                    tables, energy, p, q, stack, n, tally, edges, fine, weight, split
                )
            else:
                n = track_photon(tables, energy, p, q, stack, n, tally, edges, fine, weight)
    return tally
