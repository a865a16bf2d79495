"""The whole voxels that stand for each compartment in a histogram."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from opensirt.image import Grid, Region, Regions
from opensirt.quantify import liver_compartments
from opensirt.quantify.counted import counted_voxels
from opensirt.quantify.voxels import on_voxels, whole_voxels

FINE = Grid.regular((60, 60, 60), (1.0, 1.0, 1.0))
COARSE = Grid.regular((15, 15, 15), (4.0, 4.0, 4.0), (1.5, 1.5, 1.5))
PLACES = np.stack(np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij"))


def ball(name: str, role: str, centre: tuple[float, float, float], radius: float) -> Region:
    away = np.sqrt(((PLACES - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0))
    return Region.from_mask(name, role, away <= radius, FINE)


@pytest.fixture(scope="module")
def parts():
    """A liver of 25 mm with a lesion of 12 mm, dead in its middle, one of 5 mm and one of 1 mm."""
    return on_voxels(
        liver_compartments(
            Regions(
                (
                    ball("liver", "liver", (30, 30, 30), 25),
                    ball("large", "tumour", (30, 28, 24), 12),
                    ball("dead", "necrosis", (30, 28, 24), 6),
                    ball("small", "tumour", (30, 42, 42), 5),
                    ball("speck", "tumour", (43, 30, 30), 1),
                    ball("right", "perfused", (30, 30, 22), 22),
                )
            )
        ),
        COARSE,
    )


def test_voxels_are_whole_and_make_the_volume_of_each_part(parts) -> None:
    """Within half a voxel of 0.064 mL; a lesion of 0.007 mL has one voxel."""
    counted = counted_voxels(parts)
    for before, after in zip(parts.regions(), counted.regions(), strict=True):
        assert before.name == after.name
        assert np.isin(after.fractions, (0.0, 1.0)).all()
        if before.role == "tumour":
            expected = max(1, round(before.volume_ml / 0.064))
            assert round(after.volume_ml / 0.064) == expected, before.name
    assert counted.lesions[2].viable.volume_ml == pytest.approx(0.064)
    assert counted.necrosis.volume_ml == pytest.approx(parts.necrosis.volume_ml, abs=0.033)


def test_no_two_parts_share_a_voxel_and_normal_liver_is_the_rest(parts) -> None:
    counted = counted_voxels(parts)
    pieces = [*(x.viable for x in counted.lesions), counted.necrosis, counted.whole_normal]
    for one, other in combinations(pieces, 2):
        assert (one & other).volume_ml == 0.0, (one.name, other.name)
    whole = sum(piece.volume_ml for piece in pieces)
    assert whole == pytest.approx(counted.whole_liver.volume_ml)
    halves = counted.perfused_normal.volume_ml + counted.non_perfused_normal.volume_ml
    assert halves == pytest.approx(counted.whole_normal.volume_ml)


def test_a_small_lesion_takes_its_voxel_before_a_large_one() -> None:
    """One voxel and 0.6 of the next, of which the small lesion has 0.4: one for each."""
    liver = Region.from_mask("liver", "liver", np.ones(COARSE.shape), COARSE)
    large, small = np.zeros(COARSE.shape), np.zeros(COARSE.shape)
    large[7, 7, 5:7] = 1.0, 0.6
    small[7, 7, 6] = 0.4
    drawn = (
        liver,
        Region.from_mask("large", "tumour", large, COARSE),
        Region.from_mask("small", "tumour", small, COARSE),
    )
    counted = counted_voxels(liver_compartments(Regions(drawn)))
    places = [x.viable.whole().nonzero()[2].tolist() for x in counted.lesions]
    assert places == [[5], [6]]


def test_a_part_has_a_voxel_of_another_where_all_that_it_touches_is_taken() -> None:
    """Two specks in one voxel, which the smaller takes first."""
    regions = Regions(
        (
            ball("liver", "liver", (30, 30, 30), 25),
            ball("one", "tumour", (29.5, 29.5, 29.5), 0.9),
            Region.from_mask("two", "tumour", _single((29, 29, 28)), FINE),
        )
    )
    first, second = counted_voxels(on_voxels(liver_compartments(regions), COARSE)).lesions
    assert first.viable.volume_ml == second.viable.volume_ml == pytest.approx(0.064)
    assert (first.viable & second.viable).volume_ml == pytest.approx(0.064)


def test_an_outline_smaller_than_a_voxel_has_the_fullest_where_one_is_asked_for() -> None:
    speck = ball("speck", "tumour", (30, 30, 30), 1)
    assert whole_voxels(speck, COARSE).is_empty
    assert whole_voxels(speck, COARSE, least=1).volume_ml == pytest.approx(0.064)


def _single(place: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(FINE.shape, bool)
    mask[place] = True
    return mask
