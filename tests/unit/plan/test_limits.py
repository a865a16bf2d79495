"""Limits and rules against planned doses, and the activity that the binding limit gives."""

from __future__ import annotations

import pytest

from opensirt.errors import PlanError
from opensirt.findings import worst_severity
from opensirt.physics.references import cite
from opensirt.plan.binding import _most_gbq
from opensirt.plan.distribution import Distribution
from opensirt.plan.limits import is_met
from opensirt.plan.model import planning_models
from opensirt.plan.plan import (
    BsaInput,
    LungInput,
    Plan,
    PlannedDose,
    Prescription,
    TumourInput,
)
from opensirt.units import BQ_PER_GBQ
from tests.unit.plan.samples import codes, inputs, text_of
from tests.unit.report.samples import limit


def solve(model: str, prescription: Prescription, **changes: object) -> Plan:
    return planning_models.create(model).plan(inputs(**changes), prescription)


def activity(gbq: float) -> Prescription:
    return Prescription("activity", gbq * BQ_PER_GBQ)


BINDING = Prescription("binding-limit")


def test_kept_limits_are_notes_and_broken_ones_are_not() -> None:
    """2 GBq: lungs 10 Gy (kept), perfused normal 42.9 Gy (limit 40 Gy), tumours 171 and 86 Gy."""
    plan = solve("partition", activity(2.0))
    assert codes(plan)["lung-dose-limit-met"] == "note"
    assert codes(plan)["perfused-normal-dose-limit"] == "stop"
    assert text_of(plan, "perfused-normal-dose-limit").startswith("42.9 Gy planned; mean dose to")
    assert text_of(plan, "tumour-dose-target").startswith("1 of 2 tumours do not reach")
    assert "'T2' 85.7 Gy" in text_of(plan, "tumour-dose-target")
    assert worst_severity(plan.findings) == "stop"


def test_lung_limit_is_a_stop() -> None:
    """7 GBq: 35 Gy to the lungs."""
    plan = solve("partition", activity(7.0))
    assert codes(plan)["lung-dose-limit"] == "stop"
    assert text_of(plan, "lung-dose-limit").startswith("35.0 Gy planned; mean lung dose at most 30")
    assert codes(plan)["lung-dose-cumulative-limit-met"] == "note"


def test_earlier_lung_dose_counts() -> None:
    """25 Gy now on 30 Gy before is 55 Gy of 50."""
    plan = solve("partition", activity(5.0), previous_lung_dose_gy=30.0)
    assert codes(plan)["lung-dose-cumulative-limit"] == "stop"
    assert codes(plan)["lung-dose-limit-met"] == "note"


def test_contraindicated_shunt_is_a_stop_finding_where_an_activity_is_given() -> None:
    plan = solve("partition", activity(1.0), lung=LungInput(0.21, 1000))
    assert codes(plan)["lung-shunt-limit"] == "stop"
    assert codes(plan)["shunt-reduction-not-applied"] == "note"
    assert text_of(plan, "lung-shunt-limit").startswith("21.0 % lung shunt; lung shunt fraction")


def test_many_tumours_share_one_finding() -> None:
    many = tuple(TumourInput(f"T{i}", 5.0, 2.0) for i in range(40))
    plan = solve("partition", activity(1.0), tumours=many)
    text = text_of(plan, "tumour-dose-target")
    assert text.startswith("40 of 40 tumours do not reach")
    assert text.count(" Gy,") <= 6
    assert "(sum over 40 tumours)" in plan.formulae[0].numbers
    assert len(plan.formulae) == 1 + 5 + 1 + 1


def test_reached_targets() -> None:
    plan = solve("partition", Prescription("tumour-dose", 101.0, "each"))
    assert codes(plan)["tumour-dose-target-met"] == "note"


def test_net_has_no_verified_tumour_threshold() -> None:
    plan = solve("partition", activity(1.0), indication="net")
    assert text_of(plan, "no-tumour-threshold") == (
        "No verified tumour dose threshold is known for NET, unilobar, with resin-y90; "
        "tumour doses are not judged."
    )


