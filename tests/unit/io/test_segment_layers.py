"""Which regions share a layer of a segmentation, that all read back, and what writing needs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opensirt.image import Region
from opensirt.io.segment_layers import Place, share_layers
from opensirt.io.slicer import read_nrrd_regions, write_regions_seg_nrrd
from tests.region_samples import turned_grid

SHAPE = (8, 10, 12)


def block(name, low, high, fraction=1.0, shape=SHAPE):
    """Voxels from `low` up to `high` (slice, row, column), covered by `fraction`."""
    values = np.zeros(shape, np.float32)
    values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = fraction
    return Region.from_mask(name, "other", values, turned_grid(shape))


def read_back(path, regions):
    write_regions_seg_nrrd(path, regions)
    return read_nrrd_regions(path)


def test_regions_that_touch_share_a_layer_and_those_that_overlap_do_not():
    regions = [
        block("a", (0, 0, 0), (4, 4, 4)),
        block("touches a", (4, 0, 0), (6, 4, 4)),
        block("overlaps both", (3, 3, 3), (5, 5, 5)),
        block("apart", (6, 6, 6), (8, 8, 8)),
        block("in the third", (4, 3, 3), (5, 4, 4)),
    ]
    assert share_layers(regions) == (
        Place(0, 1), Place(0, 2), Place(1, 1), Place(0, 3), Place(2, 1),
    )  # fmt: skip


def test_boxes_may_meet_where_voxels_do_not():
    """A frame around another region, and rims covered by less than one half."""
    ring = np.ones(SHAPE, np.float32)
    ring[1:-1, 1:-1, 1:-1] = 0.49
    frame = Region.from_mask("frame", "other", ring, turned_grid(SHAPE))
    assert share_layers([frame, block("core", (2, 2, 2), (5, 5, 5))])[1] == Place(0, 2)
    assert share_layers([frame, block("edge", (0, 0, 0), (1, 1, 1), 0.5)])[1] == Place(1, 1)
    assert share_layers([frame, block("thin", (0, 0, 0), (1, 1, 1), 0.49)])[1] == Place(0, 2)


def test_a_layer_holds_as_many_labels_as_a_byte_and_no_more(tmp_path):
    """300 voxels of their own: two layers, 255 and 45 labels, all as they were."""
    shape = (1, 15, 20)
    regions = []
    for number in range(300):
        row, column = divmod(number, 20)
        low, high = (0, row, column), (1, row + 1, column + 1)
        regions.append(block(f"r{number}", low, high, shape=shape))
    places = share_layers(regions)
    assert places[254:256] == (Place(0, 255), Place(1, 1))
    back = read_back(tmp_path / "s.seg.nrrd", regions)
    assert [r.name for r in back] == [r.name for r in regions]
    assert all(a.box == b.box for a, b in zip(regions, back, strict=True))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 12))
def test_whatever_overlaps_reads_back_as_the_voxels_half_covered(tmp_path, seed, number):
    """Boxes that lie apart, touch, overlap, are nested or empty, with partly covered voxels."""
    rng = np.random.default_rng(seed)
    regions = []
    for index in range(number):
        low = rng.integers(0, SHAPE)
        high = np.minimum(low + rng.integers(0, 5, 3), SHAPE)
        values = np.zeros(SHAPE, np.float32)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        values[box] = rng.choice([0.0, 0.3, 0.5, 1.0], values[box].shape)
        regions.append(Region.from_mask(f"r{index}", "other", values, turned_grid(SHAPE)))
    back = read_back(tmp_path / "s.seg.nrrd", regions)
    assert [r.name for r in back] == [r.name for r in regions]
    for region, found in zip(regions, back, strict=True):
        assert np.array_equal(found.whole(), region.whole() >= 0.5)


def test_layers_lie_in_the_file_as_slicer_has_them(tmp_path):
    """Components of a voxel are the layers, and hold the label of the segment there."""
    regions = [
        block("a", (0, 0, 0), (2, 2, 2)),
        block("b", (1, 1, 1), (3, 3, 3)),
        block("c", (4, 4, 4), (6, 6, 6)),
    ]
    write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", regions)
    image = sitk.ReadImage(str(tmp_path / "s.seg.nrrd"))
    assert image.GetSize() == SHAPE[::-1]
    assert image.GetNumberOfComponentsPerPixel() == 2
    assert [image[x] for x in ((0, 0, 0), (1, 1, 1), (2, 2, 2), (5, 5, 5))] == [
        (1, 0), (1, 1), (0, 1), (2, 0),
    ]  # fmt: skip


def test_writing_needs_less_than_a_byte_a_voxel_whatever_the_number_of_regions(tmp_path):
    """Hand count: 40 regions were 40 bytes a voxel and twice that; one slice of layers is held."""
    shape = (160, 64, 64)
    regions = [block(f"r{n}", (n, n, 0), (n + 8, n + 8, 8), shape=shape) for n in range(40)]
    tracemalloc.start()
    try:
        write_regions_seg_nrrd(tmp_path / "s.seg.nrrd", regions)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * np.prod(shape)


@pytest.mark.parametrize("number", [1, 30])
def test_reading_looks_at_each_layer_once(tmp_path, monkeypatch, number):
    from opensirt.io import slicer

    seen = []
    kept = slicer.label_boxes
    monkeypatch.setattr(slicer, "label_boxes", lambda x: (seen.append(x.size), kept(x))[1])
    regions = [
        block(f"r{n}", (0, n % 10, n // 10), (1, n % 10 + 1, n // 10 + 1)) for n in range(number)
    ]
    assert len(read_back(tmp_path / "s.seg.nrrd", regions)) == number
    assert seen == [np.prod(SHAPE)]
