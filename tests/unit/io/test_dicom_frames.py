"""Planes of classic, enhanced and nuclear medicine objects, and pixels that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import load_pixels, open_dicom
from opensirt.io.dicom_frames import Instance, frames_of
from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

VOLUME = np.full((3, 4, 5), 100, dtype=np.uint16)


def planes(dataset):
    return frames_of(Instance(Path("x.dcm"), dataset), "x")


def scaled(slope: float, intercept: float):
    """PixelValueTransformationSequence."""
    item = make.item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")
    return make.DicomSequence([item])


def test_what_a_frame_says_of_itself_comes_before_what_all_share(tmp_path: Path) -> None:
    """Shared: 1 x - 1024; the middle frame says 2 x - 1110. Stored are 100 everywhere."""
    dataset = make.enhanced_ct(VOLUME)
    own = dataset.PerFrameFunctionalGroupsSequence[1]
    own.PixelValueTransformationSequence = scaled(2, -1110)
    values = read_dicom_image(make.save(dataset, tmp_path)).volume.values
    assert values[:, 0, 0].tolist() == [-924.0, -910.0, -924.0]


def test_frames_without_a_place_of_their_own_share_one() -> None:
    dataset = make.enhanced_ct(VOLUME)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PlanePositionSequence = make.DicomSequence(
        [make.item(ImagePositionPatient=[1.0, 2.0, 3.0])]
    )
    del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence
    places = [frame.position_mm.tolist() for frame in planes(dataset)]
    assert places == [[10, -20, 30], [10, -20, 34], [1, 2, 3]]
    assert [frame.index for frame in planes(dataset)] == [0, 1, 2]


@pytest.mark.parametrize("described", [2, 4])
def test_every_frame_is_described_once(described: int) -> None:
    dataset = make.enhanced_ct(VOLUME)
    groups = list(dataset.PerFrameFunctionalGroupsSequence) * 2
    dataset.PerFrameFunctionalGroupsSequence = make.DicomSequence(groups[:described])
    with pytest.raises(DicomError, match=f"describes {described} of 3 frames"):
        planes(dataset)


def test_an_object_of_one_slice_has_one_frame() -> None:
    dataset = make.slices(make.CT, "CT", VOLUME)[0]
    assert planes(dataset)[0].pixel_mm == (2.0, 1.5)
    assert planes(dataset)[0].thickness_mm == 4.0
    dataset.NumberOfFrames = 2
    with pytest.raises(DicomError, match="NumberOfFrames is not 1"):
        planes(dataset)


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("ImagePositionPatient", [1, 2], "ImagePositionPatient must be 3 numbers, found 2"),
        ("PixelSpacing", 2, "PixelSpacing must be 2 numbers, found 1"),
        ("ImageOrientationPatient", [1, 0, 0], "ImageOrientationPatient must be 6 numbers"),
    ],
)
def test_incomplete_places_are_refused(keyword: str, value: object, message: str) -> None:
    dataset = make.slices(make.CT, "CT", VOLUME)[0]
    setattr(dataset, keyword, value)
    with pytest.raises(DicomError, match=message):
        planes(dataset)


def test_the_side_of_the_other_frames_is_not_guessed_from_their_thickness() -> None:
    """One frame has its thickness for a spacing; of several, the sign tells the side."""
    alone = make.spect(VOLUME[:1], spacing=None)
    assert len(planes(alone)) == 1
    with pytest.raises(DicomError, match="SpacingBetweenSlices is missing"):
        planes(make.spect(VOLUME, spacing=None))
    del alone.SliceThickness
    with pytest.raises(DicomError, match="SpacingBetweenSlices is missing"):
        planes(alone)


def test_a_reconstruction_without_a_slice_vector_is_in_order() -> None:
    dataset = make.spect(VOLUME, spacing=-3.0)
    del dataset.SliceVector
    assert [frame.position_mm[2] for frame in planes(dataset)] == [30, 27, 24]
    dataset.SliceVector = [3, 1, 2]
    assert [frame.position_mm[2] for frame in planes(dataset)] == [24, 30, 27]


def test_the_first_detector_with_a_place_describes_the_first_frame() -> None:
    dataset = make.spect(VOLUME)
    detector = dataset.DetectorInformationSequence[0]
    dataset.DetectorInformationSequence = make.DicomSequence([make.item(), detector])
    assert planes(dataset)[0].position_mm.tolist() == [10, -20, 30]
    dataset.ImagePositionPatient = [4.0, 5.0, 6.0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    assert planes(dataset)[0].position_mm.tolist() == [10, -20, 30]
    del dataset.DetectorInformationSequence
    assert planes(dataset)[0].position_mm.tolist() == [4, 5, 6]
    del dataset.ImageOrientationPatient
    with pytest.raises(NotUsableError, match="ImageOrientationPatient is missing"):
        planes(dataset)


@pytest.mark.parametrize("keyword", ["EnergyWindowVector", "TimeSlotVector", "RRIntervalVector"])
def test_several_volumes_in_one_reconstruction_are_refused(keyword: str) -> None:
    dataset = make.spect(VOLUME[:2], SliceVector=[1, 1])
    setattr(dataset, keyword, [1, 1])
    with pytest.raises(DicomError, match="SliceVector does not number the 2 frames once each"):
        planes(dataset)
    setattr(dataset, keyword, [1, 2])
    with pytest.raises(NotUsableError, match=f"volumes in one object .{keyword}"):
        planes(dataset)


@pytest.mark.parametrize("count", [0, -1, 20_001])
def test_a_reconstruction_of_no_or_absurdly_many_frames_is_refused(count: int) -> None:
    dataset = make.spect(VOLUME)
    dataset.NumberOfFrames = count
    with pytest.raises(DicomError, match=r"NumberOfFrames is|SliceVector does not number"):
        planes(dataset)


def test_the_class_of_an_object_may_stand_in_the_meta_information_alone() -> None:
    dataset = make.slices(make.CT, "CT", VOLUME)[0]
    del dataset.SOPClassUID
    assert Instance(Path("x.dcm"), dataset).sop_class == make.CT
    del dataset.file_meta
    assert Instance(Path("x.dcm"), dataset).sop_class == ""


def test_pixels_are_whole_numbers_of_one_kind(tmp_path: Path) -> None:
    (path,) = make.save(make.spect(VOLUME), tmp_path)
    stored, digest = load_pixels(path)
    assert stored.shape == (3, 4, 5)
    assert len(digest) == 64
    dataset = open_dicom(path)
    dataset.SamplesPerPixel = 3
    dataset.save_as(path)
    with pytest.raises(DicomError, match="SamplesPerPixel is not 1"):
        load_pixels(path)
    dataset.SamplesPerPixel, dataset.Rows = 1, 0
    dataset.save_as(path)
    with pytest.raises(DicomError, match="Rows, Columns and NumberOfFrames must be positive"):
        load_pixels(path)


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")]
)
def test_pixels_of_real_numbers_are_counted_in_their_own_bytes(
    tmp_path: Path, keyword: str, kind: str
) -> None:
    """A parametric map holds 4 or 8 bytes a value; two values short is cut short."""
    dataset = make.spect(VOLUME)
    del dataset.PixelData
    values = np.arange(60, dtype=kind)
    dataset.BitsAllocated = values.itemsize * 8
    setattr(dataset, keyword, values.tobytes())
    (path,) = make.save(dataset, tmp_path)
    assert load_pixels(path)[0].ravel().tolist() == values.tolist()
    setattr(dataset, keyword, values[:-2].tobytes())
    (path,) = make.save(dataset, tmp_path)
    size = values.itemsize
    with pytest.raises(DicomError, match=f"{keyword} holds {58 * size} of {60 * size} bytes"):
        load_pixels(path)


def test_more_samples_than_any_image_has_are_refused(tmp_path: Path) -> None:
    dataset = make.spect(VOLUME)
    dataset.Rows = dataset.Columns = 30_000
    (path,) = make.save(dataset, tmp_path)
    with pytest.raises(DicomError, match="is 2700000000, beyond any image"):
        load_pixels(path)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("little", [True, False])
def test_a_file_without_meta_information_is_read_as_it_was_written(
    tmp_path: Path, explicit: bool, little: bool
) -> None:
    """Values 0 to 59 in either byte order; an implicit one is always little."""
    if not explicit and not little:
        return
    dataset = make.with_pixels(make.spect(VOLUME), np.arange(60, dtype=np.uint16).reshape(3, 4, 5))
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    del dataset.file_meta
    path = tmp_path / "x.dcm"
    dataset.save_as(path, implicit_vr=not explicit, little_endian=little)
    assert load_pixels(path)[0].ravel().tolist() == list(range(60))


def test_one_enhanced_frame_has_the_thickness_of_its_measures(tmp_path: Path) -> None:
    dataset = make.enhanced_ct(VOLUME[:1])
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SliceThickness = 2.5
    grid = read_dicom_image(make.save(dataset, tmp_path)).volume.grid
    assert grid.spacing_mm == pytest.approx((2.5, 2.0, 1.5))
