"""From an image to activity concentration at injection: patient-relative or absolute.

Patient-relative calibration needs no camera factor: microspheres stay where they lodge, so the part
of the injected activity that does not go to the lungs is shared out over the counts of the perfused
liver. Absolute calibration takes an image that is already in Bq/mL.

References
----------
.. [chiesa2021] EANM dosimetry committee, standard operating procedure for radioembolization.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from opensirt.errors import CaseError, InputError, RegionError, UnitMismatchError
from opensirt.findings import Finding, as_fraction, percent
from opensirt.image import Region, Volume
from opensirt.physics.nuclides import nuclide as nuclide_of
from opensirt.quantify.calibration_findings import (
    agreement_findings,
    background_findings,
    elsewhere_findings,
    negative_findings,
)
from opensirt.quantify.decay import at_injection
from opensirt.quantify.truncation import edges_touched
from opensirt.units import BQ_PER_GBQ, Unit

__all__ = ["CalibrationSummary", "absolute_activity", "patient_relative_activity"]

FloatArray = npt.NDArray[np.float32]
SOURCE = "chiesa2021"


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """What a calibration did, for the report; fractions are of the non-negative counts."""

    method: str
    """"patient-relative" or "absolute"."""
    injected_bq: float
    """Activity at injection that the map belongs to, lung shunt included."""
    in_map_bq: float
    """Integral of the activity map."""
    carrier: str = ""
    """Name of the region over which the activity was shared out."""
    bq_per_unit: float = 1.0
    """Bq in a voxel per count, or per (Bq/mL x mL), of the image after background."""
    lung_shunt_fraction: float | None = None
    lungs_in_map_fraction: float = 0.0
    """Part of the shunted activity that lies in the map; the rest is outside the image."""
    elsewhere_fraction: float | None = None
    """Counts outside liver and lungs over all counts: scatter and free pertechnetate, not beads."""
    negative_fraction: float = 0.0
    """Size of the negative values that were set to zero, over the positive ones."""
    background: float = 0.0
    """Value subtracted from every voxel before use, in the unit of the image."""
    findings: tuple[Finding, ...] = ()


def patient_relative_activity(
    image: Volume,
    carrier: Region,
    *,
    lung_shunt_fraction: float,
    lungs: Region | None,
    nuclide: str,
    injected_bq: float = BQ_PER_GBQ,
    liver: Region | None = None,
    density: Volume | None = None,
    lung_mass_g: float | None = None,
    background: float = 0.0,
) -> tuple[Volume, CalibrationSummary]:
    """Activity concentration at injection, by sharing out the injected activity over counts.

    ``a_i = injected (1 - L) w_i / (V sum(w))`` with ``w_i`` the counts above background in voxel
    i (negative ones as zero) times the fraction of the voxel inside `carrier`, V the voxel volume.
    Counts outside the carrier are scatter and free pertechnetate; ``injected L`` goes to the lungs.

    Parameters
    ----------
    image : Volume, (slice, row, column), counts or Bq/mL
        Where the (surrogate) spheres are; only its shape is used.
    carrier : Region on the grid of `image`
        The perfused liver, or the whole liver where no perfused region is known.
    lung_shunt_fraction : float
        Part of the injected activity that passes to the lungs, in [0, 1).
    lungs : Region on the same grid, or None
        A voxel shared with the carrier counts for the carrier.
    nuclide : str
        Nuclide of the treatment ("y90"), not of the surrogate.
    injected_bq : float
        Activity at injection that the map shall belong to; `Plan.scale` changes it later.
    liver : Region, optional
        For the fraction of counts elsewhere; the carrier where not given.
    density : Volume, g/mL, same grid, optional
        Spreads the shunted activity over the lungs in view by mass instead of by volume.
    lung_mass_g : float, optional
        Mass of the whole lungs: where the image cuts them, only the share in view is placed.
    background : float
        Value subtracted from every voxel, in the unit of the image.

    Returns
    -------
    (Volume in Bq/mL float32 on the grid of `image`, at "injection", CalibrationSummary)

    Raises
    ------
    UnitMismatchError, GridMismatchError, RegionError, InputError
    """
    _check_relative_input(image, carrier, lung_shunt_fraction, injected_bq, background)
    weights, negative_fraction = _weights(image, carrier, background)
    total, voxel_ml = float(weights.sum(dtype=np.float64)), image.grid.voxel_volume_ml
    stays_bq = injected_bq * (1.0 - lung_shunt_fraction)
    values = np.zeros(image.grid.shape, dtype=np.float32)
    values[carrier.box] = weights * np.float32(stays_bq / (total * voxel_ml))
    visible = lungs - carrier if lungs is not None else None
    placed, lung_findings = _add_lungs(
        values, visible, injected_bq * lung_shunt_fraction, density, lung_mass_g
    )
    elsewhere = _elsewhere_fraction(image, (liver or carrier) | carrier, visible, background)
    name = nuclide_of(nuclide).name
    activity = Volume(values, image.grid, Unit.BQ_PER_ML, name, "injection", injected_bq)
    return activity, CalibrationSummary(
        method="patient-relative",
        injected_bq=injected_bq,
        in_map_bq=activity.total(),
        carrier=carrier.name,
        bq_per_unit=stays_bq / (total * (1.0 if image.unit is Unit.COUNTS else voxel_ml)),
        lung_shunt_fraction=lung_shunt_fraction,
        lungs_in_map_fraction=placed,
        elsewhere_fraction=elsewhere,
        negative_fraction=negative_fraction,
        background=background,
        findings=(
            *elsewhere_findings(elsewhere),
            *negative_findings(negative_fraction),
            *background_findings(background, image.unit),
            *(lung_findings if lung_shunt_fraction > 0 else ()),
        ),
    )


def absolute_activity(
    image: Volume,
    *,
    nuclide: str,
    injection: datetime | None,
    administered_bq: float | None = None,
    keep_negative: bool = False,
) -> tuple[Volume, CalibrationSummary]:
    """Activity concentration at injection from an image in Bq/mL, by decay alone.

    Parameters
    ----------
    image : Volume, (slice, row, column), Bq/mL
        Its `time` is the aware instant that its values are decay-corrected to, or "injection".
    nuclide : str
        Nuclide of the treatment; an image that names another nuclide is refused.
    injection : datetime (aware), or None where the image is at "injection" already
    administered_bq : float, optional
        Net activity given, at injection; compared with the total in the image.
    keep_negative : bool
        Keep negative values (regional means stay unbiased); otherwise they become zero.

    Returns
    -------
    (Volume in Bq/mL float32 at "injection", CalibrationSummary)

    Raises
    ------
    UnitMismatchError
        For counts: they have no absolute scale.
    InputError
        For an unknown time, another nuclide, or an image older than the injection.
    """
    if image.unit is not Unit.BQ_PER_ML:
        raise UnitMismatchError(
            f"absolute calibration needs an image in Bq/mL, got {image.unit.value}; "
            "use patient-relative calibration for counts"
        )
    if administered_bq is not None and not administered_bq > 0:
        raise InputError(f"the administered activity must be above 0 Bq, got {administered_bq}")
    activity = at_injection(image, nuclide, injection)
    values = np.asarray(activity.values, dtype=np.float32)
    _require_finite(values, "the activity image")
    positive = float(np.maximum(values, 0).sum(dtype=np.float64))
    negative = float(values.sum(dtype=np.float64)) - positive
    if not positive > 0:
        raise CaseError("the activity image holds no activity; check its unit and rescale slope")
    if negative < 0 and not keep_negative:
        values = np.maximum(values, np.float32(0.0))
    activity = activity.with_values(values)
    in_view_bq = activity.total()
    injected_bq = administered_bq if administered_bq is not None else in_view_bq
    negative_fraction = -negative / positive
    return replace(activity, injected_bq=injected_bq), CalibrationSummary(
        method="absolute",
        injected_bq=injected_bq,
        in_map_bq=in_view_bq,
        negative_fraction=negative_fraction,
        findings=(
            *negative_findings(negative_fraction, kept=keep_negative),
            *agreement_findings(in_view_bq, administered_bq),
        ),
    )


def _check_relative_input(
    image: Volume, carrier: Region, shunt: float, injected_bq: float, background: float
) -> None:
    if image.unit not in (Unit.COUNTS, Unit.BQ_PER_ML):
        raise UnitMismatchError(
            f"patient-relative calibration needs counts or Bq/mL, got {image.unit.value}"
        )
    image.require(image.unit, grid=carrier.grid)
    if not 0.0 <= shunt < 1.0:
        raise InputError(
            f"the lung shunt fraction must be from 0 to below 1 ({as_fraction(shunt)}), got {shunt}"
        )
    if not (injected_bq > 0 and np.isfinite(injected_bq)):
        raise InputError(f"the injected activity must be above 0 Bq, got {injected_bq}")
    if not (background >= 0 and np.isfinite(background)):
        raise InputError(f"the background must be 0 or more, got {background}")
    if carrier.is_empty:
        raise RegionError(
            f"region {carrier.name!r} is empty on the activity image; check that the images overlap"
        )


def _weights(image: Volume, carrier: Region, background: float) -> tuple[FloatArray, float]:
    """Counts above background times covered fraction, on the carrier's box; negative part."""
    part = np.asarray(image.values[carrier.box], dtype=np.float32) - np.float32(background)
    part *= carrier.fractions
    _require_finite(part, f"the image inside {carrier.name!r}")
    weights = np.maximum(part, np.float32(0.0))
    positive = float(weights.sum(dtype=np.float64))
    if not positive > 0:
        raise CaseError(
            f"region {carrier.name!r} holds no counts above {background:g}; "
            "check the image, the region and the background"
        )
    return weights, 1.0 - float(part.sum(dtype=np.float64)) / positive


