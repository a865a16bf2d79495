"""The Monte Carlo on a CUDA device: what goes there, which kernels run, what comes back.

Loaded only when a GPU is asked for. The physics is that of the CPU, function by function; the
kernels are in ``mc_gpu_kernels``. In numba's simulator the same code runs in Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.asking import option
from opensirt.dose.mc_device import LARGEST_BATCH, Setting, highest_mev
from opensirt.dose.mc_electrons import STACK_COLUMNS
from opensirt.dose.mc_gpu_kernels import (
    BLOCK_VOXELS,
    BOOK_ENTRIES,
    DEEPEST,
    FAILED,
    HISTORIES,
    SPARE_ROWS,
    UNITS_PER_MEV,
    USED,
    close_batch,
    drain_queue,
    fire_full,
    fire_replays,
    generate,
)
from opensirt.dose.mc_gpu_memory import (
    SIMULATED,
    Bench,
    Decays,
    Job,
    Queue,
    Ratios,
    Score,
    Sums,
    Tracks,
    all_up,
    down,
    free_bytes,
    room,
    up,
    zeros,
)
from opensirt.dose.mc_replay import PLACE_COLUMNS
from opensirt.dose.mc_statistics import BatchSums
from opensirt.dose.mc_tracks import RECORD_VALUES
from opensirt.dose.mc_voxels import TRACKLESS
from opensirt.errors import InputError

__all__ = ["Gpu", "golden_stride", "photon_launches"]

BLOCK = 4 if SIMULATED else 128
"""Threads of a block."""
REPLAY_LANES = 4 if SIMULATED else 1 << 16
"""Resident threads that replay, 3 to 4 blocks on each of an H100's 132 multiprocessors."""
STACK_LANES = 4 if SIMULATED else 1 << 15
"""Resident threads that follow particles; each owns a stack."""
SLOT_RECORDS = 256
"""Records a track may have; doubled where one has more."""
RECORDS_PER_TRACK = 64
STACK_ROWS = 64
PLACES = 16
QUEUE_ROWS = 1 << 21
BOUNDARY_ITEMS = 64
"""Work items that rounding may give to the neighbouring track."""
TALLY_TOP = 2.0**31
"""Half of what a tally holds: every photon may add one quantum by rounding."""
GOLDEN = 0.618_033_988_749_894_9
BYTES_PER_GIB = 1 << 30
TRACKS_BYTES = 1 << 29
"""What the tracks and the photons of a batch may need together."""


def golden_stride(histories: int) -> int:
    """Inverse, modulo `histories`, of the number nearest to the golden share that has one.

    Work items in the order of their quantile then lie at histories that fill the activity evenly,
    and neighbouring histories have quantiles far apart.
    """
    step = max(1, round(histories * GOLDEN))
    while math.gcd(step, histories) != 1:
        step += 1
    return pow(step, -1, histories)


def photon_launches(
    photons: npt.NDArray[np.int32], tracks: Sequence[int], job: Job, rows: int
) -> tuple[list[tuple[int, int]], int]:
    """Runs of work items whose photons fit in `rows` rows, and the rows that a run may need.

    `photons` counts those of each track, those of a medium together, `tracks` the tracks of each
    medium. Which medium an item starts in is not known here, so the one with most photons counts.
    """
    edges = np.unique(np.concatenate([np.arange(n) / n for n in tracks if n > 0] + [[1.0]]))
    middle = 0.5 * (edges[1:] + edges[:-1])
    most = np.zeros(len(middle), np.int64)
    first = 0
    for number in tracks:
        if number > 0:
            np.maximum(most, photons[first + (middle * number).astype(np.int64)], out=most)
        first += number
    items = np.clip(np.ceil(edges * job.histories - job.shift), 0, job.histories).astype(np.int64)
    items[-1] = job.histories
    rising = np.concatenate([[0], np.cumsum(np.diff(items) * most)])
    ends, begin = [0], 0
    while begin < len(most):
        begin = max(begin + 1, int(np.searchsorted(rising, rising[begin] + rows, "right")) - 1)
        ends.append(begin)
    spare = BOUNDARY_ITEMS * int(most.max()) * len(tracks)
    needed = int(np.diff(rising[ends]).max()) + spare
    return list(zip(items[ends[:-1]].tolist(), items[ends[1:]].tolist(), strict=True)), needed


