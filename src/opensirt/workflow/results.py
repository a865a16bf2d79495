"""The last verbs: the report, and everything written in one move."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from opensirt.case import Case
from opensirt.dose.statistics import RegionDose
from opensirt.findings import AcceptedStop, Finding, stops_of
from opensirt.image import Region, Volume
from opensirt.io.archive import staged_directory, write_json, write_text
from opensirt.io.dicom_identity import Identity
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.products import product
from opensirt.plan.limits import ROUNDING, limit_code
from opensirt.plan.plan import Plan
from opensirt.report import Report, describe_report, render_html, render_pdf
from opensirt.report.headline import previous_lung_gy
from opensirt.report.tables import judged_tumours
from opensirt.workflow.belonging import (
    digests,
    require_kinds,
    require_one_plan,
    require_prepared,
    require_report,
)
from opensirt.workflow.engines import EngineCheck, engine_section
from opensirt.workflow.export import write_dicom
from opensirt.workflow.figures import (
    counted_regions,
    histograms,
    named_regions,
    region_doses,
    report_regions,
)
from opensirt.workflow.organs import (
    organ_doses,
    organ_findings,
    outlined_organs,
    placement_findings,
)
from opensirt.workflow.pictures import report_pictures
from opensirt.workflow.planning import calibrate
from opensirt.workflow.record import results_record
from opensirt.workflow.setting import Setting, make_setting
from opensirt.workflow.structures import Structures, make_structures, structure_names

__all__ = ["build_report", "write_results"]

DISAGREEMENT = 0.10
"""Relative difference of model and voxel mean that is pointed out; a choice of presentation."""
SHOWN_GY = 0.05
"""Less than the last digit of a dose in a table."""
VOXELS_OF = {
    "perfused-mean": "perfused volume",
    "perfused-normal-mean": "perfused normal liver",
    "whole-normal-mean": "whole normal liver",
    "lung-mean": "lungs",
    "lung-mean-cumulative": "lungs",
}
"""The region whose mean dose in the voxels a limit speaks of."""


@lru_cache(maxsize=1)
def _structures(case: Case, setting: Setting) -> Structures:
    """Those of report and files, which are the same; the last are kept."""
    names = structure_names(setting.drawn.lesions)
    return make_structures(case, names, counted_regions(setting))


def build_report(
    case: Case,
    plan: Plan,
    dose: Volume,
    *,
    activity: Volume | None = None,
    engine: str = "",
    nuclide: Nuclide | None = None,
    options: Mapping[str, Any] | None = None,
    check: EngineCheck | None = None,
    accepted: AcceptedStop | None = None,
    identity: Identity | None = None,
) -> Report:
    """All that is shown and stored of a plan: tables, pictures, formulae, findings, provenance.

    Parameters
    ----------
    case : Case
        Prepared with `prepare_case`.
    plan : Plan
    dose : Volume, Gy
        From `compute_dose`, on the grid of the activity image.
    activity : Volume, Bq/mL, optional
        The scaled activity behind `dose`; made again from the case where not given.
    engine : str
        Name of the dose engine, for the record; as `dose` knows it where not given.
    check : EngineCheck, optional
        Doses of other engines, from `check_engines`.
    accepted : AcceptedStop, optional
        Who accepts the stops and why, so that `write_results` writes an RT Plan all the same.
    identity : Identity, optional
        Of the patient, from `read_identity`; left out of everything where not given.
    """
    require_prepared(case)
    require_kinds(plan=plan, dose=dose, activity=dose if activity is None else activity)
    require_one_plan(case, plan, dose, activity)
    setting = make_setting(case)
    calibrated, calibration = calibrate(case, plan.nuclide)
    shown = activity if activity is not None else plan.scale(calibrated)
    regions = named_regions(setting)
    of = nuclide or product(plan.product).nuclide.with_dose_constant(
        plan.dose_constant_gy_kg_per_gbq
    )
    engine = engine or dose.engine
    doses = region_doses(case, dose, plan=plan, activity=shown, nuclide=of)
    image = case.activity_image.volume
    outlined = _organs(case, setting)
    organs = organ_doses(outlined, setting, image, shown, dose, calibration, of, engine=engine)
    section = None if check is None else engine_section(check, setting.density, regions)
    findings = _findings(
        (
            *case.lost_regions(),
            *plan.findings,
            *setting.findings,
            *calibration.findings,
            *placement_findings(setting, image, calibration),
            *organ_findings(organs),
            *_voxel_findings(plan, doses),
            *_missed_targets(plan, doses),
            *_broken_limits(plan, doses),
            *(section.findings if section else ()),
        ),
        accepted,
        plan.is_given,
    )
    accepted = None if plan.is_given else accepted
    record = plan.provenance.adding(
        inputs=case.provenance.inputs,
        options={**(options or {}), "engine": engine},
        citations=case.provenance.citations,
        assumptions=case.provenance.assumptions,
    )
    results = results_record(
        case, plan, engine, doses, organs, findings, accepted, record.as_dict()
    )
    structures = _structures(case, setting)
    results["left_out"] += [item.as_dict() for item in structures.left_out]
    results["identity"] = None if identity is None else identity.as_dict()
    seen = report_regions(setting.compartments, setting.lungs)
    pictures = report_pictures(case, setting, dose, seen, outlined)
    if section is not None:
        results |= {"engine_comparison": section.block} if section.block else {}
        pictures += [section.picture] if section.picture else []
    return describe_report(
        case,
        plan,
        engine,
        doses,
        made_of=digests(plan, dose),
        organs=organs,
        histograms=tuple((curve.name, curve) for curve in histograms(case, dose)),
        pictures=pictures,
        findings=findings,
        results=results,
        engine_table=section.table if section else None,
        accepted=accepted,
        identity=identity,
    )


def write_results(
    case: Case,
    plan: Plan,
    dose: Volume,
    report: Report,
    *,
    to: str | Path,
    activity: Volume | None = None,
    overwrite: bool = False,
) -> dict[str, Path]:
    """Write report, numbers, DICOM objects and NIfTI maps; all of it or nothing.

    No RT Plan is written where a finding of severity "stop" stands in the report, unless the report
    says who accepted it, and none of what was given already.

    Returns
    -------
    dict of name to path inside `to`.
    """
    require_prepared(case)
    require_kinds(plan=plan, dose=dose, activity=dose if activity is None else activity)
    require_one_plan(case, plan, dose, activity)
    require_report(case, plan, dose, report)
    out = Path(to)
    setting = make_setting(case)
    shown = activity if activity is not None else plan.scale(calibrate(case, plan.nuclide)[0])
    structures = _structures(case, setting)
    with staged_directory(out, overwrite=overwrite, inputs=case.read_from) as folder:
        names = {
            "report": write_text(folder / "report.html", render_html(report)),
            "pdf": folder / "report.pdf",
            "results": write_json(folder / "results.json", report.results),
            "dose": folder / "nifti" / "dose_gy.nii.gz",
            "activity": folder / "nifti" / "activity_bq_ml.nii.gz",
            "regions": folder / "nifti" / "regions.seg.nrrd",
            "outlines": folder / "nifti" / "outlines.seg.nrrd",
            "pictures": folder / "pictures",
            "dicom": folder / "dicom",
        }
        names["pdf"].write_bytes(render_pdf(report))
        for folder_name in ("nifti", "pictures", "dicom"):
            (folder / folder_name).mkdir()
        for picture in report.pictures:
            (names["pictures"] / f"{picture.name}.png").write_bytes(picture.png)
        write_volume_nifti(names["dose"], dose)
        write_volume_nifti(names["activity"], shown)
        write_regions_seg_nrrd(names["regions"], structures.on_dose.items)
        write_regions_seg_nrrd(names["outlines"], structures.outlines.items)
        write_dicom(
            names["dicom"],
            case,
            plan,
            dose,
            shown,
            structures.on_dose,
            report.doses,
            report.histograms,
            outlines=structures.outlines,
            stops=report.stops,
            accepted=report.accepted,
            identity=report.identity,
        )
        return {name: out / path.relative_to(folder) for name, path in names.items()}


def _organs(case: Case, setting: Setting) -> tuple[Region, ...]:
    """Organs at risk as drawn, under names that no compartment has."""
    taken = [region.name for region in report_regions(setting.drawn, setting.lungs_drawn)]
    return outlined_organs(case, setting.drawn.whole_liver, taken)


def _findings(
    every: Sequence[Finding], accepted: AcceptedStop | None, is_given: bool = False
) -> tuple[Finding, ...]:
    """Each finding once; and a note where stops were accepted that do not stand, or no plan."""
    unique = tuple(dict.fromkeys(every))
    if accepted is not None:
        accepted.require_person(unique)
    if accepted is None or (stops_of(unique) and not is_given):
        return unique
    why = "a verification has no RT Plan" if is_given else "none stands"
    text = f"{accepted.name} accepted stops in advance, but {why}: {accepted.reason}."
    return (*unique, Finding("note", "stop-acceptance-unused", text))


def _voxel_findings(plan: Plan, doses: Sequence[RegionDose]) -> tuple[Finding, ...]:
    """Where the model's mean and the voxel engine's mean of a compartment are far apart."""
    voxel = {dose.name: dose.mean_dose_gy for dose in doses}
    shown = {dose.name: dose.shown for dose in doses}
    apart = [
        f"{shown[name]} {mean_gy:.3g} Gy by model, {voxel[name]:.3g} Gy in voxels"
        for name, mean_gy in _modelled(plan)
        if name in voxel and mean_gy > 0 and abs(voxel[name] / mean_gy - 1.0) > DISAGREEMENT
    ]
    if not apart:
        return ()
    few = "; ".join(apart[:3]) + (f"; and {len(apart) - 3} more" if len(apart) > 3 else "")
    text = f"Model and voxel dose differ by more than {DISAGREEMENT:.0%} in {len(apart)}: {few}."
    return (Finding("note", "model-voxel-disagreement", text, "assumption"),)


def _missed_targets(plan: Plan, doses: Sequence[RegionDose]) -> tuple[Finding, ...]:
    """Targets that every tumour meets by the model, and some miss in the voxels."""
    voxel_gy = {dose.name: dose.mean_dose_gy for dose in doses}
    shown = {dose.name: dose.shown for dose in doses}
    judged = judged_tumours(plan)
    met = [f.text for f in plan.findings if f.code == "tumour-dose-target-met"]
    found = []
    for limit in plan.limits:
        if limit.quantity != "tumour-mean" or not any(limit.text in text for text in met):
            continue
        missed = [
            f"{shown[t.name]} {t.mean_dose_gy:.1f} Gy by model, {voxel_gy[t.name]:.1f} Gy in voxels"
            for t in plan.tumours
            if t.name in judged
            and t.name in voxel_gy
            and t.mean_dose_gy >= limit.value * (1.0 - ROUNDING)
            and round(voxel_gy[t.name], 1) < limit.value
        ]
        if missed:
            few = "; ".join(missed[:3]) + (f"; and {len(missed) - 3} more" if missed[3:] else "")
            count = "1 tumour misses" if len(missed) == 1 else f"{len(missed)} tumours miss"
            text = f"Met by the model, but {count} it in voxels: {limit.text}"
            found.append(
                Finding("warn", "target-missed-in-voxels", f"{text}: {few}.", limit.source)
            )
    return tuple(found)


def _broken_limits(plan: Plan, doses: Sequence[RegionDose]) -> tuple[Finding, ...]:
    """Limits that are kept by the model and not by what the voxels show.

    After treatment the voxels are what was measured: any excess counts as the limit does. Of a plan
    that was solved for a limit they lie on both sides of it, so only more than usual is said.
    """
    voxel_gy = {dose.name: dose.mean_dose_gy for dose in doses}
    found = []
    for limit in plan.limits:
        dose_gy = voxel_gy.get(VOXELS_OF.get(limit.quantity, ""))
        if limit.is_target or dose_gy is None:
            continue
        if limit.quantity == "lung-mean-cumulative":
            dose_gy += previous_lung_gy(plan)
        said = [f for f in plan.findings if f.code == limit_code(limit) and limit.text in f.text]
        if any(f.severity == limit.severity for f in said):
            continue  # broken by the model too, which says so
        if voxel_gy.get("whole liver", math.inf) <= (limit.unless_whole_liver_gy or 0.0):
            continue
        if dose_gy > limit.value * (1.0 if plan.is_given else 1.0 + DISAGREEMENT) + SHOWN_GY:
            text = f"Kept by the model, but {dose_gy:.1f} Gy in the voxels: {limit.text}."
            if plan.is_given:
                text = f"{dose_gy:.1f} Gy in the voxels of what was given; {limit.text}: broken."
            severity = limit.severity if plan.is_given else "warn"
            found.append(Finding(severity, "limit-broken-in-voxels", text, limit.source))
    return tuple(found)


def _modelled(plan: Plan) -> Iterator[tuple[str, float]]:
    """Name and mean dose (Gy) of each compartment of the model that the voxels show too."""
    for part in (*plan.tumours, plan.normal):
        if part is not None:
            yield part.name, part.over_all_gy
    yield "lungs", plan.lung.dose_gy
