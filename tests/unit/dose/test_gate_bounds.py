"""Bounds of the gate by hand: emission, reach in tissue and lung, one medium, what is said."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import gate
from opensirt.dose.gate import EngineTraits, GateAccount, MapUnderTest, pass_gate
from opensirt.dose.gate_bounds import scene_of
from opensirt.dose.gate_emission import Emission, emission_of, kept_fraction
from opensirt.dose.gate_survey import survey_sources
from opensirt.errors import DoseMapError
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.dose_samples import equilibrium_gy, volume

Array = npt.NDArray[np.float64]
Y90 = nuclide("y90")
EDGE_MM = 4.0
TRANSPORT, KERNEL, LOCAL = EngineTraits(), EngineTraits("kernel"), EngineTraits("nothing")

MADE = Emission(
    electrons_mev=0.9, photons_mev=0.5, reach_mm=9.0,
    electron_mev=np.array([0.5, 1.0]), electron_yield=np.array([1.0, 0.3]),
    electron_mev_cm2_g=np.array([2.0, 1.9]),
    photon_mev=np.array([0.1, 0.4]), photon_yield=np.array([0.5, 1.0]),
    photon_cm2_g=np.array([0.03, 0.02]),
)  # fmt: skip


def test_electrons_of_thin_media_leave_what_they_lose_on_the_way_or_all_they_have() -> None:
    """1.21 x 2 x S x fluence, and no more than energy times emission per gram; 0.1 MeV of the 0.9
    has no line of its own and counts in full."""
    along = 2.42 * (1.0 * 2.0 + 0.3 * 1.9)
    assert MADE.from_thin_media(3.0, 1e6) == pytest.approx(3.0 * along + 0.1 * 1e6)
    assert MADE.from_thin_media(1e9, 5.0) == pytest.approx(5.0 * 0.9)
    mixed = 1.0 * 0.5 * 5.0 + 0.3 * 2.42 * 1.9 * 1.05 + 0.1 * 5.0  # 5.08 and 4.83 of at most 2.5, 5
    assert MADE.from_thin_media(1.05, 5.0) == pytest.approx(mixed)


def test_photons_leave_what_is_absorbed_on_the_way_or_all_they_have() -> None:
    """1.5 x mu x fluence, a hundredth of the electrons' energy as bremsstrahlung at 0.15 cm2/g;
    0.05 MeV of the 0.5 has no line."""
    along = 0.1 * 0.5 * 0.03 + 0.4 * 1.0 * 0.02 + 0.009 * 0.15
    assert MADE.from_photons(3.0, 1e6) == pytest.approx(1.5 * 3.0 * along + 0.05 * 1e6)
    assert MADE.from_photons(1e9, 5.0) == pytest.approx(5.0 * (0.5 + 0.009))
    assert MADE.everything_mev == pytest.approx(1.4)


def test_emission_grows_with_the_dose_constant_but_its_reach_does_not() -> None:
    twice = Y90.with_dose_constant(2 * Y90.dose_constant_gy_kg_per_gbq)
    one, two = emission_of(Y90), emission_of(twice)
    for name in ("electrons_mev", "photons_mev", "electron_yield", "photon_yield"):
        assert getattr(two, name) == pytest.approx(2 * np.asarray(getattr(one, name)))
    for name in ("reach_mm", "electron_mev", "photon_mev", "electron_mev_cm2_g", "photon_cm2_g"):
        assert getattr(two, name) == pytest.approx(np.asarray(getattr(one, name)))


def test_what_is_kept_rises_with_the_radius_to_all() -> None:
    """Y-90 keeps half of its electrons' energy within about 2.5 mm and all within 12."""
    shares = [kept_fraction(Y90, radius) for radius in (0.0, 1.0, 2.5, 5.0, 12.0, 400.0)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, pytest.approx(1.0, abs=5e-4))
    assert max(shares) <= 1.0
    assert shares[2] == pytest.approx(0.55, abs=0.08)
    assert shares[4] > 0.995


