"""What the validation folders share: scenes of activity and density, engines by name, estimates.

A scene holds an activity and a density map. An engine is run on it once, or for Monte Carlo with
several seeds, so that every derived figure has a standard error from independent repeats.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensirt.dose import PointKernel, dose_engines, point_kernel
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = [
    "BQ_PER_ML",
    "ENGINES",
    "GRAVES_MEAN_MEV",
    "REFERENCE",
    "ROOT",
    "Estimate",
    "Maps",
    "Scene",
    "Settings",
    "absorbed_fraction",
    "ball",
    "emitted_joule",
    "equilibrium_gy",
    "estimate",
    "graves_kernel",
    "mass_kg",
    "options",
    "overlap_fraction",
    "own_kernel",
    "run",
    "scene",
    "shell_energies",
    "slab_scene",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"
"""Published tables; they lie beside a checkout and are never committed."""
WIDE_MM = 10_000.0
"""Lateral size of a slab: its sides lie 1000 ranges of Y-90 away."""
BQ_PER_ML = 1e6
GRAVES_MEAN_MEV = 0.9336
"""Energy per decay of the kernel of [graves2019]."""

ENGINES: dict[str, tuple[str, dict[str, object]]] = {
    "full": ("monte-carlo", {"mode": "full"}),
    "fast": ("monte-carlo", {"mode": "fast"}),
    "superposition": ("voxel-superposition", {}),
    "plain": ("voxel-convolution", {}),
    "local": ("local", {}),
}
"""Short name of an engine as the tables use it, its registered name, and its options."""


@dataclass(frozen=True)
class Settings:
    """How Monte Carlo runs."""

    histories: int = 1_000_000
    """Decays of the full mode, in all repeats together."""
    fast_share: int = 10
    """Decays of the fast mode over those of the full mode."""
    threads: int | None = None
    seed: int = 20_270_301
    repeats: int = 5
    """Runs with seeds of their own, from which standard errors come."""

    def of(self, engine: str) -> int:
        """Decays per repeat of an engine."""
        share = self.fast_share if engine == "fast" else 1
        return max(1000, self.histories * share // self.repeats)


@dataclass(frozen=True)
class Scene:
    """Where the activity is and through what its emissions go."""

    activity: Volume
    density: Volume

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, mL."""
        return self.activity.grid.voxel_volume_ml


