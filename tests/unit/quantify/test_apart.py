"""Data that tell two answers apart: quarter voxels, edges, unequal parts."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.image import Grid, Region, Regions
from opensirt.quantify import (
    PlanarCounts,
    ct_coverage,
    density_map,
    liver_compartments,
    lung_mass,
    measure_lung_shunt,
    planar_lung_shunt_fraction,
    tumour_to_normal,
)
from opensirt.quantify.calibration_findings import agreement_findings, elsewhere_findings
from opensirt.quantify.lungs import lung_tissue
from opensirt.quantify.truncation import edges_touched
from opensirt.quantify.voxels import on_voxels, whole_voxels
from opensirt.units import Unit
from tests.unit.quantify.samples import GRID, VOXEL_ML, block, lesion, liver, volume

PLACED = Grid.regular((6, 7, 8), (4.0, 3.0, 2.5), (-11.0, 23.0, -45.5))
"""Voxels of 0.03 mL, its origin not 0."""


def shares(name: str, role: str, values: dict[tuple[int, int, int], float]) -> Region:
    mask = np.zeros(PLACED.shape, np.float32)
    for place, share in values.items():
        mask[place] = share
    return Region.from_mask(name, role, mask, PLACED)


def test_lung_mass_counts_the_covered_part_of_each_voxel() -> None:
    """Whole at -800 HU, a quarter at 0 HU, half at -500 HU: 0.2 + 0.25 + 0.25 of 0.03 mL."""
    hu = np.full(PLACED.shape, -1000.0, np.float32)
    hu[2, 3, 4], hu[2, 3, 5], hu[3, 3, 4] = -800.0, 0.0, -500.0
    lungs = shares("lungs", "lungs", {(2, 3, 4): 1.0, (2, 3, 5): 0.25, (3, 3, 4): 0.5})
    found = lung_mass(volume(hu, Unit.HU, PLACED), lungs)
    assert found.mass_g == pytest.approx((0.2 + 0.25 + 0.25) * 0.03, rel=1e-6)
    assert found.volume_ml == pytest.approx(1.75 * 0.03)
    assert found.density_g_ml == pytest.approx(0.7 / 1.75)


def test_lung_tissue_of_a_voxel_shared_with_the_wall_is_the_lungs_own() -> None:
    """A quarter of a voxel of water is 0.25 g of lung per mL of voxel, not 1."""
    hu = np.full(PLACED.shape, -700.0, np.float32)
    hu[2, 3, 5] = 0.0
    lungs = shares("lungs", "lungs", {(2, 3, 4): 1.0, (2, 3, 5): 0.25})
    where, tissue = lung_tissue(volume(hu, Unit.HU, PLACED), lungs, PLACED)
    assert tissue.values[2, 3, 4] == pytest.approx(0.3, rel=1e-5)
    assert tissue.values[2, 3, 5] == pytest.approx(0.25, rel=1e-5)
    assert tissue.values[2, 3, 6] == 0.0
    assert where.whole().sum() == 2


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", ["first", "last"])
def test_an_organ_against_any_edge_is_cut_and_one_voxel_off_is_not(axis: int, end: str) -> None:
    spans = [(2, 4)] * 3
    size = PLACED.shape[axis]
    spans[axis] = (0, 2) if end == "first" else (size - 2, size)
    region = block("liver", "liver", *spans, grid=PLACED)
    assert edges_touched(region) == (f"{end} {('slice', 'row', 'column')[axis]}",)
    spans[axis] = (1, 3) if end == "first" else (size - 3, size - 1)
    assert edges_touched(block("liver", "liver", *spans, grid=PLACED)) == ()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_ct_covers_voxels_up_to_its_own_edges(axis: int, end: str) -> None:
    """The CT begins or ends with the region: covered; one voxel less: by the part that is left."""
    region = block("liver", "liver", (1, 5), (1, 5), (1, 5), grid=PLACED)
    box = [slice(1, 5)] * 3
    tight = PLACED.crop((box[0], box[1], box[2]))
    assert ct_coverage(tight, region) == 1.0
    box[axis] = slice(2, 5) if end == "low" else slice(1, 4)
    assert ct_coverage(PLACED.crop((box[0], box[1], box[2])), region) == pytest.approx(0.75)


def test_a_voxel_whose_middle_lies_on_the_edge_of_the_ct_is_covered() -> None:
    """A CT from -5 to 5 mm along each axis."""
    ct = Grid.regular((1, 1, 1), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    for middle_mm, covered in ((-5.0, 1.0), (5.0, 1.0), (5.1, 0.0), (-5.1, 0.0)):
        for axis in range(3):
            place = [0.0, 0.0, 0.0]
            place[axis] = middle_mm
            on = Grid.regular((1, 1, 1), (4.0, 4.0, 4.0), tuple(place))
            spot = Region.from_mask("a", "liver", np.ones(on.shape, np.float32), on)
            assert ct_coverage(ct, spot) == covered


def test_density_reaches_to_the_edge_of_the_image() -> None:
    """A fine CT that goes on beyond the image: every voxel of the image has its full density."""
    fine = Grid.regular((30, 40, 40), (2.0, 1.5, 1.25), (-31.0, 3.0, -65.5))
    density = density_map(volume(0.0, Unit.HU, fine), PLACED)
    water = float(density_map(volume(0.0, Unit.HU, fine), fine).values[0, 0, 0])
    assert density.values == pytest.approx(water, rel=1e-5)


def test_planar_background_is_scaled_by_the_pixels_of_each_region() -> None:
    """Lungs of 400 pixels, liver of 100, background of 50 pixels with 100 and 50 counts.

    Per pixel 2 and 1: lungs 1000 - 800 and 900 - 400, liver 9000 - 200 and 6000 - 100.
    """
    lung = PlanarCounts(1000.0, 900.0, 400)
    organ = PlanarCounts(9000.0, 6000.0, 100)
    found = planar_lung_shunt_fraction(lung, organ, PlanarCounts(100.0, 50.0, 50))
    one, other = (200.0 * 500.0) ** 0.5, (8800.0 * 5900.0) ** 0.5
    assert found == pytest.approx(one / (one + other))


def test_planar_views_of_unequal_counts_are_joined_by_the_geometric_mean() -> None:
    """sqrt(100 x 400) is 200, not 250; a view below its background counts as nothing."""
    found = planar_lung_shunt_fraction(PlanarCounts(100.0, 400.0), PlanarCounts(1600.0, 2500.0))
    assert found == pytest.approx(200.0 / 2200.0)
    below = planar_lung_shunt_fraction(
        PlanarCounts(10.0, 400.0, 10), PlanarCounts(1e4, 1e4, 10), PlanarCounts(20.0, 1.0, 10)
    )
    assert below == 0.0


def test_half_a_voxel_shared_with_the_liver_is_not_lung() -> None:
    """Lung 1 and 0.5, liver 0.5 of the second voxel: the lungs keep one voxel of counts."""
    counts = np.zeros(PLACED.shape, np.float32)
    counts[3, 3, 3], counts[3, 3, 4], counts[3, 3, 5] = 10.0, 100.0, 400.0
    lungs = shares("lungs", "lungs", {(3, 3, 3): 1.0, (3, 3, 4): 0.5})
    organ = shares("liver", "liver", {(3, 3, 4): 0.5, (3, 3, 5): 1.0})
    found = measure_lung_shunt(volume(counts, grid=PLACED), lungs, organ)
    assert (found.lung_counts, found.liver_counts) == (10.0, 450.0)


def test_a_lesion_belongs_to_the_artery_that_reaches_most_of_it() -> None:
    """Three columns of the lesion by the second artery, one by the first."""
    first = block("RHA", "perfused", (2, 8), (2, 8), (1, 5), territory="right")
    second = block("LHA", "perfused", (2, 8), (2, 8), (5, 11), territory="left")
    spot = block("T1", "tumour", (4, 6), (4, 6), (4, 8))
    for order in ((first, second), (second, first)):
        found = liver_compartments(Regions((liver(), *order, spot)))
        assert found.lesions[0].territory == "left"


def test_a_small_lesion_inside_a_large_one_is_named() -> None:
    """0.1 of 18 mL is next to nothing of the large one and all of the small one."""
    large = block("big", "tumour", (2, 8), (2, 8), (1, 6))
    small = block("small", "tumour", (4, 5), (4, 5), (2, 3))
    found = liver_compartments(Regions((liver(), large, small)))
    texts = [f.text for f in found.findings if f.code == "lesions-overlap"]
    assert texts == ["Lesions 'big' and 'small' share 0.10 mL; counted once, for 'big'."]


def test_half_a_lesion_in_the_perfused_part_stays_half_on_the_voxels() -> None:
    """Perfused up to the middle of a lesion: viable part whole, perfused part half, on any grid."""
    near = block("right", "perfused", (2, 8), (2, 8), (6, 11))
    spot = block("T1", "tumour", (4, 6), (4, 6), (4, 8))
    drawn = liver_compartments(Regions((liver(), near, spot)))
    seen = on_voxels(drawn, GRID)
    assert seen.lesions[0].viable.volume_ml == pytest.approx(16 * VOXEL_ML)
    assert seen.lesions[0].perfused.volume_ml == pytest.approx(8 * VOXEL_ML)
    assert seen.whole_normal.volume_ml == pytest.approx((360 - 16) * VOXEL_ML)


def test_normal_liver_on_voxels_is_perfused_or_not() -> None:
    """36 mL, 14.4 of it perfused; the lesion of 0.8 mL lies in the perfused part."""
    near = block("right", "perfused", (2, 8), (2, 8), (7, 11))
    seen = on_voxels(liver_compartments(Regions((liver(), near, lesion()))), GRID)
    assert seen.perfused_normal.volume_ml == pytest.approx(14.4 - 0.8)
    assert seen.non_perfused_normal.volume_ml == pytest.approx(36.0 - 14.4)
    assert (seen.non_perfused_normal & seen.perfused).is_empty


def test_perfused_voxels_are_voxels_of_the_liver() -> None:
    """Of voxels 1, 0.9, 0.6 and 0.5 the first three are liver; the last, perfused by 0.5, is none.

    The perfused volume of 1 voxel is then the fullest of the others.
    """
    row = [(3, 3, column) for column in range(2, 6)]
    organ = shares("liver", "liver", dict(zip(row, (1.0, 0.9, 0.6, 0.5), strict=True)))
    near = shares("near", "perfused", dict(zip(row, (0.1, 0.4, 0.0, 0.5), strict=True)))
    seen = on_voxels(liver_compartments(Regions((organ, near))), PLACED)
    assert [seen.whole_liver.whole()[place] for place in row] == [1.0, 1.0, 1.0, 0.0]
    assert [seen.perfused.whole()[place] for place in row] == [0.0, 1.0, 0.0, 0.0]


def test_necrosis_and_organs_across_the_border_keep_their_parts_on_the_voxels() -> None:
    """The perfused part begins at column 6: necrosis of 4 voxels has 2 in it, the organ 6 of 18."""
    near = block("right", "perfused", (2, 8), (2, 8), (6, 11))
    spot = block("T1", "tumour", (4, 6), (4, 6), (4, 8))
    dead = block("dead", "necrosis", (4, 5), (4, 5), (4, 8))
    bowel = block("bowel", "bowel", (2, 4), (5, 8), (4, 7))
    drawn = liver_compartments(Regions((liver(), near, spot, dead, bowel)))
    for seen in (drawn, on_voxels(drawn, GRID)):
        parts = (seen.necrosis, seen.perfused_necrosis, seen.organs, seen.perfused_organs)
        found = [part.volume_ml / VOXEL_ML for part in parts if part is not None]
        assert found == pytest.approx([4.0, 2.0, 18.0, 6.0])
        assert seen.lesions[0].viable.volume_ml == pytest.approx(12 * VOXEL_ML)
        assert seen.lesions[0].perfused.volume_ml == pytest.approx(6 * VOXEL_ML)
        assert seen.perfused_normal.volume_ml == pytest.approx((180 - 2 - 6 - 6) * VOXEL_ML)
        assert seen.whole_normal.volume_ml == pytest.approx((360 - 4 - 12 - 18) * VOXEL_ML)
    bare = on_voxels(liver_compartments(Regions((liver(), near))), GRID)
    assert (bare.necrosis, bare.perfused_necrosis, bare.organs) == (None, None, None)


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ((1.0, 0.9, 0.7, 0.0), (1, 1, 1, 0)),
        ((1.0, 0.9, 0.3, 0.2), (1, 1, 0, 0)),
        ((0.4, 0.9, 0.3, 1.0), (1, 1, 0, 1)),
        ((0.2, 0.1, 0.1, 0.0), (0, 0, 0, 0)),
        ((0.5, 0.5, 0.5, 0.5), (1, 0, 0, 1)),
    ],
)
def test_a_region_by_whole_voxels_is_the_fullest_as_many_as_its_volume(parts, kept) -> None:
    """2.6 voxels are 3 and 2.4 are 2; of four alike the outer two make up 2."""
    row = [(3, 3, column) for column in range(2, 6)]
    found = whole_voxels(shares("liver", "liver", dict(zip(row, parts, strict=True))), PLACED)
    assert [found.whole()[place] for place in row] == list(kept)


def test_a_lesion_across_the_border_keeps_its_volume_where_voxels_are_shared() -> None:
    """Voxels of four columns, half of each perfused; the lesion has one column outside, two inside.

    Half of these 36 voxels count as perfused and are lesion altogether, the others by one half.
    """
    wide = block("liver", "liver", (2, 8), (2, 8), (0, 12))
    near = block("right", "perfused", (2, 8), (2, 8), (6, 12))
    sheet = block("T1", "tumour", (2, 8), (2, 8), (5, 8))
    drawn = liver_compartments(Regions((wide, near, sheet)))
    seen = on_voxels(drawn, Grid.regular((10, 10, 3), (5.0, 10.0, 8.0), (3.0, 0.0, 0.0)))
    assert seen.lesions[0].viable.volume_ml == pytest.approx(108 * VOXEL_ML, rel=1e-5)
    assert seen.lesions[0].perfused.volume_ml == pytest.approx(72 * VOXEL_ML, rel=1e-5)


@pytest.mark.parametrize(
    ("resolution_mm", "codes"),
    [(3.8, []), (3.9, ["note"]), (11.0, ["note"]), (12.0, ["warn"])],
)
def test_a_lesion_between_one_and_three_resolution_widths_is_named(
    resolution_mm: float, codes: list[str]
) -> None:
    """0.8 mL is a sphere of 11.5 mm: below three widths of 3.9 mm, and below one of 12 mm."""
    parts = liver_compartments(Regions((liver(), lesion())))
    found = tumour_to_normal(volume(10.0), parts, resolution_mm=resolution_mm)
    assert [f.severity for f in found.findings if f.code == "partial-volume"] == codes


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (0.5, "activity-disagrees"),
        (1.6, "activity-disagrees"),
        (1.0, "activity-agrees"),
    ],
)
def test_an_image_may_hold_too_little_as_well_as_too_much(held: float, code: str) -> None:
    (finding,) = agreement_findings(held * 2e9, 2e9)
    assert finding.code == code
    assert f"The image holds {held * 2000:.1f} MBq" in finding.text


def test_counts_elsewhere_are_a_note_up_to_the_limit_and_a_warning_beyond() -> None:
    assert [elsewhere_findings(f)[0].severity for f in (0.0, 0.19, 0.2, 0.21)] == [
        "note", "note", "note", "warn",
    ]  # fmt: skip
