"""Where the frames of a DICOM segmentation lie: one regular grid from functional groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.errors import DicomError
from opensirt.image import Grid
from opensirt.io.contour_fill import covered_fractions, plane_slabs
from opensirt.io.dicom_frames import LONGEST_MM

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
    is_thickness_assumed: bool = False
    """The only frame is taken to be as thick as SliceThickness says."""


def read_frames(dataset: Dataset, image: Grid | None = None) -> Frames:
    """Grid, segment and place of every frame, frames in any order, empty planes left out.

    Frames lie as far apart as the slices of the image they were drawn on; SliceThickness is how
    thick a slice was acquired, and often another length.

    Parameters
    ----------
    image : Grid, optional
        Of the image that was segmented.

    Raises
    ------
    DicomError
        When geometry is missing, frames differ in orientation or size, do not form a stack, or
        are more or fewer than declared.
    """
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    count = _frame_count(dataset, len(groups))
    positions = np.array([_numbers(dataset, groups[i], *_POSITION, 3) for i in range(count)])
    rows, columns, normal = _directions(dataset, groups[:count])
    measures = np.array([_numbers(dataset, groups[i], *_SPACING, 2) for i in range(count)])
    if not (measures.min() > 0 and measures.max() < LONGEST_MM):
        raise DicomError(
            f"PixelSpacing of {measures.min():g} to {measures.max():g} mm: expected above 0 and "
            f"below {LONGEST_MM:g}"
        )
    if np.ptp(measures, axis=0).max() > 1e-4:
        raise DicomError("PixelSpacing differs between frames: they do not share one grid")
    heights = positions @ normal
    apart, thickness = _distances(dataset, groups[0])
    on_image = _image_step(image, positions, normal)
    stated = [mm for mm in (on_image, apart) if mm]
    assumed = not stated and thickness is not None
    lone = stated[0] if stated else thickness
    slices, origin, step = _stack(positions, heights, normal, stated, lone)
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1] = rows * measures[0, 0]
    matrix[:3, 2] = columns * measures[0, 1]
    matrix[:3, 3] = origin
    shape = (1 + int(np.rint(slices.max())), int(dataset.Rows), int(dataset.Columns))
    segments = tuple(_segment(dataset, groups[i]) for i in range(count))
    grid = Grid.from_matrix(shape, matrix)
    return Frames(grid, segments, _planes(slices, shape[0]), assumed and shape[0] == 1)


def _frame_count(dataset: Dataset, groups: int) -> int:
    """NumberOfFrames, which must be the number of functional groups."""
    value = dataset.get("NumberOfFrames")
    try:
        count = 1 if value is None or str(value).strip() == "" else int(str(value))
    except ValueError:
        raise DicomError("NumberOfFrames must be a whole number") from None
    if value is None and groups > 1 and _holds_one_frame(dataset):
        return 1
    if count < 1 or count != groups:
        stated = "is missing" if value is None else f"says {count}"
        raise DicomError(
            f"NumberOfFrames {stated}, PerFrameFunctionalGroupsSequence has {groups} items: which "
            "frames are there?"
        )
    return count


def _holds_one_frame(dataset: Dataset) -> bool:
    """Whether native pixels are of a single frame, whatever functional groups there are."""
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    return len(dataset.get("PixelData") or b"") in (-(-bits // 8), -(-bits // 8) + 1)


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
    found = [float(v) for v in value]
    if not np.isfinite(found).all():
        raise DicomError(f"{keyword} in {sequence} must be finite numbers")
    return found


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


def _distances(dataset: Dataset, group: Dataset) -> tuple[float | None, float | None]:
    """SpacingBetweenSlices and SliceThickness, mm, where they are stated."""
    item = _group_item(dataset, group, "PixelMeasuresSequence") or Dataset()
    found: list[float | None] = []
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = item.get(keyword)
        mm = None if value is None or str(value).strip() == "" else abs(float(value))
        if mm is not None and not np.isfinite(mm):
            raise DicomError(f"{keyword} in PixelMeasuresSequence must be a finite number")
        found.append(mm or None)
    return found[0], found[1]


def _image_step(image: Grid | None, positions: FloatArray, normal: FloatArray) -> float | None:
    """Distance (mm) of the slices of an image, where every frame lies on one of them."""
    if image is None or abs(float(image.directions[0] @ normal)) < 1.0 - 1e-3:
        return None
    index = image.to_index(positions)[:, 0]
    on_slices = np.abs(index - np.rint(index)).max() < EVEN
    return float(image.spacing_mm[0]) if on_slices else None


def _stack(
    positions: FloatArray,
    heights: FloatArray,
    normal: FloatArray,
    stated_mm: Sequence[float],
    lone_mm: float | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slice index of each frame (whole in an even stack), origin, and the step between slices."""
    order = np.argsort(heights, kind="stable")
    low, high = positions[order[0]], positions[order[-1]]
    levels = _levels(heights[order])
    if len(levels) == 1:
        if lone_mm is None:
            raise DicomError(
                "SpacingBetweenSlices and SliceThickness are missing: one slice has no thickness"
            )
        return np.zeros(len(heights)), low, normal * lone_mm
    rise = float(heights[order[-1]] - heights[order[0]])
    along = (heights - heights[order[0]])[:, None] / rise
    beside = np.linalg.norm(positions - (low + along * (high - low)), axis=1)
    if beside.max() > ON_LINE_MM:
        raise DicomError(
            f"ImagePositionPatient of a frame lies {beside.max():.3g} mm beside the line through "
            "the others: the frames are not one stack"
        )
    gaps = np.diff(levels)
    for spacing in (*stated_mm, float(gaps.min())):
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
