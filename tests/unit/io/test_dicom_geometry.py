"""Placing slices: sheared stacks and uneven gaps, held against a field that is linear in space."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import DicomError
from opensirt.io.dicom_geometry import check_orientation, stack_slices

SHAPE, PIXEL_MM = (9, 11), (2.0, 1.5)
ORIGIN = np.array([-31.0, 17.5, 40.25])
SLOPE = np.array([3.0, -5.0, 7.0])
"""Value per mm along patient x, y and z: every displacement changes the value."""
OUTSIDE = -1e6
ORIENTATIONS = {
    "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "feet first": (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "coronal": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    "oblique": (0.8, 0.6, 0.0, -0.48, 0.64, 0.6),
}


def field(points_mm: np.ndarray) -> np.ndarray:
    return np.asarray(points_mm @ SLOPE)


def stacked(heights, drift=(0.0, 0.0), orientation="axial"):
    """A stack of slices that show the field, their order mixed; drift in mm per mm (row, column).

    Returns the stack, its values on the grid, and which voxels lie between pixels of their slice.
    """
    across, down = check_orientation(ORIENTATIONS[orientation], "x")
    normal = np.cross(across, down)
    rise = normal + drift[0] * down + drift[1] * across
    places = ORIGIN + np.asarray(heights)[:, None] * rise
    mixed = np.random.default_rng(2).permutation(len(places))
    stack = stack_slices(places[mixed], np.stack([across, down]), PIXEL_MM, SHAPE, 4.0, "series")
    rows, columns = np.indices(SHAPE)
    within = rows[..., None] * PIXEL_MM[0] * down + columns[..., None] * PIXEL_MM[1] * across
    slices = np.stack([field(place + within) for place in places[mixed][stack.order]])
    placed = stack.place(slices.astype(np.float32), outside=OUTSIDE)
    if len(placed) != len(places):
        return stack, placed, None
    away = stack.grid.to_patient(np.moveaxis(np.indices(placed.shape), 0, -1))
    away = away - places[:, None, None]
    row, column = away @ down / PIXEL_MM[0], away @ across / PIXEL_MM[1]
    seen = np.minimum(
        np.minimum(row, SHAPE[0] - 1 - row), np.minimum(column, SHAPE[1] - 1 - column)
    )
    return stack, placed, seen > 1e-6


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    "drift", [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.4), (0.0, -0.4), (0.25, -0.35), (-0.2, 0.45)]
)
def test_sheared_slices_keep_each_value_in_its_place(drift, orientation):
    """Gantries tilted forwards, backwards and sideways; a linear field survives interpolation."""
    heights = [0.0, 4.0, 8.0, 12.0, 16.0]
    stack, placed, seen = stacked(heights, drift, orientation)
    assert stack.is_tilted
    assert stack.grid.is_orthogonal
    assert stack.grid.spacing_mm == pytest.approx((4.0, *PIXEL_MM))
    expected = field(stack.grid.to_patient(np.moveaxis(np.indices(stack.grid.shape), 0, -1)))
    assert np.abs(placed - expected)[seen].max() < 0.02
    # every slice is there whole but for its border, where rounding may end it
    assert seen.sum(axis=(1, 2)).min() >= (SHAPE[0] - 2) * (SHAPE[1] - 2)


@pytest.mark.parametrize(
    ("heights", "count"),
    [([0, 3, 7, 10], 4), ([0, 4, 8, 11.8, 15.8], 5), ([0, 2, 4, 6.9, 8.9, 10.9, 13.8], 8)],
)
def test_uneven_slices_are_resampled_between_their_neighbours(heights, count):
    stack, placed, _ = stacked([float(h) for h in heights])
    assert stack.grid.shape[0] == count
    assert stack.grid.spacing_mm[0] == pytest.approx(heights[-1] / (count - 1))
    expected = field(stack.grid.to_patient(np.moveaxis(np.indices(stack.grid.shape), 0, -1)))
    assert np.abs(placed - expected).max() < 0.02
    assert stack.notes[0].startswith("slice gaps from ")


@pytest.mark.parametrize(("widest", "refused"), [(5.9, False), (6.1, True), (8.0, True)])
def test_a_gap_beyond_one_and_a_half_usual_ones_is_a_missing_slice(widest, refused):
    heights = np.array([0.0, 4.0, 8.0, 8.0 + widest, 12.0 + widest])
    if refused:
        with pytest.raises(DicomError, match=f"a gap of {widest:.2f} mm, 8.0 mm from the first"):
            stacked(heights)
    else:
        assert stacked(heights)[0].grid.shape[0] in (5, 6)


@pytest.mark.parametrize(("shift", "even"), [(0.03, True), (0.2, False)])
def test_positions_that_files_rounded_stay_an_even_stack(shift, even):
    stack, _, _ = stacked([0.0, 4.0 + shift, 8.0, 12.0])
    assert stack.is_uneven != even
