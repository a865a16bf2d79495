"""RT Structure Set: outlines enclose the voxels they came from, wherever the grid lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Polygon
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from opensirt.image import Grid, Region, Regions, Volume
from opensirt.io import dicom_structures
from opensirt.io.dicom_common import save
from opensirt.io.dicom_dose import DoseVolumeHistogram, build_rt_dose
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_structures import (
    build_rt_structures,
    region_outlines,
    roi_numbers,
    write_rt_structures,
)
from opensirt.units import Unit
from tests.dicom_samples import GRIDS, sample_context, sample_regions, source_image


def inside_by_even_odd(contours: list[Dataset], grid: Grid) -> np.ndarray:
    """Voxel centres inside the contours of each plane, counted by matplotlib, even-odd."""
    mask = np.zeros(grid.shape, bool)
    rows, columns = np.indices(grid.shape[1:])
    centres = np.stack([columns.ravel(), rows.ravel()], 1)
    for contour in contours:
        index = grid.to_index(np.asarray(contour.ContourData, float).reshape(-1, 3))
        plane = round(index[0, 0])
        assert np.abs(index[:, 0] - plane).max() < 1e-4
        within = Polygon(index[:, [2, 1]]).contains_points(centres)
        mask[plane] ^= within.reshape(rows.shape)
    return mask


def contours_of(dataset: Dataset, number: int) -> list[Dataset]:
    roi = dataset.ROIContourSequence[number - 1]
    assert roi.ReferencedROINumber == number
    return list(roi.get("ContourSequence", []))


@pytest.mark.parametrize("holes", ["keyhole", "loops"])
@pytest.mark.parametrize("name", GRIDS)
def test_outlines_hold_the_voxels(tmp_path: Path, name: str, holes: str) -> None:
    grid = GRIDS[name]
    regions = sample_regions(grid)
    path = write_rt_structures(tmp_path / "s.dcm", regions, sample_context(grid), holes=holes)
    found = pydicom.dcmread(path)
    for region, number in zip(regions, roi_numbers(regions).values(), strict=True):
        mask = inside_by_even_odd(contours_of(found, number), grid)
        assert np.array_equal(mask, region.whole() >= 0.5), region.name


def test_a_hole_is_a_keyhole_or_a_loop() -> None:
    regions = sample_regions(GRIDS["axial"])
    keyhole = contours_of(build_rt_structures(regions, sample_context()), 1)
    loops = contours_of(build_rt_structures(regions, sample_context(), holes="loops"), 1)
    assert (len(keyhole), len(loops)) == (6, 12)
    points = np.asarray(keyhole[0].ContourData, float).reshape(-1, 3)
    assert len(points) == keyhole[0].NumberOfContourPoints
    repeated = len(points) - len(np.unique(points, axis=0))
    assert repeated == 2


def test_two_holes_join_one_loop() -> None:
    mask = np.ones((1, 9, 15), bool)
    mask[0, 3:6, 2:5] = mask[0, 3:6, 9:13] = False
    region = Region.from_mask("r", "liver", mask, Grid.regular(mask.shape, (2, 1, 1)))
    ((_, loops),) = region_outlines(region)
    x, y, _ = loops[0].T
    area_mm2 = abs(0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    assert len(loops) == 1
    assert area_mm2 == pytest.approx(mask.sum(), abs=1.5)  # an eighth of a voxel per corner


def test_contours_and_histograms_are_saved_without_an_object_for_each_number(
    tmp_path: Path, monkeypatch
) -> None:
    """The text of ContourData and DVHData goes to the file as it is, and reads as the numbers."""
    grid = GRIDS["axial"]
    regions, context = sample_regions(grid), sample_context(grid)
    structures = build_rt_structures(regions, context)
    gray = np.linspace(0.0, 80.0, 50)
    curve = DoseVolumeHistogram("liver", gray, 30.0 - gray / 4, 20.0, 0.0, 80.0)
    names = {"liver": 1}
    dose = Volume(np.ones(grid.shape, np.float32), grid, Unit.GY)
    rt_dose = build_rt_dose(dose, context, histograms=[curve], roi_numbers=names)
    made: list[str] = []
    kept = MultiValue.__init__
    monkeypatch.setattr(
        MultiValue,
        "__init__",
        lambda self, *a, **k: (made.append(len(list(a[1]))), kept(self, *a, **k))[1],
    )
    save(structures, tmp_path / "s.dcm", implicit=True)
    save(rt_dose, tmp_path / "d.dcm")
    monkeypatch.undo()
    assert sum(made) < 20
    back = pydicom.dcmread(tmp_path / "d.dcm").DVHSequence[0]
    assert np.asarray(back.DVHData, float)[1::2] == pytest.approx(30.0 - gray / 4, rel=1e-7)
    assert len(contours_of(pydicom.dcmread(tmp_path / "s.dcm"), 1)) == 6


def test_each_pair_of_points_is_measured_once_to_join_many_holes(monkeypatch) -> None:
    """36 holes of one voxel, 4 points each: hand count of pairs, and the area of the mask.

    Every hole is measured against the outer loop, and against the 8 points (4 of the hole, 2 ends
    twice) that come with each hole joined before it. A hole's corners are cut: half a voxel each.
    """
    mask = np.ones((1, 27, 27), bool)
    mask[0, 3:24:4, 3:24:4] = False
    region = Region.from_mask("r", "liver", mask, Grid.regular(mask.shape, (1, 1, 1)))
    pairs = []
    kept = dicom_structures._nearest_of
    monkeypatch.setattr(
        dicom_structures,
        "_nearest_of",
        lambda points, hole: (pairs.append(len(points) * len(hole)), kept(points, hole))[1],
    )
    ((_, loops),) = region_outlines(region)
    holes = 36
    outer = len(loops[0]) - holes * (4 + 4)
    assert sum(pairs) == holes * outer * 4 + holes * (holes - 1) // 2 * (4 + 4) * 4
    x, y, _ = loops[0].T
    area_mm2 = abs(0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    assert area_mm2 == pytest.approx(mask.sum() + holes * 0.5, abs=0.6)


def test_partly_covered_voxels_move_the_outline() -> None:
    """Coverage falling 1, 0.75, 0.25, 0 passes one half midway between the middle two."""
    fractions = np.tile(np.array([1, 1, 0.75, 0.25, 0], np.float32), (1, 6, 1))
    region = Region.from_mask("r", "liver", fractions, Grid.regular(fractions.shape, (2, 3, 4)))
    ((_, loops),) = region_outlines(region)
    assert loops[0][:, 0].max() == pytest.approx(2.5 * 4)


def test_a_sphere_keeps_its_volume_and_centre() -> None:
    """Contour areas times slice spacing against 4/3 pi r^3, r = 20 mm."""
    grid = Grid.regular((60, 60, 60), (1.0, 1.0, 1.0))
    s, r, c = np.indices(grid.shape)
    distance = np.sqrt((s - 29.3) ** 2 + (r - 30.2) ** 2 + (c - 28.7) ** 2)
    region = Region.from_mask("s", "tumour", np.clip(20.5 - distance, 0, 1), grid)
    volume, moment = 0.0, np.zeros(2)
    for _, loops in region_outlines(region):
        for loop in loops:
            x, y, _ = loop.T
            cross = x * np.roll(y, -1) - np.roll(x, -1) * y
            area = 0.5 * cross.sum()
            middle = ((x + np.roll(x, -1)) @ cross, (y + np.roll(y, -1)) @ cross)
            volume += abs(area)
            moment += np.sign(area) * np.asarray(middle) / 6.0
    assert volume == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert moment / volume == pytest.approx([28.7, 30.2], abs=0.02)


def test_header_types_and_references() -> None:
    grid = GRIDS["oblique"]
    context = sample_context(grid)
    found = build_rt_structures(sample_regions(grid), context)
    kinds = [item.RTROIInterpretedType for item in found.RTROIObservationsSequence]
    assert kinds == ["ORGAN", "GTV", "ORGAN", "GTV"]
    assert [item.ROIName for item in found.StructureSetROISequence][:2] == ["liver", "tumour 1"]
    assert found.FrameOfReferenceUID == "1.2.3.5"
    assert found.StudyInstanceUID == "1.2.3.6"
    assert found.PositionReferenceIndicator == ""
    contour = contours_of(found, 1)[0]
    image = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
    index = grid.to_index(np.asarray(contour.ContourData, float)[:3])
    assert image == f"1.2.3.7.{round(index[0])}"


def test_a_region_without_a_half_covered_voxel_is_listed_and_said_so() -> None:
    found = build_rt_structures(sample_regions(GRIDS["axial"]), sample_context())
    assert contours_of(found, 4) == []
    assert "no voxel is half inside" in found.StructureSetROISequence[3].ROIDescription


@pytest.mark.parametrize("name", ["axial", "slices-downwards", "oblique"])
def test_our_reader_gets_volume_and_centre_back(tmp_path: Path, name: str) -> None:
    grid = GRIDS[name]
    tall = Grid.from_directions((9, 56, 52), (3, 1, 1), grid.origin_mm, grid.directions)
    s, r, c = np.indices(tall.shape)
    mask = (np.hypot(r - 27, c - 26) < 21) & (np.hypot(r - 30, c - 24) > 6) & (s > 0) & (s < 8)
    regions = Regions((Region.from_mask("liver", "liver", mask, tall),))
    path = write_rt_structures(tmp_path / "s.dcm", regions, sample_context(tall))
    (back,), _ = read_rtstruct(pydicom.dcmread(path), [source_image(tall)])
    assert back.volume_ml == pytest.approx(regions["liver"].volume_ml, rel=0.005)
    assert back.centroid_mm == pytest.approx(regions["liver"].centroid_mm, abs=0.05)


def test_an_outline_has_its_corners_and_no_vertex_between_them() -> None:
    """One voxel is a diamond between its neighbours' centres; a box is cut at its four corners."""
    grid = Grid.regular((3, 9, 11), (2.0, 3.0, 4.0), (5.0, 6.0, 7.0))
    for box, vertices, area in (
        ((slice(4, 5), slice(5, 6)), 4, 0.5), ((slice(2, 5), slice(3, 8)), 8, 15 - 4 / 8),
        ((slice(2, 3), slice(3, 8)), 6, 5 - 4 / 8),
    ):  # fmt: skip
        mask = np.zeros(grid.shape, bool)
        mask[(1, *box)] = True
        ((index, loops),) = region_outlines(Region.from_mask("r", "other", mask, grid))
        assert (index, len(loops)) == (1, 1)
        x, y, z = loops[0].T
        assert np.all(z == 9.0)
        found = abs(0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1))) / (3.0 * 4.0)
        assert (len(loops[0]), found) == (vertices, pytest.approx(area))
        middle = [(box[1].start + box[1].stop - 1) / 2, (box[0].start + box[0].stop - 1) / 2]
        ends = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
        assert ends == pytest.approx((5.0 + 4.0 * middle[0], 6.0 + 3.0 * middle[1]))


