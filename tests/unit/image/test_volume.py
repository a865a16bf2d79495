"""Volumes: units are required, never guessed; resampling keeps means and totals."""

from datetime import datetime

import numpy as np
import pytest

from opensirt.errors import GridMismatchError, InputError, UnitMismatchError
from opensirt.image import Grid, Region, Volume
from opensirt.units import Unit, parse_unit

FINE = Grid.regular((40, 40, 40), (1.0, 1.0, 1.0))
COARSE = Grid.regular((10, 10, 10), (4.0, 4.0, 4.0), (1.5, 1.5, 1.5))


def bump() -> np.ndarray:
    z, y, x = np.ogrid[:40, :40, :40]
    return np.exp(-((z - 20.0) ** 2 + (y - 18.0) ** 2 + (x - 22.0) ** 2) / 50.0).astype(np.float32)


def test_require_refuses_another_unit_or_grid():
    volume = Volume(bump(), FINE, Unit.HU)
    with pytest.raises(UnitMismatchError, match="expected a volume in Gy, got HU"):
        volume.require(Unit.GY)
    with pytest.raises(GridMismatchError, match=r"resample first with volume.onto\(grid\)"):
        volume.require(Unit.HU, grid=COARSE)


def test_values_are_read_only_and_the_shape_is_checked():
    volume = Volume(bump(), FINE, Unit.GY)
    with pytest.raises(ValueError, match="read-only"):
        volume.values[0, 0, 0] = 1.0
    with pytest.raises(GridMismatchError, match="expected values of shape"):
        Volume(bump(), COARSE, Unit.GY)


def test_counts_keep_their_total_and_doses_their_integral_on_a_coarser_grid():
    counts = Volume(bump(), FINE, Unit.COUNTS)
    dose = Volume(bump(), FINE, Unit.GY)
    assert counts.onto(COARSE).total() == pytest.approx(counts.total(), rel=2e-3)
    assert dose.onto(COARSE).total() == pytest.approx(dose.total(), rel=2e-3)


def test_linear_ramp_survives_resampling_to_a_shifted_flipped_grid():
    z, y, x = np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij")
    volume = Volume((2 * z + 3 * y - x).astype(np.float32), FINE, Unit.HU)
    flipped = Grid.from_directions(
        (20, 20, 20), (1.0, 1.0, 1.0), (30.3, 29.6, 28.9), [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]
    )
    moved = volume.onto(flipped)
    px, py, pz = flipped.to_patient((3, 5, 7))
    assert moved.values[3, 5, 7] == pytest.approx(2 * pz + 3 * py - px, abs=1e-3)


def test_value_at_a_patient_point():
    values = np.zeros(FINE.shape, np.float32)
    values[5, 6, 7] = 9.0
    assert Volume(values, FINE, Unit.GY).at((7.0, 6.0, 5.0)) == 9.0
    with pytest.raises(InputError, match="outside the image"):
        Volume(values, FINE, Unit.GY).at((70.0, 6.0, 5.0))


def test_times_need_a_zone_and_units_a_known_name():
    with pytest.raises(InputError, match="has no time zone"):
        Volume(bump(), FINE, Unit.BQ_PER_ML, time=datetime(2025, 1, 10, 9, 30))
    with pytest.raises(UnitMismatchError, match="write one of Bq/mL"):
        parse_unit("BQML")


def test_dropping_activity_drops_its_reference():
    activity = Volume(bump(), FINE, Unit.BQ_PER_ML, injected_bq=1e9)
    assert activity.with_values(bump()).injected_bq == 1e9
    assert activity.with_values(bump(), Unit.GY).injected_bq is None


SPIKE_FINE = Grid.regular((8, 8, 8), (1.0, 1.5, 2.0), (-7.0, 5.25, 11.0))
SPIKE_COARSE = Grid.regular((2, 2, 2), (4.0, 6.0, 8.0), (-4.0, 7.5, 12.5))
"""Whole blocks of 4 x 4 x 4 fine voxels; the first block starts where the fine grid does."""


@pytest.mark.parametrize("place", [(0, 0, 0), (1, 2, 1), (3, 1, 2), (2, 3, 0)])
def test_a_single_hot_voxel_is_neither_lost_nor_doubled_on_a_coarser_grid(place):
    """64 counts in one fine voxel, wherever it lies in the block, are 64 counts; so is a mean."""
    values = np.zeros(SPIKE_FINE.shape, np.float32)
    values[place] = 64.0
    counts = Volume(values, SPIKE_FINE, Unit.COUNTS).onto(SPIKE_COARSE)
    assert counts.values[0, 0, 0] == pytest.approx(64.0, rel=1e-5)
    assert counts.total() == pytest.approx(64.0, rel=1e-5)
    density = Volume(values, SPIKE_FINE, Unit.G_PER_ML).onto(SPIKE_COARSE)
    assert density.values[0, 0, 0] == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("shift_mm", [(0.0, 0.3, 0.5), (0.9, -0.7, 0.2), (0.5, 0.75, 1.0)])
