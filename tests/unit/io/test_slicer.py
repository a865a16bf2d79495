"""NRRD spaces and steps, Slicer segmentations with layers, label maps."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opensirt.errors import FileFormatError, GridMismatchError
from opensirt.image import Region
from opensirt.io.label_maps import regions_from_labels
from opensirt.io.slicer import read_nrrd, read_nrrd_regions, write_regions_seg_nrrd
from tests.region_samples import turned_grid

SHAPE = (4, 5, 6)


def write_header(path, lines, data, *, compress=False):
    body = gzip.compress(data) if compress else data
    path.write_bytes(("\n".join(["NRRD0004", *lines]) + "\n\n").encode() + body)
    return path


def image_file(path, *, space="left-posterior-superior", steps="(1,0,0) (0,2,0) (0,0,3)"):
    data = np.zeros((4, 3, 2), np.uint8)  # z, y, x
    data[3, 2, 1] = 9
    lines = ["type: uint8", "dimension: 3", "sizes: 2 3 4", "encoding: raw"]
    if space:
        lines += [f"space: {space}", f"space directions: {steps}", "space origin: (10,20,30)"]
    return write_header(path, lines, data.tobytes())


@pytest.mark.parametrize(
    ("space", "steps", "point"),
    [
        ("left-posterior-superior", "(1,0,0) (0,2,0) (0,0,3)", (11, 24, 39)),
        ("LPS", "(-1,0,0) (0,2,0) (0,0,-3)", (9, 24, 21)),
        ("right-anterior-superior", "(1,0,0) (0,2,0) (0,0,3)", (-11, -24, 39)),
        ("RAS", "(-1,0,0) (0,-2,0) (0,0,3)", (-9, -16, 39)),
        ("LAS", "(1,0,0) (0,2,0) (0,0,3)", (11, -24, 39)),
        ("LPS", "(0,1,0) (2,0,0) (0,0,-3)", (14, 21, 21)),
        ("LPS", "(0.6,0.8,0) (-1.6,1.2,0) (0,0,3)", (7.4, 23.2, 39)),
    ],
)
def test_known_point_through_spaces_and_steps(tmp_path, space, steps, point):
    values, grid = read_nrrd(image_file(tmp_path / "a.nrrd", space=space, steps=steps))
    assert np.argwhere(values == 9).tolist() == [[3, 2, 1]]
    assert grid.to_patient((3, 2, 1)) == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", ""])
def test_space_without_a_place_in_the_patient_is_refused(tmp_path, space):
    words = (
        "must say LPS, RAS or LAS, found" if space else "has no NRRD field 'space', so which way"
    )
    with pytest.raises(FileFormatError, match=words):
        read_nrrd(image_file(tmp_path / "a.nrrd", space=space))


def test_damaged_file(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"not an image")
    with pytest.raises(FileFormatError, match=r"a.nrrd: expected NRRD, found something else"):
        read_nrrd(tmp_path / "a.nrrd")


def segmentation_file(path, keys, layers, *, kinds="list domain domain domain", compress=True):
    """A `.seg.nrrd` of (slice, row, column, layer) values."""
    z, y, x, n = layers.shape
    lines = [
        "type: unsigned char", "dimension: 4", "space: left-posterior-superior",
        f"sizes: {n} {x} {y} {z}", "space directions: none (1,0,0) (0,1,0) (0,0,-2)",
        f"kinds: {kinds}", "encoding: gzip", "space origin: (0,0,100)", *keys,
    ]  # fmt: skip
    return write_header(path, lines, layers.astype(np.uint8).tobytes(), compress=compress)


def test_overlapping_layers_and_labels(tmp_path):
    layers = np.zeros((4, 5, 6, 2))
    layers[1:3, 1:4, 1:5, 0] = 1
    layers[3, 4, 5, 0] = 4
    layers[1, 2, 2, 1] = 1
    keys = [
        "Segment0_Name:=liver", "Segment0_LabelValue:=1", "Segment0_Layer:=0",
        "Segment0_Extent:=1 4 1 3 1 2",
        "Segment1_Name:=gallbladder", "Segment1_LabelValue:=4", "Segment1_Layer:=0",
        "Segment2_Name:=Tumor 1", "Segment2_LabelValue:=1", "Segment2_Layer:=1",
        "Segment3_Name:=nothing", "Segment3_LabelValue:=9", "Segment3_Layer:=1",
    ]  # fmt: skip
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert [(r.name, r.role) for r in regions] == [
        ("liver", "liver"), ("gallbladder", "gallbladder"), ("Tumor 1", "tumour"),
        ("nothing", "other"),
    ]  # fmt: skip
    assert regions[0].volume_ml == pytest.approx(24 * 2 / 1000)
    assert regions[1].centroid_mm == pytest.approx((5, 4, 94), abs=1e-6)
    assert regions[2].centroid_mm == pytest.approx((2, 2, 98), abs=1e-6)
    assert (regions[0] & regions[2]).volume_ml == pytest.approx(0.002)
    assert regions[3].is_empty


def test_a_label_of_a_second_layer_is_its_own(tmp_path):
    """Label 4 is the gallbladder's in the first layer and no segment's in the second."""
    layers = np.zeros((4, 5, 6, 2))
    layers[1:3, 1:4, 1:5, 0], layers[3, 4, 5, 0] = 1, 4
    layers[1, 2, 2, 1], layers[2, 2, 2, 1] = 1, 4
    keys = [
        "Segment0_Name:=liver", "Segment0_LabelValue:=1", "Segment0_Layer:=0",
        "Segment1_Name:=gallbladder", "Segment1_LabelValue:=4", "Segment1_Layer:=0",
        "Segment2_Name:=Tumor 1", "Segment2_LabelValue:=1", "Segment2_Layer:=1",
    ]  # fmt: skip
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert [(r.name, r.role) for r in regions][3:] == [("label 4 of layer 1", "other")]
    assert regions[3].volume_ml == pytest.approx(0.002)


def test_old_files_have_one_layer_per_segment(tmp_path):
    layers = np.zeros((4, 5, 6, 2))
    layers[0, 0, 0, 0] = layers[1, 1, 1, 1] = 1
    keys = ["Segment0_Name:=a", "Segment1_Name:=b"]
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert regions[1].centroid_mm == pytest.approx((1, 1, 98), abs=1e-6)


def test_role_from_terminology_where_the_name_says_nothing(tmp_path):
    layers = np.ones((2, 2, 2, 1))
    term = "Segmentation category~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~"
    keys = ["Segment0_Name:=Segment_1", f"Segment0_Tags:=TerminologyEntry:{term}|"]
    path = tmp_path / "s.seg.nrrd"
    assert read_nrrd_regions(segmentation_file(path, keys, layers))[0].role == "liver"
    keys[0] = "Segment0_Name:=whole liver normal"
    assert read_nrrd_regions(segmentation_file(path, keys, layers))[0].role == "other"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "has several layers but no Segment0_Name"),
        (["Segment0_Name:=a", "Segment0_Layer:=5"], "segment 'a' is in layer 5, the file has 2"),
        (["Segment0_Name:=a", "Segment0_LabelValue:=x"], "LabelValue and Layer must be whole"),
    ],
)
def test_broken_segment_keys(tmp_path, keys, message):
    path = segmentation_file(tmp_path / "s.seg.nrrd", keys, np.ones((2, 2, 2, 2)))
    with pytest.raises(FileFormatError, match=message):
        read_nrrd_regions(path)


def test_layers_are_not_an_image(tmp_path):
    path = segmentation_file(tmp_path / "s.nrrd", ["Segment0_Name:=a"], np.ones((2, 2, 2, 2)))
    with pytest.raises(FileFormatError, match="expected one value per voxel, found 2"):
        read_nrrd(path)


def test_plain_label_map(tmp_path):
    path = image_file(tmp_path / "labels.nrrd")
    regions = read_nrrd_regions(path)
    assert [region.name for region in regions] == ["label 9"]
    assert regions[0].centroid_mm == pytest.approx((11, 24, 39), abs=1e-6)


@pytest.mark.parametrize("labels", [(1, 2, 7), (3, 70_000, 2_000_000_000)])
def test_regions_of_a_label_map_are_the_voxels_of_each_label(tmp_path, labels):
    """Labels near and far apart, one of them in two pieces; boxes hold no more than is needed."""
    values = np.zeros(SHAPE, np.int32)
    values[1, 2, 3] = values[3, 4, 5] = labels[0]
    values[2, 1:3, 4], values[0, 0, 0] = labels[1], labels[2]
    regions = regions_from_labels(values, turned_grid(SHAPE), tmp_path / "a.nrrd")
    assert [region.name for region in regions] == [f"label {label}" for label in labels]
    assert [region.fractions.shape for region in regions] == [(3, 3, 3), (1, 2, 1), (1, 1, 1)]
    for region, label in zip(regions, labels, strict=True):
        assert np.array_equal(region.whole(), values == label)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    flips=st.tuples(*[st.sampled_from((1, -1))] * 3),
    seed=st.integers(0, 1000),
)
def test_written_regions_read_back_the_same(tmp_path, degrees, flips, seed):
    grid = turned_grid(SHAPE, degrees=degrees, flips=flips)
    masks = np.random.default_rng(seed).random((3, *SHAPE)) > 0.6
    masks[0] = False
    masks[0, 3, 1, 4] = True
    names = ["Tumor 1", "Liver", "perfused volume"]
    regions = [
        Region.from_mask(name, "other", mask, grid) for name, mask in zip(names, masks, strict=True)
    ]
    write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", regions)
    back = read_nrrd_regions(tmp_path / "s.seg.nrrd")
    assert [region.name for region in back] == names
    assert [region.role for region in back] == ["tumour", "liver", "perfused"]
    for region, mask in zip(back, masks, strict=True):
        assert np.array_equal(region.whole(), mask.astype(np.float32))
    assert back[0].centroid_mm == pytest.approx(tuple(grid.to_patient((3, 1, 4))), abs=0.01)


def test_header_that_slicer_reads(tmp_path):
    grid = turned_grid(SHAPE)
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 2, 4] = True
    write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", [Region.from_mask("a", "other", mask, grid)])
    image = sitk.ReadImage(str(tmp_path / "s.seg.nrrd"))
    assert image.GetMetaData("Segment0_Extent") == "4 4 2 2 1 2"
    assert image.GetMetaData("NRRD_kinds[pixel]") == "list"


def test_regions_on_two_grids_are_refused(tmp_path):
    one, other = turned_grid(SHAPE), turned_grid((5, 5, 6))
    regions = [
        Region.from_mask("a", "other", np.ones(one.shape), one),
        Region.from_mask("b", "other", np.ones(other.shape), other),
    ]
    with pytest.raises(GridMismatchError, match="'b' is on 5 x 5 x 6 voxels"):
        write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", regions)
    with pytest.raises(FileFormatError, match="needs at least one region"):
        write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", [])


def test_a_voxel_is_in_an_exported_segment_from_one_half_on(tmp_path):
    """Coverage of 0.2, 0.49, 0.5, 0.75 and 1: three of five voxels of 3 x 1.5 x 1.2 mm."""
    fractions = np.zeros(SHAPE, np.float32)
    fractions[2, 3, 1:6] = 0.2, 0.49, 0.5, 0.75, 1.0
    grid = turned_grid(SHAPE)
    region = Region.from_mask("Tumor 1", "tumour", fractions, grid)
    write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", [region])
    back = read_nrrd_regions(tmp_path / "s.seg.nrrd")[0]
    assert back.whole()[2, 3].tolist() == [0, 0, 0, 1, 1, 1]
    assert back.volume_ml == pytest.approx(3 * 5.4e-3, rel=1e-5)


def test_modifier_codes_tell_the_left_lung_from_the_right(tmp_path):
    layers = np.ones((2, 2, 2, 1))
    for side, role in (("7771000^Left", "lung-left"), ("24028007^Right", "lung-right")):
        term = f"C~SCT^123037004^Anatomical Structure~SCT^39607008^Lung~SCT^{side}~"
        keys = ["Segment0_Name:=Segment_1", f"Segment0_Tags:=TerminologyEntry:{term}|"]
        path = tmp_path / "s.seg.nrrd"
        assert read_nrrd_regions(segmentation_file(path, keys, layers))[0].role == role


def test_segments_are_in_the_order_of_their_numbers(tmp_path):
    """Ten and more: "Segment10" sorts before "Segment2" as text."""
    layers = np.zeros((1, 1, 12, 12))
    for number in range(12):
        layers[0, 0, number, number] = 1
    keys = [f"Segment{n}_{k}:={v}" for n in range(12) for k, v in (("Name", f"s{n}"), ("Layer", n))]
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert [r.name for r in regions] == [f"s{n}" for n in range(12)]
    assert [r.centroid_mm[0] for r in regions] == pytest.approx(range(12))


def test_a_segment_without_a_name_has_its_identity_or_number(tmp_path):
    layers = np.ones((2, 2, 2, 2))
    keys = ["Segment0_ID:=Segment_9", "Segment0_Layer:=0", "Segment1_LabelValue:=1"]
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert [r.name for r in regions] == ["Segment_9", "Segment 1"]


def test_a_plain_file_of_one_layer_has_its_segments_in_it(tmp_path):
    """Without a layer named, every segment of a file of one layer lies in that layer."""
    layers = np.zeros((2, 2, 2, 1))
    layers[0, 0, 0], layers[1, 1, 1] = 1, 2
    keys = ["Segment0_Name:=a", "Segment1_Name:=b", "Segment1_LabelValue:=2"]
    regions = read_nrrd_regions(segmentation_file(tmp_path / "s.seg.nrrd", keys, layers))
    assert [r.centroid_mm for r in regions] == [
        pytest.approx((0, 0, 100), abs=1e-6), pytest.approx((1, 1, 98), abs=1e-6),
    ]  # fmt: skip


def test_the_written_extent_holds_every_voxel_and_no_more(tmp_path):
    """Column, row and slice ranges, both ends included; names on one line."""
    grid = turned_grid(SHAPE)
    masks = np.zeros((2, *SHAPE), bool)
    masks[0, 1:3, 2:5, 3:6] = masks[1, 0, 0, 0] = True
    regions = [
        Region.from_mask(n, "other", m, grid) for n, m in zip(("a\nb", "c"), masks, strict=True)
    ]
    write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", regions)
    image = sitk.ReadImage(str(tmp_path / "s.seg.nrrd"))
    said = [image.GetMetaData(f"Segment{n}_Extent") for n in range(2)]
    assert said == ["3 5 2 4 1 2", "0 0 0 0 0 0"]
    assert image.GetMetaData("Segment0_Name") == "a b"
    assert [image.GetMetaData(f"Segment{n}_Layer") for n in range(2)] == ["0", "0"]
    assert image.GetMetaData("Segment1_ID") == "Segment_2"
    assert [image.GetMetaData(f"Segment{n}_LabelValue") for n in range(2)] == ["1", "2"]


def named(path, name, label="1"):
    """A segmentation of one segment whose name and label are these bytes."""
    image = sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8))
    image.SetMetaData("Segment0_Name", "NNNN")
    image.SetMetaData("Segment0_LabelValue", label)
    sitk.WriteImage(image, str(path))
    path.write_bytes(path.read_bytes().replace(b"NNNN", name))
    return path


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("r\u00e9s\u00e9qu\u00e9e".encode(), "r\u00e9s\u00e9qu\u00e9e"),
        ("r\u00e9s\u00e9qu\u00e9e".encode("latin-1"), "r\u00e9s\u00e9qu\u00e9e"),
        (b"Liver\x1b[31m", "Liver"),
        (b"\x1b]0;x\x07", "Segment 0"),
    ],
)
def test_a_segment_has_a_readable_name_whatever_its_encoding(tmp_path, name, shown):
    (region,) = read_nrrd_regions(named(tmp_path / "a.seg.nrrd", name))
    assert region.name == shown


@pytest.mark.parametrize("label", ["0", "-1"])
def test_the_background_is_no_segment(tmp_path, label):
    with pytest.raises(FileFormatError, match=f"LabelValue {label}, and 0 is the background"):
        read_nrrd_regions(named(tmp_path / "a.seg.nrrd", b"Liver", label))
