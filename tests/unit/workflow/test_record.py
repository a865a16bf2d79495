"""`results.json`, limits for V(limit) and the finding on disagreement, against numbers by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest

from opensirt.case import Case, LeftOut, Treatment
from opensirt.dose.dvh import Dvh
from opensirt.findings import AcceptedStop, Finding
from opensirt.plan.plan import Prescription
from opensirt.provenance import Provenance
from opensirt.report import OrganDose
from opensirt.workflow import export
from opensirt.workflow.export import _dose_comment, _histogram, _measurements, _summary
from opensirt.workflow.figures import _judged_doses
from opensirt.workflow.record import results_record
from opensirt.workflow.results import _findings, _missed_targets, _voxel_findings
from tests.cases import small_case
from tests.paths import ROOT
from tests.unit.report.samples import limit, region, sample_doses, sample_plan

SCHEMA = json.loads((ROOT / "docs" / "formats" / "results.schema.json").read_text())
STOP = Finding("stop", "lung-dose-limit", "54 Gy.", "weber2022")
INJECTED = datetime(2026, 2, 3, 14, 5, tzinfo=UTC)
ACCEPTED = AcceptedStop("Dr A. Example", "retreatment agreed")


def record(findings=(), accepted=None, organs=(), case=None, plan=None):
    return results_record(
        case or Case(id="case-1"),
        plan or sample_plan(),
        "local",
        sample_doses(),
        organs,
        findings,
        accepted,
        {},
    )


def test_each_field_by_hand():
    found = record()
    assert found["activity_gbq"] == pytest.approx(2.0)
    assert found["delivered_activity_gbq"] == pytest.approx(1.8)
    assert found["residual_fraction"] == 0.1
    assert found["dose_constant_gy_kg_per_gbq"] == 49.67
    assert found["lung"] == {
        "shunt_fraction": 0.1, "mass_g": 995.0, "dose_gy": 9.0,
        "shunt_source": "measured: counts", "mass_source": "given for this plan",
    }  # fmt: skip
    assert (found["case_id"], found["product"], found["nuclide"]) == ("case-1", "resin-y90", "y90")
    assert (found["model"], found["engine"]) == ("partition", "local")
    assert (found["indication"], found["intent"]) == ("hcc", "lobectomy")
    assert found["tumour_to_normal"] == 4.1
    assert found["prescription"]["value"] == 35.0
    assert found["spheres"]["count"] == 40e6
    assert [(p["name"], p["mass_g"], p["mean_dose_gy"], p["activity_fraction"])
            for p in found["planned"]] == [
        ("Tumour 1", 100.0, 160.0, 0.2), ("Tumour 2", 50.0, 130.0, 0.08),
        ("perfused volume", 1000.0, 72.0, 0.9), ("perfused normal liver", 850.0, 36.0, 0.62),
        ("whole normal liver", 1400.0, 21.0, 0.62), ("whole liver", 1550.0, 48.0, 0.9),
    ]  # fmt: skip
    tumour = next(row for row in found["regions"] if row["name"] == "Tumour 1")
    assert [tumour[key] for key in ("mean_dose_gy", "d95_gy", "d70_gy", "d50_gy", "d2_gy")] == (
        pytest.approx([154.0, 154.1, 154.2, 154.3, 154.4])
    )
    assert [tumour[key] for key in ("bed_gy", "eud_gy", "eubed_gy", "eqd2_gy")] == [24, 25, 26, 27]


def test_an_organ_at_risk_has_both_doses():
    organ = OrganDose(region("gallbladder", "gallbladder", 184.0, 41.8), 12.5, "counts as spheres")
    row = record(organs=(organ,))["regions"][-1]
    assert (row["name"], row["mean_dose_gy"], row["from_tails_gy"]) == ("gallbladder", 184.0, 12.5)
    assert row["scenario"] == "counts as spheres"
    assert row["mean_in_map_gy"] == 184.0
    supposed = record(organs=(replace(organ, in_map_gy=14.0),))["regions"][-1]
    assert (supposed["mean_in_map_gy"], supposed["mean_dose_gy"]) == (14.0, 184.0)
    assert "from_tails_gy" not in record()["regions"][0]
    rows = json.loads(json.dumps(record(organs=(organ,))["regions"]))
    jsonschema.Draft202012Validator(SCHEMA["properties"]["regions"]).validate(rows)


@pytest.mark.parametrize(
    ("findings", "accepted", "stop"),
    [
        ((), None, {"codes": [], "accepted": None, "rt_plan_written": True}),
        ((), ACCEPTED, {"codes": [], "accepted": None, "rt_plan_written": True}),
        (
            (STOP, replace(STOP, text="55 Gy.")), None,
            {"codes": ["lung-dose-limit"], "accepted": None, "rt_plan_written": False},
        ),
        (
            (STOP,), ACCEPTED,
            {
                "codes": ["lung-dose-limit"], "rt_plan_written": True,
                "accepted": {"name": "Dr A. Example", "reason": "retreatment agreed"},
            },
        ),
    ],
)  # fmt: skip
def test_what_stops_and_who_accepted_it(findings, accepted, stop):
    assert record(findings, accepted)["stop"] == stop


def test_accepting_in_advance_is_noted_where_nothing_stops():
    assert [f.code for f in _findings((), ACCEPTED)] == ["stop-acceptance-unused"]
    assert _findings((STOP, STOP), ACCEPTED) == (STOP,)
    assert _findings((STOP, STOP), None) == (STOP,)
    assert [f.code for f in _findings((STOP,), ACCEPTED, is_given=True)] == [
        STOP.code, "stop-acceptance-unused",
    ]  # fmt: skip


def test_a_verification_records_what_was_given_and_no_plan():
    case = replace(Case("case-1"), treatment=Treatment("resin-y90", 1.8e9, INJECTED))
    found = record(case=case, plan=sample_plan(is_given=True))
    assert (found["kind"], record()["kind"]) == ("verification", "plan")
    assert record()["given"] is None
    assert found["given"] == {
        "product": "resin-y90", "activity_gbq": 1.8, "injected": "2026-02-03T14:05:00+00:00",
    }  # fmt: skip
    assert found["stop"] == {"codes": [], "accepted": None, "rt_plan_written": False}
    for key in ("kind", "given"):
        jsonschema.Draft202012Validator(SCHEMA["properties"][key]).validate(found[key])


def test_v_limit_goes_by_the_strictest_limit_and_the_highest_aim():
    limits = (
        limit("perfused-normal-mean", "at most", 40.0),
        limit("perfused-normal-mean", "at most", 30.0),
        limit("perfused-normal-mean", "at least", 70.0),
        limit("whole-normal-mean", "at most", 50.0),
        limit("tumour-mean", "at least", 150.0),
        limit("tumour-mean", "at least", 205.0),
        limit("tumour-mean", "above", 100.0),
        limit("lung-mean", "at most", 30.0),
        limit("lung-mean-cumulative", "at most", 20.0),
        limit("lung-shunt", "at most", 0.2, unit="1"),
    )
    expected = {
        "perfused normal liver": 30.0, "whole normal liver": 50.0, "tumour": 205.0, "lungs": 30.0
    }  # fmt: skip
    assert _judged_doses(limits, Prescription("activity", 2e9)) == expected
    assert _judged_doses(limits[::-1], Prescription("binding-limit")) == expected
    prescribed = {**expected, "tumour": 190.0}
    assert _judged_doses(limits, Prescription("tumour-dose", 190.0)) == prescribed


@pytest.mark.parametrize(
    ("voxel_gy", "said"),
    [
        (28.7, True),
        (43.3, True),
        (33.0, False),
        (32.5, False),
        (32.3, True),
        (39.5, False),
        (39.7, True),
    ],
)
def test_a_voxel_dose_apart_from_the_model_is_said_in_both_directions(voxel_gy, said):
    """36 Gy by the model: 20 % less and more; 8, 9.7 and 10.3 % less; 9.7 and 10.3 % more."""
    doses = (region("perfused normal liver", "other", voxel_gy, 810.0),)
    findings = _voxel_findings(sample_plan(), doses)
    assert bool(findings) is said
    if said:
        assert f"36 Gy by model, {voxel_gy} Gy in voxels" in findings[0].text


def test_of_many_doses_apart_from_the_model_three_are_named():
    """Tumours 160 and 130, normal liver 36, lungs 9 Gy by the model, all of them half in voxels."""
    doses = tuple(replace(d, mean_dose_gy=d.mean_dose_gy / 2) for d in sample_doses())
    (finding,) = _voxel_findings(sample_plan(), doses)
    assert (finding.severity, finding.code) == ("note", "model-voxel-disagreement")
    assert finding.text == (
        "Model and voxel dose differ by more than 10% in 4: Tumour 1 160 Gy by model, 77 Gy in "
        "voxels; Tumour 2 130 Gy by model, 62 Gy in voxels; perfused normal liver 36 Gy by model, "
        "17 Gy in voxels; and 1 more."
    )
    (three,) = _voxel_findings(sample_plan(), doses[:-1])
    assert three.text.endswith("perfused normal liver 36 Gy by model, 17 Gy in voxels.")
    (lungs,) = _voxel_findings(sample_plan(), doses[-1:])
    assert "in 1: lungs 9 Gy by model, 4 Gy in voxels." in lungs.text


def test_a_target_met_by_the_model_alone_is_a_warning_with_both_doses():
    """160 and 130 Gy by the model: 150 Gy is met by one, 120 Gy by both."""
    low, high = limit("tumour-mean", "at least", 120.0), limit("tumour-mean", "at least", 150.0)
    met = Finding("note", "tumour-dose-target-met", f"All 2 tumours meet: {low.text} (x).")
    not_met = Finding("warn", "tumour-dose-target", f"1 of 2 do not reach: {high.text}.")
    plan = replace(sample_plan(), limits=(low, high), findings=(met, not_met))
    doses = (region("Tumour 1", "tumour", 154.0, 96.0), region("Tumour 2", "tumour", 97.26, 50.0))
    (finding,) = _missed_targets(plan, doses)
    assert (finding.severity, finding.code) == ("warn", "target-missed-in-voxels")
    assert finding.source == "weber2022"
    assert finding.text == (
        f"Met by the model, but 1 tumour misses it in voxels: {low.text}: "
        "Tumour 2 130.0 Gy by model, 97.3 Gy in voxels."
    )
    assert _missed_targets(replace(plan, findings=(not_met,)), doses) == ()
    small = {"tumours": [{"name": "Tumour 1"}, {"name": "Tumour 2", "is_measurable": False}]}
    unresolved = replace(plan, provenance=Provenance(options={"planning input": small}))
    assert _missed_targets(unresolved, doses) == ()
    reached = (doses[0], region("Tumour 2", "tumour", 119.99, 50.0))
    assert _missed_targets(plan, reached) == ()
    solved = replace(plan.tumours[0], mean_dose_gy=120.0 * (1 - 1e-12))
    assert len(_missed_targets(replace(plan, tumours=(solved,)), doses)) == 0
    (just,) = _missed_targets(
        replace(plan, tumours=(solved,)), (replace(doses[0], mean_dose_gy=99.0),)
    )
    assert "Tumour 1 120.0 Gy by model, 99.0 Gy in voxels" in just.text


def test_the_histogram_in_the_rt_dose_is_in_ml():
    """4 mL with 20 Gy and 6 mL with 10 Gy: 10 mL get at least 10 Gy, 4 mL at least 15 Gy."""
    curve = Dvh("x", np.array([20.0, 10.0]), np.array([4.0, 6.0]))
    found = _histogram("x", curve)
    assert found.volume_ml[0] == pytest.approx(10.0)
    assert found.volume_ml[np.searchsorted(found.dose_gy, 15.0)] == pytest.approx(4.0)
    assert (found.minimum_gy, found.mean_gy, found.maximum_gy) == pytest.approx((10, 14, 20))


def test_each_value_goes_under_its_own_code():
    found = {m.key: (m.value, m.unit) for m in _measurements(sample_doses()[4])}
    assert found == {
        "volume": (96.0, "mL"), "mass": (pytest.approx(100.8), "g"),
        "mean-absorbed-dose": (154.0, "Gy"), "d95": (154.1, "Gy"), "d70": (154.2, "Gy"),
        "d50": (154.3, "Gy"), "d2": (154.4, "Gy"), "activity-fraction": (0.17, "1"),
    }  # fmt: skip


def test_the_rt_plan_says_what_to_draw_up_and_who_accepted_a_stop():
    plain = _summary(sample_plan(), (), None)
    assert plain.description == "Y-90 resin microspheres, partition model, 2.000 GBq to draw up"
    assert plain.prescribed_dose_gy == 35.0
    by_activity = sample_plan(prescription=Prescription("activity", 2e9))
    assert _summary(by_activity, (), None).prescribed_dose_gy is None
    assert _summary(sample_plan(), (), ACCEPTED).description == plain.description
    stopped = _summary(sample_plan(), (STOP, STOP), ACCEPTED).description
    assert stopped == (
        "STOP (lung-dose-limit) accepted by Dr A. Example: retreatment agreed. " + plain.description
    )
    assert _dose_comment((), ACCEPTED) == ""
    assert _dose_comment((STOP,), None) == "STOP: not for treatment, see the report"
    assert _dose_comment((STOP,), ACCEPTED) == "STOP accepted, see the report"


@pytest.mark.parametrize(
    ("stops", "accepted", "written"),
    [((), None, True), ((), ACCEPTED, True), ((STOP,), None, False), ((STOP,), ACCEPTED, True)],
)
def test_no_rt_plan_is_written_on_a_stop_that_nobody_accepted(
    stops, accepted, written, tmp_path, monkeypatch
):
    told = {}
    monkeypatch.setattr(export, "write_dicom_results", lambda _, **facts: told.update(facts))
    case = small_case()
    image = case.activity_image.volume
    export.write_dicom(
        tmp_path, case, sample_plan(), image, image, case.regions, (), (),
        stops=stops, accepted=accepted,
    )  # fmt: skip
    assert (told["plan_summary"] is not None) == written


@pytest.mark.parametrize(
    ("role", "severity"),
    [
        ("liver", "stop"), ("tumour", "stop"), ("perfused", "stop"), ("necrosis", "stop"),
        ("lungs", "stop"), ("lung-left", "stop"), ("lung-right", "stop"), ("regions", "stop"),
        ("gallbladder", "warn"), ("stomach", "warn"), ("bowel", "warn"), ("other", "warn"),
    ],
)  # fmt: skip
def test_a_lost_outline_stops_a_plan_that_needs_it(role, severity):
    (found,) = Case(id="c", left_out=(LeftOut("x", "y", role),)).lost_regions()
    assert found.severity == severity


def test_a_region_that_was_drawn_and_lost_stops_the_plan_and_the_rest_is_listed():
    left = (
        LeftOut("contours of 'Tumor 1'", "ROINumber 2 twice", "tumour"),
        LeftOut("contours of 'Stomach'", "climbs", "stomach"),
        LeftOut("notes.txt", "not a DICOM file"),
    )
    case = Case(id="case-1", left_out=left)
    assert [(f.severity, f.code, f.text) for f in case.lost_regions()] == [
        (
            "stop",
            "region-lost",
            "contours of 'Tumor 1' (tumour) could not be used: ROINumber 2 twice.",
        ),
        ("warn", "region-lost", "contours of 'Stomach' (stomach) could not be used: climbs."),
    ]
    found = record(case=case)
    assert [item["what"] for item in found["left_out"]] == [item.what for item in left]
    jsonschema.validate(found["left_out"], SCHEMA["properties"]["left_out"])


def test_a_viable_part_never_has_the_name_of_its_lesion():
    """Tumour 1 has necrosis and its part is named so everywhere; Tumour 2 has none."""
    doses = tuple(
        replace(dose, structure="Tumour 1 viable") if dose.name == "Tumour 1" else dose
        for dose in sample_doses()
    )
    found = results_record(Case("c"), sample_plan(), "local", doses, (), (), None, {})
    named = [(r["name"], r["structure"], r["outline"]) for r in found["regions"] if "outline" in r]
    assert named == [
        ("Tumour 1 viable", "Tumour 1 viable", "Tumour 1"), ("Tumour 2", "Tumour 2", "Tumour 2"),
    ]  # fmt: skip
    assert [part["name"] for part in found["planned"]][:2] == ["Tumour 1 viable", "Tumour 2"]
    jsonschema.Draft202012Validator(SCHEMA["properties"]["regions"]).validate(found["regions"])
