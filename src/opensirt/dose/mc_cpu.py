"""The Monte Carlo on CPU threads: one batch of histories after another into one tally.

A batch is cut into parts, each with its own random stream; energy is tallied in whole quanta. So
the result depends on the seed and the histories, and not on the number of threads.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_electrons import STACK_COLUMNS
from opensirt.dose.mc_photons import drain
from opensirt.dose.mc_physics import isotropic
from opensirt.dose.mc_random import STATE_WORDS, law, seed_stream, uniform
from opensirt.dose.mc_replay import PLACE_COLUMNS, replay
from opensirt.dose.mc_scene import Matter
from opensirt.dose.mc_source import DecaySource, emit_decay
from opensirt.dose.mc_tracks import RECORD_VALUES, make_track
from opensirt.dose.mc_voxels import (
    BOOK_SIZE,
    CARRY,
    EMITTED,
    GATHERED,
    TRACKLESS,
    Scene,
    medium_at,
    settle,
)

__all__ = [
    "NO_TRACKS",
    "Library",
    "Part",
    "fire_batch",
    "make_library",
    "parts_of",
    "place_history",
]

STACK_ROWS = 1024
PLACES = 512
RECORDS_PER_TRACK = 64
TRACKS_PER_PART = 256
GOLDEN = 0.618_033_988_749_894_9
"""Its multiples, modulo 1, fill the unit interval evenly."""
FIRING_STREAM, TRACK_STREAM = 0, 1 << 32
HISTORIES = BOOK_SIZE


class Library(NamedTuple):
    """Tracks of one batch, those of one medium together, by rising beta energy."""

    codes: npt.NDArray[np.uint16]
    values: npt.NDArray[np.float32]
    start: npt.NDArray[np.int64]
    """First record of each track."""
    emitted_mev: npt.NDArray[np.float64]
    first: npt.NDArray[np.int64]
    """First track of each medium."""
    number: npt.NDArray[np.int64]
    """Tracks of each medium."""


NO_TRACKS = Library(
    np.zeros(0, np.uint16),
    np.zeros((0, 5), np.float32),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
)
"""Library of full physics."""


@dataclass(frozen=True)
class Part:
    """A run of voxels fired by one stream."""

    number: int
    first: int
    last: int
    before_bq: float
    """Sum of the activity values in the voxels before."""
    turn: int = 0
    turns: int = 1
    """The part fires every `turns`-th history of these voxels, from number `turn` on."""


@law
def _fill_tracks(laws, medium, source, first, last, total, resolution, key, out):
    """Tracks `first` to `last` of `total`; returns the records written, or -1 if too many."""
    codes, values, start, emitted = out
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, key[0], key[1], TRACK_STREAM + (medium << 24) + first)
    work = (np.empty((STACK_ROWS, STACK_COLUMNS)), np.empty(9), np.empty(6))
    at = 0
    for track in range(first, last):
        start[track - first] = at
        quantile = (track + uniform(state)) / total
        at, energy = make_track(
            laws, medium, source, quantile, resolution, work, codes, values, at, state
        )
        if at < 0:
            return -1
        emitted[track - first] = energy
    return at


def make_library(
    matter: Matter,
    source: DecaySource,
    counts: Sequence[int],
    chords_mm: Sequence[float],
    key: tuple[int, int],
    pool: ThreadPoolExecutor,
) -> Library:
    """`counts[medium]` tracks of each medium, from the stream named by `key` (seed, batch).

    `chords_mm` is the distance between the vertices of the tracks of each medium.
    """
    jobs = [
        (medium, first, min(first + TRACKS_PER_PART, count), count)
        for medium, count in enumerate(counts)
        for first in range(0, count, TRACKS_PER_PART)
    ]

    def fill(job: tuple[int, int, int, int]) -> tuple[Any, ...]:
        medium, first, last, total = job
        room = (last - first) * RECORDS_PER_TRACK
        while True:
            out = (
                np.empty(room, np.uint16),
                np.empty((room, RECORD_VALUES), np.float32),
                np.empty(last - first, np.int64),
                np.empty(last - first),
            )
            used = _fill_tracks(
                matter.laws, medium, source, first, last, total, chords_mm[medium], key, out
            )
            if used >= 0:
                return out[0][:used], out[1][:used], out[2], out[3]
            room *= 2

    filled = list(pool.map(fill, jobs))
    offsets = np.cumsum([0] + [len(part[0]) for part in filled[:-1]])
    return Library(
        codes=np.concatenate([part[0] for part in filled]),
        values=np.concatenate([part[1] for part in filled]),
        start=np.concatenate([p[2] + offset for p, offset in zip(filled, offsets, strict=True)]),
        emitted_mev=np.concatenate([part[3] for part in filled]),
        first=np.cumsum([0, *counts[:-1]]).astype(np.int64),
        number=np.array(counts, dtype=np.int64),
    )


def parts_of(activity: npt.NDArray[np.float32], number: int) -> tuple[Part, ...]:
    """About `number` parts of equal activity: runs of rows, (slice, row, column) flattened.

    Where the activity lies in few rows they are shared out, so that every thread has work.
    """
    columns = activity.shape[-1]
    rows = activity.reshape(-1, columns).sum(axis=1, dtype=np.float64)
    rising = np.concatenate([[0.0], np.cumsum(rows)])
    wanted = np.linspace(0.0, rising[-1], number + 1)[1:-1]
    cuts = np.unique(np.concatenate([[0], np.searchsorted(rising, wanted), [len(rows)]]))
    runs = [(int(a), int(b)) for a, b in pairwise(cuts) if rising[b] > rising[a]]
    turns = max(1, number // max(len(runs), 1))
    return tuple(
        Part(place * turns + turn, a * columns, b * columns, float(rising[a]), turn, turns)
        for place, (a, b) in enumerate(runs)
        for turn in range(turns)
    )


@law
def place_history(scene, voxel, p, cell, state):
    """A uniform place in a voxel and an isotropic direction."""
    cell[0] = voxel // (scene.rows * scene.columns)
    cell[1] = voxel // scene.columns % scene.rows
    cell[2] = voxel % scene.columns
    for axis in range(3):
        p[axis] = cell[axis] + uniform(state)
        p[6 + axis] = cell[axis]
    p[3], p[4], p[5] = isotropic(uniform(state), uniform(state))


@law
def _fire(scene, laws, source, library, ratios, activity, run, tally, key, book):
    """Histories of one part: replays where `library` has tracks, else full transport.

    `run` is (first voxel, last voxel, activity before, histories per activity, offset, start,
    turn, turns).
    """
    first, last, total, per_activity, offset, start, turn, turns = run
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, key[0], key[1], key[2])
    stack = np.empty((STACK_ROWS, STACK_COLUMNS))
    places = np.empty((PLACES, PLACE_COLUMNS))
    p, cell = np.empty(9), np.empty(3, np.int64)
    ones = np.ones((laws.electron.shape[0], 1))
    book[CARRY] = uniform(state)
    for voxel in range(first, last):
        if activity[voxel] <= 0.0:
            continue
        low = math.floor(total * per_activity + offset)
        total += activity[voxel]
        mine = low + (turn - low) % turns
        for serial in range(mine, math.floor(total * per_activity + offset), turns):
            place_history(scene, voxel, p, cell, state)
            quantile = (start + serial * GOLDEN) % 1.0
            book[HISTORIES] += 1.0
            if len(library.start) > 0:
                home = medium_at(scene, scene.density[voxel])
                if home >= len(library.number) or library.number[home] == 0:
                    book[TRACKLESS] += 1.0
                    continue
                track = library.first[home] + int(quantile * library.number[home])
                book[EMITTED] += library.emitted_mev[track]
                n = replay(
                    library.codes,
                    library.values,
                    library.start[track],
                    home,
                    ratios[home],
                    scene,
                    tally,
                    p,
                    cell,
                    places,
                    stack,
                    book,
                )
            else:
                n = emit_decay(source, quantile, p, stack, 0, state)
                for row in range(n):
                    book[EMITTED] += stack[row, 1]
                book[EMITTED] += source.local_mev
                book[GATHERED] += source.local_mev
                settle(scene, tally, cell, book)
            if n > 0:
                drain(laws, scene, tally, stack, n, p, cell, ones, book, state)


def fire_batch(
    scene: Scene,
    matter: Matter,
    source: DecaySource,
    library: Library,
    activity: npt.NDArray[np.float32],
    parts: Sequence[Part],
    per_activity: float,
    tally: npt.NDArray[np.uint32],
    key: tuple[int, int],
    pool: ThreadPoolExecutor,
    stopped: Callable[[], bool] = lambda: False,
) -> npt.NDArray[np.float64]:
    """Fire one batch into `tally`; returns its book, with the histories in the last place."""
    draws = np.random.default_rng(list(key)).random(2)

    def fire(part: Part) -> npt.NDArray[np.float64]:
        book = np.zeros(BOOK_SIZE + 1)
        if not stopped():
            run = (
                part.first,
                part.last,
                part.before_bq,
                per_activity,
                draws[0],
                draws[1],
                part.turn,
                part.turns,
            )
            _fire(
                scene,
                matter.laws,
                source,
                library,
                matter.ratios,
                activity,
                run,
                tally,
                (*key, FIRING_STREAM + part.number),
                book,
            )
        return book

    return np.asarray(sum(pool.map(fire, parts)))
