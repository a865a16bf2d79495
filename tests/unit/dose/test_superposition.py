"""Rays through voxels, what they carry, and the engine `voxel-superposition`."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import dose_engines
from opensirt.dose.engines.voxel_superposition import VoxelSuperposition, _Medium, _widened
from opensirt.dose.kernel_parts import cumulative_mev, electron_reach_mm
from opensirt.dose.kernels import kernel_medium_at, point_kernel
from opensirt.dose.photon_dose import _smaller, photon_dose
from opensirt.dose.ray_kernel import RayKernel, fitted_kernel, ray_directions
from opensirt.dose.rays import _shares, add_density_effect
from opensirt.errors import GridMismatchError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import equilibrium_gy, uniform, volume

Y90 = nuclide("y90")
SPACING_MM = (2.0, 2.0, 2.0)
NUCLIDES = ["y90", "ho166", "re188", "p32", "lu177", "i131"]
Floats = npt.NDArray[np.float32]
SIMPLE = RayKernel(np.array([0.5]), np.array([0.5]))
"""1 MeV per decay that falls off as exp(-t / 2 mm)."""


def dose_of(
    activity: Floats,
    density: Floats,
    name: str = "y90",
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    **options: float,
) -> Floats:
    """Dose by the engine."""
    source = volume(activity, Unit.BQ_PER_ML, spacing_mm)
    medium = volume(density, Unit.G_PER_ML, spacing_mm)
    engine = dose_engines.create("voxel-superposition", **options)
    return np.asarray(engine.dose(source, medium, nuclide(name)).values)


@pytest.mark.parametrize("x", [0.0, 1e-4, 0.019, 0.021, 0.3, 1.0, 3.0, 10.0, 60.0])
def test_shares_of_a_path_are_those_of_its_exponential(x: float) -> None:
    mean, left, fill = (float(value) for value in _shares(np.float32(x)))
    exact = 1.0 if x == 0.0 else (1.0 - math.exp(-x)) / x
    assert left == pytest.approx(math.exp(-x), abs=1e-3)
    assert mean == pytest.approx(exact, abs=1e-3)
    assert fill == pytest.approx(0.5 if x == 0.0 else (1.0 - exact) / x, abs=1e-3)
    assert left + x * mean == pytest.approx(1.0, abs=1e-6)  # what is left and what was left behind


@pytest.mark.parametrize(("most", "number", "order"), [(0, 96, 16), (96, 96, 16), (1e9, 288, 30)])
def test_directions_integrate_what_they_claim(most: float, number: int, order: int) -> None:
    """Sums of Legendre polynomials about any axis vanish; mirrors and exchanges change none."""
    directions = ray_directions(most)
    assert directions.shape == (number, 3)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(number), abs=1e-12)
    about = np.array([0.36, 0.48, 0.8])
    for degree in range(1, order // 2):
        terms = np.polynomial.legendre.legval(directions @ about, np.eye(degree + 1)[degree])
        assert abs(terms.mean()) < 0.01
    turned = {tuple(np.round(d[[2, 0, 1]] * (-1, 1, 1), 9)) for d in directions}
    assert turned == {tuple(np.round(d, 9)) for d in directions}


@pytest.mark.parametrize("name", NUCLIDES)
@pytest.mark.parametrize("medium", ["soft-tissue", "lung", "bone"])
def test_exponentials_follow_the_point_kernel(name: str, medium: str) -> None:
    kernel = point_kernel(name, medium)
    radius, within = kernel.edges_mm(1.0), cumulative_mev(kernel)[0]
    fitted = fitted_kernel(radius, within, electron_reach_mm(kernel))
    assert float((fitted.mev_per_mm / fitted.per_mm).sum()) == pytest.approx(within[-1], rel=1e-9)
    mm = np.linspace(0.0, 1.5 * electron_reach_mm(kernel), 60)
    missed = fitted.within_mev(mm) - np.interp(mm, radius, within)
    assert np.abs(missed).max() < 0.02 * within[-1]


def test_a_kernel_comes_apart_into_electrons_and_photons() -> None:
    kernel = point_kernel("ho166")
    electrons, photons = cumulative_mev(kernel)
    assert electrons[-1] + photons[-1] == pytest.approx(kernel.total_mev, rel=1e-9)
    assert electrons[-1] == pytest.approx(nuclide("ho166").energies.all_electrons_mev, rel=0.01)
    assert 6.0 < electron_reach_mm(kernel) < 9.0


@pytest.mark.parametrize("name", [*NUCLIDES, "tc99m"])
@pytest.mark.parametrize("medium", ["water", "lung", "bone"])
def test_what_electrons_leave_is_their_energy_less_bremsstrahlung(name: str, medium: str) -> None:
    """In i131 and tc99m photons carry most; of betas of 0.93 MeV some 0.5 % go as photons."""
    electrons, _ = cumulative_mev(point_kernel(name, medium))
    share = float(electrons[-1]) / nuclide(name).energies.all_electrons_mev
    assert 0.992 < share < 1.004


def test_parts_of_kernels_are_no_larger_than_the_map() -> None:
    assert _smaller((5, 3, 9), (4, 7, 6)) == (4, 3, 6)
    assert _smaller((1, 8, 2), (4, 7, 2)) == (1, 7, 2)


def test_density_of_the_base_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    activity = rng.random((9, 11, 13)).astype(np.float32)
    even = np.full(activity.shape, 1.06, np.float32)
    changed = np.zeros_like(activity)
    add_density_effect(changed, activity, even, 1.06, (2.0, 3.0, 4.0), SIMPLE)
    assert np.abs(changed).max() < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (5.0, 1.2, 1.2)])
def test_rays_into_lung_follow_the_integral_over_angles(
    axis: int, spacing_mm: tuple[float, float, float]
) -> None:
    """Half a space of activity; depth `t` beyond it: half the integral of exp(-b t / mu) dmu.

    Hand calculation, with decays of 1 MeV: the dose in lung goes by mass met, as in tissue.
    """
    shape = [math.ceil(90.0 / s) for s in spacing_mm]
    shape[axis] = math.ceil(50.0 / spacing_mm[axis])
    first = shape[axis] // 2
    half = [slice(None)] * 3
    half[axis] = slice(first, None)
    density = np.ones(shape, np.float32)
    density[tuple(half)] = 0.25
    activity = np.ones(shape, np.float32)
    activity[tuple(half)] = 0.0
    changed = np.zeros_like(activity)
    add_density_effect(changed, activity, density, 1.0, spacing_mm, SIMPLE)
    line = np.moveaxis(changed, axis, 0)
    middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in line.shape[1:])
    found = line[(slice(None), *middle)].mean(axis=(1, 2))
    size = spacing_mm[axis]
    edges = size * np.arange(5)

    def mean_dose(mm_per_mm: float) -> npt.NDArray[np.float64]:
        mu = (np.arange(4000) + 0.5) / 4000
        depth = np.linspace(edges[:-1], edges[1:], 41)[..., None] * mm_per_mm
        profile = 0.5 * np.exp(-0.5 * depth / mu).mean(axis=-1)
        return np.asarray(np.trapezoid(profile, axis=0) / 40)

    wanted = mean_dose(0.25) - mean_dose(1.0)
    assert found[first : first + 4] == pytest.approx(wanted, abs=0.008)
    assert np.abs(found[first - 4 : first]).max() < 0.002  # a ray back from lung brings nothing


def test_mirrored_and_turned_maps_give_mirrored_and_turned_dose() -> None:
    """As near as rays that start elsewhere: 3 % of the maximum at steps of activity and density
    at once, 0.1 % on average."""
    k, j, i = np.mgrid[:20, :20, :20]
    density = np.where(k + 2 * i < 30, 1.05, 0.26).astype(np.float32)
    density[:, :3] = 1.9
    activity = np.where((k - 8) ** 2 + (j - 9) ** 2 + (i - 6) ** 2 < 30, 1e6, 0).astype(np.float32)
    once = dose_of(activity, density)
    for order, steps in (((0, 1, 2), (-1, 1, 1)), ((2, 0, 1), (1, 1, 1)), ((1, 0, 2), (1, -1, -1))):
        sides = tuple(slice(None, None, step) for step in steps)

        def turned(values: Floats, order=order, sides=sides) -> Floats:  # type: ignore[no-untyped-def]
            return np.ascontiguousarray(values.transpose(order)[sides])

        apart = np.abs(dose_of(turned(activity), turned(density)) - turned(once))
        assert apart.max() < 0.03 * once.max()
        assert apart.mean() < 0.001 * once.max()


@pytest.mark.parametrize("density_g_ml", [0.26, 1.0, 1.06, 1.92])
def test_uniform_media_are_as_by_convolution(density_g_ml: float) -> None:
    """Within 0.2 % of the maximum of `voxel-convolution`, whose photons close by are finer."""
    shape = (24, 24, 24)
    activity = np.zeros(shape, np.float32)
    activity[9:14, 10:15, 8:13] = 1e6
    source = volume(activity, Unit.BQ_PER_ML, SPACING_MM)
    medium = uniform(density_g_ml, Unit.G_PER_ML, shape, SPACING_MM)
    ours, theirs = (
        dose_engines.create(name).dose(source, medium, Y90).values
        for name in ("voxel-superposition", "voxel-convolution")
    )
    assert np.abs(ours - theirs).max() < 2e-3 * theirs.max()


def test_the_same_decays_per_mass_on_both_sides_of_a_plane_give_one_dose() -> None:
    """Density alone changes nothing in a slab with equal decays per gram (Fano's theorem)."""
    density = np.full((44, 40, 40), 1.06, np.float32)
    density[18:] = 0.26
    gray = dose_of(density * np.float32(1e6), density)
    line = gray[8:26, 16:24, 16:24].mean(axis=(1, 2))
    assert line / equilibrium_gy(Y90, 1e6, 1.0) == pytest.approx(np.ones(18), abs=0.02)


def test_lung_beside_a_sphere_agrees_with_monte_carlo() -> None:
    """1 cm of liver activity at a plane of lung; a tenth of a minute of our Monte Carlo."""
    k, j, i = np.mgrid[:44, :44, :44]
    sphere = ((k - 15.5) ** 2 + (j - 21.5) ** 2 + (i - 21.5) ** 2) * 4 < 100
    density = np.where(k < 21, 1.06, 0.26).astype(np.float32)
    activity = sphere.astype(np.float32) * np.float32(1e6)
    source = volume(activity, Unit.BQ_PER_ML, SPACING_MM)
    medium = volume(density, Unit.G_PER_ML, SPACING_MM)
    truth = dose_engines.create("monte-carlo", histories=600_000, seed=3)
    reference = truth.dose(source, medium, Y90).values
    ours = dose_of(activity, density)
    near = (np.abs(j - 21.5) < 5) & (np.abs(i - 21.5) < 5)
    for region, tolerance in ((sphere, 0.01), (near & (k >= 21) & (k < 26), 0.05)):
        assert ours[region].mean() == pytest.approx(reference[region].mean(), rel=tolerance)


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (4.4, 4.4, 4.4), (5.0, 1.2, 1.2)])
def test_no_voxel_of_tissue_lung_and_air_is_absurd(spacing_mm: tuple[float, float, float]) -> None:
    """Active half ball of tissue with lung beside it, in air: nothing above equilibrium, and no
    energy from nowhere. Single voxels of 1e28 Gy once hid behind plausible means here."""
    shape = [round(96 / s) for s in spacing_mm]
    z, y, x = np.meshgrid(
        *((np.arange(n) - n / 2 + 0.5) * s for n, s in zip(shape, spacing_mm, strict=True)),
        indexing="ij",
    )
    away = np.sqrt(z * z + y * y + x * x)
    density = np.where(away < 40, 1.05, 0.0012).astype(np.float32)
    lung = (away < 34) & (x > 0)
    density[lung] = 0.26
    activity = np.where((away < 26) & (x < 0), 1e6, 0.0).astype(np.float32)
    gray = dose_of(activity, density, spacing_mm=spacing_mm)
    highest = equilibrium_gy(Y90, 1e6, 1.05)
    assert np.isfinite(gray).all()
    assert gray.min() >= 0.0
    assert 0.9 * highest < gray.max() < 1.02 * highest
    energy = float((gray * density).sum(dtype=np.float64))
    emitted = equilibrium_gy(Y90, 1e6, 1.0) * float((activity > 0).sum())
    assert 0.93 < energy / emitted < 1.005


