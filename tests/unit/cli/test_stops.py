"""A stop through the program: exit code 3, all but the RT Plan written, or who accepted it."""

from __future__ import annotations

import json

import pydicom
import pytest

from opensirt.findings import AcceptedStop
from tests.command_line import call, files_in, refusal

RUN = (
    "--product", "resin-y90", "--model", "partition", "--engine", "local", "--activity-gbq", "7",
    "--residual", "0.1",
)  # fmt: skip
"""Far above 30 Gy to normal liver, and above what a vial holds."""


@pytest.fixture(scope="module")
def stopped(small_study, tmp_path_factory):
    out = tmp_path_factory.mktemp("stopped") / "out"
    return out, call("run", small_study, *RUN, "--out", out, "--json")


@pytest.fixture(scope="module")
def accepted(small_study, tmp_path_factory):
    out = tmp_path_factory.mktemp("accepted") / "out"
    words = ("--allow-stop", "Dr A. Example: retreatment, agreed by the board")
    return out, call("run", small_study, *RUN, *words, "--out", out)


def test_results_are_written_without_an_rt_plan(stopped):
    out, outcome = stopped
    assert outcome.code == 3
    results = json.loads(outcome.stdout)
    assert results == json.loads((out / "results.json").read_text())
    assert results["stop"]["rt_plan_written"] is False
    assert "perfused-normal-dose-limit" in results["stop"]["codes"]
    assert {p.name for p in (out / "dicom").iterdir()} == {
        "dose.dcm", "structures.dcm", "segmentation.dcm", "report.dcm", "activity.dcm",
        "outlines.dcm", "outlines-segmentation.dcm",
    }  # fmt: skip
    assert "No RT Plan was written." in (out / "report.html").read_text()
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    dose = pydicom.dcmread(out / "dicom" / "dose.dcm")
    assert dose.DoseComment == "STOP: not for treatment, see the report"


def test_one_line_says_what_stops_and_what_to_do(stopped):
    lines = stopped[1].stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("opensirt: the plan is stopped by perfused-normal-dose-limit")
    assert lines[0].endswith('no RT Plan was written; --allow-stop "YOUR NAME: REASON" writes it')


def test_an_accepted_stop_is_in_plan_report_and_results_and_still_a_stop(accepted):
    out, outcome = accepted
    assert outcome.code == 3
    assert "accepted by Dr A. Example" in outcome.stderr
    results = json.loads((out / "results.json").read_text())
    assert results["stop"]["accepted"] == {
        "name": "Dr A. Example", "reason": "retreatment, agreed by the board"
    }  # fmt: skip
    assert results["stop"]["rt_plan_written"] is True
    assert results["provenance"]["options"]["allow_stop"] == results["stop"]["accepted"]
    plan = pydicom.dcmread(out / "dicom" / "plan.dcm")
    assert plan.ApprovalStatus == "UNAPPROVED"
    assert plan.RTPlanDescription.startswith("STOP (")
    assert "accepted by Dr A. Example: retreatment, agreed by the board." in plan.RTPlanDescription
    assert plan.RTPlanDescription.endswith("7.000 GBq to draw up")
    page = (out / "report.html").read_text()
    assert "Accepted by Dr A. Example: retreatment, agreed by the board" in page
    assert "STOP: do not treat on this plan." in page


def test_drawn_up_and_delivered_through_the_program(accepted):
    results = json.loads((accepted[0] / "results.json").read_text())
    assert results["activity_gbq"] == pytest.approx(7.0)
    assert results["delivered_activity_gbq"] == pytest.approx(6.3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Dr A. Example", "accepting a stop needs a reason of 2 letters"),
        (": because", "accepting a stop needs a name of 2 letters"),
        ("Dr A. Example: ", "accepting a stop needs a reason"),
        ("Dr A. Example: 7", "accepting a stop needs a reason"),
        ("", "accepting a stop needs a name"),
        ("Dr A. Example: \x07bell", "printable"),
        ("Dr A. Example: " + "x" * 401, "400 printable"),
        ("whole-normal-dose-limit: agreed", "NAME must be your name, got the code of a finding"),
        ("lung-dose-limit, perfused-normal-dose-limit: agreed", "accepted by a person"),
        ("Perfused normal dose limit: agreed", "accepted by a person"),
    ],
)
def test_a_stop_is_accepted_by_name_and_reason_only(small_study, tmp_path, words, said):
    line = refusal("run", small_study, *RUN, "--allow-stop", words, "--out", tmp_path / "out")
    assert said in line
    assert files_in(tmp_path) == []


def test_help_says_that_the_name_is_a_persons(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = " ".join(call("run", "--help").stdout.replace("│", " ").split())
    assert "NAME is your name, the person who accepts" in words


@pytest.mark.parametrize("name", ["Jean-Luc", "dr smith-jones", "Dr A. Example"])
def test_people_with_a_hyphen_are_people(name):
    assert AcceptedStop.parse(f"{name}: agreed").name == name
