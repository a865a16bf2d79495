"""Outlines in a plane: where matplotlib draws them, one set of lines a role, in the box alone."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from opensirt.image import Grid, Region
from opensirt.report import outlines
from opensirt.report.outlines import draw_outlines, plane_outline

SHAPE = (20, 30, 40)
ON = Grid.regular(SHAPE, (2.0, 2.0, 2.0))
COLOURS = {"liver": "#4cc9f0", "tumour": "#ffffff"}


def ball(name, role, centre, radius):
    away2 = sum(
        (np.arange(n).reshape([-1 if a == axis else 1 for a in range(3)]) - c) ** 2
        for axis, (n, c) in enumerate(zip(SHAPE, centre, strict=True))
    )
    return Region.from_mask(name, role, np.clip(radius - np.sqrt(away2) + 0.5, 0, 1), ON)


def whole_plane(region, axis, index):
    """The same lines of the whole plane, by matplotlib."""
    plane = np.take(region.whole(), index, axis=axis)
    smooth = gaussian_filter(plane if axis == 0 else plane[::-1], outlines.OUTLINE_SMOOTHING)
    (path,) = Figure().add_subplot().contour(smooth, levels=[0.5]).get_paths()
    return path.vertices, path.codes


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("centre", [(9, 14, 20), (1, 2, 3), (18, 28, 37)])
def test_the_box_gives_the_lines_of_the_whole_plane(axis, centre):
    """In the middle and cut by the edge of the grid, in every direction; the same first vertex."""
    region = ball("a", "liver", centre, 5.3)
    size = [slice(0, n) for a, n in enumerate(SHAPE) if a != axis]
    paths = plane_outline(region, axis, centre[axis], (size[0], size[1]))
    vertices, codes = whole_plane(region, axis, centre[axis])
    assert np.concatenate([path.vertices for path in paths]) == pytest.approx(vertices, abs=1e-6)
    assert np.array_equal(np.concatenate([path.codes for path in paths]), codes)


def test_lines_of_one_role_are_one_set_and_those_out_of_sight_are_left_out():
    """30 lesions in three rows of ten, ten of them in the window of rows 0 to 9; a liver around."""
    lesions = [
        ball(f"T{n}", "tumour", (10, 4 + 10 * (n // 10), 2 + 4 * (n % 10)), 1.5) for n in range(30)
    ]
    axes = Figure().add_subplot()
    regions = [ball("L", "liver", (10, 15, 20), 9.0), *lesions, ball("S", "stomach", (10, 5, 5), 3)]
    draw_outlines(axes, regions, COLOURS, 0, 10, (slice(0, 10), slice(0, 40)), 0.9)
    liver, tumours = axes.collections
    assert len(liver.get_paths()) == 1
    assert len(tumours.get_paths()) == 10
    assert tumours.get_linewidth()[0] == 0.9
    assert tumours.get_zorder() == 2


def test_a_plane_beside_a_region_and_a_rim_too_thin_to_see_have_no_line():
    region = ball("a", "liver", (9, 14, 20), 3.0)
    everything = slice(0, 30), slice(0, 40)
    assert plane_outline(region, 0, 13, everything) == []
    thin = Region.from_mask("t", "liver", 0.4 * region.whole(), ON)
    assert plane_outline(thin, 0, 9, everything) == []
    assert len(plane_outline(region, 0, 9, everything)) == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_region_of_one_voxel_has_an_outline_at_half_of_its_own_peak(axis):
    """The kernel of 0.7 pixels is 0.570 in its middle and 0.205 beside it: smoothed in two
    directions the peak is 0.325, and half of it lies 0.285 / 0.365 = 0.782 pixels away."""
    mask = np.zeros(SHAPE, np.float32)
    mask[9, 14, 20] = 1.0
    one = Region.from_mask("t", "tumour", mask, ON)
    size = [slice(0, n) for a, n in enumerate(SHAPE) if a != axis]
    (path,) = plane_outline(one, axis, (9, 14, 20)[axis], (size[0], size[1]))
    ends = path.vertices.max(axis=0) - path.vertices.min(axis=0)
    assert ends == pytest.approx([1.563, 1.563], abs=0.002)


def test_two_slices_that_a_lesion_fills_by_less_than_half_show_it():
    """Three by three pixels, 40 % in each of two slices, 7.2 voxels; 30 % of that shows nothing."""
    mask = np.zeros(SHAPE, np.float32)
    mask[9:11, 13:16, 19:22] = 0.4
    mask[11, 13:16, 19:22] = 0.12
    flat = Region.from_mask("t", "tumour", mask, ON)
    everything = slice(0, 30), slice(0, 40)
    assert [len(plane_outline(flat, 0, index, everything)) for index in (9, 10, 11)] == [1, 1, 0]
