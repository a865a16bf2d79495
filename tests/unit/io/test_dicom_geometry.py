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
    [
        ([0, 3, 7, 10], 4),
        ([0, 4, 7], 3),
        ([0, 4, 8, 11.8, 15.8], 5),
        ([0, 2, 4, 6.9, 8.9, 10.9, 13.8], 8),
    ],
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


AXIAL = check_orientation(ORIENTATIONS["axial"], "x")


def stack_of(heights, *, sideways=None, thickness_mm=4.0, pixel_mm=PIXEL_MM):
    """Axial slices at heights (mm) and (row, column) offsets, mm."""
    offsets = np.zeros((len(heights), 2)) if sideways is None else np.asarray(sideways)
    places = np.array([(c, r, h) for h, (r, c) in zip(heights, offsets, strict=True)]) + ORIGIN
    return stack_slices(places, AXIAL, pixel_mm, SHAPE, thickness_mm, "series")


@pytest.mark.parametrize(("apart", "refused"), [(0.07, True), (0.09, False)])
def test_slices_within_two_percent_of_a_gap_are_one_slice_twice(apart, refused):
    """Usual gap 4 mm: 0.08 mm is the border."""
    heights = [0.0, 4.0, 8.0, 8.0 + apart, 12.0, 16.0, 20.0]
    if refused:
        with pytest.raises(DicomError, match="several slices share one ImagePositionPatient"):
            stack_of(heights)
    else:
        assert stack_of(heights).grid.shape[0] == 6


@pytest.mark.parametrize("gap", [0.5, 4.0])
@pytest.mark.parametrize(("off", "uneven"), [(0.9, False), (1.1, True)])
def test_slices_within_one_percent_or_a_hundredth_of_a_mm_are_even(gap, off, uneven):
    """1 % of 4 mm is 0.04 mm; of 0.5 mm it would be 0.005 mm, so 0.01 mm holds."""
    off_mm = off * max(0.01, 0.01 * gap)
    stack = stack_of([0.0, gap, 2 * gap + off_mm, 3 * gap, 4 * gap])
    assert stack.is_uneven == uneven
    assert stack.grid.spacing_mm[0] == pytest.approx(gap)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("drift", "tilted"), [(0.049, False), (0.051, True), (-0.051, True)])
def test_rounding_is_no_tilted_gantry(axis, drift, tilted):
    sideways = np.zeros((4, 2))
    sideways[:, axis] = np.linspace(0, drift, 4)
    stack = stack_of([0.0, 4.0, 8.0, 12.0], sideways=sideways)
    assert stack.is_tilted == tilted
    assert bool(stack.notes) == tilted


@pytest.mark.parametrize(("drift", "refused"), [(11.9, False), (-11.9, False), (12.1, True)])
def test_more_than_45_degrees_is_no_stack(drift, refused):
    sideways = [(0.0, drift * part) for part in (0, 1 / 3, 2 / 3, 1)]
    if refused:
        with pytest.raises(DicomError, match=r"lie 12.1 mm beside each other over 12.0 mm"):
            stack_of([0.0, 4.0, 8.0, 12.0], sideways=sideways)
    else:
        (note,) = stack_of([0.0, 4.0, 8.0, 12.0], sideways=sideways).notes
        assert note.startswith("tilted gantry (44.8 degrees)")


def test_the_angle_of_the_gantry_is_of_drift_over_height():
    sideways = [(0.0, 0.0), (3.0, 0.0), (6.0, 0.0)]
    (note,) = stack_of([0.0, 6.0, 12.0], sideways=sideways).notes
    assert note.startswith("tilted gantry (26.6 degrees)")  # arc tangent of one half


def test_nothing_is_seen_beside_tilted_slices():
    """What slices do not reach is filled as told, never with a value of its own."""
    stack = stack_of([0.0, 4.0, 8.0], sideways=[(0, 0), (4.0, 0), (8.0, 0)])
    placed = stack.place(np.full((3, *SHAPE), 50.0, np.float32), outside=-1000.0)
    assert placed.shape == (3, SHAPE[0] + 4, SHAPE[1])
    assert placed[0, SHAPE[0] :].tolist() == [[-1000.0] * SHAPE[1]] * 4
    assert placed[2, :4].tolist() == [[-1000.0] * SHAPE[1]] * 4
    assert placed[1, 2 : 2 + SHAPE[0]].min() == placed[1].max() == 50.0
    assert placed[1, :2].max() == placed[1, 2 + SHAPE[0] :].max() == -1000.0


@pytest.mark.parametrize("thickness_mm", [None, 0.0, -3.0])
def test_one_slice_has_its_thickness_for_extent(thickness_mm):
    assert stack_of([0.0], thickness_mm=2.5).grid.spacing_mm == pytest.approx((2.5, *PIXEL_MM))
    with pytest.raises(DicomError, match="a single slice without SliceThickness has no volume"):
        stack_of([0.0], thickness_mm=thickness_mm)


@pytest.mark.parametrize("pixel_mm", [(0.0, 1.5), (2.0, 0.0), (2.0, -1.0)])
def test_pixels_have_a_size(pixel_mm):
    with pytest.raises(DicomError, match="PixelSpacing must be positive"):
        stack_of([0.0, 4.0], pixel_mm=pixel_mm)


def test_steps_follow_the_usual_gap_and_ends_stay():
    """Gaps 2, 2, 2.5, 2 mm: the usual is 2, so 8.5 mm hold 5 slices 2.125 mm apart."""
    stack = stack_of([0.0, 2.0, 4.0, 6.5, 8.5])
    assert (stack.grid.shape[0], stack.grid.spacing_mm[0]) == (5, pytest.approx(2.125))
    assert stack.notes == (
        "slice gaps from 2.00 to 2.50 mm resampled linearly to 2.1250 mm (5 to 5 slices)",
    )
    last = stack.grid.to_patient((4, 0, 0))
    assert last == pytest.approx(np.add(ORIGIN, (0, 0, 8.5)))


@pytest.mark.parametrize(
    ("cosines", "refused"),
    [
        ((1.0009, 0, 0, 0, 1, 0), False), ((1.0011, 0, 0, 0, 1, 0), True),
        ((1, 0, 0, 0, 0.9989, 0), True), ((1, 0, 0, 0.0009, 1, 0), False),
        ((1, 0, 0, 0.0011, 1, 0), True), ((1, 0, 0, -0.0011, 1, 0), True),
    ],
)  # fmt: skip
def test_directions_are_perpendicular_unit_vectors_but_for_rounding(cosines, refused):
    if refused:
        with pytest.raises(DicomError, match="not two perpendicular unit vectors"):
            check_orientation(cosines, "x")
    else:
        assert check_orientation(cosines, "x") == pytest.approx(AXIAL, abs=1e-3)
        first, second = check_orientation(cosines, "x")
        assert first @ second == pytest.approx(0.0, abs=1e-15)
        assert (first @ first, second @ second) == pytest.approx((1.0, 1.0), abs=1e-15)
