"""Limits and targets against planned doses, and the largest activity that keeps the limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opensirt.errors import PlanError
from opensirt.findings import Finding, Severity, percent
from opensirt.physics.limits import Limit, limits_for
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution
from opensirt.plan.plan import PlanningInput

__all__ = ["applicable_limits", "largest_safe_activity", "limit_findings"]

_CODES = {
    "lung-mean": "lung-dose",
    "lung-mean-cumulative": "lung-dose-cumulative",
    "lung-shunt": "lung-shunt",
    "perfused-mean": "perfused-dose",
    "perfused-normal-mean": "perfused-normal-dose",
    "whole-normal-mean": "whole-normal-dose",
    "tumour-mean": "tumour-dose",
}
_LIVER = ("perfused-mean", "perfused-normal-mean", "whole-normal-mean")
_ROUNDING = 1e-9
"""Relative slack, so that an activity solved for a limit is not said to break it."""
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class _Reached:
    """One value that a limit speaks about: of which compartment, and how much."""

    name: str
    value: float


def applicable_limits(inputs: PlanningInput) -> tuple[Limit, ...]:
    """Limits and targets for the product, indication and intent of `inputs`."""
    reserve = None
    if inputs.normal_mass_g is not None and inputs.whole_normal_mass_g is not None:
        reserve = max(0.0, 1.0 - inputs.normal_mass_g / inputs.whole_normal_mass_g)
    return limits_for(
        inputs.product,
        inputs.indication,
        inputs.intent,
        bilirubin_mg_dl=inputs.bilirubin_mg_dl,
        reserve_fraction=reserve,
        compromised_liver=inputs.compromised_liver,
    )


def limit_findings(inputs: PlanningInput, doses: Distribution) -> tuple[Finding, ...]:
    """A finding for each limit and target: kept, broken, or not checked for want of a mass."""
    limits = applicable_limits(inputs)
    findings = []
    unchecked = []
    for limit in limits:
        reached = tuple(_reached(limit, inputs, doses))
        if not reached:
            unchecked.append(limit)
        elif limit.quantity == "tumour-mean":
            findings.append(_tumour_finding(limit, reached))
        else:
            findings.append(_finding(limit, reached[0]))
    if not any(limit.quantity == "tumour-mean" for limit in limits):
        findings.append(_no_tumour_threshold(inputs))
    return (*findings, *_unchecked_findings(unchecked))


def largest_safe_activity(inputs: PlanningInput, per_gbq: Distribution) -> Decision:
    """The largest delivered activity that keeps every dose limit, and the limit that binds.

    Counts are the limits ("at most") on lung, perfused and normal liver dose; targets do not limit.

    Raises
    ------
    PlanError
        When the lung shunt rules treatment out, when earlier lung dose uses up the limit, or when
        no limit on the liver can be evaluated: the lungs alone do not make a prescription.
    """
    limits = applicable_limits(inputs)
    _refuse_shunt(limits, inputs)
    candidates: list[tuple[float, Limit]] = []
    for limit in limits:
        if limit.is_target or limit.unit != "Gy" or limit.quantity == "tumour-mean":
            continue
        room_gy = limit.value_gy
        if limit.quantity == "lung-mean-cumulative":
            room_gy -= inputs.previous_lung_dose_gy
        for dose in _dose_per_gbq(limit, per_gbq):
            if room_gy <= 0:
                raise PlanError(
                    f"earlier treatments gave the lungs {inputs.previous_lung_dose_gy:g} Gy; "
                    f"no activity keeps the {limit.text} ({limit.source})"
                )
            if dose > 0:
                candidates.append((room_gy / dose, limit))
    if not any(limit.quantity in _LIVER for _, limit in candidates):
        raise PlanError(
            f"no dose limit on the liver applies to {inputs.product}, {inputs.indication}, "
            f"{inputs.intent} with the masses given; prescribe a dose or an activity"
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


def _reached(limit: Limit, inputs: PlanningInput, doses: Distribution) -> Iterator[_Reached]:
    """What the plan reaches in the quantity of a limit; nothing where it is not known."""
    if limit.quantity == "lung-shunt":
        yield _Reached("lungs", inputs.lung.shunt_fraction)
    elif limit.quantity == "lung-mean":
        yield _Reached("lungs", doses.lung_dose_gy)
    elif limit.quantity == "lung-mean-cumulative":
        yield _Reached("lungs", doses.lung_dose_gy + inputs.previous_lung_dose_gy)
    elif limit.quantity == "tumour-mean":
        for tumour in doses.tumours:
            yield _Reached(tumour.name, tumour.mean_dose_gy)
    else:
        compartment = {
            "perfused-mean": doses.perfused,
            "perfused-normal-mean": doses.normal,
            "whole-normal-mean": doses.whole_normal,
        }[limit.quantity]
        if compartment is not None:
            yield _Reached(compartment.name, compartment.mean_dose_gy)


def _dose_per_gbq(limit: Limit, per_gbq: Distribution) -> Iterator[float]:
    compartment = {
        "perfused-mean": per_gbq.perfused,
        "perfused-normal-mean": per_gbq.normal,
        "whole-normal-mean": per_gbq.whole_normal,
    }.get(limit.quantity)
    if limit.quantity.startswith("lung-mean"):
        yield per_gbq.lung_dose_gy
    elif compartment is not None:
        yield compartment.mean_dose_gy


def _is_met(limit: Limit, value: float) -> bool:
    slack = limit.value * _ROUNDING
    return limit.is_met(value) or limit.is_met(value + (slack if limit.is_target else -slack))


def _amount(limit: Limit, value: float) -> str:
    return f"{value:.1f} Gy" if limit.unit == "Gy" else percent(value, 1)


def _finding(limit: Limit, reached: _Reached) -> Finding:
    met = _is_met(limit, reached.value)
    kind = "target" if limit.is_target else "limit"
    verdict = "met" if met else ("not reached" if limit.is_target else "broken")
    of = "lung shunt" if limit.quantity == "lung-shunt" else "planned"
    text = (
        f"{_amount(limit, reached.value)} {of}; {limit.text}: {verdict} "
        f"(level of evidence {limit.level_of_evidence})."
    )
    code = f"{_CODES[limit.quantity]}-{kind}"
    if met:
        return Finding("note", f"{code}-met", text, limit.source)
    return Finding(limit.severity, code, text, limit.source)


def _tumour_finding(limit: Limit, reached: tuple[_Reached, ...]) -> Finding:
    below = [r for r in reached if not _is_met(limit, r.value)]
    if not below:
        text = f"All {len(reached)} tumours meet: {limit.text}."
        return Finding("note", "tumour-dose-target-met", text, limit.source)
    named = ", ".join(f"{r.name!r} {r.value:.1f} Gy" for r in below[:_MOST_NAMES])
    more = ", ..." if len(below) > _MOST_NAMES else ""
    text = (
        f"{len(below)} of {len(reached)} tumours do not reach: {limit.text}: {named}{more} "
        f"(level of evidence {limit.level_of_evidence})."
    )
    return Finding(limit.severity, "tumour-dose-target", text, limit.source)


def _no_tumour_threshold(inputs: PlanningInput) -> Finding:
    what = f"{inputs.indication.upper()}, {inputs.intent}, with {inputs.product}"
    text = f"No verified tumour dose threshold is known for {what}; tumour doses are not judged."
    return Finding("note", "no-tumour-threshold", text, "assumption")


def _unchecked_findings(limits: list[Limit]) -> tuple[Finding, ...]:
    if not limits:
        return ()
    listed = "; ".join(dict.fromkeys(limit.text for limit in limits))
    text = f"Not checked, because the compartment's mass is not known: {listed}."
    safety = any(not limit.is_target for limit in limits)
    return (Finding("warn" if safety else "note", "limits-not-checked", text, limits[0].source),)


def _refuse_shunt(limits: tuple[Limit, ...], inputs: PlanningInput) -> None:
    for limit in limits:
        if limit.quantity != "lung-shunt" or limit.severity != "stop":
            continue
        shunt = inputs.lung.shunt_fraction
        if not limit.is_met(shunt):
            raise PlanError(
                f"a lung shunt of {percent(shunt, 1)} rules out {inputs.product}: "
                f"{limit.text} ({limit.source})"
            )
