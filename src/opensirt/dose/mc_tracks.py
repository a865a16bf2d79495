"""Decay tracks: made once by full class-II physics in an endless medium, replayed many times.

A track is a list of records. A chord goes straight from one vertex to the next and leaves its
energy evenly; vertices are about `resolution` (mm at 1 g/cm3) apart. Each chord's direction is
held relative to the chord before, so that a replay can turn more where the local medium scatters
more. A branch remembers the place for an electron whose chords follow later; a photon is handed
to photon transport; an end goes back to the last place remembered.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from opensirt.dose.mc_electrons import (
    PHOTON,
    POSITRON,
    STACK_COLUMNS,
    draw_step,
    place_of,
    play_event,
    turn,
)
from opensirt.dose.mc_physics import MASS_MEV, along_and_across, isotropic
from opensirt.dose.mc_random import law, uniform
from opensirt.dose.mc_source import emit_decay

__all__ = [
    "BINS",
    "BRANCH",
    "CHORD",
    "END",
    "KINK",
    "PHOTON_RECORD",
    "RECORD_VALUES",
    "make_track",
]

BINS = 64
"""Energy bins, over the rows of the electron tables, in which media are compared."""
CHORD, KINK, BRANCH, PHOTON_RECORD, END = 0, 1, 2, 3, 4
"""Kinds of record, times BINS, plus the energy bin. A kink is the chord that starts a particle:
its angle is kinematics, not multiple scattering."""
RECORD_VALUES = 5
"""Length (mm at 1 g/cm3), energy (MeV), cosine and the two sides of the direction."""
ANCHOR, HEADING = 0, 3
"""In `vertex`: the last vertex (3) and the direction of the last chord (3)."""


@law
def make_track(laws, medium, source, quantile, resolution, work, codes, values, at, state):
    """Write the records of one decay from `at` on; returns (next free record, energy emitted).

    `work` is (stack, p, vertex): arrays (n, 11), (9,), (6,). Returns -1 where `codes` is too short.
    """
    stack, p, vertex = work
    p[:] = 0.0
    p[8] = 1.0
    vertex[:] = 0.0
    vertex[HEADING + 2] = 1.0
    n = emit_decay(source, quantile, p, stack, 0, state)
    emitted = source.local_mev
    kept = 0
    for row in range(n):
        emitted += stack[row, 1]
        if stack[row, 0] == PHOTON:
            at = _write_particle(PHOTON_RECORD, stack[row], vertex, codes, values, at)
        else:
            for column in range(STACK_COLUMNS):
                stack[kept, column] = stack[row, column]
            at = _write(BRANCH, 0, 0.0, 0.0, 1.0, 0.0, 0.0, codes, values, at)
            kept += 1
        if at < 0:
            return -1, 0.0
    n = kept
    if source.local_mev > 0.0:
        at = _write(CHORD, 0, 0.0, source.local_mev, 1.0, 0.0, 0.0, codes, values, at)
    at = _write(END, 0, 0.0, 0.0, 1.0, 0.0, 0.0, codes, values, at)
    while n > 0 and at >= 0:
        n -= 1
        kind, energy = int(stack[n, 0]), stack[n, 1]
        for i in range(9):
            p[i] = stack[n, 2 + i]
        for i in range(3):
            vertex[ANCHOR + i] = p[i]
            vertex[HEADING + i] = p[6 + i]
        at, n = _track_branch(
            laws, medium, energy, resolution, p, vertex, stack, n, codes, values, at, state
        )
        if kind == POSITRON and at >= 0:
            emitted += 2.0 * MASS_MEV
            at = _annihilate(p, vertex, codes, values, at, state)
        at = _write(END, 0, 0.0, 0.0, 1.0, 0.0, 0.0, codes, values, at)
    return at, emitted


@law
def _track_branch(laws, medium, energy, resolution, p, vertex, stack, n, codes, values, at, state):
    """Follow one electron from `p`, writing chords; returns (next free record, stack height)."""
    gathered = 0.0
    kind = KINK
    while energy > laws.absorb_mev[medium] and at >= 0:
        length, loss, mu, rate = draw_step(laws, medium, energy, state)
        hinge = uniform(state)
        for i in range(3):
            p[i] += hinge * length * p[3 + i]
        gathered += hinge * loss
        if _span2(p, vertex) > resolution * resolution:
            at = _flush(kind, _bin_of(laws, energy), gathered, p, vertex, codes, values, at)
            gathered, kind = 0.0, CHORD
        turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * uniform(state))
        for i in range(3):
            p[i] += (1.0 - hinge) * length * p[3 + i]
        gathered += (1.0 - hinge) * loss
        energy -= loss
        if at >= 0 and _span2(p, vertex) > resolution * resolution:
            at = _flush(kind, _bin_of(laws, energy), gathered, p, vertex, codes, values, at)
            gathered, kind = 0.0, CHORD
        if rate > 0.0 and energy > laws.absorb_mev[medium] and at >= 0:
            before = n
            energy, n = play_event(laws, medium, energy, rate, p, stack, n, state)
            if n > before:
                moved = _span2(p, vertex) > 0.0
                at = _flush(kind, _bin_of(laws, energy), gathered, p, vertex, codes, values, at)
                gathered = 0.0
                if moved:
                    kind = CHORD
                if at >= 0 and stack[n - 1, 0] == PHOTON:
                    n -= 1
                    at = _write_particle(PHOTON_RECORD, stack[n], vertex, codes, values, at)
                elif at >= 0:
                    for i in range(3):
                        stack[n - 1, 8 + i] = vertex[HEADING + i]
                    at = _write(BRANCH, 0, 0.0, 0.0, 1.0, 0.0, 0.0, codes, values, at)
    if at >= 0:
        at = _flush(kind, 0, gathered + energy, p, vertex, codes, values, at)
    return at, n


@law
def _annihilate(p, vertex, codes, values, at, state):
    """Two photon records back to back where a positron stopped."""
    u, v, w = isotropic(uniform(state), uniform(state))
    for sign in (1.0, -1.0):
        cosine, side1, side2 = along_and_across(
            vertex[3], vertex[4], vertex[5], sign * u, sign * v, sign * w
        )
        at = _write(PHOTON_RECORD, 0, 0.0, MASS_MEV, cosine, side1, side2, codes, values, at)
    return at


@law
def _bin_of(laws, energy):
    """Energy bin of BINS over the electron rows."""
    rows = laws.electron.shape[1]
    return min(max(int(place_of(laws, max(energy, 1e-6)) * BINS / rows), 0), BINS - 1)


@law
def _span2(p, vertex):
    """Squared distance from the last vertex."""
    x, y, z = p[0] - vertex[0], p[1] - vertex[1], p[2] - vertex[2]
    return x * x + y * y + z * z


@law
def _flush(kind, energy_bin, energy, p, vertex, codes, values, at):
    """Write the chord from the last vertex to `p`, which becomes the last vertex."""
    length = math.sqrt(_span2(p, vertex))
    if length == 0.0:
        if energy == 0.0:
            return at
        return _write(CHORD, energy_bin, 0.0, energy, 1.0, 0.0, 0.0, codes, values, at)
    x, y, z = (
        (p[0] - vertex[0]) / length,
        (p[1] - vertex[1]) / length,
        (p[2] - vertex[2]) / length,
    )
    cosine, side1, side2 = along_and_across(vertex[3], vertex[4], vertex[5], x, y, z)
    vertex[3], vertex[4], vertex[5] = x, y, z
    for i in range(3):
        vertex[i] = p[i]
    return _write(kind, energy_bin, length, energy, cosine, side1, side2, codes, values, at)


@law
def _write_particle(kind, row, vertex, codes, values, at):
    """Write a particle that starts at the last vertex, from a row of the stack."""
    cosine, side1, side2 = along_and_across(vertex[3], vertex[4], vertex[5], row[5], row[6], row[7])
    return _write(kind, 0, 0.0, row[1], cosine, side1, side2, codes, values, at)


@law
def _write(kind, energy_bin, length, energy, cosine, side1, side2, codes, values, at):
    """One record; returns the next free one, or -1 where there is no room."""
    if at < 0 or at >= len(codes):
        return -1
    codes[at] = kind * BINS + energy_bin
    values[at, 0] = length
    values[at, 1] = energy
    values[at, 2] = cosine
    values[at, 3] = side1
    values[at, 4] = side2
    return at + 1
