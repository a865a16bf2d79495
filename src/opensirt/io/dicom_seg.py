"""DICOM segmentations: binary, fractional and label-map frames to regions on their own grid."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels

from opensirt.case import LeftOut, StudyImage
from opensirt.errors import DicomError
from opensirt.image import Grid, Region
from opensirt.image.regions import require_role
from opensirt.io.big_words import packed_bits
from opensirt.io.decoder import decode, needs_decoder
from opensirt.io.dicom_files import printable, title
from opensirt.io.dicom_frames import frames_had
from opensirt.io.door import reader
from opensirt.io.region_names import Coded, role_from_name, unique_name
from opensirt.io.seg_frames import Frames, read_frames

__all__ = ["read_segmentation"]

FloatArray = npt.NDArray[np.float32]

TWICE = 0.05
"""Most by which the parts of a slice that frames of one segment cover may add up to over 1."""
HALF = 0.5
"""A voxel is in a segment of probabilities where the segment is likelier than not."""


@dataclass(frozen=True, slots=True)
class _Segment:
    number: int
    label: str
    coded: tuple[Coded, ...]


@reader("DICOM SEG", told=False)
def read_segmentation(
    dataset: Dataset, images: Sequence[StudyImage], *, roles: Mapping[str, str] | None = None
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...]]:
    """Regions of a DICOM segmentation, on the grid that its own frames lie on.

    Frames may come in any order and leave out empty planes. Fractional occupancy is the covered
    fraction; a probability is cut at one half, because it says nothing about coverage.

    Parameters
    ----------
    dataset : pydicom Dataset
        A Segmentation or Label Map Segmentation object.
    images : sequence of StudyImage
        Images of the study; where there are any, one must share the frame of reference.
    roles : mapping, optional
        Segment label -> role, before what labels and codes say.

    Returns
    -------
    regions, and what was left out with the reason.

    Raises
    ------
    DicomError
        When a needed attribute is missing or the frames do not lie on one grid.
    """
    stranger = _foreign_frame(dataset, images)
    segments = _segments(dataset)
    if stranger is not None:
        return (), tuple(
            LeftOut(f"segment {s.label!r}", stranger, of_regions=True) for s in segments
        )
    frames = read_frames(dataset, _segmented_grid(dataset, images))
    cut = _cut(dataset)
    builder = {segment.number: _Boxed(frames.grid) for segment in segments}
    _require_known(dataset, frames, builder)
    _require_pixels(dataset, len(frames.planes))
    for index, pixels in enumerate(_pixels(dataset, frames)):
        plane = frames.planes[index]
        for number, values in _layers(dataset, frames, index, pixels):
            if number in builder:
                builder[number].add(plane, _fractions(dataset, values, cut))
    regions: list[Region] = []
    left_out: list[LeftOut] = []
    for segment in segments:
        boxed = builder[segment.number]
        region = boxed.region(segment.label)
        if boxed.repeated:
            what = f"{boxed.repeated} frames of segment {segment.label!r}"
            left_out.append(LeftOut(what, "in the place of another one with the same voxels"))
        if region is None:
            what = f"segment {segment.label!r}"
            left_out.append(LeftOut(what, "no voxel belongs to it", of_regions=True))
            continue
        name = unique_name(segment.label, [known.name for known in regions])
        role = (roles or {}).get(segment.label) or role_from_name(segment.label, segment.coded)
        regions.append(region.named(name, require_role(role or "other")))
    if frames.is_thickness_assumed and regions:
        why = "is SliceThickness: there is one frame, and no image that says how far slices lie"
        left_out.append(LeftOut("thickness of the segmentation", why))
    if cut and regions:
        why = "SegmentationFractionalType PROBABILITY is cut at 0.5: a probability is no coverage"
        left_out.append(LeftOut("voxels of low probability", why))
    return tuple(regions), tuple(left_out)


# -- what the file says


def _foreign_frame(dataset: Dataset, images: Sequence[StudyImage]) -> str | None:
    """Why the segmentation does not belong to any of the images, or None where it does."""
    frame = str(dataset.get("FrameOfReferenceUID") or "")
    if not images or any(frame and image.frame_of_reference_uid == frame for image in images):
        return None
    series = _referred_series(dataset)
    for image in images:
        if image.series_uid in series and not (frame and image.frame_of_reference_uid):
            return None
    return (
        f"no image in its frame of reference: FrameOfReferenceUID {printable(frame) or 'missing'}, "
        f"images have {frames_had(images)}"
    )


def _referred_series(dataset: Dataset) -> set[str]:
    return {
        str(item.get("SeriesInstanceUID", ""))
        for item in dataset.get("ReferencedSeriesSequence") or []
    }


def _segmented_grid(dataset: Dataset, images: Sequence[StudyImage]) -> Grid | None:
    """The grid of the image that the segmentation refers to, else of a CT of the same frame."""
    referred = _referred_series(dataset)
    frame = str(dataset.get("FrameOfReferenceUID") or "")
    same = [image for image in images if frame and image.frame_of_reference_uid == frame]
    found = [image for image in images if image.series_uid in referred]
    found += [image for image in same if image.role == "ct"] + same
    return found[0].volume.grid if found else None


def _require_known(dataset: Dataset, frames: Frames, known: Container[int]) -> None:
    """Each frame belongs to a segment that is described."""
    strangers = sorted({n for n in frames.segments if n not in known})
    if strangers and not _is_label_map(dataset):
        raise DicomError(
            f"ReferencedSegmentNumber {strangers[0]} of a frame is described by no item of "
            "SegmentSequence: whose is it?"
        )


def _require_pixels(dataset: Dataset, frames: int) -> None:
    """Native pixels hold as many bytes as rows, columns and frames declare."""
    if "PixelData" not in dataset or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return  # the decoder looks
    samples = frames * int(dataset.Rows) * int(dataset.Columns)
    needed = -(-samples * int(dataset.BitsAllocated) // 8)
    held = len(dataset.PixelData)
    if held not in (needed, needed + needed % 2):
        raise DicomError(
            f"PixelData holds {held} bytes, {frames} frames of Rows {dataset.Rows} x Columns "
            f"{dataset.Columns} need {needed}"
        )


def _segments(dataset: Dataset) -> list[_Segment]:
    found: list[_Segment] = []
    for item in dataset.get("SegmentSequence") or []:
        value = item.get("SegmentNumber")
        if value is None or not str(value).strip().isdecimal():
            raise DicomError("SegmentNumber must be a whole number, 1 or more")
        number = int(str(value))
        if number == 0:
            if _is_label_map(dataset):
                continue  # the background of a label map
            raise DicomError("SegmentNumber 0 is no segment: numbers begin at 1")
        if any(number == known.number for known in found):
            raise DicomError(f"SegmentNumber {number} stands twice: whose frames are whose?")
        label = printable(title(item, "SegmentLabel")) or f"Segment {number}"
        codes: list[Coded] = []
        for kind in item.get("SegmentedPropertyTypeCodeSequence") or []:
            codes.append(_code(kind))
            codes += [
                _code(extra)
                for extra in kind.get("SegmentedPropertyTypeModifierCodeSequence") or []
            ]
        found.append(_Segment(number, label, tuple(codes)))
    if not found:
        raise DicomError("SegmentSequence is missing or empty: there are no segments to read")
    return found


def _code(item: Dataset) -> Coded:
    return str(item.get("CodeValue") or ""), str(item.get("CodingSchemeDesignator") or "")


def _is_label_map(dataset: Dataset) -> bool:
    return str(dataset.get("SegmentationType") or "") == "LABELMAP"


def _cut(dataset: Dataset) -> bool:
    """True where values are probabilities."""
    kind = str(dataset.get("SegmentationType") or "")
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise DicomError(
            f"SegmentationType {printable(kind) or 'is missing'}: expected BINARY, FRACTIONAL or "
            "LABELMAP"
        )
    if kind != "FRACTIONAL":
        return False
    meaning = str(dataset.get("SegmentationFractionalType") or "")
    if meaning not in ("PROBABILITY", "OCCUPANCY"):
        raise DicomError(
            f"SegmentationFractionalType {printable(meaning) or 'is missing'}: "
            "expected OCCUPANCY or PROBABILITY"
        )
    if not dataset.get("MaximumFractionalValue"):
        raise DicomError("MaximumFractionalValue is missing: fractions cannot be scaled")
    return meaning == "PROBABILITY"


# -- pixels to fractions


def _pixels(dataset: Dataset, frames: Frames) -> Iterator[npt.NDArray[np.generic]]:
    shape = frames.grid.shape[1:]
    count = 0
    try:
        for pixels in _frames(dataset, shape):
            if pixels.shape != shape:
                raise DicomError(
                    f"PixelData frames are {pixels.shape}, Rows and Columns say {shape}"
                )
            if count < len(frames.planes):
                yield pixels
            count += 1
    except (ValueError, AttributeError, RuntimeError, NotImplementedError) as error:
        raise DicomError(f"PixelData cannot be decoded: {' '.join(str(error).split())}") from error
    if count < len(frames.planes):
        raise DicomError(
            f"PixelData holds {count} frames, NumberOfFrames says {len(frames.planes)}"
        )


def _frames(dataset: Dataset, shape: tuple[int, ...]) -> Iterator[npt.NDArray[np.generic]]:
    """Decoded frames; single bits are cut here, since a frame need not begin at a whole byte."""
    if needs_decoder(dataset):
        stored = decode(dataset)
        yield from stored if stored.ndim > len(shape) else stored[np.newaxis]
        return
    if dataset.BitsAllocated != 1 or dataset.file_meta.TransferSyntaxUID.is_compressed:
        yield from iter_pixels(dataset)
        return
    packed = packed_bits(dataset)
    size = math.prod(shape)
    for index in range(packed.size * 8 // size):
        first, last = index * size, (index + 1) * size
        bits = np.unpackbits(packed[first // 8 : -(-last // 8)], bitorder="little")
        yield bits[first % 8 : first % 8 + size].reshape(shape)


def _layers(
    dataset: Dataset, frames: Frames, index: int, pixels: npt.NDArray[np.generic]
) -> Iterator[tuple[int, npt.NDArray[np.generic]]]:
    """(segment number, its values) in one frame."""
    if not _is_label_map(dataset):
        yield frames.segments[index], pixels
        return
    for number in np.unique(pixels):
        yield int(number), pixels == number


def _fractions(dataset: Dataset, values: npt.NDArray[np.generic], cut: bool) -> FloatArray:
    if dataset.SegmentationType != "FRACTIONAL":
        inside: npt.NDArray[np.bool_] = values != 0
        return inside.astype(np.float32)
    if values.max(initial=0) > dataset.MaximumFractionalValue:
        raise DicomError(
            f"PixelData holds {values.max()}, above MaximumFractionalValue "
            f"({dataset.MaximumFractionalValue}): which of them is wrong?"
        )
    scaled: FloatArray = values.astype(np.float32)
    scaled /= np.float32(dataset.MaximumFractionalValue)
    result: FloatArray = (scaled >= HALF).astype(np.float32) if cut else np.minimum(scaled, 1.0)
    return result


class _Boxed:
    """Planes of one segment, each cut to its own box until the region is made."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._parts: list[tuple[int, int, int, FloatArray]] = []
        self.repeated = 0
        self._covered: dict[int, float] = {}
        self._planes: dict[Sequence[tuple[int, float]], FloatArray] = {}

    def add(self, plane: Sequence[tuple[int, float]], fractions: FloatArray) -> None:
        """Add a frame to the slices it covers, by the part of each slice that it covers.

        A frame that is there twice counts once.

        Raises
        ------
        DicomError
            Where another frame of the segment, of other voxels, covers a slice already.
        """
        if any(self._covered.get(index, 0.0) + share > 1.0 + TWICE for index, share in plane):
            if plane in self._planes and np.array_equal(self._planes[plane], fractions):
                self.repeated += 1
                return
            raise DicomError(
                "two frames of one segment lie in one place (ImagePositionPatient): which of them "
                "holds? Export the segmentation again"
            )
        self._planes[plane] = fractions
        for index, share in plane:
            self._covered[index] = self._covered.get(index, 0.0) + share
        rows = np.flatnonzero(fractions.any(axis=1))
        if rows.size == 0:
            return
        columns = np.flatnonzero(fractions.any(axis=0))
        row, column = int(rows[0]), int(columns[0])
        part = fractions[row : int(rows[-1]) + 1, column : int(columns[-1]) + 1].copy()
        for index, share in plane:
            self._parts.append((index, row, column, part if share == 1.0 else part * share))

    def region(self, name: str) -> Region | None:
        if not self._parts:
            return None
        starts = np.array([part[:3] for part in self._parts])
        ends = np.array([(i + 1, r + p.shape[0], c + p.shape[1]) for i, r, c, p in self._parts])
        low, high = starts.min(axis=0), ends.max(axis=0)
        whole = np.zeros(high - low, dtype=np.float32)
        for (*_, part), start in zip(self._parts, starts - low, strict=True):
            height, width = part.shape
            view = whole[start[0], start[1] : start[1] + height, start[2] : start[2] + width]
            view += part
        np.minimum(whole, 1.0, out=whole)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return Region(name, "other", self._grid, box, whole)  # type: ignore[arg-type]
