"""A folder of files -> series, regions and what is neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID

from opensirt.case import LeftOut
from opensirt.errors import DicomError, OpenSirtError
from opensirt.io.dicom_files import integer, number, numbers, open_dicom, printable, texts, title
from opensirt.io.dicom_frames import (
    Frame,
    Instance,
    find_group,
    frames_of,
    is_multi_frame_kind,
    said_of,
)
from opensirt.io.dicom_images import image_kind
from opensirt.io.own_results import is_own_result
from opensirt.io.walk import begins_as_dicom
from opensirt.provenance import hash_file

__all__ = ["Progress", "Scan", "Series", "scan_files", "what_it_is"]

Progress = Callable[[int, int], None]
"""Called with the number of files looked at and their total."""

SAME_COSINE, SAME_PIXEL = 5e-3, 1e-4
"""Slices within these, of cosines and of pixel size over itself, are of one stack."""
SAME_PLACE_MM = 0.02
PRIVATE = "an object of a private class"
Floats = npt.NDArray[np.float64]
Placed = tuple[Instance, Floats]

REGION_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "SEG",
}
_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_DIRECTORY = "1.2.840.10008.1.3.10"
_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
_SPLITTERS = (
    "TemporalPositionIdentifier", "TemporalPositionIndex", "AcquisitionNumber", "EchoNumbers",
    "FrameReferenceTime", "AcquisitionTime", "TriggerTime", "ImageType", "ConvolutionKernel",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Series:
    """One stack of slices: a series, or the part of it that forms one volume."""

    kind: str
    instances: tuple[Instance, ...]
    part: str = ""
    """What tells this part from others of the same series: "AcquisitionNumber 2"."""
    selected: tuple[Frame, ...] | None = None

    @property
    def header(self) -> Dataset:
        """Header of the first file."""
        return self.instances[0].header

    def text(self, keyword: str) -> str:
        """Text of an attribute of the first file, "" where absent or unreadable."""
        try:
            return printable(title(self.header, keyword, self.instances[0].path.name))
        except DicomError:
            return ""

    @cached_property
    def label(self) -> str:
        """Series description, or modality and number; with the part where the series was split."""
        number_text = self.text("SeriesNumber")
        label = self.text("SeriesDescription")
        label = label or f"{self.kind or 'image'} series {number_text}".strip()
        return f"{label} ({self.part})" if self.part else label

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """Planes of the volume; raises `DicomError` where they have no place."""
        if self.selected is not None:
            return self.selected
        return tuple(plane for i in self.instances for plane in frames_of(i, self.label))

    @property
    def size(self) -> tuple[int, int, int]:
        """Slices, rows, columns as the headers say."""
        name = self.instances[0].path.name
        if self.selected is not None:
            slices = len(self.selected)
        else:
            slices = sum(integer(i.header, "NumberOfFrames", name) or 1 for i in self.instances)
        rows, columns = integer(self.header, "Rows", name), integer(self.header, "Columns", name)
        return slices, rows or 0, columns or 0

    @property
    def described(self) -> str:
        """For messages: label, series number, modality and size."""
        number_text = self.text("SeriesNumber")
        try:
            size = " x ".join(str(n) for n in self.size)
        except DicomError:
            size = "unknown size"
        inner = f"series {number_text}, " if number_text else ""
        return f"{self.label!r} ({inner}{self.kind}, {size})"

    def measured(self) -> str:
        """Size and voxel size as the header states them, for an image that cannot be placed."""
        name = self.instances[0].path.name
        try:
            step = number(self.header, "SpacingBetweenSlices", name) or number(
                self.header, "SliceThickness", name
            )
            pixel = numbers(self.header, "PixelSpacing", name)
        except DicomError:
            return self.described
        voxel = " x ".join(f"{abs(v):.4g}" for v in ((step,) if step else ()) + pixel)
        return f"{self.described} of {voxel} mm" if voxel else self.described


@dataclass(slots=True)
class Scan:
    """What a set of files holds."""

    series: list[Series] = field(default_factory=list)
    regions: list[Instance] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    others: list[Instance] = field(default_factory=list)
    """DICOM objects that are neither image nor regions."""
    errors: list[OpenSirtError] = field(default_factory=list)
    """Errors behind entries of `left_out`, for a caller who gave one file alone."""
    dicom_files: int = 0
    damaged: int = 0
    """Files and folders that could not be read, so that nobody knows what they hold."""

    def refuse(
        self, what: str, error: OpenSirtError, instances: Sequence[Instance], file: str = ""
    ) -> None:
        """List something that cannot be read, of files that the error may name."""
        self.left_out.append(LeftOut(what, said_of(error, instances), file=file))
        self.errors.append(error)


def scan_files(
    files: Sequence[Path], root: Path, progress: Progress | None = None, *, trust: bool = False
) -> Scan:
    """Sort files into series and region objects, by their headers alone.

    `trust` takes every file for DICOM; without it, files without a DICOM beginning are left out.
    """
    scan = Scan()
    slices: dict[tuple[object, ...], list[Placed]] = defaultdict(list)
    seen: dict[str, Instance] = {}
    for index, file in enumerate(files):
        if progress is not None:
            progress(index, len(files))
        name = file.relative_to(root).as_posix() if file != root else file.name
        instance = Instance(file, Dataset(), index + 1)
        try:
            if not trust and not begins_as_dicom(file):
                scan.left_out.append(LeftOut(instance.called, "not a DICOM file", file=name))
                continue
            instance = replace(instance, header=open_dicom(file, pixels=False))
            scan.dicom_files += 1
            if first := _copied(instance, seen):
                why = f"a copy of {first.called}"
                scan.left_out.append(LeftOut(instance.called, why, file=name))
                continue
            _sort_in(instance, name, slices, scan)
        except OpenSirtError as error:
            scan.refuse(instance.called, error, [instance], name)
            scan.damaged += 1
    if progress is not None:
        progress(len(files), len(files))
    for group in slices.values():
        try:
            stacks = _of_one_geometry(group)
            for place, alike in enumerate(stacks, 1):
                part = f"stack {place} of {len(stacks)}" if len(stacks) > 1 else ""
                scan.series += _volumes(alike, part)
        except OpenSirtError as error:
            members = tuple(instance for instance, _ in group)
            scan.refuse(repr(Series("", members).label), error, members)
    return scan


def what_it_is(instance: Instance) -> str:
    """The kind of an object in words: "RT Dose", "Secondary Capture Image"."""
    if not instance.sop_class:
        return "a DICOM data set without SOPClassUID"
    uid = UID(instance.sop_class)
    if not uid.is_valid or uid.name == uid:  # a damaged one may have swallowed what follows it
        return PRIVATE
    return uid.name.removesuffix(" Storage")


def _copied(instance: Instance, seen: dict[str, Instance]) -> Instance | None:
    """The very same file where it was read before; another content under one UID is kept."""
    if not instance.uid:
        return None
    first = seen.setdefault(instance.uid, instance)
    same = first is not instance and hash_file(first.path) == hash_file(instance.path)
    return first if same else None


def _sort_in(
    instance: Instance, name: str, slices: dict[tuple[object, ...], list[Placed]], scan: Scan
) -> None:
    kind = image_kind(instance.sop_class)
    if kind is not None:
        scan.damaged += "Rows" not in instance.header
        slices[_series_key(instance, kind)].append((instance, _geometry(instance, kind)))
    elif instance.sop_class in REGION_CLASSES:
        scan.regions.append(instance)
    else:
        scan.others.append(instance)
        why = _why_not_an_image(instance)
        scan.left_out.append(LeftOut(instance.called, why, file=name))
        standard = instance.sop_class.startswith("1.2.840.10008.")
        if not instance.sop_class or (standard and what_it_is(instance) == PRIVATE):
            scan.damaged += 1  # a UID cut short
        if not instance.sop_class:
            scan.errors.append(DicomError(f"{name}: SOPClassUID is missing; this is no image"))


def _why_not_an_image(instance: Instance) -> str:
    what, name = what_it_is(instance), instance.path.name
    if is_own_result(instance):
        return f"{what}: a result of opensirt, no input"
    if instance.sop_class == _RT_DOSE:
        size = [integer(instance.header, k, name) for k in ("NumberOfFrames", "Rows", "Columns")]
        unit = title(instance.header, "DoseUnits", name) or "no unit"
        shape = " x ".join(str(n or 1) for n in size)
        return f"{what}: a dose of {shape} voxels ({unit}), not an image to plan on"
    if instance.sop_class == _DIRECTORY:
        return f"{what}: an index of files, not an image"
    if instance.sop_class.startswith(_SECONDARY):
        return f"{what}: a picture whose values and place in the patient are not known"
    return f"{what}: not read by opensirt"


def _series_key(instance: Instance, kind: str) -> tuple[object, ...]:
    header, name = instance.header, instance.path.name
    series = title(header, "SeriesInstanceUID", name)
    if kind == "NM" or is_multi_frame_kind(instance.sop_class):
        return (series, instance.path)
    return (
        series or instance.path,
        instance.sop_class,
        integer(header, "Rows", name),
        integer(header, "Columns", name),
        "LOCALIZER" in texts(header, "ImageType", name),
    )


def _geometry(instance: Instance, kind: str) -> Floats:
    """Direction cosines and pixel size (mm) of a slice, as one array; empty for many frames."""
    header, name = instance.header, instance.path.name
    if kind == "NM" or is_multi_frame_kind(instance.sop_class):
        return np.empty(0)
    cosines = numbers(header, "ImageOrientationPatient", name)
    return np.array((*cosines, *numbers(header, "PixelSpacing", name)))


def _of_one_geometry(group: Sequence[Placed]) -> list[list[Instance]]:
    """Slices of one series that lie alike: writers round cosines and pixel sizes differently."""
    alike: list[tuple[Floats, list[Instance]]] = []
    for instance, geometry in group:
        for known, members in alike:
            if known.shape == geometry.shape and np.all(np.abs(geometry - known) <= _alike(known)):
                members.append(instance)
                break
        else:
            alike.append((geometry, [instance]))
    return [members for _, members in alike]


def _alike(geometry: Floats) -> Floats:
    """How far each number of a geometry, six cosines and two sizes, may be from another."""
    is_cosine = np.arange(geometry.size) < 6
    return np.where(is_cosine, SAME_COSINE, SAME_PIXEL * np.abs(geometry))


def _volumes(group: Sequence[Instance], part: str) -> list[Series]:
    """The volumes in slices of one series: usually one, several where slices repeat."""
    kind = image_kind(group[0].sop_class) or ""
    whole = Series(kind, tuple(group), part)
    if is_multi_frame_kind(group[0].sop_class):
        return _frame_volumes(whole)
    if kind == "NM" or len(group) == 1 or not _repeats(whole.frames):
        return [whole]
    for keyword in _SPLITTERS:
        parts: dict[str, list[Instance]] = defaultdict(list)
        for instance in group:
            parts[title(instance.header, keyword, instance.path.name)].append(instance)
        before = f"{part}, " if part else ""
        found = [Series(kind, tuple(p), f"{before}{keyword} {value}") for value, p in parts.items()]
        if len(found) > 1 and not any(_repeats(one.frames) for one in found):
            return found
    return [whole]


def _frame_volumes(whole: Series) -> list[Series]:
    """Parts of an enhanced object by stack and temporal position."""
    parts: dict[str, list[Frame]] = defaultdict(list)
    for frame in whole.frames:
        content = find_group(frame.groups, "FrameContentSequence", whole.label)
        keys = [
            f"{keyword} {value}"
            for keyword in ("StackID", "TemporalPositionIndex")
            if content and (value := title(content[0], keyword, whole.label))
        ]
        parts[", ".join(keys)].append(frame)
    if len(parts) == 1:
        return [whole]
    return [Series(whole.kind, whole.instances, key, tuple(p)) for key, p in parts.items()]


def _repeats(frames: Sequence[Frame]) -> bool:
    """True where two slices share one position."""
    places = np.stack([frame.position_mm for frame in frames])
    heights = places @ np.cross(*frames[0].cosines)
    ordered = places[np.argsort(heights, kind="stable")]
    return bool(np.any(np.linalg.norm(np.diff(ordered, axis=0), axis=1) < SAME_PLACE_MM))
