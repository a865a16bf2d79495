"""A run without its physics: how many batches of what size, with which tracks, and where it ends.

A made transport notes what it is asked for and states the errors it is told to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose import mc_run
from opensirt.dose.mc_run import Result, Run, RunPlan
from opensirt.dose.mc_scene import cuts_for, make_matter
from opensirt.dose.mc_source import line_source
from opensirt.errors import InputError

SHAPE = (10, 20, 40)
DENSITY = np.ones(SHAPE, np.float32)
SOURCE = line_source(0.5)
CUTS = cuts_for(3.0)


class Noted:
    """Each decay emits 0.5 MeV, of which a fifth escapes."""

    threads = 3

    def __init__(self, largest_batch: int, errors: Iterable[float]) -> None:
        self.largest_batch, self.errors = largest_batch, iter(errors)
        self.batches: list[tuple[tuple[int, int], float, list[int]]] = []
        self.weights: list[Any] = []
        self.resets: list[int] = []
        self.left_mev = 0.0

    def reset(self) -> None:
        self.resets.append(len(self.batches))
        self.left_mev = 0.0

    def run_batch(
        self,
        tracks: Sequence[int],
        histories: float,
        key: tuple[int, int],
        stopped: Callable[[], bool],
    ) -> Any:
        self.batches.append((key, histories, list(tracks)))
        self.left_mev += 0.4 * histories
        return np.array([0.0, 0.0, 0.1 * histories, 0.5 * histories, 0.0, histories])

    def sums(self) -> Any:
        def high_error(density: Any, weight: Any = None) -> float:
            self.weights.append(weight)
            return next(self.errors)

        total = np.full(DENSITY.size, self.left_mev / DENSITY.size, np.float32)
        error = np.zeros(DENSITY.size, np.float32)
        return SimpleNamespace(
            high_error=high_error, total=total, relative_error=lambda pool: error
        )

    def region_errors(self) -> Any:
        return np.zeros(0)


def played(
    monkeypatch: pytest.MonkeyPatch,
    errors: Iterable[float] = (0.1,),
    largest_batch: int = 100_000,
    density: Any = DENSITY,
    activity: Any = DENSITY,
    **plan: Any,
) -> tuple[Noted, Result]:
    noted = Noted(largest_batch, errors)
    monkeypatch.setattr(mc_run, "open_transport", lambda *given: noted)
    run = Run(
        density, activity, (3.0,) * 3, make_matter(density, CUTS), SOURCE,
        RunPlan(threads=1, **{"mode": "full", "seed": 5, **plan}),
    )  # fmt: skip
    return noted, run.go()


def sizes(noted: Noted) -> list[float]:
    return [histories for _, histories, _ in noted.batches]


@pytest.mark.parametrize(
    ("histories", "count"), [(24_000, 24), (2_400_000, 24), (2_400_001, 25), (10_000_000, 100)]
)
def test_histories_are_split_evenly_into_batches(monkeypatch, histories: int, count: int) -> None:
    """At least 24 for the statistics, more where one may hold 100,000 at most."""
    noted, found = played(monkeypatch, histories=histories)
    assert sizes(noted) == pytest.approx([histories / count] * count)
    assert [key for key, *_ in noted.batches] == [(5, batch) for batch in range(count)]
    assert found.histories == pytest.approx(histories, abs=1)
    assert (found.threads, found.uncertainty_reached) == (3, True)
    assert (found.mean_relative_error, found.escaped_fraction) == (0.1, pytest.approx(0.2))
    assert (found.emitted_mev, found.nuclide_mev) == pytest.approx((0.5, 0.5))
    assert found.energy_mev.sum() == pytest.approx(0.4, rel=1e-5)


@pytest.mark.parametrize(
    ("active", "largest", "pilot"),
    [(8000, 100_000, 4000), (1200, 100_000, 1000), (8000, 3000, 3000)],
)
def test_a_pilot_has_half_a_history_per_active_voxel(monkeypatch, active, largest, pilot) -> None:
    """1000 at least, and no more than a batch may hold; eight batches that do not count."""
    activity = np.zeros(SHAPE, np.float32)
    activity.reshape(-1)[:active] = 1.0
    noted, _ = played(
        monkeypatch, [0.05, *[0.02] * 3], largest_batch=largest, activity=activity, uncertainty=0.02
    )
    assert sizes(noted)[:8] == [pilot] * 8
    assert noted.resets == [0, 8]
    assert noted.weights[0] is not None  # by activity, as the dose is not known yet
    assert noted.weights[1:] == [None] * len(noted.weights[1:])


@pytest.mark.parametrize(
    ("error", "size", "count"),
    [
        (0.10, 8 * 4000 * 25 / 24, 24),  # five times the error, 25 times the histories
        (0.02, 8 * 4000 / 24, 24),
        (0.01, 1000.0, 24),  # no batch is smaller
        (0.20, 100_000, 32),  # 3.2 million in batches of 100,000
        (0.205, 8 * 4000 * 10.25**2 / 34, 34),
    ],
)
def test_the_pilot_says_how_many_histories_follow(monkeypatch, error, size, count) -> None:
    """Inverse squares; the batches that count have streams of their own, after the pilot's."""
    noted, found = played(monkeypatch, [error, *[0.02] * 3], uncertainty=0.02)
    assert sizes(noted)[8:] == pytest.approx([size] * count)
    assert [key for key, *_ in noted.batches] == [(5, batch) for batch in range(8 + count)]
    assert found.histories == pytest.approx(size * count, abs=1)
    assert found.uncertainty_reached


