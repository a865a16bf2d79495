"""Class-II condensed history of electrons, without geometry: one step, and what ends it.

Elastic events above an angle, collisions and photons above their cuts are played one by one; the
rest of a step is one energy loss and one deflection at a random hinge [penelope]. Lengths are mm
at 1 g/cm3.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from opensirt.dose.mc_physics import (
    free_path_mm,
    hard_elastic_mu,
    interpolated,
    moller_cosines,
    moller_loss,
    photon_cosine,
    photon_energy,
    soft_loss,
    soft_mu,
    turned,
)
from opensirt.dose.mc_random import law, uniform

__all__ = [
    "ELECTRON",
    "PHOTON",
    "POSITRON",
    "STACK_COLUMNS",
    "draw_step",
    "place_of",
    "play_event",
    "push",
    "turn",
]

ELECTRON, PHOTON, POSITRON = 0, 1, 2
STACK_COLUMNS = 11
"""Kind, energy, position (3), direction (3), and three numbers of the caller's."""

STOPPING, STRAGGLING, ELASTIC, MOLLER, RADIATE = 0, 1, 2, 3, 4
FIRST, SECOND, MU_CUT, BETA2, EVENTS = 5, 6, 7, 8, 9


@law
def place_of(laws, energy):
    """Fractional row of an energy (MeV) in the electron tables."""
    return (math.log(energy) - laws.log_start) * laws.per_log


@law
def turn(p, cosine, phi):
    """Turn the direction ``p[3:6]`` by a polar angle of this cosine and azimuth `phi`."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    p[3], p[4], p[5] = turned(p[3], p[4], p[5], cosine, sine * math.cos(phi), sine * math.sin(phi))


@law
def push(stack, n, kind, energy, p):
    """Put a particle at position and direction `p` on the stack; returns its new height."""
    stack[n, 0] = kind
    stack[n, 1] = energy
    for i in range(len(p)):
        stack[n, 2 + i] = p[i]
    return n + 1


@law
def draw_step(laws, medium, energy, state):
    """One step: length, energy loss, mu of the hinge, and bound of the event rate (0: no event).

    Events are drawn with the larger of the rates at the start and after 1.25 times the largest mean
    loss, and kept with the ratio of the true rate at the energy reached; so the change of the rate
    along a step is followed. A soft electron may lose more than that: up to 8 % of its event steps
    below 0.1 MeV end where the rate is higher, by 5 % in the mean, and such an event always counts.
    So at most 0.5 % of the events are missed below 0.1 MeV, 0.2 % at 0.2 MeV, none above 1 MeV.
    """
    table, per_log = laws.electron, laws.per_log
    place = place_of(laws, energy)
    stopping = interpolated(table, medium, place, STOPPING)
    later = place - 1.25 * laws.loss_step * per_log
    rate = 1.01 * max(
        interpolated(table, medium, place, EVENTS), interpolated(table, medium, later, EVENTS)
    )
    longest = laws.loss_step * energy / stopping
    length = free_path_mm(rate, uniform(state))
    if length > longest:
        length, rate = longest, 0.0
    x = 0.5 * stopping * length / energy
    middle = place - per_log * x * (1.0 + 0.5 * x)
    mean = interpolated(table, medium, middle, STOPPING) * length
    variance = interpolated(table, medium, middle, STRAGGLING) * length
    loss = min(energy, soft_loss(mean, variance, state))
    first = interpolated(table, medium, middle, FIRST) * length
    second = interpolated(table, medium, middle, SECOND) * length
    mu = soft_mu(first, second, uniform(state), uniform(state))
    return length, loss, mu, rate


@law
def play_event(laws, medium, energy, rate, p, stack, n, state):
    """What ends a step at ``p``: elastic, collision, photon or nothing; returns (energy, n).

    New particles go on the stack with what `p` holds beyond the direction.
    """
    table = laws.electron
    place = place_of(laws, energy)
    choice = uniform(state) * rate - interpolated(table, medium, place, ELASTIC)
    if choice < 0.0:
        _play_elastic(laws, medium, place, p, state)
        return energy, n
    choice -= interpolated(table, medium, place, MOLLER)
    room = n < stack.shape[0] - 1
    if choice < 0.0:
        if energy > 2.0 * laws.collision_mev[medium] and room:
            return _play_moller(laws, medium, energy, p, stack, n, state)
    elif choice < interpolated(table, medium, place, RADIATE) and energy > laws.photon_mev and room:
        return _play_photon(laws, energy, place, p, stack, n, state)
    return energy, n


@law
def _play_elastic(laws, medium, place, p, state):
    """One elastic event above mu_cut on one of the medium's elements."""
    row = min(max(int(place), 0), laws.elastic.shape[1] - 2)
    if place - row > uniform(state):  # the nearer row, at random: linear in the mean
        row += 1
    u = uniform(state)
    element = 0
    while element < laws.elastic.shape[2] - 1 and u >= laws.elastic[medium, row, element, 0]:
        element += 1
    mu = hard_elastic_mu(
        laws.charge[medium, element],
        laws.elastic[medium, row, element, 1],
        interpolated(laws.electron, medium, place, MU_CUT),
        interpolated(laws.electron, medium, place, BETA2),
        state,
    )
    turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * uniform(state))


@law
def _play_moller(laws, medium, energy, p, stack, n, state):
    """One Moller collision: secondary on the stack, primary deflected the other way."""
    loss = moller_loss(energy, laws.collision_mev[medium], state)
    primary, secondary = moller_cosines(energy, loss)
    phi = 2.0 * math.pi * uniform(state)
    u, v, w = p[3], p[4], p[5]
    turn(p, secondary, phi + math.pi)
    n = push(stack, n, ELECTRON, loss, p)
    p[3], p[4], p[5] = u, v, w
    turn(p, primary, phi)
    return energy - loss, n


@law
def _play_photon(laws, energy, place, p, stack, n, state):
    """One radiative event: the photon on the stack, the electron goes straight on."""
    row = min(max(int(place), 0), laws.shapes.shape[0] - 1)
    k = photon_energy(energy, laws.photon_mev, laws.shapes, row, state)
    u, v, w = p[3], p[4], p[5]
    turn(p, photon_cosine(energy, uniform(state)), 2.0 * math.pi * uniform(state))
    n = push(stack, n, PHOTON, k, p)
    p[3], p[4], p[5] = u, v, w
    return energy - k, n
