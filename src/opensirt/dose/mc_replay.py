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
from opensirt.dose.mc_electrons import PHOTON
from opensirt.dose.mc_physics import turned, widened
from opensirt.dose.mc_random import law
from opensirt.dose.mc_tracks import BINS, BRANCH, KINK, PHOTON_RECORD
from opensirt.dose.mc_voxels import CARRY, ESCAPED, THINNEST_G_ML

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
    step = min(int(density * scene.density_steps), len(scene.medium_of) - 1)
    return voxel, density, scene.medium_of[step]


@law
def _to_face(place, cell, flight):
    """Path (mm) to the face of voxel `cell` that is met along one axis."""
    if flight > 0.0:
        return (cell + 1 - place) / flight
    if flight < 0.0:
        return (cell - place) / flight
    return math.inf


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
        if kind <= KINK:
            left, energy = float(values[at, 0]), float(values[at, 1])
            if outside:
                book[ESCAPED] += energy
                at += 1
                continue
            cosine, side1, side2 = values[at, 2], values[at, 3], values[at, 4]
            thin = 1.0 / density
            if medium != home:
                thin *= ratios[code % BINS, medium, 0]
                if kind != KINK:
                    cosine, stretch = widened(cosine, ratios[code % BINS, medium, 1])
                    side1 *= stretch
                    side2 *= stretch
            u, v, w = turned(u, v, w, cosine, side1, side2)
            flight_z, flight_y, flight_x = (
                u * scene.per_slice,
                v * scene.per_row,
                w * scene.per_column,
            )
            while True:
                path = left * thin
                new_z, new_y, new_x = z + flight_z * path, y + flight_y * path, x + flight_x * path
                if k <= new_z < k + 1 and j <= new_y < j + 1 and i <= new_x < i + 1:
                    z, y, x = new_z, new_y, new_x
                    gathered += energy
                    break
                to_z, to_y, to_x = (
                    _to_face(z, k, flight_z),
                    _to_face(y, j, flight_y),
                    _to_face(x, i, flight_x),
                )
                face = max(0.0, min(to_z, to_y, to_x))
                if face >= path:  # ends on the face itself
                    z, y, x = new_z, new_y, new_x
                    gathered += energy
                    break
                share = face / path
                gathered += energy * share
                energy -= energy * share
                left -= left * share
                z, y, x = z + flight_z * face, y + flight_y * face, x + flight_x * face
                if voxel >= 0:
                    quanta = gathered * scene.quanta_per_mev + carry
                    whole = np.uint32(quanta)
                    carry = quanta - whole
                    atomic_add(tally, voxel, whole)
                else:
                    book[ESCAPED] += gathered
                gathered = 0.0
                if to_z <= face:
                    k += 1 if flight_z > 0.0 else -1
                    z = k if flight_z > 0.0 else k + 1.0
                elif to_y <= face:
                    j += 1 if flight_y > 0.0 else -1
                    y = j if flight_y > 0.0 else j + 1.0
                else:
                    i += 1 if flight_x > 0.0 else -1
                    x = i if flight_x > 0.0 else i + 1.0
                voxel, density, medium = _fetched(scene, k, j, i)
                if voxel < 0 and not scene.infinite:
                    outside = True
                    book[ESCAPED] += energy
                    break
                thin = 1.0 / density
                if medium != home:
                    thin *= ratios[code % BINS, medium, 0]
        elif kind == BRANCH:
            places[depth, 0], places[depth, 1], places[depth, 2] = z, y, x
            places[depth, 3], places[depth, 4], places[depth, 5] = u, v, w
            places[depth, 6], places[depth, 7], places[depth, 8] = k, j, i
            places[depth, 9] = 1.0 if outside else 0.0
            depth += 1
        elif kind == PHOTON_RECORD:
            if outside:
                book[ESCAPED] += values[at, 1]
            else:
                a, b, c = turned(u, v, w, values[at, 2], values[at, 3], values[at, 4])
                stack[photons, 0], stack[photons, 1] = PHOTON, values[at, 1]
                stack[photons, 2], stack[photons, 3], stack[photons, 4] = z, y, x
                stack[photons, 5], stack[photons, 6], stack[photons, 7] = a, b, c
                stack[photons, 8], stack[photons, 9], stack[photons, 10] = k, j, i
                photons += 1
        else:  # END
            if gathered > 0.0:
                if voxel >= 0:
                    quanta = gathered * scene.quanta_per_mev + carry
                    whole = np.uint32(quanta)
                    carry = quanta - whole
                    atomic_add(tally, voxel, whole)
                else:
                    book[ESCAPED] += gathered
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
