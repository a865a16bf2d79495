"""Bounds of the dose in blocks of voxels, from emission within reach; see `gate`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter, minimum_filter

from opensirt.dose.gate_emission import Emission, emission_of, gate_figure, kept_fraction
from opensirt.dose.gate_survey import Blocks, Sources, Wanted, survey_blocks, survey_sources
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["Bound", "EngineTraits", "Scene", "bounds_of", "kept_energy", "scene_of"]

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]
Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """What an engine says of its maps; the gate holds them to it."""

    carrier: Literal["nothing", "kernel", "transport"] = "transport"
    """What carries energy away from a decay. "nothing": all of it stays in the voxel; "kernel":
    one medium, so that energy follows the emission per mL; "transport": the tissue on the way, so
    that dose follows the emission per gram."""
    medium_g_ml: float | None = None
    """Density of the one medium; by default the mean where the activity is."""
    own_mass: bool = True
    """False where doses are energies over the mass of a voxel of the one medium."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A map with its activity and density, looked at."""

    nuclide: Nuclide
    emission: Emission
    traits: EngineTraits
    least_g_ml: float
    density: Values
    """g/mL, as the doses of the map mean it."""
    spacing_mm: tuple[float, float, float]
    has_error: bool
    gray_per: float
    """Gy of 1 MeV/g per Bq."""
    constant_gy: float
    """Dose that photons, and electrons from thin voxels, may bring to any place."""
    sources: Sources
    blocks: Blocks


@dataclass(frozen=True, eq=False)
class Bound:
    """Greatest and least of one quantity in each block, beside what is there."""

    is_energy: bool
    """Dose times density (Gy g/mL), or dose (Gy)."""
    seen_high: Floats
    high: Floats
    seen_low: Floats | None = None
    low: Floats | None = None
    """0 where nothing must be."""


def scene_of(
    activity: Volume,
    density: Values,
    gray: Values,
    error: Values | None,
    nuclide: Nuclide,
    traits: EngineTraits,
    least_g_ml: float,
) -> Scene:
    """Both passes over the maps; arguments as for `pass_gate`, arrays (slice, row, column)."""
    a, grid = activity.require(Unit.BQ_PER_ML), activity.grid
    emission = emission_of(nuclide)
    is_transport = traits.carrier == "transport"
    thin = gate_figure("thin_density_g_ml") if is_transport else 0.0
    sources = survey_sources(a, density, grid.voxel_volume_ml, thin, least_g_ml)
    gray_per = nuclide.mean_life_s * JOULE_PER_MEV * G_PER_KG
    anywhere = 0.0
    if traits.carrier != "nothing":
        per_gram = max(sources.per_gram, sources.thin_per_gram)
        anywhere = emission.from_photons(sources.fluence, per_gram)
        anywhere += emission.from_thin_media(sources.thin_fluence, sources.thin_per_gram)
    if not traits.own_mass:
        medium = np.float32(traits.medium_g_ml or sources.mean_g_ml)
        rho = np.asarray(density, np.float32)
        density = np.where(rho >= least_g_ml, medium, rho)
    wanted = Wanted(
        thin,
        0.0 if is_transport else least_g_ml,
        gate_figure("standard_errors"),
        anywhere * gray_per,
    )
    factors = _factors(grid.spacing_mm)
    return Scene(
        nuclide,
        emission,
        traits,
        least_g_ml,
        density,
        grid.spacing_mm,
        error is not None,
        gray_per,
        wanted.constant_gy,
        sources,
        survey_blocks(a, density, gray, error, wanted, factors),
    )


def bounds_of(scene: Scene) -> Iterator[Bound]:
    """Every bound that holds for the engine's kind."""
    if scene.traits.carrier == "nothing":
        return _on_the_spot(scene)
    if scene.traits.carrier == "kernel":
        return _through_one_medium(scene)
    return _through_tissue(scene)


def kept_energy(scene: Scene) -> float:
    """Electron energy that must be in the map around its decays, over all energy emitted.

    Emission with dense voxels all around keeps what the point kernel of water keeps within them.
    """
    dense = gate_figure("dense_density_g_ml")
    kept = np.zeros(scene.blocks.activity_sum.shape)
    for steps in ((1, 1, 1), _steps(scene, dense)):
        deep = _is_deep(scene, steps)
        radius_mm = min(n * edge for n, edge in zip(steps, _edges_mm(scene), strict=True)) * dense
        held = kept_fraction(scene.nuclide, min(radius_mm, scene.emission.reach_mm))
        kept[deep] = np.maximum(kept[deep], held)
    energy = float(np.vdot(kept, scene.blocks.activity_sum)) * scene.emission.electrons_mev
    least = energy * (1.0 - gate_figure("energy_lost_fraction"))
    return least / (scene.sources.total * scene.emission.everything_mev)


