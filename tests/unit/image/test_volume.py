"""Volumes: units are required, never guessed; resampling keeps means and totals."""

from datetime import datetime

import numpy as np
import pytest

from opensirt.errors import GridMismatchError, InputError, UnitMismatchError
from opensirt.image import Grid, Volume
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
