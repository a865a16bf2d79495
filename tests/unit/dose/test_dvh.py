"""Histograms against hand calculations, whole and partly covered voxels."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose import dose_volume_histogram
from opensirt.errors import GridMismatchError, InputError, RegionError, UnitMismatchError
from opensirt.image import Grid, Region
from opensirt.units import Unit
from tests.dose_samples import volume

DOSE = volume([[np.arange(1.0, 11.0)]], Unit.GY, (10.0, 10.0, 10.0))


def region(fractions: list[float]) -> Region:
    return Region.from_mask("lesion", "tumour", np.array([[fractions]], np.float32), DOSE.grid)


def test_whole_voxels() -> None:
    """Ten voxels of 1 mL with 1 to 10 Gy."""
    dvh = dose_volume_histogram(DOSE, region([1.0] * 10))
    assert (dvh.name, dvh.volume_ml) == ("lesion", pytest.approx(10.0))
    assert (dvh.minimum_gy, dvh.mean_gy, dvh.maximum_gy) == (1.0, pytest.approx(5.5), 10.0)
    found = [dvh.d(x) for x in (0, 10, 20, 50, 75, 90, 95, 100)]
    assert found == pytest.approx([10, 9, 8, 5, 2.5, 1, 1, 1])
    assert [dvh.v(g) for g in (0.0, 1.0, 1.5, 7.0, 10.0, 10.1)] == pytest.approx(
        [1.0, 1.0, 0.9, 0.4, 0.1, 0.0]
    )


def test_partly_covered_voxels_count_by_their_fraction() -> None:
    """A quarter of the 10 Gy voxel, half of the 4 Gy voxel, all of the 1 Gy voxel: 1.75 mL."""
    dvh = dose_volume_histogram(DOSE, region([1, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.25]))
    assert dvh.volume_ml == pytest.approx(1.75)
    assert dvh.mean_gy == pytest.approx((2.5 + 2.0 + 1.0) / 1.75)
    assert dvh.v(4.0) == pytest.approx(0.75 / 1.75)
    thirds = [dvh.d(100 * share / 1.75) for share in (0, 0.125, 0.25, 0.5, 0.75, 1.75)]
    assert thirds == pytest.approx([10, 7, 4, 2.5, 1, 1])


def test_d_is_a_percentile_of_numpy() -> None:
    """What the documentation tells others to use on the doses of the voxels."""
    gray = np.random.default_rng(7).gamma(9.0, 5.0, (4, 5, 6))
    dose = volume(gray, Unit.GY)
    here = Region.from_mask("lesion", "tumour", np.ones(gray.shape, np.float32), dose.grid)
    dvh = dose_volume_histogram(dose, here)
    for percent in (98, 95, 70, 50, 2):
        expected = np.percentile(dose.values, 100 - percent, method="interpolated_inverted_cdf")
        assert dvh.d(percent) == pytest.approx(float(expected), rel=1e-5)


def test_curve_falls_from_one_to_the_share_of_the_maximum() -> None:
    doses_gy, shares = dose_volume_histogram(DOSE, region([1.0] * 10)).cumulative(11)
    assert doses_gy == pytest.approx(np.arange(11.0))
    assert shares == pytest.approx([1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_d_and_v_are_inverse() -> None:
    rng = np.random.default_rng(4)
    dose = volume(rng.gamma(2.0, 30.0, (6, 7, 8)), Unit.GY)
    mask = rng.random((6, 7, 8)).astype(np.float32)
    dvh = dose_volume_histogram(dose, Region.from_mask("liver", "liver", mask, dose.grid))
    for percent in (2.0, 30.0, 50.0, 70.0, 95.0, 98.0):
        gray = dvh.d(percent)
        assert dvh.v(gray) == pytest.approx(percent / 100, abs=0.01)  # one of 336 voxels


def test_histograms_refuse_other_units_grids_and_empty_regions() -> None:
    whole = region([1.0] * 10)
    with pytest.raises(UnitMismatchError, match="expected a volume in Gy, got g/mL"):
        dose_volume_histogram(volume(DOSE.values, Unit.G_PER_ML, (10.0,) * 3), whole)
    other = Region.from_mask("x", "other", np.ones((2, 2, 2)), Grid.regular((2, 2, 2), (1, 1, 1)))
    with pytest.raises(GridMismatchError, match=r"move the region first with region\.onto"):
        dose_volume_histogram(DOSE, other)
    with pytest.raises(RegionError, match="'lesion' has no voxel on the dose grid"):
        dose_volume_histogram(DOSE, region([0.0] * 10))
    with pytest.raises(InputError, match="percentage from 0 to 100, got 101"):
        dose_volume_histogram(DOSE, whole).d(101)


@pytest.mark.parametrize("hottest_gy", [150.0, 5000.0, 1e6])
def test_a_reader_of_the_fine_curve_gets_every_dose_of_a_share(hottest_gy: float) -> None:
    """The bin nearest to the share, as readers of stored histograms take it, hot voxel or not."""
    gray = np.random.default_rng(4).normal(100.0, 12.0, (20, 20, 20)).clip(1.0)
    gray[0, 0, 0] = hottest_gy
    dose = volume(gray, Unit.GY, (2.0, 2.0, 2.0))
    here = Region.from_mask("lesion", "tumour", np.ones(gray.shape, np.float32), dose.grid)
    dvh = dose_volume_histogram(dose, here)
    doses_gy, shares = dvh.fine(1000)
    assert (doses_gy[0], doses_gy[-1]) == (0.0, dvh.maximum_gy)
    assert 990 <= len(doses_gy) <= 1000
    assert np.all(np.diff(doses_gy) > 0)
    for percent in (98, 95, 70, 50, 20, 2):
        nearest = doses_gy[np.argmin(np.abs(shares - percent / 100.0))]
        assert nearest == pytest.approx(dvh.d(percent), rel=0.005), percent
    for gray_here in doses_gy[::50]:
        assert shares[list(doses_gy).index(gray_here)] == pytest.approx(dvh.v(gray_here))


@pytest.mark.parametrize("gray", [3.0, 0.0])
def test_the_fine_curve_of_one_dose_is_that_dose(gray: float) -> None:
    dose = volume(np.full((1, 1, 10), gray), Unit.GY, (10.0, 10.0, 10.0))
    here = Region.from_mask("lesion", "tumour", np.ones((1, 1, 10), np.float32), dose.grid)
    doses_gy, shares = dose_volume_histogram(dose, here).fine(1000)
    assert (doses_gy[0], doses_gy[-1]) == (0.0, gray)
    assert np.all(shares == 1.0)
