"""What a dose engine is, and the registry of those there are."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.plausible import require_plausible
from opensirt.registry import Registry
from opensirt.units import Unit

__all__ = ["DoseEngine", "activity_values", "density_values", "dose_engines", "lowest_density"]


class DoseEngine(Protocol):
    """Turns where decays happen into where energy goes."""

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Absorbed dose to complete decay.

        Parameters
        ----------
        activity : Volume, (slice, row, column), Bq/mL
            Concentration at the time of injection.
        density : Volume, (slice, row, column), g/mL
            Mass density on the grid of `activity`.
        nuclide : Nuclide

        Returns
        -------
        Volume, (slice, row, column), Gy, on the grid of `activity`.

        Raises
        ------
        UnitMismatchError, GridMismatchError, InputError
            When an input is in another unit, on another grid, negative or not a number.
        """


dose_engines: Registry[DoseEngine] = Registry("dose engine", "opensirt.dose.engines")


def activity_values(activity: Volume) -> npt.NDArray[np.generic]:
    """Values of an activity map, Bq/mL, after checking its unit and that none is negative."""
    values = activity.require(Unit.BQ_PER_ML)
    _require_non_negative("activity", values, "clip or reconstruct it in quantify first")
    return values


def density_values(density: Volume, activity: Volume) -> npt.NDArray[np.generic]:
    """Values of a density map, g/mL, on the grid of `activity`, none negative."""
    values = density.require(Unit.G_PER_ML, grid=activity.grid)
    _require_non_negative("density", values, "check the conversion from HU")
    require_plausible("highest density of the map", float(values.max()))
    _require_mass_at_activity(values, activity)
    return values


def lowest_density(min_density_g_ml: float) -> np.float32:
    """The density from which on a voxel gets a dose, g/mL; never zero, which has no dose."""
    return max(np.float32(min_density_g_ml), np.finfo(np.float32).tiny)


def _require_non_negative(what: str, values: npt.NDArray[np.generic], advice: str) -> None:
    low, high = float(values.min()), float(values.max())  # NaN passes through min and max
    if not (low >= 0.0 and high < np.inf):
        raise InputError(
            f"the {what} map must be finite and not negative, found values from {low:g} to "
            f"{high:g}; {advice}"
        )


def _require_mass_at_activity(density: npt.NDArray[np.generic], activity: Volume) -> None:
    """Refuse a density map that misses the activity altogether: all its dose would be lost."""
    for mass, decays in zip(density, activity.values, strict=True):
        if np.vdot(mass, decays) > 0:
            return
    if np.any(activity.values):
        raise InputError("the density is zero where the activity is; check the density map")
