"""Organs at risk and activity out of place, with counts that can be added up by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.case import Case
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.quantify.calibration import CalibrationSummary
from opensirt.quantify.compartments import liver_compartments
from opensirt.quantify.voxels import whole_voxels
from opensirt.report import OrganDose
from opensirt.units import Unit
from opensirt.workflow.organs import (
    _scenario,
    organ_doses,
    organ_findings,
    outlined_organs,
    placement_findings,
)
from opensirt.workflow.setting import Setting
from tests.unit.report.samples import region as dose_of

GRID = Grid.regular((1, 1, 8), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
"""Voxels of 1 mL: two perfused, one liver beside them, gallbladder in and out, lungs, elsewhere."""
COUNTS = np.array([300.0, 100.0, 60.0, 40.0, 80.0, 20.0, 200.0, -50.0])
DENSITY = 1.05


def box(name: str, role: str, *places: int) -> Region:
    mask = np.zeros(GRID.shape, np.float32)
    mask[0, 0, list(places)] = 1.0
    return Region.from_mask(name, role, mask, GRID)


def volume(values: np.ndarray, unit: Unit, **more) -> Volume:
    return Volume(values.astype(np.float32).reshape(GRID.shape), GRID, unit, **more)


GALLBLADDER = box("gallbladder", "gallbladder", 1, 4)
BOWEL = box("bowel loop", "other", 6)
REGIONS = Regions(
    (
        box("liver", "liver", 0, 1, 2, 3),
        box("perfused", "perfused", 0, 1),
        GALLBLADDER,
        BOWEL,
        box("segment 4", "other", 2, 3),
        box("body", "body", *range(8)),
        box("lungs", "lungs", 5),
    )
)


def setting() -> Setting:
    parts = liver_compartments(REGIONS)
    density = volume(np.full(8, DENSITY), Unit.G_PER_ML)
    lungs = REGIONS["lungs"]
    return Setting(parts, lungs, parts, lungs, density, None, None, (), ())


def scaled(measured: bool) -> tuple[Volume, CalibrationSummary]:
    """3.6 GBq of 4 GBq on 300 + 100 counts, so 9 MBq a count; the calibration was for 1 GBq."""
    values = np.where(np.arange(8) < 2, COUNTS, 0.0) * 9e6
    if measured:
        values = np.maximum(COUNTS, 0.0) * 9e6
    activity = volume(values, Unit.BQ_PER_ML, nuclide="y90", time="injection", injected_bq=4e9)
    method = "absolute" if measured else "patient-relative"
    return activity, CalibrationSummary(
        method, injected_bq=1e9, in_map_bq=0.9e9, bq_per_unit=0.9e9 / 400
    )


def gray(bq_per_ml: float) -> float:
    """Local dose: 49.77 J/GBq over 1.05 g/mL, by the nuclide's own constant."""
    return bq_per_ml / 1e9 * nuclide("y90").dose_constant_gy_kg_per_gbq / (DENSITY / 1000)


def found(measured: bool = False, organs=(GALLBLADDER, BOWEL)) -> dict[str, OrganDose]:
    activity, calibration = scaled(measured)
    dose = volume(np.array([gray(v) for v in activity.values.ravel()]), Unit.GY)
    image = volume(COUNTS, Unit.COUNTS)
    made = organ_doses(
        organs, setting(), image, activity, dose, calibration, nuclide("y90"), engine="local"
    )
    return {organ.dose.name: organ for organ in made}


