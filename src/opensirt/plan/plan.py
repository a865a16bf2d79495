"""What planning works on and what it returns, as frozen values.

`PlanningInput` holds masses and ratios and knows no images; `Plan` is what gets signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import numpy as np

from opensirt.asking import named, option
from opensirt.errors import InputError, PlanError
from opensirt.findings import Finding
from opensirt.image import Volume
from opensirt.physics.limits import Limit
from opensirt.physics.plausible import require_plausible
from opensirt.physics.products import SphereNumber
from opensirt.physics.tables import load_table
from opensirt.provenance import Provenance
from opensirt.units import BQ_PER_GBQ, Unit

__all__ = [
    "BINDING_LIMIT",
    "DEFAULT_PURPOSE",
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
    "TumourPurpose",
    "assumed_indication",
    "assumed_intent",
    "prescription_from",
]

PrescriptionKind = Literal[
    "tumour-dose", "perfused-dose", "normal-dose", "activity", "binding-limit"
]
TumourPurpose = Literal["mean", "index", "each"]
"""What a tumour dose is for: the mean of the lesions by mass, one of them, or every one."""
DEFAULT_PURPOSE: TumourPurpose = "mean"


@dataclass(frozen=True, slots=True)
class TumourInput:
    """One tumour: its mass and its uptake per gram relative to perfused normal liver."""

    name: str
    mass_g: float
    tumour_to_normal: float
    is_measurable: bool = True
    """False where the image resolves it too little to decide on a dose; it is shown all the same.
    """
    perfused_fraction: float = 1.0
    """Perfused part of the lesion; `mass_g` and dose are those of this part."""


@dataclass(frozen=True, slots=True)
class LungInput:
    """Lung shunt and mass, each with where it came from ("measured ...", "assumption ...")."""

    shunt_fraction: float
    mass_g: float
    shunt_source: str = ""
    mass_source: str = ""
    is_known: bool = True
    """False where nobody stated or measured a shunt: it counts as 0 in formulae, and neither the
    lung dose nor any limit of the lungs is judged."""


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
    volume (tumours included), `whole_normal_mass_g` all normal liver, perfused or not,
    `whole_liver_mass_g` all of the liver with its tumours.
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
    indication: str | None = None
    """"hcc", "icc", "mcrc" or "net"; chooses the rows of the limit tables. None: not chosen."""
    intent: str | None = None
    """"segmentectomy", "lobectomy", "unilobar" or "bilobar". None: not chosen."""
    bilirubin_mg_dl: float | None = None
    compromised_liver: bool | None = None
    """True where the liver was treated before or works badly; None, not stated, counts as True."""
    previous_lung_dose_gy: float = 0.0
    whole_liver_mass_g: float | None = None
    vials: int = 1
    """Vials that the activity is drawn from."""
    hours_since_calibration: float | None = None
    """From calibration of the vial to injection, negative before it; None: not known."""
    activity_per_sphere: float | str | None = None
    """Bq at calibration, or the name of one of the product's figures; None: its first."""
    is_given: bool = False
    """True where the activity is what a patient was given: nothing is planned any more."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why the images show no "tumour" or "normal", for the error of a model that needs one."""

    @property
    def judged_indication(self) -> str:
        """The indication whose limits apply: as chosen, else as assumed."""
        return self.indication or assumed_indication()

    @property
    def judged_intent(self) -> str:
        """The intent whose limits apply: as chosen, else as assumed."""
        return self.intent or assumed_intent()


def assumed_indication() -> str:
    """What limits are taken of where no indication is chosen."""
    return load_table("plan/assumed").text("indication")


def assumed_intent() -> str:
    """What limits are taken of where no intent is chosen."""
    return load_table("plan/assumed").text("intent")


