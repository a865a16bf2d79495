"""What `results.json` holds; its schema is docs/formats/results.schema.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from opensirt.case import Case
from opensirt.dose.statistics import RegionDose
from opensirt.findings import AcceptedStop, Finding, stops_of
from opensirt.plan.plan import Plan, PlannedDose
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
        "planned": [asdict(part) for part in _planned(plan)],
        "regions": [
            *(asdict(dose) for dose in doses),
            *(
                {
                    **asdict(organ.dose),
                    "from_tails_gy": organ.from_tails_gy,
                    "scenario": organ.scenario,
                }
                for organ in organs
            ),
        ],
        "findings": [finding.as_dict() for finding in findings],
        "left_out": [item.as_dict() for item in case.left_out],
        "stop": _stop(findings, accepted, plan.is_given),
        "provenance": dict(provenance),
    }


def _planned(plan: Plan) -> Iterator[PlannedDose]:
    """Each compartment whose mean dose the model knows."""
    for part in (*plan.tumours, plan.perfused, plan.normal, plan.whole_normal, plan.whole_liver):
        if part is not None:
            yield part


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
