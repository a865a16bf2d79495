"""Two passes over maps of activity, density and dose, compiled; what the gate needs of them.

The first pass collects how activity is distributed, the second the extremes in blocks of voxels.
Both go slab by slab, so that no copy of a volume is made.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numba
import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count

__all__ = ["Blocks", "Sources", "Wanted", "survey_blocks", "survey_sources"]

Floats = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
Values = npt.NDArray[np.generic]
Triple = tuple[int, int, int]
Part = TypeVar("Part")

LEVELS = 128
"""Steps of activity in which the volume above a level is counted."""
PASS_SLICES = 8
"""Slices of one piece of the first pass."""

THINNEST_G_ML = np.float32(1e-5)
"""A vacuum emits as a gas of this density, so that its emission per gram is a number."""

ONE_G_ML = np.float32(1.0)
_law = numba.njit(nogil=True, cache=True, error_model="numpy")


@dataclass(frozen=True, eq=False)
class Sources:
    """How the activity is distributed, whatever its place."""

    fluence: float
    """Largest integral of emission over distance squared and 4 pi, Bq/mL times cm."""
    thin_fluence: float
    """The same of voxels thinner than the border."""
    per_gram: float
    """Largest concentration per gram, Bq/g."""
    thin_per_gram: float
    total: float
    """Sum over all voxels, Bq/mL."""
    kept: float
    """Sum over voxels of at least the least density, Bq/mL."""
    mean_g_ml: float
    """Mean density where the activity is; 1 where there is none."""


@dataclass(frozen=True)
class Wanted:
    """Borders of the second pass."""

    thin_g_ml: float
    """Emission in thinner voxels does not count per gram."""
    floor_g_ml: float
    """Emission per gram is that of a voxel of at least this density."""
    standard_errors: float
    constant_gy: float
    """Dose that may lie anywhere; taken off before a dose is judged."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Extremes in blocks of voxels: (blocks, blocks, blocks); sums over the whole map."""

    factors: Triple
    activity_high: Floats
    activity_low: Floats
    per_gram_high: Floats
    """Of voxels that are not thin."""
    per_gram_low: Floats
    density_low: Floats
    dose_high: Floats
    """Less the constant dose and the standard errors."""
    dose_low: Floats
    energy_high: Floats
    """The same of dose times density, Gy g/mL; the constant dose in at least 1 g/mL."""
    energy_low: Floats
    activity_sum: FloatArray
    energy_sum: float
    """Sum of dose times density over all voxels, Gy g/mL."""
    faults: int
    """Voxels whose dose is negative or no finite number."""


@_law
def _levels(a, rho, thin, least, highest, all_counts, thin_counts, out):
    """Counts by level of activity; out: per gram, thin per gram, total, kept, mass."""
    for i in range(a.size):
        value = a[i]
        if value <= 0.0:
            continue
        level = min(len(all_counts) - 1, int(value / highest * len(all_counts)))
        all_counts[level] += 1
        out[2] += value
        out[4] += value * rho[i]
        if rho[i] >= least:
            out[3] += value
        share = value / max(rho[i], THINNEST_G_ML)
        if rho[i] >= thin:
            out[0] = max(out[0], share)
        else:
            thin_counts[level] += 1
            out[1] = max(out[1], share)


@_law
def _extremes(a, rho, gray, error, rows, columns, borders, low, high, sums):
    """One layer of blocks. `high`: activity, per gram, dose, energy; `low`: the same and density.

    `sums`: activity by block. Returns the sum of dose times density, and how many doses are wrong.
    """
    thin, floor, errors, constant = borders
    energy, faults = 0.0, 0
    for z in range(a.shape[0]):
        for y in range(a.shape[1]):
            row = y // rows
            for x in range(a.shape[2]):
                column = x // columns
                q, r, d = a[z, y, x], rho[z, y, x], gray[z, y, x]
                if not (d >= 0.0 and d < np.inf):
                    faults += 1
                    continue
                energy += d * r
                sums[row, column] += q
                share = 0.0
                if r >= thin:
                    share = q / max(r, floor)
                unsure = d * errors * error[z, y, x] if error.size > 0 else np.float32(0.0)
                above, below = d - unsure - constant, d + unsure
                high[0, row, column] = max(high[0, row, column], q)
                high[1, row, column] = max(high[1, row, column], share)
                high[2, row, column] = max(high[2, row, column], above)
                high[3, row, column] = max(
                    high[3, row, column], (d - unsure) * r - constant * max(r, ONE_G_ML)
                )
                low[0, row, column] = min(low[0, row, column], q)
                low[1, row, column] = min(low[1, row, column], share)
                low[2, row, column] = min(low[2, row, column], below)
                low[3, row, column] = min(low[3, row, column], below * r)
                low[4, row, column] = min(low[4, row, column], r)
    return energy, faults


