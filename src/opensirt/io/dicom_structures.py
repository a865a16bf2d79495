"""RT Structure Set: outlines of regions at half coverage, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from contourpy import FillType, contour_generator
from pydicom.dataset import Dataset

from opensirt.image import Region, Regions
from opensirt.io.dicom_common import (
    AS_DRAWN,
    DicomContext,
    SourceImages,
    add_decimals,
    instance_reference,
    long_text,
    save,
    short_text,
)
from opensirt.io.dicom_dose import STRUCTURE_SET_CLASS
from opensirt.io.dicom_planes import DicomPlanes

__all__ = ["build_rt_structures", "region_outlines", "roi_numbers", "write_rt_structures"]

HALF = 0.5
"""Coverage of a voxel where the outline runs."""
STRAIGHT = 1e-9
"""Turn, in squared voxels, below which three vertices count as on one line."""
GAP = 0.01
"""Between voxels, in voxels, while outlines along their edges are found."""
LINK_SHIFTS = (0.07, 0.04)
"""How far, in voxels, the ends of a keyhole's channel lie from the vertices nearest each other."""
Holes = Literal["keyhole", "loops"]
Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Array = npt.NDArray[Any]

ROI_TYPES = {
    "liver": "ORGAN", "tumour": "GTV", "perfused": "TREATED_VOLUME", "lungs": "ORGAN",
    "lung-left": "ORGAN", "lung-right": "ORGAN", "gallbladder": "ORGAN", "stomach": "ORGAN",
    "bowel": "ORGAN", "body": "EXTERNAL",
}  # fmt: skip
"""RTROIInterpretedType by role; necrosis and other have none that fits."""
ROI_COLOURS = {
    "liver": (180, 120, 60), "tumour": (230, 40, 40), "perfused": (60, 140, 230),
    "lungs": (120, 190, 220), "lung-left": (120, 190, 220), "lung-right": (120, 190, 220),
    "necrosis": (90, 60, 110), "gallbladder": (70, 160, 80), "stomach": (220, 150, 190),
    "bowel": (200, 180, 90), "body": (200, 200, 200), "other": (240, 200, 60),
}  # fmt: skip
STRUCTURES = "structures"
NOT_DRAWN = "no voxel is half inside, so there is no contour"


def roi_numbers(regions: Regions) -> dict[str, int]:
    """Number of each region, from 1, in structure sets and segmentations alike."""
    return {region.name: number for number, region in enumerate(regions, start=1)}


def write_rt_structures(
    path: Path, regions: Regions, context: DicomContext, *, holes: Holes = "keyhole"
) -> Path:
    """Write regions as an RT Structure Set.

    Parameters
    ----------
    regions : Regions
        Each on its own grid; outlines lie in the planes of that grid.
    holes : str
        "keyhole": a hole is joined to its outer loop by a channel of no width, as the standard
        asks. "loops": a hole is a loop of its own, for readers that fill by the even-odd rule.

    Raises
    ------
    GridMismatchError
        When a grid is sheared.
    """
    dataset = build_rt_structures(regions, context, holes=holes)
    return save(dataset, path, implicit=True)  # a long outline outgrows 64 KiB


def build_rt_structures(
    regions: Regions,
    context: DicomContext,
    *,
    holes: Holes = "keyhole",
    edged: bool = False,
    name: str = STRUCTURES,
) -> Dataset:
    """The data set of `write_rt_structures`.

    `edged`: outlines run along the edges of voxels. A second set of one result needs another name.
    """
    described = "Regions, opensirt" if name == STRUCTURES else f"{AS_DRAWN}, opensirt"
    dataset = context.start(name, STRUCTURE_SET_CLASS, "RTSTRUCT", described)
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = context.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    label = "opensirt" if name == STRUCTURES else "outlines"
    dataset.StructureSetLabel = f"{label} {context.subject}".strip()
    dataset.StructureSetDate = context.date
    dataset.StructureSetTime = context.time
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(context)]
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    numbers = roi_numbers(regions)
    for region in regions:
        contours = list(_contours(region, context.source, holes, edged))
        number = numbers[region.name]
        dataset.StructureSetROISequence.append(_roi(region, number, context, bool(contours)))
        dataset.ROIContourSequence.append(_roi_contour(region, number, contours))
        dataset.RTROIObservationsSequence.append(_observation(region, number))
    return dataset


