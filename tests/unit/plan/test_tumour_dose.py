"""What a prescribed tumour dose is for: the mean by mass, one lesion, or every one."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, PlanError
from opensirt.plan.model import planning_models
from opensirt.plan.plan import Plan, Prescription, TumourInput, prescription_from
from opensirt.units import BQ_PER_GBQ
from tests.unit.plan.samples import codes, inputs, text_of

LESIONS = (
    TumourInput("big", 200.0, 4.0),
    TumourInput("middle", 50.0, 2.0),
    TumourInput("speck", 0.014, 0.5, is_measurable=False),
)
"""Per GBq D_N = 50 x 0.9 / (0.8 + 0.1 + 1.2) = 21.4286 Gy but for 7 mg of the speck."""
NORMAL_GY = 45.0 / (2.1 + 0.5 * 0.014e-3)


def solve(purpose: str | None = None, index: str | None = None, **changes: object) -> Plan:
    prescription = prescription_from(tumour_dose_gy=120.0, purpose=purpose, index_lesion=index)
    given = {"tumours": LESIONS, "perfused_mass_g": 1450.1, **changes}
    return planning_models.create("partition").plan(inputs(**given), prescription)


def gbq(plan: Plan) -> float:
    return plan.delivered_activity_bq / BQ_PER_GBQ


@pytest.mark.parametrize("purpose", [None, "mean"])
def test_the_mean_by_mass_of_measurable_lesions(purpose: str | None) -> None:
    """(200 x 4 + 50 x 2) / 250 = 3.6 times normal liver; neither 3 (by number) nor 4 nor 0.5."""
    plan = solve(purpose)
    assert gbq(plan) == pytest.approx(120 / (3.6 * NORMAL_GY), rel=1e-12)
    assert [t.name for t in plan.tumours] == ["big", "middle", "speck"]
    assert plan.tumours[2].mean_dose_gy == pytest.approx(120 / 3.6 * 0.5)
    text = text_of(plan, "prescription-for-mean")
    assert "the mean of 2 lesions by mass" in text
    assert "16.7 Gy ('speck') to 133.3 Gy ('big')" in text
    assert "1 lesions below the image resolution do not decide: 'speck'" in text
    assert codes(plan)["prescription-for-mean"] == ("note" if purpose else "warn")
    assert ("was not chosen" in text) is (purpose is None)


def test_each_is_decided_by_the_coldest_measurable_lesion() -> None:
    plan = solve("each")
    assert gbq(plan) == pytest.approx(60 / NORMAL_GY, rel=1e-12)
    assert text_of(plan, "tumour-that-decides").startswith("Tumour 'middle' takes up least of 2")


def test_the_index_lesion_is_the_largest_or_the_one_named() -> None:
    assert gbq(solve("index")) == pytest.approx(30 / NORMAL_GY, rel=1e-12)
    assert gbq(solve(index="middle")) == pytest.approx(60 / NORMAL_GY, rel=1e-12)
    assert gbq(solve("index", "speck")) == pytest.approx(240 / NORMAL_GY, rel=1e-12)
    assert codes(solve(index="speck"))["index-lesion-too-small"] == "warn"
    assert "index-lesion-too-small" not in codes(solve(index="middle"))
    with pytest.raises(PlanError, match=r"no lesion 'Big' .*; choose one of big, middle, speck"):
        solve(index="Big")


def test_the_largest_is_by_mass_and_not_by_uptake() -> None:
    lesions = (TumourInput("hot", 10.0, 9.0), TumourInput("large", 300.0, 2.0))
    plan = solve("index", tumours=lesions, perfused_mass_g=None)
    assert plan.tumours[1].mean_dose_gy == pytest.approx(120.0)


def test_one_lesion_is_exact_for_every_purpose() -> None:
    for purpose in (None, "mean", "index", "each"):
        plan = solve(purpose, tumours=LESIONS[:1])
        assert plan.tumours[0].mean_dose_gy == pytest.approx(120.0)
        assert not {"prescription-for-mean", "tumour-that-decides"} & set(codes(plan))


@pytest.mark.parametrize("purpose", [None, "mean", "each", "index"])
def test_lesions_too_small_to_measure_do_not_decide_unasked(purpose: str | None) -> None:
    with pytest.raises(PlanError, match=r"none of 1 lesions is at least one resolution width"):
        solve(purpose, tumours=LESIONS[2:])
    assert solve(index="speck", tumours=LESIONS[2:]).tumours[0].mean_dose_gy == pytest.approx(120)


def test_a_purpose_needs_a_tumour_dose_and_a_known_name() -> None:
    with pytest.raises(InputError, match="needs a tumour dose; this one is by binding-limit"):
        prescription_from(purpose="mean")
    with pytest.raises(InputError, match="needs a tumour dose; this one is by normal-dose"):
        prescription_from(normal_dose_gy=40.0, index_lesion="big")
    with pytest.raises(InputError, match="for mean, index or each, got 'coldest'; choose one"):
        prescription_from(tumour_dose_gy=120.0, purpose="coldest")
    with pytest.raises(InputError, match=r"'big'\) needs a prescription for index, got mean"):
        prescription_from(tumour_dose_gy=120.0, purpose="mean", index_lesion="big")


def test_a_prescription_says_what_it_is_for() -> None:
    base = {"kind": "tumour-dose", "value": 120.0}
    assert solve().prescription.as_dict() == base | {"purpose": "mean"}
    named = solve(index="big").prescription.as_dict()
    assert named == base | {"purpose": "index", "index_lesion": "big"}
    assert Prescription("activity", 1e9).as_dict() == {"kind": "activity", "value": 1e9}
    assert solve().provenance.options["prescription"] == base  # as asked, to be repeated


def test_aims_do_not_judge_lesions_that_cannot_be_measured() -> None:
    """120 Gy as the mean: 133 and 66.7 Gy; the speck's 16.7 Gy are blur."""
    text = text_of(solve(), "tumour-dose-target")
    assert text.startswith("1 of 2 tumours do not reach")
    assert "speck" not in text
