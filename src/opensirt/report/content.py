"""The report as data: every row, table and picture, before any layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opensirt.case import Case
from opensirt.dose.dvh import Dvh
from opensirt.dose.statistics import RegionDose
from opensirt.findings import (
    AcceptedStop,
    Finding,
    Severity,
    merged_findings,
    printed,
    stops_of,
    worst_severity,
)
from opensirt.io.dicom_identity import Identity
from opensirt.plan.plan import Formula, Plan
from opensirt.report.figures import Picture
from opensirt.report.headline import headline, previous_lung_gy
from opensirt.report.parts import OrganDose, Row, Table
from opensirt.report.tables import dose_table, effect_table, limit_table, organ_table
from opensirt.report.words import reference_rows

__all__ = ["NOTICE", "Report", "Row", "Table", "describe_report"]

NOTICE = (
    "Research software. Not a medical device. Every number must be checked by a qualified medical "
    "physicist before it is used for a patient."
)
PLAN, VERIFICATION = "Radioembolization plan", "Radioembolization given: verification"
STOP_PLAN = "STOP: do not treat on this plan."
STOP_GIVEN = "STOP: a limit is broken, or these doses cannot be relied on."
LONGEST_OPTION = 160
"""Characters of a recorded option that still read well on paper."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown to the person who signs; HTML and PDF are made from this alone."""

    case_id: str
    created: str
    title: str
    """What it is: a plan, or the verification of what was given."""
    stop_title: str
    stop_note: str
    """What a stop means here, and what came of it."""
    patient: tuple[Row, ...]
    """Who the patient is, where that was asked for; otherwise empty."""
    headline: tuple[Row, ...]
    verdict: Severity | None
    stops: tuple[Finding, ...]
    accepted: AcceptedStop | None
    """Who took the stops upon themselves; None also where nothing stops."""
    findings: tuple[Finding, ...]
    """Gravest first, repeats merged; `results` holds each."""
    sign_note: str
    """What stands beside the signatures: how many warnings come with them."""
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
    made_of: Mapping[str, str] = field(default_factory=dict)
    """Digests of plan and dose that it is on, so that no other is written beside it."""


def describe_report(
    case: Case,
    plan: Plan,
    engine: str,
    doses: Sequence[RegionDose],
    *,
    organs: Sequence[OrganDose] = (),
    made_of: Mapping[str, str] | None = None,
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
    stops, merged = stops_of(every), merged_findings(every)
    sources = (
        *(f.source for f in every),
        *(f.source for f in plan.formulae),
        *plan.provenance.citations,
        *case.provenance.citations,
    )
    stated = (*case.provenance.assumptions, *plan.provenance.assumptions)
    return Report(
        case_id=case.id,
        title=VERIFICATION if plan.is_given else PLAN,
        stop_title=STOP_GIVEN if plan.is_given else STOP_PLAN,
        stop_note=_stop_note(accepted, plan.is_given),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        patient=_patient_rows(identity),
        headline=headline(plan, engine, every, case.treatment),
        verdict=worst_severity(every),
        stops=stops,
        accepted=accepted if stops else None,
        findings=merged,
        sign_note=_sign_note(merged),
        study=_study_rows(case),
        limit_table=limit_table(plan, doses, organs, previous_lung_gy(plan)),
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
        made_of=made_of or {},
    )


def _sign_note(findings: Sequence[Finding]) -> str:
    number = sum(finding.severity == "warn" for finding in findings)
    if not number:
        return "Without warnings."
    return f"With the {number} warning{'s' * (number > 1)} of this report."


def _stop_note(accepted: AcceptedStop | None, is_given: bool) -> str:
    """What came of a stop, in one or two sentences."""
    if is_given:
        return "The treatment took place; a verification has no RT Plan."
    if accepted is None:
        return "No RT Plan was written."
    return f"Accepted by {accepted.name}: {accepted.reason} The RT Plan is written as UNAPPROVED."


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
