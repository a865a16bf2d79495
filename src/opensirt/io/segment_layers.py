"""Layers of a segmentation: regions that share no voxel lie in one, each with its own label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.image import Region
from opensirt.image.boxes import NOTHING, Box, inside, overlap

__all__ = ["HALF", "Place", "layer_count", "layered_slices", "share_layers"]

HALF = 0.5
"""A voxel belongs to a segment from this coverage on."""
MOST_LABELS = 255
"""Of one layer: a label is one byte."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment lies: its layer, from 0, and its label there, from 1."""

    layer: int
    label: int


def share_layers(regions: Sequence[Region]) -> tuple[Place, ...]:
    """A layer and a label for each region of one grid, in order.

    A region goes into the first layer where no other has a voxel of its own. Only boxes that meet
    are compared, so that no layer is ever held as a whole.
    """
    layers: list[list[Region]] = []
    places = []
    for region in regions:
        free = (number for number, others in enumerate(layers) if _has_room(others, region))
        number = next(free, len(layers))
        if number == len(layers):
            layers.append([])
        layers[number].append(region)
        places.append(Place(number, len(layers[number])))
    return tuple(places)


def layer_count(places: Sequence[Place]) -> int:
    """Layers in use."""
    return max(place.layer for place in places) + 1


def layered_slices(
    regions: Sequence[Region], places: Sequence[Place]
) -> Iterator[npt.NDArray[np.uint8]]:
    """Labels of one slice after another, (row, column, layer); the array is used again."""
    slices, rows, columns = regions[0].grid.shape
    plane = np.zeros((rows, columns, layer_count(places)), dtype=np.uint8)
    for index in range(slices):
        plane[...] = 0
        for region, place in zip(regions, places, strict=True):
            along, down, across = region.box
            if along.start <= index < along.stop:
                mask = region.fractions[index - along.start] >= HALF
                plane[down, across, place.layer][mask] = place.label
        yield plane


def _has_room(others: Sequence[Region], region: Region) -> bool:
    """True where a layer that holds `others` can hold a region too."""
    return len(others) < MOST_LABELS and not any(_collide(region, one) for one in others)


def _collide(a: Region, b: Region) -> bool:
    """True where a voxel belongs to both."""
    box = overlap(a.box, b.box)
    return box != NOTHING and bool((_mask(a, box) & _mask(b, box)).any())


def _mask(region: Region, box: Box) -> Mask:
    return np.asarray(region.fractions[inside(box, region.box)] >= HALF)
