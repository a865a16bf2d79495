"""Facts of a computation under their own names, and how much activity may lie off the density."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from opensirt.workflow import dosing, kernels
from opensirt.workflow.dosing import (
    MonteCarloOptions,
    _require_covered,
    _require_monte_carlo,
    _statistics,
    calculate,
    dose_from_files,
    simulation_progress,
)

GRID = Grid.regular((1, 1, 100), (20.0, 10.0, 10.0), (5.0, 6.0, 7.0))
"""Voxels of 2 mL."""


def volume(values: np.ndarray | float, unit: Unit, **more) -> Volume:
    filled = np.full(GRID.shape, values, np.float32) if np.isscalar(values) else values
    return Volume(np.asarray(filled, np.float32).reshape(GRID.shape), GRID, unit, **more)


def test_the_account_of_a_simulation_by_name():
    simulation = SimpleNamespace(
        threads=3, histories=1000, seconds=0.25, mean_relative_error=0.011, energy_balance=0.99,
        uncertainty_reached=True, emitted_mev=5.5, escaped_fraction=0.07, mode="tracks",
        device="cpu", seed=17, media=("liver", "lung"), region_errors={},
    )  # fmt: skip
    assert _statistics(simulation) == {
        "threads": 3, "histories": 1000, "histories_per_second": 4000.0,
        "mean_relative_error": 0.011, "energy_balance": 0.99, "uncertainty_reached": True,
        "emitted_mev": 5.5, "escaped_fraction": 0.07, "mode": "tracks", "device": "cpu",
        "seed": 17, "media": ["liver", "lung"],
    }  # fmt: skip


def test_the_account_of_a_simulated_kernel_by_name():
    done = SimpleNamespace(
        seconds=0.5, histories=1000, threads=3, self_error=0.002, energy_balance=0.97
    )
    assert kernels._account(done, "lung") == {
        "kernel_medium": "lung", "seconds": 0.5, "histories": 1000, "histories_per_second": 2000.0,
        "threads": 3, "mean_relative_error": 0.002, "energy_balance": 0.97,
    }  # fmt: skip


def test_facts_of_a_dose_by_hand():
    """1e6 Bq/mL in the first 25 of 100 voxels of 2 mL: 5e7 Bq; dose a K / rho there."""
    of = nuclide("y90").with_dose_constant(49.38)
    source = np.zeros(GRID.shape, np.float32)
    source[..., :25] = 1e6
    activity = volume(source, Unit.BQ_PER_ML, nuclide="y90", time="injection")
    facts = calculate("local", activity, volume(1.05, Unit.G_PER_ML), of).facts
    gray = 1e6 / 1e9 * 49.38 / (1.05 / 1000)
    assert facts["maximum_dose_gy"] == pytest.approx(gray, rel=1e-5)
    assert facts["mean_dose_gy"] == pytest.approx(gray / 4, rel=1e-5)
    assert facts["decays"] == pytest.approx(5e7 * of.mean_life_s, rel=1e-5)
    assert facts["dose_constant_gy_kg_per_gbq"] == pytest.approx(49.38)
    assert (facts["engine"], facts["nuclide"]) == ("local", "y90")
    assert facts["energy_in_map_fraction"] == pytest.approx(1.0, rel=1e-4)


def test_monte_carlo_gets_its_options_and_the_regions_without_air(monkeypatch):
    asked = {}

    class Engine:
        def checked_dose(self, source, mass, of, **words):
            asked.update(words)
            gate = SimpleNamespace(energy_fraction=0.9, highest_over_bound=0.4)
            simulation = SimpleNamespace(
                threads=1, histories=1, seconds=0.0, mean_relative_error=0.1, energy_balance=1.0,
                uncertainty_reached=False, emitted_mev=1.0, escaped_fraction=0.0, mode="m",
                device="cpu", seed=1, media=(), region_errors={"T1": 0.03},
            )  # fmt: skip
            dose = source.with_values(source.values, Unit.GY)
            return SimpleNamespace(dose=dose, relative_error=None, simulation=simulation, gate=gate)

    def create(name, **given):
        asked["given"] = (name, given)
        return Engine()

    monkeypatch.setattr(dosing.dose_engines, "create", create)
    density = np.full(GRID.shape, 1.05, np.float32)
    density[..., 10:] = 0.001
    mask = np.ones(GRID.shape, np.float32)
    regions = Regions((Region.from_mask("T1", "tumour", mask, GRID),))
    activity = volume(1.0, Unit.BQ_PER_ML)
    words = (activity, volume(density, Unit.G_PER_ML), nuclide("y90"))
    options = MonteCarloOptions(histories=500, seed=7)
    done = calculate("monte-carlo", *words, options, None, regions)
    assert asked["given"] == ("monte-carlo", {"histories": 500, "seed": 7})
    assert asked["regions"]["T1"].volume_ml == pytest.approx(20.0)
    assert done.region_errors == {"T1": 0.03}
    assert (done.facts["energy_in_map_fraction"], done.facts["highest_over_possible"]) == (0.9, 0.4)
    calculate("local", *words, options)
    assert asked["given"] == ("local", {})


@pytest.mark.parametrize(("missed", "is_refused"), [(0, False), (5, False), (6, True)])
def test_one_part_in_twenty_may_lie_off_the_density(missed, is_refused):
    density = np.full(GRID.shape, 1.05, np.float32)
    density[..., :missed] = 0.0
    words = volume(1e5, Unit.BQ_PER_ML), volume(density, Unit.G_PER_ML)
    if is_refused:
        with pytest.raises(InputError, match=r"and 6\.0 % of the activity lies where there is no"):
            _require_covered(*words)
    else:
        _require_covered(*words)


def test_options_of_monte_carlo_need_monte_carlo():
    _require_monte_carlo("monte-carlo", MonteCarloOptions(seed=0))
    _require_monte_carlo("local", MonteCarloOptions())
    _require_monte_carlo("local", None)
    needed = r'histories=\.\.\., seed=\.\.\. needs engine="monte-carlo", found engine="local"$'
    with pytest.raises(InputError, match=needed):
        _require_monte_carlo("local", MonteCarloOptions(histories=9, seed=0))


def test_the_progress_of_a_simulation_in_millions_of_decays():
    said = []
    report = simulation_progress(lambda what, done: said.append((what, done)))
    assert report is not None
    report(0.4, 2_500_000, 12.3)
    assert said == [("2.5 million decays, 12 s left", 0.4)]
    assert simulation_progress(None) is None


@pytest.mark.parametrize("engine", ["monte-carlo", "local"])
def test_every_file_is_asked_for_its_place_before_the_work(tmp_path, monkeypatch, engine):
    """Somebody's file lies where the errors of a simulation go, and would be read as those."""

    def work(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(dosing, "read_maps", work)
    (tmp_path / "q-relative-error.nii.gz").write_text("mine")
    maps = {name: tmp_path / f"{name}.nii.gz" for name in ("activity", "density")}
    with pytest.raises(InputError, match=r"q-relative-error\.nii\.gz to be new .* did not make"):
        dose_from_files(
            **maps, ct=None, nuclide_name="y90", engine=engine, to=tmp_path / "q.nii.gz"
        )


def test_a_map_without_a_unit_that_holds_too_much_is_told_twice():
    """1 kL at 1 MBq/mL are 1000 GBq, more than any vial."""
    on = Grid.regular((10, 10, 10), (100.0, 100.0, 100.0))
    full = Volume(np.full(on.shape, 1e6, np.float32), on, Unit.BQ_PER_ML)
    both = ["activity-unit-not-stated", "map-activity-implausible"]
    assert [f.code for f in dosing.activity_findings(full, False)] == both
    assert [f.code for f in dosing.activity_findings(full, True)] == both[1:]
