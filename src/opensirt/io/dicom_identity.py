"""Who the patient is, read from a DICOM study when a hospital asks to keep it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from opensirt.asking import named
from opensirt.case import Case, StudyImage
from opensirt.errors import CaseError, OpenSirtError
from opensirt.io.dicom_common import PATIENT_KEYWORDS, STUDY_KEYWORDS
from opensirt.io.dicom_files import open_dicom
from opensirt.io.walk import files_in

__all__ = ["Identity", "read_identity"]

IDENTIFYING = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
"""What must be the same in every file of the images used."""


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """The patient and study attributes of the images that a plan was made from."""

    source: Dataset
    """Patient and study attributes as read, for the DICOM objects."""

    def as_dict(self) -> dict[str, str]:
        """Name, ID, birth date, sex and accession number; "" where the study does not say."""
        keywords = {
            "name": "PatientName",
            "patient_id": "PatientID",
            "birth_date": "PatientBirthDate",
            "sex": "PatientSex",
            "accession_number": "AccessionNumber",
        }
        return {key: _text(self.source, keyword) for key, keyword in keywords.items()}


def read_identity(study: Path, case: Case, image: StudyImage) -> Identity:
    """The identity in the files of the images that `case` uses.

    Parameters
    ----------
    study : Path
        Folder that the case was read from.
    case : Case
        As used: images that were not chosen are not asked.
    image : StudyImage
        Whose study the results join; its study attributes are kept.

    Raises
    ------
    CaseError
        Where the images are not DICOM, name no patient, or name several.
    """
    wanted = {image.series_uid for image in case.images if image.series_uid}
    found = _headers(study, wanted) if wanted else []
    found.sort(key=lambda header: _text(header, "SeriesInstanceUID") != image.series_uid)
    if not found:
        raise CaseError(
            f"keeping the identity needs a study of DICOM images, found none of them in "
            f"{study.name}; leave {named('identity')} out"
        )
    people = {tuple(_text(header, key) for key in IDENTIFYING) for header in found}
    if len(people) > 1:
        raise CaseError(
            f"keeping the identity needs images of one patient, found {len(people)} identities in "
            f"the images used; correct the study or leave {named('identity')} out"
        )
    if not any(_text(found[0], key) for key in ("PatientID", "PatientName")):
        raise CaseError(
            "keeping the identity needs PatientID or PatientName, found both empty; leave "
            f"{named('identity')} out"
        )
    kept = Dataset()
    for keyword in (*PATIENT_KEYWORDS, *STUDY_KEYWORDS):
        if keyword in found[0]:
            setattr(kept, keyword, found[0][keyword].value)
    return Identity(kept)


def _headers(study: Path, series: set[str]) -> list[Dataset]:
    """Headers of the files of the series wanted, in the order of names."""
    paths = files_in(study)[0] if study.is_dir() else [study]
    found = []
    for path in paths:
        try:
            header = open_dicom(path, pixels=False)
        except (OpenSirtError, OSError):
            continue
        if _text(header, "SeriesInstanceUID") in series:
            found.append(header)
    return found


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return "" if value is None else str(value)
