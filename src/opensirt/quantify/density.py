"""Mass density on the grid of the activity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from opensirt.asking import option
from opensirt.errors import CaseError, InputError
from opensirt.findings import Finding, percent
from opensirt.image import Grid, Region, Volume
from opensirt.physics.materials import density_from_hu
from opensirt.physics.tables import load_table
from opensirt.quantify.thresholds import threshold
from opensirt.units import Unit

__all__ = [
    "ct_coverage",
    "ct_coverage_findings",
    "density_is_unknown",
    "density_map",
    "uncovered_findings",
]

_MARGIN = 2
"""Voxels of CT kept around the wanted grid, so that interpolation at its edge sees neighbours."""


def density_is_unknown() -> str:
    """What to say where nothing tells the density."""
    return (
        "there is no CT and no assumed density; give density_g_ml under [assumptions] or with "
        f"{option('density-g-ml')}"
    )


def density_map(
    ct: Volume | None,
    grid: Grid,
    assumed_density_g_ml: float | None = None,
    conversion: str | None = None,
) -> Volume:
    """Density on `grid` from a CT, or one assumed density where there is no CT.

    HU become density voxel by voxel on the CT, then density is averaged onto `grid`, so that mass
    is kept. Points outside the CT are empty space (0 g/mL): no dose is reported there. Use
    `ct_coverage_findings` to see whether a region reaches outside.

    Parameters
    ----------
    ct : Volume, HU, or None
    grid : Grid
    assumed_density_g_ml : float
        Needed when there is no CT; ignored otherwise.
    conversion : str, optional
        Name of a HU conversion; the default of `density_from_hu` where not given.

    Returns
    -------
    Volume, g/mL float32, on `grid`.
    """
    if ct is None:
        return _uniform(grid, assumed_density_g_ml)
    ct.require(Unit.HU)
    part = ct if ct.grid.matches(grid) else _crop_to(ct, grid)
    if part is None:
        raise CaseError(
            "the CT and the activity image do not overlap; check their frames of reference"
        )
    options = (conversion,) if conversion is not None else ()
    density = density_from_hu(part.values, *options)
    mapped = Volume(density, part.grid, Unit.G_PER_ML).onto(grid)
    return replace(mapped, nuclide=None, time=None)


def ct_coverage(ct_grid: Grid, region: Region) -> float:
    """Fraction of a region's volume whose voxel centres lie inside the CT."""
    index = np.argwhere(region.fractions > 0)
    if index.size == 0:
        return 0.0
    weights = region.fractions[tuple(index.T)].astype(np.float64)
    points = region.grid.to_patient(index + [s.start for s in region.box])
    seen = ct_grid.to_index(points)
    size = np.asarray(ct_grid.shape)
    inside = ((seen >= -0.5) & (seen <= size - 0.5)).all(axis=1)
    return float(weights[inside].sum() / weights.sum())


def ct_coverage_findings(ct_grid: Grid, *regions: Region) -> tuple[Finding, ...]:
    """A warning for each region that the CT does not cover."""
    limit = threshold("ct_coverage_fraction")
    findings = []
    for region in regions:
        covered = ct_coverage(ct_grid, region)
        if covered < limit.value and not region.is_empty:
            text = (
                f"The CT covers {percent(covered, 1)} of region {region.name!r}; the rest has no "
                "density and receives no dose."
            )
            findings.append(Finding("warn", "ct-does-not-cover", text, limit.source))
    return tuple(findings)


def uncovered_findings(fraction: float) -> tuple[Finding, ...]:
    """A warning where this share of the activity lies outside the CT, hence has no density."""
    limit = load_table("dose/coverage").quantity("uncovered_study_fraction")
    if not fraction > limit.value:
        return ()
    text = (
        f"{percent(fraction, 1)} of the activity in the image lies outside the CT; it has no "
        "density, and its dose is not known."
    )
    return (Finding("warn", "activity-without-density", text, limit.source),)


def _uniform(grid: Grid, density_g_ml: float | None) -> Volume:
    if density_g_ml is None:
        raise CaseError(density_is_unknown())
    if not (density_g_ml > 0 and math.isfinite(density_g_ml)):
        raise InputError(f"the assumed density must be above 0 g/mL, got {density_g_ml}")
    values = np.broadcast_to(np.float32(density_g_ml), grid.shape)
    return Volume(values, grid, Unit.G_PER_ML)


def _crop_to(ct: Volume, grid: Grid) -> Volume | None:
    """The box of the CT that `grid` can see, with a margin; None where they do not meet."""
    ends = [(-0.5, n - 0.5) for n in grid.shape]
    corners = np.array(np.meshgrid(*ends)).T.reshape(-1, 3)
    seen = ct.grid.to_index(grid.to_patient(corners))
    low = np.maximum(np.floor(seen.min(axis=0)).astype(int) - _MARGIN, 0)
    high = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 1 + _MARGIN, ct.grid.shape)
    if np.any(high <= low):
        return None
    box = [slice(int(a), int(b)) for a, b in zip(low, high, strict=True)]
    return ct.crop((box[0], box[1], box[2]))
