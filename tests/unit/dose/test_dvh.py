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
    assert [dvh.d(x) for x in (0, 10, 20, 50, 95, 98, 100)] == [10, 10, 9, 6, 1, 1, 1]
    assert [dvh.v(g) for g in (0.0, 1.0, 1.5, 7.0, 10.0, 10.1)] == pytest.approx(
        [1.0, 1.0, 0.9, 0.4, 0.1, 0.0]
    )


def test_partly_covered_voxels_count_by_their_fraction() -> None:
    """A quarter of the 10 Gy voxel, half of the 4 Gy voxel, all of the 1 Gy voxel: 1.75 mL."""
    dvh = dose_volume_histogram(DOSE, region([1, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.25]))
    assert dvh.volume_ml == pytest.approx(1.75)
    assert dvh.mean_gy == pytest.approx((2.5 + 2.0 + 1.0) / 1.75)
    assert dvh.v(4.0) == pytest.approx(0.75 / 1.75)
    assert [dvh.d(x) for x in (14.2, 14.3, 42.8, 42.9, 100)] == [10, 4, 4, 1, 1]


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
        assert dvh.v(gray) >= percent / 100 - 1e-9 > dvh.v(np.nextafter(gray, np.inf)) - 1e-9


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
