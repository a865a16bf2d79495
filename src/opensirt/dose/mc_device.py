"""Where the batches of a Monte Carlo run are computed: CPU threads here, a GPU in ``mc_gpu``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from opensirt.asking import option
from opensirt.backend import gpu_status
from opensirt.dose.mc_cpu import NO_TRACKS, fire_batch, make_library, parts_of
from opensirt.dose.mc_density import share_by_medium
from opensirt.dose.mc_regions import RegionSums, WeightedBox
from opensirt.dose.mc_scene import Matter, chord_for, make_scene
from opensirt.dose.mc_source import DecaySource
from opensirt.dose.mc_statistics import BatchSums
from opensirt.dose.mc_voxels import Scene
from opensirt.errors import InputError

__all__ = [
    "Device",
    "Setting",
    "Threads",
    "Transport",
    "highest_mev",
    "open_transport",
    "require_gpu",
]

Floats = npt.NDArray[np.float32]
Book = npt.NDArray[np.float64]
Device = Literal["cpu", "cuda"]

PARTS = 96
TRACKS_IN_CACHE = 2000
"""A batch replays about so many tracks, 1.2 MB for Y-90, that stay in a core's cache."""
VOXELS_PER_HISTORY = 4
"""A batch has a history for so many voxels at least, to be worth closing."""
TALLY_TOP = 2.0**32 - 2.0**16
"""Quanta that one voxel can hold, less what rounding may add."""
LARGEST_BATCH = 8_000_000
"""Histories of one batch at most, so that a quantum stays small."""
MOST_REPLAYS = 200
"""Replays of one track at most."""


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    density: Floats
    activity: Floats
    """Both (slice, row, column), float32 and contiguous; activity in any unit."""
    spacing_mm: tuple[float, float, float]
    matter: Matter
    source: DecaySource
    infinite: bool = False
    reach_mm: float = math.inf
    """Radius in water that holds what the source's electrons leave."""
    regions: tuple[WeightedBox, ...] = ()
    """Regions whose sums are kept batch by batch."""

    def no_region_sums(self) -> RegionSums:
        """Sums of the regions before the first batch."""
        return RegionSums(self.regions, self.density.shape)

    @cached_property
    def total_activity(self) -> float:
        """Sum over the voxels."""
        return float(self.activity.sum(dtype=np.float64))

    @cached_property
    def scene(self) -> Scene:
        """The scene, with energy tallied in MeV."""
        return make_scene(self.density, self.spacing_mm, self.matter, 1.0, infinite=self.infinite)

    @cached_property
    def homes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Share of the activity in each medium, and the density of its thinnest active voxel."""
        scene, media = self.scene, len(self.matter.media)  # the scene has a medium for every voxel
        total, thinnest = np.zeros(media), np.full(media, np.inf, np.float32)
        activity = self.activity.reshape(-1)
        share_by_medium(
            scene.highest_g_ml, scene.medium_of, scene.density, activity, total, thinnest
        )
        return total / total.sum(), thinnest

    @property
    def chords_mm(self) -> tuple[float, ...]:
        """Distance between the vertices of a track born in each medium, mm at 1 g/cm3."""
        edge_mm = min(self.spacing_mm)
        return tuple(chord_for(edge_mm, self.reach_mm, float(rho)) for rho in self.homes[1])


class Transport(Protocol):
    """Runs batches of histories and keeps their sums."""

    threads: int
    """CPU threads or, on a GPU, its resident threads."""
    largest_batch: int
    """Histories that a batch should not exceed."""

    def reset(self) -> None:
        """Forget every batch so far; needed before the first."""

    def run_batch(
        self,
        tracks: Sequence[int],
        histories: float,
        key: tuple[int, int],
        stopped: Callable[[], bool],
    ) -> Book:
        """One batch: `tracks` to make in each medium, none for full physics; returns its account.

        `key` is (seed, batch). The account has the places of ``mc_voxels`` (MeV) and, last, the
        histories.
        """

    def sums(self) -> BatchSums:
        """The sums over the batches, for reading and for the end."""

    def region_errors(self) -> npt.NDArray[np.float64]:
        """Relative standard error of each region's mean, from the batches so far."""


def highest_mev(source: DecaySource, emitted_mev: npt.NDArray[np.float64]) -> float:
    """No decay can leave more than this in one voxel, given the tracks to be replayed if any."""
    if emitted_mev.size:
        return float(emitted_mev.max())
    lines = float(np.sum(source.line_mev * np.ceil(source.line_yield)))
    betas = math.ceil(source.betas_per_decay) * float(source.beta_mev[-1])
    return betas + lines + source.local_mev + source.pair_mev + 2.0


class Threads:
    """CPU threads."""

    def __init__(self, setting: Setting, threads: int, pool: ThreadPoolExecutor) -> None:
        self.setting, self.threads, self.pool = setting, threads, pool
        self.parts = parts_of(setting.activity, PARTS)
        of_cache = TRACKS_IN_CACHE * MOST_REPLAYS
        of_grid = setting.density.size // VOXELS_PER_HISTORY
        self.largest_batch = min(max(of_cache, of_grid), LARGEST_BATCH)

    def reset(self) -> None:
        """See `Transport`."""
        self._sums = BatchSums.empty(self.setting.density.size)
        self._regions = self.setting.no_region_sums()

    def run_batch(
        self,
        tracks: Sequence[int],
        histories: float,
        key: tuple[int, int],
        stopped: Callable[[], bool],
    ) -> Book:
        """See `Transport`."""
        of = self.setting
        library = (
            make_library(of.matter, of.source, tracks, of.chords_mm, key, self.pool)
            if tracks
            else NO_TRACKS
        )
        most = (histories + PARTS) * highest_mev(of.source, library.emitted_mev)
        book = fire_batch(
            of.scene._replace(quanta_per_mev=TALLY_TOP / most),
            of.matter,
            of.source,
            library,
            of.activity.reshape(-1),
            self.parts,
            histories / of.total_activity,
            self._sums.tally,
            key,
            self.pool,
            stopped,
        )
        quantum_mev = most / TALLY_TOP
        self._regions.take(self._sums.tally, quantum_mev / max(book[-1], 1.0))
        self._sums.take(quantum_mev, self.pool)
        return book

    def sums(self) -> BatchSums:
        """See `Transport`."""
        return self._sums

    def region_errors(self) -> npt.NDArray[np.float64]:
        """See `Transport`."""
        return self._regions.relative_errors()


def require_gpu() -> None:
    """Refuse, in one line, where there is neither a CUDA device nor the simulator."""
    status = gpu_status()
    if status["mode"] == "none":
        raise InputError(
            "device cuda needs a CUDA GPU and numba-cuda; found none: "
            f"{status['reason']}; run with {option('device', 'cpu')}"
        )


def open_transport(
    device: Device, setting: Setting, threads: int, pool: ThreadPoolExecutor
) -> Transport:
    """The transport on this device; `InputError` where there is no such device."""
    if device == "cpu":
        return Threads(setting, threads, pool)
    require_gpu()
    from opensirt.dose.mc_gpu import Gpu

    return Gpu(setting)
