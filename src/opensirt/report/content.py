"""The report as data: every row, table and picture, before any layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opensirt.case import Case
from opensirt.dose.dvh import Dvh
from opensirt.dose.statistics import RegionDose
from opensirt.findings import AcceptedStop, Finding, Severity, stops_of, worst_severity
from opensirt.io.dicom_identity import Identity
from opensirt.physics.products import product
from opensirt.plan.plan import Formula, Plan
from opensirt.report.figures import Picture
from opensirt.report.parts import OrganDose, Row, Table
from opensirt.report.tables import closest_limit, dose_table, effect_table, limit_table, organ_table
from opensirt.report.words import merged_findings, printed, reference_rows
from opensirt.units import BQ_PER_GBQ, BQ_PER_MBQ, MBQ_PER_MCI

__all__ = ["NOTICE", "Report", "Row", "Table", "describe_report"]

NOTICE = (
    "Research software. Not a medical device. Every number must be checked by a qualified medical "
    "physicist before it is used for a patient."
)
LONGEST_OPTION = 160
"""Characters of a recorded option that still read well on paper."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown to the person who signs; HTML and PDF are made from this alone."""

    case_id: str
    created: str
    patient: tuple[Row, ...]
    """Who the patient is, where that was asked for; otherwise empty."""
    headline: tuple[Row, ...]
    verdict: Severity | None
    stops: tuple[Finding, ...]
    accepted: AcceptedStop | None
    """Who took the stops upon themselves; None also where nothing stops."""
    findings: tuple[Finding, ...]
    """Gravest first, repeats merged; `results` holds each."""
    study: tuple[Row, ...]
    limit_table: Table
    lung: tuple[Row, ...]
    dose_table: Table
    effect_table: Table | None
    organ_table: Table | None
    formulae: tuple[Formula, ...]
    pictures: tuple[Picture, ...]
    assumptions: tuple[str, ...]
    left_out: tuple[Row, ...]
    provenance: tuple[Row, ...]
    references: tuple[Row, ...]
    notice: str
    doses: tuple[RegionDose, ...]
    histograms: tuple[tuple[str, Dvh], ...]
    """Region name and curve, for the objects written beside the report."""
    results: Mapping[str, Any]
    """What `results.json` holds."""
    engine_table: Table | None = None
    """Other dose engines on the same activity, where they were asked for or disagree."""
    identity: Identity | None = None
    """For the DICOM objects written beside the report."""


def describe_report(
    case: Case,
    plan: Plan,
    engine: str,
    doses: Sequence[RegionDose],
    *,
    organs: Sequence[OrganDose] = (),
    histograms: Sequence[tuple[str, Dvh]],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    results: Mapping[str, Any],
    engine_table: Table | None = None,
    accepted: AcceptedStop | None = None,
    identity: Identity | None = None,
) -> Report:
    """Bring a plan and its dose into the order and words of the report."""
    every = tuple(findings)
    stops = stops_of(every)
    sources = (
        *(f.source for f in every),
        *(f.source for f in plan.formulae),
        *plan.provenance.citations,
        *case.provenance.citations,
    )
    stated = (*case.provenance.assumptions, *plan.provenance.assumptions)
    return Report(
        case_id=case.id,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        patient=_patient_rows(identity),
        headline=_headline(plan, engine, every),
        verdict=worst_severity(every),
        stops=stops,
        accepted=accepted if stops else None,
        findings=merged_findings(every),
        study=_study_rows(case),
        limit_table=limit_table(plan, doses, organs, _previous_lung_gy(plan)),
        lung=_lung_rows(plan),
        dose_table=dose_table(plan, doses),
        effect_table=effect_table(doses),
        organ_table=organ_table(organs),
        formulae=plan.formulae,
        pictures=tuple(pictures),
        assumptions=_assumptions(stated, every),
        left_out=_left_out_rows(case),
        provenance=_provenance_rows(results["provenance"]),
        references=reference_rows(plan, sources),
        notice=NOTICE,
        doses=tuple(doses),
        histograms=tuple(histograms),
        results=results,
        engine_table=engine_table,
        identity=identity,
    )


def _patient_rows(identity: Identity | None) -> tuple[Row, ...]:
    """What the study says of the patient, where it is kept."""
    if identity is None:
        return ()
    facts = identity.as_dict()
    return tuple(Row(key.replace("_", " "), value) for key, value in facts.items() if value)


def _assumptions(stated: Sequence[str], findings: Sequence[Finding]) -> tuple[str, ...]:
    """What is assumed and stands in no finding already."""
    said = {finding.text for finding in findings}
    return tuple(printed(text) for text in dict.fromkeys(stated) if text not in said)


def _previous_lung_gy(plan: Plan) -> float:
    """Lung dose of earlier treatments, from the plan's own record."""
    inputs = plan.provenance.options.get("planning input", {})
    return float(inputs.get("previous_lung_dose_gy", 0.0))