def _frame_of_reference(context: DicomContext) -> Dataset:
    """The frame of reference, and the images in it that regions were drawn on."""
    frame = Dataset()
    frame.FrameOfReferenceUID = context.frame_of_reference_uid
    source = context.source
    if source is None:
        return frame
    series = Dataset()
    series.SeriesInstanceUID = source.series_uid
    series.ContourImageSequence = [
        instance_reference(source.sop_class_uid, uid) for uid in source.instance_uids
    ]
    study = instance_reference("1.2.840.10008.3.1.2.3.1", context.study_uid)
    study.RTReferencedSeriesSequence = [series]
    frame.RTReferencedStudySequence = [study]
    return frame


def _roi(region: Region, number: int, context: DicomContext, drawn: bool) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = context.frame_of_reference_uid
    item.ROIName = long_text(region.name)
    item.ROIDescription = short_text(f"{region.role}; {region.volume_ml:.4g} mL", 1024)
    if not drawn:
        item.ROIDescription += f"; {NOT_DRAWN}"
    item.ROIGenerationAlgorithm = ""
    return item


def _roi_contour(region: Region, number: int, contours: list[Dataset]) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = list(ROI_COLOURS[region.role])
    if contours:
        item.ContourSequence = contours
    return item


def _observation(region: Region, number: int) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.ROIObservationLabel = short_text(region.name)
    item.RTROIInterpretedType = ROI_TYPES.get(region.role, "")
    item.ROIInterpreter = ""
    return item


def _contours(
    region: Region, source: SourceImages | None, holes: Holes, edged: bool
) -> Iterator[Dataset]:
    planes = DicomPlanes.of(region.grid)
    for slice_index, loops in region_outlines(region, holes=holes, edged=edged):
        place = region.grid.to_patient((slice_index, 0, 0))
        image = source.instance_at(place, planes.normal) if source else None
        for loop in loops:
            item = Dataset()
            if source is not None and image is not None:
                item.ContourImageSequence = [instance_reference(source.sop_class_uid, image)]
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.NumberOfContourPoints = len(loop)
            texts = [f"{v:.5f}" for v in loop.ravel().tolist()]  # hundredths of a micrometre
            add_decimals(item, "ContourData", texts, implicit=True)
            yield item


def region_outlines(
    region: Region, *, holes: Holes = "keyhole", edged: bool = False
) -> Iterator[tuple[int, list[Points]]]:
    """For each slice of the region's grid that it touches, its outlines.

    Yields the slice index and closed loops of (n, 3) patient points, mm, without the first point
    repeated. Vertices lie between voxel centres where the coverage passes one half; with `edged`
    the outline follows the edges of the voxels that are covered by one half or more.
    """
    shift = np.asarray([region.box[2].start - 1.0, region.box[1].start - 1.0])
    for offset, fractions in enumerate(region.fractions):
        slice_index = region.box[0].start + offset
        loops = [
            _to_patient(region, slice_index, loop + shift)
            for loop in _plane_loops(fractions, holes, edged)
        ]
        if loops:
            yield slice_index, loops


def _plane_loops(fractions: npt.NDArray[np.float32], holes: Holes, edged: bool) -> Iterator[Points]:
    """Loops (column, row) in the plane padded by one voxel."""
    if not (fractions >= HALF).any():
        return
    padded: Points = np.pad(fractions, 1).astype(np.float64)
    if edged:  # each voxel from edge to edge: the outline is half way across the gaps between them
        rows, columns = (_ends(count) for count in padded.shape)
        padded = np.repeat(np.repeat(padded >= HALF, 2, 0), 2, 1).astype(np.float64)
        generator = contour_generator(columns, rows, padded, fill_type=FillType.OuterOffset)
    else:
        generator = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    filled: Any = generator.filled(HALF, np.inf)
    for points, offsets in zip(filled[0], filled[1], strict=True):
        loops = [points[a : b - 1] for a, b in pairwise(offsets.tolist())]
        loops = [_corners(_on_edges(loop) if edged else loop) for loop in loops]
        solid = [loop for loop in loops if len(loop) >= 3 and abs(_area(loop)) > 1e-9]
        if solid and solid[0] is loops[0]:
            yield from solid if holes == "loops" else [_keyhole(solid[0], solid[1:])]


