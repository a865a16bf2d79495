"""Words of findings and errors that a number close to its limit, or a missing part, decides."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, PlanError
from opensirt.findings import digits_apart, percent_beside
from opensirt.plan.model import planning_models
from opensirt.plan.plan import LungInput, Plan, Prescription
from tests.unit.plan.samples import codes, inputs, text_of


def solved(**changes: object) -> Plan:
    prescription = Prescription("activity", 1e9)
    return planning_models.create("partition").plan(inputs(**changes), prescription)


@pytest.mark.parametrize(
    ("value", "bound", "digits"),
    [
        (15.2, 15.0, 1),
        (15.04, 15.0, 2),
        (15.0001, 15.0, 4),
        (15.0, 15.0, 1),
        (15.0 + 1e-12, 15.0, 1),
    ],
)
def test_digits_tell_a_value_from_its_bound(value: float, bound: float, digits: int) -> None:
    assert digits_apart(value, bound) == digits


def test_a_percentage_beside_its_bound() -> None:
    assert percent_beside(0.1004, 0.10) == "10.04 %"
    assert percent_beside(0.10, 0.10) == "10.0 %"
    assert percent_beside(0.12, 0.10) == "12.0 %"


@pytest.mark.parametrize(
    ("shunt", "code", "words"),
    [
        (0.1499, "lung-shunt-limit-met", "14.99 % lung shunt; lung shunt fraction below 15 %"),
        (0.15, "lung-shunt-limit", "15.0 % lung shunt; lung shunt fraction below 15 %"),
        (0.1501, "lung-shunt-limit", "15.01 % lung shunt; lung shunt fraction below 15 %"),
    ],
)
def test_from_15_percent_on_resin_is_advised_against(shunt, code, words) -> None:
    plan = solved(lung=LungInput(shunt, 1000.0, "given", "given"))
    said = [f.text for f in plan.findings if f.code == code and "below 15 %" in f.text]
    assert said
    assert said[0].startswith(words)
    other = "lung-shunt-limit" if code.endswith("met") else "lung-shunt-limit-met"
    assert not [f for f in plan.findings if f.code == other and "below 15 %" in f.text]


def test_a_dose_just_above_its_limit_shows_that_it_is() -> None:
    plan = solved()
    assert plan.normal is not None
    more = Prescription("normal-dose", 40.004)
    text = text_of(
        planning_models.create("partition").plan(inputs(), more), "perfused-normal-dose-limit"
    )
    assert text.startswith("40.004 Gy planned")


def test_a_measured_shunt_is_no_slip_of_typing() -> None:
    typed = solved(product="glass-y90", lung=LungInput(0.43, 1000.0, "given", "given"))
    assert text_of(typed, "lung-shunt-high").endswith("check it; 0.43 % would be 0.0043.")
    measured = solved(product="glass-y90", lung=LungInput(0.43, 1000.0, "measured: counts", ""))
    assert "would be" not in text_of(measured, "lung-shunt-high")
    assert "check it, the outlines of liver and lungs" in text_of(measured, "lung-shunt-high")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"tumours": (), "absent": {"tumour": "'T1' has no viable part"}},
            InputError,
            r"needs a tumour with mass and ratio: 'T1' has no viable part; use 'mird' for none",
        ),
        (
            {"normal_mass_g": None, "absent": {"normal": "lesions fill all of it"}},
            PlanError,
            r"needs perfused normal liver to compare with, and lesions fill all of it; use 'mird'",
        ),
        ({"tumours": ()}, InputError, r"needs a tumour with mass and ratio; use 'mird' for none"),
    ],
)
def test_what_the_images_do_not_show_is_named(changes, error, words) -> None:
    with pytest.raises(error, match=words):
        solved(**changes)


@pytest.mark.parametrize("hours", [None, 0.0, 24.0, -10.0])
def test_holmium_spheres_are_those_at_treatment_whenever_they_were_calibrated(hours) -> None:
    plan = solved(product="ho166-plla", hours_since_calibration=hours)
    assert plan.spheres is not None
    assert plan.spheres.count == pytest.approx(1e9 / 300.0)
    assert "sphere-number-at-calibration" not in codes(plan)
    typed = solved(product="ho166-plla", hours_since_calibration=26.8, activity_per_sphere=300.0)
    assert typed.spheres is not None
    assert typed.spheres.count == pytest.approx(2e9 / 300.0, rel=2e-3)  # one half-life
