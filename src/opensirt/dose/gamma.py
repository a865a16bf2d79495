"""The gamma index: dose difference and distance to agreement in one number per voxel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.errors import GridMismatchError, InputError
from opensirt.findings import percent
from opensirt.image import Region, Volume
from opensirt.units import Unit

__all__ = ["GammaCriteria", "GammaMap", "gamma_index"]

Floats = npt.NDArray[np.float64]

PART_OF_DISTANCE = 0.5
"""Cells are cut into parts no longer than this share of the distance criterion."""
VOXELS_AT_ONCE = 8192
"""A thread takes so many voxels at a time."""
STANDARD_ERRORS = 2.0
"""How many standard errors of a noisy reference are allowed for: about 95 % of a normal error."""


@dataclass(frozen=True, slots=True)
class GammaCriteria:
    """What counts as agreement."""

    dose_fraction: float = 0.01
    """Dose criterion, as a part of the highest reference dose (global normalisation)."""
    distance_mm: float = 1.0
    """Distance to agreement."""
    threshold_fraction: float = 0.10
    """Voxels whose reference dose is below this part of the highest are left out."""
    most: float = 2.0
    """The search ends here: a larger gamma reads as this."""

    def __post_init__(self) -> None:
        if not (self.dose_fraction > 0 and self.distance_mm > 0 and self.most > 1):
            raise InputError(
                "gamma needs a dose and a distance criterion above 0 and a largest value above 1, "
                f"found {self.dose_fraction:g}, {self.distance_mm:g} mm and {self.most:g}"
            )
        if not 0 <= self.threshold_fraction < 1:
            raise InputError(
                f"the gamma threshold must be from 0 to below 1, found {self.threshold_fraction:g}"
            )

    @property
    def label(self) -> str:
        """For tables: "1 %, 1 mm above 10 %"."""
        return (
            f"{self.dose_fraction * 100:g} %, {self.distance_mm:g} mm "
            f"above {percent(self.threshold_fraction)}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class GammaMap:
    """Gamma in every voxel above the threshold.

    Parameters
    ----------
    values : ndarray float32, (slice, row, column)
        NaN where the reference dose is below the threshold.
    criteria : GammaCriteria
    """

    values: npt.NDArray[np.float32]
    criteria: GammaCriteria

    @property
    def evaluated_count(self) -> int:
        """Voxels that have a gamma."""
        return int(np.isfinite(self.values).sum())

    @property
    def pass_fraction(self) -> float:
        """Share of the evaluated voxels whose gamma is at most 1."""
        return float((self.values <= 1.0).sum() / self.evaluated_count)

    def pass_fraction_in(self, region: Region) -> float | None:
        """The same in a region, by covered part of voxels; None where none is evaluated."""
        here = self.values[region.box]
        weights = np.where(np.isfinite(here), region.fractions, 0.0).astype(np.float64)
        if not weights.any():
            return None
        return float(weights[here <= 1.0].sum() / weights.sum())


def gamma_index(
    evaluated: Volume,
    reference: Volume,
    criteria: GammaCriteria | None = None,
    reference_error_gy: npt.NDArray[np.generic] | None = None,
) -> GammaMap:
    """Gamma of a dose map against a reference map, in three dimensions.

    ``gamma(r) = min over r' of sqrt(|r' - r|^2 / d^2 + (D_e(r') - D_r(r))^2 / g^2)`` for each voxel
    centre ``r`` of the reference [low1998], with ``d`` the distance criterion and ``g`` the dose
    criterion times the highest reference dose. The evaluated map ``D_e`` is continuous: trilinear
    between eight voxel centres. Each such cell is cut into boxes of at most half the distance
    criterion and each box into 24 tetrahedra, in which the dose is taken as linear and the minimum
    is found exactly [ju2008]: there is no search step.

    Parameters
    ----------
    evaluated, reference : Volume, (slice, row, column), Gy
        On one grid, which may have any spacing.
    criteria : GammaCriteria, optional
        1 %, 1 mm above 10 % where not given.
    reference_error_gy : ndarray, (slice, row, column), Gy, optional
        Standard error of the reference, as of a Monte Carlo map. The dose criterion of a voxel is
        then ``sqrt(g^2 + (2 error)^2)``.

    Raises
    ------
    UnitMismatchError, GridMismatchError, InputError
        When a map is in another unit or grid, the grid is sheared, or the reference has no dose.
    """
    from opensirt.dose.gamma_kernel import gamma_of_voxels

    chosen = criteria or GammaCriteria()
    doses = _three_dimensional(reference.require(Unit.GY))
    others = _three_dimensional(evaluated.require(Unit.GY, grid=reference.grid))
    if not reference.grid.is_orthogonal:
        raise GridMismatchError(f"the grid {reference.grid} is sheared; resample both maps first")
    highest_gy = float(doses.max())
    if not (highest_gy > 0 and np.isfinite(highest_gy) and np.isfinite(others).all()):
        raise InputError("gamma needs finite maps and a reference with dose; check both maps")
    whole = np.full(reference.grid.shape, np.nan, np.float32)
    above = np.asarray(reference.values, np.float32) >= chosen.threshold_fraction * highest_gy
    places = np.argwhere(above)
    allowed_gy = np.full(len(places), chosen.dose_fraction * highest_gy)
    if reference_error_gy is not None:
        error_gy = np.asarray(reference_error_gy[above], np.float64)
        allowed_gy = np.hypot(allowed_gy, STANDARD_ERRORS * error_gy)
    step = np.asarray(reference.grid.spacing_mm) / chosen.distance_mm
    search = _search(chosen.most, step)

    def part(first: int) -> npt.NDArray[np.float32]:
        mine = slice(first, first + VOXELS_AT_ONCE)
        found = gamma_of_voxels(places[mine], doses, others, allowed_gy[mine], search, chosen.most)
        return np.asarray(found, np.float32)

    with ThreadPoolExecutor(thread_count()) as pool:
        parts = list(pool.map(part, range(0, len(places), VOXELS_AT_ONCE)))
    whole[above] = np.concatenate(parts)
    return GammaMap(whole, chosen)


def _three_dimensional(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Values with at least two voxels on each axis; a lone layer is doubled, which adds nothing."""
    full = np.asarray(values, np.float32)
    for axis in range(3):
        if full.shape[axis] == 1:
            full = np.repeat(full, 2, axis=axis)
    return np.ascontiguousarray(full)


def _search(reach: float, step: Floats) -> tuple[npt.NDArray[Any], ...]:
    """Cells around a voxel centre that come within `reach`, nearest first.

    `step` is the voxel size, in one unit with `reach`. See `gamma_of_voxels` for what is returned.
    """
    counts = np.ceil(step / PART_OF_DISTANCE - 1e-9).astype(np.int64)
    lines = [np.arange(-int(reach / s) - 1, int(reach / s) + 1) for s in step]
    cells = np.array(np.meshgrid(*lines, indexing="ij")).reshape(3, -1).T
    away = np.maximum(np.where(cells >= 0, cells, -cells - 1), 0) * step
    near2 = (away**2).sum(axis=1)
    order = np.argsort(near2, kind="stable")
    order = order[near2[order] < reach**2]
    return np.ascontiguousarray(cells[order]), near2[order], counts, step
