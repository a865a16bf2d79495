"""The gate of dose maps: sound maps pass with room, planted wrong ones do not."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import dose_engines
from opensirt.dose.engine import EngineTraits, GatedEngine
from opensirt.dose.engines.local import LocalDeposition
from opensirt.dose.engines.voxel_convolution import VoxelConvolution
from opensirt.dose.gate import GateAccount, MapUnderTest, pass_gate
from opensirt.dose.gate_emission import emission_of, gate_figure
from opensirt.dose.gate_survey import survey_sources
from opensirt.errors import DoseMapError
from opensirt.image import Volume
from opensirt.physics.nuclides import nuclide, nuclide_names
from opensirt.units import Unit
from tests.dose_samples import volume
from tests.paths import ROOT

Array = npt.NDArray[np.float64]
Y90 = nuclide("y90")
SPACING_MM = (3.0, 3.0, 3.0)
CORE, SIDE = slice(8, 24), 32
KERNEL, TRANSPORT = EngineTraits("kernel"), EngineTraits()


@dataclass(frozen=True)
class Scene:
    """A map of activity and density, and a sound dose."""

    activity: Volume
    density: Volume
    gray: Array


@pytest.fixture(scope="module")
def tissue() -> Scene:
    """A cube of 48 mm, evenly active, in soft tissue with a layer of air at one end."""
    a, rho = np.zeros((SIDE,) * 3), np.full((SIDE,) * 3, 1.04)
    a[CORE, CORE, CORE] = 1e6
    rho[:3] = 0.0012
    activity, density = (
        volume(a, Unit.BQ_PER_ML, SPACING_MM),
        volume(rho, Unit.G_PER_ML, SPACING_MM),
    )
    gray = VoxelConvolution().dose(activity, density, Y90).values
    return Scene(activity, density, np.asarray(gray, np.float64))


def judged(scene: Scene, gray: Array, traits: EngineTraits = TRANSPORT, **words) -> GateAccount:
    dose = volume(gray, Unit.GY, SPACING_MM)
    found = MapUnderTest("trial", dose, 0.1, **words)
    return pass_gate(found, scene.activity, scene.density, Y90, traits)


@pytest.mark.parametrize("traits", [KERNEL, TRANSPORT])
def test_a_sound_map_passes_and_the_account_is_that_of_its_energy(tissue, traits) -> None:
    account = judged(tissue, tissue.gray, traits)
    held = (tissue.gray * np.asarray(tissue.density.values, np.float64)).sum()
    per = Y90.mean_life_s * 0.9331073 * 1.602176634e-10
    assert account.energy_fraction == pytest.approx(held / (1e6 * 16**3 * per), rel=1e-5)
    assert 0.7 < account.highest_over_bound < 1.0
    assert account.lowest_over_bound is not None
    assert account.lowest_over_bound > 1.0


def one_voxel(factor: float) -> Callable[[Array], None]:
    def plant(gray: Array) -> None:
        gray[16, 15, 14] *= factor

    return plant


def slab_lost(gray: Array) -> None:
    gray[12:15] = 0.0


def hot_air(gray: Array) -> None:
    gray[2, 10:20, 10:20] = 150.0


def scaled(factor: float) -> Callable[[Array], None]:
    def plant(gray: Array) -> None:
        gray *= factor

    return plant


def valued(value: float) -> Callable[[Array], None]:
    def plant(gray: Array) -> None:
        gray[16, 15, 14] = value

    return plant


WRONG = [
    pytest.param(one_voxel(5.0), r"voxel \(16, 15, 14\) at \(42\.0, 45\.0, 48\.0\) mm "
                 r"of 1\.04 g/mL has 238\.5 Gy, where .* allows 61\.", id="one voxel x 5"),
    pytest.param(valued(1e28), r"voxel \(16, 15, 14\) .* has 1e\+28 Gy", id="1e28 Gy"),
    pytest.param(scaled(0.0057), r"makes at least 38\.\d* Gy", id="a medium without tracks"),
    pytest.param(scaled(1.3), r"has 62\.\d* Gy, where emission within reach allows 61", id="x 1.3"),
    pytest.param(scaled(0.75), r"makes at least 38\.\d* Gy", id="x 0.75"),
    pytest.param(slab_lost, r"\(1[234], \d+, \d+\) .* 0 Gy, where emission all around", id="slab"),
    pytest.param(hot_air, r"voxel \(2, 1\d, 1\d\) .* of 0\.0012 g/mL has 150 Gy", id="ring in air"),
    pytest.param(valued(np.nan), r"\(16, 15, 14\) .* has nan Gy; a dose is a finite", id="nan"),
    pytest.param(valued(np.inf), r"\(16, 15, 14\) .* has inf Gy; a dose is a finite", id="inf"),
    pytest.param(valued(-1e-3), r"\(16, 15, 14\) .* has -0\.001 Gy; a dose", id="negative"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "said"), WRONG)
def test_a_planted_error_is_refused_with_its_place_and_figure(tissue, plant, said) -> None:
    gray = tissue.gray.copy()
    plant(gray)
    with pytest.raises(DoseMapError, match=said) as refused:
        judged(tissue, gray)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("the dose map of trial is impossible: ")


@pytest.mark.parametrize(
    "plant", [one_voxel(5.0), valued(1e28), scaled(0.0057), slab_lost, hot_air]
)
def test_the_same_errors_are_refused_in_maps_of_one_medium(tissue, plant) -> None:
    gray = tissue.gray.copy()
    plant(gray)
    with pytest.raises(DoseMapError):
        judged(tissue, gray, KERNEL)


def test_energy_from_nowhere_and_lost_energy_are_refused_where_no_voxel_shows_it(tissue) -> None:
    """Doses spread over all tissue stay below every voxel's bound; their sum tells."""
    gray = np.where(np.asarray(tissue.density.values) > 1.0, 0.0, tissue.gray)
    gray[CORE, CORE, CORE] = tissue.gray[CORE, CORE, CORE]
    gray[4:30, 4:30, 4:30] = np.maximum(gray[4:30, 4:30, 4:30], 30.0)
    with pytest.raises(DoseMapError, match=r"it holds 2\.\d* of the energy that Y-90 emits there"):
        judged(tissue, gray, histories=10**9, relative_error=_error(0.3))
    with pytest.raises(DoseMapError, match=r"it holds 0\.6\d* of the energy .* where 0\.8"):
        judged(tissue, 0.65 * tissue.gray, relative_error=_error(0.05), histories=10**6)


