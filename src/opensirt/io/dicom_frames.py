"""Image planes of classic and enhanced objects, in one form.

A classic object is one plane; an enhanced multi-frame object is many, described by its shared and
per-frame functional groups; an NM reconstruction is many, described by its Detector Information
Sequence and the sign of SpacingBetweenSlices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.case import StudyImage
from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import integer, items, number, numbers, printable, title
from opensirt.io.dicom_geometry import check_orientation

__all__ = [
    "Frame",
    "Instance",
    "find_group",
    "frames_had",
    "frames_of",
    "is_multi_frame_kind",
    "said_of",
    "series_label",
]

Floats = npt.NDArray[np.float64]

ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2",
    "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4",
    "1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1",
}  # fmt: skip
NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"
LONGEST_MM, FURTHEST_MM = 1e3, 1e5
"""Pixels and gaps are no longer, and no scanner places a pixel further from its origin."""
MAX_FRAMES = 20_000
"""Most frames one object may claim."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One file of a series: where it is and its header without pixel data."""

    path: Path
    header: Dataset
    number: int = 0
    """Of the file among those of the study, by name, from 1: what results call it."""

    @property
    def called(self) -> str:
        """What results call the file, whose name may be a patient's."""
        return f"file {self.number}"

    @property
    def uid(self) -> str:
        """SOPInstanceUID, "" where absent."""
        return title(self.header, "SOPInstanceUID", self.path.name)

    @property
    def sop_class(self) -> str:
        """SOPClassUID, from the meta information where the data set has none."""
        found = title(self.header, "SOPClassUID", self.path.name)
        meta = getattr(self.header, "file_meta", None)
        return found or (title(meta, "MediaStorageSOPClassUID") if meta is not None else "")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image plane: where it lies and where its description is.

    `groups` are searched in order for attributes: per-frame groups, shared groups, whole header.
    """

    instance: Instance
    index: int
    position_mm: Floats
    cosines: Floats
    pixel_mm: tuple[float, float]
    thickness_mm: float | None
    groups: tuple[Dataset, ...]

    def __post_init__(self) -> None:
        if max(self.pixel_mm) > LONGEST_MM or np.abs(self.position_mm).max() > FURTHEST_MM:
            raise DicomError(
                f"{self.instance.path.name}: PixelSpacing or ImagePositionPatient lie beyond any "
                "image of a patient"
            )


def frames_had(images: Sequence[StudyImage]) -> str:
    """The frames of reference of images in words, and the cure where they have none."""
    found = sorted({printable(image.frame_of_reference_uid) for image in images} - {""})
    cure = ": give the images as DICOM, or the regions as .seg.nrrd or NIfTI" if images else ""
    return ", ".join(found) or f"none{cure}"


def said_of(error: Exception, instances: Sequence[Instance]) -> str:
    """An error as results may hold it: a file whose name it begins with is called by its number."""
    text = str(error)
    for instance in instances:
        rest = text.removeprefix(f"{instance.path.name}: ")
        if rest != text:
            return f"{instance.called}: {rest}"
    return text


def series_label(header: Dataset, name: str) -> str:
    """A name that a user would recognise: the series description, or modality and number."""
    number_text, description = (
        printable(title(header, keyword, name)) for keyword in ("SeriesNumber", "SeriesDescription")
    )
    modality = title(header, "Modality", name)
    kind = modality if modality in ("CT", "MR", "PT", "NM") else "image"
    return description or f"{kind} series {number_text}".strip()


def is_multi_frame_kind(sop_class: str) -> bool:
    """True for the enhanced image classes with functional groups."""
    return sop_class in ENHANCED


def frames_of(instance: Instance, name: str) -> list[Frame]:
    """All planes of one object.

    Raises
    ------
    DicomError
        When position, orientation or pixel size is missing; the text names the keyword.
    """
    if instance.sop_class in ENHANCED:
        return _enhanced(instance, name)
    if instance.sop_class == NM_IMAGE:
        return _reconstruction(instance, name)
    if (integer(instance.header, "NumberOfFrames", name) or 1) != 1:
        raise DicomError(f"{name}: NumberOfFrames is not 1 in an object that holds one slice")
    header = instance.header
    return [_frame(instance, 0, (header,), (header,), (header,), (header,), name)]


def find_group(groups: Sequence[Dataset], sequence: str, name: str) -> tuple[Dataset, ...]:
    """First items found under a functional group's name, in the order of `groups`."""
    for group in groups:
        if found := items(group, sequence, name):
            return found
    return ()


