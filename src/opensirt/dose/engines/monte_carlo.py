"""Dose engine `monte-carlo`: decays followed one by one through the patient's own tissues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from opensirt.asking import option
from opensirt.dose.engine import activity_values, density_values, dose_engines, lowest_density
from opensirt.dose.kernels import charged_radius_mm, point_kernel
from opensirt.dose.mc_device import require_gpu
from opensirt.dose.mc_regions import WeightedBox
from opensirt.dose.mc_run import Progress, Result, Run, RunPlan
from opensirt.dose.mc_scene import cuts_by_medium, make_matter, softest_mev
from opensirt.dose.mc_source import decay_source
from opensirt.errors import GridMismatchError, InputError, unknown_name
from opensirt.findings import as_fraction
from opensirt.image import Grid, Region, Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["MonteCarlo", "Simulation"]

Floats = npt.NDArray[np.float32]

DEFAULT_UNCERTAINTY = 0.01
FEWEST_HISTORIES = 1000
LEAST_UNCERTAINTY = 1e-4
SEEDS = 2**63
"""Seeds are whole numbers below this."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A dose map with its statistical error and the account of the run."""

    dose: Volume
    """Gy."""
    relative_error: Volume
    """One standard error over the dose, per voxel; 0 where nothing was scored."""
    histories: int
    seconds: float
    threads: int
    mode: str
    device: str
    seed: int
    mean_relative_error: float
    energy_balance: float
    escaped_fraction: float
    media: tuple[str, ...]
    emitted_mev: float = 0.0
    """Per decay, of the decays followed."""
    nuclide_mev: float = 0.0
    """Per decay of the nuclide, from its tables alone."""
    region_errors: Mapping[str, float] = field(default_factory=dict)
    """One standard error over the mean dose, by region name, from the spread of the batches; 1
    where nothing was scored."""
    uncertainty_reached: bool = True
    """False where the most histories of a run did not suffice for the uncertainty asked for."""


