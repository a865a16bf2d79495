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
from opensirt.dose.mc_account import Account, require_energies, require_tracks
from opensirt.dose.mc_device import (
    MOST_REPLAYS,
    Device,
    Setting,
    Transport,
    open_transport,
)
from opensirt.dose.mc_regions import WeightedBox
from opensirt.dose.mc_scene import Matter
from opensirt.dose.mc_source import DecaySource, emission_of
from opensirt.errors import InputError

__all__ = ["Progress", "Result", "Run", "RunPlan"]

Floats = npt.NDArray[np.float32]
Progress = Callable[[float, int, float], None]
"""Called with the share done (0 to 1), the histories so far and the seconds left."""

WANTED_TRACKS = 100_000
"""A run makes at least about so many tracks, within the limits of replays; they set how well the
mean of a large region is known."""
FEWEST_REPLAYS = 50
FEWEST_TRACKS = 256
BATCHES = 24
PILOT_BATCHES = 8
PILOT_PER_VOXEL = 0.5
"""Histories per active voxel and pilot batch."""
SMALLEST_BATCH = 1_000
MOST_HISTORIES = 20_000_000_000
"""Histories that a run to a wanted uncertainty makes at most, some hours on many cores."""


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
    device: Device = "cpu"
    most_histories: int = MOST_HISTORIES
    """The end of a run to an uncertainty."""


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
    """Per decay, of the decays followed."""
    uncertainty_reached: bool
    """False where the most histories did not suffice for the uncertainty asked for."""
    region_errors: npt.NDArray[np.float64]
    """Relative standard error of the mean of each region asked for."""
    nuclide_mev: float
    """Per decay of the nuclide, from its tables alone; `emitted_mev` lies within chance of it."""


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
    reach_mm: float = math.inf
    """Radius in water that holds what the source's electrons leave; tracks are finer than that."""
    regions: tuple[WeightedBox, ...] = ()
    """Regions whose mean the result gives the error of."""
    transport: Transport = field(init=False)
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        if (self.plan.histories is None) == (self.plan.uncertainty is None):
            raise InputError("a Monte Carlo run needs either histories or an uncertainty, not both")
        self.started = time.perf_counter()

    def go(self) -> Result:
        """Run to the end; `KeyboardInterrupt` passes through and leaves nothing behind."""
        threads = self.plan.threads or thread_count()
        setting = Setting(
            self.density,
            self.activity,
            self.spacing_mm,
            self.matter,
            self.source,
            self.plan.infinite,
            self.reach_mm,
            self.regions,
        )
        require_energies(self.source, self.matter.laws)
        shares, _ = setting.homes
        self.shares = shares
        self.stop, self.reached = False, True
        with ThreadPoolExecutor(threads) as pool:
            self.transport = open_transport(self.plan.device, setting, threads, pool)
            try:
                self._reset()
                if self.plan.histories is not None:
                    self._run_histories(self.plan.histories)
                else:
                    self._run_to_uncertainty(float(self.plan.uncertainty or 0.0))
                    self.reached = self._high_error() <= float(self.plan.uncertainty or 0.0)
                return self._finish(pool)
            except BaseException:
                self.stop = True
                raise

    def _reset(self) -> None:
        self.batches = 1
        self.transport.reset()
        self.account = Account(emission_of(self.source), np.zeros(0))

    def _run_histories(self, histories: int) -> None:
        self.batches = max(BATCHES, math.ceil(histories / self.transport.largest_batch))
        for done in range(self.batches):
            self._fire(histories / self.batches, done)
            self._report((done + 1) / self.batches)

    def _run_to_uncertainty(self, wanted: float) -> None:
        """A pilot says how many histories are needed; then batches of one size until it holds."""
        active = int(np.count_nonzero(self.activity))
        pilot = min(max(PILOT_PER_VOXEL * active, SMALLEST_BATCH), self.transport.largest_batch)
        self.batches = PILOT_BATCHES
        for batch in range(PILOT_BATCHES):
            self._fire(pilot, batch)
        error = self.transport.sums().high_error(
            self.density.reshape(-1), self.activity.reshape(-1)
        )
        needed = PILOT_BATCHES * pilot * (error / wanted) ** 2
        self._require_possible(wanted, needed)
        self._reset()
        self.batches = last = max(BATCHES, math.ceil(needed / self.transport.largest_batch))
        size = max(needed / last, SMALLEST_BATCH)
        most = max(last, int(self.plan.most_histories / size))
        done = 0
        while done < last:
            self._fire(size, PILOT_BATCHES + done)
            done += 1
            self._report(done / last)
            if done == last and (reached := self._high_error()) > wanted:
                more = math.ceil(done * min(4.0, (reached / wanted) ** 2) + 0.5)
                last = min(more, most)

    def _require_possible(self, wanted: float, needed: float) -> None:
        """Refuse an uncertainty that would take more histories than a run may have."""
        most = self.plan.most_histories
        if needed > most:
            rate = self.account.histories / max(time.perf_counter() - self.started, 1e-9)
            raise InputError(
                f"an uncertainty of {wanted:g} needs about {needed:.2g} histories ("
                f"{needed / rate / 3600.0:.2g} hours here), a run has at most {most:.2g}, which "
                f"reach about {wanted * math.sqrt(needed / most):.2g}; ask for that, or for a "
                "number of histories"
            )

    def _fire(self, histories: float, batch: int) -> None:
        key = (self.plan.seed, batch)
        tracks = self._tracks(histories)
        book = self.transport.run_batch(tracks, histories, key, lambda: self.stop)
        require_tracks(book)
        self.account.add(book, tracks, self.shares)

    def _tracks(self, histories: float) -> list[int]:
        """Tracks of each medium to make for one batch; none in full mode."""
        if self.plan.mode == "full":
            return []
        replays = min(max(histories * self.batches / WANTED_TRACKS, FEWEST_REPLAYS), MOST_REPLAYS)
        return [
            math.ceil(max(share * histories / replays, min(share * histories, FEWEST_TRACKS)))
            for share in self.shares
        ]

    def _high_error(self) -> float:
        return self.transport.sums().high_error(self.density.reshape(-1))

    def _report(self, share: float) -> None:
        if self.progress is not None:
            spent = time.perf_counter() - self.started
            self.progress(share, self.account.histories, spent * (1.0 / share - 1.0))

    def _finish(self, pool: ThreadPoolExecutor) -> Result:
        sums = self.transport.sums()
        mean_error = sums.high_error(self.density.reshape(-1))
        histories = self.account.histories
        balance = self.account.balance(float(sums.total.sum(dtype=np.float64)))
        error = sums.relative_error(pool)
        sums.total /= np.float32(histories)
        return Result(
            energy_mev=sums.total,
            relative_error=error,
            histories=histories,
            seconds=time.perf_counter() - self.started,
            threads=self.transport.threads,
            mean_relative_error=mean_error,
            energy_balance=balance,
            escaped_fraction=self.account.escaped_fraction,
            emitted_mev=self.account.emitted_mev,
            uncertainty_reached=self.reached,
            region_errors=self.transport.region_errors(),
            nuclide_mev=self.account.emission.mean_mev,
        )
