"""Rules of the makers: the lung cap of glass, what vials hold, and how many spheres that is."""

from __future__ import annotations

import pytest

from opensirt.plan.model import planning_models
from opensirt.plan.plan import LungInput, Plan, Prescription
from opensirt.units import BQ_PER_GBQ
from tests.unit.plan.samples import codes, inputs, text_of


def solve(model: str, prescription: Prescription, **changes: object) -> Plan:
    return planning_models.create(model).plan(inputs(**changes), prescription)


def activity(gbq: float) -> Prescription:
    return Prescription("activity", gbq * BQ_PER_GBQ)


def test_glass_lung_activity_cap() -> None:
    """7 GBq x 0.1 = 0.7 GBq in the lungs, above the 0.61 GBq of the maker."""
    plan = solve("mird", activity(7.0), product="glass-y90", lung=LungInput(0.1, 1500))
    assert codes(plan)["lung-activity-cap"] == "warn"
    assert text_of(plan, "lung-activity-cap") == (
        "0.700 GBq reach the lungs; the maker's cap is 0.61 GBq: broken."
    )
    kept = solve("mird", activity(6.0), product="glass-y90", lung=LungInput(0.1, 1500))
    assert codes(kept)["lung-activity-cap-met"] == "note"


def test_the_cap_is_on_what_reaches_the_lungs_and_not_on_what_stays_in_the_vial() -> None:
    """6.5 GBq less 10 % are 5.85 GBq, a tenth of it 0.585 GBq; of what is drawn up it were 0.65."""
    plan = solve(
        "mird", activity(6.5), product="glass-y90", lung=LungInput(0.1, 1500), residual_fraction=0.1
    )
    assert text_of(plan, "lung-activity-cap-met") == (
        "0.585 GBq reach the lungs; the maker's cap is 0.61 GBq: met."
    )
    half = LungInput(0.5, 1500)
    equal = solve("mird", activity(1.22), product="glass-y90", lung=half)
    assert codes(equal)["lung-activity-cap-met"] == "note"
    above = solve("mird", activity(1.2202), product="glass-y90", lung=half)
    assert codes(above)["lung-activity-cap"] == "warn"
    assert not {"lung-activity-cap", "lung-activity-cap-met"} & set(
        codes(solve("mird", activity(1)))
    )


@pytest.mark.parametrize(
    ("product", "gbq", "vials", "code"),
    [
        ("resin-y90", 3.0, 1, None),
        ("resin-y90", 3.1, 1, "activity-needs-early-vial"),
        ("resin-y90", 6.5, 1, "activity-needs-early-vial"),
        ("resin-y90", 6.6, 1, "activity-beyond-vials"),
        ("resin-y90", 6.0, 2, None),
        ("resin-y90", 13.2, 2, "activity-beyond-vials"),
        ("glass-y90", 20.0, 1, None),
        ("glass-y90", 20.1, 1, "activity-beyond-vials"),
        ("ho166-plla", 12.0, 1, None),
        ("ho166-plla", 12.1, 1, "activity-beyond-vials"),
        ("ho166-plla", 24.0, 2, None),
    ],
)
def test_what_vials_hold(product: str, gbq: float, vials: int, code: str | None) -> None:
    """3 GBq of resin 72 h before calibration are 3 x 2^(72/64.1) = 6.53 GBq."""
    plan = solve("partition", activity(gbq), product=product, vials=vials)
    found = {c: s for c, s in codes(plan).items() if "vial" in c}
    severity = {"activity-beyond-vials": "stop", "activity-needs-early-vial": "warn"}
    assert found == ({code: severity[code]} if code else {})


def test_what_is_drawn_up_and_not_what_is_delivered_must_fit_the_vial() -> None:
    plan = solve("partition", activity(20.5), product="glass-y90", residual_fraction=0.1)
    assert codes(plan)["activity-beyond-vials"] == "stop"
    assert "20.50 GBq to draw up" in text_of(plan, "activity-beyond-vials")
    assert "2 vials are used (vials=2)" in text_of(plan, "activity-beyond-vials")


def test_the_vials_advised_are_as_many_as_hold_the_activity_at_the_earliest_use() -> None:
    """13.1 GBq are more than two vials of 6.53 GBq hold; five of 3 GBq would be too many."""
    plan = solve("partition", activity(13.1))
    assert "3 vials are used (vials=3)" in text_of(plan, "activity-beyond-vials")


def test_spheres_are_those_that_reach_the_patient_at_injection() -> None:
    """Resin, 2 GBq less 10 %, one day after calibration: 1.8e9 / (68.2 x 2^(-24/64.1))."""
    plan = solve("partition", activity(2.0), residual_fraction=0.1, hours_since_calibration=24.0)
    assert plan.spheres is not None
    left = 2 ** (-24 / 64.1)
    assert plan.spheres.count == pytest.approx(1.8e9 / (68.2 * left), rel=1e-9)
    assert plan.spheres.activity_per_sphere_bq == pytest.approx(68.2 * left, rel=1e-9)
    assert "sphere-number-at-calibration" not in codes(plan)
    unknown = solve("partition", activity(2.0), activity_per_sphere="reviews")
    assert unknown.spheres is not None
    assert unknown.spheres.count == pytest.approx(40e6)
    assert "1.30 times as many" in text_of(unknown, "sphere-number-at-calibration")


def test_what_was_given_is_not_planned_and_no_vials_are_advised() -> None:
    """7 GBq of resin in one vial of 3 GBq: the number is doubtful, but there is no plan to stop."""
    plan = solve("mird", activity(7.0), product="resin-y90", is_given=True)
    assert codes(plan)["given-beyond-vials"] == "warn"
    assert text_of(plan, "given-beyond-vials").startswith("7.00 GBq are stated as given, more than")
    assert not {"activity-beyond-vials", "residual-not-counted"} & set(codes(plan))
    assert not any("planned" in finding.text for finding in plan.findings)
    assert " Gy by the model of what was given; mean lung dose" in text_of(plan, "lung-dose-limit")
    small = solve("mird", activity(1.0), product="resin-y90", is_given=True, residual_fraction=0.1)
    assert "given-beyond-vials" not in codes(small)
    assert small.formulae[-1].name == "Activity drawn up"
