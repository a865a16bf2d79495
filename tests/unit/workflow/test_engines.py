"""Other engines in a run: the density check by itself, and the section on request."""

from __future__ import annotations

import json
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest

import opensirt as sirt
from opensirt.dose.comparison import EngineDose
from opensirt.dose.density_regions import regions_of_varied_density
from opensirt.dose.engine import dose_engines
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.report import render_html, render_pdf
from opensirt.units import Unit
from opensirt.workflow import engines as module
from opensirt.workflow.dosing import Dosing
from opensirt.workflow.engines import check_engines, engine_section
from opensirt.workflow.figures import report_regions
from opensirt.workflow.setting import make_setting
from tests.cases import small_case
from tests.paths import ROOT

SCHEMA = json.loads((ROOT / "docs/formats/results.schema.json").read_text())
FIRST = ["local", "voxel-convolution", "voxel-superposition"]


@pytest.fixture(scope="module")
def planned():
    """The small case, its plan and its activity, with the dose of two engines."""
    case = sirt.prepare_case(small_case())
    relative = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, relative, model="partition", product="resin-y90")
    activity = plan.scale(relative)
    doses = {name: sirt.compute_dose(case, activity, engine=name) for name in FIRST}
    return case, plan, activity, doses


def report_of(planned, engine, every, monkeypatch):
    """The report of a run with this engine; Monte Carlo has a test of its own."""
    case, plan, activity, doses = planned
    monkeypatch.setattr(dose_engines, "names", lambda: FIRST)
    used = EngineDose(engine, doses[engine])
    check = check_engines(case, activity, used, nuclide("y90"), every=every)
    words = {"activity": activity, "engine": engine, "check": check}
    return sirt.build_report(case, plan, doses[engine], **words)


def test_a_dose_blind_to_density_is_held_against_one_that_is_not(planned, monkeypatch):
    """The lungs of this case are blurred into the liver's edge: local differs there by far."""
    report = report_of(planned, "local", False, monkeypatch)
    block = report.results["engine_comparison"]
    assert (block["reference"], block["engines"]) == ("voxel-superposition", ["local"])
    assert (block["criteria"], block["gamma"]) == ([], [])
    jsonschema.validate(json.loads(json.dumps(dict(report.results))), SCHEMA)
    rows = {row["name"]: row for row in block["regions"]}
    differs = [name for name, row in rows.items() if row["verdict"] == "differs"]
    found = [f for f in report.findings if f.code == "density-matters"]
    assert len(found) == (1 if differs else 0)
    assert (report.engine_table is not None) is bool(differs)
    for name, row in rows.items():
        if row["verdict"] == "negligible":
            continue
        expected = row["mean_dose_gy"] / row["reference_mean_dose_gy"] - 1
        assert row["mean_difference_fraction"] == pytest.approx(expected, rel=1e-9)
        tolerance = 0.10 if name == "lungs" else 0.05
        assert (row["verdict"] == "differs") is (abs(expected) > tolerance)


@pytest.mark.parametrize("has_lung", [False, True])
def test_the_cause_is_what_engines_that_differ_in_it_alone_say(has_lung, monkeypatch):
    """A tumour of 20 mm, lung within reach of it: its difference is the reach of electrons all the
    same, and density's is in the lung, which a hot layer touches."""
    grid = Grid.regular((32, 32, 40), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    rho, source = np.full(grid.shape, 1.05, np.float32), np.full(grid.shape, 1e5, np.float32)
    z, y, x = np.indices(grid.shape)
    tumour, lungs = (z - 16) ** 2 + (y - 16) ** 2 + (x - 14) ** 2 <= 25, (x >= 24) & (x < 28)
    source[tumour] = 2e6
    if has_lung:
        rho[x >= 24], source[x >= 24], source[(x >= 22) & (x < 24)] = 0.26, 0.0, 2e6
    drawn = [("tumour", "tumour", tumour)] + [("lungs", "lungs", lungs)] * has_lung
    regions = Regions(tuple(Region.from_mask(*parts, grid) for parts in drawn))
    density = Volume(rho, grid, Unit.G_PER_ML)
    activity = Volume(source, grid, Unit.BQ_PER_ML, nuclide="y90", time="injection")
    monkeypatch.setattr(module, "make_setting", lambda case: SimpleNamespace(density=density))
    used = EngineDose("local", module.calculate("local", activity, density, nuclide("y90")).dose)
    check = check_engines(small_case(), activity, used, nuclide("y90"))
    assert ("tumour" in regions_of_varied_density(density, regions, check.reach_mm)) is has_lung
    section = engine_section(check, density, regions)
    assert (section.block["reference"], section.block["engines"]) == (
        "voxel-superposition", ["local"]
    )  # fmt: skip
    found = {f.code: f.text for f in section.findings}
    assert set(found) == {"electron-reach"} | ({"density-matters"} if has_lung else set())
    assert "local gives tumour " in found["electron-reach"]
    assert "local gives lungs " in found.get("density-matters", "local gives lungs ")
    assert "tumour" not in found.get("density-matters", "")


def test_on_request_the_report_has_table_and_picture(planned, monkeypatch):
    report = report_of(planned, "voxel-convolution", True, monkeypatch)
    block = report.results["engine_comparison"]
    assert block["reference"] == "voxel-superposition"
    assert block["engines"] == ["voxel-convolution", "local"]
    assert block["criteria"] == ["1 %, 1 mm above 10 %", "3 %, 3 mm above 10 %"]
    jsonschema.validate(json.loads(json.dumps(dict(report.results))), SCHEMA)
    assert report.pictures[-1].name == "engines"
    page = render_html(report)
    assert "Engines compared" in page
    for row in report.engine_table.rows:
        assert all(cell in page for cell in row)
    assert render_pdf(report)[:5] == b"%PDF-"
    codes = {f.code for f in report.findings}
    assert codes & {"engine-disagreement", "engines-agree"}


def test_an_engine_that_follows_density_needs_no_check(planned):
    case, _, activity, doses = planned
    used = EngineDose("voxel-superposition", doses["voxel-superposition"])
    assert check_engines(case, activity, used, nuclide("y90")) is None


def test_monte_carlo_is_the_reference_with_its_error(planned, monkeypatch):
    """A reference twice the dose in use: every region is 50 % low, and a warning says so."""
    case, _, activity, doses = planned
    local = doses["local"]

    def twice(name, *_):
        error = local.with_values(0.01 + 0 * local.values, Unit.FRACTION)
        return Dosing(local.with_values(2 * local.values), error, {"engine": name})

    monkeypatch.setattr(module, "calculate", twice)
    monkeypatch.setattr(dose_engines, "names", lambda: ["local", "monte-carlo"])
    used = EngineDose("local", local)
    check = check_engines(case, activity, used, nuclide("y90"), every=True)
    setting = make_setting(case)
    regions = report_regions(setting.compartments, setting.lungs)
    section = engine_section(check, setting.density, regions)
    assert section.block["reference"] == "monte-carlo"
    rows = [row for row in section.block["regions"] if row["verdict"] != "negligible"]
    assert len(rows) >= 5
    for row in rows:
        assert row["mean_difference_fraction"] == pytest.approx(-0.5, rel=1e-5)
        assert 0 < row["reference_error_fraction"] <= 0.01
    assert section.findings[0].severity == "warn"
    assert "50 % less" in section.findings[0].text
