"""NRRD images and label maps, and 3D Slicer segmentations with overlapping layers."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from highdicom.sr import CodedConcept

from opensirt.errors import FileFormatError, GridMismatchError
from opensirt.image import Grid, Region
from opensirt.image.boxes import Box
from opensirt.io.dicom_codes import region_codes
from opensirt.io.dicom_files import printable
from opensirt.io.dicom_structures import ROI_COLOURS
from opensirt.io.door import reader
from opensirt.io.label_maps import (
    Labels,
    label_boxes,
    region_of_label,
    regions_from_labels,
    whole_number_labels,
)
from opensirt.io.nrrd_plain import plain_nrrd
from opensirt.io.region_names import Coded, role_from_name, unique_name
from opensirt.io.segment_layers import Place, layer_count, layered_slices, share_layers
from opensirt.io.shear import right_angled
from opensirt.io.slicer_fractions import FractionRange, fraction_range, is_fractional
from opensirt.io.whole import require_directions, require_whole_nrrd

__all__ = ["read_nrrd", "read_nrrd_regions", "write_regions_seg_nrrd"]

Array = npt.NDArray[np.generic]

_SPACE = "left-posterior-superior"
_TERMS = "TerminologyEntry:"
_KINDS = "Segmentation category and type - DICOM master list"
_SITES = "Anatomic codes - DICOM master list"
_SEGMENT_KEY = re.compile(r"^Segment(\d+)_(Name|LabelValue|Layer|ID|Tags)$")
_TERM = re.compile(r"(?:TerminologyEntry:|TerminologyEntry\|)([^|]*)")


MOST_UNOWNED = 4
"""Labels that no segment has may be so many; more are no labels."""


@dataclass(frozen=True, slots=True)
class _Segment:
    name: str
    label: int
    layer: int
    coded: tuple[Coded, ...]


@reader("NRRD")
def read_nrrd(path: Path) -> tuple[Array, Grid]:
    """Values (slice, row, column) and grid of a three-dimensional NRRD image.

    LPS, RAS and LAS space with any step direction; other spaces are refused, because their place
    in the patient is not stated.

    Raises
    ------
    FileFormatError
        When it cannot be read, has several values per voxel, or no known space.
    """
    image = _open(path)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise FileFormatError(
            f"{path.name}: expected one value per voxel, found "
            f"{image.GetNumberOfComponentsPerPixel()}; give one image per file"
        )
    return sitk.GetArrayFromImage(image), _grid(image, path)


@reader("NRRD")
def read_nrrd_regions(path: Path) -> tuple[Region, ...]:
    """Regions of a Slicer `.seg.nrrd` by segment name, or of a plain label map by label.

    A segment is the voxels of its layer with its label value; segments in different layers may
    overlap. Segments without a voxel are kept as empty regions. Roles come from names and codes.
    Labels that no segment has are regions "label 7" of role other. Where the header says that
    voxels hold fractions, a segment is its layer, each voxel covered by that part.

    Raises
    ------
    FileFormatError
        When it cannot be read, labels are no whole numbers, a layer is missing, a segment has no
        voxel while others belong to none, or what stands for a whole voxel is not known.
    """
    image = _open(path)
    segments = _segments(image, path)
    array = sitk.GetArrayViewFromImage(image)
    if not segments and image.GetNumberOfComponentsPerPixel() == 1:
        values = sitk.GetArrayFromImage(image)
        return regions_from_labels(values, _grid(image, path), path)
    layers = array if array.ndim == 4 else array[..., None]
    grid = _grid(image, path)
    _require_layers(segments, layers.shape[3], path)
    _require_apart(segments, path)
    if is_fractional(image):
        return _fractions(segments, layers, grid, fraction_range(image, layers, path), path)
    planes = [_Layer.of(layers[..., index], path) for index in range(layers.shape[3])]
    regions: list[Region] = []
    for segment in segments:
        labels, boxes = planes[segment.layer].labels, planes[segment.layer].boxes
        name, role = _named(segment, regions)
        regions.append(region_of_label(name, role, labels, segment.label, boxes, grid))
    return (*regions, *_of_no_segment(segments, planes, regions, path))


def _fractions(
    segments: Sequence[_Segment], layers: Array, grid: Grid, ends: FractionRange, path: Path
) -> tuple[Region, ...]:
    """Each segment as the covered fractions of its layer."""
    low, high = ends
    regions: list[Region] = []
    for index, segment in enumerate(segments):
        if other := [x for x in segments[:index] if x.layer == segment.layer]:
            raise FileFormatError(
                f"{path.name}: segments {other[0].name!r} and {segment.name!r} share layer "
                f"{segment.layer}, and voxels hold fractions: of which? Save the segmentation again"
            )
        covered = (layers[..., segment.layer].astype(np.float32) - low) / (high - low)
        name, role = _named(segment, regions)
        regions.append(Region.from_mask(name, role, covered, grid))
    return tuple(regions)


def _named(segment: _Segment, regions: Sequence[Region]) -> tuple[str, str]:
    """Name and role of a segment behind these regions."""
    name = unique_name(segment.name, [region.name for region in regions])
    return name, role_from_name(segment.name, segment.coded) or "other"


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The labels of one layer, and the boxes of those that are there."""

    labels: Labels
    boxes: dict[int, Box]

    @classmethod
    def of(cls, values: Array, path: Path) -> _Layer:
        labels = whole_number_labels(np.ascontiguousarray(values), path)
        return cls(labels, label_boxes(labels))