def test_the_counts_seen_in_an_organ_have_the_activity_per_count_of_the_liver():
    """Gallbladder: 100 counts inside the perfused volume, 80 outside; bowel: 200 outside."""
    doses = found()
    one = gray(9e6)
    gallbladder, bowel = doses["gallbladder"], doses["bowel loop"]
    assert gallbladder.dose.mean_dose_gy == pytest.approx(one * (100 + 80) / 2, rel=1e-5)
    assert gallbladder.dose.maximum_gy == pytest.approx(one * 100, rel=1e-5)
    assert bowel.dose.mean_dose_gy == pytest.approx(one * 200, rel=1e-5)
    assert bowel.dose.activity_fraction == pytest.approx(200 * 9e6 / 4e9, rel=1e-5)
    assert gallbladder.dose.mass_g == pytest.approx(2 * DENSITY)
    assert gallbladder.from_tails_gy == bowel.from_tails_gy == 0.0
    assert "counts seen in the organ taken as spheres" in bowel.scenario


def test_counts_of_liver_that_is_not_perfused_are_an_organs_and_those_of_lungs_are_not():
    """60 counts inside the outline of the liver and 80 outside it; lungs 20, the bowel 200."""
    deep, beside = box("deep", "gallbladder", 2, 4), box("beside", "bowel", 5, 6)
    doses, one = found(organs=(deep, beside)), gray(9e6)
    assert doses["deep"].dose.mean_dose_gy == pytest.approx(one * (60 + 80) / 2, rel=1e-5)
    assert doses["beside"].dose.mean_dose_gy == pytest.approx(one * (0 + 200) / 2, rel=1e-5)


def test_the_background_is_taken_from_the_counts_of_an_organ_too():
    """30 counts of background: 80 - 30 outside the perfused volume, 200 - 30 in the bowel."""
    activity, calibration = scaled(False)
    dose = volume(np.array([gray(v) for v in activity.values.ravel()]), Unit.GY)
    organs = organ_doses(
        (box("a", "gallbladder", 4), BOWEL), setting(), volume(COUNTS, Unit.COUNTS), activity,
        dose, replace(calibration, background=30.0), nuclide("y90"), engine="local",
    )  # fmt: skip
    means = [organ.dose.mean_dose_gy for organ in organs]
    assert means == pytest.approx([gray(9e6) * 50, gray(9e6) * 170], rel=1e-5)


@pytest.mark.parametrize(
    ("unit", "bq_per_unit"),
    [(Unit.COUNTS, 0.9e9 / 400), (Unit.BQ_PER_ML, 0.9e9 / (400 * 2.0))],
)
def test_counts_are_per_voxel_and_concentrations_per_ml(unit, bq_per_unit):
    """Voxels of 2 mL: 200 counts at 9 MBq are 900 MBq/mL; 200 Bq/mL x 2 mL at 4.5 MBq as much."""
    grid = Grid.regular((1, 1, 8), (10.0, 10.0, 20.0), (0.0, 0.0, 0.0))

    def moved(region: Region) -> Region:
        return replace(region, grid=grid)

    def wide(values: np.ndarray, of: Unit, **more) -> Volume:
        return Volume(values.astype(np.float32).reshape(grid.shape), grid, of, **more)

    parts = liver_compartments(Regions(tuple(map(moved, REGIONS))))
    density = wide(np.full(8, DENSITY), Unit.G_PER_ML)
    here = Setting(parts, None, parts, None, density, None, None, (), ())
    activity = wide(np.zeros(8), Unit.BQ_PER_ML, nuclide="y90", time="injection", injected_bq=4e9)
    calibration = CalibrationSummary("patient-relative", 1e9, 0.9e9, bq_per_unit=bq_per_unit)
    (bowel,) = organ_doses(
        (moved(BOWEL),), here, wide(COUNTS, unit), activity, wide(np.zeros(8), Unit.GY),
        calibration, nuclide("y90"), engine="local",
    )  # fmt: skip
    assert bowel.dose.mean_dose_gy == pytest.approx(gray(9e8), rel=1e-5)


def test_a_measured_image_gives_what_it_measures():
    doses = found(measured=True)
    assert doses["bowel loop"].dose.mean_dose_gy == pytest.approx(gray(9e6) * 200, rel=1e-5)
    assert doses["bowel loop"].scenario == "activity as measured in the organ"


