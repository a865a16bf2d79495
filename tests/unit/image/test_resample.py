"""Images on other grids: axis by axis where the grids are parallel, as SimpleITK has it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from opensirt.image import Grid
from opensirt.image.resample import resample_values, to_sitk

SOURCE = Grid.regular((20, 25, 30), (1.5, 0.8, 0.9), (3.0, -4.0, 11.0))
VALUES = np.random.default_rng(5).normal(size=SOURCE.shape).astype(np.float32)
STRAIGHT = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
EXCHANGED = [[0, -1, 0], [0, 0, 1], [-1, 0, 0]]


def interpolated(target: Grid, outside: float) -> np.ndarray:
    """Linear values at the centres of the target's voxels, by SimpleITK alone."""
    columns = target.directions[::-1].T.ravel().tolist()
    found = sitk.Resample(
        to_sitk(VALUES, SOURCE), target.shape[::-1], sitk.Transform(), sitk.sitkLinear,
        target.origin_mm, target.spacing_mm[::-1], columns, outside, sitk.sitkFloat32,
    )  # fmt: skip
    return sitk.GetArrayFromImage(found)


@pytest.mark.parametrize("outside", [0.0, -1000.0])
@pytest.mark.parametrize(
    ("spacing_mm", "origin_mm", "directions"),
    [
        ((0.7, 0.41, 0.37), (1.03, -5.17, 9.9), STRAIGHT),
        ((0.33, 0.79, 0.58), (30.2, 12.9, 8.7), EXCHANGED),
    ],
)
def test_parallel_grids_agree_with_simpleitk(spacing_mm, origin_mm, directions, outside):
    """Finer voxels, one sample each; the target reaches beyond the source on all sides."""
    target = Grid.from_directions((70, 60, 90), spacing_mm, origin_mm, directions)
    expected = interpolated(target, outside)
    assert np.count_nonzero(expected == outside) > 1000
    assert np.count_nonzero(expected != outside) > 1000
    found = resample_values(VALUES, SOURCE, target, outside=outside)
    assert np.abs(found - expected).max() < 2e-4


def test_a_coarser_voxel_is_the_mean_of_simpleitks_samples():
    """Voxels of 3, 1.6, 1.8 mm are each the mean of 2 x 2 x 2 samples that SimpleITK takes."""
    target = Grid.regular((9, 12, 14), (3.0, 1.6, 1.8), (4.3, -3.1, 12.1))
    fine = Grid.regular((18, 24, 28), (1.5, 0.8, 0.9), (4.3 - 0.45, -3.1 - 0.4, 12.1 - 0.75))
    expected = interpolated(fine, 0.0).reshape(9, 2, 12, 2, 14, 2).mean(axis=(1, 3, 5))
    assert resample_values(VALUES, SOURCE, target) == pytest.approx(expected, abs=1e-5)


def test_an_integer_image_is_read_as_it_is_and_an_empty_overlap_is_outside():
    stored = np.arange(np.prod(SOURCE.shape), dtype=np.int16).reshape(SOURCE.shape)
    assert np.array_equal(resample_values(stored, SOURCE, SOURCE), stored)
    away = Grid.regular((3, 3, 3), (2.0, 2.0, 2.0), (500.0, 0.0, 0.0))
    assert (resample_values(stored, SOURCE, away, outside=-1000.0) == -1000.0).all()


def test_what_is_partly_outside_is_partly_what_was_asked_for():
    """A voxel of 3 mm, of which a third of the samples lies on the image of 7."""
    source = Grid.regular((1, 1, 4), (3.0, 3.0, 1.0), (0.0, 0.0, 0.0))
    target = Grid.regular((1, 1, 1), (3.0, 3.0, 3.0), (-1.0, 0.0, 0.0))
    values = np.full(source.shape, 7.0, np.float32)
    found = resample_values(values, source, target, outside=-1000.0)
    assert found.ravel() == pytest.approx([(7.0 - 2000.0) / 3], rel=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_image_gives_the_mirrored_one_to_its_edges(axis):
    """Samples that lie just on the outer edges count on both sides."""
    source = Grid.regular((8, 8, 8), (1.0, 1.0, 1.0), (-3.5, -3.5, -3.5))
    target = Grid.regular((5, 5, 5), (2.0, 2.0, 2.0), (-4.0, -4.0, -4.0))
    values = np.random.default_rng(2).normal(size=source.shape).astype(np.float32)
    found = resample_values(values, source, target, outside=3.0)
    other = resample_values(np.flip(values, axis), source, target, outside=3.0)
    assert np.flip(other, axis) == pytest.approx(found, abs=1e-5)
