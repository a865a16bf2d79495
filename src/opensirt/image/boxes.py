"""Boxes of voxels: three unit-step slices (slice, row, column) of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NOTHING", "Box", "bounding_box", "box_shape", "hull", "inside", "overlap", "shifted"]

Box = tuple[slice, slice, slice]

NOTHING: Box = (slice(0, 0), slice(0, 0), slice(0, 0))
"""The box of an empty region."""


def box_shape(box: Box) -> tuple[int, int, int]:
    """Voxels along each axis."""
    a, b, c = (s.stop - s.start for s in box)
    return a, b, c


def bounding_box(mask: npt.NDArray[Any]) -> Box:
    """Smallest box that holds every non-zero voxel; `NOTHING` where there is none."""
    slices = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(mask.any(axis=others))
        if used.size == 0:
            return NOTHING
        slices.append(slice(int(used[0]), int(used[-1]) + 1))
    return slices[0], slices[1], slices[2]


def hull(a: Box, b: Box) -> Box:
    """Smallest box that holds both."""
    s = [slice(min(i.start, j.start), max(i.stop, j.stop)) for i, j in zip(a, b, strict=True)]
    return s[0], s[1], s[2]


def overlap(a: Box, b: Box) -> Box:
    """What both hold; `NOTHING` where they do not meet."""
    s = [slice(max(i.start, j.start), min(i.stop, j.stop)) for i, j in zip(a, b, strict=True)]
    if any(one.stop <= one.start for one in s):
        return NOTHING
    return s[0], s[1], s[2]


def inside(box: Box, outer: Box) -> Box:
    """`box`, counted from the start of `outer`: where it lies in an array of `outer`."""
    s = [slice(i.start - o.start, i.stop - o.start) for i, o in zip(box, outer, strict=True)]
    return s[0], s[1], s[2]


def shifted(inner: Box, outer: Box) -> Box:
    """`inner`, counted from the start of `outer`, in whole-grid indices."""
    s = [slice(o.start + i.start, o.start + i.stop) for o, i in zip(outer, inner, strict=True)]
    return s[0], s[1], s[2]
