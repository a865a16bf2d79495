"""The images that a `case.toml` names, each with its stated role, unit and time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensirt.case import IMAGE_ROLES, StudyImage
from opensirt.clock import UNSTATED, in_words, is_unstated, on_clock
from opensirt.errors import CaseError, FileFormatError
from opensirt.image import Grid, Volume
from opensirt.io.case_keys import Table
from opensirt.io.dicom_files import open_dicom, quiet_pydicom
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.interfile import read_interfile
from opensirt.io.nifti import read_nifti
from opensirt.io.slicer import read_nrrd
from opensirt.io.walk import begins_as_dicom, files_in
from opensirt.physics.nuclides import nuclide_names
from opensirt.provenance import hash_file
from opensirt.units import Unit, parse_unit

__all__ = ["IMAGE_KEYS", "find_file", "has_suffix", "hash_path", "read_case_image"]

Array = npt.NDArray[np.generic]

IMAGE_KEYS = (
    "file", "role", "nuclide", "unit", "acquired", "label", "decay_correction", "series",
    "slice_thickness_mm", "resolution_mm",
)  # fmt: skip
NIFTI_ENDINGS = (".nii", ".nii.gz")
NRRD_ENDINGS = (".nrrd", ".nhdr")
INTERFILE_ENDINGS = (".h33", ".h00", ".hv")

_UNITS = {"ct": (Unit.HU,), "mr": (Unit.ARBITRARY,)}
_ACTIVITY_UNITS = (Unit.COUNTS, Unit.BQ_PER_ML)
_FINEST_MM, _WIDEST_MM = 1.5, 50.0
"""Resolutions between which all images of patients lie; others are a length in another unit."""
_CORRECTIONS = ("NONE", "START", "ADMIN")


def read_case_image(table: Table, folder: Path) -> StudyImage:
    """The image of one `[[image]]` table; files are looked for beside `folder`.

    Raises
    ------
    CaseError
        When a key is missing or wrong, or contradicts a DICOM header.
    FileFormatError
        When the file cannot be read.
    """
    path = find_file(table, folder)
    role = table.choice("role", IMAGE_ROLES)
    resolution_mm = _resolution_mm(table, role)
    if path.is_dir() or has_suffix(path, (".dcm",)):
        return replace(_from_dicom(table, path, role), resolution_mm=resolution_mm)
    if "series" in table.values:
        raise CaseError(f"{table.place}: key 'series' belongs to a DICOM folder, not to a file")
    unit = _stated_unit(table, role, _UNITS.get(role))
    nuclide, acquired = _nuclide(table, role), table.instant("acquired")
    values, grid, notes = _read(table, path)
    if unit in _ACTIVITY_UNITS:
        notes = (*notes, *_below_zero(values))
    return StudyImage(
        role=role,
        volume=Volume(values, grid, unit, nuclide, acquired if nuclide else None),
        label=table.text("label", role),
        acquired=acquired,
        decay_correction=_correction(table),
        notes=notes,
        resolution_mm=resolution_mm,
    )


def find_file(table: Table, folder: Path) -> Path:
    """The file or folder named by key 'file', beside `folder` or absolute."""
    path = folder / table.text("file", example='the name of a file, such as file = "ct.nii.gz"')
    if not path.exists():
        raise CaseError(
            f'{table.place}: file "{table.values["file"]}" does not exist; write its path, '
            "absolute or from the folder of case.toml"
        )
    if not path.is_file() and not path.is_dir():
        raise CaseError(
            f'{table.place}: file "{table.values["file"]}" is a pipe, socket or device; name a '
            "file or a folder"
        )
    return path


def has_suffix(path: Path, endings: tuple[str, ...]) -> bool:
    """True where the file name ends in one of `endings`, in capitals or not."""
    return path.name.lower().endswith(endings)


def hash_path(path: Path) -> str:
    """SHA-256 of a file, or of the sorted hashes of the files in a folder."""
    if path.is_file():
        return hash_file(path)
    hashes = sorted(hash_file(file) for file in files_in(path)[0])
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


# -- what the keys say


def _stated_unit(table: Table, role: str, fixed: tuple[Unit, ...] | None) -> Unit:
    """HU for ct and arbitrary for mr; an activity image must say its unit."""
    allowed = fixed or _ACTIVITY_UNITS
    default = fixed[0].value if fixed else None
    return parse_unit(table.choice("unit", [unit.value for unit in allowed], default))


def _nuclide(table: Table, role: str) -> str | None:
    if role in _UNITS:
        if "nuclide" in table.values:
            raise CaseError(f"{table.place}: key 'nuclide' does not belong to role \"{role}\"")
        return None
    return table.choice("nuclide", nuclide_names())


def _resolution_mm(table: Table, role: str) -> float | None:
    if role in _UNITS and "resolution_mm" in table.values:
        raise CaseError(f"{table.place}: key 'resolution_mm' does not belong to role \"{role}\"")
    return table.number("resolution_mm", low=_FINEST_MM, below=_WIDEST_MM)


def _correction(table: Table) -> str:
    return table.choice("decay_correction", _CORRECTIONS, "")


# -- files


def _read(table: Table, path: Path) -> tuple[Array, Grid, tuple[str, ...]]:
    thickness_mm = table.number("slice_thickness_mm")
    if has_suffix(path, INTERFILE_ENDINGS):
        return read_interfile(path, slice_thickness_mm=thickness_mm)
    if thickness_mm is not None:
        raise CaseError(
            f"{table.place}: key 'slice_thickness_mm' is for Interfile alone; "
            f"{path.name} states its own"
        )
    if has_suffix(path, NIFTI_ENDINGS):
        return (*read_nifti(path), ())
    if has_suffix(path, NRRD_ENDINGS):
        return (*read_nrrd(path), ())
    known = ", ".join((*NIFTI_ENDINGS, *NRRD_ENDINGS, *INTERFILE_ENDINGS, ".dcm"))
    raise CaseError(
        f'{table.place}: file "{path.name}" has an unknown ending; give a DICOM folder or {known}'
    )


def _below_zero(values: Array) -> tuple[str, ...]:
    count = int(np.count_nonzero(values < 0))  # type: ignore[operator]
    if not count:
        return ()
    return (f"{count} voxels below 0, lowest {float(values.min()):g}, are kept as they are",)


def _from_dicom(table: Table, path: Path, role: str) -> StudyImage:
    """A DICOM image, whose header must agree with what the table states."""
    if "slice_thickness_mm" in table.values:
        raise CaseError(f"{table.place}: key 'slice_thickness_mm' is for Interfile alone")
    image = read_dicom_image(_series_files(table, path), role=role)
    volume = image.volume
    allowed = _UNITS.get(role, _ACTIVITY_UNITS)
    if volume.unit not in allowed:
        raise CaseError(
            f'{table.place}: role "{role}" needs {" or ".join(unit.value for unit in allowed)}, '
            f"{path.name} is in {volume.unit.value}"
        )
    if "unit" in table.values:
        _require_same(table, "unit", volume.unit.value)
    nuclide = volume.nuclide
    if "nuclide" in table.values or (role not in _UNITS and nuclide is None):
        stated = _nuclide(table, role)
        if nuclide is not None:
            _require_same(table, "nuclide", nuclide)
        nuclide = stated
    if image.decay_correction and "decay_correction" in table.values:
        _require_same(table, "decay_correction", image.decay_correction)
    acquired = _same_instant(table, image.acquired)
    timed = volume.time
    if nuclide is not None and timed in (None, image.acquired):
        timed = acquired
    return replace(
        image,
        volume=replace(volume, nuclide=nuclide, time=timed),
        label=table.text("label", image.label),
        acquired=acquired,
        decay_correction=image.decay_correction or _correction(table),
    )


def _require_same(table: Table, key: str, found: str) -> None:
    stated = table.text(key)
    if stated != found:
        raise CaseError(
            f'{table.place}: key \'{key}\' says "{stated}", the DICOM header says "{found}"; '
            "leave the key out or correct it"
        )


def _same_instant(table: Table, found: datetime | None) -> datetime | None:
    stated = table.instant("acquired")
    if stated is None or found is None:
        return stated or found
    known = on_clock(found, stated.tzinfo or UNSTATED) if is_unstated(found) else found
    if stated != known:
        raise CaseError(
            f"{table.place}: key 'acquired' says {stated.isoformat()}, the DICOM header says "
            f"{in_words(found)}; leave the key out"
        )
    return stated or found


def _all_files(table: Table, path: Path) -> list[Path]:
    """Every file of a folder; slices behind a door that is closed would be missing."""
    files, closed = files_in(path)
    if closed:
        raise CaseError(f"{table.place}: {closed[0].file}: {closed[0].why}")
    return files


def _series_files(table: Table, path: Path) -> list[Path]:
    """The files of the one series in a folder, or of the series named by UID or description."""
    if path.is_file():
        return [path]
    found: dict[str, tuple[str, list[Path]]] = {}
    with quiet_pydicom():
        for file in _all_files(table, path):
            if not begins_as_dicom(file):
                continue  # a stray file beside the images
            header = open_dicom(file, pixels=False)
            if not header.get("SOPClassUID"):
                raise FileFormatError(f"{file.name}: a damaged DICOM file (SOPClassUID is missing)")
            uid = str(header.get("SeriesInstanceUID") or "")
            if uid and "Rows" in header:
                title = str(header.get("SeriesDescription") or "")
                found.setdefault(uid, (title, []))[1].append(file)
    wanted = table.text("series", "")
    matching = [
        files for uid, (title, files) in found.items() if not wanted or wanted in (uid, title)
    ]
    if len(matching) == 1:
        return matching[0]
    known = ", ".join(f'"{title or uid}"' for uid, (title, _) in found.items()) or "none"
    raise CaseError(
        f"{table.place}: expected one DICOM image series, found {len(matching)}; "
        f"write series = one of {known}"
    )
