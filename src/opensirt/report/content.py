"""The report as data: every row, table and picture, before any layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opensirt.case import Case
from opensirt.dose.dvh import Dvh
from opensirt.dose.statistics import RegionDose
from opensirt.findings import Finding, Severity, worst_severity
from opensirt.physics.products import product
from opensirt.physics.references import cite
from opensirt.plan.plan import Formula, Plan, PlannedDose
from opensirt.report.figures import Picture
from opensirt.units import BQ_PER_GBQ, BQ_PER_MBQ, MBQ_PER_MCI

__all__ = ["NOTICE", "Report", "Row", "Table", "describe_report"]

NOTICE = (
    "Research software. Not a medical device. Every number must be checked by a qualified medical "
    "physicist before it is used for a patient."
)
LONGEST_OPTION = 160
"""Characters of a recorded option that still read well on paper."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value, with a remark where it needs one."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column is text and whose others are numbers, already formatted."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown to the person who signs; HTML and PDF are made from this alone."""

    case_id: str
    created: str
    headline: tuple[Row, ...]
    verdict: Severity | None
    findings: tuple[Finding, ...]
    study: tuple[Row, ...]
    plan_table: Table
    lung: tuple[Row, ...]
    dose_table: Table
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


def describe_report(
    case: Case,
    plan: Plan,
    engine: str,
    doses: Sequence[RegionDose],
    *,
    histograms: Sequence[tuple[str, Dvh]],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    results: Mapping[str, Any],
    engine_table: Table | None = None,
) -> Report:
    """Bring a plan and its dose into the order and words of the report."""
    every = tuple(findings)
    sources = dict.fromkeys(
        key
        for key in (
            *(f.source for f in every),
            *(f.source for f in plan.formulae),
            *plan.provenance.citations,
            *case.provenance.citations,
        )
        if key and key != "assumption"
    )
    return Report(
        case_id=case.id,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        headline=_headline(plan, engine),
        verdict=worst_severity(every),
        findings=tuple(sorted(every, key=lambda f: ("stop", "warn", "note").index(f.severity))),
        study=_study_rows(case),
        plan_table=_plan_table(plan, doses),
        lung=_lung_rows(plan),
        dose_table=_dose_table(doses),
        formulae=plan.formulae,
        pictures=tuple(pictures),
        assumptions=tuple(
            dict.fromkeys((*case.provenance.assumptions, *plan.provenance.assumptions))
        ),
        left_out=tuple(Row(item.what, item.why) for item in case.left_out),
        provenance=_provenance_rows(results["provenance"]),
        references=tuple(Row(key, cite(key)) for key in sources),
        notice=NOTICE,
        doses=tuple(doses),
        histograms=tuple(histograms),
        results=results,
        engine_table=engine_table,
    )


def _headline(plan: Plan, engine: str) -> tuple[Row, ...]:
    gbq = plan.activity_bq / BQ_PER_GBQ
    mci = plan.activity_bq / BQ_PER_MBQ / MBQ_PER_MCI
    rows = [
        Row("Activity to draw up", f"{gbq:.2f} GBq", f"{mci:.1f} mCi, at the time of injection"),
        Row(
            "Delivered activity",
            f"{plan.delivered_activity_bq / BQ_PER_GBQ:.2f} GBq",
            f"residual fraction {plan.residual_fraction:.1%}",
        ),
        Row("Product", product(plan.product).label, _spheres(plan)),
        Row("Planning model", plan.model, _prescription(plan)),
        Row("Dose engine", engine, f"{plan.dose_constant_gy_kg_per_gbq:.2f} Gy kg/GBq"),
    ]
    if plan.binding_limit:
        rows.append(Row("Binding limit", plan.binding_limit))
    if plan.bsa_m2 is not None:
        rows.append(Row("Body surface area", f"{plan.bsa_m2:.2f} m²"))
    return tuple(rows)


def _spheres(plan: Plan) -> str:
    """How many spheres reach the patient."""
    spheres = plan.spheres
    if spheres is None:
        return ""
    per_sphere = f"{spheres.activity_per_sphere_bq:.3g} Bq each"
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
        case.patient.sex,
    ]
    if any(facts):
        rows.append(Row("Patient", ", ".join(fact for fact in facts if fact)))
    return tuple(rows)


def _plan_table(plan: Plan, doses: Sequence[RegionDose]) -> Table:
    voxel = {dose.name: dose.mean_dose_gy for dose in doses}
    compartments: list[PlannedDose] = [
        part
        for part in (plan.perfused, plan.normal, plan.whole_normal, plan.whole_liver)
        if part is not None
    ]
    rows = [
        (
            part.name,
            f"{part.mass_g:.1f}",
            f"{part.activity_fraction:.1%}",
            f"{part.mean_dose_gy:.1f}",
            f"{voxel[part.name]:.1f}" if part.name in voxel else "–",
        )
        for part in (*compartments, *plan.tumours)
    ]
    lungs = (
        "lungs",
        f"{plan.lung.mass_g:.1f}",
        f"{plan.lung.shunt_fraction:.1%}",
        f"{plan.lung.dose_gy:.1f}",
        f"{voxel['lungs']:.1f}" if "lungs" in voxel else "–",
    )
    rows.insert(len(compartments), lungs)
    ratio = plan.tumour_to_normal
    caption = f"Tumour-to-normal ratio {ratio:.2f} (by tumour mass). " if ratio else ""
    return Table(
        "Plan",
        ("Compartment", "Mass (g)", "Activity", "Mean dose, model (Gy)", "Mean dose, voxels (Gy)"),
        tuple(rows),
        caption + "Model: uniform dose per compartment. Voxels: the dose engine on the image.",
    )


def _lung_rows(plan: Plan) -> tuple[Row, ...]:
    lung = plan.lung
    return (
        Row("Lung shunt", f"{lung.shunt_fraction:.1%}", lung.shunt_source),
        Row("Lung mass", f"{lung.mass_g:.0f} g", lung.mass_source),
        Row("Mean lung dose", f"{lung.dose_gy:.1f} Gy", "this treatment alone"),
    )


def _dose_table(doses: Sequence[RegionDose]) -> Table:
    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    rows = [
        (
            dose.name,
            f"{dose.volume_ml:.1f}",
            number(dose.mean_dose_gy),
            number(dose.d95_gy),
            number(dose.d70_gy),
            number(dose.d50_gy),
            number(dose.d2_gy),
            number(dose.bed_gy),
            number(dose.eud_gy),
        )
        for dose in doses
    ]
    columns = ("Region", "Volume (mL)", "Mean", "D95", "D70", "D50", "D2", "BED", "EUD")
    return Table(
        "Absorbed dose in the voxels (Gy)",
        columns,
        tuple(rows),
        "Dx: dose that the hottest x % of the region receives at least. BED and EUD from voxels "
        "where radiobiological parameters are in the tables.",
    )


def _provenance_rows(record: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = [Row("Written", str(record["created"]))]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    rows.append(Row("Versions", versions))
    for key, value in record["options"].items():
        text = str(value)
        shown = text if len(text) <= LONGEST_OPTION else "see results.json"
        rows.append(Row(f"Option {key.replace('_', ' ')}", shown))
    rows += [
        Row(f"Input {key}", str(value)[:16], "SHA-256") for key, value in record["inputs"].items()
    ]
    return tuple(rows)
