"""Advice to who calls opensirt from Python, tested by following it: no option, names that exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import opensirt as sirt
from opensirt.case import Case, Treatment
from opensirt.dose import mc_device
from opensirt.errors import OpenSirtError
from opensirt.findings import AcceptedStop
from opensirt.image import Volume
from opensirt.plan.plan import Plan, Prescription
from opensirt.workflow import (
    ClinicalFacts,
    KernelStatistics,
    MonteCarloOptions,
    RunOptions,
    RunResult,
    dose_from_files,
    kernel_to_file,
    prescription_from,
    run_study,
    write_phantom,
)
from tests.short_runs import shorten
from tests.unit.cli import advice_study_rows as headers
from tests.unit.cli.advice_desk import GIVEN_BQ, INJECTED, Desk

VALUE = r'(\.\.\.|True|\d+|"(?:[^"\\]|\\.)*"|\{[^}]*\}|Treatment\([^)]*\))'
AFTER = {
    "Treatment": Treatment,
    "PRODUCT": "resin-y90",
    "ACTIVITY_BQ": GIVEN_BQ,
    "INJECTED": datetime.fromisoformat(INJECTED),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("python"))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)
    nobody = {"mode": "none", "available": False, "reason": "no CUDA driver or device found"}
    monkeypatch.setattr(mc_device, "gpu_status", lambda: nobody)


def told(do: Callable[..., object], *words: Any, **more: Any) -> str:
    """What is said of a mistake; no option in it."""
    with pytest.raises(OpenSirtError) as refused:
        do(*words, **more)
    said = str(refused.value)
    assert "--" not in said
    return said


def advised(said: str, name: str, own: object = None, *, of: str = "") -> dict[str, Any]:
    """The argument that a message names, with its value; one's own where it leaves that open.

    `of` is the class or function that it is said to be of.
    """
    found = re.search(rf"(?:(\w+)\()?\b{name}={VALUE}", said)
    assert found, said
    assert (found[1] or "") == of
    if found[2] == "...":
        assert own is not None
        return {name: own}
    return {name: eval(found[2].replace('"NAME"', repr(own)), dict(AFTER))}


def prepared(study: Path, roles: dict[str, str] | None = None, **more: Any) -> Case:
    return sirt.prepare_case(sirt.read_case(study, roles=roles), **more)


def measured(study: Path, **known: Any) -> Volume:
    """Activity by the verbs, with facts that are given to the case."""
    case = RunOptions("resin-y90", "partition", **known).apply_to(sirt.read_case(study))
    return sirt.quantify_activity(sirt.prepare_case(case))


def planned(study: Path, model: str = "partition", **more: Any) -> Plan:
    case = prepared(study)
    activity = sirt.quantify_activity(case)
    return sirt.make_plan(case, activity, model=model, **{"product": "resin-y90"} | more)


def whole(study: Path, to: Path, *, overwrite: bool = False, **chosen: Any) -> RunResult:
    """The job in one call."""
    options = RunOptions("resin-y90", **{"model": "partition", "engine": "local"} | chosen)
    return run_study(study, options, to=to, overwrite=overwrite)


def mapped(desk: Desk, **more: Any) -> dict[str, Any]:
    """A dose map, file to file."""
    maps = {"density": desk.maps / "density.nii.gz", "ct": None, "to": desk.fresh("d.nii.gz")}
    words = {"nuclide_name": "y90", "engine": "local"} | maps | more
    return dose_from_files(desk.maps / "activity.nii.gz", **words)


def test_a_role_that_no_name_says(desk: Desk) -> None:
    """`roles` of `read_case`; "NAME" stands for the region's."""
    said = told(prepared, desk.case, {"liver": "other"})
    again = advised(said, "roles", "liver")
    assert again == {"roles": {"liver": "liver"}}
    assert prepared(desk.case, **again).region("liver").name == "liver"


