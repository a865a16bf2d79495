"""What planning takes from a case: both lungs and their mass, the width of the image, choices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import opensirt as sirt
from opensirt.case import Assumptions, Case
from opensirt.errors import CaseError
from opensirt.image import Region, Regions
from opensirt.plan.plan import Plan, Prescription, prescription_from
from opensirt.units import BQ_PER_GBQ
from opensirt.workflow import ClinicalFacts, RunOptions
from opensirt.workflow.setting import make_setting
from tests.cases import OUTLINE_MM, ellipsoid, grid, small_case

ON = grid()


def right_side(on=ON) -> np.ndarray:
    """True in the right half of the grid's columns."""
    side = np.zeros(on.shape, bool)
    side[:, :, on.shape[2] // 2 :] = True
    return side


def with_lungs(case: Case, *lungs: Region) -> Case:
    kept = [region for region in case.regions if region.role != "lungs"]
    return replace(case, regions=Regions((*kept, *lungs)))


def uneven_case() -> Case:
    """Lungs of 0.2 g/mL on one side, 0.4 g/mL and three times the counts on the other."""
    case = small_case()
    ct, spect = case.images
    lungs = ellipsoid(ON, (-60, 5, 80), (45, 70, 34)) + ellipsoid(ON, (60, 5, 80), (45, 70, 34))
    hu, counts = ct.volume.values.copy(), spect.volume.values.copy()
    hu[(lungs > 0) & ~right_side()] = -800.0
    hu[(lungs > 0) & right_side()] = -600.0
    counts[(lungs > 0) & right_side()] *= 3.0
    images = (
        replace(ct, volume=ct.volume.with_values(hu)),
        replace(spect, volume=spect.volume.with_values(counts)),
    )
    return replace(case, images=images)


def halves(case: Case) -> tuple[Region, Region]:
    """The lungs as two regions, left and right."""
    whole = case.regions["lungs"]
    fractions, side = whole.whole(), right_side(whole.grid)
    return (
        Region.from_mask("Lunge links", "lung-left", np.where(side, 0.0, fractions), whole.grid),
        Region.from_mask("Lunge rechts", "lung-right", np.where(side, fractions, 0.0), whole.grid),
    )


def test_two_lung_regions_are_the_lungs_as_one() -> None:
    case = uneven_case()
    together = make_setting(sirt.prepare_case(case)).lung
    apart = make_setting(sirt.prepare_case(with_lungs(case, *halves(case)))).lung
    assert apart.shunt_fraction == pytest.approx(together.shunt_fraction, rel=2e-3)
    assert apart.mass_g == pytest.approx(together.mass_g, rel=2e-3)
    for alone in halves(case):
        with pytest.raises(CaseError, match="one of the two lungs is outlined"):
            make_setting(sirt.prepare_case(with_lungs(case, alone)))
        only = alone.named("the only lung", "lungs")
        setting = make_setting(sirt.prepare_case(with_lungs(case, only))).lung
        assert setting.mass_g < 0.8 * together.mass_g
        assert setting.shunt_fraction < 0.8 * together.shunt_fraction


def test_one_lung_is_enough_where_shunt_and_mass_are_both_given_for_the_plan() -> None:
    """The mass of one lung, or the shunt into it, is not taken for that of both."""
    case = uneven_case()
    alone = sirt.prepare_case(with_lungs(case, halves(case)[0]))
    known = {"lung_shunt_fraction": 0.07, "lung_mass_g": 900.0}
    for given in ({}, *({key: value} for key, value in known.items())):
        decided = Assumptions(**given, decided=frozenset(given))
        with pytest.raises(CaseError, match="one of the two lungs is outlined"):
            make_setting(replace(alone, assumptions=decided))
    both = replace(alone, assumptions=Assumptions(**known, decided=frozenset(known)))
    lung = make_setting(both).lung
    assert (lung.shunt_fraction, lung.mass_g) == (0.07, 900.0)


def test_the_shunted_activity_follows_the_mass_of_the_lungs() -> None:
    """Bq per gram is the same on both sides: twice the Bq per mL where density is twice."""
    case = sirt.prepare_case(uneven_case())
    activity = sirt.quantify_activity(case)
    thin, dense = (
        activity.values[tuple(np.rint(ON.to_index([x, 5.0, 80.0])).astype(int))]
        for x in (-60.0, 60.0)
    )
    assert thin > 0
    assert dense / thin == pytest.approx(2.0, rel=1e-3)


def with_small_lesion(modality: str, resolution_mm: float | None = None) -> Case:
    """A third lesion of 10 mm: wider than the 7 mm of a PET, not than the 12 mm of a SPECT."""
    case = small_case()
    on = grid(OUTLINE_MM)
    speck = Region.from_mask("speck", "tumour", ellipsoid(on, (-60, -20, -40), (5, 5, 5)), on)
    ct, spect = case.images
    return sirt.prepare_case(
        replace(
            case,
            regions=Regions((*case.regions, speck)),
            images=(ct, replace(spect, modality=modality, resolution_mm=resolution_mm)),
        )
    )


def plan_of(case: Case, prescription: Prescription, **facts: object) -> Plan:
    return sirt.make_plan(
        case, sirt.quantify_activity(case), model="partition", product="glass-y90",
        prescription=prescription, facts=ClinicalFacts(**facts),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("modality", "stated", "width", "left_out"),
    [
        ("NM", None, "12 mm", 1), ("PT", None, "7 mm", 0), ("", None, "12 mm", 1),
        ("", 7.5, "7.5 mm", 0), ("PT", 11.0, "11 mm", 1), ("NM", 9.5, "9.5 mm", 0),
    ],
)  # fmt: skip
def test_the_width_of_the_image_says_which_lesions_decide(
    modality: str, stated: float | None, width: str, left_out: int
) -> None:
    case = with_small_lesion(modality, stated)
    plan = plan_of(case, prescription_from(tumour_dose_gy=120.0, purpose="mean"))
    said = {finding.code: finding.text for finding in plan.findings}
    assert f"the image resolution of {width}" in said["partial-volume"]
    assert ("1 lesions below the image resolution" in said["prescription-for-mean"]) == left_out
    assert ("resolution-assumed" in said) == (not modality and stated is None)
    deciding = [t for t in plan.tumours if not (left_out and t.name == "speck")]
    assert len(plan.tumours) == 3
    mean_gy = sum(t.mass_g * t.mean_dose_gy for t in deciding) / sum(t.mass_g for t in deciding)
    assert mean_gy == pytest.approx(120.0)


def test_the_whole_liver_is_a_number_of_the_plan() -> None:
    """K A (1 - L) over the mass of the liver with its tumours; below the perfused mean."""
    case = sirt.prepare_case(small_case())
    plan = plan_of(case, Prescription("activity", 2e9))
    setting = make_setting(case)
    mass_g = setting.compartments.whole_liver.sum_of(setting.density)
    mass_g *= setting.density.grid.voxel_volume_ml
    gray_kg = plan.dose_constant_gy_kg_per_gbq * 2.0 * (1 - plan.lung.shunt_fraction)
    assert plan.whole_liver is not None
    assert plan.perfused is not None
    assert plan.whole_liver.mean_dose_gy == pytest.approx(gray_kg / (mass_g / 1000), rel=1e-6)
    assert plan.whole_liver.mean_dose_gy < plan.perfused.mean_dose_gy
    assert plan.delivered_activity_bq == 2.0 * BQ_PER_GBQ


def test_choices_reach_the_plan() -> None:
    case = sirt.prepare_case(small_case())
    chosen = plan_of(
        case, Prescription("activity", 21e9), indication="mcrc", intent="unilobar", vials=2,
        hours_since_calibration=24.0, activity_per_sphere=1000.0,
    )  # fmt: skip
    assert (chosen.indication, chosen.intent) == ("mcrc", "unilobar")
    assert chosen.spheres is not None
    assert chosen.spheres.count == pytest.approx(21e6 * 2 ** (24 / 64.1))
    found = {finding.code for finding in chosen.findings}
    assert not {"indication-not-chosen", "intent-not-chosen", "activity-beyond-vials"} & found
    default = plan_of(case, Prescription("activity", 21e9))
    found = {finding.code for finding in default.findings if finding.severity == "stop"}
    assert {"activity-beyond-vials", "whole-normal-dose-limit"} <= found


def test_options_of_a_run_are_the_facts_of_its_plan() -> None:
    options = RunOptions(
        "resin-y90", "partition", indication="hcc", intent="lobectomy", bilirubin_mg_dl=0.8,
        compromised_liver=False, previous_lung_dose_gy=7.0, residual_fraction=0.03, vials=3,
        hours_since_calibration=5.0, activity_per_sphere="reviews",
    )  # fmt: skip
    facts, record = options.facts(), options.as_dict()
    for name in (
        "indication", "intent", "bilirubin_mg_dl", "compromised_liver", "previous_lung_dose_gy",
        "residual_fraction", "vials", "hours_since_calibration", "activity_per_sphere",
    ):  # fmt: skip
        assert getattr(facts, name) == getattr(options, name) == record[name]
    open_choices = RunOptions("resin-y90", "partition")
    assert (open_choices.facts().indication, open_choices.facts().intent) == (None, None)
    assert not {"indication", "intent"} & set(open_choices.as_dict())
