"""Tissues, and mass density from CT numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError, unknown_name
from opensirt.physics.tables import Quantity, Table, load_csv, load_table, table_names

__all__ = [
    "DEFAULT_HU_CONVERSION",
    "HuConversion",
    "Tissue",
    "density_from_hu",
    "hu_conversion",
    "hu_conversion_names",
    "hu_from_density",
    "mass_conventions",
    "tissue",
    "tissue_names",
]

DEFAULT_HU_CONVERSION = "schneider2000-monotone"
"""Never falls with rising CT number, so that contrast medium cannot make liver too dense."""
_LOWEST_HU, _HIGHEST_HU = -1024, 3071


@dataclass(frozen=True, slots=True)
class HuConversion:
    """A piecewise-linear relation of CT number to density, flat beyond its ends."""

    name: str
    hu: npt.NDArray[np.float64]
    density_g_ml: npt.NDArray[np.float64]
    source: str
    note: str

    @property
    def is_monotone(self) -> bool:
        """True where density never falls with rising CT number."""
        return bool(np.all(np.diff(self.density_g_ml) >= 0.0))


@dataclass(frozen=True, slots=True)
class Tissue:
    """A tissue: density (g/mL) and mass fractions by chemical symbol."""

    name: str
    label: str
    density_g_ml: float
    composition: Mapping[str, float]
    densities: tuple[Quantity, ...]
    """All cited densities, the default first."""
    composition_source: str
    mean_excitation_ev: float | None = None
    """Mean excitation energy of the electrons' collision losses (eV), where the table has it."""


def hu_conversion_names() -> tuple[str, ...]:
    """Names that `density_from_hu` knows, sorted."""
    return table_names("hu")


@cache
def hu_conversion(name: str) -> HuConversion:
    """The conversion `name` with its points and source; `UnknownNameError` otherwise."""
    if name not in hu_conversion_names():
        raise unknown_name("HU conversion", name, hu_conversion_names())
    table = load_csv(f"hu/{name}")
    hu, density = table.column("hu"), table.column("density_g_ml")
    return HuConversion(name, hu, density, table.source, table.texts.get("note", ""))


@cache
def _whole_number_densities(name: str) -> npt.NDArray[np.float32]:
    relation = hu_conversion(name)
    whole = np.arange(_LOWEST_HU, _HIGHEST_HU + 1)
    return np.interp(whole, relation.hu, relation.density_g_ml).astype(np.float32)


def density_from_hu(
    hu: npt.NDArray[Any], conversion: str = DEFAULT_HU_CONVERSION
) -> npt.NDArray[np.float32]:
    """Mass density from CT numbers, piecewise linear.

    CT numbers below the table, such as the padding -2000 or -3024, become air; above it the last
    density holds. Works slice by slice, so memory beyond the result stays at one slice.

    Parameters
    ----------
    hu : array of any shape, HU
        CT numbers; whole or real.
    conversion : str
        One of `hu_conversion_names`: "schneider2000-monotone" (default), "schneider2000",
        "lung-densitometry" (for lung mass only).

    Returns
    -------
    float32 array of the same shape, g/mL.

    Raises
    ------
    UnknownNameError
        When the conversion is not known.
    InputError
        When a CT number is not finite.
    """
    relation = hu_conversion(conversion)
    values = np.asarray(hu)
    result = np.empty(values.shape, dtype=np.float32)
    if values.ndim < 2:
        result[...] = _convert(values, relation)
        return result
    for index in range(values.shape[0]):
        result[index] = _convert(values[index], relation)
    return result


def _convert(hu: npt.NDArray[Any], relation: HuConversion) -> npt.NDArray[np.float32]:
    if np.issubdtype(hu.dtype, np.integer):
        table = _whole_number_densities(relation.name)
        return table.take(hu.astype(np.intp) - _LOWEST_HU, mode="clip")
    if not np.isfinite(hu).all():
        raise InputError("CT numbers must be finite, found NaN or infinity; mask them before")
    return np.asarray(np.interp(hu, relation.hu, relation.density_g_ml), dtype=np.float32)


def hu_from_density(density_g_ml: float, conversion: str = DEFAULT_HU_CONVERSION) -> float:
    """The lowest CT number (HU) that `conversion` maps to a density, for digital patients.

    Raises
    ------
    InputError
        When the density lies outside the table.
    """
    relation = hu_conversion(conversion)
    rho, hu = relation.density_g_ml, relation.hu
    if density_g_ml < rho[0]:
        raise InputError(f"density must be at least {rho[0]:g} g/mL, found {density_g_ml:g} g/mL")
    for low in range(len(hu) - 1):
        if rho[low] <= density_g_ml <= rho[low + 1]:
            if rho[low + 1] == rho[low]:
                return float(hu[low])
            share = (density_g_ml - rho[low]) / (rho[low + 1] - rho[low])
            return float(hu[low] + share * (hu[low + 1] - hu[low]))
    raise InputError(f"density must be at most {rho.max():g} g/mL, found {density_g_ml:g} g/mL")


def tissue_names() -> tuple[str, ...]:
    """Names that `tissue` knows, sorted."""
    return table_names("materials")


@cache
def tissue(name: str) -> Tissue:
    """A tissue by name: air lung adipose water soft-tissue liver muscle bone."""
    if name not in tissue_names():
        raise unknown_name("tissue", name, tissue_names())
    table = load_table(f"materials/{name}")
    composition = table.quantity("element_mass_fraction")
    densities = table.alternatives("density_g_ml")
    return Tissue(
        name=name,
        label=table.text("label"),
        density_g_ml=densities[0].value,
        composition=composition.parts,
        densities=densities,
        composition_source=composition.source,
        mean_excitation_ev=_optional(table, "mean_excitation_ev"),
    )


def _optional(table: Table, key: str) -> float | None:
    return table.quantity(key).value if table.has(key) else None


def mass_conventions() -> tuple[Quantity, ...]:
    """Liver mass per volume (g/mL) as public tools and papers take it, each with who uses it."""
    return load_table("conventions").alternatives("liver_density_g_ml")
