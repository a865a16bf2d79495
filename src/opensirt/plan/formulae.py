"""Formulae as used, in symbols and with numbers filled in, for the report."""

from __future__ import annotations

from opensirt.plan.distribution import Distribution
from opensirt.plan.plan import Formula, PlanningInput, Prescription
from opensirt.units import G_PER_KG

__all__ = [
    "lung_formula",
    "mird_formulae",
    "partition_formulae",
    "perfused_formula",
    "residual_formula",
]

MOST_TUMOURS = 5
"""Tumours written out one by one; more are summed in words."""
_SOURCE = "chiesa2021"
_UNIT = "Gy kg/GBq"


def mird_formulae(
    inputs: PlanningInput, prescription: Prescription, delivered_gbq: float, mass_g: float
) -> tuple[Formula, ...]:
    """The single-compartment formula, solved for activity where a dose was prescribed."""
    constant, shunt = inputs.dose_constant_gy_kg_per_gbq, inputs.lung.shunt_fraction
    mass_kg = mass_g / G_PER_KG
    dose_gy = constant * delivered_gbq * (1.0 - shunt) / mass_kg
    if prescription.kind == "perfused-dose":
        return (
            Formula(
                "Activity for the perfused dose (single compartment)",
                "A_delivered = D M / (K (1 - L))",
                f"{dose_gy:.2f} Gy x {mass_kg:.4f} kg / ({constant:.4g} {_UNIT} x "
                f"(1 - {shunt:.4f})) = {delivered_gbq:.4f} GBq",
                _SOURCE,
            ),
        )
    return (perfused_formula(inputs, delivered_gbq, mass_g),)


def perfused_formula(inputs: PlanningInput, delivered_gbq: float, mass_g: float) -> Formula:
    """Mean dose to the perfused volume from the delivered activity."""
    constant, shunt = inputs.dose_constant_gy_kg_per_gbq, inputs.lung.shunt_fraction
    mass_kg = mass_g / G_PER_KG
    dose_gy = constant * delivered_gbq * (1.0 - shunt) / mass_kg
    return Formula(
        "Mean dose to the perfused volume",
        "D = K A_delivered (1 - L) / M",
        f"{constant:.4g} {_UNIT} x {delivered_gbq:.4f} GBq x (1 - {shunt:.4f}) / "
        f"{mass_kg:.4f} kg = {dose_gy:.2f} Gy",
        _SOURCE,
    )


def partition_formulae(
    inputs: PlanningInput, per_gbq: Distribution, delivered_gbq: float
) -> tuple[Formula, ...]:
    """Normal-liver dose by partition, then the dose of each tumour."""
    if per_gbq.normal is None:
        return ()
    constant, shunt = inputs.dose_constant_gy_kg_per_gbq, inputs.lung.shunt_fraction
    normal_gy = per_gbq.normal.mean_dose_gy * delivered_gbq
    normal_kg = per_gbq.normal.mass_g / G_PER_KG
    denominator = _weighted_sum(inputs, normal_kg)
    normal = Formula(
        "Dose to perfused normal liver (partition)",
        "D_N = K A_delivered (1 - L) / (sum(r_i m_i) + m_N)",
        f"{constant:.4g} {_UNIT} x {delivered_gbq:.4f} GBq x (1 - {shunt:.4f}) / "
        f"({denominator}) kg = {normal_gy:.2f} Gy",
        _SOURCE,
    )
    pairs = list(zip(inputs.tumours, per_gbq.tumours, strict=True))[:MOST_TUMOURS]
    tumours = tuple(
        Formula(
            f"Dose to {tumour.name}",
            "D_i = r_i D_N",
            f"{tumour.tumour_to_normal:.3f} x {normal_gy:.2f} Gy = "
            f"{dose.mean_dose_gy * delivered_gbq:.2f} Gy",
            _SOURCE,
        )
        for tumour, dose in pairs
    )
    return (normal, *tumours, *_whole_normal_formula(per_gbq, delivered_gbq))


def lung_formula(inputs: PlanningInput, delivered_gbq: float) -> Formula:
    """Mean lung dose from the delivered activity."""
    constant, lung = inputs.dose_constant_gy_kg_per_gbq, inputs.lung
    mass_kg = lung.mass_g / G_PER_KG
    dose_gy = constant * delivered_gbq * lung.shunt_fraction / mass_kg
    return Formula(
        "Mean lung dose",
        "D_lung = K A_delivered L / m_lung",
        f"{constant:.4g} {_UNIT} x {delivered_gbq:.4f} GBq x {lung.shunt_fraction:.4f} / "
        f"{mass_kg:.4f} kg = {dose_gy:.2f} Gy",
        _SOURCE,
    )


def residual_formula(inputs: PlanningInput, delivered_gbq: float) -> Formula:
    """Activity to draw up, from the activity that reaches the patient."""
    drawn_gbq = delivered_gbq / (1.0 - inputs.residual_fraction)
    return Formula(
        "Activity drawn up" if inputs.is_given else "Activity to draw up",
        "A = A_delivered / (1 - R)",
        f"{delivered_gbq:.4f} GBq / (1 - {inputs.residual_fraction:.4f}) = {drawn_gbq:.4f} GBq",
        _SOURCE,
    )


def _weighted_sum(inputs: PlanningInput, normal_kg: float) -> str:
    if len(inputs.tumours) > MOST_TUMOURS:
        total = sum(t.tumour_to_normal * t.mass_g for t in inputs.tumours) / G_PER_KG
        return f"{total:.4f} (sum over {len(inputs.tumours)} tumours) + {normal_kg:.4f}"
    parts = [f"{t.tumour_to_normal:.3f} x {t.mass_g / G_PER_KG:.4f}" for t in inputs.tumours]
    return " + ".join([*parts, f"{normal_kg:.4f}"])


def _whole_normal_formula(per_gbq: Distribution, delivered_gbq: float) -> tuple[Formula, ...]:
    normal, whole = per_gbq.normal, per_gbq.whole_normal
    if normal is None or whole is None:
        return ()
    return (
        Formula(
            "Mean dose to whole normal liver",
            "D_WN = D_N m_N / m_WN",
            f"{normal.mean_dose_gy * delivered_gbq:.2f} Gy x {normal.mass_g / G_PER_KG:.4f} kg / "
            f"{whole.mass_g / G_PER_KG:.4f} kg = {whole.mean_dose_gy * delivered_gbq:.2f} Gy",
            _SOURCE,
        ),
    )
