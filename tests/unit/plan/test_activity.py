"""The calculators and their JSON form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opensirt.errors import InputError, PlanError, UnknownNameError
from opensirt.physics.products import product
from opensirt.plan.activity import (
    CalculatorOptions,
    activity_bsa,
    activity_mird,
    activity_partition,
    activity_result,
    paired_tumours,
    typed_input,
)
from opensirt.plan.build import with_findings
from opensirt.plan.plan import BsaInput, LungInput, Prescription, prescription_from
from tests.unit.plan.samples import codes, text_of

OPTIONS = CalculatorOptions(0.1, 1000.0, 0.02, 50.0)


def test_partition_result_has_the_promised_keys() -> None:
    plan = activity_partition(
        "resin-y90", paired_tumours([200, 50], [4, 2]), 1200, Prescription("activity", 2e9), OPTIONS
    )
    result = activity_result(plan)
    assert set(result) == {
        "model",
        "product",
        "activity_gbq",
        "activity_mci",
        "delivered_activity_gbq",
        "lung",
        "tumours",
        "normal",
        "perfused",
        "whole_normal",
        "whole_liver",
        "indication",
        "intent",
        "spheres",
        "bsa_m2",
        "dose_constant_gy_kg_per_gbq",
        "findings",
    }
    assert result["activity_gbq"] == pytest.approx(2.0)
    assert result["activity_mci"] == pytest.approx(54.054054)
    assert result["delivered_activity_gbq"] == pytest.approx(1.96)
    assert result["lung"] == pytest.approx(
        {"dose_gy": 9.8, "shunt_fraction": 0.1, "mass_g": 1000.0}
    )
    assert result["tumours"][0] == pytest.approx(
        {"name": "tumour 1", "mass_g": 200, "dose_gy": 168.0}
    )
    assert result["normal"]["dose_gy"] == pytest.approx(42.0)
    assert json.loads(json.dumps(result)) == result


def test_each_dose_of_a_result_is_that_of_its_own_part() -> None:
    """1.96 GBq x 0.9 x 50 = 88.2 Gy kg: 88.2 / 2.1 in normal liver, 1.2 / 1.6 of that in all of it,
    88.2 / 1.45 in the perfused and 88.2 / 1.8 in the whole liver."""
    options = replace(OPTIONS, whole_normal_mass_g=1600.0, whole_liver_mass_g=1800.0)
    tumours = paired_tumours([200, 50], [4, 2])
    given = Prescription("activity", 2e9)
    result = activity_result(activity_partition("resin-y90", tumours, 1200, given, options))
    assert result["normal"]["dose_gy"] == pytest.approx(42.0)
    assert result["whole_normal"]["dose_gy"] == pytest.approx(31.5)
    assert result["perfused"]["dose_gy"] == pytest.approx(88.2 / 1.45)
    assert result["whole_liver"]["dose_gy"] == pytest.approx(49.0)
    assert [t["dose_gy"] for t in result["tumours"]] == pytest.approx([168.0, 84.0])


def test_mird_result_says_what_it_does_not_know() -> None:
    result = activity_result(
        activity_mird("glass-y90", 1000, Prescription("perfused-dose", 120), OPTIONS)
    )
    assert result["perfused"]["dose_gy"] == pytest.approx(120.0)
    assert result["normal"] == {"dose_gy": None}
    assert result["tumours"] == []
    assert result["bsa_m2"] is None


def test_bsa_result() -> None:
    result = activity_result(activity_bsa("resin-y90", BsaInput(175, 70, 200, 1800), OPTIONS))
    assert result["bsa_m2"] == pytest.approx(1.8481, abs=5e-5)
    assert result["activity_gbq"] == pytest.approx(1.7481 / 0.98, abs=5e-5)
    assert result["perfused"] == {"dose_gy": None}


def test_what_is_not_given_is_assumed_and_said() -> None:
    plan = activity_mird("glass-y90", 1000, Prescription("perfused-dose", 120))
    assert plan.lung.shunt_fraction == 0.0
    assert plan.lung.mass_g == 1000.0
    assert plan.dose_constant_gy_kg_per_gbq == product("glass-y90").dose_constant_gy_kg_per_gbq
    assert codes(plan)["lung-shunt-unknown"] == "warn"
    assert not {"lung-shunt-assumed", "lung-mass-assumed"} & set(codes(plan))


@pytest.mark.parametrize("name", ["glass-y90", "resin-y90"])
def test_a_shunt_that_nobody_stated_keeps_no_limit_of_the_lungs(name: str) -> None:
    """0 that was typed is kept and met; nothing typed is neither met nor shown as 0 Gy."""
    wish = Prescription("perfused-dose", 120)
    plan = activity_mird(name, 1000, wish)
    stated = activity_mird(name, 1000, wish, CalculatorOptions(lung_shunt_fraction=0.0))
    assert plan.activity_bq == stated.activity_bq
    about_lungs = [c for c in codes(stated) if c.startswith("lung-") and "mass" not in c]
    assert "lung-dose-limit-met" in about_lungs
    assert ("lung-activity-cap-met" in about_lungs) == (name == "glass-y90")
    assert [c for c in codes(plan) if c.startswith("lung-")] == ["lung-shunt-unknown"]
    said = text_of(plan, "lung-shunt-unknown")
    for limit in stated.limits:
        if limit.quantity.startswith("lung"):
            assert limit.text in said
    assert "Mean lung dose" not in [formula.name for formula in plan.formulae]
    result, known = activity_result(plan), activity_result(stated)
    assert (result["lung"]["dose_gy"], result["lung"]["shunt_fraction"]) == (None, None)
    assert (known["lung"]["dose_gy"], known["lung"]["shunt_fraction"]) == (0.0, 0.0)


def test_the_largest_activity_within_limits_needs_a_shunt() -> None:
    masses = CalculatorOptions(whole_normal_mass_g=1500)
    with pytest.raises(PlanError, match="needs the lung shunt, which was not given"):
        activity_mird("glass-y90", 1000, Prescription("binding-limit"), masses)


def test_the_mass_that_is_missing_is_named_and_can_be_given() -> None:
    """1 kg perfused with 60 Gy, of it 0.9 kg normal, of 1.5 kg in all: 60 and 36 Gy."""
    facts = CalculatorOptions(0.05, 1000, indication="mcrc", intent="bilobar")
    wish = Prescription("perfused-dose", 60)
    whole = replace(facts, whole_normal_mass_g=1500)
    lacking = activity_mird("resin-y90", 1000, wish, whole)
    said = text_of(lacking, "perfused-normal-dose-limit-unknown-mass")
    assert said.endswith("Give the mass of perfused normal liver.")
    assert "(perfused normal liver" in text_of(lacking, "limits-not-checked")
    known = activity_mird("resin-y90", 1000, wish, whole, normal_mass_g=900)
    assert "perfused-normal-dose-limit-unknown-mass" not in codes(known)
    assert text_of(known, "perfused-normal-dose-limit").startswith("60.0 Gy planned")
    assert known.whole_normal is not None
    assert known.whole_normal.mean_dose_gy == pytest.approx(36.0)


def test_masses_and_ratios_must_pair() -> None:
    with pytest.raises(InputError, match="got 2 masses and 1 ratios"):
        paired_tumours([200, 50], [4])


def test_unknown_product() -> None:
    with pytest.raises(UnknownNameError, match="product 'gold' is unknown; choose one of"):
        activity_mird("gold", 1000, Prescription("perfused-dose", 120))


def test_provenance_holds_what_is_needed_to_compute_it_again() -> None:
    plan = activity_mird("glass-y90", 1000, Prescription("perfused-dose", 120), OPTIONS)
    options = plan.provenance.options
    assert options["planning model"] == "mird"
    assert options["prescription"] == {
        "kind": "perfused-dose",
        "value": 120,
    }
    assert options["planning input"]["dose_constant_gy_kg_per_gbq"] == 50.0
    assert "chiesa2021" in plan.provenance.citations


def test_findings_can_be_added_once() -> None:
    plan = activity_mird("glass-y90", 1000, Prescription("perfused-dose", 120), OPTIONS)
    assert with_findings(plan, plan.findings[0]).findings == plan.findings


def test_every_option_reaches_planning_under_its_own_name() -> None:
    options = CalculatorOptions(
        lung_shunt_fraction=0.04,
        lung_mass_g=880.0,
        residual_fraction=0.07,
        dose_constant_gy_kg_per_gbq=49.38,
        indication="icc",
        intent="lobectomy",
        bilirubin_mg_dl=0.8,
        previous_lung_dose_gy=12.0,
        compromised_liver=False,
        whole_normal_mass_g=1500.0,
        whole_liver_mass_g=1700.0,
        vials=3,
        hours_since_calibration=-5.0,
        activity_per_sphere="reviews",
    )
    found = typed_input("resin-y90", options, perfused_mass_g=900.0)
    assert found.lung == LungInput(0.04, 880.0, "given", "given")
    assert (found.product, found.perfused_mass_g) == ("resin-y90", 900.0)
    for name in (
        "residual_fraction", "dose_constant_gy_kg_per_gbq", "indication", "intent",
        "bilirubin_mg_dl", "previous_lung_dose_gy", "compromised_liver", "whole_normal_mass_g",
        "whole_liver_mass_g", "vials", "hours_since_calibration", "activity_per_sphere",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(options, name), name
    bare = typed_input("resin-y90", None).lung
    assert (bare.shunt_fraction, bare.mass_g) == (0.0, 1000.0)
    assert bare.shunt_source == "assumption: none given"
    assert bare.mass_source == "assumption: reference mass"
    half = typed_input("resin-y90", CalculatorOptions(lung_mass_g=700.0)).lung
    assert half == LungInput(0.0, 700.0, "assumption: none given", "given", is_known=False)


def test_the_rest_of_a_result_is_that_of_the_plan() -> None:
    options = replace(OPTIONS, indication="hcc", intent="bilobar", hours_since_calibration=0.0)
    plan = activity_bsa("resin-y90", BsaInput(175, 70, 200, 1800), options)
    result = activity_result(plan)
    assert (result["model"], result["product"]) == ("bsa", "resin-y90")
    assert (result["indication"], result["intent"]) == ("hcc", "bilobar")
    assert result["dose_constant_gy_kg_per_gbq"] == 50.0
    assert result["spheres"]["count"] == pytest.approx(plan.delivered_activity_bq / 68.2)
    assert [f["code"] for f in result["findings"]] == [f.code for f in plan.findings]


@pytest.mark.parametrize(
    ("words", "kind", "value"),
    [
        ({"tumour_dose_gy": 120.0}, "tumour-dose", 120.0),
        ({"perfused_dose_gy": 60.0}, "perfused-dose", 60.0),
        ({"normal_dose_gy": 40.0}, "normal-dose", 40.0),
        ({"activity_gbq": 1.7}, "activity", 1.7e9),
        ({}, "binding-limit", None),
    ],
)
def test_the_one_number_given_is_the_prescription(words: dict, kind: str, value: float) -> None:
    found = prescription_from(**words)
    assert (found.kind, found.value) == (kind, value)
    assert (found.purpose, found.index_lesion) == (None, None)


def test_two_numbers_or_a_purpose_without_one_are_refused() -> None:
    with pytest.raises(InputError, match="found normal-dose and activity; give only one of them"):
        prescription_from(normal_dose_gy=40.0, activity_gbq=1.0)
    with pytest.raises(InputError, match="needs a tumour dose; this one is by normal-dose"):
        prescription_from(normal_dose_gy=40.0, purpose="each")
    with pytest.raises(InputError, match="needs a tumour dose; this one is by binding-limit"):
        prescription_from(index_lesion="T1")
    with pytest.raises(InputError, match=r"an index lesion .* needs a prescription for index"):
        prescription_from(tumour_dose_gy=120.0, purpose="each", index_lesion="T1")
    with pytest.raises(InputError, match="a tumour dose is for mean, index or each, got 'most'"):
        prescription_from(tumour_dose_gy=120.0, purpose="most")
    named = prescription_from(tumour_dose_gy=120.0, index_lesion="T1")
    assert (named.purpose, named.index_lesion) == ("index", "T1")
    assert named.as_dict() == {
        "kind": "tumour-dose", "value": 120.0, "purpose": "index", "index_lesion": "T1",
    }  # fmt: skip
