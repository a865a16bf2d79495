"""Where the frames of a DICOM segmentation lie: one regular grid from functional groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.errors import DicomError
from opensirt.image import Grid
from opensirt.io.contour_fill import covered_fractions, plane_slabs

__all__ = ["Frames", "read_frames"]

FloatArray = npt.NDArray[np.float64]

SAME_PLANE_MM = 0.05
"""Frames closer together than this along the normal lie in one slice."""
ON_LINE_MM = 0.1
"""Most that a frame may lie beside the line through the others."""
EVEN = 0.03
"""Most that a frame may lie from a slice centre, slices, in an even stack."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The grid of all frames, and for each frame its segment and the slices it fills.

    `planes[i]` holds (slice index, part of the slice); the part is 1 in an even stack.
    """

    grid: Grid
    segments: tuple[int, ...]
    planes: tuple[tuple[tuple[int, float], ...], ...]


def read_frames(dataset: Dataset) -> Frames:
    """Grid, segment and place of every frame, frames in any order, empty planes left out.

    Raises
    ------
    DicomError
        When geometry is missing, frames differ in orientation or size, or do not form a stack.
    """
    count = int(dataset.get("NumberOfFrames") or 1)
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    if len(groups) < count:
        raise DicomError(
            f"PerFrameFunctionalGroupsSequence has {len(groups)} items for {count} frames: "
            "the frames cannot be placed"
        )
    positions = np.array([_numbers(dataset, groups[i], *_POSITION, 3) for i in range(count)])
    rows, columns, normal = _directions(dataset, groups[:count])
    measures = np.array([_numbers(dataset, groups[i], *_SPACING, 2) for i in range(count)])
    if np.ptp(measures, axis=0).max() > 1e-4:
        raise DicomError("PixelSpacing differs between frames: they do not share one grid")
    heights = positions @ normal
    slices, origin, step = _stack(positions, heights, normal, _slice_step(dataset, groups[0]))
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1] = rows * measures[0, 0]
    matrix[:3, 2] = columns * measures[0, 1]
    matrix[:3, 3] = origin
    shape = (1 + int(np.rint(slices.max())), int(dataset.Rows), int(dataset.Columns))
    segments = tuple(_segment(dataset, groups[i]) for i in range(count))
    return Frames(Grid.from_matrix(shape, matrix), segments, _planes(slices, shape[0]))


_POSITION = ("PlanePositionSequence", "ImagePositionPatient")
_ORIENTATION = ("PlaneOrientationSequence", "ImageOrientationPatient")
_SPACING = ("PixelMeasuresSequence", "PixelSpacing")


def _group_item(dataset: Dataset, group: Dataset, sequence: str) -> Dataset | None:
    """First item of a functional group, of the frame or shared."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for holder in (group, shared):
        items = holder.get(sequence)
        if items:
            return items[0]  # type: ignore[no-any-return]
    return None


def _numbers(
    dataset: Dataset, group: Dataset, sequence: str, keyword: str, count: int
) -> list[float]:
    item = _group_item(dataset, group, sequence)
    value: Any = None if item is None else item.get(keyword)
    if value is None or len(value) != count:
        raise DicomError(
            f"{keyword} in {sequence} is missing or incomplete: the frames cannot be placed"
        )
    return [float(v) for v in value]


def _directions(
    dataset: Dataset, groups: list[Dataset]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit vectors of the row index, of the column index, and of the normal to both."""
    all_axes = np.array([_numbers(dataset, group, *_ORIENTATION, 6) for group in groups])
    if np.ptp(all_axes, axis=0).max() > 1e-4:
        raise DicomError("ImageOrientationPatient differs between frames: they share no grid")
    columns, rows = all_axes[0, :3], all_axes[0, 3:]
    lengths = np.linalg.norm(columns), np.linalg.norm(rows)
    if min(lengths) < 1e-6 or abs(float(columns @ rows)) > 1e-3 * float(lengths[0] * lengths[1]):
        raise DicomError("ImageOrientationPatient is not two perpendicular directions")
    columns, rows = columns / lengths[0], rows / lengths[1]
    return rows, columns, np.cross(columns, rows)


def _slice_step(dataset: Dataset, group: Dataset) -> float | None:
    item = _group_item(dataset, group, "PixelMeasuresSequence") or Dataset()
    value = item.get("SpacingBetweenSlices") or item.get("SliceThickness")
    return abs(float(value)) if value else None


def _stack(
    positions: FloatArray, heights: FloatArray, normal: FloatArray, stated_mm: float | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slice index of each frame (whole in an even stack), origin, and the step between slices."""
    order = np.argsort(heights, kind="stable")
    low, high = positions[order[0]], positions[order[-1]]
    levels = _levels(heights[order])
    if len(levels) == 1:
        if stated_mm is None:
            raise DicomError(
                "SpacingBetweenSlices and SliceThickness are missing: one slice has no thickness"
            )
        return np.zeros(len(heights)), low, normal * stated_mm
    rise = float(heights[order[-1]] - heights[order[0]])
    along = (heights - heights[order[0]])[:, None] / rise
    beside = np.linalg.norm(positions - (low + along * (high - low)), axis=1)
    if beside.max() > ON_LINE_MM:
        raise DicomError(
            f"ImagePositionPatient of a frame lies {beside.max():.3g} mm beside the line through "
            "the others: the frames are not one stack"
        )
    gaps = np.diff(levels)
    for spacing in (stated_mm, float(gaps.min())):
        if spacing:
            count = max(1, round(rise / spacing))
            slices = along[:, 0] * count
            off = np.abs(slices - np.rint(slices)).max()
            if off < EVEN and abs(rise / count - spacing) < EVEN * spacing:
                return np.rint(slices), low, (high - low) / count
    count = max(1, round(rise / float(np.sort(gaps)[(gaps.size - 1) // 2])))
    return along[:, 0] * count, low, (high - low) / count


def _levels(heights: FloatArray) -> FloatArray:
    """Distinct heights, ascending."""
    new = np.concatenate([[True], np.diff(heights) > SAME_PLANE_MM])
    return np.asarray(heights[new])


def _planes(slices: FloatArray, count: int) -> tuple[tuple[tuple[int, float], ...], ...]:
    if np.array_equal(slices, np.rint(slices)):
        return tuple(((int(index), 1.0),) for index in slices)
    ordered = np.sort(slices)
    levels = ordered[np.concatenate([[True], np.diff(ordered) > 0.02])]
    slabs, _ = plane_slabs([float(level) for level in levels])
    nearest = np.abs(slices[:, None] - levels[None, :]).argmin(axis=1)
    return tuple(tuple(covered_fractions(slabs[i], count)) for i in nearest)


def _segment(dataset: Dataset, group: Dataset) -> int:
    if str(dataset.get("SegmentationType") or "") == "LABELMAP":
        return 0
    item = _group_item(dataset, group, "SegmentIdentificationSequence")
    number = None if item is None else item.get("ReferencedSegmentNumber")
    if number is None:
        raise DicomError("ReferencedSegmentNumber is missing: a frame belongs to no segment")
    return int(number)
