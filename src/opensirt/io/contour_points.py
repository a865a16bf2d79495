"""Points that a structure set declares for its contours against those it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

__all__ = ["PointCount", "UsualCount", "lost_points", "usual_count"]

FloatArray = npt.NDArray[np.float64]

FEWEST = 3
"""Contours that must agree before a difference counts as the writer's way of counting."""
OPEN = 2.0
"""A contour whose closing line is longer than this many of its longest edges has lost its end."""


@dataclass(frozen=True, slots=True)
class PointCount:
    """One contour."""

    declared: int | None
    """NumberOfContourPoints, None where it is missing."""
    held: int
    is_open: bool

    @classmethod
    def of(cls, declared: int | None, points: FloatArray) -> PointCount:
        """Of the points (n, 3) that ContourData holds."""
        edges = np.linalg.norm(np.diff(points, axis=0), axis=1)
        is_open = False
        if len(points) > FEWEST:
            closing = float(np.linalg.norm(points[0] - points[-1]))
            is_open = closing > OPEN * float(edges.max())
        return cls(declared, len(points), is_open)

    @property
    def agrees(self) -> bool:
        """Nothing declared, or as many as held."""
        return self.declared is None or self.declared == self.held


@dataclass(frozen=True, slots=True)
class UsualCount:
    """How a writer that counts otherwise does it, in every sound contour alike."""

    ratio: Fraction | None
    more: int | None

    @property
    def text(self) -> str:
        """For the list of what was not used."""
        how = f"{self.more} more than" if self.ratio is None else f"{float(self.ratio):g} times"
        return f"says {how} the points held, in every contour alike; the points held are used"

    def explains(self, count: PointCount) -> bool:
        """Whether the contour is one of those."""
        if count.declared is None:
            return False
        if self.ratio is not None:
            return count.declared == self.ratio * count.held
        return count.declared - count.held == self.more


def usual_count(counts: Sequence[PointCount]) -> UsualCount | None:
    """The difference that most contours of a file share; None where most agree with it.

    A file whose contours end open has lost points, whatever they share.
    """
    told = [count for count in counts if count.declared is not None and count.held > 0]
    if sum(count.agrees for count in told) * 2 >= len(told) or any(c.is_open for c in told):
        return None
    ratios = Counter(Fraction(count.declared or 0, count.held) for count in told)
    mores = Counter((count.declared or 0) - count.held for count in told)
    (ratio, by_ratio), (more, by_more) = ratios.most_common(1)[0], mores.most_common(1)[0]
    if max(by_ratio, by_more) < FEWEST or max(by_ratio, by_more) * 2 <= len(told):
        return None
    return UsualCount(ratio, None) if by_ratio >= by_more else UsualCount(None, more)


def lost_points(name: str, counts: Sequence[PointCount], usual: UsualCount | None) -> str:
    """Why contours of an ROI cannot be trusted; "" where they can."""
    for count in counts:
        if not count.agrees and not (usual and usual.explains(count)):
            return (
                f"NumberOfContourPoints of ROI {name!r} says {count.declared}, ContourData holds "
                f"{count.held} points: part of the contour is lost; export the structure set again"
            )
    return ""
