"""Statistics of the Monte Carlo: histories, wanted uncertainty, error map, tally, equilibrium."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from opensirt.dose import mc_device
from opensirt.dose.mc_device import LARGEST_BATCH, PARTS, TALLY_TOP
from opensirt.dose.mc_scene import cuts_for, make_matter
from opensirt.dose.mc_source import decay_source, line_source
from opensirt.dose.mc_statistics import BatchSums
from opensirt.dose.mc_tracks import BINS, PHOTON_RECORD
from opensirt.errors import InputError
from opensirt.physics.nuclides import nuclide
from tests.mc_samples import library_of, run_of

ONES = np.ones((5, 5, 5))
SEEDS = 20


@pytest.mark.parametrize("histories", [1_000, 12_345, 200_000])
def test_the_histories_asked_for_are_made(histories: int) -> None:
    """Within 0.1 % and one per batch."""
    found = run_of(ONES, ONES, histories=histories).histories
    assert found == pytest.approx(histories, abs=24 + 1e-3 * histories)


def batch_sums(batches: list[list[float]]) -> BatchSums:
    """Sums of batches, MeV per voxel."""
    sums = BatchSums.empty(len(batches[0]))
    with ThreadPoolExecutor(1) as pool:
        for batch in batches:
            sums.tally[:] = np.round(np.array(batch) * 1000.0)
            sums.take(0.001, pool)
    return sums


def test_the_error_of_four_batches_by_hand() -> None:
    """1, 2, 3, 4 MeV: mean 2.5, standard deviation sqrt(5/3), error of the mean half of it."""
    sums = batch_sums([[1.0, 5.0, 0.0], [2.0, 5.0, 0.0], [3.0, 5.0, 8.0], [4.0, 5.0, 0.0]])
    assert sums.total.tolist() == [10.0, 20.0, 8.0]
    with ThreadPoolExecutor(1) as pool:
        error = sums.relative_error(pool)
    assert error[0] == pytest.approx(math.sqrt(5.0 / 3.0) / 2.0 / 2.5, rel=1e-5)
    assert error[1] == pytest.approx(0.0, abs=1e-3)
    assert error[2] == pytest.approx(1.0)  # scored in one batch alone


def test_the_stated_error_is_that_of_voxels_above_half_the_maximum() -> None:
    """Doses 10, 6, 4 and, in air, 50: the mean error of the first two."""
    batches = [[9.0, 5.0, 1.0, 0.04], [11.0, 7.0, 7.0, 0.06]]
    density = np.array([1.0, 1.0, 1.0, 0.001], np.float32)
    by_hand = (1.0 / 10.0 + 1.0 / 6.0) / 2.0
    assert batch_sums(batches).high_error(density) == pytest.approx(by_hand, rel=1e-4)
    only_first = np.array([1.0, 1.3, 1.0, 0.001], np.float32)  # dose 10, 4.6
    assert batch_sums(batches).high_error(only_first) == pytest.approx(0.1, rel=1e-4)


def test_every_voxel_of_a_large_grid_is_taken() -> None:
    """The last one and those about 2^20, where work is handed on; two batches of 1 and 3 MeV."""
    size, at = (1 << 20) + 5, [0, (1 << 20) - 1, 1 << 20, (1 << 20) + 4]
    sums = BatchSums.empty(size)
    with ThreadPoolExecutor(2) as pool:
        for quanta in (1000, 3000):
            sums.tally[at] = quanta
            sums.take(0.001, pool)
            assert not sums.tally.any()
        assert (sums.batches, np.count_nonzero(sums.total)) == (2, 4)
        assert sums.total[at] == pytest.approx(np.full(4, 4.0))
        assert sums.squares[at] == pytest.approx(np.full(4, 10.0))
        assert sums.high_error(np.ones(size, np.float32)) == pytest.approx(0.5, rel=1e-5)
        error = sums.relative_error(pool)
    assert error[at] == pytest.approx(np.full(4, 0.5), rel=1e-5)
    assert np.count_nonzero(error) == 4


def test_lung_counts_for_the_stated_error_and_air_does_not() -> None:
    """Doses 10 in lung, 8 in water and 50 in air thinner than 0.05 g/mL; by activity the last."""
    batches = [[2.7, 7.0, 0.04], [3.3, 9.0, 0.06]]
    density = np.array([0.3, 1.0, 0.001], np.float32)
    sums = batch_sums(batches)
    assert sums.high_error(density) == pytest.approx((0.1 + 1 / 8) / 2, rel=1e-3)
    density[2] = 0.05
    assert sums.high_error(density) == pytest.approx((0.1 + 1 / 8) / 2, rel=1e-3)  # dose 1 there
    weight = np.array([0.3, 0.4, 0.04], np.float32)  # per g/mL 1, 0.4 and 0.8
    assert sums.high_error(density, weight) == pytest.approx((0.1 + 0.2) / 2, rel=1e-3)
    density[2] = np.nextafter(np.float32(0.05), np.float32(0))
    assert sums.high_error(density, weight) == pytest.approx(0.1, rel=1e-3)


def test_a_voxel_with_activity_and_no_score_is_not_known_at_all() -> None:
    """Its error is 1: with one of 0.1 beside it the mean is 0.55, and the run goes on."""
    sums = batch_sums([[9.0, 0.0], [11.0, 0.0]])
    ones = np.ones(2, np.float32)
    assert sums.high_error(ones, ones) == pytest.approx((0.1 + 1.0) / 2, rel=1e-4)
    assert sums.high_error(ones) == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("wanted", [0.03, 0.015])
def test_the_uncertainty_asked_for_is_reached(wanted: float) -> None:
    """Neither missed nor overshot by more than a third."""
    activity = ONES.copy()
    activity[2, 2, 2] = 5.0
    found = run_of(ONES, activity, uncertainty=wanted)
    assert 0.67 * wanted < found.mean_relative_error <= wanted


def test_the_uncertainty_is_reached_where_all_is_air() -> None:
    """Air counts where there is nothing else: not an error of zero after the fewest histories."""
    found = run_of(0.0012 * ONES, ONES, (10.0, 10.0, 10.0), uncertainty=0.05)
    assert 0.03 < found.mean_relative_error <= 0.05


def test_an_uncertainty_beyond_the_most_histories_is_refused_before_it_runs() -> None:
    with pytest.raises(InputError, match=r"uncertainty of 0\.0001 needs about .*at most"):
        run_of(ONES, ONES, uncertainty=1e-4, most_histories=1_000_000)


def test_a_run_that_does_not_reach_its_uncertainty_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pilot that promises too much: the run ends at the most histories, and says what it has."""
    errors = iter([0.02, *[0.5] * 20])
    monkeypatch.setattr(BatchSums, "high_error", lambda self, *maps: next(errors))
    found = run_of(ONES, ONES, uncertainty=0.02, most_histories=60_000)
    assert found.histories <= 60_100
    assert found.uncertainty_reached is False
    assert found.mean_relative_error == 0.5


