"""Model "bsa": the empiric activity of resin microspheres from body surface and tumour load."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.asking import together
from opensirt.errors import InputError, PlanError
from opensirt.findings import Finding, percent, percent_beside
from opensirt.physics.products import product
from opensirt.plan.build import assemble
from opensirt.plan.checks import check_inputs, require_kind
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution, lung_only_distribution, mixed_distribution
from opensirt.plan.formulae import partition_formulae, perfused_formula
from opensirt.plan.model import planning_models
from opensirt.plan.plan import Formula, Plan, PlanningInput, Prescription, PrescriptionKind
from opensirt.plan.rules import is_contraindicated, shunt_factor
from opensirt.plan.surface import BsaActivity, bsa_activity, bsa_products
from opensirt.units import BQ_PER_GBQ

__all__ = ["BodySurface"]

NAME = "bsa"
KINDS: tuple[PrescriptionKind, ...] = ("activity", "binding-limit")


@planning_models.register(NAME)
@dataclass(frozen=True, slots=True)
class BodySurface:
    """Activity ``A = S - 0.2 + V_T / (V_T + V_N)``, less the maker's reduction for the lung shunt.

    Takes no dose: the prescription is "binding-limit" (the formula and the maker's reduction
    decide) or an activity to compare with. With a treated fraction below 1 it is the modified
    formula of the treated part. Made for resin; other products are refused. Doses follow by
    partition or for the uniform perfused volume where masses are known.

    References
    ----------
    .. [vanroekel] page 30.
    """

    def plan(self, inputs: PlanningInput, prescription: Prescription) -> Plan:
        """The plan by body surface area; `inputs.bsa` is needed."""
        check_inputs(inputs)
        require_kind(prescription, NAME, KINDS)
        if inputs.product not in bsa_products():
            raise PlanError(
                f"the BSA formula is made for {', '.join(bsa_products())}, "
                f"not for {inputs.product}; use model 'mird' or 'partition'"
            )
        if inputs.bsa is None:
            raise InputError(
                "model 'bsa' needs height, weight, tumour and normal liver volume; the volumes are "
                f"those of the study, give {together('height-cm', 'weight-kg')}, or height_cm and "
                "weight_kg under [patient] in case.toml"
            )
        empiric = bsa_activity(inputs.bsa)
        decision = _decide(inputs, prescription, empiric)
        per_gbq = _distribution(inputs)
        formulae = _dose_formulae(inputs, per_gbq, decision.delivered_gbq)
        by_formula = prescription.kind == "binding-limit"
        return assemble(NAME, inputs, prescription, per_gbq, decision, formulae, empiric=by_formula)


def _decide(inputs: PlanningInput, prescription: Prescription, empiric: BsaActivity) -> Decision:
    if prescription.kind == "activity" and prescription.value is not None:
        delivered_gbq = prescription.value / BQ_PER_GBQ * (1.0 - inputs.residual_fraction)
        text = f"The BSA formula gives {empiric.activity_gbq:.3f} GBq before any shunt reduction."
        finding = Finding("note", "bsa-activity", text, "vanroekel")
        return Decision(
            delivered_gbq, None, (finding,), formulae=empiric.formulae, bsa_m2=empiric.bsa_m2
        )
    of, shunt = product(inputs.product), inputs.lung.shunt_fraction
    if is_contraindicated(of, shunt):
        rule = of.maker_rules["shunt_contraindicated_above_fraction"]
        raise PlanError(
            f"a lung shunt of {percent_beside(shunt, rule.value)} rules out {inputs.product}: "
            f"the maker contraindicates it above {percent(rule.value)} ({rule.source})"
        )
    factor = shunt_factor(of, shunt)
    delivered_gbq = empiric.activity_gbq * factor
    text = f"The BSA formula ({empiric.activity_gbq:.3f} GBq) decides, no dose limit."
    formulae = empiric.formulae
    if factor < 1.0:
        text = (
            f"The BSA formula ({empiric.activity_gbq:.3f} GBq) reduced for the lung shunt decides."
        )
        formulae = (*formulae, _reduction_formula(empiric.activity_gbq, factor, shunt, of.name))
    return Decision(delivered_gbq, text, formulae=formulae, bsa_m2=empiric.bsa_m2)


def _reduction_formula(activity_gbq: float, factor: float, shunt: float, name: str) -> Formula:
    rule = product(name).shunt_reduction(shunt)
    return Formula(
        "Maker's reduction for the lung shunt",
        "A_reduced = A (1 - reduction)",
        f"{activity_gbq:.4f} GBq x (1 - {1.0 - factor:.2f}) = {activity_gbq * factor:.4f} GBq",
        rule.source if rule is not None else "",
    )


def _distribution(inputs: PlanningInput) -> Distribution:
    if inputs.perfused_mass_g is None and inputs.normal_mass_g is None:
        return lung_only_distribution(inputs)
    return mixed_distribution(inputs, NAME)


def _dose_formulae(
    inputs: PlanningInput, per_gbq: Distribution, delivered_gbq: float
) -> tuple[Formula, ...]:
    if per_gbq.perfused is None:
        return ()
    if per_gbq.by_ratio:
        return partition_formulae(inputs, per_gbq, delivered_gbq)
    return (perfused_formula(inputs, delivered_gbq, per_gbq.perfused.mass_g),)