def test_limits_without_a_mass_are_said_not_to_be_checked() -> None:
    plan = solve("mird", activity(1.0), tumours=(), normal_mass_g=None)
    assert codes(plan)["limits-not-checked"] == "warn"
    assert "perfused normal liver at most 40 Gy" in text_of(plan, "limits-not-checked")


def test_assumed_lungs_are_said() -> None:
    plan = solve("partition", activity(1.0), lung=LungInput(0.1, 1000, "assumption", "assumption"))
    assert codes(plan)["lung-shunt-assumed"] == "warn"
    assert codes(plan)["lung-mass-assumed"] == "warn"
    assert text_of(plan, "lung-mass-assumed") in plan.provenance.assumptions
    said = solve("partition", activity(1.0), lung=LungInput(0.1, 1000, "as given, not measured"))
    assert codes(said)["lung-shunt-assumed"] == "warn"
    assert "lung-mass-assumed" not in codes(said)


def test_normal_liver_binds() -> None:
    """40 Gy to perfused normal liver at 21.4286 Gy per GBq: 1.8667 GBq, before the lungs' 6 GBq."""
    plan = solve("partition", BINDING)
    assert plan.delivered_activity_bq / BQ_PER_GBQ == pytest.approx(40 / 21.428571)
    assert plan.normal is not None
    assert plan.normal.mean_dose_gy == pytest.approx(40.0)
    assert plan.binding_limit is not None
    assert plan.binding_limit.startswith("mean dose to the perfused normal liver at most 40 Gy")
    assert codes(plan)["perfused-normal-dose-limit-met"] == "note"
    assert codes(plan)["binding-limit"] == "note"


def test_lungs_bind_where_they_are_small() -> None:
    """Lungs of 250 g get 20 Gy per GBq: 30 Gy at 1.5 GBq."""
    plan = solve("partition", BINDING, lung=LungInput(0.1, 250))
    assert plan.delivered_activity_bq / BQ_PER_GBQ == pytest.approx(1.5)
    assert plan.binding_limit is not None
    assert plan.binding_limit.startswith("mean lung dose at most 30 Gy")
    assert codes(plan)["lung-dose-limit-met"] == "note"


def test_earlier_lung_dose_binds() -> None:
    """45 Gy before leave 5 Gy: 1 GBq at 5 Gy per GBq."""
    plan = solve("partition", BINDING, previous_lung_dose_gy=45.0)
    assert plan.delivered_activity_bq / BQ_PER_GBQ == pytest.approx(1.0)
    assert plan.lung.dose_gy == pytest.approx(5.0)
    with pytest.raises(PlanError, match="earlier treatments gave the lungs 50 Gy; no activity"):
        solve("partition", BINDING, previous_lung_dose_gy=50.0)


def test_a_transferred_limit_that_binds_is_a_warning() -> None:
    """NET, bilobar, resin: 30 Gy of other indications, source assumption."""
    plan = solve("partition", BINDING, indication="net", intent="bilobar")
    assert plan.normal is not None
    assert plan.normal.mean_dose_gy == pytest.approx(30.0)
    assert codes(plan)["binding-limit"] == "warn"


def test_whole_normal_liver_binds_for_glass() -> None:
    """Glass, mCRC, unilobar: 90 Gy whole normal with low bilirubin, 50 Gy with high or unknown."""
    plan = solve("partition", BINDING, product="glass-y90", bilirubin_mg_dl=0.8)
    assert plan.whole_normal is not None
    assert plan.perfused is not None
    assert plan.whole_normal.mean_dose_gy == pytest.approx(90.0)
    assert plan.perfused.mean_dose_gy > 150.0
    for known in (1.1, 1.5, None):
        high = solve("partition", BINDING, product="glass-y90", bilirubin_mg_dl=known)
        assert high.whole_normal is not None
        assert high.whole_normal.mean_dose_gy == pytest.approx(50.0)


