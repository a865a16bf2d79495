"""Sentences of planning word by word: each number in its place."""

from __future__ import annotations

from typing import Any

import pytest

from opensirt.plan.consistency import consistency_findings
from opensirt.plan.model import planning_models
from opensirt.plan.plan import LungInput, Plan, Prescription, TumourInput
from opensirt.plan.plausibility import number_findings
from tests.unit.plan.samples import codes, inputs, text_of

SEVEN = tuple(TumourInput(f"T{n}", 0.10 + n / 100, 60.0 + n) for n in range(7))
COLD = tuple(TumourInput(f"T{n}", 10.0, 0.1 * (n + 1)) for n in range(7))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"lung": LungInput(0.5, 90.0)},
            "A lung shunt of 50.0 % is above 30 %: check it; 0.50 % would be 0.005.",
        ),
        (
            {"lung": LungInput(0.5, 90.0)},
            "Lungs of 90 g are outside 300 to 2500 g: check the mass, its unit, and whether the "
            "lungs are whole.",
        ),
        (
            {"residual_fraction": 0.25},
            "A residual of 25.0 % is above the largest published for this product, 20.1 %: check "
            "it.",
        ),
        (
            {"normal_mass_g": 60.0},
            "Perfused normal liver is 60.0 g, 4.1 % of the perfused volume: the tumour-to-normal "
            "ratio rests on too little liver.",
        ),
        (
            {"bilirubin_mg_dl": 10.0},
            "A bilirubin of 10 mg/dL is 171 umol/L, above 5 mg/dL: check the unit; 10 umol/L would "
            "be 0.58 mg/dL.",
        ),
        (
            {"tumours": SEVEN},
            "Lesions below 0.15 g, 'T0' 0.1 g, 'T1' 0.11 g, 'T2' 0.12 g, 'T3' 0.13 g, 'T4' 0.14 g: "
            "is it kg typed as g?",
        ),
        (
            {"tumours": SEVEN},
            "7 lesions ('T0' 60.00, 'T1' 61.00, 'T2' 62.00, 'T3' 63.00, 'T4' 64.00, ...) take up "
            "these many times what normal liver does, above 50: is it a ratio of concentrations, "
            "not of activities?",
        ),
        (
            {"tumours": COLD[:5]},
            "5 lesions ('T0' 0.10, 'T1' 0.20, 'T2' 0.30, 'T3' 0.40, 'T4' 0.50) take up these many "
            "times what normal liver does.",
        ),
        (
            {"dose_constant_gy_kg_per_gbq": 53.0},
            "A dose constant of 53 Gy kg/GBq was given; those in use for Y-90 are 49.38 to 50. "
            "Every dose and the activity follow it: check the nuclide and the unit.",
        ),
        (
            {"dose_constant_gy_kg_per_gbq": 50.6},
            "A dose constant of 50.6 Gy kg/GBq was given; those in use for Y-90 are 49.38 to 50. "
            "Every dose and the activity follow it.",
        ),
        (
            {"intent": "segmentectomy", "whole_liver_mass_g": 2000.0},
            "72 % of the liver is perfused, more than the 35 % that segmentectomy can mean: its "
            "limits do not protect the whole liver. Choose the intent of this volume.",
        ),
        (
            {"intent": "lobectomy", "whole_normal_mass_g": 1300.0, "perfused_mass_g": None},
            "92 % of the liver is perfused, more than the 85 % that lobectomy can mean: its limits "
            "do not protect the whole liver. Choose the intent of this volume.",
        ),
    ],
)
def test_each_number_stands_in_its_place(changes: dict[str, Any], sentence: str) -> None:
    given = inputs(**changes)
    assert sentence in [f.text for f in (*number_findings(given), *consistency_findings(given))]


def plan(gbq: float = 1.0, **changes: Any) -> Plan:
    given = Prescription("activity", gbq * 1e9)
    return planning_models.create("partition").plan(inputs(**changes), given)


def test_what_the_maker_says_of_shunt_and_vials() -> None:
    """3.1 GBq of resin with a shunt of 18 %; two days before calibration a vial holds more."""
    found = plan(3.1, lung=LungInput(0.18, 800.0))
    assert text_of(found, "shunt-reduction-not-applied") == (
        "The lung shunt is 18.0 %: above 15 % the maker reduces the empiric activity by 40 %; not "
        "applied here, the lung dose is limited instead."
    )
    assert text_of(found, "activity-needs-early-vial") == (
        "3.10 GBq to draw up need use before calibration, or more than one vial of Y-90 resin "
        "microspheres, 3 GBq each at calibration and 6.54 GBq at the earliest use."
    )
    later = plan(3.1, hours_since_calibration=64.1, vials=2)
    assert text_of(later, "activity-beyond-vials") == (
        "3.10 GBq to draw up are more than 2 vials of Y-90 resin microspheres, 1.5 GBq each 64.1 h "
        "after calibration: plan less, or say that 3 vials are used (vials=3)."
    )


def test_the_first_five_of_many_tumours_are_written_out() -> None:
    """Seven of 10 g with ratios 1 to 7 are 0.28 kg of normal liver: D_N = 45 / 1.48 Gy."""
    many = tuple(TumourInput(f"T{n}", 10.0, float(n)) for n in range(1, 8))
    found = plan(tumours=many)
    names = [f.name for f in found.formulae if f.symbols == "D_i = r_i D_N"]
    assert names == [f"Dose to T{n}" for n in range(1, 6)]
    assert [f.numbers for f in found.formulae if f.symbols == "D_i = r_i D_N"][1] == (
        "2.000 x 30.41 Gy = 60.81 Gy"
    )


def test_aims_judge_all_lesions_where_none_can_be_measured() -> None:
    """Both below the resolution: 85.7 and 42.9 Gy against the aim of 100 Gy."""
    small = tuple(TumourInput(f"T{n}", 200.0 / n, 4.0 / n, False) for n in (1, 2))
    found = plan(indication="hcc", tumours=small, perfused_mass_g=None)
    assert codes(found)["tumour-dose-target"] == "warn"
    assert "2 of 2 tumours do not reach" in text_of(found, "tumour-dose-target")
    assert "limits-not-checked" not in codes(found)
