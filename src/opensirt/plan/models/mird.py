"""Model "mird": one compartment, the perfused volume, that takes up activity evenly."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opensirt.errors import PlanError
from opensirt.findings import Finding
from opensirt.plan.binding import largest_safe_activity
from opensirt.plan.build import assemble
from opensirt.plan.checks import check_inputs, require_kind
from opensirt.plan.decision import Decision
from opensirt.plan.distribution import Distribution, mixed_distribution
from opensirt.plan.formulae import mird_formulae, partition_formulae
from opensirt.plan.model import planning_models
from opensirt.plan.plan import Formula, Plan, PlanningInput, Prescription, PrescriptionKind
from opensirt.units import BQ_PER_GBQ

__all__ = ["SingleCompartment"]

NAME = "mird"
KINDS: tuple[PrescriptionKind, ...] = ("perfused-dose", "activity", "binding-limit")

PARTS_BY_RATIO = Finding(
    "note",
    "parts-by-uptake-ratio",
    "The activity comes from the mean of the perfused volume; tumour and normal doses are those of "
    "the partition of this activity by measured uptake.",
    "chiesa2021",
)


@planning_models.register(NAME)
@dataclass(frozen=True, slots=True)
class SingleCompartment:
    """Activity for a mean dose to the perfused volume, ``A = D M / (K (1 - L) (1 - R))``.

    Suits segmentectomy and wherever tumour uptake is not known. Where masses and uptake ratios are
    known, tumour and normal doses are those of the partition of the same activity, and are labelled
    so; where only masses are known, each part receives the perfused mean.

    References
    ----------
    .. [chiesa2021] EANM dosimetry committee, standard operating procedure for radioembolization.
    """

    def plan(self, inputs: PlanningInput, prescription: Prescription) -> Plan:
        """The plan for a perfused dose, an activity, or the binding limit."""
        check_inputs(inputs)
        require_kind(prescription, NAME, KINDS)
        per_gbq = mixed_distribution(inputs, NAME)
        decision = _decide(inputs, prescription, per_gbq)
        if per_gbq.by_ratio:
            decision = replace(decision, findings=(*decision.findings, PARTS_BY_RATIO))
        formulae = _formulae(inputs, prescription, per_gbq, decision)
        return assemble(NAME, inputs, prescription, per_gbq, decision, formulae)


def _decide(inputs: PlanningInput, prescription: Prescription, per_gbq: Distribution) -> Decision:
    if prescription.kind == "binding-limit":
        return largest_safe_activity(inputs, per_gbq, NAME)
    value = prescription.value
    if value is None or per_gbq.perfused is None:
        raise PlanError("model 'mird' needs a dose or an activity")
    if prescription.kind == "activity":
        return Decision(value / BQ_PER_GBQ * (1.0 - inputs.residual_fraction))
    return Decision(value / per_gbq.perfused.mean_dose_gy)


def _formulae(
    inputs: PlanningInput, prescription: Prescription, per_gbq: Distribution, decision: Decision
) -> tuple[Formula, ...]:
    if per_gbq.perfused is None:
        return ()
    delivered_gbq = decision.delivered_gbq
    single = mird_formulae(inputs, prescription, delivered_gbq, per_gbq.perfused.mass_g)
    parts = partition_formulae(inputs, per_gbq, delivered_gbq) if per_gbq.by_ratio else ()
    return (*single, *parts)