def _error(value: float) -> Volume:
    return volume(np.full((SIDE,) * 3, value), Unit.FRACTION, SPACING_MM)


def test_statistical_error_widens_the_bound_and_does_not_hide_an_error(tissue) -> None:
    """A voxel 8 times its dose with an error of 15 % may be chance, not with 5 %."""
    gray = tissue.gray.copy()
    gray[16, 15, 14] *= 8.0
    judged(tissue, gray, relative_error=_error(0.15), histories=10**5)
    with pytest.raises(DoseMapError, match=r"voxel \(16, 15, 14\)"):
        judged(tissue, gray, relative_error=_error(0.05), histories=10**5)


def test_local_deposition_is_held_to_the_energy_of_its_own_voxels(tissue) -> None:
    gray = np.asarray(LocalDeposition().dose(tissue.activity, tissue.density, Y90).values, float)
    traits = EngineTraits("nothing")
    account = judged(tissue, gray, traits)
    assert account.highest_over_bound == pytest.approx(1 / 1.001, rel=1e-5)
    gray[16, 15, 14] *= 1.01
    with pytest.raises(DoseMapError, match=r"voxel \(16, 15, 14\)"):
        judged(tissue, gray, traits)
    with pytest.raises(DoseMapError, match="where emission all around makes at least"):
        judged(tissue, gray * 0.99, traits)


def test_without_activity_there_is_no_dose(tissue) -> None:
    nothing = volume(np.zeros((SIDE,) * 3), Unit.BQ_PER_ML, SPACING_MM)
    dose = volume(tissue.gray, Unit.GY, SPACING_MM)
    with pytest.raises(DoseMapError, match="nothing is emitted anywhere"):
        pass_gate(MapUnderTest("trial", dose), nothing, tissue.density, Y90, TRANSPORT)


def test_the_bound_takes_the_dose_constant_that_was_chosen(tissue) -> None:
    """A map 20 % high passes for a constant 20 % higher, and not for the nuclide's own."""
    more = Y90.with_dose_constant(1.3 * Y90.dose_constant_gy_kg_per_gbq)
    found = MapUnderTest("trial", volume(1.3 * tissue.gray, Unit.GY, SPACING_MM), 0.1)
    account = pass_gate(found, tissue.activity, tissue.density, more, TRANSPORT)
    plain = judged(tissue, tissue.gray)
    assert account.energy_fraction == pytest.approx(plain.energy_fraction, rel=1e-6)


