"""One DICOM image, classic series or multi-frame object, to a `StudyImage`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.case import StudyImage
from opensirt.errors import DicomError, NotUsableError
from opensirt.findings import Finding
from opensirt.image import Volume
from opensirt.io.dicom_counts import check_slices
from opensirt.io.dicom_files import (
    integer,
    load_pixels,
    open_dicom,
    quiet_pydicom,
    title,
)
from opensirt.io.dicom_frames import Frame, Instance, frames_of, series_label
from opensirt.io.dicom_geometry import Stack, stack_slices
from opensirt.io.dicom_meaning import Meaning, ct_meaning, emission_meaning, mr_meaning
from opensirt.io.dicom_nm import require_reconstruction
from opensirt.io.dicom_scales import check_scales
from opensirt.io.dicom_times import acquisition_instant, instant, zone_notes
from opensirt.units import Unit

__all__ = [
    "AIR_HU",
    "DicomImage",
    "image_kind",
    "read_dicom_image",
    "read_series",
]

Values = npt.NDArray[np.float32]

AIR_HU = -1000.0
"""By definition of the Hounsfield scale."""
LOWEST_HU = -1024.0
"""Lowest value that a CT writes for tissue or air; less is padding outside the field of view."""
SAME_ORIENTATION = 1e-3
"""Cosines this close differ by rounding alone."""

_KINDS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT", "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR", "1.2.840.10008.5.1.4.1.1.4.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT", "1.2.840.10008.5.1.4.1.1.128.1": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT", "1.2.840.10008.5.1.4.1.1.20": "NM",
}  # fmt: skip
_DEFAULT_ROLES = {"CT": "ct", "MR": "mr"}

ONE_IN_A_SERIES = (
    "PatientID", "FrameOfReferenceUID", "SeriesType", "CorrectedImage",
)  # fmt: skip
"""Attributes that all slices of a series share; some tools give each slice a study of its own."""


@dataclass(frozen=True, slots=True)
class DicomImage:
    """An image with the SHA-256 of the files it came from."""

    image: StudyImage
    sha256: str


def image_kind(sop_class: str) -> str | None:
    """ "CT", "MR", "PT" or "NM" for a storage class that can be read as a volume, else None."""
    return _KINDS.get(sop_class)


def read_dicom_image(
    paths: Sequence[Path | str] | Path | str, *, role: str | None = None
) -> StudyImage:
    """The image in some files of one series, or in one multi-frame object.

    Parameters
    ----------
    paths : path or paths
        Every file of the series; their order does not matter.
    role : str, optional
        Role of the image; "ct" and "mr" follow from the modality, an emission image needs one and
        is taken for "planning-activity" where none is given.

    Returns
    -------
    StudyImage in HU (CT), Bq/mL or counts (PET, NM) or arbitrary values (MR), float32.

    Raises
    ------
    FileFormatError, DicomError, NotUsableError
        The text names the file or series and the DICOM keyword.
    """
    single = isinstance(paths, (str, Path))
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    with quiet_pydicom():
        instances = [Instance(file, open_dicom(file, pixels=False)) for file in files]
        name = files[0].name if single or len(files) == 1 else f"series of {files[0].name}"
        return read_series(instances, role=role, name=name).image


def read_series(
    instances: Sequence[Instance],
    *,
    role: str | None = None,
    name: str,
    frames: Sequence[Frame] | None = None,
) -> DicomImage:
    """The image in opened headers; `frames` selects planes of a multi-frame object."""
    if not instances:
        raise DicomError(f"{name}: no files given")
    _require_one_identity(instances, name)
    kind = image_kind(instances[0].sop_class)
    if kind is None:
        raise NotUsableError(f"{name}: SOPClassUID is not a CT, MR, PET or NM image")
    if kind == "NM":
        require_reconstruction(instances[0].header, name)
    planes = list(frames) if frames is not None else [
        plane for instance in instances for plane in frames_of(instance, name)
    ]  # fmt: skip
    meaning = _meaning(kind, planes, name)
    stack = _stack(planes, name)
    ordered = [planes[index] for index in stack.order]
    counted, doubts = check_slices(ordered, stack.heights_mm, name)
    reader = _PixelReader(name)
    values, padded = _ordered_values(ordered, stack, meaning, reader, name)
    outside = AIR_HU if kind == "CT" else 0.0
    scales = [meaning.scales[index] for index in stack.order]
    odd = check_scales(values, scales, meaning.unit, outside, name)
    placed = stack.place(values, outside=outside)
    notes = [*meaning.notes, *stack.notes, *counted]
    notes += zone_notes(planes[0].instance.header, name)
    if meaning.unit in (Unit.BQ_PER_ML, Unit.COUNTS):
        notes += _below_zero(placed)
    if padded:
        notes.append(f"{padded} voxels of padding outside the field of view set to -1000 HU")
    image = _study_image(
        kind, role, ordered, meaning, Volume(placed, stack.grid, meaning.unit), name
    )
    findings = [_finding("slices-missing", image, doubt) for doubt in doubts]
    if odd:
        findings.append(_finding("slice-scale-unlike", image, odd))
    image = replace(image, notes=tuple(dict.fromkeys(notes)), findings=tuple(findings))
    return DicomImage(image, reader.sha256)


def _finding(code: str, image: StudyImage, text: str) -> Finding:
    return Finding("warn", code, f"{image.label!r}: {text}. Look at the image before it is used.")


def _require_one_identity(instances: Sequence[Instance], name: str) -> None:
    """Every slice of one patient, study, place and treatment of its counts; no value is shown."""
    for keyword in ONE_IN_A_SERIES:
        if len({title(instance.header, keyword, name) for instance in instances}) > 1:
            raise DicomError(
                f"{name}: {keyword} differs between slices, so they are not one series; export the "
                "series again"
            )


def _meaning(kind: str, planes: Sequence[Frame], name: str) -> Meaning:
    if kind == "CT":
        return ct_meaning(planes, name)
    if kind == "MR":
        return mr_meaning(planes, name)
    return emission_meaning(planes, name, is_pet=kind == "PT")


def _stack(planes: Sequence[Frame], name: str) -> Stack:
    first = planes[0]
    header = first.instance.header
    shape = (integer(header, "Rows", name) or 0, integer(header, "Columns", name) or 0)
    if min(shape) < 1:
        raise DicomError(f"{name}: Rows and Columns must be positive")
    for plane in planes[1:]:
        own = plane.instance.header
        same_size = own is header or shape == (
            integer(own, "Rows", name), integer(own, "Columns", name)
        )  # fmt: skip
        if not same_size or not np.allclose(plane.pixel_mm, first.pixel_mm, rtol=1e-4):
            raise DicomError(f"{name}: Rows, Columns or PixelSpacing differ between slices")
        if np.abs(plane.cosines - first.cosines).max() > SAME_ORIENTATION:
            raise DicomError(f"{name}: ImageOrientationPatient differs between slices")
    positions = np.stack([plane.position_mm for plane in planes])
    return stack_slices(positions, first.cosines, first.pixel_mm, shape, first.thickness_mm, name)


class _PixelReader:
    """Stored values of planes, each file read once, and the hash over all files."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: Path | None = None
        self._stored: npt.NDArray[Any] = np.empty((0, 0, 0))
        self._digests: dict[Path, str] = {}

    def plane(self, frame: Frame) -> npt.NDArray[Any]:
        path = frame.instance.path
        if path != self._path:
            self._stored, self._digests[path] = load_pixels(path)
            self._path = path
        if frame.index >= len(self._stored):
            raise DicomError(f"{self._name}: PixelData has fewer frames than the header describes")
        plane: npt.NDArray[Any] = self._stored[frame.index]
        return plane

    @property
    def sha256(self) -> str:
        """Hash over the sorted hashes of the files; one file alone keeps its own."""
        digests = sorted(self._digests.values())
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _ordered_values(
    ordered: Sequence[Frame], stack: Stack, meaning: Meaning, reader: _PixelReader, name: str
) -> tuple[Values, int]:
    """Values of the ordered slices, float32, and how many voxels of padding were replaced."""
    header = ordered[0].instance.header
    rows, columns = integer(header, "Rows", name) or 0, integer(header, "Columns", name) or 0
    values = np.empty((len(ordered), rows, columns), dtype=np.float32)
    padded = 0
    for place, frame in enumerate(ordered):
        stored = reader.plane(frame)
        if stored.shape != (rows, columns):
            raise DicomError(f"{name}: PixelData does not hold {rows} x {columns} pixels")
        given = int(stack.order[place])
        meaning.require_mapped(stored, given, name)
        slope, intercept = meaning.scales[given]
        if slope == 0 and (stored.any() or intercept or meaning.unit is Unit.HU):
            raise DicomError(f"{name}: RescaleSlope is zero on a slice that is not, and no guess")
        np.multiply(stored, slope, out=values[place], casting="unsafe")
        values[place] += np.float32(intercept)
        if meaning.unit is Unit.HU:
            outside = meaning.is_padding(stored, frame) | (values[place] < LOWEST_HU)
            padded += int(np.count_nonzero(outside))
            values[place][outside] = AIR_HU
    if padded == values.size:
        raise DicomError(f"{name}: every voxel lies below {LOWEST_HU:g} HU: no CT, but padding")
    if not np.isfinite(values).all():
        raise DicomError(f"{name}: PixelData or RescaleSlope give values that are not finite")
    return values, padded


