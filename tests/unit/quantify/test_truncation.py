"""Regions at the edge of their image."""

from __future__ import annotations

import numpy as np

from opensirt.image import Grid, Region
from opensirt.quantify.truncation import edges_touched
from tests.unit.quantify.samples import GRID, block, liver


def test_edges() -> None:
    assert edges_touched(liver()) == ()
    assert edges_touched(block("a", "other", (0, 2), (3, 10), (1, 2))) == (
        "first slice",
        "last row",
    )
    nothing = Region.from_mask("off", "other", np.zeros(GRID.shape, bool), GRID)
    assert edges_touched(nothing) == ()


def test_an_image_of_one_slice_has_no_edge_there() -> None:
    flat = Grid.regular((1, 10, 12), (5.0, 10.0, 2.0))
    assert edges_touched(block("a", "other", (0, 1), (3, 10), (1, 2), grid=flat)) == ("last row",)


def test_an_image_of_one_slice_has_no_edge_there_and_one_of_two_has() -> None:
    for slices, touched in ((1, ()), (2, ("first slice",)), (3, ("first slice",))):
        grid = Grid.regular((slices, 5, 5), (4.0, 4.0, 4.0))
        region = block("liver", "liver", (0, 1), (1, 4), (1, 4), grid=grid)
        assert edges_touched(region) == touched
