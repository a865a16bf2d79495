"""The last verbs: the report, and everything written in one move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opensirt.case import Case
from opensirt.dose.dvh import Dvh, dose_volume_histogram
from opensirt.dose.statistics import RegionDose, RegionDoseOptions, region_doses
from opensirt.findings import Finding
from opensirt.image import Region, Regions, Volume
from opensirt.io.archive import staged_directory, write_json, write_text
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.products import product
from opensirt.plan.plan import Plan
from opensirt.quantify.compartments import LiverCompartments
from opensirt.radiobiology import tissue_responses
from opensirt.report import (
    Picture,
    Report,
    describe_report,
    dvh_picture,
    make_scene,
    planes_picture,
    render_html,
    render_pdf,
    tumour_tiles,
)
from opensirt.units import BQ_PER_GBQ
from opensirt.workflow.engines import EngineCheck, engine_section
from opensirt.workflow.export import outline_image, write_dicom
from opensirt.workflow.planning import calibrate
from opensirt.workflow.setting import Setting, make_setting

__all__ = ["build_report", "write_results"]

TILES_PER_PICTURE = 20
SINGLE_TUMOUR = "single-tumour"
PERFUSED_NORMAL = "perfused normal liver"
WHOLE_NORMAL = "whole normal liver"
LIMITED_REGIONS = {
    "perfused-normal-mean": PERFUSED_NORMAL,
    "whole-normal-mean": WHOLE_NORMAL,
    "tumour-mean": "tumour",
    "lung-mean": "lungs",
}
"""Where the dose of a limit is looked for, for V(limit)."""
DISAGREEMENT = 0.10
"""Relative difference of model and voxel mean that is pointed out; a choice of presentation."""


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
        Name of the dose engine, for the record.
    check : EngineCheck, optional
        Doses of other engines, from `check_engines`.
    """
    setting = make_setting(case)
    calibrated, calibration = calibrate(case, plan.nuclide)
    shown = activity if activity is not None else plan.scale(calibrated)
    regions = report_regions(setting.compartments, setting.lungs)
    of = nuclide or product(plan.product).nuclide
    doses = region_doses(dose, setting.density, shown, regions, of, _judgement(plan))
    section = None if check is None else engine_section(check, setting.density, regions)
    findings = (
        *plan.findings,
        *setting.findings,
        *calibration.findings,
        *_voxel_findings(plan, doses),
        *(section.findings if section else ()),
    )
    unique = tuple(dict.fromkeys(findings))
    record = plan.provenance.adding(
        inputs=case.provenance.inputs,
        options={**(options or {}), "engine": engine},
        citations=case.provenance.citations,
        assumptions=case.provenance.assumptions,
    )
    results = _results(case, plan, engine, doses, unique, record.as_dict())
    pictures = _pictures(case, setting, dose, regions)
    if section is not None:
        results |= {"engine_comparison": section.block} if section.block else {}
        pictures += [section.picture] if section.picture else []
    return describe_report(
        case,
        plan,
        engine,
        doses,
        histograms=tuple((r.name, dose_volume_histogram(dose, r)) for r in regions),
        pictures=pictures,
        findings=unique,
        results=results,
        engine_table=section.table if section else None,
    )


