"""Which of two series or regions is meant, and facts of the patient, on each side of a border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import AmbiguousStudyError, DicomError, NotUsableError
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


def test_each_fact_of_the_patient_is_the_first_that_is_stated(tmp_path: Path) -> None:
    """The activity image comes first; only the weight, which it lacks, is that of the CT."""
    facts = {"PatientWeight": 71, "PatientSize": 1.6, "PatientSex": "F"}
    make.save(ct(SMALL, "CT", "1.2.9.1", **facts), tmp_path / "1")
    spect = make.spect(SMALL, PatientSize=1.9, PatientWeight="", PatientSex="M")
    make.save(spect, tmp_path / "2")
    patient = read_study(tmp_path).patient
    assert (patient.sex, patient.height_cm, patient.weight_kg) == ("M", 190.0, 71.0)


@pytest.mark.parametrize(
    ("weight", "expected"), [(65, 65.0), (0, None), (-3, None), (0.5, 0.5)]
)  # fmt: skip
def test_a_weight_is_above_nothing(tmp_path: Path, weight: float, expected: float | None) -> None:
    make.save(ct(SMALL, "CT", "1.2.9.1", PatientWeight=weight), tmp_path)
    assert read_study(tmp_path).patient.weight_kg == expected


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID"])
def test_the_name_of_a_case_is_of_one_patient_and_one_study(tmp_path: Path, keyword: str) -> None:
    make.save(ct(SMALL, "CT", "1.2.9.1"), tmp_path / "1")
    make.save(ct(SMALL, "CT", "1.2.9.1", **{keyword: "1.2.77"}), tmp_path / "2")
    make.save(ct(SMALL, "Another", "1.2.9.8", SeriesNumber=9), tmp_path / "3")
    ids = [read_study(tmp_path / name).id for name in "123"]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def test_the_least_identity_of_several_studies_names_the_case(tmp_path: Path) -> None:
    """CT and SPECT of two studies: the same name whichever role comes first."""
    make.save(ct(SMALL, "CT", "1.2.9.1", StudyInstanceUID="1.2.5"), tmp_path / "a" / "1")
    make.save(make.spect(SMALL, StudyInstanceUID="1.2.6"), tmp_path / "a" / "2")
    make.save(ct(SMALL, "CT", "1.2.9.1", StudyInstanceUID="1.2.6"), tmp_path / "b" / "1")
    make.save(make.spect(SMALL, StudyInstanceUID="1.2.5"), tmp_path / "b" / "2")
    assert read_study(tmp_path / "a").id == read_study(tmp_path / "b").id


def cube(grid: Grid, size: int) -> Region:
    mask = np.zeros(grid.shape)
    mask[2 : 2 + size, 2:12, 2:12] = 1
    return Region.from_mask("Lesion", "tumour", mask, grid)


@pytest.mark.parametrize("larger_first", [True, False])
def test_a_region_one_percent_larger_is_another(larger_first: bool) -> None:
    """201 and 200 slabs differ by half a percent, 205 and 200 by 2.5 %; centres stay near."""
    grid = Grid.regular((210, 14, 14), (0.1, 1.0, 1.0), (-9.0, 5.0, 40.0))
    for size, same in ((201, True), (205, False)):
        pair = [cube(grid, 200), cube(grid, size)]
        one, other = pair[::-1] if larger_first else pair
        assert _same_region(one, other) is same


@pytest.mark.parametrize(("columns", "same"), [(2, True), (3, False)])
def test_regions_half_a_mm_apart_are_one(columns: int, same: bool) -> None:
    """Shifts of 0.8 and 1.2 mm, on either side of a millimetre."""
    grid = Grid.regular((4, 4, 40), (2.0, 2.0, 0.4), (-9.0, 5.0, 40.0))
    masks = np.zeros((2, *grid.shape))
    masks[0, 1:3, 1:3, 5:20] = 1
    masks[1, 1:3, 1:3, 5 + columns : 20 + columns] = 1
    one, other = (Region.from_mask("Lesion", "tumour", mask, grid) for mask in masks)
    assert _same_region(one, other) is same


def test_an_empty_region_is_the_same_as_an_empty_one_only() -> None:
    grid = Grid.regular((4, 4, 40), (2.0, 2.0, 0.4))
    empty = Region.from_mask("Lesion", "tumour", np.zeros(grid.shape), grid)
    full = Region.from_mask("Lesion", "tumour", np.ones(grid.shape), grid)
    assert _same_region(empty, empty)
    assert not _same_region(empty, full)
    assert not _same_region(full, empty)


def test_each_view_is_of_its_own_detector(tmp_path: Path) -> None:
    """ImageID names the view of an object of one frame; of two frames it would be wrong for one."""
    counts = np.stack([np.full((6, 7), 5), np.full((6, 7), 3)]).astype(np.uint16)
    path = make.save(make.spect(counts, kind="STATIC", ImageID="ANT"), tmp_path)[0]
    assert [found.view for found in read_planar(path)] == ["", ""]
    path = make.save(make.spect(counts, kind="STATIC", DetectorVector=[1]), tmp_path)[0]
    with pytest.raises(DicomError, match="DetectorVector numbers 1 of 2 frames"):
        read_planar(path)
    posterior = make.item(ViewCodeSequence=make.DicomSequence([make.item(CodeMeaning="Posterior")]))
    one = make.spect(
        counts[:1], kind="STATIC", ImageID="ANT",
        DetectorInformationSequence=make.DicomSequence([posterior]),
    )  # fmt: skip
    assert [found.view for found in read_planar(make.save(one, tmp_path)[0])] == ["posterior"]
    one.DetectorVector = [2]
    assert [found.view for found in read_planar(make.save(one, tmp_path)[0])] == ["anterior"]