def _add_lungs(
    values: FloatArray,
    lungs: Region | None,
    shunted_bq: float,
    density: Volume | None,
    lung_mass_g: float | None,
) -> tuple[float, tuple[Finding, ...]]:
    """Spread the shunted activity over the lungs in `values`; the part placed, and findings."""
    if lungs is None or lungs.is_empty:
        text = "The lungs are not in the activity image: the shunted activity is not in the map."
        return 0.0, (Finding("note", "lungs-outside-map", text, SOURCE),)
    shares = lungs.fractions.astype(np.float32)
    if density is not None:
        mass = density.require(Unit.G_PER_ML, grid=lungs.grid)[lungs.box]
        shares = shares * np.asarray(mass, dtype=np.float32)
    total = float(shares.sum(dtype=np.float64))
    if not total > 0:
        raise RegionError(f"region {lungs.name!r} has no mass on the density map")
    voxel_ml = lungs.grid.voxel_volume_ml
    cut = edges_touched(lungs)
    placed = 1.0
    findings: tuple[Finding, ...] = ()
    if cut:
        if density is not None and lung_mass_g is not None:
            placed = min(1.0, total * voxel_ml / lung_mass_g)
        text = (
            f"The lungs reach the edge of the activity image ({', '.join(cut)}); "
            f"{percent(placed)} of the shunted activity is placed in the part in view."
        )
        findings = (Finding("warn", "lungs-cut-by-activity-image", text, SOURCE),)
    values[lungs.box] += shares * np.float32(shunted_bq * placed / (total * voxel_ml))
    return placed, findings


def _elsewhere_fraction(
    image: Volume, liver: Region, lungs: Region | None, background: float
) -> float:
    """Non-negative counts outside liver and lungs, over all of them, slice by slice."""
    everything = 0.0
    for part in image.values:
        above = np.asarray(part, dtype=np.float64) - background
        everything += float(np.maximum(above, 0.0, out=above).sum())
    inside = _positive_sum(image, liver, background)
    if lungs is not None and not lungs.is_empty:
        inside += _positive_sum(image, lungs - liver, background)
    return max(0.0, 1.0 - inside / everything)


def _positive_sum(image: Volume, region: Region, background: float) -> float:
    values, fractions = region.values_of(image)
    return float(np.maximum(values - background, 0.0) @ fractions.astype(np.float64))


def _require_finite(values: FloatArray, what: str) -> None:
    if not np.isfinite(values.sum(dtype=np.float64)):
        raise InputError(f"{what} holds values that are not numbers (NaN or infinite)")
