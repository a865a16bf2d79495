"""Voxel kernels straight from the Monte Carlo engine: one filled voxel in an endless medium.

Independent repeats run side by side, each on one thread, so the result does not depend on their
number; the spread of the repeats is the statistical error. A uniform medium of density rho is
simulated at 1 g/cm3 with the voxels scaled by rho, which is the same.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.dose.kernels import (
    Spacing,
    VoxelKernel,
    charged_radius_mm,
    check_geometry,
    half_shape,
    point_kernel,
)
from opensirt.dose.mc_run import Result, Run, RunPlan
from opensirt.dose.mc_scene import Matter, cuts_for, only_medium
from opensirt.dose.mc_source import DecaySource, decay_source
from opensirt.errors import InputError
from opensirt.physics.nuclides import Nuclide

__all__ = ["KernelPlan", "SimulatedKernel", "simulated_kernel", "symmetric"]

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[float], None]

REPEATS = 10
PILOT_HISTORIES = 5000
PILOT_MARGIN = 1.2
"""The pilot's error is itself known to some 15 %."""
MOST_HISTORIES = 2_000_000_000
"""Histories that a kernel of a wanted uncertainty takes at most."""
FULL_BELOW = 10_000
"""Repeats of fewer histories follow each decay anew; longer ones replay tracks."""


