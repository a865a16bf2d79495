"""Every DICOM object we write, checked by dciodvfy of dicom3tools (Debian package dicom3tools).

The validator is not ours: a message is false where the standard says so, and then listed with its
reason in dciodvfy_allowed.toml. It aborts on 32-bit RT Dose, which is therefore not checked; its
16-bit twin, made by the same code, is.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from opensirt.image import Regions, Volume
from opensirt.io.dicom_common import save
from opensirt.io.dicom_dose import build_rt_dose, write_rt_dose
from opensirt.io.dicom_plan import PlanSummary, write_rt_plan
from opensirt.io.dicom_report import write_measurement_report
from opensirt.io.dicom_results import write_dicom_results
from opensirt.io.dicom_segmentation import build_segmentation, write_segmentation
from opensirt.io.dicom_structures import roi_numbers, write_rt_structures
from opensirt.units import Unit
from tests.dicom_samples import (
    GRIDS,
    sample_context,
    sample_dose,
    sample_histograms,
    sample_measurements,
    sample_regions,
)

REPORT_READER = shutil.which("dsrdump")
VALIDATOR = shutil.which("dciodvfy")
ALLOWED_FILE = Path(__file__).with_name("dciodvfy_allowed.toml")
ABORT = "Assertion `bitsallocated <= bytesinword*8u' failed"
NAMES = ("plan", "dose", "structures", "segmentation", "report", "activity")

needs_validator = pytest.mark.skipif(
    VALIDATOR is None, reason="dciodvfy is not installed (Debian package dicom3tools)"
)


def validate(path: Path) -> tuple[int, list[str]]:
    """Exit status and all messages; the name of the information object is not one."""
    assert VALIDATOR is not None
    run = subprocess.run([VALIDATOR, str(path)], capture_output=True, text=True, check=False)
    lines = [line.strip() for line in (run.stderr + run.stdout).splitlines()]
    return run.returncode, [line for line in lines if " " in line]


def unexpected(path: Path, *names: str) -> list[str]:
    """Messages about an object that are not on the lists of false ones under these names."""
    allowed = tomllib.loads(ALLOWED_FILE.read_text("utf-8"))["allowed"]
    texts = {entry["text"] for entry in allowed if entry["object"] in names}
    return [line for line in validate(path)[1] if line not in texts]


@needs_validator
@pytest.mark.parametrize("source", [False, True], ids=["own-study", "source-study"])
@pytest.mark.parametrize("grid_name", ["axial", "oblique-left-handed"])
def test_objects_of_a_result_have_no_errors(tmp_path: Path, grid_name: str, source: bool) -> None:
    grid = GRIDS[grid_name]
    dose = sample_dose(grid)
    paths = write_dicom_results(
        tmp_path,
        context=sample_context(grid if source else None),
        dose=dose,
        regions=sample_regions(grid),
        activity=Volume(dose.values * 1e4, grid, Unit.BQ_PER_ML, "y90", "injection"),
        plan_summary=PlanSummary("partition", "1.2 GBq", 120.0, "tumour 1"),
        region_doses=sample_measurements(),
        dvhs=sample_histograms(),
        dose_bits=16,
    )
    assert [path.stem for path in paths] == list(NAMES)
    more = ["any-in-source-study"] if source else []
    found = {path.stem: unexpected(path, path.stem, *more) for path in paths}
    assert found == {name: [] for name in NAMES}


@needs_validator
@pytest.mark.parametrize("dose_type", ["PHYSICAL", "EFFECTIVE"])
def test_a_dose_without_histograms_in_a_source_study(tmp_path: Path, dose_type: str) -> None:
    grid = GRIDS["oblique"]
    path = write_rt_dose(
        tmp_path / "d.dcm", sample_dose(grid), sample_context(grid), bits=16, dose_type=dose_type
    )
    assert unexpected(path, "any-in-source-study") == []


@needs_validator
def test_a_32_bit_dose_stops_the_validator(tmp_path: Path) -> None:
    """Known: an abort says nothing about the object; a validator that runs finds nothing."""
    grid = GRIDS["axial"]
    regions = sample_regions(grid)
    path = write_rt_dose(
        tmp_path / "d.dcm", sample_dose(grid), sample_context(),
        histograms=sample_histograms(), roi_numbers=roi_numbers(regions),
    )  # fmt: skip
    status, messages = validate(path)
    if status < 0 and any(ABORT in line for line in messages):
        pytest.skip("dciodvfy aborts on 32-bit RT Dose: not checked; see its 16-bit twin")
    assert messages == []


@needs_validator
def test_options_have_no_errors_either(tmp_path: Path) -> None:
    grid, context = GRIDS["axial"], sample_context()
    regions = Regions(tuple(sample_regions(grid))[:3])
    labels = write_segmentation(tmp_path / "l.dcm", regions, context, kind="LABELMAP")
    loops = write_rt_structures(tmp_path / "s.dcm", regions, context, holes="loops")
    plan = write_rt_plan(tmp_path / "p.dcm", PlanSummary("mird", ""), context)
    assert unexpected(labels, "labelmap") == []
    assert unexpected(loops, "structures") == []
    assert unexpected(plan, "plan") == []


@pytest.mark.skipif(REPORT_READER is None, reason="dsrdump is not installed (Debian package dcmtk)")
def test_dcmtk_reads_the_report(tmp_path: Path) -> None:
    """An independent reader finds both groups and a number with its unit."""
    grid, context = GRIDS["axial"], sample_context()
    regions, dose = sample_regions(grid), sample_dose(grid)
    path = write_measurement_report(
        tmp_path / "r.dcm", regions, sample_measurements(), context,
        segmentation=build_segmentation(regions, context), dose=build_rt_dose(dose, context),
    )  # fmt: skip
    assert REPORT_READER is not None
    run = subprocess.run([REPORT_READER, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("Tracking Identifier") == 2
    assert 'NUM:(,,"Mean Absorbed Radiation Dose")="51.25"' in run.stdout


@needs_validator
def test_a_real_error_is_seen(tmp_path: Path) -> None:
    """The check can fail: an RT Dose without its plan reference is an error."""
    dataset = build_rt_dose(sample_dose(GRIDS["axial"]), sample_context(), bits=16)
    del dataset.ReferencedRTPlanSequence
    messages = unexpected(save(dataset, tmp_path / "d.dcm"), "dose")
    assert any("ReferencedRTPlanSequence" in line for line in messages)


def test_every_allowed_message_has_a_reason() -> None:
    allowed = tomllib.loads(ALLOWED_FILE.read_text("utf-8"))["allowed"]
    assert all(len(entry["reason"]) > 20 and entry["text"] for entry in allowed)
    keys = [(entry["object"], entry["text"]) for entry in allowed]
    assert len(keys) == len(set(keys))
