"""The Monte Carlo engine: equilibrium, odd grids, odd values, refusals, histories, seeds."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose.engines.monte_carlo import MonteCarlo, Simulation
from opensirt.errors import GridMismatchError, InputError, UnitMismatchError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import JOULE_PER_MEV, Unit
from tests.dose_samples import Spacing, uniform, volume

Y90 = nuclide("y90")
CUBE_MM = (2.0, 2.0, 2.0)


def simulated(
    activity: npt.ArrayLike,
    density: npt.ArrayLike,
    spacing_mm: Spacing = CUBE_MM,
    name: str = "y90",
    histories: int | None = 20_000,
    **options: Any,
) -> Simulation:
    a, rho = np.asarray(activity, np.float64), np.asarray(density, np.float32)
    engine = MonteCarlo(histories=histories, **{"threads": 1, **options})
    return engine.simulate(
        volume(a, Unit.BQ_PER_ML, spacing_mm), volume(rho, Unit.G_PER_ML, spacing_mm), nuclide(name)
    )


def absorbed_mev(found: Simulation, density: npt.ArrayLike, bq_total: float) -> float:
    """Energy in the grid per decay (MeV), from the dose in Gy."""
    gray = found.dose.values.astype(np.float64)
    kilograms = np.asarray(density) * found.dose.grid.voxel_volume_ml * 1e-3
    return float((gray * kilograms).sum() / JOULE_PER_MEV / (bq_total * Y90.mean_life_s))


ONES = np.ones((5, 5, 5))


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_the_dose_is_the_energy_absorbed_over_mass(mode: str) -> None:
    """Energy in the map, per decay, plus what escapes, is ICRP's with the pairs (1e-3)."""
    bq = 3e5 * 0.008 * 125
    found = simulated(3e5 * ONES, 1.06 * ONES, mode=mode)
    energy = absorbed_mev(found, 1.06 * ONES, bq) / (1.0 - found.escaped_fraction)
    assert energy == pytest.approx(0.933107 + 5.6e-5, rel=1e-3)
    assert abs(found.energy_balance) < 1e-6
    assert found.dose.unit is Unit.GY
    assert found.dose.values.dtype == np.float32
    assert found.relative_error.unit is Unit.FRACTION


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((1, 1, 1), (2.0, 2.0, 2.0)),
        ((1, 6, 7), (5.0, 1.0, 1.0)),
        ((6, 1, 1), (1.0, 5.0, 3.0)),
        ((4, 5, 6), (6.0, 0.7, 1.3)),
        ((2, 2, 2), (80.0, 80.0, 80.0)),
        ((7, 7, 7), (0.3, 0.3, 0.3)),
    ],
)
def test_the_account_balances_on_any_grid(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(1)
    density = rng.choice([0.0, 0.0012, 0.26, 0.95, 1.0, 1.05, 1.6], shape)
    density.flat[0] = 1.05
    activity = rng.random(shape)
    found = simulated(activity, density, spacing_mm)
    assert abs(found.energy_balance) < 1e-6
    assert found.histories == pytest.approx(20_000, rel=1e-3)
    assert np.isfinite(found.dose.values).all()
    assert found.dose.values.min() >= 0.0
    assert not found.dose.values[density == 0.0].any()


def test_a_voxel_of_air_loses_nearly_all() -> None:
    """Activity in air between air: a beta crosses 10 mm of it with 1e-3 of its energy."""
    density = np.full((5, 5, 5), 0.0012)
    activity = np.zeros((5, 5, 5))
    activity[2, 2, 2] = 1.0
    found = simulated(activity, density)
    assert found.media == ("air",)
    assert 0.98 < found.escaped_fraction < 0.9999
    assert abs(found.energy_balance) < 1e-6


def test_activity_on_the_edge_gets_less_than_in_the_middle() -> None:
    """In a corner, vacuum on three sides: what would have come back is missing (7 octants)."""
    rho = np.ones((9, 9, 9))
    self_doses = []
    for at in (4, 0):
        activity = np.zeros((9, 9, 9))
        activity[at, at, at] = 1e6
        dose = simulated(activity, rho, histories=100_000).dose.values
        self_doses.append(float(dose[at, at, at]))
    assert 0.85 < self_doses[1] / self_doses[0] < 0.99


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1e12, 1e30])
def test_tiny_and_huge_activities_give_the_same_map(factor: float) -> None:
    """Dose over activity is the same but for single histories at the rounding of a sum."""
    pattern = np.random.default_rng(2).random((5, 5, 5))
    plain = simulated(pattern, ONES).dose.values.astype(np.float64)
    scaled = simulated(factor * pattern, ONES).dose.values.astype(np.float64) / factor
    assert scaled.sum() == pytest.approx(plain.sum(), rel=1e-3)
    assert np.abs(scaled - plain).max() < 0.02 * plain.max()


