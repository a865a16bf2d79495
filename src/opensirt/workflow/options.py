"""The choices of one run, and how they change a case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from opensirt.asking import named
from opensirt.case import Assumptions, Case, Treatment
from opensirt.dose.engine import dose_engines
from opensirt.errors import InputError, unknown_name
from opensirt.findings import AcceptedStop
from opensirt.image.regions import require_role
from opensirt.physics.limits import limits_for
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.plausible import require_plausible
from opensirt.physics.products import product, spheres_in
from opensirt.plan.inputs import ClinicalFacts
from opensirt.plan.model import planning_models
from opensirt.plan.plan import (
    BINDING_LIMIT,
    Prescription,
    assumed_indication,
    assumed_intent,
)
from opensirt.plan.surface import require_formula
from opensirt.units import BQ_PER_GBQ
from opensirt.workflow.study import PLANNING, TREATMENT

__all__ = ["KEEP", "REMOVE", "RunOptions"]

REMOVE, KEEP = "remove", "keep"
"""What becomes of the patient's identity."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Every choice of `run_study`; what is None is taken from the study or its tables."""

    product: str
    model: str
    engine: str = "voxel-convolution"
    prescription: Prescription = BINDING_LIMIT
    indication: str | None = None
    """None: not chosen, which a finding says; then of the limits of neuroendocrine tumours."""
    intent: str | None = None
    bilirubin_mg_dl: float | None = None
    compromised_liver: bool | None = None
    previous_lung_dose_gy: float = 0.0
    lung_shunt_fraction: float | None = None
    lung_mass_g: float | None = None
    density_g_ml: float | None = None
    residual_fraction: float = 0.0
    dose_constant_gy_kg_per_gbq: float | str | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    bsa_formula: str = "dubois"
    vials: int = 1
    hours_since_calibration: float | None = None
    activity_per_sphere: float | str | None = None
    assume_aligned: bool = False
    image: str | None = None
    """Role of the activity image to use; the planning image where the study has one."""
    given: Treatment | None = None
    """What was given, for a treatment image whose study does not say."""
    time_zone: str | None = None
    """Of times whose DICOM header states none: an IANA name or an offset."""
    choose: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    compare_engines: bool = False
    """Every registered engine on the same activity, in a section of the report."""
    identity: str = REMOVE
    """"keep" writes the patient's identity into report and DICOM objects."""
    allow_stop: AcceptedStop | None = None
    """Who accepts what stops the plan, and why; an RT Plan is written then."""

    def __post_init__(self) -> None:
        if self.identity not in (REMOVE, KEEP):
            raise InputError(
                f"{named('identity')} must be {REMOVE} or {KEEP}, got {self.identity!r}"
            )

    def nuclide(self) -> Nuclide:
        """The product's nuclide with the dose constant chosen."""
        nuclide = product(self.product).nuclide
        constant = self.dose_constant_gy_kg_per_gbq
        return nuclide if constant is None else nuclide.with_dose_constant(constant)

    def require_names(self) -> None:
        """`UnknownNameError` for a name that is in no table, before any image is read."""
        self.nuclide()
        planning_models.create(self.model)
        dose_engines.create(self.engine)
        limits_for(
            self.product, self.indication or assumed_indication(), self.intent or assumed_intent()
        )
        require_formula(self.bsa_formula)
        if self.image not in (None, PLANNING, TREATMENT):
            raise unknown_name("image", self.image, (PLANNING, TREATMENT))
        for role in self.roles.values():
            require_role(role)
        if isinstance(self.activity_per_sphere, str):
            spheres_in(product(self.product), BQ_PER_GBQ, choice=self.activity_per_sphere)

    def facts(self) -> ClinicalFacts:
        """What planning needs to know beside the images."""
        return ClinicalFacts(
            indication=self.indication,
            intent=self.intent,
            bilirubin_mg_dl=self.bilirubin_mg_dl,
            compromised_liver=self.compromised_liver,
            previous_lung_dose_gy=self.previous_lung_dose_gy,
            residual_fraction=self.residual_fraction,
            dose_constant_gy_kg_per_gbq=self.nuclide().dose_constant_gy_kg_per_gbq,
            bsa_formula=self.bsa_formula,
            vials=self.vials,
            hours_since_calibration=self.hours_since_calibration,
            activity_per_sphere=self.activity_per_sphere,
        )

    def apply_to(self, case: Case) -> Case:
        """The case with the facts given here in place of those it came with."""
        given: dict[str, Any] = {
            key: value
            for key, value in (
                ("density_g_ml", self.density_g_ml),
                ("lung_shunt_fraction", self.lung_shunt_fraction),
                ("lung_mass_g", self.lung_mass_g),
            )
            if value is not None
        }
        if self.density_g_ml is not None:
            require_plausible("tissue density", self.density_g_ml)
        patient = replace(
            case.patient,
            height_cm=_given(self.height_cm, case.patient.height_cm),
            weight_kg=_given(self.weight_kg, case.patient.weight_kg),
        )
        assumptions: Assumptions = replace(case.assumptions, **given, decided=frozenset(given))
        return replace(
            case,
            assumptions=assumptions,
            patient=patient,
            treatment=self.given or case.treatment,
        )

    def as_dict(self) -> dict[str, Any]:
        """For provenance: what was chosen, without what was left open."""
        plain = asdict(self)
        plain["choose"] = {role: _no_file(name) for role, name in self.choose.items()}
        plain["prescription"] = self.prescription.as_dict()
        if self.given is not None and self.given.injected is not None:
            plain["given"]["injected"] = self.given.injected.isoformat()
        return {key: value for key, value in plain.items() if value is not None and value != {}}


def _no_file(name: str) -> str:
    """A choice as results may hold it: hospitals make file names of patients' names."""
    return "a file, by its name" if re.search(r"\.[A-Za-z]\w{0,4}$", name) else name


def _given(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value
