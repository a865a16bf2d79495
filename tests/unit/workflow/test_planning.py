"""What the verbs hand to quantification, planning and dose, on a liver of a few large voxels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opensirt.case import Assumptions, Case, Patient, StudyImage, Treatment
from opensirt.errors import CaseError, InputError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.plan.plan import Prescription
from opensirt.quantify import liver_compartments, tumour_to_normal
from opensirt.units import Unit
from opensirt.workflow import ClinicalFacts, compute_dose, make_plan, planning, quantify_activity
from opensirt.workflow.planning import _apart_findings, _as_given, calibrate
from opensirt.workflow.setting import make_setting
from tests.unit.quantify.samples import block

GRID = Grid.regular((10, 10, 12), (20.0, 20.0, 10.0), (-50.0, 70.0, 900.0))
"""Voxels of 4 mL."""
LIVER = block("liver", "liver", (2, 8), (2, 8), (1, 11), grid=GRID)
RIGHT = block("right", "perfused", (2, 8), (2, 8), (5, 11), grid=GRID)
LESION = block("T1", "tumour", (3, 5), (3, 5), (7, 9), grid=GRID)
DEAD = block("dead", "necrosis", (3, 4), (3, 5), (7, 9), grid=GRID)
BLADDER = block("bladder", "gallbladder", (6, 7), (6, 7), (6, 8), grid=GRID)
LUNGS = block("lungs", "lungs", (8, 9), (2, 8), (1, 11), grid=GRID)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def counts(scale: float = 1.0) -> np.ndarray:
    """4 in the lesion, 1 in the rest of the perfused part, 0.25 in the lungs."""
    values = np.zeros(GRID.shape, np.float32)
    for region, value in ((LUNGS, 0.25), (RIGHT, 1.0), (LESION, 4.0)):
        values[region.box] = value
    return values * np.float32(scale)


def case(*regions: Region, role: str = "planning-activity", unit: Unit = Unit.COUNTS, **more):
    scale, time = (1e6, NOON) if unit is Unit.BQ_PER_ML else (1.0, None)
    volume = Volume(counts(scale), GRID, unit, None, time)
    words = {"assumptions": Assumptions(1.05, None, 900.0), "patient": Patient("F", 171.0, 66.0)}
    return Case(
        "a", (StudyImage(role, volume, "x", modality="NM"),),
        Regions((LIVER, RIGHT, LUNGS, *regions)), **(words | more),
    )  # fmt: skip


def plan_of(of: Case, **words):
    asked = {"model": "partition", "product": "resin-y90"} | words
    return make_plan(of, quantify_activity(of), **asked)


def test_a_map_of_counts_is_shared_out_over_the_perfused_part_and_the_lungs() -> None:
    """Lungs 60 x 0.25 = 15 counts of 15 + 216 + 8 x 3 = 255; a voxel of the perfused part has 1/240
    of what stays, a voxel of the lungs 1/60 of what does not."""
    activity, summary = calibrate(case(LESION), "y90")
    shunt = 15 / 255
    assert summary.lung_shunt_fraction == pytest.approx(shunt)
    assert activity.values[2, 2, 5] == pytest.approx(1e9 * (1 - shunt) / 240 / 4.0, rel=1e-5)
    assert activity.values[8, 2, 1] == pytest.approx(1e9 * shunt / 60 / 4.0, rel=1e-5)
    assert activity.values[2, 2, 1] == 0.0
    assert summary.elsewhere_fraction == pytest.approx(0.0, abs=1e-6)


def test_a_map_after_treatment_is_carried_back_and_kept() -> None:
    """Twice what the image shows, 64.1 h after injection; 4 mL x 255 voxel counts of 1e6 Bq/mL."""
    given = Treatment("resin-y90", 2.0e9, NOON - timedelta(hours=64.1))
    treated = case(LESION, role="treatment-activity", unit=Unit.BQ_PER_ML, treatment=given)
    activity, summary = calibrate(treated, "y90")
    assert activity.values[2, 2, 5] == pytest.approx(2e6, rel=1e-4)
    assert activity.total() == pytest.approx(2e6 * 4.0 * 255, rel=1e-4)
    assert (summary.method, activity.injected_bq) == ("absolute", 2.0e9)
    assert [f.code for f in summary.findings if "agree" in f.code] == ["activity-agrees"]
    with pytest.raises(CaseError, match="what was given is not stated"):
        calibrate(replace(treated, treatment=None), "y90")


def test_a_treatment_image_of_counts_is_relative_and_one_in_bq_before_treatment_too() -> None:
    given = Treatment("resin-y90", 2.0e9, NOON)
    for of in (
        case(role="treatment-activity", treatment=given),
        case(unit=Unit.BQ_PER_ML),
    ):
        assert calibrate(of, "y90")[1].method == "patient-relative"


def test_a_plan_takes_masses_ratio_and_body_of_the_case() -> None:
    """Lesion 8 voxels with 4 counts, normal liver 208 with 1, at 1.05 g/mL."""
    plan = plan_of(case(LESION), prescription=Prescription("activity", 1e9))
    assert plan.tumour_to_normal == pytest.approx(4.0, rel=1e-5)
    assert [t.mass_g for t in plan.tumours] == pytest.approx([8 * 4 * 1.05], rel=1e-5)
    assert plan.normal is not None
    assert plan.normal.mass_g == pytest.approx(208 * 4 * 1.05, rel=1e-5)
    assert (plan.lung.mass_g, plan.lung.shunt_fraction) == (900.0, pytest.approx(15 / 255))
    options = plan.provenance.options
    assert (options["model"], options["product"]) == ("partition", "resin-y90")
    assert (options["intent"], options["indication"]) == (plan.intent, plan.indication)
    assert "There is no CT: density 1.05 g/mL everywhere." in plan.provenance.assumptions
    body = plan_of(case(LESION), model="bsa")
    assert body.bsa_m2 == pytest.approx(0.20247 * 1.71**0.725 * 66**0.425)
    typed = plan_of(case(LESION), model="bsa", facts=ClinicalFacts(height_cm=160.0))
    assert typed.bsa_m2 == pytest.approx(0.20247 * 1.60**0.725 * 66**0.425)
    heavy = plan_of(case(LESION), model="bsa", facts=ClinicalFacts(weight_kg=90.0))
    assert heavy.bsa_m2 == pytest.approx(0.20247 * 1.71**0.725 * 90**0.425)


def test_activity_in_necrosis_and_organs_is_a_share_of_the_perfused_volume() -> None:
    """4 dead voxels of 4 counts and 2 of the gallbladder with 1: 18 of 240; the gallbladder's 2 of
    240 alone are below a fiftieth."""
    both = plan_of(case(LESION, DEAD, BLADDER), prescription=Prescription("activity", 1e9))
    (finding,) = [f for f in both.findings if f.code == "activity-outside-partition"]
    assert (finding.severity, finding.source) == ("warn", "assumption")
    assert finding.text.startswith("7.5 % of the activity in the perfused volume lies in bladder")
    assert "bladder and necrosis;" in finding.text
    few = plan_of(case(LESION, BLADDER), prescription=Prescription("activity", 1e9))
    assert not [f for f in few.findings if f.code == "activity-outside-partition"]


def test_activity_in_liver_that_is_not_perfused_is_no_part_of_that_share() -> None:
    """An even map: 6 of the 216 perfused voxels are apart, 2.8 %; of all 360 they were 1.7 %."""
    parts = liver_compartments(Regions((LIVER, RIGHT, LESION, DEAD, BLADDER)))
    even = Volume(np.ones(GRID.shape, np.float32), GRID, Unit.BQ_PER_ML)
    (finding,) = _apart_findings(even, parts)
    assert finding.text.startswith("2.8 % of the activity in the perfused volume lies in")
    left = liver_compartments(Regions((LIVER, RIGHT, LESION)))
    assert _apart_findings(even, left) == ()


def test_a_plan_has_the_findings_of_planning_measuring_and_the_image() -> None:
    """A cold lesion, one below the resolution: left out, named, and blurred."""
    cold = block("T2", "tumour", (6, 7), (3, 4), (2, 3), grid=GRID)
    wide = block("wide", "perfused", (2, 8), (2, 8), (1, 11), grid=GRID)
    of = case(LESION, cold, wide)
    plan = plan_of(of, prescription=Prescription("activity", 1e9))
    found = {f.code: f for f in plan.findings}
    assert {"indication-not-chosen", "lesion-without-uptake", "partial-volume"} <= set(found)
    assert len(plan.findings) == len(set(plan.findings))
    assert [t.name for t in plan.tumours] == ["T1"]


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Prescription("binding-limit"), 2.0e9),
        (Prescription("activity", 2.001e9), 2.001e9),
        (Prescription("activity", 2.01e9), None),
        (Prescription("normal-dose", 2.0e9), None),
    ],
)
def test_after_treatment_only_what_was_given_is_planned(asked, value) -> None:
    given = Treatment("resin-y90", 2.0e9)
    if value is None:
        with pytest.raises(InputError, match="shows the 2 GBq that were given"):
            _as_given(given, "resin-y90", asked, 0.0)
        return
    found = _as_given(given, "resin-y90", asked, 0.0)
    assert (found.kind, found.value) == ("activity", pytest.approx(value))


def test_a_dose_is_of_the_density_of_the_case_and_the_nuclide_of_the_map() -> None:
    """Local: a K / rho; by another constant in proportion."""
    of = case(LESION)
    activity = quantify_activity(of)
    dose = compute_dose(of, activity, engine="local")
    place = (2, 2, 5)
    by_hand = activity.values[place] / 1e9 * 49.67 / (1.05 / 1000)
    assert dose.values[place] == pytest.approx(by_hand, rel=0.01)
    ho = compute_dose(of, replace(activity, nuclide="ho166"), engine="local")
    assert ho.values[place] < 0.5 * dose.values[place]
    with pytest.raises(CaseError, match="the map does not name its nuclide"):
        compute_dose(of, replace(activity, nuclide=None), engine="local")
    assert float(make_setting(of).density.values[place]) == pytest.approx(1.05)


def test_the_ratio_is_per_gram_and_by_the_width_of_the_image(monkeypatch) -> None:
    """A lesion of 1.2 times the density of liver: 4 counts over 1 per mL are 3.33 per gram."""
    hu = np.full(GRID.shape, 0.0, np.float32)
    hu[LESION.box] = 260.0
    ct = StudyImage("ct", Volume(hu, GRID, Unit.HU), "CT")
    for modality, width_mm in (("NM", 12.0), ("PT", 7.0)):
        of = case(LESION, assumptions=Assumptions(lung_mass_g=900.0))
        spect = replace(of.images[0], modality=modality)
        of = replace(of, images=(ct, spect))
        asked = {}

        def measure(*given, asked=asked, **words):
            asked.update(words)
            return tumour_to_normal(*given, **words)

        monkeypatch.setattr(planning, "tumour_to_normal", measure)
        plan = plan_of(of, prescription=Prescription("activity", 1e9))
        density = make_setting(of).density
        assert asked == {"density": density, "resolution_mm": width_mm}
        parts = density.values[3, 3, 7] / density.values[2, 2, 5]
        assert parts > 1.1
        assert plan.tumour_to_normal == pytest.approx(4.0 / parts, rel=1e-4)
        assert plan.tumours[0].mass_g == pytest.approx(32.0 * density.values[3, 3, 7], rel=1e-4)
