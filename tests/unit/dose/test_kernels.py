"""Voxel kernels: exact energy, symmetry, density scaling and the far part."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opensirt.dose import PointKernel, point_kernel, voxel_kernel
from opensirt.dose.engines.voxel_convolution import VoxelConvolution
from opensirt.dose.folding import fold_shells
from opensirt.dose.kernels import (
    KERNEL_MEDIA,
    charged_radius_mm,
    extended,
    half_shape_for,
    kernel_medium,
    kernel_medium_at,
    near_radius_mm,
)
from opensirt.errors import InputError, TableError, UnknownNameError
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import uniform

Y90 = nuclide("y90")


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (5.0, 1.5, 1.5), (3.0, 4.0, 2.5)])
def test_folding_keeps_all_energy(spacing_mm: tuple[float, float, float]) -> None:
    kernel = point_kernel("y90")
    edges_mm = kernel.edges_mm(1.0)[:271]
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])[:271]
    half = tuple(math.floor(edges_mm[-1] / s) + 1 for s in spacing_mm)
    values = fold_shells(edges_mm, cumulative, spacing_mm, (0.0, edges_mm[-1]), half, 0.15)
    assert values.shape == tuple(2 * h + 1 for h in half)
    assert values.sum() == pytest.approx(cumulative[-1], rel=1e-12)


def test_folding_a_shell_within_the_voxel_is_the_mean_of_the_triangles() -> None:
    """Hand calculation for radius r in a cube a with q = r/a: the mean of the product of
    ``1 - q|x|`` over the axes, with means 1/2, 2/(3 pi), 1/(4 pi) of |x|, |xy|, |xyz|."""
    radius, size = 1.0, 4.0
    edges, cumulative = np.array([0.0, 0.9999, 1.0001]), np.array([0.0, 0.0, 1.0])
    values = fold_shells(edges, cumulative, (size,) * 3, (0.9999, 1.0001), (1, 1, 1), 0.01)
    q = radius / size
    mean_xy, mean_xyz = 2.0 / (3.0 * math.pi), 1.0 / (4.0 * math.pi)
    expected = 1.0 - 1.5 * q + 3.0 * mean_xy * q**2 - mean_xyz * q**3
    assert values[1, 1, 1] == pytest.approx(expected, rel=5e-4)


def test_kernel_is_even_and_follows_the_order_of_the_axes() -> None:
    kernel = voxel_kernel(Y90, (5.0, 2.0, 3.0), 1.04).energy_mev
    for axis in range(3):
        assert np.array_equal(kernel, np.flip(kernel, axis))
    turned = voxel_kernel(Y90, (2.0, 3.0, 5.0), 1.04).energy_mev
    assert np.array_equal(kernel.transpose(1, 2, 0), turned)
    cubic = voxel_kernel(Y90, (2.0, 2.0, 2.0), 1.04).energy_mev
    assert np.allclose(cubic, cubic.transpose(2, 0, 1), rtol=1e-12)


def test_default_extent_holds_999_per_mille_of_the_electrons_energy() -> None:
    kernel = voxel_kernel(Y90, (3.0, 3.0, 3.0))
    assert kernel.half_shape == (4, 4, 4)
    assert 0.995 < kernel.energy_mev.sum() / kernel.total_mev < 1.0
    assert charged_radius_mm(point_kernel("y90")) == pytest.approx(9.2, abs=0.3)


def test_a_larger_extent_adds_the_photon_tail_around_the_same_centre() -> None:
    small, large = (voxel_kernel(Y90, (6.0, 6.0, 6.0), extent=n).energy_mev for n in (3, 61))
    assert large[29:32, 29:32, 29:32] == pytest.approx(small, rel=1e-3)
    assert large.sum() / point_kernel("y90").total_mev > 0.9985


def test_density_shortens_the_kernel() -> None:
    """Twice the density and half the voxel give the same energies, in an eighth of the volume."""
    water = voxel_kernel(Y90, (4.0, 4.0, 4.0), 1.0, extent=5)
    dense = voxel_kernel(Y90, (2.0, 2.0, 2.0), 2.0, extent=5)
    assert dense.energy_mev == pytest.approx(water.energy_mev, rel=1e-9)
    ratio = dense.s_values_mgy_per_mbq_s()[2, 2, 2] / water.s_values_mgy_per_mbq_s()[2, 2, 2]
    assert ratio == pytest.approx(4.0, rel=1e-9)


def test_s_value_is_energy_over_mass() -> None:
    """1 MeV per decay in 1 g for 1 MBq s: 1e6 x 1.602e-13 J / 1e-3 kg = 0.1602 mGy."""
    kernel = voxel_kernel(Y90, (10.0, 10.0, 10.0), 1.0)
    centre = kernel.half_shape
    expected = kernel.energy_mev[centre] * 0.160_217_663_4
    assert kernel.s_values_mgy_per_mbq_s()[centre] == pytest.approx(expected, rel=1e-9)


def test_arrays_are_what_a_kernel_file_holds() -> None:
    arrays = voxel_kernel(Y90, (2.0, 3.0, 4.0), 1.05, extent=7).arrays()
    assert arrays["s_mgy_per_mbq_s"].shape == (7, 7, 7)
    assert np.unravel_index(arrays["s_mgy_per_mbq_s"].argmax(), (7, 7, 7)) == (3, 3, 3)
    assert arrays["spacing_mm"].tolist() == [2.0, 3.0, 4.0]
    assert (float(arrays["density_g_ml"]), str(arrays["nuclide"])) == (1.05, "y90")
    assert float(arrays["energy_mev"]) == pytest.approx(0.9331, rel=1e-3)


@pytest.mark.parametrize("medium", KERNEL_MEDIA)
@pytest.mark.parametrize("name", ["y90", "ho166", "re188", "p32", "lu177", "i131", "tc99m"])
def test_point_kernel_holds_all_energy_emitted(name: str, medium: str) -> None:
    kernel, emitted = point_kernel(name, medium), nuclide(name).energies.everything_mev
    assert kernel.medium == medium
    assert kernel.total_mev == pytest.approx(emitted, rel=2e-3)
    assert near_radius_mm(kernel, 1.0) >= 10.0


@pytest.mark.parametrize(
    ("density_g_ml", "medium"),
    [
        (0.001, "lung"),
        (0.26, "lung"),
        (0.80, "lung"),
        (0.95, "water"),
        (1.00, "water"),
        (1.04, "soft-tissue"),
        (1.20, "soft-tissue"),
        (1.21, "bone"),
        (20.0, "bone"),
    ],
)
def test_density_chooses_the_medium_of_the_kernel(density_g_ml: float, medium: str) -> None:
    """As tables/media.toml for Monte Carlo; air counts as lung, adipose as water."""
    assert kernel_medium_at(density_g_ml) == medium


def test_tissues_without_a_kernel_of_their_own_have_a_stand_in() -> None:
    assert [kernel_medium(t) for t in ("liver", "muscle", "adipose", "air", "bone")] == [
        "soft-tissue", "soft-tissue", "water", "lung", "bone",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="no kernel stands for medium 'lead'; choose one of"):
        point_kernel("y90", "lead")


def test_voxel_convolution_takes_the_kernel_of_the_density() -> None:
    """One active voxel: doses are the S values of the soft-tissue kernel at 1.04 g/mL."""
    shape, step = (9, 9, 9), (3.0, 3.0, 3.0)
    source = uniform(0.0, Unit.BQ_PER_ML, shape, step)
    values = source.values.copy()
    values[4, 4, 4] = 1e6
    dose = VoxelConvolution().dose(
        source.with_values(values, Unit.BQ_PER_ML), uniform(1.04, Unit.G_PER_ML, shape, step), Y90
    )
    kernel = voxel_kernel(Y90, step, 1.04, 9, "soft-tissue").s_values_mgy_per_mbq_s()
    mbq_s = 1e6 * 0.027 * Y90.mean_life_s * 1e-6
    assert dose.values[4, 4, 4] == pytest.approx(kernel[4, 4, 4] * mbq_s * 1e-3, rel=1e-3)
    water = voxel_kernel(Y90, step, 1.04, 9, "water").s_values_mgy_per_mbq_s()
    assert kernel[4, 4, 4] / water[4, 4, 4] == pytest.approx(0.991, abs=0.003)


def test_energy_beyond_the_table_falls_exponentially() -> None:
    radius, energy = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.3, 0.1])
    kernel = extended(PointKernel("y90", radius, energy), 1.0)
    assert kernel.total_mev == pytest.approx(1.0, rel=1e-12)
    first = kernel.energy_mev[3] / (kernel.outer_radius_mm[3] - kernel.outer_radius_mm[2])
    assert first == pytest.approx(0.1, rel=0.12)  # continues the 0.1 MeV/mm of the last shell
    assert extended(kernel, 0.9) is kernel


def test_the_tail_of_a_table_by_hand() -> None:
    """0.1 MeV/mm in the last shell, 0.4 MeV missing: a decay length of 4 mm, 40 shells over 8."""
    kernel = PointKernel("y90", np.array([1.0, 3.0, 4.0]), np.array([0.3, 0.2, 0.1]), 1.0)
    found = extended(kernel, 1.0)
    assert found.energy_mev[:3].tolist() == [0.3, 0.2, 0.1]
    depths = 8.0 * np.arange(1, 41) / 40
    assert found.outer_radius_mm[3:] == pytest.approx(4.0 + 4.0 * depths)
    within = (1.0 - np.exp(-depths)) / (1.0 - np.exp(-8.0))
    assert np.cumsum(found.energy_mev[3:]) == pytest.approx(0.4 * within)
    dark = PointKernel("y90", np.array([1.0, 3.0]), np.array([0.3, 0.0]))
    assert extended(dark, 0.5).outer_radius_mm[-1] == pytest.approx(3.0 + 8.0 * 3.0)


def test_radii_scale_with_the_inverse_of_the_density() -> None:
    """Of the table's own density; the near part holds 10 mm and all electrons, or all there is."""
    kernel = PointKernel("y90", np.array([4.0, 8.0]), np.array([0.5, 0.5]), density_g_ml=2.0)
    assert kernel.edges_mm(2.0).tolist() == [0.0, 4.0, 8.0]
    assert kernel.edges_mm(0.5).tolist() == [0.0, 16.0, 32.0]
    assert near_radius_mm(kernel, 0.5) == pytest.approx(8.0 * 4.0)  # ends before 10 mm
    y90, lu177 = point_kernel("y90"), point_kernel("lu177")
    assert near_radius_mm(lu177, 0.25) == pytest.approx(40.0)
    assert near_radius_mm(y90, 0.5) == pytest.approx(20.0)
    assert charged_radius_mm(y90) < 10.0 < charged_radius_mm(y90, 0.9999)
    assert half_shape_for(10.0, (4.0, 5.0, 10.1)) == (3, 3, 1)


