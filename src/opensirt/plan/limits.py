"""Limits and targets against planned doses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opensirt.findings import Finding, Severity, beside, digits_apart, percent_beside
from opensirt.physics.limits import UNREAD, Limit, limits_for
from opensirt.physics.references import ASSUMPTION
from opensirt.plan.distribution import Distribution
from opensirt.plan.intents import perfused_fraction, possible_intents, strictest, unmeant_loss
from opensirt.plan.plan import PlanningInput

__all__ = [
    "LIVER",
    "ROUNDING",
    "applicable_limits",
    "is_lifted",
    "is_met",
    "is_treated_before",
    "limit_code",
    "limit_findings",
    "reserve_fraction",
]

_CODES = {
    "lung-mean": "lung-dose",
    "lung-mean-cumulative": "lung-dose-cumulative",
    "lung-shunt": "lung-shunt",
    "perfused-mean": "perfused-dose",
    "perfused-normal-mean": "perfused-normal-dose",
    "whole-normal-mean": "whole-normal-dose",
    "tumour-mean": "tumour-dose",
}
LIVER = ("perfused-mean", "perfused-normal-mean", "whole-normal-mean")
"""Quantities whose limits keep the liver safe."""
LUNGS = ("lung-shunt", "lung-mean", "lung-mean-cumulative")
ROUNDING = 1e-9
"""Relative slack, so that an activity solved for a limit is not said to break it."""
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class _Reached:
    """One value that a limit speaks about: of which compartment, and how much."""

    name: str
    value: float
    highest: float | None = None
    """Of a lesion perfused in part: the mean of this part, which more than its value may exceed."""
    is_bound: bool = False
    """The compartment's own mass is not known: this is the most that its dose can be."""


def applicable_limits(inputs: PlanningInput, model: str, **facts: Any) -> tuple[Limit, ...]:
    """Limits and targets for the product, indication, intent and planning model.

    Where no intent was chosen, the aims are those of the one assumed, and the limits the lowest of
    every intent that the perfused volume can be treated by. `facts` come in place of those of
    `inputs`, to see what a fact changes.
    """
    known = {
        "bilirubin_mg_dl": inputs.bilirubin_mg_dl,
        "reserve_fraction": reserve_fraction(inputs),
        "compromised_liver": True if is_treated_before(inputs) else inputs.compromised_liver,
    } | facts
    own, *others = (
        limits_for(inputs.product, inputs.judged_indication, intent, model=model, **known)
        for intent in dict.fromkeys((inputs.judged_intent, *possible_intents(inputs)))
    )
    of_lungs = [limit for limit in own if limit.quantity in LUNGS]
    more = [
        limit
        for limits in others
        for limit in limits
        if limit.quantity in LIVER and not limit.is_target
    ]
    of_liver = [*(limit for limit in own if limit not in of_lungs), *more]
    if known["compromised_liver"] is True:
        of_liver = [
            limit for limit in of_liver if not (limit.is_target and limit.quantity in LIVER)
        ]
    of_liver += [] if (kept := unmeant_loss(inputs)) is None else [kept]
    return (*strictest(of_liver), *of_lungs)


def is_treated_before(inputs: PlanningInput) -> bool:
    """True after an earlier treatment, whatever was said of the liver's function."""
    return inputs.previous_lung_dose_gy > 0.0


def reserve_fraction(inputs: PlanningInput) -> float | None:
    """Untreated part of the normal liver by mass, else of the liver; None where not known."""
    if inputs.normal_mass_g is not None and inputs.whole_normal_mass_g is not None:
        return max(0.0, 1.0 - inputs.normal_mass_g / inputs.whole_normal_mass_g)
    part = perfused_fraction(inputs)
    return None if part is None else max(0.0, 1.0 - part)


def limit_findings(
    inputs: PlanningInput, doses: Distribution, limits: tuple[Limit, ...]
) -> tuple[Finding, ...]:
    """A finding for each limit and target: kept, broken, or not checked for want of a mass."""
    findings: list[Finding] = []
    unchecked: list[Limit] = []
    of_lungs = [limit for limit in limits if limit.quantity in LUNGS]
    if not inputs.lung.is_known:
        findings.append(_no_shunt(of_lungs))
        limits = tuple(limit for limit in limits if limit not in of_lungs)
    single = any(
        limit.quantity == "perfused-mean" and not limit.is_target and not is_lifted(limit, doses)
        for limit in limits
    )
    for limit in limits:
        reached = tuple(_reached(limit, inputs, doses)) or _bound(limit, doses, single)
        if not reached:
            unchecked.append(limit)
        elif limit.quantity == "tumour-mean":
            findings += _tumour_findings(limit, reached)
        elif reached[0].is_bound:
            findings += _bound_findings(inputs, limit, reached[0])
            unchecked.append(limit)
        else:
            findings.append(_finding(inputs, limit, reached[0], doses))
    if not any(limit.quantity == "tumour-mean" for limit in limits):
        findings.append(_no_tumour_threshold(inputs))
    if not any(limit.quantity in LIVER and not limit.is_target for limit in limits):
        findings.append(_no_liver_limit(inputs))
    return (*findings, *_unchecked_findings(inputs, unchecked))


