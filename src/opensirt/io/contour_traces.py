"""Contours that were traced along the voxels of a mask, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.case import LeftOut
from opensirt.io.contour_fill import is_traced

__all__ = ["Lines", "trace_notes", "traced_here", "traced_step_mm"]

FloatArray = npt.NDArray[np.float64]

TRACED_POINTS = 48
"""Points that loops on voxel centres need together before they count as traced from a mask."""
LEAST_STEP_MM = 0.05
"""Below this, two coordinates are one that was rounded."""
ON_LATTICE = 0.1
"""How far, in steps, a vertex may be from its place: files round."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The contours of one ROI in the plane of its image.

    `loops` are (points, 2), row and column of that image; `spacing_mm` is of its rows and columns.
    """

    name: str
    loops: tuple[FloatArray, ...]
    spacing_mm: tuple[float, float]

    @property
    def points(self) -> int:
        return sum(len(loop) for loop in self.loops)


def traced_here(rois: Sequence[Lines]) -> list[bool]:
    """For each ROI whether it runs along voxel centres of its image, beyond chance."""
    found = [all(map(is_traced, roi.loops)) for roi in rois]
    points = sum(roi.points for roi, is_one in zip(rois, found, strict=True) if is_one)
    return [is_one and points >= TRACED_POINTS for is_one in found]


def trace_notes(rois: Sequence[Lines], here: Sequence[bool]) -> list[LeftOut]:
    """What is said of ROIs traced on their image, which are mended, and of those traced on another
    one that is not here."""
    notes: list[LeftOut] = []
    own = [roi.name for roi, is_own in zip(rois, here, strict=True) if is_own]
    if own:
        why = "runs through voxel centres, traced from a mask: the voxels on it count as inside"
        notes.append(LeftOut(f"contour line of {_listed(own)}", why))
    steps = [
        None if is_own else traced_step_mm(roi) for roi, is_own in zip(rois, here, strict=True)
    ]
    found = [(roi, step) for roi, step in zip(rois, steps, strict=True) if step is not None]
    if sum(roi.points for roi, _ in found) >= TRACED_POINTS:
        sizes = sorted({step for _, step in found})
        size = " and ".join(f"{rows:g} x {columns:g} mm" for rows, columns in sizes)
        why = (
            f"steps along voxels of {size}, traced from a mask on an image that is not here: the "
            "region may be half such a voxel too small all round"
        )
        notes.append(LeftOut(f"contour line of {_listed([roi.name for roi, _ in found])}", why))
    return notes


def traced_step_mm(roi: Lines) -> tuple[float, float] | None:
    """The voxels (mm along rows and columns) whose centres loops step between; None for none.

    Every step is straight or diagonal on one lattice. Lines between the voxels are none: along
    their edges there is no diagonal, and where coverage passes one half (marching squares) every
    vertex is midway between two voxels, so that straight steps are even in halves of a voxel.
    """
    if not roi.loops:
        return None
    steps = np.abs(np.concatenate([np.roll(loop, -1, axis=0) - loop for loop in roi.loops]))
    along, across = (_counted(steps[:, k] * roi.spacing_mm[k]) for k in (0, 1))
    if along is None or across is None:
        return None
    (rows, row_mm), (columns, column_mm) = along, across
    straight = (rows == 0) | (columns == 0)
    diagonal = rows == columns
    is_lattice = np.all(straight | diagonal) and np.any(diagonal & ~straight)
    is_midway = np.all((rows + columns)[straight] % 2 == 0)
    return (row_mm, column_mm) if is_lattice and not is_midway else None


def _counted(lengths: FloatArray) -> tuple[npt.NDArray[np.int64], float] | None:
    """Lengths as multiples of one step, and the step (mm, to 0.001); None where they are none."""
    long = lengths[lengths > LEAST_STEP_MM]
    if not long.size:
        return None
    step_mm = float(long.min())
    step_mm = float(long.sum() / np.rint(long / step_mm).sum())
    counts = np.rint(lengths / step_mm)
    if np.abs(lengths - counts * step_mm).max() > ON_LATTICE * step_mm:
        return None
    return counts.astype(np.int64), round(step_mm, 3)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