def test_good_liver_function_lifts_the_limit() -> None:
    """Resin, mCRC, bilobar: 30 Gy, 40 Gy where liver function is known to be good."""
    doses = [
        solve("partition", BINDING, intent="bilobar", compromised_liver=known).normal
        for known in (None, True, False)
    ]
    assert [d.mean_dose_gy for d in doses if d] == pytest.approx([30.0, 30.0, 40.0])


def test_contraindicated_shunt_leaves_no_binding_activity() -> None:
    with pytest.raises(PlanError, match=r"a lung shunt of 21\.0 % rules out resin-y90"):
        solve("partition", BINDING, lung=LungInput(0.21, 1000))


def test_lungs_alone_do_not_make_a_prescription() -> None:
    with pytest.raises(PlanError, match="no dose limit on the liver applies to resin-y90, mcrc"):
        solve("mird", BINDING, tumours=(), normal_mass_g=None)


@pytest.mark.parametrize("model", ["mird", "partition"])
@pytest.mark.parametrize("product", ["resin-y90", "glass-y90", "ho166-plla"])
@pytest.mark.parametrize("indication", ["hcc", "icc", "mcrc", "net"])
@pytest.mark.parametrize("intent", ["unilobar", "bilobar"])
def test_the_binding_activity_breaks_no_dose_limit(
    model: str, product: str, indication: str, intent: str
) -> None:
    plan = solve(model, BINDING, product=product, indication=indication, intent=intent)
    broken = [c for c in codes(plan) if c.endswith("-limit") and c != "binding-limit"]
    assert broken == []
    more = solve(
        model,
        activity(plan.activity_bq / BQ_PER_GBQ * 1.01),
        product=product,
        indication=indication,
        intent=intent,
    )
    assert [c for c in codes(more) if c.endswith("-dose-limit")] != []


def test_every_source_can_be_cited() -> None:
    plan = solve("partition", activity(7.0), lung=LungInput(0.17, 1000))
    for source in plan.provenance.citations:
        assert len(cite(source)) > 10


HCC = {"product": "glass-y90", "indication": "hcc", "bilirubin_mg_dl": 0.8}


def test_single_compartment_values_bind_the_single_compartment_alone() -> None:
    """ICC, unilobar, glass: 150 Gy perfused is printed as the alternative to tumour and liver."""
    changes = {**HCC, "indication": "icc"}
    partition = solve("partition", BINDING, **changes)
    assert partition.perfused is not None
    assert partition.perfused.mean_dose_gy > 150.0
    assert not any(limit.quantity == "perfused-mean" for limit in partition.limits)
    single = solve("mird", BINDING, **changes)
    assert single.perfused is not None
    assert single.perfused.mean_dose_gy == pytest.approx(150.0)
    assert single.binding_limit is not None
    assert single.binding_limit.startswith("mean dose to the perfused volume at most 150 Gy")


@pytest.mark.parametrize("indication", ["hcc", "icc", "mcrc", "net"])
def test_sixty_gray_of_holmium_bind_the_single_compartment_alone(indication: str) -> None:
    """Whole normal liver, 60 Gy at 16.0714 Gy per GBq; perfused, 60 Gy at 31.0345 Gy per GBq."""
    words = {"product": "ho166-plla", "indication": indication}
    delivered = [
        solve(model, BINDING, **words).delivered_activity_bq / BQ_PER_GBQ
        for model in ("partition", "mird")
    ]
    assert delivered == pytest.approx([60 / 16.071429, 60 / 31.034483])


def test_segmentectomy_has_its_value_in_every_model() -> None:
    """Nothing but the perfused mean is printed for it: above 400 Gy, and no upper end."""
    for gbq, met in ((10.0, False), (20.0, True)):
        plan = solve("partition", activity(gbq), intent="segmentectomy", **HCC)
        found = codes(plan)
        assert ("perfused-dose-target-met" in found, "perfused-dose-target" in found) == (
            met, not met,
        )  # fmt: skip
        assert codes(plan)["no-liver-limit"] == "warn"


