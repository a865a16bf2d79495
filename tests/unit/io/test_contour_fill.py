"""Coverage of pixels by contours, traced lines, and the slabs that contour planes stand for."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.io.contour_fill import (
    PlaneSlab,
    covered_fractions,
    fill_loops,
    fill_traced_loops,
    is_traced,
    plane_slabs,
)
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


@pytest.mark.parametrize(
    ("gap", "ends", "gaps"),
    [(2.0, [(0.0, 2.0), (2.0, 4.0)], 0), (2.04, [(-0.02, 2.02), (2.02, 4.06)], 0),
     (2.06, [(0.5, 1.5), (2.56, 3.56)], 1), (1.0, [(0.5, 1.5), (1.5, 2.5)], 0),
     (0.5, [(0.75, 1.25), (1.25, 1.75)], 0)],
)  # fmt: skip
def test_two_planes_alone_are_joined_up_to_every_second_slice(gap, ends, gaps):
    """Nothing else tells their spacing: a gap of two slices is a habit, more is two pieces."""
    slabs, found = plane_slabs([1.0, 1.0 + gap])
    assert [(s.low, s.high) for s in slabs] == [pytest.approx(pair) for pair in ends]
    assert found == gaps


def test_one_plane_has_the_usual_spacing_or_one_slice():
    assert [(s.low, s.high) for s in plane_slabs([4.0])[0]] == [(3.5, 4.5)]
    assert [(s.low, s.high) for s in plane_slabs([4.0], 3.0)[0]] == [(2.5, 5.5)]


@pytest.mark.parametrize(("wide", "joined"), [(1.49, True), (1.5, True), (1.51, False)])
def test_a_gap_of_up_to_one_and_a_half_usual_ones_is_filled(wide, joined):
    slabs, gaps = plane_slabs([0.0, 1.0, 2.0, 2.0 + wide])
    assert gaps == (0 if joined else 1)
    assert slabs[2].high == pytest.approx(2.0 + (wide / 2 if joined else 0.5))
    assert slabs[3].low == pytest.approx(2.0 + wide - (wide / 2 if joined else 0.5))


def test_the_usual_gap_is_the_lower_of_the_middle_two():
    """Gaps 1, 1, 3, 3: one occurs as often as three, and the smaller leaves a gap empty."""
    _, gaps = plane_slabs([0.0, 1.0, 2.0, 5.0, 8.0])
    assert gaps == 2


@pytest.mark.parametrize(
    ("low", "high", "parts"),
    [
        (2.5, 3.5, [(3, 1.0)]), (2.0, 4.0, [(2, 0.5), (3, 1.0), (4, 0.5)]),
        (3.1, 3.3, [(3, 0.2)]), (-2.0, 0.25, [(0, 0.75)]), (4.25, 9.0, [(4, 0.25), (5, 1.0)]),
        (5.6, 9.0, []), (-3.0, -0.6, []), (-0.5, 5.5, [(k, 1.0) for k in range(6)]),
    ],
)  # fmt: skip
def test_a_slab_shares_itself_out_among_six_slices(low, high, parts):
    found = covered_fractions(PlaneSlab((low + high) / 2, low, high), 6)
    assert [k for k, _ in found] == [k for k, _ in parts]
    assert [part for _, part in found] == pytest.approx([part for _, part in parts])


def test_loops_that_leave_the_image_are_cut_at_its_edge():
    """A square from -3 to 2 and from 2 to 8 (voxel edges) on 6 x 7 pixels."""
    filled = fill_loops([np.array([(-3.5, 1.5), (-3.5, 9.5), (1.5, 9.5), (1.5, 1.5)])], (6, 7))
    expected = np.zeros((6, 7))
    expected[:2, 2:] = 1
    assert np.array_equal(filled, expected)


@pytest.mark.parametrize(("off", "traced"), [(0.0, True), (0.009, True), (0.011, False)])
def test_a_traced_line_runs_through_voxel_centres_but_for_rounding(off, traced):
    loop = np.array([(1, 1), (3, 3), (3, 7), (1, 7)], dtype=float)
    loop[2, 1] += off
    assert is_traced(loop) == traced


def test_a_traced_line_counts_as_inside_also_at_the_edge_of_the_image():
    loop = np.array([(0, 0), (2, 2), (2, 4), (0, 4)], dtype=float)
    filled = fill_traced_loops([loop], fill_loops([loop], (3, 5)))
    assert filled.tolist() == [[1, 1, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]
    beyond = fill_traced_loops([loop - (1, 1)], fill_loops([loop - (1, 1)], (3, 5)))
    assert beyond.tolist() == [[1, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
