"""Limits where no intent was chosen, and doses that the limits of an intent let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.plan.activity import CalculatorOptions, activity_partition, paired_tumours
from opensirt.plan.intents import perfused_fraction, possible_intents, strictest
from opensirt.plan.limits import LIVER, applicable_limits, reserve_fraction
from opensirt.plan.model import planning_models
from opensirt.plan.plan import BINDING_LIMIT, Plan, Prescription, TumourInput
from tests.unit.plan.samples import codes, inputs, text_of
from tests.unit.report.samples import limit

ALL = ("segmentectomy", "lobectomy", "unilobar", "bilobar")


def segment(product: str, **changes: object):
    """A tenth of a liver of 2 kg: 50 g of tumour at 5 times 150 g of normal liver."""
    return inputs(
        **{
            "product": product, "indication": "hcc", "intent": None,
            "tumours": (TumourInput("T1", 50.0, 5.0),), "perfused_mass_g": 200.0,
            "normal_mass_g": 150.0, "whole_normal_mass_g": 1900.0, "whole_liver_mass_g": 2000.0,
        } | changes
    )  # fmt: skip


def solved(given, model: str = "partition", prescription: Prescription = BINDING_LIMIT) -> Plan:
    return planning_models.create(model).plan(given, prescription)


@pytest.mark.parametrize(
    ("part", "intents"),
    [
        (0.10, ALL), (0.35, ALL), (0.36, ALL[1:]), (0.85, ALL[1:]), (0.86, ("bilobar",)),
        (1.0, ("bilobar",)), (None, ALL),
    ],
)  # fmt: skip
def test_a_volume_tells_which_intents_it_can_have(part: float | None, intents: tuple) -> None:
    whole = None if part is None else 2000.0
    given = inputs(
        intent=None, perfused_mass_g=2000.0 * (part or 0.5), whole_liver_mass_g=whole,
        whole_normal_mass_g=None,
    )  # fmt: skip
    assert set(possible_intents(given)) == set(intents)
    for chosen in ALL:
        assert possible_intents(inputs(intent=chosen)) == (chosen,)


def test_without_intent_the_lowest_limit_of_any_holds() -> None:
    """Holmium: 60 Gy to the perfused volume of a segmentectomy, not 40 Gy diluted in all liver."""
    free = solved(segment("ho166-plla"))
    chosen = solved(segment("ho166-plla", intent="segmentectomy"))
    diluted = solved(segment("ho166-plla", intent="bilobar"))
    assert free.perfused is not None
    assert free.perfused.mean_dose_gy == pytest.approx(60.0)
    assert free.activity_bq == pytest.approx(chosen.activity_bq)
    assert free.activity_bq < 0.2 * diluted.activity_bq
    assert "perfused volume at most 60 Gy" in str(free.binding_limit)
    assert (free.intent, codes(free)["intent-not-chosen"]) == ("bilobar", "warn")
    assert text_of(free, "intent-not-chosen").endswith(
        "Limits are the lowest of bilobar, segmentectomy, lobectomy, unilobar."
    )
    assert not [x for x in free.limits if x.is_target and x.intent != "bilobar"]


def test_a_whole_liver_keeps_the_limits_of_a_bilobar_treatment() -> None:
    whole = {"perfused_mass_g": 2000.0, "normal_mass_g": 1900.0}
    for product in ("resin-y90", "glass-y90", "ho166-plla"):
        free, chosen = (
            applicable_limits(segment(product, intent=intent, **whole), "partition")
            for intent in (None, "bilobar")
        )
        assert free == chosen


@pytest.mark.parametrize(
    ("kept", "dropped"),
    [
        (limit("perfused-mean", "at most", 60.0), limit("perfused-mean", "at most", 61.0)),
        (
            limit("perfused-mean", "at most", 150.0),
            limit("perfused-mean", "at most", 150.0, unless_whole_liver_gy=150.0),
        ),
        (limit("perfused-mean", "at most", 9.0), limit("perfused-mean", "at most", 9.0, note="2")),
    ],
)  # fmt: skip
def test_the_strictest_limit_stands_for_what_it_implies(kept, dropped) -> None:
    assert strictest((kept, dropped)) == (kept,)


def test_limits_that_do_not_imply_each_other_stay() -> None:
    both = (
        limit("perfused-mean", "at most", 100.0, unless_whole_liver_gy=150.0),
        limit("perfused-mean", "at most", 150.0),
        limit("whole-normal-mean", "at most", 200.0),
        limit("perfused-mean", "at least", 400.0),
    )
    assert strictest(both) == both
    same = limit("perfused-mean", "at most", 60.0)
    assert strictest((same, same)) == (same,)


def test_without_intent_a_part_of_the_liver_is_kept() -> None:
    """Glass: 50 Gy to all normal liver lets a tenth have hundreds; 88 Gy are a lobectomy's aim."""
    free = solved(segment("glass-y90"))
    assert free.normal is not None
    assert free.normal.mean_dose_gy == pytest.approx(88.0)
    assert "normal liver at most 88 Gy (the dose that a lobectomy aims at" in str(
        free.binding_limit
    )
    assert {f.severity for f in free.findings} == {"warn", "note"}
    both = solved(segment("glass-y90", intent="bilobar"))
    assert both.activity_bq > 4.0 * free.activity_bq
    more = solved(segment("glass-y90"), prescription=Prescription("normal-dose", 88.1))
    assert codes(more)["perfused-normal-dose-limit"] == "stop"
    assert codes(solved(segment("ho166-plla")))["perfused-normal-dose-limit-met"] == "note"