def test_the_top_of_a_gentle_slope_stays_in_the_outline() -> None:
    """Coverage 0.4 above a whole voxel passes one half 0.5 / 0.6 of the way; sides fall evenly."""
    fractions = np.zeros((1, 4, 5), np.float32)
    fractions[0, 1] = 0.0, 0.2, 0.4, 0.2, 0.0
    fractions[0, 2] = 1.0
    region = Region.from_mask("r", "liver", fractions, Grid.regular((1, 4, 5), (2, 3, 4)))
    ((_, (loop,)),) = region_outlines(region)
    assert loop[:, 1].min() == pytest.approx((2 - 0.5 / 0.6) * 3.0)
    top = loop[np.argmin(loop[:, 1])]
    assert top[0] == pytest.approx(2 * 4.0)


@pytest.mark.parametrize("name", GRIDS)
def test_outlines_along_edges_hold_whole_voxels_and_their_area(name: str) -> None:
    """Corners keep their area, holes theirs, and a single voxel is a square: nothing is lost."""
    grid = GRIDS[name]
    regions = sample_regions(grid)
    found = build_rt_structures(regions, sample_context(grid), edged=True)
    for region, number in zip(regions, roi_numbers(regions).values(), strict=True):
        whole = region.whole() >= 0.5
        contours = contours_of(found, number)
        assert np.array_equal(inside_by_even_odd(contours, grid), whole), region.name
        area = 0.0
        for contour in contours:
            index = grid.to_index(np.asarray(contour.ContourData, float).reshape(-1, 3))
            rows, columns = index[:, 1], index[:, 2]
            area += abs(rows @ np.roll(columns, -1) - columns @ np.roll(rows, -1)) / 2
        assert area == pytest.approx(whole.sum(), abs=1e-3), region.name


def test_outlines_along_edges_are_read_back_to_the_last_voxel() -> None:
    """Voxels that touch at a corner alone, a ring, and one voxel by itself."""
    grid = Grid.regular((3, 8, 9), (4.0, 4.0, 4.0))
    mask = np.zeros(grid.shape, bool)
    mask[1, 1, 1] = mask[1, 2, 2] = mask[1, 3, 1] = mask[0, 6, 7] = True
    mask[1:, 3:8, 4:9] = True
    mask[1:, 5, 6] = False
    region = Region.from_mask("Tumour 1 viable", "tumour", mask, grid)
    dataset = build_rt_structures(Regions((region,)), sample_context(grid), edged=True)
    image = source_image(grid)
    (found,), _ = read_rtstruct(dataset, (image,))
    assert np.abs(found.whole() - mask).max() < 1e-4
