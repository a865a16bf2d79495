"""Energy in shells about a point source: account, weights, threads, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose import mc_shells
from opensirt.dose.mc_electrons import ELECTRON, PHOTON, POSITRON
from opensirt.dose.mc_shells import ShellPlan, _draw_particles, shell_edges, shell_energies
from opensirt.dose.mc_source import decay_source, line_source
from opensirt.dose.mc_tables import Cuts, Laws, build_laws, media_named
from opensirt.errors import InputError
from opensirt.physics.nuclides import nuclide

CUTS = Cuts(absorb_mev=0.05, collision_mev=0.05, photon_mev=0.02)


@pytest.fixture(scope="module")
def water() -> Laws:
    return build_laws(media_named(["water"]), CUTS)


def test_shells_are_equal_to_1_2_ranges_and_then_40_to_200_mm() -> None:
    edges = shell_edges(0.05, 11.3)
    assert len(edges) == 272 + 40
    assert edges[271] == pytest.approx(13.6, abs=1e-9)
    assert np.diff(edges[:272]) == pytest.approx(0.05, abs=1e-6)
    assert edges[-1] == pytest.approx(200.0)
    assert edges[300] / edges[299] == pytest.approx((200.0 / 13.6) ** (1 / 40), rel=1e-4)
    with pytest.raises(InputError, match=r"found 0\.5 and 0\.2 mm"):
        shell_edges(0.5, 0.2)


@pytest.mark.parametrize("sizes", [(0.0, 5.0), (5.0, 5.0), (0.1, 100.0), (-0.1, 5.0)])
def test_shells_are_thinner_than_the_range_and_that_is_below_100_mm(
    sizes: tuple[float, float],
) -> None:
    with pytest.raises(InputError, match=r"shorter than 100 mm, found .* and .* mm"):
        shell_edges(*sizes)
    assert shell_edges(4.9, 5.0)[:2].tolist() == [4.9, 9.8]
    assert shell_edges(1.0, 99.9)[119] == 120.0


@pytest.mark.parametrize("name", ["y90", "i131", "tc99m"])
def test_shells_and_escape_hold_all_that_is_emitted(name: str, water: Laws) -> None:
    """To rounding; and the particles drawn stand for the energies of ICRP-107."""
    of = nuclide(name)
    source = decay_source(of, CUTS.absorb_mev)
    found = shell_energies(source, water, shell_edges(0.1, 5.0), ShellPlan(400, seed=3, threads=1))
    held = found.energy_mev.sum() + found.escaped_mev
    assert held == pytest.approx(found.emitted_mev, rel=1e-12)
    pair_mev = of.positron_yield * (of.pair_energy_mev + 2 * 0.510_998_95)
    assert found.emitted_mev == pytest.approx(of.energies.everything_mev + pair_mev, rel=2e-3)


def test_result_does_not_depend_on_the_number_of_threads(water: Laws) -> None:
    source = decay_source(nuclide("y90"), CUTS.absorb_mev)
    edges = shell_edges(0.1, 11.3)
    one, two = (
        shell_energies(source, water, edges, ShellPlan(12_000, 7, threads, batches=2))
        for threads in (1, 2)
    )
    assert np.array_equal(one.energy_mev, two.energy_mev)
    other = shell_energies(source, water, edges, ShellPlan(12_000, 8, 1, batches=2))
    assert not np.array_equal(one.energy_mev, other.energy_mev)


def test_weights_undo_the_favour_of_high_energies() -> None:
    """Weighted number and mean energy (0.9329 MeV) stay; unweighted the mean is above 1.2 MeV."""
    source = decay_source(nuclide("y90"), 0.01)
    drawn = _draw_particles(source, 20_000, np.random.default_rng(1))
    betas = drawn[:20_000]
    assert betas[:, 2].sum() == pytest.approx(source.betas_per_decay, rel=1e-6)
    assert np.vdot(betas[:, 1], betas[:, 2]) == pytest.approx(0.9329, rel=2e-4)
    assert np.mean(betas[:, 1]) > 1.2


def test_electron_stops_within_its_range_and_its_photons_go_on(water: Laws) -> None:
    """1 MeV in water: CSDA range 4.37 mm (ESTAR), radiation yield 0.0058 of the energy."""
    source = line_source(1.0, ELECTRON)
    found = shell_energies(source, water, shell_edges(0.1, 4.37), ShellPlan(4000, 2, 1))
    beyond = 1.0 - found.energy_mev[found.r_outer_mm < 4.5].sum()
    assert 0.002 < beyond < 0.0058
    assert found.energy_mev[found.r_outer_mm > 150.0].sum() > 0.0


def test_photon_energy_follows_the_attenuation(water: Laws) -> None:
    """60 keV in water, mu = 0.2059 /cm and mu_en = 0.0319 /cm (NIST): first-collision energy in
    the first millimetre is 60 keV x mu_en x 0.1 cm = 0.191 keV; scatter adds a few per cent."""
    source = line_source(0.06, PHOTON)
    found = shell_energies(source, water, shell_edges(0.1, 4.37), ShellPlan(400_000, 2, 1))
    near = found.energy_mev[found.r_outer_mm < 1.001].sum()
    assert near == pytest.approx(0.000_191, rel=0.08)


def test_splitting_keeps_the_mean_of_the_photon_tail(water: Laws) -> None:
    """Beyond 13.6 mm Y-90 leaves the same with and without; within four standard errors."""
    source = decay_source(nuclide("y90"), CUTS.absorb_mev)
    edges = shell_edges(0.1, 11.3)
    tails = []
    for split, histories in ((1, 16_000), (20, 4000)):
        found = shell_energies(source, water, edges, ShellPlan(histories, 5, 1, photon_split=split))
        tail = edges > 14.0
        sigma = np.linalg.norm((found.rel_err * found.energy_mev)[tail])
        tails.append((found.energy_mev[tail].sum(), sigma))
    (plain, one), (split_up, other) = tails
    assert abs(plain - split_up) < 4.0 * np.hypot(one, other)
    assert plain == pytest.approx(0.0024, rel=0.25)


def test_too_few_histories_are_refused(water: Laws) -> None:
    source = decay_source(nuclide("y90"), CUTS.absorb_mev)
    with pytest.raises(InputError, match="found 40 and 10"):
        shell_energies(source, water, shell_edges(0.1, 11.3), ShellPlan(10))


def test_the_error_of_shells_by_hand(water: Laws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four batches that leave 1, 2, 3 and 4 MeV in a shell, 2 beyond all and none in the others:
    mean 2.5, error sqrt(5/3)/2 of it; two streams a batch, for 4096 particles and the rest."""
    keys, edges = [], shell_edges(0.1, 5.0)

    def fired(laws: object, shells: object, part: np.ndarray, key: tuple[int, ...]) -> np.ndarray:
        keys.append((key, len(part)))
        tally = np.zeros(len(edges) + 1)
        tally[7], tally[-1] = (key[1] + 1) / 2, 1.0
        return tally

    monkeypatch.setattr(mc_shells, "_fire", fired)
    source = line_source(0.5)._replace(local_mev=0.03)
    found = shell_energies(source, water, edges, ShellPlan(20_003, seed=6, threads=1, batches=4))
    assert keys == [((6, b, part), n) for b in range(4) for part, n in ((0, 4096), (1, 904))]
    assert found.energy_mev[7] == pytest.approx(2.5)
    assert found.rel_err[7] == pytest.approx(np.sqrt(5 / 3) / 2 / 2.5)
    assert (found.energy_mev[0], found.escaped_mev) == pytest.approx((0.03, 2.0))
    assert found.rel_err[0] == pytest.approx(0.0)
    assert (found.energy_mev[3], found.rel_err[3]) == (0.0, 1.0)  # nothing was scored
    assert found.emitted_mev == pytest.approx(0.53)
    assert found.histories == 20_000
    assert len(found.energy_mev) == len(found.rel_err) == len(edges)