@pytest.mark.parametrize(
    ("product", "intent", "dose_gy", "bound"),
    [
        ("glass-y90", "bilobar", 88.1, "88.1 Gy to the perfused normal liver, 10 % of the liver, "),
        ("glass-y90", "bilobar", 87.9, ""), ("glass-y90", "unilobar", 119.0, ""),
        ("glass-y90", "unilobar", 121.0, "are above 120 Gy"), ("glass-y90", "lobectomy", 900.0, ""),
        ("glass-y90", "segmentectomy", 900.0, ""), ("resin-y90", "bilobar", 71.0, "above 70 Gy"),
        ("ho166-plla", "lobectomy", 61.0, "are above 60 Gy"), ("ho166-plla", "unilobar", 59.0, ""),
        ("ho166-plla", "unilobar", 61.0, "are above 60 Gy"),
    ],
)  # fmt: skip
def test_normal_liver_is_not_given_up_without_a_word(product, intent, dose_gy, bound) -> None:
    given = segment(product, intent=intent, compromised_liver=False)
    plan = solved(given, prescription=Prescription("normal-dose", dose_gy))
    found = [f for f in plan.findings if f.code == "normal-liver-given-up"]
    assert [f.severity for f in found] == ["warn"] * bool(bound)
    assert all(bound in f.text for f in found)
    assert all(f.text.endswith(f"check that {intent} is the intent of this volume.") for f in found)


def test_a_whole_liver_has_limits_of_its_own() -> None:
    """86 % of the liver is more than a lobe: its normal liver is judged by its limits alone."""
    for perfused_g, kept in ((1700.0, True), (1720.0, False)):
        parts = {"perfused_mass_g": perfused_g, "normal_mass_g": perfused_g - 50.0}
        rows = applicable_limits(segment("glass-y90", **parts), "partition")
        assert (88.0 in [x.value for x in rows]) is kept
        chosen = segment("glass-y90", intent="bilobar", **parts)
        high = solved(chosen, prescription=Prescription("normal-dose", 120.0))
        assert ("normal-liver-given-up" in codes(high)) is kept


def test_the_part_of_the_liver_may_not_be_known() -> None:
    tumours = paired_tumours([50.0], [5.0])
    options = CalculatorOptions(lung_shunt_fraction=0.0)
    plan = activity_partition(
        "glass-y90", tumours, 150.0, Prescription("normal-dose", 200.0), options
    )
    assert codes(plan)["normal-liver-given-up"] == "warn"
    assert "a part of the liver that is not known" in text_of(plan, "normal-liver-given-up")


def test_the_part_of_the_liver_is_that_of_all_its_parts() -> None:
    """900 g of tumour and 300 g of normal liver are 63 % of 1900 g, though 30 % of 1000 g."""
    given = segment(
        "glass-y90", tumours=(TumourInput("T1", 900.0, 2.0),), perfused_mass_g=None,
        normal_mass_g=300.0, whole_normal_mass_g=1000.0, whole_liver_mass_g=1900.0,
    )  # fmt: skip
    assert perfused_fraction(given) == pytest.approx(1200.0 / 1900.0)
    assert set(possible_intents(given)) == set(ALL[1:])
    of_normal = segment("glass-y90", whole_liver_mass_g=None, perfused_mass_g=None)
    assert perfused_fraction(of_normal) == pytest.approx(150.0 / 1900.0)


def test_the_lifted_limit_of_a_single_compartment_leaves_normal_liver_judged() -> None:
    """1400 Gy to a tenth of the liver: 140 Gy in all of it lift 150 Gy and break 90 Gy."""
    given = inputs(
        product="glass-y90", indication="hcc", intent="unilobar", tumours=(),
        perfused_mass_g=150.0, normal_mass_g=None, whole_normal_mass_g=None,
        whole_liver_mass_g=1500.0, bilirubin_mg_dl=0.8,
    )  # fmt: skip
    plan = solved(given, "mird", Prescription("perfused-dose", 1400.0))
    assert codes(plan)["whole-normal-dose-limit-unknown-mass"] == "stop"
    text = text_of(plan, "whole-normal-dose-limit-unknown-mass")
    assert "may have as much as the whole liver, 140.0 Gy" in text
    low = solved(given, "mird", Prescription("perfused-dose", 800.0))
    assert "whole-normal-dose-limit-unknown-mass" not in codes(low)


