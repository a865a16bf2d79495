"""What was not said: choices left at a default, and facts that count as the worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from opensirt.findings import Finding, percent
from opensirt.physics.limits import Limit
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.plan.intents import possible_intents
from opensirt.plan.limits import applicable_limits, is_treated_before, reserve_fraction
from opensirt.plan.plan import PlanningInput

__all__ = ["choice_findings", "unknown_fact_findings"]


def choice_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    """Indication and intent that nobody chose, though limits and aims follow from them."""
    findings = []
    if inputs.indication is None:
        text = (
            f"No indication was given; {inputs.judged_indication.upper()} is assumed, which has no "
            "tumour aim and borrowed liver limits. Give hcc, icc, mcrc or net."
        )
        findings.append(Finding("warn", "indication-not-chosen", text, ASSUMPTION))
    if inputs.intent is None:
        could = [name for name in possible_intents(inputs) if name != inputs.judged_intent]
        text = (
            f"No intent was given; {inputs.judged_intent} is assumed, so that aims and rules of "
            "segmentectomy, lobectomy and unilobar treatment are not applied. Give one of them."
        )
        if could:
            text += f" Limits are the lowest of {', '.join((inputs.judged_intent, *could))}."
        findings.append(Finding("warn", "intent-not-chosen", text, ASSUMPTION))
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A fact about the patient that chooses limits: what it counts as, and its best case."""

    code: str
    key: str
    worse: str
    best: float | bool

    def is_unknown(self, inputs: PlanningInput) -> bool:
        """True where nobody stated or measured it."""
        if self.key == "reserve_fraction":
            return reserve_fraction(inputs) is None
        if self.key == "compromised_liver" and is_treated_before(inputs):
            return False
        return getattr(inputs, self.key) is None


def _facts() -> tuple[_Fact, ...]:
    table = load_table("limits/facts")
    bilirubin = table.quantity("bilirubin_mg_per_dl").value
    reserve = table.quantity("reserve_fraction").value
    return (
        _Fact(
            "bilirubin-unknown",
            "bilirubin_mg_dl",
            f"Total bilirubin is not known and counts as {bilirubin:g} mg/dL or more",
            bilirubin / 2.0,
        ),
        _Fact(
            "liver-function-unknown",
            "compromised_liver",
            "Liver function and earlier treatment are not known and count as compromised",
            False,
        ),
        _Fact(
            "reserve-unknown",
            "reserve_fraction",
            f"The untreated part of the normal liver is not known and counts as {percent(reserve)} "
            "or less",
            1.0,
        ),
    )


def unknown_fact_findings(inputs: PlanningInput, model: str) -> tuple[Finding, ...]:
    """Each fact that is not known, and what it costs that it counts as the worse."""
    applied = applicable_limits(inputs, model)
    findings = []
    for fact in _facts():
        if not fact.is_unknown(inputs):
            continue
        otherwise = applicable_limits(inputs, model, **{fact.key: fact.best})
        gone = [limit for limit in applied if limit not in otherwise]
        new = [limit for limit in otherwise if limit not in applied]
        if gone or new:
            text = f"{fact.worse}: {_short(gone)} applies, where at best it would be {_short(new)}."
            findings.append(Finding("warn", fact.code, text, (gone or new)[0].source))
    return (*findings, *_weak_liver_findings(inputs, model, applied))


def _weak_liver_findings(
    inputs: PlanningInput, model: str, applied: tuple[Limit, ...]
) -> Iterator[Finding]:
    """What an earlier treatment or poor function changes, where stated and where nobody did."""
    stated = is_treated_before(inputs) or inputs.compromised_liver is True
    other = applicable_limits(
        replace(inputs, previous_lung_dose_gy=0.0), model, compromised_liver=not stated
    )
    here = [limit for limit in applied if limit not in other]
    there = [limit for limit in other if limit not in applied]
    if not (here or there) or (inputs.compromised_liver is False and not stated):
        return
    source = (here or there)[0].source
    if stated:
        why = "An earlier treatment" if is_treated_before(inputs) else "Poor liver function"
        text = f"{why} was stated: {_short(here)} applies; without it, {_short(there)}."
        yield Finding("note", "liver-compromised", text, source)
    elif any(limit.value < former.value for limit, former in zip(there, here, strict=False)):
        text = (
            "Liver function beyond bilirubin and earlier treatment were not stated: "
            f"{_short(here)} applies; to a liver that is compromised or was treated before, "
            f"{_short(there)}."
        )
        yield Finding("warn", "liver-function-unknown", text, source)


def _short(limits: list[Limit]) -> str:
    """Limits without their notes."""
    return " and ".join(limit.text.partition(" (")[0] for limit in limits) or "no such limit"
