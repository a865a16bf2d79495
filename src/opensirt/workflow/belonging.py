"""Whether what a verb is given is what it takes, and belongs together."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from opensirt.case import Case, Treatment
from opensirt.errors import CaseError, InputError
from opensirt.image import Volume
from opensirt.plan.inputs import ClinicalFacts
from opensirt.plan.plan import Plan, Prescription
from opensirt.units import BQ_PER_GBQ

if TYPE_CHECKING:
    from opensirt.report import Report

__all__ = [
    "digests",
    "require_case",
    "require_kinds",
    "require_one_plan",
    "require_prepared",
    "require_report",
]

CLOSE = 1e-6
"""Relative difference of two activities that rounding explains."""
ACTIVITY_ROLES = ("planning-activity", "treatment-activity")
_KINDS = {
    "case": (Case, "from read_case and prepare_case"),
    "activity": (Volume, "from quantify_activity, for a dose plan.scale(activity)"),
    "plan": (Plan, "from make_plan"),
    "dose": (Volume, "from compute_dose"),
    "facts": (ClinicalFacts, 'such as ClinicalFacts(indication="net")'),
    "prescription": (
        Prescription,
        'such as prescription_from(tumour_dose_gy=120.0), or Prescription("activity", 2e9) in Bq',
    ),
    "given": (Treatment, 'such as Treatment("resin-y90", 2e9, injected) in Bq'),
}


def require_kinds(**arguments: Any) -> None:
    """`InputError` in one line for an argument of another kind."""
    for name, value in arguments.items():
        kind, origin = _KINDS[name]
        if not isinstance(value, kind):
            raise InputError(
                f"{name} must be a {kind.__name__}, {origin}; got {type(value).__name__}"
            )


def require_prepared(case: Case) -> None:
    """Refuse a case that was read and not prepared, and holds images of before and after."""
    require_kinds(case=case)
    if all(any(image.role == role for image in case.images) for role in ACTIVITY_ROLES):
        raise CaseError(
            "the case holds an image before treatment and one after; take one with "
            f'prepare_case(case) or prepare_case(case, image="{ACTIVITY_ROLES[1]}")'
        )


def require_one_plan(
    case: Case, plan: Plan, dose: Volume | None = None, activity: Volume | None = None
) -> None:
    """Refuse a plan of another case, and a map of another activity than the plan delivers.

    A map that does not know its activity, such as one read from a file, is taken as it is.
    """
    if plan.case_id not in ("", case.id):
        raise InputError(
            f"the plan is one of case {plan.case_id!r}, not of {case.id!r}; make it for this case "
            "with make_plan"
        )
    for what, volume, cure in (
        ("dose", dose, "compute it again from plan.scale(activity)"),
        ("activity map", activity, "take plan.scale(activity)"),
    ):
        if volume is None:
            continue
        require_case(case, what, volume)
        _require_beads(what, volume, plan, cure)
        found = volume.injected_bq
        if found and not math.isclose(found, plan.delivered_activity_bq, rel_tol=CLOSE):
            raise InputError(
                f"the {what} is of {found / BQ_PER_GBQ:.4g} GBq injected, the plan delivers "
                f"{plan.delivered_activity_bq / BQ_PER_GBQ:.4g} GBq; {cure}"
            )


def require_case(case: Case, what: str, volume: Volume) -> None:
    """Refuse a map that was made for another case."""
    if volume.case_id not in ("", case.id):
        raise InputError(
            f"the {what} is one of case {volume.case_id!r}, not of {case.id!r}; make it for this "
            "case with quantify_activity and compute_dose"
        )


def _require_beads(what: str, volume: Volume, plan: Plan, cure: str) -> None:
    """Refuse a map of another nuclide or dose constant than the plan's."""
    constant = volume.dose_constant_gy_kg_per_gbq
    if volume.nuclide not in (None, plan.nuclide):
        raise InputError(f"the {what} is of {volume.nuclide}, the plan of {plan.nuclide}; {cure}")
    if constant and not math.isclose(constant, plan.dose_constant_gy_kg_per_gbq, rel_tol=CLOSE):
        raise InputError(
            f"the {what} rests on {constant:g} Gy kg/GBq, the plan on "
            f"{plan.dose_constant_gy_kg_per_gbq:g} Gy kg/GBq; {cure}"
        )


def digests(plan: Plan, dose: Volume) -> dict[str, str]:
    """What tells a plan and a dose from all others, by name."""
    voxels = hashlib.sha256(np.ascontiguousarray(dose.values).data)
    voxels.update(repr(dose.grid.matrix.tolist()).encode())
    return {
        "plan": hashlib.sha256(repr(plan).encode()).hexdigest(),
        "dose": voxels.hexdigest(),
    }


def require_report(case: Case, plan: Plan, dose: Volume, report: Report) -> None:
    """Refuse a report on another case, plan or dose than those it is to be written with."""
    from opensirt.report import Report  # takes a second, which reading a case has no use for

    if not isinstance(report, Report):
        raise InputError(f"report must be a Report, from build_report; got {type(report).__name__}")
    found = {"case": case.id, **digests(plan, dose)}
    for what, told in {"case": report.case_id, **report.made_of}.items():
        if told != found[what]:
            raise InputError(
                f"the report is on another {what} than the one it is to be written with; make it "
                "again with build_report(case, plan, dose)"
            )
