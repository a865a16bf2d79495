"""A `Volume`: values on a grid, in a unit, at a stated time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from opensirt.errors import GridMismatchError, InputError, UnitMismatchError
from opensirt.image.grid import Grid
from opensirt.units import Unit

__all__ = ["Volume"]

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One image or map of a patient.

    Parameters
    ----------
    values : ndarray, (slice, row, column)
        Made read-only; a stage returns a new `Volume`.
    grid : Grid
        Where the voxels lie.
    unit : Unit
        What the values mean.
    nuclide : str, optional
        Nuclide name such as "y90", for counts and activity.
    time : datetime (aware) or str, optional
        Instant of the activity, or a name for it: "injection".
    injected_bq : float, optional
        For an activity map, and a dose made from it: the total injected activity, at `time`, that
        it belongs to, lung shunt included. `Plan.scale` needs it.
    dose_constant_gy_kg_per_gbq : float, optional
        Of the plan that scaled an activity map, and of a dose made from it.
    engine : str
        Name of the dose engine that made a dose, "" for anything else.
    case_id : str
        Pseudonym of the case that a map of activity or dose was made for, "" where not known.
    relative_error : ndarray, (slice, row, column), optional
        Standard error over value, of a dose by Monte Carlo; of these very values, so that whatever
        changes or moves them drops it.
    """

    values: Array
    grid: Grid
    unit: Unit
    nuclide: str | None = None
    time: datetime | str | None = None
    injected_bq: float | None = None
    dose_constant_gy_kg_per_gbq: float | None = None
    engine: str = ""
    relative_error: Array | None = None
    case_id: str = ""

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise GridMismatchError(
                f"expected values of shape {self.grid.shape}, got {self.values.shape}"
            )
        if isinstance(self.time, datetime) and self.time.tzinfo is None:
            raise InputError(f"the time {self.time} has no time zone; give one, for example +00:00")
        view = self.values.view()
        view.flags.writeable = False
        object.__setattr__(self, "values", view)

    def require(self, unit: Unit, *, grid: Grid | None = None) -> Array:
        """The values, after checking that they are in `unit` and, where given, on `grid`.

        Raises
        ------
        UnitMismatchError, GridMismatchError
        """
        if self.unit is not unit:
            raise UnitMismatchError(f"expected a volume in {unit.value}, got {self.unit.value}")
        if grid is not None and not self.grid.matches(grid):
            raise GridMismatchError(
                f"expected {grid}, got {self.grid}; resample first with volume.onto(grid)"
            )
        return self.values

    def with_values(self, values: Array, unit: Unit | None = None) -> Volume:
        """The same place and time with other values, and `unit` where it changes.

        A new unit drops `injected_bq`, which belongs to activity alone.
        """
        if unit is None or unit is self.unit:
            return replace(self, values=values, relative_error=None)
        return replace(self, values=values, unit=unit, injected_bq=None, relative_error=None)

    def total(self) -> float:
        """Integral over the grid: counts for counts, Bq for Bq/mL, otherwise value times mL."""
        factor = 1.0 if self.unit.is_extensive else self.grid.voxel_volume_ml
        return float(self.values.sum(dtype=np.float64)) * factor

    def crop(self, box: tuple[slice, slice, slice]) -> Volume:
        """The part inside a box of unit-step index slices."""
        error = None if self.relative_error is None else self.relative_error[box]
        return replace(
            self, values=self.values[box], grid=self.grid.crop(box), relative_error=error
        )

    def onto(self, grid: Grid, *, outside: float = 0.0) -> Volume:
        """This volume resampled to `grid`: linear, averaged where the new voxels are larger.

        Counts are shared out by volume, so their total is kept; other units keep their mean.
        Points outside this volume get `outside`.
        """
        if self.grid.matches(grid):
            return replace(self, grid=grid)
        from opensirt.image.resample import resample_values

        values = resample_values(self.values, self.grid, grid, outside=outside)
        if self.unit.is_extensive:
            values *= grid.voxel_volume_ml / self.grid.voxel_volume_ml
        return replace(self, values=values, grid=grid, relative_error=None)

    def at(self, point_mm: tuple[float, float, float]) -> float:
        """The value of the voxel that holds a patient point (x, y, z), mm."""
        index = np.rint(self.grid.to_index(point_mm)).astype(int)
        if np.any(index < 0) or np.any(index >= self.grid.shape):
            raise InputError(f"the point {point_mm} mm lies outside the image ({self.grid})")
        return float(self.values[tuple(index)])