@pytest.mark.parametrize("name", ["i131", "tc99m"])
def test_what_is_kept_is_a_share_of_the_electrons_not_of_photons(name: str) -> None:
    """Theirs stay within 4 mm; photons carry most of the energy of these two farther."""
    assert kept_fraction(nuclide(name), 4.0) > 0.98
    energies = nuclide(name).energies
    assert energies.all_electrons_mev < 0.4 * energies.everything_mev


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_energy_that_must_stay_is_what_the_kernel_keeps_within_dense_voxels(axis: int) -> None:
    """One active voxel with one of 1 g/mL on each side, the thinnest of 4 mm: what 3.2 mm of water
    keep, less a tenth. With air on one side nothing must stay."""
    spacing_mm = [6.0, 6.0, 6.0]
    spacing_mm[axis] = 4.0
    values = np.zeros((3, 3, 3))
    values[1, 1, 1] = 1e6
    activity = volume(values, Unit.BQ_PER_ML, spacing_mm)
    water = volume(np.ones(values.shape), Unit.G_PER_ML, spacing_mm)
    emitted = equilibrium_gy(Y90, 1.0, 1.0) / Y90.mean_energy_mev * Y90.energies.everything_mev
    share = Y90.energies.all_electrons_mev / Y90.energies.everything_mev
    least = 0.9 * share * kept_fraction(Y90, 3.2)
    assert judged(activity, water, values * emitted * (least + 0.001)).energy_fraction < 0.7
    with pytest.raises(DoseMapError, match=rf"where {least:.4g} to 1\.01 is possible"):
        judged(activity, water, values * emitted * (least - 0.001))
    beside = np.ones(values.shape)
    beside[0, 0, 2] = 0.79
    thin = volume(beside, Unit.G_PER_ML, spacing_mm)
    assert judged(activity, thin, values * emitted * 1e-3).energy_fraction == pytest.approx(1e-3)


def slab(axis: int, density: float, length: int = 40) -> tuple[Any, Any, Array]:
    """Four active layers at one end, in one density, and the dose of decays that stay there."""
    shape = [6, 6, 6]
    shape[axis] = length
    a = np.zeros(shape)
    np.moveaxis(a, axis, 0)[:4] = 1e6
    gray = np.where(a > 0, equilibrium_gy(Y90, 1e6, density), 0.0) * 0.99
    spacing_mm = (EDGE_MM,) * 3
    return (
        volume(a, Unit.BQ_PER_ML, spacing_mm),
        volume(np.full(shape, density), Unit.G_PER_ML, spacing_mm),
        gray,
    )


def judged(
    activity: Any, density: Any, gray: Array, traits: EngineTraits = TRANSPORT, **more: Any
) -> GateAccount:
    dose = volume(gray, Unit.GY, activity.grid.spacing_mm)
    return pass_gate(MapUnderTest("trial", dose, **more), activity, density, Y90, traits)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("traits", "density", "layers"),
    [
        (TRANSPORT, 1.04, 4),  # 12.4 mm / 0.8 = 15.5 mm
        (TRANSPORT, 0.8, 4),
        (TRANSPORT, 0.3, 16),  # 12.4 mm / 0.2 = 62 mm
        (TRANSPORT, 0.2, 16),
        (KERNEL, 1.04, 4),
        (KERNEL, 0.3, 11),  # one medium of 0.3: 41.2 mm
        (EngineTraits("kernel", 0.5), 1.04, 7),  # of 0.5: 24.7 mm
    ],
)
def test_dose_within_reach_of_the_activity_is_possible_and_not_beyond(
    axis: int, traits: EngineTraits, density: float, layers: int
) -> None:
    activity, rho, gray = slab(axis, density)
    line = np.moveaxis(gray, axis, 0)
    line[3 + layers, 3, 3] = 0.9 * gray.max()
    judged(activity, rho, gray, traits)
    line[3 + layers, 3, 3], line[4 + layers, 3, 3] = 0.0, 0.9 * gray.max()
    with pytest.raises(DoseMapError, match="where emission within reach allows"):
        judged(activity, rho, gray, traits)


@pytest.mark.parametrize(("thin", "possible"), [(0.19, True), (0.2, False)])
def test_where_a_voxel_within_reach_is_thinner_than_lung_the_whole_map_is(thin, possible) -> None:
    activity, rho, gray = slab(0, 1.04)
    gray[35, 3, 3] = 0.9 * gray.max()
    values = np.array(rho.values)
    values[39, 5, 5] = thin
    rho = rho.with_values(values, Unit.G_PER_ML)
    if possible:
        judged(activity, rho, gray)
        return
    with pytest.raises(DoseMapError, match=r"voxel \(35, 3, 3\) .* allows"):
        judged(activity, rho, gray)


