"""`read`, `run` and `phantom` through the program: JSON, tables, bad input that leaves nothing."""

from __future__ import annotations

import json
import re
import shutil

import nibabel
import numpy as np
import pydicom
import pytest

from opensirt.io.made import MARKER
from tests.command_line import call, call_json, files_in, refusal

RUN = ("--product", "resin-y90", "--model", "partition", "--engine", "local")


@pytest.fixture(scope="module")
def digital(tmp_path_factory):
    """A digital patient at coarse voxels, through the program."""
    out = tmp_path_factory.mktemp("digital") / "patient"
    return out, call_json("phantom", "liver-net", "--out", out, "--voxel-mm", 8)


def test_phantom_names_what_it_wrote(digital):
    out, result = digital
    assert result["paths"]["truth"] == str(out / "truth.json")
    assert json.loads((out / "truth.json").read_text()) == result["truth"]
    assert {p.name for p in out.iterdir()} == {"dicom", "nifti", "truth.json", MARKER}
    assert result["truth"]["lung_shunt_fraction"] == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("name", ["uniform", "sphere", "nema-like", "slabs"])
def test_every_phantom_is_written_and_read_back(name, tmp_path):
    call_json("phantom", name, "--out", tmp_path / "p", "--voxel-mm", 6)
    for path in (tmp_path / "p" / "dicom", tmp_path / "p" / "nifti" / "case.toml"):
        study = call_json("read", path)
        assert {image["role"] for image in study["images"]} == {
            "ct", "planning-activity", "treatment-activity"
        }  # fmt: skip
        assert len(study["regions"]) >= 1


def test_phantom_from_one_seed_is_one_patient(tmp_path):
    for folder in ("a", "b"):
        call_json("phantom", "uniform", "--out", tmp_path / folder, "--voxel-mm", 12, "--seed", 7)
    images = [sorted((tmp_path / f / "nifti").glob("*.nii.gz")) for f in ("a", "b")]
    assert len(images[0]) >= 4
    for first, second in zip(*images, strict=True):
        a, b = (np.asanyarray(nibabel.load(path).dataobj) for path in (first, second))
        assert np.array_equal(a, b), first.name


def test_read_lists_images_and_regions_of_a_dicom_study(digital):
    out, result = digital
    study = call_json("read", out / "dicom")
    units = {image["role"]: (image["modality"], image["unit"]) for image in study["images"]}
    assert units == {
        "ct": ("CT", "HU"),
        "planning-activity": ("NM", "counts"),
        "treatment-activity": ("PT", "Bq/mL"),
    }
    volumes = {region["name"]: region["volume_ml"] for region in study["regions"]}
    true = {row["name"]: row["volume_ml"] for row in result["truth"]["regions"]}
    assert volumes["Liver"] == pytest.approx(true["Liver"], rel=0.02)
    printed = call("read", out / "dicom")
    assert printed.code == 0
    assert "SPECT, digital patient" in printed.stdout
    assert re.search(r"counts │ +tc99m │", printed.stdout)
    assert re.search(r"Bq/mL │ +y90 │", printed.stdout)
    smallest = min(volume for volume in volumes.values() if volume > 0)
    assert smallest < 0.05
    assert f" {smallest:.2g} │" in printed.stdout
    assert not re.search(r" 0\.0+ │", printed.stdout)


def test_read_of_single_files(digital, small_study):
    assert call_json("read", small_study)["case_id"] == "small"
    slices = sorted((digital[0] / "dicom").rglob("*.dcm"))
    kinds = {pydicom.dcmread(path, stop_before_pixels=True).Modality: path for path in slices}
    assert call_json("read", kinds["NM"])["images"][0]["unit"] == "counts"
    assert call_json("read", kinds["CT"])["images"][0]["shape"][0] == 1


def test_read_gives_a_region_another_role(small_study):
    study = call_json("read", small_study, "--role", "Tumour A=necrosis")
    assert {r["name"]: r["role"] for r in study["regions"]}["Tumour A"] == "necrosis"


def test_run_writes_everything_and_prints_the_plan(small_study, tmp_path):
    out = tmp_path / "out"
    result = call_json("run", small_study, *RUN, "--normal-dose-gy", 25, "--out", out)
    assert result == json.loads((out / "results.json").read_text())
    assert {p.name for p in out.iterdir()} == {
        "report.html", "report.pdf", "results.json", "nifti", "pictures", "dicom", MARKER
    }  # fmt: skip
    planned = {part["name"]: part["mean_dose_gy"] for part in result["planned"]}
    assert planned["perfused normal liver"] == pytest.approx(25)
    assert result["prescription"] == {"kind": "normal-dose", "value": 25}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    before = files_in(out)
    for wrong in (
        ("--normal-dose-gy", -5),
        ("--image", "spect"),
        ("--tumour-dose-gy", 1, "--activity-gbq", 1),
    ):
        assert str(out) not in refusal("run", small_study, *RUN, *wrong, "--out", out)
    assert "away does not exist; give a study folder" in refusal("run", "away", *RUN, "--out", out)
    line = refusal("run", small_study, *RUN, "--out", out)
    assert line.startswith(f"expected the output folder {out} to be new or empty, found files")
    assert files_in(out) == before