def test_air_has_a_dose_unless_a_lowest_density_is_asked_for() -> None:
    density = np.full((20, 20, 20), 1.06, np.float32)
    density[10:] = 0.0012
    activity = np.where(density > 1, 1e6, 0).astype(np.float32)
    gray = dose_of(activity, density)[10, 8:12, 8:12].mean()
    monte_carlo_gy = 14.73  # 2 million histories; straight rays come back from where there is air
    assert 1.0 < gray / monte_carlo_gy < 1.65
    assert dose_of(activity, density, min_density_g_ml=0.1)[10].max() == 0.0


@pytest.mark.parametrize(("density_g_ml", "step_mm"), [(0.25, 4.0), (2.0, 0.5)])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_depth_beside_a_slab_counts_by_mass(
    axis: int, side: int, density_g_ml: float, step_mm: float
) -> None:
    """Beside 12 mm of active tissue, 4 mm of lung at 0.25 g/mL are as 1 mm of tissue,
    and so is half a millimetre of bone at 2 g/mL.

    So the dose goes 40 mm into lung, where a sum of water's own reach would end after 10 mm.
    """
    shape, source = [24, 14, 14], slice(12, 24)

    def line(density_g_ml: float, step_mm: float) -> npt.NDArray[np.float64]:
        density = np.full(shape, density_g_ml, np.float32)
        activity = np.zeros_like(density)
        density[source], activity[source] = 1.0, 1e6
        spacing_mm = [12.0, 12.0, 12.0]
        spacing_mm[axis] = step_mm
        turned = [np.moveaxis(of[::-side], 0, axis) for of in (activity, density)]
        gray = np.moveaxis(dose_of(*turned, spacing_mm=tuple(spacing_mm)), axis, 0)
        return np.asarray(gray[::-side][:12, 6:8, 6:8].mean(axis=(1, 2)), float)

    other, tissue = line(density_g_ml, step_mm), line(1.0, 1.0)
    assert other == pytest.approx(tissue, rel=0.05, abs=0.005 * tissue.max())