def _require_memory(voxels: int, stack_rows: int) -> None:
    """Refuse a grid that does not fit: five words per voxel, and the threads' scratch."""
    per_lane = 8 * STACK_COLUMNS * stack_rows + SLOT_RECORDS * (2 + 4 * RECORD_VALUES)
    scratch = STACK_LANES * per_lane + REPLAY_LANES * 4 * PLACES * PLACE_COLUMNS
    needed, free = 21 * voxels + scratch + TRACKS_BYTES, free_bytes()
    if needed > free:
        raise InputError(
            f"device cuda needs {needed / BYTES_PER_GIB:.1f} GiB for {voxels} voxels, found "
            f"{free / BYTES_PER_GIB:.1f} GiB free; crop the grid or run with "
            f"{option('device', 'cpu')}"
        )


class Gpu:
    """One CUDA device. See `mc_device.Transport`."""

    threads = REPLAY_LANES
    largest_batch = LARGEST_BATCH

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        emissions = math.ceil(setting.source.betas_per_decay) + 2
        emissions += int(np.ceil(setting.source.line_yield).sum())
        rows = STACK_ROWS + emissions + SPARE_ROWS
        _require_memory(setting.density.size, rows)
        self.scene = all_up(setting.scene)
        self.laws = all_up(setting.matter.laws)
        self.source = all_up(setting.source)
        self.ratios = Ratios(up(setting.matter.ratios))
        activity = setting.activity.reshape(-1)
        sums = np.add.reduceat(activity, np.arange(0, activity.size, BLOCK_VOXELS), dtype=float)
        self.ends = np.cumsum(sums)
        self.decays = Decays(up(activity), up(self.ends))
        self.bench = Bench(
            room((rows, STACK_COLUMNS, STACK_LANES), np.float64),
            room((PLACES, PLACE_COLUMNS, REPLAY_LANES), np.float32),
            room((SLOT_RECORDS, STACK_LANES), np.uint16),
            room((SLOT_RECORDS, RECORD_VALUES, STACK_LANES), np.float32),
            up(np.ones((len(setting.matter.media), 1))),
        )
        self.queue_rows, self.records = 0, 0

    def reset(self) -> None:
        """See `mc_device.Transport`."""
        voxels = self.setting.density.size
        self.batches = 0
        self.regions = self.setting.no_region_sums()
        self.tally = zeros(voxels, np.uint32)
        self.totals = Sums(zeros(voxels, np.float32), zeros(voxels, np.float32))

    def run_batch(
        self,
        tracks: Sequence[int],
        histories: float,
        key: tuple[int, int],
        stopped: Callable[[], bool],
    ) -> npt.NDArray[np.float64]:
        """See `mc_device.Transport`."""
        job = self._job(histories, key)
        library = self._make_tracks(tracks, key) if tracks else None
        emitted = down(library.emitted_mev) if library else np.zeros(0)
        quanta_per_mev = TALLY_TOP / (
            (job.histories + 1) * highest_mev(self.setting.source, emitted)
        )
        scene = self.scene._replace(quanta_per_mev=quanta_per_mev)
        score = Score(self.tally, zeros(BOOK_ENTRIES, np.uint64))
        if library:
            self._replay(scene, library, tracks, job, score, stopped)
        else:
            self._play(scene, job, score, stopped)
        book = down(score.books).astype(np.float64)
        if self.setting.regions:
            quantum_mev = 1.0 / quanta_per_mev
            self.regions.take(down(self.tally), quantum_mev / max(book[HISTORIES], 1.0))
        close_batch[REPLAY_LANES // BLOCK, BLOCK](score, self.totals, 1.0 / quanta_per_mev)
        self.batches += 1
        book[:TRACKLESS] /= UNITS_PER_MEV
        return book

    def sums(self) -> BatchSums:
        """The sums over the batches, copied to the host."""
        nothing = np.zeros(0, np.uint32)
        return BatchSums(nothing, down(self.totals.total), down(self.totals.squares), self.batches)

    def region_errors(self) -> npt.NDArray[np.float64]:
        """See `mc_device.Transport`."""
        return self.regions.relative_errors()

    def _job(self, histories: float, key: tuple[int, int]) -> Job:
        offset, shift = np.random.default_rng(list(key)).random(2)
        per_activity = histories / float(self.ends[-1])
        whole = math.floor(float(self.ends[-1]) * per_activity + offset)
        stride = golden_stride(max(whole, 1))
        return Job(*key, whole, stride, per_activity, float(offset), float(shift))

    def _make_tracks(self, tracks: Sequence[int], key: tuple[int, int]) -> Tracks:
        """The library of one batch. What does not fit is made again with more room."""
        number = sum(tracks)
        first = np.cumsum([0, *tracks[:-1]]).astype(np.int64)
        self.records = max(self.records, number * RECORDS_PER_TRACK)
        while True:
            library = Tracks(
                room(self.records, np.uint16),
                room((self.records, RECORD_VALUES), np.float32),
                room(number, np.int64),
                room(number, np.float64),
                room(number, np.int32),
                up(first),
                up(np.array(tracks, np.int64)),
                zeros(3, np.int64),
            )
            for medium, count in enumerate(tracks):
                if count > 0:
                    generate[STACK_LANES // BLOCK, BLOCK](
                        self.laws,
                        self.source,
                        library,
                        self.bench,
                        medium,
                        self.setting.chords_mm[medium],
                        *key,
                    )
            state = down(library.state)
            if state[FAILED] > 0:
                self._lengthen_slots()
            elif state[USED] > self.records:
                self.records = int(1.1 * state[USED])
            else:
                self._deepen_places(int(state[DEEPEST]))
                return library

    def _lengthen_slots(self) -> None:
        slot = 2 * self.bench.codes.shape[0]
        self.bench = self.bench._replace(
            codes=room((slot, STACK_LANES), np.uint16),
            values=room((slot, RECORD_VALUES, STACK_LANES), np.float32),
        )

    def _deepen_places(self, needed: int) -> None:
        if needed > self.bench.places.shape[0]:
            shape = (2 * needed, PLACE_COLUMNS, REPLAY_LANES)
            self.bench = self.bench._replace(places=room(shape, np.float32))

    def _replay(
        self,
        scene: Any,
        library: Tracks,
        tracks: Sequence[int],
        job: Job,
        score: Score,
        stopped: Callable[[], bool],
    ) -> None:
        """Replays of a batch, a run of work items and then their photons at a time."""
        launches, needed = photon_launches(down(library.photons), tracks, job, QUEUE_ROWS)
        queue = self._queue(max(needed, 1), len(launches))
        for launch, (begin, end) in enumerate(launches):
            if stopped():
                return
            fire_replays[REPLAY_LANES // BLOCK, BLOCK](
                scene,
                library,
                self.ratios,
                self.decays,
                job,
                queue,
                self.bench,
                score,
                begin,
                end,
                launch,
            )
            if needed > 0:
                drain_queue[STACK_LANES // BLOCK, BLOCK](
                    self.laws, scene, job, queue, self.bench, score, launch
                )

    def _queue(self, rows: int, launches: int) -> Queue:
        """The photon queue with at least so many rows."""
        if rows > self.queue_rows:
            self.queue_rows = rows
            self.queue = room((rows, STACK_COLUMNS), np.float32), room(rows, np.int64)
        return Queue(*self.queue, zeros(launches, np.int64))

    def _play(self, scene: Any, job: Job, score: Score, stopped: Callable[[], bool]) -> None:
        """Full physics of a batch, some hundred histories per thread at a time."""
        run = 128 * STACK_LANES
        for begin in range(0, job.histories, run):
            if stopped():
                return
            fire_full[STACK_LANES // BLOCK, BLOCK](
                self.laws,
                scene,
                self.source,
                self.decays,
                job,
                self.bench,
                score,
                begin,
                min(begin + run, job.histories),
            )
