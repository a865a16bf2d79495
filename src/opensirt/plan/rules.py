"""Rules of the makers: shunt reductions of resin, the lung activity cap of glass."""

from __future__ import annotations

from opensirt.findings import Finding, percent
from opensirt.physics.products import Product, product
from opensirt.plan.plan import PlanningInput

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
    inputs: PlanningInput, delivered_gbq: float, *, empiric: bool
) -> tuple[Finding, ...]:
    """What the maker's rules say of a plan; `empiric` where the shunt reduction was applied."""
    of = product(inputs.product)
    return (
        *_reduction_findings(of, inputs.lung.shunt_fraction, empiric),
        *_cap_findings(of, delivered_gbq * inputs.lung.shunt_fraction),
    )


def _reduction_findings(of: Product, shunt: float, empiric: bool) -> tuple[Finding, ...]:
    rule = of.shunt_reduction(shunt)
    if rule is None:
        return ()
    text = (
        f"The lung shunt is {percent(shunt, 1)}: above {percent(rule.above_fraction)} the maker "
        f"reduces the empiric activity by {percent(rule.reduction_fraction)}"
    )
    if empiric:
        return (Finding("warn", "shunt-reduction", f"{text}; applied.", rule.source),)
    text += "; not applied here, the lung dose is limited instead."
    return (Finding("note", "shunt-reduction-not-applied", text, rule.source),)


def _cap_findings(of: Product, in_lungs_gbq: float) -> tuple[Finding, ...]:
    cap = of.maker_rules.get("lung_activity_cap_gbq")
    if cap is None:
        return ()
    met = in_lungs_gbq <= cap.value
    text = (
        f"{in_lungs_gbq:.3f} GBq reach the lungs; the maker's cap is {cap.value:g} GBq: "
        f"{'met' if met else 'broken'}."
    )
    code = "lung-activity-cap"
    return (Finding("note" if met else "warn", f"{code}-met" if met else code, text, cap.source),)
