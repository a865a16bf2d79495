"""Label maps: whole numbers per voxel, one region per label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from opensirt.errors import FileFormatError, GridMismatchError, RegionError
from opensirt.image import Grid, Region
from opensirt.image.boxes import NOTHING, Box, bounding_box
from opensirt.io.region_names import role_from_name, unique_name

__all__ = [
    "label_boxes",
    "labels_from_regions",
    "region_of_label",
    "regions_from_labels",
    "stem",
    "whole_number_labels",
]

Array = npt.NDArray[np.generic]
Labels = npt.NDArray[np.integer]

_ENDINGS = (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".nhdr", ".h33", ".h00", ".hv")
MANY_LABELS, SMALL_JUMP, LOW_BORDER = 200, 0.05, 0.1
"""An image of so many values whose steps and values at the border are that small, over the largest,
is no label map. A probability blurred over 3 voxels has steps of 0.04; 1000 labels sorted along an
axis steps of 0.07, and 0.5 at the border."""
MOST_LISTED = 1 << 16
"""Labels up to here are looked for in one pass."""


def stem(path: Path) -> str:
    """File name without its image endings: "liver.nii.gz" is "liver"."""
    for ending in _ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def whole_number_labels(values: Array, path: Path) -> Labels:
    """The values as whole numbers from 0 up.

    Raises
    ------
    FileFormatError
        When some are fractions, negative or not finite.
    """
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    labels: Labels
    if values.dtype.kind in "ui":
        labels = np.asarray(values, dtype=values.dtype)
    elif values.dtype.kind == "f" and np.isfinite(values).all():
        labels = np.rint(values).astype(np.int32)
        if not np.array_equal(labels, values):
            raise FileFormatError(
                f"{path.name}: a label map needs whole numbers, found fractions; "
                "give an image of labels, not of intensities"
            )
    else:
        raise FileFormatError(f"{path.name}: a label map needs whole numbers, found other values")
    if labels.dtype.kind == "i" and labels.size and int(labels.min()) < 0:
        raise FileFormatError(
            f"{path.name}: a label map needs whole numbers from 0, found {int(labels.min())}"
        )
    return labels


def regions_from_labels(
    values: Array, grid: Grid, path: Path, names: Mapping[int, str] | None = None
) -> tuple[Region, ...]:
    """One region per label above 0.

    A region is named after `names`, where the file has any; else a file that holds the label 1
    alone gives its own name ("liver.nii.gz" is "liver"), and other labels are "label 5".
    """
    labels = whole_number_labels(values, path)
    boxes = label_boxes(labels)
    if not names and len(boxes) > MANY_LABELS:
        _require_labels(labels, path)
    regions: list[Region] = []
    for label in boxes:
        name = (names or {}).get(label) or (stem(path) if list(boxes) == [1] else f"label {label}")
        name = unique_name(name, [region.name for region in regions])
        role = role_from_name(name) or "other"
        regions.append(region_of_label(name, role, labels, label, boxes, grid))
    return tuple(regions)


def _require_labels(labels: Labels, path: Path) -> None:
    """Refuse many values that are no labels but how likely or how much each voxel is in a region.

    Such values change little from voxel to voxel and are low at the border; labels jump.

    Raises
    ------
    FileFormatError
    """
    most, jumps, borders = float(labels.max()), [], []
    for axis in range(labels.ndim):
        along = np.moveaxis(labels, axis, 0)
        for near, far in pairwise(along):
            low, high = np.minimum(near, far), np.maximum(near, far)
            jump = (high - low)[high > low].astype(np.float64)
            jumps.append((jump.sum(), jump.size))
            border = high[(low == 0) & (high > 0)].astype(np.float64)
            borders.append((border.sum(), border.size))
    if _mean(jumps) < SMALL_JUMP * most and _mean(borders) < LOW_BORDER * most:
        raise FileFormatError(
            f"{path.name}: values that rise little by little from the border inwards are "
            "no labels but a probability or an intensity; cut it, at one half say, and save that"
        )


def _mean(parts: Sequence[tuple[float, int]]) -> float:
    """Mean of sums and counts; 0 where nothing was counted."""
    return sum(total for total, _ in parts) / max(sum(count for _, count in parts), 1)


def label_boxes(labels: Labels) -> dict[int, Box]:
    """The smallest box that holds each label above 0 that is there, in order, in one pass."""
    most = int(labels.max(initial=0))
    if most > MOST_LISTED:  # far apart: a list up to the largest would be long
        there = [int(label) for label in np.unique(labels) if label > 0]
        return {label: bounding_box(labels == label) for label in there}
    found = find_objects(labels, max(most, 1))
    return {label: box for label, box in enumerate(found, start=1) if box is not None}


def region_of_label(
    name: str, role: str, labels: Labels, label: int, boxes: Mapping[int, Box], grid: Grid
) -> Region:
    """The voxels of one label as a region, empty where `boxes` of `label_boxes` lacks it."""
    box = boxes.get(label, NOTHING)
    return Region(name, role, grid, box, (labels[box] == label).astype(np.float32))


def labels_from_regions(regions: Sequence[Region]) -> tuple[npt.NDArray[np.uint16], Grid]:
    """Labels 1, 2, ... in the order of the regions, for voxels covered by one half or more.

    Raises
    ------
    RegionError
        When two regions overlap or there is none.
    GridMismatchError
        When the regions do not share one grid.
    """
    if not regions:
        raise RegionError("a label map needs at least one region, found none")
    grid = regions[0].grid
    labels = np.zeros(grid.shape, dtype=np.uint16)
    for number, region in enumerate(regions, start=1):
        if not region.grid.matches(grid):
            raise GridMismatchError(
                f"expected every region on {grid}, {region.name!r} is on {region.grid}; "
                "move it first with region.onto(grid)"
            )
        part = labels[region.box]
        inside = region.fractions >= 0.5
        if part[inside].any():
            other = regions[int(part[inside].max()) - 1].name
            raise RegionError(
                f"regions {other!r} and {region.name!r} overlap, a label map cannot hold both; "
                "write a .seg.nrrd instead"
            )
        part[inside] = number
    return labels, grid
