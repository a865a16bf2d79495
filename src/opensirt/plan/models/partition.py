"""Model "partition": tumours, perfused normal liver and lungs share the activity by uptake."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.errors import PlanError
from opensirt.plan.binding import largest_safe_activity
from opensirt.plan.build import assemble
from opensirt.plan.checks import check_inputs, require_kind
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution, partition_distribution
from opensirt.plan.formulae import partition_formulae
from opensirt.plan.model import planning_models
from opensirt.plan.plan import Plan, PlanningInput, Prescription, PrescriptionKind
from opensirt.plan.tumour_dose import tumour_decision
from opensirt.units import BQ_PER_GBQ

__all__ = ["Partition"]

NAME = "partition"
KINDS: tuple[PrescriptionKind, ...] = (
    "tumour-dose",
    "normal-dose",
    "perfused-dose",
    "activity",
    "binding-limit",
)


@planning_models.register(NAME)
@dataclass(frozen=True, slots=True)
class Partition:
    """Any number of tumours, each with its own uptake ratio, normal liver and lungs.

    ``A (1 - R) = D_N (sum(r_i m_i) + m_N) / (K (1 - L))`` and ``D_i = r_i D_N``. A prescribed
    tumour dose is for the mean of the tumours by mass, for each or for one: see `tumour_decision`.
    Ratios are of concentration per gram (not of activities, as Kao 2013 writes them).

    References
    ----------
    .. [chiesa2021] EANM dosimetry committee, standard operating procedure for radioembolization.
    """

    def plan(self, inputs: PlanningInput, prescription: Prescription) -> Plan:
        """The plan for a tumour, normal or perfused dose, an activity, or the binding limit."""
        check_inputs(inputs)
        require_kind(prescription, NAME, KINDS)
        per_gbq = partition_distribution(inputs)
        decision = _decide(inputs, prescription, per_gbq)
        formulae = partition_formulae(inputs, per_gbq, decision.delivered_gbq)
        return assemble(NAME, inputs, prescription, per_gbq, decision, formulae)


def _decide(inputs: PlanningInput, prescription: Prescription, per_gbq: Distribution) -> Decision:
    if prescription.kind == "binding-limit":
        return largest_safe_activity(inputs, per_gbq, NAME)
    value = prescription.value
    if value is None:
        raise PlanError("model 'partition' needs a dose or an activity")
    if prescription.kind == "activity":
        return Decision(value / BQ_PER_GBQ * (1.0 - inputs.residual_fraction))
    if prescription.kind == "tumour-dose":
        return tumour_decision(inputs, prescription, per_gbq)
    compartment = per_gbq.normal if prescription.kind == "normal-dose" else per_gbq.perfused
    if compartment is None:
        raise PlanError(f"model 'partition' has no compartment for {prescription.kind}")
    return Decision(value / compartment.mean_dose_gy)
