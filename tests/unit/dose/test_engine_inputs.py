"""What every engine asks of its maps, at the borders; and what it does with voxels of air."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose import engine as engine_module
from opensirt.dose.engine import (
    EngineTraits,
    GatedEngine,
    activity_values,
    density_values,
    dose_engines,
    lowest_density,
    uncovered_fraction,
)
from opensirt.dose.engines import monte_carlo
from opensirt.dose.engines.local import LocalDeposition
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.engines.voxel_convolution import VoxelConvolution
from opensirt.dose.engines.voxel_superposition import VoxelSuperposition
from opensirt.dose.kernels import charged_radius_mm, point_kernel
from opensirt.dose.mc_scene import cuts_for
from opensirt.dose.mc_source import decay_source
from opensirt.errors import InputError
from opensirt.image import Region, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import equilibrium_gy, volume

Y90 = nuclide("y90")


def line(values: Any, unit: Unit) -> Volume:
    return volume(np.array([[values]]), unit)


def test_the_share_that_lies_where_there_is_no_density() -> None:
    """1e-4 g/mL, a tenth of air, is matter, and what is thinner none, whatever is asked for."""
    activity = line([1.0, 2.0, 3.0, 4.0], Unit.BQ_PER_ML)
    density = np.array([[[0.0, 5e-5, 1e-4, 1.0]]], np.float32)
    assert uncovered_fraction(density, activity) == pytest.approx(0.3)
    assert uncovered_fraction(density, activity, 1e-6) == pytest.approx(0.3)
    assert uncovered_fraction(density, activity, 0.1) == pytest.approx(0.6)
    assert uncovered_fraction(density, activity, 1.0) == pytest.approx(0.6)
    assert uncovered_fraction(density, activity, 1.01) == pytest.approx(1.0)
    assert uncovered_fraction(density, line([0.0] * 4, Unit.BQ_PER_ML), 0.1) == 0.0
    stacked = volume([[[1.0]], [[2.0]], [[5.0]]], Unit.BQ_PER_ML)  # slices of their own
    one = np.array([[[0.0]], [[1.0]], [[0.0]]], np.float32)
    assert uncovered_fraction(one, stacked) == pytest.approx(0.75)


def test_half_of_the_activity_may_be_uncovered_and_no_more() -> None:
    density = line([0.05, 1.0], Unit.G_PER_ML)
    even, more = line([3.0, 3.0], Unit.BQ_PER_ML), line([3.1, 3.0], Unit.BQ_PER_ML)
    assert density_values(density, even, 0.1).shape == (1, 1, 2)
    assert density_values(density, more).shape == (1, 1, 2)
    with pytest.raises(InputError, match=r"51 % of the activity lies where the density is below 0"):
        density_values(density, more, 0.1)
    with pytest.raises(InputError, match="where the density is none; check"):
        density_values(line([0.0, 1.0], Unit.G_PER_ML), more)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_voxel_denser_than_any_element_is_another_unit(place: int) -> None:
    activity = line([1.0, 1.0, 1.0], Unit.BQ_PER_ML)
    values = [1.0, 0.0, 1.0]
    values[place] = 22.9
    assert density_values(line(values, Unit.G_PER_ML), activity).max() == np.float32(22.9)
    values[place] = 1000.0
    with pytest.raises(InputError, match=r"highest density of the map must be from 0 to 23 g/mL"):
        density_values(line(values, Unit.G_PER_ML), activity)


@pytest.mark.parametrize("wrong", [-1e-6, np.nan, np.inf])
def test_maps_are_finite_and_not_negative_in_every_voxel(wrong: float) -> None:
    zero = line([0.0, 0.0], Unit.BQ_PER_ML)
    assert activity_values(zero).tolist() == [[[0.0, 0.0]]]
    assert density_values(line([0.0, 0.0], Unit.G_PER_ML), zero).tolist() == [[[0.0, 0.0]]]
    for values in ([wrong, 1.0], [1.0, wrong]):
        with pytest.raises(InputError, match="activity map must be finite and not negative"):
            activity_values(line(values, Unit.BQ_PER_ML))
        with pytest.raises(InputError, match="density map must be finite and not negative"):
            density_values(line(values, Unit.G_PER_ML), zero)


@pytest.mark.parametrize("place", [0, 1])
def test_one_voxel_beyond_single_precision_is_refused(place: int) -> None:
    values = np.zeros((1, 1, 2))
    grid = line([0.0, 0.0], Unit.BQ_PER_ML).grid
    values[0, 0, place] = 3e38
    assert activity_values(Volume(values, grid, Unit.BQ_PER_ML)).max() == 3e38
    values[0, 0, place] = 4e38
    with pytest.raises(InputError, match=r"number in single precision, found 4e\+38 Bq/mL"):
        activity_values(Volume(values, grid, Unit.BQ_PER_ML))


def test_a_voxel_of_the_lowest_density_has_a_dose() -> None:
    """Compared in single precision, in which 0.1 g/mL is a hair more than 0.1."""
    assert lowest_density(0.1) == np.float32(0.1)
    assert lowest_density(0.0) == np.finfo(np.float32).tiny
    below = np.nextafter(np.float32(0.1), np.float32(0))
    density = line([below, 0.1, 1.0, 1.0], Unit.G_PER_ML)
    activity = line([1e6, 1e6, 1e6, 1e6], Unit.BQ_PER_ML)
    engines = (LocalDeposition(), VoxelConvolution(), VoxelSuperposition(min_density_g_ml=0.1))
    for engine in engines:
        gray = engine.dose(activity, density, Y90).values[0, 0]
        assert gray[0] == 0.0
        assert gray[1] > 0.0
    local = LocalDeposition().dose(activity, density, Y90).values[0, 0, 1:3]
    assert local == pytest.approx([equilibrium_gy(Y90, 1e6, rho) for rho in (0.1, 1.0)], rel=1e-5)


@pytest.mark.parametrize("name", ["local", "voxel-convolution"])
def test_engines_without_dose_in_air_refuse_a_map_whose_activity_lies_there(name: str) -> None:
    """Their own lowest density decides: with one of 0.01 g/mL the same map is served."""
    activity = volume(np.full((4, 4, 4), 1e6), Unit.BQ_PER_ML)
    density = volume(np.full((4, 4, 4), 0.05), Unit.G_PER_ML)
    with pytest.raises(InputError, match=r"100 % of the activity .* density is below 0\.1 g/mL"):
        dose_engines.create(name).dose(activity, density, Y90)
    thin = dose_engines.create(name, min_density_g_ml=0.01).dose(activity, density, Y90)
    assert thin.values.min() > 0.0
    served = dose_engines.create("voxel-superposition").dose(activity, density, Y90)
    assert served.values.min() > 0.0


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ({"histories": 1000}, {"histories": 999}, "at least 1000, found 999"),
        ({"uncertainty": 1e-4}, {"uncertainty": 9.9e-5}, "from 0.0001 to 0.5"),
        ({"uncertainty": 0.5}, {"uncertainty": 0.51}, "from 0.0001 to 0.5"),
        ({"seed": 0}, {"seed": -1}, "between 0 and 9223372036854775807, found -1"),
        ({"seed": 2**63 - 1}, {"seed": 2**63}, "between 0 and 9223372036854775807"),
        ({"threads": 1}, {"threads": 0}, "threads must be at least 1, found 0"),
        ({"mode": "full"}, {"mode": "slow"}, "mode 'slow' is unknown; choose fast or full"),
        ({"device": "cpu"}, {"device": "gpu"}, "device 'gpu' is unknown; choose cpu or cuda"),
        (
            {"histories": 2000},
            {"histories": 2000, "uncertainty": 0.1},
            "histories or an uncertainty, not both",
        ),
    ],
)
def test_options_of_monte_carlo_at_their_borders(right: Any, wrong: Any, said: str) -> None:
    made = MonteCarlo(**right)
    assert {key: getattr(made, key) for key in right} == right
    with pytest.raises(InputError, match=said):
        MonteCarlo(**wrong)


def test_a_run_is_planned_as_asked_for() -> None:
    """One percent where nothing is said; no uncertainty beside a number of histories."""
    plain = MonteCarlo()._plan()
    assert (plain.histories, plain.uncertainty, plain.seed, plain.mode) == (None, 0.01, 1, "fast")
    few = MonteCarlo(histories=5000, seed=7, threads=2, mode="full")._plan()
    assert (few.histories, few.uncertainty, few.seed, few.threads) == (5000, None, 7, 2)
    assert (few.mode, few.device, few.infinite) == ("full", "cpu", False)
    assert MonteCarlo(uncertainty=0.03)._plan().uncertainty == 0.03


def test_a_simulation_hands_on_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts by the shortest edge and the thinnest active voxel; decays of the whole map."""
    shape, spacing_mm = (2, 3, 4), (4.0, 0.5, 5.0)
    rho = np.full(shape, 0.3)
    rho[1] = 1.04
    activity = volume(np.where(rho < 1, 2e6, 0.0), Unit.BQ_PER_ML, spacing_mm)
    density = volume(rho, Unit.G_PER_ML, spacing_mm)
    given: list[Any] = []

    def run(*all_of_it: Any) -> Any:
        given.extend(all_of_it)
        return SimpleNamespace(go=lambda: made)

    made = SimpleNamespace(
        energy_mev=np.full(24, 0.01, np.float32), relative_error=np.zeros(24, np.float32),
        region_errors=[0.25, 0.125], histories=1, seconds=1.0, threads=1, mean_relative_error=0.0,
        energy_balance=0.0, escaped_fraction=0.0, emitted_mev=0.9, nuclide_mev=0.9,
        uncertainty_reached=True,
    )  # fmt: skip
    monkeypatch.setattr(monte_carlo, "Run", run)
    names = ("one", "none", "two")
    masks = [np.full(shape, share) for share in (1.0, 0.0, 0.5)]
    regions = [
        Region.from_mask(n, "other", m, activity.grid) for n, m in zip(names, masks, strict=True)
    ]
    told: list[float] = []
    twice = nuclide("p32").with_dose_constant(2 * nuclide("p32").dose_constant_gy_kg_per_gbq)
    found = MonteCarlo(histories=2000, seed=3).simulate(
        activity, density, twice, lambda *of: told.append(of[0]), regions
    )
    a_rho, a, spacing, matter, source, plan, progress, reach_mm, boxes = given
    assert np.array_equal(a_rho, density.values)
    assert np.array_equal(a, activity.values)
    assert (spacing, plan.histories, plan.seed) == (spacing_mm, 2000, 3)
    assert reach_mm == charged_radius_mm(point_kernel("p32"))
    lung, water = cuts_for(0.5, reach_mm, 0.3), cuts_for(0.5, reach_mm, math.inf)
    assert matter.names == ("lung", "soft-tissue")
    assert matter.laws.absorb_mev.tolist() == [lung.absorb_mev, water.absorb_mev]
    softest = min(lung.absorb_mev, water.absorb_mev)
    assert source.local_mev == decay_source(twice, softest).local_mev
    progress(0.5, 1, 1.0)
    assert told == [0.5]
    assert found.region_errors == {"one": 0.25, "two": 0.125}
    assert len(boxes) == 2
    decays = 2e6 * 12 * 0.01 * nuclide("p32").mean_life_s * 2
    wanted = 0.01 * decays * 1.602_176_634e-13 / (rho * 0.01e-3)
    assert found.dose.values == pytest.approx(wanted, rel=1e-5)
    assert found.media == matter.names


