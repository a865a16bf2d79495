"""Advice on the command line, tested by following it; a text that names an option needs a row."""

from __future__ import annotations

import ast
import pathlib

import pytest

from opensirt.dose import mc_device
from opensirt.dose.engines.local import LocalDeposition
from opensirt.units import Unit
from opensirt.workflow import dosing, engines, results, run
from tests.command_line import call, refusal
from tests.short_runs import shorten
from tests.unit.cli.advice import Row, drop, elsewhere, follow, printed
from tests.unit.cli.advice_desk import Desk
from tests.unit.cli.advice_plan_rows import PLAN_ROWS
from tests.unit.cli.advice_study_rows import STUDY_ROWS
from tests.unit.cli.advising import advising_texts, helpers_in, texts_in

ROWS = (*PLAN_ROWS, *STUDY_ROWS)
CHECK = run.check_engines
GATE = "Nothing of it is used; choose another --engine, and report this as a fault of opensirt"
DENSITY = " The latter follows the density along the way; plan with --engine "
MOVED, WRITTEN = "expected to move the results to \0", "expected to write \0"
NEEDS_A_GPU = "GiB free; crop the grid or run with --device cpu"
"""Of a device that no test here has; the cure is that of "no GPU"."""
ROLE = "--role \0=\0"
"""A suggestion as `read` prints it; `test_roles` types it."""
TOP = "choose a folder in it with --out"
A_NAME = "--role NAME=\0"
"""Typed by "a role that no name says"; a script that asks a case for a region is told it too."""
UNIT, NOT_UNIT = "State it with --activity-unit \0", "leave --activity-unit out"
"""Typed by `test_maps`."""
SCRAP = "give the shunt of whole lungs with --lung-shunt"
"""Typed by `test_setting`, of lungs that the CT cuts."""
TESTED_BELOW = (
    SCRAP,
    UNIT,
    NOT_UNIT,
    GATE,
    DENSITY,
    MOVED,
    WRITTEN,
    NEEDS_A_GPU,
    ROLE,
    A_NAME,
    TOP,
)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("advice"))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)
    nobody = {"mode": "none", "available": False, "reason": "no CUDA driver or device found"}
    monkeypatch.setattr(mc_device, "gpu_status", lambda: nobody)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_message_tells_to_type_works(desk: Desk, row: Row) -> None:
    follow(row, desk)


def test_every_text_that_names_an_option_has_a_row() -> None:
    texts = list(advising_texts())
    assert len(texts) > 70
    known = [*(row.says for row in ROWS), *TESTED_BELOW]
    assert [(at, text) for at, text in texts if not any(says in text for says in known)] == []


SOURCE = """
HELP = typer.Option(1, help="see --other")
ALONE = "--alone"
TEXT = f"give {gone} or --time-zone"
def place(): return f"try {named('out')}"
def say(role, what):
    raise Error(f"no {role}: {option('role', ('NAME', role))}, or {together('injected', 'image')}")
    raise Error("lost; " + option("vials", what))
    raise Error(f"full; {place()}, {option(role)}")
"""


def test_texts_are_found_in_every_form_that_the_sources_use() -> None:
    tree = ast.parse(SOURCE)
    assert [text for _, text in texts_in(tree, helpers_in(tree))] == [
        "give \0 or --time-zone",
        "try --out",
        "no \0: --role NAME=\0, or --injected and --image",
        "--vials \0",
        "full; try --out, --\0",
    ]


def test_where_density_matters_the_engine_named_follows_it(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(run, "check_engines", CHECK)
    monkeypatch.setattr(engines, "_where_density_matters", lambda *args: frozenset({"lungs"}))
    row = Row("", DENSITY, lambda d: d.run(d.case), printed("--engine"), is_told=True)
    follow(row, desk)


def test_another_engine_is_taken_where_the_gate_refuses_a_map(desk: Desk, monkeypatch) -> None:
    whole = LocalDeposition.dose
    monkeypatch.setattr(
        LocalDeposition,
        "dose",
        lambda *args: (dose := whole(*args)).with_values(dose.values * 3.0, Unit.GY),
    )
    words = desk.dose()
    assert GATE in refusal(*words)
    assert call(*words, "--engine", "voxel-convolution").code == 0


def test_another_place_is_taken_where_files_came_meanwhile(desk: Desk, monkeypatch) -> None:
    words = desk.run(desk.case)
    place = pathlib.Path(words[words.index("--out") + 1])

    def somebody_writes(report: object) -> bytes:
        place.mkdir()
        (place / "notes.txt").write_text("mine")
        return b"%PDF-"

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(results, "render_pdf", somebody_writes)
        message = refusal(*words)
    assert MOVED.rstrip("\0") in message
    assert call(*elsewhere(message, words, desk)).code == 0


def test_a_folder_in_it_is_taken_where_a_whole_disk_is_named(desk: Desk) -> None:
    words = desk.run(desk.case)
    message = refusal(*words, "--out", "/proc")
    assert TOP in message or "choose another --out" in message
    assert call(*elsewhere(message, words, desk)).code == 0


def test_another_place_is_taken_where_a_disk_is_full(desk: Desk, monkeypatch) -> None:
    def full(path: pathlib.Path, volume: object) -> None:
        raise OSError(28, "No space left on device")

    words = desk.dose()
    with monkeypatch.context() as broken:
        broken.setattr(dosing, "write_volume_nifti", full)
        message = refusal(*words)
    assert message.startswith(WRITTEN.rstrip("\0"))
    assert call(*elsewhere(message, words, desk)).code == 0


def test_leaving_an_option_out_is_no_other_option() -> None:
    assert drop("--vials")("", ["run", "--vials", "2", "--vial"], None) == ["run", "--vial"]
