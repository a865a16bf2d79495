"""The pages say what is there: links resolve, commands and options exist, examples run."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from pydicom.sequence import Sequence as DicomSequence

import opensirt as sirt
from opensirt.case import Treatment
from opensirt.cli.app import app
from opensirt.dose.engine import dose_engines
from opensirt.findings import AcceptedStop
from opensirt.plan.model import planning_models
from opensirt.workflow import Prescription, RunOptions, prescription_from, write_phantom
from opensirt.workflow.setting import make_setting
from tests.case_files import write_small_case
from tests.command_line import call
from tests.paths import ROOT
from tests.unit.io import dicom_factory as make

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def options_of(command: str) -> set[str]:
    """Options of "run", "activity mird" ...; an unknown command fails here."""
    node = typer.main.get_command(app)
    for name in command.split():
        node = node.commands[name]
    texts = {text for p in node.params for text in (*p.opts, *p.secondary_opts)}
    return {text for text in texts if text.startswith("--")} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if ":" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_pages_are_found() -> None:
    assert len(PAGES) >= 16


def test_commands_and_options_of_the_command_line_page_exist() -> None:
    text = (ROOT / "docs/command-line.md").read_text()
    rows = re.findall(r"^\| `opensirt ([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) == 10
    for row in rows:
        name, _, rest = row.partition(" ")
        parts = [f"activity {model}" for model in ("mird", "partition", "bsa")]
        for command in parts if name == "activity" else [name]:
            assert set(OPTION.findall(rest)) <= options_of(command), row
    for name in set(re.findall(r"^## `opensirt (.+)`$", text, re.MULTILINE)):
        section = text.split(f"## `opensirt {name}`")[1].split("\n## ")[0]
        named = set(OPTION.findall("".join(re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE))))
        assert named
        assert named == options_of(name) - {"--json", "--help"} - negations(name)


def test_every_field_of_the_options_in_python_has_a_row_with_its_option() -> None:
    """And every option of `run` but for the place of results, which is no field."""
    text = (ROOT / "docs/command-line.md").read_text()
    section = text.split("## `RunOptions`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*) \| (`--.*?) \|$", section, re.MULTILINE)
    fields = [name for names, _, _ in rows for name in re.findall(r"`(\w+)`", names)]
    assert sorted(fields) == sorted(field.name for field in dataclasses.fields(RunOptions))
    options = {option for _, _, named in rows for option in OPTION.findall(named)}
    apart = {"--json", "--help", "--out", "--overwrite"} | negations("run")
    assert options == options_of("run") - apart
    sample = {"UTC": UTC, "datetime": datetime, "prescription_from": prescription_from}
    sample |= {"Prescription": Prescription, "Treatment": Treatment, "AcceptedStop": AcceptedStop}
    calls = re.findall(
        r"`((?:Prescription|prescription_from|Treatment|AcceptedStop)\(.*?\))`", section
    )
    made = [eval(call, dict(sample)) for call in calls]
    assert made == [
        Prescription("tumour-dose", 120.0),
        Prescription("activity", 2e9),
        Prescription("activity", 2e9),
        Treatment("resin-y90", 1e9, datetime(2026, 1, 12, 9, tzinfo=UTC)),
        AcceptedStop("Dr A. Example", "second opinion asked"),
    ]


def test_the_demo_is_verified_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the 1 GBq that the patient of the demo was given, at the time that its truth says."""
    write_phantom("liver-net", tmp_path / "opensirt-demo" / "study", voxel_mm=10.0)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^opensirt run opensirt-demo.*$", text, re.MULTILINE)
    assert call(*shlex.split(line, comments=True)[1:], "--engine", "local").code in (0, 3)
    results = json.loads((tmp_path / "verified" / "results.json").read_text())
    assert results["kind"] == "verification"
    assert results["activity_gbq"] == pytest.approx(1.0)


def test_the_tab_key_finds_the_verbs() -> None:
    assert set(sirt.__all__) <= set(dir(sirt))


