"""Dose, mass and activity of each region of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from opensirt.dose.dvh import Dvh, histogram_of
from opensirt.image import Region, Regions, Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import Unit

__all__ = ["DoseResponse", "RegionDose", "RegionDoseOptions", "region_doses"]

FloatArray = npt.NDArray[np.float64]
T = TypeVar("T")


class DoseResponse(Protocol):
    """How a tissue answers to dose; `opensirt.radiobiology.TissueResponse` is one."""

    def bed_gy(self, dose_gy: FloatArray, half_life_s: float) -> FloatArray:
        """Biologically effective dose of each absorbed dose, Gy."""

    def eud_gy(self, dose_gy: FloatArray, weights: FloatArray) -> float:
        """Equivalent uniform dose of doses (Gy) with the volume of each, Gy."""

    def eqd2_gy(self, bed_gy: float) -> float:
        """Dose in fractions of 2 Gy of a BED, Gy."""

    @property
    def text(self) -> str:
        """The parameters with their sources, one line."""


@dataclass(frozen=True, slots=True)
class RegionDoseOptions:
    """What to judge regions by; keys are names of regions, or roles where no name matches."""

    limits_gy: Mapping[str, float] = field(default_factory=dict)
    """Dose whose V(dose) is asked for: a limit for normal tissue, an aim for tumour."""
    responses: Mapping[str, DoseResponse] = field(default_factory=dict)
    """Radiobiology per region; where there is none, BED and EUD stay empty."""


@dataclass(frozen=True, slots=True)
class RegionDose:
    """Dose to one region; `None` where a figure does not apply."""

    name: str
    role: str
    territory: str | None
    volume_ml: float
    mass_g: float
    activity_fraction: float | None
    """Share of the injected activity, or of the map's total where that is not stated."""
    mean_dose_gy: float
    """By volume."""
    d98_gy: float
    d95_gy: float
    d70_gy: float
    d50_gy: float
    d2_gy: float
    minimum_gy: float
    maximum_gy: float
    limit_gy: float | None = None
    v_limit_fraction: float | None = None
    """Fraction of the volume that receives at least `limit_gy`."""
    bed_gy: float | None = None
    """Mean of the BED voxel by voxel."""
    eud_gy: float | None = None
    """Equivalent uniform absorbed dose."""
    eubed_gy: float | None = None
    """Equivalent uniform BED."""
    eqd2_gy: float | None = None
    """Mean of the dose in fractions of 2 Gy voxel by voxel, of the same BED."""
    response: str | None = None
    """Radiobiological parameters behind the four, with their sources."""
    dose_volume_ml: float | None = None
    """Volume of the voxels that every dose figure counts."""
    mean_dose_partial_gy: float | None = None
    """Mean by volume with each voxel of the region counted by the part of it inside."""
    structure: str = ""
    """Name of those voxels in tables and written structures, where it is not `name`."""

    @property
    def shown(self) -> str:
        """The name in tables, pictures and written structures."""
        return self.structure or self.name


def region_doses(
    dose: Volume,
    density: Volume,
    activity: Volume,
    regions: Regions,
    nuclide: Nuclide,
    options: RegionDoseOptions | None = None,
    counted: Regions | None = None,
) -> tuple[RegionDose, ...]:
    """Figures for every region that is not empty, in order.

    Parameters
    ----------
    dose, density, activity : Volume, (slice, row, column), Gy, g/mL, Bq/mL
        On one grid.
    regions : Regions
        On the same grid; move them first with ``regions.onto(dose.grid)``.
    nuclide : Nuclide
        Its half-life enters the BED.
    options : RegionDoseOptions, optional
    counted : Regions, optional
        By name, the voxels whose doses stand for a region, where they are not the region itself;
        volume, mass and activity stay those of `regions`.

    Raises
    ------
    UnitMismatchError, GridMismatchError
    """
    chosen = options or RegionDoseOptions()
    dose.require(Unit.GY)
    density.require(Unit.G_PER_ML, grid=dose.grid)
    activity.require(Unit.BQ_PER_ML, grid=dose.grid)
    injected_bq = activity.injected_bq or activity.total()
    return tuple(
        _region_dose(
            dose,
            density,
            activity,
            region,
            region if counted is None or region.name not in counted else counted[region.name],
            injected_bq,
            nuclide.half_life_s,
            chosen,
        )
        for region in regions
        if not region.is_empty
    )


def _region_dose(
    dose: Volume,
    density: Volume,
    activity: Volume,
    region: Region,
    counted: Region,
    injected_bq: float,
    half_life_s: float,
    options: RegionDoseOptions,
) -> RegionDose:
    voxel_ml = dose.grid.voxel_volume_ml
    doses_gy, fractions = counted.values_of(dose)
    dvh = histogram_of(region.name, doses_gy, fractions, voxel_ml)
    limit_gy = _for_region(options.limits_gy, region)
    response = _for_region(options.responses, region)
    bed_gy, eud_gy, eubed_gy = (
        (None, None, None) if response is None else _effects(dvh, response, half_life_s)
    )
    return RegionDose(
        name=region.name,
        role=region.role,
        territory=region.territory,
        volume_ml=region.volume_ml,
        mass_g=region.sum_of(density) * voxel_ml,
        activity_fraction=(
            region.sum_of(activity) * voxel_ml / injected_bq if injected_bq > 0 else None
        ),
        mean_dose_gy=dvh.mean_gy,
        d98_gy=dvh.d(98),
        d95_gy=dvh.d(95),
        d70_gy=dvh.d(70),
        d50_gy=dvh.d(50),
        d2_gy=dvh.d(2),
        minimum_gy=dvh.minimum_gy,
        maximum_gy=dvh.maximum_gy,
        limit_gy=limit_gy,
        v_limit_fraction=None if limit_gy is None else dvh.v(limit_gy),
        bed_gy=bed_gy,
        eud_gy=eud_gy,
        eubed_gy=eubed_gy,
        eqd2_gy=None if response is None or bed_gy is None else response.eqd2_gy(bed_gy),
        response=None if response is None else response.text,
        dose_volume_ml=dvh.volume_ml,
        mean_dose_partial_gy=region.mean_of(dose),
    )


def _effects(dvh: Dvh, response: DoseResponse, half_life_s: float) -> tuple[float, float, float]:
    """Mean BED, EUD and EUBED, Gy."""
    beds_gy = response.bed_gy(dvh.doses_gy, half_life_s)
    mean_bed_gy = float(beds_gy @ dvh.volumes_ml) / dvh.volume_ml
    return (
        mean_bed_gy,
        response.eud_gy(dvh.doses_gy, dvh.volumes_ml),
        response.eud_gy(beds_gy, dvh.volumes_ml),
    )


def _for_region(choices: Mapping[str, T], region: Region) -> T | None:
    """The entry for a region's name, else for its role, else None."""
    return choices.get(region.name, choices.get(region.role))