@dose_engines.register("monte-carlo")
@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """Absorbed dose by Monte Carlo transport of electrons and photons.

    The reference among the engines: it follows range, scattering and backscatter through any
    tissue, and states its statistical error. Outside the grid is vacuum. Mode "fast" replays
    tracks of full physics, scaled by the local medium; "full" transports every electron anew.

    References
    ----------
    .. [penelope] mixed (class II) simulation of electrons.
    """

    histories: int | None = None
    """Decays to follow; by default as many as `uncertainty` asks for."""
    uncertainty: float | None = None
    """Mean relative standard error where the dose is above half its maximum; default 1 %."""
    seed: int = 1
    threads: int | None = None
    mode: Literal["fast", "full"] = "fast"
    device: Literal["cpu", "cuda"] = "cpu"
    min_density_g_ml: float = 0.0
    """Voxels below this density receive zero dose; what they absorb is still followed."""

    def __post_init__(self) -> None:
        if self.histories is not None and self.uncertainty is not None:
            raise InputError(
                f"choose histories or an uncertainty, not both: {option('histories')} or "
                f"{option('uncertainty')}"
            )
        if self.histories is not None and self.histories < FEWEST_HISTORIES:
            raise InputError(
                f"histories must be at least {FEWEST_HISTORIES}, found {self.histories}"
            )
        if self.uncertainty is not None and not LEAST_UNCERTAINTY <= self.uncertainty <= 0.5:
            raise InputError(
                f"the uncertainty is a fraction from {LEAST_UNCERTAINTY:g} to 0.5 "
                f"({as_fraction(self.uncertainty)}), found {self.uncertainty:g}"
            )
        if self.mode not in ("fast", "full"):
            raise unknown_name("Monte Carlo mode", self.mode, ("fast", "full"))
        if self.device not in ("cpu", "cuda"):
            raise unknown_name("device", self.device, ("cpu", "cuda"))
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads must be at least 1, found {self.threads}")
        if not 0 <= self.seed < SEEDS:
            raise InputError(f"the seed must lie between 0 and {SEEDS - 1}, found {self.seed}")
        if self.device == "cuda":
            require_gpu()

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, float32. See `DoseEngine.dose`, and `simulate` for more."""
        return self.simulate(activity, density, nuclide).dose

    def simulate(
        self,
        activity: Volume,
        density: Volume,
        nuclide: Nuclide,
        progress: Progress | None = None,
        regions: Iterable[Region] = (),
    ) -> Simulation:
        """The dose with its error map and the energy balance.

        ``D = N e / m`` with N the decays in the whole map, e the energy (MeV) per decay and voxel
        and m the voxel's mass. See `DoseEngine.dose` for shapes, units and errors. The errors of
        neighbouring voxels depend on one another; for the error of the mean dose of `regions`, on
        the grid of `activity`, see `Simulation.region_errors`.
        """
        a = np.ascontiguousarray(activity_values(activity), dtype=np.float32)
        rho = np.ascontiguousarray(density_values(density, activity), dtype=np.float32)
        grid = activity.grid
        if not grid.is_orthogonal:
            raise GridMismatchError(f"the grid {grid} is sheared; resample the activity first")
        named = [region for region in regions if not region.is_empty]
        boxes = tuple(self._weighted(region, rho, grid) for region in named)
        if not a.any():
            return self._nothing(activity)
        reach_mm = charged_radius_mm(point_kernel(nuclide.name))
        cuts = cuts_by_medium(rho, a, min(grid.spacing_mm), reach_mm)
        matter = make_matter(rho, cuts)
        source = decay_source(nuclide, softest_mev(cuts))
        plan = self._plan()
        run = Run(rho, a, grid.spacing_mm, matter, source, plan, progress, reach_mm, boxes)
        result = run.go()
        decays = activity.total() * nuclide.mean_life_s * nuclide.energy_scale
        errors = {of.name: float(e) for of, e in zip(named, result.region_errors, strict=True)}
        return self._simulation(result, activity, rho, decays, matter.names, errors)

    def _weighted(self, region: Region, rho: Floats, grid: Grid) -> WeightedBox:
        """What the region's mean dose takes of each voxel's energy, but for a common factor."""
        if not region.grid.matches(grid):
            raise GridMismatchError(
                f"region {region.name!r} lies on {region.grid}, the dose on {grid}; move it first "
                "with region.onto(grid)"
            )
        mass, weights = rho[region.box], np.zeros(region.fractions.shape, np.float32)
        np.divide(region.fractions, mass, out=weights, where=mass >= self._least_g_ml)
        return WeightedBox(region.box, weights)

    @property
    def _least_g_ml(self) -> np.float32:
        return lowest_density(self.min_density_g_ml)

    def _plan(self) -> RunPlan:
        wanted = None if self.histories is not None else self.uncertainty or DEFAULT_UNCERTAINTY
        return RunPlan(
            self.histories, wanted, self.seed, self.threads, self.mode, device=self.device
        )

    def _nothing(self, activity: Volume) -> Simulation:
        zero = np.zeros(activity.grid.shape, np.float32)
        dose = activity.with_values(zero, Unit.GY)
        error = activity.with_values(zero, Unit.FRACTION)
        return Simulation(
            dose, error, 0, 0.0, 1, self.mode, self.device, self.seed, 0.0, 0.0, 0.0, ()
        )

    def _simulation(
        self,
        result: Result,
        activity: Volume,
        rho: Floats,
        decays: float,
        media: tuple[str, ...],
        region_errors: Mapping[str, float],
    ) -> Simulation:
        """Energies to doses, in place."""
        shape = activity.grid.shape
        voxel_ml = activity.grid.voxel_volume_ml
        gray = result.energy_mev.reshape(shape)
        gray *= np.float32(decays * JOULE_PER_MEV * G_PER_KG / voxel_ml)
        for energy, mass in zip(gray, rho, strict=True):  # slice by slice: no copy of the volume
            tissue = mass >= self._least_g_ml
            np.divide(energy, mass, out=energy, where=tissue)
            energy[~tissue] = 0.0
        error = result.relative_error.reshape(shape)
        return Simulation(
            dose=activity.with_values(gray, Unit.GY),
            relative_error=activity.with_values(error, Unit.FRACTION),
            histories=result.histories,
            seconds=result.seconds,
            threads=result.threads,
            mode=self.mode,
            device=self.device,
            seed=self.seed,
            mean_relative_error=result.mean_relative_error,
            energy_balance=result.energy_balance,
            escaped_fraction=result.escaped_fraction,
            media=media,
            emitted_mev=result.emitted_mev,
            nuclide_mev=result.nuclide_mev,
            region_errors=region_errors,
            uncertainty_reached=result.uncertainty_reached,
        )