def test_a_hot_voxel_inside_keeps_its_counts_on_a_shifted_coarser_grid(shift_mm):
    """Two coarse voxels share it; together they hold what it held."""
    values = np.zeros(SPIKE_FINE.shape, np.float32)
    values[3, 4, 3] = 64.0
    x, y, z = (a + b for a, b in zip(SPIKE_COARSE.origin_mm, shift_mm, strict=True))
    shifted = Grid.regular((2, 2, 2), (4.0, 6.0, 8.0), (x, y, z))
    counts = Volume(values, SPIKE_FINE, Unit.COUNTS).onto(shifted)
    assert counts.total() == pytest.approx(64.0, rel=1e-5)


@pytest.mark.parametrize("factor", [2.3, 3.7])
def test_voxels_that_are_no_whole_multiple_keep_counts_on_average(factor):
    values = np.zeros((24, 24, 24), np.float32)
    values[8:16, 8:16, 8:16] = 1.0
    fine = Grid.regular((24, 24, 24), (1.0, 1.5, 2.0), (-7.0, 5.25, 11.0))
    count = int(24 / factor)
    coarse = Grid.regular((count,) * 3, (factor, 1.5 * factor, 2.0 * factor), (-6.4, 5.9, 11.3))
    counts = Volume(values, fine, Unit.COUNTS).onto(coarse)
    assert counts.total() == pytest.approx(512.0, rel=0.02)


@pytest.mark.parametrize(
    ("point", "expected"),
    [((0.49, 0, 0), 1.0), ((0.51, 0, 0), 2.0), ((-0.49, 0.51, 0), 3.0), ((0.6, 0.6, 0.6), 8.0)],
)
def test_the_voxel_that_holds_a_point_is_the_nearest(point, expected):
    """Points in voxels from the centre of the first; places count from voxel centres."""
    values = np.arange(1.0, 9.0, dtype=np.float32).reshape(2, 2, 2)
    grid = Grid.regular((2, 2, 2), (5.0, 3.0, 2.0), (-8.0, 4.0, 9.0))
    place = (-8.0 + 2.0 * point[0], 4.0 + 3.0 * point[1], 9.0 + 5.0 * point[2])
    assert Volume(values, grid, Unit.GY).at(place) == expected


@pytest.mark.parametrize("outside", [0.0, -1000.0, 7.0])
def test_what_lies_outside_is_what_was_asked_for(outside):
    """One slice before, one behind a block of 50; the others keep their value."""
    volume = Volume(
        np.full((3, 4, 4), 50.0, np.float32), Grid.regular((3, 4, 4), (2, 1, 1)), Unit.HU
    )
    around = Grid.regular((5, 4, 4), (2.0, 1.0, 1.0), (0.0, 0.0, -2.0))
    moved = volume.onto(around, outside=outside)
    assert moved.values[:, 2, 2].tolist() == [outside, 50.0, 50.0, 50.0, outside]
    assert volume.onto(around).values[0, 0, 0] == 0.0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("side", "index"), [(-1, -0.51), (1, 2.51)])
def test_a_point_beside_the_image_has_no_value(axis, side, index):
    """Just before the first or behind the last voxel of any axis; just inside there is one."""
    grid = Grid.regular((3, 3, 3), (5.0, 3.0, 2.0), (-8.0, 4.0, 9.0))
    volume = Volume(np.arange(27.0).reshape(3, 3, 3), grid, Unit.GY)
    place = [1.0, 1.0, 1.0]
    place[axis] = index
    with pytest.raises(InputError, match="outside the image"):
        volume.at(tuple(grid.to_patient(place)))
    place[axis] = index - 0.02 * side
    whole = [1, 1, 1]
    whole[axis] = 0 if side < 0 else 2
    assert volume.at(tuple(grid.to_patient(place))) == volume.values[tuple(whole)]


def test_totals_are_counts_or_value_times_volume():
    """Eight voxels of 0.03 mL that hold 5: 40 counts, 1.2 Bq of 5 Bq/mL."""
    grid = Grid.regular((2, 2, 2), (5.0, 3.0, 2.0))
    values = np.full((2, 2, 2), 5.0)
    assert Volume(values, grid, Unit.COUNTS).total() == 40.0
    for unit in (Unit.BQ_PER_ML, Unit.GY, Unit.G_PER_ML):
        assert Volume(values, grid, unit).total() == pytest.approx(1.2)


