"""The job in one call hands each choice to its verb, and what one verb makes to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from opensirt.dose.comparison import EngineDose
from opensirt.findings import AcceptedStop
from opensirt.plan.plan import Prescription
from opensirt.workflow import RunOptions, run, run_study

OPTIONS = RunOptions(
    "glass-y90", "mird", engine="local", prescription=Prescription("perfused-dose", 120.0),
    indication="hcc", dose_constant_gy_kg_per_gbq=49.38, assume_aligned=True,
    choose={"ct": "CT 1"}, roles={"x": "other"}, compare_engines=True,
    allow_stop=AcceptedStop("Dr A. Example", "agreed"),
)  # fmt: skip


class Part:
    """Something that a verb made; `of` says from what."""

    def __init__(self, name: str, **facts) -> None:
        self.name = name
        self.__dict__.update(facts)


@pytest.fixture
def told(monkeypatch):
    """What each verb was given, in the order of their calls."""
    calls = {}

    def verb(name, made):
        def call(*given, **words):
            calls[name] = (given, words)
            return made

        monkeypatch.setattr(run, name, call)

    case, prepared = Part("case"), Part("prepared")
    relative, scaled, dose = Part("relative"), Part("scaled"), Part("dose")
    plan = Part("plan", scale=lambda activity: scaled if activity is relative else None)
    for name, made in (
        ("refuse_unusable", None), ("read_case", case), ("prepare_case", prepared),
        ("calibrate", (relative, None)), ("make_plan", plan), ("compute_dose", dose),
        ("check_engines", "check"), ("build_report", "report"), ("write_results", {"a": "b"}),
        ("require_known", None), ("_regions", "regions"), ("outline_image", "outlines"),
        ("read_identity", "identity"),
    ):  # fmt: skip
        verb(name, made)
    monkeypatch.setattr(RunOptions, "apply_to", lambda self, of: Part("applied", of=of))
    return SimpleNamespace(
        calls=calls, case=case, prepared=prepared, relative=relative, scaled=scaled, dose=dose,
        plan=plan,
    )  # fmt: skip


def test_each_choice_reaches_its_verb(told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study").mkdir()
    done = run_study("study", OPTIONS, to=tmp_path / "out", overwrite=True)
    calls = told.calls
    assert calls["refuse_unusable"] == (
        (tmp_path / "out",),
        {"overwrite": True, "inputs": (Path("study"),)},
    )
    assert calls["read_case"][1]["choose"] == {"ct": "CT 1"}
    assert calls["read_case"][1]["roles"] == {"x": "other"}
    (applied,), words = calls["prepare_case"]
    assert applied.of is told.case
    assert words == {"image": None, "assume_aligned": True}
    assert calls["require_known"] == ((applied, OPTIONS), {})
    assert calls["calibrate"][0] == (told.prepared, "y90")
    assert calls["make_plan"] == (
        (told.prepared, told.relative),
        {
            "model": "mird", "product": "glass-y90", "prescription": OPTIONS.prescription,
            "facts": OPTIONS.facts(),
        },
    )  # fmt: skip
    given, words = calls["compute_dose"]
    assert given == (told.prepared, told.scaled)
    assert words["engine"] == "local"
    assert words["nuclide"].dose_constant_gy_kg_per_gbq == pytest.approx(49.38)
    (case, activity, used, nuclide), words = calls["check_engines"]
    assert (case, activity, used.engine, used.dose) == (
        told.prepared, told.scaled, "local", told.dose,
    )  # fmt: skip
    assert nuclide.dose_constant_gy_kg_per_gbq == pytest.approx(49.38)
    assert (words["every"], words["regions"]) == (True, "regions")
    given, words = calls["build_report"]
    assert given == (told.prepared, told.plan, told.dose)
    assert words["activity"] is told.scaled
    assert (words["engine"], words["check"], words["identity"]) == ("local", "check", None)
    assert words["nuclide"].dose_constant_gy_kg_per_gbq == pytest.approx(49.38)
    assert words["options"] == OPTIONS.as_dict()
    assert words["accepted"] == OPTIONS.allow_stop
    given, words = calls["write_results"]
    assert given == (told.prepared, told.plan, told.dose, "report")
    assert words == {"to": tmp_path / "out", "activity": told.scaled, "overwrite": True}
    assert "read_identity" not in calls
    assert (done.case, done.plan, done.activity) == (told.prepared, told.plan, told.scaled)
    assert (done.dose, done.report, done.paths) == (told.dose, "report", {"a": "b"})


def test_the_identity_is_read_where_it_is_kept_and_other_engines_where_they_are_asked(
    told, tmp_path
):
    kept = replace(
        OPTIONS,
        identity="keep",
        compare_engines=False,
        assume_aligned=False,
        image="treatment-activity",
    )
    run_study("study", kept, to=tmp_path / "out")
    study, case, image = told.calls["read_identity"][0]
    assert (str(study), case, image) == ("study", told.prepared, "outlines")
    assert told.calls["build_report"][1]["identity"] == "identity"
    assert told.calls["check_engines"][1]["every"] is False
    assert told.calls["prepare_case"][1] == {"image": "treatment-activity", "assume_aligned": False}
    assert told.calls["write_results"][1]["overwrite"] is False


def test_monte_carlo_brings_its_errors(told, tmp_path, monkeypatch):
    done = SimpleNamespace(dose=told.dose, relative_error="errors", region_errors={"liver": 0.01})
    asked = []
    monkeypatch.setattr(run, "make_setting", lambda _: SimpleNamespace(density="density"))
    monkeypatch.setattr(run, "calculate", lambda *given: asked.append(given) or done)
    run_study("study", replace(OPTIONS, engine="monte-carlo"), to=tmp_path / "out")
    engine, activity, density, nuclide, options, _, regions = asked[0]
    assert (engine, activity, density, options, regions) == (
        "monte-carlo", told.scaled, "density", None, "regions",
    )  # fmt: skip
    assert nuclide.name == "y90"
    used = told.calls["check_engines"][0][2]
    assert isinstance(used, EngineDose)
    assert (used.relative_error, used.region_errors) == ("errors", {"liver": 0.01})
    assert "compute_dose" not in told.calls


def test_the_bar_rises_to_the_end(told, tmp_path):
    said = []
    run_study(
        "s", OPTIONS, to=tmp_path / "o", progress=lambda what, done: said.append((what, done))
    )
    read = told.calls["read_case"][1]["progress"]
    shares = [done for _, done in said]
    assert shares == sorted(shares)
    assert said[-1] == ("done", 1.0)
    read("reading", 0.5)
    assert said[-1] == ("reading", pytest.approx(0.15))
    told.calls["check_engines"][1]["step"]("rays", 0.5)
    assert said[-1] == ("rays", pytest.approx(0.65))