def _ends(count: int) -> Points:
    """Where each of several voxels begins and ends, a hair apart from its neighbours."""
    return np.asarray((np.arange(count)[:, None] + [GAP - 0.5, 0.5 - GAP]).ravel())


def _on_edges(loop: Points) -> Points:
    """Vertices beside voxel corners, moved there; each corner once."""
    snapped = np.floor(loop) + 0.5
    return np.asarray(snapped[(snapped != np.roll(snapped, 1, axis=0)).any(axis=1)])


def _corners(loop: Points) -> Points:
    """The loop without the vertices that lie on a straight line between their neighbours."""
    before, after = loop - np.roll(loop, 1, axis=0), np.roll(loop, -1, axis=0) - loop
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    back = (before * after).sum(axis=1) <= 0
    return np.asarray(loop[(np.abs(turn) > STRAIGHT) | back])


def _area(loop: Points) -> float:
    x, y = loop.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _keyhole(outer: Points, inner: list[Points]) -> Points:
    """One loop of an outer loop and its holes, the nearest hole joined first.

    The shortest way between a hole and the loop crosses neither, nor another hole farther away.
    Its ends are moved a little along the loops, each by its own length, because the shortest way
    itself often runs through voxel centres, which readers may then count as outside. Only points
    that are new in the loop are measured against the holes left: each pair of points once.
    """
    loop, left = outer, [_Hole(hole, *_nearest_of(outer, hole)) for hole in inner]
    while left:
        lengths = [hole.gaps.min() for hole in left]
        nearest = left.pop(lengths.index(min(lengths)))
        hole, i = nearest.points, int(nearest.gaps.argmin())
        j = int(nearest.ends[i])
        start, end = _beside(loop, i, LINK_SHIFTS[0]), _beside(hole, j, LINK_SHIFTS[1])
        way = np.concatenate([start, end, hole[j + 1 :], hole[: j + 1], end, start])
        loop = _inserted(loop, i, way)
        left = [other.after(i, way) for other in left]
    return loop


def _beside(loop: Points, index: int, shift: float) -> Points:
    """A point (1, 2) on the edge after a vertex, `shift` voxels along it or halfway at most."""
    edge = loop[(index + 1) % len(loop)] - loop[index]
    part = min(0.5, shift / max(float(np.hypot(*edge)), shift))
    return np.asarray(loop[index : index + 1] + part * edge)


def _nearest_of(points: Points, hole: Points) -> tuple[Points, Indices]:
    """For each point the squared distance to the nearest point of a hole, and which that is."""
    gaps = ((points[:, None, :] - hole[None, :, :]) ** 2).sum(axis=2)
    nearest = gaps.argmin(axis=1)
    return gaps[np.arange(len(points)), nearest], nearest


@dataclass(frozen=True, slots=True, eq=False)
class _Hole:
    """A hole that is not joined yet, as every point of the loop so far sees it."""

    points: Points
    gaps: Points
    """Squared distance of each point of the loop to the nearest of the hole."""
    ends: Indices
    """Which that is."""

    def after(self, index: int, way: Points) -> _Hole:
        """With new points of the loop after the one at `index`."""
        gaps, ends = _nearest_of(way, self.points)
        return _Hole(
            self.points, _inserted(self.gaps, index, gaps), _inserted(self.ends, index, ends)
        )


def _inserted(old: Array, index: int, new: Array) -> Array:
    return np.concatenate([old[: index + 1], new, old[index + 1 :]])


def _to_patient(region: Region, slice_index: int, loop: Points) -> Points:
    columns, rows = loop.T
    return region.grid.to_patient(np.stack([np.full_like(rows, slice_index), rows, columns], 1))