def test_the_registry_gives_out_no_engine_without_the_gate() -> None:
    """An engine registered tomorrow, wrong and without traits, is refused by its name."""
    registry = type(dose_engines)("dose engine", "opensirt.dose.engines")

    @registry.register("tomorrow")
    class Tomorrow:
        def dose(self, activity: Volume, density: Volume, nuclide: object) -> Volume:
            return activity.with_values(np.full(activity.grid.shape, 1e9, np.float32), Unit.GY)

    registry._loaded = True
    engine = registry.create("tomorrow")
    assert isinstance(engine, GatedEngine)
    one = volume(np.ones((4, 4, 4)), Unit.BQ_PER_ML, SPACING_MM)
    rho = volume(np.ones((4, 4, 4)), Unit.G_PER_ML, SPACING_MM)
    with pytest.raises(DoseMapError, match="dose map of tomorrow is impossible"):
        engine.dose(one, rho, Y90)


def test_no_module_reaches_an_engine_past_the_registry() -> None:
    """Modules outside the engines' own package name none of their classes, but for one.

    `workflow.kernels` checks the options of a voxel kernel with an engine; it makes no map.
    """
    package = ROOT / "src/opensirt"
    dose_engines.names()
    classes = {factory.__name__ for factory in dose_engines._factories.values()}
    assert classes >= {"LocalDeposition", "VoxelConvolution", "MonteCarlo"}
    for path in package.rglob("*.py"):
        if path.parent.name == "engines" or path.name == "kernels.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom | ast.Import):
                assert not classes & {alias.name for alias in node.names}, path


@pytest.mark.parametrize("name", nuclide_names())
def test_emission_is_that_of_the_table(name) -> None:
    """Spectrum and lines add up to the mean energies, which no engine takes part in."""
    of = nuclide(name)
    emission = emission_of(of)
    electrons = float(np.vdot(emission.electron_mev, emission.electron_yield))
    photons = float(np.vdot(emission.photon_mev, emission.photon_yield))
    assert emission.electrons_mev == of.energies.beta_mev + of.energies.electron_mev
    assert electrons == pytest.approx(emission.electrons_mev, rel=0.06)
    assert photons == pytest.approx(emission.photons_mev, rel=0.01, abs=2e-6)


def test_reach_and_photon_absorption_against_published_figures() -> None:
    """CSDA range of 2.28 MeV in water 1.124 g/cm2 [estar]; mu_en/rho 0.0276 and 0.0325 cm2/g."""
    assert emission_of(Y90).reach_mm == pytest.approx(1.1 * 11.24, rel=0.01)
    for name, mev, expected in (("tc99m", 0.1405, 0.0276), ("i131", 0.3645, 0.0325)):
        emission = emission_of(nuclide(name))
        line = int(np.argmin(np.abs(emission.photon_mev - mev)))
        assert emission.photon_cm2_g[line] == pytest.approx(expected, rel=0.03)


def test_the_fluence_of_a_ball_is_its_radius() -> None:
    """The integral of 1 / (4 pi r^2) over a ball about its centre; two levels add up."""
    a = np.zeros((40, 40, 40), np.float32)
    a[10:20, 10:20, 10:20] = 4.0
    a[30:32, 30:32, 30:32] = 8.0
    rho = np.ones_like(a)
    found = survey_sources(a, rho, 0.001, 0.1, 0.0)
    radius = lambda ml: (3 * ml / (4 * np.pi)) ** (1 / 3)  # noqa: E731
    assert found.fluence == pytest.approx(4 * radius(1.008) + 4 * radius(0.008), rel=0.02)
    assert (found.per_gram, found.thin_per_gram, found.thin_fluence) == (8.0, 0.0, 0.0)
    assert found.total == 4.0 * 1000 + 8.0 * 8
    assert gate_figure("thin_density_g_ml") == 0.1


@pytest.mark.parametrize("engine", ["local", "voxel-convolution", "voxel-superposition"])
def test_dust_near_the_least_numbers_of_single_precision_passes(engine: str) -> None:
    """Tails of an interpolated activity: 1e-44 Gy off by the last digit is no impossible dose."""
    a = np.full((16, 16, 16), 1e6)
    a[8:] = 10.0 ** np.linspace(-45, -33, 8)[:, None, None]
    rho = np.full(a.shape, 1.04)
    activity, density = (
        volume(a, Unit.BQ_PER_ML, SPACING_MM),
        volume(rho, Unit.G_PER_ML, SPACING_MM),
    )
    account = dose_engines.create(engine).checked_dose(activity, density, Y90).gate
    assert 0.5 < account.highest_over_bound <= 1.0
