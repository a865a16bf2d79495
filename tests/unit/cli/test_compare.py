"""`dose --compare`: several engines on one map, what is written, printed and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from opensirt.dose.engine import dose_engines
from opensirt.image import Grid, Region
from opensirt.io.nifti import read_nifti, write_labels_nifti
from opensirt.workflow.comparing import engine_names
from tests.case_files import write_map
from tests.command_line import call, call_json, files_in, refusal

SHAPE = (14, 12, 12)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Active liver (1.05 g/mL) under lung (0.3) that holds a hundredth of its activity per mL."""
    folder = tmp_path_factory.mktemp("maps")
    activity, rho = np.full(SHAPE, 2e6, np.float32), np.full(SHAPE, 1.05, np.float32)
    activity[7:], rho[7:] = 2e4, 0.3
    write_map(folder / "activity.nii.gz", activity)
    write_map(folder / "density.nii.gz", rho)
    return folder


def words(maps, out, engine="local,voxel-convolution"):
    source = [
        "--activity-unit",
        "Bq/mL",
        "--activity",
        maps / "activity.nii.gz",
        "--density",
        maps / "density.nii.gz",
    ]
    return ["dose", *source, "--nuclide", "y90", "--engine", engine, "--compare", "--out", out]


def test_two_engines_write_their_maps_and_the_comparison(maps, tmp_path):
    result = call_json(*words(maps, tmp_path / "d.nii.gz"))
    names = ["d-comparison.html", "d-comparison.json", "d-comparison.png", "d-local.nii.gz"]
    assert files_in(tmp_path) == [str(tmp_path / n) for n in [*names, "d-voxel-convolution.nii.gz"]]
    local, _ = read_nifti(tmp_path / "d-local.nii.gz")
    spread, _ = read_nifti(tmp_path / "d-voxel-convolution.nii.gz")
    rows = {row["name"]: row for row in result["comparison"]["regions"]}
    lung = rows["lung by density (0.1 to 0.6 g/mL)"]
    assert result["comparison"]["reference"] == "voxel-convolution"
    assert lung["mean_dose_gy"] == pytest.approx(local[7:].mean(), rel=1e-5)
    assert lung["reference_mean_dose_gy"] == pytest.approx(spread[7:].mean(), rel=1e-5)
    high = rows["above half the maximum dose"]
    above = spread >= spread.max() / 2
    assert high["mean_dose_gy"] == pytest.approx(local[above].mean(), rel=1e-5)
    assert len(result["comparison"]["criteria"]) == 2  # voxels of 4 mm
    stored = json.loads((tmp_path / "d-comparison.json").read_text())
    assert stored["comparison"] == result["comparison"]
    assert set(stored["provenance"]["inputs"]) == {"activity", "density"}
    page = (tmp_path / "d-comparison.html").read_text()
    assert "local against voxel-convolution" in page
    assert f"{100 * lung['mean_difference_fraction']:+.1f} %" in page


def test_given_regions_replace_those_by_density(maps, tmp_path):
    on = read_nifti(maps / "activity.nii.gz")[1]
    low, high = np.zeros(SHAPE), np.zeros(SHAPE)
    low[:7], high[7:] = 1, 1
    regions = [
        Region.from_mask("liver", "liver", low, on),
        Region.from_mask("lungs", "lungs", high, on),
    ]
    write_labels_nifti(tmp_path / "r.nii.gz", regions)
    outcome = call(*words(maps, tmp_path / "d.nii.gz"), "--regions", tmp_path / "r.nii.gz")
    assert outcome.code == 0
    assert "liver" in outcome.stdout
    assert "by density" not in outcome.stdout
    assert "warn  local gives lungs " in outcome.stdout
    away = Grid.regular(SHAPE, (4.0, 4.0, 4.0), (5000.0, 0.0, 0.0))
    far = Region.from_mask("liver", "liver", low, away)
    write_labels_nifti(tmp_path / "far.nii.gz", [far])
    line = refusal(*words(maps, tmp_path / "e.nii.gz"), "--regions", tmp_path / "far.nii.gz")
    assert line == "no region of far.nii.gz lies on the activity map; check their places"


def test_every_engine_is_run_and_monte_carlo_is_the_reference(maps, tmp_path):
    result = call_json(*words(maps, tmp_path / "d.nii.gz", "all"), "--histories", 40_000)
    assert set(result["engines"]) == set(dose_engines.names())
    assert result["comparison"]["reference"] == "monte-carlo"
    assert result["engines"]["monte-carlo"]["histories"] == pytest.approx(40_000, rel=0.02)
    assert (tmp_path / "d-monte-carlo-relative-error.nii.gz").exists()
    rows = [row for row in result["comparison"]["regions"] if row["engine"] == "local"]
    assert all(0 < row["reference_error_fraction"] < 0.1 for row in rows)


def test_the_reference_comes_last_where_it_takes_longest():
    assert engine_names("monte-carlo,local") == ("local", "monte-carlo")
    assert engine_names("all")[-1] == "monte-carlo"
    assert engine_names(" local, voxel-convolution,local") == ("local", "voxel-convolution")


def test_what_a_comparison_refuses(maps, tmp_path):
    out = tmp_path / "d.nii.gz"
    known = ", ".join(dose_engines.names())
    assert refusal(*words(maps, out, "local,exact")) == (
        f"dose engine 'exact' is unknown; choose among {known}, or all"
    )
    assert refusal(*words(maps, out, "local")) == (
        "a comparison needs at least two engines, found 'local'; give --engine all or names with "
        "commas"
    )
    assert refusal(*words(maps, out), "--histories", 5000) == (
        "--histories needs the engine monte-carlo, found local, voxel-convolution; add it to "
        "--engine with a comma"
    )
    alone = [word for word in words(maps, out) if word != "--compare"]
    assert refusal(*alone) == (
        "--engine local,voxel-convolution means several engines; add --compare"
    )
    single = [word for word in words(maps, out, "local") if word != "--compare"]
    assert refusal(*single, "--regions", out) == (
        "--regions belongs to a comparison; add --compare, or use opensirt dvh"
    )
    assert files_in(tmp_path) == []


def test_a_failing_page_leaves_nothing_behind(maps, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("opensirt.workflow.comparing.render_comparison", stop)
    outcome = call(*words(maps, tmp_path / "d.nii.gz"))
    assert outcome.code == 130
    assert files_in(tmp_path) == []
