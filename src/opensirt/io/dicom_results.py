"""All DICOM objects of one result, with references between them that agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset

from opensirt.image import Regions, Volume
from opensirt.io.dicom_activity import build_activity_map
from opensirt.io.dicom_common import DicomContext, long_text, save
from opensirt.io.dicom_dose import DoseVolumeHistogram, build_rt_dose
from opensirt.io.dicom_plan import PlanSummary, build_rt_plan
from opensirt.io.dicom_report import RegionMeasurement, build_measurement_report
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.io.dicom_structures import build_rt_structures, roi_numbers

__all__ = ["write_dicom_results"]

NO_REGIONS = Regions()


def write_dicom_results(
    folder: Path,
    *,
    context: DicomContext,
    dose: Volume,
    regions: Regions,
    activity: Volume | None,
    plan_summary: PlanSummary | None,
    region_doses: Mapping[str, Sequence[RegionMeasurement]],
    dvhs: Sequence[DoseVolumeHistogram],
    outlines: Regions = NO_REGIONS,
    whole_voxels: bool = False,
    dose_comment: str = "",
    title: str = "SIRT plan",
    dose_bits: int = 32,
    segmentation_kind: Literal["BINARY", "LABELMAP"] = "BINARY",
) -> list[Path]:
    """Write plan, dose, structures, segmentations, report and activity map into `folder`.

    Parameters
    ----------
    context : DicomContext
        Made for this result alone: `DicomContext.for_case(case, image=...)`.
    dose : Volume, Gy
    regions : Regions
        At least one, all on one grid, that of the dose or another.
    outlines : Regions
        As drawn, all on one grid, for a structure set and a segmentation of their own: programs
        that look for one spacing read a set with planes of two grids wrongly.
    whole_voxels : bool
        `regions` are whole voxels, and are drawn along their edges: a program that fills these
        outlines on that grid finds those voxels and no others.
    activity : Volume, Bq/mL, optional
    plan_summary : PlanSummary, or None
        None writes no RT Plan; the dose then keeps the identity of a plan that does not exist.
    dose_comment : str
        What a reader of the RT Dose alone must know, 64 characters.
    title : str
        What the result is, at the head of the description of the report.
    region_doses : mapping of region name to its numbers
    dvhs : cumulative histograms of regions

    Returns
    -------
    Paths of the files, in the order written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = roi_numbers(regions)
    rt_dose = build_rt_dose(dose, context, bits=dose_bits, histograms=dvhs, roi_numbers=numbers)
    if dose_comment:
        rt_dose.DoseComment = long_text(dose_comment)
    segmentation = build_segmentation(regions, context, kind=segmentation_kind)
    objects: dict[str, Dataset] = {}
    if plan_summary is not None:
        target = numbers.get(plan_summary.target or "")
        objects["plan"] = build_rt_plan(plan_summary, context, target_number=target)
    objects |= {
        "dose": rt_dose,
        "structures": build_rt_structures(regions, context, edged=whole_voxels),
        "segmentation": segmentation,
    }
    if len(outlines):
        objects["outlines"] = build_rt_structures(outlines, context, name="outlines")
        name = "outlines-segmentation"
        objects[name] = build_segmentation(outlines, context, name=name)
    if any(region_doses.values()):
        objects["report"] = build_measurement_report(
            regions,
            region_doses,
            context,
            segmentation=segmentation,
            dose=rt_dose,
            title=f"{title}, measurements, opensirt",
        )
    if activity is not None:
        objects["activity"] = build_activity_map(activity, context)
    return [
        save(dataset, folder / f"{name}.dcm", implicit=name in ("structures", "outlines"))
        for name, dataset in objects.items()
    ]
