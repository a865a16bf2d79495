"""Straight pieces of path through voxels, and where their energy goes.

A position is held in voxel units (slice, row, column) with the voxel it lies in, a direction as a
unit vector along the same axes. Energy gathers in ``book[GATHERED]`` while the voxel stays the
same, and is then added to the tally in whole quanta; what is left of a quantum is carried on to
the next voxel, so no energy is lost. Whole numbers make the sum independent of the order.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_atomic import atomic_add
from opensirt.dose.mc_density import THINNEST_G_ML, medium_number
from opensirt.dose.mc_random import law

__all__ = [
    "BOOK_SIZE",
    "CARRY",
    "EMITTED",
    "ESCAPED",
    "GATHERED",
    "TRACKLESS",
    "Scene",
    "deposit",
    "enter",
    "march",
    "medium_at",
    "settle",
    "voxel_of",
]

GATHERED, CARRY, ESCAPED, EMITTED, TRACKLESS = 0, 1, 2, 3, 4
BOOK_SIZE = 5
"""Places of an account: energies in MeV, then histories that found no track to replay."""
ENDLESS = 1e30


class Scene(NamedTuple):
    """What particles move through."""

    density: npt.NDArray[np.float32]
    """g/mL, flattened (slice, row, column)."""
    highest_g_ml: npt.NDArray[np.float32]
    medium_of: npt.NDArray[np.uint8]
    """Both as in `Matter`."""
    slices: int
    rows: int
    columns: int
    per_slice: float
    """Voxels per mm along each axis."""
    per_row: float
    per_column: float
    infinite: bool
    """Whether the medium of voxel 0 goes on outside; otherwise outside is vacuum."""
    majorant: npt.NDArray[np.float64]
    """Largest photon attenuation anywhere (1/mm) at each row of the photon tables."""
    quanta_per_mev: float


@law
def voxel_of(scene, cell):
    """Flat index of a voxel, -1 outside the grid."""
    k, j, i = cell[0], cell[1], cell[2]
    if 0 <= k < scene.slices and 0 <= j < scene.rows and 0 <= i < scene.columns:
        return (k * scene.rows + j) * scene.columns + i
    return -1


@law
def medium_at(scene, density):
    """Medium of this density (g/mL)."""
    return medium_number(scene.highest_g_ml, scene.medium_of, density)


@law
def enter(p, cell):
    """Put into `cell` the voxel that holds the position ``p[0:3]``."""
    for axis in range(3):
        cell[axis] = math.floor(p[axis])


@law
def settle(scene, tally, cell, book):
    """Move the gathered energy to the tally of voxel `cell`, or to what escaped."""
    if book[GATHERED] > 0.0:
        voxel = voxel_of(scene, cell)
        if voxel >= 0:
            quanta = book[GATHERED] * scene.quanta_per_mev + book[CARRY]
            whole = np.uint32(quanta)
            book[CARRY] = quanta - whole
            atomic_add(tally, voxel, whole)
        else:
            book[ESCAPED] += book[GATHERED]
        book[GATHERED] = 0.0


@law
def deposit(scene, tally, cell, book, energy):
    """Leave energy (MeV) in voxel `cell`."""
    book[GATHERED] += energy
    settle(scene, tally, cell, book)


@law
def march(scene, tally, p, cell, length, energy, scales, halt, book):
    """Go `length` (mm at 1 g/cm3 of the particle's home medium), leaving `energy` evenly along it.

    ``scales[medium, 0]`` is how much farther, in mm g/cm3, the same step reaches in another medium.
    Returns the length left: 0 at the end, more where the medium changed and `halt` is set, minus
    the length left where the particle left the grid for the vacuum.
    """
    if length <= 0.0:
        book[GATHERED] += energy
        return 0.0
    left = length
    voxel = voxel_of(scene, cell)
    flight_z, flight_y, flight_x = (
        p[3] * scene.per_slice,
        p[4] * scene.per_row,
        p[5] * scene.per_column,
    )
    density = max(scene.density[max(voxel, 0)], THINNEST_G_ML)
    medium = medium_at(scene, density)
    while True:
        mass = density / scales[medium, 0]
        axis, path = _nearest_face(p, cell, flight_z, flight_y, flight_x)
        if path * mass >= left:
            path = left / mass
            p[0] += flight_z * path
            p[1] += flight_y * path
            p[2] += flight_x * path
            book[GATHERED] += energy * left / length
            return 0.0
        p[0] += flight_z * path
        p[1] += flight_y * path
        p[2] += flight_x * path
        book[GATHERED] += energy * path * mass / length
        left -= path * mass
        settle(scene, tally, cell, book)
        if p[3 + axis] > 0.0:
            cell[axis] += 1
            p[axis] = cell[axis]
        else:
            p[axis] = cell[axis]
            cell[axis] -= 1
        voxel = voxel_of(scene, cell)
        if voxel < 0 and not scene.infinite:
            return -left
        density = max(scene.density[max(voxel, 0)], THINNEST_G_ML)
        now = medium_at(scene, density)
        if halt and now != medium:
            return left
        medium = now


@law
def _nearest_face(p, cell, flight_z, flight_y, flight_x):
    """Axis of the face of the voxel that is met first, and the path to it (mm)."""
    axis, path = 0, ENDLESS
    if flight_z != 0.0:
        path = (cell[0] + (1 if flight_z > 0.0 else 0) - p[0]) / flight_z
    if flight_y != 0.0:
        to_face = (cell[1] + (1 if flight_y > 0.0 else 0) - p[1]) / flight_y
        if to_face < path:
            axis, path = 1, to_face
    if flight_x != 0.0:
        to_face = (cell[2] + (1 if flight_x > 0.0 else 0) - p[2]) / flight_x
        if to_face < path:
            axis, path = 2, to_face
    return axis, max(path, 0.0)
