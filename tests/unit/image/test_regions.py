"""Regions: algebra that closes, and moves between grids that keep volume and place."""

import numpy as np
import pytest

from opensirt.errors import GridMismatchError, RegionError, UnknownNameError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.image.regions import joined
from opensirt.units import Unit

GRID = Grid.regular((60, 64, 70), (2.5, 1.0, 1.0), (-30.0, -31.0, -70.0))


def ball(name: str, centre_mm: tuple[float, float, float], radius_mm: float, role="tumour"):
    index = np.indices(GRID.shape).reshape(3, -1).T
    distance = np.linalg.norm(GRID.to_patient(index) - centre_mm, axis=1)
    return Region.from_mask(name, role, (distance < radius_mm).reshape(GRID.shape), GRID)


LIVER = ball("liver", (0.0, 0.0, 0.0), 25.0, "liver")
LESION = ball("lesion", (10.0, 5.0, 15.0), 14.0)


def test_volume_and_centre_of_a_ball():
    assert LIVER.volume_ml == pytest.approx(4 / 3 * np.pi * 2.5**3, rel=0.01)
    assert LIVER.centroid_mm == pytest.approx((0, 0, 0), abs=0.05)


def test_algebra_closes():
    both, apart = LIVER & LESION, LIVER - LESION
    assert both.volume_ml + apart.volume_ml == pytest.approx(LIVER.volume_ml, rel=1e-6)
    union = (LIVER | LESION).volume_ml
    assert union == pytest.approx(LIVER.volume_ml + LESION.volume_ml - both.volume_ml, rel=1e-6)
    assert apart.name == "liver"


def test_algebra_with_an_empty_or_distant_region():
    empty = Region.from_mask("nothing", "other", np.zeros(GRID.shape, bool), GRID)
    assert empty.is_empty
    assert (LIVER | empty).volume_ml == LIVER.volume_ml
    assert (empty | LIVER).volume_ml == LIVER.volume_ml
    assert (LIVER & empty).is_empty
    assert (LIVER - empty).volume_ml == LIVER.volume_ml
    with pytest.raises(RegionError, match="'nothing' is empty"):
        _ = empty.centroid_mm


