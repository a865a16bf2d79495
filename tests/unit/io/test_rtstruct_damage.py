"""RT structure sets that repeat, cross, lose or confuse: what each contour stands for."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from opensirt.errors import DicomError
from opensirt.io.dicom_rtstruct import read_rtstruct
from tests.region_samples import (
    AXIAL,
    box_loop,
    circle,
    loop_mm,
    read_one,
    structure_set,
    study_image,
)

BIG, SHIFTED, SMALL = box_loop(5.5, 15.5), box_loop(9.5, 19.5), box_loop(8.5, 11.5)


@pytest.mark.parametrize(
    ("loops", "voxels", "said"),
    [
        ([BIG, BIG[1:] + BIG[:1]], 100, "drawn again"),
        ([BIG, BIG[::-1]], 100, "drawn again"),
        ([BIG, [(r + 0.2, c - 0.1) for r, c in BIG]], 100, "drawn again"),
        ([BIG, box_loop(5.7, 15.3)], 100, "drawn again"),
        ([BIG + BIG], 100, "walks round its area twice"),
        ([BIG + [(r + 0.02, c) for r, c in BIG]], 100, "walks round its area twice"),
        ([BIG[:2] + BIG[:1:-1]], 50, "crosses itself"),
        ([BIG, SHIFTED], 164, "cross"),
        ([BIG, SHIFTED, SMALL], 156, "cross"),
        ([BIG, SMALL], 91, ""),
        ([BIG, SMALL, box_loop(9.5, 10.5)], 92, ""),
        ([box_loop(1.5, 4.5), SHIFTED], 109, ""),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_only_a_contour_inside_another_is_a_hole(loops, voxels, said, backwards):
    """Repeats, in whatever form, count once; contours that cross add up (10 x 10 and 3 x 3)."""
    order = loops[::-1] if backwards else loops
    region, left_out = read_one(AXIAL, [(4, loop) for loop in order])
    assert region.volume_ml == pytest.approx(voxels * 3 / 1000, rel=0.025 if said else 1e-6)
    assert [item.why for item in left_out if said and said in item.why] == [
        item.why for item in left_out
    ]
    assert bool(left_out) == bool(said)


@pytest.mark.parametrize(("shift", "said"), [(0.5, True), (0.004, False)])
def test_a_plane_between_slices_where_others_lie_on_them_is_told(shift, said):
    planes = [(k + shift * (k == 4), BIG) for k in range(2, 7)]
    _, left_out = read_one(AXIAL, planes)
    told = ["1 of 5 contour planes lie between slices of the image"] if said else []
    assert [item.why for item in left_out] == told


def test_contours_that_are_exclusive_by_type_are_filled_so():
    """10 x 10 and 10 x 10 share 6 x 6."""
    region, left_out = read_one(AXIAL, [(4, BIG), (4, SHIFTED)], kinds="CLOSEDPLANAR_XOR")
    assert region.volume_ml == pytest.approx((200 - 2 * 36) * 3 / 1000, rel=1e-6)
    assert left_out == ()


def two_rois(*names):
    squares = [[loop_mm(AXIAL, 4, box_loop(3 * n + 0.5, 3 * n + 2.5))] for n in range(len(names))]
    return structure_set(list(zip(names, squares, strict=True)))


def read_two(dataset):
    return read_rtstruct(dataset, [study_image(AXIAL)])


def test_roi_number_zero_is_a_number():
    dataset = two_rois("Liver", "Tumor 1")
    for sequence, keyword in (
        ("StructureSetROISequence", "ROINumber"),
        ("ROIContourSequence", "ReferencedROINumber"),
        ("RTROIObservationsSequence", "ReferencedROINumber"),
    ):
        for item in dataset[sequence]:
            setattr(item, keyword, getattr(item, keyword) - 1)
    regions, left_out = read_two(dataset)
    assert [region.name for region in regions] == ["Liver", "Tumor 1"]
    assert left_out == ()


def test_a_roi_number_that_stands_twice_loses_both_and_names_them():
    dataset = two_rois("Liver", "Tumor 1", "Tumor 2")
    for item in (dataset.StructureSetROISequence[2], dataset.ROIContourSequence[2]):
        item["ROINumber" if "ROINumber" in item else "ReferencedROINumber"].value = 2
    regions, left_out = read_two(dataset)
    assert [region.name for region in regions] == ["Liver"]
    assert [(item.what, item.role) for item in left_out] == [
        ("contours of 'Tumor 1'", "tumour"), ("contours of 'Tumor 2'", "tumour"),
    ]  # fmt: skip
    assert "ROINumber 2 stands for 'Tumor 1' and 'Tumor 2'" in left_out[0].why


@pytest.mark.parametrize("number", [None, "x", ""])
def test_contours_of_no_roi_are_listed(number):
    dataset = two_rois("Liver", "Tumor 1")
    item = dataset.ROIContourSequence[1]
    del item.ReferencedROINumber
    if number is not None:
        raw = number.encode()
        item._dict[Tag("ReferencedROINumber")] = RawDataElement(
            Tag("ReferencedROINumber"), "IS", len(raw), raw, 0, False, True
        )
    regions, left_out = read_two(dataset)
    assert [region.name for region in regions] == ["Liver"]
    assert [item.what for item in left_out] == ["contours of no ROI", "contours of 'Tumor 1'"]


def test_one_roi_that_cannot_be_used_leaves_the_others():
    dataset = two_rois("Liver", "Tumor 1", "Stomach")
    climbing = loop_mm(AXIAL, 4, BIG)
    climbing[2:, 2] += 6.0
    points = dataset.ROIContourSequence[1].ContourSequence[0]
    points.ContourData = [float(v) for v in climbing.ravel()]
    regions, left_out = read_two(dataset)
    assert [region.name for region in regions] == ["Liver", "Stomach"]
    assert [(item.what, item.role) for item in left_out] == [("contours of 'Tumor 1'", "tumour")]
    assert "not parallel" in left_out[0].why


@pytest.mark.parametrize("declared", [3, 5, 8])
def test_a_contour_that_holds_other_points_than_it_declares_is_lost(declared):
    dataset = two_rois("Liver", "Tumor 1", "Tumor 2", "Tumor 3")
    dataset.ROIContourSequence[1].ContourSequence[0].NumberOfContourPoints = declared
    regions, left_out = read_two(dataset)
    assert [region.name for region in regions] == ["Liver", "Tumor 2", "Tumor 3"]
    assert f"says {declared}, ContourData holds 4 points" in left_out[0].why


@pytest.mark.parametrize(
    ("change", "said"), [(lambda n: 2 * n, "2 times"), (lambda n: n + 1, "1 more")]
)
def test_a_writer_that_counts_all_points_otherwise_is_believed_and_said(change, said):
    grid = AXIAL
    shapes = [circle(20, 20, 8, count=n) for n in (12, 16, 20)]
    dataset = structure_set([("Liver", [loop_mm(grid, k + 3, s) for k, s in enumerate(shapes)])])
    contours = dataset.ROIContourSequence[0].ContourSequence
    for contour in contours:
        contour.NumberOfContourPoints = change(contour.NumberOfContourPoints)
    regions, left_out = read_two(dataset)
    assert len(regions) == 1
    assert [item.what for item in left_out] == ["NumberOfContourPoints"]
    assert said in left_out[0].why


def test_a_file_whose_contours_all_lost_their_second_half_is_refused():
    """The number agrees in ratio everywhere, but the contours do not close."""
    shapes = [circle(20, 20, 8, count=n) for n in (12, 16, 20)]
    halves = [s[: len(s) // 2] for s in shapes]
    dataset = structure_set([("Liver", [loop_mm(AXIAL, k + 3, s) for k, s in enumerate(halves)])])
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        contour.NumberOfContourPoints *= 2
    with pytest.raises(DicomError, match="part of the contour is lost"):
        read_two(dataset)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[31mRED\x1b]0;pwned\x07", "ROI 1"), ("Liver\x07\x1b[2J", "Liver"),
        ("a\\b\\c", "a\\b\\c"), ("r\u00e9s\u00e9qu\u00e9e", "r\u00e9s\u00e9qu\u00e9e"),
        ("", "ROI 1"), ("x" * 300, "x" * 64),
    ],
)  # fmt: skip
def test_a_name_is_text_that_a_terminal_only_shows(name, shown):
    dataset = two_rois("Stomach")
    dataset.StructureSetROISequence[0].ROIName = name
    (region,), _ = read_two(dataset)
    assert region.name == shown


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_contour_that_does_not_close_makes_the_count_of_all_doubtful(number):
    """Twice the points held are declared everywhere; one contour lost its second half."""
    shapes = [circle(20, 20, 8, count=n) for n in (12, 16, 20)]
    shapes[number] = circle(20, 20, 8, count=24)[:12]
    dataset = structure_set([("Liver", [loop_mm(AXIAL, k + 3, s) for k, s in enumerate(shapes)])])
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        contour.NumberOfContourPoints *= 2
    with pytest.raises(DicomError, match="part of the contour is lost"):
        read_two(dataset)
