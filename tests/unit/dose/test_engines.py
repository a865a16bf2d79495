"""Every registered engine reaches equilibrium, keeps its units and refuses what it cannot use."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose import dose_engines, voxel_kernel
from opensirt.dose.engines.local import LocalDeposition
from opensirt.dose.engines.voxel_convolution import VoxelConvolution
from opensirt.errors import GridMismatchError, InputError, UnitMismatchError, UnknownNameError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import equilibrium_gy, uniform, volume

Y90 = nuclide("y90")
SHAPE = (21, 21, 21)


@pytest.mark.parametrize("name", dose_engines.names())
def test_uniform_water_reaches_equilibrium_dose(name: str) -> None:
    """Deep inside uniform water the dose is energy released over mass (hand calculation)."""
    source, water = uniform(1e6, Unit.BQ_PER_ML, SHAPE), uniform(1.0, Unit.G_PER_ML, SHAPE)
    dose = dose_engines.create(name).dose(source, water, Y90)
    joule_per_ml = 1e6 * (64.10 * 3600 / np.log(2)) * 0.933106 * 1.602_176_634e-13
    assert dose.unit is Unit.GY
    assert dose.values.dtype == np.float32
    assert dose.values[8:13, 8:13, 8:13].mean() == pytest.approx(joule_per_ml / 1e-3, rel=0.01)


@pytest.mark.parametrize("density_g_ml", [0.3, 1.0, 1.06, 1.85])
def test_local_engine_is_exact_in_a_uniform_medium(density_g_ml: float) -> None:
    source = uniform(2.5e5, Unit.BQ_PER_ML, (4, 5, 6))
    dose = LocalDeposition().dose(source, uniform(density_g_ml, Unit.G_PER_ML, (4, 5, 6)), Y90)
    expected = equilibrium_gy(Y90, 2.5e5, density_g_ml)
    assert np.abs(dose.values / expected - 1.0).max() < 1e-6


def test_local_engine_uses_the_density_of_each_voxel_and_none_in_air() -> None:
    source = uniform(1e6, Unit.BQ_PER_ML, (1, 1, 4))
    density = volume([[[1.0, 0.25, 0.05, 0.0]]], Unit.G_PER_ML)
    gray = LocalDeposition().dose(source, density, Y90).values[0, 0]
    expected = equilibrium_gy(Y90, 1e6, 1.0)
    assert gray == pytest.approx([expected, 4 * expected, 0.0, 0.0], rel=1e-6)


@pytest.mark.parametrize("scaling", ["local", "none"])
@pytest.mark.parametrize("spacing_mm", [(6.0, 6.0, 6.0), (5.0, 7.0, 7.0)])
def test_convolution_interior_of_a_large_uniform_medium(
    scaling: str, spacing_mm: tuple[float, float, float]
) -> None:
    """0.1 % in the middle of 60 cm of tissue, photons included (hand calculation)."""
    shape = tuple(int(600 / s) for s in spacing_mm)
    source = uniform(1e6, Unit.BQ_PER_ML, shape, spacing_mm)
    tissue = uniform(1.04, Unit.G_PER_ML, shape, spacing_mm)
    engine = VoxelConvolution(density_scaling=scaling)  # type: ignore[arg-type]
    gray = engine.dose(source, tissue, Y90).values
    middle = tuple(slice(n // 2 - 8, n // 2 + 8) for n in shape)
    assert np.abs(gray[middle] / equilibrium_gy(Y90, 1e6, 1.04) - 1.0).max() < 1e-3


def test_convolution_keeps_the_energy_of_a_small_source_in_a_large_object() -> None:
    """Released energy comes back within 0.2 % of dose times mass, whatever the density pattern."""
    shape, spacing_mm = (90, 90, 90), (7.0, 7.0, 7.0)
    rng = np.random.default_rng(3)
    source = np.zeros(shape, dtype=np.float32)
    source[40:50, 42:49, 38:52] = rng.random((10, 7, 14))
    density = rng.uniform(0.9, 1.2, shape).astype(np.float32)
    activity = volume(source, Unit.BQ_PER_ML, spacing_mm)
    gray = VoxelConvolution().dose(activity, volume(density, Unit.G_PER_ML, spacing_mm), Y90).values
    voxel_ml = 0.343
    joule = float((gray.astype(np.float64) * density).sum()) * voxel_ml * 1e-3
    released = activity.total() * Y90.mean_life_s * Y90.mean_energy_mev * 1.602_176_634e-13
    assert joule / released == pytest.approx(1.0, abs=2e-3)


def test_density_scaling_none_is_the_tabulated_voxel_s_value_way() -> None:
    """With "none" a light voxel gets what tissue would; with "local" the energy over its mass.

    0.8 g/mL is of one class with 1.0, so that its energy counts in full; but for photons from
    farther than 10 mm, 0.1 % of the dose, which bring the same dose to both.
    """
    source = uniform(1e6, Unit.BQ_PER_ML, SHAPE)
    density = np.full(SHAPE, 1.0)
    density[10, 10, 10] = 0.8
    rho = volume(density, Unit.G_PER_ML)
    middle = (10, 10, 10)
    fixed = VoxelConvolution(density_scaling="none", medium_density_g_ml=1.0)
    local = VoxelConvolution(medium_density_g_ml=1.0)
    ratio = (
        local.dose(source, rho, Y90).values[middle] / fixed.dose(source, rho, Y90).values[middle]
    )
    assert ratio == pytest.approx(1 / 0.8, rel=3e-4)


def test_a_thin_voxel_takes_the_dose_of_dense_tissue_beside_it_not_its_energy() -> None:
    """Layers at 1.0 g/mL, active, beside 0.26 without: energy counts at 0.8, the class's border."""
    active = np.zeros((24, 12, 12))
    active[:12] = 1e6
    density = np.ones(active.shape)
    density[12:] = 0.26
    source, rho = volume(active, Unit.BQ_PER_ML), volume(density, Unit.G_PER_ML)
    mixed = VoxelConvolution(medium_density_g_ml=1.0).dose(source, rho, Y90).values
    even = (
        VoxelConvolution(medium_density_g_ml=1.0)
        .dose(source, uniform(1.0, Unit.G_PER_ML, active.shape), Y90)
        .values
    )
    assert mixed[:12] == pytest.approx(even[:12], rel=1e-5)
    photons_gy = 0.002 * equilibrium_gy(Y90, 1e6, 1.0)  # beyond 10 mm, the same dose in both
    assert mixed[12:14, 6, 6] == pytest.approx(even[12:14, 6, 6] / 0.8, abs=0.25 * photons_gy)
    assert float(mixed[12:].max()) < float(mixed[:12].max())


