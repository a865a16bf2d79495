"""The stated error of a region's mean is the spread of the mean over independent runs."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose.comparison import EngineDose, compare_doses
from opensirt.dose.engines.monte_carlo import MonteCarlo, Simulation
from opensirt.dose.mc_regions import RegionSums, WeightedBox
from opensirt.errors import GridMismatchError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

EDGE, SPACING_MM = 16, 4.0
GRID = Grid.regular((EDGE,) * 3, (SPACING_MM,) * 3)
SEEDS = range(100, 140)


def block(name: str, first: int, last: int) -> Region:
    mask = np.zeros(GRID.shape, np.float32)
    mask[first:last, first:last, first:last] = 1.0
    mask[first] *= 0.5  # half of the outermost slice
    return Region.from_mask(name, "other", mask, GRID)


REGIONS = Regions((block("whole", 0, EDGE), block("source", 5, 11), block("beside", 9, 14)))


def simulated(name: str, seed: int, histories: int = 24_000) -> Simulation:
    """Activity in the middle of tissue, a slice of lung on one side."""
    activity, density = np.zeros(GRID.shape), np.full(GRID.shape, 1.04)
    activity[5:11, 5:11, 5:11] = 1e6
    density[:, :, 12:] = 0.3
    return MonteCarlo(histories=histories, seed=seed, threads=1).simulate(
        Volume(activity.astype(np.float32), GRID, Unit.BQ_PER_ML),
        Volume(density.astype(np.float32), GRID, Unit.G_PER_ML),
        nuclide(name),
        regions=REGIONS,
    )


@pytest.mark.parametrize("name", ["y90", "tc99m"])
def test_the_stated_error_is_the_spread_over_seeds(name: str) -> None:
    """40 seeds: ratio of both within 0.7 to 1.4."""
    runs = [simulated(name, seed) for seed in SEEDS]
    for region in REGIONS:
        means = np.array([region.mean_of(run.dose) for run in runs])
        stated = np.sqrt(np.mean([run.region_errors[region.name] ** 2 for run in runs]))
        spread = means.std(ddof=1) / means.mean()
        assert 0.7 < spread / stated < 1.4, (region.name, spread, stated)


def test_voxels_in_quadrature_would_state_too_little() -> None:
    """Why batches are needed: a photon of Tc-99m leaves energy in many voxels of a large region."""
    run = simulated("tc99m", 1)
    gray, relative = run.dose.values, run.relative_error.values
    independent = np.sqrt(np.sum((gray * relative) ** 2, dtype=float)) / gray.sum(dtype=float)
    assert run.region_errors["whole"] > 1.3 * independent


def test_the_error_by_hand() -> None:
    """Weighted sums 1 and 3 per history: mean 2, standard deviation sqrt 2, error of the mean 1."""
    box = (slice(0, 1), slice(0, 1), slice(1, 3))
    weights = np.array([[[2.0, 0.5]]], np.float32)
    sums = RegionSums([WeightedBox(box, weights), WeightedBox(box, 0.0 * weights)], (1, 1, 4))
    sums.take(np.array([9, 4, 4, 9], np.uint32), 0.1)
    sums.take(np.array([9, 14, 4, 9], np.uint32), 0.1)
    assert np.array(sums.rows)[:, 0] == pytest.approx([1.0, 3.0])
    assert sums.relative_errors() == pytest.approx([0.5, 1.0])


def test_regions_of_another_grid_are_refused() -> None:
    grid = Grid.regular((4, 4, 4), (1.0, 1.0, 1.0))
    other = Region.from_mask("other grid", "other", np.ones((4, 4, 4)), grid)
    ones = np.ones(GRID.shape, np.float32)
    with pytest.raises(GridMismatchError, match=r"'other grid' lies on .* move it first"):
        MonteCarlo(histories=1000).simulate(
            Volume(ones, GRID, Unit.BQ_PER_ML),
            Volume(ones, GRID, Unit.G_PER_ML),
            nuclide("y90"),
            regions=[other],
        )


def test_a_comparison_states_the_error_of_the_batches() -> None:
    """2 % of a mean of 10 Gy, not what the voxels' errors would add up to."""
    ten = Volume(np.full(GRID.shape, 10.0, np.float32), GRID, Unit.GY)
    voxels = Volume(np.full(GRID.shape, 0.5, np.float32), GRID, Unit.FRACTION)
    density = Volume(np.ones(GRID.shape, np.float32), GRID, Unit.G_PER_ML)
    reference = EngineDose("monte-carlo", ten, voxels, {"source": 0.02})
    found = compare_doses([reference, EngineDose("local", ten)], density, REGIONS, with_gamma=False)
    errors = {row.name: row.reference_error_fraction for row in found.regions}
    assert errors["source"] == pytest.approx(0.02)
    assert 0.1 < (errors["beside"] or 0.0) < 0.5  # no batches: from the voxels, cube by cube


def test_the_error_of_a_region_by_hand() -> None:
    """Three batches of two voxels, 0.5 MeV a quantum: a whole and a half of each, in one region,
    make 4, 6 and 8 MeV: standard deviation 2, error of the mean 2 / sqrt(3) of 6."""
    box = (slice(0, 1), slice(0, 1), slice(1, 3))
    regions = (
        WeightedBox(box, np.array([[[1.0, 0.5]]], np.float32)),
        WeightedBox(box, np.zeros((1, 1, 2), np.float32)),
    )
    sums = RegionSums(regions, (1, 1, 4))
    for tally in ([9, 6, 4, 9], [2, 8, 8, 1], [0, 14, 4, 7]):
        sums.take(np.array(tally, np.uint32), 0.5)
    assert [row.tolist() for row in sums.rows] == [[4.0, 0.0], [6.0, 0.0], [8.0, 0.0]]
    assert sums.relative_errors() == pytest.approx([2.0 / np.sqrt(3.0) / 6.0, 1.0])
    assert RegionSums((), (1, 1, 4)).relative_errors().size == 0


def test_a_region_takes_of_each_voxel_its_covered_part_over_its_density() -> None:
    """Half a voxel of 2 g/mL, a whole one of 0.5; none of what is thinner than has a dose."""
    grid = Grid.regular((1, 1, 4), (SPACING_MM,) * 3)
    density = np.array([[[1.0, 2.0, 0.5, 0.05]]], np.float32)
    region = Region.from_mask("r", "other", np.array([[[0.0, 0.5, 1.0, 1.0]]], np.float32), grid)
    found = MonteCarlo(min_density_g_ml=0.1)._weighted(region, density, grid)
    assert found.box == region.box
    assert found.weights.ravel().tolist() == [0.25, 2.0, 0.0]
    every = MonteCarlo()._weighted(region, density, grid)
    assert every.weights.ravel() == pytest.approx([0.25, 2.0, 20.0])
