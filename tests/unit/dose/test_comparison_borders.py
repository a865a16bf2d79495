"""Verdicts of a comparison at their borders, noise in cubes of mm, and what the table holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opensirt.dose.comparison import (
    EngineDose,
    _error_of_mean_gy,
    compare_doses,
    comparison_figure,
    gamma_criteria,
    mean_tolerance,
)
from opensirt.dose.density_regions import density_classes
from opensirt.image import Region, Regions, Volume
from opensirt.units import Unit
from tests.dose_samples import volume

SHAPE = (2, 3, 4)
WATER = volume(np.ones(SHAPE), Unit.G_PER_ML)


def gray(value: float) -> Volume:
    return volume(np.full(SHAPE, value), Unit.GY)


def whole(role: str = "tumour") -> Regions:
    return Regions((Region.from_mask("r", role, np.ones(SHAPE), WATER.grid),))


@pytest.mark.parametrize(
    ("role", "mean_gy", "error", "verdict"),
    [
        ("tumour", 105.1, 0.0, "differs"),  # 5 % of tissue
        ("tumour", 104.9, 0.0, "agrees"),
        ("tumour", 94.9, 0.0, "differs"),
        ("tumour", 95.1, 0.0, "agrees"),
        ("lung-left", 109.9, 0.0, "agrees"),  # 10 % of lung
        ("lung-right", 110.1, 0.0, "differs"),
        ("lungs", 89.9, 0.0, "differs"),
        ("tumour", 108.9, 0.02, "agrees"),  # two standard errors more
        ("tumour", 109.1, 0.02, "differs"),
        ("tumour", 100.0, 0.0249, "agrees"),
        ("tumour", 100.0, 0.0251, "uncertain"),
        ("tumour", 110.1, 0.0251, "differs"),
        ("lungs", 100.0, 0.0499, "agrees"),
        ("lungs", 100.0, 0.0501, "uncertain"),
    ],
)
def test_a_verdict_is_by_tolerance_and_two_standard_errors(role, mean_gy, error, verdict) -> None:
    doses = [
        EngineDose("local", gray(mean_gy)),
        EngineDose("monte-carlo", gray(100.0), None, {"r": error}),
    ]
    (row,) = compare_doses(doses, WATER, whole(role), with_gamma=False).regions
    assert row.verdict == verdict
    assert row.reference_error_fraction == pytest.approx(error)
    assert row.tolerance_fraction == mean_tolerance(role).value


def test_the_reference_may_be_chosen_and_the_others_keep_their_order() -> None:
    doses = [EngineDose(n, gray(g)) for n, g in (("monte-carlo", 2.0), ("local", 4.0), ("x", 8.0))]
    told: list[tuple[str, float]] = []
    found = compare_doses(
        doses, WATER, whole(), reference="local", with_gamma=False,
        step=lambda text, part: told.append((text, part)),
    )  # fmt: skip
    assert (found.reference, found.engines) == ("local", ("monte-carlo", "x"))
    assert [row.mean_difference_fraction for row in found.regions] == pytest.approx([-0.5, 1.0])
    assert told == [("comparing monte-carlo", 0.0), ("comparing x", 0.5)]
    assert (found.criteria, found.gamma) == ((), ())
    assert [row.mean_dose_gy for row in found.of("x")] == pytest.approx([8.0])
    plain = found.as_dict()
    assert [row["engine"] for row in plain["regions"]] == ["monte-carlo", "x"]
    assert plain["regions"][0]["gamma_pass_fractions"] == plain["gamma"] == plain["criteria"] == []


def test_errors_within_10_mm_add_up_and_cubes_in_squares() -> None:
    """Voxels of 10, 5 and 2.5 mm: cubes of 1, 2 and 4 voxels, counted from the region's box."""
    grid = volume(np.zeros((3, 6, 9)), Unit.GY, (10.0, 5.0, 2.5)).grid
    fractions = np.zeros(grid.shape, np.float32)
    fractions[1:3, 1:6, 2:9] = np.random.default_rng(3).uniform(0.1, 1.0, (2, 5, 7))
    region = Region.from_mask("r", "other", fractions, grid)
    error_gy = np.random.default_rng(4).random(grid.shape).astype(np.float32)
    squares = 0.0
    for k in range(1, 3):
        for rows in (slice(1, 3), slice(3, 5), slice(5, 6)):
            for columns in (slice(2, 6), slice(6, 9)):
                squares += float((fractions * error_gy)[k, rows, columns].sum()) ** 2
    expected = math.sqrt(squares) / float(fractions.sum())
    assert _error_of_mean_gy(region, error_gy) == pytest.approx(expected, rel=1e-5)


def test_the_error_of_a_mean_is_that_of_doses_outside_air() -> None:
    """One voxel of tissue at 10 Gy and 20 %, one of air at 90 Gy and 50 %: 20 % of 10 Gy."""
    dose, other = (volume([[[10.0, 90.0]]], Unit.GY), volume([[[11.0, 0.0]]], Unit.GY))
    error = volume([[[0.2, 0.5]]], Unit.FRACTION)
    density = volume([[[1.0, 0.01]]], Unit.G_PER_ML)
    region = Region.from_mask("r", "other", np.ones((1, 1, 2)), dose.grid)
    doses = [EngineDose("monte-carlo", dose, error), EngineDose("local", other)]
    (row,) = compare_doses(doses, density, Regions((region,)), with_gamma=False).regions
    assert row.reference_error_fraction == pytest.approx(0.2)


def test_criteria_hold_the_figures_of_the_table() -> None:
    fine, coarse = gamma_criteria(5.0)
    for kind, prefix in ((fine, ""), (coarse, "coarse_")):
        assert kind.dose_fraction == comparison_figure(f"{prefix}gamma_dose_fraction").value
        assert kind.distance_mm == comparison_figure(f"{prefix}gamma_distance_mm").value
        assert kind.threshold_fraction == comparison_figure("gamma_threshold_fraction").value


def test_classes_of_density_have_the_roles_that_tolerances_go_by() -> None:
    density = volume([[[0.05, 0.3, 1.0, 1.5]]], Unit.G_PER_ML)
    found = {region.name.split(" by ")[0]: region for region in density_classes(density)}
    roles = {name: region.role for name, region in found.items()}
    assert roles == {"lung": "lungs", "soft tissue": "body", "bone": "other"}
    assert [mean_tolerance(role).value for role in roles.values()] == [0.1, 0.05, 0.05]
    only = density_classes(volume([[[0.3]]], Unit.G_PER_ML))
    assert [region.role for region in only] == ["lungs"]
