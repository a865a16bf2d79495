"""Replay of decay tracks in voxels: the fast mode of the Monte Carlo.

In the medium that a track was made in, a replay is the track itself, with lengths divided by the
local density. In another medium lengths also follow the ratio of the stopping powers, and angles
the ratio of scattering per energy lost, at the energy of the chord.

This is where the time goes: one function, plain numbers, no array made or passed on the way.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from opensirt.dose.mc_atomic import atomic_add
from opensirt.dose.mc_density import THINNEST_G_ML
from opensirt.dose.mc_electrons import PHOTON
from opensirt.dose.mc_physics import turned, widened
from opensirt.dose.mc_random import law
from opensirt.dose.mc_tracks import BINS, BRANCH, KINK, PHOTON_RECORD
from opensirt.dose.mc_voxels import CARRY, ESCAPED, medium_at

__all__ = ["PLACE_COLUMNS", "replay"]

PLACE_COLUMNS = 10
"""Position (3), direction (3), voxel (3) and whether it lies outside."""


@law
def _fetched(scene, k, j, i):
    """Flat index (-1 outside), density and medium of a voxel; outside, those of the first."""
    voxel = -1
    if 0 <= k < scene.slices and 0 <= j < scene.rows and 0 <= i < scene.columns:
        voxel = (k * scene.rows + j) * scene.columns + i
    density = max(scene.density[max(voxel, 0)], THINNEST_G_ML)
    return voxel, density, medium_at(scene, density)


@law
def _to_face(place, cell, flight):
    """Path (mm) to the face of voxel `cell` that is met along one axis."""
    if flight > 0.0:
        return (cell + 1 - place) / flight
    if flight < 0.0:
        return (cell - place) / flight
    return math.inf


@law
def _settled(scene, tally, voxel, gathered, carry, book):
    """Move gathered energy to the tally, or to what escaped; returns the part of a quantum left."""
    if voxel < 0:
        book[ESCAPED] += gathered
        return carry
    quanta = gathered * scene.quanta_per_mev + carry
    whole = np.uint32(quanta)
    atomic_add(tally, voxel, whole)
    return quanta - whole


@law
def _moved_on(cell, flight):
    """Position and voxel beyond the face that is met along one axis."""
    if flight > 0.0:
        return cell + 1.0, cell + 1
    return cell + 0.0, cell - 1


@law
def replay(codes, values, at, home, ratios, scene, tally, p, cell, places, stack, book):
    """Replay the track from record `at` on; returns the number of photons left on `stack`.

    Parameters
    ----------
    home : int
        Medium that the track was made in.
    ratios : (BINS, medium, 2)
        Length ratio, and ratio of scattering per energy lost, of each medium to home.
    p, cell : (9,), (3,)
        Position (voxels) and direction to start with, and the voxel.
    places : (n, PLACE_COLUMNS)
        Scratch for the places of branches; photons go on `stack` with the voxel in columns 8-10.
    """
    z, y, x, u, v, w = p[0], p[1], p[2], p[3], p[4], p[5]
    k, j, i = cell[0], cell[1], cell[2]
    voxel, density, medium = _fetched(scene, k, j, i)
    depth, photons, outside, gathered, carry = 0, 0, False, 0.0, book[CARRY]
    while True:
        code = codes[at]
        kind = code // BINS
        if kind <= KINK and outside:
            book[ESCAPED] += values[at, 1]
        elif kind <= KINK:
            left, energy = float(values[at, 0]), float(values[at, 1])
            cosine, side1, side2 = values[at, 2], values[at, 3], values[at, 4]
            if medium != home and kind != KINK:
                cosine, stretch = widened(cosine, ratios[code % BINS, medium, 1])
                side1 *= stretch
                side2 *= stretch
            u, v, w = turned(u, v, w, cosine, side1, side2)
            by_z, by_y, by_x = u * scene.per_slice, v * scene.per_row, w * scene.per_column
            while True:  # one voxel after another, to the end of the chord
                path = left / density
                if medium != home:
                    path *= ratios[code % BINS, medium, 0]
                new_z, new_y, new_x = z + by_z * path, y + by_y * path, x + by_x * path
                if k <= new_z < k + 1 and j <= new_y < j + 1 and i <= new_x < i + 1:
                    z, y, x = new_z, new_y, new_x
                    gathered += energy
                    break
                to_z, to_y, to_x = _to_face(z, k, by_z), _to_face(y, j, by_y), _to_face(x, i, by_x)
                face = max(0.0, min(to_z, to_y, to_x))
                if face >= path:  # ends on the face itself
                    z, y, x = new_z, new_y, new_x
                    gathered += energy
                    break
                here = face / path
                carry = _settled(scene, tally, voxel, gathered + energy * here, carry, book)
                gathered, energy, left = 0.0, energy - energy * here, left - left * here
                z, y, x = z + by_z * face, y + by_y * face, x + by_x * face
                if to_z <= face:
                    z, k = _moved_on(k, by_z)
                elif to_y <= face:
                    y, j = _moved_on(j, by_y)
                else:
                    x, i = _moved_on(i, by_x)
                voxel, density, medium = _fetched(scene, k, j, i)
                if voxel < 0 and not scene.infinite:
                    outside = True
                    book[ESCAPED] += energy
                    break
        elif kind == BRANCH:
            places[depth, 0], places[depth, 1], places[depth, 2] = z, y, x
            places[depth, 3], places[depth, 4], places[depth, 5] = u, v, w
            places[depth, 6], places[depth, 7], places[depth, 8] = k, j, i
            places[depth, 9] = 1.0 if outside else 0.0
            depth += 1
        elif kind == PHOTON_RECORD and outside:
            book[ESCAPED] += values[at, 1]
        elif kind == PHOTON_RECORD:
            a, b, c = turned(u, v, w, values[at, 2], values[at, 3], values[at, 4])
            stack[photons, 0], stack[photons, 1] = PHOTON, values[at, 1]
            stack[photons, 2], stack[photons, 3], stack[photons, 4] = z, y, x
            stack[photons, 5], stack[photons, 6], stack[photons, 7] = a, b, c
            stack[photons, 8], stack[photons, 9], stack[photons, 10] = k, j, i
            photons += 1
        else:  # the end of a particle
            if gathered > 0.0:
                carry = _settled(scene, tally, voxel, gathered, carry, book)
                gathered = 0.0
            if depth == 0:
                book[CARRY] = carry
                return photons
            depth -= 1
            z, y, x = places[depth, 0], places[depth, 1], places[depth, 2]
            u, v, w = places[depth, 3], places[depth, 4], places[depth, 5]
            k, j, i = int(places[depth, 6]), int(places[depth, 7]), int(places[depth, 8])
            outside = places[depth, 9] != 0.0
            voxel, density, medium = _fetched(scene, k, j, i)
        at += 1
