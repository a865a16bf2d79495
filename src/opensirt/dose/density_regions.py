"""Regions for a map without outlines: classes of density, and where the dose is high."""

from __future__ import annotations

import numpy as np

from opensirt.dose.comparison import comparison_figure
from opensirt.image import Region, Regions, Volume
from opensirt.units import Unit

__all__ = ["HALF_MAXIMUM", "density_classes", "density_regions"]

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
