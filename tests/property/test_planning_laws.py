"""Laws of the planning models for any masses, ratios and shunts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from opensirt.plan.model import planning_models
from opensirt.plan.plan import BsaInput, LungInput, Plan, PlanningInput, Prescription, TumourInput
from opensirt.plan.surface import body_surface_m2, bsa_activity

masses_g = st.floats(1.0, 3000.0)
ratios = st.floats(0.2, 40.0)
shunts = st.floats(0.0, 0.9)
residuals = st.floats(0.0, 0.5)
doses_gy = st.floats(1.0, 600.0)
untimed = settings(deadline=None)
"""These are laws of numbers; the first plan of a process also reads tables."""


@st.composite
def inputs(draw: st.DrawFn, ratio: st.SearchStrategy[float] = ratios) -> PlanningInput:
    count = draw(st.integers(1, 5))
    tumours = tuple(TumourInput(f"T{i}", draw(masses_g), draw(ratio)) for i in range(count))
    normal_g = draw(masses_g)
    return PlanningInput(
        product=draw(st.sampled_from(["resin-y90", "glass-y90", "ho166-plla"])),
        dose_constant_gy_kg_per_gbq=draw(st.floats(10.0, 60.0)),
        lung=LungInput(draw(shunts), draw(st.floats(200.0, 2000.0))),
        tumours=tumours,
        normal_mass_g=normal_g,
        whole_normal_mass_g=normal_g + draw(masses_g),
        residual_fraction=draw(residuals),
        indication="mcrc",
        intent="unilobar",
    )


def solve(model: str, given_inputs: PlanningInput, kind: str, value: float) -> Plan:
    return planning_models.create(model).plan(given_inputs, Prescription(kind, value))  # type: ignore[arg-type]


@untimed
@given(inputs(ratio=st.just(1.0)), doses_gy)
def test_partition_with_equal_uptake_is_mird(case: PlanningInput, dose_gy: float) -> None:
    by_partition = solve("partition", case, "tumour-dose", dose_gy)
    by_mird = solve("mird", replace(case, tumours=(), perfused_mass_g=_perfused_g(case)),
                    "perfused-dose", dose_gy)  # fmt: skip
    assert by_partition.activity_bq == pytest.approx(by_mird.activity_bq, rel=1e-9)
    assert by_partition.normal is not None
    assert by_partition.normal.mean_dose_gy == pytest.approx(dose_gy, rel=1e-9)
    assert by_partition.lung.dose_gy == pytest.approx(by_mird.lung.dose_gy, rel=1e-9)


@untimed
@given(inputs(), doses_gy, st.sampled_from(["tumour-dose", "normal-dose", "perfused-dose"]))
def test_activity_to_dose_to_activity(case: PlanningInput, dose_gy: float, kind: str) -> None:
    plan = solve("partition", case, kind, dose_gy)
    assume(1e5 <= plan.activity_bq <= 1e13)
    again = solve("partition", case, "activity", plan.activity_bq)
    assert again.delivered_activity_bq == pytest.approx(plan.delivered_activity_bq, rel=1e-9)
    for one, other in zip(plan.tumours, again.tumours, strict=True):
        assert other.mean_dose_gy == pytest.approx(one.mean_dose_gy, rel=1e-9)
    tumours_g = sum(t.mass_g for t in again.tumours)
    reached = {
        "tumour-dose": sum(t.mass_g * t.mean_dose_gy for t in again.tumours) / tumours_g,
        "normal-dose": again.normal.mean_dose_gy if again.normal else 0.0,
        "perfused-dose": again.perfused.mean_dose_gy if again.perfused else 0.0,
    }[kind]
    assert reached == pytest.approx(dose_gy, rel=1e-9)


@untimed
@given(inputs())
def test_energy_closes(case: PlanningInput) -> None:
    """Shares of the compartments and of the lungs sum to one; so does the energy, in joules."""
    plan = solve("partition", case, "activity", 1e9)
    assert plan.normal is not None
    parts = (*plan.tumours, plan.normal)
    shares = sum(part.activity_fraction for part in parts) + plan.lung.shunt_fraction
    assert shares == pytest.approx(1.0, rel=1e-12)
    joule = sum(part.mean_dose_gy * part.mass_g for part in parts) / 1000
    joule += plan.lung.dose_gy * plan.lung.mass_g / 1000
    delivered_gbq = plan.delivered_activity_bq / 1e9
    assert joule == pytest.approx(case.dose_constant_gy_kg_per_gbq * delivered_gbq, rel=1e-9)


@untimed
@given(inputs(), st.floats(0.0, 0.8), st.floats(1e-3, 0.1))
def test_more_shunt_needs_more_activity_and_gives_more_lung_dose(
    case: PlanningInput, shunt: float, step: float
) -> None:
    low, high = (
        solve("partition", replace(case, lung=replace(case.lung, shunt_fraction=s)),
              "tumour-dose", 100.0)
        for s in (shunt, shunt + step)
    )  # fmt: skip
    assert high.activity_bq > low.activity_bq
    assert high.lung.dose_gy > low.lung.dose_gy
    assert high.normal is not None
    assert low.normal is not None
    assert high.normal.mean_dose_gy == pytest.approx(low.normal.mean_dose_gy, rel=1e-9)


@untimed
@given(inputs(), doses_gy)
def test_residual_changes_only_what_is_drawn_up(case: PlanningInput, dose_gy: float) -> None:
    plan = solve("partition", case, "normal-dose", dose_gy)
    bare = solve("partition", replace(case, residual_fraction=0.0), "normal-dose", dose_gy)
    assert plan.delivered_activity_bq == pytest.approx(bare.activity_bq, rel=1e-9)
    factor = 1.0 - case.residual_fraction
    assert plan.activity_bq * factor == pytest.approx(plan.delivered_activity_bq, rel=1e-9)


@untimed
@given(inputs(), st.floats(0.1, 10.0))
def test_doses_are_proportional_to_activity(case: PlanningInput, factor: float) -> None:
    one = solve("partition", case, "activity", 1e9)
    more = solve("partition", case, "activity", factor * 1e9)
    assert more.lung.dose_gy == pytest.approx(factor * one.lung.dose_gy, rel=1e-9)
    for a, b in zip(one.tumours, more.tumours, strict=True):
        assert b.mean_dose_gy == pytest.approx(factor * a.mean_dose_gy, rel=1e-9)


@untimed
@given(inputs())
def test_splitting_a_tumour_changes_nothing(case: PlanningInput) -> None:
    first = case.tumours[0]
    halves = tuple(replace(first, name=f"half {i}", mass_g=first.mass_g / 2) for i in (1, 2))
    whole = solve("partition", case, "activity", 1e9)
    split = solve("partition", replace(case, tumours=(*halves, *case.tumours[1:])),
                  "activity", 1e9)  # fmt: skip
    assert split.tumours[0].mean_dose_gy == pytest.approx(whole.tumours[0].mean_dose_gy, rel=1e-9)
    assert split.tumour_to_normal == pytest.approx(whole.tumour_to_normal, rel=1e-9)


@untimed
@given(st.floats(100, 220), st.floats(20, 200), st.floats(0, 2000), st.floats(100, 3000))
def test_bsa_laws(height_cm: float, weight_kg: float, tumour_ml: float, normal_ml: float) -> None:
    """Surface grows with body size; activity lies between S - 0.2 and S + 0.8 GBq."""
    for formula in ("dubois", "mosteller"):
        surface = body_surface_m2(height_cm, weight_kg, formula)
        assert body_surface_m2(height_cm * 1.01, weight_kg, formula) > surface
        assert body_surface_m2(height_cm, weight_kg * 1.01, formula) > surface
        body = BsaInput(height_cm, weight_kg, tumour_ml, normal_ml, formula)
        activity_gbq = bsa_activity(body).activity_gbq
        assert surface - 0.2 <= activity_gbq <= surface + 0.8
        half = bsa_activity(replace(body, treated_fraction=0.5)).activity_gbq
        assert half == pytest.approx(activity_gbq / 2, rel=1e-12)


def _perfused_g(case: PlanningInput) -> float:
    return (case.normal_mass_g or 0.0) + sum(t.mass_g for t in case.tumours)
