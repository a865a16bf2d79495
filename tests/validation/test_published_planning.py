"""Published planning examples with their numbers typed in, so that they run anywhere.

Tolerance: half of the last printed digit, unless the case says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from opensirt.physics.nuclides import nuclide
from opensirt.plan.activity import (
    CalculatorOptions,
    activity_bsa,
    activity_mird,
    activity_partition,
    activity_result,
    paired_tumours,
)
from opensirt.plan.plan import BsaInput, Prescription
from opensirt.plan.surface import body_surface_m2
from opensirt.units import BQ_PER_GBQ
from tests.validation.planning_examples import SOLVERS, check


@dataclass(frozen=True)
class Example:
    """One published case; `name` chooses the solver."""

    name: str
    source: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    tolerance: dict[str, Any]


EXAMPLES = (
    Example(
        "mird-glass-1000mL-100Gy-lsf10",
        "radulator",
        {
            "perfused_volume": 1000,
            "tissue_density": 1.03,
            "desired_dose": 100,
            "lung_shunt_fraction": 0.1,
            "residual_fraction": 0,
            "lung_mass": 1.0,
            "dose_constant": 49.67,
        },
        {
            "required_energy": 103.0,
            "injected_activity": 2.30,
            "injected_activity_mCi": 62.3,
            "lung_dose": 11.4,
        },
        {"*": {"abs": 0.06}, "injected_activity": {"abs": 0.006}},
    ),
    Example(
        "partition-tn1-equals-mird",
        "radulator",
        {
            "perfused_volume": 1000,
            "tumour_volume": 200,
            "tissue_density": 1.03,
            "tumour_dose": 300,
            "tumour_to_normal_ratio": 1,
            "lung_shunt_fraction": 0.1,
            "lung_mass": 1.0,
            "dose_constant": 49.67,
        },
        {
            "injected_activity": 6.91,
            "injected_activity_mCi": 186.8,
            "normal_dose": 300.0,
            "mean_perfused_dose": 300.0,
            "lung_dose_above_30Gy": True,
        },
        {"*": {"abs": 0.06}, "injected_activity": {"abs": 0.006}},
    ),
    Example(
        "bsa-mosteller-70kg-175cm",
        "radulator",
        {"weight": 70, "height": 175},
        {"bsa": 1.84},
        {"bsa": {"abs": 0.006}},
    ),
    Example(
        "lung-dose-2GBq-10pct-1kg",
        "taranis",
        {
            "activity": 2.0,
            "lung_shunt_fraction": 0.1,
            "lung_mass": 1000,
            "dose_constant": 49.67,
        },
        {"lung_dose": 9.934},
        {"lung_dose": {"abs": 0.0005}},
    ),
    Example(
        "lung-mass-from-HU-1000mL-minus700",
        "taranis",
        {"voxels": 1000, "HU": -700},
        {"lung_mass": 300.0},
        {"lung_mass": {"abs": 1e-6}},
    ),
    Example(
        "lsf-counts-roi",
        "taranis",
        {
            "lung_voxels": 4,
            "lung_counts_per_voxel": 10.0,
            "liver_voxels": 32,
            "liver_counts_per_voxel": 22.5,
        },
        {"lsf": 5.263158},
        {"lsf": {"abs": 1e-5}},
    ),
    Example(
        "glass-lung-limit-0.61GBq",
        "radiologykey",
        {"activity_in_lungs": 0.61, "lung_mass": 1.0, "dose_constant": 50},
        {"lung_dose": 30},
        {"lung_dose": {"abs": 0.6}},
    ),
    Example(
        "glass-spheres-in-3GBq",
        "wjh2015",
        {"activity": 3, "activity_per_sphere": 2500},
        {"spheres": 1.2e6},
        {"spheres": {"rel": 1e-6}},
    ),
    Example(
        "resin-spheres-in-3GBq",
        "wjh2015",
        {"activity": 3, "activity_per_sphere": 50},
        {"spheres": 60e6},
        {"spheres": {"rel": 0.34}},
    ),
    Example(
        "ho166-60Gy-per-kg",
        "vanroekel",
        {"target_dose": 60, "liver_mass": 1.0, "dose_constant": 15.87},
        {"activity": 3.78},
        {"activity": {"rel": 0.001}},
    ),
    Example(
        "decay-2.20h",
        "hoang2018",
        {"delay": 2.2, "half_life": 64.1},
        {"lost": 2.35},
        {"lost": {"abs": 0.006}},
    ),
    Example(
        "y90-constant-DDEP",
        "ddep",
        {"half_life": 2.6684, "mean_beta_energy": 926.7},
        {"dose_constant": 49.38},
        {"dose_constant": {"rel": 0.0005}},
    ),
    Example(
        "mird-i131-mouse-liver",
        "EJNMMI Research 1 (2011) 29, Table 1",
        {
            "cumulated_activity": 313027,
            "energy_per_decay": 190,
            "absorbed_fraction": 0.954,
            "mass": 1.2,
            "injected": [13, 130, 260],
        },
        {"dose_13kBq": 0.1, "dose_130kBq": 0.98, "dose_260kBq": 2.0},
        {"*": {"rel": 0.04}},
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_published_example(example: Example) -> None:
    found = SOLVERS[example.name](example.inputs)
    check(example.expected, example.tolerance, found)


def test_every_solver_has_a_committed_example() -> None:
    assert sorted(e.name for e in EXAMPLES) == sorted(SOLVERS)


def test_ddep_data_give_the_constant_of_the_newer_literature() -> None:
    """49.38 Gy kg/GBq within 0.05 %; all electrons, so 0.2 keV above the betas."""
    assert nuclide("y90", data="ddep").dose_constant_gy_kg_per_gbq == pytest.approx(49.38, rel=5e-4)


def test_dubois_and_mosteller_are_not_mixed() -> None:
    """70 kg, 175 cm: DuBois 1.848 m2, Mosteller 1.845 m2 (hand calculation)."""
    assert body_surface_m2(175, 70) == pytest.approx(1.8481, abs=5e-5)
    assert body_surface_m2(175, 70, "mosteller") == pytest.approx(1.84466, abs=5e-6)


def test_bsa_activities_bracket_a_published_cohort() -> None:
    """Grosser 2015, doi:10.1016/j.jvir.2015.07.021, 283 patients: base activity 1.20-2.32 GBq."""
    small = BsaInput(150, 45, tumour_volume_ml=0, normal_volume_ml=1500)
    large = BsaInput(195, 125, tumour_volume_ml=0, normal_volume_ml=1500)
    base = [activity_bsa("resin-y90", body).activity_bq / BQ_PER_GBQ for body in (small, large)]
    assert base == pytest.approx([1.20, 2.32], rel=0.04)


def test_bsa_doses_fall_with_liver_mass() -> None:
    """Lam 2014, 45 patients: the mean liver dose of BSA activities falls with liver weight.

    Livers of 0.94-3.42 kg, median 1.89 kg, received 29.8-74.7 Gy, median 50.4 Gy; one body with
    10 % involvement through the same range must span it.
    """
    activity = activity_bsa("resin-y90", BsaInput(175, 75, 189, 1701)).activity_bq
    doses = [
        activity_mird("resin-y90", mass_g, Prescription("activity", activity)).perfused
        for mass_g in (940, 1890, 3420)
    ]
    means = [dose.mean_dose_gy for dose in doses if dose is not None]
    assert means[1] == pytest.approx(50.4, rel=0.1)
    assert means[0] > 74.7 > means[1] > 29.8 > means[2]


def test_partition_by_hand() -> None:
    """Two tumours of 200 g (T/N 4) and 50 g (T/N 2), 1200 g normal liver, L 0.1, K 50.

    Weighted mass 0.8 + 0.1 + 1.2 = 2.1 kg; 2 GBq give D_N = 50 x 2 x 0.9 / 2.1 = 42.857 Gy, tumours
    171.43 and 85.71 Gy, perfused mean 90/1.45 = 62.07 Gy, lungs 50 x 2 x 0.1 = 10 Gy.
    """
    options = CalculatorOptions(
        lung_shunt_fraction=0.1, lung_mass_g=1000, dose_constant_gy_kg_per_gbq=50
    )
    result = activity_result(
        activity_partition(
            "resin-y90",
            paired_tumours([200, 50], [4, 2]),
            1200,
            Prescription("activity", 2 * BQ_PER_GBQ),
            options,
        )
    )
    assert result["normal"]["dose_gy"] == pytest.approx(42.857143, abs=1e-6)
    assert [t["dose_gy"] for t in result["tumours"]] == pytest.approx([171.428571, 85.714286])
    assert result["perfused"]["dose_gy"] == pytest.approx(62.068966, abs=1e-6)
    assert result["lung"]["dose_gy"] == pytest.approx(10.0)


def test_shunt_divides_and_does_not_multiply() -> None:
    """A calculator in the wild multiplied by (1 - L): 2.304 GBq is right here, 1.866 is wrong."""
    options = CalculatorOptions(
        lung_shunt_fraction=0.1, lung_mass_g=1000, dose_constant_gy_kg_per_gbq=49.67
    )
    plan = activity_mird("glass-y90", 1030, Prescription("perfused-dose", 100), options)
    assert plan.activity_bq / BQ_PER_GBQ == pytest.approx(2.3041, abs=1e-4)