def test_above_150_gray_while_the_whole_liver_stays_below() -> None:
    """HCC, mird: 5 GBq give 155.2 Gy perfused and 225 / m Gy to a whole liver of m kg."""
    given = {"intent": "unilobar", **HCC}
    code = "perfused-dose-limit"
    kept = solve("mird", activity(5.0), whole_liver_mass_g=1800.0, **given)
    assert kept.whole_liver is not None
    assert kept.whole_liver.mean_dose_gy == pytest.approx(125.0)
    assert "155.2 Gy planned, 125.0 Gy in the whole liver" in text_of(kept, f"{code}-met")
    broken = solve("mird", activity(5.5), whole_liver_mass_g=1600.0, **given)
    assert codes(broken)[code] == "stop"
    assert "154.7 Gy in the whole liver" in text_of(broken, code)
    unknown = solve("mird", activity(5.0), **given)
    assert codes(unknown)[code] == "stop"
    assert "the whole liver's dose is not known" in text_of(unknown, code)
    low = solve("mird", activity(4.5), **given)
    assert code not in codes(low)


def test_the_exception_lets_the_binding_limit_go_on_to_the_whole_liver() -> None:
    """150 Gy in a whole liver of 2 kg are 6.667 GBq, where normal liver does not bind before."""
    given = {"normal_mass_g": 400.0, "perfused_mass_g": None, "lung": LungInput(0.1, 2000), **HCC}
    tumours = (TumourInput("T", 1000.0, 5.0),)
    plan = solve("mird", BINDING, tumours=tumours, whole_liver_mass_g=2000.0, **given)
    assert plan.delivered_activity_bq / BQ_PER_GBQ == pytest.approx(150.0 * 2.0 / 45.0)
    assert codes(plan)["perfused-dose-limit-met"] == "note"
    plain = solve("mird", BINDING, tumours=tumours, **given)
    assert plain.perfused is not None
    assert plain.perfused.mean_dose_gy == pytest.approx(150.0)


@pytest.mark.parametrize(
    ("dose_gy", "code", "severity"),
    [
        (240.0, "tumour-dose-target", "note"),
        (250.0, "tumour-dose-target-met", "note"),
        (300.0, "tumour-dose-target-met", "note"),
        (301.0, "tumour-dose-above-aim", "warn"),
        (601.0, "tumour-dose-above-aim", "warn"),
    ],
)
def test_an_aim_of_two_endsis_met_between_them(dose_gy: float, code: str, severity: str) -> None:
    alone = (TumourInput("T", 250.0, 8.0),)
    plan = solve("partition", Prescription("tumour-dose", dose_gy), tumours=alone, **HCC)
    aims = [f for f in plan.findings if "250 to 300 Gy" in f.text]
    assert [(f.code, f.severity) for f in aims] == [(code, severity)]
    if code == "tumour-dose-above-aim":
        assert f"'T' {dose_gy:.1f} Gy" in aims[0].text
        assert "exceed the aim: mean dose to the tumour from 250 to 300 Gy" in aims[0].text


def test_lesions_on_both_sides_of_an_aim_are_named_on_their_side() -> None:
    """T1 400 Gy, T2 200 Gy at D_N = 100 Gy."""
    plan = solve("partition", Prescription("normal-dose", 100.0), **HCC)
    below = next(f for f in plan.findings if "do not reach: mean dose to the tumour from" in f.text)
    assert "'T2' 200.0 Gy" in below.text
    assert "'T1'" not in below.text
    assert "'T1' 400.0 Gy" in text_of(plan, "tumour-dose-above-aim")
    assert "'T2'" not in text_of(plan, "tumour-dose-above-aim")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"indication": "net", "intent": "bilobar"}, "perfused-normal-dose-limit"),
        ({"indication": None, "intent": None}, "perfused-normal-dose-limit"),
        ({"product": "glass-y90"}, "whole-normal-dose-limit"),
        ({"product": "ho166-plla"}, "whole-normal-dose-limit"),
        ({"intent": "lobectomy", "whole_normal_mass_g": None}, "perfused-normal-dose-limit"),
    ],
)
def test_a_normal_liver_limit_that_is_passed_is_a_stop(
    changes: dict[str, object], code: str
) -> None:
    """6 GBq: 128.6 Gy to perfused and 96.4 Gy to whole normal liver."""
    plan = solve("partition", activity(6.0), **changes)
    assert codes(plan)[code] == "stop"


