"""The middle verbs: activity map, plan, dose."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

from opensirt.asking import option, together
from opensirt.case import Case, Treatment
from opensirt.dose.engine import dose_engines
from opensirt.errors import CaseError, InputError
from opensirt.findings import Finding, percent
from opensirt.image import Volume
from opensirt.phantoms.imaging import default_pet, default_spect
from opensirt.physics.nuclides import Nuclide, nuclide
from opensirt.physics.references import ASSUMPTION
from opensirt.plan.inputs import ClinicalFacts, measured_input
from opensirt.plan.model import planning_models
from opensirt.plan.plan import BINDING_LIMIT, Plan, Prescription
from opensirt.quantify.calibration import (
    CalibrationSummary,
    absolute_activity,
    patient_relative_activity,
)
from opensirt.quantify.compartments import LiverCompartments
from opensirt.quantify.ratios import tumour_to_normal
from opensirt.quantify.thresholds import threshold
from opensirt.units import BQ_PER_GBQ, Unit
from opensirt.workflow.belonging import require_case, require_kinds, require_prepared
from opensirt.workflow.dosing import simulation_progress
from opensirt.workflow.setting import make_setting
from opensirt.workflow.study import PLANNING, Progress

__all__ = [
    "calibrate",
    "compute_dose",
    "given_is_unknown",
    "make_plan",
    "nuclide_of",
    "quantify_activity",
]

_KNOWN = ("PT", "NM")
"""DICOM modalities whose usual resolution is known."""


def quantify_activity(case: Case, *, nuclide_name: str = "y90") -> Volume:
    """Activity concentration at injection, from a prepared case.

    A treatment image in Bq/mL of a known treatment is absolute, carried back to injection by decay.
    Every other image is calibrated relative to the patient and belongs to 1 GBq injected, which
    `Plan.scale` changes to the planned activity.

    Returns
    -------
    Volume, Bq/mL, on the grid of the activity image.
    """
    require_prepared(case)
    return replace(calibrate(case, nuclide_name)[0], case_id=case.id)


@lru_cache(maxsize=1)
def calibrate(case: Case, nuclide_name: str) -> tuple[Volume, CalibrationSummary]:
    """`quantify_activity` with what it found; see there. The last one is kept for the report."""
    image = case.activity_image
    if case.is_treated and image.volume.unit is Unit.BQ_PER_ML:
        return _absolute(case, nuclide_name)
    setting = make_setting(case)
    lungs, density = setting.lung_tissue or (setting.lungs, None)
    return patient_relative_activity(
        image.volume,
        setting.compartments.perfused,
        lung_shunt_fraction=setting.lung.shunt_fraction,
        lungs=lungs,
        nuclide=nuclide_name,
        liver=setting.compartments.whole_liver,
        density=density,
        lung_mass_g=setting.lung.mass_g,
    )


def _absolute(case: Case, nuclide_name: str) -> tuple[Volume, CalibrationSummary]:
    given = _given(case)
    return absolute_activity(
        case.activity_image.volume,
        nuclide=nuclide_name,
        injection=given.injected,
        administered_bq=given.activity_bq,
    )


def _given(case: Case) -> Treatment:
    """What was given; an error where the study does not say."""
    if case.treatment is None:
        raise CaseError(given_is_unknown())
    return case.treatment


def given_is_unknown() -> str:
    """What to say of an image after treatment where nothing tells what was given."""
    return (
        "the image was taken after treatment, but what was given is not stated; add [treatment] "
        "with product, activity_gbq and injected to case.toml, or give "
        f"{together('given-gbq', 'injected')}"
    )


def make_plan(
    case: Case,
    activity: Volume,
    *,
    model: str,
    product: str,
    prescription: Prescription = BINDING_LIMIT,
    facts: ClinicalFacts | None = None,
) -> Plan:
    """The activity for a prescription, with the doses and limits that come with it.

    Parameters
    ----------
    case : Case
        Prepared with `prepare_case`.
    activity : Volume, Bq/mL
        From `quantify_activity`; gives the tumour-to-normal ratios.
    model, product : str
        Registry names: "partition", "resin-y90".
    prescription : Prescription
        The largest activity within the limits where none is given. For an image after treatment
        it is the activity that was given, and no other is accepted: the plan `is_given` then, a
        verification.
    facts : ClinicalFacts, optional
        Indication, intent, liver function, residual, dose constant and the like. Height and weight
        come from the case where not given.

    Raises
    ------
    UnknownNameError, PlanError, CaseError, InputError
    """
    require_prepared(case)
    facts = ClinicalFacts() if facts is None else facts
    require_kinds(activity=activity, prescription=prescription, facts=facts)
    require_case(case, "activity map", activity)
    if case.is_treated:
        prescription = _as_given(_given(case), product, prescription, facts.residual_fraction)
    setting = make_setting(case)
    parts = setting.compartments
    resolution_mm, assumed = _resolution(case)
    ratios = None  # a perfused volume that is all tumour has none; models that need one say so
    if not parts.perfused_normal.is_empty:
        ratios = tumour_to_normal(
            activity, parts, density=setting.density, resolution_mm=resolution_mm
        )
    known = _with_body(facts, case)
    inputs, measured = measured_input(product, parts, ratios, setting.density, setting.lung, known)
    inputs = replace(inputs, is_given=case.is_treated)
    plan = planning_models.create(model).plan(inputs, prescription)
    record = plan.provenance.adding(
        options={
            "model": model,
            "product": product,
            "intent": plan.intent,
            "indication": plan.indication,
            "resolution of the image": f"{resolution_mm:g} mm",
        },
        assumptions=setting.assumptions,
    )
    findings = tuple(
        dict.fromkeys(
            (
                *plan.findings,
                *measured,
                *(ratios.findings if ratios else ()),
                *(assumed if parts.lesions else ()),
                *_apart_findings(activity, parts),
            )
        )
    )
    return replace(
        plan, provenance=record, findings=findings, case_id=case.id, is_given=case.is_treated
    )


def compute_dose(
    case: Case,
    activity: Volume,
    *,
    engine: str = "voxel-convolution",
    nuclide: Nuclide | None = None,
    progress: Progress | None = None,
    **engine_options: Any,
) -> Volume:
    """Absorbed dose in every voxel, Gy to complete decay.

    Parameters
    ----------
    case : Case
        Prepared; gives the density, from its CT or as assumed.
    activity : Volume, Bq/mL
        At injection and scaled to the plan: ``plan.scale(quantify_activity(case))``.
    engine : str
        Registry name of a dose engine.
    nuclide : Nuclide, optional
        Where another dose constant is wanted than the plan's that scaled `activity`.
    progress : callable (text, part done), optional
        Of Monte Carlo, which takes seconds to minutes.
    **engine_options
        Of the engine: `uncertainty`, `histories`, `seed`, `threads`, `mode`, `device` of
        "monte-carlo".

    Returns
    -------
    Volume, Gy; by Monte Carlo with the `relative_error` of each voxel.
    """
    require_prepared(case)
    require_kinds(activity=activity)
    require_case(case, "activity map", activity)
    of = nuclide or nuclide_of(activity)
    density = make_setting(case).density
    chosen = dose_engines.create(engine, **engine_options)
    done = chosen.checked_dose(activity, density, of, progress=simulation_progress(progress))
    error = None if done.relative_error is None else done.relative_error.values
    constant = of.dose_constant_gy_kg_per_gbq
    return replace(
        done.dose, engine=engine, dose_constant_gy_kg_per_gbq=constant, relative_error=error
    )


def nuclide_of(activity: Volume) -> Nuclide:
    """The nuclide of a map of activity or dose, with the dose constant of its plan."""
    if activity.nuclide is None:
        raise CaseError(
            "the map does not name its nuclide; make it with quantify_activity or compute_dose"
        )
    own, constant = nuclide(activity.nuclide), activity.dose_constant_gy_kg_per_gbq
    return own if constant is None else own.with_dose_constant(constant)


def _as_given(
    given: Treatment, product: str, asked: Prescription, residual_fraction: float
) -> Prescription:
    """The prescription that stands for what was given; another product or dose is refused."""
    if given.product != product:
        raise InputError(
            f"the treatment was with {given.product}, not with {product}; give "
            f"{option('product', given.product)}"
        )
    drawn_up_bq = given.activity_bq / (1.0 - residual_fraction)
    same = asked.kind == "activity" and asked.value is not None
    if same and math.isclose(asked.value or 0.0, drawn_up_bq, rel_tol=1e-3):
        return asked
    if asked.kind != "binding-limit":
        raise InputError(
            f"an image after treatment shows the {given.activity_bq / BQ_PER_GBQ:g} GBq that were "
            "given; leave the prescription out, or plan on the image before treatment, where the "
            f"study has one, with {option('image', PLANNING)}"
        )
    return Prescription("activity", drawn_up_bq)


def _apart_findings(activity: Volume, parts: LiverCompartments) -> tuple[Finding, ...]:
    """Activity in enclosed organs and necrosis, which the partition gives to the other parts."""
    apart = [r for r in (parts.perfused_organs, parts.perfused_necrosis) if r is not None]
    inside = parts.perfused.sum_of(activity)
    share = sum(region.sum_of(activity) for region in apart if not region.is_empty) / inside
    limit = threshold("apart_activity_fraction")
    if not share > limit.value:
        return ()
    names = " and ".join(region.name for region in apart if not region.is_empty)
    text = (
        f"{percent(share, 1)} of the activity in the perfused volume lies in {names}; a partition "
        "gives it to tumours and normal liver, whose planned doses are that much too high."
    )
    return (Finding("warn", "activity-outside-partition", text, limit.source),)


def _with_body(facts: ClinicalFacts, case: Case) -> ClinicalFacts:
    """The facts with the patient's height and weight where they do not state them."""
    height, weight = facts.height_cm, facts.weight_kg
    return replace(
        facts,
        height_cm=case.patient.height_cm if height is None else height,
        weight_kg=case.patient.weight_kg if weight is None else weight,
    )


def _resolution(case: Case) -> tuple[float, tuple[Finding, ...]]:
    """Full width at half maximum of the image, mm: as stated, or the usual one of its modality.

    It tells which lesions are measured; where neither is known, SPECT's is taken and that is said.
    """
    image = case.activity_image
    if image.resolution_mm is not None:
        return image.resolution_mm, ()
    width_mm = default_spect().fwhm_mm
    if image.modality in _KNOWN:
        return default_pet().fwhm_mm if image.modality == "PT" else width_mm, ()
    text = (
        f"The image states neither its modality nor its resolution: {width_mm:g} mm are taken, as "
        "of SPECT, and smaller lesions decide on no dose. Give resolution_mm of the [[image]]."
    )
    return width_mm, (Finding("warn", "resolution-assumed", text, ASSUMPTION),)