def test_a_part_keeps_time_nuclide_and_place():
    grid = Grid.regular((4, 5, 6), (5.0, 3.0, 2.0), (-8.0, 4.0, 9.0))
    values = np.arange(120.0).reshape(4, 5, 6)
    volume = Volume(values, grid, Unit.BQ_PER_ML, "y90", "injection", 2e9)
    part = volume.crop((slice(1, 3), slice(2, 4), slice(3, 6)))
    assert part.values.shape == part.grid.shape == (2, 2, 3)
    assert part.at(tuple(grid.to_patient((2, 3, 5)))) == values[2, 3, 5]
    assert (part.nuclide, part.time, part.injected_bq) == ("y90", "injection", 2e9)
    moved = volume.onto(Grid.regular((2, 2, 2), (5.0, 3.0, 2.0), (-6.0, 7.0, 14.0)))
    assert (moved.nuclide, moved.time, moved.injected_bq) == ("y90", "injection", 2e9)
    assert moved.values == pytest.approx(values[1:3, 1:3, 1:3])
    assert volume.with_values(values, Unit.BQ_PER_ML).injected_bq == 2e9


@pytest.mark.parametrize("step", [2.5, 3.5, 5.5])
def test_coverage_of_voxels_that_are_no_whole_multiple_is_seen_everywhere(step):
    """A sheet one fine voxel thick moved through a coarse voxel always covers about 1 / step."""
    fine = Grid.regular((2, 2, 24), (3.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    coarse = Grid.regular((2, 2, 3), (3.0, 2.0, step), (step / 2 + 3.2, 0.0, 0.0))
    shares = []
    for column in range(5, 5 + int(step)):
        mask = np.zeros(fine.shape)
        mask[:, :, column] = 1
        shares.append(Region.from_mask("r", "other", mask, fine).onto(coarse).whole().sum() / 4)
    assert min(shares) > 0
    assert shares == pytest.approx([1 / step] * len(shares), rel=0.6)


def test_values_between_fine_voxels_are_not_smoothed_away():
    """A finer grid takes the linear value at its own centres, once."""
    values = np.zeros((2, 2, 5), np.float32)
    values[:, :, 2] = 8.0
    volume = Volume(values, Grid.regular((2, 2, 5), (3.0, 2.0, 4.0)), Unit.GY)
    fine = Grid.regular((2, 2, 9), (3.0, 2.0, 2.0))
    assert volume.onto(fine).values[0, 0].tolist() == [0, 0, 0, 4, 8, 4, 0, 0, 0]


TURNS = np.linalg.qr(np.array([[0.2, 0.1, 0.95], [0.3, 0.9, -0.1], [0.97, -0.2, -0.2]]))[0].T


def test_a_ramp_in_an_oblique_image_keeps_its_place_on_an_upright_grid():
    """3 z + 2 y - x of a place in mm, whichever way the voxels that hold it are turned."""
    middle = np.array([5.0, -7.0, 9.0])
    corner = middle - (TURNS.T * (2.0, 1.5, 1.0)) @ (15.0, 20.0, 30.0)
    oblique = Grid.from_directions((31, 41, 61), (2.0, 1.5, 1.0), corner, TURNS)
    x, y, z = np.moveaxis(oblique.to_patient(np.moveaxis(np.indices(oblique.shape), 0, -1)), -1, 0)
    upright = Grid.regular((5, 5, 5), (3.0, 3.0, 3.0), middle - 6.0)
    moved = Volume((3 * z + 2 * y - x).astype(np.float32), oblique, Unit.HU).onto(upright)
    for index in ((0, 0, 0), (4, 0, 1), (1, 4, 3), (2, 2, 4)):
        px, py, pz = upright.to_patient(index)
        assert moved.values[index] == pytest.approx(3 * pz + 2 * py - px, abs=1e-3)


def test_the_error_of_a_map_is_not_that_of_other_values():
    """Of another dose on the same voxels the error is not known."""
    error = np.full(FINE.shape, 0.01, np.float32)
    dose = Volume(bump(), FINE, Unit.GY, relative_error=error)
    assert dose.with_values(2 * bump()).relative_error is None
    assert dose.with_values(bump(), Unit.BQ_PER_ML).relative_error is None
    assert dose.onto(COARSE).relative_error is None
    assert dose.relative_error is not None
