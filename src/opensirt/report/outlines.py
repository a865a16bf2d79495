"""Outlines of regions in a plane of a picture: one set of lines for each role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from contourpy import LineType, contour_generator
from matplotlib.collections import PathCollection
from matplotlib.path import Path
from matplotlib.transforms import Transform
from scipy.ndimage import gaussian_filter

from opensirt.image import Region

__all__ = ["HALF", "draw_outlines", "plane_outline"]

HALF = 0.5
"""Covered fraction at which an outline runs."""
FEW_VOXELS = 27.0
"""Volume, in voxels, of a region so small that its outline runs at half of its own peak."""
OUTLINE_SMOOTHING = 0.7
"""Pixels; rounds the corners of voxels in the drawing, never in a number."""
REACH = 4
"""Pixels around a region that the smoothing of its outline can see, and one more."""
OVER_PICTURES = 2
"""Order of drawing of lines."""

Window = tuple[slice, slice]
FloatArray = npt.NDArray[np.float32]


def draw_outlines(
    axes: Any,
    regions: Iterable[Region],
    colours: Mapping[str, str],
    axis: int,
    index: int,
    window: Window,
    line_width: float,
    transform: Transform | None = None,
) -> list[PathCollection]:
    """Dashed outlines where regions meet a plane, by colour of their role.

    Parameters
    ----------
    axes : matplotlib axes
        Whose x and y are pixels of the plane, unless `transform` is given.
    regions : Region
        On the grid of the plane, slices along +z; roles without a colour are left out.
    axis, index : int
        The plane, normal to an array axis; the head is up in planes of axes 1 and 2.
    window : two slices
        Rows and columns of the plane that are seen.
    line_width : float
        Points.
    transform : Transform, optional
        From pixels of the plane to the figure, where the axes count something else.
    """
    found: dict[str, list[Path]] = {}
    for region in regions:
        if region.role in colours:
            found.setdefault(region.role, []).extend(plane_outline(region, axis, index, window))
    drawn = []
    for role, paths in found.items():
        if paths:
            lines = PathCollection(
                paths, facecolors="none", edgecolors=colours[role], linewidths=line_width,
                linestyles="dashed", zorder=OVER_PICTURES, transform=transform or axes.transData,
            )  # fmt: skip
            drawn.append(axes.add_collection(lines, autolim=False))
    return drawn


def plane_outline(region: Region, axis: int, index: int, window: Window) -> list[Path]:
    """Lines of one region in a plane, x along columns, y along rows; none outside the window.

    The region's box alone is smoothed and followed, not the whole plane.
    """
    if not region.box[axis].start <= index < region.box[axis].stop:
        return []
    rows, columns = (s for a, s in enumerate(region.box) if a != axis)
    size = [n for a, n in enumerate(region.grid.shape) if a != axis]
    plane = np.take(region.fractions, index - region.box[axis].start, axis=axis)
    if axis:  # the head is up
        plane = plane[::-1]
        rows = slice(size[0] - rows.stop, size[0] - rows.start)
    if not all(
        a.start < w.stop + 1 and w.start - 1 < a.stop
        for a, w in zip((rows, columns), window, strict=True)
    ):
        return []
    low = max(0, rows.start - REACH), max(0, columns.start - REACH)
    high = min(size[0], rows.stop + REACH), min(size[1], columns.stop + REACH)
    wide: FloatArray = np.zeros((high[0] - low[0], high[1] - low[1]), dtype=np.float32)
    inner = slice(rows.start - low[0], rows.stop - low[0])
    wide[inner, columns.start - low[1] : columns.stop - low[1]] = plane
    smooth = gaussian_filter(wide, OUTLINE_SMOOTHING)
    level = _level(region, axis)
    if min(smooth.shape) < 2 or not smooth.max() > level:
        return []
    generator = contour_generator(
        x=np.arange(low[1], high[1]), y=np.arange(low[0], high[0]), z=smooth,
        name="mpl2014", line_type=LineType.SeparateCode,
    )  # fmt: skip
    lines: Any = generator.lines(level)
    return [Path(points, codes) for points, codes in zip(*lines, strict=True)]


def _level(region: Region, axis: int) -> float:
    """Smoothed fraction that a region's outline follows in planes normal to an axis.

    A region of a few voxels is smoothed to less than one half everywhere, and has an outline yet.
    """
    if float(region.fractions.sum()) > FEW_VOXELS:
        return HALF
    widths = [0 if a == axis else REACH for a in range(3)]
    wide = np.pad(region.fractions, [(width, width) for width in widths])
    sigma = [0.0 if a == axis else OUTLINE_SMOOTHING for a in range(3)]
    return HALF * float(gaussian_filter(wide, sigma).max())