def negations(command: str) -> set[str]:
    """The "--no-..." twins of flags, which pages need not name."""
    return {option for option in options_of(command) if option.startswith("--no-")}


@pytest.mark.parametrize("page", ["README.md", "docs/command-line.md"])
def test_commands_in_examples_exist(page: str) -> None:
    text = (ROOT / page).read_text().replace("\\\n", " ")
    for line in re.findall(r"^opensirt .*$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)[1:]
        command = " ".join(words[: 2 if words[0] == "activity" else 1])
        assert set(OPTION.findall(line)) <= options_of(command), line


def test_the_planar_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lungs 2 x 8 (geometric mean 4 a pixel), liver 9 x 16 (12 a pixel), background 1 and 1."""
    front = np.ones((6, 7))
    back = np.ones((6, 7))
    lungs, liver, background = (np.zeros((6, 7), bool) for _ in range(3))
    lungs[0:2, 0:3] = liver[3:5, 0:3] = background[5, 5:7] = True
    front[lungs], back[lungs], front[liver], back[liver] = 3, 9, 10, 17
    views = [
        make.item(ViewCodeSequence=DicomSequence(
            [make.item(CodeValue=code, CodingSchemeDesignator="SRT", CodeMeaning=meaning)]
        ))
        for code, meaning in (("R-10206", "Anterior"), ("R-10214", "Posterior"))
    ]  # fmt: skip
    counts = np.stack([front, back[:, ::-1]]).astype(np.uint16)
    dataset = make.spect(
        counts, kind="STATIC", DetectorVector=[1, 2],
        DetectorInformationSequence=DicomSequence(views),
    )  # fmt: skip
    make.save(dataset, tmp_path)[0].rename(tmp_path / "planar.dcm")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/methods/quantification.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    found = {"lungs": lungs, "liver": liver, "background": background}
    exec(code, found)
    assert found["shunt"] == pytest.approx(4 / (4 + 12), rel=1e-6)


def test_every_example_in_python_is_one_that_a_test_runs() -> None:
    """Each here."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = {path.name: path.read_text().count("```python") for path in pages}
    assert {name: count for name, count in found.items() if count} == {
        "README.md": 1, "quantification.md": 1, "extending.md": 1
    }  # fmt: skip


def test_the_seven_verbs_of_the_readme_run_on_a_digital_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study that has an image of planning and one of treatment, in DICOM."""
    write_phantom("liver-net", tmp_path / "made", voxel_mm=10.0)
    (tmp_path / "made" / "dicom").rename(tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    code = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["case"].activity_image.role == "planning-activity"
    assert (tmp_path / "out" / "report.pdf").is_file()
    table = found["figures"].to_frame()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (row,) = (r for r in results["regions"] if r["name"] == "perfused normal liver")
    assert table.loc["perfused normal liver", "d95_gy"] == row["d95_gy"]


def test_the_engine_and_the_model_of_the_example_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is `local` with another least density."""
    write_small_case(tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    for registry in (dose_engines, planning_models):
        registry.names()
        monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    page = (ROOT / "docs/extending.md").read_text()
    found: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], found)
    case, plan, dose = found["case"], found["plan"], found["dose"]
    whole = sirt.make_plan(case, found["activity"], model="partition", product="resin-y90")
    assert plan.activity_bq == pytest.approx(0.8 * whole.activity_bq)
    local = sirt.compute_dose(case, plan.scale(found["activity"]), engine="local")
    dense = make_setting(case).density.values >= 0.2
    assert dose.values[dense] == pytest.approx(local.values[dense], rel=1e-5)
    assert not dose.values[~dense].any()
    assert dose.engine == "local-in-tissue"


def test_every_field_of_results_json_is_described() -> None:
    schema = json.loads((ROOT / "docs/formats/results.schema.json").read_text())
    rows = re.findall(
        r"^\| (`.*?) \|", (ROOT / "docs/formats/results.md").read_text(), re.MULTILINE
    )
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert described == set(schema["properties"])
