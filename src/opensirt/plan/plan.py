"""What planning works on and what it returns, as frozen values.

`PlanningInput` holds masses and ratios and knows no images; `Plan` is what gets signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from opensirt.errors import InputError, PlanError
from opensirt.findings import Finding
from opensirt.image import Volume
from opensirt.physics.limits import Limit
from opensirt.provenance import Provenance
from opensirt.units import BQ_PER_GBQ, Unit

__all__ = [
    "BINDING_LIMIT",
    "BsaInput",
    "Formula",
    "LungDose",
    "LungInput",
    "Plan",
    "PlannedDose",
    "PlanningInput",
    "Prescription",
    "PrescriptionKind",
    "TumourInput",
    "prescription_from",
]

PrescriptionKind = Literal[
    "tumour-dose", "perfused-dose", "normal-dose", "activity", "binding-limit"
]


@dataclass(frozen=True, slots=True)
class TumourInput:
    """One tumour: its mass and its uptake per gram relative to perfused normal liver."""

    name: str
    mass_g: float
    tumour_to_normal: float


@dataclass(frozen=True, slots=True)
class LungInput:
    """Lung shunt and mass, each with where it came from ("measured ...", "assumption ...")."""

    shunt_fraction: float
    mass_g: float
    shunt_source: str = ""
    mass_source: str = ""


@dataclass(frozen=True, slots=True)
class BsaInput:
    """What the body-surface-area formula needs; volumes are of the treated part."""

    height_cm: float
    weight_kg: float
    tumour_volume_ml: float
    normal_volume_ml: float
    formula: str = "dubois"
    """"dubois" or "mosteller"."""
    treated_fraction: float = 1.0
    """Treated part of the liver volume, for the modified formula."""


@dataclass(frozen=True, slots=True)
class PlanningInput:
    """Everything a planning model may use; each model checks for what it needs.

    Masses in g. `normal_mass_g` is perfused normal liver, `perfused_mass_g` the whole perfused
    volume (tumours included), `whole_normal_mass_g` all normal liver, perfused or not.
    """

    product: str
    dose_constant_gy_kg_per_gbq: float
    lung: LungInput
    perfused_mass_g: float | None = None
    tumours: tuple[TumourInput, ...] = ()
    normal_mass_g: float | None = None
    whole_normal_mass_g: float | None = None
    residual_fraction: float = 0.0
    bsa: BsaInput | None = None
    indication: str = "net"
    """"hcc", "icc", "mcrc" or "net"; chooses the rows of the limit tables."""
    intent: str = "bilobar"
    """"segmentectomy", "lobectomy", "unilobar" or "bilobar"."""
    bilirubin_mg_dl: float | None = None
    compromised_liver: bool | None = None
    """True where the liver was treated before or works badly; None, not stated, counts as True."""
    previous_lung_dose_gy: float = 0.0


@dataclass(frozen=True, slots=True)
class Prescription:
    """What was asked for: a dose in Gy, an activity in Bq, or the binding limit (value None)."""

    kind: PrescriptionKind
    value: float | None = None

    def __post_init__(self) -> None:
        if self.kind != "binding-limit" and (self.value is None or not self.value > 0):
            raise PlanError(
                f"a prescription by {self.kind} needs a value above 0, got {self.value}"
            )


BINDING_LIMIT = Prescription("binding-limit")
"""No dose asked for: the largest activity that keeps every limit."""


@dataclass(frozen=True, slots=True)
class PlannedDose:
    """Mean dose that a model predicts for one compartment."""

    name: str
    role: str
    mass_g: float
    mean_dose_gy: float
    activity_fraction: float
    """Share of the delivered activity that decays here (lungs included in the whole)."""


@dataclass(frozen=True, slots=True)
class LungDose:
    """Lung shunt, mass and mean dose."""

    shunt_fraction: float
    mass_g: float
    dose_gy: float
    shunt_source: str = ""
    mass_source: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as used: its name, symbols, and the same with numbers and result filled in."""

    name: str
    symbols: str
    numbers: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """An activity, the doses expected from it, and every limit it meets or breaks."""

    model: str
    product: str
    nuclide: str
    prescription: Prescription
    activity_bq: float
    """To draw up, before any residual in vial and tubing."""
    delivered_activity_bq: float
    """Reaches the patient: ``activity_bq * (1 - residual_fraction)``."""
    dose_constant_gy_kg_per_gbq: float
    lung: LungDose
    perfused: PlannedDose | None = None
    tumours: tuple[PlannedDose, ...] = ()
    normal: PlannedDose | None = None
    whole_normal: PlannedDose | None = None
    tumour_to_normal: float | None = None
    """Mass-weighted over the tumours."""
    residual_fraction: float = 0.0
    bsa_m2: float | None = None
    binding_limit: str | None = None
    """Which limit decided, where no prescription was given; one sentence."""
    limits: tuple[Limit, ...] = ()
    """Limits and targets that apply to it, met or not."""
    formulae: tuple[Formula, ...] = ()
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def scale(self, activity: Volume) -> Volume:
        """An activity map scaled to this plan's delivered activity.

        Parameters
        ----------
        activity : Volume, Bq/mL
            A map that knows the injected activity it belongs to (`Volume.injected_bq`).

        Raises
        ------
        UnitMismatchError, PlanError
        """
        values = activity.require(Unit.BQ_PER_ML)
        if not activity.injected_bq:
            raise PlanError(
                "the activity map does not state the injected activity it belongs to; "
                "make it with quantify_activity"
            )
        factor = self.delivered_activity_bq / activity.injected_bq
        scaled = activity.with_values(np.multiply(values, factor, dtype=values.dtype))
        return replace(
            scaled, injected_bq=self.delivered_activity_bq, nuclide=self.nuclide, time="injection"
        )


def prescription_from(
    tumour_dose_gy: float | None = None,
    perfused_dose_gy: float | None = None,
    normal_dose_gy: float | None = None,
    activity_gbq: float | None = None,
) -> Prescription:
    """The one prescription given; the binding limit where none is.

    Raises
    ------
    InputError
        When more than one is given.
    """
    given: list[tuple[PrescriptionKind, float]] = []
    if tumour_dose_gy is not None:
        given.append(("tumour-dose", tumour_dose_gy))
    if perfused_dose_gy is not None:
        given.append(("perfused-dose", perfused_dose_gy))
    if normal_dose_gy is not None:
        given.append(("normal-dose", normal_dose_gy))
    if activity_gbq is not None:
        given.append(("activity", activity_gbq * BQ_PER_GBQ))
    if len(given) > 1:
        names = " and ".join(kind for kind, _ in given)
        raise InputError(f"expected one prescription, found {names}; give only one of them")
    return Prescription(*given[0]) if given else BINDING_LIMIT
