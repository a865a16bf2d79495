"""Doses that no limit of the intent stops: normal liver given up, and what can only be a slip."""

from __future__ import annotations

from opensirt.findings import Finding, Severity, beside, percent
from opensirt.physics.limits import Limit, limits_for
from opensirt.physics.products import SphereNumber
from opensirt.physics.tables import load_table
from opensirt.plan.distribution import Distribution
from opensirt.plan.intents import LOST, largest_part, lost_from, perfused_fraction
from opensirt.plan.plan import PlanningInput

__all__ = ["ceiling_findings"]

MILLION = 1e6


def ceiling_findings(
    inputs: PlanningInput, doses: Distribution, spheres: SphereNumber | None
) -> tuple[Finding, ...]:
    """Doses and sphere numbers beyond what is in use, whatever the limits of the intent say."""
    return (
        *_dose_findings(inputs, doses),
        *_given_up_findings(inputs, doses),
        *_sphere_findings(inputs, spheres),
    )


def _dose_findings(inputs: PlanningInput, doses: Distribution) -> tuple[Finding, ...]:
    most = load_table("plan/attention").quantity("perfused_dose_gy")
    if doses.perfused is None or doses.perfused.mean_dose_gy <= most.value:
        return ()
    found = doses.perfused.mean_dose_gy
    text = (
        f"A mean of {beside(found, most.value, 0)} Gy in the perfused volume is above "
        f"{most.value:g} Gy, more than any treatment gives: check the "
        f"{'activity' if inputs.is_given else 'prescription'} and the masses."
    )
    severity: Severity = "warn" if inputs.is_given else "stop"
    return (Finding(severity, "dose-implausible", text, most.source),)


def _given_up_findings(inputs: PlanningInput, doses: Distribution) -> tuple[Finding, ...]:
    """Perfused normal liver above a dose that loses it, where the intent does not mean that.

    Without an intent the limits hold it (`unmeant_loss`) where the part of the liver is known.
    """
    bound = _bound(inputs)
    part, lobe = perfused_fraction(inputs), largest_part("lobectomy")
    if bound is None or doses.normal is None or doses.normal.mean_dose_gy <= bound.value:
        return ()
    if part is not None and (inputs.intent is None or (lobe is not None and part > lobe.value)):
        return ()
    dose_gy = doses.normal.mean_dose_gy
    of = (
        "a part of the liver that is not known" if part is None else f"{percent(part)} of the liver"
    )
    text = (
        f"{beside(dose_gy, bound.value, 0)} Gy to the perfused normal liver, {of}, "
        f"are above {bound.value:g} Gy, {LOST}"
    )
    if inputs.intent is None:
        text += "; no intent was given. Give the intent of this treatment, or plan less."
    else:
        text += f": check that {inputs.intent} is the intent of this volume."
    return (Finding("warn", "normal-liver-given-up", text, bound.source),)


def _bound(inputs: PlanningInput) -> Limit | None:
    """The dose above which an intent is doubted; None where it means to lose the part anyway."""
    lost = lost_from(inputs.product)
    if inputs.intent == "segmentectomy" or (inputs.intent == "lobectomy" and lost.is_target):
        return None
    if inputs.intent != "unilobar":
        return lost
    rows = limits_for(inputs.product, "hcc", "unilobar", reserve_fraction=0.0)
    own = [row for row in rows if row.quantity == "perfused-normal-mean" and not row.is_target]
    return max((lost, *own), key=lambda row: row.value)


def _sphere_findings(inputs: PlanningInput, spheres: SphereNumber | None) -> tuple[Finding, ...]:
    if spheres is None:
        return ()
    table = load_table("plan/attention")
    many, most = (table.quantity(f"spheres_{name}_million") for name in ("many", "most"))
    count = spheres.count / MILLION
    if count <= many.value:
        return ()
    stops = count > most.value and not inputs.is_given
    bound, of = (most, "any treatment") if stops else (many, "two full vials of resin")
    text = (
        f"{beside(count, bound.value, 0)} million spheres are more than the "
        f"{bound.value:g} million of {of}: check the activity, the "
        f"{spheres.activity_per_sphere_bq:.3g} Bq of a sphere and the time since calibration; so "
        "many may fill the vessels before all are given."
    )
    return (Finding("stop" if stops else "warn", "spheres-implausible", text, many.source),)