def _on_the_spot(scene: Scene) -> Iterator[Bound]:
    """Engines that move nothing: each block holds what it emits."""
    blocks, margin = scene.blocks, gate_figure("local_margin")
    gray = np.float32(scene.gray_per * scene.nuclide.mean_energy_mev)
    takes_part = blocks.density_low >= scene.least_g_ml
    low = np.where(takes_part, blocks.activity_low / margin, np.float32(0))
    high = gray * margin * blocks.activity_high
    yield Bound(True, blocks.energy_high, high, blocks.energy_low, gray * low)
    yield Bound(False, blocks.dose_high, gray * margin * blocks.per_gram_high)


def _through_one_medium(scene: Scene) -> Iterator[Bound]:
    """Engines of one medium: energy per mL follows emission per mL within its reach."""
    blocks, gray = scene.blocks, scene.gray_per * scene.emission.electrons_mev
    medium = scene.traits.medium_g_ml or scene.sources.mean_g_ml
    steps = _steps(scene, min(medium, gate_figure("dense_density_g_ml")))
    high = gray * gate_figure("kernel_margin") * _highest(blocks.activity_high, steps)
    low = gray * gate_figure("kernel_equilibrium_fraction") * _lowest(blocks.activity_low, steps)
    must = np.where(_is_deep(scene, steps), low, 0.0)
    yield Bound(True, blocks.energy_high, high, blocks.energy_low, must)
    ratio = gate_figure("kernel_density_ratio")
    yield Bound(False, blocks.dose_high, gray * ratio * _highest(blocks.per_gram_high, steps))


def _through_tissue(scene: Scene) -> Iterator[Bound]:
    """Engines that follow the tissue: dose follows emission per gram within reach in what is there.

    Where voxels are thinner than lung, every voxel of the map is within reach.
    """
    blocks, gray = scene.blocks, scene.gray_per * scene.emission.electrons_mev
    most = np.full(blocks.per_gram_high.shape, scene.sources.per_gram, np.float32)
    for name in ("lung_density_g_ml", "dense_density_g_ml"):
        border = gate_figure(name)
        steps = _steps(scene, border)
        around = minimum_filter(blocks.density_low, _sizes(steps), mode="nearest")
        most = np.where(around >= border, _highest(blocks.per_gram_high, steps), most)
    high = gray * gate_figure("stopping_power_ratio") * gate_figure("margin") * most
    if scene.has_error:  # single events say nothing of what must be there
        yield Bound(False, blocks.dose_high, high)
        return
    low = gray * gate_figure("equilibrium_fraction") * _lowest(blocks.per_gram_low, steps)
    must = np.where(_is_deep(scene, steps), low, 0.0)
    yield Bound(False, blocks.dose_high, high, blocks.dose_low, must)


def _is_deep(scene: Scene, steps: Triple) -> npt.NDArray[np.bool_]:
    """Blocks with dense voxels that take part all around, inside the grid."""
    around = minimum_filter(scene.blocks.density_low, _sizes(steps), mode="constant", cval=0.0)
    return np.asarray(around >= max(gate_figure("dense_density_g_ml"), scene.least_g_ml))


def _highest(values: Floats, steps: Triple) -> Floats:
    return np.asarray(maximum_filter(values, _sizes(steps), mode="nearest"))


def _lowest(values: Floats, steps: Triple) -> Floats:
    return np.asarray(minimum_filter(values, _sizes(steps), mode="nearest"))


def _sizes(steps: Triple) -> Triple:
    n, r, c = (2 * step + 1 for step in steps)
    return n, r, c


def _edges_mm(scene: Scene) -> tuple[float, float, float]:
    n, r, c = (s * f for s, f in zip(scene.spacing_mm, scene.blocks.factors, strict=True))
    return n, r, c


def _steps(scene: Scene, density_g_ml: float) -> Triple:
    """Blocks that hold the reach of electrons at a density, along each axis."""
    reach_mm = scene.emission.reach_mm / density_g_ml
    shape = scene.blocks.density_low.shape
    n, r, c = (
        min(math.ceil(reach_mm / edge), length)
        for edge, length in zip(_edges_mm(scene), shape, strict=True)
    )
    return n, r, c


def _factors(spacing_mm: tuple[float, float, float]) -> Triple:
    n, r, c = (math.ceil(gate_figure("block_mm") / s) for s in spacing_mm)
    return n, r, c
