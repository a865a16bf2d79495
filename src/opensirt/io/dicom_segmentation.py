"""Segmentation: regions as exact voxels, one segment each, on their own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.errors import GridMismatchError, RegionError
from opensirt.image import Grid, Region, Regions
from opensirt.io.dicom_codes import region_codes
from opensirt.io.dicom_common import (
    AS_DRAWN,
    DicomContext,
    forget_stand_in,
    instance_reference,
    long_text,
    save,
)
from opensirt.io.dicom_planes import DicomPlanes

__all__ = ["build_segmentation", "write_segmentation"]

HALF = 0.5
"""A voxel belongs to a segment from this coverage on."""
REGIONS = "segmentation"
ALGORITHM = "opensirt half coverage"
SegmentationKind = Literal["BINARY", "LABELMAP"]
Mask = npt.NDArray[np.bool_]


def write_segmentation(
    path: Path, regions: Regions, context: DicomContext, *, kind: SegmentationKind = "BINARY"
) -> Path:
    """Write regions as a DICOM Segmentation on the grid that they share.

    Parameters
    ----------
    regions : Regions
        All on one grid. Segment numbers follow their order, as ROI numbers do.
    kind : str
        "BINARY": one bit per voxel and segment; regions may overlap; read everywhere.
        "LABELMAP": one number per voxel; far smaller, newer, and regions must not overlap.

    Raises
    ------
    GridMismatchError
        When grids differ or are sheared.
    RegionError
        When there is no region, or a label map is asked for regions that overlap.
    """
    return save(build_segmentation(regions, context, kind=kind), path)


def build_segmentation(
    regions: Regions,
    context: DicomContext,
    *,
    kind: SegmentationKind = "BINARY",
    name: str = REGIONS,
) -> Dataset:
    """The data set of `write_segmentation`; a second one of one result needs another name."""
    planes = DicomPlanes.of(_shared_grid(regions))
    if kind == "LABELMAP":
        labels = planes.arrange(_label_map(regions))
        positions = [_plane_position(planes, i) for i in range(labels.shape[0])]
        dataset = _builder(
            np.ascontiguousarray(labels), positions, planes, regions, context, kind, name
        )
        forget_stand_in(dataset)
        return dataset
    # The builder writes one frame with every segment; the frames proper replace it below, so that
    # dozens of segments on a large grid are never in memory at once.
    template = np.ones((1, *planes.grid.shape[1:], len(regions)), dtype=np.uint8)
    position = [_plane_position(planes, 0)]
    dataset = _builder(template, position, planes, regions, context, kind, name)
    forget_stand_in(dataset)
    _write_frames(dataset, list(_frames(regions, planes)), planes, context)
    return dataset


def _shared_grid(regions: Regions) -> Grid:
    items = list(regions)
    if not items:
        raise RegionError("expected at least one region for a segmentation, found none")
    for region in items[1:]:
        if not region.grid.matches(items[0].grid):
            raise GridMismatchError(
                f"regions {items[0].name!r} and {region.name!r} are on different grids; "
                "move them to one first with regions.onto(grid)"
            )
    return items[0].grid


def _plane_position(planes: DicomPlanes, frame: int) -> hd.PlanePositionSequence:
    place = [float(v) for v in planes.position(frame)]
    return hd.PlanePositionSequence("PATIENT", place)


def _pixel_measures(planes: DicomPlanes) -> hd.PixelMeasuresSequence:
    return hd.PixelMeasuresSequence(
        pixel_spacing=[float(v) for v in planes.pixel_spacing],
        slice_thickness=planes.slice_spacing_mm,
        spacing_between_slices=planes.slice_spacing_mm,
    )


def _builder(
    pixels: npt.NDArray[np.generic],
    positions: list[hd.PlanePositionSequence],
    planes: DicomPlanes,
    regions: Regions,
    context: DicomContext,
    kind: SegmentationKind,
    name: str,
) -> Dataset:
    """A highdicom segmentation with our patient, study and equipment attributes."""
    dataset: Dataset = hd.seg.Segmentation(
        source_images=[context.stand_in(planes)],
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=_descriptions(regions, context),
        series_instance_uid=context.series_uid(name),
        series_number=context.series_number(name),
        sop_instance_uid=context.sop_uid(name),
        instance_number=1,
        manufacturer=context.manufacturer,
        manufacturer_model_name=context.manufacturer,
        software_versions=context.software_version,
        device_serial_number=context.software_version,
        content_label="REGIONS",
        content_description="Regions of a SIRT result",
        pixel_measures=_pixel_measures(planes),
        plane_orientation=hd.PlaneOrientationSequence(
            "PATIENT", [float(v) for v in planes.orientation]
        ),
        plane_positions=positions,
        omit_empty_frames=False,
    )
    context.stamp(
        dataset, "SEG", "Regions, opensirt" if name == REGIONS else f"{AS_DRAWN}, opensirt"
    )
    dataset.ContentDate, dataset.ContentTime = context.date, context.time
    return dataset


def _descriptions(regions: Regions, context: DicomContext) -> list[hd.seg.SegmentDescription]:
    return [_description(number, region, context) for number, region in enumerate(regions, start=1)]


def _description(number: int, region: Region, context: DicomContext) -> hd.seg.SegmentDescription:
    codes = region_codes(region.role)
    item = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=long_text(region.name),
        segmented_property_category=codes.category,
        segmented_property_type=codes.kind,
        algorithm_type="SEMIAUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=ALGORITHM,
            family=hd.sr.CodedConcept("123109", "DCM", "Manual Processing"),
            version=context.software_version,
        ),
        tracking_uid=context.uid("region", region.name),
        tracking_id=long_text(region.name),
        anatomic_regions=[codes.site] if codes.site else None,
    )
    if codes.side is not None:
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [codes.side]
    return item


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """One plane of one segment: the part inside the region's box."""

    segment: int
    frame: int
    mask: Mask
    row: int
    column: int


