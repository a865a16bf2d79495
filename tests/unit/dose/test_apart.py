"""Data that tell two answers apart: quarter voxels, borders, noise and scales other than 1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opensirt.dose import dose_engines, dose_volume_histogram, region_doses, voxel_kernel
from opensirt.dose.comparison import (
    EngineDose,
    compare_doses,
    comparison_figure,
    without_air,
)
from opensirt.dose.convolution import convolve
from opensirt.dose.density_regions import HALF_MAXIMUM, density_regions
from opensirt.dose.gamma import GammaCriteria, GammaMap, gamma_index
from opensirt.image import Region, Regions
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import volume


def test_a_chosen_constant_scales_the_kernel_and_what_it_adds_up_to() -> None:
    """Share of the energy inside the array is a matter of reach, not of the constant."""
    y90 = nuclide("y90")
    double = y90.with_dose_constant(2 * y90.dose_constant_gy_kg_per_gbq)
    plain, scaled = (voxel_kernel(of, (4.0, 3.0, 5.0), extent=5) for of in (y90, double))
    assert scaled.energy_mev == pytest.approx(2 * plain.energy_mev, rel=1e-9)
    assert scaled.total_mev == pytest.approx(2 * plain.total_mev, rel=1e-9)


@pytest.mark.parametrize("error_gy", [0.0, 0.75, 2.0])
def test_noise_of_the_reference_adds_to_the_dose_criterion_in_squares(error_gy: float) -> None:
    """2 Gy apart in a flat map of 100 Gy, 1 %: 2 / sqrt(1 + (2 error)^2)."""
    flat = np.full((4, 4, 4), 100.0)
    found = gamma_index(
        volume(flat + 2.0, Unit.GY), volume(flat, Unit.GY), GammaCriteria(most=3.0),
        np.full(flat.shape, error_gy),
    )  # fmt: skip
    assert found.values == pytest.approx(2.0 / math.hypot(1.0, 2.0 * error_gy), rel=1e-4)


def test_pass_rate_of_a_region_counts_the_covered_part_of_voxels() -> None:
    """Passing: 1 and 0.5 of a voxel; failing: 0.25; not evaluated: 1."""
    dose = volume(np.zeros((1, 1, 5)), Unit.GY)
    values = np.array([[[0.5, 1.5, np.nan, 1.0, 0.2]]], np.float32)
    fractions = np.array([[[1.0, 0.25, 1.0, 0.5, 0.0]]], np.float32)
    found = GammaMap(values, GammaCriteria())
    region = Region.from_mask("r", "other", fractions, dose.grid)
    assert found.pass_fraction_in(region) == pytest.approx(1.5 / 1.75)
    assert (found.evaluated_count, found.pass_fraction) == (4, 0.75)
    left_out = Region.from_mask("n", "other", fractions * np.isnan(values), dose.grid)
    assert found.pass_fraction_in(left_out) is None


def test_a_density_on_a_border_belongs_to_one_class() -> None:
    """At the border of lung and of bone it is soft tissue, at the least density it is lung."""
    least, lung, bone = (
        np.float32(comparison_figure(name).value)
        for name in ("least_density_g_ml", "lung_density_g_ml", "bone_density_g_ml")
    )
    below = [np.nextafter(v, np.float32(0)) for v in (least, lung, bone)]
    above = [np.nextafter(v, np.float32(9)) for v in (least, lung, bone)]
    density = volume([[[*below, least, lung, bone, *above]]], Unit.G_PER_ML)
    dose = volume(np.arange(9.0).reshape(1, 1, 9), Unit.GY)
    found = {r.name.split()[0]: r.whole()[0, 0].tolist() for r in density_regions(density, dose)}
    assert found["lung"] == [0, 1, 0, 1, 0, 0, 1, 0, 0]
    assert found["soft"] == [0, 0, 1, 0, 1, 1, 0, 1, 0]
    assert found["bone"] == [0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found["above"] == [0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_a_voxel_of_the_least_density_is_compared_and_air_is_not() -> None:
    """Three voxels, one a hair thinner: means of two, gamma in two, highest dose of the two."""
    border = np.float32(comparison_figure("least_density_g_ml").value)
    below, above = np.nextafter(border, np.float32([0, 9]))
    density = volume([[[below, border, above]]], Unit.G_PER_ML)
    true, other = ([[[90.0, 10.0, 20.0]]], [[[0.0, 10.0, 26.0]]])
    whole = Region.from_mask("r", "other", np.ones((1, 1, 3)), density.grid)
    doses = [
        EngineDose(n, volume(d, Unit.GY)) for n, d in (("monte-carlo", true), ("local", other))
    ]
    found = compare_doses(doses, density, Regions((whole,)))
    (row,) = found.regions
    assert (row.mean_dose_gy, row.reference_mean_dose_gy) == pytest.approx((18.0, 15.0))
    assert row.volume_ml == pytest.approx(2 * 0.027)
    assert (found.gamma[0].evaluated_voxels, found.gamma[0].pass_fraction) == (2, 0.5)
    (left,) = without_air(Regions((whole,)), density)
    assert left.whole()[0, 0].tolist() == [0, 1, 1]
    gray = volume([[[90.0, 9.0, 20.0]]], Unit.GY)
    high = {r.name: r.whole()[0, 0].tolist() for r in density_regions(density, gray)}
    assert high[HALF_MAXIMUM] == [0, 0, 1]  # half of 20 Gy, not of 90 in air
    nothing = density_regions(density, gray.with_values(0.0 * gray.values, Unit.GY))
    assert HALF_MAXIMUM not in [region.name for region in nothing]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_ends_of_a_map_see_each_other_through_a_longer_kernel(axis: int) -> None:
    """One active voxel at each end, a kernel of ones twice as long: both reach everywhere."""
    shape = [3, 4, 5]
    values = np.zeros(shape, np.float32)
    ends = [[0, 0, 0], [0, 0, 0]]
    ends[1][axis] = shape[axis] - 1
    values[tuple(ends[0])], values[tuple(ends[1])] = 1.0, 2.0
    length = [1, 1, 1]
    length[axis] = 4 * shape[axis] + 1
    line = [0, 0, 0]
    found = convolve(values, np.ones(length))
    for place in range(shape[axis]):
        line[axis] = place
        assert found[tuple(line)] == pytest.approx(3.0, rel=1e-5)


def test_d_of_equal_steps_is_the_dose_that_the_share_exceeds() -> None:
    """Four voxels of 8, 4, 2 and 1 Gy: a quarter exceeds 4, half 2, three quarters 1 Gy."""
    dose = volume([[[2.0, 8.0, 1.0, 4.0]]], Unit.GY, (7.0, 5.0, 3.0))
    region = Region.from_mask("r", "other", np.ones((1, 1, 4)), dose.grid)
    dvh = dose_volume_histogram(dose, region)
    shares = (0, 12.5, 25, 37.5, 50, 62.5, 75, 100)
    assert [dvh.d(p) for p in shares] == pytest.approx([8.0, 6.0, 4.0, 3.0, 2.0, 1.5, 1.0, 1.0])
    assert [dvh.v(g) for g in (8.0, 4.0, 2.0, 1.0)] == [0.25, 0.5, 0.75, 1.0]


def test_each_figure_of_a_region_is_its_own() -> None:
    """100 voxels of 1 to 100 Gy: no two figures are the same, so none can stand for another."""
    doses = np.arange(1.0, 101.0).reshape(4, 5, 5)
    gray = volume(doses, Unit.GY, (10.0, 10.0, 10.0))
    density = volume(np.full(doses.shape, 1.06), Unit.G_PER_ML, (10.0, 10.0, 10.0))
    activity = volume(doses, Unit.BQ_PER_ML, (10.0, 10.0, 10.0))
    whole = Region.from_mask("liver", "liver", np.ones(doses.shape), gray.grid)
    (found,) = region_doses(gray, density, activity, Regions((whole,)), nuclide("y90"))
    assert (found.d98_gy, found.d95_gy, found.d70_gy) == pytest.approx((2.0, 5.0, 30.0))
    assert (found.d50_gy, found.d2_gy) == pytest.approx((50.0, 98.0))
    assert (found.minimum_gy, found.maximum_gy) == (1.0, 100.0)
    assert found.mean_dose_gy == pytest.approx(50.5)
    assert (found.volume_ml, found.mass_g) == (pytest.approx(100.0), pytest.approx(106.0))


def test_photons_of_fine_voxels_reach_as_far_as_the_kernel_says() -> None:
    """I-131 in one voxel of 2 mm, off the middle; the far part goes by voxels of 6 mm.

    A whole coarse voxel stands for the source, so only the mean over opposite directions is exact.
    """
    i131, shape, source = nuclide("i131"), (31, 29, 33), (15, 13, 17)
    values = np.zeros(shape)
    values[source] = 1e6
    activity = volume(values, Unit.BQ_PER_ML, (2.0, 2.0, 2.0))
    water = volume(np.ones(shape), Unit.G_PER_ML, (2.0, 2.0, 2.0))
    gray = dose_engines.create("voxel-convolution").dose(activity, water, i131).values
    kernel = voxel_kernel(i131, (2.0, 2.0, 2.0), 1.0, 31, "water").s_values_mgy_per_mbq_s()
    mbq_s = 1e6 * 0.008 * i131.mean_life_s * 1e-6
    found = []
    for axis in range(3):
        for away in (-12, 12):
            place = list(source)
            place[axis] += away
            found.append(gray[tuple(place)])
    expected = kernel[15, 15, 27] * mbq_s * 1e-3
    assert np.mean(found) == pytest.approx(expected, rel=0.1)