def test_energies_of_a_run_become_doses() -> None:
    """1e9 decays, MeV over grams of 27 mm3; air below 0.1 g/mL none, and an error is no dose."""
    activity, rho = line([0.0] * 4, Unit.BQ_PER_ML), np.array([[[2.0, 0.1, 0.09, 0.0]]], np.float32)
    result: Any = SimpleNamespace(
        energy_mev=np.array([1.0, 2.0, 3.0, 4.0], np.float32), uncertainty_reached=False,
        relative_error=np.array([0.1, 0.2, 0.3, 0.4], np.float32), histories=5, seconds=2.0,
        threads=3, mean_relative_error=0.01, energy_balance=1e-7, escaped_fraction=0.25,
        emitted_mev=0.93, nuclide_mev=0.94,
    )  # fmt: skip
    engine = MonteCarlo(seed=9, mode="full", min_density_g_ml=0.1)
    found = engine._simulation(result, activity, rho, 1e9, ("lung",), {"r": 0.02})
    joule = 1e9 * 1.602_176_634e-13
    wanted = [1 * joule / (2.0 * 0.027e-3), 2 * joule / (0.1 * 0.027e-3), 0.0, 0.0]
    assert found.dose.values.ravel() == pytest.approx(wanted, rel=1e-6)
    assert found.relative_error.values.ravel() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert (found.histories, found.seconds, found.threads, found.seed) == (5, 2.0, 3, 9)
    assert (found.mode, found.device, found.media) == ("full", "cpu", ("lung",))
    assert (found.mean_relative_error, found.energy_balance) == (0.01, 1e-7)
    assert (found.escaped_fraction, found.uncertainty_reached) == (0.25, False)
    assert (found.emitted_mev, found.nuclide_mev, found.region_errors) == (0.93, 0.94, {"r": 0.02})


