"""Scales of single slices, against what their neighbours show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opensirt.errors import DicomError
from opensirt.units import Unit

__all__ = ["check_scales"]

Values = npt.NDArray[np.float32]
Scales = Sequence[tuple[float, float]]

SMALL_STEP_HU = 20.0
"""Slices of one scan differ by more in places, but not in half of their voxels."""
UNLIKE, NOTHING = 3.0, 1e-3
"""A slice of an activity image that holds this many times what both neighbours hold, or as much
less, by a slope that is as many times theirs, is scaled wrongly or a wonder; less than the second
is an empty slice."""


def check_scales(values: Values, scales: Scales, unit: Unit, outside: float, name: str) -> str:
    """What to say of activity in slices that only their slope tells from their neighbours.

    Parameters
    ----------
    values : (slice, row, column)
        As scaled.
    scales : (slope, intercept) of each slice
    outside : float
        Value of voxels outside the field of view, which say nothing.

    Raises
    ------
    DicomError
        CT whose neighbouring slices fit each other with one scale and not with their own.
    """
    if len(set(scales)) < 2:
        return ""
    if unit is Unit.HU:
        for place in range(1, len(values)):
            _require_fitting(values, scales, place, outside, name)
        return ""
    return _unlike_neighbours(values, scales)


def _require_fitting(values: Values, scales: Scales, place: int, outside: float, name: str) -> None:
    (slope, intercept), (own_slope, own_intercept) = scales[place - 1], scales[place]
    if (slope, intercept) == (own_slope, own_intercept):
        return
    seen = (values[place - 1] != outside) & (values[place] != outside)
    before, after = values[place - 1][seen], values[place][seen]
    if not before.size or own_slope == 0:
        return
    own = float(np.median(np.abs(after - before)))
    shared = float(
        np.median(np.abs((after - own_intercept) * (slope / own_slope) + intercept - before))
    )
    if own > SMALL_STEP_HU and shared < own / 2:
        raise DicomError(
            f"{name}: neighbouring slices differ by {own:.0f} HU (median) with RescaleSlope "
            f"{slope:g} and {own_slope:g}, RescaleIntercept {intercept:g} and {own_intercept:g}, "
            f"and by {shared:.0f} HU with one of them for both; export the series again"
        )


def _unlike_neighbours(values: Values, scales: Scales) -> str:
    sums = np.abs(values.sum(axis=(1, 2), dtype=np.float64))
    slopes = np.array([slope for slope, _ in scales])
    held = (sums > 0) & (slopes > 0)
    found = []
    for place in range(1, len(values) - 1):
        beside = [k for k in (place - 1, place + 1) if held[place] and held[k]]
        ratios = [quantity[place] / quantity[k] for quantity in (sums, slopes) for k in beside]
        if len(ratios) < 4 or min(ratios) < NOTHING or max(ratios) > 1 / NOTHING:
            continue
        if min(ratios) > UNLIKE or max(ratios) < 1 / UNLIKE:
            found.append(f"slice {place + 1} of {len(values)} ({ratios[0]:.2g} times)")
    if not found:
        return ""
    return (
        f"{'; '.join(found[:3])}{' and others' * (len(found) > 3)}: much more or less than in both "
        "neighbours, by RescaleSlope alone"
    )
