"""Body surface area, and the empiric activity of resin microspheres built on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opensirt.errors import InputError
from opensirt.findings import as_fraction
from opensirt.physics.tables import load_table
from opensirt.plan.plan import BsaInput, Formula
from opensirt.units import CM_PER_M

__all__ = [
    "BSA_FORMULAE",
    "BsaActivity",
    "body_surface_m2",
    "bsa_activity",
    "bsa_products",
    "require_formula",
]

BSA_FORMULAE = ("dubois", "mosteller")
_TABLE = "plan/bsa"


@dataclass(frozen=True, slots=True)
class BsaActivity:
    """Empiric activity before any shunt reduction, the surface behind it, and both formulae."""

    activity_gbq: float
    bsa_m2: float
    formulae: tuple[Formula, ...]


def bsa_products() -> tuple[str, ...]:
    """Products that the empiric formula is made for."""
    return tuple(load_table(_TABLE).text("products").split())


def body_surface_m2(height_cm: float, weight_kg: float, formula: str = "dubois") -> float:
    """Body surface area (m2) by "dubois" or "mosteller".

    ``0.20247 h^0.725 w^0.425`` (h in m, w in kg), or ``sqrt(h w / 3600)`` (h in cm).

    Raises
    ------
    InputError
        For a height or weight not above 0, or another formula.
    """
    for what, value in (("height (cm)", height_cm), ("weight (kg)", weight_kg)):
        if not (value > 0 and math.isfinite(value)):
            raise InputError(f"the {what} must be above 0, got {value}")
    require_formula(formula)
    table = load_table(_TABLE)
    if formula == "dubois":
        height_power = table.quantity("dubois_height_power").value
        weight_power = table.quantity("dubois_weight_power").value
        scaled = (height_cm / CM_PER_M) ** height_power * weight_kg**weight_power
        return float(table.quantity("dubois_factor").value * scaled)
    return math.sqrt(height_cm * weight_kg / table.quantity("mosteller_divisor").value)


def require_formula(name: str) -> None:
    """`InputError` for a formula of the body surface that is none of `BSA_FORMULAE`."""
    if name not in BSA_FORMULAE:
        raise InputError(
            f"surface formula {name!r} is unknown; choose one of {', '.join(BSA_FORMULAE)}"
        )


def bsa_activity(body: BsaInput) -> BsaActivity:
    """Empiric activity ``A = (S - 0.2 + V_T / (V_T + V_N)) f`` in GBq.

    S is the body surface (m2), V_T and V_N tumour and normal volume of the treated part, f the
    treated part of the liver volume: 1 for the whole liver, less for the modified formula.

    Raises
    ------
    InputError
        For impossible volumes or fraction, or a body too small for the formula.
    """
    _check_volumes(body)
    surface_m2 = body_surface_m2(body.height_cm, body.weight_kg, body.formula)
    offset = load_table(_TABLE).quantity("offset")
    involvement = body.tumour_volume_ml / (body.tumour_volume_ml + body.normal_volume_ml)
    activity_gbq = (surface_m2 - offset.value + involvement) * body.treated_fraction
    if not activity_gbq > 0:
        raise InputError(
            f"the BSA formula gives {activity_gbq:.3f} GBq for {body.height_cm:g} cm and "
            f"{body.weight_kg:g} kg; check height (cm) and weight (kg)"
        )
    formulae = (
        _surface_formula(body, surface_m2),
        _activity_formula(body, surface_m2, activity_gbq),
    )
    return BsaActivity(activity_gbq, surface_m2, formulae)


def _check_volumes(body: BsaInput) -> None:
    tumour_ml, normal_ml = body.tumour_volume_ml, body.normal_volume_ml
    if not (tumour_ml >= 0 and math.isfinite(tumour_ml)):
        raise InputError(f"the tumour volume (mL) must be 0 or more, got {tumour_ml}")
    if not (normal_ml > 0 and math.isfinite(normal_ml)):
        raise InputError(f"the normal liver volume (mL) must be above 0, got {normal_ml}")
    if not 0.0 < body.treated_fraction <= 1.0:
        raise InputError(
            "the treated fraction must be above 0 and at most 1 "
            f"({as_fraction(body.treated_fraction)}), got {body.treated_fraction}"
        )


def _surface_formula(body: BsaInput, surface_m2: float) -> Formula:
    table = load_table(_TABLE)
    if body.formula == "dubois":
        factor = table.quantity("dubois_factor")
        height_power = table.quantity("dubois_height_power").value
        weight_power = table.quantity("dubois_weight_power").value
        return Formula(
            "Body surface area (DuBois)",
            f"S = {factor.value:g} h^{height_power:g} w^{weight_power:g}",
            f"{factor.value:g} x {body.height_cm / CM_PER_M:.3f}^{height_power:g} x "
            f"{body.weight_kg:g}^{weight_power:g} = {surface_m2:.4f} m2",
            factor.source,
        )
    divisor = table.quantity("mosteller_divisor")
    return Formula(
        "Body surface area (Mosteller)",
        f"S = sqrt(h w / {divisor.value:g})",
        f"sqrt({body.height_cm:g} x {body.weight_kg:g} / {divisor.value:g}) = {surface_m2:.4f} m2",
        divisor.source,
    )


def _activity_formula(body: BsaInput, surface_m2: float, activity_gbq: float) -> Formula:
    offset = load_table(_TABLE).quantity("offset")
    whole = body.treated_fraction == 1.0
    total_ml = body.tumour_volume_ml + body.normal_volume_ml
    numbers = f"{surface_m2:.4f} - {offset.value:g} + {body.tumour_volume_ml:.1f} / {total_ml:.1f}"
    if not whole:
        numbers = f"({numbers}) x {body.treated_fraction:.4f}"
    return Formula(
        "Activity by body surface area" + ("" if whole else " (modified, treated part)"),
        f"A = S - {offset.value:g} + V_T / (V_T + V_N)"
        if whole
        else f"A = (S - {offset.value:g} + V_T / (V_T + V_N)) f",
        f"{numbers} = {activity_gbq:.4f} GBq",
        offset.source,
    )
