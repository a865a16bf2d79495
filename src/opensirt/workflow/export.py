"""From our own values to the plain ones that DICOM objects are written from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opensirt.case import Case, StudyImage
from opensirt.dose.dvh import Dvh
from opensirt.dose.statistics import RegionDose
from opensirt.findings import AcceptedStop, Finding
from opensirt.image import Regions, Volume
from opensirt.io.dicom_common import DicomContext
from opensirt.io.dicom_dose import MAX_HISTOGRAM_BINS, DoseVolumeHistogram
from opensirt.io.dicom_identity import Identity
from opensirt.io.dicom_plan import PlanSummary
from opensirt.io.dicom_report import RegionMeasurement
from opensirt.io.dicom_results import write_dicom_results
from opensirt.physics.products import product
from opensirt.plan.plan import Plan
from opensirt.units import BQ_PER_GBQ

__all__ = ["outline_image", "write_dicom"]

NO_REGIONS = Regions()
MEASUREMENTS = (
    ("volume", "volume_ml", "mL"),
    ("mass", "mass_g", "g"),
    ("mean-absorbed-dose", "mean_dose_gy", "Gy"),
    ("d95", "d95_gy", "Gy"),
    ("d70", "d70_gy", "Gy"),
    ("d50", "d50_gy", "Gy"),
    ("d2", "d2_gy", "Gy"),
    ("activity-fraction", "activity_fraction", "1"),
)


def write_dicom(
    folder: Path,
    case: Case,
    plan: Plan,
    dose: Volume,
    activity: Volume,
    regions: Regions,
    doses: Sequence[RegionDose],
    histograms: Sequence[tuple[str, Dvh]],
    *,
    outlines: Regions = NO_REGIONS,
    stops: Sequence[Finding] = (),
    accepted: AcceptedStop | None = None,
    identity: Identity | None = None,
) -> list[Path]:
    """RT Plan, RT Dose, RTSTRUCT, SEG, SR and activity map, referring to one another.

    `regions` are the voxels that `doses` and `histograms` count, by the names shown for them;
    `outlines` are those of the study, on the grid they were drawn on; with them, `regions` are
    whole voxels of the dose grid. With `stops` there is no RT Plan, unless they were `accepted`: it
    then says by whom and why. Of what was given already there is none.

    Without an `identity` the objects are a study of their own that names no UID of the source: an
    archive would otherwise find two patients in one study. With it they join the source's study.
    """
    withheld = plan.is_given or (bool(stops) and accepted is None)
    known = {region.name for region in regions}
    shown = {dose.name: dose.shown for dose in doses}
    return write_dicom_results(
        folder,
        context=DicomContext.for_case(
            case,
            image=None if identity is None else outline_image(case),
            patient_from=None if identity is None else identity.source,
            is_given=plan.is_given,
        ),
        dose=dose,
        regions=regions,
        outlines=outlines,
        whole_voxels=len(outlines) > 0,
        activity=activity,
        plan_summary=None if withheld else _summary(plan, stops, accepted),
        dose_comment=_dose_comment(stops, accepted, plan.is_given),
        title="SIRT verification" if plan.is_given else "SIRT plan",
        region_doses={d.shown: _measurements(d) for d in doses if d.shown in known},
        dvhs=[
            _histogram(shown.get(name, name), curve)
            for name, curve in histograms
            if shown.get(name, name) in known and curve.maximum_gy > 0
        ],
    )


def outline_image(case: Case) -> StudyImage:
    """The image that shares the grid of the outlines: the CT where there is one."""
    return case.image("ct") if case.has_image("ct") else case.activity_image


def _summary(plan: Plan, stops: Sequence[Finding], accepted: AcceptedStop | None) -> PlanSummary:
    kind, value = plan.prescription.kind, plan.prescription.value
    words = ""
    if stops and accepted is not None:
        codes = ", ".join(dict.fromkeys(stop.code for stop in stops))
        words = f"STOP ({codes}) accepted by {accepted.name}: {accepted.reason}. "
    words += (
        f"{product(plan.product).label}, {plan.model} model, "
        f"{plan.activity_bq / BQ_PER_GBQ:.3f} GBq to draw up"
    )
    return PlanSummary(
        label=f"SIRT {plan.model}",
        description=words,
        prescribed_dose_gy=value if kind.endswith("-dose") else None,
    )


def _dose_comment(
    stops: Sequence[Finding], accepted: AcceptedStop | None, is_given: bool = False
) -> str:
    if is_given:
        return "Verification of what was given" + (", with stops: see the report" if stops else "")
    if not stops:
        return ""
    return (
        "STOP accepted, see the report" if accepted else "STOP: not for treatment, see the report"
    )


def _measurements(dose: RegionDose) -> list[RegionMeasurement]:
    values = ((key, getattr(dose, field), unit) for key, field, unit in MEASUREMENTS)
    return [RegionMeasurement(key, float(v), unit) for key, v, unit in values if v is not None]


def _histogram(name: str, curve: Dvh) -> DoseVolumeHistogram:
    dose_gy, fraction = curve.fine(MAX_HISTOGRAM_BINS)
    return DoseVolumeHistogram(
        name=name,
        dose_gy=dose_gy,
        volume_ml=fraction * curve.volume_ml,
        mean_gy=curve.mean_gy,
        minimum_gy=curve.minimum_gy,
        maximum_gy=curve.maximum_gy,
    )