def test_histories_or_uncertainty_not_both() -> None:
    with pytest.raises(InputError, match="needs either histories or an uncertainty, not both"):
        run_of(ONES, ONES, histories=5000, uncertainty=0.1)


@pytest.mark.parametrize(
    ("name", "mode", "histories"),
    [("y90", "fast", 12_000), ("lu177", "fast", 12_000), ("lu177", "full", 4_800)],
)
def test_the_error_map_is_the_spread_of_independent_runs(
    name: str, mode: str, histories: int
) -> None:
    """Over 20 seeds and 125 voxels, half active: root mean variances agree within 10 %."""
    activity = np.random.default_rng(1).random((5, 5, 5)) * (ONES.cumsum() % 2).reshape(5, 5, 5)
    runs = [
        run_of(ONES, activity, name=name, mode=mode, histories=histories, seed=seed)
        for seed in range(SEEDS)
    ]
    energy = np.array([run.energy_mev for run in runs], np.float64)
    claimed = energy * np.array([run.relative_error for run in runs])
    scored = activity.ravel() > 0.0
    spread = energy.var(axis=0, ddof=1)[scored] / energy.mean(axis=0)[scored] ** 2
    predicted = (claimed**2).mean(axis=0)[scored] / energy.mean(axis=0)[scored] ** 2
    assert np.sqrt(spread.mean() / predicted.mean()) == pytest.approx(1.0, abs=0.10)


