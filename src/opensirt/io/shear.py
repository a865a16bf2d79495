"""Grids of files whose axes are not quite, or not at all, at right angles."""

from __future__ import annotations

import numpy as np

from opensirt.errors import FileFormatError
from opensirt.image import Grid

__all__ = ["right_angled"]

MOST_MM = 0.5
"""Furthest that a corner may move when small shear, of rounding or registration, is taken out."""


def right_angled(grid: Grid, name: str) -> Grid:
    """The grid of an image file with right angles; small shear is taken out about its centre.

    Raises
    ------
    FileFormatError
        Where that would move a corner by more than half a millimetre: slices of a tilted gantry.
    """
    if grid.is_orthogonal:
        return grid
    straight, moved_mm = grid.straightened()
    if moved_mm <= MOST_MM:
        return straight
    axes = grid.directions
    worst = float(np.abs(axes @ axes.T - np.eye(3)).max())
    angle = np.degrees(np.arcsin(min(worst, 1.0)))
    raise FileFormatError(
        f"{name}: its axes are {angle:.1f} degrees off a right angle (tilted gantry, or a sheared "
        "registration); resample it onto right angles, or give the DICOM series"
    )