def _headline(plan: Plan, engine: str, findings: Sequence[Finding]) -> tuple[Row, ...]:
    """The cards of page 1: what to draw up, of what, for whom, and what decided it."""
    gbq = plan.activity_bq / BQ_PER_GBQ
    mci = plan.activity_bq / BQ_PER_MBQ / MBQ_PER_MCI
    binding = printed(plan.binding_limit) if plan.binding_limit else "none: prescribed"
    rows = [
        Row("Activity to draw up", f"{gbq:.2f} GBq", f"{mci:.1f} mCi, at the time of injection"),
        Row(
            "Delivered activity",
            f"{plan.delivered_activity_bq / BQ_PER_GBQ:.2f} GBq",
            f"residual fraction {plan.residual_fraction:.1%}",
        ),
        Row("Product", product(plan.product).label, _spheres(plan)),
        Row(
            "Indication, intent", f"{plan.indication.upper()}, {plan.intent}", _not_chosen(findings)
        ),
        Row("Planning model", plan.model, _prescription(plan)),
        Row("Dose engine", engine, f"{plan.dose_constant_gy_kg_per_gbq:.2f} Gy kg/GBq"),
        Row("Binding limit", binding, closest_limit(plan, _previous_lung_gy(plan))),
    ]
    if plan.bsa_m2 is not None:
        rows.append(Row("Body surface area", f"{plan.bsa_m2:.2f} m²"))
    return tuple(rows)


def _not_chosen(findings: Sequence[Finding]) -> str:
    """Which of the two nobody chose."""
    codes = {finding.code for finding in findings}
    words = [w for w in ("indication", "intent") if f"{w}-not-chosen" in codes]
    return f"{' and '.join(words)} not chosen: default" if words else "as chosen"


def _spheres(plan: Plan) -> str:
    """How many spheres reach the patient."""
    spheres = plan.spheres
    if spheres is None:
        return ""
    per_sphere = f"{spheres.activity_per_sphere_bq:.0f} Bq each"
    return f"about {spheres.count / 1e6:.2g} million spheres at {per_sphere}"


def _prescription(plan: Plan) -> str:
    kind, value = plan.prescription.kind, plan.prescription.value
    if kind == "binding-limit" or value is None:
        return "largest activity that keeps every limit"
    if kind == "activity":
        return f"prescribed by activity, {value / BQ_PER_GBQ:.2f} GBq"
    return f"prescribed by {kind.replace('-', ' ')}, {value:.4g} Gy"


def _study_rows(case: Case) -> tuple[Row, ...]:
    rows = [Row("Case", case.id, "pseudonym")]
    for image in case.images:
        when = image.acquired.strftime("%Y-%m-%d %H:%M") if image.acquired else "time not stated"
        notes = "; ".join((str(image.volume.grid), when, *image.notes))
        nuclide = f", {image.volume.nuclide}" if image.volume.nuclide else ""
        rows.append(Row(f"Image, {image.role}", f"{image.label}{nuclide}", notes))
    facts = [
        f"{case.patient.height_cm:.0f} cm" if case.patient.height_cm else "",
        f"{case.patient.weight_kg:.0f} kg" if case.patient.weight_kg else "",
        f"sex {case.patient.sex}" if case.patient.sex else "",
    ]
    if any(facts):
        rows.append(Row("Patient", ", ".join(fact for fact in facts if fact)))
    return tuple(rows)


def _left_out_rows(case: Case) -> tuple[Row, ...]:
    """What was not used, by reason; of many for one reason the names in one row."""
    by_reason: dict[str, list[str]] = {}
    for item in case.left_out:
        by_reason.setdefault(item.why, []).append(item.what)
    return tuple(
        Row(names[0] if len(names) == 1 else f"{len(names)} of one kind", why,
            "" if len(names) == 1 else ", ".join(names))
        for why, names in by_reason.items()
    )  # fmt: skip


def _lung_rows(plan: Plan) -> tuple[Row, ...]:
    lung = plan.lung
    return (
        Row("Lung shunt", f"{lung.shunt_fraction:.1%}", lung.shunt_source),
        Row("Lung mass", f"{lung.mass_g:.0f} g", lung.mass_source),
        Row("Mean lung dose", f"{lung.dose_gy:.1f} Gy", "this treatment alone"),
    )


def _plain(value: Any) -> str:
    """An option as text; of several facts, those that were given."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        facts = ((key.replace("_", " "), _plain(fact)) for key, fact in value.items())
        return ", ".join(f"{key} {fact}" for key, fact in facts if fact)
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _provenance_rows(record: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = [Row("Written", str(record["created"]))]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    rows.append(Row("Versions", versions))
    for key, value in record["options"].items():
        text = _plain(value)
        if not text:
            continue
        shown = text if len(text) <= LONGEST_OPTION else "see results.json"
        rows.append(Row(f"Option {key.replace('_', ' ')}", shown))
    rows += [
        Row(f"Input {key}", str(value)[:16], "SHA-256") for key, value in record["inputs"].items()
    ]
    return tuple(rows)