def test_no_activity_is_no_dose() -> None:
    found = simulated(0.0 * ONES, ONES)
    assert not found.dose.values.any()
    assert found.histories == 0


def test_one_active_voxel_in_a_large_grid() -> None:
    """120 x 120 x 120 voxels: only those within reach of a beta or a photon get a dose."""
    activity = np.zeros((120, 120, 120), np.float32)
    activity[60, 60, 60] = 1e6
    found = simulated(activity, np.ones_like(activity))
    near = found.dose.values[52:69, 52:69, 52:69]
    assert near.sum(dtype=np.float64) / found.dose.values.sum(dtype=np.float64) > 0.99
    assert abs(found.energy_balance) < 1e-6
    assert found.seconds < 60.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("which", ["activity", "density"])
def test_values_that_are_no_amounts_are_refused(which: str, bad: float) -> None:
    maps = {"activity": ONES.copy(), "density": ONES.copy()}
    maps[which][1, 2, 3] = bad
    with pytest.raises(InputError, match=f"the {which} map must be finite and not negative"):
        simulated(maps["activity"], maps["density"])


def test_other_units_and_grids_are_refused() -> None:
    activity, density = uniform(1.0, Unit.GY, (3, 3, 3)), uniform(1.0, Unit.G_PER_ML, (3, 3, 3))
    with pytest.raises(UnitMismatchError):
        MonteCarlo().dose(activity, density, Y90)
    source = uniform(1.0, Unit.BQ_PER_ML, (3, 3, 4))
    with pytest.raises(GridMismatchError):
        MonteCarlo().dose(source, density, Y90)


def test_a_sheared_grid_is_refused() -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 1] = 0.5
    grid = Grid((3, 3, 3), affine)
    ones = np.ones((3, 3, 3), np.float32)
    with pytest.raises(GridMismatchError, match="is sheared; resample the activity first"):
        MonteCarlo().dose(
            Volume(ones, grid, Unit.BQ_PER_ML), Volume(ones, grid, Unit.G_PER_ML), Y90
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"histories": 10}, "histories must be at least 1000, found 10"),
        ({"histories": 2000, "uncertainty": 0.1}, "choose histories or an uncertainty, not both"),
        ({"uncertainty": 5.0}, "the uncertainty is a fraction from 0.0001 to 0.5"),
        ({"uncertainty": 0.0}, "the uncertainty is a fraction from 0.0001 to 0.5"),
        ({"uncertainty": -0.01}, "the uncertainty is a fraction from 0.0001 to 0.5"),
        ({"uncertainty": float("nan")}, "the uncertainty is a fraction .* found nan"),
        ({"mode": "quick"}, "mode 'quick' is unknown; choose fast or full"),
        ({"device": "tpu"}, "device 'tpu' is unknown; choose cpu or cuda"),
        ({"threads": 0}, "threads must be at least 1, found 0"),
        ({"seed": -1}, "the seed must lie between 0 and 9223372036854775807, found -1"),
        ({"seed": 2**63}, "the seed must lie between 0 and 9223372036854775807, found 9223"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MonteCarlo(**options)


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_a_seed_and_any_number_of_threads_give_the_same_bits(mode: str) -> None:
    activity = np.random.default_rng(3).random((6, 6, 6))
    density = np.full((6, 6, 6), 1.05)
    density[:, :, :3] = 0.26
    first, again, threaded, other = (
        simulated(activity, density, mode=mode, seed=seed, threads=threads).dose.values
        for seed, threads in ((7, 1), (7, 1), (7, 2), (8, 1))
    )
    assert np.array_equal(first, again)
    assert np.array_equal(first, threaded)
    assert not np.array_equal(first, other)


def test_an_interrupted_run_leaves_nothing_running() -> None:
    activity, density = volume(ONES, Unit.BQ_PER_ML), volume(ONES, Unit.G_PER_ML)
    engine = MonteCarlo(histories=50_000, threads=2)
    calls: list[float] = []

    def interrupt(share: float, histories: int, seconds_left: float) -> None:
        calls.append(share)
        assert histories > 0
        assert seconds_left >= 0.0
        if len(calls) == 3:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        engine.simulate(activity, density, Y90, interrupt)
    assert threading.active_count() == before
    assert calls == pytest.approx([1 / 24, 2 / 24, 3 / 24])
    whole = engine.simulate(activity, density, Y90)
    assert np.array_equal(whole.dose.values, engine.dose(activity, density, Y90).values)
