"""Tables for people: each figure under its own name and in its own unit; and how a command ends."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from opensirt import backend, workflow
from opensirt.case import LeftOut
from opensirt.cli import comparing, dosimetry, kernel, main, study
from opensirt.cli.console import exit_on_stop, key_values, table
from opensirt.errors import InputError
from opensirt.findings import Finding
from opensirt.workflow import comparing as comparison
from tests.command_line import call, refusal


def rows_of(said: str) -> list[list[str]]:
    """Cells of every row of every table, heads included."""
    lines = said.replace("┃", "│").splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]


def test_every_row_of_a_calculated_activity_has_its_own_figure() -> None:
    """2 GBq, a tenth lost, none to the lung: 1.8 GBq and 90 Gy kg/GBq of 50 in 1.2 kg and more."""
    said = call(
        "activity", "partition", "--product", "resin-y90", "--tumour-mass-g", 100,
        "--tumour-to-normal", 5, "--normal-mass-g", 1000, "--activity-gbq", 2, "--residual", 0.1,
        "--lung-shunt", 0.04, "--lung-mass-g", 800, "--dose-constant", 50,
        "--activity-per-sphere", 50, "--whole-normal-mass-g", 1300, "--whole-liver-mass-g", 1500,
    ).stdout  # fmt: skip
    rows = {row[0]: row[1] for row in rows_of(said) if len(row) == 2}
    normal_gy = 50 * 1.8 * 0.96 / 1.5
    assert rows == {
        "quantity": "value", "activity to draw up (GBq)": "2.000",
        "delivered activity (GBq)": "1.800", "tumour 1 dose (Gy)": f"{5 * normal_gy:.1f}",
        "perfused volume dose (Gy)": f"{50 * 1.8 * 0.96 / 1.1:.1f}",
        "perfused normal liver dose (Gy)": f"{normal_gy:.1f}",
        "whole normal liver dose (Gy)": f"{normal_gy / 1.3:.1f}",
        "whole liver dose (Gy)": f"{50 * 1.8 * 0.96 / 1.5:.1f}",
        "lung dose (Gy)": f"{50 * 1.8 * 0.04 / 0.8:.1f}",
        "spheres (million)": "36", "dose constant (Gy kg/GBq)": "50.00",
    }  # fmt: skip


def test_a_body_surface_is_shown_where_it_was_used() -> None:
    said = call(
        "activity", "bsa", "--product", "resin-y90", "--height-cm", 170, "--weight-kg", 70,
        "--tumour-volume-ml", 300, "--normal-volume-ml", 1200,
    ).stdout  # fmt: skip
    rows = {row[0]: row[1] for row in rows_of(said) if len(row) == 2}
    assert rows["body surface area (m²)"] == f"{0.007184 * 170**0.725 * 70**0.425:.3f}"


def test_a_study_is_shown_with_size_spacing_volume_and_what_was_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = {
        "case_id": "c1",
        "images": [{"label": "Abdomen", "modality": "CT", "role": "ct", "unit": "HU",
                    "nuclide": None, "shape": [40, 50, 60], "spacing_mm": [3.0, 0.78125, 0.9],
                    "acquired": None}],
        "regions": [{"name": "Liver", "role": "liver", "volume_ml": 1534.26},
                    {"name": "T9", "role": "tumour", "volume_ml": 0.0123}],
    }  # fmt: skip
    case = SimpleNamespace(left_out=(LeftOut("file 3", "a localizer", file="DOE.dcm"),))
    monkeypatch.setattr(workflow, "read_case", lambda *args, **more: case)
    monkeypatch.setattr(workflow, "describe_case", lambda case: described)
    rows = rows_of(call("read", "s").stdout)
    assert rows[1] == [
        "Abdomen", "CT", "ct", "HU", "–", "40 x 50 x 60", "3 x 0.7812 x 0.9", "–",
    ]  # fmt: skip
    assert ["Liver", "liver", "1534.3"] in rows
    assert ["T9", "tumour", "0.012"] in rows
    assert ["file 3 (DOE.dcm)", "a localizer"] in rows


def test_a_run_shows_its_headline_tables_findings_and_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(title: str) -> Any:
        return SimpleNamespace(title=title, columns=("what", "Gy"), rows=((title, "7"),))

    report = SimpleNamespace(
        case_id="c1", title="Plan",
        headline=[SimpleNamespace(label="Activity", value="2 GBq", note="drawn up")],
        limit_table=shown("limits"), dose_table=shown("doses"), organ_table=None,
        findings=[Finding("warn", "x", "Look at it.")],
    )  # fmt: skip
    study._show_run(SimpleNamespace(report=report, paths={"report": Path("r.pdf")}))  # type: ignore[arg-type]
    said = capsys.readouterr().out
    rows = rows_of(said)
    assert said.startswith("Plan, c1 ")
    assert ["Activity", "2 GBq", "drawn up"] in rows
    assert [row for row in rows if row[-1] == "7"] == [["limits", "7"], ["doses", "7"]]
    assert "warn  Look at it." in said
    assert "report       r.pdf" in said


def test_monte_carlo_shows_its_own_figures() -> None:
    result = {
        "histories": 20000, "histories_per_second": 4321.4, "mean_relative_error": 0.0123,
        "energy_balance": -2e-7, "escaped_fraction": 0.0345, "media": ["water", "lung"],
        "relative_error_out": "e.nii.gz",
    }  # fmt: skip
    assert dosimetry._statistics(result) == [
        ["histories", "20,000 (4,321 per second)"], ["mean relative error, high dose", "1.23%"],
        ["energy balance", "-2.0e-07"], ["energy that left the grid", "3.45%"],
        ["media", "water, lung"], ["relative error map", "e.nii.gz"],
    ]  # fmt: skip
    assert dosimetry._statistics({}) == []


def test_a_dose_map_shows_mean_and_highest_dose(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    result = {"seconds": 1.5, "threads": 2, "decays": 4e15, "activity_gbq": 1.7123,
              "findings": [], "mean_dose_gy": 12.5, "maximum_dose_gy": 99.5,
              "out": "d.nii.gz"}  # fmt: skip

    def instead(activity: Path, **more: Any) -> dict[str, Any]:
        found.update(more, activity=activity)
        return result

    monkeypatch.setattr(workflow, "dose_from_files", instead)
    said = call(
        "dose", "--activity", "a", "--density", "b", "--ct", "c", "--nuclide", "y90", "--engine",
        "local", "--histories", 5, "--uncertainty", 0.02, "--seed", 7, "--threads", 3, "--mode",
        "full", "--device", "cuda", "--dose-constant", "50", "--out", "d.nii.gz",
        "--activity-unit", "MBq/mL",
    ).stdout  # fmt: skip
    assert [found[key] for key in ("activity", "density", "ct", "out")] == [
        Path("a"), Path("b"), Path("c"), Path("d.nii.gz"),
    ]  # fmt: skip
    assert (found["nuclide_name"], found["engine"], found["dose_constant"]) == ("y90", "local", 50)
    assert found["activity_unit"] == "MBq/mL"
    options = found["options"]
    assert (options.histories, options.uncertainty, options.seed) == (5, 0.02, 7)
    assert (options.threads, options.mode, options.device) == (3, "full", "cuda")
    assert rows_of(said)[1:] == [
        ["time", "1.50 s with 2 threads"], ["activity in the map", "1.712 GBq"],
        ["decays", "4e+15"], ["mean dose", "12.5 Gy"],
        ["highest dose", "99.5 Gy"], ["written", "d.nii.gz"],
    ]  # fmt: skip


def test_a_comparison_is_handed_what_was_asked_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    table = SimpleNamespace(title="t", columns=("a", "b"), rows=(("x", "1"),), caption="caption")
    page = SimpleNamespace(tables=[table, None], findings=[Finding("note", "x", "So.")])
    result = {"engines": {"local": {"seconds": 1.25}}, "paths": {"page": "p.html"}}

    def instead(activity: Path, **more: Any) -> Any:
        found.update(more, activity=activity)
        return SimpleNamespace(page=page, result=result)

    monkeypatch.setattr(comparison, "compare_from_files", instead)
    said = call(
        "dose", "--activity", "a", "--density", "b", "--ct", "c", "--nuclide", "y90", "--engine",
        "all", "--compare", "--regions", "r", "--out", "d.nii.gz", "--activity-unit", "kBq/mL",
    ).stdout  # fmt: skip
    assert [found[key] for key in ("activity", "density", "ct", "regions", "out")] == [
        Path(name) for name in ("a", "b", "c", "r", "d.nii.gz")
    ]
    assert (found["engines"], found["nuclide_name"]) == ("all", "y90")
    assert found["activity_unit"] == "kBq/mL"
    assert ["x", "1"] in rows_of(said)
    assert "caption\nTime: local 1.25 s\nnote  So." in said
    assert "page                 p.html" in said


def test_one_engine_is_needed_without_a_comparison() -> None:
    comparing.require_one_engine("local", None)
    for engine in ("all", "local,voxel-convolution"):
        with pytest.raises(InputError, match="means several engines; add --compare"):
            comparing.require_one_engine(engine, None)
    with pytest.raises(InputError, match="--regions belongs to a comparison"):
        comparing.require_one_engine("local", Path("r"))


KERNEL = {
    "spacing_mm": [4.0, 3.0, 2.0], "self_s_mgy_per_mbq_s": 0.98765, "medium": "liver",
    "kernel_medium": "soft-tissue", "density_g_ml": 1.06, "shape": [5, 7, 9],
    "energy_in_array_fraction": 0.9876, "out": "k.npz",
}  # fmt: skip


def test_a_kernel_shows_its_medium_sizes_and_energy() -> None:
    assert kernel._rows(KERNEL) == [
        ["self S value", "0.9877 mGy/(MBq s)"],
        ["medium", "liver (kernel of soft-tissue at its density)"], ["density", "1.06 g/mL"],
        ["array (slice x row x column)", "5 x 7 x 9"],
        ["voxel (slice x row x column)", "4 x 3 x 2 mm"], ["energy in the array", "98.76%"],
        ["written", "k.npz"],
    ]  # fmt: skip
    simulated = {"histories": 20000, "histories_per_second": 999.6, "mean_relative_error": 0.0021,
                 "energy_balance": 1e-8, "kernel_medium": "liver"}  # fmt: skip
    rows = dict(kernel._rows(KERNEL | simulated))
    assert rows["medium"] == "liver"
    assert rows["histories"] == "20,000 (1,000 per second)"
    assert rows["relative error of the self S value"] == "0.21%"
    assert rows["energy balance"] == "+1.0e-08"


def test_a_kernel_is_handed_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}

    def instead(nuclide: str, sizes: tuple[float, ...], **more: Any) -> dict[str, Any]:
        found.update(more, nuclide=nuclide, sizes=sizes)
        return KERNEL

    monkeypatch.setattr(workflow, "kernel_to_file", instead)
    call("kernel", "--nuclide", "ho166", "--voxel-mm", "2,3,4", "--medium", "lung",
         "--density-g-ml", 0.3, "--extent", 11, "--engine", "monte-carlo", "--histories", 9,
         "--uncertainty", 0.1, "--seed", 5, "--threads", 2, "--out", "k.npz")  # fmt: skip
    assert (found["nuclide"], found["sizes"], found["medium"]) == ("ho166", (2, 3, 4), "lung")
    assert (found["density_g_ml"], found["extent"], found["engine"]) == (0.3, 11, "monte-carlo")
    said = found["statistics"]
    assert (said.histories, said.uncertainty, said.seed, said.threads) == (9, 0.1, 5, 2)


def test_a_phantom_and_a_demo_are_of_the_size_and_seed_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[Any] = []

    def instead(*words: Any, **more: Any) -> dict[str, Any]:
        found.append((words, {k: v for k, v in more.items() if k != "progress"}))
        return {"paths": {"truth": "t.json"}}

    monkeypatch.setattr(workflow, "write_phantom", instead)
    said = call("phantom", "sphere", "--out", "p", "--voxel-mm", 3, "--seed", 9).stdout
    assert said == "truth        t.json\n"
    assert found[0] == (
        ("sphere", Path("p")), {"voxel_mm": 3.0, "seed": 9, "overwrite": False},
    )  # fmt: skip
    call("phantom", "slabs", "--out", "p", "--overwrite")
    assert found[1] == (
        ("slabs", Path("p")), {"voxel_mm": None, "seed": 1, "overwrite": True},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("severities", "code"),
    [((), None), (("note",), None), (("warn", "note"), None), (("note", "stop"), 3)],
)
def test_only_a_stop_ends_with_three(
    severities: tuple[Any, ...], code: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [Finding(severity, "x", "X.") for severity in severities]
    if code is None:
        exit_on_stop(findings, "{codes}")
        assert capsys.readouterr().err == ""
    else:
        with pytest.raises(typer.Exit) as ending:
            exit_on_stop([*findings, *findings], "stopped by {codes}; look")
        assert ending.value.exit_code == code
        assert capsys.readouterr().err == "opensirt: stopped by x; look\n"


def test_names_and_values_are_parted_at_the_first_sign() -> None:
    assert key_values(["ct = LIVER", "a=b=c"], "--choose") == {"ct": "LIVER", "a": "b=c"}
    for text in ("ct", "=x", "ct="):
        with pytest.raises(InputError, match=f"--choose needs NAME=VALUE, got '{text}'"):
            key_values([text], "--choose")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left"), 2, "opensirt: OSError: [Errno 28] No space left\n"),
        (
            MemoryError("too much"), 2,
            "opensirt: too little memory for this job (too much); nothing unfinished is kept; "
            "close other programs, or raise the limit on memory\n",
        ),
        (InputError("two\n  lines"), 2, "opensirt: two lines\n"),
        (KeyboardInterrupt(), 130, "opensirt: stopped; nothing unfinished is kept\n"),
        (typer.Abort(), 130, "opensirt: stopped; nothing unfinished is kept\n"),
        (
            ZeroDivisionError("by zero"), 2,
            "opensirt: an error that opensirt did not foresee, ZeroDivisionError; nothing "
            "unfinished is kept; set OPENSIRT_TRACEBACK=1 and report what it prints, without the "
            "patient's data\n",
        ),
    ],
)  # fmt: skip
def test_a_command_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def instead(*args: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(workflow, "read_case", instead)
    outcome = call("read", "s")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (code, "", said)


def test_doctor_fails_where_kernels_do_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = {"mode": "none", "available": False, "reason": "no driver"}
    monkeypatch.setattr(backend, "gpu_status", lambda: gpu)
    monkeypatch.setattr(backend, "thread_count", lambda: 7)
    for found, code, said in (
        ({"works": True}, 0, "yes"), ({"works": False, "error": "no LLVM"}, 2, "no: no LLVM"),
    ):  # fmt: skip
        monkeypatch.setattr(backend, "compiled_kernels", lambda found=found: found)
        outcome = call("doctor")
        rows = {row[0]: row[1] for row in rows_of(outcome.stdout) if len(row) == 2}
        assert (outcome.code, rows["compiled kernels"]) == (code, said)
        assert rows["GPU"] == "none (no driver)"
        assert rows["system"].endswith(", 7 threads")


def test_a_given_activity_is_above_nothing() -> None:
    words = ("run", "s", "--product", "glass-y90", "--model", "mird", "--injected")
    for value in (0, -1):
        line = refusal(*words, "2025-01-10T12:00:00Z", "--given-gbq", value)
        assert line.startswith("--given-gbq must be above 0, got")


def test_an_error_is_shown_whole_where_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSIRT_TRACEBACK", "1")
    with pytest.raises(InputError, match="nowhere does not exist"):
        call("read", "nowhere")


def ended(stops: tuple[Finding, ...], accepted: Any = None) -> Any:
    report = SimpleNamespace(stops=stops, accepted=accepted)
    return SimpleNamespace(report=report, plan=SimpleNamespace(is_given=False))


def test_a_demo_and_a_run_that_are_stopped_end_with_three(monkeypatch: pytest.MonkeyPatch) -> None:
    stops = (Finding("stop", "a", "A."), Finding("stop", "b", "B."), Finding("stop", "a", "C."))
    monkeypatch.setattr(study, "_show_run", lambda outcome: None)
    for found, code in ((stops, 3), ((), 0)):
        outcome = ended(found)
        outcome.report.results = {}
        made = SimpleNamespace(
            run=outcome, study=Path("s"), seconds=1.0, peak_memory_mb=2.0, comparisons=[],
            as_dict=dict,
        )  # fmt: skip
        monkeypatch.setattr(workflow, "run_demo", lambda *args, made=made, **more: made)
        monkeypatch.setattr(study, "_run", lambda *args, outcome=outcome: outcome)
        run = ("run", "s", "--product", "glass-y90", "--model", "mird")
        for words in (("demo",), run, (*run, "--json")):
            assert call(*words).code == code, words


def test_one_line_names_each_stop_once_and_who_accepted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stops = (Finding("stop", "a", "A."), Finding("stop", "b", "B."), Finding("stop", "a", "C."))
    with pytest.raises(typer.Exit):
        study._end(ended(stops))
    assert capsys.readouterr().err == (
        "opensirt: the plan is stopped by a, b; no RT Plan was written; "
        '--allow-stop "YOUR NAME: REASON" writes it\n'
    )
    with pytest.raises(typer.Exit):
        study._end(ended(stops, SimpleNamespace(name="Dr A.")))
    assert "stopped by a, b; accepted by Dr A.; the RT Plan says so" in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        study._end(ended(stops, SimpleNamespace(name="Dr {A}")))
    assert "stopped by a, b; accepted by Dr {A};" in capsys.readouterr().err
    given = ended(stops)
    given.plan.is_given = True
    with pytest.raises(typer.Exit):
        study._end(given)
    assert capsys.readouterr().err == (
        "opensirt: what was given has findings that stop: a, b; a verification has no RT Plan\n"
    )
    study._end(ended(()))
    assert capsys.readouterr().err == ""


def test_names_stand_on_the_left_and_figures_on_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table("Doses", ["region", "mean (Gy)"], [["a", "7"]])
    said = capsys.readouterr().out
    assert said.splitlines()[0].rstrip() == "Doses"
    assert "│ a      │         7 │" in said


@pytest.mark.parametrize("closed", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_a_stream_that_the_shell_closed_is_nobodys_ear(
    monkeypatch: pytest.MonkeyPatch, closed: tuple[str, ...]
) -> None:
    for stream in closed:
        monkeypatch.setattr(sys, stream, None)
    monkeypatch.setattr(sys, "argv", ["opensirt", "doctor"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
