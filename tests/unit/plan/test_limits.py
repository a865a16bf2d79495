"""Limits and rules against planned doses, and the activity that the binding limit gives."""

from __future__ import annotations

import pytest

from opensirt.errors import PlanError
from opensirt.findings import worst_severity
from opensirt.physics.references import cite
from opensirt.plan.model import planning_models
from opensirt.plan.plan import LungInput, Plan, Prescription, TumourInput
from opensirt.units import BQ_PER_GBQ
from tests.unit.plan.samples import codes, inputs, text_of


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


def test_glass_lung_activity_cap() -> None:
    """7 GBq x 0.1 = 0.7 GBq in the lungs, above the 0.61 GBq of the maker."""
    plan = solve("mird", activity(7.0), product="glass-y90", lung=LungInput(0.1, 1500))
    assert codes(plan)["lung-activity-cap"] == "warn"
    assert text_of(plan, "lung-activity-cap") == (
        "0.700 GBq reach the lungs; the maker's cap is 0.61 GBq: broken."
    )
    kept = solve("mird", activity(6.0), product="glass-y90", lung=LungInput(0.1, 1500))
    assert codes(kept)["lung-activity-cap-met"] == "note"


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