def test_all_that_a_run_misses(desk: Desk) -> None:
    """Regions whose names nearly say their role, no lungs and no CT: one line, four cures."""
    said = told(whole, desk.nothing, desk.fresh())
    again = advised(said, "roles")
    assert again == {"roles": {"Leber MH": "liver", "L[0-9]*": "tumour"}}
    for name, own in (("lung_shunt_fraction", 0.05), ("lung_mass_g", 900.0), ("density_g_ml", 1.0)):
        again |= advised(said, name, own, of="RunOptions")
    plan = whole(desk.nothing, desk.fresh(), **again).plan
    assert (plan.lung.shunt_fraction, plan.lung.mass_g, len(plan.tumours)) == (0.05, 900.0, 2)
    none = {"roles": {"Tumour A": "other", "Tumour B": "other"}}
    by_mird = advised(told(whole, desk.case, desk.fresh(), **none), "model")
    assert whole(desk.case, desk.fresh(), **none, **by_mird).plan.model == "mird"


def test_facts_that_the_verbs_miss_one_by_one(desk: Desk) -> None:
    """`RunOptions(...).apply_to(case)` gives a case what a run would be given."""
    known: dict[str, Any] = {}
    for name, own in (("density_g_ml", 1.0), ("lung_shunt_fraction", 0.05), ("lung_mass_g", 900.0)):
        known |= advised(told(measured, desk.bare, **known), name, own, of="RunOptions")
    activity = measured(desk.bare, **known)
    assert activity.total() == pytest.approx(0.95e9, rel=1e-3)  # the lungs are in no image


def test_what_was_given_after_treatment(desk: Desk) -> None:
    for study in (desk.treated, desk.undated):
        again = advised(told(measured, study), "given", of="RunOptions")
        assert again == {"given": Treatment("resin-y90", GIVEN_BQ, AFTER["INJECTED"])}
        assert measured(study, **again).total() == pytest.approx(GIVEN_BQ, rel=0.02)
    again = advised(told(planned, desk.given, product="glass-y90"), "product")
    assert planned(desk.given, **again).activity_bq == pytest.approx(GIVEN_BQ)


def test_the_image_to_plan_on(desk: Desk) -> None:
    """A dose is asked for of an image after treatment, where there is one of before."""
    asked = {"prescription": prescription_from(normal_dose_gy=25.0)}
    given = Treatment("resin-y90", GIVEN_BQ, AFTER["INJECTED"])
    after = {"image": "treatment-activity", "given": given}
    said = told(whole, desk.dicom, desk.fresh(), **asked, **after)
    again = advised(said, "image")
    assert again == {"image": "planning-activity"}
    made = whole(desk.dicom, desk.fresh(), **asked, **after | again)
    assert made.plan.prescription.kind == "normal-dose"


def test_identity_neither_way_or_of_no_dicom(desk: Desk) -> None:
    assert told(RunOptions, "resin-y90", "mird", identity="some") == (
        "identity must be remove or keep, got 'some'"
    )
    said = told(whole, desk.case, desk.fresh(), identity="keep")
    assert said.endswith("leave identity out")
    assert whole(desk.case, desk.fresh()).report.identity is None


def test_a_body_without_height(desk: Desk) -> None:
    said = told(planned, desk.case, "bsa")
    assert told(whole, desk.case, desk.fresh(), model="bsa").startswith("model 'bsa' needs height")
    body = advised(said, "height_cm", 170.0) | advised(said, "weight_kg", 70.0)
    plan = planned(desk.case, "bsa", facts=ClinicalFacts(**body))
    assert plan.bsa_m2 == pytest.approx(1.810, abs=5e-4)  # DuBois, by hand
    assert whole(desk.case, desk.fresh(), model="bsa", **body).plan.bsa_m2 == plan.bsa_m2


def test_a_folder_with_results(desk: Desk) -> None:
    """Of a run by its options, and of what takes no options."""
    to = desk.fresh()
    whole(desk.case, to)
    said = told(whole, desk.case, to)
    assert whole(desk.case, to, **advised(said, "overwrite")).paths["results"].is_file()
    elsewhere = advised(said, "to", desk.fresh())
    assert whole(desk.case, **elsewhere).paths["results"].parent == elsewhere["to"]
    said = told(write_phantom, "uniform", to)
    write_phantom("uniform", **advised(said, "to", desk.fresh()), voxel_mm=12.0)
    write_phantom("uniform", to, voxel_mm=12.0, **advised(said, "overwrite"))


