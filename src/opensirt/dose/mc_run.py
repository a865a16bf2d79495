"""A whole Monte Carlo run: batches until the histories or the wanted uncertainty are reached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.dose.mc_cpu import Library, Part, fire_batch, make_library, parts_of
from opensirt.dose.mc_scene import CHORD_SHARE_OF_VOXEL, Matter, make_scene
from opensirt.dose.mc_source import DecaySource
from opensirt.dose.mc_statistics import BatchSums
from opensirt.dose.mc_voxels import EMITTED, ESCAPED
from opensirt.errors import InputError

__all__ = ["Progress", "Result", "Run", "RunPlan"]

Floats = npt.NDArray[np.float32]
Progress = Callable[[float, int, float], None]
"""Called with the share done (0 to 1), the histories so far and the seconds left."""

WANTED_TRACKS = 100_000
"""A run makes at least about so many tracks, within the limits of replays; they set how well the
mean of a large region is known."""
FEWEST_REPLAYS, MOST_REPLAYS = 50, 200
FEWEST_TRACKS = 256
BATCHES = 24
PILOT_BATCHES = 8
PILOT_PER_VOXEL = 0.5
"""Histories per active voxel and pilot batch."""
LARGEST_BATCH = 8_000_000
SMALLEST_BATCH = 1_000
PARTS = 256
TALLY_TOP = 2.0**32 - 2.0**16
MOST_HISTORIES = 10**12


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How long to run, and how."""

    histories: int | None = None
    uncertainty: float | None = None
    """Mean relative standard error wanted in voxels above half the maximum dose."""
    seed: int = 1
    threads: int | None = None
    mode: Literal["fast", "full"] = "fast"
    infinite: bool = False
    """The medium of the first voxel goes on outside the grid; otherwise there is vacuum."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gives: energy per voxel per history, its error, and the account."""

    energy_mev: Floats
    """Flattened (slice, row, column), MeV per decay."""
    relative_error: Floats
    histories: int
    seconds: float
    threads: int
    mean_relative_error: float
    """Over voxels above half the maximum dose."""
    energy_balance: float
    """(deposited + escaped - emitted) / emitted."""
    escaped_fraction: float
    emitted_mev: float
    """Per decay."""


