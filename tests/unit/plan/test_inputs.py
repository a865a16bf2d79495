"""Planning input from measured compartments."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import CaseError
from opensirt.image import Region, Volume
from opensirt.physics.products import product
from opensirt.plan.inputs import ClinicalFacts, measured_input
from opensirt.plan.model import planning_models
from opensirt.plan.plan import BsaInput, LungInput, Prescription
from opensirt.quantify import (
    density_map,
    liver_compartments,
    patient_relative_activity,
    region_mass_g,
    tumour_to_normal,
)
from tests.unit.quantify.samples import GRID, block, lesion, perfused, regions, volume

LUNG = LungInput(0.1, 1000.0)


def image(t1: float = 8.0, t2: float = 4.0) -> Volume:
    counts = np.full(GRID.shape, 2.0, np.float32)
    counts[4:6, 4:6, 7:9] = t1
    counts[4:6, 4:6, 9:11] = t2
    return volume(counts)


def measured(counts: Volume, facts: ClinicalFacts | None = None):
    parts = liver_compartments(regions(perfused(), lesion(), lesion("T2", column=9)))
    density = density_map(None, GRID, 1.05)
    ratios = tumour_to_normal(counts, parts, density=density)
    return measured_input("resin-y90", parts, ratios, density, LUNG, facts)


def test_masses_and_ratios() -> None:
    """0.8 mL lesions, 16.4 mL perfused and 34.4 mL whole normal liver at 1.05 g/mL."""
    found, findings = measured(image())
    assert [t.mass_g for t in found.tumours] == pytest.approx([0.84, 0.84])
    assert [t.tumour_to_normal for t in found.tumours] == pytest.approx([4.0, 2.0])
    assert found.normal_mass_g == pytest.approx(16.4 * 1.05)
    assert found.whole_normal_mass_g == pytest.approx(34.4 * 1.05)
    assert found.perfused_mass_g == pytest.approx(18.0 * 1.05)
    assert found.dose_constant_gy_kg_per_gbq == product("resin-y90").dose_constant_gy_kg_per_gbq
    assert found.bsa is None
    assert findings == ()


def test_lesion_without_uptake_is_left_out_and_named() -> None:
    found, findings = measured(image(t2=0.0))
    assert [t.name for t in found.tumours] == ["T1"]
    assert findings[0].text.startswith("Lesion 'T2' shows no uptake above zero (0.00)")


def test_body_gives_the_treated_part() -> None:
    """1.6 of 18 mL are tumour; 18 of 36 mL liver are treated."""
    facts = ClinicalFacts(height_cm=175, weight_kg=70, dose_constant_gy_kg_per_gbq=49.38)
    found, _ = measured(image(), facts)
    assert found.bsa is not None
    assert found.bsa.tumour_volume_ml == pytest.approx(1.6)
    assert found.bsa.normal_volume_ml == pytest.approx(16.4)
    assert found.bsa.treated_fraction == pytest.approx(0.5)
    assert found.dose_constant_gy_kg_per_gbq == 49.38


def test_a_lesion_half_perfused_counts_by_half_for_the_body_formula() -> None:
    """The lesion's columns 5 and 6; the lobe begins at 6: 0.4 of 0.8 mL are tumour, 17.6 normal."""
    parts = liver_compartments(regions(perfused(), lesion(column=5)))
    facts = ClinicalFacts(height_cm=175, weight_kg=70)
    density = density_map(None, GRID, 1.05)
    found, _ = measured_input("resin-y90", parts, None, density, LUNG, facts)
    assert found.bsa is not None
    assert found.bsa.tumour_volume_ml == pytest.approx(0.4)
    assert found.bsa.normal_volume_ml == pytest.approx(17.6)


def test_the_perfused_part_of_a_lesion_that_is_not_targeted_is_tumour_too() -> None:
    """One voxel of 0.1 mL of a lesion of 41 lies in the lobe, beside a lesion of 0.8 mL."""
    mask = block("most", "tumour", (4, 6), (2, 6), (1, 6)).whole() > 0
    mask[4, 3, 6] = True
    parts = liver_compartments(
        regions(perfused(), Region.from_mask("wide", "tumour", mask, GRID), lesion(column=8))
    )
    assert [part.is_targeted for part in parts.lesions] == [False, True]
    facts = ClinicalFacts(height_cm=175, weight_kg=70)
    found, _ = measured_input("resin-y90", parts, None, density_map(None, GRID, 1.05), LUNG, facts)
    assert found.bsa is not None
    assert found.bsa.tumour_volume_ml == pytest.approx(0.9)
    assert found.bsa.normal_volume_ml == pytest.approx(17.1)


def test_dead_tissue_of_the_treated_part_is_no_tumour_for_the_body_formula() -> None:
    """Half of the 0.8 mL lesion is necrotic: 0.4 of 18 mL are tumour, and the parts make 18."""
    dead = block("dead", "necrosis", (4, 5), (4, 6), (7, 9))
    parts = liver_compartments(regions(perfused(), lesion(), dead))
    facts = ClinicalFacts(height_cm=162, weight_kg=81, bsa_formula="mosteller")
    density = density_map(None, GRID, 1.05)
    found, _ = measured_input("resin-y90", parts, None, density, LUNG, facts)
    assert found.bsa == BsaInput(
        162, 81, pytest.approx(0.4), pytest.approx(17.6), "mosteller", pytest.approx(0.5)
    )


