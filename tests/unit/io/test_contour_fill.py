"""Coverage of pixels by contours, traced lines, and the slabs that contour planes stand for."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.io.contour_fill import fill_loops, is_traced, plane_slabs
from tests.region_samples import box_loop


def test_even_odd_of_crossing_squares():
    filled = fill_loops([np.array(box_loop(1.5, 5.5)), np.array(box_loop(3.5, 7.5))], (10, 10))
    assert filled.sum() == pytest.approx(16 + 16 - 2 * 4)


def test_slabs_of_two_planes_follow_the_source_spacing():
    slabs, gaps = plane_slabs([2.0, 5.0], 1.0)
    assert [(s.low, s.high) for s in slabs] == [(1.5, 2.5), (4.5, 5.5)]
    assert gaps == 1
    slabs, gaps = plane_slabs([2.0, 5.0], 3.0)
    assert [(s.low, s.high) for s in slabs] == [(0.5, 3.5), (3.5, 6.5)]
    assert gaps == 0


def test_traced_loops_step_along_rows_columns_and_diagonals():
    assert is_traced(np.array([(1, 1), (3, 3), (3, 7), (1, 7)], dtype=float))
    assert not is_traced(np.array([(1, 1), (3, 4), (3, 7)], dtype=float))
    assert not is_traced(np.array([(1.5, 1), (3.5, 3), (3.5, 7)], dtype=float))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_a_triangle_covers_each_row_and_column_by_its_area(along, mirrored):
    """Legs along voxel edges: row r of four holds r + 1/2 voxels, the diagonal cuts them in two."""
    corners = np.array([(-0.5, -0.5), (3.5, -0.5), (3.5, 3.5)])
    expected = np.array([0.5, 1.5, 2.5, 3.5])
    if mirrored:
        corners[:, 0] = 3.0 - corners[:, 0]
        expected = expected[::-1]
    filled = fill_loops([corners[:, ::-1] if along == "columns" else corners], (4, 4))
    sums = filled.sum(axis=0 if along == "columns" else 1)
    assert sums == pytest.approx(expected, abs=1e-6 if along == "rows" else 0.02)
    assert filled.sum() == pytest.approx(8.0, abs=1e-6)


def test_a_steep_triangle_off_the_voxel_grid_covers_each_row_exactly():
    """Width rises from 0 at row -0.2 to 6.6 at row 3.1; areas of rows by the trapezoid rule."""
    filled = fill_loops([np.array([(-0.2, 0.3), (3.1, 0.3), (3.1, 6.9)])], (5, 9))
    edges = np.clip(np.arange(-0.5, 5.0), -0.2, 3.1)
    widths = 2.0 * (edges + 0.2)
    areas = np.diff(edges) * (widths[1:] + widths[:-1]) / 2
    assert filled.sum(axis=1) == pytest.approx(areas, abs=1e-6)


@pytest.mark.parametrize("step", [(1, 2), (2, 1), (3, 1), (1, 3), (2, -1), (-1, 2)])
def test_steps_that_are_neither_straight_nor_diagonal_are_drawn_by_hand(step):
    row, column = step
    loop = np.array([(5, 5), (5 + row, 5 + column), (5 + row, 12), (5, 12)], dtype=float)
    assert not is_traced(loop)
    assert not is_traced(loop[::-1])


def test_slabs_reach_half_way_to_neighbours_at_unequal_distances():
    slabs, gaps = plane_slabs([0.0, 1.0, 2.4, 3.4])
    assert [(s.low, s.high) for s in slabs] == [
        pytest.approx(p) for p in ((-0.5, 0.5), (0.5, 1.7), (1.7, 2.9), (2.9, 3.9))
    ]
    assert gaps == 0
    _, gaps = plane_slabs([0.0, 1.0, 2.6, 3.6])
    assert gaps == 1