def test_tails_reach_an_organ_without_counts_of_its_own():
    """With a kernel: the voxel beside the perfused volume gets dose, and none of it is its own."""
    activity, calibration = scaled(False)
    beside = box("beside", "stomach", 2)
    from opensirt.dose.engine import dose_engines

    dose = dose_engines.create("voxel-convolution").dose(
        activity, setting().density, nuclide("y90")
    )
    silent = volume(np.where(np.arange(8) == 2, 0.0, COUNTS), Unit.COUNTS)
    (organ,) = organ_doses(
        (beside,), setting(), silent, activity, dose, calibration, nuclide("y90"),
        engine="monte-carlo",
    )  # fmt: skip
    assert organ.from_tails_gy == pytest.approx(float(dose.values[0, 0, 2]), rel=1e-4)
    assert organ.from_tails_gy > 1.0
    assert organ.dose.mean_dose_gy == pytest.approx(organ.from_tails_gy, rel=1e-4)


def test_an_organ_cut_by_the_image_says_so():
    wide = Grid.regular((1, 1, 12), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    mask = np.zeros(wide.shape, np.float32)
    mask[0, 0, 6:10] = 1.0
    cut = Region.from_mask("bowel", "bowel", mask, wide)
    assert found(organs=(cut,))["bowel"].scenario.endswith("the image holds 50 % of the organ")
    mask[0, 0, :10] = 0.0
    mask[0, 0, 10:] = 1.0
    assert found(organs=(Region.from_mask("away", "bowel", mask, wide),)) == {}


def test_organs_are_what_lies_apart_from_the_liver():
    case = Case(id="a", regions=REGIONS)
    liver = REGIONS["liver"]
    assert [r.name for r in outlined_organs(case, liver, [])] == ["gallbladder", "bowel loop"]
    renamed = outlined_organs(case, liver, ["gallbladder"])
    assert [r.name for r in renamed] == ["gallbladder (outline)", "bowel loop"]


@pytest.mark.parametrize(
    ("places", "is_organ"), [((2, 3), False), ((3, 4), False), ((3, 4, 6), True), ((4, 6), True)]
)
def test_an_outline_half_inside_the_liver_is_a_part_of_it(places, is_organ):
    """Of the liver's voxels 0 to 3: all of the outline, a half, a third, none."""
    for role, is_named in (("other", is_organ), ("stomach", True)):
        regions = Regions((REGIONS["liver"], box("x", role, *places)))
        found = outlined_organs(Case(id="a", regions=regions), REGIONS["liver"], [])
        assert [r.name for r in found] == (["x"] if is_named else [])


@pytest.mark.parametrize(
    ("seen", "words"), [(1.0, ""), (0.98, ""), (0.97, "; the image holds 97 % of the organ")]
)
def test_an_organ_cut_by_more_than_rounding_says_so(seen, words):
    assert _scenario(True, seen) == f"activity as measured in the organ{words}"


def test_organs_are_named_hottest_first_and_only_so_many():
    organs = [
        OrganDose(dose_of(f"o{n}", "bowel", 10.0 * n, 5.0), 0.5 * n, "counts", in_map_gy=1.0)
        for n in range(1, 8)
    ]
    (finding,) = organ_findings(organs)
    assert finding.severity == "warn"
    assert "spheres: o7 70 Gy mean, 70.6 Gy in the highest voxel (3.5 Gy without" in finding.text
    assert "o3 30 Gy" in finding.text
    assert "o2" not in finding.text
    assert finding.text.endswith("; and 2 more.")
    assert organ_findings(()) == ()


def test_an_image_of_the_spheres_themselves_has_no_if() -> None:
    """An absolute image after treatment: the map holds what was measured, and no scenario."""
    organ = OrganDose(dose_of("Stomach", "stomach", 8.0, 5.0), 0.5, "activity as measured")
    (finding,) = organ_findings([organ])
    assert finding.text.startswith("Organs at risk, as measured in them: Stomach 8 Gy mean, ")


def test_activity_in_the_liver_outside_the_perfused_volume_is_a_share_of_the_livers():
    """Liver 300 + 100 + 60 + 40 counts, 100 of them not perfused: 20 %; without them 0."""
    _, calibration = scaled(False)
    (finding,) = placement_findings(setting(), volume(COUNTS, Unit.COUNTS), calibration)
    assert finding.text.startswith("20.0 % of the activity seen in the liver lies outside")
    assert (finding.code, finding.severity) == ("activity-outside-perfused", "note")
    more = np.where(np.arange(8) == 2, 70.0, COUNTS)
    (finding,) = placement_findings(setting(), volume(more, Unit.COUNTS), calibration)
    assert finding.severity == "warn"
    alone = replace(setting(), compartments=liver_compartments(Regions((REGIONS["liver"],))))
    assert placement_findings(alone, volume(COUNTS, Unit.COUNTS), calibration) == ()


def test_measured_activity_outside_liver_and_lungs_is_a_share_of_all():
    """800 in all; liver 500 and lungs 20: 280 of 800 elsewhere, 35 %."""
    _, calibration = scaled(True)
    findings = placement_findings(setting(), volume(COUNTS, Unit.BQ_PER_ML), calibration)
    assert [f.code for f in findings] == ["activity-outside-perfused", "activity-elsewhere"]
    assert findings[1].text.startswith("35.0 % of the measured activity lies outside liver")
    assert findings[1].severity == "warn"
    less = np.where(np.arange(8) == 6, 0.0, COUNTS)
    findings = placement_findings(setting(), volume(less, Unit.BQ_PER_ML), calibration)
    assert (findings[1].text[:6], findings[1].severity) == ("13.3 %", "note")


def test_a_lesion_outside_the_perfused_volume_counts_as_outside_it():
    """60 of the 500 counts of the liver lie in the lesion: 20 % with it, 8 % without."""
    _, calibration = scaled(False)
    parts = liver_compartments(
        Regions((REGIONS["liver"], REGIONS["perfused"], box("T1", "tumour", 2)))
    )
    (finding,) = placement_findings(
        replace(setting(), compartments=parts), volume(COUNTS, Unit.COUNTS), calibration
    )
    assert finding.text.startswith("20.0 % of the activity seen in the liver lies outside")


def test_an_organ_counts_the_whole_voxels_that_the_structures_hold():
    """0.9 and 0.2 of two voxels are one voxel; the map has 100 counts there, the other none."""
    mask = np.zeros(GRID.shape, np.float32)
    mask[0, 0, [1, 4]] = 0.9, 0.2
    edge = Region.from_mask("edge", "gallbladder", mask, GRID)
    organ, one = found(organs=(edge,))["edge"], gray(9e6)
    assert organ.dose.mean_dose_gy == pytest.approx(100 * one, rel=1e-5)
    assert organ.in_map_gy == pytest.approx(100 * one, rel=1e-5)
    assert organ.dose.mean_dose_partial_gy == pytest.approx(
        one * (0.9 * 100 + 0.2 * 0.2 * 80) / 1.1, rel=1e-5
    )
    assert (organ.dose.dose_volume_ml, organ.dose.volume_ml) == pytest.approx((1.0, 1.1))
    assert whole_voxels(edge, GRID, least=1).sum_of(volume(COUNTS, Unit.COUNTS)) == 100.0


def test_the_dose_of_the_map_stands_beside_that_of_a_scenario():
    """Bowel outside the plan has nothing in the map; what was measured is the map."""
    assert found()["bowel loop"].in_map_gy == 0.0
    assert found()["gallbladder"].in_map_gy == pytest.approx(50 * gray(9e6), rel=1e-5)
    assert found(measured=True)["bowel loop"].in_map_gy is None