def test_particles_stand_for_one_decay_by_hand() -> None:
    """1000 betas bring 300 electron lines and 1000 photons, shared by energy, and 10 pairs."""
    source = decay_source(nuclide("y90"), 0.01)._replace(
        line_mev=np.array([0.2, 0.1, 0.4]), line_yield=np.array([0.5, 1.0, 0.25]),
        line_kind=np.array([ELECTRON, ELECTRON, PHOTON]), pair_yield=0.01, pair_mev=0.8,
    )  # fmt: skip
    drawn = _draw_particles(source, 1000, np.random.default_rng(1))
    lines = drawn[1000:2300]
    assert [np.count_nonzero(lines[:, 1] == mev) for mev in (0.2, 0.1, 0.4)] == [150, 150, 1000]
    for mev, kind, per_decay in ((0.2, ELECTRON, 0.5), (0.1, ELECTRON, 1.0), (0.4, PHOTON, 0.25)):
        mine = lines[lines[:, 1] == mev]
        assert set(mine[:, 0]) == {kind}
        assert mine[:, 2].sum() == pytest.approx(per_decay)
    positrons, partners = drawn[2300:2310], drawn[2310:]
    assert set(positrons[:, 0]) == {POSITRON}
    assert set(partners[:, 0]) == {ELECTRON}
    assert positrons[:, 1] + partners[:, 1] == pytest.approx(np.full(10, 0.8))
    assert (positrons[:, 2].sum(), partners[:, 2].sum()) == pytest.approx((0.01, 0.01))
