"""The job `dose`: from an activity map to a dose map, file to file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.asking import named, option
from opensirt.backend import thread_count
from opensirt.dose.comparison import without_air
from opensirt.dose.engine import dose_engines, uncovered_fraction
from opensirt.errors import InputError
from opensirt.findings import Finding, percent
from opensirt.image import Regions, Volume
from opensirt.io.archive import staged_files
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.places import refuse_unusable_file
from opensirt.physics.nuclides import Nuclide, nuclide
from opensirt.physics.plausible import require_plausible, require_plausible_voxels
from opensirt.physics.products import product, product_names
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import load_table
from opensirt.quantify.density import density_map
from opensirt.units import BQ_PER_GBQ, Unit, activity_text
from opensirt.workflow.files import is_unit_stated, read_activity, read_volume, require_ending

__all__ = [
    "Dosing",
    "MonteCarloOptions",
    "activity_findings",
    "calculate",
    "dose_from_files",
    "read_maps",
    "simulation_progress",
]

MONTE_CARLO = "monte-carlo"
ENDINGS = (".nii.gz", ".nii")
Step = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class MonteCarloOptions:
    """What a person may choose of the engine `monte-carlo`; None takes the engine's default."""

    histories: int | None = None
    uncertainty: float | None = None
    seed: int | None = None
    threads: int | None = None
    mode: str | None = None
    device: str | None = None

    def chosen(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Dosing:
    """A dose map, its error map where there is one, and facts of the computation."""

    dose: Volume
    relative_error: Volume | None
    facts: dict[str, Any]
    region_errors: Mapping[str, float] = field(default_factory=dict)
    """Standard error over the mean dose of the regions asked for; empty without statistics."""


def dose_from_files(
    activity: Path,
    *,
    density: Path | None,
    ct: Path | None,
    nuclide_name: str,
    engine: str,
    to: Path,
    dose_constant: float | str | None = None,
    options: MonteCarloOptions | None = None,
    step: Step | None = None,
    activity_unit: str | None = None,
) -> dict[str, Any]:
    """Dose map (Gy to complete decay) of an activity map (at time zero), file to file.

    `activity_unit` is Bq/mL, kBq/mL or MBq/mL; a file that states none is taken as Bq/mL without
    it, which is a finding.
    Exactly one of `density` (g/mL) and `ct` (HU) is needed; it is resampled to the activity grid
    where it lies on another. Monte Carlo also writes its relative standard error beside `to`; of
    another engine none stays there.
    Returns seconds, threads and a summary for `--json`.
    """
    require_ending(to, ENDINGS)
    _require_monte_carlo(engine, options)
    inputs = [path for path in (activity, density, ct) if path is not None]
    paths = {"out": to, "relative_error_out": error_path(to)}
    for path in paths.values():
        refuse_unusable_file(path, inputs)
    source, mass, of = read_maps(activity, density, ct, nuclide_name, dose_constant, activity_unit)
    done = calculate(engine, source, mass, of, options, step)
    maps = {"out": done.dose}
    if done.relative_error is not None:
        maps["relative_error_out"] = done.relative_error
    away = [name for name in paths if name not in maps]  # errors of an earlier dose go with it
    with staged_files(paths, inputs, away=away) as staged:
        for name, volume in maps.items():
            write_volume_nifti(staged[name], volume)
    is_stated = is_unit_stated(activity, activity_unit)
    findings = [finding.as_dict() for finding in activity_findings(source, is_stated)]
    return {name: str(paths[name]) for name in maps} | done.facts | {"findings": findings}


def read_maps(
    activity: Path,
    density: Path | None,
    ct: Path | None,
    nuclide_name: str,
    dose_constant: float | str | None,
    activity_unit: str | None,
) -> tuple[Volume, Volume, Nuclide]:
    """Activity (Bq/mL), density on its grid (g/mL) and the nuclide."""
    if (density is None) == (ct is None):
        found = "both" if ct else "none"
        raise InputError(f"expected one of {named('density')} and {named('ct')}, found {found}")
    of = nuclide(nuclide_name)
    of = of if dose_constant is None else of.with_dose_constant(dose_constant)
    source = read_activity(activity, activity_unit, nuclide=of.name, time="injection")
    require_plausible_voxels(activity.name, source.grid.spacing_mm)
    require_plausible("activity in the map", float(np.maximum(source.total(), 0.0)))
    if ct is not None:
        mass = density_map(read_volume(ct, Unit.HU), source.grid)
    else:
        assert density is not None
        given = read_volume(density, Unit.G_PER_ML)
        require_plausible_voxels(density.name, given.grid.spacing_mm)
        mass = given.onto(source.grid)
    if not mass.values.any():
        raise InputError("the density map and the activity map do not overlap; check their places")
    _require_covered(source, mass)
    return source, mass, of


def activity_findings(source: Volume, is_stated: bool) -> tuple[Finding, ...]:
    """A unit that nobody stated, and a total that no vial of any product holds."""
    return (*_unit_findings(source, is_stated), *_total_findings(source))


def _unit_findings(source: Volume, is_stated: bool) -> tuple[Finding, ...]:
    if is_stated:
        return ()
    text = (
        "The activity map does not state its unit and is taken as Bq/mL, "
        f"{activity_text(source.total())} in all; counts are no activity. State it with "
        f"{option('activity-unit', Unit.BQ_PER_ML.value)} or another unit."
    )
    return (Finding("warn", "activity-unit-not-stated", text),)


def _total_findings(source: Volume) -> tuple[Finding, ...]:
    """More than any vial holds is most likely another unit, or counts."""
    held = {
        of.label: of.vial_capacity_gbq
        for of in map(product, product_names())
        if of.vial_capacity_gbq is not None
    }
    label, most_gbq = max(held.items(), key=lambda pair: pair[1])
    if source.total() / BQ_PER_GBQ <= most_gbq:
        return ()
    text = (
        f"The map holds {activity_text(source.total())}, more than the largest vial of any product "
        f"({most_gbq:.3g} GBq of {label}): check its unit, and that it is no map of counts."
    )
    return (Finding("warn", "map-activity-implausible", text, ASSUMPTION),)


def _require_covered(source: Volume, mass: Volume) -> None:
    """Refuse maps where more than a little of the activity lies outside the density."""
    if float(mass.values.min()) < 0.0:
        return  # no density: the engine says so
    missed = uncovered_fraction(mass.values, source)
    if missed > load_table("dose/coverage").quantity("uncovered_file_fraction").value:
        raise InputError(
            f"the density must cover the activity, and {percent(missed, 1)} of the activity lies "
            "where there is no density; give a map that covers it, or crop the activity to it"
        )


def calculate(
    engine: str,
    source: Volume,
    mass: Volume,
    of: Nuclide,
    options: MonteCarloOptions | None = None,
    step: Step | None = None,
    regions: Regions | None = None,
) -> Dosing:
    """Dose of an activity map by one engine, with time and, for Monte Carlo, its statistics.

    `regions`, on the grid of `source`, get the statistical error of their mean dose.
    """
    given = options.chosen() if options is not None and engine == MONTE_CARLO else {}
    chosen = dose_engines.create(engine, **given)
    start = time.perf_counter()
    simulating: dict[str, Any] = {"progress": simulation_progress(step)}
    if engine == MONTE_CARLO:
        simulating["regions"] = without_air(regions or Regions(), mass)
    done = chosen.checked_dose(source, mass, of, **simulating)
    region_errors: Mapping[str, float] = {}
    statistics: dict[str, Any] = {"threads": thread_count()}
    if done.simulation is not None:
        region_errors = done.simulation.region_errors
        statistics = _statistics(done.simulation)
    facts = {
        "engine": engine,
        "nuclide": of.name,
        "dose_constant_gy_kg_per_gbq": of.dose_constant_gy_kg_per_gbq,
        "seconds": time.perf_counter() - start,
        **statistics,
        "activity_gbq": source.total() / BQ_PER_GBQ,
        "decays": source.total() * of.mean_life_s,
        "mean_dose_gy": float(done.dose.values.mean(dtype=np.float64)),
        "maximum_dose_gy": float(done.dose.values.max()),
        "energy_in_map_fraction": done.gate.energy_fraction,
        "highest_over_possible": done.gate.highest_over_bound,
    }
    return Dosing(done.dose, done.relative_error, facts, region_errors)


def error_path(out: Path) -> Path:
    """Where the map of the relative standard error goes: beside the dose."""
    ending = next(e for e in ENDINGS if out.name.lower().endswith(e))
    return out.with_name(out.name[: -len(ending)] + "-relative-error" + ending)


def _statistics(simulation: Any) -> dict[str, Any]:
    return {
        "threads": simulation.threads,
        "histories": simulation.histories,
        "histories_per_second": simulation.histories / max(simulation.seconds, 1e-9),
        "mean_relative_error": simulation.mean_relative_error,
        "energy_balance": simulation.energy_balance,
        "uncertainty_reached": simulation.uncertainty_reached,
        "emitted_mev": simulation.emitted_mev,
        "escaped_fraction": simulation.escaped_fraction,
        "mode": simulation.mode,
        "device": simulation.device,
        "seed": simulation.seed,
        "media": list(simulation.media),
    }


def simulation_progress(step: Step | None) -> Callable[[float, int, float], None] | None:
    """What a simulation calls, as the progress of a job."""
    if step is None:
        return None

    def report(share: float, histories: int, seconds_left: float) -> None:
        step(f"{histories / 1e6:.1f} million decays, {seconds_left:.0f} s left", share)

    return report


def _require_monte_carlo(engine: str, options: MonteCarloOptions | None) -> None:
    given = options.chosen() if options is not None else {}
    if given and engine != MONTE_CARLO:
        names = ", ".join(option(name) for name in given)
        raise InputError(
            f"{names} needs {option('engine', MONTE_CARLO)}, found {option('engine', engine)}"
        )
