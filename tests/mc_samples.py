"""Small scenes and runs for the tests of the Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_cpu import Library, make_library
from opensirt.dose.mc_random import STATE_WORDS, seed_stream
from opensirt.dose.mc_run import Result, Run, RunPlan
from opensirt.dose.mc_scene import Matter, cuts_by_medium, make_matter, softest_mev
from opensirt.dose.mc_source import DecaySource, decay_source
from opensirt.physics.nuclides import nuclide

Spacing = tuple[float, float, float]
State = npt.NDArray[np.uint64]


def stream(seed: int, batch: int = 0, part: int = 0) -> State:
    """A stream of random numbers."""
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, seed, batch, part)
    return state


def forms(law: Any) -> dict[str, Callable[..., Any]]:
    """A law as plain Python and as compiled by numba."""
    return {"python": law.py_func, "compiled": law}


def run_of(
    density: npt.ArrayLike,
    activity: npt.ArrayLike,
    spacing_mm: Spacing = (2.0, 2.0, 2.0),
    name: str = "y90",
    source: DecaySource | None = None,
    **plan: Any,
) -> Result:
    """One run, single-threaded unless said otherwise."""
    rho = np.ascontiguousarray(density, np.float32)
    a = np.ascontiguousarray(activity, np.float32)
    cuts = cuts_by_medium(rho, a, min(spacing_mm))
    emitted = source or decay_source(nuclide(name), softest_mev(cuts))
    chosen = RunPlan(**{"threads": 1, **plan})
    return Run(rho, a, spacing_mm, make_matter(rho, cuts), emitted, chosen).go()


def library_of(
    matter: Matter, source: DecaySource, counts: Sequence[int], resolution_mm: float, seed: int = 1
) -> Library:
    """Tracks of each medium."""
    with ThreadPoolExecutor(1) as pool:
        chords_mm = [resolution_mm] * len(counts)
        return make_library(matter, source, counts, chords_mm, (seed, 0), pool)
