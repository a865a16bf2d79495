"""Dose maps of several engines against a reference map: regions, gamma, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from opensirt.dose.dvh import Dvh, histogram_of
from opensirt.dose.gamma import STANDARD_ERRORS, GammaCriteria, gamma_index
from opensirt.errors import InputError
from opensirt.image import Region, Regions, Volume
from opensirt.physics.tables import Quantity, load_table
from opensirt.units import Unit

__all__ = [
    "EngineComparison",
    "EngineDose",
    "GammaResult",
    "RegionComparison",
    "compare_doses",
    "comparison_figure",
    "gamma_criteria",
    "mean_tolerance",
    "reference_engine",
    "without_air",
]

REFERENCES = ("monte-carlo", "voxel-superposition", "voxel-convolution")
"""Engines that others are held against, the most trusted first."""
LUNG_ROLES = ("lungs", "lung-left", "lung-right")
Verdict = Literal["agrees", "differs", "uncertain", "negligible"]


@dataclass(frozen=True, slots=True, eq=False)
class EngineDose:
    """What one engine made of an activity map."""

    engine: str
    dose: Volume
    """Gy."""
    relative_error: Volume | None = None
    """Standard error over dose, per voxel; None where the engine has no statistics."""
    region_errors: Mapping[str, float] = field(default_factory=dict)
    """Standard error over the mean dose, by region name, where the engine states it; without it,
    it is made from the voxels' errors, to the safe side."""


@dataclass(frozen=True, slots=True)
class RegionComparison:
    """One region by one engine and by the reference."""

    engine: str
    name: str
    role: str
    volume_ml: float
    mean_dose_gy: float
    reference_mean_dose_gy: float
    mean_difference_gy: float
    mean_difference_fraction: float | None
    """Of the reference; None where that is zero, as below."""
    d95_difference_gy: float
    d95_difference_fraction: float | None
    d50_difference_gy: float
    d50_difference_fraction: float | None
    reference_error_fraction: float | None
    """One standard error of the reference mean; None where the reference has no statistics."""
    tolerance_fraction: float
    gamma_pass_fractions: tuple[float | None, ...]
    """One for each of the criteria; None where no voxel of the region is above the threshold."""
    verdict: Verdict
    """differs: beyond the tolerance by more than two standard errors of the reference."""


@dataclass(frozen=True, slots=True)
class GammaResult:
    """Gamma of a whole map."""

    engine: str
    criteria: str
    pass_fraction: float
    evaluated_voxels: int


