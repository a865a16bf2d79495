"""RT structure sets: planar contours to regions on the grid of the image they were drawn on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from opensirt.case import LeftOut, StudyImage
from opensirt.errors import DicomError
from opensirt.image import Grid, Region
from opensirt.image.regions import require_role
from opensirt.io.contour_fill import (
    covered_fractions,
    fill_traced_loops,
    plane_slabs,
    reach_out,
)
from opensirt.io.contour_plane import fill_plane
from opensirt.io.contour_points import PointCount, lost_points, usual_count
from opensirt.io.contour_traces import Lines, trace_notes, traced_here
from opensirt.io.dicom_files import printable, title
from opensirt.io.dicom_frames import frames_had
from opensirt.io.door import reader
from opensirt.io.region_names import Coded, role_from_name, unique_name

__all__ = ["contour_corners", "read_rtstruct"]

FloatArray = npt.NDArray[np.float64]

EXCLUSIVE = "CLOSEDPLANAR_XOR"
FILLED_TYPES = ("CLOSED_PLANAR", EXCLUSIVE)
SAME_PLANE_MM = 0.05
"""Contours closer together than this lie in one plane, and in a slice this close: files round."""
FLAT_SLICES = 0.2
"""Most that one contour may rise across slices and still count as parallel to them."""


@dataclass(slots=True)
class _Roi:
    """One region of interest as the file states it."""

    name: str
    frame_of_reference_uid: str
    interpreted: str = ""
    coded: list[Coded] = field(default_factory=list)
    loops: list[FloatArray] = field(default_factory=list)
    """Closed contours, each (points, 3) in patient mm."""
    seen: set[bytes] = field(default_factory=set)
    image_uids: set[str] = field(default_factory=set)
    unused: dict[str, int] = field(default_factory=dict)
    """Contours that do not enclose an area, by reason."""
    exclusive: bool = False
    """Contours are of the type that DICOM fills even-odd."""
    counts: list[PointCount] = field(default_factory=list)
    problem: str = ""
    """Why none of it can be used."""

    def lost(self, roles: Mapping[str, str]) -> LeftOut:
        """The whole ROI left out, with the role that goes missing."""
        role = roles.get(self.name) or role_from_name(self.name, self.coded, self.interpreted)
        return LeftOut(f"contours of {self.name!r}", self.problem, role or "")


@reader("RTSTRUCT", told=False)
def read_rtstruct(
    dataset: Dataset, images: Sequence[StudyImage], *, roles: Mapping[str, str] | None = None
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...]]:
    """Regions of an RT structure set, as covered fractions of the voxels of an image.

    Each contour stands for a slab of its own plane spacing; inner loops are holes (even-odd
    rule). Contours are placed by position alone; the images they refer to may be missing.

    Parameters
    ----------
    dataset : pydicom Dataset
        An RTSTRUCT object.
    images : sequence of StudyImage
        Images that may define the grid: the one the contours refer to, else a CT, else the first
        in the same frame of reference.
    roles : mapping, optional
        ROI name -> role, before what names, codes and types say.

    Returns
    -------
    regions, and what was left out with the reason.

    Raises
    ------
    DicomError
        When contour data is unusable or not parallel to the slices of its image.
    """
    series = _referenced_series(dataset)
    given = roles or {}
    chosen: list[tuple[_Roi, StudyImage]] = []
    rois, left_out = _rois(dataset)
    for roi in rois:
        what = f"contours of {roi.name!r}"
        left_out += [LeftOut(what, f"{n} contours: {why}") for why, n in roi.unused.items()]
        image = _image_for(roi, series, images)
        if not roi.problem and roi.loops and image is None:
            left_out.append(LeftOut(what, _no_image(roi, images), of_regions=True))
        elif not roi.problem and not roi.loops:
            left_out += (
                [] if roi.unused else [LeftOut(what, "the ROI has no contours", of_regions=True)]
            )
        elif not roi.problem and image is not None:
            roi.problem = _not_flat(roi, image.volume.grid)
            chosen += [] if roi.problem else [(roi, image)]
    problems = [roi for roi in rois if roi.problem]
    if problems and len(problems) == len(rois):
        raise DicomError(problems[0].problem)
    left_out += [roi.lost(given) for roi in problems]
    usual = _usual_spacings(chosen)
    lines = [_lines(roi, image.volume.grid) for roi, image in chosen]
    traced = traced_here(lines)
    left_out += trace_notes(lines, traced)
    regions: list[Region] = []
    for (roi, image), on_centres in zip(chosen, traced, strict=True):
        name = unique_name(roi.name, [region.name for region in regions])
        role = given.get(roi.name) or role_from_name(roi.name, roi.coded, roi.interpreted)
        region, notes = _fill(roi, image.volume.grid, usual.get(id(image)), on_centres)
        what, lost = f"contours of {roi.name!r}", region is None
        left_out += [LeftOut(what, note, of_regions=lost) for note in notes]
        if region is not None:
            regions.append(region.named(name, require_role(role or "other")))
    return tuple(regions), tuple(left_out)


def contour_corners(dataset: Dataset) -> FloatArray:
    """Corners (mm) of the box along x, y, z that holds all contours: (8, 3), or (0, 3) for none."""
    loops = [loop for roi in _rois(dataset)[0] for loop in roi.loops]
    if not loops:
        return np.empty((0, 3))
    points = np.concatenate(loops)
    ends = np.array([points.min(axis=0), points.max(axis=0)])
    return np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)


# -- what the file says


def _rois(dataset: Dataset) -> tuple[list[_Roi], list[LeftOut]]:
    """Every ROI with its contours, and contours that belong to none."""
    by_number: dict[int | None, list[_Roi]] = {}
    for item in dataset.get("StructureSetROISequence") or []:
        number = _number(item, "ROINumber")
        name = printable(title(item, "ROIName")) or f"ROI {number}"
        roi = _Roi(name, str(item.get("ReferencedFrameOfReferenceUID") or ""))
        if number is None:
            roi.problem = f"ROINumber of ROI {name!r} is missing or no whole number"
        by_number.setdefault(number, []).append(roi)
    rois = [roi for group in by_number.values() for roi in group]
    if not rois:
        raise DicomError("StructureSetROISequence is missing or empty: there is no region to read")
    for number, group in by_number.items():
        if number is not None and len(group) > 1:
            names = " and ".join(repr(roi.name) for roi in group)
            for roi in group:
                roi.problem = f"ROINumber {number} stands for {names}: whose contours are whose?"
    for item in dataset.get("RTROIObservationsSequence") or []:
        for roi in by_number.get(_number(item, "ReferencedROINumber"), []):
            roi.interpreted = str(item.get("RTROIInterpretedType") or "")
            roi.coded += [
                (str(code.get("CodeValue", "")), str(code.get("CodingSchemeDesignator", "")))
                for code in item.get("RTROIIdentificationCodeSequence") or []
            ]
    left_out: list[LeftOut] = []
    filled: set[int | None] = set()
    for item in dataset.get("ROIContourSequence") or []:
        number = _number(item, "ReferencedROINumber")
        group = by_number.get(number, []) if number is not None else []
        if not group and item.get("ContourSequence"):
            which = "is missing or no whole number" if number is None else f"{number} names no ROI"
            left_out.append(LeftOut("contours of no ROI", f"ReferencedROINumber {which}"))
        if len(group) == 1:
            if number in filled:
                group[0].problem = f"ROIContourSequence has several items of ROINumber {number}"
            filled.add(number)
            _add_contours(group[0], item.get("ContourSequence") or [])
    usual = usual_count([count for roi in rois for count in roi.counts])
    if usual:
        left_out.append(LeftOut("NumberOfContourPoints", usual.text))
    for roi in rois:
        roi.problem = roi.problem or lost_points(roi.name, roi.counts, usual)
    return rois, left_out


def _number(item: Dataset, keyword: str) -> int | None:
    """A whole number, 0 included; None where it is missing or none."""
    try:
        value = item.get(keyword)
        return None if value is None or str(value).strip() == "" else int(str(value))
    except (ValueError, TypeError, AttributeError):
        return None


def _add_contours(roi: _Roi, contours: Sequence[Dataset]) -> None:
    try:
        for contour in contours:
            _add_contour(roi, contour)
    except DicomError as error:
        roi.problem = str(error)


def _add_contour(roi: _Roi, contour: Dataset) -> None:
    kind = str(contour.get("ContourGeometricType") or "")
    points = _points(contour, roi.name)
    roi.counts.append(PointCount.of(_number(contour, "NumberOfContourPoints"), points))
    if kind not in FILLED_TYPES:
        why = f"ContourGeometricType {printable(kind) or 'missing'} encloses no area"
    elif len(points) < 3:
        why = "fewer than three points"
    elif kind != EXCLUSIVE and (key := np.round(points, 3).tobytes()) in roi.seen:
        why = "drawn twice, used once"
    else:
        if kind == EXCLUSIVE:
            roi.exclusive = True
        else:
            roi.seen.add(key)
        roi.loops.append(points)
        for item in contour.get("ContourImageSequence") or []:
            roi.image_uids.add(str(item.get("ReferencedSOPInstanceUID", "")))
        return
    roi.unused[why] = roi.unused.get(why, 0) + 1


def _points(contour: Dataset, name: str) -> FloatArray:
    """Contour points (n, 3), mm; read from the raw text, which is 20 times as fast."""
    element = contour.get_item("ContourData") if "ContourData" in contour else None
    value = None if element is None else element.value
    try:
        if isinstance(element, RawDataElement) and isinstance(value, bytes):
            text = value.decode("ascii").rstrip(" \0")
            numbers = np.array(text.split("\\") if text else [], dtype=np.float64)
        else:
            numbers = np.asarray([] if value is None else value, dtype=np.float64).ravel()
        points = numbers.reshape(-1, 3)
    except (ValueError, UnicodeDecodeError) as error:
        raise DicomError(
            f"ContourData of ROI {name!r} must be numbers in groups of three, found {error}"
        ) from error
    if not np.isfinite(points).all():
        raise DicomError(f"ContourData of ROI {name!r} has points that are not finite numbers")
    return points


def _referenced_series(dataset: Dataset) -> set[str]:
    return {
        str(series.get("SeriesInstanceUID", ""))
        for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []
        for study in frame.get("RTReferencedStudySequence") or []
        for series in study.get("RTReferencedSeriesSequence") or []
    } - {""}


# -- which image defines the grid


def _image_for(roi: _Roi, series: set[str], images: Sequence[StudyImage]) -> StudyImage | None:
    """The referred image of the ROI's frame of reference, else its CT, else its first image."""
    referred = [
        image
        for image in images
        if image.series_uid in series or roi.image_uids.intersection(image.instance_uids)
    ]
    frame = roi.frame_of_reference_uid
    same = [image for image in images if frame and image.frame_of_reference_uid == frame]
    for candidate in referred:
        if candidate in same or not (frame and candidate.frame_of_reference_uid):
            return candidate
    return next((image for image in same if image.role == "ct"), same[0] if same else None)


