"""DICOM segmentations of every kind, written by highdicom and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from opensirt.errors import DicomError
from opensirt.io.dicom_seg import read_segmentation
from tests.region_samples import FRAME, segmentation, study_image, turned_grid

GRID = turned_grid((6, 16, 20), (3.0, 1.5, 1.25))


def blocks(count: int = 2) -> np.ndarray:
    """Masks (slice, row, column, segment) that overlap and leave slices 0 and 5 empty."""
    masks = np.zeros((6, 16, 20, count), np.uint8)
    masks[1:5, 3:12, 4:15, 0] = 1
    if count > 1:
        masks[2:4, 5:8, 6:10, 1] = 1
    return masks


def test_binary_overlapping_segments_with_empty_planes_left_out():
    masks = blocks()
    dataset = segmentation(GRID, masks, ["Liver", "Lesion 1"], omit_empty_frames=True)
    assert int(dataset.NumberOfFrames) == 6
    regions, left_out = read_segmentation(dataset, [study_image(GRID)])
    assert [(r.name, r.role) for r in regions] == [("Liver", "liver"), ("Lesion 1", "tumour")]
    voxel_ml = 3.0 * 1.5 * 1.25 / 1000
    assert regions[0].volume_ml == pytest.approx(masks[..., 0].sum() * voxel_ml, rel=1e-6)
    assert regions[1].volume_ml == pytest.approx(masks[..., 1].sum() * voxel_ml, rel=1e-6)
    assert np.array_equal(regions[0].onto(GRID).whole(), masks[..., 0])
    assert np.array_equal(regions[1].onto(GRID).whole(), masks[..., 1])
    assert left_out == ()


@settings(max_examples=10, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-80, 80)] * 3),
    flips=st.sampled_from([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]),
    place=st.tuples(st.integers(0, 5), st.integers(0, 15), st.integers(0, 19)),
)
def test_known_point_through_any_orientation(degrees, flips, place):
    grid = turned_grid((6, 16, 20), (3.0, 1.5, 1.25), degrees=degrees, flips=flips)
    mask = np.zeros(grid.shape, np.uint8)
    mask[place] = 1
    regions, _ = read_segmentation(segmentation(grid, mask, ["Liver"]), [])
    assert regions[0].centroid_mm == pytest.approx(tuple(grid.to_patient(place)), abs=0.01)
    assert regions[0].volume_ml == pytest.approx(grid.voxel_volume_ml, rel=1e-4)


def test_binary_frames_that_do_not_begin_at_a_whole_byte():
    """13 x 7 pixels are 91 bits, so every frame after the first begins inside a byte."""
    grid = turned_grid((5, 13, 7), (2.0, 1.0, 1.0))
    mask = (np.random.default_rng(3).random(grid.shape) < 0.4).astype(np.uint8)
    regions, _ = read_segmentation(segmentation(grid, mask, ["Liver"]), [])
    assert np.array_equal(regions[0].onto(grid).whole(), mask)


def test_frames_in_any_order():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    frames = dataset.pixel_array
    order = [2, 0, 3, 1]
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    dataset.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
    dataset.PixelData = np.packbits(frames[order].ravel(), bitorder="little").tobytes()
    regions, _ = read_segmentation(dataset, [study_image(GRID)])
    assert np.array_equal(regions[0].onto(GRID).whole(), blocks(1)[..., 0])


def test_planes_missing_inside_are_zero():
    mask = np.zeros(GRID.shape, np.uint8)
    mask[[0, 1, 4], 5:8, 5:8] = 1
    regions, _ = read_segmentation(segmentation(GRID, mask, ["Liver"]), [study_image(GRID)])
    assert regions[0].grid.shape[0] == 5
    assert regions[0].grid.spacing_mm[0] == pytest.approx(3.0)
    assert regions[0].whole()[:, 6, 6].tolist() == [1, 1, 0, 0, 1]


def test_fractional_occupancy_is_coverage():
    values = np.zeros(GRID.shape, np.float64)
    values[2, 4:8, 4:8] = 0.5
    values[3, 4:8, 4:8] = 1.0
    dataset = segmentation(
        GRID, values, ["Liver"], kind="FRACTIONAL", fractional_type="OCCUPANCY",
        max_fractional_value=200,
    )  # fmt: skip
    regions, left_out = read_segmentation(dataset, [study_image(GRID)])
    assert regions[0].volume_ml == pytest.approx(24 * GRID.voxel_volume_ml, rel=1e-5)
    assert regions[0].onto(GRID).whole()[2, 5, 5] == pytest.approx(0.5)
    assert left_out == ()


def test_probability_is_cut_at_one_half_and_said():
    values = np.zeros(GRID.shape, np.float64)
    values[2, 4:8, 4:8] = 0.25
    values[3, 4:8, 4:8] = 0.75
    dataset = segmentation(
        GRID, values, ["Liver"], kind="FRACTIONAL", fractional_type="PROBABILITY"
    )
    regions, left_out = read_segmentation(dataset, [study_image(GRID)])
    assert regions[0].volume_ml == pytest.approx(16 * GRID.voxel_volume_ml, rel=1e-5)
    assert left_out[0].why == (
        "SegmentationFractionalType PROBABILITY is cut at 0.5: a probability is no coverage"
    )


def test_label_map():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1:5, 3:12, 4:15] = 1
    labels[2:4, 5:8, 6:10] = 2
    dataset = segmentation(GRID, labels, ["Liver", "Lesion 1"], kind="LABELMAP")
    regions, _ = read_segmentation(dataset, [study_image(GRID)])
    assert [region.name for region in regions] == ["Liver", "Lesion 1"]
    assert np.array_equal(regions[0].onto(GRID).whole(), labels == 1)
    assert np.array_equal(regions[1].onto(GRID).whole(), labels == 2)


def test_uneven_planes_share_out_their_thickness():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    places = [0.0, 3.19, 6.46, 9.75]
    for item, z in zip(dataset.PerFrameFunctionalGroupsSequence, places, strict=True):
        x, y, _ = item.PlanePositionSequence[0].ImagePositionPatient
        item.PlanePositionSequence[0].ImagePositionPatient = [x, y, z]
    regions, _ = read_segmentation(dataset, [])
    area_mm2 = 9 * 11 * 1.5 * 1.25
    height_mm = 9.75 + (3.19 + 3.27 + 3.29) / 3
    assert regions[0].volume_ml == pytest.approx(area_mm2 * height_mm / 1000, rel=0.01)


def test_empty_segment_is_left_out():
    masks = blocks()
    masks[..., 1] = 0
    dataset = segmentation(GRID, masks, ["Liver", "Lesion 1"])
    regions, left_out = read_segmentation(dataset, [])
    assert [region.name for region in regions] == ["Liver"]
    assert (left_out[0].what, left_out[0].why) == (
        "segment 'Lesion 1'",
        "no voxel belongs to it",
    )


def test_other_frame_of_reference_is_named():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"], frame="1.9.9")
    regions, left_out = read_segmentation(dataset, [study_image(GRID)])
    assert regions == ()
    assert left_out[0].why == (
        f"no image in its frame of reference: FrameOfReferenceUID 1.9.9, images have {FRAME}"
    )


def test_roles_of_the_caller_come_first():
    dataset = segmentation(GRID, blocks(), ["Liver", "Lesion 1"])
    regions, _ = read_segmentation(dataset, [], roles={"Lesion 1": "necrosis"})
    assert [region.role for region in regions] == ["liver", "necrosis"]


def drop(dataset, *path):
    holder = dataset
    for name in path[:-1]:
        holder = getattr(holder, name)[0]
    delattr(holder, path[-1])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("SegmentSequence",), "SegmentSequence is missing"),
        (("SegmentationType",), "SegmentationType is missing"),
        (("PerFrameFunctionalGroupsSequence",), "PerFrameFunctionalGroupsSequence has 0 items"),
        (
            ("PerFrameFunctionalGroupsSequence", "PlanePositionSequence"),
            "ImagePositionPatient in PlanePositionSequence is missing",
        ),
        (
            ("SharedFunctionalGroupsSequence", "PlaneOrientationSequence"),
            "ImageOrientationPatient in PlaneOrientationSequence is missing",
        ),
        (
            ("SharedFunctionalGroupsSequence", "PixelMeasuresSequence", "PixelSpacing"),
            "PixelSpacing in PixelMeasuresSequence is missing",
        ),
        (
            ("SharedFunctionalGroupsSequence", "SegmentIdentificationSequence"),
            "ReferencedSegmentNumber is missing",
        ),
        (("PixelData",), "PixelData cannot be decoded"),
    ],
)
def test_missing_attribute_is_named(path, message):
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    drop(dataset, *path)
    with pytest.raises(DicomError, match=message):
        read_segmentation(dataset, [])


def test_fraction_without_maximum_is_refused():
    values = np.full(GRID.shape, 0.5)
    dataset = segmentation(GRID, values, ["Liver"], kind="FRACTIONAL", fractional_type="OCCUPANCY")
    del dataset.MaximumFractionalValue
    with pytest.raises(DicomError, match="MaximumFractionalValue is missing"):
        read_segmentation(dataset, [])
    dataset.SegmentationFractionalType = "LIKELY"
    with pytest.raises(DicomError, match="SegmentationFractionalType LIKELY: expected OCCUPANCY"):
        read_segmentation(dataset, [])


def test_frames_beside_the_stack_are_refused():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    place = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    x, y, z = place.ImagePositionPatient
    place.ImagePositionPatient = [x + 5, y, z]
    with pytest.raises(DicomError, match=r"lies 5 mm beside the line .* not one stack"):
        read_segmentation(dataset, [])


def test_frames_of_two_orientations_or_sizes_are_refused():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0.5, 1, 0]
    with pytest.raises(DicomError, match="ImageOrientationPatient is not two perpendicular"):
        read_segmentation(dataset, [])
    turned = Dataset()
    turned.ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    dataset.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [turned]
    with pytest.raises(DicomError, match="ImageOrientationPatient differs between frames"):
        read_segmentation(dataset, [])
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    wider = Dataset()
    wider.PixelSpacing = [2, 2]
    dataset.PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence = [wider]
    with pytest.raises(DicomError, match="PixelSpacing differs between frames"):
        read_segmentation(dataset, [])


def test_one_slice_without_thickness_is_refused():
    mask = np.zeros(GRID.shape, np.uint8)
    mask[2, 5, 5] = 1
    dataset = segmentation(GRID, mask, ["Liver"])
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    for keyword in ("SliceThickness", "SpacingBetweenSlices"):
        if keyword in measures:
            delattr(measures, keyword)
    with pytest.raises(DicomError, match="SpacingBetweenSlices and SliceThickness are missing"):
        read_segmentation(dataset, [])


def test_frames_at_unequal_distances_fill_half_way_to_their_neighbours():
    """Planes at 0, 3, 7 and 10 mm stand for 3, 3.5, 3.5 and 3 mm, each with its own area."""
    mask = np.zeros(GRID.shape, np.uint8)
    for index, width in enumerate((2, 5, 9, 14), start=1):
        mask[index, 3:12, 4 : 4 + width] = 1
    dataset = segmentation(GRID, mask, ["Liver"])
    for item, z in zip(
        dataset.PerFrameFunctionalGroupsSequence, (0.0, 3.0, 7.0, 10.0), strict=True
    ):
        x, y, _ = item.PlanePositionSequence[0].ImagePositionPatient
        item.PlanePositionSequence[0].ImagePositionPatient = [x, y, z]
    regions, _ = read_segmentation(dataset, [])
    pixel_mm2 = 9 * 1.5 * 1.25
    expected = pixel_mm2 * (2 * 3.0 + 5 * 3.5 + 9 * 3.5 + 14 * 3.0) / 1000
    assert regions[0].volume_ml == pytest.approx(expected, rel=1e-5)


def test_a_plane_stored_twice_counts_once():
    dataset = segmentation(GRID, blocks(1)[..., 0], ["Liver"])
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    frames = dataset.pixel_array
    order = [0, 1, 1, 2, 3]
    dataset.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
    dataset.NumberOfFrames = len(order)
    bits = np.packbits(frames[order].ravel(), bitorder="little").tobytes()
    dataset.PixelData = bits + b"\0" * (len(bits) % 2)
    regions, _ = read_segmentation(dataset, [])
    assert regions[0].fractions.max() == 1.0
    assert regions[0].volume_ml == pytest.approx(4 * 9 * 11 * GRID.voxel_volume_ml, rel=1e-5)


def test_distance_between_frames_comes_before_their_thickness():
    """Slices of 4 mm that overlap, 3 mm apart: one frame alone stands for 3 mm."""
    mask = np.zeros(GRID.shape, np.uint8)
    mask[2, 3:12, 4:15] = 1
    dataset = segmentation(GRID, mask, ["Liver"])
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SliceThickness, measures.SpacingBetweenSlices = 4.0, 3.0
    regions, _ = read_segmentation(dataset, [])
    assert regions[0].volume_ml == pytest.approx(9 * 11 * 1.5 * 1.25 * 3.0 / 1000, rel=1e-5)


def test_unlikely_voxels_of_a_probability_are_outside():
    values = np.zeros(GRID.shape, np.float64)
    values[1:5, 3:12, 4:15] = 0.2
    values[2, 4:8, 4:8] = 0.6
    dataset = segmentation(
        GRID, values, ["Liver"], kind="FRACTIONAL", fractional_type="PROBABILITY"
    )
    regions, _ = read_segmentation(dataset, [])
    assert regions[0].volume_ml == pytest.approx(16 * GRID.voxel_volume_ml, rel=1e-5)


def measures(dataset):
    """Where a written segmentation states its distances."""
    return dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


@pytest.mark.parametrize("thickness", [1.0, 2.5, 7.0])
@pytest.mark.parametrize("apart", [None, 1.0, 3.0])
def test_frames_lie_on_the_slices_of_their_image_whatever_the_thickness(thickness, apart):
    """Slices 1 and 4 of 3 mm: as far apart as drawn, whatever else is stated; and one alone."""
    for drawn in ((1, 4), (2,)):
        masks = np.zeros((6, 16, 20), np.uint8)
        masks[list(drawn), 3:12, 4:15] = 1
        dataset = segmentation(GRID, masks, ["Liver"], omit_empty_frames=True)
        measures(dataset).SliceThickness = thickness
        del measures(dataset).SpacingBetweenSlices
        if apart is not None:
            measures(dataset).SpacingBetweenSlices = apart
        regions, left_out = read_segmentation(dataset, [study_image(GRID)])
        assert np.array_equal(regions[0].onto(GRID).whole(), masks)
        assert regions[0].volume_ml == pytest.approx(masks.sum() * GRID.voxel_volume_ml, rel=1e-4)
        assert left_out == ()


def test_without_an_image_frames_are_as_far_apart_as_they_lie():
    dataset = segmentation(GRID, blocks(1), ["Liver"], omit_empty_frames=True)
    measures(dataset).SliceThickness = 1.0
    del measures(dataset).SpacingBetweenSlices
    regions, left_out = read_segmentation(dataset, [])
    assert regions[0].volume_ml == pytest.approx(blocks(1).sum() * GRID.voxel_volume_ml, rel=1e-4)
    assert left_out == ()


def test_a_lone_frame_without_an_image_is_as_thick_as_stated_and_that_is_said():
    masks = np.zeros((6, 16, 20), np.uint8)
    masks[2, 3:12, 4:15] = 1
    dataset = segmentation(GRID, masks, ["Liver"], omit_empty_frames=True)
    measures(dataset).SliceThickness = 5.0
    del measures(dataset).SpacingBetweenSlices
    regions, left_out = read_segmentation(dataset, [])
    assert regions[0].volume_ml == pytest.approx(99 * 1.5 * 1.25 * 5.0 / 1000, rel=1e-4)
    assert [item.what for item in left_out] == ["thickness of the segmentation"]
    measures(dataset).SpacingBetweenSlices = 3.0
    regions, left_out = read_segmentation(dataset, [])
    assert regions[0].volume_ml == pytest.approx(99 * 1.5 * 1.25 * 3.0 / 1000, rel=1e-4)
    assert left_out == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: setattr(d, "NumberOfFrames", 3), "NumberOfFrames says 3, .* 4 items"),
        (lambda d: setattr(d, "NumberOfFrames", 5), "NumberOfFrames says 5, .* 4 items"),
        (lambda d: delattr(d, "NumberOfFrames"), "NumberOfFrames is missing, .* 4 items"),
        (lambda d: d.PerFrameFunctionalGroupsSequence.pop(), "says 4, .* 3 items"),
        (lambda d: setattr(d, "Rows", 8), "PixelData holds 160 bytes, 4 frames of Rows 8"),
        (lambda d: setattr(d, "Columns", 10), "PixelData holds 160 bytes"),
        (lambda d: setattr(d, "PixelData", d.PixelData + b"\0\0"), "PixelData holds 162 bytes"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:-2]), "PixelData holds 158 bytes"),
        (lambda d: setattr(d.SegmentSequence[0], "SegmentNumber", 2), "ReferencedSegmentNumber 1"),
        (lambda d: setattr(d.SegmentSequence[0], "SegmentNumber", 0), "begin at 1"),
        (lambda d: d.SegmentSequence.append(d.SegmentSequence[0]), "SegmentNumber 1 stands twice"),
        (lambda d: delattr(d.SegmentSequence[0], "SegmentNumber"), "must be a whole number"),
        (lambda d: setattr(measures(d), "PixelSpacing", [float("nan"), 1.0]), "must be finite"),
    ],
)  # fmt: skip
def test_what_a_segmentation_declares_it_holds(change, said):
    dataset = segmentation(GRID, blocks(1), ["Liver"], omit_empty_frames=True)
    change(dataset)
    with pytest.raises(DicomError, match=said):
        read_segmentation(dataset, [study_image(GRID)])
