"""Replay of decay tracks in voxels: the fast mode of the Monte Carlo.

In the medium that a track was made in, a replay is the track itself, with lengths divided by the
local density. In another medium lengths also follow the ratio of the stopping powers, and angles
the ratio of scattering per energy lost, at the energy of the chord.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

from opensirt.dose.mc_electrons import PHOTON, push
from opensirt.dose.mc_physics import turned, widened
from opensirt.dose.mc_random import law
from opensirt.dose.mc_tracks import BINS, BRANCH, CHORD, END, PHOTON_RECORD
from opensirt.dose.mc_voxels import (
    ESCAPED,
    GATHERED,
    THINNEST_G_ML,
    march,
    medium_at,
    settle,
    voxel_of,
)

__all__ = ["replay"]


@law
def replay(codes, values, at, home, ratios, scene, tally, p, cell, places, stack, book):
    """Replay the track at record `at` from position and direction `p`; returns photons made.

    Parameters
    ----------
    home : int
        Medium that the track was made in.
    ratios : (BINS, medium, 2)
        Length ratio, and ratio of scattering per energy lost, of each medium to home.
    places : (n, 9)
        Scratch for the places of branches; photons go on `stack` with the voxel in columns 8-10.
    """
    depth, photons, outside = 0, 0, False
    while True:
        kind, energy_bin = codes[at] // BINS, codes[at] % BINS
        if kind <= 1:  # chord or kink
            if outside:
                book[ESCAPED] += values[at, 1]
            else:
                _turn_by(values, at, kind, home, ratios[energy_bin], scene, p, cell)
                outside = _advance(
                    values[at, 0], values[at, 1], home, ratios[energy_bin], scene, tally,
                    p, cell, book,
                )
        elif kind == BRANCH:
            for i in range(6):
                places[depth, i] = p[i]
            for i in range(3):
                places[depth, 6 + i] = cell[i]
            places[depth, 9] = 1.0 if outside else 0.0
            depth += 1
        elif kind == PHOTON_RECORD:
            if outside:
                book[ESCAPED] += values[at, 1]
            else:
                photons = _release_photon(values, at, p, cell, stack, photons)
        else:  # END
            if not outside:
                settle(scene, tally, cell, book)
            if depth == 0:
                return photons
            depth -= 1
            for i in range(6):
                p[i] = places[depth, i]
            for i in range(3):
                cell[i] = int(places[depth, 6 + i])
            outside = places[depth, 9] != 0.0
        at += 1


@law
def _turn_by(values, at, kind, home, ratios, scene, p, cell):
    """Turn `p` by a record's angle, wider where the local medium scatters more."""
    cosine, side1, side2 = values[at, 2], values[at, 3], values[at, 4]
    if kind == CHORD:
        voxel = voxel_of(scene, cell)
        medium = medium_at(scene, scene.density[max(voxel, 0)])
        if medium != home:
            cosine, stretch = widened(cosine, ratios[medium, 1])
            side1 *= stretch
            side2 *= stretch
    p[3], p[4], p[5] = turned(p[3], p[4], p[5], cosine, side1, side2)


@law
def _advance(length, energy, home, ratios, scene, tally, p, cell, book):
    """Go one chord; true where it leaves the grid for the vacuum."""
    voxel = voxel_of(scene, cell)
    density = max(scene.density[max(voxel, 0)], THINNEST_G_ML)
    path = length / density * ratios[medium_at(scene, density), 0]
    z = p[0] + p[3] * scene.per_slice * path
    y = p[1] + p[4] * scene.per_row * path
    x = p[2] + p[5] * scene.per_column * path
    k, j, i = cell[0], cell[1], cell[2]
    if k <= z < k + 1 and j <= y < j + 1 and i <= x < i + 1:  # most chords stay in their voxel
        p[0], p[1], p[2] = z, y, x
        book[GATHERED] += energy
        return False
    left = march(scene, tally, p, cell, length, energy, ratios, False, book)
    if left < 0.0:
        book[ESCAPED] -= energy * left / length
        return True
    return False


@law
def _release_photon(values, at, p, cell, stack, photons):
    """Put a photon of the track on the stack with its voxel."""
    u, v, w = turned(p[3], p[4], p[5], values[at, 2], values[at, 3], values[at, 4])
    norm = 1.0 / math.sqrt(u * u + v * v + w * w)
    stack[photons, 0] = PHOTON
    stack[photons, 1] = values[at, 1]
    for axis in range(3):
        stack[photons, 2 + axis] = p[axis]
        stack[photons, 8 + axis] = cell[axis]
    stack[photons, 5] = u * norm
    stack[photons, 6] = v * norm
    stack[photons, 7] = w * norm
    return photons + 1
