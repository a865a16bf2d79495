"""From a distribution and a decided activity to the `Plan` that gets signed."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

from opensirt.errors import PlanError
from opensirt.findings import Finding, Severity, percent
from opensirt.physics.products import product, spheres_in
from opensirt.physics.references import ASSUMPTION
from opensirt.plan.ceilings import ceiling_findings
from opensirt.plan.choices import choice_findings, unknown_fact_findings
from opensirt.plan.consistency import consistency_findings
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution
from opensirt.plan.formulae import lung_formula, residual_formula
from opensirt.plan.limits import applicable_limits, limit_findings
from opensirt.plan.plan import (
    DEFAULT_PURPOSE,
    Formula,
    LungDose,
    Plan,
    PlanningInput,
    Prescription,
)
from opensirt.plan.plausibility import number_findings
from opensirt.plan.rules import rule_findings
from opensirt.provenance import Provenance
from opensirt.units import BQ_PER_GBQ

__all__ = ["assemble", "with_findings"]


def assemble(
    model: str,
    inputs: PlanningInput,
    prescription: Prescription,
    per_gbq: Distribution,
    decision: Decision,
    formulae: tuple[Formula, ...],
    *,
    empiric: bool = False,
) -> Plan:
    """The plan for a decided activity, with its doses, formulae, findings and provenance.

    `empiric` is True where the activity comes from a formula without dose, so that the maker's
    shunt reduction was applied.
    """
    delivered_gbq = decision.delivered_gbq
    if not (delivered_gbq > 0 and math.isfinite(delivered_gbq)):
        raise PlanError(
            f"the activity must be above 0 GBq, model {model!r} gives {delivered_gbq:g}"
        )
    drawn_gbq = delivered_gbq / (1.0 - inputs.residual_fraction)
    doses = per_gbq.times(delivered_gbq)
    limits = applicable_limits(inputs, model)
    of = product(inputs.product)
    spheres = spheres_in(
        of,
        delivered_gbq * BQ_PER_GBQ,
        hours_since_calibration=inputs.hours_since_calibration,
        choice=inputs.activity_per_sphere,
    )
    findings = (
        *decision.findings,
        *choice_findings(inputs),
        *consistency_findings(inputs),
        *unknown_fact_findings(inputs, model),
        *limit_findings(inputs, doses, limits),
        *ceiling_findings(inputs, doses, spheres),
        *rule_findings(inputs, delivered_gbq, drawn_gbq, empiric=empiric),
        *number_findings(inputs),
        *_assumption_findings(inputs),
    )
    used = (
        *decision.formulae,
        *formulae,
        *((lung_formula(inputs, delivered_gbq),) if inputs.lung.is_known else ()),
        *((residual_formula(inputs, delivered_gbq),) if inputs.residual_fraction > 0 else ()),
    )
    lung = inputs.lung
    return Plan(
        model=model,
        product=inputs.product,
        nuclide=of.nuclide_name,
        prescription=_as_followed(prescription),
        activity_bq=drawn_gbq * BQ_PER_GBQ,
        delivered_activity_bq=delivered_gbq * BQ_PER_GBQ,
        dose_constant_gy_kg_per_gbq=inputs.dose_constant_gy_kg_per_gbq,
        lung=LungDose(
            lung.shunt_fraction,
            lung.mass_g,
            doses.lung_dose_gy,
            lung.shunt_source,
            lung.mass_source,
            lung.is_known,
        ),
        perfused=doses.perfused,
        tumours=doses.tumours,
        normal=doses.normal,
        whole_normal=doses.whole_normal,
        whole_liver=doses.whole_liver,
        tumour_to_normal=doses.tumour_to_normal,
        residual_fraction=inputs.residual_fraction,
        indication=inputs.judged_indication,
        intent=inputs.judged_intent,
        spheres=spheres,
        bsa_m2=decision.bsa_m2,
        binding_limit=decision.binding_limit,
        limits=limits,
        formulae=used,
        findings=findings,
        provenance=_provenance(model, inputs, prescription, findings, used),
    )


def _as_followed(prescription: Prescription) -> Prescription:
    """The prescription with what a tumour dose was for, where nobody chose it."""
    if prescription.kind != "tumour-dose" or prescription.purpose is not None:
        return prescription
    return replace(prescription, purpose=DEFAULT_PURPOSE)


def with_findings(plan: Plan, *more: Finding) -> Plan:
    """The plan with more findings, each once."""
    return replace(plan, findings=tuple(dict.fromkeys((*plan.findings, *more))))


def _assumption_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    lung = inputs.lung
    if not lung.is_known:
        return ()  # said with the limits that are not judged for it
    findings = []
    if not _is_known(lung.shunt_source):
        text = f"The lung shunt of {percent(lung.shunt_fraction, 1)} is assumed, not measured."
        findings.append(Finding("warn", "lung-shunt-assumed", text, ASSUMPTION))
    if not _is_known(lung.mass_source):
        text = f"The lung mass of {lung.mass_g:g} g is assumed, not measured."
        severity: Severity = "warn" if lung.shunt_fraction > 0 else "note"
        findings.append(Finding(severity, "lung-mass-assumed", text, ASSUMPTION))
    return tuple(findings)


def _is_known(source: str) -> bool:
    """True for a measured or typed number, and where its origin is not stated."""
    return source == "" or source.startswith(("measured", "given"))


def _provenance(
    model: str,
    inputs: PlanningInput,
    prescription: Prescription,
    findings: tuple[Finding, ...],
    formulae: tuple[Formula, ...],
) -> Provenance:
    sources = [*(f.source for f in formulae), *(f.source for f in findings)]
    cited = tuple(dict.fromkeys(s for s in sources if s and s != ASSUMPTION))
    assumed = tuple(dict.fromkeys(f.text for f in findings if f.source == ASSUMPTION))
    return Provenance(
        options={
            "planning model": model,
            "prescription": prescription.as_dict(),
            "planning input": asdict(inputs),
        },
        citations=cited,
        assumptions=assumed,
    )
