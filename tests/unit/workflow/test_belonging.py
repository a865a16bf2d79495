"""Values of the verbs that are of another kind, or do not belong together, are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

import opensirt as sirt
from opensirt.case import StudyImage, Treatment
from opensirt.errors import CaseError, InputError, PlanError
from opensirt.image import Grid
from opensirt.plan.plan import Prescription
from tests.cases import small_case
from tests.command_line import files_in

MOVED = np.zeros((4, 4))
MOVED[0, 3] = 5.0
"""5 mm along the first axis of the patient."""


@pytest.fixture(scope="module")
def job():
    case = sirt.prepare_case(small_case())
    activity = sirt.quantify_activity(case)
    plans = [
        sirt.make_plan(
            case, activity, model="partition", product="resin-y90",
            prescription=Prescription("activity", bq),
        )
        for bq in (1.2e9, 3.0e9)
    ]  # fmt: skip
    doses = [sirt.compute_dose(case, plan.scale(activity), engine="local") for plan in plans]
    report = sirt.build_report(case, plans[0], doses[0])
    return {
        "case": case, "activity": activity, "plans": plans, "doses": doses, "report": report
    }  # fmt: skip


def test_a_dose_is_of_the_activity_of_its_plan(job):
    case, plan, activity = job["case"], job["plans"][0], job["activity"]
    assert job["doses"][0].injected_bq == plan.delivered_activity_bq == 1.2e9
    line = r"the dose is of 1 GBq injected, the plan delivers 1.2 GBq; compute it again from plan.s"
    forgotten = sirt.compute_dose(case, activity, engine="local")
    for refused in (
        lambda: sirt.build_report(case, plan, forgotten),
        lambda: sirt.region_doses(case, forgotten, plan=plan),
    ):
        with pytest.raises(InputError, match=line):
            refused()
    with pytest.raises(InputError, match=r"the dose is of 3 GBq injected, the plan delivers 1.2"):
        sirt.build_report(case, plan, job["doses"][1])
    with pytest.raises(InputError, match=r"the activity map is of 1 GBq injected.*take plan.scale"):
        sirt.build_report(case, plan, job["doses"][0], activity=activity)
    of_a_file = replace(forgotten, injected_bq=None)
    assert len(sirt.region_doses(case, of_a_file, plan=plan)) > 3


def test_a_plan_is_of_its_case(job):
    other = replace(job["case"], id="somebody else")
    assert job["plans"][0].case_id == "small"
    with pytest.raises(InputError, match=r"plan is one of case 'small', not of 'somebody else'"):
        sirt.build_report(other, job["plans"][0], job["doses"][0])


def test_a_map_is_of_its_case_its_nuclide_and_its_constant(job):
    case, plan, activity = job["case"], job["plans"][0], job["activity"]
    dose = job["doses"][0]
    assert (activity.case_id, plan.scale(activity).case_id, dose.case_id) == ("small",) * 3
    theirs = replace(activity, case_id="somebody else")
    line = "the activity map is one of case 'somebody else', not of 'small'; make it for this case"
    for refused in (
        lambda: sirt.make_plan(case, theirs, model="mird", product="resin-y90"),
        lambda: sirt.compute_dose(case, theirs, engine="local"),
        lambda: sirt.build_report(case, plan, dose, activity=plan.scale(theirs)),
    ):
        with pytest.raises(InputError, match=line):
            refused()
    for wrong, words in (
        ({"case_id": "x"}, "the dose is one of case 'x', not of 'small'"),
        ({"nuclide": "ho166"}, "the dose is of ho166, the plan of y90; compute it again"),
        (
            {"dose_constant_gy_kg_per_gbq": 49.38},
            r"the dose rests on 49.38 Gy kg/GBq, the plan on 49.7\d+ Gy kg/GBq; compute it again",
        ),
    ):
        with pytest.raises(InputError, match=words):
            sirt.build_report(case, plan, replace(dose, **wrong))
        with pytest.raises(InputError, match=words):
            sirt.region_doses(case, replace(dose, **wrong), plan=plan)
    with pytest.raises(InputError, match="the dose is one of case 'x'"):
        sirt.region_doses(case, replace(dose, case_id="x"))


def test_a_report_is_written_with_its_own_plan_and_dose(job, tmp_path):
    case, (plan, more), (dose, higher) = job["case"], job["plans"], job["doses"]
    colder = dose.with_values((dose.values * np.float32(0.5)).astype(np.float32))
    alike = replace(plan, findings=())
    for given, what in (
        ((more, higher), "plan"),
        ((alike, dose), "plan"),
        ((plan, colder), "dose"),
    ):
        with pytest.raises(InputError, match=f"the report is on another {what} than the one"):
            sirt.write_results(case, *given, job["report"], to=tmp_path / "out")
    with pytest.raises(InputError, match="the activity map is of 3 GBq"):
        sirt.write_results(
            case, plan, dose, job["report"], to=tmp_path / "out",
            activity=more.scale(job["activity"]),
        )  # fmt: skip
    grid = dose.grid
    moved = Grid.from_matrix(grid.shape, grid.matrix + MOVED)
    with pytest.raises(InputError, match="the report is on another dose than the one"):
        sirt.write_results(
            case, plan, replace(dose, grid=moved), job["report"], to=tmp_path / "out"
        )
    named = replace(job["report"], case_id="other")
    with pytest.raises(InputError, match="the report is on another case than the one"):
        sirt.write_results(case, plan, dose, named, to=tmp_path / "out")
    assert files_in(tmp_path) == []
    copied = dose.with_values(dose.values.copy())
    assert sirt.write_results(case, plan, copied, job["report"], to=tmp_path / "out")


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda j: sirt.prepare_case("study"), r"case must be a Case, from read_case.*got str"),
        (lambda j: sirt.quantify_activity(None), r"case must be a Case.*got NoneType"),
        (
            lambda j: sirt.make_plan(
                j["case"], j["activity"].values, model="mird", product="resin-y90"
            ),
            r"activity must be a Volume, from quantify_activity.*got ndarray",
        ),
        (
            lambda j: sirt.make_plan(
                j["case"], j["activity"], model="mird", product="resin-y90", prescription=120
            ),
            r"prescription must be a Prescription, such as prescription_from.*got int",
        ),
        (
            lambda j: sirt.make_plan(
                j["case"], j["activity"], model="mird", product="resin-y90", facts={}
            ),
            r"facts must be a ClinicalFacts.*got dict",
        ),
        (
            lambda j: sirt.compute_dose(j["case"], j["plans"][0]),
            r"activity must be a Volume, .*plan.scale\(activity\); got Plan",
        ),
        (
            lambda j: sirt.build_report(j["case"], j["doses"][0], j["plans"][0]),
            r"plan must be a Plan, from make_plan; got Volume",
        ),
        (
            lambda j: sirt.write_results(j["case"], j["plans"][0], j["doses"][0], {}, to="out"),
            r"report must be a Report, from build_report; got dict",
        ),
        (lambda j: sirt.region_doses(j["doses"][0], j["case"]), r"case must be a Case.*got Volume"),
        (lambda j: sirt.histograms(j["case"], 7), r"dose must be a Volume, from compute_dose; got"),
        (lambda j: sirt.read_case(None), r"the study must be a path.*got NoneType"),
    ],
)  # fmt: skip
def test_an_argument_of_another_kind_is_told_in_one_line(job, call, line):
    with pytest.raises(InputError, match=line):
        call(job)


def test_a_case_that_was_not_prepared_says_so():
    case = small_case()
    after = replace(case.image("planning-activity"), role="treatment-activity", modality="PT")
    assert isinstance(after, StudyImage)
    both = replace(case, images=(*case.images, after))
    with pytest.raises(
        CaseError, match=r"take one with prepare_case\(case\) or prepare_case\(case, i"
    ):
        sirt.quantify_activity(both)
    taken = sirt.prepare_case(both)
    assert sirt.quantify_activity(taken).injected_bq == 1e9


@pytest.mark.parametrize("bq", [1.4, 3000.0, 9e4, 2e18, float("nan")])
def test_gigabecquerels_do_not_pass_for_becquerels(bq):
    line = "the activity prescribed or given must be from 100000 to 1e.13 Bq, got"
    with pytest.raises(InputError, match=line):
        Treatment("resin-y90", bq)
    with pytest.raises((InputError, PlanError), match="activity"):
        Prescription("activity", bq)


def test_an_instant_of_treatment_is_no_text():
    given = Treatment("resin-y90", 1e9, datetime(2026, 1, 12, 9, tzinfo=UTC))
    assert given.activity_bq == 1e9
    with pytest.raises(InputError, match=r"injected must be a datetime with time zone.*got str"):
        Treatment("resin-y90", 1e9, "2026-01-12T09:00")