def test_the_result_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    density = np.full((16, 16, 16), 1.06, np.float32)
    density[8:] = 0.3
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OPENSIRT_THREADS", threads)
        results.append(dose_of(np.full_like(density, 1e6), density))
    assert np.abs(results[0] - results[1]).max() <= 1e-5 * results[0].max()


def test_photons_of_i131_in_lung_are_not_divided_by_its_mass() -> None:
    """2 cm beyond the beta range, in lung: within 15 % of the same place in tissue."""
    density = np.full((24, 24, 24), 1.04, np.float32)
    activity = np.zeros_like(density)
    activity[10:14, 10:14, 4:8] = 1e6
    tissue = dose_of(activity, density, "i131", (4.0, 4.0, 4.0))
    density[:, :, 12:16] = 0.26
    lung = dose_of(activity, density, "i131", (4.0, 4.0, 4.0))
    ratio = lung[10:14, 10:14, 13:15].mean() / tissue[10:14, 10:14, 13:15].mean()
    assert 0.95 < ratio < 1.15


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("voxels", [(13, 15), (14, 15), (8, 9)])
def test_a_last_block_is_as_active_and_as_dense_as_its_voxels(
    axis: int, voxels: tuple[int, int]
) -> None:
    """Photons go by blocks of 3 voxels of 2 mm. What lung changes is the same in blocks that the
    grid ends within, as the concentration and the density of a block are those of its voxels."""
    i131, changes = point_kernel("i131", "soft-tissue"), []
    for count in voxels:
        shape = [6, 6, 6]
        shape[axis] = count
        parts = []
        for rho in (0.25, 1.04):
            activity, density = np.ones(shape, np.float32), np.full(shape, rho, np.float32)
            near, far = photon_dose(activity, density, SPACING_MM, i131, 1.04)
            parts.append(np.stack(list(far)))
            assert near is not None
        changes.append(np.moveaxis(parts[0] - parts[1], axis, 0)[: min(voxels)])
    assert changes[0] == pytest.approx(changes[1], rel=1e-3)
    assert np.abs(changes[0]).min() > 0.0
    assert changes[0][:, 0] == pytest.approx(
        changes[0][:, 1], rel=1e-4
    )  # as even at the border as inside


