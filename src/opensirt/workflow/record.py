"""What `results.json` holds; its schema is docs/formats/results.schema.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from opensirt.case import Case
from opensirt.dose.statistics import RegionDose
from opensirt.findings import AcceptedStop, Finding, stops_of
from opensirt.plan.plan import Plan
from opensirt.report import OrganDose
from opensirt.units import BQ_PER_GBQ

__all__ = ["results_record"]


def results_record(
    case: Case,
    plan: Plan,
    engine: str,
    doses: Sequence[RegionDose],
    organs: Sequence[OrganDose],
    findings: tuple[Finding, ...],
    accepted: AcceptedStop | None,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Plain values for JSON, in the units of their names."""
    return {
        "schema": "opensirt-results-1",
        "kind": "verification" if plan.is_given else "plan",
        "case_id": case.id,
        "product": plan.product,
        "nuclide": plan.nuclide,
        "model": plan.model,
        "engine": engine,
        "indication": plan.indication,
        "intent": plan.intent,
        "dose_constant_gy_kg_per_gbq": plan.dose_constant_gy_kg_per_gbq,
        "prescription": plan.prescription.as_dict(),
        "spheres": None if plan.spheres is None else asdict(plan.spheres),
        "binding_limit": plan.binding_limit,
        "activity_gbq": plan.activity_bq / BQ_PER_GBQ,
        "delivered_activity_gbq": plan.delivered_activity_bq / BQ_PER_GBQ,
        "given": _given(case) if plan.is_given else None,
        "residual_fraction": plan.residual_fraction,
        "bsa_m2": plan.bsa_m2,
        "lung": {
            "shunt_fraction": plan.lung.shunt_fraction,
            "mass_g": plan.lung.mass_g,
            "dose_gy": plan.lung.dose_gy,
            "shunt_source": plan.lung.shunt_source,
            "mass_source": plan.lung.mass_source,
        },
        "tumour_to_normal": plan.tumour_to_normal,
        "planned": _planned(plan, doses),
        "regions": [*map(_region, doses), *map(_organ, organs)],
        "findings": [finding.as_dict() for finding in findings],
        "left_out": [item.as_dict() for item in case.left_out],
        "stop": _stop(findings, accepted, plan.is_given),
        "provenance": dict(provenance),
    }


def _planned(plan: Plan, doses: Sequence[RegionDose]) -> list[dict[str, Any]]:
    """Each compartment whose mean dose the model knows, under its name in `regions`."""
    every = (*plan.tumours, plan.perfused, plan.normal, plan.whole_normal, plan.whole_liver)
    shown = {dose.name: dose.shown for dose in doses}
    return [
        {**asdict(part), "name": shown.get(part.name, part.name)}
        for part in every
        if part is not None
    ]


def _region(dose: RegionDose) -> dict[str, Any]:
    """One region under the name that says what it is; of a lesion also that of its outline."""
    row = {**asdict(dose), "name": dose.shown, "structure": dose.shown}
    return {**row, "outline": dose.name} if dose.role == "tumour" else row


def _organ(organ: OrganDose) -> dict[str, Any]:
    in_map_gy = organ.dose.mean_dose_gy if organ.in_map_gy is None else organ.in_map_gy
    return {
        **_region(organ.dose),
        "from_tails_gy": organ.from_tails_gy,
        "mean_in_map_gy": in_map_gy,
        "scenario": organ.scenario,
    }


def _given(case: Case) -> dict[str, Any] | None:
    """What was given, as the study or the person who asked states it."""
    given = case.treatment
    if given is None:
        return None
    return {
        "product": given.product,
        "activity_gbq": given.activity_bq / BQ_PER_GBQ,
        "injected": None if given.injected is None else given.injected.isoformat(),
    }


def _stop(
    findings: tuple[Finding, ...], accepted: AcceptedStop | None, is_given: bool
) -> dict[str, Any]:
    """What stops the plan, who accepted it, and whether there is an RT Plan."""
    codes = list(dict.fromkeys(finding.code for finding in stops_of(findings)))
    return {
        "codes": codes,
        "accepted": asdict(accepted) if codes and accepted is not None else None,
        "rt_plan_written": not is_given and (not codes or accepted is not None),
    }
