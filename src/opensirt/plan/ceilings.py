"""Doses that no limit of the intent stops: normal liver given up, and what can only be a slip."""

from __future__ import annotations

from opensirt.findings import Finding, Severity, percent
from opensirt.physics.limits import Limit, limits_for
from opensirt.physics.products import SphereNumber
from opensirt.physics.tables import load_table
from opensirt.plan.distribution import Distribution
from opensirt.plan.intents import largest_part, perfused_fraction
from opensirt.plan.plan import PlanningInput

__all__ = ["ceiling_findings"]

GIVES_UP = ("segmentectomy", "lobectomy")
"""Intents that mean to lose the perfused normal liver."""
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
    text = (
        f"A mean of {doses.perfused.mean_dose_gy:.0f} Gy in the perfused volume is above "
        f"{most.value:g} Gy, more than any treatment gives: check the "
        f"{'activity' if inputs.is_given else 'prescription'} and the masses."
    )
    severity: Severity = "warn" if inputs.is_given else "stop"
    return (Finding(severity, "dose-implausible", text, most.source),)


def _given_up_findings(inputs: PlanningInput, doses: Distribution) -> tuple[Finding, ...]:
    """Perfused normal liver above the aim of a lobectomy, where nobody means to lose it.

    A limit on all normal liver lets a small perfused part have any dose.
    """
    aim = _lobectomy_aim(inputs.product)
    if aim is None or doses.normal is None or inputs.intent in (*GIVES_UP, "unilobar"):
        return ()
    dose_gy, part, lobe = (
        doses.normal.mean_dose_gy,
        perfused_fraction(inputs),
        largest_part("lobectomy"),
    )
    if dose_gy <= aim.value_gy or (part is not None and lobe is not None and part > lobe.value):
        return ()
    of = (
        "a part of the liver that is not known" if part is None else f"{percent(part)} of the liver"
    )
    text = (
        f"{dose_gy:.0f} Gy to the perfused normal liver, {of}, are above the {aim.value_gy:g} Gy "
        "from which a lobectomy counts on losing it"
    )
    if inputs.intent is None:
        text += "; no intent was given. Give the intent of this treatment, or plan less."
    else:
        text += f": check that {inputs.intent} is the intent of this volume."
    stops = inputs.intent is None and part is not None and not inputs.is_given
    return (Finding("stop" if stops else "warn", "normal-liver-given-up", text, aim.source),)


def _lobectomy_aim(product: str) -> Limit | None:
    """The dose of perfused normal liver that a lobectomy aims at; None where none is published."""
    rows = limits_for(product, "hcc", "lobectomy", reserve_fraction=1.0, compromised_liver=False)
    aims = [row for row in rows if row.is_target and row.quantity == "perfused-normal-mean"]
    return aims[0] if aims else None


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
        f"{count:.0f} million spheres are more than the {bound.value:g} million of {of}: check the "
        f"activity, the {spheres.activity_per_sphere_bq:.3g} Bq of a sphere and the time since "
        "calibration; so many may fill the vessels before all are given."
    )
    return (Finding("stop" if stops else "warn", "spheres-implausible", text, many.source),)