def _no_image(roi: _Roi, images: Sequence[StudyImage]) -> str:
    return (
        "no image in its frame of reference, so no grid to fill: FrameOfReferenceUID "
        f"{printable(roi.frame_of_reference_uid) or 'missing'}, images have {frames_had(images)}"
    )


# -- contours to fractions


def _usual_spacings(chosen: Sequence[tuple[_Roi, StudyImage]]) -> dict[int, float]:
    """Smallest usual plane spacing among the ROIs with three planes or more, by image."""
    usual: dict[int, float] = {}
    for roi, image in chosen:
        places = [place for place, _ in _planes(roi, image.volume.grid)]
        if len(places) > 2:
            gaps = np.sort(np.diff(places))
            spacing = float(gaps[(gaps.size - 1) // 2])
            usual[id(image)] = min(spacing, usual.get(id(image), spacing))
    return usual


def _not_flat(roi: _Roi, grid: Grid) -> str:
    """Why the contours do not lie on slices of the image; "" where they do."""
    try:
        _planes(roi, grid)
    except DicomError as error:
        return str(error)
    return ""


def _planes(roi: _Roi, grid: Grid) -> list[tuple[float, list[FloatArray]]]:
    """Loops (row, column) of each plane, by ascending slice index."""
    same_plane = SAME_PLANE_MM / grid.spacing_mm[0]
    flat: list[tuple[float, FloatArray]] = []
    for points in roi.loops:
        index = grid.to_index(points)
        rise = float(np.ptp(index[:, 0]))
        if rise > FLAT_SLICES:
            raise DicomError(
                f"ContourData of ROI {roi.name!r} is not parallel to the image slices: one contour "
                f"crosses {rise:.2g} slices; draw it on the slices of this image, or export a SEG"
            )
        flat.append((float(index[:, 0].mean()), index[:, 1:]))
    flat.sort(key=lambda item: item[0])
    planes: list[tuple[float, list[FloatArray]]] = []
    for place, loop in flat:
        if planes and place - planes[-1][0] <= same_plane:
            planes[-1][1].append(loop)
        else:
            slice_index = round(place)
            planes.append((slice_index if abs(place - slice_index) < same_plane else place, [loop]))
    return planes


def _lines(roi: _Roi, grid: Grid) -> Lines:
    loops = tuple(grid.to_index(loop)[:, 1:] for loop in roi.loops)
    return Lines(roi.name, loops, grid.spacing_mm[1:])


def _fill(
    roi: _Roi, grid: Grid, usual: float | None, traced: bool
) -> tuple[Region | None, list[str]]:
    planes = _planes(roi, grid)
    slabs, gaps = plane_slabs([place for place, _ in planes], usual)
    notes = [f"{gaps} gaps between contour planes are left empty"] if gaps else []
    between = sum(place != round(place) for place, _ in planes)
    if 0 < between < len(planes) / 2:
        notes.append(f"{between} of {len(planes)} contour planes lie between slices of the image")
    covers = [covered_fractions(slab, grid.shape[0]) for slab in slabs]
    outside = sum(not cover for cover in covers)
    if outside:
        notes.append(f"{outside} of {len(planes)} contour planes lie outside the image slices")
    box = _box(planes, covers, grid)
    if box is None:
        return None, [*notes, "nothing of it lies inside the image"]
    (first, _), (row, rows), (column, columns) = box
    fractions = np.zeros([end - start for start, end in box], dtype=np.float32)
    for (_, loops), cover in zip(planes, covers, strict=True):
        if cover:
            shifted = [loop - (row, column) for loop in loops]
            shape = (rows - row, columns - column)
            filled, decided = fill_plane(shifted, shape, roi.exclusive)
            notes += [note for note in sorted(decided) if note not in notes]
            if traced:
                filled = fill_traced_loops(shifted, filled)
            for index, part in cover:
                fractions[index - first] += part * filled
    np.minimum(fractions, 1.0, out=fractions)
    if reach_out([loop for _, loops in planes for loop in loops], grid.shape[1:]):
        notes.append("the part beyond the rows or columns of the image is cut off")
    if not fractions.any():
        return None, [*notes, "its contours enclose no area inside the image"]
    place = tuple(slice(start, end) for start, end in box)
    return Region(roi.name, "other", grid, place, fractions), notes  # type: ignore[arg-type]


def _box(
    planes: Sequence[tuple[float, list[FloatArray]]],
    covers: Sequence[list[tuple[int, float]]],
    grid: Grid,
) -> tuple[tuple[int, int], ...] | None:
    """(start, end) along slice, row and column that holds everything inside the grid."""
    slices = [index for cover in covers for index, _ in cover]
    if not slices:
        return None
    points = np.concatenate([loop for _, loops in planes for loop in loops])
    low = np.maximum(np.floor(points.min(axis=0) + 0.5).astype(int), 0)
    high = np.minimum(np.floor(points.max(axis=0) + 0.5).astype(int) + 1, grid.shape[1:])
    if np.any(high <= low):
        return None
    spans = ((int(a), int(b)) for a, b in zip(low, high, strict=True))
    return ((min(slices), max(slices) + 1), *spans)