def _of_no_segment(
    segments: Sequence[_Segment], planes: Sequence[_Layer], regions: Sequence[Region], path: Path
) -> Iterator[Region]:
    """The labels that no segment has, as regions: their voxels are not dropped in silence."""
    owned = {(segment.layer, segment.label) for segment in segments}
    for index, layer in enumerate(planes):
        left = [label for label in layer.boxes if (index, label) not in owned]
        empty = [s.name for s in segments if s.layer == index and s.label not in layer.boxes]
        if left and empty:
            raise FileFormatError(
                f"{path.name}: segment {empty[0]!r} has no voxel, while no segment has the label "
                f"{left[0]} of voxels in its layer: which label is meant? Save the segmentation "
                "again"
            )
        if len(left) > max(MOST_UNOWNED, sum(s.layer == index for s in segments)):
            raise FileFormatError(
                f"{path.name}: {len(left)} values of voxels are the label of no segment, as in a "
                "map of fractions or probabilities; save it as a binary labelmap"
            )
        for label in left:
            name = f"label {label}" if len(planes) == 1 else f"label {label} of layer {index}"
            name = unique_name(name, [region.name for region in regions])
            yield region_of_label(name, "other", layer.labels, label, layer.boxes, regions[0].grid)


def write_regions_seg_nrrd(path: Path, regions: Sequence[Region]) -> None:
    """Write regions as a Slicer segmentation; those that overlap lie in layers of their own.

    Each has the colour of its role in the structure set and the codes of its role in the DICOM
    segmentation.

    Voxels covered by one half or more are in the segment; partial coverage is not kept. Slices are
    made and compressed one by one, so that memory stays small for any number of regions.

    Raises
    ------
    GridMismatchError
        When the regions do not share one grid.
    """
    if not regions:
        raise FileFormatError(f"{path.name}: a segmentation needs at least one region")
    grid = regions[0].grid
    for region in regions:
        if not region.grid.matches(grid):
            raise GridMismatchError(
                f"expected every region on {grid}, {region.name!r} is on {region.grid}; "
                "move it first with region.onto(grid)"
            )
    places = share_layers(regions)
    with path.open("wb") as file:
        file.write(_header(grid, regions, places).encode("utf-8"))
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            for labels in layered_slices(regions, places):
                packed.write(labels.data)


# -- reading


def _open(path: Path) -> sitk.Image:
    require_whole_nrrd(path)
    try:
        with plain_nrrd(path) as readable:
            image = sitk.ReadImage(str(readable))
    except RuntimeError:  # its text holds the path and lines of the header
        raise FileFormatError(
            f"{path.name}: cannot be read as NRRD: its header is damaged, or its encoding unknown; "
            "save it again"
        ) from None
    if image.GetDimension() != 3:
        raise FileFormatError(
            f"{path.name}: expected three dimensions, found {image.GetDimension()}; "
            "give one volume per file"
        )
    space = image.GetMetaData("NRRD_space") if image.HasMetaDataKey("NRRD_space") else ""
    if not space:
        raise FileFormatError(
            f"{path.name}: has no NRRD field 'space', so which way is left is not known; save it "
            "with 'space: left-posterior-superior', or as the program that made it means it"
        )
    if space != _SPACE:  # ITK has turned RAS and LAS to LPS by now
        raise FileFormatError(
            f"{path.name}: NRRD field 'space' must say LPS, RAS or LAS, found {space!r}: "
            "the place in the patient is not known; save it again with the right space"
        )
    require_directions(path)
    return image


def _require_layers(segments: Sequence[_Segment], count: int, path: Path) -> None:
    for segment in segments:
        if not 0 <= segment.layer < count:
            raise FileFormatError(
                f"{path.name}: segment {segment.name!r} is in layer {segment.layer}, "
                f"the file has {count} layers"
            )


