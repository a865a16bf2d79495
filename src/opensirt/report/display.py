"""What the figures are drawn from: images, dose and outlines on one axial grid of the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import CaseError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.units import Unit

__all__ = ["Scene", "isodose_levels_gy", "make_scene"]

FloatArray = npt.NDArray[np.float32]

DISPLAY_SPACING_MM = 2.0
MARGIN_MM = 30.0
NICE_STEPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a fused picture needs, on one axial grid (rows to posterior, columns to left).

    Shapes are (slice, row, column) of `grid`; slices go from feet to head.
    """

    grid: Grid
    background: FloatArray
    background_range: tuple[float, float]
    background_name: str
    dose_gy: FloatArray
    regions: Regions
    levels_gy: tuple[float, ...]


def make_scene(
    background: Volume, dose: Volume, regions: Regions, focus: tuple[Region, ...]
) -> Scene:
    """Put a background image, a dose map and outlines onto one axial grid around `focus`.

    Parameters
    ----------
    background : Volume, HU, counts, Bq/mL or arbitrary
        CT where there is one, otherwise the activity image.
    dose : Volume, Gy
    regions : Regions
        Outlines to draw.
    focus : tuple of Region
        Regions that must be in view, usually liver and tumours.
    """
    dose.require(Unit.GY)
    grid = _grid_around(focus)
    outside = -1000.0 if background.unit is Unit.HU else 0.0
    shown = background.onto(grid, outside=outside).values.astype(np.float32)
    gray = np.maximum(dose.onto(grid).values.astype(np.float32), 0.0)
    return Scene(
        grid=grid,
        background=shown,
        background_range=_window(background.unit, shown),
        background_name="CT" if background.unit is Unit.HU else "activity image",
        dose_gy=gray,
        regions=regions.onto(grid),
        levels_gy=isodose_levels_gy(float(gray.max())),
    )


def isodose_levels_gy(maximum_gy: float, count: int = 5) -> tuple[float, ...]:
    """About `count` round levels (1-2-5 series) below the maximum, rising by about two each."""
    if not maximum_gy > 0:
        return ()
    top = math.floor(math.log10(maximum_gy)) + 1
    series = [step * 10.0**power for power in range(top - 4, top + 1) for step in NICE_STEPS]
    return tuple(level for level in series if level < 0.9 * maximum_gy)[-count:]


def _window(unit: Unit, values: FloatArray) -> tuple[float, float]:
    """Gray window: the usual abdominal one for CT, otherwise up to the 99.5th percentile."""
    if unit is Unit.HU:
        return -160.0, 240.0
    return 0.0, max(float(np.percentile(values, 99.5)), 1e-6)


def _grid_around(focus: tuple[Region, ...]) -> Grid:
    corners = [_corners_mm(region) for region in focus if not region.is_empty]
    if not corners:
        raise CaseError("a report needs at least one region that is not empty, found none")
    points = np.concatenate(corners)
    low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
    size = np.ceil((high - low) / DISPLAY_SPACING_MM).astype(int) + 1
    return Grid.regular(size[::-1].tolist(), (DISPLAY_SPACING_MM,) * 3, low.tolist())


def _corners_mm(region: Region) -> npt.NDArray[np.float64]:
    ends = [(s.start - 0.5, s.stop - 0.5) for s in region.box]
    return region.grid.to_patient(np.array(np.meshgrid(*ends)).T.reshape(-1, 3))