def survey_sources(
    activity: Values, density: Values, voxel_ml: float, thin_g_ml: float, least_g_ml: float
) -> Sources:
    """The first pass: Bq/mL and g/mL on one grid, (slice, row, column)."""
    highest = max(float(activity.max()), float(np.finfo(np.float32).tiny))

    def one(first: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        here = slice(first, first + PASS_SLICES)
        counts, thin, out = np.zeros(LEVELS), np.zeros(LEVELS), np.zeros(5)
        a, rho = (_single(values[here]).reshape(-1) for values in (activity, density))
        _levels(a, rho, thin_g_ml, least_g_ml, np.float32(highest), counts, thin, out)
        return counts, thin, out

    found = list(_each(one, range(0, activity.shape[0], PASS_SLICES)))
    counts, thin = (np.sum([part[k] for part in found], axis=0) for k in (0, 1))
    outs = np.array([part[2] for part in found])
    total = float(outs[:, 2].sum())
    per_gram, thin_per_gram = outs[:, :2].max(axis=0)
    return Sources(
        fluence=_fluence(counts, highest, voxel_ml),
        thin_fluence=_fluence(thin, highest, voxel_ml),
        per_gram=float(per_gram),
        thin_per_gram=float(thin_per_gram),
        total=total,
        kept=float(outs[:, 3].sum()),
        mean_g_ml=float(outs[:, 4].sum() / total) if total > 0.0 else 1.0,
    )


def _fluence(counts: FloatArray, highest: float, voxel_ml: float) -> float:
    """Integral over the levels of the radius (cm) of a ball as large as what lies above each.

    No arrangement of the same voxels gives more at any point than balls about it.
    """
    above_ml = np.cumsum(counts[::-1]) * voxel_ml
    radii_cm = np.cbrt(3.0 * above_ml / (4.0 * math.pi))
    return float(radii_cm.sum()) * highest / len(counts)


def survey_blocks(
    activity: Values,
    density: Values,
    gray: Values,
    error: Values | None,
    wanted: Wanted,
    factors: Triple,
) -> Blocks:
    """The second pass; `factors` are the voxels of a block along each axis."""
    shape = tuple(math.ceil(n / f) for n, f in zip(activity.shape, factors, strict=True))
    high = np.full((shape[0], 4, *shape[1:]), -np.inf, dtype=np.float32)
    low = np.full((shape[0], 5, *shape[1:]), np.inf, dtype=np.float32)
    sums = np.zeros(shape, dtype=np.float64)
    nothing = np.zeros((0, 0, 0), dtype=np.float32)
    borders = tuple(
        np.float32(value)
        for value in (
            wanted.thin_g_ml,
            max(wanted.floor_g_ml, float(THINNEST_G_ML)),
            wanted.standard_errors,
            wanted.constant_gy,
        )
    )

    def one(layer: int) -> tuple[float, int]:
        here = slice(layer * factors[0], (layer + 1) * factors[0])
        a, rho, d = (_single(values[here]) for values in (activity, density, gray))
        unsure = nothing if error is None else _single(error[here])
        found = _extremes(
            a, rho, d, unsure, factors[1], factors[2], borders, low[layer], high[layer], sums[layer]
        )
        return float(found[0]), int(found[1])

    totals = list(_each(one, range(shape[0])))
    return Blocks(
        factors,
        *(high[:, 0], low[:, 0], high[:, 1], low[:, 1], low[:, 4]),
        *(high[:, 2], low[:, 2], high[:, 3], low[:, 3]),
        activity_sum=sums,
        energy_sum=math.fsum(total for total, _ in totals),
        faults=sum(faults for _, faults in totals),
    )


def _each(one: Callable[[int], Part], numbers: range) -> Iterator[Part]:
    with ThreadPoolExecutor(thread_count()) as pool:
        yield from pool.map(one, numbers)


def _single(values: Values) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)