def test_engines_say_what_carries_their_energy() -> None:
    assert LocalDeposition().traits == EngineTraits("nothing")
    assert VoxelConvolution().traits == EngineTraits("kernel", None, own_mass=True)
    tabulated = VoxelConvolution(density_scaling="none", medium_density_g_ml=1.06)
    assert tabulated.traits == EngineTraits("kernel", 1.06, own_mass=False)
    for engine in (VoxelSuperposition(), MonteCarlo()):
        assert getattr(engine, "traits", EngineTraits()) == EngineTraits("transport")


class Plain:
    """An engine that states nothing of itself."""

    def dose(self, activity: Volume, density: Volume, of: Any) -> Volume:
        return activity.with_values(activity.values * 2.0, Unit.GY)


class Stated(Plain):
    """One with a lowest density and traits."""

    min_density_g_ml = 0.25
    traits = EngineTraits("kernel", 0.9, own_mass=False)


class Simulating:
    """One whose account goes with its dose."""

    min_density_g_ml = 0.5

    def simulate(self, activity: Volume, density: Volume, of: Any, **options: Any) -> Any:
        return SimpleNamespace(
            dose=activity.with_values(activity.values * 3.0, Unit.GY),
            relative_error=activity.with_values(activity.values * 0.0 + 0.1, Unit.FRACTION),
            histories=12_345, options=options,
        )  # fmt: skip


