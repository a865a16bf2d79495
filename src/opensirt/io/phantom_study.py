"""A digital patient on disk: one DICOM study, the same as NIfTI with a case.toml, and its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydicom.uid import generate_uid

from opensirt.errors import InputError
from opensirt.image import Region, Regions, Volume
from opensirt.io.archive import staged_directory, write_json
from opensirt.io.casefile import write_case_file
from opensirt.io.dicom_common import DicomContext, save
from opensirt.io.dicom_image_writers import (
    DecayCorrection,
    Injection,
    write_ct_series,
    write_nm_recon_tomo,
    write_pet_series,
)
from opensirt.io.dicom_structures import build_rt_structures
from opensirt.io.nifti import write_labels_nifti, write_volume_nifti
from opensirt.io.own_results import DIGITAL_PATIENT, STUDY_TIME

__all__ = ["PhantomStudy", "treated_at", "write_phantom_study"]

LABEL_FILES = {
    "organs": ("liver", "lungs", "lung-left", "lung-right", "gallbladder", "stomach", "bowel"),
    "perfused": ("perfused",),
    "tumours": ("tumour",),
    "necrosis": ("necrosis",),
    "body": ("body",),
    "other": ("other",),
}
"""Roles that share one label map, because they do not overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class PhantomStudy:
    """What is written of a digital patient.

    Parameters
    ----------
    name : str
        Phantom name; PatientID and folder-independent identity.
    variant : str
        Anything else that the content depends on (voxel size, seed); part of all UIDs.
    ct : Volume, HU
    spect : Volume, counts
        Of Tc-99m-MAA; `scout` says how much was injected and when it was imaged.
    regions : Regions
        On the grid of `ct`.
    truth : Mapping
        Written as ``truth.json``.
    scout : (injected Bq, delay s, duration s)
    pet : Volume, Bq/mL, optional
        Of Y-90 after treatment, with the instant of its activity in ``time``.
    treatment : (injected Bq, delay s, duration s), optional
        Needed with `pet`.
    maps : Mapping of name to Volume
        Further NIfTI files, such as the true activity and density.
    """

    name: str
    variant: str
    ct: Volume
    spect: Volume
    regions: Regions
    truth: Mapping[str, Any]
    scout: tuple[float, float, float]
    pet: Volume | None = None
    treatment: tuple[float, float, float] | None = None
    maps: Mapping[str, Volume] | None = None

    @property
    def context(self) -> DicomContext:
        """Identities of the study, the same for the same name and variant."""
        seed = f"opensirt phantom {self.name} {self.variant}"
        return DicomContext(
            patient_id=self.name,
            study_uid=str(generate_uid(entropy_srcs=[seed, "study"])),
            frame_of_reference_uid=str(generate_uid(entropy_srcs=[seed, "frame-of-reference"])),
            uid_seed=seed,
            created=STUDY_TIME,
            patient_sex="O",
        )


def write_phantom_study(
    out: Path,
    study: PhantomStudy,
    *,
    dicom: bool = True,
    nifti: bool = True,
    decay_correction: DecayCorrection = "START",
    overwrite: bool = False,
) -> Path:
    """Write a digital patient to a folder that appears whole or not at all.

    Layout: ``dicom/ct``, ``dicom/nm``, ``dicom/pt``, ``dicom/rtstruct.dcm``; ``nifti/`` with a
    ``case.toml``; ``truth.json``. Returns `out`.

    Raises
    ------
    InputError
        When the folder cannot be made, or a PET comes without its treatment.
    """
    if study.pet is not None and study.treatment is None:
        raise InputError("expected a treatment (Bq, delay, duration) with the PET, found none")
    with staged_directory(out, overwrite=overwrite) as folder:
        if dicom:
            _write_dicom(folder / "dicom", study, decay_correction)
        if nifti:
            _write_nifti(folder / "nifti", study)
        write_json(folder / "truth.json", dict(study.truth))
    return out


def treated_at() -> datetime:
    """Instant of the treatment of every digital patient: a week after the planning study."""
    return STUDY_TIME + timedelta(days=7)


def _write_dicom(folder: Path, study: PhantomStudy, decay_correction: DecayCorrection) -> None:
    context = study.context
    for name in ("ct", "nm"):
        (folder / name).mkdir(parents=True)
    source = write_ct_series(folder / "ct", study.ct, context)
    scout = _injection("tc99m", STUDY_TIME, study.scout)
    write_nm_recon_tomo(folder / "nm" / "spect.dcm", study.spect, context, scout)
    if study.pet is not None and study.treatment is not None:
        (folder / "pt").mkdir()
        given = _injection("y90", treated_at(), study.treatment)
        write_pet_series(
            folder / "pt", study.pet, context, given, decay_correction=decay_correction
        )
    structures = build_rt_structures(study.regions, replace(context, source=source))
    structures.SeriesDescription = f"Regions, {DIGITAL_PATIENT}"
    save(structures, folder / "rtstruct.dcm", implicit=True)  # long outlines outgrow 64 KiB


def _injection(nuclide: str, injected: datetime, facts: tuple[float, float, float]) -> Injection:
    injected_bq, delay_s, duration_s = facts
    imaged = injected + timedelta(seconds=delay_s)
    return Injection(nuclide, injected_bq, injected, imaged, duration_s)


def _write_nifti(folder: Path, study: PhantomStudy) -> None:
    folder.mkdir()
    write_volume_nifti(folder / "ct.nii.gz", study.ct)
    write_volume_nifti(folder / "spect.nii.gz", study.spect)
    for name, volume in (study.maps or {}).items():
        write_volume_nifti(folder / f"{name}.nii.gz", volume)
    images: list[dict[str, Any]] = [
        {"file": "ct.nii.gz", "role": "ct", "unit": "HU"},
        {
            "file": "spect.nii.gz",
            "role": "planning-activity",
            "nuclide": "tc99m",
            "unit": "counts",
            "acquired": STUDY_TIME + timedelta(seconds=study.scout[1]),
        },
    ]
    if study.pet is not None:
        write_volume_nifti(folder / "pet.nii.gz", study.pet)
        images.append(
            {
                "file": "pet.nii.gz",
                "role": "treatment-activity",
                "nuclide": "y90",
                "unit": "Bq/mL",
                "acquired": study.pet.time,
            }
        )
    write_case_file(
        folder / "case.toml",
        case_id=study.name,
        images=images,
        regions=[
            _write_labels(folder, name, chosen)
            for name, chosen in _label_files(study.regions).items()
        ],
    )


def _label_files(regions: Regions) -> dict[str, list[Region]]:
    """What each label map holds: regions that half-fill a voxel at least, since others vanish."""
    seen = [region for region in regions if (region.fractions >= 0.5).any()]
    files = {
        name: [region for region in seen if region.role in roles]
        for name, roles in LABEL_FILES.items()
    }
    return {name: chosen for name, chosen in files.items() if chosen}


def _write_labels(folder: Path, name: str, chosen: list[Region]) -> dict[str, Any]:
    """One label map and its table in the case file."""
    write_labels_nifti(folder / f"{name}.nii.gz", chosen)
    table: dict[str, Any] = {
        "file": f"{name}.nii.gz",
        "roles": {region.name: region.role for region in chosen},
    }
    territories = {r.name: r.territory for r in chosen if r.territory}
    return {**table, "territories": territories} if territories else table
