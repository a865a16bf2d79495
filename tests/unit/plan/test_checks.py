"""Impossible planning input is refused with one clear line."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, PlanError
from opensirt.plan.checks import check_inputs
from opensirt.plan.plan import BsaInput, LungInput, Prescription, TumourInput
from tests.unit.plan.samples import inputs

NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dose_constant_gy_kg_per_gbq": 0}, r"the dose constant \(Gy kg/GBq\) must be above 0"),
        (
            {"lung": LungInput(1.0, 1000)},
            "lung shunt fraction must be from 0 to below 1 .* got 1.0",
        ),
        ({"lung": LungInput(5.0, 1000)}, r"\(5 % is 0.05\), got 5.0"),
        ({"lung": LungInput(NAN, 1000)}, "the lung shunt fraction .* got nan"),
        ({"lung": LungInput(0.1, 0)}, r"the lung mass \(g\) must be above 0, got 0"),
        ({"lung": LungInput(-0.01, 1000)}, "the lung shunt fraction .* got -0.01"),
        ({"lung": LungInput(0.1, float("inf"))}, r"the lung mass \(g\) must be above 0, got inf"),
        ({"lung": LungInput(0.1, 9.9)}, "the lung mass must be from 10 to 10000 g, got 9.9"),
        (
            {"dose_constant_gy_kg_per_gbq": 498.0},
            "the dose constant over .* must be from 0.1 to 10",
        ),
        ({"residual_fraction": 1.0}, "the residual fraction must be from 0 to below 1"),
        ({"residual_fraction": -0.01}, "the residual fraction .* got -0.01"),
        ({"bsa": BsaInput(1.75, 70, 100, 900)}, "the height must be from 30 to 260 cm, got 1.75"),
        ({"bsa": BsaInput(175, 0.7, 100, 900)}, "the weight must be from 1 to 500 kg, got 0.7"),
        (
            {"hours_since_calibration": NAN},
            "the time since calibration must be from -168 to 672 h, got nan",
        ),
        ({"hours_since_calibration": 1e4}, "the time since calibration .* got 10000"),
        ({"activity_per_sphere": NAN}, r"the activity per sphere \(Bq\) must be above 0, got nan"),
        ({"activity_per_sphere": 0.0}, r"the activity per sphere \(Bq\) must be above 0, got 0"),
        ({"vials": 0}, "the number of vials must be 1 or more, got 0"),
        ({"whole_liver_mass_g": NAN}, r"the whole liver mass \(g\) must be above 0, got nan"),
        (
            {"whole_liver_mass_g": 1400.0},
            r"the perfused volume \(1450 g\) cannot weigh more than the whole liver \(1400 g\)",
        ),
        (
            {"whole_liver_mass_g": 1590.0},
            r"the whole normal liver \(1600 g\) cannot weigh more than the whole liver \(1590 g\)",
        ),
        ({"perfused_mass_g": -1}, r"the perfused mass \(g\) must be above 0, got -1"),
        ({"normal_mass_g": NAN}, r"the perfused normal liver mass \(g\) must be above 0, got nan"),
        ({"whole_normal_mass_g": float("inf")}, "whole normal liver mass .* got inf"),
        ({"tumours": (TumourInput("T1", 0, 4),)}, r"the mass \(g\) of 'T1' must be above 0, got 0"),
        ({"tumours": (TumourInput("T1", 9, 0),)}, "ratio of 'T1' must be above 0, got 0"),
        ({"tumours": (TumourInput("T", 9, 2),) * 2}, "tumour names must differ, got T, T"),
        ({"previous_lung_dose_gy": -1}, "the previous lung dose must be 0 Gy or more, got -1"),
        ({"previous_lung_dose_gy": float("inf")}, "the previous lung dose .* got inf"),
        ({"whole_normal_mass_g": 1100}, r"\(1200 g\) cannot weigh more than whole normal liver"),
        ({"perfused_mass_g": 1400}, r"\(1450 g\) cannot weigh more than the perfused volume"),
    ],
)
def test_impossible_input(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_inputs(inputs(**changes))


def test_rounding_of_masses_is_no_contradiction() -> None:
    check_inputs(inputs(perfused_mass_g=1449.5, whole_normal_mass_g=1199.5))
    check_inputs(inputs(whole_liver_mass_g=1599.5))
    check_inputs(inputs(whole_normal_mass_g=1200.0, whole_liver_mass_g=1449.5))


@pytest.mark.parametrize("value", [None, 0.0, -5.0, NAN])
def test_prescription_needs_a_value(value: float | None) -> None:
    with pytest.raises(PlanError, match="a prescription by tumour-dose needs a value above 0"):
        Prescription("tumour-dose", value)
