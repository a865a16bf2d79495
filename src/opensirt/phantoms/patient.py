"""A digital patient: images, regions and the truth behind them, painted from parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.phantoms.coverage import coverage
from opensirt.phantoms.shapes import Box, Shape
from opensirt.physics.materials import (
    DEFAULT_HU_CONVERSION,
    hu_conversion,
    hu_from_density,
    tissue,
)
from opensirt.units import BQ_PER_GBQ, G_PER_KG, Unit

__all__ = [
    "DigitalPatient",
    "Painting",
    "Part",
    "concentration_maps",
    "paint",
    "patient_shape",
    "true_doses_gy",
    "volume_of",
]

MOST_VOXELS = 2e8
"""Of a digital patient, which holds some dozen values for each; a scanner's CT has fewer."""

FloatArray = npt.NDArray[np.float32]

AIR = "air"
HU_CONVERSION = DEFAULT_HU_CONVERSION
"""CT numbers are chosen so that this conversion gives each tissue's density back."""


@dataclass(frozen=True, slots=True)
class Part:
    """One organ or lesion to paint: a shape, what it is made of and what it takes up.

    Parameters
    ----------
    name : str
    shape : Shape
    tissue : str
        A name of `opensirt.physics.materials.tissue_names`.
    uptake : float
        Concentration of beads relative to normal liver.
    role : str
        Region role; empty for a part that is painted and not outlined.
    territory : str, optional
    """

    name: str
    shape: Shape
    tissue: str
    uptake: float = 0.0
    role: str = ""
    territory: str | None = None

    @property
    def density_g_ml(self) -> float:
        """Density of the tissue, g/mL."""
        return tissue(self.tissue).density_g_ml

    @property
    def hu(self) -> float:
        """CT number that `HU_CONVERSION` maps to the density; that of air for anything thinner."""
        lightest = float(hu_conversion(HU_CONVERSION).density_g_ml.min())
        return hu_from_density(max(self.density_g_ml, lightest), HU_CONVERSION)


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """Maps on one grid and the regions of the parts that have a role."""

    grid: Grid
    hu: FloatArray
    density: FloatArray
    uptake: FloatArray
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DigitalPatient:
    """A made-up patient whose every number is known.

    Parameters
    ----------
    name : str
    ct : Volume, HU
        With noise, whole numbers.
    density : Volume, g/mL
        Truth, without noise, on the grid of `ct`.
    activity : Volume, Bq/mL
        Beads at injection for `injected_bq` = 1 GBq, lungs included, neither blurred nor noisy.
    tracer : Volume, Bq/mL
        Tc-99m-MAA at injection: the beads' distribution and free pertechnetate.
    regions : Regions
        On the grid of `ct`.
    truth : Mapping
        JSON-able; see ``docs/methods/digital-patients.md``.
    """

    name: str
    ct: Volume
    density: Volume
    activity: Volume
    tracer: Volume
    regions: Regions
    truth: Mapping[str, Any]


def patient_shape(length_mm: Sequence[float], voxel_mm: Sequence[float]) -> npt.NDArray[np.int_]:
    """Voxels along (slice, row, column) that hold a patient of this length (mm) along each.

    Raises
    ------
    InputError
        Where they are more than a computer has room for.
    """
    lengths = np.asarray(length_mm, dtype=float)
    counts: npt.NDArray[np.float64] = np.ceil(lengths / np.asarray(voxel_mm, dtype=float) - 1e-9)
    if (number := float(np.prod(counts))) > MOST_VOXELS:
        least = math.ceil(10 * math.cbrt(float(np.prod(lengths)) / MOST_VOXELS)) / 10
        raise InputError(
            f"voxels of {' x '.join(f'{size:g}' for size in voxel_mm)} mm are {number:.1e} in all, "
            f"and a digital patient may have {MOST_VOXELS:.0e}; give {least:g} mm or more"
        )
    return counts.astype(int)


def paint(grid: Grid, parts: Sequence[Part]) -> Painting:
    """Paint parts over air, each covering those before it by its share of every voxel."""
    air = Part("air", Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), AIR)
    hu = np.full(grid.shape, air.hu, dtype=np.float32)
    density = np.full(grid.shape, air.density_g_ml, dtype=np.float32)
    uptake = np.zeros(grid.shape, dtype=np.float32)
    regions = []
    for part in parts:
        box, fractions = coverage(part.shape, grid)
        for values, new in (
            (hu, part.hu),
            (density, part.density_g_ml),
            (uptake, part.uptake),
        ):
            values[box] += fractions * (np.float32(new) - values[box])
        if part.role:
            regions.append(Region(part.name, part.role, grid, box, fractions, part.territory))
    return Painting(grid, hu, density, uptake, tuple(regions))


def concentration_maps(
    painting: Painting, lungs: Region | None, lung_shunt_fraction: float
) -> tuple[FloatArray, float]:
    """Beads per mL for 1 Bq injected, 1/mL, and the concentration at uptake 1 (normal liver), 1/mL.

    The lungs take the shunt evenly by volume; the rest follows the uptake.
    """
    if lungs is None and lung_shunt_fraction > 0:
        raise InputError("a lung shunt needs lungs; give the digital patient lungs or no shunt")
    total = float(painting.uptake.sum(dtype=np.float64)) * painting.grid.voxel_volume_ml
    normal_per_ml = (1 - lung_shunt_fraction) / total
    result = painting.uptake * np.float32(normal_per_ml)
    if lungs is not None and lung_shunt_fraction > 0:
        result[lungs.box] += lungs.fractions * np.float32(lung_shunt_fraction / lungs.volume_ml)
    return result, normal_per_ml


def true_doses_gy(
    truth: Mapping[str, Any], dose_constant_gy_kg_per_gbq: float, injected_bq: float = BQ_PER_GBQ
) -> dict[str, float]:
    """Mean dose (Gy) of each region of a truth by ``D = A f k / m``, local and to complete decay.

    ``A`` is the injected activity, ``f`` the fraction in the region, ``k`` the dose constant
    (Gy kg/GBq) and ``m`` the mass; energy that leaves or enters a region is not counted.
    """
    gray = injected_bq / BQ_PER_GBQ * dose_constant_gy_kg_per_gbq * G_PER_KG
    rows = [*truth["regions"], *truth["tumours"]]
    return {row["name"]: gray * row["activity_fraction"] / row["mass_g"] for row in rows}


def volume_of(
    values: FloatArray, grid: Grid, unit: Unit, nuclide: str | None = None,
    injected_bq: float | None = None,
) -> Volume:  # fmt: skip
    """A map as a `Volume`; activity states that it is at injection."""
    time = "injection" if unit is Unit.BQ_PER_ML else None
    return Volume(values, grid, unit, nuclide=nuclide, time=time, injected_bq=injected_bq)