@dataclass(frozen=True, slots=True)
class Prescription:
    """What was asked for: a dose in Gy, an activity in Bq, or the binding limit (value None)."""

    kind: PrescriptionKind
    value: float | None = None
    purpose: TumourPurpose | None = None
    """Of a tumour dose; None, not chosen, is "mean"."""
    index_lesion: str | None = None
    """Name of the lesion of purpose "index"; None is the largest."""

    def as_dict(self) -> dict[str, str | float | None]:
        """The form in `results.json` and in records: kind, value, and what else was chosen."""
        chosen = {"purpose": self.purpose, "index_lesion": self.index_lesion}
        return {
            "kind": self.kind,
            "value": self.value,
            **{key: value for key, value in chosen.items() if value is not None},
        }

    def __post_init__(self) -> None:
        self._check_purpose()
        if self.kind != "binding-limit" and (self.value is None or not self.value > 0):
            raise PlanError(
                f"a prescription by {self.kind} needs a value above 0, got {self.value}"
            )
        if self.kind == "activity" and self.value is not None:
            require_plausible("activity prescribed or given", self.value)

    def _check_purpose(self) -> None:
        if self.purpose not in (None, "mean", "index", "each"):
            raise InputError(
                f"a tumour dose is for mean, index or each, got {self.purpose!r}; choose one"
            )
        if (self.purpose or self.index_lesion) and self.kind != "tumour-dose":
            raise InputError(
                "what a prescription is for (mean, index, each) needs a tumour dose; "
                f"this one is by {self.kind}: give {option('tumour-dose-gy')} alone, or "
                f"leave {named('prescribe-for')} and {named('index-lesion')} out"
            )
        if self.index_lesion and self.purpose != "index":
            raise InputError(
                f"an index lesion ({self.index_lesion!r}) needs a prescription for index, "
                f"got {self.purpose or 'none'}; give {option('prescribe-for', 'index')}, or leave "
                "it out"
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
    perfused_fraction: float = 1.0
    """Of a lesion perfused in part: this part, whose mass and dose these are."""

    @property
    def over_all_gy(self) -> float:
        """Mean over all of a lesion, whose other part receives nothing: what an aim speaks of."""
        return self.mean_dose_gy * self.perfused_fraction


@dataclass(frozen=True, slots=True)
class LungDose:
    """Lung shunt, mass and mean dose."""

    shunt_fraction: float
    mass_g: float
    dose_gy: float
    shunt_source: str = ""
    mass_source: str = ""
    is_known: bool = True
    """False where no shunt was stated: the dose of 0 Gy says nothing then."""


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
    whole_liver: PlannedDose | None = None
    """Liver with its tumours: the mean that single-compartment limits speak of."""
    tumour_to_normal: float | None = None
    """Mass-weighted over the tumours."""
    residual_fraction: float = 0.0
    indication: str = ""
    """Whose limits were applied; a finding says so where it was not chosen."""
    intent: str = ""
    spheres: SphereNumber | None = None
    """Spheres that reach the patient."""
    bsa_m2: float | None = None
    binding_limit: str | None = None
    """Which limit decided, where no prescription was given; one sentence."""
    limits: tuple[Limit, ...] = ()
    """Limits and targets that apply to it, met or not."""
    formulae: tuple[Formula, ...] = ()
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    case_id: str = ""
    """Pseudonym of the case that it was made for; "" of a calculator's."""
    is_given: bool = False
    """True where this verifies what was given: `delivered_activity_bq` is what was stated, there is
    nothing to draw up and no RT Plan."""

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
            scaled,
            injected_bq=self.delivered_activity_bq,
            nuclide=self.nuclide,
            time="injection",
            dose_constant_gy_kg_per_gbq=self.dose_constant_gy_kg_per_gbq,
        )


def prescription_from(
    tumour_dose_gy: float | None = None,
    perfused_dose_gy: float | None = None,
    normal_dose_gy: float | None = None,
    activity_gbq: float | None = None,
    *,
    purpose: str | None = None,
    index_lesion: str | None = None,
) -> Prescription:
    """The one prescription given; the binding limit where none is.

    An index lesion alone says that the dose is for it.

    Raises
    ------
    InputError
        When more than one is given, or a purpose without a tumour dose.
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
    if index_lesion is not None and purpose is None:
        purpose = "index"
    if not given and purpose is None and index_lesion is None:
        return BINDING_LIMIT
    kind, value = given[0] if given else (BINDING_LIMIT.kind, None)
    return Prescription(kind, value, cast(TumourPurpose | None, purpose), index_lesion)