@pytest.mark.parametrize("traits", [TRANSPORT, KERNEL, LOCAL])
@pytest.mark.parametrize("density", [0.3, 1.0, 1.5])
def test_a_refusal_begins_at_the_figure_it_names(traits: EngineTraits, density: float) -> None:
    """A voxel at 99.8 % of what is said to be possible passes, one at 100.2 % does not."""
    activity, rho, gray = slab(0, density)
    plain = 1.0 / 0.99 if traits is LOCAL else 1.0
    gray *= plain
    gray[2, 3, 3] *= 50.0
    with pytest.raises(DoseMapError, match=r"voxel \(2, 3, 3\)") as refused:
        judged(activity, rho, gray, traits)
    allowed = float(re.findall(r"allows ([\d.e+]+) Gy", str(refused.value))[0])
    assert allowed > gray[1, 1, 1] * 0.999
    gray[2, 3, 3] = 0.998 * allowed if traits is not LOCAL else gray[1, 1, 1]
    account = judged(activity, rho, gray, traits)
    assert account.highest_over_bound == pytest.approx(0.998, abs=0.003)
    gray[2, 3, 3] = 1.002 * allowed
    with pytest.raises(DoseMapError, match=r"voxel \(2, 3, 3\)"):
        judged(activity, rho, gray, traits)


@pytest.mark.parametrize(("traits", "share"), [(TRANSPORT, 0.80), (KERNEL, 0.93)])
def test_deep_in_even_activity_a_least_dose_is_asked_for(traits, share) -> None:
    """48 mm of 1 g/mL, all active: in the middle at least this share of the electrons' dose, and
    none at the border of the grid, where it may leave."""
    a = np.full((12, 12, 12), 1e6)
    activity = volume(a, Unit.BQ_PER_ML, (EDGE_MM,) * 3)
    rho = volume(np.ones(a.shape), Unit.G_PER_ML, (EDGE_MM,) * 3)
    whole = 1e6 * Y90.mean_life_s * Y90.energies.all_electrons_mev * 1.602_176_634e-10
    gray = np.full(a.shape, 0.97 * whole)
    gray[0, 6, 6] = 0.0
    gray[6, 5, 6] = 1.002 * share * whole
    account = judged(activity, rho, gray, traits)
    assert account.lowest_over_bound == pytest.approx(1.002, rel=1e-4)
    gray[6, 5, 6] = 0.998 * share * whole
    said = rf"voxel \(6, 5, 6\) .* makes at least {share * whole:.4g} Gy"
    with pytest.raises(DoseMapError, match=said.replace("+", r"\+")):
        judged(activity, rho, gray, traits)


def test_energy_of_one_medium_counts_at_its_density() -> None:
    """Energies over the mass of a voxel of the medium: as chosen, else the mean of the activity."""
    activity, rho, gray = slab(0, 1.04)
    emitted = 1e6 * 4 * 36 * Y90.mean_life_s * Y90.energies.everything_mev * 1.602_176_634e-10
    for medium, counted in ((0.95, 0.95), (None, 1.04)):
        traits = EngineTraits("kernel", medium, own_mass=False)
        account = judged(activity, rho, gray, traits)
        assert account.energy_fraction == pytest.approx(counted * gray.sum() / emitted, rel=1e-5)
    own = judged(activity, rho, gray, EngineTraits("kernel", 0.95))
    assert own.energy_fraction == pytest.approx(1.04 * gray.sum() / emitted, rel=1e-5)


@pytest.mark.parametrize(
    ("rho", "is_energy", "allowed"), [(0.5, True, 26.0), (2.0, True, 8.0), (0.5, False, 13.0)]
)
def test_what_is_allowed_by_hand(rho: float, is_energy: bool, allowed: float) -> None:
    """10 of the block and 3 Gy that may lie anywhere; as energy in at least 1 g/mL."""
    scene: Any = SimpleNamespace(constant_gy=3.0, density=np.array([[[rho]]]))
    assert gate._allowed_gy(scene, (0, 0, 0), 10.0, is_energy) == pytest.approx(allowed)


