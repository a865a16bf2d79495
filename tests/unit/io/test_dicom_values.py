"""Slopes per slice and padding: from stored values to HU and Bq/mL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.units import Unit
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


@pytest.mark.parametrize(("first", "last"), [(500, 600), (600, 500)])
def test_a_range_of_padding_may_be_written_from_either_end(
    tmp_path: Path, first: int, last: int
) -> None:
    """Stored 500 to 600, both included, at the edge; 499 and 601 are tissue."""
    volume = np.full((2, 6, 7), 1100, dtype=np.uint16)
    volume[:, 0, :6] = 499, 500, 550, 600, 601, 1100
    facts = {"PixelPaddingValue": first, "PixelPaddingRangeLimit": last}
    values = read_dicom_image(
        make.save(make.slices(make.CT, "CT", volume, **facts), tmp_path)
    ).volume.values
    assert values[0, 0, :5].tolist() == [499 - 1024, -1000, -1000, -1000, 601 - 1024]


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_padding_that_touches_any_edge_is_taken_off(tmp_path: Path, edge: str) -> None:
    """A wedge of 0 HU from one edge inwards, and the same value alone inside."""
    volume = np.full((2, 7, 8), 1100, dtype=np.uint16)
    volume[:, 3, 4] = 1024
    wedge = {
        "top": (slice(0, 2), 1), "bottom": (slice(5, 7), 1), "left": (1, slice(0, 2)),
        "right": (1, slice(6, 8)),
    }[edge]  # fmt: skip
    volume[:, wedge[0], wedge[1]] = 1024
    facts = {"PixelPaddingValue": 1024}
    values = read_dicom_image(
        make.save(make.slices(make.CT, "CT", volume, **facts), tmp_path)
    ).volume.values
    assert values[0][wedge].tolist() == [-1000, -1000]
    assert values[0, 3, 4] == 0


def test_padding_of_air_is_taken_off_wherever_it_lies(tmp_path: Path) -> None:
    """-1000 HU by its value is no tissue; the note counts each voxel once."""
    volume = np.full((2, 6, 7), 1100, dtype=np.uint16)
    volume[:, 3, 3] = 24
    facts = {"PixelPaddingValue": 24}
    image = read_dicom_image(make.save(make.slices(make.CT, "CT", volume, **facts), tmp_path))
    assert image.volume.values[0, 3, 3] == -1000
    assert "2 voxels of padding outside the field of view set to -1000 HU" in image.notes


def test_the_lowest_ct_number_kept_is_minus_1024(tmp_path: Path) -> None:
    """Noise in air reaches -1024 HU; one less is padding."""
    volume = np.full((2, 3, 4), 40, dtype=np.int16)
    volume[:, 1, 1], volume[:, 1, 2], volume[:, 2, 0] = -1024, -1025, -1001
    objects = make.slices(make.CT, "CT", volume)
    for dataset in objects:
        dataset.RescaleIntercept = 0
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert (values[0, 1, 1], values[0, 1, 2], values[0, 2, 0]) == (-1024, -1000, -1001)


def test_activity_has_no_padding(tmp_path: Path) -> None:
    volume = np.full((2, 3, 4), 100, dtype=np.uint16)
    volume[:, 0, :] = 0
    objects = make.pet(volume, PixelPaddingValue=0, RescaleIntercept=-1500)
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values[0, :2, 0].tolist() == [-1500, -1400]


@pytest.mark.parametrize(
    ("kind", "shown"), [("", True), ("HU", True), ("hu", True), ("US", True), ("HU_MOD", False)]
)
def test_a_ct_is_in_hounsfield_units_or_does_not_say(
    tmp_path: Path, kind: str, shown: bool
) -> None:
    paths = make.save(make.slices(make.CT, "CT", bright(), RescaleType=kind), tmp_path)
    if shown:
        assert read_dicom_image(paths).volume.values.max() == 1000
    else:
        with pytest.raises(NotUsableError, match=f"RescaleType is {kind}, not HU"):
            read_dicom_image(paths)


def test_an_mr_without_a_scale_shows_what_is_stored(tmp_path: Path) -> None:
    objects = make.slices(make.MR, "MR", bright())
    assert read_dicom_image(make.save(objects, tmp_path)).volume.values.max() == 2024
    for dataset in objects:
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, 7
    assert read_dicom_image(make.save(objects, tmp_path)).volume.values.max() == 1019
    for dataset in objects:
        del dataset.RescaleIntercept
    with pytest.raises(DicomError, match="RescaleIntercept is missing"):
        read_dicom_image(make.save(objects, tmp_path))


@pytest.mark.parametrize(("slope", "said"), [(0, "is zero on a slice"), (-1, "slope is -1")])
def test_a_slope_of_zero_or_below_is_no_scale(tmp_path: Path, slope: float, said: str) -> None:
    objects = make.slices(make.CT, "CT", bright())
    objects[2].RescaleSlope = slope
    with pytest.raises(DicomError, match=f"(?i)Rescale{said}|RescaleSlope {said}"):
        read_dicom_image(make.save(objects, tmp_path))


def test_a_slope_of_zero_on_an_empty_slice_of_pet_is_an_empty_slice(tmp_path: Path) -> None:
    stored = np.full(SHAPE, 100, dtype=np.uint16)
    stored[1] = 0
    objects = make.pet(stored)
    objects[1].RescaleSlope = 0
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values[:, 0, 0] == pytest.approx(
        [100 * float(objects[0].RescaleSlope) * (n != 1) for n in range(5)]
    )
    objects[1].RescaleIntercept = 5
    with pytest.raises(DicomError, match="RescaleSlope is zero on a slice"):
        read_dicom_image(make.save(objects, tmp_path))
    objects[1].RescaleIntercept = 0
    objects[2].RescaleSlope = 0
    with pytest.raises(DicomError, match="RescaleSlope is zero on a slice"):
        read_dicom_image(make.save(objects, tmp_path))


@pytest.mark.parametrize("kind", ["ct", "pet", "mr"])
def test_beside_a_tilted_stack_lies_air_or_nothing(tmp_path: Path, kind: str) -> None:
    """A stack that drifts by two rows leaves corners that no slice shows."""
    volume = np.full((3, 6, 7), 2000, dtype=np.uint16)
    facts = {"heights": [0.0, 8.0, 16.0], "shear": (0, 0.25, 0)}
    if kind == "pet":
        objects = make.pet(volume, **facts)
    else:
        sop_class = make.CT if kind == "ct" else make.MR
        objects = make.slices(sop_class, kind.upper(), volume, **facts)
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values.shape == (3, 8, 7)
    outside = {"ct": -1000, "pet": 0, "mr": 0}[kind]
    assert (values[0, 7, 3], values[2, 0, 3]) == (outside, outside)
    assert values[1, 4, 3] == (976 if kind == "ct" else 2000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PixelSpacing": [2.0, 1.6]}, "Rows, Columns or PixelSpacing differ"),
        ({"PixelSpacing": [2.001, 1.5]}, "Rows, Columns or PixelSpacing differ"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0.8, 0.6]}, "ImageOrientationPatient differs"),
    ],
)
def test_slices_of_one_image_are_alike(tmp_path: Path, change: dict, message: str) -> None:
    objects = make.slices(make.CT, "CT", bright())
    for keyword, value in change.items():
        setattr(objects[3], keyword, value)
    with pytest.raises(DicomError, match=message):
        read_dicom_image(make.save(objects, tmp_path))


def test_slices_of_two_sizes_are_no_image(tmp_path: Path) -> None:
    objects = make.slices(make.CT, "CT", bright())
    make.with_pixels(objects[3], np.full((6, 8), 1024, np.uint16))
    with pytest.raises(DicomError, match="Rows, Columns or PixelSpacing differ between slices"):
        read_dicom_image(make.save(objects, tmp_path))


def test_an_image_says_who_it_is(tmp_path: Path) -> None:
    """Instances in the order of slices, not of files; a CT takes the time of its series."""
    objects = make.slices(
        make.CT, "CT", bright(), SeriesDescription="Abdomen", SeriesDate="20250110",
        SeriesTime="101500", TimezoneOffsetFromUTC="+0000",
    )  # fmt: skip
    image = read_dicom_image(make.save(objects[::-1], tmp_path))
    assert image.instance_uids == tuple(str(dataset.SOPInstanceUID) for dataset in objects)
    assert (image.role, image.modality, image.label) == ("ct", "CT", "Abdomen")
    assert (image.series_uid, image.study_uid) == (objects[0].SeriesInstanceUID, "1.2.3.4")
    assert (image.frame_of_reference_uid, image.sop_class_uid) == ("1.2.3.9", make.CT)
    assert image.acquired == datetime(2025, 1, 10, 10, 15, tzinfo=UTC)
    assert image.volume.time is None
    for dataset in objects:
        dataset.AcquisitionDate, dataset.AcquisitionTime = "20250110", "101200"
        del dataset.SeriesDescription
    image = read_dicom_image(make.save(objects, tmp_path / "again"))
    assert image.acquired == datetime(2025, 1, 10, 10, 12, tzinfo=UTC)
    assert image.label == "CT series 1"


def test_roles_follow_the_modality_or_what_is_asked(tmp_path: Path) -> None:
    mr = make.save(make.slices(make.MR, "MR", bright()), tmp_path / "mr")
    nm = make.save(make.spect(bright()), tmp_path / "nm")
    assert read_dicom_image(mr).role == "mr"
    assert read_dicom_image(nm).role == "planning-activity"
    assert read_dicom_image(nm, role="treatment-activity").role == "treatment-activity"


def test_padding_is_judged_on_the_scale_of_its_own_image(tmp_path: Path) -> None:
    """Stored -700 is -700 HU here, which lung may have: off at the edge, kept inside."""
    volume = np.full((2, 6, 7), 40, dtype=np.int16)
    volume[:, 0, :], volume[:, 3, 3] = -700, -700
    objects = make.slices(make.CT, "CT", volume, PixelPaddingValue=-700)
    for dataset in objects:
        dataset.RescaleIntercept = 0
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert (values[0, 0, 3], values[0, 3, 3]) == (-1000, -700)


def test_a_mapping_in_counts_leaves_a_spect_in_counts(tmp_path: Path) -> None:
    unit = make.item(CodeValue="{counts}")
    scale = make.item(
        MeasurementUnitsCodeSequence=make.DicomSequence([unit]), RealWorldValueSlope=3.0,
        RealWorldValueIntercept=0.0,
    )  # fmt: skip
    counts = np.full((3, 4, 5), 7, np.uint16)
    dataset = make.spect(counts, RealWorldValueMappingSequence=make.DicomSequence([scale]))
    image = read_dicom_image(make.save(dataset, tmp_path))
    assert image.volume.unit is Unit.COUNTS
