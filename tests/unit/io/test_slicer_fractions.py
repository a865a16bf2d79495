"""Segmentations of covered fractions, labels of no segment, and probabilities given as labels."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from opensirt.errors import FileFormatError
from opensirt.image import Grid
from opensirt.io.label_maps import regions_from_labels
from opensirt.io.slicer import read_nrrd_regions

MARK = "Segmentation_MasterRepresentation"


def save(path, values, **keys):
    """A `.seg.nrrd` of voxels of 2 x 2 x 2 mm; `values` (slice, row, column[, layer])."""
    image = sitk.GetImageFromArray(values, isVector=values.ndim == 4)
    image.SetSpacing((2.0, 2.0, 2.0))
    for key, value in {"Segment0_Name": "Liver", "Segment0_LabelValue": "1", **keys}.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def voxels(kind, *numbers):
    """One slice that holds the numbers, and two of background around it."""
    values = np.zeros((3, 2, 4), kind)
    values[1].flat[: len(numbers)] = numbers
    return values


@pytest.mark.parametrize(
    ("values", "more", "expected"),
    [
        (voxels(np.uint8, 255, 51, 204), {}, (1, 0.2, 0.8)),
        (voxels(np.uint8, 216, 54, 108), {}, (1, 0.25, 0.5)),
        (voxels(np.uint8, 1, 1), {}, (1, 1)),
        (voxels(np.uint16, 65535, 13107), {}, (1, 0.2)),
        (voxels(np.float32, 1, 0.25), {}, (1, 0.25)),
        (voxels(np.int8, 127, 0), {}, (1, 0)),
        ((voxels(np.int16, 216, 54, 108) - 108).astype(np.int8), {}, (1, 0.25, 0.5)),
        (voxels(np.uint8, 80, 20), {"Segment0_ScalarRange": "0 100"}, (0.8, 0.2)),
        (voxels(np.float64, 100, 50), {"Segmentation_ScalarRange": "0 200"}, (0.5, 0.25)),
    ],
)
@pytest.mark.parametrize("mark", [MARK, "Segmentation_SourceRepresentation"])
def test_a_fraction_is_the_value_over_what_a_whole_voxel_has(
    tmp_path, mark, values, more, expected
):
    path = save(tmp_path / "a.seg.nrrd", values, **{mark: "Fractional labelmap"}, **more)
    (liver,) = read_nrrd_regions(path)
    assert (liver.name, liver.role) == ("Liver", "liver")
    assert liver.whole()[1].ravel()[: len(expected)] == pytest.approx(expected, abs=1e-6)
    assert liver.volume_ml == pytest.approx(0.008 * sum(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        (
            voxels(np.uint8, 190, 50),
            {},
            "of values 0 to 190, which do not say what stands for a wh",
        ),
        (voxels(np.float32, 255, 50), {}, "of values 0 to 255, which do not say"),
        (voxels(np.int8, 108, -5), {}, "of values -5 to 108, which do not say"),
        (
            voxels(np.uint8, 190),
            {"Segment0_ScalarRange": "0 100"},
            "ScalarRange says 0 to 100, and",
        ),
        (voxels(np.uint8, 190), {"Segment0_ScalarRange": "255"}, "must be two numbers, the same"),
        (voxels(np.uint8, 24), {"Segment0_ScalarRange": "0 100"}, "and no voxel has more than 24"),
        (
            voxels(np.uint8, 255),
            {"Segment1_Name": "Tumour", "Segment1_LabelValue": "2"},
            "segments 'Liver' and 'Tumour' share layer 0, and voxels hold fractions",
        ),
    ],
)
def test_fractions_of_an_unknown_whole_are_refused(tmp_path, values, more, message):
    path = save(tmp_path / "a.seg.nrrd", values, **{MARK: "Fractional labelmap"}, **more)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_nrrd_regions(path)
    assert "\n" not in str(caught.value)


def test_each_segment_has_the_fractions_of_its_layer(tmp_path):
    layers = np.stack([voxels(np.uint8, 255, 51), voxels(np.uint8, 0, 204)], axis=3)
    keys = {"Segment0_Layer": "0", "Segment1_Name": "Tumour 1", "Segment1_Layer": "1"}
    path = save(tmp_path / "a.seg.nrrd", layers, **{MARK: "Fractional labelmap"}, **keys)
    liver, tumour = read_nrrd_regions(path)
    assert liver.volume_ml == pytest.approx(0.008 * 1.2, rel=1e-5)
    assert tumour.volume_ml == pytest.approx(0.008 * 0.8, rel=1e-5)


@pytest.mark.parametrize("stated", ["Binary labelmap", "Closed surface"])
def test_other_representations_are_labels(tmp_path, stated):
    path = save(tmp_path / "a.seg.nrrd", voxels(np.uint8, 1, 1, 0), **{MARK: stated})
    assert read_nrrd_regions(path)[0].volume_ml == pytest.approx(0.016)


def test_a_mask_of_255_whose_segment_has_the_label_1_is_refused(tmp_path):
    """It was a liver of 0.0 mL."""
    path = save(tmp_path / "a.seg.nrrd", voxels(np.uint8, 255, 255))
    message = r"segment 'Liver' has no voxel, while no segment has the label 255 of voxels in its"
    with pytest.raises(FileFormatError, match=message):
        read_nrrd_regions(path)


def test_labels_of_no_segment_are_regions_of_their_own(tmp_path):
    found = read_nrrd_regions(save(tmp_path / "a.seg.nrrd", voxels(np.uint8, 1, 7, 7)))
    assert [(r.name, r.role) for r in found] == [("Liver", "liver"), ("label 7", "other")]
    assert [r.volume_ml for r in found] == pytest.approx([0.008, 0.016])
    layers = np.stack([voxels(np.uint8, 1), voxels(np.uint8, 3)], axis=3)
    found = read_nrrd_regions(save(tmp_path / "b.seg.nrrd", layers))
    assert [r.name for r in found] == ["Liver", "label 3 of layer 1"]


def test_an_empty_segment_alone_stays_empty(tmp_path):
    more = {"Segment1_Name": "nothing", "Segment1_LabelValue": "2"}
    found = read_nrrd_regions(save(tmp_path / "a.seg.nrrd", voxels(np.uint8, 1), **more))
    assert [r.is_empty for r in found] == [False, True]


# -- probabilities given as label maps

GRID = Grid.from_directions((40, 60, 60), (2, 2, 2), (0, 0, 0), np.eye(3)[::-1])


def ball():
    """Values from 1 at the edge to 255 in the middle of a ball, as of a blurred mask."""
    places = np.indices(GRID.shape).reshape(3, -1).T - (20, 30, 30)
    far = np.linalg.norm(places * (1.4, 1, 1), axis=1).reshape(GRID.shape)
    return np.clip(np.rint(300 - 11 * far), 0, 255).astype(np.uint8)


def blocks(order):
    """300 labels, each of 4 x 4 x 4 voxels or more, in this order, within a border of 0."""
    a, b, c = (np.clip((n - 4) // 5, 0, 9) for n in np.indices(GRID.shape))
    values = order[(a % 6) * 100 + b * 10 + c] + 1
    values[:3] = values[:, :3] = 0
    return values.astype(np.uint16)


def test_a_probability_is_no_label_map(tmp_path):
    assert np.unique(ball()).size > 250
    message = r"p.nii.gz: values that rise little by little from the border inwards are no labels"
    with pytest.raises(FileFormatError, match=message):
        regions_from_labels(ball(), GRID, tmp_path / "p.nii.gz")
    unmarked = save(tmp_path / "p.seg.nrrd", ball())
    with pytest.raises(
        FileFormatError, match=r"\d+ values of voxels are the label of no segment, as in a map"
    ):
        read_nrrd_regions(unmarked)


@pytest.mark.parametrize("names", [{}, {n: f"part {n}" for n in range(1, 700)}])
@pytest.mark.parametrize("order", ["sorted", "mixed", "reversed"])
def test_an_atlas_of_many_labels_is_read(tmp_path, order, names):
    numbers = {
        "sorted": np.arange(600), "reversed": np.arange(600)[::-1],
        "mixed": np.random.default_rng(1).permutation(600),
    }[order]  # fmt: skip
    values = blocks(numbers)
    found = regions_from_labels(values, GRID, tmp_path / "atlas.nii.gz", names)
    assert len(found) == np.unique(values).size - 1 > 300


def test_labels_within_a_body_and_labels_along_an_axis_are_read(tmp_path):
    """Low at the border but with jumps inside; with steps of 1 but as high at the border."""
    order = np.random.default_rng(2).permutation(600)
    body = np.where(blocks(order) == 0, 1, blocks(order) + 1).astype(np.uint16)
    body[0] = body[:, 0] = 0
    assert len(regions_from_labels(body, GRID, tmp_path / "a.nii")) > 300
    along = np.zeros((60, 60, 262), np.uint16)
    along[1:-1, 1:-1, 1:-1] = np.arange(1, 261)
    grid = Grid.from_directions(along.shape, (2, 2, 2), (0, 0, 0), np.eye(3)[::-1])
    assert len(regions_from_labels(along, grid, tmp_path / "a.nii")) == 260