def test_an_engine_that_moves_nothing_is_held_to_the_voxels_it_serves() -> None:
    """Half of the activity in air below 0.1 g/mL, which gets no dose: that energy is not missed."""
    activity, rho, gray = slab(0, 1.0)
    gray, values = gray / 0.99, np.array(rho.values)
    values[:2], gray[:2] = 0.05, 0.0
    rho = rho.with_values(values, Unit.G_PER_ML)
    account = judged(activity, rho, gray, LOCAL, least_density_g_ml=0.1)
    assert account.energy_fraction == pytest.approx(0.5, rel=1e-3)
    assert account.lowest_over_bound == pytest.approx(1.001, rel=1e-5)
    for factor in (0.998, 1.002):
        with pytest.raises(DoseMapError):
            judged(activity, rho, gray * factor, LOCAL, least_density_g_ml=0.1)
    with pytest.raises(DoseMapError, match="makes at least"):
        judged(activity, rho, gray, LOCAL)  # an engine that serves air has to give it its dose


def test_chance_of_few_histories_widens_the_energy_both_ways() -> None:
    """Six standard errors of a spectrum of relative width 1.2: 7.2 / sqrt(n) more than 1.01."""
    activity, rho, gray = slab(0, 1.04)
    emitted = 1e6 * 4 * 36 * Y90.mean_life_s * Y90.energies.everything_mev * 1.602_176_634e-10
    error = volume(np.full(gray.shape, 0.1), Unit.FRACTION, (EDGE_MM,) * 3)
    plain = gray * emitted / (1.04 * gray.sum())
    for histories in (10_000, 1_000_000):
        most = 1.01 + 7.2 / histories**0.5
        judged(activity, rho, plain * (most - 0.001), relative_error=error, histories=histories)
        with pytest.raises(DoseMapError, match=rf"to {most:.4g} is possible"):
            judged(activity, rho, plain * (most + 0.001), relative_error=error, histories=histories)


@pytest.mark.parametrize(
    ("carrier", "thin", "constant"),
    [("transport", 0.1, 2), ("kernel", 0.0, 1), ("nothing", 0.0, 0)],
)
def test_dose_that_may_lie_anywhere_is_what_the_engine_can_carry(carrier, thin, constant) -> None:
    """Photons by kernels and transport; electrons of thin voxels where the tissue is followed."""
    a, rho = np.zeros((6, 6, 6)), np.full((6, 6, 6), 1.04)
    a[2:4, 2:4, 2:4], a[5, 5, 5], rho[5, 5, 5] = 1e6, 2e6, 0.05
    activity = volume(a, Unit.BQ_PER_ML, (EDGE_MM,) * 3)
    gray = np.zeros(a.shape, np.float32)
    traits = EngineTraits(carrier)
    scene = scene_of(activity, rho.astype(np.float32), gray, None, Y90, traits, 0.0)
    plain = survey_sources(a, rho, 0.064, thin, 0.0)
    for name in ("fluence", "thin_fluence", "per_gram", "thin_per_gram", "total", "kept"):
        assert getattr(scene.sources, name) == pytest.approx(getattr(plain, name), rel=1e-9)
    assert (plain.thin_per_gram > 0, plain.per_gram) == (
        carrier == "transport", pytest.approx(1e6 / 1.04 if carrier == "transport" else 4e7),
    )  # fmt: skip
    emission = emission_of(Y90)
    parts = [emission.from_photons(plain.fluence, 4e7),
             emission.from_thin_media(plain.thin_fluence, plain.thin_per_gram)]  # fmt: skip
    per = Y90.mean_life_s * 1.602_176_634e-10
    assert scene.constant_gy == pytest.approx(per * sum(parts[:constant]), rel=1e-5)
    assert scene.gray_per == pytest.approx(per)


def test_a_made_scene_is_not_changed_by_the_gate() -> None:
    activity, rho, gray = slab(0, 1.04)
    before = (np.array(activity.values), np.array(rho.values))
    judged(activity, rho, gray, replace(KERNEL, own_mass=False))
    assert np.array_equal(before[0], activity.values)
    assert np.array_equal(before[1], rho.values)
