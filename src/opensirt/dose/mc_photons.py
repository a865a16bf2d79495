"""Photons and full-physics electrons in voxels.

Photons fly by Woodcock's method [woodcock1965]: free paths are drawn with the largest attenuation
anywhere and an event counts with the ratio of the local one, so faces need no search. Electrons
are class-II condensed history; a step ends where the medium changes and goes on by the laws of
the next. A hinge met before the face turns by the whole step's angle, one not met not at all,
which is right in the mean [penelope].
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from opensirt.dose.mc_density import THINNEST_G_ML
from opensirt.dose.mc_electrons import ELECTRON, PHOTON, POSITRON, draw_step, play_event, push, turn
from opensirt.dose.mc_physics import (
    MASS_MEV,
    coherent_cosine,
    compton,
    free_path_mm,
    isotropic,
)
from opensirt.dose.mc_random import law, uniform
from opensirt.dose.mc_voxels import (
    EMITTED,
    ESCAPED,
    deposit,
    enter,
    march,
    medium_at,
    settle,
    voxel_of,
)

__all__ = ["drain", "track_electron", "track_photon"]

LOWEST_PHOTON_MEV = 0.001
"""Photons below this deposit where they are."""
FAR_MM = 600.0
"""In an endless medium a photon farther out counts as escaped."""
PHOTO, INCOHERENT, COHERENT = 0, 1, 2


@law
def drain(laws, scene, tally, stack, n, p, cell, scales, book, state):
    """Follow every particle on the stack, and those they make, to its end.

    Columns 8 to 10 of the stack hold the voxel; `scales` holds a one per medium, (media, 1).
    """
    while n > 0:
        n -= 1
        kind, energy = int(stack[n, 0]), stack[n, 1]
        for i in range(6):
            p[i] = stack[n, 2 + i]
        for i in range(3):
            cell[i] = p[6 + i] = stack[n, 8 + i]
        if kind == PHOTON:
            n = track_photon(laws, scene, tally, p, cell, energy, stack, n, book, state)
        else:
            n = track_electron(
                laws, scene, tally, p, cell, energy, kind, stack, n, scales, book, state
            )
    settle(scene, tally, cell, book)


@law
def _remember(p, cell):
    """Let ``p[6:9]``, which new particles take along, name the voxel."""
    for i in range(3):
        p[6 + i] = cell[i]


@law
def track_electron(laws, scene, tally, p, cell, energy, kind, stack, n, scales, book, state):
    """Follow one electron (or positron) to its end; returns the height of the stack."""
    while True:
        voxel = voxel_of(scene, cell)
        if voxel < 0 and not scene.infinite:
            break
        medium = medium_at(scene, max(scene.density[max(voxel, 0)], THINNEST_G_ML))
        if energy <= laws.absorb_mev[medium]:
            break
        length, loss, mu, rate = draw_step(laws, medium, energy, state)
        hinge = uniform(state)
        first, second = hinge * length, (1.0 - hinge) * length
        left = march(scene, tally, p, cell, first, hinge * loss, scales, True, book)
        if left != 0.0:
            energy -= loss * (first - abs(left)) / length
            if left < 0.0:
                break
            continue
        turn(p, 1.0 - 2.0 * mu, 2.0 * math.pi * uniform(state))
        left = march(scene, tally, p, cell, second, (1.0 - hinge) * loss, scales, True, book)
        energy -= loss * (length - abs(left)) / length
        if left < 0.0:
            break
        if left == 0.0 and rate > 0.0 and energy > laws.absorb_mev[medium]:
            _remember(p, cell)
            energy, n = play_event(laws, medium, energy, rate, p, stack, n, state)
    deposit(scene, tally, cell, book, energy)
    if kind == POSITRON and (scene.infinite or voxel_of(scene, cell) >= 0):
        book[EMITTED] += 2.0 * MASS_MEV
        n = annihilate(p, cell, stack, n, state)
    return n


@law
def annihilate(p, cell, stack, n, state):
    """Two photons back to back where a positron stopped."""
    _remember(p, cell)
    p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
    n = push(stack, n, PHOTON, MASS_MEV, p)
    p[3], p[4], p[5] = -p[3], -p[4], -p[5]
    return push(stack, n, PHOTON, MASS_MEV, p)


@law
def track_photon(laws, scene, tally, p, cell, energy, stack, n, book, state):
    """Follow one photon until it is absorbed or gone; returns the height of the stack."""
    start_z, start_y, start_x = p[0], p[1], p[2]
    while energy > LOWEST_PHOTON_MEV:
        place = (math.log(energy) - laws.photon_log_start) * laws.photon_per_log
        row = min(max(int(place), 0), laws.photon.shape[1] - 2)
        most = max(scene.majorant[row], scene.majorant[row + 1])
        path = free_path_mm(most, uniform(state))
        p[0] += p[3] * scene.per_slice * path
        p[1] += p[4] * scene.per_row * path
        p[2] += p[5] * scene.per_column * path
        enter(p, cell)
        voxel = voxel_of(scene, cell)
        if voxel < 0 and (
            not scene.infinite or _distance_mm(scene, p, start_z, start_y, start_x) > FAR_MM
        ):
            book[ESCAPED] += energy
            return n
        density = max(scene.density[max(voxel, 0)], THINNEST_G_ML)
        medium = medium_at(scene, density)
        part = min(1.0, max(0.0, place - row))
        choice = uniform(state) * most
        choice -= density * _rate(laws, medium, row, part, PHOTO)
        if choice < 0.0:
            p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))
            return _release(laws, medium, scene, tally, p, cell, energy, stack, n, book)
        choice -= density * _rate(laws, medium, row, part, INCOHERENT)
        if choice < 0.0:
            energy, n = _play_compton(
                laws, medium, scene, tally, p, cell, energy, stack, n, book, state
            )
            continue
        if choice < density * _rate(laws, medium, row, part, COHERENT):
            cosine = coherent_cosine(energy, laws.coherent, medium, state)
            turn(p, cosine, 2.0 * math.pi * uniform(state))
    deposit(scene, tally, cell, book, energy)
    return n


@law
def _rate(laws, medium, row, part, column):
    """One photon coefficient (1/mm at 1 g/cm3) between two rows."""
    low = laws.photon[medium, row, column]
    return low + part * (laws.photon[medium, row + 1, column] - low)


@law
def _distance_mm(scene, p, start_z, start_y, start_x):
    dz = (p[0] - start_z) / scene.per_slice
    dy = (p[1] - start_y) / scene.per_row
    dx = (p[2] - start_x) / scene.per_column
    return math.sqrt(dz * dz + dy * dy + dx * dx)


@law
def _release(laws, medium, scene, tally, p, cell, energy, stack, n, book):
    """An electron set free in voxel `cell`: on the stack, or left where it is when soft."""
    if energy > laws.absorb_mev[medium] and n < stack.shape[0] - 1:
        _remember(p, cell)
        return push(stack, n, ELECTRON, energy, p)
    deposit(scene, tally, cell, book, energy)
    return n


@law
def _play_compton(laws, medium, scene, tally, p, cell, energy, stack, n, book, state):
    """One Compton event: electron released, photon deflected; returns (photon energy, n)."""
    scattered, cosine = compton(energy, state)
    phi = 2.0 * math.pi * uniform(state)
    kinetic = energy - scattered
    momentum = math.sqrt(kinetic * (kinetic + 2.0 * MASS_MEV))
    u, v, w = p[3], p[4], p[5]
    turn(p, min(1.0, (energy - scattered * cosine) / max(momentum, 1e-12)), phi + math.pi)
    n = _release(laws, medium, scene, tally, p, cell, kinetic, stack, n, book)
    p[3], p[4], p[5] = u, v, w
    turn(p, cosine, phi)
    return scattered, n
