"""Lung mass from CT density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensirt.errors import InputError, RegionError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Volume
from opensirt.physics.materials import density_from_hu, hu_conversion
from opensirt.quantify.truncation import edges_touched
from opensirt.units import Unit

__all__ = ["LungMass", "lung_mass", "lung_mass_g", "lung_tissue"]

LUNG_CONVERSION = "lung-densitometry"


@dataclass(frozen=True, slots=True)
class LungMass:
    """Mass and volume of the lungs as imaged, and whether that is all of them."""

    mass_g: float
    volume_ml: float
    is_partial: bool
    """True where the lungs reach the edge of the CT, so that the mass is that of a part."""
    findings: tuple[Finding, ...] = ()

    @property
    def density_g_ml(self) -> float:
        """Mean density, g/mL."""
        return self.mass_g / self.volume_ml


def lung_mass_g(ct: Volume, lungs: Region, *, conversion: str = LUNG_CONVERSION) -> float:
    """Mass of the lungs (g) as imaged; see `lung_mass`."""
    return lung_mass(ct, lungs, conversion=conversion).mass_g


def lung_mass(ct: Volume, lungs: Region, *, conversion: str = LUNG_CONVERSION) -> LungMass:
    """Lung mass ``sum(rho_i f_i V)`` over the voxels of the lungs.

    Parameters
    ----------
    ct : Volume, (slice, row, column), HU
    lungs : Region on the grid of `ct`
        Both lungs; f_i is the covered fraction of voxel i.
    conversion : str
        Name of a HU conversion; "lung-densitometry" is ``1 + HU / 1000`` between 0 and 1.1 g/mL.

    Raises
    ------
    UnitMismatchError, GridMismatchError, RegionError
    """
    ct.require(Unit.HU)
    if lungs.is_empty:
        raise RegionError(f"region {lungs.name!r} is empty on the CT, so it has no mass")
    hu, fractions = lungs.values_of(ct)
    if not np.isfinite(hu).all():
        raise InputError(f"the CT holds values that are not numbers inside {lungs.name!r}")
    relation = hu_conversion(conversion)
    density = np.interp(hu, relation.hu, relation.density_g_ml)
    mass_g = float(density @ fractions.astype(np.float64)) * ct.grid.voxel_volume_ml
    if not mass_g > 0:
        raise RegionError(
            f"region {lungs.name!r} has no mass on the CT; check that it lies on the patient"
        )
    cut = edges_touched(lungs)
    findings: tuple[Finding, ...] = ()
    if cut:
        text = (
            f"The lungs reach the edge of the CT ({', '.join(cut)}): {mass_g:.0f} g is the mass of "
            "a part, and the lung dose is that of this part. Give the mass of whole lungs if known."
        )
        findings = (Finding("warn", "lung-mass-partial", text, "assumption"),)
    return LungMass(mass_g, lungs.volume_ml, bool(cut), findings)


def lung_tissue(ct: Volume, lungs: Region, grid: Grid) -> tuple[Region, Volume]:
    """Lung tissue on the voxels of an activity image: where it is, and its g per mL of voxel.

    On a voxel shared with liver or chest wall only the lung's own mass counts. Activity spread by
    it gives inner voxels the dose ``K A L / m_lung``, m_lung being the mass on the CT.

    Parameters
    ----------
    ct : Volume, HU
    lungs : Region on the grid of `ct`
    grid : Grid

    Returns
    -------
    (Region of whole voxels, Volume in g/mL), on `grid`.
    """
    hu = ct.require(Unit.HU, grid=lungs.grid)[lungs.box]
    own = np.asarray(density_from_hu(hu, LUNG_CONVERSION)) * lungs.fractions
    tissue = Volume(own, lungs.grid.crop(lungs.box), Unit.G_PER_ML).onto(grid)
    return Region.from_mask(lungs.name, lungs.role, np.greater(tissue.values, 0), grid), tissue
