"""What was not said: choices left at a default, facts that count as the worse, unlikely numbers."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.findings import Finding, percent
from opensirt.physics.limits import Limit
from opensirt.physics.products import product
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import Quantity, load_table
from opensirt.plan.limits import applicable_limits, reserve_fraction
from opensirt.plan.plan import PlanningInput

__all__ = ["choice_findings", "number_findings", "unknown_fact_findings"]


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


def number_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    """Numbers that are possible but look like a slip or another unit."""
    return (
        *_mass_findings(inputs),
        *_ratio_findings(inputs),
        *_fraction_findings(inputs),
        *_bilirubin_findings(inputs),
    )


def _short(limits: list[Limit]) -> str:
    """Limits without their notes."""
    return " and ".join(limit.text.partition(" (")[0] for limit in limits) or "no such limit"


def _attention(name: str) -> Quantity:
    return load_table("plan/attention").quantity(name)


def _mass_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    findings = []
    tumours_g = sum(tumour.mass_g for tumour in inputs.tumours)
    normal_g = inputs.normal_mass_g
    perfused_g = inputs.perfused_mass_g or (None if normal_g is None else normal_g + tumours_g)
    least, most = _attention("perfused_mass_g"), _attention("liver_mass_g")
    whole_g = inputs.whole_liver_mass_g or inputs.whole_normal_mass_g or perfused_g
    if perfused_g is not None and perfused_g < least.value:
        text = f"The perfused volume weighs {perfused_g:g} g, below {least.value:g} g: "
        text += "is it kg typed as g?"
        findings.append(Finding("stop", "mass-implausible", text, least.source))
    if whole_g is not None and whole_g > most.value:
        text = f"A liver of {whole_g:g} g is above {most.value:g} g: check the mass and its unit."
        findings.append(Finding("stop", "mass-implausible", text, most.source))
    share = _attention("perfused_normal_fraction")
    if normal_g is not None and perfused_g and normal_g < share.value * perfused_g:
        text = (
            f"Perfused normal liver is {normal_g:.1f} g, {percent(normal_g / perfused_g, 1)} of "
            "the perfused volume: the tumour-to-normal ratio rests on too little liver."
        )
        findings.append(Finding("warn", "perfused-normal-small", text, share.source))
    lungs = _attention("lung_mass_g")
    mass_g = inputs.lung.mass_g
    if inputs.lung.shunt_fraction > 0 and not (lungs.low or 0) <= mass_g <= (lungs.high or mass_g):
        text = (
            f"Lungs of {mass_g:g} g are outside {lungs.low:g} to {lungs.high:g} g: check the mass, "
            "its unit, and whether the lungs are whole."
        )
        findings.append(Finding("warn", "lung-mass-implausible", text, lungs.source))
    return tuple(findings)


def _ratio_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    most = _attention("tumour_to_normal")
    findings = []
    for tumour in inputs.tumours:
        ratio = tumour.tumour_to_normal
        if ratio < 1.0:
            text = f"Lesion {tumour.name!r} takes up {ratio:.2f} times what normal liver does."
            findings.append(Finding("warn", "tumour-colder-than-liver", text, ASSUMPTION))
        elif ratio > most.value:
            text = (
                f"Lesion {tumour.name!r} takes up {ratio:g} times what normal liver does, above "
                f"{most.value:g}: is it a ratio of concentrations, not of activities?"
            )
            findings.append(Finding("warn", "ratio-implausible", text, most.source))
    return tuple(findings)


def _fraction_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    shunt, residual = inputs.lung.shunt_fraction, inputs.residual_fraction
    most = _attention("lung_shunt_fraction")
    findings = []
    if shunt > most.value:
        text = (
            f"A lung shunt of {percent(shunt, 1)} is above {percent(most.value)}: check it; "
            f"{percent(shunt / 100.0, 2)} would be {shunt / 100.0:g}."
        )
        findings.append(Finding("warn", "lung-shunt-high", text, most.source))
    usual = product(inputs.product).quantities.get("residual_fraction", (None,))[0]
    if usual is None:
        return tuple(findings)
    if residual == 0.0:
        text = (
            "No residual in vial and tubing is counted on; the median published for this product "
            f"is {percent(usual.value, 1)}, the largest {percent(usual.high or usual.value, 1)}."
        )
        findings.append(Finding("note", "residual-not-counted", text, usual.source))
    elif usual.high is not None and residual > usual.high:
        text = (
            f"A residual of {percent(residual, 1)} is above the largest published for this "
            f"product, {percent(usual.high, 1)}: check it."
        )
        findings.append(Finding("warn", "residual-high", text, usual.source))
    return tuple(findings)


def _bilirubin_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    most, found = _attention("bilirubin_mg_per_dl"), inputs.bilirubin_mg_dl
    if found is None or found <= most.value:
        return ()
    per_mg = _attention("bilirubin_umol_l_per_mg_dl").value
    text = (
        f"A bilirubin of {found:g} mg/dL is {found * per_mg:.0f} umol/L, above {most.value:g} "
        f"mg/dL: check the unit; {found:g} umol/L would be {found / per_mg:.2f} mg/dL."
    )
    return (Finding("warn", "bilirubin-high", text, most.source),)
