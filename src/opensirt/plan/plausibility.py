"""Numbers that are possible but look like a slip or another unit, typed or measured."""

from __future__ import annotations

from opensirt.findings import Finding, percent, percent_beside
from opensirt.physics.products import product
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import Quantity, load_table
from opensirt.plan.intents import perfused_part_g
from opensirt.plan.plan import PlanningInput, TumourInput

__all__ = ["number_findings"]

MOST_NAMES = 5


def number_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    """Numbers that are possible but look like a slip or another unit."""
    return (
        *_mass_findings(inputs),
        *_normal_findings(inputs),
        *_lung_findings(inputs),
        *_ratio_findings(inputs),
        *_fraction_findings(inputs),
        *_bilirubin_findings(inputs),
    )


def _attention(name: str) -> Quantity:
    return load_table("plan/attention").quantity(name)


def _mass_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    perfused_g, liver_g = _perfused_g(inputs), _liver_g(inputs)
    least, most, small = (
        _attention(k) for k in ("perfused_mass_g", "liver_mass_g", "tumour_mass_g")
    )
    code, findings = "mass-implausible", []
    if perfused_g is not None and perfused_g < least.value:
        text = f"The perfused volume weighs {perfused_g:g} g, below {least.value:g} g: "
        findings.append(Finding("stop", code, f"{text}is it kg typed as g?", least.source))
    if liver_g is not None and liver_g > most.value:
        text = f"A liver of {liver_g:g} g is above {most.value:g} g: check the mass and its unit."
        findings.append(Finding("stop", code, text, most.source))
    specks = [t for t in inputs.tumours if t.is_measurable and t.mass_g < small.value]
    if specks:
        named = ", ".join(f"{t.name!r} {t.mass_g:g} g" for t in specks[:MOST_NAMES])
        text = f"Lesions below {small.value:g} g, {named}: is it kg typed as g?"
        findings.append(Finding("warn", code, text, small.source))
    return tuple(findings)


def _perfused_g(inputs: PlanningInput) -> float | None:
    """Mass of the perfused volume, or the volume of the treated part in mL where that is known."""
    mass_g = perfused_part_g(inputs)
    if mass_g is None and inputs.bsa is not None:
        return inputs.bsa.tumour_volume_ml + inputs.bsa.normal_volume_ml
    return mass_g


def _liver_g(inputs: PlanningInput) -> float | None:
    """The largest part of the liver that is known."""
    parts = (inputs.whole_liver_mass_g, inputs.whole_normal_mass_g, _perfused_g(inputs))
    return max((part for part in parts if part is not None), default=None)


def _normal_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    share, normal_g, perfused_g = (
        _attention("perfused_normal_fraction"),
        inputs.normal_mass_g,
        _perfused_g(inputs),
    )
    if normal_g is None or perfused_g is None or normal_g >= share.value * perfused_g:
        return ()
    text = (
        f"Perfused normal liver is {normal_g:.1f} g, {percent(normal_g / perfused_g, 1)} of "
        "the perfused volume: the tumour-to-normal ratio rests on too little liver."
    )
    return (Finding("warn", "perfused-normal-small", text, share.source),)


def _lung_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    least, most = _attention("least_lung_mass_g"), _attention("most_lung_mass_g")
    mass_g = inputs.lung.mass_g
    if inputs.lung.shunt_fraction == 0 or least.value <= mass_g <= most.value:
        return ()
    text = (
        f"Lungs of {mass_g:g} g are outside {least.value:g} to {most.value:g} g: check the mass, "
        "its unit, and whether the lungs are whole."
    )
    return (Finding("warn", "lung-mass-implausible", text, least.source),)


def _ratio_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    most = _attention("tumour_to_normal")
    cold = [t for t in inputs.tumours if t.tumour_to_normal < 1.0]
    hot = [t for t in inputs.tumours if t.tumour_to_normal > most.value]
    findings = []
    if cold:
        text = f"{_take_up(cold)} what normal liver does."
        findings.append(Finding("warn", "tumour-colder-than-liver", text, ASSUMPTION))
    if hot:
        text = (
            f"{_take_up(hot)} what normal liver does, above {most.value:g}: is it a ratio of "
            "concentrations, not of activities?"
        )
        findings.append(Finding("warn", "ratio-implausible", text, most.source))
    return tuple(findings)


def _take_up(tumours: list[TumourInput]) -> str:
    """Lesions by name with their ratios, for one sentence on all of them."""
    if len(tumours) == 1:
        return f"Lesion {tumours[0].name!r} takes up {tumours[0].tumour_to_normal:.2f} times"
    few = ", ".join(f"{t.name!r} {t.tumour_to_normal:.2f}" for t in tumours[:MOST_NAMES])
    more = ", ..." if len(tumours) > MOST_NAMES else ""
    return f"{len(tumours)} lesions ({few}{more}) take up these many times"


def _fraction_findings(inputs: PlanningInput) -> tuple[Finding, ...]:
    shunt, residual = inputs.lung.shunt_fraction, inputs.residual_fraction
    most = _attention("lung_shunt_fraction")
    findings = []
    if shunt > most.value:
        slip = f"; {percent(shunt / 100.0, 2)} would be {shunt / 100.0:g}"
        if inputs.lung.shunt_source.startswith("measured"):
            slip = (
                ", the outlines of liver and lungs, and activity of the liver that lies over lung"
            )
        found = percent_beside(shunt, most.value)
        text = f"A lung shunt of {found} is above {percent(most.value)}: check it{slip}."
        findings.append(Finding("warn", "lung-shunt-high", text, most.source))
    usual = product(inputs.product).quantities.get("residual_fraction", (None,))[0]
    if usual is None or inputs.is_given:
        return tuple(findings)
    if residual == 0.0:
        text = (
            "No residual in vial and tubing is counted on; the median published for this product "
            f"is {percent(usual.value, 1)}, the largest {percent(usual.high or usual.value, 1)}."
        )
        findings.append(Finding("note", "residual-not-counted", text, usual.source))
    elif usual.high is not None and residual > usual.high:
        text = (
            f"A residual of {percent_beside(residual, usual.high)} is above the largest published "
            f"for this product, {percent(usual.high, 1)}: check it."
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
