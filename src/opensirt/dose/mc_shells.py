"""Energy in spherical shells about a point source in an endless uniform medium.

The class-II physics of the engine without geometry: the only question asked of a position is
which shell it lies in. Lengths are mm at 1 g/cm3, which density scales exactly. Energy lost on a
straight piece of path is left at one random point of it, which is right in the mean.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.dose.mc_account import require_energies
from opensirt.dose.mc_electrons import (
    ELECTRON,
    PHOTON,
    POSITRON,
    STACK_COLUMNS,
    draw_step,
    place_of,
    play_event,
    push,
    turn,
)
from opensirt.dose.mc_physics import (
    MASS_MEV,
    coherent_cosine,
    compton,
    free_path_mm,
    interpolated,
    isotropic,
    photon_cosine,
)
from opensirt.dose.mc_random import STATE_WORDS, law, seed_stream, uniform
from opensirt.dose.mc_source import DecaySource
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Laws
from opensirt.errors import InputError

__all__ = ["OUTER_MM", "ShellEnergies", "ShellPlan", "shell_edges", "shell_energies"]

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[float], None]

OUTER_MM = 200.0
OUTER_SHELLS = 40
FAR_MM = 600.0
"""A photon this far out counts as escaped: less than 1e-6 of it would come back to 200 mm."""
LOWEST_PHOTON_MEV = 0.001
"""Photons below this deposit where they are."""
SHORT_RANGE = 0.01
"""Beyond the equal shells an electron whose range is below this share of the radius stays put."""
SHARE_OF_ELECTRON_LINES, SHARE_OF_PHOTON_LINES = 0.3, 1.0
"""Lines get these numbers of particles per beta; photons alone make the tail."""
PAIRS = 0.01
"""The same for internal pairs."""
STACK_ROWS = 4096
PARTICLES_PER_PART = 4096
WEIGHT, STACK_WEIGHT = 6, 8
RANGE_MM = ELECTRON_COLUMNS.index("range_mm")


@dataclass(frozen=True, slots=True)
class ShellPlan:
    """How many particles to follow, and how."""

    histories: int
    """Betas; electron or photon lines where the nuclide has no betas."""
    seed: int = 1
    threads: int | None = None
    batches: int = 40
    photon_split: int = 30
    """Bremsstrahlung photons per event, each with its share of the weight."""


@dataclass(frozen=True, slots=True, eq=False)
class ShellEnergies:
    """Energy per shell and decay with its statistical error."""

    r_outer_mm: FloatArray
    """Outer radius of each shell (shells,) at 1 g/cm3; the first starts at 0."""
    energy_mev: FloatArray
    rel_err: FloatArray
    """One standard error over the mean, from independent batches; 1 where nothing was scored."""
    escaped_mev: float
    """Deposited beyond the last shell."""
    emitted_mev: float
    histories: int


class _Shells(NamedTuple):
    """Where the shells lie: equally wide ones up to `limit_mm`, then wider ones."""

    outer_mm: FloatArray
    per_mm: float
    limit_mm: float
    split: int


def shell_edges(shell_mm: float, range_mm: float) -> FloatArray:
    """Outer radii (mm): equal shells to 1.2 times the range, then logarithmic ones to OUTER_MM."""
    if not 0.0 < shell_mm < range_mm < OUTER_MM / 2.0:
        raise InputError(
            f"shells must be narrower than the range, and that shorter than {OUTER_MM / 2:g} mm, "
            f"found {shell_mm:g} and {range_mm:g} mm"
        )
    fine = shell_mm * np.arange(1, math.ceil(1.2 * range_mm / shell_mm) + 1)
    outer = np.geomspace(fine[-1], OUTER_MM, OUTER_SHELLS + 1)[1:]
    return np.concatenate([np.round(fine, 6), np.round(outer, 3)])


def shell_energies(
    source: DecaySource,
    laws: Laws,
    outer_mm: FloatArray,
    plan: ShellPlan,
    progress: Progress | None = None,
) -> ShellEnergies:
    """Energy per decay in shells about a point source, in the first medium of `laws`.

    Parameters
    ----------
    source : DecaySource
    laws : Laws
    outer_mm : ndarray, (shells,)
        From `shell_edges`: OUTER_SHELLS logarithmic shells follow equal ones.
    plan : ShellPlan
        The result depends on its seed and histories, not on the number of threads.
    progress : callable, optional
        Called with the share done, 0 to 1.
    """
    if plan.histories < plan.batches or plan.batches < 2:
        raise InputError(
            f"a kernel needs at least 2 batches and a history in each, found {plan.batches} and "
            f"{plan.histories}"
        )
    require_energies(source, laws)
    equal = len(outer_mm) - OUTER_SHELLS
    shells = _Shells(outer_mm, 1.0 / outer_mm[0], float(outer_mm[equal - 1]), plan.photon_split)
    per_batch = plan.histories // plan.batches
    tallies, emitted = np.zeros((plan.batches, len(outer_mm) + 1)), 0.0
    with ThreadPoolExecutor(plan.threads or thread_count()) as pool:
        for batch, tally in enumerate(tallies):
            particles = _draw_particles(
                source, per_batch, np.random.default_rng([plan.seed, batch])
            )
            emitted += float(np.sum(particles[:, 1] * particles[:, 2])) + source.local_mev
            starts = range(0, len(particles), PARTICLES_PER_PART)

            def fire(start: int, of: FloatArray = particles, batch: int = batch) -> FloatArray:
                part = of[start : start + PARTICLES_PER_PART]
                key = (plan.seed, batch, start // PARTICLES_PER_PART)
                found: FloatArray = _fire(laws, shells, part, key)
                return found

            for found in pool.map(fire, starts):
                tally += found
            tally[0] += source.local_mev
            emitted += 2.0 * MASS_MEV * float(particles[particles[:, 0] == POSITRON, 2].sum())
            if progress is not None:
                progress((batch + 1) / plan.batches)
    mean = tallies.mean(axis=0)
    error = tallies.std(axis=0, ddof=1) / math.sqrt(plan.batches)
    relative = np.divide(error, mean, out=np.ones_like(mean), where=mean > 0.0)
    return ShellEnergies(
        r_outer_mm=outer_mm,
        energy_mev=mean[:-1],
        rel_err=relative[:-1],
        escaped_mev=float(mean[-1]),
        emitted_mev=emitted / plan.batches,
        histories=plan.batches * per_batch,
    )


# ---- weighted particles of one decay ---------------------------------------------------------


def _draw_particles(source: DecaySource, count: int, rng: np.random.Generator) -> FloatArray:
    """Particles (kind, energy MeV, weight), (n, 3), that together stand for one decay."""
    parts = []
    betas = source.betas_per_decay > 0.0
    if betas:
        parts.append(_draw_betas(source, count, rng))
    for kind, share in ((ELECTRON, SHARE_OF_ELECTRON_LINES), (PHOTON, SHARE_OF_PHOTON_LINES)):
        chosen = source.line_kind == kind
        if chosen.any():
            lines = max(1, int(share * count)) if betas else count
            of = source.line_mev[chosen], source.line_yield[chosen]
            parts.append(_draw_lines(*of, kind, lines))
    if source.pair_yield > 0.0:
        pairs = max(1, int(PAIRS * count))
        weight = np.full(pairs, source.pair_yield / pairs)
        positron_mev = rng.random(pairs) * source.pair_mev
        for kind, mev in ((POSITRON, positron_mev), (ELECTRON, source.pair_mev - positron_mev)):
            parts.append(np.column_stack([np.full(pairs, kind), mev, weight]))
    return np.concatenate(parts)


def _draw_betas(source: DecaySource, count: int, rng: np.random.Generator) -> FloatArray:
    """Betas drawn more often where energy is high, whose betas alone reach the outer shells.

    The weights undo the favour ``0.1 + (E/E_max)^1.5``, constant between two quantiles.
    """
    energy = source.beta_mev
    favour = 0.1 + (0.5 * (energy[1:] + energy[:-1]) / energy[-1]) ** 1.5
    rising = np.concatenate([[0.0], np.cumsum(favour)])
    drawn = (np.arange(count) + rng.random(count)) / count * rising[-1]
    row = np.minimum(np.searchsorted(rising, drawn, side="right") - 1, len(favour) - 1)
    within = (drawn - rising[row]) / favour[row]
    weight = source.betas_per_decay / count * rising[-1] / len(favour) / favour[row]
    beta_mev = energy[row] + within * (energy[row + 1] - energy[row])
    return np.column_stack([np.full(count, ELECTRON), beta_mev, weight])


def _draw_lines(line_mev: FloatArray, per_decay: FloatArray, kind: int, count: int) -> FloatArray:
    """About `count` particles, shared by emitted energy; every line has at least one."""
    share = line_mev * per_decay / np.sum(line_mev * per_decay)
    numbers = np.maximum(1, np.round(share * count)).astype(int)
    energy, weight = np.repeat(line_mev, numbers), np.repeat(per_decay / numbers, numbers)
    return np.column_stack([np.full(len(energy), kind), energy, weight])


# ---- transport -------------------------------------------------------------------------------


@law
def _fire(laws, shells, particles, key):
    """Energy per shell, and beyond the last, from these source particles; one random stream."""
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, key[0], key[1], key[2])
    tally = np.zeros(len(shells.outer_mm) + 1)
    stack = np.empty((STACK_ROWS, STACK_COLUMNS))
    p = np.zeros(9)
    for row in range(len(particles)):
        p[0] = p[1] = p[2] = 0.0
        p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
        p[WEIGHT] = particles[row, 2]
        n = push(stack, 0, particles[row, 0], particles[row, 1], p)
        while n > 0:
            n -= 1
            kind, energy = int(stack[n, 0]), stack[n, 1]
            for i in range(9):
                p[i] = stack[n, 2 + i]
            if kind == PHOTON:
                n = _track_photon(laws, shells, tally, p, energy, stack, n, state)
            else:
                n = _track_electron(laws, shells, tally, p, energy, kind, stack, n, state)
    return tally


@law
def _radius(p):
    return math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])


@law
def _leave(shells, tally, p, energy):
    """Add weighted energy to the shell that holds `p`; the last cell is everything beyond."""
    r = _radius(p)
    if r < shells.limit_mm:
        tally[min(int(r * shells.per_mm), len(shells.outer_mm) - 1)] += p[WEIGHT] * energy
    else:
        tally[np.searchsorted(shells.outer_mm, r, side="right")] += p[WEIGHT] * energy


@law
def _advance(p, length):
    for i in range(3):
        p[i] += length * p[3 + i]


@law
def _lay(shells, tally, p, length, energy, state):
    """Go along a straight piece and leave its loss at one random point of it."""
    part = uniform(state) * length
    _advance(p, part)
    _leave(shells, tally, p, energy)
    _advance(p, length - part)


@law
def _track_electron(laws, shells, tally, p, energy, kind, stack, n, state):
    """Follow one electron (or positron) to its end; returns the height of the stack."""
    while energy > laws.absorb_mev[0]:
        length, loss, mu, rate = draw_step(laws, 0, energy, state)
        hinge = uniform(state)
        _lay(shells, tally, p, hinge * length, hinge * loss, state)
        turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * uniform(state))
        _lay(shells, tally, p, (1.0 - hinge) * length, (1.0 - hinge) * loss, state)
        energy -= loss
        if rate > 0.0 and energy > laws.absorb_mev[0]:
            before, above = energy, n
            energy, n = play_event(laws, 0, energy, rate, p, stack, n, state)
            if n > above and stack[n - 1, 0] == PHOTON:
                n = _split_photon(before, shells.split, p, stack, n, state)
    _leave(shells, tally, p, energy)
    if kind == POSITRON:
        p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
        n = push(stack, n, PHOTON, MASS_MEV, p)
        p[3], p[4], p[5] = -p[3], -p[4], -p[5]
        n = push(stack, n, PHOTON, MASS_MEV, p)
    return n


@law
def _split_photon(electron_mev, split, p, stack, n, state):
    """Let the photon on top of the stack become `split` of them, each in a direction of its own."""
    stack[n - 1, STACK_WEIGHT] /= split
    k, weight = stack[n - 1, 1], p[WEIGHT]
    u, v, w = p[3], p[4], p[5]
    p[WEIGHT] = weight / split
    for _ in range(min(split - 1, len(stack) - n)):
        turn(p, photon_cosine(electron_mev, uniform(state)), 2.0 * math.pi * uniform(state))
        n = push(stack, n, PHOTON, k, p)
        p[3], p[4], p[5] = u, v, w
    p[WEIGHT] = weight
    return n


@law
def _track_photon(laws, shells, tally, p, energy, stack, n, state):
    """Follow one photon until it is absorbed or far away; returns the height of the stack."""
    while energy > LOWEST_PHOTON_MEV:
        place = (math.log(energy) - laws.photon_log_start) * laws.photon_per_log
        photo = interpolated(laws.photon, 0, place, 0)
        incoherent = interpolated(laws.photon, 0, place, 1)
        total = photo + incoherent + interpolated(laws.photon, 0, place, 2)
        _advance(p, free_path_mm(total, uniform(state)))
        if _radius(p) > FAR_MM:
            break
        choice = uniform(state) * total - photo
        if choice < 0.0:
            p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
            return _release(laws, shells, tally, p, energy, stack, n)
        if choice < incoherent:
            energy, n = _play_compton(laws, shells, tally, p, energy, stack, n, state)
        else:
            cosine = coherent_cosine(energy, laws.coherent, 0, state)
            turn(p, cosine, 2.0 * math.pi * uniform(state))
    _leave(shells, tally, p, energy)
    return n


@law
def _play_compton(laws, shells, tally, p, energy, stack, n, state):
    """One Compton event: electron released, photon deflected; returns (photon energy, n)."""
    scattered, cosine = compton(energy, state)
    phi = 2.0 * math.pi * uniform(state)
    kinetic = energy - scattered
    momentum = math.sqrt(kinetic * (kinetic + 2.0 * MASS_MEV))
    u, v, w = p[3], p[4], p[5]
    turn(p, min(1.0, (energy - scattered * cosine) / max(momentum, 1e-12)), phi + math.pi)
    n = _release(laws, shells, tally, p, kinetic, stack, n)
    p[3], p[4], p[5] = u, v, w
    turn(p, cosine, phi)
    return scattered, n


@law
def _release(laws, shells, tally, p, energy, stack, n):
    """An electron set free by a photon: on the stack, or left where it is when it goes no way."""
    follow = energy > laws.absorb_mev[0] and n < len(stack) - 1
    if follow:
        r = _radius(p)
        if r > shells.limit_mm:
            place = place_of(laws, energy)
            follow = interpolated(laws.electron, 0, place, RANGE_MM) > SHORT_RANGE * r
    if follow:
        return push(stack, n, ELECTRON, energy, p)
    _leave(shells, tally, p, energy)
    return n