def test_thin_sources_keep_their_energy_in_dense_and_in_equally_thin_voxels() -> None:
    """Active lung of 0.3 g/mL has its equilibrium dose; in tissue beside it energy counts as is."""
    active = np.zeros((40, 24, 24))
    active[:20] = 1e6
    density = np.full(active.shape, 1.0)
    density[:20] = 0.3
    source, rho = volume(active, Unit.BQ_PER_ML), volume(density, Unit.G_PER_ML)
    gray = VoxelConvolution(medium_density_g_ml=1.0).dose(source, rho, Y90).values
    assert gray[8, 12, 12] == pytest.approx(equilibrium_gy(Y90, 1e6, 0.3), rel=0.01)
    one = np.where(density == 1.0, gray, 0.0)[:, 12, 12]
    even = (
        VoxelConvolution(medium_density_g_ml=1.0)
        .dose(source, uniform(1.0, Unit.G_PER_ML, active.shape), Y90)
        .values[:, 12, 12]
    )
    assert one[20:24] == pytest.approx(even[20:24], rel=1e-4)


@pytest.mark.parametrize("spacing_mm", [(3.0, 3.0, 3.0), (5.0, 1.5, 1.5)])
@pytest.mark.parametrize("name", ["y90", "lu177"])
def test_a_sphere_in_air_has_no_hot_ring(name: str, spacing_mm: tuple[float, float, float]) -> None:
    """Edge voxels, as dense and active as they are full, stay below the sphere's inside."""
    counts = [2 * int(30 / s) for s in spacing_mm]
    square = np.zeros(counts)
    for axis, (n, s) in enumerate(zip(counts, spacing_mm, strict=True)):
        line = ((np.arange(n) + 0.5 - n / 2) * s) ** 2
        square = square + line.reshape([-1 if k == axis else 1 for k in range(3)])
    filled = np.clip((20.0 - np.sqrt(square)) / max(spacing_mm) + 0.5, 0.0, 1.0)
    source = volume(filled * 1e6, Unit.BQ_PER_ML, spacing_mm)
    rho = volume(filled * 1.05 + (1 - filled) * 0.0012, Unit.G_PER_ML, spacing_mm)
    of = nuclide(name)
    gray = VoxelConvolution().dose(source, rho, of).values
    middle = tuple(n // 2 for n in counts)
    assert (filled > 0.0).sum() > 1.1 * (filled >= 1.0).sum()
    assert float(gray.max()) <= 1.02 * float(gray[middle])


@pytest.mark.parametrize("name", dose_engines.names())
@pytest.mark.parametrize("density_g_ml", [1e-8, 1e-5])
def test_a_density_that_is_none_is_refused_at_once(name: str, density_g_ml: float) -> None:
    """Ranges of kilometres would ask for kernels of tens of GiB."""
    source = uniform(1e6, Unit.BQ_PER_ML, (128, 128, 128))
    nothing = uniform(density_g_ml, Unit.G_PER_ML, (128, 128, 128))
    with pytest.raises(InputError, match="100 % of the activity lies where the density is"):
        dose_engines.create(name).dose(source, nothing, Y90)


@pytest.mark.parametrize("name", dose_engines.names())
def test_activity_beyond_single_precision_is_refused(name: str) -> None:
    grid = Grid.regular((4, 4, 4), (3.0, 3.0, 3.0))
    huge = Volume(np.full(grid.shape, 1e39), grid, Unit.BQ_PER_ML)
    with pytest.raises(InputError, match=r"number in single precision, found 1e\+39 Bq/mL"):
        dose_engines.create(name).dose(huge, uniform(1.0, Unit.G_PER_ML, (4, 4, 4)), Y90)


@pytest.mark.parametrize("name", ["local", "voxel-convolution", "voxel-superposition"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_the_density_in_voxels_twice_as_long_takes_up_the_same_energy(name, axis) -> None:
    """I-131 in lung, along 60 voxels of 6 and of 12 mm: beyond 20 cm, as photons go far in lung.

    The same decays are a fourth of the dose: eight times the volume at half the density.
    """
    shape = [5, 5, 5]
    shape[axis] = 60
    decays, gray = np.zeros(shape), []
    np.moveaxis(decays, axis, 0)[2] = np.arange(25.0).reshape(5, 5)
    for edge_mm, rho in ((6.0, 0.5), (12.0, 0.25)):
        spacing_mm = (edge_mm,) * 3
        source = volume(decays * 1e6 / edge_mm**3, Unit.BQ_PER_ML, spacing_mm)
        lung = uniform(rho, Unit.G_PER_ML, shape, spacing_mm)
        gray.append(dose_engines.create(name).dose(source, lung, nuclide("i131")).values)
    assert 4 * gray[1] == pytest.approx(gray[0], rel=2e-3, abs=1e-7 * float(gray[0].max()))
    if name != "local":
        assert np.moveaxis(gray[1], axis, 0)[-1].min() > 1e-6 * float(gray[1].max())


@pytest.mark.parametrize(
    ("density_g_ml", "medium"),
    [(0.3, "lung"), (0.99, "water"), (1.04, "soft-tissue"), (1.85, "bone")],
)
@pytest.mark.parametrize("name", ["y90", "i131"])
def test_doses_about_a_voxel_are_the_s_values_of_its_medium(
    density_g_ml: float, medium: str, name: str
) -> None:
    """All voxels of three sizes to 1 %, but for the far photons that go by coarse voxels."""
    of, shape, spacing_mm, place = nuclide(name), (5, 7, 9), (7.0, 6.0, 6.5), (2, 3, 4)
    values = np.zeros(shape)
    values[place] = 1e6
    source = volume(values, Unit.BQ_PER_ML, spacing_mm)
    rho = uniform(density_g_ml, Unit.G_PER_ML, shape, spacing_mm)
    gray = VoxelConvolution().dose(source, rho, of).values
    kernel = voxel_kernel(of, spacing_mm, density_g_ml, 9, medium).s_values_mgy_per_mbq_s()
    expected = kernel[2:7, 1:8] * 0.273 * of.mean_life_s * 1e-3  # 1e6 Bq/mL in 0.273 mL
    assert gray == pytest.approx(expected, rel=0.01, abs=1e-6 * expected.max())


def test_dose_follows_the_chosen_dose_constant() -> None:
    source, water = uniform(1e6, Unit.BQ_PER_ML, SHAPE), uniform(1.0, Unit.G_PER_ML, SHAPE)
    fifty = Y90.with_dose_constant(50.0)
    for name in dose_engines.names():
        few = {"histories": 20_000} if name == "monte-carlo" else {}  # the same ones both times
        engine = dose_engines.create(name, **few)
        ratio = (
            engine.dose(source, water, fifty).values.sum()
            / engine.dose(source, water, Y90).values.sum()
        )
        assert ratio == pytest.approx(50.0 / Y90.dose_constant_gy_kg_per_gbq, rel=1e-5)


def test_no_activity_gives_no_dose() -> None:
    nothing, water = uniform(0.0, Unit.BQ_PER_ML, SHAPE), uniform(1.0, Unit.G_PER_ML, SHAPE)
    for name in dose_engines.names():
        assert float(np.abs(dose_engines.create(name).dose(nothing, water, Y90).values).max()) == 0


@pytest.mark.parametrize("name", dose_engines.names())
def test_engines_refuse_wrong_units_grids_and_values(name: str) -> None:
    engine = dose_engines.create(name)
    source, water = uniform(1.0, Unit.BQ_PER_ML, SHAPE), uniform(1.0, Unit.G_PER_ML, SHAPE)
    with pytest.raises(UnitMismatchError, match="expected a volume in Bq/mL, got g/mL"):
        engine.dose(water, water, Y90)
    with pytest.raises(GridMismatchError, match=r"resample first with volume\.onto"):
        engine.dose(source, uniform(1.0, Unit.G_PER_ML, (3, 3, 3)), Y90)
    with pytest.raises(InputError, match=r"activity map must be finite and not negative, .* -1"):
        engine.dose(uniform(-1.0, Unit.BQ_PER_ML, SHAPE), water, Y90)
    with pytest.raises(InputError, match=r"density map must be finite and not negative, .* nan"):
        engine.dose(source, uniform(float("nan"), Unit.G_PER_ML, SHAPE), Y90)


def test_convolution_refuses_a_sheared_grid_and_unknown_scaling() -> None:
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[1, 0] = 1.0
    grid = Grid.from_matrix((3, 3, 3), matrix)
    ones = np.ones((3, 3, 3), dtype=np.float32)
    activity, water = Volume(ones, grid, Unit.BQ_PER_ML), Volume(ones, grid, Unit.G_PER_ML)
    with pytest.raises(GridMismatchError, match="is sheared; resample the activity first"):
        VoxelConvolution().dose(activity, water, Y90)
    with pytest.raises(
        InputError, match="density scaling 'water' is unknown; choose local or none"
    ):
        VoxelConvolution(density_scaling="water")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="dose engine 'mc' is unknown; choose one of local"):
        dose_engines.create("mc")
    empty = uniform(0.0, Unit.G_PER_ML, (3, 3, 3))
    with pytest.raises(
        InputError, match=r"100 % of the activity lies where the density is below 0\.1 g/mL"
    ):
        VoxelConvolution().dose(uniform(1.0, Unit.BQ_PER_ML, (3, 3, 3)), empty, Y90)