def limit_code(limit: Limit) -> str:
    """The code of the finding on a limit that is broken, or on an aim that is not reached."""
    return f"{_CODES[limit.quantity]}-{'target' if limit.is_target else 'limit'}"


def is_lifted(limit: Limit, doses: Distribution) -> bool:
    """True where the limit's exception holds: the whole liver stays below its dose."""
    bound_gy, liver = limit.unless_whole_liver_gy, doses.whole_liver
    return (
        bound_gy is not None
        and liver is not None
        and liver.mean_dose_gy <= bound_gy * (1.0 + ROUNDING)
    )


def _reached(limit: Limit, inputs: PlanningInput, doses: Distribution) -> Iterator[_Reached]:
    """What the plan reaches in the quantity of a limit; nothing where it is not known."""
    if limit.quantity == "lung-shunt":
        yield _Reached("lungs", inputs.lung.shunt_fraction)
    elif limit.quantity == "lung-mean":
        yield _Reached("lungs", doses.lung_dose_gy)
    elif limit.quantity == "lung-mean-cumulative":
        yield _Reached("lungs", doses.lung_dose_gy + inputs.previous_lung_dose_gy)
    elif limit.quantity == "tumour-mean":
        measurable = {t.name for t in inputs.tumours if t.is_measurable}
        for tumour in doses.tumours:
            if tumour.name in measurable or not measurable:
                yield _Reached(tumour.name, tumour.over_all_gy, tumour.mean_dose_gy)
    else:
        own = {
            "perfused-mean": doses.perfused,
            "perfused-normal-mean": doses.normal,
            "whole-normal-mean": doses.whole_normal,
        }[limit.quantity]
        if own is not None:
            yield _Reached(own.name, own.mean_dose_gy)


def _bound(limit: Limit, doses: Distribution, single: bool) -> tuple[_Reached, ...]:
    """The most that normal liver of unknown mass can have: what its known part has.

    All of the perfused volume stands for it where no limit of its own (`single`) does, and all of
    the liver for all of its normal part.
    """
    if limit.is_target or limit.quantity not in ("perfused-normal-mean", "whole-normal-mean"):
        return ()
    part = doses.normal or (None if single else doses.perfused)
    if limit.quantity == "whole-normal-mean" and doses.normal is None and not single:
        part = doses.whole_liver or part
    return () if part is None else (_Reached(part.name, part.mean_dose_gy, is_bound=True),)


def is_met(limit: Limit, value: float) -> bool:
    """Whether a dose keeps a limit or reaches an aim, rounding of what was solved for it aside."""
    slack = 0.0 if limit.sense == "below" else value * ROUNDING
    return any(limit.is_met(value + change) for change in (0.0, slack, -slack))


def _amount(limit: Limit, value: float) -> str:
    """A value with as many digits as show on which side of its limit it lies."""
    if limit.unit == "Gy":
        return f"{beside(value, limit.value)} Gy"
    return percent_beside(value, limit.value)


def _finding(
    inputs: PlanningInput, limit: Limit, reached: _Reached, doses: Distribution
) -> Finding:
    of = "lung shunt" if limit.quantity == "lung-shunt" else _dose_word(inputs)
    lifted = is_lifted(limit, doses)
    met = is_met(limit, reached.value)
    verdict = "met" if met or lifted else ("not reached" if limit.is_target else "broken")
    text = (
        f"{_amount(limit, reached.value)} {of}{_whole_liver(limit, doses)}; {limit.text}: "
        f"{verdict}{_evidence(limit)}."
    )
    code = limit_code(limit)
    if met or lifted:
        return Finding("note", f"{code}-met", text, limit.source)
    return Finding(_gravity(inputs, limit), code, text, limit.source)


def _gravity(inputs: PlanningInput, limit: Limit) -> Severity:
    """Of what was given the voxels tell the liver's dose, and the model only warns."""
    if inputs.is_given and limit.quantity in LIVER and limit.severity == "stop":
        return "warn"
    return limit.severity


def _dose_word(inputs: PlanningInput) -> str:
    """Whether the doses of the model are of a plan, or of what was given."""
    return "by the model of what was given" if inputs.is_given else "planned"


def _bound_findings(inputs: PlanningInput, limit: Limit, reached: _Reached) -> tuple[Finding, ...]:
    """A limit on a compartment of unknown mass, judged by the dose of the part that is known.

    It stops where indication and intent were chosen; a limit by default only warns.
    """
    if is_met(limit, reached.value):
        return ()
    chosen = inputs.indication is not None and inputs.intent is not None
    missing = " and ".join(_missing(inputs, limit))
    text = (
        f"The mass of {missing} is not known, and normal liver may have as much as the "
        f"{reached.name}, {_amount(limit, reached.value)}; {limit.text}: may be broken. Give the "
        f"mass of {missing}."
    )
    code = f"{_CODES[limit.quantity]}-limit-unknown-mass"
    severity = _gravity(inputs, limit) if chosen else "warn"
    return (Finding(severity, code, text, limit.source),)


