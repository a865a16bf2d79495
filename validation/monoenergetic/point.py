"""Energy about an isotropic point source of electrons of one energy, in shells of the range."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from validation.common import Estimate, FloatArray, Settings

from opensirt.dose.mc_run import Run, RunPlan
from opensirt.dose.mc_scene import only_medium
from opensirt.dose.mc_source import line_source
from opensirt.dose.mc_tables import Cuts

__all__ = ["SHELL", "scaled_kernel"]

SHELL = 0.05
"""Thickness of a shell over the range."""
OUTER = 1.2
VOXELS_PER_RANGE = 40
SUB = 4
"""Points along each edge of a voxel that tell how its energy is shared among shells."""


def scaled_kernel(
    energy_mev: float, range_mm: float, mode: str, settings: Settings
) -> tuple[FloatArray, list[Estimate]]:
    """Middle of each shell over the range, and d(E/E0)/d(r/r0), in water of 1 g/cm3.

    `range_mm` is r0. The source is one voxel of r0/40, in an endless medium.
    """
    edge = range_mm / VOXELS_PER_RANGE
    half = int(np.ceil(OUTER * VOXELS_PER_RANGE))
    shape = (2 * half + 1,) * 3
    water = np.ones(shape, np.float32)
    active = np.zeros(shape, np.float32)
    active[half, half, half] = 1.0
    cuts = Cuts() if energy_mev > 0.3 else Cuts(absorb_mev=0.002, collision_mev=0.002)
    shares = _shares(half)
    found = []
    for repeat in range(settings.repeats):
        plan = RunPlan(
            histories=settings.of(mode),
            seed=settings.seed + repeat,
            threads=settings.threads,
            mode="fast" if mode == "fast" else "full",
            infinite=True,
        )
        matter = only_medium("water", cuts)
        run = Run(water, active, (edge,) * 3, matter, line_source(energy_mev), plan)
        energy = run.go().energy_mev.astype(np.float64)
        found.append(shares @ energy / energy_mev / SHELL)
    values = np.array(found)
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    middle = (np.arange(values.shape[1]) + 0.5) * SHELL
    pairs = zip(values.mean(axis=0).tolist(), errors.tolist(), strict=True)
    return middle, [Estimate(value, error) for value, error in pairs]


def _shares(half: int) -> csr_matrix:
    """Sparse (shells, voxels): part of each voxel that lies in each shell."""
    shells = round(OUTER / SHELL)
    line = np.arange(-half, half + 1) / VOXELS_PER_RANGE
    offsets = ((np.arange(SUB) + 0.5) / SUB - 0.5) / VOXELS_PER_RANGE
    count = line.size**3
    total = csr_matrix((shells, count))
    for dz in offsets:
        for dy in offsets:
            for dx in offsets:
                z, y, x = line + dz, line + dy, line + dx
                r = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2).ravel()
                shell = (r / SHELL).astype(np.int64)
                inside = np.flatnonzero(shell < shells)
                part = np.full(inside.size, SUB**-3.0)
                total = total + csr_matrix((part, (shell[inside], inside)), (shells, count))
    return total
