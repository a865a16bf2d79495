"""One slice scaled unlike its neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.study import read_study
from tests.unit.io import dicom_factory as make

STORED = np.random.default_rng(4).integers(900, 1300, (6, 8, 9)).astype(np.uint16)


@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -2048), (2, -1024)])
def test_ct_that_fits_with_one_scale_for_all_is_refused(
    tmp_path: Path, place: int, slope: float, intercept: float
) -> None:
    objects = make.slices(make.CT, "CT", STORED)
    objects[place].RescaleSlope, objects[place].RescaleIntercept = slope, intercept
    with pytest.raises(
        DicomError, match=r"differ by \d+ HU \(median\) .* with one of them for both"
    ):
        read_dicom_image(make.save(objects, tmp_path))


def test_ct_with_a_scale_for_each_slice_is_read(tmp_path: Path) -> None:
    objects = make.slices(make.CT, "CT", STORED)
    for number, one in enumerate(objects):
        one.PixelData = (STORED[number] + 100 * number).astype("<u2").tobytes()
        one.RescaleIntercept = -1024 - 100 * number
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert np.array_equal(values, STORED.astype(np.float32) - 1024)


@pytest.mark.parametrize(
    ("factor", "told"), [(10.0, True), (100.0, True), (0.1, True), (2.0, False), (1e-9, False)]
)
def test_activity_of_one_slice_by_slope_alone_is_a_finding(
    tmp_path: Path, factor: float, told: bool
) -> None:
    objects = make.pet(STORED)
    objects[2].RescaleSlope = factor
    found = read_study(make.save(objects, tmp_path)[0].parent).findings
    assert [f.code for f in found if f.code == "slice-scale-unlike"] == (
        ["slice-scale-unlike"] if told else []
    )
    assert not told or f"slice 3 of 6 ({factor:.2g} times)" in found[0].text


def test_slopes_that_follow_the_counts_say_nothing(tmp_path: Path) -> None:
    """PET writers give each slice the slope that its highest voxel needs."""
    objects = make.pet(STORED[:5])
    for number, one in enumerate(objects):
        one.RescaleSlope = 10.0**-number
        one.PixelData = np.full((8, 9), 3 * 10**number, "<u2").tobytes()
    assert not read_study(make.save(objects, tmp_path)[0].parent).findings