@pytest.mark.parametrize("fine_mm", [(2.0, 2.0, 2.0), (2.0, 6.0, 3.0)])
def test_what_lung_changes_of_photons_is_the_same_in_fine_voxels(
    fine_mm: tuple[float, float, float],
) -> None:
    """Blocks of 6 mm by themselves, and cut into 27 or 6 voxels; a cube of activity in lung."""
    i131, cuts, coarse = point_kernel("i131", "soft-tissue"), [round(6 / s) for s in fine_mm], []
    for factors, spacing_mm in (([1, 1, 1], (6.0,) * 3), (cuts, fine_mm)):
        activity, lung = np.zeros((9, 9, 9), np.float32), np.full((9, 9, 9), 0.26, np.float32)
        activity[3:6, 3:6, 3:6], lung[6:] = 1.0, 1.04
        parts = []
        for density in (lung, np.full_like(lung, 1.04)):
            maps = [np.kron(of, np.ones(factors, np.float32)) for of in (activity, density)]
            _, far = photon_dose(maps[0], maps[1], spacing_mm, i131, 1.04)
            blocks = np.stack(list(far)).reshape(9, factors[0], 9, factors[1], 9, factors[2])
            parts.append(blocks.mean(axis=(1, 3, 5)))
        coarse.append(parts[0] - parts[1])
    assert np.abs(coarse[0]).max() > 1e-4
    assert coarse[1] == pytest.approx(coarse[0], abs=0.15 * float(np.abs(coarse[0]).max()))
    assert coarse[1].sum() == pytest.approx(coarse[0].sum(), rel=0.05)