def _below_zero(values: Values) -> list[str]:
    """How much of an activity image lies below zero."""
    below = int(np.count_nonzero(values < 0))
    text = f"{below} voxels below 0, lowest {values.min():g}, are kept as they are"
    return [text] if below else []


def _study_image(
    kind: str,
    role: str | None,
    ordered: Sequence[Frame],
    meaning: Meaning,
    volume: Volume,
    name: str,
) -> StudyImage:
    header = ordered[0].instance.header
    timed = Volume(
        volume.values, volume.grid, volume.unit, meaning.nuclide, meaning.acquired,
        meaning.injected_bq,
    )  # fmt: skip
    uids = tuple(dict.fromkeys(frame.instance.uid for frame in ordered))
    return StudyImage(
        role=role or _DEFAULT_ROLES.get(kind, "planning-activity"),
        volume=timed,
        label=series_label(header, name),
        modality=kind,
        acquired=meaning.acquired or _acquired(header, name),
        decay_correction=meaning.decay_correction,
        series_uid=title(header, "SeriesInstanceUID", name),
        frame_of_reference_uid=title(header, "FrameOfReferenceUID", name),
        study_uid=title(header, "StudyInstanceUID", name),
        instance_uids=uids,
        sop_class_uid=ordered[0].instance.sop_class,
    )


def _acquired(header: Dataset, name: str) -> datetime | None:
    """When an image that needs no instant was made; None where the header does not say well."""
    try:
        return acquisition_instant(header, name) or instant(
            header, "SeriesDate", "SeriesTime", name
        )
    except DicomError:
        return None