def _enhanced(instance: Instance, name: str) -> list[Frame]:
    header = instance.header
    per_frame = items(header, "PerFrameFunctionalGroupsSequence", name)
    shared = items(header, "SharedFunctionalGroupsSequence", name)
    count = integer(header, "NumberOfFrames", name) or 1
    if len(per_frame) != count:
        raise DicomError(
            f"{name}: PerFrameFunctionalGroupsSequence describes {len(per_frame)} of "
            f"{count} frames (NumberOfFrames)"
        )
    frames = []
    for index, own in enumerate(per_frame):
        groups = (own, *shared, header)
        frames.append(
            _frame(
                instance,
                index,
                groups,
                find_group(groups, "PlanePositionSequence", name),
                find_group(groups, "PlaneOrientationSequence", name),
                find_group(groups, "PixelMeasuresSequence", name),
                name,
            )
        )
    return frames


def _frame(
    instance: Instance,
    index: int,
    groups: tuple[Dataset, ...],
    position: Sequence[Dataset],
    orientation: Sequence[Dataset],
    measures: Sequence[Dataset],
    name: str,
) -> Frame:
    place = _needed(position, "ImagePositionPatient", 3, name)
    cosines = check_orientation(_needed(orientation, "ImageOrientationPatient", 6, name), name)
    row_mm, column_mm = _needed(measures, "PixelSpacing", 2, name)
    thickness_mm = number(measures[0], "SliceThickness", name)
    return Frame(
        instance, index, np.asarray(place), cosines, (row_mm, column_mm), thickness_mm, groups
    )


def _needed(groups: Sequence[Dataset], keyword: str, count: int, name: str) -> tuple[float, ...]:
    found = numbers(groups[0], keyword, name) if groups else ()
    if not found:
        raise DicomError(
            f"{name}: {keyword} is missing, so the image has no known place in the patient"
        )
    if len(found) != count:
        raise DicomError(f"{name}: {keyword} must be {count} numbers, found {len(found)}")
    return found


def _reconstruction(instance: Instance, name: str) -> list[Frame]:
    """Frames of an NM RECON TOMO object.

    DICOM PS3.3 C.8.4.15: slices lie along the normal of the first frame, SpacingBetweenSlices
    apart; a negative one stacks them against the normal. SliceVector gives the slice of each frame.
    """
    header = instance.header
    count = integer(header, "NumberOfFrames", name) or 1
    if not 1 <= count <= MAX_FRAMES:
        raise DicomError(f"{name}: NumberOfFrames is {count}, not a reconstruction")
    plane = _detector_plane(header, name)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        if not numbers(plane[0], keyword, name):
            raise NotUsableError(
                f"{name}: {keyword} is missing (DetectorInformationSequence), so the image has no "
                "known place in the patient and cannot be laid over a CT or regions"
            )
    position = np.asarray(_needed(plane, "ImagePositionPatient", 3, name))
    cosines = check_orientation(_needed(plane, "ImageOrientationPatient", 6, name), name)
    row_mm, column_mm = _needed((header,), "PixelSpacing", 2, name)
    thickness_mm = number(header, "SliceThickness", name)
    spacing_mm = _slice_spacing(header, count, thickness_mm, name)
    normal = np.cross(cosines[0], cosines[1])
    return [
        Frame(
            instance, index, position + normal * (spacing_mm * place), cosines,
            (row_mm, column_mm), thickness_mm, (header,),
        )
        for index, place in enumerate(_slice_places(header, count, name))
    ]  # fmt: skip


def _detector_plane(header: Dataset, name: str) -> tuple[Dataset, ...]:
    """Where the first frame's plane is described: the detector, else the header itself."""
    for item in items(header, "DetectorInformationSequence", name):
        if numbers(item, "ImagePositionPatient", name):
            return (item,)
    return (header,)


def _slice_spacing(header: Dataset, count: int, thickness_mm: float | None, name: str) -> float:
    spacing_mm = number(header, "SpacingBetweenSlices", name)
    if spacing_mm and abs(spacing_mm) > LONGEST_MM:
        raise DicomError(f"{name}: SpacingBetweenSlices is {spacing_mm:g} mm, beyond any image")
    if spacing_mm:
        return spacing_mm
    if count == 1 and thickness_mm:
        return thickness_mm
    raise DicomError(
        f"{name}: SpacingBetweenSlices is missing, and its sign tells on which side of the first "
        "slice the others lie"
    )


def _slice_places(header: Dataset, count: int, name: str) -> list[int]:
    """Slice number from 0 of each frame."""
    vector = numbers(header, "SliceVector", name)
    if not vector:
        return list(range(count))
    if len(vector) != count or sorted(vector) != list(range(1, count + 1)):
        for keyword in ("EnergyWindowVector", "TimeSlotVector", "RRIntervalVector"):
            if len(set(numbers(header, keyword, name))) > 1:
                raise NotUsableError(
                    f"{name}: several {keyword.removesuffix('Vector')} volumes in one object "
                    f"({keyword}); export the photopeak reconstruction alone"
                )
        raise DicomError(f"{name}: SliceVector does not number the {count} frames once each")
    return [int(place) - 1 for place in vector]
