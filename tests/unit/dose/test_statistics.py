"""Doses of regions: mass, share of activity, limits and radiobiology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.dose import RegionDoseOptions, region_doses
from opensirt.errors import GridMismatchError, UnitMismatchError
from opensirt.image import Region, Regions
from opensirt.physics.nuclides import nuclide
from opensirt.radiobiology import tissue_response, tissue_responses
from opensirt.units import Unit
from tests.dose_samples import volume

Y90 = nuclide("y90")
SPACING_MM = (10.0, 10.0, 10.0)
DOSE = volume([[[100.0, 50.0, 10.0, 0.0]]], Unit.GY, SPACING_MM)
DENSITY = volume([[[1.1, 1.0, 0.3, 0.001]]], Unit.G_PER_ML, SPACING_MM)
ACTIVITY = volume([[[6e6, 3e6, 1e6, 0.0]]], Unit.BQ_PER_ML, SPACING_MM)


def made(name: str, role: str, fractions: list[float], territory: str | None = None) -> Region:
    mask = np.array([[fractions]], np.float32)
    return Region.from_mask(name, role, mask, DOSE.grid, territory)


REGIONS = Regions(
    (
        made("tumour 1", "tumour", [1.0, 0.5, 0, 0], "right"),
        made("liver", "liver", [1.0, 1.0, 0, 0]),
        made("lungs", "lungs", [0, 0, 1.0, 0]),
        made("nothing", "other", [0, 0, 0, 0]),
    )
)


def test_masses_activities_and_doses_by_hand() -> None:
    tumour, liver, lungs = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90)
    assert (tumour.name, tumour.role, tumour.territory) == ("tumour 1", "tumour", "right")
    assert tumour.volume_ml == pytest.approx(1.5)
    assert tumour.mass_g == pytest.approx(1.6)
    assert tumour.activity_fraction == pytest.approx(0.75)
    assert tumour.mean_dose_gy == pytest.approx(125.0 / 1.5)
    assert (tumour.d2_gy, tumour.d50_gy) == pytest.approx((98.5, 62.5))  # 50 Gy at 67 % and colder
    assert (tumour.d70_gy, tumour.d95_gy, tumour.d98_gy) == (50.0, 50.0, 50.0)
    assert (liver.minimum_gy, liver.maximum_gy) == (50.0, 100.0)
    assert lungs.mass_g == pytest.approx(0.3)
    assert (lungs.limit_gy, lungs.v_limit_fraction, lungs.bed_gy, lungs.eud_gy) == (None,) * 4


def test_activity_fraction_is_of_the_injected_activity_where_stated() -> None:
    injected = replace(ACTIVITY, injected_bq=20e6)
    tumour, *_ = region_doses(DOSE, DENSITY, injected, REGIONS, Y90)
    assert tumour.activity_fraction == pytest.approx(7.5 / 20.0)
    nothing = volume([[[0.0, 0.0, 0.0, 0.0]]], Unit.BQ_PER_ML, SPACING_MM)
    assert region_doses(DOSE, DENSITY, nothing, REGIONS, Y90)[0].activity_fraction is None


def test_limits_go_by_name_first_and_by_role() -> None:
    options = RegionDoseOptions(limits_gy={"tumour 1": 80.0, "tumour": 1.0, "lungs": 30.0})
    tumour, liver, lungs = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90, options)
    assert (tumour.limit_gy, tumour.v_limit_fraction) == (80.0, pytest.approx(1.0 / 1.5))
    assert (lungs.limit_gy, lungs.v_limit_fraction) == (30.0, 0.0)
    assert liver.limit_gy is None


def test_radiobiology_is_voxel_by_voxel() -> None:
    """Liver, 2.5 Gy and 2.5 h, y90 64.1 h: BED of 100 and 50 Gy is 250.15 and 87.54 Gy."""
    parameters = tissue_response("liver")
    options = RegionDoseOptions(responses={"liver": parameters})
    _, liver, lungs = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90, options)
    beds = [d * (1 + d * 2.5 / ((2.5 + 64.1) * 2.5)) for d in (100.0, 50.0)]
    assert liver.bed_gy == pytest.approx(np.mean(beds), rel=1e-9)
    eud = -np.log(np.mean(np.exp(-0.004 * np.array([100.0, 50.0])))) / 0.004
    eubed = -np.log(np.mean(np.exp(-0.004 * np.array(beds)))) / 0.004
    assert (liver.eud_gy, liver.eubed_gy) == (pytest.approx(eud), pytest.approx(eubed))
    assert liver.eqd2_gy == pytest.approx(np.mean(beds) / (1 + 2 / 2.5), rel=1e-9)
    assert liver.response == parameters.text
    assert (lungs.bed_gy, lungs.eqd2_gy, lungs.response) == (None, None, None)


def test_radiobiology_counts_the_covered_part_of_voxels() -> None:
    """A tumour of a whole voxel of 100 Gy and half of one of 50 Gy: weights 2/3 and 1/3."""
    parameters = tissue_response("tumour")
    options = RegionDoseOptions(responses={"tumour": parameters})
    tumour, *_ = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90, options)
    beds = np.array([d * (1 + d * 1.5 / ((1.5 + 64.1) * 10.0)) for d in (100.0, 50.0)])
    share, alpha = np.array([2.0, 1.0]) / 3.0, 0.002
    assert tumour.bed_gy == pytest.approx(share @ beds, rel=1e-5)
    assert tumour.eqd2_gy == pytest.approx(share @ beds / 1.2, rel=1e-5)
    eud, eubed = (-np.log(share @ np.exp(-alpha * d)) / alpha for d in (np.array([100, 50]), beds))
    assert (tumour.eud_gy, tumour.eubed_gy) == pytest.approx((eud, eubed), rel=1e-5)


def test_regions_of_mixed_tissue_have_no_radiobiology() -> None:
    """The whole liver holds tumour voxels: parameters of liver would say 250 Gy of a tumour."""
    options = RegionDoseOptions(responses=tissue_responses())
    tumour, liver, _ = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90, options)
    assert (liver.bed_gy, liver.eud_gy, liver.eubed_gy, liver.eqd2_gy) == (None,) * 4
    assert tumour.bed_gy is not None


def test_each_dose_volume_figure_is_its_own() -> None:
    """100 voxels of 1 to 100 Gy: x % of the volume exceed 100 - x Gy."""
    gray = volume(np.arange(1.0, 101.0).reshape(4, 5, 5), Unit.GY, SPACING_MM)
    ones = gray.with_values(np.ones(gray.grid.shape), Unit.G_PER_ML)
    activity = ones.with_values(ones.values, Unit.BQ_PER_ML)
    region = Region.from_mask("all", "liver", np.ones(gray.grid.shape), gray.grid)
    (found,) = region_doses(gray, ones, activity, Regions((region,)), Y90)
    figures = (found.d98_gy, found.d95_gy, found.d70_gy, found.d50_gy, found.d2_gy)
    assert figures == pytest.approx((2.0, 5.0, 30.0, 50.0, 98.0), abs=1e-9)
    assert (found.minimum_gy, found.maximum_gy) == (1.0, 100.0)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_each_map_has_its_unit_and_the_grid_of_the_dose(wrong: int) -> None:
    maps = [DOSE, DENSITY, ACTIVITY]
    maps[wrong] = maps[wrong].with_values(maps[wrong].values, Unit.FRACTION)
    with pytest.raises(UnitMismatchError, match="got"):
        region_doses(*maps, REGIONS, Y90)
    unit = (Unit.GY, Unit.G_PER_ML, Unit.BQ_PER_ML)[wrong]
    maps[wrong] = volume([[[1.0, 1.0, 1.0, 1.0]]], unit, (10.0, 10.0, 11.0))
    with pytest.raises(GridMismatchError):
        region_doses(*maps, REGIONS, Y90)


def test_amounts_follow_the_size_of_the_voxels() -> None:
    """Voxels of 4 x 5 x 2.5 mm, 0.05 mL: a whole and a half of them hold 0.075 mL, 0.08 g, and
    0.05 x 7.5e6 of the 0.05 x 10e6 Bq in the map."""
    fine = (4.0, 5.0, 2.5)
    units = (Unit.GY, Unit.G_PER_ML, Unit.BQ_PER_ML)
    maps = [
        volume(m.values, u, fine) for m, u in zip((DOSE, DENSITY, ACTIVITY), units, strict=True)
    ]
    mask = np.array([[[1.0, 0.5, 0.0, 0.0]]], np.float32)
    region = Region.from_mask("r", "tumour", mask, maps[0].grid)
    (found,) = region_doses(*maps, Regions((region,)), Y90)
    assert (found.volume_ml, found.mass_g) == pytest.approx((0.075, 0.08))
    assert found.activity_fraction == pytest.approx(0.75)
    maps[2] = replace(maps[2], injected_bq=1e6)
    (of_injected,) = region_doses(*maps, Regions((region,)), Y90)
    assert of_injected.activity_fraction == pytest.approx(0.375)
    assert found.mean_dose_gy == pytest.approx(125.0 / 1.5)


def test_doses_are_those_of_the_voxels_that_count_and_amounts_those_of_the_region() -> None:
    """A lesion of 1.5 mL whose doses are the 100 Gy voxel's alone."""
    counted = Regions((made("tumour 1", "tumour", [1.0, 0.0, 0, 0]),))
    tumour, liver, _ = region_doses(DOSE, DENSITY, ACTIVITY, REGIONS, Y90, counted=counted)
    assert (tumour.volume_ml, tumour.mass_g) == pytest.approx((1.5, 1.6))
    assert tumour.dose_volume_ml == pytest.approx(1.0)
    assert (tumour.mean_dose_gy, tumour.d95_gy, tumour.minimum_gy) == (100.0, 100.0, 100.0)
    assert tumour.mean_dose_partial_gy == pytest.approx(125.0 / 1.5)
    assert liver.dose_volume_ml == pytest.approx(liver.volume_ml)
    assert (tumour.shown, replace(tumour, structure="viable").shown) == ("tumour 1", "viable")
