"""The cards of page 1: of a plan what to draw up, of a verification what was given."""

from __future__ import annotations

from collections.abc import Sequence

from opensirt.case import Treatment
from opensirt.findings import Finding, printed
from opensirt.physics.products import product
from opensirt.plan.plan import Plan
from opensirt.report.parts import Row
from opensirt.report.tables import closest_limit
from opensirt.units import BQ_PER_GBQ, BQ_PER_MBQ, MBQ_PER_MCI

__all__ = ["headline", "previous_lung_gy"]


def previous_lung_gy(plan: Plan) -> float:
    """Lung dose of earlier treatments, from the plan's own record."""
    inputs = plan.provenance.options.get("planning input", {})
    return float(inputs.get("previous_lung_dose_gy", 0.0))


def headline(
    plan: Plan, engine: str, findings: Sequence[Finding], given: Treatment | None = None
) -> tuple[Row, ...]:
    """The cards of page 1: which activity, of what, for whom, and what decided it.

    `given` is what was given, where the plan verifies that.
    """
    rows = [
        *(_given_rows(plan, given) if plan.is_given else _planned_rows(plan)),
        Row("Product", product(plan.product).label, _spheres(plan)),
        Row(
            "Indication, intent", f"{plan.indication.upper()}, {plan.intent}", _not_chosen(findings)
        ),
        Row("Dose model" if plan.is_given else "Planning model", plan.model, _prescription(plan)),
        Row("Dose engine", engine, f"{plan.dose_constant_gy_kg_per_gbq:.2f} Gy kg/GBq"),
        _limit_row(plan),
    ]
    if plan.bsa_m2 is not None:
        rows.append(Row("Body surface area", f"{plan.bsa_m2:.2f} m²"))
    return tuple(rows)


def _planned_rows(plan: Plan) -> tuple[Row, ...]:
    return (
        Row(
            "Activity to draw up",
            _gbq(plan.activity_bq),
            f"{_mci(plan.activity_bq)}, at the time of injection",
        ),
        Row(
            "Delivered activity",
            _gbq(plan.delivered_activity_bq),
            f"residual fraction {plan.residual_fraction:.1%}",
        ),
    )


def _given_rows(plan: Plan, given: Treatment | None) -> tuple[Row, ...]:
    when = None if given is None else given.injected
    at = f", {when:%Y-%m-%d %H:%M %Z}" if when is not None else ", time not stated"
    bq = plan.delivered_activity_bq
    rows = [Row("Activity given, as stated", _gbq(bq), f"{_mci(bq)}{at}")]
    if plan.residual_fraction > 0:
        note = f"residual fraction {plan.residual_fraction:.1%}"
        rows.append(Row("Activity drawn up", _gbq(plan.activity_bq), note))
    return tuple(rows)


def _limit_row(plan: Plan) -> Row:
    closest = closest_limit(plan, previous_lung_gy(plan))
    if plan.is_given:
        return Row("Closest limit", closest.removeprefix("closest: ") or "none applies")
    binding = printed(plan.binding_limit) if plan.binding_limit else "none: prescribed"
    return Row("Binding limit", binding, closest)


def _gbq(activity_bq: float) -> str:
    return f"{activity_bq / BQ_PER_GBQ:.2f} GBq"


def _mci(activity_bq: float) -> str:
    return f"{activity_bq / BQ_PER_MBQ / MBQ_PER_MCI:.1f} mCi"


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
    if plan.is_given:
        return "doses of the activity given"
    kind, value = plan.prescription.kind, plan.prescription.value
    if kind == "binding-limit" or value is None:
        return "largest activity that keeps every limit"
    if kind == "activity":
        return f"prescribed by activity, {value / BQ_PER_GBQ:.2f} GBq"
    return f"prescribed by {kind.replace('-', ' ')}, {value:.4g} Gy"
