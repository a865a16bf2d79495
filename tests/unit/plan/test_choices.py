"""Defaults that nobody chose, facts that count as the worse, and numbers that look like slips."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError
from opensirt.plan.model import planning_models
from opensirt.plan.plan import BsaInput, LungInput, Plan, Prescription, TumourInput
from opensirt.plan.plausibility import number_findings
from tests.unit.plan.samples import codes, inputs, text_of

CHOICES = {"indication-not-chosen", "intent-not-chosen"}
UNKNOWN = {"bilirubin-unknown", "liver-function-unknown", "reserve-unknown"}


def solve(model: str = "partition", gbq: float = 1.0, **changes: object) -> Plan:
    return planning_models.create(model).plan(
        inputs(**changes), Prescription("activity", gbq * 1e9)
    )


def test_choices_that_nobody_made_are_said() -> None:
    plan = solve(indication=None, intent=None)
    assert {c: codes(plan)[c] for c in CHOICES} == dict.fromkeys(CHOICES, "warn")
    assert (plan.indication, plan.intent) == ("net", "bilobar")
    assert "NET is assumed" in text_of(plan, "indication-not-chosen")
    assert "bilobar is assumed" in text_of(plan, "intent-not-chosen")
    chosen = solve(indication="net", intent="bilobar")
    assert not CHOICES & set(codes(chosen))
    assert set(codes(chosen)) == set(codes(plan)) - CHOICES


def test_unknown_bilirubin_says_what_it_costs() -> None:
    plan = solve(product="glass-y90")
    assert text_of(plan, "bilirubin-unknown") == (
        "Total bilirubin is not known and counts as 1.1 mg/dL or more: mean dose to the whole "
        "normal liver at most 50 Gy applies, where at best it would be mean dose to the whole "
        "normal liver at most 90 Gy."
    )
    for known in (0.8, 1.1, 2.0):
        assert "bilirubin-unknown" not in codes(solve(product="glass-y90", bilirubin_mg_dl=known))
    assert "bilirubin-unknown" not in codes(solve())  # no limit of resin follows it


def test_a_liver_that_was_treated_before_has_the_lower_limit_whatever_was_said() -> None:
    """Resin, bilobar: 30 Gy instead of 40 (weber2022, table 3)."""
    good = solve(intent="bilobar", compromised_liver=False)
    again = solve(intent="bilobar", compromised_liver=False, previous_lung_dose_gy=12.0)
    quantity = "perfused-normal-mean"
    assert [x.value for x in good.limits if x.quantity == quantity] == [40.0]
    assert [x.value for x in again.limits if x.quantity == quantity] == [30.0]
    assert "liver-compromised" not in codes(good)
    text = text_of(again, "liver-compromised")
    assert text.startswith("An earlier treatment was stated: mean dose to the perfused normal")
    assert "at most 30 Gy applies; without it, mean dose" in text
    assert text.endswith("at most 40 Gy.")
    weak = solve(intent="bilobar", compromised_liver=True)
    assert text_of(weak, "liver-compromised").startswith("Poor liver function was stated")


def test_good_bilirubin_alone_leaves_the_liver_function_open() -> None:
    """Glass: 90 Gy by bilirubin, 50 Gy where the liver is compromised or was treated before."""
    plan = solve(product="glass-y90", bilirubin_mg_dl=0.8)
    text = text_of(plan, "liver-function-unknown")
    assert "at most 90 Gy applies; to a liver that is compromised" in text
    assert text.endswith(
        "mean dose to the whole normal liver at most 50 Gy and mean dose to the perfused normal "
        "liver at most 120 Gy."
    )
    for said in ({"compromised_liver": False}, {"compromised_liver": True}):
        stated = solve(product="glass-y90", bilirubin_mg_dl=0.8, **said)
        assert "liver-function-unknown" not in codes(stated)
    again = solve(product="glass-y90", bilirubin_mg_dl=0.8, previous_lung_dose_gy=5.0)
    assert "liver-function-unknown" not in codes(again)
    assert [x.value for x in again.limits if x.quantity == "whole-normal-mean"] == [50.0]


@pytest.mark.parametrize(
    ("product", "hours", "is_told"),
    [
        ("resin-y90", 24.0, False), ("resin-y90", 25.0, True), ("resin-y90", -72.0, False),
        ("resin-y90", -73.0, True), ("glass-y90", 288.0, False), ("glass-y90", 289.0, True),
        ("glass-y90", -1.0, True), ("ho166-plla", 100.0, False),
    ],
)  # fmt: skip
def test_a_vial_outside_its_time_is_told(product: str, hours: float, is_told: bool) -> None:
    """Hours of the tables; none is known of holmium, which is made to order."""
    plan = solve(product=product, gbq=0.3, hours_since_calibration=hours)
    assert ("vial-age" in codes(plan)) is is_told


def test_unknown_liver_function_and_reserve_say_what_they_cost() -> None:
    function = solve(intent="bilobar")
    assert "at most 30 Gy applies" in text_of(function, "liver-function-unknown")
    assert "liver at most 40 Gy." in text_of(function, "liver-function-unknown")
    assert not UNKNOWN & set(codes(solve(intent="bilobar", compromised_liver=True)))
    lobe = solve(intent="lobectomy", whole_normal_mass_g=None)
    assert "at most 40 Gy applies" in text_of(lobe, "reserve-unknown")
    assert "liver above 70 Gy." in text_of(lobe, "reserve-unknown")
    assert not UNKNOWN & set(codes(solve(intent="lobectomy")))


@pytest.mark.parametrize(
    ("changes", "code", "severity", "words"),
    [
        (
            {"normal_mass_g": 1.8, "perfused_mass_g": None},
            "perfused-normal-small", "warn", "is 1.8 g, 0.7 % of the perfused volume",
        ),
        (
            {"normal_mass_g": 1.8, "perfused_mass_g": None, "tumours": (TumourInput("T", 0.2, 3),)},
            "mass-implausible", "stop", "weighs 2 g, below 5 g: is it kg typed as g?",
        ),
        ({"whole_normal_mass_g": 1.6e6}, "mass-implausible", "stop", "A liver of 1.6e+06 g"),
        (
            {"tumours": (TumourInput("T", 0.12, 3),)},
            "mass-implausible", "warn", "Lesions below 0.15 g, 'T' 0.12 g: is it kg typed as g?",
        ),
        (
            {"tumours": (TumourInput("T", 200, 0.5), TumourInput("S", 9, 0.7))},
            "tumour-colder-than-liver", "warn", "2 lesions ('T' 0.50, 'S' 0.70) take up these",
        ),
        (
            {"tumours": (TumourInput("T", 200, 0.5),)},
            "tumour-colder-than-liver", "warn", "'T' takes up 0.50 times what normal liver does.",
        ),
        (
            {"tumours": (TumourInput("T", 200, 51.0),)},
            "ratio-implausible", "warn", "a ratio of concentrations, not of activities?",
        ),
        (
            {"lung": LungInput(0.5, 1000), "product": "glass-y90"},
            "lung-shunt-high", "warn", "A lung shunt of 50.0 % is above 30 %: check it",
        ),
        ({"lung": LungInput(0.05, 90)}, "lung-mass-implausible", "warn", "Lungs of 90 g are"),
        ({"residual_fraction": 0.25}, "residual-high", "warn", "the largest published for this"),
        ({}, "residual-not-counted", "note", "is 3.0 %, the largest 20.1 %."),
        (
            {"product": "ho166-plla"},
            "residual-not-counted", "note", "is 4.3 %, the largest 6.9 %.",
        ),
        (
            {"bilirubin_mg_dl": 17.0},
            "bilirubin-high", "warn", "is 291 umol/L, above 5 mg/dL: check the unit",
        ),
        (
            {"bilirubin_mg_dl": 17.0},
            "bilirubin-high", "warn", "17 umol/L would be 0.99 mg/dL.",
        ),
    ],
)  # fmt: skip
def test_numbers_that_look_like_slips(
    changes: dict[str, object], code: str, severity: str, words: str
) -> None:
    plan = solve(**{"whole_normal_mass_g": 1600.0, **changes})
    assert codes(plan)[code] == severity
    assert words in text_of(plan, code)


def test_volumes_of_the_body_formula_are_looked_at_too() -> None:
    """0.3 and 1.2 typed as mL where L were meant."""
    bare = {"perfused_mass_g": None, "normal_mass_g": None, "whole_normal_mass_g": None}
    body = BsaInput(175, 70, tumour_volume_ml=0.3, normal_volume_ml=1.2)
    plan = solve("bsa", tumours=(), bsa=body, **bare)
    assert codes(plan)["mass-implausible"] == "stop"
    small = BsaInput(175, 70, tumour_volume_ml=2.0, normal_volume_ml=1200.0)
    assert "mass-implausible" not in codes(solve("bsa", tumours=(), bsa=small, **bare))
    large = BsaInput(175, 70, tumour_volume_ml=200.0, normal_volume_ml=1.6e6)
    assert "A liver of 1.6002e+06 g" in text_of(
        solve("bsa", tumours=(), bsa=large, **bare), "mass-implausible"
    )


def test_lesions_too_small_to_measure_are_no_slip() -> None:
    small = (TumourInput("T", 200, 3), TumourInput("S", 0.014, 2, is_measurable=False))
    assert "mass-implausible" not in codes(solve(tumours=small, perfused_mass_g=None))


def test_sound_numbers_are_left_alone() -> None:
    plan = solve(residual_fraction=0.03, bilirubin_mg_dl=2.0, hours_since_calibration=0.0)
    slips = {
        "perfused-normal-small", "mass-implausible", "tumour-colder-than-liver", "residual-high",
        "ratio-implausible", "lung-shunt-high", "lung-mass-implausible", "residual-not-counted",
        "bilirubin-high", "sphere-number-at-calibration", "activity-beyond-vials",
    }  # fmt: skip
    assert not slips & set(codes(plan))


def mass(**changes: float | None) -> dict[str, object]:
    return {"whole_normal_mass_g": None, "tumours": (), **changes}


def tumour(mass_g: float, ratio: float) -> dict[str, object]:
    return {"tumours": (TumourInput("T", mass_g, ratio),)}


@pytest.mark.parametrize(
    ("code", "kept", "said"),
    [
        ("mass-implausible", mass(perfused_mass_g=5.0), mass(perfused_mass_g=4.99)),
        ("mass-implausible", mass(whole_liver_mass_g=6000.0), mass(whole_liver_mass_g=6001.0)),
        ("mass-implausible", mass(perfused_mass_g=6000.0), mass(perfused_mass_g=6001.0)),
        ("mass-implausible", tumour(0.15, 3.0), tumour(0.149, 3.0)),
        ("tumour-colder-than-liver", tumour(9.0, 1.0), tumour(9.0, 0.99)),
        ("ratio-implausible", tumour(9.0, 50.0), tumour(9.0, 50.1)),
        (
            "perfused-normal-small",
            mass(normal_mass_g=100.0, perfused_mass_g=1000.0),
            mass(normal_mass_g=99.0, perfused_mass_g=1000.0),
        ),
        ("lung-mass-implausible", {"lung": LungInput(0.1, 300)}, {"lung": LungInput(0.1, 299)}),
        ("lung-mass-implausible", {"lung": LungInput(0.1, 2500)}, {"lung": LungInput(0.1, 2501)}),
        ("lung-mass-implausible", {"lung": LungInput(0.0, 90)}, {"lung": LungInput(0.01, 90)}),
        ("lung-shunt-high", {"lung": LungInput(0.3, 1000)}, {"lung": LungInput(0.301, 1000)}),
        ("residual-high", {"residual_fraction": 0.201}, {"residual_fraction": 0.202}),
        ("residual-high", {"residual_fraction": 0.04}, {"residual_fraction": 0.3}),
        ("residual-not-counted", {"residual_fraction": 0.001}, {"residual_fraction": 0.0}),
        ("bilirubin-high", {"bilirubin_mg_dl": 5.0}, {"bilirubin_mg_dl": 5.1}),
    ],
)
def test_a_number_on_its_bound_is_no_slip_and_one_beyond_is(
    code: str, kept: dict[str, object], said: dict[str, object]
) -> None:
    assert code not in {finding.code for finding in number_findings(inputs(**kept))}
    assert code in {finding.code for finding in number_findings(inputs(**said))}


@pytest.mark.parametrize("wrong", [0.01, 60.0, -1.0, float("nan")])
def test_a_bilirubin_in_another_unit_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="bilirubin must be"):
        solve(bilirubin_mg_dl=wrong)
