"""Grids: indices to patient millimetres and back, in any orientation."""

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.image import Grid

OBLIQUE = np.linalg.qr(np.array([[0.2, 0.1, 0.95], [0.1, 0.98, -0.1], [0.97, -0.05, -0.2]]))[0].T


def test_regular_grid_maps_slice_row_column_to_z_y_x():
    grid = Grid.regular((10, 20, 30), (3.0, 2.0, 1.0), (-5.0, 6.0, 7.0))
    assert grid.to_patient((1, 2, 3)) == pytest.approx([-5 + 3 * 1, 6 + 2 * 2, 7 + 1 * 3])
    assert grid.spacing_mm == (3.0, 2.0, 1.0)
    assert grid.voxel_volume_ml == pytest.approx(6e-3)


def test_index_round_trip_on_an_oblique_grid():
    grid = Grid.from_directions((5, 6, 7), (2.5, 1.5, 0.7), (11.0, -20.0, 3.0), OBLIQUE)
    index = np.array([[0, 0, 0], [4, 5, 6], [1.25, 2.5, 3.75]])
    assert grid.to_index(grid.to_patient(index)) == pytest.approx(index, abs=1e-9)
    assert grid.spacing_mm == pytest.approx((2.5, 1.5, 0.7))
    assert grid.is_orthogonal


def test_crop_keeps_each_voxel_in_its_place():
    grid = Grid.from_directions((5, 6, 7), (2.5, 1.5, 0.7), (11.0, -20.0, 3.0), OBLIQUE)
    part = grid.crop((slice(1, 3), slice(2, 6), slice(3, 4)))
    assert part.shape == (2, 4, 1)
    assert part.to_patient((0, 0, 0)) == pytest.approx(grid.to_patient((1, 2, 3)))


def test_matching_looks_at_places_not_only_shapes():
    grid = Grid.regular((4, 4, 4), (1.0, 1.0, 1.0))
    assert grid.matches(Grid.regular((4, 4, 4), (1.0, 1.0, 1.0), (0.005, 0, 0)))
    assert not grid.matches(Grid.regular((4, 4, 4), (1.0, 1.0, 1.0), (0.05, 0, 0)))
    assert not grid.matches(Grid.regular((4, 4, 5), (1.0, 1.0, 1.0)))


def test_a_sheared_grid_is_seen_and_its_voxel_volume_is_right():
    matrix = Grid.regular((4, 4, 4), (2.0, 1.0, 1.0)).matrix
    matrix[1, 0] = 0.5  # each slice slides 0.5 mm along y
    sheared = Grid.from_matrix((4, 4, 4), matrix)
    assert not sheared.is_orthogonal
    assert sheared.voxel_volume_ml == pytest.approx(2e-3)


@pytest.mark.parametrize(
    ("shape", "matrix", "words"),
    [
        ((0, 1, 1), np.eye(4), "three positive sizes"),
        ((1, 1, 1), np.diag([1.0, 0.0, 1.0, 1.0]), "singular"),
        ((1, 1, 1), np.full((4, 4), np.nan), "finite"),
    ],
)
def test_impossible_grids_are_refused(shape, matrix, words):
    with pytest.raises(InputError, match=words):
        Grid.from_matrix(shape, matrix)