def test_twice_the_histories_shrink_the_error_by_root_two() -> None:
    small, large = (
        run_of(ONES, ONES, histories=histories).mean_relative_error
        for histories in (50_000, 200_000)
    )
    assert small / large == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("histories", [1_000.0, 54_321.5, float(LARGEST_BATCH)])
def test_no_batch_can_overflow_the_tally(histories: float) -> None:
    """Every history leaving its most in one voxel, one history and one quantum per part beyond."""
    highest_mev = 2.3
    quanta_per_mev = TALLY_TOP / ((histories + PARTS) * highest_mev)
    assert (histories + 1.0) * highest_mev * quanta_per_mev + PARTS < 2.0**32


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_a_tally_filled_to_the_top_keeps_count(mode: str) -> None:
    """All energy of every history in one voxel of 1 m: the tally is full at each batch's end."""
    source = line_source(0.05)._replace(local_mev=0.9)
    found = run_of(
        np.ones((1, 1, 1)),
        np.ones((1, 1, 1)),
        (1000.0, 1000.0, 1000.0),
        source=source,
        mode=mode,
        histories=200_000,
    )
    assert abs(found.energy_balance) < 1e-6
    assert found.energy_mev[0] + found.escaped_fraction * 0.95 == pytest.approx(0.95, rel=1e-6)
    assert found.escaped_fraction < 1e-3


def test_coarse_quanta_leave_the_dose_unbiased(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quanta as coarse as those of 8e6 histories a batch (4 keV), on the same histories.

    What a quantum holds back goes to the next voxel: voxel by voxel within half of the
    statistical error, in the mean of the faint half of the voxels within 1 %.
    """
    shape, activity = (13, 13, 13), np.zeros((13, 13, 13))
    activity[6, 6, 6] = 1.0
    fine = run_of(np.ones(shape), activity, histories=96_000)
    monkeypatch.setattr(mc_device, "TALLY_TOP", TALLY_TOP * 4_000.0 / LARGEST_BATCH)
    coarse = run_of(np.ones(shape), activity, histories=96_000)
    scored = (fine.energy_mev > 0.0) & (fine.relative_error < 0.3)
    faint = scored & (fine.energy_mev < np.median(fine.energy_mev[scored]))
    error = fine.relative_error[scored] * fine.energy_mev[scored]
    change = (coarse.energy_mev - fine.energy_mev)[scored] / error
    assert np.sqrt(np.mean(change**2)) < 0.5
    assert coarse.energy_mev[faint].sum() == pytest.approx(fine.energy_mev[faint].sum(), rel=0.01)
    assert coarse.energy_mev.sum() == pytest.approx(fine.energy_mev.sum(), rel=1e-4)


def test_betas_reach_equilibrium_in_a_uniform_medium() -> None:
    """Deep inside: the energy of all electrons less that of their bremsstrahlung, 0.2 %.

    Voxels of 6 mm are two ranges of Y-90 from the border; 5 mm from a bremsstrahlung photon's
    start, less than a tenth of its energy is absorbed, which the bounds hold.
    """
    shape, spacing_mm = (9, 9, 9), (6.0, 6.0, 6.0)
    cuts = cuts_for(6.0)
    matter = make_matter(np.ones(shape, np.float32), cuts)
    source = decay_source(nuclide("y90"), cuts.absorb_mev)
    library = library_of(matter, source, [20_000], 0.3)
    photons = library.codes // BINS == PHOTON_RECORD
    escaping = float(library.values[photons, 1].sum(dtype=np.float64)) / 20_000
    assert 0.003 < escaping / 0.9331 < 0.009
    found = run_of(
        np.ones(shape), np.ones(shape), spacing_mm, infinite=True, histories=2_000_000, seed=3
    )
    inside = found.energy_mev.reshape(shape)[2:-2, 2:-2, 2:-2].astype(np.float64).mean()
    ratio = float(inside) * 9**3 / (0.93311 - escaping)
    assert 0.998 < ratio < 1.002 + 0.1 * escaping
    assert found.emitted_mev == pytest.approx(0.93311 + 5.6e-5, rel=5e-4)
