"""What was not said: choices left at a default, and facts that count as the worse."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.findings import Finding, percent
from opensirt.physics.limits import Limit
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.plan.limits import applicable_limits, reserve_fraction
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
        text = (
            f"No intent was given; {inputs.judged_intent} is assumed, so that aims and rules of "
            "segmentectomy, lobectomy and unilobar treatment are not applied. Give one of them."
        )
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
    return tuple(findings)


def _short(limits: list[Limit]) -> str:
    """Limits without their notes."""
    return " and ".join(limit.text.partition(" (")[0] for limit in limits) or "no such limit"
