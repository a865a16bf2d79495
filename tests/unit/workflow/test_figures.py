"""Figures of regions without a report, as tables, and Monte Carlo from Python."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import opensirt as sirt
from opensirt.errors import CaseError, InputError
from tests.cases import small_case


@pytest.fixture(scope="module")
def job():
    case = sirt.prepare_case(small_case())
    activity = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, activity, model="partition", product="resin-y90")
    return case, plan, sirt.compute_dose(case, plan.scale(activity), engine="local")


def test_figures_are_those_of_the_report(job) -> None:
    case, plan, dose = job
    report = sirt.build_report(case, plan, dose)
    activity = plan.scale(sirt.quantify_activity(case))
    assert sirt.region_doses(case, dose, plan=plan, activity=activity) == report.doses
    for curve, (name, stored) in zip(sirt.histograms(case, dose), report.histograms, strict=True):
        assert curve.name == name
        assert np.array_equal(curve.doses_gy, stored.doses_gy)


def test_without_a_plan_there_is_no_limit_and_no_bed(job) -> None:
    case, plan, dose = job
    bare, judged = sirt.region_doses(case, dose), sirt.region_doses(case, dose, plan=plan)
    assert [d.mean_dose_gy for d in bare] == [d.mean_dose_gy for d in judged]
    assert all(d.bed_gy is None and d.limit_gy is None for d in bare)
    assert [d.activity_fraction for d in bare] == pytest.approx(
        [d.activity_fraction for d in judged]
    )


def test_tables_have_a_row_for_each_region_and_units_in_their_columns(job) -> None:
    case, plan, dose = job
    table = sirt.region_doses(case, dose, plan=plan).to_frame()
    assert {"volume_ml", "mass_g", "mean_dose_gy", "d95_gy", "bed_gy"} <= set(table.columns)
    assert list(table.index) == [d.name for d in sirt.region_doses(case, dose)]
    curves = sirt.histograms(case, dose).to_frame(points=100)
    tumour = curves.loc["Tumour A"]
    assert tumour["volume_ml"].iloc[0] == pytest.approx(table.loc["Tumour A", "dose_volume_ml"])
    assert tumour["dose_gy"].is_monotonic_increasing
    assert tumour["volume_ml"].is_monotonic_decreasing


def test_without_pandas_the_extra_is_named(job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'opensirt\[tables\]'"):
        sirt.region_doses(job[0], job[2]).to_frame()


def test_monte_carlo_tells_its_error_and_how_far_it_is(job) -> None:
    case, plan, _ = job
    said: list[tuple[str, float]] = []
    activity = plan.scale(sirt.quantify_activity(case))
    dose = sirt.compute_dose(
        case, activity, engine="monte-carlo", histories=200_000, seed=3,
        progress=lambda what, done: said.append((what, done)),
    )  # fmt: skip
    assert dose.relative_error.shape == dose.values.shape
    hot = dose.values > 0.5 * dose.values.max()
    assert 0 < float(np.median(dose.relative_error[hot])) < 1
    assert "decays" in said[-1][0]
    assert 0 < said[-1][1] <= 1
    assert dose.with_values(dose.values).relative_error is None
    assert dose.crop((slice(1, 3),) * 3).relative_error.shape == (2, 2, 2)


@pytest.mark.parametrize("image", ["planning-activity", "treatment-activity"])
def test_the_image_to_use_is_an_argument(image: str) -> None:
    if image == "planning-activity":
        assert sirt.prepare_case(small_case(), image=image).activity_image.role == image
    else:
        with pytest.raises(CaseError, match="one image with role 'treatment-activity', found no"):
            sirt.prepare_case(small_case(), image=image)