def test_the_gate_is_told_what_the_engine_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that states no traits is held to those of full transport, the strictest."""
    told: list[Any] = []
    monkeypatch.setattr(engine_module, "pass_gate", lambda *given: told.append(given) or "account")
    activity, density = line([1.0, 2.0], Unit.BQ_PER_ML), line([1.0, 1.0], Unit.G_PER_ML)
    GatedEngine("plain", Plain()).dose(activity, density, Y90)
    GatedEngine("stated", Stated()).dose(activity, density, Y90)
    checked = GatedEngine("made", Simulating()).checked_dose(activity, density, Y90, regions=(1,))
    plain, stated, made = (given[0] for given in told)
    assert [given[1:4] for given in told] == [(activity, density, Y90)] * 3
    traits = [given[4] for given in told]
    assert traits == [EngineTraits("transport", None, True), Stated.traits, EngineTraits()]
    assert (plain.engine, plain.relative_error, plain.histories) == ("plain", None, 0)
    assert plain.least_density_g_ml == np.finfo(np.float32).tiny
    assert (stated.least_density_g_ml, made.least_density_g_ml) == (0.25, 0.5)
    assert (made.engine, made.histories) == ("made", 12_345)
    assert made.relative_error is checked.relative_error is checked.simulation.relative_error
    assert made.dose.values.base is checked.dose.values.base
    assert checked.dose.values.ravel().tolist() == [3.0, 6.0]
    assert checked.simulation.options == {"regions": (1,)}
    assert checked.gate == "account"  # type: ignore[comparison-overlap]