def _evidence(limit: Limit) -> str:
    """The level of evidence where the source was read; the references name those that were not."""
    known = limit.level_of_evidence
    return "" if known == UNREAD else f" (level of evidence {known})"


def _whole_liver(limit: Limit, doses: Distribution) -> str:
    """The dose that an exception asks for, or that it is not known."""
    if limit.unless_whole_liver_gy is None:
        return ""
    if doses.whole_liver is None:
        return ", the whole liver's dose is not known"
    found_gy, bound_gy = doses.whole_liver.mean_dose_gy, limit.unless_whole_liver_gy
    return f", {beside(found_gy, bound_gy)} Gy in the whole liver"


def _tumour_findings(limit: Limit, reached: tuple[_Reached, ...]) -> tuple[Finding, ...]:
    """Lesions below the aim, lesions above an aim that has an end, or that all meet it."""
    above = [r for r in reached if limit.is_exceeded((r.highest or r.value) * (1.0 - ROUNDING))]
    below = [r for r in reached if not is_met(limit, r.value) and r not in above]
    evidence = _evidence(limit)
    findings = []
    if below:
        text = f"{len(below)} of {len(reached)} tumours do not reach: {limit.text}"
        text += f": {_named(limit, below)}{evidence}."
        findings.append(Finding(limit.severity, "tumour-dose-target", text, limit.source))
    if above:
        text = f"{len(above)} of {len(reached)} tumours exceed the aim: {limit.text}"
        text += f": {_named(limit, above)}{evidence}."
        findings.append(Finding("warn", "tumour-dose-above-aim", text, limit.source))
    if not findings:
        every = f"All {len(reached)} targeted tumours meet"
        if len(reached) == 1:
            every = "The targeted tumour meets"
        text = f"{every}: {limit.text}{evidence}."
        findings.append(Finding("note", "tumour-dose-target-met", text, limit.source))
    return tuple(findings)


def _beside(limit: Limit, value_gy: float) -> str:
    """A tumour dose with as many digits as tell it from either end of an aim."""
    ends = (limit.value, limit.value if limit.upper is None else limit.upper)
    return f"{value_gy:.{max(digits_apart(value_gy, end) for end in ends)}f} Gy"


def _named(limit: Limit, reached: list[_Reached]) -> str:
    few = ", ".join(f"{r.name!r} {_beside(limit, r.value)}" for r in reached[:_MOST_NAMES])
    return few + (", ..." if len(reached) > _MOST_NAMES else "")


def _what(inputs: PlanningInput) -> str:
    return f"{inputs.judged_indication.upper()}, {inputs.judged_intent}, with {inputs.product}"


def _no_tumour_threshold(inputs: PlanningInput) -> Finding:
    text = (
        f"No verified tumour dose threshold is known for {_what(inputs)}; "
        "tumour doses are not judged."
    )
    return Finding("note", "no-tumour-threshold", text, "assumption")


def _no_liver_limit(inputs: PlanningInput) -> Finding:
    text = (
        f"No limit on the dose of normal liver is known for {_what(inputs)} by this model; "
        "none is applied."
    )
    return Finding("warn", "no-liver-limit", text, "assumption")


def _no_shunt(limits: Sequence[Limit]) -> Finding:
    """Nobody stated a lung shunt: what that leaves open, which is never taken as kept."""
    listed = "; ".join(dict.fromkeys(limit.text for limit in limits)) or "the dose of the lungs"
    text = (
        "No lung shunt was given: activity and doses are those without one, and not judged is "
        f"{listed}. Give the lung shunt."
    )
    return Finding("warn", "lung-shunt-unknown", text, ASSUMPTION)


def _missing(inputs: PlanningInput, limit: Limit) -> list[str]:
    """Compartments whose mass a limit needs and nobody gave."""
    masses: Mapping[str, Mapping[str, float | None]] = {
        "perfused-mean": {"the perfused volume": inputs.perfused_mass_g},
        "perfused-normal-mean": {"perfused normal liver": inputs.normal_mass_g},
        "whole-normal-mean": {
            "perfused normal liver": inputs.normal_mass_g,
            "whole normal liver": inputs.whole_normal_mass_g,
        },
        "tumour-mean": {"tumours": None},
    }
    names = [name for name, mass_g in masses[limit.quantity].items() if mass_g is None]
    return names or ["the compartment"]


def _unchecked_findings(inputs: PlanningInput, limits: list[Limit]) -> tuple[Finding, ...]:
    if not limits:
        return ()
    listed = "; ".join(dict.fromkeys(limit.text for limit in limits))
    missing = dict.fromkeys(name for limit in limits for name in _missing(inputs, limit))
    known = f"masses are not known ({', '.join(missing)})"
    text = f"Not checked, because {known}: {listed}."
    safety = any(not limit.is_target for limit in limits)
    return (Finding("warn" if safety else "note", "limits-not-checked", text, limits[0].source),)
