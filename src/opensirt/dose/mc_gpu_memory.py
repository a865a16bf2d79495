"""Memory of the CUDA device: the arrays that the Monte Carlo's kernels work on.

Arrays reach the kernels inside named tuples only, which numba's simulator hands on to the compiled
laws as they are. In the simulator "on the device" means in ordinary memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import config, cuda

__all__ = [
    "SIMULATED",
    "Bench",
    "Decays",
    "Job",
    "Queue",
    "Ratios",
    "Score",
    "Sums",
    "Tracks",
    "all_up",
    "down",
    "free_bytes",
    "room",
    "up",
    "zeros",
]

SIMULATED = bool(config.ENABLE_CUDASIM)
"""Whether kernels run in numba's simulator, in Python, instead of on a device."""


class Tracks(NamedTuple):
    """Library of tracks on the device; one entry per track unless said otherwise."""

    codes: npt.NDArray[np.uint16]
    """One per record."""
    values: npt.NDArray[np.float32]
    """One row per record."""
    start: npt.NDArray[np.int64]
    emitted_mev: npt.NDArray[np.float64]
    photons: npt.NDArray[np.int32]
    first_of: npt.NDArray[np.int64]
    """First track of each medium."""
    number_of: npt.NDArray[np.int64]
    """Tracks of each medium."""
    state: npt.NDArray[np.int64]


class Decays(NamedTuple):
    """Where decays happen."""

    activity: npt.NDArray[np.float32]
    """Flattened (slice, row, column)."""
    ends: npt.NDArray[np.float64]
    """Sum of the activity up to the end of each block of voxels."""


class Job(NamedTuple):
    """One batch. A history lies in the voxel where the rising activity passes its number."""

    seed: int
    batch: int
    histories: int
    stride: int
    """Work item `w` is history ``w * stride % histories``, with the beta quantile
    ``(w + shift) / histories``."""
    per_activity: float
    offset: float
    shift: float


class Queue(NamedTuple):
    """Photons waiting to be followed."""

    rows: npt.NDArray[np.float32]
    """One row of the particle stack each; energy 0 marks an empty one."""
    stream: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]
    """Rows in use, one number per launch."""


class Bench(NamedTuple):
    """Scratch of the threads, which are the last axis."""

    stack: npt.NDArray[np.float64]
    places: npt.NDArray[np.float32]
    codes: npt.NDArray[np.uint16]
    values: npt.NDArray[np.float32]
    ones: npt.NDArray[np.float64]
    """A one per medium, (media, 1)."""


class Ratios(NamedTuple):
    """How media compare."""

    by_home: npt.NDArray[np.float64]
    """(home, BINS, medium, 2), see `Matter`."""


class Sums(NamedTuple):
    """Energy per voxel over the batches so far."""

    total: npt.NDArray[np.float32]
    """MeV."""
    squares: npt.NDArray[np.float32]
    """MeV^2."""


class Score(NamedTuple):
    """What a batch adds up."""

    tally: npt.NDArray[np.uint32]
    books: npt.NDArray[np.uint64]
    """The account: energies in units, histories in the last place."""


def up(array: npt.NDArray[Any]) -> Any:
    """An array on the device."""
    return array if SIMULATED else cuda.to_device(np.ascontiguousarray(array))


def all_up(values: Any) -> Any:
    """A named tuple with its arrays on the device."""
    return type(values)(*[up(v) if isinstance(v, np.ndarray) else v for v in values])


def zeros(shape: int | tuple[int, ...], kind: Any) -> Any:
    """Zeros on the device."""
    return up(np.zeros(shape, kind))


def room(shape: int | tuple[int, ...], kind: Any) -> Any:
    """Memory of the device, with whatever it holds."""
    return np.empty(shape, kind) if SIMULATED else cuda.device_array(shape, kind)


def down(array: Any) -> npt.NDArray[Any]:
    """A copy on the host."""
    return np.array(array) if SIMULATED else np.asarray(array.copy_to_host())


def free_bytes() -> int:
    """Free memory of the device."""
    return 1 << 62 if SIMULATED else int(cuda.current_context().get_memory_info()[0])