def test_kernels_refuse_impossible_requests() -> None:
    with pytest.raises(InputError, match="three positive voxel sizes in mm"):
        voxel_kernel(Y90, (3.0, 0.0, 3.0))
    with pytest.raises(InputError, match="positive density in g/mL, got -1"):
        voxel_kernel(Y90, (3.0, 3.0, 3.0), -1.0)
    with pytest.raises(InputError, match="must be odd and positive, got 4 voxels"):
        voxel_kernel(Y90, (3.0, 3.0, 3.0), extent=4)
    with pytest.raises(TableError, match=r"kernels/sr89-water\.toml does not exist"):
        point_kernel("sr89")
    with pytest.raises(TableError, match="two columns of equal length"):
        PointKernel("y90", np.array([1.0, 2.0]), np.array([1.0]))
    for radii in ([2.0, 1.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 1.0]):
        with pytest.raises(TableError, match="radii must rise"):
            PointKernel("y90", np.array(radii), np.array([1.0, 1.0]))
    with pytest.raises(TableError, match="energies be >= 0"):
        PointKernel("y90", np.array([1.0, 2.0]), np.array([1.0, -1e-9]))
    with pytest.raises(TableError, match="two columns of equal length"):
        PointKernel("y90", np.array([1.0]), np.array([1.0]))