def test_of_what_was_given_the_model_only_warns_of_the_liver() -> None:
    """The voxels are what was measured; of the lungs they may show nothing."""
    high = Prescription("activity", 8e9)
    plan = solved(inputs(is_given=True), prescription=high)
    assert codes(plan)["perfused-normal-dose-limit"] == "warn"
    assert codes(plan)["lung-dose-limit"] == "stop"
    assert codes(solved(inputs(), prescription=high))["perfused-normal-dose-limit"] == "stop"


@pytest.mark.parametrize(
    ("dose_gy", "given", "severity"),
    [(1990.0, False, None), (2010.0, False, "stop"), (30000.0, False, "stop"),
     (30000.0, True, "warn")],
)  # fmt: skip
def test_a_dose_that_no_treatment_gives_stops(dose_gy, given, severity) -> None:
    small = segment("glass-y90", intent="segmentectomy", is_given=given)
    plan = solved(small, "mird", Prescription("perfused-dose", dose_gy))
    assert codes(plan).get("dose-implausible") == severity
    assert (plan.perfused.mean_dose_gy if plan.perfused else 0.0) == pytest.approx(dose_gy)


@pytest.mark.parametrize(
    ("million", "severity"),
    [(99.0, None), (101.0, "warn"), (299.0, "warn"), (301.0, "stop"), (2010.0, "stop")],
)
def test_more_spheres_than_are_ever_given(million: float, severity: str | None) -> None:
    """At 10 Bq each."""
    given = inputs(activity_per_sphere=10.0, residual_fraction=0.0)
    plan = solved(given, prescription=Prescription("activity", million * 1e7))
    assert codes(plan).get("spheres-implausible") == severity
    if severity == "stop":
        assert "more than the 300 million of any treatment" in text_of(plan, "spheres-implausible")


def test_a_liver_that_was_treated_before_has_no_reserve_to_count_on() -> None:
    """Resin, lobectomy: above 70 Gy is an aim of a sound liver with a reserve of 30 %."""
    sound = segment("resin-y90", intent="lobectomy", compromised_liver=False)
    rows = applicable_limits(sound, "partition")
    assert [x.value for x in rows if x.quantity == "perfused-normal-mean"] == [70.0]
    for weak in ({"compromised_liver": True}, {"previous_lung_dose_gy": 5.0}):
        for product, most_gy in (("resin-y90", 40.0), ("glass-y90", 120.0)):
            given = segment(product, intent="lobectomy", bilirubin_mg_dl=0.8, **weak)
            rows = applicable_limits(given, "partition")
            of_normal = [x for x in rows if x.quantity == "perfused-normal-mean"]
            assert [(x.sense, x.value, x.severity) for x in of_normal] == [
                ("at most", most_gy, "stop")
            ]
            assert (of_normal[0].verified, of_normal[0].level_of_evidence) == (False, "none")
            assert "treated before or with poor function" in of_normal[0].text
            whole = [x.value for x in rows if x.quantity == "whole-normal-mean"]
            assert whole == ([50.0] if product == "glass-y90" else [])


def test_all_normal_liver_is_known_where_all_of_the_liver_is_perfused() -> None:
    tumours, prescription = paired_tumours([100.0], [5.0]), Prescription("activity", 1e9)
    for liver_g, known in ((1300.0, True), (1301.0, True), (1400.0, False)):
        options = CalculatorOptions(lung_shunt_fraction=0.0, whole_liver_mass_g=liver_g)
        plan = activity_partition("glass-y90", tumours, 1200.0, prescription, options)
        assert (plan.whole_normal is not None) is known
        if plan.whole_normal and plan.normal:
            assert plan.whole_normal.mean_dose_gy == pytest.approx(plan.normal.mean_dose_gy)