def test_a_run_goes_on_until_the_error_is_the_one_asked_for(monkeypatch) -> None:
    """24 batches with 0.03 for 0.02 want 54 in all; then 0.021 wants 60, and 0.02 is enough."""
    noted, found = played(monkeypatch, [0.02, 0.03, 0.021, 0.02, 0.02, 0.02], uncertainty=0.02)
    more = [math.ceil(24 * 2.25 + 0.5), math.ceil(55 * 1.05**2 + 0.5)]
    assert more == [55, 62]
    assert len(noted.batches) == 8 + 62
    assert found.uncertainty_reached


def test_a_hopeless_start_asks_for_four_times_as_many_at_most(monkeypatch) -> None:
    noted, _ = played(monkeypatch, [0.02, 0.5, 0.02, 0.02, 0.02], uncertainty=0.02)
    assert len(noted.batches) == 8 + 97


@pytest.mark.parametrize(("most", "count"), [(40_000, 30), (70_000, 52), (32_100, 24)])
def test_the_most_histories_end_a_run(monkeypatch, most: int, count: int) -> None:
    """Batches of 1333.3 histories; what is not reached then is said."""
    noted, found = played(monkeypatch, [0.02, *[0.05] * 9], uncertainty=0.02, most_histories=most)
    assert len(noted.batches) == 8 + count
    assert not found.uncertainty_reached
    assert found.mean_relative_error == 0.05


def test_a_wish_beyond_the_most_histories_is_refused_with_what_is_possible(monkeypatch) -> None:
    """0.2 after 32,000 histories: 0.002 takes 320 million, and 3.2 million reach 0.02."""
    times = iter([5.0, 15.0])  # ten seconds: 3200 histories a second, 1e5 seconds for all
    monkeypatch.setattr(mc_run, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    said = r"0\.002 needs about 3\.2e\+08 histories \(28 hours here\), .* at most 3\.2e\+06, which "
    with pytest.raises(InputError, match=said + r"reach about 0\.02; ask for"):
        played(monkeypatch, [0.2], uncertainty=0.002, most_histories=3_200_000)


@pytest.mark.parametrize(
    ("histories", "lung", "tracks"),
    [
        (24_000, 1, [[250, 256]]),  # 250 and 750 decays: no more tracks than decays, or 256
        (240_000, 1, [[256, 256]]),  # 2500 and 7500: 50 and 150 tracks at 50 replays
        (2_400_000, 1, [[500, 1500]]),  # 25,000 and 75,000 at 50 replays
        (12_000_000, 1, [[1042, 3125]]),  # 120 replays: 100,000 tracks in all
        (24_000_000, 1, [[1250, 3750]]),  # 200 replays at most
        (24_000_000, 0, [[0, 5000]]),
    ],
)
def test_tracks_of_a_batch(
    monkeypatch, histories: int, lung: float, tracks: list[list[int]]
) -> None:
    """Lung holds a quarter of the activity, water the rest; a batch may hold a million."""
    density = DENSITY.copy()
    density[:5] = 0.3
    activity = np.where(density < 1.0, np.float32(lung), np.float32(3.0))
    noted, _ = played(
        monkeypatch, histories=histories, mode="fast", largest_batch=1_000_000,
        density=density, activity=activity,
    )  # fmt: skip
    assert [made for *_, made in noted.batches] == tracks * 24
    full, _ = played(monkeypatch, histories=histories, largest_batch=1_000_000)
    assert [made for *_, made in full.batches] == [[]] * 24


def test_progress_tells_the_share_done(monkeypatch) -> None:
    """A quarter in ten seconds leaves thirty."""
    told: list[tuple[float, int, float]] = []
    times = iter([0.0, *[10.0] * 30])
    monkeypatch.setattr(mc_run, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    monkeypatch.setattr(mc_run, "open_transport", lambda *given: Noted(100_000, [0.1]))
    run = Run(
        DENSITY, DENSITY, (3.0,) * 3, make_matter(DENSITY, CUTS), SOURCE,
        RunPlan(histories=48_000, threads=1, mode="full"),
        lambda *what: told.append(what),
    )  # fmt: skip
    found = run.go()
    assert [what[:2] for what in told] == [(pytest.approx(n / 24), 2000 * n) for n in range(1, 25)]
    assert [told[n - 1][2] for n in (6, 12, 24)] == pytest.approx([30.0, 10.0, 0.0])
    assert found.seconds == 10.0


def test_progress_to_an_uncertainty_is_of_the_batches_known_to_follow(monkeypatch) -> None:
    """24 of 24 batches, and then, where these do not suffice, 25 to 55 of 55."""
    told: list[float] = []
    noted = Noted(100_000, [0.02, 0.03, *[0.02] * 4])
    monkeypatch.setattr(mc_run, "open_transport", lambda *given: noted)
    Run(
        DENSITY, DENSITY, (3.0,) * 3, make_matter(DENSITY, CUTS), SOURCE,
        RunPlan(uncertainty=0.02, threads=1, mode="full"), lambda *what: told.append(what[0]),
    ).go()  # fmt: skip
    assert told == pytest.approx([n / 24 for n in range(1, 25)] + [n / 55 for n in range(25, 56)])
