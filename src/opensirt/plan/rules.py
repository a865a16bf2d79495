"""Rules of the makers: shunt reductions of resin, lung activity cap of glass, what vials hold."""

from __future__ import annotations

import math

from opensirt.asking import option
from opensirt.findings import Finding, beside, percent, percent_beside
from opensirt.physics.nuclides import decay_factor
from opensirt.physics.products import Product, product
from opensirt.plan.plan import PlanningInput
from opensirt.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

__all__ = ["is_contraindicated", "rule_findings", "shunt_factor"]


def shunt_factor(of: Product, lung_shunt_fraction: float) -> float:
    """Factor of the maker on an empiric activity for a lung shunt; 1 where no rule applies."""
    rule = of.shunt_reduction(lung_shunt_fraction)
    return 1.0 - rule.reduction_fraction if rule is not None else 1.0


def is_contraindicated(of: Product, lung_shunt_fraction: float) -> bool:
    """True where the maker rules treatment out at this lung shunt."""
    limit = of.maker_rules.get("shunt_contraindicated_above_fraction")
    return limit is not None and lung_shunt_fraction > limit.value


def rule_findings(
    inputs: PlanningInput, delivered_gbq: float, drawn_gbq: float, *, empiric: bool
) -> tuple[Finding, ...]:
    """What the maker's rules say of a plan; `empiric` where the shunt reduction was applied."""
    of = product(inputs.product)
    return (
        *_reduction_findings(of, inputs.lung.shunt_fraction, empiric),
        *_cap_findings(of, inputs, delivered_gbq),
        *_vial_findings(of, drawn_gbq, inputs),
        *_age_findings(of, inputs),
        *_sphere_findings(of, inputs),
    )


def _reduction_findings(of: Product, shunt: float, empiric: bool) -> tuple[Finding, ...]:
    rule = of.shunt_reduction(shunt)
    if rule is None:
        return ()
    found, above = percent_beside(shunt, rule.above_fraction), percent(rule.above_fraction)
    text = (
        f"The lung shunt is {found}: above {above} the maker reduces the empiric activity "
        f"by {percent(rule.reduction_fraction)}"
    )
    if empiric:
        return (Finding("warn", "shunt-reduction", f"{text}; applied.", rule.source),)
    text += "; not applied here, the lung dose is limited instead."
    return (Finding("note", "shunt-reduction-not-applied", text, rule.source),)


def _cap_findings(of: Product, inputs: PlanningInput, delivered_gbq: float) -> tuple[Finding, ...]:
    cap = of.maker_rules.get("lung_activity_cap_gbq")
    if cap is None or not inputs.lung.is_known:
        return ()
    in_lungs_gbq = delivered_gbq * inputs.lung.shunt_fraction
    met = in_lungs_gbq <= cap.value
    text = (
        f"{beside(in_lungs_gbq, cap.value, 3)} GBq reach the lungs; the maker's cap is "
        f"{cap.value:g} GBq: {'met' if met else 'broken'}."
    )
    code = "lung-activity-cap"
    return (Finding("note" if met else "warn", f"{code}-met" if met else code, text, cap.source),)


def _vial_findings(of: Product, drawn_gbq: float, inputs: PlanningInput) -> tuple[Finding, ...]:
    """An activity that the vials on offer do not hold, or hold only before their calibration.

    Where the hours since calibration are known, what a vial holds then.
    """
    capacity, vials, hours = of.vial_capacity_gbq, inputs.vials, inputs.hours_since_calibration
    if capacity is None:
        return ()
    source = of.quantity("vials_gbq" if of.vials_gbq else "dose_activity_gbq").source
    largest = max(of.vials_gbq, default=capacity)
    if hours is not None:
        capacity = largest = largest * decay_factor(of.nuclide, hours * SECONDS_PER_HOUR)
    each_gbq = drawn_gbq / vials
    number = "one vial" if vials == 1 else f"{vials} vials"
    when = "at calibration" if hours is None else f"{hours:g} h after calibration"
    holds = f"{number} of {of.label}, {largest:.4g} GBq each {when}"
    if capacity > largest:
        holds += f" and {capacity:.2f} GBq at the earliest use"
    if inputs.is_given:
        return _given_beyond_vials(drawn_gbq, holds, source) if each_gbq > capacity else ()
    if each_gbq > capacity:
        needed = math.ceil(drawn_gbq / capacity)
        text = (
            f"{drawn_gbq:.2f} GBq to draw up are more than {holds}: plan less, or say that "
            f"{needed} vials are used ({option('vials', needed)})."
        )
        return (Finding("stop", "activity-beyond-vials", text, source),)
    if each_gbq > largest:
        text = f"{drawn_gbq:.2f} GBq to draw up need use before calibration, or more than {holds}."
        return (Finding("warn", "activity-needs-early-vial", text, source),)
    return ()


def _age_findings(of: Product, inputs: PlanningInput) -> tuple[Finding, ...]:
    """An injection outside the hours around calibration in which a vial may be used."""
    hours, latest = inputs.hours_since_calibration, of.shelf_life_h
    if hours is None or latest is None:
        return ()
    earliest = -of.precalibrated_h
    if earliest <= hours <= latest:
        return ()
    text = (
        f"{hours:g} h after calibration lies outside the time in which a vial of {of.label} may be "
        f"used, {earliest:g} to {latest:g} h: check the calibration, or use another vial."
    )
    return (Finding("warn", "vial-age", text, of.quantity("shelf_life_h").source),)


def _given_beyond_vials(drawn_gbq: float, holds: str, source: str) -> tuple[Finding, ...]:
    """What was given and no vial holds is a wrong number, or of more vials than were said."""
    text = (
        f"{drawn_gbq:.2f} GBq are stated as given, more than {holds}: check the activity, its unit "
        "and the number of vials."
    )
    return (Finding("warn", "given-beyond-vials", text, source),)


def _sphere_findings(of: Product, inputs: PlanningInput) -> tuple[Finding, ...]:
    if inputs.hours_since_calibration is not None or not of.spheres_decay(
        inputs.activity_per_sphere
    ):
        return ()
    per_day = 1.0 / decay_factor(of.nuclide, SECONDS_PER_DAY)
    text = (
        "The time from calibration to injection is not known: the number of spheres is that at "
        f"calibration, and {per_day:.2f} times as many for each day later."
    )
    return (Finding("note", "sphere-number-at-calibration", text, "assumption"),)
