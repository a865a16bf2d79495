"""From counts to activity, shunts, masses, compartments and uptake ratios."""

from opensirt.quantify.calibration import (
    CalibrationSummary,
    absolute_activity,
    patient_relative_activity,
)
from opensirt.quantify.compartments import Lesion, LiverCompartments, liver_compartments
from opensirt.quantify.decay import at_injection, decay_between, lost_fraction
from opensirt.quantify.density import ct_coverage, ct_coverage_findings, density_map
from opensirt.quantify.lungs import LungMass, lung_mass, lung_mass_g
from opensirt.quantify.ratios import TumourUptake, UptakeRatios, region_mass_g, tumour_to_normal
from opensirt.quantify.shunt import (
    LungShunt,
    PlanarCounts,
    lung_shunt_fraction,
    measure_lung_shunt,
    planar_lung_shunt_fraction,
)

__all__ = [
    "CalibrationSummary",
    "Lesion",
    "LiverCompartments",
    "LungMass",
    "LungShunt",
    "PlanarCounts",
    "TumourUptake",
    "UptakeRatios",
    "absolute_activity",
    "at_injection",
    "ct_coverage",
    "ct_coverage_findings",
    "decay_between",
    "density_map",
    "liver_compartments",
    "lost_fraction",
    "lung_mass",
    "lung_mass_g",
    "lung_shunt_fraction",
    "measure_lung_shunt",
    "patient_relative_activity",
    "planar_lung_shunt_fraction",
    "region_mass_g",
    "tumour_to_normal",
]
