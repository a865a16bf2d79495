"""Choices that do not fit each other: a constant of no source, an intent of another volume."""

from __future__ import annotations

from opensirt.findings import Finding, percent
from opensirt.physics.nuclides import dose_constants
from opensirt.physics.products import product
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.plan.plan import PlanningInput

__all__ = ["consistency_findings", "perfused_fraction"]

_LOBAR = ("lobectomy", "unilobar")


def consistency_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    """Dose constants that nobody uses, and intents that the perfused volume is too large for."""
    return (*_constant_findings(inputs), *_intent_findings(inputs))


def perfused_fraction(inputs: PlanningInput) -> float | None:
    """Perfused part of the liver by mass, or of its normal tissue; None where not known."""
    if inputs.perfused_mass_g is not None and inputs.whole_liver_mass_g is not None:
        return inputs.perfused_mass_g / inputs.whole_liver_mass_g
    if inputs.normal_mass_g is not None and inputs.whole_normal_mass_g is not None:
        return inputs.normal_mass_g / inputs.whole_normal_mass_g
    return None


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
    intent, table = inputs.judged_intent, load_table("plan/attention")
    if intent == "segmentectomy":
        most = table.quantity("segmentectomy_most_fraction").value
    elif intent in _LOBAR:
        most = table.quantity("lobar_most_fraction").value
    else:
        return ()
    found = perfused_fraction(inputs)
    if found is None:
        text = (
            f"The perfused part of the liver is not known, so that nothing says whether {intent} "
            "is the intent of this volume; its limits are those of a part of the liver."
        )
        return (Finding("warn", "intent-not-checked", text, ASSUMPTION),)
    if found <= most:
        return ()
    text = (
        f"{percent(found)} of the liver is perfused, more than the {percent(most)} that {intent} "
        "can mean: its limits do not protect the whole liver. Choose the intent of this volume."
    )
    return (Finding("stop", "intent-not-of-this-volume", text, ASSUMPTION),)
