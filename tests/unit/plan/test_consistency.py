"""Choices that do not fit: constants of no source, intents of another volume, earlier treatment."""

from __future__ import annotations

import pytest

from opensirt.plan.activity import (
    CalculatorOptions,
    activity_mird,
    activity_partition,
    paired_tumours,
)
from opensirt.plan.plan import Plan, Prescription

GBQ = 1e9


def codes(plan: Plan) -> dict[str, str]:
    return {finding.code: finding.severity for finding in plan.findings}


def partition(product: str = "glass-y90", gbq: float = 1.0, **options) -> Plan:
    """100 g of tumour at 5 times 1200 g of normal liver: D_N = 49.77 A / 1.7 kg."""
    return activity_partition(
        product,
        paired_tumours([100.0], [5.0]),
        1200.0,
        Prescription("activity", gbq * GBQ),
        CalculatorOptions(lung_shunt_fraction=0.0, lung_mass_g=1000.0, **options),
    )


@pytest.mark.parametrize(
    ("constant", "severity"),
    [(49.38, None), (50.0, None), (50.6, "warn"), (48.5, "warn"), (53.0, "stop"), (15.87, "stop")],
)
def test_a_dose_constant_that_nobody_uses_is_said(constant: float, severity: str | None) -> None:
    plan = partition(dose_constant_gy_kg_per_gbq=constant)
    assert codes(plan).get("dose-constant-unusual") == severity


@pytest.mark.parametrize(
    ("intent", "liver_g", "code"),
    [
        ("segmentectomy", 3000.0, None),
        ("segmentectomy", 2800.0, "intent-not-of-this-volume"),
        ("lobectomy", 1200.0, None),
        ("unilobar", 1170.0, "intent-not-of-this-volume"),
        ("bilobar", 1000.0, None),
        ("segmentectomy", None, "intent-not-checked"),
    ],
)
def test_an_intent_fits_the_perfused_part_of_the_liver(
    intent: str, liver_g: float | None, code: str | None
) -> None:
    """1000 g perfused: 33 % of 3000 g, 36 % of 2800 g; 83 % of 1200 g, 85.5 % of 1170 g."""
    options = CalculatorOptions(indication="hcc", intent=intent, whole_liver_mass_g=liver_g)
    plan = activity_mird("glass-y90", 1000.0, Prescription("activity", GBQ), options)
    found = {c for c in codes(plan) if c.startswith("intent-not-")}
    assert found == ({code} if code else set())


def test_a_limit_on_liver_of_unknown_mass_is_judged_by_its_known_part() -> None:
    """2 GBq: 58.6 Gy in perfused normal liver, above 50; 1.7 GBq: 49.8 Gy."""
    chosen = {"indication": "hcc", "intent": "bilobar", "bilirubin_mg_dl": 2.0}
    code = "whole-normal-dose-limit-unknown-mass"
    assert codes(partition(gbq=2.0, **chosen)).get(code) == "stop"
    assert code not in codes(partition(gbq=1.7, **chosen))
    assert code not in codes(partition(gbq=2.0, whole_normal_mass_g=1500.0, **chosen))


@pytest.mark.parametrize("left", ["indication", "intent"])
def test_a_limit_by_default_on_liver_of_unknown_mass_only_warns(left: str) -> None:
    """Only one of the two was chosen: the limit is a guess, and a guess does not stop."""
    chosen = {"indication": "hcc", "intent": "bilobar", "bilirubin_mg_dl": 2.0}
    found = codes(partition(gbq=4.0, **{**chosen, left: None}))
    assert found["whole-normal-dose-limit-unknown-mass"] == "warn"


def test_the_single_compartment_limit_stands_for_normal_liver_where_there_is_one() -> None:
    """Glass HCC has 150 Gy of its own; resin has none, and its normal-liver limit holds."""
    chosen = CalculatorOptions(indication="hcc", intent="bilobar", bilirubin_mg_dl=2.0)
    glass, resin = (
        codes(activity_mird(product, 1000.0, Prescription("perfused-dose", 120.0), chosen))
        for product in ("glass-y90", "resin-y90")
    )
    assert not [code for code in glass if code.endswith("unknown-mass")]
    assert resin["perfused-normal-dose-limit-unknown-mass"] == "stop"


@pytest.mark.parametrize("said", [{"compromised_liver": True}, {"previous_lung_dose_gy": 5.0}])
def test_earlier_treatment_takes_the_lower_limit_of_normal_liver(said) -> None:
    """70.3 Gy in whole normal liver: below 90 with good bilirubin, above 50 after treatment."""
    known = {
        "indication": "hcc",
        "intent": "bilobar",
        "bilirubin_mg_dl": 0.8,
        "whole_normal_mass_g": 1200.0,
    }
    assert "whole-normal-dose-limit" not in codes(partition(gbq=2.4, **known))
    assert codes(partition(gbq=2.4, **known, **said))["whole-normal-dose-limit"] == "stop"


@pytest.mark.parametrize(
    ("product", "gbq", "hours", "severity"),
    [
        ("resin-y90", 2.9, 0.0, None),
        ("resin-y90", 2.9, 24.0, "stop"),
        ("resin-y90", 2.3, 24.0, None),
        ("resin-y90", 3.5, -24.0, None),
        ("glass-y90", 5.0, 300.0, "stop"),
    ],
)
def test_vials_hold_what_is_left_at_the_hours_given(
    product: str, gbq: float, hours: float, severity: str | None
) -> None:
    """3 GBq of resin are 2.31 GBq a day later; 20 GBq of glass 0.78 GBq after 300 h."""
    found = codes(partition(product, gbq, hours_since_calibration=hours))
    assert found.get("activity-beyond-vials") == severity