@dataclass(frozen=True, slots=True)
class KernelPlan:
    """How long to run: a number of histories, or the relative error wanted of the self-dose."""

    histories: int | None = None
    uncertainty: float = 0.002
    """Holds where there are no `histories`."""
    seed: int = 1
    threads: int | None = None
    most_histories: int = MOST_HISTORIES
    """The end of a run to an uncertainty; refused where a pilot says that more are needed."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedKernel:
    """A voxel kernel with its statistical error and the account of the run."""

    kernel: VoxelKernel
    rel_err: FloatArray
    """One standard error over the value, same shape; 1 where nothing was scored."""
    self_error: float
    """The same for the source voxel, from all batches of all repeats."""
    histories: int
    seconds: float
    threads: int
    energy_balance: float


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    """What all repeats share."""

    density: npt.NDArray[np.float32]
    activity: npt.NDArray[np.float32]
    spacing_mm: Spacing
    matter: Matter
    source: DecaySource
    seed: int
    reach_mm: float

    def run(self, histories: int, repeat: int) -> Result:
        """One repeat, on this thread."""
        seed = int(np.random.SeedSequence([self.seed, repeat]).generate_state(1)[0])
        plan = RunPlan(
            histories=histories,
            seed=seed,
            threads=1,
            mode="fast" if histories >= FULL_BELOW else "full",
            infinite=True,
        )
        return Run(
            self.density,
            self.activity,
            self.spacing_mm,
            self.matter,
            self.source,
            plan,
            reach_mm=self.reach_mm,
        ).go()


def simulated_kernel(
    of: Nuclide,
    spacing_mm: Spacing,
    density_g_ml: float,
    medium: str,
    extent: int | None = None,
    plan: KernelPlan | None = None,
    progress: Progress | None = None,
) -> SimulatedKernel:
    """The voxel kernel of a uniformly filled voxel, by Monte Carlo.

    Values are averaged over the mirror images of the array, and over the axes of equal spacing.

    Parameters
    ----------
    of : Nuclide
        Its `energy_scale` multiplies every value.
    spacing_mm : (float, float, float)
        Voxel size along (slice, row, column).
    density_g_ml : float
    medium : str
        A tissue of the table; its own composition is used.
    extent : int, optional
        Voxels on each side of the array, odd; by default what electrons reach.
    plan : KernelPlan, optional
    progress : callable, optional
        Called with the share done, 0 to 1.

    Raises
    ------
    InputError
        When a size, the density or the extent is impossible.
    """
    started = time.perf_counter()
    check_geometry(spacing_mm, density_g_ml)
    chosen = plan or KernelPlan()
    folded = point_kernel(of.name, medium)
    half = half_shape(folded, spacing_mm, density_g_ml, extent)
    reach_mm = charged_radius_mm(folded)
    setting = _setting(of, spacing_mm, density_g_ml, medium, half, reach_mm, chosen.seed)
    threads = chosen.threads or thread_count()
    results = _repeats(setting, chosen, threads, progress)
    repeats = np.array(
        [
            symmetric(r.energy_mev.reshape(setting.density.shape).astype(float), spacing_mm)
            for r in results
        ]
    )
    energy = repeats.mean(axis=0)
    spread = repeats.std(axis=0, ddof=1) / math.sqrt(len(results))
    error = np.divide(spread, energy, out=np.ones_like(energy), where=energy > 0.0)
    error[half] = self_error = _self_error(results)
    total_mev = float(np.mean([r.emitted_mev for r in results]))
    return SimulatedKernel(
        kernel=VoxelKernel(
            nuclide=of.name,
            spacing_mm=spacing_mm,
            density_g_ml=density_g_ml,
            energy_mev=energy * of.energy_scale,
            total_mev=total_mev * of.energy_scale,
        ),
        rel_err=error,
        self_error=self_error,
        histories=sum(r.histories for r in results),
        seconds=time.perf_counter() - started,
        threads=threads,
        energy_balance=float(np.mean([r.energy_balance for r in results])),
    )


def symmetric(values: FloatArray, spacing_mm: Spacing) -> FloatArray:
    """Mean over the mirror images, and over exchanges of axes of equal spacing and length."""
    for axis in range(3):
        values = 0.5 * (values + np.flip(values, axis))
    sides = list(zip(spacing_mm, values.shape, strict=True))
    orders = [
        order
        for order in itertools.permutations(range(3))
        if all(sides[a] == sides[b] for a, b in enumerate(order))
    ]
    return np.asarray(np.mean([values.transpose(order) for order in orders], axis=0))


def _setting(
    of: Nuclide,
    spacing_mm: Spacing,
    density_g_ml: float,
    medium: str,
    half: tuple[int, int, int],
    reach_mm: float,
    seed: int,
) -> _Setting:
    n, r, c = (2 * h + 1 for h in half)
    activity = np.zeros((n, r, c), np.float32)
    activity[half] = 1.0
    z, y, x = (s * density_g_ml for s in spacing_mm)
    edge_mm = min(z, y, x)
    cuts = cuts_for(edge_mm, reach_mm)
    return _Setting(
        density=np.ones((n, r, c), np.float32),
        activity=activity,
        spacing_mm=(z, y, x),
        matter=only_medium(medium, cuts),
        source=decay_source(of, cuts.absorb_mev),
        seed=seed,
        reach_mm=reach_mm,
    )


def _repeats(
    setting: _Setting, plan: KernelPlan, threads: int, progress: Progress | None
) -> list[Result]:
    """Repeats of equal size until the histories are done or the self-dose is known well enough."""
    results: list[Result] = []
    with ThreadPoolExecutor(threads) as pool:

        def fire(histories: int, numbers: range) -> list[Result]:
            jobs = {pool.submit(setting.run, histories, number): number for number in numbers}
            try:
                for done, _ in enumerate(as_completed(jobs), 1):
                    if progress is not None and numbers.start > 0:
                        progress((len(results) + done) / (len(results) + len(jobs)))
                return [job.result() for job in jobs]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

        if plan.histories is not None:
            return fire(math.ceil(plan.histories / REPEATS), range(1, REPEATS + 1))
        pilot = _self_error(fire(PILOT_HISTORIES, range(1)))
        needed = PILOT_MARGIN * PILOT_HISTORIES * (pilot / plan.uncertainty) ** 2
        _require_possible(plan, needed)
        each = max(PILOT_HISTORIES, math.ceil(needed / REPEATS))
        more = REPEATS
        while more > 0:
            results += fire(each, range(1 + len(results), 1 + len(results) + more))
            missing = (_self_error(results) / plan.uncertainty) ** 2 - 1.0
            more = math.ceil(len(results) * missing) if missing > 0.0 else 0
            more = min(more, max(0, plan.most_histories // each - len(results)))
    return results


def _require_possible(plan: KernelPlan, needed: float) -> None:
    """Refuse an uncertainty that would take more histories than a kernel may have."""
    if needed > plan.most_histories:
        reached = plan.uncertainty * math.sqrt(needed / plan.most_histories)
        raise InputError(
            f"an uncertainty of {plan.uncertainty:g} needs about {needed:.2g} histories, a kernel "
            f"has at most {plan.most_histories:.2g}, which reach about {reached:.2g}; ask for "
            "that, or for a number of histories"
        )


def _self_error(results: Sequence[Result]) -> float:
    """Relative standard error of the source voxel over all repeats."""
    middle = results[0].relative_error.size // 2
    errors = np.array([float(result.relative_error[middle]) for result in results])
    return float(np.sqrt(np.mean(errors**2) / len(errors)))