@dataclass
class Run:
    """One simulation of decays in voxels."""

    density: Floats
    activity: Floats
    """Both (slice, row, column), float32 and contiguous; activity in any unit."""
    spacing_mm: tuple[float, float, float]
    matter: Matter
    source: DecaySource
    plan: RunPlan
    progress: Progress | None = None
    sums: BatchSums = field(init=False)
    book: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        if (self.plan.histories is None) == (self.plan.uncertainty is None):
            raise InputError("a Monte Carlo run needs either histories or an uncertainty, not both")
        self.parts: tuple[Part, ...] = parts_of(self.activity, PARTS)
        self.total_activity = float(self.activity.sum(dtype=np.float64))
        self.started = time.perf_counter()

    def go(self) -> Result:
        """Run to the end; `KeyboardInterrupt` passes through and leaves nothing behind."""
        threads = self.plan.threads or thread_count()
        self._reset()
        self.stop = False
        with ThreadPoolExecutor(threads) as pool:
            try:
                if self.plan.histories is not None:
                    self._run_histories(self.plan.histories, pool)
                else:
                    self._run_to_uncertainty(float(self.plan.uncertainty or 0.0), pool)
                return self._finish(threads, pool)
            except BaseException:
                self.stop = True
                raise

    def _reset(self) -> None:
        self.batches = 1
        self.sums = BatchSums.empty(self.density.size)
        self.book = np.zeros(0)

    def _run_histories(self, histories: int, pool: ThreadPoolExecutor) -> None:
        self.batches = max(BATCHES, math.ceil(histories / LARGEST_BATCH))
        for done in range(self.batches):
            self._fire(histories / self.batches, done, pool)
            self._report((done + 1) / self.batches)

    def _run_to_uncertainty(self, wanted: float, pool: ThreadPoolExecutor) -> None:
        """A pilot says how many histories are needed; then batches of one size until it holds."""
        active = int(np.count_nonzero(self.activity))
        pilot = min(max(PILOT_PER_VOXEL * active, SMALLEST_BATCH), LARGEST_BATCH)
        self.batches = PILOT_BATCHES
        for batch in range(PILOT_BATCHES):
            self._fire(pilot, batch, pool)
        needed = PILOT_BATCHES * pilot * (self._high_error() / wanted) ** 2
        self._reset()
        self.batches = last = max(BATCHES, math.ceil(needed / LARGEST_BATCH))
        size = max(needed / last, SMALLEST_BATCH)
        done = 0
        while done < last:
            self._fire(size, PILOT_BATCHES + done, pool)
            done += 1
            self._report(done / last)
            if done == last and (error := self._high_error()) > wanted:
                last = math.ceil(done * min(4.0, (error / wanted) ** 2) + 0.5)

    def _fire(self, histories: float, batch: int, pool: ThreadPoolExecutor) -> None:
        key = (self.plan.seed, batch)
        library = self._library(histories, key, pool)
        highest_mev = self._highest_mev(library)
        quanta_per_mev = TALLY_TOP / ((histories + PARTS) * highest_mev)
        scene = make_scene(
            self.density, self.spacing_mm, self.matter, quanta_per_mev, infinite=self.plan.infinite
        )
        book = fire_batch(
            scene,
            self.matter,
            self.source,
            library,
            self.activity.reshape(-1),
            self.parts,
            histories / self.total_activity,
            self.sums.tally,
            key,
            pool,
            lambda: self.stop,
        )
        self.sums.take(1.0 / quanta_per_mev, pool)
        self.book = book if self.book.size == 0 else self.book + book

    def _highest_mev(self, library: Library) -> float:
        """No decay can leave more than this in one voxel."""
        if library.emitted_mev.size:
            return float(library.emitted_mev.max())
        lines = float(np.sum(self.source.line_mev * np.ceil(self.source.line_yield)))
        betas = math.ceil(self.source.betas_per_decay) * float(self.source.beta_mev[-1])
        return betas + lines + self.source.local_mev + self.source.pair_mev + 2.0

    def _library(self, histories: float, key: tuple[int, int], pool: ThreadPoolExecutor) -> Library:
        if self.plan.mode == "full":
            return NO_TRACKS
        replays = min(max(histories * self.batches / WANTED_TRACKS, FEWEST_REPLAYS), MOST_REPLAYS)
        counts = [
            max(FEWEST_TRACKS, round(share * histories / replays)) if share > 0.0 else 0
            for share in self._shares()
        ]
        resolution = CHORD_SHARE_OF_VOXEL * min(self.spacing_mm)
        return make_library(self.matter, self.source, counts, resolution, key, pool)

    def _shares(self) -> npt.NDArray[np.float64]:
        """Share of the activity in each medium."""
        shares = np.zeros(len(self.matter.media))
        for rho, bq in zip(self.density, self.activity, strict=True):
            np.add.at(shares, self.matter.medium_at(rho), bq)
        return np.asarray(shares / shares.sum())

    def _high_error(self) -> float:
        return self.sums.high_error(self.density.reshape(-1), 0.0)

    def _report(self, share: float) -> None:
        if self.progress is not None:
            spent = time.perf_counter() - self.started
            self.progress(share, int(self.book[-1]), spent * (1.0 / share - 1.0))

    def _finish(self, threads: int, pool: ThreadPoolExecutor) -> Result:
        mean_error = self._high_error()
        histories = int(self.book[-1])
        deposited = float(self.sums.total.sum(dtype=np.float64))
        emitted = float(self.book[EMITTED])
        escaped = float(self.book[ESCAPED])
        error = self.sums.relative_error(pool)
        self.sums.total /= np.float32(histories)
        return Result(
            energy_mev=self.sums.total,
            relative_error=error,
            histories=histories,
            seconds=time.perf_counter() - self.started,
            threads=threads,
            mean_relative_error=mean_error,
            energy_balance=(deposited + escaped - emitted) / emitted,
            escaped_fraction=escaped / emitted,
            emitted_mev=emitted / histories,
        )


NO_TRACKS = Library(
    np.zeros(0, np.uint16),
    np.zeros((0, 5), np.float32),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
)
