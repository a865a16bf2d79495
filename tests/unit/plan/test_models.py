"""The planning models: activities and doses by hand, and what each model refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.errors import InputError, PlanError, UnknownNameError
from opensirt.image import Grid, Volume
from opensirt.plan.model import planning_models
from opensirt.plan.plan import (
    BsaInput,
    LungInput,
    Plan,
    PlanningInput,
    Prescription,
    PrescriptionKind,
    TumourInput,
)
from opensirt.units import BQ_PER_GBQ, Unit
from tests.unit.plan.samples import codes, inputs, text_of


def solve(
    model: str, kind: PrescriptionKind, value: float | None = None, **changes: object
) -> Plan:
    given = changes.pop("given", None) or inputs(**changes)
    assert isinstance(given, PlanningInput)
    return planning_models.create(model).plan(given, Prescription(kind, value))


def gbq(plan: Plan) -> float:
    return plan.delivered_activity_bq / BQ_PER_GBQ


def test_names() -> None:
    assert {"bsa", "mird", "partition"} <= set(planning_models.names())
    with pytest.raises(UnknownNameError, match="planning model 'voodoo' is unknown; choose one of"):
        planning_models.create("voodoo")


@pytest.mark.parametrize(
    ("kind", "value", "activity_gbq"),
    [
        ("tumour-dose", 120.0, 120 / ((200 * 85.714286 + 50 * 42.857143) / 250)),
        ("normal-dose", 40.0, 40 / 21.428571),
        ("perfused-dose", 60.0, 60 / 31.034483),
        ("activity", 2e9, 2.0),
    ],
)
def test_partition_by_each_prescription(
    kind: PrescriptionKind, value: float, activity_gbq: float
) -> None:
    plan = solve("partition", kind, value)
    assert gbq(plan) == pytest.approx(activity_gbq, rel=1e-7)
    assert plan.normal is not None
    assert plan.whole_normal is not None
    assert plan.perfused is not None
    assert plan.normal.mean_dose_gy == pytest.approx(21.428571 * activity_gbq, rel=1e-7)
    assert plan.whole_normal.mean_dose_gy == pytest.approx(16.071429 * activity_gbq, rel=1e-7)
    assert plan.perfused.mean_dose_gy == pytest.approx(31.034483 * activity_gbq, rel=1e-7)
    assert plan.lung.dose_gy == pytest.approx(5.0 * activity_gbq)
    assert [t.mean_dose_gy for t in plan.tumours] == pytest.approx(
        [85.714286 * activity_gbq, 42.857143 * activity_gbq]
    )
    assert plan.tumour_to_normal == pytest.approx((200 * 4 + 50 * 2) / 250)
    assert plan.nuclide == "y90"


def test_what_each_part_holds_of_the_activity_by_partition() -> None:
    """L 0.1 goes to the lungs; r m over 2100 g of the rest: 800, 100 and 1200 g."""
    plan = solve("partition", "activity", 2e9, whole_liver_mass_g=1900.0)
    assert plan.perfused is not None
    parts = (*plan.tumours, plan.normal, plan.whole_normal, plan.perfused, plan.whole_liver)
    found = [(p.name, p.role, p.mass_g, p.activity_fraction) for p in parts if p is not None]
    assert found == [
        ("T1", "tumour", 200.0, pytest.approx(0.9 * 800 / 2100)),
        ("T2", "tumour", 50.0, pytest.approx(0.9 * 100 / 2100)),
        ("perfused normal liver", "other", 1200.0, pytest.approx(0.9 * 1200 / 2100)),
        ("whole normal liver", "other", 1600.0, pytest.approx(0.9 * 1200 / 2100)),
        ("perfused volume", "perfused", 1450.0, pytest.approx(0.9)),
        ("whole liver", "liver", 1900.0, pytest.approx(0.9)),
    ]
    for part in parts:
        assert part is not None
        by_hand = 50.0 * 2.0 * part.activity_fraction / (part.mass_g / 1000)
        assert part.mean_dose_gy == pytest.approx(by_hand)
    assert (plan.lung.shunt_fraction, plan.lung.mass_g) == (0.1, 1000.0)
    assert plan.lung.dose_gy == pytest.approx(50.0 * 2.0 * 0.1)
    assert (plan.lung.shunt_source, plan.lung.mass_source) == ("measured", "measured")


def test_what_each_part_holds_of_the_activity_where_it_is_even() -> None:
    """All parts by their mass: 0.9 x 1250 / 1450 in normal liver, 0.9 in all of it."""
    plan = solve("mird", "activity", 2e9, tumours=(), normal_mass_g=1250.0, whole_liver_mass_g=2e3)
    parts = (plan.normal, plan.whole_normal, plan.perfused, plan.whole_liver)
    found = [(p.mass_g, p.activity_fraction, p.mean_dose_gy) for p in parts if p is not None]
    perfused_gy = 50.0 * 2.0 * 0.9 / 1.45
    assert found == [
        (1250.0, pytest.approx(0.9 * 1250 / 1450), pytest.approx(perfused_gy)),
        (1600.0, pytest.approx(0.9 * 1250 / 1450), pytest.approx(perfused_gy * 1250 / 1600)),
        (1450.0, pytest.approx(0.9), pytest.approx(perfused_gy)),
        (2000.0, pytest.approx(0.9), pytest.approx(45.0)),
    ]


def test_a_map_is_scaled_to_what_is_delivered() -> None:
    """2 GBq drawn up, a tenth stays behind: 1.8 GBq on a map of 3 GBq, so 0.6 of each voxel."""
    plan = solve("partition", "activity", 2e9, residual_fraction=0.1)
    grid = Grid.regular((1, 1, 2), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    values = np.array([[[1e9, 2e9]]], np.float32)
    of = Volume(values, grid, Unit.BQ_PER_ML, "tc99m", "injection", 3e9)
    scaled = plan.scale(of)
    assert scaled.values.ravel().tolist() == pytest.approx([0.6e9, 1.2e9])
    assert scaled.injected_bq == plan.delivered_activity_bq == pytest.approx(1.8e9)
    assert (scaled.nuclide, scaled.time) == ("y90", "injection")
    with pytest.raises(PlanError, match="does not state the injected activity it belongs to"):
        plan.scale(replace(of, injected_bq=None))


def test_every_formula_of_a_partition_adds_up_as_printed() -> None:
    """2 GBq delivered of 2.2222 drawn up: D_N = 50 x 2 x 0.9 / 2.1 = 42.857 Gy."""
    plan = solve("partition", "normal-dose", 300 / 7, residual_fraction=0.1)
    assert [f.numbers for f in plan.formulae] == [
        "50 Gy kg/GBq x 2.0000 GBq x (1 - 0.1000) / (4.000 x 0.2000 + 2.000 x 0.0500 + 1.2000) kg "
        "= 42.86 Gy",
        "4.000 x 42.86 Gy = 171.43 Gy",
        "2.000 x 42.86 Gy = 85.71 Gy",
        "42.86 Gy x 1.2000 kg / 1.6000 kg = 32.14 Gy",
        "50 Gy kg/GBq x 2.0000 GBq x 0.1000 / 1.0000 kg = 10.00 Gy",
        "2.0000 GBq / (1 - 0.1000) = 2.2222 GBq",
    ]


def test_every_formula_of_a_reduced_body_surface_adds_up_as_printed() -> None:
    """1.748 GBq less 20 % for a shunt of 12 %; 0.88 of it in 1.45 kg."""
    plan = solve(
        "bsa", "binding-limit", bsa=BODY, lung=LungInput(0.12, 800), tumours=(), normal_mass_g=None
    )
    assert [f.numbers for f in plan.formulae] == [
        "0.20247 x 1.750^0.725 x 70^0.425 = 1.8481 m2",
        "1.8481 - 0.2 + 200.0 / 2000.0 = 1.7481 GBq",
        "1.7481 GBq x (1 - 0.20) = 1.3985 GBq",
        "50 Gy kg/GBq x 1.3985 GBq x (1 - 0.1200) / 1.4500 kg = 42.44 Gy",
        "50 Gy kg/GBq x 1.3985 GBq x 0.1200 / 0.8000 kg = 10.49 Gy",
    ]


def test_the_formula_of_a_treated_part_adds_up_as_printed() -> None:
    part = BsaInput(175, 70, 100.0, 700.0, treated_fraction=0.4)
    plan = solve("bsa", "binding-limit", bsa=part)
    assert plan.formulae[1].numbers == "(1.8481 - 0.2 + 100.0 / 800.0) x 0.4000 = 0.7092 GBq"


def test_residual_acts_on_the_drawn_up_activity_only() -> None:
    """3 % stays in vial and tubing: the patient gets the same, more is drawn up."""
    plain = solve("partition", "normal-dose", 60.0)
    rest = solve("partition", "normal-dose", 60.0, residual_fraction=0.03)
    assert rest.delivered_activity_bq == pytest.approx(plain.delivered_activity_bq)
    assert rest.activity_bq == pytest.approx(plain.activity_bq / 0.97)
    drawn = solve("mird", "activity", 2e9, residual_fraction=0.03)
    assert drawn.activity_bq == pytest.approx(2e9)
    assert drawn.delivered_activity_bq == pytest.approx(1.94e9)
    assert drawn.lung.dose_gy == pytest.approx(9.7)
    assert rest.formulae[-1].numbers == "2.8000 GBq / (1 - 0.0300) = 2.8866 GBq"


def test_mird_with_the_perfused_mass_alone() -> None:
    """60 Gy in 1.45 kg: 60 x 1.45 / (50 x 0.9) = 1.9333 GBq."""
    plan = solve("mird", "perfused-dose", 60.0, tumours=(), normal_mass_g=None)
    assert gbq(plan) == pytest.approx(1.933333, rel=1e-6)
    assert plan.perfused is not None
    assert plan.perfused.mean_dose_gy == pytest.approx(60.0)
    assert (plan.normal, plan.whole_normal, plan.tumours) == (None, None, ())
    assert plan.formulae[0].numbers == (
        "60.00 Gy x 1.4500 kg / (50 Gy kg/GBq x (1 - 0.1000)) = 1.9333 GBq"
    )


def test_mird_reports_parts_by_ratio_where_they_are_known() -> None:
    plan = solve("mird", "perfused-dose", 60.0)
    assert gbq(plan) == pytest.approx(1.933333, rel=1e-6)
    assert plan.normal is not None
    assert plan.normal.mean_dose_gy == pytest.approx(21.428571 * 1.933333, rel=1e-6)
    assert codes(plan)["parts-by-uptake-ratio"] == "note"


def test_mird_without_tumours_is_uniform() -> None:
    plan = solve("mird", "perfused-dose", 60.0, tumours=(), perfused_mass_g=None)
    assert plan.normal is not None
    assert plan.whole_normal is not None
    assert plan.normal.mean_dose_gy == pytest.approx(60.0)
    assert plan.whole_normal.mean_dose_gy == pytest.approx(45.0)
    assert "parts-by-uptake-ratio" not in codes(plan)


def test_mird_gives_a_tumour_the_perfused_mean_where_normal_liver_is_unknown() -> None:
    plan = solve("mird", "perfused-dose", 60.0, normal_mass_g=None)
    assert [t.mean_dose_gy for t in plan.tumours] == pytest.approx([60.0, 60.0])
    assert plan.tumours[0].activity_fraction == pytest.approx(0.9 * 200 / 1450)


def test_necrosis_dilutes_the_perfused_mean_only() -> None:
    """A perfused volume of 1.5 kg holds 50 g of necrosis that takes up nothing."""
    plan = solve("partition", "activity", 1e9, perfused_mass_g=1500.0)
    assert plan.perfused is not None
    assert plan.normal is not None
    assert plan.perfused.mean_dose_gy == pytest.approx(30.0)
    assert plan.normal.mean_dose_gy == pytest.approx(21.428571)


@pytest.mark.parametrize("kind", ["tumour-dose", "normal-dose"])
def test_mird_has_one_compartment(kind: PrescriptionKind) -> None:
    with pytest.raises(PlanError, match=f"model 'mird' cannot prescribe by {kind}; use perfused"):
        solve("mird", kind, 100.0)


def test_partition_needs_tumours_and_normal_liver() -> None:
    with pytest.raises(InputError, match="model 'partition' needs a tumour with mass and ratio"):
        solve("partition", "normal-dose", 40.0, tumours=())
    with pytest.raises(InputError, match="model 'partition' needs the perfused normal liver mass"):
        solve("partition", "normal-dose", 40.0, normal_mass_g=None, perfused_mass_g=None)
    with pytest.raises(InputError, match="model 'mird' needs the perfused mass in g"):
        solve("mird", "activity", 1e9, normal_mass_g=None, perfused_mass_g=None, tumours=())


BODY = BsaInput(175, 70, tumour_volume_ml=200, normal_volume_ml=1800)


def test_bsa_activity_and_doses() -> None:
    """1.8481 - 0.2 + 0.1 = 1.7481 GBq; doses by partition of it."""
    plan = solve("bsa", "binding-limit", bsa=BODY)
    assert gbq(plan) == pytest.approx(1.7481, abs=5e-5)
    assert plan.bsa_m2 == pytest.approx(1.8481, abs=5e-5)
    assert plan.normal is not None
    assert plan.normal.mean_dose_gy == pytest.approx(21.428571 * gbq(plan))
    assert plan.binding_limit == "The BSA formula (1.748 GBq) decides, no dose limit."
    assert [f.name for f in plan.formulae[:2]] == [
        "Body surface area (DuBois)",
        "Activity by body surface area",
    ]


def test_bsa_without_masses_gives_the_lung_dose_alone() -> None:
    bare = inputs(
        bsa=BODY, tumours=(), perfused_mass_g=None, normal_mass_g=None, whole_normal_mass_g=None
    )
    plan = solve("bsa", "binding-limit", given=bare)
    assert plan.lung.dose_gy == pytest.approx(5.0 * gbq(plan))
    assert (plan.perfused, plan.normal) == (None, None)


def test_bsa_with_the_perfused_mass_alone() -> None:
    plan = solve("bsa", "binding-limit", bsa=BODY, tumours=(), normal_mass_g=None)
    assert plan.perfused is not None
    assert plan.perfused.mean_dose_gy == pytest.approx(31.034483 * gbq(plan))
    assert plan.formulae[2].name == "Mean dose to the perfused volume"


def test_a_typed_activity_of_bsa_is_not_said_to_be_reduced_for_the_shunt() -> None:
    plan = solve("bsa", "activity", 1e9, bsa=BODY, lung=LungInput(0.18, 1000))
    assert gbq(plan) == pytest.approx(1.0)
    assert "shunt-reduction" not in codes(plan)
    assert codes(plan)["shunt-reduction-not-applied"] == "note"


@pytest.mark.parametrize(
    ("shunt", "factor"), [(0.0, 1.0), (0.10, 1.0), (0.12, 0.8), (0.15, 0.8), (0.18, 0.6)]
)
def test_bsa_is_reduced_for_the_shunt(shunt: float, factor: float) -> None:
    """Above 10 % by 20 %, above 15 % by 40 % (maker's instructions, van Roekel p. 41)."""
    plan = solve("bsa", "binding-limit", bsa=BODY, lung=LungInput(shunt, 1000))
    assert gbq(plan) == pytest.approx(1.74811 * factor, rel=1e-4)
    assert ("shunt-reduction" in codes(plan)) is (factor < 1)
    if factor < 1:
        assert plan.formulae[2].name == "Maker's reduction for the lung shunt"
        assert plan.binding_limit is not None
        assert "reduced for the lung shunt decides" in plan.binding_limit


def test_bsa_is_refused_above_the_contraindicated_shunt() -> None:
    with pytest.raises(PlanError, match=r"a lung shunt of 21\.0 % rules out resin-y90: the maker"):
        solve("bsa", "binding-limit", bsa=BODY, lung=LungInput(0.21, 1000))


def test_modified_bsa_scales_with_the_treated_part() -> None:
    """(1.8481 - 0.2 + 100/800) x 0.4 = 0.7092 GBq."""
    part = BsaInput(175, 70, tumour_volume_ml=100, normal_volume_ml=700, treated_fraction=0.4)
    plan = solve("bsa", "binding-limit", bsa=part)
    assert gbq(plan) == pytest.approx(0.70924, abs=2e-5)
    assert plan.formulae[1].name == "Activity by body surface area (modified, treated part)"


def test_bsa_compares_with_a_given_activity() -> None:
    plan = solve("bsa", "activity", 1.5e9, bsa=BODY)
    assert gbq(plan) == pytest.approx(1.5)
    assert text_of(plan, "bsa-activity").startswith("The BSA formula gives 1.748 GBq before")


def test_bsa_draws_up_what_was_given_and_delivers_less_by_the_residual() -> None:
    """2 GBq drawn up, 5 % stay behind: 1.9 GBq reach the patient."""
    plan = solve("bsa", "activity", 2e9, bsa=BODY, residual_fraction=0.05)
    assert plan.activity_bq == pytest.approx(2e9)
    assert plan.delivered_activity_bq == pytest.approx(1.9e9)


def test_bsa_is_for_resin() -> None:
    with pytest.raises(PlanError, match="is made for resin-y90, not for glass-y90; use model"):
        solve("bsa", "binding-limit", bsa=BODY, product="glass-y90")
    with pytest.raises(InputError, match="model 'bsa' needs height, weight"):
        solve("bsa", "binding-limit")
    with pytest.raises(PlanError, match="model 'bsa' cannot prescribe by tumour-dose"):
        solve("bsa", "tumour-dose", 100.0, bsa=BODY)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (BsaInput(0, 70, 1, 1), r"the height must be from 30 to 260 cm, got 0"),
        (BsaInput(175, float("nan"), 1, 1), r"the weight must be from 1 to 500 kg, got nan"),
        (BsaInput(175, 70, -1, 1), r"the tumour volume \(mL\) must be 0 or more, got -1"),
        (BsaInput(175, 70, 1, 0), r"the normal liver volume \(mL\) must be above 0, got 0"),
        (BsaInput(175, 70, 1, 1, treated_fraction=1.2), r"at most 1 \(1.2 % is 0.012\), got 1.2"),
        (BsaInput(175, 70, 1, 1, formula="haycock"), "surface formula 'haycock' is unknown"),
        (
            BsaInput(1.75, 70, 0, 1),
            r"the height must be from 30 to 260 cm, got 1.75; check the number and its unit",
        ),
    ],
)
def test_impossible_bodies(body: BsaInput, message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve("bsa", "binding-limit", bsa=body)


def test_mosteller_formula_is_written_out() -> None:
    plan = solve("bsa", "binding-limit", bsa=BsaInput(175, 70, 0, 1800, formula="mosteller"))
    assert plan.formulae[0].numbers == "sqrt(175 x 70 / 3600) = 1.8447 m2"
    assert gbq(plan) == pytest.approx(1.64466, abs=1e-5)


def test_the_formula_of_whole_normal_liver_adds_up_as_printed() -> None:
    """2 GBq: 42.857 Gy in 1.2 kg, over 1.6 kg."""
    plan = planning_models.create("partition").plan(inputs(), Prescription("activity", 2e9))
    found = next(f for f in plan.formulae if f.symbols == "D_WN = D_N m_N / m_WN")
    assert found.numbers == "42.86 Gy x 1.2000 kg / 1.6000 kg = 32.14 Gy"


def test_the_formula_by_body_surface_adds_up_as_printed() -> None:
    body = BsaInput(175, 70, tumour_volume_ml=200.0, normal_volume_ml=1800.0)
    plan = planning_models.create("bsa").plan(inputs(bsa=body), Prescription("binding-limit"))
    assert plan.formulae[1].numbers.startswith("1.8481 - 0.2 + 200.0 / 2000.0 = 1.7481 GBq")


def test_the_sum_over_many_tumours_weighs_each_by_its_ratio() -> None:
    """Six of 10 g with ratios 1 to 6 are 0.21 kg of normal liver."""
    many = tuple(TumourInput(f"T{n}", 10.0, float(n)) for n in range(1, 7))
    plan = planning_models.create("partition").plan(
        inputs(tumours=many), Prescription("activity", 2e9)
    )
    found = next(f for f in plan.formulae if f.symbols.startswith("D_N = "))
    assert "(0.2100 (sum over 6 tumours) + 1.2000) kg" in found.numbers
