"""Worked planning examples solved through the public functions, and how their inputs are read.

Each solver takes the inputs of one example as numbers and returns what the example prints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from opensirt.image import Grid, Region, Volume
from opensirt.physics.nuclides import dose_constant_gy_kg_per_gbq, nuclide
from opensirt.physics.products import product, spheres_in
from opensirt.plan.activity import (
    CalculatorOptions,
    activity_mird,
    activity_partition,
    activity_result,
    paired_tumours,
)
from opensirt.plan.plan import Prescription
from opensirt.plan.surface import body_surface_m2
from opensirt.quantify import lost_fraction, lung_mass_g, lung_shunt_fraction
from opensirt.units import BQ_PER_GBQ, SECONDS_PER_DAY, SECONDS_PER_HOUR, Unit

Numbers = Mapping[str, Any]
Solver = Callable[[Numbers], dict[str, Any]]


def mird(given: Numbers) -> dict[str, Any]:
    """Activity for a perfused dose; energy is dose times mass."""
    mass_g = given["perfused_volume"] * given["tissue_density"]
    options = CalculatorOptions(
        lung_shunt_fraction=given["lung_shunt_fraction"],
        lung_mass_g=given["lung_mass"] * 1000,
        residual_fraction=given["residual_fraction"],
        dose_constant_gy_kg_per_gbq=given["dose_constant"],
    )
    dose = Prescription("perfused-dose", given["desired_dose"])
    result = activity_result(activity_mird("glass-y90", mass_g, dose, options))
    stays = result["delivered_activity_gbq"] * (1 - given["lung_shunt_fraction"])
    return {
        "required_energy": stays * given["dose_constant"],
        "injected_activity": result["activity_gbq"],
        "injected_activity_mCi": result["activity_mci"],
        "lung_dose": result["lung"]["dose_gy"],
    }


def partition(given: Numbers) -> dict[str, Any]:
    """Activity for a tumour dose by partition, with the doses of the other compartments."""
    tumour_g = given["tumour_volume"] * given["tissue_density"]
    normal_g = given["perfused_volume"] * given["tissue_density"] - tumour_g
    options = CalculatorOptions(
        lung_shunt_fraction=given["lung_shunt_fraction"],
        lung_mass_g=given["lung_mass"] * 1000,
        dose_constant_gy_kg_per_gbq=given["dose_constant"],
    )
    tumours = paired_tumours([tumour_g], [given["tumour_to_normal_ratio"]])
    dose = Prescription("tumour-dose", given["tumour_dose"])
    result = activity_result(activity_partition("glass-y90", tumours, normal_g, dose, options))
    codes = {(f["code"], f["severity"]) for f in result["findings"]}
    return {
        "injected_activity": result["activity_gbq"],
        "injected_activity_mCi": result["activity_mci"],
        "normal_dose": result["normal"]["dose_gy"],
        "mean_perfused_dose": result["perfused"]["dose_gy"],
        "lung_dose_above_30Gy": ("lung-dose-limit", "stop") in codes,
    }


def surface(given: Numbers) -> dict[str, Any]:
    """Body surface by Mosteller."""
    return {"bsa": body_surface_m2(given["height"], given["weight"], "mosteller")}


def lung_dose(given: Numbers) -> dict[str, Any]:
    """Lung dose of an activity."""
    options = CalculatorOptions(
        lung_shunt_fraction=given["lung_shunt_fraction"],
        lung_mass_g=given["lung_mass"],
        dose_constant_gy_kg_per_gbq=given["dose_constant"],
    )
    drawn = Prescription("activity", given["activity"] * BQ_PER_GBQ)
    return {"lung_dose": activity_mird("resin-y90", 1500, drawn, options).lung.dose_gy}


def lung_activity(given: Numbers) -> dict[str, Any]:
    """Lung dose of an activity that is in the lungs: half of twice as much is shunted."""
    options = CalculatorOptions(
        lung_shunt_fraction=0.5,
        lung_mass_g=given["lung_mass"] * 1000,
        dose_constant_gy_kg_per_gbq=given["dose_constant"],
    )
    drawn = Prescription("activity", 2 * given["activity_in_lungs"] * BQ_PER_GBQ)
    return {"lung_dose": activity_mird("glass-y90", 1500, drawn, options).lung.dose_gy}


def lung_mass(given: Numbers) -> dict[str, Any]:
    """Lung mass from CT numbers, voxels of 1 mL."""
    grid = Grid.regular((int(given["voxels"]), 3, 3), (10.0, 10.0, 10.0))
    mask = np.zeros(grid.shape, bool)
    mask[:, 1, 1] = True
    ct = Volume(np.full(grid.shape, given["HU"], np.int16), grid, Unit.HU)
    return {"lung_mass": lung_mass_g(ct, Region.from_mask("lungs", "lungs", mask, grid))}


def shunt(given: Numbers) -> dict[str, Any]:
    """Lung shunt in percent, with a boundary voxel that both regions claim."""
    lungs, liver = int(given["lung_voxels"]), int(given["liver_voxels"])
    grid = Grid.regular((lungs + liver + 2, 3, 3), (4.0, 4.0, 4.0))
    counts = np.zeros(grid.shape)
    in_lungs, in_liver = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    in_liver[1 : liver + 1, 1, 1] = True
    in_lungs[liver : liver + lungs + 1, 1, 1] = True  # the first of these is the liver's last
    counts[in_lungs] = given["lung_counts_per_voxel"]
    counts[in_liver] = given["liver_counts_per_voxel"]
    fraction = lung_shunt_fraction(
        Volume(counts, grid, Unit.COUNTS),
        Region.from_mask("lungs", "lungs", in_lungs, grid),
        Region.from_mask("liver", "liver", in_liver, grid),
    )
    return {"lsf": 100 * fraction}


def spheres(name: str) -> Solver:
    """Spheres in an activity."""

    def solve(given: Numbers) -> dict[str, Any]:
        figures = product(name).quantities["activity_per_sphere_bq"]
        assert given["activity_per_sphere"] in [figure.value for figure in figures]
        found = spheres_in(
            product(name), given["activity"] * BQ_PER_GBQ, choice=given["activity_per_sphere"]
        )
        return {"spheres": found.count}

    return solve


def holmium(given: Numbers) -> dict[str, Any]:
    """Activity for 60 Gy in 1 kg."""
    options = CalculatorOptions(dose_constant_gy_kg_per_gbq=given["dose_constant"])
    dose = Prescription("perfused-dose", given["target_dose"])
    plan = activity_mird("ho166-plla", given["liver_mass"] * 1000, dose, options)
    return {"activity": plan.activity_bq / BQ_PER_GBQ}


def decay(given: Numbers) -> dict[str, Any]:
    """Percent lost between assay and injection; the half-life is that of the table."""
    y90 = nuclide("y90")
    assert y90.half_life_s == pytest.approx(given["half_life"] * SECONDS_PER_HOUR)
    return {"lost": 100 * lost_fraction(y90, given["delay"] * SECONDS_PER_HOUR)}


def constant(given: Numbers) -> dict[str, Any]:
    """Dose constant of a half-life (d) and a mean energy (keV)."""
    half_life_s = given["half_life"] * SECONDS_PER_DAY
    energy_mev = given["mean_beta_energy"] / 1000
    return {"dose_constant": dose_constant_gy_kg_per_gbq(half_life_s, energy_mev)}


def mouse(given: Numbers) -> dict[str, Any]:
    """Self-dose of a mouse liver (mGy) from cumulated activity, energy and absorbed fraction."""
    i131 = nuclide("i131")
    absorbed_mev = given["energy_per_decay"] / 1000 * given["absorbed_fraction"]
    gray = dose_constant_gy_kg_per_gbq(i131.half_life_s, absorbed_mev)  # Gy kg/GBq
    decays_per_mbq = given["cumulated_activity"] * 1000
    trapped_gbq = decays_per_mbq / i131.mean_life_s / BQ_PER_GBQ  # per MBq injected
    milligray_per_kbq = gray * trapped_gbq / (given["mass"] / 1000)  # Gy/MBq is mGy/kBq
    return {f"dose_{kbq}kBq": milligray_per_kbq * kbq for kbq in given["injected"]}


SOLVERS: dict[str, Solver] = {
    "mird-glass-1000mL-100Gy-lsf10": mird,
    "partition-tn1-equals-mird": partition,
    "bsa-mosteller-70kg-175cm": surface,
    "lung-dose-2GBq-10pct-1kg": lung_dose,
    "lung-mass-from-HU-1000mL-minus700": lung_mass,
    "lsf-counts-roi": shunt,
    "glass-lung-limit-0.61GBq": lung_activity,
    "glass-spheres-in-3GBq": spheres("glass-y90"),
    "resin-spheres-in-3GBq": spheres("resin-y90"),
    "ho166-60Gy-per-kg": holmium,
    "decay-2.20h": decay,
    "y90-constant-DDEP": constant,
    "mird-i131-mouse-liver": mouse,
}
"""Solver of each worked example that is a calculation without a dose engine."""


def check(printed: Numbers, tolerance: Mapping[str, Numbers], found: Numbers) -> None:
    """Every printed number is met to its tolerance: "abs" or "rel", "*" for the rest."""
    for key, value in printed.items():
        if isinstance(value, bool):
            assert found[key] is value, key
            continue
        allowed = tolerance.get(key, tolerance.get("*"))
        assert allowed is not None, f"no tolerance for {key}"
        margin = allowed["abs"] if "abs" in allowed else allowed["rel"] * abs(value)
        assert math.isclose(found[key], value, rel_tol=0, abs_tol=margin), (key, found[key], value)
