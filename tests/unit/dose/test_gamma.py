"""Gamma against hand calculation, a brute-force search and `pymedphys`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter

from opensirt.dose.gamma import GammaCriteria, gamma_index
from opensirt.dose.gamma_kernel import tetrahedron_squared
from opensirt.errors import GridMismatchError, InputError, UnitMismatchError
from opensirt.image import Grid, Region, Volume
from opensirt.units import Unit
from tests.dose_samples import volume

KINDS = [
    ((2.0, 2.0, 2.0), GammaCriteria()),
    ((3.0, 2.5, 4.0), GammaCriteria(0.03, 3.0)),
    ((1.0, 1.5, 1.0), GammaCriteria(0.02, 2.0)),
]


def dose(values, spacing_mm=(2.0, 2.0, 2.0)) -> Volume:
    return volume(values, Unit.GY, spacing_mm)


def pair(spacing_mm, shape=(12, 13, 14)) -> tuple[Volume, Volume]:
    """A smooth reference of at most 100 Gy, and the same shifted and rougher."""
    random = np.random.default_rng(7)
    smooth = gaussian_filter(random.random(shape), [3.0 / s for s in spacing_mm])
    smooth = 100 * (smooth - smooth.min()) / np.ptp(smooth)
    rough = gaussian_filter(random.random(shape), 1.0)
    other = 0.7 * smooth + 0.3 * np.roll(smooth, 1, axis=2) + 6 * (rough - rough.mean())
    return dose(smooth, spacing_mm), dose(np.maximum(other, 0), spacing_mm)


def ramp(shape=(9, 9, 9), spacing_mm=(2.0, 2.0, 2.0), slope_gy_mm=(0.0, 0.0, 2.0)) -> np.ndarray:
    """A linear dose, 100 Gy at its highest corner."""
    places = np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, spacing_mm, strict=True)),
                         indexing="ij")  # fmt: skip
    values = sum(slope * place for slope, place in zip(slope_gy_mm, places, strict=True))
    return values - values.max() + 100.0


@pytest.mark.parametrize("spacing_mm", [kind[0] for kind in KINDS])
def test_gamma_of_a_shifted_ramp_by_hand(spacing_mm):
    """Distance of a point from a plane: |dose difference| / sqrt(g^2 + (slope d)^2)."""
    slope = np.array([0.5, -0.8, 1.5])
    reference = ramp(spacing_mm=spacing_mm, slope_gy_mm=slope)
    difference_gy = 0.8
    found = gamma_index(dose(reference + difference_gy, spacing_mm), dose(reference, spacing_mm))
    expected = difference_gy / math.hypot(1.0, np.linalg.norm(slope))
    inner = found.values[2:-2, 2:-2, 2:-2]
    assert inner == pytest.approx(np.full_like(inner, expected), rel=1e-4)


@pytest.mark.parametrize(("factor", "expected"), [(1.005, 0.5), (0.99, 1.0), (1.05, 2.0)])
def test_gamma_of_a_scaled_flat_dose_is_the_dose_difference(factor, expected):
    """No place of the other map is nearer in dose; above `most` the value is `most`."""
    flat = np.full((6, 6, 6), 80.0)
    found = gamma_index(dose(factor * flat), dose(flat))
    assert found.values == pytest.approx(np.full(flat.shape, expected), rel=1e-4)


def brute_force(evaluated: Volume, reference: Volume, criteria: GammaCriteria, place) -> float:
    """The definition itself on a lattice of a twentieth of the distance criterion, trilinear."""
    spacing = reference.grid.spacing_mm
    axes = [np.arange(n) * s for n, s in zip(reference.values.shape, spacing, strict=True)]
    value = RegularGridInterpolator(
        axes, evaluated.values.astype(float), bounds_error=False, fill_value=np.inf
    )
    line = np.arange(-40, 41) * criteria.distance_mm / 20
    offsets = np.array(np.meshgrid(line, line, line)).reshape(3, -1).T
    distance = np.linalg.norm(offsets, axis=1) / criteria.distance_mm
    offsets, distance = offsets[distance <= criteria.most], distance[distance <= criteria.most]
    doses = value(np.multiply(place, spacing) + offsets)
    gap = (doses - reference.values[tuple(place)]) / (
        criteria.dose_fraction * reference.values.max()
    )
    return min(criteria.most, float(np.hypot(distance, gap).min()))


@pytest.mark.parametrize(("spacing_mm", "criteria"), KINDS)
def test_gamma_against_brute_force(spacing_mm, criteria):
    """The lattice is at most a lattice step (0.05) above the minimum, never below it."""
    reference, evaluated = pair(spacing_mm)
    found = gamma_index(evaluated, reference, criteria)
    places = np.argwhere(np.isfinite(found.values[1:-1, 1:-1, 1:-1]))[::97] + 1
    assert len(places) >= 12
    for place in places:
        searched = brute_force(evaluated, reference, criteria, place)
        assert -0.05 < found.values[tuple(place)] - searched < 0.015


@pytest.mark.parametrize(("spacing_mm", "criteria"), KINDS)
def test_gamma_against_pymedphys(spacing_mm, criteria):
    """Shells and points a tenth of the distance criterion apart: theirs read up to 0.2 higher.

    Voxels at the rim are left out: rounding takes the points of their shells off the grid.
    """
    pymedphys = pytest.importorskip("pymedphys", reason="pymedphys is not installed")
    reference, evaluated = pair(spacing_mm)
    axes = tuple(
        np.arange(n) * float(s) for n, s in zip(reference.values.shape, spacing_mm, strict=True)
    )
    theirs = pymedphys.gamma(
        axes, reference.values.astype(float), axes, evaluated.values.astype(float),
        100 * criteria.dose_fraction, criteria.distance_mm, 10, interp_fraction=10, max_gamma=2,
    )  # fmt: skip
    ours = gamma_index(evaluated, reference, criteria)
    assert np.array_equal(np.isfinite(theirs), np.isfinite(ours.values))
    inner = (slice(2, -2),) * 3
    difference = (ours.values - theirs)[inner][np.isfinite(theirs[inner])]
    assert difference.max() < 0.02
    assert difference.min() > -0.2
    assert abs(difference.mean()) < 0.05
    passed = float((theirs[np.isfinite(theirs)] <= 1).mean())
    assert ours.pass_fraction == pytest.approx(passed, abs=0.006)


def test_a_mirrored_pair_has_a_mirrored_gamma():
    reference, evaluated = pair((2.0, 3.0, 2.5))
    straight = gamma_index(evaluated, reference).values
    turned = gamma_index(
        *(dose(v.values[::-1, :, ::-1], (2.0, 3.0, 2.5)) for v in (evaluated, reference))
    ).values
    assert turned[::-1, :, ::-1] == pytest.approx(straight, abs=2e-3, nan_ok=True)


def test_one_layer_is_compared_in_its_plane():
    slope = ramp((1, 9, 9), slope_gy_mm=(0.0, 0.0, 1.0))
    found = gamma_index(dose(slope + 0.8), dose(slope))
    assert found.values[0, 4, 4] == pytest.approx(0.8 / math.sqrt(2), rel=1e-4)


def test_the_error_of_the_reference_widens_the_dose_criterion():
    """1.5 % apart, 1 % allowed, 1 % standard error: sqrt(1 + 4) % is allowed in all."""
    flat = np.full((5, 5, 5), 100.0)
    strict = gamma_index(dose(1.015 * flat), dose(flat))
    allowed = gamma_index(dose(1.015 * flat), dose(flat), None, np.full(flat.shape, 1.0))
    assert strict.values[2, 2, 2] == pytest.approx(1.5, rel=1e-4)
    assert allowed.values[2, 2, 2] == pytest.approx(1.5 / math.sqrt(5), rel=1e-4)


def test_only_voxels_above_the_threshold_count():
    values = np.full((4, 4, 4), 100.0)
    values[2:] = 9.9
    other = values * 1.0
    other[0, 0, 0] = 103.0
    found = gamma_index(dose(other, (9.0, 9.0, 9.0)), dose(values, (9.0, 9.0, 9.0)))
    assert found.evaluated_count == 32
    assert found.pass_fraction == pytest.approx(31 / 32)
    on = Grid.regular((4, 4, 4), (9.0, 9.0, 9.0))
    corner, cold = np.zeros((4, 4, 4)), np.zeros((4, 4, 4))
    corner[0, 0, :2], cold[3] = (1.0, 0.5), 1.0
    region = Region.from_mask("corner", "other", corner, on)
    assert found.pass_fraction_in(region) == pytest.approx(0.5 / 1.5)
    assert found.pass_fraction_in(Region.from_mask("cold", "other", cold, on)) is None


def test_the_nearest_point_of_a_tetrahedron_against_many_points():
    """Random tetrahedra of four dimensions; weights on a lattice come near the true minimum."""
    random = np.random.default_rng(3)
    n = 24
    weights = np.array(
        [(i, j, k, n - i - j - k) for i in range(n + 1) for j in range(n + 1 - i)
         for k in range(n + 1 - i - j)]
    ) / n  # fmt: skip
    for _ in range(60):
        corners = random.normal(size=(4, 4)) + random.normal(size=4)
        g = corners @ corners.T
        found = tetrahedron_squared(
            g[0, 0], g[1, 1], g[2, 2], g[3, 3], g[0, 1], g[0, 2], g[0, 3], g[1, 2], g[1, 3], g[2, 3]
        )
        least = float(((weights @ corners) ** 2).sum(axis=1).min())
        assert found <= least + 1e-12
        assert math.sqrt(least) - math.sqrt(found) < 0.15


def test_what_gamma_refuses():
    one, other = dose(np.ones((3, 3, 3))), dose(np.ones((3, 3, 4)))
    with pytest.raises(GridMismatchError, match="resample first"):
        gamma_index(one, other)
    with pytest.raises(InputError, match="a reference with dose"):
        gamma_index(one, dose(np.zeros((3, 3, 3))))
    with pytest.raises(
        InputError, match="above 0 and a largest value above 1, found 0, 1 mm and 2"
    ):
        GammaCriteria(dose_fraction=0.0)
    with pytest.raises(InputError, match="from 0 to below 1, found 1"):
        GammaCriteria(threshold_fraction=1.0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("broken", [0, 1])
def test_one_voxel_that_is_no_dose_is_refused_in_either_map(wrong, broken):
    maps = [np.full((3, 3, 3), 10.0), np.full((3, 3, 3), 10.0)]
    maps[broken][2, 1, 0] = wrong
    with pytest.raises(InputError, match="gamma needs finite maps and a reference with dose"):
        gamma_index(dose(maps[0]), dose(maps[1]))


def test_gamma_refuses_other_units_and_sheared_grids():
    gray = dose(np.ones((3, 3, 3)))
    water = gray.with_values(gray.values, Unit.G_PER_ML)
    for pair_of in ((water, gray), (gray, water)):
        with pytest.raises(UnitMismatchError, match="expected a volume in Gy, got g/mL"):
            gamma_index(*pair_of)
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[1, 0] = 1.0
    sheared = Volume(gray.values, Grid.from_matrix((3, 3, 3), matrix), Unit.GY)
    with pytest.raises(GridMismatchError, match="is sheared; resample both maps first"):
        gamma_index(sheared, sheared)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"most": 1.01}, {"most": 1.0}),
        ({"dose_fraction": 1e-6}, {"dose_fraction": -0.01}),
        ({"distance_mm": 1e-6}, {"distance_mm": 0.0}),
        ({"threshold_fraction": 0.0}, {"threshold_fraction": -0.01}),
        ({"threshold_fraction": 0.99}, {"threshold_fraction": 1.01}),
    ],
)
def test_criteria_at_their_borders(right, wrong):
    assert isinstance(GammaCriteria(**right), GammaCriteria)
    with pytest.raises(InputError, match="gamma"):
        GammaCriteria(**wrong)
    assert GammaCriteria(0.025, 1.5, 0.2).label == "2.5 %, 1.5 mm above 20 %"


def test_a_voxel_at_the_threshold_is_evaluated():
    """Nothing of 100 Gy: with a threshold of 0 voxels without dose count as well."""
    values = np.array([[[100.0, 10.0, 9.99, 0.0]]])
    counts = [
        gamma_index(
            dose(values), dose(values), GammaCriteria(threshold_fraction=at)
        ).evaluated_count
        for at in (0.1, 0.0999, 0.0)
    ]
    assert counts == [2, 3, 4]
