"""Lung shunt fraction: the part of the activity that passes through the liver into the lungs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opensirt.errors import InputError, RegionError, UnitMismatchError
from opensirt.findings import Finding
from opensirt.image import Region, Volume
from opensirt.quantify.truncation import shunt_cut_findings
from opensirt.units import Unit

__all__ = [
    "LungShunt",
    "PlanarCounts",
    "lung_shunt_fraction",
    "measure_lung_shunt",
    "planar_lung_shunt_fraction",
]


@dataclass(frozen=True, slots=True)
class LungShunt:
    """A measured lung shunt and what it was measured from."""

    fraction: float
    lung_counts: float
    liver_counts: float
    method: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanarCounts:
    """Counts of one region of interest on a pair of opposed planar views."""

    anterior: float
    posterior: float
    pixels: int | None = None
    """Pixels of the region; needed where a background is subtracted."""


def lung_shunt_fraction(
    image: Volume, lungs: Region, liver: Region, *, background: float = 0.0
) -> float:
    """Lung shunt fraction from a SPECT image; see `measure_lung_shunt`."""
    return measure_lung_shunt(image, lungs, liver, background=background).fraction


def measure_lung_shunt(
    image: Volume, lungs: Region, liver: Region, *, background: float = 0.0
) -> LungShunt:
    """Lung shunt ``L = C_lungs / (C_lungs + C_liver)`` from counts in three dimensions.

    A voxel that both regions claim counts for the liver: next to the diaphragm liver counts spill
    into the lung base. Negative voxels are added as they are, so that noise does not bias the sums.

    Parameters
    ----------
    image : Volume, counts or Bq/mL
        Corrected for attenuation and scatter where the fraction is to be unbiased.
    lungs, liver : Region on the grid of `image`
        Liver with its lesions.
    background : float
        Value per voxel subtracted from both, in the unit of the image.
    """
    if image.unit not in (Unit.COUNTS, Unit.BQ_PER_ML):
        raise UnitMismatchError(f"a lung shunt needs counts or Bq/mL, got {image.unit.value}")
    only_lungs = lungs - liver
    if only_lungs.is_empty or liver.is_empty:
        empty = "liver" if liver.is_empty else "lungs"
        raise RegionError(f"the {empty} region is empty on the activity image: no shunt from it")
    lung_counts = _counts(image, only_lungs, background)
    liver_counts = _counts(image, liver, background)
    if not liver_counts > 0:
        raise InputError(f"the liver holds {liver_counts:g} counts; a lung shunt needs more than 0")
    findings = list(shunt_cut_findings(lungs, liver, "activity image"))
    if lung_counts < 0:
        text = f"The lungs hold {lung_counts:g} counts above background; the shunt is taken as 0."
        findings.append(Finding("warn", "lung-counts-negative", text, "assumption"))
    lung_counts = max(lung_counts, 0.0)
    return LungShunt(
        lung_counts / (lung_counts + liver_counts),
        lung_counts,
        liver_counts,
        "SPECT counts in lungs and liver",
        tuple(findings),
    )


def planar_lung_shunt_fraction(
    lungs: PlanarCounts, liver: PlanarCounts, background: PlanarCounts | None = None
) -> float:
    """Lung shunt from planar views, by the geometric mean ``sqrt(anterior x posterior)``.

    With a `background` region its counts per pixel are subtracted from each view first. Planar
    scintigraphy sees liver scatter as lung and mostly overestimates the shunt.
    """
    lung_mean = _geometric_mean(lungs, background, "lungs")
    liver_mean = _geometric_mean(liver, background, "liver")
    if not liver_mean > 0:
        raise InputError("the liver holds no counts above background; check the regions")
    return lung_mean / (lung_mean + liver_mean)


def _counts(image: Volume, region: Region, background: float) -> float:
    voxels = float(region.fractions.sum(dtype="float64"))
    return region.sum_of(image) - background * voxels


def _geometric_mean(counts: PlanarCounts, background: PlanarCounts | None, what: str) -> float:
    views = [counts.anterior, counts.posterior]
    if background is not None:
        if not counts.pixels or not background.pixels:
            raise InputError(f"a background for the {what} needs the pixels of both regions")
        share = counts.pixels / background.pixels
        views = [views[0] - background.anterior * share, views[1] - background.posterior * share]
    if not all(math.isfinite(v) for v in views):
        raise InputError(f"the planar counts of the {what} must be numbers, got {views}")
    return math.sqrt(max(views[0], 0.0) * max(views[1], 0.0))
