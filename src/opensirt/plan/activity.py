"""Activity calculators: the planning models on numbers typed in, without images.

`activity_mird`, `activity_partition` and `activity_bsa` return the same `Plan` as planning on a
case; `activity_result` is its JSON form for ``opensirt activity ... --json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from opensirt.errors import InputError
from opensirt.physics.products import product as product_of
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.plan.checks import CLOSURE
from opensirt.plan.intents import perfused_part_g
from opensirt.plan.model import planning_models
from opensirt.plan.plan import (
    BsaInput,
    LungInput,
    Plan,
    PlannedDose,
    PlanningInput,
    Prescription,
    TumourInput,
)
from opensirt.units import BQ_PER_GBQ, BQ_PER_MBQ, MBQ_PER_MCI

__all__ = [
    "CalculatorOptions",
    "activity_bsa",
    "activity_mird",
    "activity_partition",
    "activity_result",
    "paired_tumours",
    "typed_input",
]

TYPED = "given"


@dataclass(frozen=True, slots=True)
class CalculatorOptions:
    """What every calculator takes beside its own numbers."""

    lung_shunt_fraction: float | None = None
    """None: not known. Activity and doses are those without shunt, and no lung limit is judged."""
    lung_mass_g: float | None = None
    """None: the reference mass of ``tables/plan/assumed.toml``, shown as an assumption."""
    residual_fraction: float = 0.0
    """Part of the drawn-up activity that stays in vial and tubing."""
    dose_constant_gy_kg_per_gbq: float | None = None
    """None: the product's own."""
    indication: str | None = None
    """None: not chosen; see `PlanningInput.judged_indication`."""
    intent: str | None = None
    bilirubin_mg_dl: float | None = None
    previous_lung_dose_gy: float = 0.0
    compromised_liver: bool | None = None
    whole_normal_mass_g: float | None = None
    """All normal liver, perfused or not; without it its limits and the reserve are not known."""
    whole_liver_mass_g: float | None = None
    """Liver with its tumours."""
    vials: int = 1
    hours_since_calibration: float | None = None
    activity_per_sphere: float | str | None = None


def activity_mird(
    product: str,
    perfused_mass_g: float,
    prescription: Prescription,
    options: CalculatorOptions | None = None,
    *,
    normal_mass_g: float | None = None,
) -> Plan:
    """Single compartment: activity for a mean perfused dose, or doses of an activity.

    Parameters
    ----------
    product : str
        Such as "glass-y90".
    perfused_mass_g : float
        Mass of the perfused volume, tumours included.
    prescription : Prescription
        "perfused-dose" (Gy) or "activity" (Bq, drawn up).
    normal_mass_g : float, optional
        Normal liver in the perfused volume; limits on normal liver are judged where it is known.
    """
    inputs = typed_input(
        product, options, perfused_mass_g=perfused_mass_g, normal_mass_g=normal_mass_g
    )
    return planning_models.create("mird").plan(inputs, prescription)


def activity_partition(
    product: str,
    tumours: Sequence[TumourInput],
    normal_mass_g: float,
    prescription: Prescription,
    options: CalculatorOptions | None = None,
) -> Plan:
    """Partition: activity for a tumour, normal or perfused dose, or doses of an activity.

    Parameters
    ----------
    tumours : sequence of TumourInput
        Mass (g) and uptake ratio by concentration of each; see `paired_tumours`.
    normal_mass_g : float
        Perfused normal liver.
    """
    inputs = typed_input(product, options, tumours=tuple(tumours), normal_mass_g=normal_mass_g)
    return planning_models.create("partition").plan(inputs, prescription)


def activity_bsa(product: str, body: BsaInput, options: CalculatorOptions | None = None) -> Plan:
    """Empiric activity by body surface area, less the maker's reduction for the lung shunt."""
    inputs = typed_input(product, options, bsa=body)
    return planning_models.create("bsa").plan(inputs, Prescription("binding-limit"))


def paired_tumours(
    masses_g: Sequence[float], tumour_to_normal: Sequence[float]
) -> tuple[TumourInput, ...]:
    """Tumours "tumour 1", "tumour 2", ... from as many masses (g) as ratios."""
    if len(masses_g) != len(tumour_to_normal):
        raise InputError(
            f"each tumour needs a mass and a ratio, got {len(masses_g)} masses and "
            f"{len(tumour_to_normal)} ratios"
        )
    pairs = zip(masses_g, tumour_to_normal, strict=True)
    return tuple(
        TumourInput(f"tumour {i}", mass, ratio) for i, (mass, ratio) in enumerate(pairs, 1)
    )


