"""What a planning model is, and the registry of them."""

from __future__ import annotations

from typing import Protocol

from opensirt.plan.plan import Plan, PlanningInput, Prescription
from opensirt.registry import Registry

__all__ = ["PlanningModel", "planning_models"]


class PlanningModel(Protocol):
    """From masses, ratios and a prescription to an activity and the doses that follow."""

    def plan(self, inputs: PlanningInput, prescription: Prescription) -> Plan:
        """The plan that meets `prescription`.

        Raises
        ------
        InputError
            When a mass, ratio or fraction is missing or impossible.
        PlanError
            When the model cannot follow this kind of prescription, or no activity meets it.
        """
        ...


planning_models: Registry[PlanningModel] = Registry("planning model", "opensirt.plan.models")