@pytest.mark.parametrize(
    ("spacing", "directions"),
    [
        ((2.5, 4.418, 4.418), [[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
        ((2.5, 1.0, 1.0), [[0, 0, -1], [0, 1, 0], [-1, 0, 0]]),
        ((1.0, 0.7, 0.7), [[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
        ((3.0, 3.0, 3.0), [[0, 0.6, 0.8], [0, 0.8, -0.6], [1, 0, 0]]),
    ],
)
def test_moving_to_another_grid_keeps_volume_and_place(spacing, directions):
    axes = np.asarray(directions, float)
    middle = np.array([50.0, 55.0, 60.0])
    origin = -(axes.T * spacing) @ middle + np.array([0.4, 0.3, 0.7])
    target = Grid.from_directions((100, 110, 120), spacing, origin, axes)
    moved = LIVER.onto(target)
    assert moved.volume_ml == pytest.approx(LIVER.volume_ml, rel=5e-3)
    assert moved.centroid_mm == pytest.approx(LIVER.centroid_mm, abs=0.3)
    assert moved.fractions.max() <= 1.0


def test_a_region_outside_the_new_grid_becomes_empty():
    away = Grid.regular((5, 5, 5), (2.0, 2.0, 2.0), (500.0, 0.0, 0.0))
    assert LIVER.onto(away).is_empty


def test_mean_and_sum_weigh_partly_covered_voxels():
    values = np.zeros(GRID.shape, np.float32)
    values[30, 32, 35], values[30, 32, 36] = 10.0, 4.0
    fractions = np.zeros(GRID.shape, np.float32)
    fractions[30, 32, 35], fractions[30, 32, 36] = 1.0, 0.5
    region = Region.from_mask("r", "other", fractions, GRID)
    volume = Volume(values, GRID, Unit.GY)
    assert region.sum_of(volume) == pytest.approx(12.0)
    assert region.mean_of(volume) == pytest.approx(12.0 / 1.5)
    assert region.volume_ml == pytest.approx(1.5 * 2.5e-3)
    with pytest.raises(GridMismatchError, match=r"region.onto\(volume.grid\)"):
        region.mean_of(volume.crop((slice(0, 9), slice(0, 9), slice(0, 9))))


def test_regions_are_found_by_name_and_role():
    regions = Regions((LIVER, LESION, ball("second", (-8.0, 0.0, 0.0), 5.0)))
    assert [r.name for r in regions.with_role("tumour")] == ["lesion", "second"]
    assert "liver" in regions
    joined = regions.union("tumour")
    assert joined is not None
    assert joined.volume_ml == pytest.approx((regions["lesion"] | regions["second"]).volume_ml)
    with pytest.raises(UnknownNameError, match="the case has liver, lesion, second"):
        _ = regions["spleen"]
    with pytest.raises(RegionError, match="found twice: liver"):
        Regions((LIVER, LIVER))
    with pytest.raises(UnknownNameError, match="region role 'tumor' is unknown"):
        LIVER.named("x", "tumor")


def few_voxels(name: str, *fractions: float) -> Region:
    """A region of some voxels along the columns of an anisotropic grid, each partly covered."""
    grid = Grid.regular((2, 3, len(fractions)), (4.0, 3.0, 2.0), (-7.0, 5.0, 11.0))
    mask = np.zeros(grid.shape, np.float32)
    mask[1, 2] = fractions
    return Region.from_mask(name, "other", mask, grid)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("__and__", [0.5, 0.25, 0.0, 0.25]),
        ("__or__", [0.5, 0.75, 1.0, 1.0]),
        ("__sub__", [0.0, 0.5, 0.25, 0.0]),
    ],
)
def test_algebra_of_partly_covered_voxels(rule, expected):
    """The common part of a voxel is the smaller share, the joined part the greater."""
    a = few_voxels("a", 0.5, 0.75, 0.25, 0.25)
    b = few_voxels("b", 0.5, 0.25, 0.0, 1.0)
    if rule == "__or__":
        b = few_voxels("b", 0.5, 0.25, 1.0, 1.0)
    found = getattr(a, rule)(b)
    assert found.whole()[1, 2] == pytest.approx(expected)
    assert found.volume_ml == pytest.approx(sum(expected) * 0.024)


def test_faint_voxels_hold_their_share():
    """A quarter voxel of 8 beside a whole one of 2: sum 4, mean 3.2, by hand."""
    region = few_voxels("r", 1.0, 0.25)
    values = np.zeros(region.grid.shape, np.float32)
    values[1, 2] = 2.0, 8.0
    volume = Volume(values, region.grid, Unit.GY)
    assert region.values_of(volume)[1].tolist() == [1.0, 0.25]
    assert region.sum_of(volume) == pytest.approx(4.0)
    assert region.mean_of(volume) == pytest.approx(3.2)
    assert region.centroid_mm == pytest.approx((-7.0 + 0.2 * 2.0, 5.0 + 6.0, 11.0 + 4.0))


def test_another_name_keeps_the_territory_and_a_given_one_takes_its_place():
    mask = np.ones((1, 1, 1))
    region = Region.from_mask("a", "tumour", mask, Grid.from_matrix((1, 1, 1), np.eye(4)), "right")
    assert (region.named("b").role, region.named("b").territory) == ("tumour", "right")
    assert region.named("b", territory="left").territory == "left"


@pytest.mark.parametrize("columns", [2, 3, 4, 5])
def test_a_region_keeps_its_exact_share_of_voxels_that_are_a_multiple(columns):
    """Three fine columns of a coarse voxel of 2 to 5: borders that coincide stay where they are."""
    fine = Grid.regular((2, 2, 4 * columns), (3.0, 2.0, 1.5), (-7.0, 5.0, 11.0))
    first = -7.0 + (columns - 1) / 2 * 1.5
    coarse = Grid.regular((2, 2, 4), (3.0, 2.0, 1.5 * columns), (first, 5.0, 11.0))
    mask = np.zeros(fine.shape)
    mask[:, :, columns : columns + 3] = 1
    moved = Region.from_mask("r", "other", mask, fine).onto(coarse).whole()
    left = 3 - min(3, columns)
    assert moved[1, 1].tolist() == pytest.approx([0, min(3, columns) / columns, left / columns, 0])


def test_a_region_moved_to_a_grid_that_cuts_it_keeps_the_part_inside():
    """Three voxels of 2 mm on a grid that begins in the middle of the second."""
    region = few_voxels("r", 1.0, 1.0, 1.0)
    grid = Grid.regular((2, 3, 4), (4.0, 3.0, 2.0), (-4.0, 5.0, 11.0))
    moved = region.onto(grid)
    assert moved.whole()[1, 2].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert moved.grid.matches(grid)
    assert (moved.name, moved.role) == ("r", "other")


def test_a_union_has_the_name_of_its_role_unless_given_one():
    a, b = few_voxels("a", 1.0, 0.0, 0.0), few_voxels("b", 0.0, 0.5, 0.0)
    regions = Regions((a, b))
    joined = regions.union("other")
    assert joined is not None
    assert (joined.name, joined.role) == ("other", "other")
    assert joined.whole()[1, 2].tolist() == [1.0, 0.5, 0.0]
    named = regions.union("other", "both")
    assert named is not None
    assert named.name == "both"
    assert regions.union("tumour") is None
    assert [r.name for r in regions.adding(few_voxels("c", 1.0, 1.0, 1.0))] == ["a", "b", "c"]
    assert len(regions.onto(a.grid)) == 2


def test_trimming_keeps_every_voxel_in_its_place():
    region = few_voxels("a", 0.0, 0.25, 1.0, 0.0)
    loose = Region("a", "other", region.grid, (slice(0, 2), slice(1, 3), slice(0, 4)),
                   region.whole()[:, 1:3])  # fmt: skip
    trimmed = loose.trimmed()
    assert trimmed.box == (slice(1, 2), slice(2, 3), slice(1, 3))
    assert np.array_equal(trimmed.whole(), region.whole())
    assert trimmed.centroid_mm == pytest.approx(region.centroid_mm)


@pytest.mark.parametrize("columns", [3, 4])
def test_a_region_that_only_touches_a_grid_leaves_nothing_in_it(columns):
    """The grid begins where the region ends, or a voxel later."""
    region = few_voxels("r", 1.0, 1.0, 1.0)
    beyond = Grid.regular((2, 3, 4), (4.0, 3.0, 2.0), (-7.0 + 2.0 * columns, 5.0, 11.0))
    moved = region.onto(beyond)
    assert moved.is_empty
    assert moved.volume_ml == 0.0


def test_two_of_one_name_are_refused_and_named():
    a, b = few_voxels("a", 1.0, 0.0), few_voxels("b", 1.0, 0.0)
    with pytest.raises(RegionError, match="found twice: a, b"):
        Regions((a, b, a, b))
    with pytest.raises(RegionError, match="found twice: a"):
        Regions((a, b)).adding(few_voxels("a", 0.0, 1.0))


def border(step: float, degrees: float) -> float:
    """Coverage of the first of fine voxels from 1.46 mm on, by a voxel from 1.5 to 2.5 mm."""
    source = Grid.regular((2, 2, 5), (3.0, 2.0, 1.0))
    mask = np.zeros(source.shape)
    mask[:, :, 2] = 1
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    axes = [[0, 0, 1], [-sine, cosine, 0], [cosine, sine, 0]]
    target = Grid.from_directions((2, 2, 3), (3.0, 2.0, step), (1.46, 0.0, 0.0), axes)
    moved = Region.from_mask("r", "other", mask, source).onto(target).whole()
    assert moved[0, 0, 1] == 1.0
    return float(moved[0, 0, 0])


@pytest.mark.parametrize("step", [0.6, 0.52, 0.48, 0.3, 0.2])
def test_a_fine_voxel_on_the_border_is_covered_by_what_of_it_is_inside(step):
    """By hand: from 1.5 mm to 1.46 + step / 2."""
    assert border(step, 0.0) == pytest.approx((step / 2 - 0.04) / step, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "share"), [(0.6, 0.5), (0.52, 0.5), (0.48, 0.5), (0.3, 0.5), (0.2, 0.0)]
)
def test_a_fine_voxel_of_a_turned_grid_is_partly_covered(step, share):
    """A voxel whose centre lies just outside: part of it is inside, unless it is very fine."""
    assert border(step, 0.2) == pytest.approx(share)


def test_lengths_that_overlap_are_spread_over_turned_axes():
    """Voxels 1, 0.5, 0 of 2 mm, on voxels of 3 mm turned about, by hand."""
    region = few_voxels("r", 1.0, 0.5, 0.0)  # from -8 to -6 whole, to -4 half
    back = Grid.from_directions(
        (3, 2, 3), (3.0, 4.0, 3.0), (-2.5, 11.0, 15.0), [[-1, 0, 0], [0, 0, -1], [0, 1, 0]]
    )  # from -1 to -4, -7, -10 along x; z 13 to 17 (one voxel); y centre 11
    moved = region.onto(back).whole()
    assert moved.shape == (3, 2, 3)
    assert moved[:, 0, 0].tolist() == pytest.approx([0.0, (1 + 2 * 0.5) / 3, 1 / 3], abs=1e-6)
    assert moved.sum() * back.voxel_volume_ml == pytest.approx(region.volume_ml, rel=1e-5)


def test_a_speck_keeps_its_volume():
    """A contour of a thousandth of a square millimetre covers a millionth of a voxel."""
    speck = few_voxels("r", 0.0, 7e-7, 0.0)
    grid = Grid.regular((4, 4, 5), (3.3, 2.9, 1.7), (-8.0, 4.0, 9.5))
    assert speck.onto(grid).volume_ml == pytest.approx(speck.volume_ml, rel=1e-4)


def test_parallel_grids_agree_with_points_counted_one_by_one():
    """Twenty points along each edge of a target voxel, looked up by hand in the source."""
    grid = Grid.regular((22, 26, 30), (4.0, 3.3, 2.9), (-43.3, -41.1, -42.0))
    exact = LIVER.onto(grid)
    assert exact.volume_ml == pytest.approx(LIVER.volume_ml, rel=1e-6)
    whole, share = LIVER.whole() > 0, (np.arange(20) + 0.5) / 20 - 0.5
    lines = []
    for axis in range(3):
        x = (
            grid.matrix[2 - axis, 3]
            + (np.arange(grid.shape[axis])[:, None] + share) * (grid.spacing_mm[axis])
        )
        index = np.rint((x - GRID.matrix[2 - axis, 3]) / GRID.spacing_mm[axis]).astype(int)
        lines.append(np.clip(index, 0, GRID.shape[axis] - 1))
    for voxel in [(10, 12, 14), (7, 9, 20), (5, 12, 14), (11, 6, 10), (16, 14, 13), (10, 12, 6)]:
        points = np.ix_(*(line[i] for line, i in zip(lines, voxel, strict=True)))
        assert exact.whole()[voxel] == pytest.approx(whole[points].mean(), abs=0.05)


def test_a_region_on_a_turned_grid_is_not_displaced():
    """One degree moves the middle of a ball of 50 mm by 0.4 mm against a corner of its box."""
    turned = np.radians(1.0)
    axes = [[0, -np.sin(turned), np.cos(turned)], [0, np.cos(turned), np.sin(turned)], [1, 0, 0]]
    grid = Grid.from_directions((80, 80, 80), (1.0, 1.0, 1.0), (-40.0, -40.0, -40.0), axes)
    assert LIVER.onto(grid).centroid_mm == pytest.approx(LIVER.centroid_mm, abs=0.15)


def test_a_union_of_many_is_that_of_pairs_and_touches_each_voxel_of_a_region_once(monkeypatch):
    """A large region and 50 small ones: the sum of the boxes is looked at, not 50 large boxes."""
    grid = Grid.regular((40, 40, 40), (1, 1, 1))
    rng = np.random.default_rng(3)
    whole = np.zeros(grid.shape, np.float32)
    whole[2:38, 2:38, 2:38] = 0.6
    items = [Region.from_mask("liver", "liver", whole, grid)]
    for number in range(50):
        small = np.zeros(grid.shape, np.float32)
        low = rng.integers(0, 36, 3)
        small[tuple(slice(n, n + 4) for n in low)] = rng.random((4, 4, 4))
        items.append(Region.from_mask(f"T{number}", "tumour", small, grid))
    seen = []
    kept = np.maximum
    monkeypatch.setattr(np, "maximum", lambda a, b, **k: (seen.append(a.size), kept(a, b, **k))[1])
    union = joined(items)
    monkeypatch.undo()
    assert np.array_equal(union.whole(), np.max([item.whole() for item in items], axis=0))
    assert union.name == "liver"
    assert sum(seen) <= 36**3 + 50 * 64
    assert joined(items[:1]) is items[0]


def test_intersection_and_difference_look_at_no_more_than_their_result_can_hold(monkeypatch):
    """A lesion of 8 voxels in a liver of 27 000: no box of the liver's size is made."""
    grid = Grid.regular((40, 40, 40), (1, 1, 1))
    large, small = np.zeros(grid.shape), np.zeros(grid.shape)
    large[5:35, 5:35, 5:35] = 1
    small[4:6, 10:12, 10:12] = 1
    liver = Region.from_mask("liver", "liver", large, grid)
    lesion = Region.from_mask("T", "tumour", small, grid)
    made = []
    kept = Region.fractions_on
    monkeypatch.setattr(
        Region, "fractions_on", lambda self, box: (made.append(box), kept(self, box))[1]
    )
    assert (lesion - liver).volume_ml == pytest.approx(0.004)
    assert (liver & lesion).volume_ml == pytest.approx(0.004)
    assert max(np.prod([s.stop - s.start for s in box]) for box in made) == 8


def test_shares_at_the_border_of_a_turned_region_are_right_to_a_sixteenth():
    """A slab turned by 30 degrees, of voxels a quarter longer; true shares by 24 x 24 points."""
    sine, cosine = 0.5, np.sqrt(0.75)
    axes = [[0, 0, 1], [-sine, cosine, 0], [cosine, sine, 0]]
    turned = Grid.from_directions((3, 40, 40), (2.5, 2.5, 2.5), (0.0, 0.0, 0.0), axes)
    region = Region.from_mask(
        "slab", "other", np.pad(np.ones((1, 20, 20)), ((1,), (10,), (10,))), turned
    )
    upright = Grid.regular((3, 60, 60), (2.5, 2.0, 2.0), (-59.63, -19.39, 0.0))
    found = region.onto(upright).whole()[1]
    inside = (np.arange(24) + 0.5) / 24 - 0.5
    points = np.stack(np.meshgrid([1.0], *[np.add.outer(np.arange(60), inside).ravel()] * 2), -1)
    index = turned.to_index(upright.to_patient(points.reshape(-1, 3)))[:, 1:]
    within = ((index > 9.5) & (index < 29.5)).all(axis=1).reshape(1440, 1440)
    true = within.reshape(60, 24, 60, 24).mean(axis=(1, 3))
    assert 0.0 < true.mean() < 1.0
    assert found == pytest.approx(true, abs=1 / 16)