@pytest.mark.parametrize("name", ["ho166", "lu177", "y90"])
def test_folding_keeps_the_shells_of_the_table(name: str) -> None:
    """Source voxel of 2 mm against an integral of the table over radius, no steps but its own.

    On a sphere of radius r = t a, up to a, the mean of ``(1-|x|/a)(1-|y|/a)(1-|z|/a)`` is
    ``1 - 3 t/2 + 2 t^2/pi - t^3/(4 pi)``: on the unit sphere the means of |x|, |xy| and |xyz| are
    1/2, 2/(3 pi) and 1/(4 pi).
    """
    kernel, edge = point_kernel(name), 2.0
    radii = np.linspace(0.0, edge, 40_001)
    held = np.interp(radii, kernel.edges_mm(1.0), np.r_[0.0, np.cumsum(kernel.energy_mev)])
    t = 0.5 * (radii[1:] + radii[:-1]) / edge
    share = 1.0 - 1.5 * t + 2.0 / np.pi * t**2 - t**3 / (4.0 * np.pi)
    inner = float(np.sum(np.diff(held) * share))
    half = (1, 1, 1)
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    folded = fold_shells(kernel.edges_mm(1.0), cumulative, (edge,) * 3, (0.0, edge), half, 0.08)
    assert folded[half] == pytest.approx(inner, rel=2e-4)


@pytest.mark.parametrize("name", ["y90", "ho166"])
def test_a_kernel_follows_the_dose_constant(name: str) -> None:
    """Twice the Gy kg per GBq is twice the energy in every voxel."""
    own = nuclide(name)
    twice = own.with_dose_constant(2 * own.dose_constant_gy_kg_per_gbq)
    plain, double = (voxel_kernel(of, (4.0, 3.0, 3.0), extent=3) for of in (own, twice))
    assert double.energy_mev == pytest.approx(2 * plain.energy_mev)
    assert double.total_mev == pytest.approx(2 * plain.total_mev)
    assert double.s_values_mgy_per_mbq_s() == pytest.approx(2 * plain.s_values_mgy_per_mbq_s())
