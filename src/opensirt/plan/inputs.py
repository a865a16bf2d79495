"""Planning input from what was measured on the images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opensirt.errors import CaseError
from opensirt.findings import Finding
from opensirt.image import Region, Volume
from opensirt.physics.products import product as product_of
from opensirt.plan.plan import BsaInput, LungInput, PlanningInput, TumourInput
from opensirt.quantify.compartments import LiverCompartments
from opensirt.quantify.ratios import UptakeRatios, region_mass_g
from opensirt.quantify.thresholds import threshold

__all__ = ["ClinicalFacts", "measured_input"]

MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class ClinicalFacts:
    """What images do not tell, with the choices of the planner."""

    indication: str | None = None
    """None: not chosen; see `PlanningInput.judged_indication`."""
    intent: str | None = None
    bilirubin_mg_dl: float | None = None
    compromised_liver: bool | None = None
    previous_lung_dose_gy: float = 0.0
    residual_fraction: float = 0.0
    dose_constant_gy_kg_per_gbq: float | None = None
    """None: the product's own."""
    height_cm: float | None = None
    weight_kg: float | None = None
    bsa_formula: str = "dubois"
    vials: int = 1
    hours_since_calibration: float | None = None
    activity_per_sphere: float | str | None = None


def measured_input(
    product: str,
    compartments: LiverCompartments,
    ratios: UptakeRatios | None,
    density: Volume,
    lung: LungInput,
    facts: ClinicalFacts | None = None,
) -> tuple[PlanningInput, tuple[Finding, ...]]:
    """Masses of the compartments and uptake ratios as planning input.

    Parameters
    ----------
    product : str
        Such as "resin-y90".
    compartments : LiverCompartments
    ratios : UptakeRatios, optional
        Of the targeted lesions, on the same compartments; None plans without ratios.
    density : Volume, g/mL, on the grid of the compartments
    lung : LungInput
    facts : ClinicalFacts, optional

    Returns
    -------
    (PlanningInput, findings)
        A lesion without uptake above zero cannot enter the partition; it is left out and named.
    """
    chosen = facts or ClinicalFacts()
    constant = chosen.dose_constant_gy_kg_per_gbq
    if constant is None:
        constant = product_of(product).dose_constant_gy_kg_per_gbq
    tumours, findings = _tumours(compartments, ratios, density)
    absent = _absent(compartments, tumours)
    inputs = PlanningInput(
        product=product_of(product).name,
        dose_constant_gy_kg_per_gbq=constant,
        lung=lung,
        perfused_mass_g=_mass_g(compartments.perfused, density),
        tumours=tumours,
        normal_mass_g=_optional_mass_g(compartments.perfused_normal, density),
        whole_normal_mass_g=_mass_g(compartments.whole_normal, density),
        whole_liver_mass_g=_mass_g(compartments.whole_liver, density),
        residual_fraction=chosen.residual_fraction,
        bsa=_body(chosen, compartments),
        indication=chosen.indication,
        intent=chosen.intent,
        bilirubin_mg_dl=chosen.bilirubin_mg_dl,
        compromised_liver=chosen.compromised_liver,
        previous_lung_dose_gy=chosen.previous_lung_dose_gy,
        vials=chosen.vials,
        hours_since_calibration=chosen.hours_since_calibration,
        activity_per_sphere=chosen.activity_per_sphere,
        absent=absent,
    )
    return inputs, findings


def _absent(compartments: LiverCompartments, tumours: tuple[TumourInput, ...]) -> dict[str, str]:
    """Why there is no perfused normal liver, or no tumour to plan for."""
    absent = {}
    if compartments.perfused_normal.is_empty:
        absent["normal"] = "lesions, necrosis and other organs fill all of the perfused volume"
    if not tumours and compartments.lesions:
        absent["tumour"] = "; ".join(
            f"{names} {'have' if ',' in names else 'has'} {lack}"
            for lack, names in _lacking(compartments)
        )
    return absent


def _lacking(compartments: LiverCompartments) -> Iterator[tuple[str, str]]:
    """What lesions that are not planned for lack, each with their names."""
    for lack, lesions in (
        ("no viable part", [x for x in compartments.lesions if x.viable.is_empty]),
        (
            "no perfused part",
            [x for x in compartments.lesions if not x.is_targeted and not x.viable.is_empty],
        ),
        ("no uptake above zero", [x for x in compartments.lesions if x.is_targeted]),
    ):
        if lesions:
            names = ", ".join(repr(x.name) for x in lesions[:MOST_NAMES])
            yield lack, names + ", ..." * (len(lesions) > MOST_NAMES)


def _tumours(
    compartments: LiverCompartments, ratios: UptakeRatios | None, density: Volume
) -> tuple[tuple[TumourInput, ...], tuple[Finding, ...]]:
    if ratios is None:
        return (), ()
    parts = {lesion.name: lesion for lesion in compartments.targeted}
    all_of_it = threshold("lesion_covered_fraction").value
    tumours, findings = [], []
    for uptake in ratios.tumours:
        if not uptake.ratio > 0:
            text = (
                f"Lesion {uptake.name!r} shows no uptake above zero ({uptake.ratio:.2f}); "
                "it is left out of the partition and receives no planned dose."
            )
            findings.append(Finding("warn", "lesion-without-uptake", text, "assumption"))
            continue
        lesion = parts[uptake.name]
        mass_g, covered = _mass_g(lesion.perfused, density), lesion.covered_fraction
        tumours.append(
            TumourInput(
                uptake.name,
                mass_g,
                uptake.ratio,
                ratios.is_measurable(uptake),
                covered if covered < all_of_it else 1.0,
            )
        )
    return tuple(tumours), tuple(findings)


def _body(facts: ClinicalFacts, compartments: LiverCompartments) -> BsaInput | None:
    """Volumes of the treated part, for the formula with or without treated fraction."""
    if facts.height_cm is None or facts.weight_kg is None:
        return None
    tumour_ml = sum(lesion.perfused.volume_ml for lesion in compartments.lesions)
    perfused_ml = compartments.perfused.volume_ml
    return BsaInput(
        height_cm=facts.height_cm,
        weight_kg=facts.weight_kg,
        tumour_volume_ml=tumour_ml,
        normal_volume_ml=perfused_ml - tumour_ml,
        formula=facts.bsa_formula,
        treated_fraction=min(1.0, perfused_ml / compartments.whole_liver.volume_ml),
    )


def _optional_mass_g(region: Region, density: Volume) -> float | None:
    return None if region.is_empty else _mass_g(region, density)


def _mass_g(region: Region, density: Volume) -> float:
    mass_g = region_mass_g(region, density)
    if not mass_g > 0:
        raise CaseError(
            f"region {region.name!r} has no mass on the density map; "
            "check that the CT covers it, and that the outline lies on the patient"
        )
    return mass_g