def test_what_a_dose_is_for(desk: Desk) -> None:
    said = told(Prescription, "normal-dose", 25.0, purpose="each")
    assert "or leave purpose and index_lesion out" in said
    right = prescription_from(
        **advised(said, "tumour_dose_gy", 40.0, of="prescription_from"), purpose="each"
    )
    assert right == Prescription("tumour-dose", 40.0, "each")
    said = told(Prescription, "tumour-dose", 40.0, index_lesion="Tumour A")
    by_name = {"index_lesion": "Tumour A"} | advised(said, "purpose")
    assert Prescription("tumour-dose", 40.0, **by_name).purpose == "index"
    said = told(planned, desk.dim, prescription=Prescription("tumour-dose", 20.0))
    index = prescription_from(20.0, **advised(said, "index_lesion", "Spot A"))
    assert planned(desk.dim, prescription=index).prescription.index_lesion == "Spot A"


def test_more_than_a_vial_holds(desk: Desk) -> None:
    seven = prescription_from(activity_gbq=7.0)
    stops = {f.code: f.text for f in planned(desk.case, prescription=seven).findings}
    facts = ClinicalFacts(**advised(stops["activity-beyond-vials"], "vials"))
    assert facts.vials == 2
    kept = planned(desk.case, prescription=seven, facts=facts).findings
    assert "activity-beyond-vials" not in {finding.code for finding in kept}


def test_how_a_stop_is_accepted() -> None:
    said = told(AcceptedStop, "NAME", "REASON")
    stop = eval(said.rpartition("write ")[2], {"AcceptedStop": AcceptedStop})
    assert stop == AcceptedStop("Dr A. Example", "why")


def test_statistics_and_device_of_monte_carlo(desk: Desk) -> None:
    case = prepared(desk.case)
    activity = sirt.quantify_activity(case)
    few: dict[str, Any] = {"engine": "monte-carlo", "threads": 1}

    def dose(**more: Any) -> Volume:
        return sirt.compute_dose(case, activity, **few, **more)

    either = advised(told(dose, histories=2000, uncertainty=0.1), "histories", 2000)
    here = advised(told(dose, histories=2000, device="cuda"), "device")
    assert here == {"device": "cpu"}
    assert dose(**either, **here).relative_error is not None


def test_maps_and_kernels(desk: Desk) -> None:
    assert "expected one of density and ct, found none" in told(mapped, desk, density=None)
    few = {"options": MonteCarloOptions(histories=2000, threads=1)}
    said = told(mapped, desk, **few)
    assert said.startswith("histories=..., threads=... needs ")
    assert mapped(desk, **few, **advised(said, "engine"))["histories"] == 2000
    said = told(mapped, desk, to=desk.fresh("d.txt"))
    assert mapped(desk, **advised(said, "to", desk.fresh("e.nii.gz")))["engine"] == "local"

    def kernel(engine: str) -> dict[str, Any]:
        few = KernelStatistics(histories=2000, threads=1)
        return kernel_to_file(
            "y90", (8.0, 8.0, 8.0), medium="water", density_g_ml=None, extent=None, engine=engine,
            to=desk.fresh("k.npz"), statistics=few,
        )  # fmt: skip

    again = advised(told(kernel, "voxel-convolution"), "engine")
    assert kernel(**again)["engine"] == "monte-carlo"


def test_series_frames_and_clocks(desk: Desk) -> None:
    two = desk.twice("CT", headers.renamed)
    again = advised(told(sirt.read_case, two), "choose")
    assert sirt.read_case(two, **again).has_image("ct")
    assert told(sirt.read_case, desk.case, choose=again["choose"]).count("leave choose out") == 1
    apart = desk.edited(headers.other_place, "NM")
    aligned = advised(told(prepared, apart), "assume_aligned")
    assert "assumed-aligned" in {finding.code for finding in prepared(apart, **aligned).findings}
    clock = desk.edited(headers.no_zone, "PT")
    given = Treatment("resin-y90", GIVEN_BQ, AFTER["INJECTED"])
    later = {"image": "treatment-activity", "given": given}
    zone = advised(told(whole, clock, desk.fresh(), **later), "time_zone", "UTC")
    assert whole(clock, desk.fresh(), **later, **zone).case.is_treated


def test_findings_of_a_run_name_no_option(desk: Desk) -> None:
    """Nor does anything else in its results."""
    made = whole(desk.dicom, desk.fresh(), prescription=prescription_from(activity_gbq=7.0))
    assert "--" not in made.paths["results"].read_text()
