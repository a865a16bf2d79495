"""Boxes of voxels."""

from __future__ import annotations

import numpy as np

from opensirt.image import Grid, Region
from opensirt.image.boxes import NOTHING, bounding_box, box_shape, hull, inside, overlap, shifted

A = (slice(1, 5), slice(0, 3), slice(2, 4))
B = (slice(3, 8), slice(1, 2), slice(0, 3))


def test_hull_and_overlap():
    assert hull(A, B) == (slice(1, 8), slice(0, 3), slice(0, 4))
    assert overlap(A, B) == (slice(3, 5), slice(1, 2), slice(2, 3))
    assert overlap(A, (slice(5, 9), *A[1:])) == NOTHING
    assert overlap(A, NOTHING) == NOTHING


def test_inside_and_shifted_undo_each_other():
    common = overlap(A, B)
    assert inside(common, A) == (slice(2, 4), slice(1, 2), slice(0, 1))
    assert shifted(inside(common, A), A) == common
    assert box_shape(common) == (2, 1, 1)


def test_bounding_box():
    mask = np.zeros((5, 4, 3))
    assert bounding_box(mask) == NOTHING
    mask[1, 2, 0] = mask[3, 2, 1] = 0.25
    assert bounding_box(mask) == (slice(1, 4), slice(2, 3), slice(0, 2))


def test_fractions_on_a_box_that_cuts_the_region():
    mask = np.zeros((6, 6, 6))
    mask[1:4, 1:4, 1:4] = 0.5
    region = Region.from_mask("a", "other", mask, Grid.from_matrix((6, 6, 6), np.eye(4)))
    box = (slice(3, 6), slice(0, 2), slice(2, 3))
    assert np.array_equal(region.fractions_on(box), mask[box])
    assert not region.fractions_on((slice(5, 6), slice(0, 6), slice(0, 6))).any()
    assert region.trimmed().box == region.box
