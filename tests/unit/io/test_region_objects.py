"""Regions in DICOM at their borders: planes and parts, whose image it is, scales and places."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from opensirt.errors import DicomError, RegionError
from opensirt.image import Grid, Region, Regions
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.io.label_maps import labels_from_regions
from tests.dicom_samples import sample_context
from tests.region_samples import (
    AXIAL,
    FRAME,
    SERIES,
    box_loop,
    loop_mm,
    segmentation,
    structure_set,
    study_image,
    turned_grid,
)

GRID = turned_grid((6, 16, 20), (3.0, 1.5, 1.25))


def read(loops, grid=AXIAL, images=None):
    points = [loop_mm(grid, index, corners) for index, corners in loops]
    found = read_rtstruct(
        structure_set([("Liver", points)]), [study_image(grid)] if images is None else images
    )
    return found[0], [item.why for item in found[1]]


CUT = "the part beyond the rows or columns of the image is cut off"


@pytest.mark.parametrize(
    ("rows", "columns", "cut"),
    [
        ((5, 10), (5, 10), False), ((-0.9, 9), (5, 10), False), ((-1.1, 9), (5, 10), True),
        ((5, 10), (-1.1, 9), True), ((30, 39.9), (5, 10), False), ((30, 40.1), (5, 10), True),
        ((5, 10), (30, 40.1), True), ((-2, 42), (5, 10), True),
    ],
)  # fmt: skip
def test_a_contour_that_leaves_one_side_of_the_image_says_so(rows, columns, cut):
    """40 rows and columns, whose centres are 0 to 39; a rim of half a voxel is rounding."""
    corners = [(rows[0], columns[0]), (rows[0], columns[1]), (rows[1], columns[1]),
               (rows[1], columns[0])]  # fmt: skip
    _, notes = read([(3, corners)])
    assert (CUT in notes) == cut


@pytest.mark.parametrize(("apart_mm", "planes"), [(0.04, 1), (0.06, 2), (0.3, 2)])
def test_contours_within_rounding_lie_in_one_plane(apart_mm, planes):
    """Two squares side by side in one plane add up; in two planes each has its own slab."""
    loops = [(3, box_loop(2.5, 6.5)), (3 + apart_mm / 3.0, box_loop(20.5, 30.5))]
    (region,), _ = read(loops)
    whole = region.whole()
    one_plane = (16 + 100) * 3 / 1000
    if planes == 1:
        assert region.volume_ml == pytest.approx(one_plane, rel=1e-6)
        assert whole[3, 25, 25] == 1.0
    else:
        assert region.volume_ml == pytest.approx((16 + 100) * apart_mm / 1000, rel=1e-4)


def test_a_plane_within_rounding_of_a_slice_lies_in_it():
    """0.04 mm of 3 mm beside the slice centre: whole, not shared with the neighbour."""
    (region,), _ = read([(3 + 0.04 / 3.0, box_loop(4.5, 14.5))])
    assert region.whole()[:, 10, 10].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    (region,), _ = read([(3 + 0.3 / 3.0, box_loop(4.5, 14.5))])
    assert region.whole()[3:5, 10, 10].tolist() == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize(("count", "traced"), [(3, False), (4, True)])
def test_few_loops_on_voxel_centres_are_chance(count, traced):
    """Twelve corners each: 36 points may be drawn by hand, 48 are traced from a mask."""
    octagon = [(5, 9), (5, 15), (5, 20), (9, 24), (15, 24), (20, 24), (24, 20), (24, 15), (24, 9),
               (20, 5), (15, 5), (9, 5)]  # fmt: skip
    (region,), notes = read([(k, octagon) for k in range(2, 2 + count)])
    area = region.volume_ml / (count * 3 / 1000)
    polygon = 19 * 19 - 2 * 4 * 4
    assert (area > polygon + 30) == traced
    assert any(note.startswith("runs through voxel centres") for note in notes) == traced


@pytest.mark.parametrize("corners", [2, 3])
def test_three_points_enclose_an_area_and_two_do_not(corners):
    loop = [(4.5, 4.5), (4.5, 14.5), (14.5, 14.5)][:corners]
    regions, notes = read([(3, loop)])
    if corners == 3:
        assert regions[0].volume_ml == pytest.approx(50 * 3 / 1000, rel=1e-6)
    else:
        assert (regions, notes) == ((), ["1 contours: fewer than three points"])


def referring(dataset, series=None, instance=None):
    """The structure set with a reference to a series, or of its first contour to an image."""
    if series is not None:
        study, frame, item = Dataset(), Dataset(), Dataset()
        item.SeriesInstanceUID = series
        study.RTReferencedSeriesSequence = [item]
        frame.RTReferencedStudySequence = [study]
        dataset.ReferencedFrameOfReferenceSequence = [frame]
    if instance is not None:
        item = Dataset()
        item.ReferencedSOPInstanceUID = instance
        dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [item]
    return dataset


def two_images():
    """A CT, and a SPECT on a coarser grid, of one frame of reference."""
    spect = study_image(Grid.regular((8, 20, 20), (4.0, 2.0, 2.0), (-20.0, -20.0, 50.0)),
                        role="planning-activity")  # fmt: skip
    ct = study_image(AXIAL)
    for image, number in ((ct, 1), (spect, 2)):
        object.__setattr__(image, "series_uid", f"1.2.3.{number}")
        object.__setattr__(image, "instance_uids", (f"1.2.3.{number}.1", f"1.2.3.{number}.2"))
    return ct, spect


@pytest.mark.parametrize(
    ("reference", "which"),
    [
        ({}, 0), ({"series": "1.2.3.1"}, 0), ({"series": "1.2.3.2"}, 1),
        ({"instance": "1.2.3.2.2"}, 1), ({"series": "1.2.3.9"}, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_the_image_that_contours_refer_to_gives_the_grid_else_the_ct(reference, which, turned):
    images = two_images()
    points = [loop_mm(AXIAL, k, box_loop(9.5, 19.5)) for k in (3, 4)]
    dataset = referring(structure_set([("Liver", points)]), **reference)
    regions, _ = read_rtstruct(dataset, images[::-1] if turned else images)
    assert regions[0].grid.matches(images[which].volume.grid)


def test_a_referred_image_of_another_frame_is_not_used():
    """The reference is kept by a copy into another frame of reference: places differ."""
    ct, spect = two_images()
    object.__setattr__(spect, "frame_of_reference_uid", "1.9.9")
    points = [loop_mm(AXIAL, 3, box_loop(9.5, 19.5))]
    dataset = referring(structure_set([("Liver", points)]), series="1.2.3.2")
    regions, _ = read_rtstruct(dataset, (ct, spect))
    assert regions[0].grid.matches(AXIAL)
    object.__setattr__(spect, "frame_of_reference_uid", "")
    regions, _ = read_rtstruct(dataset, (ct, spect))
    assert regions[0].grid.matches(spect.volume.grid)


def test_regions_may_be_numbered_from_nothing():
    """A number of 0 is a number: its contours, its type and its name belong together."""
    points = [loop_mm(AXIAL, 3, box_loop(9.5, 19.5))]
    dataset = structure_set([("nodule A", points), ("Liver", points)], types=("GTV", "ORGAN"))
    for sequence, keyword in (
        ("StructureSetROISequence", "ROINumber"), ("ROIContourSequence", "ReferencedROINumber"),
        ("RTROIObservationsSequence", "ReferencedROINumber"),
    ):  # fmt: skip
        for number, item in enumerate(dataset[sequence].value):
            setattr(item, keyword, number)
    regions, left_out = read_rtstruct(dataset, [study_image(AXIAL)])
    assert [(r.name, r.role) for r in regions] == [("nodule A", "tumour"), ("Liver", "liver")]
    assert left_out == ()
    del dataset.ROIContourSequence[0].ReferencedROINumber
    regions, left_out = read_rtstruct(dataset, [study_image(AXIAL)])
    assert [region.name for region in regions] == ["Liver"]
    assert [item.why for item in left_out] == [
        "ReferencedROINumber is missing or no whole number", "the ROI has no contours",
    ]  # fmt: skip


# -- segmentations


def block(value: float = 1.0) -> np.ndarray:
    values = np.zeros(GRID.shape)
    values[2, 4:8, 4:8] = value
    return values


@pytest.mark.parametrize("largest", [1, 100, 200, 255])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_occupancy_is_a_part_of_its_own_maximum(largest, share):
    if largest == 1 and share < 1:
        return
    dataset = segmentation(
        GRID, block(share), ["Liver"], kind="FRACTIONAL", fractional_type="OCCUPANCY",
        max_fractional_value=largest,
    )  # fmt: skip
    (region,), _ = read_segmentation(dataset, [])
    assert region.volume_ml == pytest.approx(16 * share * GRID.voxel_volume_ml, rel=0.01)


@pytest.mark.parametrize(("likely", "voxels"), [(100, 16), (99, 0)])
def test_a_voxel_as_likely_as_not_is_inside(likely, voxels):
    dataset = segmentation(
        GRID, block(likely / 200), ["Liver"], kind="FRACTIONAL", fractional_type="PROBABILITY",
        max_fractional_value=200,
    )  # fmt: skip
    regions, _ = read_segmentation(dataset, [])
    assert sum(r.volume_ml for r in regions) == pytest.approx(voxels * GRID.voxel_volume_ml)


@pytest.mark.parametrize("spacing", [3.5, -3.5])
def test_one_frame_is_as_thick_as_its_distance_without_its_sign(spacing):
    dataset = segmentation(GRID, block(), ["Liver"])
    (measures,) = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    measures.SpacingBetweenSlices = spacing
    (region,), _ = read_segmentation(dataset, [])
    assert region.grid.spacing_mm[0] == pytest.approx(3.5)
    assert np.linalg.det(region.grid.matrix[:3, 2::-1]) > 0
    assert region.volume_ml == pytest.approx(16 * 3.5 * 1.5 * 1.25 / 1000, rel=1e-5)


def two_frames(beside_mm: float = 0.0, gap_mm: float = 3.0, between: float = 0.5):
    """Three frames, the middle one beside the line and at a part of the way."""
    values = np.zeros(GRID.shape, np.uint8)
    values[1:4, 4:8, 4:8] = 1
    dataset = segmentation(GRID, values, ["Liver"])
    for item, (x_mm, z_mm) in zip(
        dataset.PerFrameFunctionalGroupsSequence,
        ((0, 0), (beside_mm, 2 * gap_mm * between), (0, 2 * gap_mm)),
        strict=True,
    ):
        x, y, _ = item.PlanePositionSequence[0].ImagePositionPatient
        item.PlanePositionSequence[0].ImagePositionPatient = [x + x_mm, y, z_mm]
    return dataset


@pytest.mark.parametrize(("beside_mm", "refused"), [(0.09, False), (0.11, True), (-0.11, True)])
def test_a_frame_a_tenth_of_a_mm_beside_the_others_is_not_of_their_stack(beside_mm, refused):
    dataset = two_frames(beside_mm)
    if refused:
        with pytest.raises(DicomError, match=r"lies 0\.11 mm beside the line through the others"):
            read_segmentation(dataset, [])
    else:
        assert len(read_segmentation(dataset, [])[0]) == 1


@pytest.mark.parametrize(("off_mm", "even"), [(0.08, True), (0.1, False)])
def test_frames_within_three_percent_of_a_gap_are_even(off_mm, even):
    """3 mm apart: the middle frame may lie 0.09 mm off; then each holds one whole slice."""
    dataset = two_frames(between=0.5 + off_mm / 6.0)
    (region,), _ = read_segmentation(dataset, [])
    shares = region.whole()[:, 5, 5]
    assert np.array_equal(shares, np.rint(shares)) == even
    assert region.volume_ml == pytest.approx(16 * 9.0 * 1.5 * 1.25 / 1000, rel=0.02)


def test_frames_twice_as_far_apart_as_stated_lie_on_every_second_slice():
    """Empty planes were left out: 3 mm are stated, frames are 6 mm apart."""
    dataset = two_frames(gap_mm=6.0)
    (region,), _ = read_segmentation(dataset, [])
    assert region.grid.shape[0] == 5
    assert region.whole()[:, 5, 5].tolist() == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("frame", "series", "image_frame", "read_it"),
    [
        (FRAME, None, FRAME, True), ("1.9", None, FRAME, False), ("1.9", SERIES, FRAME, False),
        ("1.9", SERIES, "", True), ("", SERIES, FRAME, True), ("", None, FRAME, False),
        ("", "1.8", FRAME, False),
    ],
)  # fmt: skip
def test_a_segmentation_belongs_to_its_frame_or_where_that_is_unsaid_to_its_series(
    frame, series, image_frame, read_it
):
    dataset = segmentation(GRID, block(), ["Liver"])
    dataset.FrameOfReferenceUID = frame
    item = Dataset()
    item.SeriesInstanceUID = series or "1.7"
    dataset.ReferencedSeriesSequence = [item]
    regions, left_out = read_segmentation(dataset, [study_image(GRID, frame=image_frame)])
    assert bool(regions) == read_it
    if not read_it:
        said = f"FrameOfReferenceUID {frame or 'missing'}, images have {image_frame or 'none'}"
        assert said in left_out[0].why


def test_the_background_of_a_label_map_is_no_segment():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2, 4:8, 4:8] = 1
    dataset = segmentation(GRID, labels, ["Liver"], kind="LABELMAP")
    background = Dataset()
    background.SegmentNumber, background.SegmentLabel = 0, "Background"
    dataset.SegmentSequence = [background, *dataset.SegmentSequence]
    regions, left_out = read_segmentation(dataset, [])
    assert [region.name for region in regions] == ["Liver"]
    assert left_out == ()


def test_a_segment_without_a_label_has_its_number():
    dataset = segmentation(GRID, block(), ["Liver"])
    dataset.SegmentSequence[0].SegmentLabel = " "
    assert read_segmentation(dataset, [])[0][0].name == "Segment 1"


def test_frames_that_are_missing_are_counted():
    dataset = segmentation(GRID, block(), ["Liver"], omit_empty_frames=False)
    dataset.PixelData = dataset.PixelData[: 16 * 20 * 4 // 8]
    with pytest.raises(DicomError, match="PixelData holds 160 bytes, 6 frames"):
        read_segmentation(dataset, [])


def test_the_two_regions_that_overlap_are_named():
    """Of three, the second and the third share a voxel."""
    masks = np.zeros((3, *GRID.shape))
    masks[0, 0], masks[1, 2, 4:8, 4:8], masks[2, 2, 7:9, 7:9] = 1, 1, 1
    regions = [Region.from_mask(n, "other", m, GRID) for n, m in zip("abc", masks, strict=True)]
    for write in (
        lambda: labels_from_regions(regions),
        lambda: build_segmentation(Regions(tuple(regions)), sample_context(), kind="LABELMAP"),
    ):
        with pytest.raises(RegionError, match="regions 'b' and 'c' overlap"):
            write()


def test_label_maps_number_regions_in_their_order():
    masks = np.zeros((2, *GRID.shape))
    masks[0, 3, 3, 3], masks[1, 1, 2, 3] = 1, 0.5
    regions = [Region.from_mask(n, "other", m, GRID) for n, m in zip("ab", masks, strict=True)]
    labels, grid = labels_from_regions(regions)
    assert grid.matches(GRID)
    assert (labels[3, 3, 3], labels[1, 2, 3], labels.sum()) == (1, 2, 3)
    many = [
        Region.from_mask(str(n), "other", mask, GRID)
        for n, mask in enumerate(np.eye(300, GRID.shape[0] * 320).reshape(300, *GRID.shape))
    ]
    assert labels_from_regions(many)[0].max() == 300
    dataset = build_segmentation(Regions(tuple(many)), sample_context(), kind="LABELMAP")
    assert dataset.BitsAllocated == 16


@pytest.mark.parametrize(
    ("codes", "role"),
    [
        ([("10200004", "SCT")], "liver"), ([("39607008", "SCT"), ("7771000", "SCT")], "lung-left"),
        ([("10200004", "SCT"), ("6574001", "SCT")], "other"), ([], "other"),
    ],
)  # fmt: skip
def test_codes_of_a_region_tell_its_role_where_the_name_does_not(codes, role):
    dataset = structure_set([("ROI A", [loop_mm(AXIAL, 3, box_loop(9.5, 19.5))])])
    items = []
    for value, scheme in codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator = value, scheme
        items.append(item)
    dataset.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = items
    (region,), _ = read_rtstruct(dataset, [study_image(AXIAL)])
    assert region.role == role


def test_one_image_in_the_frame_of_a_segmentation_is_enough():
    dataset = segmentation(GRID, block(), ["Liver"])
    images = [study_image(GRID, frame="1.9.9"), study_image(GRID)]
    assert len(read_segmentation(dataset, images)[0]) == 1
    assert len(read_segmentation(dataset, images[::-1])[0]) == 1
    assert read_segmentation(dataset, images[:1])[0] == ()


def test_a_region_without_area_says_so():
    """Twice there and back along a line: three points, and nothing between them."""
    regions, notes = read([(3, [(4.5, 4.5), (4.5, 14.5), (4.5, 9.5)])])
    assert regions == ()
    assert any("inside the image" in note for note in notes)


@pytest.mark.parametrize("lengths", [(2.0, 1.0), (1.0, 0.5)])
def test_directions_of_frames_count_by_where_they_point(lengths):
    """Cosines that are no unit vectors: pixels keep the size that is stated."""
    dataset = segmentation(GRID, block(), ["Liver"])
    (plane,) = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    cosines = np.array(plane.ImageOrientationPatient, float).reshape(2, 3)
    plane.ImageOrientationPatient = (cosines * np.array(lengths)[:, None]).ravel().tolist()
    (region,), _ = read_segmentation(dataset, [])
    assert region.grid.spacing_mm[1:] == pytest.approx((1.5, 1.25))
    assert region.volume_ml == pytest.approx(16 * GRID.voxel_volume_ml, rel=1e-5)
