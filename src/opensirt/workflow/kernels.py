"""Voxel kernels as files: folded from point kernels, or simulated by Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.asking import option
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.kernels import Spacing, VoxelKernel, kernel_medium, voxel_kernel
from opensirt.dose.mc_kernel import KernelPlan, SimulatedKernel, simulated_kernel
from opensirt.errors import InputError, UnknownNameError, did_you_mean, unknown_name
from opensirt.io.archive import staged_files
from opensirt.io.places import refuse_unusable_file
from opensirt.physics.materials import tissue
from opensirt.physics.nuclides import Nuclide, nuclide
from opensirt.physics.plausible import require_plausible
from opensirt.workflow.files import require_ending

__all__ = ["KernelStatistics", "kernel_to_file"]

MEDIA = ("water", "soft-tissue", "liver", "lung", "bone")
FOLDED, SIMULATED = "voxel-convolution", "monte-carlo"
Step = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class KernelStatistics:
    """How long and how a Monte Carlo kernel runs; nothing given: 0.2 % of the self-dose."""

    histories: int | None = None
    uncertainty: float | None = None
    seed: int | None = None
    threads: int | None = None

    def plan(self) -> KernelPlan:
        """The plan, with impossible numbers refused as the dose engine refuses them."""
        seed = 1 if self.seed is None else self.seed
        MonteCarlo(self.histories, self.uncertainty, seed, self.threads)
        default = KernelPlan().uncertainty
        wanted = default if self.uncertainty is None else self.uncertainty
        return KernelPlan(self.histories, wanted, seed, self.threads)


def kernel_to_file(
    nuclide_name: str,
    voxel_mm: tuple[float, float, float],
    *,
    medium: str,
    density_g_ml: float | None,
    extent: int | None,
    engine: str,
    to: Path,
    statistics: KernelStatistics | None = None,
    step: Step | None = None,
) -> dict[str, Any]:
    """Voxel S values, mGy/(MBq s), of a uniformly filled voxel, as an `.npz` file.

    `voxel_mm` is along (x, y, z); the array is (slice, row, column) = (z, y, x), and so are the
    sizes `spacing_mm` in the file, whose `axes` and `voxel_mm_order` say both. Engine
    "voxel-convolution" folds the shipped point kernel; "monte-carlo" simulates the voxel.
    """
    given = statistics or KernelStatistics()
    _require_engine(engine, given)
    if medium not in MEDIA:
        raise unknown_name("medium", medium, MEDIA)
    if min(voxel_mm) <= 0:
        raise InputError(f"voxel sizes must be above 0 mm, found {voxel_mm}")
    require_ending(to, (".npz",))
    refuse_unusable_file(to)
    rho = density_g_ml if density_g_ml is not None else tissue(medium).density_g_ml
    if rho > 0.0:  # the engine refuses others
        require_plausible("density of a kernel", rho)
    x, y, z = voxel_mm
    of, spacing_mm = nuclide(nuclide_name), (z, y, x)
    if engine == FOLDED:
        kernel = voxel_kernel(of, spacing_mm, rho, extent, medium)
        arrays, facts = _contents(kernel, voxel_mm), {"kernel_medium": kernel_medium(medium)}
    else:
        done = _simulate(of, spacing_mm, rho, medium, extent, given.plan(), step)
        kernel, facts = done.kernel, _account(done, medium)
        arrays = _contents(kernel, voxel_mm) | {
            "rel_err": done.rel_err,
            "histories": np.array(done.histories),
        }
    with staged_files({"kernel": to}) as staged, staged["kernel"].open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return {
        "out": str(to),
        "engine": engine,
        "nuclide": nuclide_name,
        "medium": medium,
        "density_g_ml": rho,
        "shape": list(kernel.energy_mev.shape),
        "spacing_mm": list(spacing_mm),
        "self_s_mgy_per_mbq_s": float(arrays["s_mgy_per_mbq_s"][kernel.half_shape]),
        "energy_in_array_fraction": float(kernel.energy_mev.sum() / kernel.total_mev),
        **facts,
    }


def _require_engine(engine: str, given: KernelStatistics) -> None:
    if engine not in (FOLDED, SIMULATED):
        raise UnknownNameError(
            f"engine {engine!r} makes no voxel kernels; choose {FOLDED} or {SIMULATED}"
            f"{did_you_mean(engine, (FOLDED, SIMULATED))}"
        )
    if engine == FOLDED and given != KernelStatistics():
        raise InputError(
            "histories, uncertainty, seed and threads are options of a Monte Carlo kernel; "
            f"choose {option('engine', SIMULATED)}, or leave them out"
        )


def _contents(kernel: VoxelKernel, voxel_mm: tuple[float, float, float]) -> dict[str, Any]:
    """Arrays that every kernel file holds, with the order of the axes said in words."""
    return kernel.arrays() | {
        "made_by": np.array("opensirt"),
        "axes": np.array("slice,row,column"),
        "voxel_mm": np.array(voxel_mm),
        "voxel_mm_order": np.array("x,y,z"),
    }


def _simulate(
    of: Nuclide,
    spacing_mm: Spacing,
    density_g_ml: float,
    medium: str,
    extent: int | None,
    plan: KernelPlan,
    step: Step | None,
) -> SimulatedKernel:
    def progress(share: float) -> None:
        if step is not None:
            step("monte-carlo kernel", share)

    return simulated_kernel(of, spacing_mm, density_g_ml, medium, extent, plan, progress)


def _account(done: SimulatedKernel, medium: str) -> dict[str, Any]:
    return {
        "kernel_medium": medium,
        "seconds": done.seconds,
        "histories": done.histories,
        "histories_per_second": done.histories / done.seconds,
        "threads": done.threads,
        "mean_relative_error": done.self_error,
        "energy_balance": done.energy_balance,
    }