def test_run_prints_tables_for_people(small_study, tmp_path):
    outcome = call("run", small_study, *RUN, "--activity-gbq", 0.9, "--out", tmp_path / "out")
    assert (outcome.code, outcome.stderr) == (0, "")
    for words in ("Radioembolization plan, small", "0.90 GBq", "Tumour A", str(tmp_path / "out")):
        assert words in outcome.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--product", "wood", "--model", "partition"), "product 'wood' is unknown; choose one of"),
        ((*RUN[:2], "--model", "guess"), "planning model 'guess' is unknown; choose one of bsa"),
        ((*RUN[:4], "--engine", "exact"), "dose engine 'exact' is unknown; choose one of local"),
        ((*RUN, "--role", "Tumour A=tumor"), "region role 'tumor' is unknown"),
        ((*RUN, "--role", "Nothing=tumour"), "region 'Nothing' is unknown; the case has liver"),
        ((*RUN, "--role", "Tumour A"), "--role needs NAME=VALUE, got 'Tumour A'"),
        (
            (*RUN, "--tumour-dose-gy", 100, "--activity-gbq", 2),
            "expected one prescription, found tumour-dose and activity; give only one of them",
        ),
        ((*RUN, "--activity-gbq", -1), "a prescription by activity needs a value above 0"),
        ((*RUN, "--residual", 1.0), "the residual fraction must be from 0 to below 1"),
        ((*RUN, "--indication", "flu"), "indication 'flu' is unknown; choose one of hcc"),
        ((*RUN, "--image", "spect"), "image 'spect' is unknown; choose planning-activity or treat"),
        ((*RUN, "--image", "treatment-activity"), "role 'treatment-activity', found none"),
        ((*RUN, "--given-gbq", 2), "expected --given-gbq and --injected together"),
        ((*RUN, "--given-gbq", 2, "--injected", "noon"), "--injected needs a time with zone"),
        ((*RUN, "--dose-constant", "best"), "best"),
        ((*RUN[:2], "--model", "bsa"), "height"),
    ],
)
def test_bad_input_of_run_is_one_line_and_leaves_nothing(small_study, tmp_path, words, said):
    before = files_in(small_study.parent)
    assert said in refusal("run", small_study, *words, "--out", tmp_path / "deep" / "out")
    assert [path for path in files_in(tmp_path) if "out" in path.rsplit("/", 1)[-1]] == []
    assert files_in(small_study.parent) == before


@pytest.mark.parametrize("model", ["partition", "mird"])
def test_a_shunt_or_mass_beyond_reason_is_refused(small_study, tmp_path, model):
    """The lungs of this case are measured; what is typed in must be sound all the same."""
    words = ("--product", "resin-y90", "--model", model, "--engine", "local")
    line = refusal("run", small_study, *words, "--lung-shunt", 1.2, "--out", tmp_path / "out")
    assert "lung shunt" in line
    line = refusal("run", small_study, *words, "--lung-mass-g", -800, "--out", tmp_path / "out")
    assert "lung mass" in line
    assert files_in(tmp_path) == []


def test_a_typed_shunt_is_used_or_its_refusal_is_said(small_study, tmp_path):
    """Measured 5 %, typed 15 %: a silent preference of either would change the activity."""
    words = ("--normal-dose-gy", 10, "--lung-shunt", 0.15, "--out", tmp_path / "out")
    result = call_json("run", small_study, *RUN, *words)
    shunt, told = result["lung"]["shunt_fraction"], [f["text"] for f in result["findings"]]
    assert shunt == 0.15 or any("15" in text and "measured" in text for text in told)


