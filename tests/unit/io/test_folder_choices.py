"""Which of two series or regions is meant, and facts of the patient, on each side of a border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import AmbiguousStudyError, NotUsableError
from opensirt.image import Grid, Region
from opensirt.io.dicom_files import printable
from opensirt.io.dicom_nm import read_planar
from opensirt.io.folder import _same_region
from opensirt.io.study import describe_study, read_study
from tests.unit.io import dicom_factory as make

SMALL = np.full((6, 6, 7), 1024, dtype=np.uint16)


def ct(volume: np.ndarray, name: str, uid: str, **more):
    return make.slices(make.CT, "CT", volume, SeriesDescription=name, SeriesInstanceUID=uid, **more)


@pytest.mark.parametrize(("slices", "taken"), [(6, None), (8, None), (11, None), (12, "Wide")])
def test_a_series_is_taken_for_its_size_from_twice_the_volume_on(
    tmp_path: Path, slices: int, taken: str | None
) -> None:
    make.save(ct(SMALL, "Narrow", "1.2.9.1"), tmp_path / "1")
    wide = np.full((slices, 6, 7), 1024, dtype=np.uint16)
    make.save(ct(wide, "Wide", "1.2.9.2"), tmp_path / "2")
    if taken is None:
        with pytest.raises(AmbiguousStudyError, match="2 series could be the ct"):
            read_study(tmp_path)
    else:
        assert read_study(tmp_path).image("ct").label == taken


@pytest.mark.parametrize(
    ("size_m", "height_cm"), [(1.7, 170.0), (2.5, 250.0), (3.5, None), (170.0, None), (0.0, None)]
)
def test_a_height_in_centimetres_is_not_used(
    tmp_path: Path, size_m: float, height_cm: float | None
) -> None:
    make.save(ct(SMALL, "CT", "1.2.9.1", PatientSize=size_m), tmp_path)
    assert read_study(tmp_path).patient.height_cm == height_cm


@pytest.mark.parametrize(
    ("shift", "same"),
    [((0, 0, 0), True), ((1, 0, 0), False), ((0, 2, 0), False), ((0, 0, 4), False)],
)
def test_regions_of_one_size_in_two_places_are_two(shift: tuple[int, ...], same: bool) -> None:
    grid = Grid.regular((10, 10, 12), (3.0, 2.0, 1.5), (-9.0, 5.0, 40.0))
    masks = [np.zeros(grid.shape), np.zeros(grid.shape)]
    masks[0][2:5, 2:5, 2:6] = 1
    masks[1][
        tuple(slice(a + s, b + s) for a, b, s in zip((2,) * 3, (5, 5, 6), shift, strict=True))
    ] = 1
    one, other = (Region.from_mask("Lesion", "tumour", mask, grid) for mask in masks)
    assert _same_region(one, other) is same
    masks[1][4, 4, 5] = 0
    assert not _same_region(one, Region.from_mask("Lesion", "tumour", masks[1], grid))


def test_least_and_highest_value_of_an_image_are_told_apart(tmp_path: Path) -> None:
    volume = SMALL.copy()
    volume[2, 3, 4], volume[1, 1, 1] = 24, 3024
    make.save(ct(volume, "CT", "1.2.9.1"), tmp_path)
    (image,) = describe_study(read_study(tmp_path))["images"]
    assert (image["minimum"], image["maximum"]) == (-1000.0, 2000.0)


def test_text_after_a_control_character_is_not_shown() -> None:
    assert printable("CT liver\x00DOE^JANE") == "CT liver"
    assert printable("x" * 80) == "x" * 64


@pytest.mark.parametrize("windows", [[1, 1], [1, 2]])
def test_a_planar_image_of_two_energy_windows_is_refused(
    tmp_path: Path, windows: list[int]
) -> None:
    counts = np.full((2, 6, 7), 5, np.uint16)
    path = make.save(
        make.spect(counts, kind="STATIC", DetectorVector=[1, 2], EnergyWindowVector=windows),
        tmp_path,
    )[0]
    if windows[1] == 1:
        assert [view.view for view in read_planar(path)] == ["", ""]
    else:
        with pytest.raises(NotUsableError, match="EnergyWindowVector names 2 windows"):
            read_planar(path)


@pytest.mark.parametrize(
    ("said", "view"),
    [("", ""), ("STATIC", ""), ("ANT", "anterior"), ("post 5 min", "posterior"), ("ANT/POST", "")],
)
def test_a_view_is_what_the_header_says_or_unknown(tmp_path: Path, said: str, view: str) -> None:
    counts = np.full((1, 6, 7), 5, np.uint16)
    path = make.save(make.spect(counts, kind="STATIC", ImageID=said), tmp_path)[0]
    assert [found.view for found in read_planar(path)] == [view]
