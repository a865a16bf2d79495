"""A minimal RT Plan: the prescription that an RT Dose belongs to, with no beams and no sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from opensirt.errors import InputError
from opensirt.io.dicom_common import DicomContext, instance_reference, long_text, save, short_text
from opensirt.io.dicom_dose import RT_PLAN_CLASS, STRUCTURE_SET_CLASS
from opensirt.io.dicom_planes import decimal

__all__ = ["PlanSummary", "build_rt_plan", "write_rt_plan"]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What of a plan an RT Plan can hold.

    Parameters
    ----------
    label : str
        Short name of the plan, 16 characters.
    description : str
        Product, model, activity and the like, in words.
    prescribed_dose_gy : float, optional
        Mean dose asked for; None where an activity or a limit was prescribed.
    target : str, optional
        Name of the region that the dose is prescribed to; None for a site.
    """

    label: str
    description: str
    prescribed_dose_gy: float | None = None
    target: str | None = None


def write_rt_plan(
    path: Path, summary: PlanSummary, context: DicomContext, *, target_number: int | None = None
) -> Path:
    """Write the RT Plan that the RT Dose of the same context refers to.

    `target_number` is the ROI number of `summary.target` in the structure set.
    """
    return save(build_rt_plan(summary, context, target_number=target_number), path)


def build_rt_plan(
    summary: PlanSummary, context: DicomContext, *, target_number: int | None = None
) -> Dataset:
    """The data set of `write_rt_plan`."""
    dataset = context.start("plan", RT_PLAN_CLASS, "RTPLAN", "SIRT plan, opensirt")
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = context.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.RTPlanLabel = short_text(summary.label) or "SIRT"
    dataset.RTPlanName = long_text(summary.label)
    dataset.RTPlanDescription = short_text(summary.description, 1024)
    dataset.RTPlanDate = context.date
    dataset.RTPlanTime = context.time
    dataset.PlanIntent = "RESEARCH"
    dataset.RTPlanGeometry = "PATIENT"
    structures = instance_reference(STRUCTURE_SET_CLASS, context.sop_uid("structures"))
    dataset.ReferencedStructureSetSequence = [structures]
    dataset.DoseReferenceSequence = [_dose_reference(summary, context, target_number)]
    dataset.FractionGroupSequence = [_fraction_group()]
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _dose_reference(
    summary: PlanSummary, context: DicomContext, target_number: int | None
) -> Dataset:
    item = Dataset()
    item.DoseReferenceNumber = 1
    item.DoseReferenceUID = context.uid("dose-reference")
    if summary.target is not None and target_number is not None:
        item.DoseReferenceStructureType = "VOLUME"
        item.ReferencedROINumber = target_number
    else:
        item.DoseReferenceStructureType = "SITE"
    item.DoseReferenceDescription = short_text(summary.target or "treated liver", 1024)
    item.DoseReferenceType = "TARGET"
    if summary.prescribed_dose_gy is not None:
        if not summary.prescribed_dose_gy > 0:
            raise InputError(
                f"expected a prescribed dose above 0 Gy, got {summary.prescribed_dose_gy:g}"
            )
        item.TargetPrescriptionDose = decimal(summary.prescribed_dose_gy)
    return item


def _fraction_group() -> Dataset:
    item = Dataset()
    item.FractionGroupNumber = 1
    item.NumberOfFractionsPlanned = 1
    item.NumberOfBeams = 0
    item.NumberOfBrachyApplicationSetups = 0
    return item
