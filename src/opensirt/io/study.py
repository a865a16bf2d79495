"""Whatever the user points at -> a `Case`: a DICOM folder, a case.toml, or one file of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.asking import named
from opensirt.case import Case, LeftOut, StudyImage
from opensirt.clock import in_words
from opensirt.errors import FileFormatError, InputError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions
from opensirt.io.dicom_series import Progress
from opensirt.io.folder import read_dicom_files, read_folder
from opensirt.io.inputs import CASE_FILE, ReadFiles
from opensirt.io.interfile import read_interfile
from opensirt.io.nifti import read_nifti
from opensirt.io.role_hints import role_hints
from opensirt.io.slicer import read_nrrd, read_nrrd_regions
from opensirt.io.zones import with_time_zone
from opensirt.provenance import Provenance, hash_file

__all__ = ["describe_study", "read_study"]

_NO_MEANING = (
    "the file states neither role nor unit; name both in a case.toml beside it, see "
    "docs/formats/case-toml.md"
)


def read_study(
    path: Path | str,
    *,
    choose: Mapping[str, str] | None = None,
    time_zone: str | None = None,
    progress: Progress | None = None,
) -> Case:
    """The case at a path.

    Parameters
    ----------
    path : path
        A folder with a case.toml or with DICOM files; a case.toml; one DICOM, NIfTI or NRRD file.
    choose : mapping, optional
        Role -> series, for a DICOM folder that offers several; see `read_folder`.
    time_zone : str, optional
        Of times whose DICOM header states none; see `with_time_zone`.
    progress : callable, optional
        Called with (files looked at, files in all).

    Raises
    ------
    OpenSirtError
        One line: what was needed, what was found, what to do.
    """
    place = Path(path)
    files = ReadFiles(place)
    case = replace(_read(place, choose, progress), read_from=files.places(place))
    files.require_unchanged()
    of_images = (finding for image in case.images for finding in image.findings)
    return with_time_zone(case, time_zone).with_findings(
        *of_images, *_frame_findings(case), *_place_findings(case)
    )


def _read(place: Path, choose: Mapping[str, str] | None, progress: Progress | None) -> Case:
    if not place.exists():
        raise InputError(
            f"{place} does not exist; give a study folder, a case.toml or an image file"
        )
    if place.is_dir():
        if (place / CASE_FILE).is_file():
            return _case_file(place / CASE_FILE, choose)
        return read_folder(place, choose=choose, progress=progress)
    if not place.is_file():
        raise FileFormatError(f"{place.name} is neither a file nor a folder")
    lowered = place.name.lower()
    if lowered.endswith(".toml"):
        return _case_file(place, choose)
    if lowered.endswith((".nii", ".nii.gz")):
        return _grid_case(place, read_nifti)
    if lowered.endswith(".seg.nrrd"):
        return _regions_case(place)
    if lowered.endswith((".nrrd", ".nhdr")):
        return _grid_case(place, read_nrrd)
    if lowered.endswith((".h33", ".h00", ".hv")):
        return _grid_case(place, lambda path: read_interfile(path)[:2])
    return read_dicom_files(place, choose=choose)


def describe_study(case: Case) -> dict[str, Any]:
    """What a case holds, as plain data for JSON."""
    return {
        "case_id": case.id,
        "patient": {
            "sex": case.patient.sex,
            "height_cm": case.patient.height_cm,
            "weight_kg": case.patient.weight_kg,
        },
        "images": [_described_image(image) for image in case.images],
        "regions": [_described_region(region) for region in case.regions],
        "suggested_roles": [
            {
                "pattern": hint.pattern,
                "role": hint.role,
                "regions": list(hint.names),
                "typed": hint.typed,
            }
            for hint in role_hints({region.name: region.role for region in case.regions})
        ],
        "left_out": [item.as_dict() for item in case.left_out],
        "findings": [finding.as_dict() for finding in case.findings],
        "inputs": dict(case.provenance.inputs),
    }


def _frame_findings(case: Case) -> list[Finding]:
    """DICOM images whose place beside others is taken, not known: they name no space."""
    if len(case.images) + len(case.regions) < 2:
        return []
    return [
        Finding(
            "warn",
            "frame-of-reference-missing",
            f"{image.label!r} states no FrameOfReferenceUID; it is taken to share one space with "
            "the other images and outlines. Check how they lie on each other.",
            "assumption",
        )
        for image in case.images
        if image.series_uid and not image.frame_of_reference_uid
    ]


def _place_findings(case: Case) -> list[Finding]:
    """Regions whose centre lies in no image."""
    grids = [image.volume.grid for image in case.images]
    lost = [
        region.name
        for region in case.regions
        if grids and not region.is_empty and not any(_holds(g, region.centroid_mm) for g in grids)
    ]
    if not lost:
        return []
    text = (
        f"{', '.join(map(repr, lost[:5]))}{' and others' * (len(lost) > 5)}: the middle lies in no "
        "image of the study. Check that outlines and images belong together."
    )
    return [Finding("warn", "region-outside-images", text)]


def _holds(grid: Grid, place_mm: Sequence[float]) -> bool:
    index = grid.to_index(np.asarray(place_mm))
    return bool(np.all(index >= -0.5) and np.all(index <= np.asarray(grid.shape) - 0.5))


def _described_image(image: StudyImage) -> dict[str, Any]:
    volume = image.volume
    return {
        "label": image.label,
        "role": image.role,
        "modality": image.modality,
        "unit": volume.unit.value,
        "nuclide": volume.nuclide,
        **_described_grid(volume.grid),
        "minimum": float(volume.values.min()),
        "maximum": float(volume.values.max()),
        "acquired": in_words(image.acquired) if image.acquired else None,
        "decay_correction": image.decay_correction,
        "injected_bq": volume.injected_bq,
        "notes": list(image.notes),
    }


def _described_grid(grid: Grid) -> dict[str, Any]:
    return {
        "shape": list(grid.shape),
        "spacing_mm": [round(s, 6) for s in grid.spacing_mm],
        "origin_mm": [round(o, 6) for o in grid.origin_mm],
        "directions": [[round(float(v), 6) for v in row] for row in grid.directions],
    }


def _described_region(region: Region) -> dict[str, Any]:
    centre = None if region.is_empty else [round(c, 3) for c in region.centroid_mm]
    return {
        "name": region.name,
        "role": region.role,
        "territory": region.territory,
        "volume_ml": region.volume_ml,
        "centroid_mm": centre,
    }


def _case_file(path: Path, choose: Mapping[str, str] | None) -> Case:
    from opensirt.io.casefile import read_case_file

    if choose:
        raise InputError(
            f"{path.name} already says what each image is for; leave {named('choose')} out, it is "
            "for DICOM"
        )
    return read_case_file(path)


def _grid_case(path: Path, read: Callable[[Path], tuple[Any, Grid]]) -> Case:
    """A file that holds an image without saying what its values mean: described, not used."""
    values, grid = read(path)
    what = f"{grid}, values {values.min():g} to {values.max():g}"
    return Case(
        id=_file_pseudonym(path),
        left_out=(LeftOut(what, _NO_MEANING, file=path.name),),
        provenance=Provenance(inputs={"file": hash_file(path)}),
    )


def _regions_case(path: Path) -> Case:
    return Case(
        id=_file_pseudonym(path),
        regions=Regions(read_nrrd_regions(path)),
        provenance=Provenance(inputs={"file": hash_file(path)}),
    )


def _file_pseudonym(path: Path) -> str:
    return f"case-{hash_file(path)[:8]}"