@pytest.mark.parametrize(("model", "normal_g"), [("partition", 150.0), ("mird", None)])
def test_an_aim_speaks_of_all_of_a_lesion_perfused_in_part(model, normal_g) -> None:
    """Glass, HCC: 240 Gy to 80 % of it are 192 Gy over all of it, below 205 Gy."""
    half = segment(
        "glass-y90", intent="lobectomy", normal_mass_g=normal_g,
        tumours=(TumourInput("T1", 50.0, 5.0, perfused_fraction=0.8),),
    )  # fmt: skip
    per_gbq = solved(half, model, Prescription("activity", 1e9)).tumours[0].mean_dose_gy
    plan = solved(half, model, Prescription("activity", 240.0 / per_gbq * 1e9))
    assert plan.tumours[0].mean_dose_gy == pytest.approx(240.0)
    assert plan.tumours[0].over_all_gy == pytest.approx(192.0)
    assert "'T1' 192.0 Gy" in text_of(plan, "tumour-dose-target")
    hot = solved(half, model, Prescription("activity", 350.0 / per_gbq * 1e9))  # 280 Gy over all
    assert "exceed the aim" in text_of(hot, "tumour-dose-above-aim")


def test_a_dose_prescribed_to_a_lesion_perfused_in_part_says_so() -> None:
    part = TumourInput("T1", 50.0, 5.0, perfused_fraction=0.6)
    plan = solved(
        segment("glass-y90", tumours=(part,)), prescription=Prescription("tumour-dose", 9)
    )
    text = text_of(plan, "prescription-for-perfused-part")
    assert text.startswith("The prescribed 9 Gy are for the perfused part")
    assert "perfused in part is 'T1' 60 %, and the rest receives nothing." in text
    whole = solved(segment("glass-y90"), prescription=Prescription("tumour-dose", 9))
    assert "prescription-for-perfused-part" not in codes(whole)


def test_the_reserve_of_a_liver_known_by_its_whole_mass() -> None:
    """1600 of 2000 g leave 20 %: no dose that counts on a reserve, and the limit of a weak one."""
    given = inputs(
        intent="lobectomy", indication="hcc", tumours=(), perfused_mass_g=1600.0,
        normal_mass_g=None, whole_normal_mass_g=None, whole_liver_mass_g=2000.0,
    )  # fmt: skip
    assert reserve_fraction(given) == pytest.approx(0.2)
    plan = solved(given, "mird", Prescription("perfused-dose", 100.0))
    assert codes(plan)["perfused-normal-dose-limit-unknown-mass"] == "stop"
    half = replace(given, perfused_mass_g=1000.0)
    rows = applicable_limits(half, "mird")
    assert [x.sense for x in rows if x.quantity == "perfused-normal-mean"] == ["above"]


def test_what_a_decision_found_stays_beside_a_lesion_perfused_in_part() -> None:
    tumours = (TumourInput("T1", 50.0, 5.0, perfused_fraction=0.6), TumourInput("T2", 20.0, 3.0))
    given = segment("glass-y90", tumours=tumours, perfused_mass_g=220.0)
    plan = solved(given, prescription=Prescription("tumour-dose", 90.0))
    assert {"prescription-for-mean", "prescription-for-perfused-part"} <= set(codes(plan))


def test_aims_of_an_intent_that_nobody_chose_are_none() -> None:
    """Not the 400 Gy of a segmentectomy, nor the 88 Gy of a lobectomy: they ask for more."""
    for model in ("mird", "partition"):
        rows = applicable_limits(segment("glass-y90"), model)
        assert not [x for x in rows if x.is_target and x.quantity in LIVER and x.value >= 88.0]


def test_of_what_was_given_no_number_of_spheres_stops() -> None:
    given = inputs(activity_per_sphere=10.0, is_given=True)
    plan = solved(given, prescription=Prescription("activity", 4e9))
    assert codes(plan)["spheres-implausible"] == "warn"
    unknown = replace(
        given, indication="hcc", product="glass-y90", tumours=(), normal_mass_g=None,
        whole_normal_mass_g=None, whole_liver_mass_g=1500.0, activity_per_sphere=None,
    )  # fmt: skip
    high = solved(unknown, "mird", Prescription("activity", 5e9))
    assert codes(high)["whole-normal-dose-limit-unknown-mass"] == "warn"


@pytest.mark.parametrize("typed", [400, 400.0])
def test_a_typed_activity_of_a_sphere_decays_whole_or_not(typed) -> None:
    given = inputs(product="ho166-plla", activity_per_sphere=typed, hours_since_calibration=26.8)
    spheres = solved(given, prescription=Prescription("activity", 1e9)).spheres
    assert spheres is not None
    assert spheres.count == pytest.approx(2e9 / 400.0, rel=2e-3)


def test_either_end_of_an_aim_shows_in_the_digits() -> None:
    """300.04 Gy exceed 300 Gy, as the text must show."""
    one = segment("glass-y90", intent="lobectomy")
    per_gbq = solved(one, prescription=Prescription("activity", 1e9)).tumours[0].mean_dose_gy
    plan = solved(one, prescription=Prescription("activity", 300.04 / per_gbq * 1e9))
    assert "'T1' 300.04 Gy" in text_of(plan, "tumour-dose-above-aim")
