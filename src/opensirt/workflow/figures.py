"""Figures of a dose by region, without drawing a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opensirt.case import Case
from opensirt.dose.dvh import Dvh, dose_volume_histogram
from opensirt.dose.statistics import RegionDose, RegionDoseOptions
from opensirt.dose.statistics import region_doses as doses_of
from opensirt.errors import InputError
from opensirt.image import Region, Regions, Volume
from opensirt.physics.limits import Limit
from opensirt.physics.nuclides import Nuclide
from opensirt.plan.plan import Plan, Prescription
from opensirt.quantify.compartments import LiverCompartments
from opensirt.radiobiology import tissue_responses
from opensirt.workflow.belonging import (
    require_case,
    require_kinds,
    require_one_plan,
    require_prepared,
)
from opensirt.workflow.planning import calibrate, nuclide_of
from opensirt.workflow.setting import Setting, make_setting
from opensirt.workflow.structures import structure_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Histograms",
    "RegionDoses",
    "counted_regions",
    "histograms",
    "named_regions",
    "region_doses",
    "report_regions",
]

PERFUSED_NORMAL = "perfused normal liver"
WHOLE_NORMAL = "whole normal liver"
LIMITED_REGIONS = {
    "perfused-normal-mean": PERFUSED_NORMAL,
    "whole-normal-mean": WHOLE_NORMAL,
    "whole-liver-mean": "whole liver",
    "tumour-mean": "tumour",
    "lung-mean": "lungs",
}
"""Where the dose of a limit is looked for, for V(limit)."""


class RegionDoses(tuple[RegionDose, ...]):
    """A `RegionDose` for each region, in order."""

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """A table with one row for each region, indexed by the name that says what it is ("Tumour 1
        viable"); units are in the columns' names. Needs pandas, ``pip install
        'opensirt[tables]'``."""
        return _frame((asdict(dose) | {"name": dose.shown} for dose in self), "name")


class Histograms(tuple[Dvh, ...]):
    """A `Dvh` for each region, in order."""

    __slots__ = ()

    def to_frame(self, points: int = 1000) -> pd.DataFrame:
        """A table of region, dose_gy and the volume_ml that receives at least that dose.

        Needs pandas, ``pip install 'opensirt[tables]'``.
        """
        rows = (
            {"name": curve.name, "dose_gy": dose_gy, "volume_ml": share * curve.volume_ml}
            for curve in self
            for dose_gy, share in zip(*curve.fine(points), strict=True)
        )
        return _frame(rows, "name")


def region_doses(
    case: Case,
    dose: Volume,
    *,
    plan: Plan | None = None,
    activity: Volume | None = None,
    nuclide: Nuclide | None = None,
) -> RegionDoses:
    """Volume, mass, mean, D(x) and the like of liver, compartments, lesions and lungs.

    Parameters
    ----------
    case : Case
        Prepared with `prepare_case`.
    dose : Volume, Gy
        From `compute_dose`.
    plan : Plan, optional
        Gives the limits that V(limit) is of, and the parameters of BED; both stay empty without.
    activity : Volume, Bq/mL, optional
        Behind the dose; made again from the case where not given.
    nuclide : Nuclide, optional
        That of the dose where not given.
    """
    require_prepared(case)
    require_kinds(dose=dose, activity=dose if activity is None else activity)
    require_case(case, "dose", dose)
    if plan is not None:
        require_kinds(plan=plan)
        require_one_plan(case, plan, dose)
    setting = make_setting(case)
    of = nuclide or nuclide_of(dose)
    shown = calibrate(case, of.name)[0] if activity is None else activity
    chosen = RegionDoseOptions()
    if plan is not None:
        chosen = RegionDoseOptions(
            limits_gy=_judged_doses(plan.limits, plan.prescription),
            responses=tissue_responses(product=plan.product),
        )
    regions = report_regions(setting.compartments, setting.lungs)
    counted = counted_regions(setting)
    names = structure_names(setting.drawn.lesions)
    found = doses_of(dose, setting.density, shown, regions, of, chosen, counted)
    return RegionDoses(replace(d, structure=names.get(d.name, d.name)) for d in found)


def histograms(case: Case, dose: Volume) -> Histograms:
    """The dose-volume histogram of each region of `region_doses`."""
    require_prepared(case)
    require_kinds(dose=dose)
    regions = named_regions(make_setting(case))
    return Histograms(dose_volume_histogram(dose, region) for region in regions)


@lru_cache(maxsize=1)
def counted_regions(setting: Setting) -> Regions:
    """The whole voxels behind the doses of each region of the report; the last are kept."""
    return report_regions(setting.counted, setting.lungs)


def named_regions(setting: Setting) -> Regions:
    """`counted_regions` under the names of tables and structures."""
    names = structure_names(setting.drawn.lesions)
    return Regions(tuple(r.named(names.get(r.name, r.name)) for r in counted_regions(setting)))


def report_regions(parts: LiverCompartments, lungs: Region | None) -> Regions:
    """Compartments, lesions and lungs that the report gives doses for."""
    items = list(parts.regions())
    if lungs is not None and not lungs.is_empty:
        items.append(lungs)
    return Regions(tuple(items))


def _judged_doses(limits: Sequence[Limit], wish: Prescription) -> dict[str, float]:
    """The dose that V(limit) is given for, by region: the strictest limit, else the highest aim;
    for tumours what was prescribed for them."""
    caps: dict[str, float] = {}
    aims: dict[str, float] = {}
    for limit in limits:
        place = LIMITED_REGIONS.get(limit.quantity)
        if place is None or limit.unit != "Gy":
            continue
        if limit.is_target:
            aims[place] = max(limit.value_gy, aims.get(place, limit.value_gy))
        else:
            caps[place] = min(limit.value_gy, caps.get(place, limit.value_gy))
    if wish.kind == "tumour-dose" and wish.value is not None:
        aims[LIMITED_REGIONS["tumour-mean"]] = wish.value
    return {**aims, **caps}


def _frame(rows: Iterable[Mapping[str, Any]], index: str) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise InputError(
            "tables need pandas, which is not installed; pip install 'opensirt[tables]'"
        ) from None
    return pd.DataFrame(list(rows)).set_index(index)
