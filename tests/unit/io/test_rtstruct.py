"""RT structure sets: coverage, holes, planes and frames of reference."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from opensirt.case import LeftOut
from opensirt.errors import DicomError
from opensirt.image import Grid
from opensirt.io.dicom_rtstruct import read_rtstruct
from tests.region_samples import (
    AXIAL,
    FRAME,
    box_loop,
    circle,
    loop_mm,
    read_one,
    structure_set,
    study_image,
    turned_grid,
)


def test_square_between_voxel_edges_has_exact_fractions():
    region, left_out = read_one(AXIAL, [(4, box_loop(9.75, 14.75))])
    assert region.fractions.shape == (1, 6, 6)
    assert region.fractions[0, 0, 0] == pytest.approx(0.75**2, abs=1e-6)
    assert region.fractions[0, 5, 1] == pytest.approx(0.25, abs=1e-6)
    assert region.fractions[0, 1:5, 1:5].min() == 1.0
    assert region.volume_ml == pytest.approx(25 * 3 / 1000, rel=1e-6)
    assert left_out == ()


@pytest.mark.parametrize("radius_mm", [6.0, 15.0])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (20, -35, 10)])
def test_sphere_volume_within_one_percent(radius_mm, degrees):
    grid = turned_grid((60, 60, 60), (1.0, 0.8, 0.8), degrees=degrees)
    middle = 29.7
    loops = []
    for index in range(60):
        half = radius_mm**2 - (index - middle) ** 2
        if half > 0:
            loops.append((index, circle(30.2, 28.6, math.sqrt(half) / 0.8)))
    region, _ = read_one(grid, loops)
    assert region.volume_ml == pytest.approx(4 / 3 * math.pi * radius_mm**3 / 1000, rel=0.01)
    assert region.centroid_mm == pytest.approx(
        tuple(grid.to_patient((middle, 30.2, 28.6))), abs=0.05
    )


@settings(max_examples=25, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-80, 80)] * 3),
    flips=st.tuples(*[st.sampled_from((1, -1))] * 3),
    place=st.tuples(st.integers(1, 10), st.floats(4, 15), st.floats(4, 19)),
)
def test_known_point_through_any_orientation(degrees, flips, place):
    grid = turned_grid(degrees=degrees, flips=flips)
    index, row, column = place
    corners = [(row - 2, column - 2), (row - 2, column + 2), (row + 2, column + 2)]
    region, _ = read_one(grid, [(index, [*corners, (row + 2, column - 2)])])
    assert region.centroid_mm == pytest.approx(tuple(grid.to_patient(place)), abs=0.01)


def test_inner_loop_is_a_hole_and_an_island_in_it_counts():
    loops = [
        (3, box_loop(4.5, 24.5)),
        (3, list(reversed(box_loop(9.5, 19.5)))),
        (3, box_loop(12.5, 15.5)),
    ]
    region, _ = read_one(AXIAL, loops)
    assert region.volume_ml == pytest.approx((400 - 100 + 9) * 3 / 1000, rel=1e-6)
    assert region.whole()[3, 11, 11] == 0
    assert region.whole()[3, 14, 14] == 1


def test_keyhole_contour_leaves_its_hole_empty():
    outer, inner = box_loop(4.5, 24.5), box_loop(9.5, 19.5)
    keyhole = [*outer, outer[0], inner[0], *reversed(inner[1:]), inner[0]]
    region, _ = read_one(AXIAL, [(3, keyhole)])
    assert region.volume_ml == pytest.approx(300 * 3 / 1000, rel=1e-6)
    assert region.whole()[3, 14, 14] == 0


def test_several_loops_in_a_slice_add_up():
    region, _ = read_one(AXIAL, [(3, box_loop(2.5, 6.5)), (3, box_loop(20.5, 30.5))])
    assert region.volume_ml == pytest.approx((16 + 100) * 3 / 1000, rel=1e-6)


def test_contours_on_every_second_slice_fill_the_slices_between():
    region, _ = read_one(AXIAL, [(k, box_loop(4.5, 14.5)) for k in (2, 4, 6)])
    profile = region.whole()[:, 10, 10]
    assert profile.tolist() == [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0, 0]
    assert region.volume_ml == pytest.approx(3 * 100 * 6 / 1000, rel=1e-6)


def test_contours_finer_than_slices_average():
    loops = [(3 + (k - 1) / 3, box_loop(4.5, 14.5 if k < 2 else 9.5)) for k in range(3)]
    region, _ = read_one(AXIAL, loops)
    assert region.volume_ml == pytest.approx((100 + 100 + 25) * 1 / 1000, rel=1e-6)
    assert region.fractions.shape[0] == 1


def test_contour_between_slices_is_shared():
    region, _ = read_one(AXIAL, [(3.25, box_loop(4.5, 14.5))])
    assert region.whole()[2:6, 10, 10] == pytest.approx([0, 0.75, 0.25, 0])


def test_wide_gap_stays_empty_and_is_said():
    region, left_out = read_one(AXIAL, [(k, box_loop(4.5, 14.5)) for k in (1, 2, 3, 8, 9)])
    assert region.whole()[:, 10, 10].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert left_out == (
        LeftOut("contours of 'Liver'", "1 gaps between contour planes are left empty"),
    )


def test_planes_outside_the_image_are_listed():
    region, left_out = read_one(AXIAL, [(k, box_loop(4.5, 14.5)) for k in (-3, -2, -1, 0, 1)])
    assert region.volume_ml == pytest.approx(2 * 100 * 3 / 1000, rel=1e-6)
    assert left_out[0].why == "3 of 5 contour planes lie outside the image slices"


def test_part_beyond_rows_is_cut_off_and_said():
    region, left_out = read_one(AXIAL, [(3, box_loop(-10.5, 9.5))])
    assert region.volume_ml == pytest.approx(100 * 3 / 1000, rel=1e-6)
    assert left_out[0].why == "the part beyond the rows or columns of the image is cut off"


def test_region_wholly_outside_is_left_out():
    points = [loop_mm(AXIAL, 3, box_loop(60, 70))]
    regions, left_out = read_rtstruct(structure_set([("Liver", points)]), [study_image(AXIAL)])
    assert regions == ()
    assert left_out[0].why == "nothing of it lies inside the image"


def test_missing_referenced_images_do_not_matter():
    points = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    dataset = structure_set([("Liver", points)])
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.4.5.6"
    dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [item]
    regions, left_out = read_rtstruct(dataset, [study_image(AXIAL)])
    assert regions[0].volume_ml == pytest.approx(0.3, rel=1e-6)
    assert left_out == ()


def test_points_open_lines_and_empty_rois_are_left_out():
    square = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    dataset = structure_set(
        [("Isocentre", square[:1]), ("Line", square), ("Empty", []), ("Liver", square)],
        kinds=("POINT", "OPEN_PLANAR", "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"),
    )
    regions, left_out = read_rtstruct(dataset, [study_image(AXIAL)])
    assert [region.name for region in regions] == ["Liver"]
    assert [item.why for item in left_out] == [
        "1 contours: ContourGeometricType POINT encloses no area",
        "1 contours: ContourGeometricType OPEN_PLANAR encloses no area",
        "the ROI has no contours",
    ]


def test_contour_drawn_twice_is_used_once():
    region, left_out = read_one(AXIAL, [(3, box_loop(4.5, 14.5))] * 2)
    assert region.volume_ml == pytest.approx(0.3, rel=1e-6)
    assert left_out[0].why == "1 contours: drawn twice, used once"


def test_other_frame_of_reference_is_named():
    points = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    regions, left_out = read_rtstruct(
        structure_set([("Liver", points)], frame="1.9.9"), [study_image(AXIAL)]
    )
    assert regions == ()
    assert left_out[0].why == (
        "no image in its frame of reference, so no grid to fill: FrameOfReferenceUID 1.9.9, "
        f"images have {FRAME}"
    )


def test_no_image_at_all_is_said():
    points = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    _, left_out = read_rtstruct(structure_set([("Liver", points)]), [])
    assert left_out[0].why.startswith("no image in its frame of reference")
    assert left_out[0].why.endswith("images have none")


def test_contour_across_slices_is_one_clear_error():
    points = [AXIAL.to_patient([(2, 5, 5), (6, 5, 5), (6, 15, 5), (2, 15, 5)])]
    with pytest.raises(DicomError, match=r"ContourData of ROI 'Liver' is not parallel .* 4 slices"):
        read_rtstruct(structure_set([("Liver", points)]), [study_image(AXIAL)])


@pytest.mark.parametrize("data", [b"1\\2\\3\\4", b"1\\2\\x", b"1\\nan\\3"])
def test_broken_contour_data_names_the_keyword(data):
    dataset = structure_set([("Liver", [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))])])
    tag = Tag("ContourData")
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour._dict[tag] = RawDataElement(tag, "DS", len(data), data, 0, False, True)
    with pytest.raises(DicomError, match="ContourData of ROI 'Liver'"):
        read_rtstruct(dataset, [study_image(AXIAL)])


def test_contour_traced_from_a_mask_gives_the_mask_back():
    """A line through the outer voxel centres, as image libraries trace it, hides half a voxel."""
    octagon = [(5, 9), (5, 20), (9, 24), (20, 24), (24, 20), (24, 9), (20, 5), (9, 5)]
    loops = [(k, octagon) for k in range(2, 9)]
    region, left_out = read_one(AXIAL, loops)
    rows, columns = np.indices((40, 40))
    inside = (rows >= 5) & (rows <= 24) & (columns >= 5) & (columns <= 24)
    for row, column in ((rows, columns), (29 - rows, columns)):
        inside &= (row + column >= 14) & (row + column <= 44)
    assert region.volume_ml == pytest.approx(7 * inside.sum() * 3 / 1000, rel=1e-6)
    assert np.array_equal(region.whole()[4], inside.astype(np.float32))
    assert left_out[0].why.startswith("runs through voxel centres")


def test_contour_data_already_parsed_reads_the_same():
    dataset = structure_set([("Liver", [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))])])
    assert len(dataset.ROIContourSequence[0].ContourSequence[0].ContourData) == 12
    regions, _ = read_rtstruct(dataset, [study_image(AXIAL)])
    assert regions[0].volume_ml == pytest.approx(0.3, rel=1e-6)


def test_roles_from_names_types_and_the_caller():
    square = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    names = ["Liver", "GTV_Mass", "Seg 5 nodule A", "PTV", "patient", "Tumor 1", "ablated"]
    dataset = structure_set(
        [(name, square) for name in names], types=("ORGAN", "", "GTV", "PTV", "EXTERNAL", "", "")
    )
    regions, _ = read_rtstruct(dataset, [study_image(AXIAL)], roles={"ablated": "necrosis"})
    assert [region.role for region in regions] == [
        "liver", "tumour", "tumour", "other", "body", "tumour", "necrosis",
    ]  # fmt: skip


def test_same_name_twice_is_numbered():
    square = [loop_mm(AXIAL, 3, box_loop(4.5, 14.5))]
    regions, _ = read_rtstruct(
        structure_set([("Lesion", square), ("Lesion", square)]), [study_image(AXIAL)]
    )
    assert [region.name for region in regions] == ["Lesion", "Lesion (2)"]


def test_liver_on_a_ct_is_filled_in_under_a_second():
    grid = Grid.regular((150, 512, 512), (2.0, 0.8, 0.8))
    loops = [
        loop_mm(grid, k, circle(250, 240, 30 + 80 * math.sin(math.pi * k / 150), 500))
        for k in range(5, 145)
    ]
    dataset = structure_set([("Liver", loops)])
    image = study_image(grid)
    start = time.process_time()  # other processes of a shared machine do not count
    regions, _ = read_rtstruct(dataset, [image])
    assert time.process_time() - start < 2.0  # 0.4 s
    assert regions[0].volume_ml == pytest.approx(
        sum((30 + 80 * math.sin(math.pi * k / 150)) ** 2 for k in range(5, 145))
        * math.pi * 0.64 * 2 / 1000,
        rel=1e-3,
    )  # fmt: skip


def test_a_lesion_of_one_contour_has_the_finest_usual_thickness():
    """A liver on every fourth slice and a lung on every slice: one contour stands for one slice."""
    square = box_loop(4.5, 9.5)
    liver = [loop_mm(AXIAL, k, box_loop(2.5, 30.5)) for k in (0, 4, 8)]
    lung = [loop_mm(AXIAL, k, box_loop(20.5, 30.5)) for k in (1, 2, 3, 4, 5)]
    lesion = [loop_mm(AXIAL, 4, square)]
    for order in ([liver, lung, lesion], [lesion, lung, liver], [lung, liver, lesion]):
        names = [{id(liver): "Liver", id(lung): "Lung", id(lesion): "Lesion"}[id(o)] for o in order]
        regions, _ = read_rtstruct(
            structure_set(list(zip(names, order, strict=True))), [study_image(AXIAL)]
        )
        found = {region.name: region.volume_ml for region in regions}
        assert found["Lesion"] == pytest.approx(25 * 3 / 1000)


def test_one_contour_stands_for_two_slices_where_all_are_drawn_on_every_second():
    """25 voxels of a slice of 3 mm, twice."""
    liver = [loop_mm(AXIAL, k, box_loop(2.5, 30.5)) for k in (0, 2, 4, 6, 8)]
    lesion = [loop_mm(AXIAL, 4, box_loop(4.5, 9.5))]
    regions, left_out = read_rtstruct(
        structure_set([("Liver", liver), ("Lesion", lesion)]), [study_image(AXIAL)]
    )
    assert regions[1].volume_ml == pytest.approx(2 * 25 * 3 / 1000)
    assert regions[1].fractions[:, 0, 0].tolist() == [0.5, 1.0, 0.5]
    assert left_out == ()


def test_the_usual_spacing_is_one_that_occurs_most_not_the_widest():
    """Planes 1, 2, 3 and 7: the usual step is one slice, and so is a lesion of one contour."""
    lung = [loop_mm(AXIAL, k, box_loop(20.5, 30.5)) for k in (1, 2, 3, 7)]
    lesion = [loop_mm(AXIAL, 4, box_loop(4.5, 9.5))]
    regions, _ = read_rtstruct(
        structure_set([("Lung", lung), ("Lesion", lesion)]), [study_image(AXIAL)]
    )
    assert regions[1].volume_ml == pytest.approx(25 * 3 / 1000)


@pytest.mark.parametrize("ct_first", [True, False])
def test_outlines_are_filled_on_the_ct_whatever_image_comes_first(ct_first):
    spect = study_image(Grid.regular((8, 10, 10), (4.4, 4.4, 4.4), (-22.0, -22.0, 48.0)),
                        role="planning-activity")  # fmt: skip
    images = [study_image(AXIAL), spect] if ct_first else [spect, study_image(AXIAL)]
    for image, uid in zip(images, ("1.2.3.1", "1.2.3.2"), strict=True):
        object.__setattr__(image, "series_uid", uid)  # neither is the series referred to
    points = [loop_mm(AXIAL, k, box_loop(9.75, 14.75)) for k in (3, 4)]
    regions, _ = read_rtstruct(structure_set([("Liver", points)]), images)
    assert regions[0].grid.matches(AXIAL)
    regions, _ = read_rtstruct(structure_set([("Liver", points)]), [spect])
    assert regions[0].grid.matches(spect.volume.grid)


@pytest.mark.parametrize(("rise", "refused"), [(0.15, False), (0.25, True), (1.0, True)])
def test_a_contour_that_climbs_is_refused_from_a_fifth_of_a_slice(rise, refused):
    corners = [(5, 5, 5), (5 + rise, 5, 15), (5 + rise, 15, 15), (5, 15, 5)]
    dataset = structure_set([("Liver", [AXIAL.to_patient(corners)])])
    if refused:
        with pytest.raises(DicomError, match=f"one contour crosses {rise:.2g} slices"):
            read_rtstruct(dataset, [study_image(AXIAL)])
    else:
        regions, _ = read_rtstruct(dataset, [study_image(AXIAL)])
        assert regions[0].volume_ml == pytest.approx(0.3, rel=1e-6)


def test_a_contour_with_knight_steps_keeps_its_own_area():
    """A hand-drawn diamond of steps (2, 1) on voxel centres is no mask: it does not grow."""
    diamond = [(10 + r, 10 + c) for r, c in ((-8, 0), (-6, 1), (-4, 2), (-2, 3), (0, 4), (2, 3),
               (4, 2), (6, 1), (8, 0), (6, -1), (4, -2), (2, -3), (0, -4), (-2, -3), (-4, -2),
               (-6, -1))]  # fmt: skip
    region, left_out = read_one(AXIAL, [(k, diamond) for k in range(2, 8)])
    assert region.volume_ml == pytest.approx(6 * (16 * 8 / 2) * 3 / 1000, rel=1e-6)
    assert left_out == ()