def broken(folder, kind):
    """One way to spoil a copy of the small study; returns the file to run."""
    spect = folder / "planning-activity.nii.gz"
    image = nibabel.load(spect)
    values = np.array(image.dataobj, dtype=np.float32)
    if kind == "text":
        spect.write_text("no image")
    elif kind == "missing":
        spect.unlink()
    elif kind == "truncated":
        spect.write_bytes(spect.read_bytes()[:2000])
    else:
        if kind == "4d":
            values = np.stack([values, values], axis=-1)
        elif kind == "nan":
            values[30, 30, 30] = np.nan
        elif kind == "zero":
            values[:] = 0
        elif kind == "negative":
            values = -values
        nibabel.save(nibabel.Nifti1Image(values, image.affine), spect)
    return folder / "case.toml"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "planning-activity.nii.gz: "),
        ("missing", "does not exist"),
        ("truncated", "planning-activity.nii.gz: "),
        ("4d", "planning-activity.nii.gz: "),
        ("nan", "planning-activity.nii.gz: 1 voxels are not finite numbers"),
        ("zero", "the liver holds 0 counts"),
        ("negative", "the liver holds -"),
    ],
)
def test_a_spoilt_image_is_one_line_and_leaves_nothing(small_study, tmp_path, kind, said):
    shutil.copytree(small_study.parent, tmp_path / "study")
    case = broken(tmp_path / "study", kind)
    before = files_in(tmp_path)
    assert said in refusal("run", case, *RUN, "--out", tmp_path / "out")
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 300), ""),
        (lambda path: path.write_text("hello"), ""),
        (lambda path: path.write_bytes(b""), ""),
        (lambda path: path.mkdir(), ""),
    ],
    ids=["garbage", "text", "empty", "folder"],
)
def test_reading_what_is_no_study_is_one_line(tmp_path, write, said):
    write(tmp_path / "thing.dcm")
    assert len(refusal("read", tmp_path / "thing.dcm")) > 20
    assert len(refusal("run", tmp_path / "thing.dcm", *RUN, "--out", tmp_path / "out")) > 20
    assert not (tmp_path / "out").exists()


def test_a_corrupted_slice_is_named_or_refused(digital, tmp_path):
    shutil.copytree(digital[0] / "dicom", tmp_path / "study")
    files = sorted((tmp_path / "study").rglob("*.dcm"))
    kinds = {}
    for path in files:
        kinds.setdefault(pydicom.dcmread(path, stop_before_pixels=True).Modality, []).append(path)
    spoilt = kinds["NM"][0]
    spoilt.write_bytes(spoilt.read_bytes()[:-5000])
    study = call_json("read", tmp_path / "study")
    assert [image for image in study["images"] if image["modality"] == "NM"] == []
    assert any("pixel" in item["why"].lower() for item in study["left_out"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ghost",), "phantom 'ghost' is unknown; choose one of liver-net, nema-like"),
        (("uniform", "--voxel-mm", 0), "expected a voxel size of one or three positive mm"),
        (("uniform", "--voxel-mm", "nan"), "expected a voxel size of one or three positive mm"),
        (("uniform", "--seed", -1), "seed"),
    ],
)
def test_bad_input_of_phantom_is_one_line(tmp_path, words, said):
    assert said in refusal("phantom", *words, "--out", tmp_path / "p")
    assert files_in(tmp_path) == []


def test_phantom_replaces_only_when_told(tmp_path):
    words = ("phantom", "uniform", "--voxel-mm", 12, "--out", tmp_path / "p")
    call_json(*words)
    before = files_in(tmp_path)
    assert refusal(*words).startswith(f"expected the output folder {tmp_path / 'p'} to be new")
    call_json(*words, "--overwrite")
    assert files_in(tmp_path) == before


def test_read_of_a_missing_study():
    line = refusal("read", "nowhere")
    assert line == "nowhere does not exist; give a study folder, a case.toml or an image file"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--product", "wood", "--model", "mird"), "product 'wood' is unknown"),
        ((*RUN[:2], "--model", "guess"), "planning model 'guess' is unknown"),
        ((*RUN, "--engine", "exact"), "dose engine 'exact' is unknown"),
        ((*RUN, "--indication", "flu"), "indication 'flu' is unknown"),
        ((*RUN, "--intent", "cure"), "intent 'cure' is unknown"),
        ((*RUN, "--bsa-formula", "mine"), "surface formula 'mine' is unknown"),
        ((*RUN, "--activity-per-sphere", "lab"), "activity_per_sphere_bq 'lab' of resin-y90"),
        ((*RUN, "--dose-constant", "best"), "dose constant 'best' of y90 is unknown"),
        ((*RUN, "--role", "Tumour A=tumor"), "region role 'tumor' is unknown"),
    ],
)
def test_names_are_checked_before_any_image_is_read(
    small_study, tmp_path, monkeypatch, words, said
):
    from opensirt.workflow import run as job

    def read(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(job, "read_case", read)
    assert refusal("run", small_study, *words, "--out", tmp_path / "out").startswith(said)
    assert "ZeroDivisionError" in refusal("run", small_study, *RUN, "--out", tmp_path / "out")
