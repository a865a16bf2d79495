"""The gate that every dose map passes before it is used: is it possible at all?

It knows the activity, the density and the nuclide's own table, and nothing of how the map was
made. The bounds and their derivation: ``docs/methods/dose-gate.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.asking import named
from opensirt.dose.gate_bounds import Bound, EngineTraits, Scene, bounds_of, kept_energy, scene_of
from opensirt.dose.gate_emission import gate_figure
from opensirt.errors import DoseMapError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import Unit

__all__ = ["EngineTraits", "GateAccount", "MapUnderTest", "pass_gate"]

Values = npt.NDArray[np.generic]
Triple = tuple[int, int, int]

DUST_GY = 1e-30
"""Doses below this are rounding of numbers near the least that single precision holds."""


@dataclass(frozen=True, slots=True, eq=False)
class MapUnderTest:
    """A dose map and what belongs to it."""

    engine: str
    dose: Volume
    """Gy."""
    least_density_g_ml: float = 0.0
    """Voxels below it have no dose."""
    relative_error: Volume | None = None
    histories: int = 0


@dataclass(frozen=True, slots=True)
class GateAccount:
    """What the gate saw of a map that passed."""

    energy_fraction: float
    """Energy in the map over all energy emitted."""
    highest_over_bound: float
    """Largest dose over what is possible at its place."""
    lowest_over_bound: float | None
    """Least dose over what must be at its place; None where nothing must."""


def pass_gate(
    found: MapUnderTest,
    activity: Volume,
    density: Volume,
    nuclide: Nuclide,
    traits: EngineTraits,
) -> GateAccount:
    """Refuse a dose map that is not possible.

    Parameters
    ----------
    found : MapUnderTest
        Gy, on the grid of `activity`.
    activity : Volume, (slice, row, column), Bq/mL
    density : Volume, (slice, row, column), g/mL
    nuclide : Nuclide
        With the dose constant that the map was made for.
    traits : EngineTraits

    Raises
    ------
    DoseMapError
        With the place, the figure and what would be possible there.
    UnitMismatchError, GridMismatchError
    """
    gray = found.dose.require(Unit.GY, grid=activity.grid)
    rho = density.require(Unit.G_PER_ML, grid=activity.grid)
    _refuse_shapes(found, gray)
    error = None if found.relative_error is None else found.relative_error.values
    scene = scene_of(activity, rho, gray, error, nuclide, traits, found.least_density_g_ml)
    if scene.blocks.faults:
        _refuse_fault(found, gray)
    if scene.sources.total == 0.0:
        return _of_nothing(found, gray)
    highest, lowest = 0.0, math.inf
    for bound in bounds_of(scene):
        highest = max(highest, _refuse_high(found, scene, bound))
        lowest = min(lowest, _refuse_low(found, scene, bound))
    fraction = _refuse_energy(found, scene)
    return GateAccount(fraction, highest, lowest if math.isfinite(lowest) else None)


def _advice() -> str:
    """What to do where a map is refused."""
    return (
        f"Nothing of it is used; choose another {named('engine')}, and report this as a fault of "
        "opensirt"
    )


def _refuse_shapes(found: MapUnderTest, gray: Values) -> None:
    if not np.issubdtype(gray.dtype, np.floating):
        raise DoseMapError(f"{_said(found)}: doses must be real numbers, found {gray.dtype}")


def _refuse_fault(found: MapUnderTest, gray: Values) -> None:
    """The first voxel whose dose is negative or no number."""
    for number, plane in enumerate(gray):
        wrong = np.argwhere(~((plane >= 0.0) & (plane < np.inf)))
        if wrong.size:
            place = (number, int(wrong[0][0]), int(wrong[0][1]))
            raise DoseMapError(
                f"{_said(found)}: {_where(found, place)} has {gray[place]:g} Gy; a dose is a "
                f"finite number from 0. {_advice()}"
            )


def _of_nothing(found: MapUnderTest, gray: Values) -> GateAccount:
    """Without activity there is no dose."""
    if gray.any():
        place = _unravelled(gray, int(np.argmax(gray)))
        raise DoseMapError(
            f"{_said(found)}: {_where(found, place)} has {gray[place]:.4g} Gy, and nothing is "
            f"emitted anywhere. {_advice()}"
        )
    return GateAccount(1.0, 0.0, None)


def _refuse_high(found: MapUnderTest, scene: Scene, bound: Bound) -> float:
    """The largest ratio of what is seen to the bound; an error where it is above 1."""
    above = np.where(bound.seen_high > DUST_GY, bound.seen_high, 0.0)
    ratio = np.divide(
        above, bound.high, out=np.where(above > 0.0, np.inf, 0.0), where=bound.high > 0
    )
    worst = int(np.argmax(ratio))
    if ratio.flat[worst] > 1.0:
        block = _unravelled(ratio, worst)
        place = _extreme_voxel(found, scene, block, bound.is_energy, highest=True)
        allowed = _allowed_gy(scene, place, float(bound.high[block]), bound.is_energy)
        _refuse_voxel(found, scene, place, f"where emission within reach allows {allowed:.4g} Gy")
    return float(ratio.flat[worst])


def _refuse_low(found: MapUnderTest, scene: Scene, bound: Bound) -> float:
    """The least ratio of what is seen to what must be; an error where it is below 1."""
    if bound.low is None or bound.seen_low is None or not (bound.low > DUST_GY).any():
        return math.inf
    ratio = np.full(bound.low.shape, np.inf)
    np.divide(bound.seen_low, bound.low, out=ratio, where=bound.low > DUST_GY)
    worst = int(np.argmin(ratio))
    if ratio.flat[worst] < 1.0:
        block = _unravelled(ratio, worst)
        place = _extreme_voxel(found, scene, block, bound.is_energy, highest=False)
        least = float(bound.low[block]) / (_density(scene, place) if bound.is_energy else 1.0)
        _refuse_voxel(
            found, scene, place, f"where emission all around makes at least {least:.4g} Gy"
        )
    return float(ratio.flat[worst])


def _refuse_energy(found: MapUnderTest, scene: Scene) -> float:
    """Energy in the map over all energy emitted; an error where it is more or less than can be."""
    emitted = scene.sources.total * scene.emission.everything_mev
    fraction = scene.blocks.energy_sum / (scene.gray_per * emitted)
    excess = gate_figure("energy_excess_fraction")
    if scene.traits.carrier == "nothing":
        expected = scene.sources.kept * scene.nuclide.mean_energy_mev / emitted
        slack = gate_figure("local_margin")
        least, most = expected / slack, expected * slack
    else:
        unsure = 0.0
        if found.histories > 0:
            width = gate_figure("spectrum_relative_width") / math.sqrt(found.histories)
            unsure = gate_figure("standard_errors") * width
        least, most = kept_energy(scene) * (1.0 - unsure), 1.0 + excess + unsure
    if not least <= fraction <= most:
        raise DoseMapError(
            f"{_said(found)}: it holds {fraction:.4g} of the energy that {scene.nuclide.label} "
            f"emits there, where {least:.4g} to {most:.4g} is possible. {_advice()}"
        )
    return fraction


def _refuse_voxel(found: MapUnderTest, scene: Scene, place: Triple, why: str) -> None:
    gray = float(found.dose.values[place])
    rho = _density(scene, place)
    raise DoseMapError(
        f"{_said(found)}: {_where(found, place)} of {rho:.4g} g/mL has {gray:.4g} Gy, {why}. "
        f"{_advice()}"
    )


def _said(found: MapUnderTest) -> str:
    return f"the dose map of {found.engine} is impossible"


def _where(found: MapUnderTest, place: Triple) -> str:
    x, y, z = found.dose.grid.to_patient(place).tolist()
    return f"voxel {place} at ({x:.1f}, {y:.1f}, {z:.1f}) mm"


def _density(scene: Scene, place: Triple) -> float:
    return float(scene.density[place])


def _allowed_gy(scene: Scene, place: Triple, high: float, is_energy: bool) -> float:
    """The bound of a voxel as a dose, Gy."""
    if not is_energy:
        return high + scene.constant_gy
    rho = max(_density(scene, place), float(np.finfo(np.float32).tiny))
    return (high + scene.constant_gy * max(rho, 1.0)) / rho


def _extreme_voxel(
    found: MapUnderTest, scene: Scene, block: Triple, is_energy: bool, *, highest: bool
) -> Triple:
    """The voxel of a block that stands for it."""
    starts = [b * f for b, f in zip(block, scene.blocks.factors, strict=True)]
    n, r, c = (slice(s, s + f) for s, f in zip(starts, scene.blocks.factors, strict=True))
    seen = np.asarray(found.dose.values[n, r, c], np.float64)
    if found.relative_error is not None:
        error = np.asarray(found.relative_error.values[n, r, c], np.float64)
        seen = seen * (1.0 - gate_figure("standard_errors") * error)
    if is_energy:
        seen = seen * np.asarray(scene.density[n, r, c], np.float64)
    inside = _unravelled(seen, int(seen.argmax() if highest else seen.argmin()))
    return starts[0] + inside[0], starts[1] + inside[1], starts[2] + inside[2]


def _unravelled(values: Values, flat: int) -> Triple:
    n, r, c = np.unravel_index(flat, values.shape)
    return int(n), int(r), int(c)
