"""What a run is made of: homes, chords, parts of the map, libraries, and how large a batch is."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose.mc_cpu import make_library, parts_of, place_history
from opensirt.dose.mc_device import LARGEST_BATCH, PARTS, Setting, Threads, highest_mev
from opensirt.dose.mc_electrons import ELECTRON, PHOTON
from opensirt.dose.mc_scene import chord_for, cuts_for, make_matter, make_scene
from opensirt.dose.mc_source import decay_source, line_source
from opensirt.dose.mc_tracks import BINS, END
from opensirt.physics.nuclides import nuclide
from tests.mc_samples import stream

NOTHING = np.zeros(0)


def test_no_decay_leaves_more_than_its_hardest_track_or_all_it_may_emit() -> None:
    """Whole betas and lines: 1.2 may be 2, 0.1 may be 1; a pair with 2 MeV to spare."""
    source = line_source(0.1, PHOTON)._replace(
        betas_per_decay=1.2, beta_mev=np.array([0.0, 0.5, 1.5]), local_mev=0.02, pair_mev=0.7,
        line_mev=np.array([0.3, 0.2]), line_yield=np.array([0.1, 2.5]),
        line_kind=np.array([PHOTON, ELECTRON]),
    )  # fmt: skip
    assert highest_mev(source, NOTHING) == pytest.approx(2 * 1.5 + 0.3 + 3 * 0.2 + 0.02 + 0.7 + 2)
    assert highest_mev(source, np.array([0.4, 1.1, 0.9])) == 1.1


def setting(density: Any, activity: Any, **more: Any) -> Setting:
    rho, a = np.asarray(density, np.float32), np.asarray(activity, np.float32)
    source = line_source(0.5)
    return Setting(rho, a, (4.0, 2.0, 5.0), make_matter(rho, cuts_for(2.0)), source, **more)


def test_homes_are_the_shares_of_activity_and_the_thinnest_active_voxel() -> None:
    """Lung 0.2 (active) and 0.15 (not), water 0.99 and 1.0, bone without activity."""
    of = setting([[[0.2, 0.15, 0.99, 1.0, 1.9]]], [[[1.0, 0.0, 3.0, 4.0, 0.0]]], reach_mm=8.0)
    shares, thinnest = of.homes
    assert of.matter.names == ("lung", "water", "bone")
    assert shares == pytest.approx([1 / 8, 7 / 8, 0.0])
    assert thinnest.tolist() == [np.float32(0.2), np.float32(0.99), np.inf]
    assert of.total_activity == 8.0
    wanted = [chord_for(2.0, 8.0, float(rho)) for rho in thinnest]
    assert of.chords_mm == pytest.approx(wanted)
    assert of.chords_mm[0] == pytest.approx(0.05 * 2.0 * 0.2)
    assert of.chords_mm[2] == pytest.approx(0.1)
    assert (of.scene.infinite, setting(of.density, of.activity, infinite=True).scene.infinite) == (
        False, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("voxels", "largest"),
    [(8, 400_000), (1_600_000, 400_000), (4_000_000, 1_000_000), (10**9, LARGEST_BATCH)],
)
def test_a_batch_fits_the_cache_or_the_grid(voxels: int, largest: int) -> None:
    """2000 tracks of 200 replays, or a history for four voxels; 8 million at most."""
    made: Any = SimpleNamespace(
        activity=np.ones((2, 2, 2), np.float32), density=SimpleNamespace(size=voxels)
    )
    with ThreadPoolExecutor(1) as pool:
        transport = Threads(made, 3, pool)
    assert (transport.largest_batch, transport.threads) == (largest, 3)


@pytest.mark.parametrize("number", [1, 5, PARTS])
@pytest.mark.parametrize("shape", [(6, 5, 7), (1, 1, 9), (40, 3, 2)])
def test_parts_hold_each_decay_once(number: int, shape: tuple[int, int, int]) -> None:
    """Whole rows in turn; where there are fewer rows than parts they share one, turn by turn."""
    rng = np.random.default_rng(2)
    activity = (rng.random(shape) * (rng.random(shape) < 0.5)).astype(np.float32)
    activity[0] = 0.0 if shape[0] > 1 else activity[0]
    flat, columns = activity.reshape(-1).astype(float), shape[2]
    parts = parts_of(activity, number)
    assert [part.number for part in parts] == list(range(len(parts)))
    times = np.zeros(flat.size)
    for part in parts:
        assert part.first % columns == part.last % columns == 0
        assert part.before_bq == pytest.approx(flat[: part.first].sum(), abs=1e-9)
        assert 0 <= part.turn < part.turns
        times[part.first : part.last] += 1.0 / part.turns
    assert times[flat > 0] == pytest.approx(np.ones(np.count_nonzero(flat)))
    runs = {(part.first, part.last) for part in parts}
    assert len({(part.first, part.last, part.turn) for part in parts}) == len(parts)
    assert len(parts) <= max(number, len(runs))
    if number > 1 and len(runs) > 1:
        share = max(flat[a:b].sum() for a, b in runs) / flat.sum()
        rows = activity.reshape(-1, columns).sum(axis=1)
        assert share <= 1.0 / number + rows.max() / rows.sum() + 1e-6


@pytest.mark.parametrize("histories", [1000, 24_000])
def test_a_library_holds_the_tracks_of_each_medium_in_turn(histories: int) -> None:
    """300, none and 5 tracks: where they start, what they emitted, and that each one ends."""
    density = np.array([[[0.3, 1.0, 1.9]]], np.float32)
    matter = make_matter(density, cuts_for(3.0))
    source = decay_source(nuclide("p32"), 0.02)
    counts = [histories * 300 // 1000 if histories == 1000 else 600, 0, 5]
    with ThreadPoolExecutor(2) as pool:
        found = make_library(matter, source, counts, [0.1, 0.1, 0.1], (1, 2), pool)
        again = make_library(matter, source, counts, [0.1, 0.1, 0.1], (1, 2), pool)
        other = make_library(matter, source, counts, [0.1, 0.1, 0.1], (1, 3), pool)
    assert found.number.tolist() == counts
    assert found.first.tolist() == [0, counts[0], counts[0]]
    assert len(found.start) == len(found.emitted_mev) == sum(counts)
    assert np.all(np.diff(found.start) > 0)
    ends = np.append(found.start[1:], len(found.codes))
    assert np.all(found.codes[ends - 1] // BINS == END)
    for start, end, emitted in zip(found.start, ends, found.emitted_mev, strict=True):
        energy = found.values[start:end, 1].sum(dtype=np.float64)
        assert energy == pytest.approx(emitted, rel=1e-5)
    assert np.array_equal(found.values, again.values)
    assert not np.array_equal(found.emitted_mev, other.emitted_mev)
    for medium in (0, 2):  # by rising energy of the beta
        mine = found.emitted_mev[found.first[medium] :][: counts[medium]]
        assert np.all(np.diff(mine) > 0)


def test_a_history_starts_anywhere_in_its_voxel() -> None:
    density = np.ones((3, 4, 5), np.float32)
    scene = make_scene(density, (2.0,) * 3, make_matter(density, cuts_for(2.0)), 1.0)
    p, cell, state = np.zeros(9), np.zeros(3, np.int64), stream(1)
    places, headings = [], []
    for _ in range(4000):
        place_history(scene, (1 * 4 + 3) * 5 + 2, p, cell, state)
        assert cell.tolist() == [1, 3, 2] == p[6:9].tolist()
        places.append(p[:3] - cell)
        headings.append(p[3:6].copy())
    assert np.min(places) >= 0.0
    assert np.max(places) < 1.0
    assert np.mean(places, axis=0) == pytest.approx(np.full(3, 0.5), abs=4 / math.sqrt(12 * 4000))
    assert np.var(places, axis=0) == pytest.approx(np.full(3, 1 / 12), rel=0.1)
    assert np.mean(headings, axis=0) == pytest.approx(np.zeros(3), abs=4 / math.sqrt(3 * 4000))
    assert np.linalg.norm(headings, axis=1) == pytest.approx(np.ones(4000))
