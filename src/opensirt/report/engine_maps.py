"""A picture of how dose engines differ: maps through the hottest voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as MplFigure

from opensirt.dose.comparison import EngineDose, comparison_figure
from opensirt.image import Grid, Regions, Volume
from opensirt.report.figures import DPI, ROLE_COLOURS, Picture, png_bytes

__all__ = ["difference_picture"]

FloatArray = npt.NDArray[np.float32]
RANGE_PERCENT = 30.0
"""Differences beyond this have the deepest colour."""
SHOWN_FRACTION = 0.02
"""Below this part of the highest reference dose no difference is drawn."""
MARGIN_MM = 15.0
LEGEND_DENSITY_G_ML = (0.0, 1.4)


@dataclass(frozen=True, slots=True, eq=False)
class _Maps:
    """Everything as arrays (head, back, left): indices grow to the head, the back and the left."""

    spacing_mm: tuple[float, float, float]
    density: FloatArray
    reference: FloatArray
    others: tuple[tuple[str, FloatArray], ...]
    outlines: tuple[tuple[str, FloatArray], ...]
    hottest: tuple[int, int, int]


def difference_picture(
    doses: Sequence[EngineDose], reference: str, density: Volume, regions: Regions
) -> Picture:
    """The reference dose and the relative difference of every other engine, axial and coronal."""
    maps = _prepare(doses, reference, density, regions)
    columns = 1 + len(maps.others)
    boxes = [_window(maps, axis) for axis in (0, 1)]
    heights = [_extent(maps, axis, box)[0] for axis, box in zip((0, 1), boxes, strict=True)]
    width = max(_extent(maps, axis, box)[1] for axis, box in zip((0, 1), boxes, strict=True))
    panel = min(3.6, 11.0 / columns)
    size = (panel * columns + 0.9, panel * sum(heights) / width + 1.3)
    figure = MplFigure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, columns, height_ratios=heights)
    drawn: list[Any] = [None, None]
    for row, box in enumerate(boxes):
        for column in range(columns):
            axes = figure.add_subplot(grid[row, column])
            drawn[min(column, 1)] = _panel(axes, maps, row, column, box)
            if row == 0:
                name = reference if column == 0 else maps.others[column - 1][0]
                axes.set_title(name + (" (reference)" if column == 0 else ""), fontsize=11)
            if column == 0:
                axes.set_ylabel(("axial", "coronal")[row], fontsize=11)
    panels = figure.axes
    bar = figure.colorbar(
        drawn[0], ax=panels[0::columns], location="bottom", shrink=0.9, aspect=25, pad=0.02
    )
    bar.set_label("dose (Gy)", fontsize=11)
    bar.ax.tick_params(labelsize=11)
    rest = [axes for number, axes in enumerate(panels) if number % columns]
    bar = figure.colorbar(
        drawn[1], ax=rest, location="bottom", shrink=0.6, aspect=35, pad=0.02, extend="both"
    )
    bar.set_label(f"difference from {reference} (%)", fontsize=11)
    bar.ax.tick_params(labelsize=11)
    noise = any(d.engine == reference and d.relative_error is not None for d in doses)
    caption = (
        f"Through the hottest voxel of {reference}, on the density. Difference of each engine from "
        f"it, in per cent of its dose there, where that is above {SHOWN_FRACTION:.0%} of the "
        "highest; outlines dashed. The patient's right is on the left."
        + (" Speckle is the statistical error of the reference." if noise else "")
    )
    return Picture("engines", "Differences between engines", caption, png_bytes(figure))


def _prepare(
    doses: Sequence[EngineDose], reference: str, density: Volume, regions: Regions
) -> _Maps:
    base = next(d.dose for d in doses if d.engine == reference)
    air = np.asarray(density.values, np.float32) < comparison_figure("least_density_g_ml").value
    order, flips, spacing_mm = _orientation(base.grid)

    def turned(values: npt.NDArray[Any], clean: bool = True) -> FloatArray:
        kept = np.where(air, np.float32(0), values) if clean else values
        moved = np.flip(np.transpose(kept, order), tuple(flips))
        return np.asarray(moved, np.float32)

    gray = turned(base.values)
    s, r, c = np.unravel_index(int(np.argmax(gray)), gray.shape)
    return _Maps(
        spacing_mm,
        turned(density.values, clean=False),
        gray,
        tuple((d.engine, turned(d.dose.values)) for d in doses if d.engine != reference),
        tuple(
            (ROLE_COLOURS[region.role], turned(region.whole(), clean=False))
            for region in regions
            if region.role in ROLE_COLOURS
        ),
        (int(s), int(r), int(c)),
    )


def _orientation(grid: Grid) -> tuple[list[int], list[int], tuple[float, float, float]]:
    """Array axes that run closest to head, back and left, those to flip, and spacings."""
    free, order, flips = [0, 1, 2], [], []
    for target, patient in enumerate((2, 1, 0)):
        axis = max(free, key=lambda a: abs(grid.directions[a, patient]))
        free.remove(axis)
        order.append(axis)
        if grid.directions[axis, patient] < 0:
            flips.append(target)
    head, back, left = (grid.spacing_mm[axis] for axis in order)
    return order, flips, (head, back, left)


def _cut(maps: _Maps, values: FloatArray, axis: int) -> FloatArray:
    """A plane through the hottest voxel; the head is up in coronal planes."""
    plane: FloatArray = np.take(values, maps.hottest[axis], axis=axis)
    return plane if axis == 0 else plane[::-1]


def _window(maps: _Maps, axis: int) -> tuple[slice, slice]:
    """Rows and columns of a plane that hold the dose to be drawn, with a margin."""
    shown = _cut(maps, maps.reference, axis) > SHOWN_FRACTION * maps.reference.max()
    steps = [s for a, s in enumerate(maps.spacing_mm) if a != axis]
    found = []
    for side in (0, 1):
        used = np.flatnonzero(shown.any(axis=1 - side))
        margin = int(np.ceil(MARGIN_MM / steps[side]))
        found.append(
            slice(max(0, int(used[0]) - margin), min(shown.shape[side], int(used[-1]) + 1 + margin))
        )
    return found[0], found[1]


def _extent(maps: _Maps, axis: int, box: tuple[slice, slice]) -> tuple[float, float]:
    """Height and width of a window, mm."""
    steps = [s for a, s in enumerate(maps.spacing_mm) if a != axis]
    return (box[0].stop - box[0].start) * steps[0], (box[1].stop - box[1].start) * steps[1]


def _panel(axes: Any, maps: _Maps, axis: int, column: int, box: tuple[slice, slice]) -> Any:
    """One plane: the density in gray, on it dose or difference, and outlines."""
    height, width = _extent(maps, axis, box)
    place = {"extent": (0, width, height, 0), "interpolation": "nearest"}
    low, high = LEGEND_DENSITY_G_ML
    axes.imshow(_cut(maps, maps.density, axis)[box], cmap="gray", vmin=low, vmax=2 * high, **place)
    truth = _cut(maps, maps.reference, axis)[box]
    top = float(maps.reference.max())
    shown = truth > SHOWN_FRACTION * top
    if column == 0:
        values, words = truth, {"cmap": "inferno", "vmin": 0, "vmax": 0.8 * top}
    else:
        other = _cut(maps, maps.others[column - 1][1], axis)[box]
        values = 100 * np.divide(other - truth, truth, out=np.zeros_like(truth), where=shown)
        words = {"cmap": "RdBu_r", "vmin": -RANGE_PERCENT, "vmax": RANGE_PERCENT}
    image = axes.imshow(np.ma.masked_where(~shown, values), **words, **place)
    x = (np.arange(truth.shape[1]) + 0.5) * width / truth.shape[1]
    y = (np.arange(truth.shape[0]) + 0.5) * height / truth.shape[0]
    for colour, outline in maps.outlines:
        plane = _cut(maps, outline, axis)[box]
        if plane.min() < 0.5 < plane.max():
            shade = "#111827" if column and colour == "#ffffff" else colour
            axes.contour(x, y, plane, levels=[0.5], colors=[shade], linewidths=0.8,
                         linestyles="dashed")  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    return image
