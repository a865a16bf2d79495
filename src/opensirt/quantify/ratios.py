"""Tumour-to-normal uptake ratios: concentrations, lesion by lesion, over perfused normal liver.

The ratio is one of concentrations. Ratios of whole activities (A_T / A_N, as some publications
define it) are another quantity and are not accepted here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from opensirt.errors import InputError, RegionError, UnitMismatchError
from opensirt.findings import Finding
from opensirt.image import Region, Volume
from opensirt.quantify.compartments import Lesion, LiverCompartments
from opensirt.quantify.thresholds import threshold
from opensirt.units import MM_PER_CM, Unit

__all__ = ["TumourUptake", "UptakeRatios", "region_mass_g", "tumour_to_normal"]


@dataclass(frozen=True, slots=True)
class TumourUptake:
    """Uptake of the perfused viable part of one lesion."""

    name: str
    volume_ml: float
    mass_g: float | None
    """Known where a density map is given."""
    mean: float
    """Mean of the image in counts or Bq per mL."""
    ratio: float
    """Uptake relative to perfused normal liver: per gram with a density map, per mL without."""

    @property
    def diameter_mm(self) -> float:
        """Diameter of the sphere of its volume."""
        return float((6.0 * self.volume_ml / math.pi) ** (1.0 / 3.0)) * MM_PER_CM


@dataclass(frozen=True, slots=True)
class UptakeRatios:
    """Ratios of all targeted lesions, and their mean weighted by mass (volume without density)."""

    tumours: tuple[TumourUptake, ...]
    normal_mean: float
    """Mean of the image in perfused normal liver, counts or Bq per mL."""
    overall: float | None
    findings: tuple[Finding, ...] = ()
    resolution_mm: float | None = None
    """Full width at half maximum of the image; None where it is not known."""

    def is_measurable(self, tumour: TumourUptake) -> bool:
        """True where a lesion is wide enough against the resolution for its mean to be measured."""
        if self.resolution_mm is None:
            return True
        widths = threshold("measurable_diameter_count").value
        return tumour.diameter_mm >= widths * self.resolution_mm


def tumour_to_normal(
    image: Volume,
    compartments: LiverCompartments,
    *,
    density: Volume | None = None,
    resolution_mm: float | None = None,
) -> UptakeRatios:
    """Tumour-to-normal ratio of each targeted lesion.

    ``r_i = (C_i / m_i) / (C_N / m_N)`` with C the counts and m the mass (or the volume, where no
    density is given) of the perfused viable lesion and of perfused normal liver. Values are used as
    they are: partial volume is not corrected, and small lesions read too low.

    Parameters
    ----------
    image : Volume, counts or Bq/mL, on the grid of the compartments
    density : Volume, g/mL, same grid, optional
    resolution_mm : float, optional
        Full width at half maximum of the image; gives a finding for lesions that blur affects.

    Raises
    ------
    UnitMismatchError, GridMismatchError, RegionError
    InputError
        Where perfused normal liver holds no counts.
    """
    if image.unit not in (Unit.COUNTS, Unit.BQ_PER_ML):
        raise UnitMismatchError(f"an uptake ratio needs counts or Bq/mL, got {image.unit.value}")
    normal = compartments.perfused_normal
    if normal.is_empty:
        raise RegionError("there is no perfused normal liver, so no tumour-to-normal ratio")
    normal_uptake = _uptake(image, normal, density)
    if not normal_uptake > 0:
        raise InputError(
            f"perfused normal liver holds {normal_uptake:g} counts; a ratio needs more than 0"
        )
    tumours = tuple(
        _tumour(image, lesion, density, normal_uptake) for lesion in compartments.targeted
    )
    weights = [t.mass_g if t.mass_g is not None else t.volume_ml for t in tumours]
    overall = None
    if tumours:
        pairs = zip(weights, tumours, strict=True)
        overall = sum(weight * tumour.ratio for weight, tumour in pairs) / sum(weights)
    findings = _resolution_findings(tumours, resolution_mm)
    return UptakeRatios(tumours, _per_ml(image, normal), overall, findings, resolution_mm)


def region_mass_g(region: Region, density: Volume) -> float:
    """Mass of a region (g) from a density map (g/mL) on its grid."""
    density.require(Unit.G_PER_ML)
    return region.sum_of(density) * region.grid.voxel_volume_ml


def _tumour(
    image: Volume, lesion: Lesion, density: Volume | None, normal_uptake: float
) -> TumourUptake:
    region = lesion.perfused
    mass_g = region_mass_g(region, density) if density is not None else None
    ratio = _uptake(image, region, density) / normal_uptake
    return TumourUptake(lesion.name, region.volume_ml, mass_g, _per_ml(image, region), ratio)


def _uptake(image: Volume, region: Region, density: Volume | None) -> float:
    """Counts per gram, or per mL where no density is given; per-voxel units cancel in a ratio."""
    total = region.sum_of(image)
    if density is None:
        return total / region.volume_ml
    mass_g = region_mass_g(region, density)
    if not mass_g > 0:
        raise RegionError(f"region {region.name!r} has no mass on the density map")
    return total / mass_g


def _per_ml(image: Volume, region: Region) -> float:
    mean = region.mean_of(image)
    return mean / image.grid.voxel_volume_ml if image.unit is Unit.COUNTS else mean


def _resolution_findings(
    tumours: tuple[TumourUptake, ...], resolution_mm: float | None
) -> tuple[Finding, ...]:
    """One finding for all lesions below a number of resolution widths across."""
    if resolution_mm is None:
        return ()
    limit = threshold("partial_volume_diameter_count")
    small = [t for t in tumours if t.diameter_mm < limit.value * resolution_mm]
    if not small:
        return ()
    below = [t for t in small if t.diameter_mm < resolution_mm]
    names = ", ".join(repr(t.name) for t in small[:5]) + (", ..." if len(small) > 5 else "")
    text = (
        f"{len(small)} lesions are smaller than {limit.value:g} x the image resolution of "
        f"{resolution_mm:g} mm ({len(below)} below the resolution itself): {names}. Partial volume "
        "is not corrected; their ratio and dose read too low."
    )
    return (Finding("warn" if below else "note", "partial-volume", text, limit.source),)