def typed_input(product: str, options: CalculatorOptions | None, **numbers: Any) -> PlanningInput:
    """Planning input from typed numbers; what is not given is assumed and says so."""
    chosen = options or CalculatorOptions()
    constant = chosen.dose_constant_gy_kg_per_gbq
    if constant is None:
        constant = product_of(product).dose_constant_gy_kg_per_gbq
    inputs = PlanningInput(
        product=product_of(product).name,
        dose_constant_gy_kg_per_gbq=constant,
        lung=_lung(chosen),
        residual_fraction=chosen.residual_fraction,
        indication=chosen.indication,
        intent=chosen.intent,
        bilirubin_mg_dl=chosen.bilirubin_mg_dl,
        previous_lung_dose_gy=chosen.previous_lung_dose_gy,
        compromised_liver=chosen.compromised_liver,
        whole_normal_mass_g=chosen.whole_normal_mass_g,
        whole_liver_mass_g=chosen.whole_liver_mass_g,
        vials=chosen.vials,
        hours_since_calibration=chosen.hours_since_calibration,
        activity_per_sphere=chosen.activity_per_sphere,
        **numbers,
    )
    return _whole_where_all_is_perfused(inputs)


def _whole_where_all_is_perfused(inputs: PlanningInput) -> PlanningInput:
    """The input with whole normal liver, where the perfused volume is the whole liver."""
    normal_g, liver_g = inputs.normal_mass_g, inputs.whole_liver_mass_g
    if inputs.whole_normal_mass_g is not None or normal_g is None or liver_g is None:
        return inputs
    is_all = (perfused_part_g(inputs) or 0.0) >= liver_g * (1.0 - CLOSURE)
    return replace(inputs, whole_normal_mass_g=normal_g) if is_all else inputs


def activity_result(plan: Plan) -> dict[str, Any]:
    """The JSON form of a calculated activity: GBq, Gy, g, m2; None where it does not apply."""
    return {
        "model": plan.model,
        "product": plan.product,
        "activity_gbq": plan.activity_bq / BQ_PER_GBQ,
        "delivered_activity_gbq": plan.delivered_activity_bq / BQ_PER_GBQ,
        "activity_mci": plan.activity_bq / BQ_PER_MBQ / MBQ_PER_MCI,
        "lung": {
            "dose_gy": plan.lung.dose_gy if plan.lung.is_known else None,
            "shunt_fraction": plan.lung.shunt_fraction if plan.lung.is_known else None,
            "mass_g": plan.lung.mass_g,
        },
        "tumours": [
            {"name": t.name, "mass_g": t.mass_g, "dose_gy": t.mean_dose_gy} for t in plan.tumours
        ],
        "normal": {"dose_gy": _dose_gy(plan.normal)},
        "perfused": {"dose_gy": _dose_gy(plan.perfused)},
        "whole_normal": {"dose_gy": _dose_gy(plan.whole_normal)},
        "whole_liver": {"dose_gy": _dose_gy(plan.whole_liver)},
        "indication": plan.indication,
        "intent": plan.intent,
        "spheres": None if plan.spheres is None else asdict(plan.spheres),
        "bsa_m2": plan.bsa_m2,
        "dose_constant_gy_kg_per_gbq": plan.dose_constant_gy_kg_per_gbq,
        "findings": [finding.as_dict() for finding in plan.findings],
    }


def _lung(options: CalculatorOptions) -> LungInput:
    assumed_g = load_table("plan/assumed").quantity("lung_mass_g")
    shunt, mass_g = options.lung_shunt_fraction, options.lung_mass_g
    return LungInput(
        shunt_fraction=0.0 if shunt is None else shunt,
        mass_g=assumed_g.value if mass_g is None else mass_g,
        shunt_source=f"{ASSUMPTION}: none given" if shunt is None else TYPED,
        mass_source=f"{ASSUMPTION}: reference mass" if mass_g is None else TYPED,
        is_known=shunt is not None,
    )


def _dose_gy(dose: PlannedDose | None) -> float | None:
    return None if dose is None else dose.mean_dose_gy
