"""Who the patient is: read from the images used alone, study attributes from the one joined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from opensirt.errors import CaseError
from opensirt.io.dicom_common import PATIENT_KEYWORDS, STUDY_KEYWORDS
from opensirt.io.dicom_identity import IDENTIFYING, read_identity
from opensirt.io.folder import read_folder
from tests.dicom_samples import sample_context
from tests.unit.io.dicom_factory import CT, save, slices, spect

WHO = {
    "PatientName": "Doe^Ann", "PatientID": "H-7", "PatientBirthDate": "19510203",
    "PatientSex": "F", "IssuerOfPatientID": "WEST", "StudyID": "S-1", "StudyDate": "20250109",
}  # fmt: skip
VOXELS = np.arange(12, dtype=np.int16).reshape(3, 2, 2)


def study(folder, nm=None, **more):
    """A CT and a SPECT of one person; `nm` are attributes of the SPECT alone."""
    facts = {**WHO, **more}
    save(slices(CT, "CT", VOXELS, **facts, AccessionNumber="of the CT"), folder)
    facts |= {"AccessionNumber": "of the SPECT", **(nm or {})}
    save(spect(VOXELS.astype(np.uint16), **facts), folder)
    return folder


def identity(folder, role):
    case = read_folder(folder)
    return read_identity(folder, case, case.image(role))


@pytest.mark.parametrize("role", ["ct", "planning-activity"])
def test_study_attributes_are_those_of_the_image_that_results_join(tmp_path, role):
    """File names sort the CT first, so the order of files alone would give its number to both."""
    found = identity(study(tmp_path), role).as_dict()
    wanted = {"ct": "of the CT", "planning-activity": "of the SPECT"}[role]
    assert found == {
        "name": "Doe^Ann", "patient_id": "H-7", "birth_date": "19510203", "sex": "F",
        "accession_number": wanted,
    }  # fmt: skip


def test_patient_and_study_attributes_are_kept_and_nothing_else(tmp_path):
    source = identity(study(tmp_path, BodyPartExamined="LIVER"), "planning-activity").source
    kept = {element.keyword: str(element.value) for element in source}
    body = {"PatientSize": "1.7", "PatientWeight": "65.0"}
    assert kept == {**WHO, **body, "AccessionNumber": "of the SPECT"}


@pytest.mark.parametrize("keyword", IDENTIFYING)
def test_one_attribute_that_differs_is_another_person(tmp_path, keyword):
    other = {"PatientSex": "M", "PatientBirthDate": "19510204"}.get(keyword, "Else")
    folder = study(tmp_path)
    case = read_folder(folder)
    study(tmp_path, nm={keyword: other})
    with pytest.raises(CaseError, match="found 2 identities"):
        read_identity(folder, case, case.image("ct"))


def test_images_that_are_not_used_are_not_asked(tmp_path):
    folder = study(tmp_path)
    other = slices(CT, "CT", VOXELS, SeriesInstanceUID="1.9", PatientName="Else^Who")
    case = read_folder(folder)
    save(other, folder / "another")
    (folder / "notes.txt").write_text("not DICOM")
    assert read_identity(folder, case, case.image("ct")).as_dict()["name"] == "Doe^Ann"


@pytest.mark.parametrize(("name", "number"), [("", "H-7"), ("Doe^Ann", ""), ("", "")])
def test_a_name_or_a_number_is_needed(tmp_path, name, number):
    folder = study(tmp_path, PatientName=name, PatientID=number)
    if name or number:
        found = identity(folder, "ct").as_dict()
        assert (found["name"], found["patient_id"]) == (name, number)
    else:
        with pytest.raises(CaseError, match="found both empty"):
            identity(folder, "ct")


def test_a_kept_identity_is_written_whole_and_a_pseudonym_alone():
    """Every attribute of patient and study that the source has; nothing else of it."""
    source = Dataset()
    for number, keyword in enumerate((*PATIENT_KEYWORDS, *STUDY_KEYWORDS)):
        if "Sequence" not in keyword:
            setattr(source, keyword, {"PatientSex": "M"}.get(keyword, f"2024010{number % 9}"))
    source.PatientIdentityRemoved = "NO"
    source.PatientWeight, source.PatientSize = 70, 1.7
    source.BodyPartExamined = "LIVER"
    kept, plain = Dataset(), Dataset()
    replace(sample_context(), patient_from=source).write_patient(kept)
    sample_context().write_patient(plain)
    for element in source:
        if element.keyword != "BodyPartExamined":
            assert str(kept[element.keyword].value) == str(element.value), element.keyword
    assert "BodyPartExamined" not in kept
    said = {element.keyword: str(element.value) for element in plain if element.value}
    assert said == {
        "PatientID": "case-1", "StudyInstanceUID": sample_context().study_uid,
        "StudyDate": "20250304", "StudyTime": "050607", "StudyID": "1",
        "StudyDescription": "Radioembolization, opensirt",
    }  # fmt: skip
