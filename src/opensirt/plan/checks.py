"""Checks of planning input, each with one clear line."""

from __future__ import annotations

import math

from opensirt.errors import InputError, PlanError
from opensirt.findings import as_fraction
from opensirt.physics.plausible import require_plausible
from opensirt.physics.products import product
from opensirt.plan.plan import PlanningInput, Prescription, PrescriptionKind

__all__ = ["CLOSURE", "check_inputs", "require_kind", "require_mass"]

CLOSURE = 1e-3
"""Largest relative excess of parts over their whole that rounding may explain."""


def check_inputs(inputs: PlanningInput) -> None:
    """Refuse impossible numbers; what is None is left to the model that needs it."""
    _above_zero("dose constant (Gy kg/GBq)", inputs.dose_constant_gy_kg_per_gbq)
    own = product(inputs.product).dose_constant_gy_kg_per_gbq
    require_plausible(
        "dose constant over that of the nuclide", inputs.dose_constant_gy_kg_per_gbq / own
    )
    _fraction("lung shunt fraction", inputs.lung.shunt_fraction)
    _fraction("residual fraction", inputs.residual_fraction)
    _above_zero("lung mass (g)", inputs.lung.mass_g)
    require_plausible("lung mass", inputs.lung.mass_g)
    if inputs.bsa is not None:
        require_plausible("height", inputs.bsa.height_cm)
        require_plausible("weight", inputs.bsa.weight_kg)
    for name, mass_g in (
        ("perfused mass (g)", inputs.perfused_mass_g),
        ("perfused normal liver mass (g)", inputs.normal_mass_g),
        ("whole normal liver mass (g)", inputs.whole_normal_mass_g),
        ("whole liver mass (g)", inputs.whole_liver_mass_g),
    ):
        if mass_g is not None:
            _above_zero(name, mass_g)
    for tumour in inputs.tumours:
        _above_zero(f"mass (g) of {tumour.name!r}", tumour.mass_g)
        _above_zero(f"tumour-to-normal ratio of {tumour.name!r}", tumour.tumour_to_normal)
    names = [tumour.name for tumour in inputs.tumours]
    if len(set(names)) != len(names):
        raise InputError(f"tumour names must differ, got {', '.join(names)}")
    previous = inputs.previous_lung_dose_gy
    if not (previous >= 0 and math.isfinite(previous)):
        raise InputError(f"the previous lung dose must be 0 Gy or more, got {previous}")
    if inputs.hours_since_calibration is not None:
        require_plausible("time since calibration", inputs.hours_since_calibration)
    if isinstance(inputs.activity_per_sphere, float | int):
        _above_zero("activity per sphere (Bq)", inputs.activity_per_sphere)
    if inputs.vials < 1:
        raise InputError(f"the number of vials must be 1 or more, got {inputs.vials}")
    _check_closure(inputs)


def require_mass(mass_g: float | None, what: str, model: str) -> float:
    """A mass that `model` cannot do without."""
    if mass_g is None:
        raise InputError(f"model {model!r} needs the {what} mass in g; none was given")
    return mass_g


def require_kind(
    prescription: Prescription, model: str, allowed: tuple[PrescriptionKind, ...]
) -> None:
    """Refuse a prescription that the model cannot follow."""
    if prescription.kind not in allowed:
        raise PlanError(
            f"model {model!r} cannot prescribe by {prescription.kind}; "
            f"use {', '.join(allowed)} or another model"
        )


def _above_zero(what: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise InputError(f"the {what} must be above 0, got {value}")


def _fraction(what: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise InputError(
            f"the {what} must be from 0 to below 1 ({as_fraction(value)}), got {value}"
        )


def _check_closure(inputs: PlanningInput) -> None:
    """Parts must not weigh more than the whole they belong to."""
    normal_g, whole_g = inputs.normal_mass_g, inputs.whole_normal_mass_g
    if normal_g is not None and whole_g is not None and normal_g > whole_g * (1 + CLOSURE):
        raise InputError(
            f"perfused normal liver ({normal_g:g} g) cannot weigh more than whole normal liver "
            f"({whole_g:g} g)"
        )
    liver_g, perfused_g = inputs.whole_liver_mass_g, inputs.perfused_mass_g
    for what, part_g in (("perfused volume", perfused_g), ("whole normal liver", whole_g)):
        if liver_g is not None and part_g is not None and part_g > liver_g * (1 + CLOSURE):
            raise InputError(
                f"the {what} ({part_g:g} g) cannot weigh more than the whole liver ({liver_g:g} g)"
            )
    if inputs.perfused_mass_g is None or normal_g is None:
        return
    parts_g = normal_g + sum(tumour.mass_g for tumour in inputs.tumours)
    if parts_g > inputs.perfused_mass_g * (1 + CLOSURE):
        raise InputError(
            f"tumours and normal liver ({parts_g:g} g) cannot weigh more than the perfused volume "
            f"({inputs.perfused_mass_g:g} g) that holds them"
        )
