"""Lung shunt from SPECT regions and from planar views."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import InputError, RegionError, UnitMismatchError
from opensirt.image import Region
from opensirt.quantify import (
    PlanarCounts,
    lung_shunt_fraction,
    measure_lung_shunt,
    planar_lung_shunt_fraction,
)
from opensirt.units import Unit
from tests.unit.quantify.samples import GRID, block, liver, lungs, volume


def image(lung: float, organ: float) -> np.ndarray:
    counts = np.zeros(GRID.shape, np.float32)
    counts[8:9, 2:8, 1:11] = lung
    counts[2:8, 2:8, 1:11] = organ
    return counts


def test_counts_of_lungs_over_lungs_and_liver() -> None:
    """60 lung voxels of 3 and 360 liver voxels of 10: 180 / 3780."""
    found = measure_lung_shunt(volume(image(3, 10)), lungs(), liver())
    assert found.fraction == pytest.approx(180 / 3780)
    assert (found.lung_counts, found.liver_counts) == (180, 3600)
    assert found.findings == ()


def test_shared_voxels_count_for_the_liver() -> None:
    """A lung region that also claims the top slice of the liver changes nothing."""
    greedy = block("lungs", "lungs", (7, 9), (2, 8), (1, 11))
    counts = volume(image(3, 10))
    assert lung_shunt_fraction(counts, greedy, liver()) == pytest.approx(180 / 3780)


def test_background_per_voxel() -> None:
    """1 taken from each voxel: 60 x 2 over 60 x 2 + 360 x 9."""
    fraction = lung_shunt_fraction(volume(image(3, 10)), lungs(), liver(), background=1.0)
    assert fraction == pytest.approx(120 / (120 + 3240))


def test_background_is_taken_from_the_covered_part_of_voxels() -> None:
    """An L of 15 voxels, half a voxel thick: 7.5 x 2 over 15 + 360 x 9; its box holds 60."""
    mask = np.zeros(GRID.shape, np.float32)
    mask[8, 2:8, 1] = 0.5
    mask[8, 7, 1:11] = 0.5
    covered = float(mask.sum())
    assert covered == 7.5
    shape = Region.from_mask("lungs", "lungs", mask, GRID)
    found = measure_lung_shunt(volume(image(3, 10)), shape, liver(), background=1.0)
    assert found.fraction == pytest.approx(7.5 * 2 / (7.5 * 2 + 3240))


def test_negative_voxels_do_not_bias_the_sum() -> None:
    counts = image(0, 10)
    counts[8, 2, 1:11:2], counts[8, 2, 2:11:2] = 5.0, -5.0
    assert lung_shunt_fraction(volume(counts), lungs(), liver()) == 0.0


def test_negative_lung_total_is_taken_as_no_shunt_and_said() -> None:
    found = measure_lung_shunt(volume(image(-1, 10)), lungs(), liver())
    assert found.fraction == 0.0
    assert [f.code for f in found.findings] == ["lung-counts-negative"]
    assert "The lungs hold -60 counts above background" in found.findings[0].text
    assert found.lung_counts == 0.0
    none = measure_lung_shunt(volume(image(0, 10)), lungs(), liver())
    assert (none.fraction, none.findings) == (0.0, ())


def test_lungs_cut_by_the_image_are_said() -> None:
    cut = block("lungs", "lungs", (8, 10), (2, 8), (1, 11))
    found = measure_lung_shunt(volume(image(3, 10)), cut, liver())
    assert found.findings[0].text == (
        "Region 'lungs' reaches the edge of the activity image (last slice): "
        "the lung shunt may be underestimated."
    )


def test_impossible_input() -> None:
    with pytest.raises(UnitMismatchError, match="a lung shunt needs counts or Bq/mL, got HU"):
        measure_lung_shunt(volume(1.0, Unit.HU), lungs(), liver())
    nothing = Region.from_mask("lungs", "lungs", np.zeros(GRID.shape, bool), GRID)
    with pytest.raises(RegionError, match="the lungs region is empty on the activity image"):
        measure_lung_shunt(volume(1.0), nothing, liver())
    with pytest.raises(RegionError, match="the lungs region is empty on the activity image"):
        measure_lung_shunt(volume(1.0), liver().named("lungs", "lungs"), liver())
    with pytest.raises(RegionError, match="the liver region is empty"):
        measure_lung_shunt(volume(1.0), lungs(), nothing)
    with pytest.raises(InputError, match="the liver holds 0 counts"):
        measure_lung_shunt(volume(image(3, 0)), lungs(), liver())


def test_planar_geometric_mean() -> None:
    """sqrt(100 x 400) = 200 over 200 + sqrt(900 x 1600) = 1200: 1/7."""
    fraction = planar_lung_shunt_fraction(PlanarCounts(100, 400), PlanarCounts(900, 1600))
    assert fraction == pytest.approx(1 / 7)


def test_planar_background_by_pixels() -> None:
    """1 and 2 counts per pixel taken from 50 lung and 100 liver pixels before the mean."""
    fraction = planar_lung_shunt_fraction(
        PlanarCounts(150, 500, pixels=50),
        PlanarCounts(1000, 1800, pixels=100),
        PlanarCounts(10, 20, pixels=10),
    )
    lung, organ = (100 * 400) ** 0.5, (900 * 1600) ** 0.5
    assert fraction == pytest.approx(lung / (lung + organ))


def test_planar_lungs_below_background_have_no_shunt() -> None:
    counts = planar_lung_shunt_fraction(
        PlanarCounts(10, 10, pixels=50),
        PlanarCounts(1000, 1800, pixels=100),
        PlanarCounts(10, 20, pixels=10),
    )
    assert counts == 0.0


def test_planar_impossible_input() -> None:
    with pytest.raises(InputError, match="needs the pixels of both regions"):
        planar_lung_shunt_fraction(
            PlanarCounts(1, 1), PlanarCounts(1, 1), PlanarCounts(1, 1, pixels=5)
        )
    with pytest.raises(InputError, match="the liver holds no counts above background"):
        planar_lung_shunt_fraction(PlanarCounts(1, 1), PlanarCounts(0, 0))
    with pytest.raises(InputError, match="the planar counts of the lungs must be numbers"):
        planar_lung_shunt_fraction(PlanarCounts(float("nan"), 1), PlanarCounts(1, 1))
