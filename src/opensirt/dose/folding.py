"""Folding a radial kernel over a source voxel and a target voxel, both uniform.

The vectors from a point of the source voxel to a point of the voxel at offset ``n`` are distributed
as the product over the axes of triangles ``max(0, 1 - |v - n a| / a)``, ``a`` being the voxel size.
The energy in that voxel is the mean of this product over each shell. Seen from the vector, the same
triangles are linear interpolation weights: each sampled vector shares its energy out among the
eight voxels around it, so the sum over all voxels is the energy emitted, whatever the sampling.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

__all__ = ["fold_shells"]

FloatArray = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
HalfShape = tuple[int, int, int]

GOLDEN_RATIO = (1.0 + math.sqrt(5.0)) / 2.0
DIRECTIONS = (256, 1024)
"""Fewest and most directions per radius and octant."""
POINTS_AT_ONCE = 1 << 18
ROUNDING = 1e-9


def fold_shells(
    edges_mm: FloatArray,
    cumulative_mev: FloatArray,
    spacing_mm: Triple,
    range_mm: tuple[float, float],
    half_shape: HalfShape,
    step_mm: float,
) -> FloatArray:
    """Energy per voxel from the shells between two radii.

    Parameters
    ----------
    edges_mm, cumulative_mev : ndarray, (shells + 1,)
        Radii and the energy within them; between edges energy is uniform in radius.
    spacing_mm : (float, float, float)
    range_mm : (float, float)
        Radii to take.
    half_shape : (int, int, int)
        Voxels kept on each side of the centre; energy farther out is left off.
    step_mm : float
        Step in radius, over which energy is taken as uniform, and aim between directions.

    Returns
    -------
    ndarray float64, shape ``2 * half_shape + 1``, MeV; even in every axis and the same for axes
    of equal spacing.
    """
    order = np.argsort(np.asarray(spacing_mm), kind="stable")
    sizes = np.asarray(spacing_mm)[order]
    half = np.asarray(half_shape)[order]
    corner_mm = float(np.linalg.norm((half + 1) * sizes))  # nothing farther out is kept
    reach_mm = (range_mm[0], max(range_mm[0], min(range_mm[1], corner_mm)))
    radii, energies = _radial_samples(edges_mm, cumulative_mev, reach_mm, step_mm)
    keep = np.array([half[np.isclose(sizes, size)].max() + 1 for size in sizes])
    octant = _octant(radii, energies, sizes, keep, step_mm)
    octant = _symmetric(octant, sizes)[: half[0] + 1, : half[1] + 1, : half[2] + 1]
    return _unfold(octant.transpose(np.argsort(order)))


def _radial_samples(
    edges_mm: FloatArray, cumulative_mev: FloatArray, range_mm: tuple[float, float], step_mm: float
) -> tuple[FloatArray, FloatArray]:
    """Radii (mm), two Gauss points per step, and the MeV about each, all of it in the range."""
    borders = _borders(edges_mm, range_mm, step_mm)
    energies = np.diff(np.interp(borders, edges_mm, cumulative_mev))
    middle, half = 0.5 * (borders[1:] + borders[:-1]), 0.5 * np.diff(borders)
    radii = middle[:, None] + half[:, None] * np.array([-1.0, 1.0]) / math.sqrt(3.0)
    return radii.ravel(), np.repeat(0.5 * energies, 2)


def _borders(edges_mm: FloatArray, range_mm: tuple[float, float], step_mm: float) -> FloatArray:
    """Radii (mm) between which energy is taken as uniform: steps, and the table's finer shells.

    Where shells are no wider than a step their own edges are taken, so that nothing of what the
    table says near the source, such as conversion electrons of a tenth of a millimetre, is blurred.
    """
    low, high = range_mm
    count = max(1, math.ceil((high - low) / step_mm))
    fine = edges_mm[1:][np.diff(edges_mm) <= step_mm * (1.0 + ROUNDING)]
    within = fine[(fine > low) & (fine < high)]
    start = float(within[-1]) if within.size else low
    steps = np.linspace(low, high, count + 1)
    return np.concatenate([[low], within, steps[steps > start * (1.0 + ROUNDING)]])


def _octant(
    radii_mm: FloatArray,
    energies_mev: FloatArray,
    sizes_mm: FloatArray,
    shape: npt.NDArray[np.intp],
    step_mm: float,
) -> FloatArray:
    """Energy shared out among voxels 0, 1, 2 ... by vectors that point into the first octant."""
    total = np.zeros(shape)
    wanted = (math.pi / 2.0) * (radii_mm / step_mm) ** 2
    counts = np.clip(wanted, *DIRECTIONS).astype(int)
    first = 0
    for last in _batches(counts):
        vectors, weights = _vectors(radii_mm, energies_mev, counts, first, last)
        total += _share_out(vectors / sizes_mm, weights, shape)
        first = last
    return total


def _batches(counts: npt.NDArray[np.intp]) -> list[int]:
    """Ends of runs of radii that need about `POINTS_AT_ONCE` vectors."""
    run = np.cumsum(counts) // POINTS_AT_ONCE
    return [*(np.flatnonzero(np.diff(run)) + 1).tolist(), counts.size]


def _vectors(
    radii_mm: FloatArray,
    energies_mev: FloatArray,
    counts: npt.NDArray[np.intp],
    first: int,
    last: int,
) -> tuple[FloatArray, FloatArray]:
    """Vectors (points, 3), mm, evenly spread over the octant of each radius, and their MeV."""
    number = counts[first:last]
    which = np.repeat(np.arange(first, last), number)
    place = np.arange(which.size) - np.repeat(np.cumsum(number) - number, number)
    cosine = (place + 0.5) / counts[which]
    turn = (place / GOLDEN_RATIO + which * math.sqrt(2.0)) % 1.0
    sine = np.sqrt(1.0 - cosine**2)
    angle = turn * (math.pi / 2.0)
    vectors = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=1)
    return vectors * radii_mm[which, None], energies_mev[which] / counts[which]


def _share_out(points: FloatArray, weights: FloatArray, shape: npt.NDArray[np.intp]) -> FloatArray:
    """Sum of weights per voxel after linear sharing; what falls outside `shape` is left off."""
    low = points.astype(np.intp)
    kept = np.all(low < shape, axis=1)
    low, weights = low[kept], weights[kept]
    upper = (points[kept] - low).T
    room = shape + 1  # for the upper neighbours of the last voxels
    strides = np.array([room[1] * room[2], room[2], 1])
    flat = low @ strides
    total = np.zeros(math.prod(room))
    for corner in itertools.product((0, 1), repeat=3):
        part = weights.copy()
        for one, fraction in zip(corner, upper, strict=True):
            part *= fraction if one else 1.0 - fraction
        total += np.bincount(flat + int(strides @ corner), weights=part, minlength=total.size)
    return total.reshape(room)[: shape[0], : shape[1], : shape[2]]


def _symmetric(octant: FloatArray, sizes_mm: FloatArray) -> FloatArray:
    """Mean over the exchanges of axes of equal size, which removes the lattice's own direction."""
    same = [
        axes
        for axes in itertools.permutations(range(3))
        if np.allclose(sizes_mm[list(axes)], sizes_mm, rtol=1e-9)
    ]
    return np.asarray(np.mean([octant.transpose(axes) for axes in same], axis=0))


def _unfold(octant: FloatArray) -> FloatArray:
    """The whole kernel: each octant voxel's energy shared among its mirror images."""
    parts = octant.copy()
    for axis in range(3):
        beyond: list[slice] = [slice(None)] * 3
        beyond[axis] = slice(1, None)
        parts[tuple(beyond)] *= 0.5
    mirror = [np.abs(np.arange(-n + 1, n)) for n in octant.shape]
    return np.ascontiguousarray(parts[np.ix_(*mirror)])
