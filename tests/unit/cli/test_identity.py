"""The patient's identity: nowhere by default, and everywhere when a hospital keeps it."""

from __future__ import annotations

import json
import shutil

import pydicom
import pytest

from tests.command_line import call, call_json, files_in, refusal

RUN = ("--product", "resin-y90", "--model", "partition", "--engine", "local")
WHO = {
    "PatientName": "Quixotic^Jane", "PatientID": "H-12345", "PatientBirthDate": "19510203",
    "PatientSex": "F", "AccessionNumber": "ACC-77",
}  # fmt: skip
SECRETS = ("Quixotic", "H-12345", "19510203", "ACC-77")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A coarse digital patient under a name."""
    out = tmp_path_factory.mktemp("named") / "patient"
    call_json("phantom", "liver-net", "--out", out, "--voxel-mm", 8)
    for path in (out / "dicom").rglob("*.dcm"):
        header = pydicom.dcmread(path)
        for keyword, value in WHO.items():
            setattr(header, keyword, value)
        header.save_as(path)
    return out


def result_of(study, out, *words):
    outcome = call("run", study / "dicom", *RUN, *words, "--out", out, "--json")
    assert outcome.code == 0, outcome.stderr
    return json.loads(outcome.stdout)


def test_nothing_of_the_identity_leaves_by_default(study, tmp_path):
    result = result_of(study, tmp_path / "out")
    assert result["identity"] is None
    for path in (p for p in (tmp_path / "out").rglob("*") if p.is_file()):
        content = path.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content, path.name


def test_a_kept_identity_is_the_same_everywhere(study, tmp_path):
    out = tmp_path / "out"
    result = result_of(study, out, "--identity", "keep")
    assert result["identity"] == {
        "name": "Quixotic^Jane", "patient_id": "H-12345", "birth_date": "19510203", "sex": "F",
        "accession_number": "ACC-77",
    }  # fmt: skip
    objects = [pydicom.dcmread(path) for path in (out / "dicom").iterdir()]
    assert len(objects) == 6
    for written in objects:
        assert {key: str(written[key].value) for key in WHO} == WHO, written.Modality
    page = (out / "report.html").read_text()
    assert all(secret in page for secret in SECRETS)
    assert not any(secret in result["case_id"] for secret in SECRETS)


def test_images_of_two_people_have_no_identity_to_keep(study, tmp_path):
    shutil.copytree(study, tmp_path / "mixed")
    for path in (tmp_path / "mixed" / "dicom").rglob("*.dcm"):
        header = pydicom.dcmread(path)
        if header.Modality == "NM":
            header.PatientBirthDate = "19600101"
            header.save_as(path)
    words = ("run", tmp_path / "mixed" / "dicom", *RUN, "--identity", "keep")
    line = refusal(*words, "--out", tmp_path / "out")
    assert "needs images of one patient, found 2 identities" in line
    assert not any(secret in line for secret in SECRETS)


def test_a_case_without_dicom_has_none(small_study, tmp_path):
    words = ("run", small_study, *RUN, "--identity", "keep", "--out", tmp_path / "out")
    assert "keeping the identity needs a study of DICOM images" in refusal(*words)
    line = refusal("run", small_study, *RUN, "--identity", "maybe", "--out", tmp_path / "out")
    assert line == "--identity must be remove or keep, got 'maybe'"
    assert files_in(tmp_path) == []
