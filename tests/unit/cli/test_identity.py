"""The patient's identity: nowhere by default, and everywhere when a hospital keeps it.

So that an archive holds both: results under a pseudonym are a study of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from opensirt.workflow import run
from tests.command_line import call_json, files_in, refusal
from tests.orthanc import IS_HERE, Orthanc, running

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


@pytest.fixture(scope="module")
def results(study, tmp_path_factory) -> dict[str, tuple[dict, Path]]:
    """What `run` gives, and where it wrote, without and with the identity."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "check_engines", lambda *args, **more: None)
        for identity in ("remove", "keep"):
            out = tmp_path_factory.mktemp("results") / identity
            words = ("run", study / "dicom", *RUN, "--identity", identity, "--out", out)
            found[identity] = call_json(*words), out
    return found


def source_uids(study) -> set[str]:
    """Every UID that is of the study's own."""
    found = set()
    for path in (study / "dicom").rglob("*.dcm"):
        for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
            if element.VR == "UI" and not str(element.value).startswith("1.2.840.10008."):
                found.add(str(element.value))
    assert len(found) > 50
    return found - {pydicom.uid.PYDICOM_IMPLEMENTATION_UID}


def test_nothing_of_the_identity_leaves_by_default(study, results):
    result, out = results["remove"]
    assert result["identity"] is None
    secrets = (*SECRETS, *source_uids(study))
    for path in (p for p in out.rglob("*") if p.is_file()):
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, path.name
    objects = [pydicom.dcmread(path) for path in (out / "dicom").iterdir()]
    assert {written.PatientID for written in objects} == {result["case_id"]}
    assert len({written.StudyInstanceUID for written in objects}) == 1
    assert {written.StudyDescription for written in objects} == {"Radioembolization, opensirt"}


def test_a_kept_identity_is_the_same_everywhere(study, results):
    result, out = results["keep"]
    assert result["identity"] == {
        "name": "Quixotic^Jane", "patient_id": "H-12345", "birth_date": "19510203", "sex": "F",
        "accession_number": "ACC-77",
    }  # fmt: skip
    objects = [pydicom.dcmread(path) for path in (out / "dicom").iterdir()]
    assert len(objects) == 8
    for written in objects:
        assert {key: str(written[key].value) for key in WHO} == WHO, written.Modality
    source = pydicom.dcmread(next((study / "dicom" / "ct").glob("*.dcm")))
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"):
        assert {str(written.get(keyword, "")) for written in objects} == {
            str(source.get(keyword, ""))
        }, keyword
    page = (out / "report.html").read_text()
    assert all(secret in page for secret in SECRETS)
    assert not any(secret in result["case_id"] for secret in SECRETS)


def test_results_beside_the_study_change_no_number(study, results, tmp_path):
    """As an archive gives them back; without the hospital's outlines those of the result serve."""
    first, out = results["keep"]
    shutil.copytree(study / "dicom", tmp_path / "both")
    shutil.copytree(out / "dicom", tmp_path / "both" / "results")
    again = call_json("run", tmp_path / "both", *RUN, "--out", tmp_path / "again")
    for part in ("activity_gbq", "planned", "regions"):
        assert again[part] == first[part], part
    assert len([x for x in again["left_out"] if "a result of opensirt" in x["why"]]) == 8
    (tmp_path / "both" / "rtstruct.dcm").unlink()
    own = call_json("run", tmp_path / "both", *RUN, "--out", tmp_path / "own")
    assert "own-regions-used" in {finding["code"] for finding in own["findings"]}
    assert own["activity_gbq"] == pytest.approx(
        first["activity_gbq"], rel=0.02
    )  # whole voxels of 8 mm


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


# -- in an archive

WAYS = {"rest": Orthanc.by_rest, "stow": Orthanc.by_stow, "store": Orthanc.by_store}
needs_orthanc = pytest.mark.skipif(
    not IS_HERE, reason="needs orthanc, orthanc-dicomweb and dcmtk of Debian"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as started:
        yield started


def studies(files: list[Path]) -> set[str]:
    return {pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID for path in files}


@needs_orthanc
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("identity", ["remove", "keep"])
def test_source_and_results_are_both_whole_in_an_archive(
    study, results, server, way: str, identity: str
) -> None:
    """Every study answers with the metadata of all its objects, and is of one patient."""
    server.clear()
    source = sorted((study / "dicom").rglob("*.dcm"))[::6]
    written = sorted((results[identity][1] / "dicom").glob("*.dcm"))
    for files in (source, written):
        WAYS[way](server, files)
    count = 0
    for uid in studies(source) | studies(written):
        status, objects = server.metadata(uid)
        assert status == 200
        count += len(objects)
        for tag in ("00100020", "00100010", "00080050", "00080020"):
            assert len({str(one.get(tag)) for one in objects}) == 1, tag
    assert count == len(source) + len(written)
    assert len(server.json("/patients")) == (1 if identity == "keep" else 2)
    assert (studies(written) <= studies(source)) is (identity == "keep")