def test_a_box_is_widened_by_mm_to_the_borders_of_the_grid() -> None:
    """11 mm are 6 voxels of 2, 3 of 4 and 2 of 10 mm."""
    box = (slice(8, 10), slice(2, 6), slice(5, 7))
    wide = _widened(box, 11.0, (2.0, 4.0, 10.0), (40, 30, 8))
    assert wide == (slice(2, 16), slice(0, 9), slice(3, 8))


def test_the_base_medium_is_that_of_the_activity() -> None:
    """Three parts in 1.06 and one in 0.26 g/mL: 0.86; bone without activity is no part of it."""
    density = np.array([[[1.06, 0.26, 1.9, 1.9]]], np.float32)
    activity = np.array([[[3.0, 1.0, 0.0, 0.0]]], np.float32)
    found = _Medium.of(activity, density, "y90")
    assert found.density_g_ml == pytest.approx(0.86)
    assert found.kernel is point_kernel("y90", kernel_medium_at(0.86))
    assert _Medium.of(activity, 0.0 * density + 0.001, "y90").density_g_ml == 0.005
    even = _Medium.of(activity, 0.0 * density + 1.0412, "p32")  # rounded to 0.005
    assert (even.density_g_ml, even.kernel.medium) == (1.04, "soft-tissue")
    assert even.kernel.nuclide == "p32"


def test_a_sheared_grid_is_refused() -> None:
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[1, 0] = 1.0
    grid = Grid.from_matrix((3, 3, 3), matrix)
    ones = np.ones((3, 3, 3), dtype=np.float32)
    with pytest.raises(GridMismatchError, match="is sheared; resample the activity first"):
        VoxelSuperposition().dose(
            Volume(ones, grid, Unit.BQ_PER_ML), Volume(ones, grid, Unit.G_PER_ML), Y90
        )
