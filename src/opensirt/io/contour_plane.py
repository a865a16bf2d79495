"""The closed contours of one plane together: what is outside, what is a hole, what is there twice.

Structure sets repeat contours (from another corner, backwards, walked twice, exported again with
other rounding) and draw contours that cross. A plain even-odd fill makes holes of all that. Here
only a contour inside another one is a hole; repeats count once, and contours that cross add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.io.contour_fill import fill_loops

__all__ = ["CROSSING", "REPEATED", "TWISTED", "WALKED_TWICE", "WOUND", "fill_plane"]

FloatArray = npt.NDArray[np.float64]
Fractions = npt.NDArray[np.float32]

NEAR = 0.5
"""Contours whose mean distance is below this part of a pixel are one, drawn again."""
INSIDE, APART = 0.98, 0.02
"""Shares of a contour's area in another: at least the first, it lies inside; at most the second,
beside it; between them the two cross."""
OF_ITSELF = 0.01
"""Relative difference of area by corners and by filling, above which a contour meets itself."""

REPEATED = "drawn again almost alike in the same plane, used once"
WALKED_TWICE = "one contour walks round its area twice; it counts once"
WOUND = "one contour winds round a part of its area twice; that part is taken for a hole"
TWISTED = "one contour crosses itself; what it encloses on either side of the crossing counts"
CROSSING = "contours of one plane cross; what either encloses counts"


@dataclass(slots=True)
class _Part:
    """One contour: where it lies in the plane, its coverage there, and its place among others."""

    loop: FloatArray
    low: tuple[int, int]
    cover: Fractions
    area: float
    depth: int = 0

    @property
    def high(self) -> tuple[int, int]:
        return self.low[0] + self.cover.shape[0], self.low[1] + self.cover.shape[1]

    def rim(self) -> float:
        """Length, in pixels."""
        return float(np.linalg.norm(self.loop - np.roll(self.loop, 1, axis=0), axis=1).sum())


def fill_plane(
    loops: Sequence[FloatArray], shape: tuple[int, int], exclusive: bool = False
) -> tuple[Fractions, frozenset[str]]:
    """Fraction of each pixel inside the contours of a plane, and what had to be decided.

    Parameters
    ----------
    loops : sequence of float arrays, (points, 2)
        (row, column) indices, pixel centres at whole numbers.
    shape : (int, int)
        Rows and columns of the result; parts of the loops outside it are cut off.
    exclusive : bool
        Contours of the type CLOSEDPLANAR_XOR: even-odd throughout, as DICOM defines it.
    """
    if exclusive:
        return fill_loops(loops, shape), frozenset()
    notes: set[str] = set()
    parts = sorted((_part(loop, shape, notes) for loop in loops), key=lambda p: -p.area)
    kept: list[_Part] = []
    crossing = False
    for part in parts:
        found = [_relation(other, part) for other in kept]
        if "same" in found:
            notes.add(REPEATED)
            continue
        part.depth = found.count("inside")
        crossing |= "cross" in found
        kept.append(part)
    if crossing:
        notes.add(CROSSING)
    total = np.zeros(shape, dtype=np.float32)
    for part in sorted(kept, key=lambda p: p.depth):
        here = total[part.low[0] : part.high[0], part.low[1] : part.high[1]]
        if part.depth % 2:
            here -= part.cover
            np.maximum(here, 0.0, out=here)
        elif crossing:
            here += part.cover * (1.0 - here)
        else:
            here += part.cover
    return np.minimum(total, 1.0), frozenset(notes)


def _part(loop: FloatArray, shape: tuple[int, int], notes: set[str]) -> _Part:
    """A contour filled in the box it needs; one that walks round itself again counts once."""
    low = np.clip(np.floor(loop.min(axis=0) + 0.5).astype(int), 0, np.asarray(shape) - 1)
    high = np.clip(np.floor(loop.max(axis=0) + 0.5).astype(int) + 1, low + 1, shape)
    place = (int(low[0]), int(low[1]))
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    cover = fill_loops([loop - low], size)
    part = _Part(loop, place, cover, float(cover.sum()))
    if abs(abs(_signed_area(loop)) - part.area) > OF_ITSELF * max(part.area, 1.0):
        whole = fill_loops([loop - low], size, winding=True)
        if part.area < NEAR * part.rim() / 2 and whole.sum() > 2.0 * part.area:
            part.cover, part.area = whole, float(whole.sum())
            notes.add(WALKED_TWICE)
        elif whole.sum() > (1.0 + OF_ITSELF) * part.area:
            notes.add(WOUND)
        elif abs(_signed_area(loop)) < part.area:
            notes.add(TWISTED)
    return part


def _signed_area(loop: FloatArray) -> float:
    row, column = loop.T
    return float(0.5 * (row @ np.roll(column, -1) - column @ np.roll(row, -1)))


def _relation(one: _Part, other: _Part) -> str:
    """How the smaller `other` lies to `one`: same, inside, cross or apart."""
    low = np.maximum(one.low, other.low)
    high = np.minimum(one.high, other.high)
    if np.any(high <= low) or other.area == 0.0:
        return "apart"
    start = np.minimum(one.low, other.low)
    size = np.maximum(one.high, other.high) - start
    both = fill_loops([one.loop - start, other.loop - start], (int(size[0]), int(size[1])))
    differs = float(both.sum())
    shared = 0.5 * (one.area + other.area - differs)
    if differs < NEAR * 0.5 * (one.rim() + other.rim()):
        return "same"
    if shared >= INSIDE * other.area:
        return "inside"
    return "cross" if shared > APART * other.area else "apart"