def report_regions(parts: LiverCompartments, lungs: Region | None) -> Regions:
    """Compartments, lesions and lungs that the report gives doses for."""
    items = list(parts.regions())
    if lungs is not None and not lungs.is_empty:
        items.append(lungs)
    return Regions(tuple(items))


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

    Returns
    -------
    dict of name to path inside `to`.
    """
    out = Path(to)
    setting = make_setting(case)
    shown = activity if activity is not None else plan.scale(calibrate(case, plan.nuclide)[0])
    regions = report_regions(setting.drawn, setting.lungs_drawn)
    with staged_directory(out, overwrite=overwrite) as folder:
        names = {
            "report": write_text(folder / "report.html", render_html(report)),
            "pdf": folder / "report.pdf",
            "results": write_json(folder / "results.json", report.results),
            "dose": folder / "nifti" / "dose_gy.nii.gz",
            "activity": folder / "nifti" / "activity_bq_ml.nii.gz",
            "regions": folder / "nifti" / "regions.seg.nrrd",
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
        write_regions_seg_nrrd(names["regions"], regions.items)
        write_dicom(
            names["dicom"], case, plan, dose, shown, regions, report.doses, report.histograms
        )
        return {name: out / path.relative_to(folder) for name, path in names.items()}


def _judgement(plan: Plan) -> RegionDoseOptions:
    """The limits that V(limit) is given for, and the tissue parameters for BED and EUD."""
    doses: dict[str, float] = {}
    for limit in plan.limits:
        place = LIMITED_REGIONS.get(limit.quantity)
        if place and limit.unit == "Gy":
            strictest = max if limit.is_target else min
            doses[place] = strictest(limit.value_gy, doses.get(place, limit.value_gy))
    return RegionDoseOptions(limits_gy=doses, responses=tissue_responses(product=plan.product))


def _results(
    case: Case,
    plan: Plan,
    engine: str,
    doses: Sequence[RegionDose],
    findings: Sequence[Finding],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """`results.json`; its schema is docs/formats/results.schema.json."""
    return {
        "schema": "opensirt-results-1",
        "case_id": case.id,
        "product": plan.product,
        "nuclide": plan.nuclide,
        "model": plan.model,
        "engine": engine,
        "dose_constant_gy_kg_per_gbq": plan.dose_constant_gy_kg_per_gbq,
        "indication": plan.indication,
        "intent": plan.intent,
        "prescription": plan.prescription.as_dict(),
        "spheres": None if plan.spheres is None else asdict(plan.spheres),
        "binding_limit": plan.binding_limit,
        "activity_gbq": plan.activity_bq / BQ_PER_GBQ,
        "delivered_activity_gbq": plan.delivered_activity_bq / BQ_PER_GBQ,
        "residual_fraction": plan.residual_fraction,
        "bsa_m2": plan.bsa_m2,
        "lung": {
            "shunt_fraction": plan.lung.shunt_fraction,
            "mass_g": plan.lung.mass_g,
            "dose_gy": plan.lung.dose_gy,
            "shunt_source": plan.lung.shunt_source,
            "mass_source": plan.lung.mass_source,
        },
        "tumour_to_normal": plan.tumour_to_normal,
        "planned": [
            {
                "name": part.name,
                "role": part.role,
                "mass_g": part.mass_g,
                "mean_dose_gy": part.mean_dose_gy,
                "activity_fraction": part.activity_fraction,
            }
            for part in (
                *plan.tumours,
                plan.perfused,
                plan.normal,
                plan.whole_normal,
                plan.whole_liver,
            )
            if part is not None
        ],
        "regions": [asdict(dose) for dose in doses],
        "findings": [finding.as_dict() for finding in findings],
        "provenance": dict(provenance),
    }


def _voxel_findings(plan: Plan, doses: Sequence[RegionDose]) -> tuple[Finding, ...]:
    """Where the model's mean and the voxel engine's mean of a compartment are far apart."""
    voxel = {dose.name: dose.mean_dose_gy for dose in doses}
    apart = [
        f"{name} {mean_gy:.3g} Gy by model, {voxel[name]:.3g} Gy in voxels"
        for name, mean_gy in _modelled(plan)
        if name in voxel and mean_gy > 0 and abs(voxel[name] / mean_gy - 1.0) > DISAGREEMENT
    ]
    if not apart:
        return ()
    few = "; ".join(apart[:3]) + (f"; and {len(apart) - 3} more" if len(apart) > 3 else "")
    text = f"Model and voxel dose differ by more than {DISAGREEMENT:.0%} in {len(apart)}: {few}."
    return (Finding("note", "model-voxel-disagreement", text, "assumption"),)


def _modelled(plan: Plan) -> Iterator[tuple[str, float]]:
    """Name and mean dose (Gy) of each compartment of the model that the voxels show too."""
    for part in (*plan.tumours, plan.normal):
        if part is not None:
            yield part.name, part.mean_dose_gy
    yield "lungs", plan.lung.dose_gy


def _pictures(case: Case, setting: Setting, dose: Volume, regions: Regions) -> list[Picture]:
    parts = setting.compartments
    lesions = sorted(
        (lesion.drawn for lesion in parts.lesions if not lesion.drawn.is_empty),
        key=lambda region: -region.volume_ml,
    )
    outlined = Regions(tuple(_outlines(parts.whole_liver, parts.perfused, lesions, regions)))
    focus = (parts.whole_liver, *lesions)
    scene = make_scene(outline_image(case).volume, dose, outlined, focus)
    pictures = [planes_picture(scene, lesions[0] if lesions else parts.perfused)]
    groups = [
        lesions[start : start + TILES_PER_PICTURE]
        for start in range(0, len(lesions), TILES_PER_PICTURE)
    ]
    pictures += [
        tumour_tiles(scene, group, number + 1, len(groups)) for number, group in enumerate(groups)
    ]
    pictures.append(dvh_picture(_curves(setting, dose)))
    return pictures


def _outlines(
    liver: Region, perfused: Region, lesions: Sequence[Region], regions: Regions
) -> list[Region]:
    wanted = [liver, *lesions]
    if abs(perfused.volume_ml / liver.volume_ml - 1.0) > 0.01:
        wanted.append(perfused)
    return [*wanted, *(region for region in regions if region.role == "necrosis")]


def _curves(setting: Setting, dose: Volume) -> list[tuple[str, str, Dvh]]:
    parts = setting.compartments
    curves = [
        (lesion.name, SINGLE_TUMOUR, dose_volume_histogram(dose, lesion.viable))
        for lesion in parts.lesions
        if len(parts.lesions) > 1 and not lesion.viable.is_empty
    ]
    tumours = Regions(tuple(x.viable for x in parts.lesions if not x.viable.is_empty))
    together = tumours.union("tumour", "all tumours")
    named = [together] if together is not None else []
    named += [parts.perfused_normal, parts.whole_normal]
    if setting.lungs is not None and not setting.lungs.is_empty:
        named.append(setting.lungs)
    curves += [(r.name, r.role, dose_volume_histogram(dose, r)) for r in named if not r.is_empty]
    return curves
