"""Regions for a map without outlines: classes of density, and where the dose is high."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import distance_transform_edt

from opensirt.dose.comparison import comparison_figure
from opensirt.image import Region, Regions, Volume
from opensirt.units import Unit

__all__ = [
    "HALF_MAXIMUM",
    "density_classes",
    "density_regions",
    "regions_of_varied_density",
]

HALF_MAXIMUM = "above half the maximum dose"


def density_classes(density: Volume) -> Regions:
    """Lung, soft tissue and bone by density (g/mL).

    Only what is not air, and only classes that have a voxel. Names say what they are: densities,
    no outlines.
    """
    rho = np.asarray(density.require(Unit.G_PER_ML), np.float32)
    least, lung, bone = (
        comparison_figure(name).value
        for name in ("least_density_g_ml", "lung_density_g_ml", "bone_density_g_ml")
    )
    soft = (rho >= lung) & (rho <= bone)
    masks = (
        (f"lung by density ({least:g} to {lung:g} g/mL)", "lungs", (rho >= least) & (rho < lung)),
        (f"soft tissue by density ({lung:g} to {bone:g} g/mL)", "body", soft),
        (f"bone by density (above {bone:g} g/mL)", "other", rho > bone),
    )
    found = (Region.from_mask(name, role, mask, density.grid) for name, role, mask in masks)
    return Regions(tuple(region for region in found if not region.is_empty))


def density_regions(density: Volume, dose: Volume) -> Regions:
    """`density_classes`, and the voxels, air left out, above half the highest dose.

    Parameters
    ----------
    density : Volume, g/mL
    dose : Volume, Gy
        On the grid of `density`.
    """
    rho = np.asarray(density.require(Unit.G_PER_ML, grid=dose.grid), np.float32)
    gray = np.asarray(dose.require(Unit.GY), np.float32)
    tissue = rho >= comparison_figure("least_density_g_ml").value
    high = tissue & (gray >= 0.5 * float(np.max(gray, where=tissue, initial=0.0))) & (gray > 0)
    found = Region.from_mask(HALF_MAXIMUM, "other", high, dose.grid)
    return Regions((*density_classes(density), *(() if found.is_empty else (found,))))


def regions_of_varied_density(density: Volume, regions: Regions, reach_mm: float) -> frozenset[str]:
    """Names of regions whose own or whose surroundings' density differs from their mean.

    Parameters
    ----------
    density : Volume, g/mL
    regions : Regions
        On the grid of `density`.
    reach_mm : float
        How far electrons go at 1 g/mL; within this of a region its dose can come from.
    """
    rho = np.asarray(density.require(Unit.G_PER_ML), np.float32)
    return frozenset(r.name for r in regions if not r.is_empty and _is_varied(r, rho, reach_mm))


def _is_varied(
    region: Region, rho: np.ndarray[tuple[int, ...], np.dtype[np.float32]], reach_mm: float
) -> bool:
    spacing_mm = region.grid.spacing_mm
    more = [math.ceil(reach_mm / size) for size in spacing_mm]
    near = tuple(
        slice(max(0, s.start - m), min(n, s.stop + m))
        for s, m, n in zip(region.box, more, region.grid.shape, strict=True)
    )
    fractions = region.fractions_on((near[0], near[1], near[2]))
    around = rho[near]
    mean = float(np.average(around, weights=fractions))
    within = distance_transform_edt(fractions <= 0, sampling=spacing_mm) <= reach_mm
    apart = np.abs(around - mean) > comparison_figure("varied_density_fraction").value * mean
    share = float(apart[within].mean())
    return share > comparison_figure("varied_volume_fraction").value
