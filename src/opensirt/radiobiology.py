"""Biologically effective dose and equivalent uniform dose, with their parameters as inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError, UnknownNameError
from opensirt.physics.tables import Table, load_table
from opensirt.units import SECONDS_PER_HOUR

__all__ = [
    "RESPONSE_REGIONS",
    "TissueResponse",
    "bed_gy",
    "eqd2_gy",
    "eud_gy",
    "response_names",
    "tissue_response",
    "tissue_responses",
]

FloatArray = npt.NDArray[np.float64]

RESPONSE_REGIONS = {
    "tumour": "tumour",
    "perfused normal liver": "liver",
    "whole normal liver": "liver",
    "non-perfused normal liver": "liver",
}
"""Region role or name -> tissue whose parameters apply to it.

Regions of mixed tissue are not here: liver parameters say nothing of the tumours inside the whole
liver or the perfused volume.
"""

REFERENCE_FRACTION_GY = 2.0
"""Dose per fraction that EQD2 refers to, by its definition."""


def bed_gy(
    dose_gy: npt.ArrayLike, half_life_s: float, repair_half_time_s: float, alpha_beta_gy: float
) -> FloatArray:
    """Biologically effective dose, Gy, of a dose given at an exponentially falling rate.

    ``BED = D (1 + D T_rep / ((T_rep + T_phys) (alpha/beta)))`` for complete decay, with the repair
    half-time ``T_rep`` and the physical half-life ``T_phys`` in the same unit.

    Parameters
    ----------
    dose_gy : array_like, any shape
        Absorbed dose ``D`` to complete decay.
    half_life_s, repair_half_time_s, alpha_beta_gy : float
        All above zero (the repair half-time may be zero: BED is then the dose).
    """
    if not (half_life_s > 0 and repair_half_time_s >= 0 and alpha_beta_gy > 0):
        raise InputError(
            "BED needs a half-life and an alpha/beta above 0 and a repair half-time of at least 0, "
            f"got {half_life_s:g} s, {alpha_beta_gy:g} Gy and {repair_half_time_s:g} s"
        )
    dose = np.asarray(dose_gy, dtype=np.float64)
    protraction = repair_half_time_s / (repair_half_time_s + half_life_s)
    return np.asarray(dose * (1.0 + dose * (protraction / alpha_beta_gy)))


def eqd2_gy(bed_gy: npt.ArrayLike, alpha_beta_gy: float) -> FloatArray:
    """Dose in fractions of 2 Gy with the same BED, Gy: ``EQD2 = BED / (1 + 2 / (alpha/beta))``.

    Parameters
    ----------
    bed_gy : array_like, any shape
    alpha_beta_gy : float
        Above zero.
    """
    if not alpha_beta_gy > 0:
        raise InputError(f"EQD2 needs an alpha/beta above 0, got {alpha_beta_gy:g} Gy")
    bed = np.asarray(bed_gy, dtype=np.float64)
    return np.asarray(bed / (1.0 + REFERENCE_FRACTION_GY / alpha_beta_gy))


def eud_gy(
    dose_gy: npt.ArrayLike, alpha_per_gy: float, weights: npt.ArrayLike | None = None
) -> float:
    """Equivalent uniform dose, Gy: the uniform dose that leaves the same fraction alive.

    ``EUD = -ln(mean exp(-alpha D)) / alpha``, the mean taken by volume. With BED in place of ``D``
    it is the equivalent uniform BED.

    Parameters
    ----------
    dose_gy : array_like, (voxels,)
    alpha_per_gy : float
        Radiosensitivity, above zero.
    weights : array_like, (voxels,), optional
        Volume of each voxel; all the same where not given.
    """
    if not alpha_per_gy > 0:
        raise InputError(f"EUD needs an alpha above 0 per Gy, got {alpha_per_gy:g}")
    dose = np.asarray(dose_gy, dtype=np.float64)
    if dose.size == 0:
        raise InputError("EUD needs at least one voxel, got none; check the region")
    share = np.ones_like(dose) if weights is None else np.asarray(weights, dtype=np.float64)
    lowest = float(dose.min())  # taken out of the mean, so that no exponential underflows
    alive = float(np.average(np.exp(-alpha_per_gy * (dose - lowest)), weights=share))
    return lowest - math.log(alive) / alpha_per_gy


@dataclass(frozen=True, slots=True)
class TissueResponse:
    """Linear-quadratic parameters of one tissue, with where they come from."""

    tissue: str
    alpha_per_gy: float
    alpha_beta_gy: float
    repair_half_time_s: float
    sources: tuple[str, ...] = ()
    """Source key of each parameter in turn; "assumption" where no publication was read."""
    is_verified: bool = False
    """True where every parameter was read in its source."""

    @property
    def text(self) -> str:
        """One line for beside the numbers: tissue, parameters and where they come from."""
        parts = (
            f"alpha {self.alpha_per_gy:g}/Gy",
            f"alpha/beta {self.alpha_beta_gy:g} Gy",
            f"repair half-time {self.repair_half_time_s / SECONDS_PER_HOUR:g} h",
        )
        sourced = ", ".join(
            f"{part} ({source})" for part, source in zip(parts, self.sources, strict=True)
        )
        return f"{self.tissue}: {sourced}" + ("" if self.is_verified else "; not verified")

    def bed_gy(self, dose_gy: FloatArray, half_life_s: float) -> FloatArray:
        """BED of each dose, Gy; see `bed_gy`."""
        return bed_gy(dose_gy, half_life_s, self.repair_half_time_s, self.alpha_beta_gy)

    def eqd2_gy(self, bed_gy: float) -> float:
        """EQD2 of a BED, or mean EQD2 of a mean BED, Gy; see `eqd2_gy`."""
        return float(eqd2_gy(bed_gy, self.alpha_beta_gy))

    def eud_gy(self, dose_gy: FloatArray, weights: FloatArray) -> float:
        """Equivalent uniform dose, Gy; see `eud_gy`."""
        return eud_gy(dose_gy, self.alpha_per_gy, weights)


def _rows() -> tuple[Table, ...]:
    return load_table("radiobiology").rows["response"]


def response_names() -> tuple[str, ...]:
    """Names of the parameter sets in ``tables/radiobiology.toml``, sorted."""
    return tuple(sorted({row.text("name") for row in _rows()}))


def tissue_response(
    tissue: str, name: str = "literature", *, product: str | None = None
) -> TissueResponse:
    """The parameters of "liver" or "tumour" in one named set.

    Parameters
    ----------
    tissue, name : str
    product : str, optional
        Parameters that a source gives for this product come before those for any.

    Raises
    ------
    UnknownNameError
    """
    for wanted in (product, "any"):
        for row in _rows():
            described = (row.text("tissue"), row.text("name"))
            if described == (tissue, name) and wanted in row.text("products", "any").split():
                return _response(tissue, row)
    known = ", ".join(f"{row.text('tissue')} ({row.text('name')})" for row in _rows())
    raise UnknownNameError(f"no radiobiology for {tissue!r} in set {name!r}; choose one of {known}")


def _response(tissue: str, row: Table) -> TissueResponse:
    keys = ("alpha_per_gy", "alpha_beta_gy", "repair_half_time_h")
    alpha, ratio, repair = (row.quantity(key) for key in keys)
    return TissueResponse(
        tissue=tissue,
        alpha_per_gy=alpha.value,
        alpha_beta_gy=ratio.value,
        repair_half_time_s=repair.value * SECONDS_PER_HOUR,
        sources=(alpha.source, ratio.source, repair.source),
        is_verified=alpha.verified and ratio.verified and repair.verified,
    )


def tissue_responses(
    name: str = "literature", *, product: str | None = None
) -> Mapping[str, TissueResponse]:
    """Parameters by region name or role, as `dose.statistics.region_doses` takes them."""
    return {
        region: tissue_response(tissue, name, product=product)
        for region, tissue in RESPONSE_REGIONS.items()
    }