@pytest.mark.parametrize("known", [{}, {"height_cm": 170.0}, {"weight_kg": 70.0}])
def test_a_body_needs_height_and_weight(known: dict[str, float]) -> None:
    found, _ = measured(image(), ClinicalFacts(**known))
    assert found.bsa is None


def test_every_fact_reaches_planning_under_its_own_name() -> None:
    facts = ClinicalFacts(
        indication="icc",
        intent="lobectomy",
        bilirubin_mg_dl=0.8,
        compromised_liver=False,
        previous_lung_dose_gy=12.0,
        residual_fraction=0.07,
        vials=3,
        hours_since_calibration=-5.0,
        activity_per_sphere="reviews",
    )
    found, _ = measured(image(), facts)
    for name in (
        "indication", "intent", "bilirubin_mg_dl", "compromised_liver", "previous_lung_dose_gy",
        "residual_fraction", "vials", "hours_since_calibration", "activity_per_sphere",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(facts, name), name
    assert found.lung == LUNG
    assert found.product == "resin-y90"


def test_lesions_below_the_resolution_are_marked() -> None:
    """0.8 mL is 11.5 mm across: measurable at 11 mm, not at 12 mm."""
    parts = liver_compartments(regions(perfused(), lesion()))
    density = density_map(None, GRID, 1.05)
    marks = []
    for width_mm in (11.0, 12.0):
        ratios = tumour_to_normal(image(t2=2.0), parts, density=density, resolution_mm=width_mm)
        found, _ = measured_input("resin-y90", parts, ratios, density, LUNG)
        marks.append(found.tumours[0].is_measurable)
        assert found.whole_liver_mass_g == pytest.approx(36.0 * 1.05)
    assert marks == [True, False]


def test_no_ratios_and_no_mass() -> None:
    parts = liver_compartments(regions(perfused(), lesion()))
    bare, _ = measured_input("glass-y90", parts, None, density_map(None, GRID, 1.0), LUNG)
    assert bare.tumours == ()
    with pytest.raises(CaseError, match="region 'perfused volume' has no mass on the density map"):
        measured_input("glass-y90", parts, None, volume(0.0).with_values(EMPTY, GRAMS), LUNG)


EMPTY = np.zeros(GRID.shape, np.float32)
GRAMS = density_map(None, GRID, 1.0).unit


def test_partition_agrees_with_the_scaled_map() -> None:
    """Mean dose by partition is energy over mass of the activity map in each compartment.

    The map and the partition rest on the same counts, so both must give the same dose.
    """
    parts = liver_compartments(regions(perfused(), lesion(), lesion("T2", column=9)))
    density = density_map(None, GRID, 1.05)
    counts = image()
    ratios = tumour_to_normal(counts, parts, density=density)
    given, _ = measured_input("resin-y90", parts, ratios, density, LUNG)
    plan = planning_models.create("partition").plan(given, Prescription("tumour-dose", 120.0))
    activity, _ = patient_relative_activity(
        counts, parts.perfused, lung_shunt_fraction=0.1, lungs=None, nuclide="y90"
    )
    scaled = plan.scale(activity)
    for planned, region in (
        (plan.tumours[0], parts.lesions[0].perfused),
        (plan.tumours[1], parts.lesions[1].perfused),
        (plan.normal, parts.perfused_normal),
        (plan.perfused, parts.perfused),
    ):
        gbq = region.sum_of(scaled) * GRID.voxel_volume_ml / 1e9
        kilogram = region_mass_g(region, density) / 1000
        assert planned is not None
        dose_gy = plan.dose_constant_gy_kg_per_gbq * gbq / kilogram
        assert planned.mean_dose_gy == pytest.approx(dose_gy, rel=1e-5)


def test_a_lesion_perfused_in_part_has_the_mass_of_the_part_and_says_so() -> None:
    """Columns 5 and 6: half of it is in the perfused volume."""
    parts = liver_compartments(regions(perfused(), lesion(column=5), lesion("T2", column=9)))
    density = density_map(None, GRID, 1.0)
    ratios = tumour_to_normal(image(), parts, density=density)
    found, _ = measured_input("resin-y90", parts, ratios, density, LUNG)
    assert [t.perfused_fraction for t in found.tumours] == [pytest.approx(0.5), 1.0]
    assert found.tumours[0].mass_g == pytest.approx(0.4)
    assert found.absent == {}


def test_why_there_is_nothing_to_plan_for() -> None:
    density = density_map(None, GRID, 1.0)
    outside = liver_compartments(regions(perfused(), lesion(column=2)))
    found, _ = measured_input("resin-y90", outside, None, density, LUNG)
    assert found.absent == {"tumour": "'T1' has no perfused part"}
    dead = block("dead", "necrosis", (4, 6), (4, 6), (7, 9))
    gone = liver_compartments(regions(perfused(), lesion(), dead, lesion("T2", column=9)))
    counts = image(t1=0.0, t2=0.0)
    ratios = tumour_to_normal(counts, gone, density=density)
    found, _ = measured_input("resin-y90", gone, ratios, density, LUNG)
    assert found.absent == {"tumour": "'T1' has no viable part; 'T2' has no uptake above zero"}
