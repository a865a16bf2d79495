"""Which intents a perfused volume can be treated by, and limits where none is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opensirt.physics.limits import INTENTS, Limit, limits_for
from opensirt.physics.tables import Quantity, load_table
from opensirt.plan.plan import PlanningInput

__all__ = [
    "LOST",
    "largest_part",
    "lost_from",
    "perfused_fraction",
    "perfused_part_g",
    "possible_intents",
    "strictest",
    "unmeant_loss",
]

LOST = "the dose that a lobectomy aims at, or a perfused volume is treated with"


def perfused_part_g(inputs: PlanningInput) -> float | None:
    """Mass of the perfused volume, as stated or of its parts; None where not known."""
    if inputs.perfused_mass_g is not None:
        return inputs.perfused_mass_g
    if inputs.normal_mass_g is not None:
        return inputs.normal_mass_g + sum(tumour.mass_g for tumour in inputs.tumours)
    return None


def perfused_fraction(inputs: PlanningInput) -> float | None:
    """Perfused part of the liver by mass, or of its normal tissue; None where not known."""
    part_g = perfused_part_g(inputs)
    if part_g is not None and inputs.whole_liver_mass_g is not None:
        return part_g / inputs.whole_liver_mass_g
    if inputs.normal_mass_g is not None and inputs.whole_normal_mass_g is not None:
        return inputs.normal_mass_g / inputs.whole_normal_mass_g
    return None


def largest_part(intent: str) -> Quantity | None:
    """Largest perfused part of the liver that an intent can mean; None where it may be all."""
    table = load_table("plan/attention")
    if intent == "segmentectomy":
        return table.quantity("segmentectomy_most_fraction")
    if intent in ("lobectomy", "unilobar"):
        return table.quantity("lobar_most_fraction")
    return None


def possible_intents(inputs: PlanningInput) -> tuple[str, ...]:
    """The intent that was chosen; without one, each that the perfused volume is small enough for.

    A part that is not known may be any.
    """
    if inputs.intent is not None:
        return (inputs.intent,)
    found = perfused_fraction(inputs)
    if found is None:
        return INTENTS
    bounds = {intent: largest_part(intent) for intent in INTENTS}
    return tuple(name for name, most in bounds.items() if most is None or found <= most.value)


def lost_from(product: str) -> Limit:
    """From which dose the perfused normal liver is lost: what a lobectomy with the product aims at.

    Where no such aim is printed (holmium), the mean dose that the perfused volume is treated with.
    """
    rows = limits_for(product, "hcc", "lobectomy", reserve_fraction=1.0, compromised_liver=False)
    aims = [row for row in rows if row.is_target and row.quantity == "perfused-normal-mean"]
    means = [row for row in rows if not row.is_target and row.quantity == "perfused-mean"]
    return (*aims, *means)[0]


def unmeant_loss(inputs: PlanningInput) -> Limit | None:
    """The limit that keeps a part of the liver which no intent means to lose, or None.

    A limit on all normal liver would let a small part have any dose.
    """
    part, lobe = perfused_fraction(inputs), largest_part("lobectomy")
    if inputs.intent is not None or part is None or lobe is None or part > lobe.value:
        return None
    aim = lost_from(inputs.product)
    return replace(
        aim,
        intent="any",
        quantity="perfused-normal-mean",
        sense="at most",
        severity="stop",
        level_of_evidence="none",
        verified=False,
        unless_whole_liver_gy=None,
        note=f"{LOST}: without an intent nobody means to lose this part of the liver",
    )


def strictest(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Limits without those that another one of the same quantity implies; the first of equals."""
    return tuple(
        limit
        for i, limit in enumerate(limits)
        if not any(_implies(other, limit, j < i) for j, other in enumerate(limits) if j != i)
    )


def _implies(one: Limit, other: Limit, is_first: bool) -> bool:
    """True where whoever keeps `one` keeps `other`."""
    if one.quantity != other.quantity or one.is_target or other.is_target:
        return False
    if one.unless_whole_liver_gy not in (None, other.unless_whole_liver_gy):
        return False
    equal = one.value == other.value and one.unless_whole_liver_gy == other.unless_whole_liver_gy
    return one.value < other.value or (one.value == other.value and (not equal or is_first))
