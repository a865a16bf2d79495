"""What a report is brought together from, with every part marked, so that none can be missing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.case import Case, LeftOut, StudyImage
from opensirt.findings import AcceptedStop, Finding
from opensirt.image import Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.plan.plan import PlannedDose
from opensirt.provenance import Provenance
from opensirt.quantify import liver_compartments
from opensirt.report import Picture, Table
from opensirt.units import Unit
from opensirt.workflow import figures, results
from opensirt.workflow.engines import EngineSection
from opensirt.workflow.setting import Setting
from tests.unit.quantify.samples import GRID, lesion, liver, lungs, perfused
from tests.unit.report.samples import sample_doses, sample_plan


def mark(code: str, severity: str = "note") -> Finding:
    return Finding(severity, f"from-{code}", f"{code}.")


def volume(value: float, unit: Unit, **more) -> Volume:
    return Volume(np.full(GRID.shape, value, np.float32), GRID, unit, **more)


DRAWN, PARTS = (liver_compartments(Regions((liver(), perfused(), lesion()))) for _ in range(2))
"""Alike, but two: the outlines as drawn, and on the voxels of the image."""
SETTING = Setting(
    DRAWN, lungs(), PARTS, lungs(), volume(1.05, Unit.G_PER_ML), None, None,
    (mark("setting"),), ("set aside",),
)  # fmt: skip
CASE = Case(
    "case-1",
    images=(StudyImage("planning-activity", volume(2.0, Unit.COUNTS), "SPECT"),),
    provenance=Provenance(inputs={"a": "f" * 64}, citations=("low1998",), assumptions=("Read.",)),
)
ACTIVITY = volume(1e6, Unit.BQ_PER_ML, nuclide="y90", time="injection", injected_bq=1e9)
DOSE = volume(40.0, Unit.GY)
PLAN = replace(
    sample_plan(),
    findings=(mark("plan", "warn"),),
    provenance=Provenance(citations=("chiesa2021",), assumptions=("Planned.",)),
)


@pytest.fixture
def told(monkeypatch):
    """Every source of findings marked with its name, and what each was asked with."""
    asked = SimpleNamespace()
    summary = SimpleNamespace(findings=(mark("calibration"),))

    def doses(dose, density, activity, regions, of, judgement, counted):
        asked.regions, asked.counted = regions, counted
        asked.doses = (dose, density, activity, [r.name for r in regions], of, judgement)
        return sample_doses()

    def organs(outlined, setting, image, activity, dose, calibration, of, *, engine):
        asked.organs = ([r.name for r in outlined], image, activity, dose, calibration, engine)
        return ()

    def pictures(case, setting, dose, regions, outlined):
        return [Picture("planes", "P", "C", b"x")]

    for name, made in (
        ("make_setting", lambda case: SETTING),
        ("calibrate", lambda case, of: (ACTIVITY, summary)),
        ("organ_doses", organs),
        ("placement_findings", lambda *_: (mark("placement"),)),
        ("organ_findings", lambda _: (mark("organs"),)),
        ("_voxel_findings", lambda *_: (mark("voxels"),)),
        ("_missed_targets", lambda *_: (mark("targets"),)),
        ("_broken_limits", lambda *_: (mark("limits"),)),
        ("report_pictures", pictures),
    ):
        monkeypatch.setattr(results, name, made)
    monkeypatch.setattr(figures, "make_setting", lambda case: SETTING)
    monkeypatch.setattr(figures, "doses_of", doses)
    return asked


@pytest.mark.usefixtures("told")
def test_a_report_has_the_findings_of_every_stage():
    report = results.build_report(CASE, PLAN, DOSE, engine="local")
    found = [f["code"] for f in report.results["findings"]]
    assert found == [
        "from-plan", "from-setting", "from-calibration", "from-placement", "from-organs",
        "from-voxels", "from-targets", "from-limits",
    ]  # fmt: skip
    assert {f.code for f in report.findings} == set(found)
    assert report.results["engine"] == "local"
    assert report.results["identity"] is None
    assert "engine_comparison" not in report.results


@pytest.mark.usefixtures("told")
def test_an_outline_that_could_not_be_read_stops_the_plan_first_of_all():
    """A lesion that was drawn is not planned as normal liver without a word."""
    lost = LeftOut("contours of 'Tumor 1'", "ROINumber 2 twice", "tumour")
    report = results.build_report(replace(CASE, left_out=(lost,)), PLAN, DOSE, engine="local")
    first = report.results["findings"][0]
    assert (first["severity"], first["code"]) == ("stop", "region-lost")
    assert [stop.code for stop in report.stops] == ["region-lost"]


@pytest.mark.usefixtures("told")
def test_a_comparison_of_engines_brings_findings_table_picture_and_numbers(monkeypatch):
    table, picture = Table("E", ("a",), ()), Picture("engines", "E", "C", b"y")
    section = EngineSection((mark("engines"),), {"reference": "local"}, table, picture)
    monkeypatch.setattr(results, "engine_section", lambda *_: section)
    report = results.build_report(CASE, PLAN, DOSE, engine="local", check=object())
    assert report.results["findings"][-1]["code"] == "from-engines"
    assert report.results["engine_comparison"] == {"reference": "local"}
    assert report.engine_table is table
    assert [p.name for p in report.pictures] == ["planes", "engines"]


@pytest.mark.usefixtures("told")
def test_the_record_adds_up_what_reading_and_planning_rest_on():
    options = {"model": "partition"}
    report = results.build_report(CASE, PLAN, DOSE, engine="local", options=options)
    record = report.results["provenance"]
    assert record["inputs"] == {"a": "f" * 64}
    assert record["options"] == {"model": "partition", "engine": "local"}
    assert set(record["citations"]) == {"chiesa2021", "low1998"}
    assert set(record["assumptions"]) == {"Planned.", "Read."}


def test_doses_are_of_the_scaled_map_in_liver_and_lungs(told):
    """The plan delivers 1.8 GBq and the map holds 1: 1.8e6 Bq/mL."""
    report = results.build_report(CASE, PLAN, DOSE, engine="local")
    dose, density, activity, names, of, judgement = told.doses
    assert told.regions["whole liver"] is PARTS.whole_liver
    assert told.regions["lungs"] is SETTING.lungs
    assert told.counted["T1"] is SETTING.counted.lesions[0].viable
    assert report.doses[-1].shown == report.doses[-1].name
    assert dose is DOSE
    assert density is SETTING.density
    assert float(activity.values[0, 0, 0]) == pytest.approx(1.8e6)
    assert names == [
        "whole liver", "perfused volume", "perfused normal liver", "whole normal liver",
        "non-perfused normal liver", "T1", "lungs",
    ]  # fmt: skip
    assert of.name == "y90"
    assert judgement.limits_gy == {
        "perfused normal liver": 40.0, "whole normal liver": 20.0, "tumour": 150.0, "lungs": 30.0,
    }  # fmt: skip
    assert told.organs[1] is CASE.activity_image.volume
    assert (told.organs[3], told.organs[5]) == (DOSE, "local")
    assert [name for name, _ in report.histograms] == names
    given = volume(7.0, Unit.BQ_PER_ML, nuclide="y90", injected_bq=1.8e9)
    chosen = nuclide("y90").with_dose_constant(49.38)
    results.build_report(CASE, PLAN, DOSE, activity=given, nuclide=chosen)
    assert told.doses[2] is given
    assert told.doses[4] is chosen


@pytest.mark.usefixtures("told")
def test_who_accepts_a_stop_is_in_the_report_and_in_its_numbers():
    accepted = AcceptedStop("Dr A. Example", "agreed")
    stopped = replace(PLAN, findings=(mark("limit", "stop"),))
    report = results.build_report(CASE, stopped, DOSE, accepted=accepted)
    assert report.accepted == accepted
    assert report.results["stop"]["accepted"]["name"] == "Dr A. Example"
    assert results.build_report(CASE, stopped, DOSE).results["stop"]["rt_plan_written"] is False
    unused = results.build_report(CASE, PLAN, DOSE, accepted=accepted)
    assert unused.results["findings"][-1]["code"] == "stop-acceptance-unused"


def test_lungs_out_of_view_have_no_dose():
    nothing = Region.from_mask("lungs", "lungs", np.zeros(GRID.shape, np.float32), GRID)
    for seen in (None, nothing):
        assert "lungs" not in [r.name for r in results.report_regions(PARTS, seen)]
    assert "lungs" in [r.name for r in results.report_regions(PARTS, lungs())]


@pytest.mark.usefixtures("told")
def test_each_file_holds_what_its_name_says(tmp_path, monkeypatch):
    """Maps, voxels that count, outlines as drawn, pictures, and one set of DICOM objects."""
    written, seen = {}, {}
    stomach = liver().named("stomach", "stomach")
    case = replace(CASE, regions=Regions((lesion(), stomach)))
    monkeypatch.setattr(
        results, "write_volume_nifti", lambda path, v: written.update({path.name: v})
    )
    monkeypatch.setattr(
        results, "write_regions_seg_nrrd",
        lambda path, regions: written.update({path.name: [r.name for r in regions]}),
    )  # fmt: skip
    monkeypatch.setattr(results, "render_pdf", lambda _: b"%PDF")
    monkeypatch.setattr(results, "write_dicom", lambda *a, **w: seen.update(given=a, words=w))
    accepted = AcceptedStop("Dr A. Example", "agreed")
    stopped = replace(PLAN, findings=(mark("limit", "stop"),))
    report = results.build_report(case, stopped, DOSE, accepted=accepted)
    paths = results.write_results(case, stopped, DOSE, report, to=tmp_path / "out")
    assert written["dose_gy.nii.gz"] is DOSE
    assert float(written["activity_bq_ml.nii.gz"].values[0, 0, 0]) == pytest.approx(1.8e6)
    assert written["regions.seg.nrrd"][-3:] == ["T1", "lungs", "stomach"]
    assert written["outlines.seg.nrrd"] == ["T1", "stomach"]
    assert (tmp_path / "out/pictures/planes.png").read_bytes() == b"x"
    assert paths["pdf"].read_bytes() == b"%PDF"
    assert "<html" in paths["report"].read_text()[:200]
    _, of, plan, dose, activity, regions, doses, _ = seen["given"]
    assert (of, plan, dose) == (case, stopped, DOSE)
    assert activity is written["activity_bq_ml.nii.gz"]
    assert [r.name for r in regions] == written["regions.seg.nrrd"]
    assert [r.name for r in seen["words"]["outlines"]] == ["T1", "stomach"]
    assert float(regions["whole liver"].fractions.min()) == 1.0
    assert doses == report.doses
    assert [f.code for f in seen["words"]["stops"]] == ["from-limit"]
    assert seen["words"]["accepted"] == accepted
    out = tmp_path / "out"
    assert {name: path.relative_to(out).as_posix() for name, path in paths.items()} == {
        "report": "report.html", "pdf": "report.pdf", "results": "results.json",
        "dose": "nifti/dose_gy.nii.gz", "activity": "nifti/activity_bq_ml.nii.gz",
        "regions": "nifti/regions.seg.nrrd", "outlines": "nifti/outlines.seg.nrrd",
        "pictures": "pictures", "dicom": "dicom",
    }  # fmt: skip


def broken(
    reached_gy: float, *, is_given: bool, told: str = "", name="perfused normal liver",
    code="perfused-normal-dose-limit", gravity="stop",
):  # fmt: skip
    """Findings on a limit of 30 Gy to the perfused normal liver, and on one of the whole liver."""
    limit = SimpleNamespace(
        quantity="perfused-normal-mean", is_target=False, text="at most 30 Gy", value=30.0,
        severity="stop", source="weber2022", unless_whole_liver_gy=None,
    )  # fmt: skip
    lifted = SimpleNamespace(**{
        **vars(limit), "quantity": "perfused-mean", "text": "at most 20 Gy", "value": 20.0,
        "unless_whole_liver_gy": 25.0,
    })  # fmt: skip
    plan = SimpleNamespace(
        limits=(limit, lifted), is_given=is_given, findings=(Finding(gravity, code, told),)
    )
    means = {name: reached_gy, "perfused volume": 24.0, "whole liver": 24.9}
    doses = [SimpleNamespace(name=key, mean_dose_gy=gray) for key, gray in means.items()]
    return results._broken_limits(plan, doses)


def test_a_limit_that_the_measured_dose_breaks_is_as_grave_as_the_limit():
    (found,) = broken(30.2, is_given=True)
    assert (found.severity, found.code, found.source) == (
        "stop", "limit-broken-in-voxels", "weber2022",
    )  # fmt: skip
    assert found.text == "30.2 Gy in the voxels of what was given; at most 30 Gy: broken."
    assert broken(30.04, is_given=True) == ()
    assert broken(56.6, is_given=True, told="56.6 Gy; at most 30 Gy: broken") == ()
    assert broken(56.6, is_given=True, name="lungs") == ()
    (again,) = broken(56.6, is_given=True, told="56.6 Gy; at most 30 Gy: broken", gravity="warn")
    assert (again.severity, again.code) == ("stop", "limit-broken-in-voxels")
    for code in ("binding-limit", "limits-not-checked", "liver-function-unknown"):
        (found,) = broken(56.6, is_given=True, told="at most 30 Gy applies", code=code)
        assert found.severity == "stop"


def test_of_a_plan_the_voxels_may_lie_a_tenth_above_what_it_was_solved_for():
    assert broken(33.0, is_given=False) == ()
    (found,) = broken(33.2, is_given=False)
    assert (found.severity, found.code) == ("warn", "limit-broken-in-voxels")
    assert found.text == "Kept by the model, but 33.2 Gy in the voxels: at most 30 Gy."


def test_earlier_lung_dose_counts_in_the_voxels_too():
    """41.5 Gy before and 8.65 Gy in the voxels are above 50 Gy, 8.4 Gy are not."""
    limit = SimpleNamespace(
        quantity="lung-mean-cumulative", is_target=False, text="at most 50 Gy", value=50.0,
        severity="stop", source="vanroekel", unless_whole_liver_gy=None,
    )  # fmt: skip
    earlier = SimpleNamespace(options={"planning input": {"previous_lung_dose_gy": 41.5}})
    plan = SimpleNamespace(limits=(limit,), is_given=True, findings=(), provenance=earlier)
    for lungs_gy, said in ((8.65, ["50.1 Gy in the voxels"]), (8.4, [])):
        found = results._broken_limits(plan, [SimpleNamespace(name="lungs", mean_dose_gy=lungs_gy)])
        assert [f.text[: len(text)] for f, text in zip(found, said, strict=True)] == said


def test_a_lesion_perfused_in_part_is_compared_over_all_of_it():
    """Half of it at 600 Gy by the model is 300 Gy, as the voxels of all of it show."""
    half = PlannedDose("T1", "tumour", 10.0, 600.0, 0.1, perfused_fraction=0.5)
    plan = SimpleNamespace(tumours=(half,), normal=None, lung=SimpleNamespace(dose_gy=0.0))
    for voxels_gy, code in ((310.0, []), (600.0, ["model-voxel-disagreement"])):
        doses = [SimpleNamespace(name="T1", shown="T1", mean_dose_gy=voxels_gy)]
        assert [f.code for f in results._voxel_findings(plan, doses)] == code