@dataclass(frozen=True)
class Maps:
    """Dose maps (Gy) of one engine: (repeats, slice, row, column)."""

    gray: npt.NDArray[np.float32]

    @property
    def mean(self) -> FloatArray:
        """Mean of the repeats."""
        return np.asarray(self.gray.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error, 0 where the engine is exact in its own terms."""

    value: float
    error: float = 0.0

    def over(self, other: Estimate | float) -> Estimate:
        """Ratio to another, the two independent."""
        below = other if isinstance(other, Estimate) else Estimate(float(other))
        ratio = self.value / below.value
        return Estimate(ratio, float(np.hypot(self.error, ratio * below.error)) / abs(below.value))


def options(
    description: str | None, histories: int, fast_share: int = Settings.fast_share
) -> tuple[Settings, tuple[str, ...]]:
    """Settings and engine names from the command line; the numbers are the folder's own."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--histories", type=int, default=histories)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    chosen = parser.parse_args()
    settings = Settings(chosen.histories, fast_share, chosen.threads, chosen.seed)
    return settings, tuple(chosen.engines)


def scene(activity: npt.ArrayLike, density: npt.ArrayLike, spacing_mm: Spacing) -> Scene:
    """Maps (Bq/mL, g/mL) on an axial grid; a single number fills the other's shape."""
    a, rho = np.broadcast_arrays(np.asarray(activity), np.asarray(density))
    grid = Grid.regular(a.shape, spacing_mm)
    return Scene(
        Volume(np.array(a, dtype=np.float32), grid, Unit.BQ_PER_ML),
        Volume(np.array(rho, dtype=np.float32), grid, Unit.G_PER_ML),
    )


def slab_scene(active: npt.ArrayLike, density: npt.ArrayLike, layer_mm: float) -> Scene:
    """Layers from front to back, endlessly wide: one voxel each of WIDE_MM square."""
    a, rho = np.broadcast_arrays(np.asarray(active), np.asarray(density))
    layers = a[:, None, None] * BQ_PER_ML
    return scene(layers, rho[:, None, None], (layer_mm, WIDE_MM, WIDE_MM))


def ball(radius_mm: float, spacing_mm: float, margin_mm: float) -> BoolArray:
    """Whole voxels of a sphere at the middle of a cube with a margin all around.

    The voxels nearest to a centre off the lattice, as many as make the sphere's volume: partly
    covered voxels, whose even filling blurs the edge, are avoided.
    """
    half = int(np.ceil((radius_mm + margin_mm) / spacing_mm))
    line = np.arange(-half, half + 1, dtype=np.float64)
    z, y, x = (line - shift for shift in (0.31, 0.17, 0.07))
    square = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    count = round(4.0 / 3.0 * np.pi * (radius_mm / spacing_mm) ** 3)
    return np.asarray(square <= np.partition(square.ravel(), count - 1)[count - 1])


def run(name: str, where: Scene, nuclide: Nuclide, settings: Settings) -> Maps:
    """Dose maps of an engine by its short name; Monte Carlo with `settings.repeats` seeds."""
    registered, fixed = ENGINES[name]
    if registered != "monte-carlo":
        dose = dose_engines.create(registered, **fixed).dose(where.activity, where.density, nuclide)
        return Maps(np.asarray(dose.values, dtype=np.float32)[None])
    found = []
    for repeat in range(settings.repeats):
        engine = dose_engines.create(
            registered,
            histories=settings.of(name),
            seed=settings.seed + repeat,
            threads=settings.threads,
            **fixed,
        )
        found.append(engine.dose(where.activity, where.density, nuclide).values)
    return Maps(np.asarray(found, dtype=np.float32))


def estimate(maps: Maps, of: Callable[[FloatArray], float]) -> Estimate:
    """A figure derived from each map: mean over the repeats and its standard error."""
    found = np.array([of(np.asarray(gray, dtype=np.float64)) for gray in maps.gray])
    if found.size == 1:
        return Estimate(float(found[0]))
    return Estimate(float(found.mean()), float(found.std(ddof=1) / np.sqrt(found.size)))


def mass_kg(where: Scene) -> FloatArray:
    """Mass of each voxel, kg."""
    return np.asarray(where.density.values, dtype=np.float64) * where.voxel_ml / G_PER_KG


def emitted_joule(where: Scene, nuclide: Nuclide) -> float:
    """Energy of all emissions to complete decay, J."""
    decays = where.activity.total() * nuclide.mean_life_s
    return decays * nuclide.energies.everything_mev * JOULE_PER_MEV


def equilibrium_gy(nuclide: Nuclide, density_g_ml: float) -> float:
    """Dose deep inside a uniform medium of BQ_PER_ML: energy released over mass, Gy."""
    decays_per_ml = BQ_PER_ML * nuclide.mean_life_s
    joule_per_ml = decays_per_ml * nuclide.energies.everything_mev * JOULE_PER_MEV
    return joule_per_ml * G_PER_KG / density_g_ml


def absorbed_fraction(maps: Maps, where: Scene, nuclide: Nuclide, inside: BoolArray) -> Estimate:
    """Share of all emitted energy that stays in the voxels `inside`."""
    weight = mass_kg(where) * inside / emitted_joule(where, nuclide)
    return estimate(maps, lambda gray: float(np.vdot(gray, weight)))


@cache
def graves_kernel() -> PointKernel | None:
    """Y-90 in water of [graves2019], first 13 mm; None where the shared folder is absent."""
    path = REFERENCE / "dpk_y90_graves2019_water.csv"
    if not path.exists():
        return None
    rows = [line.split(",")[:2] for line in path.read_text().splitlines() if line[:1].isdigit()]
    table = np.array(rows, dtype=float)
    return PointKernel("y90", table[:, 0], table[:, 1], source="graves2019")


def overlap_fraction(kernel: PointKernel, total_mev: float, radius_mm: float, rho: float) -> float:
    """Absorbed share of `total_mev` in a uniformly filled sphere, from a point kernel.

    Two points of a sphere of radius R lie r apart with an overlap of 1 - 3r/4R + r^3/16R^3.
    """
    edges = kernel.edges_mm(rho)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    half = 0.5 * np.diff(edges)
    r = edges[:-1, None] + half[:, None] * (1.0 + nodes)
    x = np.minimum(r / radius_mm, 2.0)
    share = ((1.0 - 0.75 * x + x**3 / 16.0) * 0.5 * weights).sum(axis=1)
    return float(np.vdot(kernel.energy_mev, share)) / total_mev


def shell_energies(kernel: PointKernel, edges_mm: Sequence[float] | FloatArray) -> FloatArray:
    """Energy (MeV) of a point kernel in water between these radii (mm)."""
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    return np.diff(np.interp(edges_mm, kernel.edges_mm(1.0), cumulative))


def own_kernel(nuclide: Nuclide, medium: str = "water") -> PointKernel:
    """The shipped point kernel of a nuclide in a medium."""
    return point_kernel(nuclide.name, medium)
