"""A plan and voxel doses whose every number differs, so that no column can stand for another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opensirt.case import Case, Patient
from opensirt.dose.statistics import RegionDose
from opensirt.findings import Finding
from opensirt.physics.limits import Limit
from opensirt.physics.products import SphereNumber
from opensirt.plan.plan import LungDose, Plan, PlannedDose, Prescription
from opensirt.provenance import Provenance
from opensirt.report import Report, describe_report

__all__ = ["described", "limit", "region", "sample_doses", "sample_plan"]


def limit(quantity: str, sense: str, value: float, **more: Any) -> Limit:
    words = {
        "product": "resin-y90", "indication": "hcc", "intent": "lobectomy", "unit": "Gy",
        "severity": "warn", "source": "weber2022", "level_of_evidence": "3",
    }  # fmt: skip
    return Limit(quantity=quantity, sense=sense, value=value, **(words | more))


def sample_plan(**change: Any) -> Plan:
    """2.0 GBq drawn up, 1.8 GBq delivered; two tumours of 100 and 50 g with 160 and 130 Gy."""
    plan = Plan(
        model="partition",
        product="resin-y90",
        nuclide="y90",
        prescription=Prescription("normal-dose", 35.0),
        activity_bq=2.0e9,
        delivered_activity_bq=1.8e9,
        dose_constant_gy_kg_per_gbq=49.67,
        lung=LungDose(0.1, 995.0, 9.0, "measured: counts", "given for this plan"),
        perfused=PlannedDose("perfused volume", "perfused", 1000.0, 72.0, 0.9),
        tumours=(
            PlannedDose("Tumour 1", "tumour", 100.0, 160.0, 0.2),
            PlannedDose("Tumour 2", "tumour", 50.0, 130.0, 0.08),
        ),
        normal=PlannedDose("perfused normal liver", "other", 850.0, 36.0, 0.62),
        whole_normal=PlannedDose("whole normal liver", "other", 1400.0, 21.0, 0.62),
        whole_liver=PlannedDose("whole liver", "liver", 1550.0, 48.0, 0.9),
        tumour_to_normal=4.1,
        residual_fraction=0.1,
        indication="hcc",
        intent="lobectomy",
        spheres=SphereNumber(40e6, 38e6, 42e6, 45.0, None, "weber2022"),
        limits=(
            limit("tumour-mean", "at least", 150.0),
            limit("perfused-normal-mean", "at most", 40.0),
            limit("perfused-normal-mean", "at least", 70.0),
            limit("whole-normal-mean", "at most", 20.0),
            limit("lung-mean", "at most", 30.0, level_of_evidence="not read", source="vanroekel"),
            limit("lung-mean-cumulative", "at most", 50.0, source="vanroekel"),
        ),
        provenance=Provenance(options={"planning input": {"previous_lung_dose_gy": 45.0}}),
    )
    return replace(plan, **change)


def region(name: str, role: str, mean_gy: float, volume_ml: float, **more: Any) -> RegionDose:
    """Every figure another: D95 is 0.1 and D70 0.2 above the mean, and so on."""
    figures = {
        "territory": None, "mass_g": volume_ml * 1.05, "activity_fraction": 0.31,
        "d98_gy": mean_gy + 0.7, "d95_gy": mean_gy + 0.1, "d70_gy": mean_gy + 0.2,
        "d50_gy": mean_gy + 0.3, "d2_gy": mean_gy + 0.4, "minimum_gy": mean_gy + 0.5,
        "maximum_gy": mean_gy + 0.6,
    }  # fmt: skip
    return RegionDose(
        name=name, role=role, volume_ml=volume_ml, mean_dose_gy=mean_gy, **(figures | more)
    )


def sample_doses() -> tuple[RegionDose, ...]:
    effects = {
        "bed_gy": 24.0, "eud_gy": 25.0, "eubed_gy": 26.0, "eqd2_gy": 27.0,
        "response": "tumour: alpha 0.002/Gy (assumption)",
    }  # fmt: skip
    return (
        region("whole liver", "liver", 47.0, 1500.0),
        region("perfused volume", "perfused", 71.0, 960.0),
        region("perfused normal liver", "other", 34.0, 810.0, limit_gy=40.0, v_limit_fraction=0.23),
        region("whole normal liver", "other", 20.5, 1330.0),
        region("Tumour 1", "tumour", 154.0, 96.0, activity_fraction=0.17, **effects),
        region("Tumour 2", "tumour", 124.0, 47.0, activity_fraction=0.07, mass_g=65.8),
        region("lungs", "lungs", 8.0, 3200.0, activity_fraction=0.09),
    )


def described(
    plan: Plan | None = None,
    doses: tuple[RegionDose, ...] | None = None,
    findings: tuple[Finding, ...] = (),
    case: Case | None = None,
    **more: Any,
) -> Report:
    """The report of these numbers, without pictures."""
    words = {"results": {"provenance": Provenance().as_dict()}} | more
    return describe_report(
        case or Case(id="case-1", patient=Patient("F", 165.0, 64.0)),
        plan or sample_plan(),
        "local",
        sample_doses() if doses is None else doses,
        histograms=(),
        pictures=(),
        findings=findings,
        **words,
    )