def _require_apart(segments: Sequence[_Segment], path: Path) -> None:
    """Refuse two segments of one layer and label: the voxels of both would be one's."""
    seen: dict[tuple[int, int], str] = {}
    for segment in segments:
        key = (segment.layer, segment.label)
        if key in seen:
            raise FileFormatError(
                f"{path.name}: segments {seen[key]!r} and {segment.name!r} both have label "
                f"{segment.label} of layer {segment.layer}; save the segmentation again"
            )
        seen[key] = segment.name


def _grid(image: sitk.Image, path: Path) -> Grid:
    directions = np.asarray(image.GetDirection()).reshape(3, 3).T[::-1]
    grid = Grid.from_directions(
        image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), directions
    )
    return right_angled(grid, path.name)


def _segments(image: sitk.Image, path: Path) -> list[_Segment]:
    """Segments in order of their number; Layer and LabelValue may be missing in old files."""
    found: dict[int, dict[str, str]] = {}
    for key in image.GetMetaDataKeys():
        match = _SEGMENT_KEY.match(key)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = image.GetMetaData(key)
    layered = image.GetNumberOfComponentsPerPixel() > 1
    if layered and not found:
        raise FileFormatError(
            f"{path.name}: has several layers but no Segment0_Name: it is no segmentation"
        )
    try:
        segments = [
            _Segment(
                _readable(keys.get("Name") or keys.get("ID") or "") or f"Segment {number}",
                int(keys.get("LabelValue", "1")),
                int(keys.get("Layer", str(number) if layered else "0")),
                _codes(keys.get("Tags", "")),
            )
            for number, keys in sorted(found.items())
        ]
    except ValueError as error:
        raise FileFormatError(
            f"{path.name}: Segment keys LabelValue and Layer must be whole numbers ({error})"
        ) from error
    for segment in segments:
        if segment.label < 1:
            raise FileFormatError(
                f"{path.name}: segment {segment.name!r} has the LabelValue {segment.label}, and 0 "
                "is the background; labels begin at 1"
            )
    return segments


def _readable(text: str) -> str:
    """A name without control characters; one that is no UTF-8 is read as Western European."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return printable(text)


def _codes(tags: str) -> tuple[Coded, ...]:
    """Type and modifier codes of Slicer's terminology entry "context~category~type~modifier~"."""
    match = _TERM.search(tags)
    if not match:
        return ()
    parts = [part.split("^") for part in match[1].split("~")[2:4]]
    return tuple((part[1], part[0]) for part in parts if len(part) >= 2 and part[1])


# -- writing


def _header(grid: Grid, regions: Sequence[Region], places: Sequence[Place]) -> str:
    matrix = grid.matrix
    steps = [_vector(matrix[:3, axis]) for axis in (2, 1, 0)]
    slices, rows, columns = grid.shape
    lines = [
        "NRRD0004",
        "type: unsigned char",
        "dimension: 4",
        f"space: {_SPACE}",
        f"sizes: {layer_count(places)} {columns} {rows} {slices}",
        f"space directions: none {' '.join(steps)}",
        "kinds: list domain domain domain",
        "encoding: gzip",
        f"space origin: {_vector(matrix[:3, 3])}",
    ]
    for index, (region, place) in enumerate(zip(regions, places, strict=True)):
        extent = " ".join(f"{s.start} {max(s.start, s.stop - 1)}" for s in reversed(region.box))
        lines += [
            f"Segment{index}_Color:={_colour(region.role)}",
            f"Segment{index}_ColorAutoGenerated:=0",
            f"Segment{index}_Extent:={extent}",
            f"Segment{index}_ID:=Segment_{index + 1}",
            f"Segment{index}_LabelValue:={place.label}",
            f"Segment{index}_Layer:={place.layer}",
            f"Segment{index}_Name:={' '.join(region.name.split())}",
            f"Segment{index}_NameAutoGenerated:=0",
            f"Segment{index}_Tags:={_TERMS}{_terms(region.role)}|",
        ]
    return "\n".join([*lines, "", ""])


def _colour(role: str) -> str:
    """Red, green and blue from 0 to 1, those of the structure set."""
    return " ".join(f"{part / 255:.6g}" for part in ROI_COLOURS[role])


def _terms(role: str) -> str:
    """What a region is, as Slicer writes it: list, category, type, side; list, organ, its side."""
    codes = region_codes(role)
    parts = [_code(codes.category), _code(codes.kind), _code(codes.side)]
    where = ["" if codes.site is None else _SITES, _code(codes.site), _code(None)]
    return "~".join([_KINDS, *parts, *where])


def _code(code: CodedConcept | None) -> str:
    if code is None:
        return "^^"
    return f"{code.scheme_designator}^{code.value}^{code.meaning}"


def _vector(values: npt.NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(value)) for value in values) + ")"
