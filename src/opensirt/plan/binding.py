"""The largest activity that keeps every limit."""

from __future__ import annotations

from opensirt.errors import PlanError
from opensirt.findings import Finding, Severity, percent_beside
from opensirt.physics.limits import Limit
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution
from opensirt.plan.limits import LIVER, applicable_limits
from opensirt.plan.plan import PlanningInput

__all__ = ["largest_safe_activity"]


def largest_safe_activity(inputs: PlanningInput, per_gbq: Distribution, model: str) -> Decision:
    """The largest delivered activity that keeps every dose limit, and the limit that binds.

    Counts are the limits ("at most") on lung, perfused and normal liver dose that the source gives
    for `model`; targets do not limit.

    Raises
    ------
    PlanError
        When the lung shunt is not known or rules treatment out, when earlier lung dose uses up the
        limit, or when no limit on the liver can be evaluated: the lungs alone do not make a
        prescription.
    """
    if not inputs.lung.is_known:
        raise PlanError(
            "the largest activity that keeps every limit needs the lung shunt, which was not "
            "given; give it, or prescribe a dose or an activity"
        )
    limits = applicable_limits(inputs, model)
    _refuse_shunt(limits, inputs)
    candidates: list[tuple[float, Limit]] = []
    for limit in limits:
        dose = None if limit.is_target or limit.unit != "Gy" else _dose_per_gbq(limit, per_gbq)
        if dose:
            candidates.append((_most_gbq(limit, dose, inputs, per_gbq), limit))
    if not any(limit.quantity in LIVER for _, limit in candidates):
        raise PlanError(
            f"no dose limit on the liver applies to {inputs.product}, {inputs.judged_indication}, "
            f"{inputs.judged_intent} with the masses given; prescribe a dose or an activity"
        )
    delivered_gbq, binding = min(candidates, key=lambda pair: pair[0])
    text = f"{binding.text} [{binding.source}, level of evidence {binding.level_of_evidence}]"
    severity: Severity = "note" if binding.verified else "warn"
    sentence = (
        "No dose was prescribed; the activity is the largest that keeps every limit. "
        f"It is set by: {text}."
    )
    finding = Finding(severity, "binding-limit", sentence, binding.source)
    return Decision(delivered_gbq, binding_limit=text, findings=(finding,))


def _dose_per_gbq(limit: Limit, per_gbq: Distribution) -> float | None:
    """Gy per GBq in the quantity of a limit; None where it is not known or not limited."""
    if limit.quantity.startswith("lung-mean"):
        return per_gbq.lung_dose_gy
    compartment = {
        "perfused-mean": per_gbq.perfused,
        "perfused-normal-mean": per_gbq.normal,
        "whole-normal-mean": per_gbq.whole_normal,
    }.get(limit.quantity)
    return None if compartment is None else compartment.mean_dose_gy


def _most_gbq(
    limit: Limit, dose_per_gbq: float, inputs: PlanningInput, per_gbq: Distribution
) -> float:
    """Activity at which a limit is reached, or its exception ends where that is later."""
    room_gy = limit.value_gy
    if limit.quantity == "lung-mean-cumulative":
        room_gy -= inputs.previous_lung_dose_gy
    if room_gy <= 0:
        raise PlanError(
            f"earlier treatments gave the lungs {inputs.previous_lung_dose_gy:g} Gy; "
            f"no activity keeps the {limit.text} ({limit.source})"
        )
    most_gbq = room_gy / dose_per_gbq
    if limit.unless_whole_liver_gy is not None and per_gbq.whole_liver is not None:
        lifted_gbq = limit.unless_whole_liver_gy / per_gbq.whole_liver.mean_dose_gy
        most_gbq = max(most_gbq, lifted_gbq)
    return most_gbq


def _refuse_shunt(limits: tuple[Limit, ...], inputs: PlanningInput) -> None:
    for limit in limits:
        if limit.quantity != "lung-shunt" or limit.severity != "stop":
            continue
        shunt = inputs.lung.shunt_fraction
        if not limit.is_met(shunt):
            raise PlanError(
                f"a lung shunt of {percent_beside(shunt, limit.value)} rules out {inputs.product}: "
                f"{limit.text} ({limit.source})"
            )
