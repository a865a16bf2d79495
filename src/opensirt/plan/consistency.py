"""Choices that do not fit each other: a constant of no source, an intent of another volume."""

from __future__ import annotations

from opensirt.findings import Finding, percent, percent_beside
from opensirt.physics.nuclides import dose_constants
from opensirt.physics.products import product
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.plan.intents import largest_part, perfused_fraction
from opensirt.plan.plan import PlanningInput

__all__ = ["consistency_findings"]


def consistency_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    """Dose constants that nobody uses, and intents that the perfused volume is too large for."""
    return (*_constant_findings(inputs), *_intent_findings(inputs))


def _constant_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    table = load_table("plan/attention")
    name = product(inputs.product).nuclide_name
    used = [constant.value_gy_kg_per_gbq for constant in dose_constants(name)]
    given = inputs.dose_constant_gy_kg_per_gbq
    beyond = max(given / max(used), min(used) / given) - 1.0
    if beyond <= table.quantity("dose_constant_warn_fraction").value:
        return ()
    stops = beyond > table.quantity("dose_constant_stop_fraction").value
    text = (
        f"A dose constant of {given:g} Gy kg/GBq was given; those in use for "
        f"{product(inputs.product).nuclide.label} are {min(used):.4g} to {max(used):.4g}. Every "
        f"dose and the activity follow it{': check the nuclide and the unit' if stops else ''}."
    )
    return (Finding("stop" if stops else "warn", "dose-constant-unusual", text, ASSUMPTION),)


def _intent_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    intent = inputs.judged_intent
    most = largest_part(intent)
    if most is None:
        return ()
    found = perfused_fraction(inputs)
    if found is None:
        text = (
            f"The perfused part of the liver is not known, so that nothing says whether {intent} "
            "is the intent of this volume; its limits are those of a part of the liver."
        )
        return (Finding("warn", "intent-not-checked", text, ASSUMPTION),)
    if found <= most.value:
        return ()
    text = (
        f"{percent_beside(found, most.value, 0)} of the liver is perfused, more than the "
        f"{percent(most.value)} that {intent} can mean: its limits do not protect the "
        "whole liver. Choose the intent of this volume."
    )
    return (Finding("stop", "intent-not-of-this-volume", text, ASSUMPTION),)
