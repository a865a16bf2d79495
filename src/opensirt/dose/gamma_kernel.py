"""The search behind the gamma index: nearest point of a piecewise linear dose, compiled.

Lengths are in units of the distance criterion and doses in units of the dose criterion, so that a
point of the evaluated map is (slice, row, column, dose) and gamma is a Euclidean distance. Vertices
are given relative to the reference point.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["gamma_of_voxels", "segment_squared", "tetrahedron_squared", "triangle_squared"]

Floats = npt.NDArray[np.float64]

# Corners of a cell by number: bit 2 is the slice, bit 1 the row, bit 0 the column.
_FACES = np.array(
    [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]]
)
"""Corners of the six faces of a cell, each in the order of its edges."""


@numba.njit(cache=True, inline="always")
def segment_squared(aa: float, ab: float, bb: float) -> float:
    """Squared distance of the origin from the segment a-b, from the inner products of its ends."""
    length2 = aa - 2.0 * ab + bb
    if length2 <= 0.0:
        return aa
    along = ab - aa
    part = min(1.0, max(0.0, -along / length2))
    return aa + part * (2.0 * along + part * length2)


@numba.njit(cache=True)
def triangle_squared(aa: float, bb: float, cc: float, ab: float, ac: float, bc: float) -> float:
    """Squared distance of the origin from the triangle a-b-c, from inner products.

    Where the foot of the perpendicular lies outside, the nearest point is on an edge opposite to a
    corner of negative weight.
    """
    h11, h22 = aa - 2.0 * ab + bb, aa - 2.0 * ac + cc
    h12 = aa - ab - ac + bc
    r1, r2 = ab - aa, ac - aa
    det = h11 * h22 - h12 * h12
    w1 = (r2 * h12 - r1 * h22) / det
    w2 = (r1 * h12 - r2 * h11) / det
    w0 = 1.0 - w1 - w2
    if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0:
        return max(0.0, aa + w1 * r1 + w2 * r2)
    best = np.inf
    if w0 < 0.0:
        best = segment_squared(bb, bc, cc)
    if w1 < 0.0:
        best = min(best, segment_squared(aa, ac, cc))
    if w2 < 0.0:
        best = min(best, segment_squared(aa, ab, bb))
    return best


@numba.njit(cache=True)
def tetrahedron_squared(
    aa: float, bb: float, cc: float, dd: float,
    ab: float, ac: float, ad: float, bc: float, bd: float, cd: float,
) -> float:  # fmt: skip
    """Squared distance of the origin from the tetrahedron a-b-c-d, from inner products [ju2008]."""
    h11, h22, h33 = aa - 2.0 * ab + bb, aa - 2.0 * ac + cc, aa - 2.0 * ad + dd
    h12, h13, h23 = aa - ab - ac + bc, aa - ab - ad + bd, aa - ac - ad + cd
    r1, r2, r3 = ab - aa, ac - aa, ad - aa
    c11, c12, c13 = h22 * h33 - h23 * h23, h13 * h23 - h12 * h33, h12 * h23 - h13 * h22
    c22, c23, c33 = h11 * h33 - h13 * h13, h12 * h13 - h11 * h23, h11 * h22 - h12 * h12
    det = h11 * c11 + h12 * c12 + h13 * c13
    w1 = -(c11 * r1 + c12 * r2 + c13 * r3) / det
    w2 = -(c12 * r1 + c22 * r2 + c23 * r3) / det
    w3 = -(c13 * r1 + c23 * r2 + c33 * r3) / det
    w0 = 1.0 - w1 - w2 - w3
    if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0 and w3 >= 0.0:
        return max(0.0, aa + w1 * r1 + w2 * r2 + w3 * r3)
    best = np.inf
    if w0 < 0.0:
        best = triangle_squared(bb, cc, dd, bc, bd, cd)
    if w1 < 0.0:
        best = min(best, triangle_squared(aa, cc, dd, ac, ad, cd))
    if w2 < 0.0:
        best = min(best, triangle_squared(aa, bb, dd, ab, ad, bd))
    if w3 < 0.0:
        best = min(best, triangle_squared(aa, bb, cc, ab, ac, bc))
    return best


@numba.njit(cache=True)
def _inner(points: Floats, i: int, j: int) -> float:
    return (
        points[i, 0] * points[j, 0]
        + points[i, 1] * points[j, 1]
        + points[i, 2] * points[j, 2]
        + points[i, 3] * points[j, 3]
    )


@numba.njit(cache=True)
def _cell_squared(points: Floats, best: float) -> float:
    """The lesser of `best` and the squared distance of the origin from one cell.

    Rows 0 to 7 of `points` are the corners; rows 8 and 9 are room for the middle of the cell and
    of a face, whose doses are means of the corners, as in trilinear interpolation. The cell is the
    24 tetrahedra middle - face middle - two corners of a face, the same seen from every side.
    """
    for axis in range(4):
        total = 0.0
        for corner in range(8):
            total += points[corner, axis]
        points[8, axis] = total / 8.0
    mm = _inner(points, 8, 8)
    for face in range(6):
        low = high = points[8, 3]
        for axis in range(4):
            total = 0.0
            for corner in range(4):
                total += points[_FACES[face, corner], axis]
            points[9, axis] = total / 4.0
        for corner in range(4):
            low = min(low, points[_FACES[face, corner], 3])
            high = max(high, points[_FACES[face, corner], 3])
        gap = max(0.0, max(low, -high))
        if gap * gap >= best:
            continue
        ff, mf = _inner(points, 9, 9), _inner(points, 8, 9)
        for corner in range(4):
            a, b = _FACES[face, corner], _FACES[face, (corner + 1) % 4]
            distance2 = tetrahedron_squared(
                mm, ff, _inner(points, a, a), _inner(points, b, b),
                mf, _inner(points, 8, a), _inner(points, 8, b),
                _inner(points, 9, a), _inner(points, 9, b), _inner(points, a, b),
            )  # fmt: skip
            best = min(best, distance2)
    return best


@numba.njit(cache=True)
def _trilinear(doses: Floats, u: float, v: float, w: float) -> float:
    """Dose inside a cell from the doses of its corners (8,), at fractions along its axes."""
    a = doses[0] + w * (doses[1] - doses[0])
    b = doses[2] + w * (doses[3] - doses[2])
    c = doses[4] + w * (doses[5] - doses[4])
    d = doses[6] + w * (doses[7] - doses[6])
    front, back = a + v * (b - a), c + v * (d - c)
    return front + u * (back - front)


@numba.njit(cache=True)
def _fill(points: Floats, doses: Floats, cell: Any, part: Any, counts: Any, step: Floats) -> None:
    """Corners of one part of a cell: places from the reference point, and trilinear doses."""
    for corner in range(8):
        u = (part[0] + (corner >> 2)) / counts[0]
        v = (part[1] + ((corner >> 1) & 1)) / counts[1]
        w = (part[2] + (corner & 1)) / counts[2]
        points[corner, 0] = (cell[0] + u) * step[0]
        points[corner, 1] = (cell[1] + v) * step[1]
        points[corner, 2] = (cell[2] + w) * step[2]
        points[corner, 3] = _trilinear(doses, u, v, w)


@numba.njit(cache=True)
def _bound_squared(points: Floats, nearest: Floats) -> float:
    """A lower bound of the squared distance of the origin from a box of eight corners.

    The dose is its linear fit plus at most `rest`, the largest misfit of a corner, since a
    trilinear function is largest at corners. Without the walls of the box the least of
    ``|x|^2 + (|L(x)| - rest)^2`` is ``(|L(0)| - rest)^2 / (1 + |slope|^2)``, at a place x*; away
    from it the sum grows at least as ``|x - x*|^2``.
    """
    low = high = points[0, 3]
    middle = 0.0
    for corner in range(8):
        low, high = min(low, points[corner, 3]), max(high, points[corner, 3])
        middle += points[corner, 3] / 8.0
    slope2, start = 0.0, middle
    for axis in range(3):
        bit = 4 >> axis
        rise = 0.0
        for corner in range(8):
            rise += points[corner, 3] if corner & bit else -points[corner, 3]
        slope = rise / 4.0 / (points[7, axis] - points[0, axis])
        nearest[axis] = slope
        slope2 += slope * slope
        start -= slope * 0.5 * (points[7, axis] + points[0, axis])
    rest = 0.0
    for corner in range(8):
        fit = start
        for axis in range(3):
            fit += nearest[axis] * points[corner, axis]
        rest = max(rest, abs(points[corner, 3] - fit))
    excess = max(0.0, abs(start) - rest)
    pull = -(excess if start > 0.0 else -excess) / (1.0 + slope2)
    walls2 = away2 = 0.0
    for axis in range(3):
        first, last, place = points[0, axis], points[7, axis], pull * nearest[axis]
        walls2 += max(0.0, max(first, -last)) ** 2
        away2 += max(0.0, max(first - place, place - last)) ** 2
    gap = max(0.0, max(low, -high))
    return max(walls2 + gap * gap, excess * excess / (1.0 + slope2) + away2)


@numba.njit(cache=True, inline="always")
def _away(cell: int, part: int, count: int, step: float) -> float:
    """Squared distance of the reference point from one part of a cell along one axis."""
    first = (cell + part / count) * step
    return max(0.0, max(first, -first - step / count)) ** 2


@numba.njit(cache=True)
def _parts_squared(doses: Floats, cell: Any, search: Any, best: float, room: Any) -> float:
    """The lesser of `best` and the squared distance from every part of one cell."""
    points, nearest, part, whole, one = room
    _, _, counts, step = search
    _fill(points, doses, cell, whole, one, step)
    if _bound_squared(points, nearest) >= best:
        return best
    for i in range(counts[0]):
        part[0] = i
        far0 = _away(cell[0], i, counts[0], step[0])
        for j in range(counts[1]):
            part[1] = j
            far1 = far0 + _away(cell[1], j, counts[1], step[1])
            for k in range(counts[2]):
                if far1 + _away(cell[2], k, counts[2], step[2]) >= best:
                    continue
                part[2] = k
                _fill(points, doses, cell, part, counts, step)
                if _bound_squared(points, nearest) < best:
                    best = _cell_squared(points, best)
    return best


@numba.njit(cache=True)
def _first_guess(doses: Floats, cell: Any, step: Floats, points: Floats, nearest: Floats) -> float:
    """Squared distance of one good point of a cell: the nearest of its linear fit."""
    middle, slope2 = 0.0, 0.0
    for corner in range(8):
        middle += doses[corner] / 8.0
    for axis in range(3):
        bit = 4 >> axis
        rise = 0.0
        for corner in range(8):
            rise += doses[corner] if corner & bit else -doses[corner]
        nearest[axis] = rise / 4.0 / step[axis]
        slope2 += nearest[axis] ** 2
        middle -= nearest[axis] * (cell[axis] + 0.5) * step[axis]
    distance2 = 0.0
    for axis in range(3):
        part = -middle * nearest[axis] / (1.0 + slope2) / step[axis] - cell[axis]
        part = min(1.0, max(0.0, part))
        points[9, axis] = part
        distance2 += ((cell[axis] + part) * step[axis]) ** 2
    return distance2 + _trilinear(doses, points[9, 0], points[9, 1], points[9, 2]) ** 2


@numba.njit(cache=True)
def _voxel_squared(
    place: Any, reference: float, evaluated: Any, per_gray: float, search: Any, most2: float
) -> float:
    """Squared gamma of one voxel, at most `most2`; see `gamma_of_voxels` for `search`."""
    cells, near2, _, step = search
    here = (evaluated[place[0], place[1], place[2]] - reference) * per_gray
    best = min(most2, here * here)
    if near2[0] >= best:
        return best
    points, nearest, doses = np.empty((10, 4)), np.empty(3), np.empty(8)
    nothing, one = np.zeros(3, np.int64), np.ones(3, np.int64)
    room = (points, nearest, np.empty(3, np.int64), nothing, one)
    for is_search in range(2):  # first a good point of every touching cell, then all of every cell
        for number in range(cells.shape[0]):
            limit = near2[number] if is_search else near2[number] + 1e-9
            if limit >= best or (not is_search and near2[number] > 0.0):
                break
            first = place + cells[number]
            outside = False
            for axis in range(3):
                outside |= first[axis] < 0 or first[axis] + 1 >= evaluated.shape[axis]
            if outside:
                continue
            for corner in range(8):
                i, j, k = corner >> 2, (corner >> 1) & 1, corner & 1
                dose = evaluated[first[0] + i, first[1] + j, first[2] + k]
                doses[corner] = (dose - reference) * per_gray
            if is_search:
                best = _parts_squared(doses, cells[number], search, best, room)
            else:
                best = min(best, _first_guess(doses, cells[number], step, points, nearest))
    return best


@numba.njit(cache=True, nogil=True)
def gamma_of_voxels(
    places: npt.NDArray[np.int64],
    reference: Any,
    evaluated: Any,
    gray_allowed: Floats,
    search: Any,
    most: float,
) -> npt.NDArray[np.float32]:
    """Gamma of the voxels at `places` (voxels, 3), at most `most`.

    `reference` and `evaluated` are doses (slice, row, column) in Gy, `gray_allowed` (voxels,) the
    dose criterion of each voxel. `search` says where to look, nearest first: cells (n, 3) as
    offsets of their first corner, their squared distance (n,), the parts to cut a cell into per
    axis (3,) and the voxel size (3,), lengths in units of the distance criterion.
    """
    found = np.empty(places.shape[0], np.float32)
    for number in range(places.shape[0]):
        place = places[number]
        value = reference[place[0], place[1], place[2]]
        squared = _voxel_squared(
            place, value, evaluated, 1.0 / gray_allowed[number], search, most * most
        )
        found[number] = np.sqrt(squared)
    return found