def test_the_reserve_is_the_untreated_part() -> None:
    """1.2 of 1.5 kg are treated, 20 % are not: no lobectomy aim, and the low-reserve limit."""
    little = {"normal_mass_g": 1200.0, "whole_normal_mass_g": 1500.0}
    much = {"normal_mass_g": 1200.0, "whole_normal_mass_g": 6000.0}
    aim = [
        [limit.value for limit in solve("partition", activity(1.0), intent="lobectomy", **m).limits
         if limit.quantity == "perfused-normal-mean"]
        for m in (little, much)
    ]  # fmt: skip
    assert aim == [[40.0], [70.0]]
    glass = [
        [limit.value for limit in solve("partition", activity(1.0), **HCC, **m).limits
         if limit.quantity == "perfused-normal-mean"]
        for m in (little, much)
    ]  # fmt: skip
    assert glass == [[120.0], []]


def test_advice_on_the_shunt_does_not_refuse_a_plan() -> None:
    """17 %: above the 15 % of advice, below the 20 % of the maker. 40 x 2.1 / (50 x 0.83) GBq."""
    plan = solve("partition", BINDING, lung=LungInput(0.17, 1000))
    assert plan.delivered_activity_bq / BQ_PER_GBQ == pytest.approx(40 * 2.1 / (50 * 0.83))
    shunt = [f for f in plan.findings if f.code == "lung-shunt-limit"]
    assert [f.severity for f in shunt] == ["warn"]


def test_a_shunt_of_exactly_the_maker_s_limit_is_not_above_it() -> None:
    for model in ("partition", "bsa"):
        body = BsaInput(175, 70, tumour_volume_ml=200, normal_volume_ml=1800)
        plan = solve(model, BINDING, lung=LungInput(0.20, 1000), bsa=body)
        stops = [f.code for f in plan.findings if f.severity == "stop"]
        assert "lung-shunt-limit" not in stops
        with pytest.raises(PlanError, match="rules out resin-y90"):
            solve(model, BINDING, lung=LungInput(0.2001, 1000), bsa=body)


@pytest.mark.parametrize(("whole_gy", "most_gbq"), [(30.0, 7.0), (15.0, 10.0)])
def test_an_exception_only_ever_lets_a_limit_go_further(whole_gy: float, most_gbq: float) -> None:
    """70 Gy at 10 Gy/GBq; 150 Gy in the whole liver are 5 or 10 GBq."""
    rule = limit("perfused-mean", "at most", 70.0, unless_whole_liver_gy=150.0)
    liver = PlannedDose("whole liver", "liver", 1500.0, whole_gy, 0.9)
    per_gbq = Distribution(lung_dose_gy=5.0, whole_liver=liver)
    assert _most_gbq(rule, 10.0, inputs(), per_gbq) == pytest.approx(most_gbq)


def test_rounding_alone_neither_breaks_a_limit_nor_misses_an_aim() -> None:
    cap, aim = limit("perfused-mean", "at most", 40.0), limit("tumour-mean", "at least", 205.0)
    assert is_met(cap, 40.0 * (1 + 1e-12))
    assert not is_met(cap, 40.0 * (1 + 1e-6))
    assert is_met(aim, 205.0 * (1 - 1e-12))
    assert not is_met(aim, 205.0 * (1 - 1e-6))
    ends = limit("tumour-mean", "at least", 205.0, upper=300.0)
    assert is_met(ends, 300.0 * (1 + 0.9e-9))
    assert not is_met(ends, 300.0 * (1 + 1e-6))
