"""Analytic shapes: volumes against formulas, on grids of any orientation, and their levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensirt.image import Grid
from opensirt.phantoms.coverage import coverage, shape_region
from opensirt.phantoms.shapes import (
    Box,
    Cylinder,
    Ellipsoid,
    HalfSpace,
    Shape,
    rotation_matrix,
    smooth_union,
)

BALL_10 = 4 / 3 * math.pi * 10**3
SHAPES: list[tuple[Shape, float]] = [
    (Ellipsoid((0.3, -0.2, 0.1), (1.5, 1.5, 1.5)), 4 / 3 * math.pi * 1.5**3),
    (Ellipsoid((0.3, -0.2, 0.1), (10, 10, 10)), BALL_10),
    (
        Ellipsoid((1, 2, 3), (24, 16, 10), axes=rotation_matrix("y", 30)),
        4 / 3 * math.pi * 24 * 16 * 10,
    ),
    (Box((0.3, 0, 0), (31, 20, 9.5)), 31 * 20 * 9.5),
    (Cylinder((0, 0.4, 1), (20, 15.3), 40.7), math.pi * 20 * 15.3 * 40.7),
    (Ellipsoid((0, 0, 0), (12, 12, 12)) & HalfSpace((0, 0, 0), (1, 1, 0)), 2 / 3 * math.pi * 12**3),
    (
        Ellipsoid((0, 0, 0), (12, 12, 12)) - Ellipsoid((0, 0, 0), (8, 8, 8)),
        4 / 3 * math.pi * (12**3 - 8**3),
    ),
    (Ellipsoid((-15, 0, 0), (10,) * 3) | Ellipsoid((15, 0, 0), (10,) * 3), 2 * BALL_10),
]
TURNED = Grid.from_directions(
    (50, 60, 55), (2.0, 1.5, 1.7), (-46.0, -66.0, -13.0),
    [[0.0, 0.6, 0.8], [0.0, 0.8, -0.6], [1.0, 0.0, 0.0]],
)  # fmt: skip


def centred(voxel_mm: tuple[float, float, float], size_mm: float = 84.0) -> Grid:
    shape = [math.ceil(size_mm / v) for v in voxel_mm]
    first = [-(n - 1) / 2 * v + 0.17 for n, v in zip(shape, voxel_mm, strict=True)]
    return Grid.regular(shape, voxel_mm, first[::-1])


@pytest.mark.parametrize("voxel_mm", [(2.0, 2.0, 2.0), (4.0, 4.0, 4.0), (2.5, 0.98, 0.98)])
@pytest.mark.parametrize(("shape", "volume_mm3"), SHAPES)
def test_covered_volume_is_that_of_the_formula(
    shape: Shape, volume_mm3: float, voxel_mm: tuple[float, float, float]
) -> None:
    region = shape_region(shape, centred(voxel_mm), "x", "other")
    assert region.volume_ml == pytest.approx(volume_mm3 * 1e-3, rel=0.005)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_volume_and_place_hold_on_a_turned_grid(number: int) -> None:
    shape, volume_mm3 = SHAPES[number]
    region = shape_region(shape, TURNED, "x", "other")
    assert region.volume_ml == pytest.approx(volume_mm3 * 1e-3, rel=0.005)
    assert np.allclose(region.centroid_mm, shape.centre_mm, atol=0.03)  # type: ignore[attr-defined]


def test_superellipsoid_lies_between_ellipsoid_and_box() -> None:
    grid = centred((2.0, 2.0, 2.0))
    volumes = [
        shape_region(Ellipsoid((0, 0, 0), (20, 15, 10), p), grid, "x", "other").volume_ml
        for p in (2.0, 4.0, 40.0)
    ]
    # 8 abc G(1 + 1/p)^3 / G(1 + 3/p)
    for p, found in zip((2.0, 4.0, 40.0), volumes, strict=True):
        exact = 8 * 3000 * math.gamma(1 + 1 / p) ** 3 / math.gamma(1 + 3 / p) * 1e-3
        assert found == pytest.approx(exact, rel=0.005)


def test_half_space_cuts_a_voxel_at_the_exact_fraction() -> None:
    grid = Grid.regular((3, 3, 3), (2.0, 2.0, 2.0))
    _, fractions = coverage(HalfSpace((2.3, 0, 0), (1, 0, 0)), grid)
    assert fractions[1, 1].tolist() == pytest.approx([1.0, 0.65], abs=1e-6)


def test_smooth_union_adds_a_fillet_and_loses_nothing() -> None:
    a, b = Ellipsoid((-8, 0, 0), (10,) * 3), Ellipsoid((8, 0, 0), (10,) * 3)
    grid = centred((2.0, 2.0, 2.0))
    plain = shape_region(a | b, grid, "x", "other")
    smooth = shape_region(smooth_union(a, b, 6.0), grid, "x", "other")
    assert smooth.volume_ml > plain.volume_ml * 1.01
    assert (plain - smooth).volume_ml == pytest.approx(0, abs=plain.volume_ml * 1e-4)


def test_shape_outside_the_grid_is_empty() -> None:
    region = shape_region(Ellipsoid((500, 0, 0), (5,) * 3), centred((2.0,) * 3), "x", "other")
    assert region.is_empty
    assert region.volume_ml == 0


@settings(max_examples=60, deadline=None)
@given(
    a=st.tuples(*[st.floats(-40, 40)] * 3),
    b=st.tuples(*[st.floats(-40, 40)] * 3),
    number=st.integers(0, len(SHAPES) - 1),
)
def test_level_is_never_steeper_than_distance(
    a: tuple[float, float, float], b: tuple[float, float, float], number: int
) -> None:
    shape = smooth_union(SHAPES[number][0], SHAPES[2][0], 5.0)
    gap = math.dist(a, b)
    assert abs(shape.level_at(a) - shape.level_at(b)) <= gap + 1e-4


def test_rotation_is_right_handed() -> None:
    assert np.allclose(rotation_matrix("z", 90), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    assert np.linalg.det(rotation_matrix("x", 33)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="expected axis x, y or z, got 'w'"):
        rotation_matrix("w", 1)


@pytest.mark.parametrize(
    ("axis", "rows"),
    [
        ("x", [[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
        ("y", [[0, 0, -1], [0, 1, 0], [1, 0, 0]]),
        ("z", [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    ],
)
def test_a_quarter_turn_takes_each_axis_to_the_next(axis: str, rows: list[list[int]]) -> None:
    """Right-handed: x to y about z, y to z about x, z to x about y."""
    assert np.allclose(rotation_matrix(axis, 90), rows, atol=1e-12)


def test_a_tilted_ellipsoid_points_where_it_was_turned_to() -> None:
    """A long axis along x turned by 30 degrees about y points down on the left."""
    shape = Ellipsoid((0, 0, 0), (20, 5, 5), axes=rotation_matrix("y", 30))
    along = (19 * math.cos(math.radians(30)), 0.0, -19 * math.sin(math.radians(30)))
    assert shape.level_at(along) < 0 < shape.level_at((along[0], 0.0, -along[2]))


@pytest.mark.parametrize("height", [0.0, 3.0, 9.0])
@pytest.mark.parametrize("blend_mm", [4.0, 10.0])
def test_fillet_is_a_quarter_of_the_blend_where_both_levels_are_one(
    height: float, blend_mm: float
) -> None:
    a, b = Ellipsoid((-8, 0, 0), (10,) * 3), Ellipsoid((8, 0, 0), (10,) * 3)
    level = math.hypot(8.0, height) - 10.0
    assert smooth_union(a, b, blend_mm).level_at((0, 0, height)) == pytest.approx(
        level - blend_mm / 4, abs=1e-5
    )
    far = (-8.0, 0.0, 0.0)  # the levels differ by 16 mm: no fillet
    assert smooth_union(a, b, blend_mm).level_at(far) == pytest.approx(-10.0, abs=1e-5)
