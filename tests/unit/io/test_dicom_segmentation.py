"""Segmentation: voxels and places as highdicom and pydicom read them."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from opensirt.errors import GridMismatchError, RegionError
from opensirt.image import Grid, Region, Regions
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.dicom_segmentation import build_segmentation, write_segmentation
from tests.dicom_samples import GRIDS, sample_context, sample_regions, source_image


@pytest.mark.parametrize("name", GRIDS)
def test_highdicom_finds_each_voxel_in_its_place(tmp_path: Path, name: str) -> None:
    grid = GRIDS[name]
    regions = sample_regions(grid)
    seg = hd.seg.segread(write_segmentation(tmp_path / "s.dcm", regions, sample_context(grid)))
    volume = seg.get_volume(segment_numbers=[1, 2, 3], rescale_fractional=False)
    for number, region in enumerate(list(regions)[:3]):
        on = np.argwhere(volume.array[..., number])
        points = on @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        index = grid.to_index(points)
        assert np.abs(grid.to_patient(np.rint(index)) - points).max() < 0.01
        mask = np.zeros(grid.shape, bool)
        mask[tuple(np.rint(index).astype(int).T)] = True
        assert np.array_equal(mask, region.whole() >= 0.5), region.name


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("name", ["axial", "oblique-left-handed"])
def test_our_reader_gets_the_regions_back(tmp_path: Path, name: str, kind: str) -> None:
    tilted = GRIDS[name]
    grid = Grid.from_directions((9, 14, 16), (3, 1.5, 2.25), (5, 6, 7), tilted.directions)
    regions = Regions(tuple(sample_regions(grid))[:3])
    path = write_segmentation(tmp_path / "s.dcm", regions, sample_context(grid), kind=kind)
    back, _ = read_segmentation(pydicom.dcmread(path), [source_image(grid)])
    assert [(r.name, r.role) for r in back] == [(r.name, r.role) for r in regions]
    for found, region in zip(back, regions, strict=True):
        assert found.volume_ml == pytest.approx(region.volume_ml, rel=1e-6)
        assert found.centroid_mm == pytest.approx(region.centroid_mm, abs=0.01)


def test_only_planes_with_something_are_written_in_order_along_the_normal() -> None:
    found = build_segmentation(sample_regions(GRIDS["slices-downwards"]), sample_context())
    groups = found.PerFrameFunctionalGroupsSequence
    numbers = [g.SegmentIdentificationSequence[0].ReferencedSegmentNumber for g in groups]
    assert numbers == [1] * 6 + [2] * 4 + [3] * 4
    z_mm = [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in groups]
    assert (np.diff(z_mm[:6]) == 3.0).all()
    assert found.NumberOfFrames == 14
    assert len(found.PixelData) == (14 * 14 * 13 + 15) // 16 * 2


def test_codes_name_what_each_segment_is() -> None:
    items = build_segmentation(sample_regions(GRIDS["axial"]), sample_context()).SegmentSequence
    kinds = [item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in items]
    assert kinds == ["10200004", "108369006", "39607008", "108369006"]
    assert items[1].AnatomicRegionSequence[0].CodeMeaning == "Liver"
    side = items[2].SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert side[0].CodeMeaning == "Left"


def test_source_images_are_referred_to_frame_by_frame() -> None:
    grid = GRIDS["slices-downwards"]
    found = build_segmentation(sample_regions(grid), sample_context(grid))
    group = found.PerFrameFunctionalGroupsSequence[0]
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == "1.2.3.7.6"  # the lowest of slices 1 to 6
    series = found.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == "1.2.3.4"
    named = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert named == {f"1.2.3.7.{i}" for i in range(1, 9)}


def test_without_source_images_nothing_is_referred_to() -> None:
    found = build_segmentation(sample_regions(GRIDS["axial"]), sample_context())
    assert "ReferencedSeriesSequence" not in found
    assert all("DerivationImageSequence" not in g for g in found.PerFrameFunctionalGroupsSequence)


def test_what_cannot_be_written_is_refused() -> None:
    grid = GRIDS["axial"]
    ones = np.ones(grid.shape, bool)
    a, b = Region.from_mask("a", "liver", ones, grid), Region.from_mask("b", "tumour", ones, grid)
    with pytest.raises(RegionError, match="'a' and 'b' overlap, which a label map cannot hold"):
        build_segmentation(Regions((a, b)), sample_context(), kind="LABELMAP")
    with pytest.raises(RegionError, match="at least one region for a segmentation, found none"):
        build_segmentation(Regions(), sample_context())
    faint = Region.from_mask("f", "liver", ones * 0.25, grid)
    with pytest.raises(RegionError, match="a voxel at least half inside, found none"):
        build_segmentation(Regions((faint,)), sample_context())
    other = Region.from_mask(
        "o", "liver", np.ones((2, 2, 2), bool), Grid.regular((2, 2, 2), (1, 1, 1))
    )
    with pytest.raises(GridMismatchError, match="'a' and 'o' are on different grids"):
        build_segmentation(Regions((a, other)), sample_context())


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_nothing_refers_to_an_image_that_was_never_written(kind: str) -> None:
    regions = Regions(tuple(sample_regions(GRIDS["axial"]))[:2])
    found = build_segmentation(regions, sample_context(), kind=kind)
    referred = [e for e in found.iterall() if e.keyword == "ReferencedSOPInstanceUID"]
    assert referred == []


def test_frames_between_images_refer_to_none_and_the_others_to_theirs() -> None:
    """Frames 1.5 mm apart on images 3 mm apart: every second one lies in an image."""
    grid = GRIDS["axial"]
    fine = Grid.from_directions((17, 14, 13), (1.5, 1.5, 2.25), grid.origin_mm, grid.directions)
    mask = np.zeros(fine.shape)
    mask[3:8, 4:9, 4:9] = 1
    regions = Regions((Region.from_mask("liver", "liver", mask, fine),))
    found = build_segmentation(regions, sample_context(grid))
    images = [
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        if "DerivationImageSequence" in group else None
        for group in found.PerFrameFunctionalGroupsSequence
    ]  # fmt: skip
    assert images == [None, "1.2.3.7.2", None, "1.2.3.7.3", None]
    (series,) = found.ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert named == ["1.2.3.7.2", "1.2.3.7.3"]
