"""Limits where no intent was chosen, and doses that the limits of an intent let through."""

from __future__ import annotations

import pytest

from opensirt.plan.activity import CalculatorOptions, activity_partition, paired_tumours
from opensirt.plan.intents import possible_intents, strictest
from opensirt.plan.limits import applicable_limits
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


def test_normal_liver_is_not_given_up_where_nobody_means_to() -> None:
    """Glass: 50 Gy to all normal liver lets a tenth have hundreds; 88 Gy are a lobectomy's."""
    free = solved(segment("glass-y90"))
    assert free.normal is not None
    assert free.normal.mean_dose_gy > 300.0
    assert codes(free)["normal-liver-given-up"] == "stop"
    text = text_of(free, "normal-liver-given-up")
    assert "10 % of the liver, are above the 88 Gy from which a lobectomy" in text
    assert text.endswith("no intent was given. Give the intent of this treatment, or plan less.")
    for intent in ("segmentectomy", "lobectomy", "unilobar"):
        by_activity = Prescription("activity", free.activity_bq)
        chosen = solved(segment("glass-y90", intent=intent), prescription=by_activity)
        assert "normal-liver-given-up" not in codes(chosen)
    both = solved(segment("glass-y90", intent="bilobar"))
    assert codes(both)["normal-liver-given-up"] == "warn"
    given = solved(segment("glass-y90", is_given=True), prescription=by_activity)
    assert codes(given)["normal-liver-given-up"] == "warn"


def test_up_to_the_aim_of_a_lobectomy_nothing_is_given_up() -> None:
    for dose_gy, found in ((87.9, False), (88.1, True)):
        plan = solved(segment("glass-y90"), prescription=Prescription("normal-dose", dose_gy))
        assert ("normal-liver-given-up" in codes(plan)) is found


def test_a_whole_liver_has_limits_of_its_own() -> None:
    """86 % of the liver is more than a lobe: its normal liver is judged by its limits alone."""
    for perfused_g, found in ((1700.0, True), (1720.0, False)):
        parts = {"perfused_mass_g": perfused_g, "normal_mass_g": perfused_g - 50.0}
        high = Prescription("normal-dose", 120.0)
        assert (
            "normal-liver-given-up"
            in codes(solved(segment("glass-y90", **parts), prescription=high))
        ) is found


def test_the_part_of_the_liver_may_not_be_known() -> None:
    tumours = paired_tumours([50.0], [5.0])
    options = CalculatorOptions(lung_shunt_fraction=0.0)
    plan = activity_partition(
        "glass-y90", tumours, 150.0, Prescription("normal-dose", 200.0), options
    )
    assert codes(plan)["normal-liver-given-up"] == "warn"
    assert "a part of the liver that is not known" in text_of(plan, "normal-liver-given-up")


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
        rows = applicable_limits(segment("resin-y90", intent="lobectomy", **weak), "partition")
        of_normal = [x for x in rows if x.quantity == "perfused-normal-mean"]
        assert [(x.sense, x.value, x.severity) for x in of_normal] == [("at most", 40.0, "stop")]


def test_all_normal_liver_is_known_where_all_of_the_liver_is_perfused() -> None:
    tumours, prescription = paired_tumours([100.0], [5.0]), Prescription("activity", 1e9)
    for liver_g, known in ((1300.0, True), (1301.0, True), (1400.0, False)):
        options = CalculatorOptions(lung_shunt_fraction=0.0, whole_liver_mass_g=liver_g)
        plan = activity_partition("glass-y90", tumours, 1200.0, prescription, options)
        assert (plan.whole_normal is not None) is known
        if plan.whole_normal and plan.normal:
            assert plan.whole_normal.mean_dose_gy == pytest.approx(plan.normal.mean_dose_gy)


@pytest.mark.parametrize(("model", "dose_gy"), [("partition", 100.0), ("mird", None)])
def test_an_aim_speaks_of_all_of_a_lesion_perfused_in_part(model, dose_gy) -> None:
    """Glass, HCC: 240 Gy to 80 % of it are 192 Gy over all of it, below 205 Gy."""
    half = segment(
        "glass-y90", intent="lobectomy",
        tumours=(TumourInput("T1", 50.0, 5.0, perfused_fraction=0.8),),
    )  # fmt: skip
    per_gbq = solved(half, model, Prescription("activity", 1e9)).tumours[0].mean_dose_gy
    plan = solved(half, model, Prescription("activity", 240.0 / per_gbq * 1e9))
    assert plan.tumours[0].mean_dose_gy == pytest.approx(240.0)
    assert plan.tumours[0].over_all_gy == pytest.approx(192.0)
    assert "'T1' 192.0 Gy" in text_of(plan, "tumour-dose-target")


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
