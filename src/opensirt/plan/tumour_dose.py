"""What a prescribed tumour dose is for, and the activity that gives it."""

from __future__ import annotations

from dataclasses import replace

from opensirt.asking import option
from opensirt.errors import PlanError
from opensirt.findings import Finding, Severity, percent
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution
from opensirt.plan.plan import DEFAULT_PURPOSE, PlannedDose, PlanningInput, Prescription

__all__ = ["tumour_decision"]

SOURCE = "assumption"
"""No guideline says which lesion a prescribed mean tumour dose is for."""
MOST_NAMES = 5


def tumour_decision(
    inputs: PlanningInput, prescription: Prescription, per_gbq: Distribution
) -> Decision:
    """The activity that gives a prescribed tumour dose to what it is for.

    "mean" (also where nothing was chosen): the mean over measurable lesions by mass; "each": every
    measurable lesion, so the coldest decides; "index": the lesion named, or the largest.

    Raises
    ------
    PlanError
        Where no lesion is measurable, or none has the name of the index lesion.
    """
    dose_gy = prescription.value
    if dose_gy is None:
        raise PlanError("a prescription by tumour dose needs a dose in Gy")
    decision = _decided(inputs, prescription, per_gbq, dose_gy)
    return replace(decision, findings=(*decision.findings, *_in_part(inputs, dose_gy)))


def _decided(
    inputs: PlanningInput, prescription: Prescription, per_gbq: Distribution, dose_gy: float
) -> Decision:
    purpose = prescription.purpose or DEFAULT_PURPOSE
    if purpose == "index":
        index = _index_lesion(prescription.index_lesion, inputs, per_gbq)
        decision = _for_one(dose_gy, index, per_gbq, "is the index lesion and decides")
        return _with_doubt(decision, index.name, inputs)
    deciding = _measurable(inputs, per_gbq)
    if purpose == "each":
        coldest = min(deciding, key=lambda tumour: tumour.mean_dose_gy)
        words = f"takes up least of {len(deciding)} and decides"
        return _for_one(dose_gy, coldest, per_gbq, words)
    mass_g = sum(tumour.mass_g for tumour in deciding)
    mean_gy = sum(tumour.mass_g * tumour.mean_dose_gy for tumour in deciding) / mass_g
    delivered_gbq = dose_gy / mean_gy
    if len(per_gbq.tumours) == 1:
        return Decision(delivered_gbq)
    text = _mean_text(prescription, deciding, per_gbq, delivered_gbq)
    severity: Severity = "note" if prescription.purpose else "warn"
    return Decision(
        delivered_gbq, findings=(Finding(severity, "prescription-for-mean", text, SOURCE),)
    )


def _in_part(inputs: PlanningInput, dose_gy: float) -> tuple[Finding, ...]:
    """That a dose prescribed to a lesion perfused in part is not that of the lesion."""
    parts = [t for t in inputs.tumours if t.perfused_fraction < 1.0]
    if not parts:
        return ()
    named = ", ".join(f"{t.name!r} {percent(t.perfused_fraction)}" for t in parts[:MOST_NAMES])
    text = (
        f"The prescribed {dose_gy:g} Gy are for the perfused part of the lesions; perfused in part "
        f"{'is' if len(parts) == 1 else 'are'} {named}{', ...' * (len(parts) > MOST_NAMES)}, and "
        "the rest receives nothing."
    )
    return (Finding("warn", "prescription-for-perfused-part", text, SOURCE),)


def _measurable(inputs: PlanningInput, per_gbq: Distribution) -> tuple[PlannedDose, ...]:
    pairs = zip(inputs.tumours, per_gbq.tumours, strict=True)
    found = tuple(dose for tumour, dose in pairs if tumour.is_measurable)
    if not found:
        raise PlanError(
            f"none of {len(inputs.tumours)} lesions is at least one resolution width of the image "
            "across, so a mean tumour dose cannot decide; prescribe for one that is named "
            f"({option('index-lesion', 'NAME')}), by normal-liver dose or by activity"
        )
    return found


def _index_lesion(name: str | None, inputs: PlanningInput, per_gbq: Distribution) -> PlannedDose:
    if name is None:
        return max(_measurable(inputs, per_gbq), key=lambda tumour: tumour.mass_g)
    for tumour in per_gbq.tumours:
        if tumour.name == name:
            return tumour
    known = ", ".join(tumour.name for tumour in per_gbq.tumours)
    raise PlanError(f"there is no lesion {name!r} with a planned dose; choose one of {known}")


def _with_doubt(decision: Decision, name: str, inputs: PlanningInput) -> Decision:
    """The decision with a warning where its lesion is too small to be measured."""
    if all(tumour.is_measurable for tumour in inputs.tumours if tumour.name == name):
        return decision
    text = (
        f"The index lesion {name!r} is less than one resolution width of the image across: its "
        "uptake reads too low, and the activity that it asks for is too high."
    )
    doubt = Finding("warn", "index-lesion-too-small", text, SOURCE)
    return replace(decision, findings=(*decision.findings, doubt))


def _for_one(dose_gy: float, tumour: PlannedDose, per_gbq: Distribution, words: str) -> Decision:
    delivered_gbq = dose_gy / tumour.mean_dose_gy
    if len(per_gbq.tumours) == 1:
        return Decision(delivered_gbq)
    text = (
        f"Tumour {tumour.name!r} {words}: it reaches {dose_gy:g} Gy; "
        f"{_range(per_gbq, delivered_gbq)}."
    )
    finding = Finding("note", "tumour-that-decides", text, SOURCE)
    return Decision(delivered_gbq, findings=(finding,))


def _range(per_gbq: Distribution, delivered_gbq: float) -> str:
    doses = sorted(per_gbq.tumours, key=lambda tumour: tumour.mean_dose_gy)
    low, high = doses[0], doses[-1]
    return (
        f"all lesions receive {low.mean_dose_gy * delivered_gbq:.1f} Gy ({low.name!r}) to "
        f"{high.mean_dose_gy * delivered_gbq:.1f} Gy ({high.name!r})"
    )


def _mean_text(
    prescription: Prescription,
    deciding: tuple[PlannedDose, ...],
    per_gbq: Distribution,
    delivered_gbq: float,
) -> str:
    names = {tumour.name for tumour in deciding}
    left = [tumour.name for tumour in per_gbq.tumours if tumour.name not in names]
    text = (
        f"The prescribed {prescription.value:g} Gy are the mean of {len(deciding)} lesions by "
        f"mass; {_range(per_gbq, delivered_gbq)}."
    )
    if left:
        listed = ", ".join(repr(name) for name in left[:MOST_NAMES])
        more = ", ..." if len(left) > MOST_NAMES else ""
        text += f" {len(left)} lesions below the image resolution do not decide: {listed}{more}."
    if prescription.purpose is None:
        text += " What the dose is for was not chosen; mean, index or each."
    return text
