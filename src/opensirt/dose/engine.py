"""What a dose engine is, and the registry of those there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from opensirt.dose.gate import EngineTraits, GateAccount, MapUnderTest, pass_gate
from opensirt.errors import InputError
from opensirt.findings import percent
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.plausible import require_plausible
from opensirt.physics.tables import load_table
from opensirt.registry import Registry
from opensirt.units import Unit

__all__ = [
    "CheckedDose",
    "DoseEngine",
    "EngineTraits",
    "GatedEngine",
    "activity_values",
    "density_values",
    "dose_engines",
    "lowest_density",
    "uncovered_fraction",
]


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


@dataclass(frozen=True, slots=True, eq=False)
class CheckedDose:
    """A dose map that passed the gate."""

    dose: Volume
    """Gy."""
    relative_error: Volume | None
    """Standard error over dose; None where the engine has no statistics."""
    simulation: Any
    """What `simulate` of the engine returned, with its own account; None where it has none."""
    gate: GateAccount


@dataclass(frozen=True, slots=True)
class GatedEngine:
    """An engine behind the gate of `opensirt.dose.gate`: what it returns is possible.

    The registry gives out engines in this form only, so that one registered tomorrow passes the
    gate like the others. An engine may state its `traits`; one that does not is held to those of
    full transport, the strictest.
    """

    name: str
    engine: DoseEngine

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """See `DoseEngine.dose`; `DoseMapError` where the map cannot be."""
        return self.checked_dose(activity, density, nuclide).dose

    def checked_dose(
        self, activity: Volume, density: Volume, nuclide: Nuclide, **simulating: Any
    ) -> CheckedDose:
        """The dose with its error map and account; `simulating` goes to the engine's `simulate`."""
        simulate = getattr(self.engine, "simulate", None)
        if simulate is None:
            made, dose, error, histories = (
                None,
                self.engine.dose(activity, density, nuclide),
                None,
                0,
            )
        else:
            made = simulate(activity, density, nuclide, **simulating)
            dose, error, histories = made.dose, made.relative_error, getattr(made, "histories", 0)
        least = float(lowest_density(getattr(self.engine, "min_density_g_ml", 0.0)))
        traits = getattr(self.engine, "traits", EngineTraits())
        found = MapUnderTest(self.name, dose, least, error, histories)
        account = pass_gate(found, activity, density, nuclide, traits)
        dose = replace(dose, injected_bq=activity.injected_bq, case_id=activity.case_id)
        return CheckedDose(dose, error, made, account)


class EngineRegistry(Registry[DoseEngine]):
    """Dose engines by name, each behind the gate."""

    def create(self, name: str, **options: Any) -> GatedEngine:
        """The engine `name` with its `options`, behind the gate."""
        return GatedEngine(name, super().create(name, **options))


dose_engines = EngineRegistry("dose engine", "opensirt.dose.engines")


def activity_values(activity: Volume) -> npt.NDArray[np.generic]:
    """Values of an activity map, Bq/mL, after checking its unit and that none is negative."""
    values = activity.require(Unit.BQ_PER_ML)
    _require_non_negative("activity", values, "clip or reconstruct it in quantify first")
    highest = float(values.max())
    if highest > float(np.finfo(np.float32).max):
        raise InputError(
            f"the activity map must be a number in single precision, found {highest:g} Bq/mL; "
            "check its unit"
        )
    return values


def density_values(
    density: Volume, activity: Volume, least_g_ml: float = 0.0
) -> npt.NDArray[np.generic]:
    """Values of a density map, g/mL, on the grid of `activity`, none negative.

    An `InputError` where most of the activity lies in voxels below `least_g_ml`, which receive no
    dose from the engine that asks.
    """
    values = density.require(Unit.G_PER_ML, grid=activity.grid)
    _require_non_negative("density", values, "check the conversion from HU")
    require_plausible("highest density of the map", float(values.max()))
    missed = uncovered_fraction(values, activity, least_g_ml)
    if missed > load_table("dose/coverage").quantity("uncovered_most_fraction").value:
        least = f"below {least_g_ml:g} g/mL" if least_g_ml > 0.0 else "none"
        raise InputError(
            f"the density must cover the activity, and {percent(missed)} of the activity lies "
            f"where the density is {least}; check that both maps are of one patient, in place and "
            "in g/mL"
        )
    return values


def uncovered_fraction(
    density: npt.NDArray[np.generic], activity: Volume, least_g_ml: float = 0.0
) -> float:
    """Share of the activity in voxels below a density (g/mL), or with none to speak of."""
    least = np.float32(max(least_g_ml, load_table("dose/coverage").quantity("thinnest_g_ml").value))
    missed = total = 0.0
    for mass, decays in zip(density, activity.values, strict=True):
        plane = np.maximum(np.asarray(decays, dtype=np.float64), 0.0)
        total += float(plane.sum())
        missed += float(plane.sum(where=np.asarray(mass, np.float32) < least))
    return missed / total if total > 0.0 else 0.0


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
