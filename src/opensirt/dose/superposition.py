"""Dose gathered along backward paths through voxels of any density, compiled by numba.

A path leaves the voxel that receives the dose and collects the decays it meets, weighted as its
pieces say. Its length is measured in mm g/mL, so it stretches where the medium is thin. In a
uniform medium the same paths make a weighted sum over the voxels around, whose true value is a
convolution: what the paths miss of that is put right by the caller.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.dose.backward_paths import Paths

__all__ = [
    "OUTSIDE",
    "PathMedium",
    "Stencils",
    "VoxelPaths",
    "gather",
    "path_medium",
    "path_stencils",
    "voxel_paths",
]

Floats = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Triple = tuple[float, float, float]

TARGETS_AT_ONCE = 1024
OUTSIDE = 1e30
"""Density of the layer of voxels around the grid, where every path ends."""


class PathMedium(NamedTuple):
    """What paths run through, with one layer of voxels around the grid.

    Flat (voxels, 2): density in g/mL and decays per mL. `shape` counts the layer.
    """

    voxels: Floats
    shape: tuple[int, int, int]


class VoxelPaths(NamedTuple):
    """Paths on one voxel grid.

    `pieces` (sets, 48, pieces, 11): signs (3), mm per voxel (3), voxels per mm (3), length (mm at
    1 g/mL) and MeV per mm.
    """

    pieces: FloatArray
    pieces_of_set: Ints
    starts: FloatArray


class Stencils(NamedTuple):
    """What each path set collects in a uniform medium: voxel offsets and weights."""

    first: Ints
    """Where the list of each set starts, (sets + 1,)."""
    offset: npt.NDArray[np.int32]
    """(entries, 3)."""
    weight: Floats


def voxel_paths(paths: Paths, spacing_mm: Triple) -> VoxelPaths:
    """Paths in the units of a grid."""
    size = np.asarray(spacing_mm)
    flight = paths.pieces[..., :3].astype(np.float64) / size
    flight = np.where(np.abs(flight) < 1e-9, 1e-9, flight)
    along = np.abs(flight)
    rest = paths.pieces[..., 3:].astype(np.float64)
    return VoxelPaths(
        np.ascontiguousarray(np.concatenate([np.sign(flight), 1.0 / along, along, rest], axis=-1)),
        paths.count,
        paths.starts.astype(np.float64),
    )


def path_medium(density: Floats, activity: Floats) -> PathMedium:
    """The two maps side by side with a layer of nothing around."""
    shape = tuple(n + 2 for n in density.shape)
    voxels = np.zeros((*shape, 2), dtype=np.float32)
    voxels[..., 0] = OUTSIDE
    voxels[1:-1, 1:-1, 1:-1, 0] = density
    voxels[1:-1, 1:-1, 1:-1, 1] = activity
    return PathMedium(voxels.reshape(-1, 2), (shape[0], shape[1], shape[2]))


def path_stencils(paths: VoxelPaths, density_g_ml: float, half: tuple[int, int, int]) -> Stencils:
    """The weights of voxels up to `half` away for each set, in a medium of this density."""
    shape = tuple(2 * n + 1 for n in half)
    box = np.full(shape, density_g_ml, dtype=np.float32)
    medium = path_medium(box, np.zeros_like(box))
    inner = medium.shape
    tally = np.zeros(medium.voxels.shape[0])
    first, offsets, weights = [0], [], []
    for index in range(paths.pieces_of_set.size):
        tally[:] = 0.0
        _mark(
            medium.voxels,
            inner,
            paths.pieces[index],
            paths.pieces_of_set[index],
            paths.starts[index],
            tally,
        )
        used = np.flatnonzero(tally)
        places = np.stack(np.unravel_index(used, inner), axis=1) - 1 - np.array(half)
        offsets.append(places.astype(np.int32))
        weights.append(tally[used].astype(np.float32))
        first.append(first[-1] + used.size)
    return Stencils(np.array(first), np.concatenate(offsets), np.concatenate(weights))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _path(voxels, strides, at, z, y, x, pieces, count, tally):
    """What one path from (z, y, x), within voxel `at`, collects; a tally gets the weights.

    Signs and faces are computed with, not branched on: they cannot be predicted.
    """
    total = 0.0
    for piece in range(count):
        row = pieces[piece]
        sign_z, sign_y, sign_x = row[0], row[1], row[2]
        pace_z, pace_y, pace_x = row[3], row[4], row[5]
        left, mev = row[9], row[10]
        ahead_z, ahead_y, ahead_x = 0.5 + 0.5 * sign_z, 0.5 + 0.5 * sign_y, 0.5 + 0.5 * sign_x
        next_z = (ahead_z - sign_z * z) * pace_z
        next_y = (ahead_y - sign_y * y) * pace_y
        next_x = (ahead_x - sign_x * x) * pace_x
        step_z, step_y, step_x = strides[0] * int(sign_z), strides[1] * int(sign_y), int(sign_x)
        done, met = 0.0, 0.0
        while True:
            density = voxels[at, 0]
            face = min(next_z, min(next_y, next_x))
            mass = (face - done) * density
            if mass >= left:
                break
            met += voxels[at, 1] * (face - done)
            if tally is not None:
                tally[at] += mev * (face - done)
            left -= mass
            done = face
            on_z, on_y, on_x = next_z <= face, next_y <= face, next_x <= face
            at += (step_z if on_z else 0) + (step_y if on_y else 0) + (step_x if on_x else 0)
            next_z += pace_z if on_z else 0.0
            next_y += pace_y if on_y else 0.0
            next_x += pace_x if on_x else 0.0
        if density >= OUTSIDE:
            return total + met * mev
        path = left / density
        met += voxels[at, 1] * path
        if tally is not None:
            tally[at] += mev * path
        total += met * mev
        done += path
        z = ahead_z - sign_z * max((next_z - done) * row[6], 0.0)
        y = ahead_y - sign_y * max((next_y - done) * row[7], 0.0)
        x = ahead_x - sign_x * max((next_x - done) * row[8], 0.0)
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mark(voxels, shape, pieces, count, starts, tally):
    """Add the weights of one set about the voxel in the middle of a box."""
    strides = (shape[1] * shape[2], shape[2])
    middle = (shape[0] // 2) * strides[0] + (shape[1] // 2) * strides[1] + shape[2] // 2
    for image in range(pieces.shape[0]):
        z, y, x = 0.5 + starts[image, 0], 0.5 + starts[image, 1], 0.5 + starts[image, 2]
        _path(voxels, strides, middle, z, y, x, pieces[image], count, tally)
    tally /= pieces.shape[0]


@numba.njit(cache=True, nogil=True)
def _uniform(voxels, shape, stencils, index, k, j, i):
    """What one set would collect in the uniform medium."""
    total = 0.0
    for entry in range(stencils.first[index], stencils.first[index + 1]):
        z = k + stencils.offset[entry, 0]
        y = j + stencils.offset[entry, 1]
        x = i + stencils.offset[entry, 2]
        if 0 < z < shape[0] - 1 and 0 < y < shape[1] - 1 and 0 < x < shape[2] - 1:
            total += stencils.weight[entry] * voxels[(z * shape[1] + y) * shape[2] + x, 1]
    return total


@numba.njit(cache=True, nogil=True)
def _variant(k, j, i, shape, sets):
    """First set of a voxel: even in every axis and the same when axes are exchanged."""
    z, y, x = min(k, shape[0] - 1 - k), min(j, shape[1] - 1 - j), min(i, shape[2] - 1 - i)
    mixed = (z + y + x) * 73856093 ^ (z * z + y * y + x * x) * 19349663 ^ z * y * x * 83492791
    mixed = ((mixed >> 13 ^ mixed) & 0xFFFFFFF) * 1540483477
    return (mixed >> 15 & 0xFFFFFFF) % sets


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(targets, medium, paths, stencils, begin, end, found, plain):
    voxels, shape = medium.voxels, medium.shape
    pieces, count, starts = paths.pieces, paths.pieces_of_set, paths.starts
    strides = (shape[1] * shape[2], shape[2])
    for n in range(targets.size):
        target = targets[n]
        k, j, i = target // strides[0], target // strides[1] % shape[1], target % shape[2]
        first = _variant(k, j, i, shape, count.size)
        met, expected = 0.0, 0.0
        for turn in range(begin, end):
            index = (first + turn) % count.size
            one = 0.0
            for image in range(pieces.shape[1]):
                z = 0.5 + starts[index, image, 0]
                y = 0.5 + starts[index, image, 1]
                x = 0.5 + starts[index, image, 2]
                one += _path(
                    voxels, strides, target, z, y, x, pieces[index, image], count[index], None
                )
            met += one / pieces.shape[1]
            expected += _uniform(voxels, shape, stencils, index, k, j, i)
        found[n], plain[n] = met / (end - begin), expected / (end - begin)


def gather(
    targets: Ints,
    medium: PathMedium,
    paths: VoxelPaths,
    stencils: Stencils,
    sets: tuple[int, int],
) -> tuple[Floats, Floats]:
    """What path sets collect at the target voxels, and what they would in a uniform medium.

    Parameters
    ----------
    targets : ndarray int64, (voxels,)
        Flat indices in the grid with its layer.
    stencils : Stencils
        Of the uniform medium.
    sets : (int, int)
        First set and the one after the last, counted from the first set of each voxel.

    Returns
    -------
    ndarray float32, (voxels,), twice: means over the sets, MeV/g per decay/mL.
    """
    found = np.empty(targets.size, dtype=np.float32)
    plain = np.empty(targets.size, dtype=np.float32)
    starts = range(0, targets.size, TARGETS_AT_ONCE)

    def run(at: int) -> None:
        span = slice(at, min(at + TARGETS_AT_ONCE, targets.size))
        _gather(targets[span], medium, paths, stencils, *sets, found[span], plain[span])

    with ThreadPoolExecutor(thread_count()) as pool:
        list(pool.map(run, starts))
    return found, plain