def _frames(regions: Regions, planes: DicomPlanes) -> Iterator[_Frame]:
    """Planes that hold something, segment by segment, along the normal."""
    for segment, region in enumerate(regions, start=1):
        first = region.box[0].start
        inside = region.fractions >= HALF
        order = range(inside.shape[0])
        for offset in reversed(order) if planes.reversed else order:
            if inside[offset].any():
                yield _Frame(
                    segment,
                    planes.frame_of(first + offset),
                    inside[offset],
                    region.box[1].start,
                    region.box[2].start,
                )


def _write_frames(
    dataset: Dataset, frames: list[_Frame], planes: DicomPlanes, context: DicomContext
) -> None:
    """Replace the builder's frames by those of the regions."""
    if not frames:
        raise RegionError("expected a region with a voxel at least half inside, found none")
    used = sorted({frame.frame for frame in frames})
    rank = {frame: index for index, frame in enumerate(used, start=1)}
    images = context.source.by_frame(planes) if context.source else [None] * planes.grid.shape[0]
    groups = []
    for frame in frames:
        group = _frame_group(frame, rank[frame.frame], planes)
        image = images[frame.frame]
        if image is not None and context.source is not None:
            group.DerivationImageSequence = [_derivation(context.source.sop_class_uid, image)]
        groups.append(group)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence = _pixel_measures(planes)  # a builder of one frame loses the step
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames = len(frames)
    dataset.add_new("PixelData", "OB", _packed(frames, planes.grid.shape[1:]))
    if context.source is not None and any(images[frame] for frame in used):
        series = Dataset()
        series.SeriesInstanceUID = context.source.series_uid
        series.ReferencedInstanceSequence = [
            instance_reference(context.source.sop_class_uid, uid)
            for uid in dict.fromkeys(images[frame] for frame in used)
            if uid is not None
        ]
        dataset.ReferencedSeriesSequence = [series]


def _frame_group(frame: _Frame, rank: int, planes: DicomPlanes) -> Dataset:
    content, segment, group = Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [frame.segment, rank]
    segment.ReferencedSegmentNumber = frame.segment
    group.FrameContentSequence = [content]
    group.PlanePositionSequence = _plane_position(planes, frame.frame)
    group.SegmentIdentificationSequence = [segment]
    return group


def _derivation(sop_class_uid: str, instance_uid: str) -> Dataset:
    """That a frame outlines something in one source image."""
    source = instance_reference(sop_class_uid, instance_uid)
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [
        hd.sr.CodedConcept("121322", "DCM", "Source Image for Image Processing Operation")
    ]
    item = Dataset()
    item.SourceImageSequence = [source]
    item.DerivationCodeSequence = [hd.sr.CodedConcept("113076", "DCM", "Segmentation")]
    return item


def _packed(frames: list[_Frame], shape: tuple[int, ...]) -> bytes:
    """All frames as one run of bits, lowest bit first, ended by zero bits on an even byte."""
    parts: list[bytes] = []
    left = np.zeros(0, dtype=np.bool_)
    plane = np.zeros(shape, dtype=np.bool_)
    for frame in frames:
        plane[:] = False
        rows, columns = frame.mask.shape
        window = slice(frame.row, frame.row + rows), slice(frame.column, frame.column + columns)
        plane[window] = frame.mask
        bits = np.concatenate([left, plane.ravel()])
        whole = bits.size // 8 * 8
        parts.append(np.packbits(bits[:whole], bitorder="little").tobytes())
        left = bits[whole:]
    parts.append(np.packbits(left, bitorder="little").tobytes())
    data = b"".join(parts)
    return data + b"\0" * (len(data) % 2)


def _label_map(regions: Regions) -> npt.NDArray[np.generic]:
    """Segment numbers on the shared grid; an overlap is an error, as one voxel holds one number."""
    items = list(regions)
    labels = np.zeros(items[0].grid.shape, dtype=np.uint8 if len(items) < 256 else np.uint16)
    for number, region in enumerate(items, start=1):
        inside = region.fractions >= HALF
        part = labels[region.box]
        taken = part[inside]
        if taken.any():
            other = items[int(taken[taken > 0][0]) - 1].name
            raise RegionError(
                f"regions {other!r} and {region.name!r} overlap, which a label map cannot hold; "
                "write a BINARY segmentation"
            )
        part[inside] = number
    return labels
