"""Organs at risk: the dose that reaches them, and what the counts seen in them would mean.

The map of a plan holds activity in the perfused liver and the lungs alone, so a gallbladder or a
bowel loop outside gets what kernels carry there. Counts seen in an organ may be spheres or free
pertechnetate; the scenario takes them as spheres, at the activity per count of the liver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.case import Case
from opensirt.dose.engine import dose_engines
from opensirt.dose.statistics import region_doses
from opensirt.findings import Finding, percent
from opensirt.image import Region, Regions, Volume
from opensirt.image.regions import joined
from opensirt.physics.nuclides import Nuclide
from opensirt.quantify.calibration import CalibrationSummary
from opensirt.quantify.compartments import ENCLOSED_ROLES
from opensirt.quantify.thresholds import threshold
from opensirt.quantify.voxels import fullest
from opensirt.report import OrganDose
from opensirt.units import Unit
from opensirt.workflow.setting import Setting

__all__ = ["organ_doses", "organ_findings", "outlined_organs", "placement_findings"]

ROLES = (*ENCLOSED_ROLES, "other")
INSIDE_LIVER = 0.5
"""Part of an outline of role "other" inside the liver from which on it is a part of the liver."""
SEEN_FRACTION = 0.98
"""Part of an organ that the activity image must hold for its mean to be that of the whole."""
SHOWN = 5
"""Organs named one by one in a finding."""


def outlined_organs(case: Case, whole_liver: Region, taken: Sequence[str]) -> tuple[Region, ...]:
    """Gallbladder, stomach, bowel and other outlines of a case, on the grid they were drawn on.

    An outline named like one of `taken` is renamed; parts of the liver ("other", mostly inside
    `whole_liver`) are left out, since their counts belong to the liver.
    """
    drawn = [r for role in ROLES for r in case.regions.with_role(role) if not r.is_empty]
    apart = [
        r
        for r in drawn
        if r.role in ENCLOSED_ROLES or (r & whole_liver).volume_ml < INSIDE_LIVER * r.volume_ml
    ]
    return tuple(r.named(f"{r.name} (outline)") if r.name in taken else r for r in apart)


def organ_doses(
    organs: Sequence[Region],
    setting: Setting,
    image: Volume,
    activity: Volume,
    dose: Volume,
    calibration: CalibrationSummary,
    nuclide: Nuclide,
    *,
    engine: str,
) -> tuple[OrganDose, ...]:
    """Doses of organs on the voxels of the activity image: whole ones, as in `dicom` and tables.

    Parameters
    ----------
    organs : Regions from `outlined_organs`
    image : Volume, counts or Bq/mL
        The activity image that `calibration` belongs to.
    activity, dose : Volume, Bq/mL and Gy, on the grid of `image`
        Of the plan.
    engine : str
        Engine of `dose`. What counts in the organs would add is worked out with "local" where the
        plan is, and with "voxel-convolution" otherwise.
    """
    seen = {organ.name: organ.onto(image.grid) for organ in organs}
    counted = {
        name: replace(part, fractions=fullest(part.fractions, least=1))
        for name, part in seen.items()
    }
    inside = [part for part in seen.values() if not part.is_empty]
    if not inside:
        return ()
    measured = calibration.method == "absolute"
    together = joined(inside)
    added = None if measured else _by_counts(image, together, setting, activity, calibration)
    model = dose_engines.create("local" if engine == "local" else "voxel-convolution")

    def dose_of(part: Volume) -> Volume:
        return model.dose(part, setting.density, nuclide)

    own = dose_of(_within(activity, together))
    total, source = dose, activity
    if added is not None and added.values.any():
        total = dose.with_values(np.add(dose.values, dose_of(added).values))
        source = activity.with_values(np.add(activity.values, added.values))
    figures = region_doses(
        total,
        setting.density,
        source,
        Regions(tuple(inside)),
        nuclide,
        counted=Regions(tuple(counted[part.name] for part in inside)),
    )
    tails = dose.with_values(np.maximum(np.subtract(dose.values, own.values), 0.0))
    whole_ml = {organ.name: organ.volume_ml for organ in organs}
    return tuple(
        OrganDose(
            found,
            counted[found.name].mean_of(tails),
            _scenario(measured, found.volume_ml / whole_ml[found.name]),
            None if measured else counted[found.name].mean_of(dose),
        )
        for found in figures
    )


def organ_findings(organs: Sequence[OrganDose]) -> tuple[Finding, ...]:
    """One finding on all organs, the hottest first; no limit has a source, so none is judged."""
    if not organs:
        return ()
    order = sorted(organs, key=lambda organ: -organ.dose.mean_dose_gy)
    named = [
        f"{o.dose.name} {o.dose.mean_dose_gy:.3g} Gy mean, {o.dose.maximum_gy:.3g} Gy in the "
        f"highest voxel ({o.from_tails_gy:.2g} Gy without its own activity)"
        for o in order[:SHOWN]
    ]
    more = f"; and {len(order) - SHOWN} more" if len(order) > SHOWN else ""
    is_scenario = any(organ.in_map_gy is not None for organ in organs)
    by = "if what the image shows in them is spheres" if is_scenario else "as measured in them"
    text = f"Organs at risk, {by}: {'; '.join(named)}{more}."
    return (Finding("warn", "organ-dose", text, "assumption"),)


def placement_findings(
    setting: Setting, image: Volume, calibration: CalibrationSummary
) -> tuple[Finding, ...]:
    """Activity where the plan expects none: liver outside the perfused volume; elsewhere."""
    parts, limit = setting.compartments, threshold("elsewhere_fraction")
    above = image.with_values(_above(image.values, calibration.background))
    in_liver = parts.whole_liver.sum_of(above)
    outside = parts.whole_liver - parts.perfused
    findings = []
    measured = calibration.method == "absolute"
    if not outside.is_empty and in_liver > 0:
        share = outside.sum_of(above) / in_liver
        fate = (
            "it stays there in the dose map"
            if measured
            else "the plan gives all to the perfused volume and none to that part of the liver"
        )
        text = (
            f"{percent(share, 1)} of the activity seen in the liver lies outside the perfused "
            f"volume; {fate} (attention above {percent(limit.value)})."
        )
        severe = share > limit.value
        code = "activity-outside-perfused"
        findings.append(Finding("warn" if severe else "note", code, text, limit.source))
    if measured:
        findings.append(_elsewhere(setting, above))
    return tuple(findings)


def _elsewhere(setting: Setting, above: Volume) -> Finding:
    """Measured activity outside liver and lungs, which an absolute map keeps."""
    expected = setting.compartments.whole_liver
    if setting.lungs is not None and not setting.lungs.is_empty:
        expected = expected | setting.lungs
    everything = float(above.values.sum(dtype=np.float64))
    share = 1.0 - expected.sum_of(above) / everything if everything > 0 else 0.0
    limit = threshold("elsewhere_fraction")
    text = (
        f"{percent(share, 1)} of the measured activity lies outside liver and lungs, blur and "
        f"noise included; the dose map keeps it (attention above {percent(limit.value)})."
    )
    severe = share > limit.value
    return Finding("warn" if severe else "note", "activity-elsewhere", text, limit.source)


def _by_counts(
    image: Volume,
    organs: Region,
    setting: Setting,
    activity: Volume,
    calibration: CalibrationSummary,
) -> Volume:
    """Activity of the counts in organs outside perfused liver and lungs, Bq/mL."""
    rest = organs - setting.compartments.perfused
    if setting.lungs is not None:
        rest = rest - setting.lungs
    # bq_per_unit is Bq per count of a voxel, or per Bq/mL x mL of it
    per_ml = image.grid.voxel_volume_ml if image.unit is Unit.COUNTS else 1.0
    scale = (activity.injected_bq or 0.0) / calibration.injected_bq
    values = np.zeros(image.grid.shape, dtype=np.float32)
    counts = _above(image.values[rest.box], calibration.background)
    values[rest.box] = counts * rest.fractions * (calibration.bq_per_unit * scale / per_ml)
    return activity.with_values(values)


def _above(values: npt.NDArray[Any], background: float) -> npt.NDArray[np.float32]:
    """What exceeds the background; nothing below it."""
    over = np.asarray(values, dtype=np.float32) - np.float32(background)
    over[over < 0] = 0.0
    return over


def _within(activity: Volume, organs: Region) -> Volume:
    values = np.zeros_like(activity.values)
    values[organs.box] = np.multiply(activity.values[organs.box], organs.fractions)
    return replace(activity, values=values)


def _scenario(measured: bool, seen: float) -> str:
    text = (
        "activity as measured in the organ"
        if measured
        else "counts seen in the organ taken as spheres, at the activity per count of the liver"
    )
    cut = f"; the image holds {percent(seen)} of the organ" if seen < SEEN_FRACTION else ""
    return f"{text}{cut}"
