"""Slopes per slice and padding: from stored values to HU and Bq/mL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

SHAPE = (5, 6, 7)


def bright() -> np.ndarray:
    """0 HU, and 1000 HU in one voxel."""
    volume = np.full(SHAPE, 1024, dtype=np.uint16)
    volume[3, 2, 4] = 2024
    return volume


def test_ct_padding_becomes_air(tmp_path: Path) -> None:
    volume = bright().astype(np.int16)
    volume[:, 0, :] = -2000  # the padding value
    volume[:, 1, 0] = -900  # below what a CT writes
    paths = make.save(make.slices(make.CT, "CT", volume, PixelPaddingValue=-2000), tmp_path)
    image = read_dicom_image(paths)
    assert image.volume.values[:, 0, :].max() == -1000
    assert image.volume.values[0, 1, 0] == -1000
    assert image.volume.values.max() == 1000
    assert f"{5 * 8} voxels of padding outside the field of view set to -1000 HU" in image.notes


def test_padding_value_of_water_is_taken_off_at_the_edge_only(tmp_path: Path) -> None:
    volume = np.full((2, 6, 7), 1100, dtype=np.uint16)
    volume[:, 0, :] = 1024
    volume[:, 3, 3] = 1024
    paths = make.save(make.slices(make.CT, "CT", volume, PixelPaddingValue=1024), tmp_path)
    values = read_dicom_image(paths).volume.values
    assert values[0, 0, 0] == -1000
    assert values[0, 3, 3] == 0


def test_per_slice_slopes(tmp_path: Path) -> None:
    objects = make.pet(np.full(SHAPE, 100, dtype=np.uint16))
    for index, dataset in enumerate(objects):
        dataset.RescaleSlope = 0.5 * (index + 1)
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values[:, 0, 0] == pytest.approx([50, 100, 150, 200, 250])


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_slopes_go_with_their_slice_in_any_order_of_files(tmp_path: Path, order: list[int]) -> None:
    objects = make.pet(np.full(SHAPE, 100, dtype=np.uint16))
    for index, dataset in enumerate(objects):
        dataset.RescaleSlope = 0.5 * (index + 1)
    paths = make.save([objects[index] for index in order], tmp_path)
    values = read_dicom_image(paths).volume.values
    assert values[:, 0, 0] == pytest.approx([50, 100, 150, 200, 250])


def test_a_range_of_padding_that_ends_in_tissue_is_taken_off_at_the_edge_only(
    tmp_path: Path,
) -> None:
    """Stored 0 to 1024 (-1024 to 0 HU) mark padding; a vessel of 0 HU inside is no padding."""
    volume = np.full((2, 6, 7), 1100, dtype=np.uint16)
    volume[:, 0, :], volume[:, 3, 3] = 500, 1024
    facts = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 1024}
    values = read_dicom_image(
        make.save(make.slices(make.CT, "CT", volume, **facts), tmp_path)
    ).volume.values
    assert values[0, 0, 0] == -1000
    assert values[0, 3, 3] == 0


@pytest.mark.parametrize("written", [-700, 65536 - 700])
def test_padding_of_signed_pixels_however_it_is_written(tmp_path: Path, written: int) -> None:
    """-700 HU at the edge is padding here, whether the header writes -700 or 64836."""
    volume = np.full((2, 6, 7), 40, dtype=np.int16)
    volume[:, 0, :] = -700
    objects = make.slices(make.CT, "CT", volume)
    for dataset in objects:
        dataset.RescaleIntercept = 0
        dataset.add_new("PixelPaddingValue", "SS" if written < 0 else "US", written)
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values[0, 0].tolist() == [-1000] * 7
    assert values[0, 1].tolist() == [40] * 7
