"""What a decay emits, against ICRP 107 energies per decay."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose.mc_electrons import ELECTRON, PHOTON, POSITRON, STACK_COLUMNS
from opensirt.dose.mc_source import (
    DecaySource,
    decay_source,
    emission_of,
    emit_decay,
    highest_energies,
    line_source,
)
from opensirt.physics.nuclides import nuclide
from tests.mc_samples import stream

NUCLIDES = ("ho166", "i131", "lu177", "p32", "re188", "tc99m", "y90")
DECAYS = 20_000


def tabulated_mev(source: DecaySource) -> float:
    """Energy per decay of the tables, pairs aside."""
    mean_beta = np.mean(0.5 * (source.beta_mev[1:] + source.beta_mev[:-1]))
    lines = np.sum(source.line_mev * source.line_yield)
    return float(source.betas_per_decay * mean_beta + lines + source.local_mev)


@pytest.mark.parametrize("name", NUCLIDES)
@pytest.mark.parametrize("cut_mev", [0.01, 0.05, 0.2])
def test_the_tables_hold_the_energy_per_decay(name: str, cut_mev: float) -> None:
    of = nuclide(name)
    assert tabulated_mev(decay_source(of, cut_mev)) == pytest.approx(
        of.energies.everything_mev, rel=1e-9
    )


@pytest.mark.parametrize("name", [name for name in NUCLIDES if name != "tc99m"])
def test_betas_follow_the_spectrum(name: str) -> None:
    """One beta per decay within 5e-4, and ICRP's mean energy; the end point is the table's."""
    of = nuclide(name)
    source = decay_source(of, 0.01)
    assert source.betas_per_decay == pytest.approx(1.0, abs=5e-4)
    assert source.beta_mev[-1] == of.beta_spectrum()[0][-1]
    assert np.all(np.diff(source.beta_mev) > 0.0)
    mean = float(np.mean(0.5 * (source.beta_mev[1:] + source.beta_mev[:-1])))
    assert mean * source.betas_per_decay == pytest.approx(of.energies.beta_mev, rel=1e-12)


def test_there_are_no_betas_without_a_spectrum() -> None:
    assert decay_source(nuclide("tc99m"), 0.01).betas_per_decay == 0.0


@pytest.mark.parametrize("name", NUCLIDES)
def test_emitted_particles_carry_the_energy_per_decay(name: str) -> None:
    """20,000 decays at even quantiles, within four standard errors (0.1 to 1 %)."""
    of = nuclide(name)
    source = decay_source(of, 0.02)
    state, stack, p = stream(2), np.zeros((64, STACK_COLUMNS)), np.zeros(9)
    energies = np.empty(DECAYS)
    for decay in range(DECAYS):
        n = emit_decay(source, (decay + 0.5) / DECAYS, p, stack, 0, state)
        energies[decay] = source.local_mev + stack[:n, 1].sum()
        assert set(stack[:n, 0]) <= {ELECTRON, PHOTON, POSITRON}
    part, lines = source.betas_per_decay % 1.0, source.line_yield % 1.0
    variance = float((source.line_mev**2 * lines * (1.0 - lines)).sum())
    variance += of.energies.beta_mev**2 * part * (1.0 - part)
    error = 4.0 * np.sqrt(variance / DECAYS) + 1e-5
    assert energies.mean() == pytest.approx(of.energies.everything_mev, abs=error)


def test_directions_of_emission_have_no_preference() -> None:
    state, stack, p = stream(3), np.zeros((64, STACK_COLUMNS)), np.zeros(9)
    directions = []
    for _ in range(DECAYS):
        n = emit_decay(line_source(1.0), 0.0, p, stack, 0, state)
        assert (n, stack[0, 0], stack[0, 1]) == (1, ELECTRON, 1.0)
        directions.append(stack[0, 5:8].copy())
    assert np.abs(np.mean(directions, axis=0)).max() < 4.0 / np.sqrt(3 * DECAYS)


def test_internal_pairs_share_their_energy() -> None:
    """A source of pairs alone: positron and electron, 738.6 keV between them for y90."""
    source = decay_source(nuclide("y90"), 0.01)
    assert source.pair_yield * (source.pair_mev + 1.022) == pytest.approx(5.63e-5, rel=2e-3)
    pairs = source._replace(betas_per_decay=0.0, line_yield=0.0 * source.line_yield, pair_yield=1.0)
    state, stack, p = stream(4), np.zeros((64, STACK_COLUMNS)), np.zeros(9)
    shares = []
    for _ in range(2000):
        n = emit_decay(pairs, 0.0, p, stack, 0, state)
        assert stack[:n, 0].tolist() == [POSITRON, ELECTRON]
        assert stack[:n, 1].sum() == pytest.approx(source.pair_mev, rel=1e-12)
        shares.append(stack[0, 1] / source.pair_mev)
    assert np.mean(shares) == pytest.approx(0.5, abs=4.0 * np.sqrt(1 / 12 / 2000))


def flat_betas(**more: object) -> DecaySource:
    """1.3 betas from 0 to 2 MeV, all energies alike; nothing else but what is asked for."""
    none = line_source(0.1, PHOTON)._replace(line_yield=np.zeros(1))
    betas = none._replace(betas_per_decay=1.3, beta_mev=np.linspace(0.0, 2.0, 4097))
    return betas._replace(**more)


def test_the_spread_of_a_decay_by_hand() -> None:
    """The first beta is even: its mean square of slope 4 MeV^2 stands apart. The 0.3 others have a
    mean square of 4/3: 0.3 x 4/3 - 0.3^2. A line of 2.4 x 0.5 MeV: 0.24 x 0.25. A pair of 0.8 MeV
    and two photons of 0.511, in one decay of five."""
    betas = emission_of(flat_betas())
    assert betas.mean_mev == pytest.approx(1.3)
    assert betas.variance_mev2 == pytest.approx(0.3 * 4 / 3 - 0.3**2, rel=1e-6)
    assert betas.beta_slope2_mev2 == pytest.approx(4.0, rel=1e-9)
    assert betas.highest_beta_mev == 2.0
    one = emission_of(flat_betas(betas_per_decay=1.0))
    assert (one.mean_mev, one.variance_mev2) == pytest.approx((1.0, 0.0), abs=1e-12)
    few = emission_of(flat_betas(betas_per_decay=0.25))
    assert (few.mean_mev, few.variance_mev2) == pytest.approx((0.25, 0.25 * 0.75))
    none = {"betas_per_decay": 0.0}
    line = flat_betas(**none, line_mev=np.array([0.5]), line_yield=np.array([2.4]), local_mev=0.01)
    assert emission_of(line).mean_mev == pytest.approx(1.21)
    assert emission_of(line).variance_mev2 == pytest.approx(0.06)
    pair = emission_of(flat_betas(**none, pair_yield=0.2, pair_mev=0.8))
    whole_mev = 0.8 + 2 * 0.510_998_95
    assert pair.mean_mev == pytest.approx(0.2 * whole_mev)
    assert pair.variance_mev2 == pytest.approx(0.16 * whole_mev**2)


def test_a_drawn_decay_spreads_as_stated() -> None:
    """40,000 decays with betas at random quantiles: the spread of the first beta, 1/3, is added."""
    source = flat_betas(
        line_mev=np.array([0.5, 0.3]), line_yield=np.array([0.4, 1.7]),
        line_kind=np.array([PHOTON, ELECTRON]),
    )  # fmt: skip
    state, stack, p = stream(5), np.zeros((64, STACK_COLUMNS)), np.zeros(9)
    quantiles = np.random.default_rng(1).random(40_000)
    drawn = np.array(
        [stack[: emit_decay(source, q, p, stack, 0, state), 1].sum() for q in quantiles]
    )
    stated = emission_of(source)
    assert drawn.mean() == pytest.approx(stated.mean_mev, rel=0.01)
    assert drawn.var() == pytest.approx(stated.variance_mev2 + 1 / 3, rel=0.03)


def test_the_hardest_electron_and_photon_by_hand() -> None:
    kinds = np.array([ELECTRON, PHOTON, ELECTRON, PHOTON])
    lines = {"line_mev": np.array([0.3, 0.9, 0.6, 0.2]), "line_yield": np.ones(4)}
    source = flat_betas(betas_per_decay=0.0, line_kind=kinds, **lines)
    assert highest_energies(source) == (0.6, 0.9)
    assert highest_energies(source._replace(betas_per_decay=1.0)) == (2.0, 0.9)
    assert highest_energies(source._replace(pair_yield=1e-5, pair_mev=0.7)) == (0.7, 0.9)
    assert highest_energies(source._replace(pair_yield=0.0, pair_mev=0.7)) == (0.6, 0.9)
    assert highest_energies(line_source(0.4, PHOTON)) == (0.0, 0.4)


@pytest.mark.parametrize("name", ["tc99m", "i131", "lu177", "ho166"])
def test_electron_lines_below_the_cut_stay_and_all_photons_above_1_kev_go(name: str) -> None:
    """A line of the cut's own energy is followed; each with its yield, and as what it is."""
    of = nuclide(name)
    cut_mev = sorted(line.energy_mev for line in of.electrons)[len(of.electrons) // 2]
    source = decay_source(of, cut_mev)
    for kind, lines, least in ((ELECTRON, of.electrons, cut_mev), (PHOTON, of.photons, 0.001)):
        wanted = [(k.energy_mev, k.yield_per_decay) for k in lines if k.energy_mev >= least]
        mine = source.line_kind == kind
        found = zip(source.line_mev[mine], source.line_yield[mine], strict=True)
        assert sorted(found) == sorted(wanted)
        assert wanted
    soft = [k for k in of.electrons if k.energy_mev < cut_mev]
    soft += [k for k in of.photons if k.energy_mev < 0.001]
    stays = sum(k.energy_mev * k.yield_per_decay for k in soft)
    rest = of.energies.everything_mev - sum(
        k.energy_mev * k.yield_per_decay for k in (*of.electrons, *of.photons)
    )  # what tables of lines leave out, and betas
    rest -= of.energies.beta_mev if source.betas_per_decay > 0 else 0.0
    assert source.local_mev == pytest.approx(stays + rest, rel=1e-9)


def test_a_line_source_is_one_particle_of_its_kind() -> None:
    for kind in (ELECTRON, PHOTON):
        source = line_source(0.7, kind)
        assert (source.line_mev.tolist(), source.line_yield.tolist()) == ([0.7], [1.0])
        assert (source.line_kind.tolist(), source.betas_per_decay) == ([kind], 0.0)
        assert (source.local_mev, source.pair_yield, source.pair_mev) == (0.0, 0.0, 0.0)
        assert emission_of(source).mean_mev == 0.7