@dataclass(frozen=True, slots=True)
class EngineComparison:
    """All engines against the reference."""

    reference: str
    engines: tuple[str, ...]
    """The others, in the order given."""
    criteria: tuple[str, ...]
    regions: tuple[RegionComparison, ...]
    gamma: tuple[GammaResult, ...]

    def of(self, engine: str) -> tuple[RegionComparison, ...]:
        """The regions of one engine."""
        return tuple(row for row in self.regions if row.engine == engine)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as in `results.json`."""
        plain = asdict(self)
        for key in ("engines", "criteria", "regions", "gamma"):
            plain[key] = list(plain[key])
        for row in plain["regions"]:
            row["gamma_pass_fractions"] = list(row["gamma_pass_fractions"])
        return plain


def comparison_figure(name: str) -> Quantity:
    """A number of ``tables/dose/comparison.toml``, with its source."""
    return load_table("dose/comparison").quantity(name)


def mean_tolerance(role: str) -> Quantity:
    """Relative difference of means from which on engines disagree on a region of this role."""
    kind = "lung" if role in LUNG_ROLES else "tissue"
    return comparison_figure(f"{kind}_mean_fraction")


def reference_engine(names: Sequence[str]) -> str:
    """The engine among `names` that the others are held against."""
    for name in REFERENCES:
        if name in names:
            return name
    raise InputError(
        f"a comparison needs one of {', '.join(REFERENCES)} as reference, found {', '.join(names)}"
    )


def gamma_criteria(longest_voxel_mm: float) -> tuple[GammaCriteria, ...]:
    """1 %, 1 mm above 10 %; for coarse voxels 3 %, 3 mm as well."""
    threshold = comparison_figure("gamma_threshold_fraction").value
    kinds = (
        ["", "coarse_"] if longest_voxel_mm > comparison_figure("coarse_voxel_mm").value else [""]
    )
    return tuple(
        GammaCriteria(
            comparison_figure(f"{kind}gamma_dose_fraction").value,
            comparison_figure(f"{kind}gamma_distance_mm").value,
            threshold,
        )
        for kind in kinds
    )


def compare_doses(
    doses: Sequence[EngineDose],
    density: Volume,
    regions: Regions,
    *,
    reference: str | None = None,
    with_gamma: bool = True,
    step: Callable[[str, float], None] | None = None,
) -> EngineComparison:
    """Hold dose maps against that of the reference engine.

    Parameters
    ----------
    doses : sequence of EngineDose, Gy
        Two or more, on one grid.
    density : Volume, g/mL
        On the same grid; voxels of air are left out everywhere.
    regions : Regions
        On the same grid; empty ones are left out.
    reference : str, optional
        Name of the reference engine; by default the most trusted one among `doses`.
    with_gamma : bool
        False leaves out gamma, which takes longest.
    step : callable (text, part done), optional

    Raises
    ------
    UnitMismatchError, GridMismatchError, InputError
    """
    if len(doses) < 2:
        raise InputError(f"a comparison needs at least two dose engines, found {len(doses)}")
    chosen = reference or reference_engine([d.engine for d in doses])
    base = next(d for d in doses if d.engine == chosen)
    others = [d for d in doses if d is not base]
    grid = base.dose.grid
    for each in doses:
        each.dose.require(Unit.GY, grid=grid)
    air = np.asarray(density.require(Unit.G_PER_ML, grid=grid), np.float32) < _least_density()
    inside = without_air(regions, density)
    criteria = gamma_criteria(max(grid.spacing_mm)) if with_gamma else ()
    true = _masked(base.dose, air)
    error_gy = _error_gy(base, true)
    rows: list[RegionComparison] = []
    results: list[GammaResult] = []
    for number, other in enumerate(others):
        if step is not None:
            step(f"comparing {other.engine}", number / len(others))
        tested = _masked(other.dose, air)
        maps = [gamma_index(tested, true, kind, error_gy) for kind in criteria]
        results += [
            GammaResult(other.engine, m.criteria.label, m.pass_fraction, m.evaluated_count)
            for m in maps
        ]
        highest_gy = float(np.max(true.values))
        for region in inside:
            passed = tuple(m.pass_fraction_in(region) for m in maps)
            error = _mean_error_gy(base, region, true, error_gy)
            rows.append(_compare(region, other.engine, tested, true, error, highest_gy, passed))
    names = tuple(other.engine for other in others)
    return EngineComparison(
        chosen, names, tuple(kind.label for kind in criteria), tuple(rows), tuple(results)
    )


def without_air(regions: Regions, density: Volume) -> Regions:
    """The regions as a comparison judges them: less the voxels of air, and none that is empty."""
    air = np.asarray(density.require(Unit.G_PER_ML), np.float32) < _least_density()
    inside = (_without(region, air) for region in regions)
    return Regions(tuple(region for region in inside if not region.is_empty))


def _least_density() -> float:
    return comparison_figure("least_density_g_ml").value


def _masked(dose: Volume, air: npt.NDArray[np.bool_]) -> Volume:
    """The dose with zero in air."""
    return dose.with_values(np.where(air, np.float32(0), dose.values))


def _without(region: Region, air: npt.NDArray[np.bool_]) -> Region:
    part = np.where(air[region.box], np.float32(0), region.fractions)
    return Region(region.name, region.role, region.grid, region.box, part, region.territory)


def _error_gy(base: EngineDose, dose: Volume) -> npt.NDArray[np.float32] | None:
    """Standard error of the reference dose, Gy."""
    if base.relative_error is None:
        return None
    relative = np.asarray(base.relative_error.values, np.float32)
    return relative * np.asarray(dose.values, np.float32)


def _compare(
    region: Region,
    engine: str,
    tested: Volume,
    true: Volume,
    error: float | None,
    highest_gy: float,
    passed: tuple[float | None, ...],
) -> RegionComparison:
    curve, expected = _histogram(tested, region), _histogram(true, region)
    mean_gy, true_gy = curve.mean_gy, expected.mean_gy
    tolerance = mean_tolerance(region.role).value
    least_gy = comparison_figure("negligible_dose_fraction").value * highest_gy
    return RegionComparison(
        engine=engine,
        name=region.name,
        role=region.role,
        volume_ml=expected.volume_ml,
        mean_dose_gy=mean_gy,
        reference_mean_dose_gy=true_gy,
        mean_difference_gy=mean_gy - true_gy,
        mean_difference_fraction=_part(mean_gy - true_gy, true_gy),
        d95_difference_gy=curve.d(95) - expected.d(95),
        d95_difference_fraction=_part(curve.d(95) - expected.d(95), expected.d(95)),
        d50_difference_gy=curve.d(50) - expected.d(50),
        d50_difference_fraction=_part(curve.d(50) - expected.d(50), expected.d(50)),
        reference_error_fraction=None if error is None else _part(error, true_gy),
        tolerance_fraction=tolerance,
        gamma_pass_fractions=passed,
        verdict=_verdict(mean_gy, true_gy, error or 0.0, tolerance, least_gy),
    )


def _verdict(
    mean_gy: float, true_gy: float, error_gy: float, tolerance: float, least_gy: float
) -> Verdict:
    if max(mean_gy, true_gy) <= least_gy:
        return "negligible"
    allowed_gy, unsure_gy = tolerance * true_gy, STANDARD_ERRORS * error_gy
    if abs(mean_gy - true_gy) > allowed_gy + unsure_gy:
        return "differs"
    return "uncertain" if unsure_gy > allowed_gy else "agrees"


def _histogram(dose: Volume, region: Region) -> Dvh:
    doses_gy, fractions = region.values_of(dose)
    return histogram_of(region.name, doses_gy, fractions, dose.grid.voxel_volume_ml)


def _error_of_mean_gy(region: Region, error_gy: npt.NDArray[np.float32]) -> float:
    """Standard error of a region's mean: sums within cubes of a track's size, squares between.

    A track leaves energy in many voxels, so that the errors of neighbours are not independent;
    taking them as one within a cube errs to the safe side.
    """
    edge_mm = comparison_figure("correlated_mm").value
    weighted = region.fractions * error_gy[region.box]
    shape = weighted.shape
    counts = [max(1, round(edge_mm / s)) for s in region.grid.spacing_mm]
    lines = [np.arange(n) // count for n, count in zip(shape, counts, strict=True)]
    sizes = [int(line[-1]) + 1 for line in lines]
    block = (lines[0][:, None, None] * sizes[1] + lines[1][:, None]) * sizes[2] + lines[2]
    sums = np.asarray(np.bincount(block.ravel(), weights=weighted.ravel()), np.float64)
    return float(np.sqrt((sums**2).sum()) / region.fractions.sum(dtype=np.float64))


def _mean_error_gy(
    base: EngineDose, region: Region, true: Volume, error_gy: npt.NDArray[np.float32] | None
) -> float | None:
    """Standard error of the reference's mean in a region: as stated, or from its voxels."""
    if region.name in base.region_errors:
        return base.region_errors[region.name] * region.mean_of(true)
    return None if error_gy is None else _error_of_mean_gy(region, error_gy)


def _part(difference_gy: float, of_gy: float) -> float | None:
    return difference_gy / of_gy if of_gy > 0 else None
