"""Planar contours to the fraction of each voxel that they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "PlaneSlab",
    "covered_fractions",
    "fill_loops",
    "fill_traced_loops",
    "is_traced",
    "plane_slabs",
    "reach_out",
]

FloatArray = npt.NDArray[np.float64]

BANDS = 8
"""Bands per voxel row, beside those that start at a corner of the contour.

Between two corners the coverage of a band is taken on its middle line, where it is exact across
columns; a contour along rows and columns is exact altogether.
"""
WIDE_GAP = 1.5
"""A gap wider than this many usual plane spacings separates two pieces of a region."""
SINGLE_GAP = 2.05
"""The widest gap, in slices, between the only two planes of a region that joins them."""


ON_CENTRE = 0.01
"""Vertices closer than this part of a voxel to a voxel centre lie on it."""


@dataclass(frozen=True, slots=True)
class PlaneSlab:
    """What one contour plane stands for along the slice axis, in slice indices."""

    position: float
    low: float
    high: float


def plane_slabs(
    positions: Sequence[float], usual_spacing: float | None = None
) -> tuple[tuple[PlaneSlab, ...], int]:
    """Slab of every plane: half way to each neighbour, half the usual spacing at an open end.

    Parameters
    ----------
    positions : sequence of float
        Slice index of each plane, ascending, none twice.
    usual_spacing : float, optional
        Plane spacing of the source, slices, where fewer than three planes do not tell it.

    Returns
    -------
    slabs, and the number of gaps wider than `WIDE_GAP` usual spacings, which stay empty.
    """
    places = np.asarray(positions, dtype=np.float64)
    gaps = np.diff(places)
    usual = _usual_gap(gaps, usual_spacing)
    joined = gaps <= WIDE_GAP * usual
    halves = np.where(joined, gaps, usual) / 2
    below = np.concatenate([[usual / 2], halves])
    above = np.concatenate([halves, [usual / 2]])
    slabs = [
        PlaneSlab(float(p), float(p - b), float(p + a))
        for p, b, a in zip(places, below, above, strict=True)
    ]
    return tuple(slabs), int(np.count_nonzero(~joined))


def _usual_gap(gaps: FloatArray, usual_spacing: float | None) -> float:
    if gaps.size >= 2:
        return float(np.sort(gaps)[(gaps.size - 1) // 2])  # the lower median: a gap that occurs
    if usual_spacing is not None:
        return usual_spacing
    return float(gaps[0]) if gaps.size and gaps[0] <= SINGLE_GAP else 1.0


def covered_fractions(slab: PlaneSlab, slices: int) -> list[tuple[int, float]]:
    """(slice index, part of that slice's thickness inside the slab) for slices of the grid."""
    first = max(0, int(np.floor(slab.low + 0.5)))
    last = min(slices - 1, int(np.ceil(slab.high - 0.5)))
    parts = [(k, min(slab.high, k + 0.5) - max(slab.low, k - 0.5)) for k in range(first, last + 1)]
    return [(k, min(1.0, part)) for k, part in parts if part > 1e-6]


def fill_loops(
    loops: Sequence[FloatArray], shape: tuple[int, int], *, winding: bool = False
) -> npt.NDArray[np.float32]:
    """Fraction of each pixel inside closed loops by the even-odd rule.

    Loops inside loops are holes, keyhole channels cancel, and crossing loops are exclusive. With
    `winding`, inside is all that the loops wind round at least once, however often.

    Parameters
    ----------
    loops : sequence of float arrays, (points, 2)
        (row, column) indices, pixel centres at whole numbers; the last point joins the first.
    shape : (int, int)
        Rows and columns of the result; parts of the loops outside it are cut off.

    Returns
    -------
    ndarray float32 of `shape`, 0 to 1.
    """
    rows, columns = shape
    starts = np.concatenate([np.asarray(loop, dtype=np.float64) for loop in loops]) + 0.5
    ends = np.concatenate([np.roll(loop, -1, axis=0) for loop in loops]) + 0.5
    levels = np.concatenate([np.linspace(0, rows, rows * BANDS + 1), starts[:, 0]])
    levels = np.unique(levels[(levels >= 0) & (levels <= rows)])
    heights = np.diff(levels)
    middles = levels[:-1] + heights / 2
    lines, places, falling = _crossings(starts, ends, middles)
    order = np.lexsort((places, lines))
    lines, places = lines[order], np.clip(places[order], 0.0, columns)
    if winding:
        turns = np.cumsum(np.where(falling[order], -1, 1))  # 0 again at the end of every line
        entry = np.where(np.diff(turns, prepend=0) == turns, 1.0, 0.0)
        weight = (entry - (turns == 0)) * heights[lines]
    else:
        # every line meets closed loops an even number of times: entries and exits alternate
        weight = np.where(np.arange(places.size) % 2 == 0, 1.0, -1.0) * heights[lines]
    whole = np.floor(places)
    part = places - whole
    row = np.floor(middles).astype(np.int64)
    cell = row[lines] * (columns + 2) + whole.astype(np.int64)
    size = rows * (columns + 2)
    steps = np.bincount(cell, weight * (1 - part), size)
    steps += np.bincount(cell + 1, weight * part, size)
    covered = np.cumsum(steps.reshape(rows, columns + 2), axis=1)[:, :columns]
    covered[covered < 1e-9] = 0.0  # what rounding leaves of a sum that ends at nothing
    return np.minimum(covered, 1.0).astype(np.float32)


def _crossings(
    starts: FloatArray, ends: FloatArray, middles: FloatArray
) -> tuple[npt.NDArray[np.int64], FloatArray, npt.NDArray[np.bool_]]:
    """Middle line and column of each crossing with an edge, and whether the edge falls in row."""
    low = np.searchsorted(middles, np.minimum(starts[:, 0], ends[:, 0]))
    high = np.searchsorted(middles, np.maximum(starts[:, 0], ends[:, 0]))
    counts = high - low
    edge = np.repeat(np.arange(counts.size), counts)
    first = np.cumsum(counts) - counts
    line = low[edge] + np.arange(edge.size) - first[edge]
    rise = ends[edge] - starts[edge]
    along = (middles[line] - starts[edge, 0]) / rise[:, 0]
    return line, starts[edge, 1] + along * rise[:, 1], rise[:, 0] < 0


def is_traced(loop: FloatArray) -> bool:
    """True where a loop steps from voxel centre to voxel centre, straight or diagonally.

    So does a contour traced along the outermost voxels of a mask, as image libraries do it; its
    polygon is half a voxel smaller than the mask all round.
    """
    nearest = np.rint(loop)
    if np.abs(loop - nearest).max() > ON_CENTRE:
        return False
    steps = np.abs(np.roll(nearest, -1, axis=0) - nearest)
    return bool(np.all((steps.min(axis=1) == 0) | (steps[:, 0] == steps[:, 1])))


def fill_traced_loops(
    loops: Sequence[FloatArray], inside: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The mask that `is_traced` loops were traced from: voxels inside and on the line.

    `inside` is what the loops enclose; the fractions that come back are 0 or 1.
    """
    mask, shape = inside > 0.5, inside.shape
    for loop in loops:
        corners = np.rint(loop).astype(np.int64)
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            count = int(np.abs(end - start).max()) + 1
            line = start + np.outer(np.arange(count), np.sign(end - start))
            inside = np.all((line >= 0) & (line < shape), axis=1)
            mask[tuple(line[inside].T)] = True
    return mask.astype(np.float32)


def reach_out(loops: Sequence[FloatArray], shape: tuple[int, ...]) -> bool:
    """True where a loop (row, column) lies a voxel or more outside an image of that shape."""
    points = np.concatenate(loops)
    return bool((points < -1.0).any() or (points > np.asarray(shape)).any())
