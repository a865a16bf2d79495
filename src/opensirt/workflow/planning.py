"""The middle verbs: activity map, plan, dose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opensirt.case import Case
from opensirt.dose.engine import dose_engines
from opensirt.errors import CaseError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide, nuclide
from opensirt.physics.products import product as product_of
from opensirt.plan.model import planning_models
from opensirt.plan.plan import (
    BINDING_LIMIT,
    BsaInput,
    Plan,
    PlanningInput,
    Prescription,
    TumourInput,
)
from opensirt.quantify.calibration import (
    CalibrationSummary,
    absolute_activity,
    patient_relative_activity,
)
from opensirt.quantify.ratios import UptakeRatios, region_mass_g, tumour_to_normal
from opensirt.units import Unit
from opensirt.workflow.setting import Setting, make_setting

__all__ = ["calibrate", "compute_dose", "make_plan", "quantify_activity"]


def quantify_activity(case: Case, *, nuclide_name: str = "y90") -> Volume:
    """Activity concentration at injection, from a prepared case.

    A treatment image in Bq/mL of a known treatment is absolute, carried back to injection by decay.
    Every other image is calibrated relative to the patient and belongs to 1 GBq injected, which
    `Plan.scale` changes to the planned activity.

    Returns
    -------
    Volume, Bq/mL, on the grid of the activity image.
    """
    return calibrate(case, nuclide_name)[0]


def calibrate(case: Case, nuclide_name: str) -> tuple[Volume, CalibrationSummary]:
    """`quantify_activity` with what it found; see there."""
    image = case.activity_image
    if image.role == "treatment-activity" and image.volume.unit is Unit.BQ_PER_ML:
        return _absolute(case, nuclide_name)
    setting = make_setting(case)
    return patient_relative_activity(
        image.volume,
        setting.compartments.perfused,
        lung_shunt_fraction=setting.lung.shunt_fraction,
        lungs=setting.lungs,
        nuclide=nuclide_name,
        liver=setting.compartments.whole_liver,
        density=setting.density,
        lung_mass_g=setting.lung.mass_g,
    )


def _absolute(case: Case, nuclide_name: str) -> tuple[Volume, CalibrationSummary]:
    given = case.treatment
    if given is None:
        raise CaseError(
            "the treatment image is in Bq/mL, but what was given is not stated; add [treatment] "
            "with product, activity_gbq and injected to case.toml"
        )
    return absolute_activity(
        case.activity_image.volume,
        nuclide=nuclide_name,
        injection=given.injected,
        administered_bq=given.activity_bq,
    )


def make_plan(
    case: Case,
    activity: Volume,
    *,
    model: str,
    product: str,
    prescription: Prescription = BINDING_LIMIT,
    nuclide: Nuclide | None = None,
    residual_fraction: float = 0.0,
    indication: str = "net",
    intent: str = "bilobar",
    bilirubin_mg_dl: float | None = None,
    compromised_liver: bool | None = None,
    previous_lung_dose_gy: float = 0.0,
    bsa_formula: str = "dubois",
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
        The largest activity within the limits where none is given.
    nuclide : Nuclide, optional
        Carries the dose constant; the product's own where not given.

    Raises
    ------
    UnknownNameError, PlanError, CaseError
    """
    setting = make_setting(case)
    parts = setting.compartments
    chosen = nuclide or product_of(product).nuclide
    ratios = tumour_to_normal(activity, parts, density=setting.density)
    inputs = PlanningInput(
        product=product,
        dose_constant_gy_kg_per_gbq=chosen.dose_constant_gy_kg_per_gbq,
        lung=setting.lung,
        perfused_mass_g=region_mass_g(parts.perfused, setting.density),
        normal_mass_g=region_mass_g(parts.perfused_normal, setting.density),
        whole_normal_mass_g=region_mass_g(parts.whole_normal, setting.density),
        tumours=_tumours(ratios),
        residual_fraction=residual_fraction,
        bsa=_bsa(case, setting, bsa_formula),
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
        compromised_liver=compromised_liver,
        previous_lung_dose_gy=previous_lung_dose_gy,
    )
    plan = planning_models.create(model).plan(inputs, prescription)
    record = plan.provenance.adding(
        options={"model": model, "product": product, "intent": intent, "indication": indication},
        assumptions=setting.assumptions,
    )
    findings = tuple(dict.fromkeys((*plan.findings, *ratios.findings)))
    return replace(plan, provenance=record, findings=findings)


def compute_dose(
    case: Case,
    activity: Volume,
    *,
    engine: str = "voxel-convolution",
    nuclide: Nuclide | None = None,
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
        Where another dose constant than the nuclide's own is wanted.
    """
    of = nuclide or _nuclide_of(activity)
    return dose_engines.create(engine, **engine_options).dose(
        activity, make_setting(case).density, of
    )


def _nuclide_of(activity: Volume) -> Nuclide:
    if activity.nuclide is None:
        raise CaseError(
            "the activity map does not name its nuclide; make it with quantify_activity"
        )
    return nuclide(activity.nuclide)


def _tumours(ratios: UptakeRatios) -> tuple[TumourInput, ...]:
    return tuple(
        TumourInput(t.name, t.mass_g, t.ratio)
        for t in ratios.tumours
        if t.mass_g is not None and t.mass_g > 0 and t.ratio > 0
    )


def _bsa(case: Case, setting: Setting, formula: str) -> BsaInput | None:
    """Height and weight with the treated volumes; None where the patient's size is not known."""
    patient, parts = case.patient, setting.compartments
    if patient.height_cm is None or patient.weight_kg is None:
        return None
    tumour_ml = sum(lesion.perfused.volume_ml for lesion in parts.targeted)
    return BsaInput(
        height_cm=patient.height_cm,
        weight_kg=patient.weight_kg,
        tumour_volume_ml=tumour_ml,
        normal_volume_ml=parts.perfused_normal.volume_ml,
        formula=formula,
        treated_fraction=parts.perfused.volume_ml / parts.whole_liver.volume_ml,
    )