def test_matching_looks_at_every_corner():
    """Grids that start at one place and leave it with another step or direction are two."""
    grid = Grid.regular((6, 5, 4), (3.0, 2.0, 1.5), (10.0, -20.0, 30.0))
    wider = Grid.regular((6, 5, 4), (3.0, 2.0, 1.6), (10.0, -20.0, 30.0))
    downwards = Grid.from_directions(
        (6, 5, 4), (3.0, 2.0, 1.5), (10.0, -20.0, 30.0), [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    )
    exchanged = Grid.from_directions(
        (6, 5, 4), (3.0, 2.0, 1.5), (10.0, -20.0, 30.0), [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    )
    assert not any(grid.matches(other) for other in (wider, downwards, exchanged))


@pytest.mark.parametrize(("axis", "slide"), [(0, 1), (0, 0), (1, 2), (1, 0), (2, 1), (2, 2)])
def test_voxel_volume_of_a_grid_sheared_along_any_axis(axis, slide):
    """A shear moves layers along themselves: the voxel keeps base times height."""
    matrix = np.diag([3.0, 2.0, 1.5, 1.0])
    matrix[slide, axis] += 0.7 if slide != axis else 0.0
    grid = Grid.from_matrix((4, 4, 4), matrix)
    assert grid.voxel_volume_ml == pytest.approx(9e-3)
    assert grid.is_orthogonal == (slide == axis)


@pytest.mark.parametrize(("apart_mm", "same"), [(0.0099, True), (0.0101, False), (-0.0101, False)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_grids_a_hundredth_of_a_mm_apart_are_two(axis, apart_mm, same):
    """Files round coordinates to less; half a voxel more in one direction is another place."""
    origin = np.array([10.0, -20.0, 30.0])
    grid = Grid.regular((6, 5, 4), (3.0, 2.0, 1.5), origin)
    origin[axis] += apart_mm
    assert grid.matches(Grid.regular((6, 5, 4), (3.0, 2.0, 1.5), origin)) == same


@pytest.mark.parametrize(("degrees", "square"), [(0.005, True), (0.007, False), (0.5, False)])
def test_a_gantry_tilted_by_half_a_degree_is_no_right_angle(degrees, square):
    """The cosine may be 1e-4 (0.0057 degrees): over 400 mm a shift of 0.04 mm."""
    matrix = np.diag([3.0, 2.0, 1.5, 1.0])
    matrix[1, 0] = 3.0 * np.tan(np.radians(degrees))
    assert Grid.from_matrix((4, 4, 4), matrix).is_orthogonal == square


def test_directions_and_spacing_of_an_oblique_grid_are_those_it_was_made_of():
    grid = Grid.from_directions((5, 6, 7), (2.5, 1.5, 0.7), (11.0, -20.0, 3.0), OBLIQUE)
    assert grid.directions == pytest.approx(OBLIQUE)
    assert grid.origin_mm == (11.0, -20.0, 3.0)
    step = grid.to_patient((1, 0, 0)) - grid.to_patient((0, 0, 0))
    assert step == pytest.approx(2.5 * OBLIQUE[0])
    assert str(Grid.regular((2, 3, 4), (5.0, 2.5, 1.25), (-8.0, 4.0, 9.0))) == (
        "2 x 3 x 4 voxels of 5 x 2.5 x 1.25 mm at (-8, 4, 9) mm"
    )


def test_a_box_with_open_ends_is_cut_at_the_grid():
    grid = Grid.regular((5, 6, 7), (2.5, 1.5, 0.7), (11.0, -20.0, 3.0))
    assert grid.crop((slice(2, None), slice(None, 4), slice(-3, 99))).shape == (3, 4, 3)
    part = grid.crop((slice(2, None), slice(None), slice(-3, None)))
    assert part.origin_mm == pytest.approx((11.0 + 4 * 0.7, -20.0, 3.0 + 2 * 2.5))


@pytest.mark.parametrize("shape", [(3, 4, 5), (10, 20, 30), (1, 64, 64)])
def test_shear_is_taken_out_about_the_middle(shape):
    """The middle voxel stays, and opposite corners move alike."""
    matrix = np.diag([1.5, 2.0, 3.0, 1.0])[:, [2, 1, 0, 3]]
    matrix[1, 0], matrix[:3, 3] = 0.01, (-8.0, 4.0, 9.0)
    sheared = Grid.from_matrix(shape, matrix)
    straight, moved_mm = sheared.straightened()
    middle = (np.array(shape) - 1) / 2
    assert straight.is_orthogonal
    assert straight.to_patient(middle) == pytest.approx(sheared.to_patient(middle), abs=1e-9)
    ends = np.array([[0, 0, 0], np.array(shape) - 1])
    apart = np.linalg.norm(straight.to_patient(ends) - sheared.to_patient(ends), axis=1)
    assert apart == pytest.approx([apart[0]] * 2)
    assert moved_mm >= apart.max()
