"""Backward paths, what they collect, and the engine `voxel-superposition`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import dose_engines
from opensirt.dose.backward_paths import IMAGES, SETS, electron_paths
from opensirt.dose.engines.voxel_superposition import VoxelSuperposition
from opensirt.dose.kernel_parts import cumulative_mev, electron_reach_mm
from opensirt.dose.kernels import point_kernel
from opensirt.dose.superposition import gather, path_medium, path_stencils, voxel_paths
from opensirt.errors import GridMismatchError, InputError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import equilibrium_gy, uniform, volume

Y90 = nuclide("y90")
SPACING_MM = (2.0, 2.0, 2.0)
Floats = npt.NDArray[np.float32]


def dose_of(activity: Floats, density: Floats, name: str = "y90", **options: float) -> Floats:
    """Dose by the engine on 2 mm voxels."""
    source = volume(activity, Unit.BQ_PER_ML, SPACING_MM)
    medium = volume(density, Unit.G_PER_ML, SPACING_MM)
    engine = dose_engines.create("voxel-superposition", **options)
    return np.asarray(engine.dose(source, medium, nuclide(name)).values)


@pytest.mark.parametrize("name", ["y90", "ho166", "lu177", "tc99m"])
def test_every_path_carries_the_electron_energy_of_a_decay(name: str) -> None:
    """MeV per mm times length adds up to betas and lines; nothing but soft Auger is left out."""
    paths = electron_paths(nuclide(name), 0.06)
    carried = (paths.pieces[..., 3] * paths.pieces[..., 4]).sum(axis=2)
    electrons = nuclide(name).energies.all_electrons_mev
    assert carried.shape == (SETS, IMAGES)
    assert carried == pytest.approx(carried[0, 0], rel=2e-3)
    assert carried[0, 0] == pytest.approx(electrons, rel=0.02)
    lengths = np.linalg.norm(paths.pieces[0, :, 0, :3], axis=1)
    assert lengths == pytest.approx(np.ones(IMAGES), abs=1e-6)


def test_paths_are_even_in_every_axis() -> None:
    paths = electron_paths(Y90, 0.06)
    assert np.abs(paths.pieces[..., 0, :3].sum(axis=1)).max() < 1e-4
    assert np.abs(paths.starts.sum(axis=1)).max() < 1e-4


def test_paths_in_a_uniform_medium_collect_what_their_stencils_say() -> None:
    rng = np.random.default_rng(4)
    activity = rng.random((26, 24, 22)).astype(np.float32)
    medium = path_medium(np.full(activity.shape, 1.05, np.float32), activity)
    paths = voxel_paths(electron_paths(Y90, 0.06), SPACING_MM)
    stencils = path_stencils(paths, 1.05, (9, 9, 9))
    inner = np.ravel_multi_index((13, np.arange(10, 14), 10), medium.shape)  # no path leaves
    found, plain = gather(inner, medium, paths, stencils, (0, 2))
    assert np.abs(found - plain).max() < 1e-5 * found.max()


def test_paths_reach_the_kernel_of_our_monte_carlo() -> None:
    """Mean of all sets about one voxel in water against the folded kernel, within 10 %: 160 walks
    without straggling; the engine corrects for it."""
    activity = np.zeros((13, 13, 13), np.float32)
    activity[6, 6, 6] = 1.0
    medium = path_medium(np.ones_like(activity), activity)
    paths = voxel_paths(electron_paths(Y90, 0.06), SPACING_MM)
    targets = np.flatnonzero(medium.voxels[:, 1] > 0)
    found, _ = gather(targets, medium, paths, path_stencils(paths, 1.0, (9, 9, 9)), (0, SETS))
    assert found[0] == pytest.approx(0.1844, rel=0.1)


def test_a_kernel_comes_apart_into_electrons_and_photons() -> None:
    kernel = point_kernel("ho166")
    electrons, photons = cumulative_mev(kernel)
    assert electrons[-1] + photons[-1] == pytest.approx(kernel.total_mev, rel=1e-9)
    assert electrons[-1] == pytest.approx(nuclide("ho166").energies.all_electrons_mev, rel=0.01)
    assert 6.0 < electron_reach_mm(kernel) < 9.0


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


def test_air_has_a_dose_unless_a_lowest_density_is_asked_for() -> None:
    density = np.full((20, 20, 20), 1.06, np.float32)
    density[10:] = 0.0012
    activity = np.where(density > 1, 1e6, 0).astype(np.float32)
    gray = dose_of(activity, density)[10, 8:12, 8:12].mean()
    assert gray == pytest.approx(14.73, rel=0.15)  # 2 million histories of our Monte Carlo
    assert dose_of(activity, density, min_density_g_ml=0.1)[10].max() == 0.0


def test_the_result_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    density = np.full((16, 16, 16), 1.06, np.float32)
    density[8:] = 0.3
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OPENSIRT_THREADS", threads)
        results.append(dose_of(np.full_like(density, 1e6), density))
    assert np.abs(results[0] - results[1]).max() <= 1e-6 * results[0].max()


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="path sets must be from 1 to 64, found 0"):
        VoxelSuperposition(path_sets=0)
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[1, 0] = 1.0
    grid = Grid.from_matrix((3, 3, 3), matrix)
    ones = np.ones((3, 3, 3), dtype=np.float32)
    with pytest.raises(GridMismatchError, match="is sheared; resample the activity first"):
        VoxelSuperposition().dose(
            Volume(ones, grid, Unit.BQ_PER_ML), Volume(ones, grid, Unit.G_PER_ML), Y90
        )
