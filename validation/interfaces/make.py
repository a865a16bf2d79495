"""Dose of Y-90 across a plane between two media: every engine against Monte Carlo.

``python validation/interfaces/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    BQ_PER_ML,
    Estimate,
    FloatArray,
    Maps,
    Scene,
    Settings,
    ball,
    equilibrium_gy,
    estimate,
    options,
    run,
    scene,
    slab_scene,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.physics.nuclides import nuclide

LAYER_MM = 0.5
ACTIVE_MM = 20.0
TISSUE, LUNG, BONE, AIR = 1.04, 0.26, 1.92, 0.0012
BACKSCATTER = (0.03, 0.06)
"""Loss of dose in the last millimetre of tissue at air that is expected."""


@dataclass(frozen=True)
class Plane:
    """An active medium in front of the plane, an inactive one behind it."""

    name: str
    active_g_ml: float
    behind_g_ml: float
    behind_mm: float
    """Thickness behind: past the range of the hardest beta."""

    @property
    def shown_mm(self) -> tuple[float, float]:
        """Depths that the tables and the figure show."""
        return (-8.0, min(self.behind_mm, 30.0))


PLANES = (
    Plane("tissue / tissue", TISSUE, TISSUE, 14.0),
    Plane("tissue / lung", TISSUE, LUNG, 50.0),
    Plane("tissue / bone", TISSUE, BONE, 14.0),
    Plane("tissue / air", TISSUE, AIR, 20.0),
)
SAME = PLANES[0]
REGIONS = (
    ("tissue, -5 to -1 mm", -5.0, -1.0),
    ("tissue, last mm", -1.0, 0.0),
    ("behind, first mm", 0.0, 1.0),
    ("behind, 1 to 5 mm", 1.0, 5.0),
    ("behind, 5 to 20 mm", 5.0, 20.0),
)


def build(plane: Plane) -> Scene:
    """Layers of half a millimetre, endlessly wide."""
    front, behind = round(ACTIVE_MM / LAYER_MM), round(plane.behind_mm / LAYER_MM)
    active = np.repeat([1.0, 0.0], [front, behind])
    return slab_scene(
        active, np.repeat([plane.active_g_ml, plane.behind_g_ml], [front, behind]), LAYER_MM
    )


def depths(plane: Plane) -> FloatArray:
    """Layer centres (mm), negative in the active medium."""
    count = round((ACTIVE_MM + plane.behind_mm) / LAYER_MM)
    return (np.arange(count) + 0.5) * LAYER_MM - ACTIVE_MM


def relative(maps: Maps, plane: Plane) -> Maps:
    """Dose over the equilibrium dose of the active medium: (repeats, layers)."""
    whole = equilibrium_gy(nuclide("y90"), plane.active_g_ml)
    return Maps(maps.gray[:, :, 0, 0] / np.float32(whole))


def region_mean(found: Maps, plane: Plane, low_mm: float, high_mm: float) -> Estimate:
    """Mean over the layers between two depths."""
    depth = depths(plane)
    inside = (depth > low_mm) & (depth < high_mm)
    return estimate(found, lambda line: float(line[inside].mean()))


BALL_MM, BALL_VOXEL_MM, BALL_MARGIN_MM = 10.0, 1.0, 24.0
BALL_SURROUNDINGS = {"tissue": TISSUE, "lung": LUNG, "air": AIR}
"""Radius of an active ball of tissue, voxel, and what lies around it (g/mL)."""


def ball_doses(engines: tuple[str, ...], settings: Settings) -> dict[str, dict[str, Maps]]:
    """Mean over equilibrium in the ball and in its outermost millimetre: (repeats, 2)."""
    active = ball(BALL_MM, BALL_VOXEL_MM, BALL_MARGIN_MM)
    outer = active & ~ball(BALL_MM - 1.0, BALL_VOXEL_MM, BALL_MARGIN_MM + 1.0)
    y90, found = nuclide("y90"), {}
    whole = equilibrium_gy(y90, TISSUE)
    for name, around in BALL_SURROUNDINGS.items():
        density = np.where(active, TISSUE, around)
        where = scene(active * BQ_PER_ML, density, (BALL_VOXEL_MM,) * 3)
        found[name] = {}
        for engine in engines:
            gray = run(engine, where, y90, settings).gray
            means = [
                gray[:, mask].mean(axis=1, dtype=np.float64) / whole for mask in (active, outer)
            ]
            found[name][engine] = Maps(np.array(means).T.astype(np.float32))
    return found


def ball_lines(found: dict[str, dict[str, Maps]], engines: tuple[str, ...]) -> list[str]:
    """Dose of the ball amid tissue, and what it loses amid lung and air."""
    body = []
    for index, part in enumerate(("whole ball", "outermost mm")):
        for name, by_engine in found.items():
            cells = [part, name]
            for engine in engines:
                here = estimate(by_engine[engine], lambda pair, k=index: float(pair[k]))
                same = estimate(found["tissue"][engine], lambda pair, k=index: float(pair[k]))
                loss = here.over(same)
                lost = Estimate(1.0 - loss.value, loss.error)
                cells.append(plus_minus(here) if name == "tissue" else f"loss {plus_minus(lost)}")
            body.append(cells)
    head = f"## Active ball of tissue, {BALL_MM:g} mm radius: dose over equilibrium, and its loss"
    return [head, "", *table(["part", "amid", *(LABELS[e] for e in engines)], body)]


def results(engines: tuple[str, ...], settings: Settings) -> dict[str, dict[str, Maps]]:
    """Profiles over equilibrium by plane and engine."""
    y90 = nuclide("y90")
    return {
        plane.name: {e: relative(run(e, build(plane), y90, settings), plane) for e in engines}
        for plane in PLANES
    }


def backscatter_loss(found: dict[str, dict[str, Maps]], plane: Plane, engine: str) -> Estimate:
    """Share of the dose in the last mm of tissue that tissue behind the plane would give back."""
    here = region_mean(found[plane.name][engine], plane, -1.0, 0.0)
    same = region_mean(found[SAME.name][engine], SAME, -1.0, 0.0)
    ratio = here.over(same)
    return Estimate(1.0 - ratio.value, ratio.error)


def region_lines(found: dict[str, dict[str, Maps]], engines: tuple[str, ...]) -> list[str]:
    """Dose over equilibrium by region; other engines also as a ratio to the first."""
    first = engines[0]
    body = []
    for plane in PLANES:
        for name, low, high in REGIONS:
            if low >= plane.behind_mm or (low >= 0 and plane.behind_g_ml < 0.1):
                continue
            base = region_mean(found[plane.name][first], plane, low, high)
            cells = [plane.name, name, plus_minus(base)]
            for engine in engines[1:]:
                other = region_mean(found[plane.name][engine], plane, low, high)
                ratio = other.over(base) if base.value > 0 else Estimate(np.nan)
                cells.append(f"{other.value:.4f} ({plus_minus(ratio, 3)})")
            body.append(cells)
    header = ["plane", "region", LABELS[first]]
    header += [f"{LABELS[e]} (over {LABELS[first]})" for e in engines[1:]]
    return table(header, body)


def backscatter_lines(found: dict[str, dict[str, Maps]], engines: tuple[str, ...]) -> list[str]:
    """Change of dose in the last millimetre of tissue."""
    body = [
        [p.name, *(f"{plus_minus(backscatter_loss(found, p, e), 4)}" for e in engines)]
        for p in PLANES[1:]
    ]
    head = "## Loss in the last millimetre of tissue, against tissue behind the plane"
    note = (
        "Lung is thin tissue: behind an endless plane it gives back what tissue does, only from "
        "farther away, so nothing is lost there. At air 0.03 to 0.06 is expected; bone gives more "
        "back (negative)."
    )
    return [head, "", *table(["plane", *(LABELS[e] for e in engines)], body), "", note]


def draw(found: dict[str, dict[str, Maps]], engines: tuple[str, ...]) -> None:
    """One profile per plane, log scale."""
    with figure("interfaces", rows=2) as (_, axes):
        for axis, plane in zip(axes.flat, PLANES, strict=True):
            for engine in engines:
                line = found[plane.name][engine].mean
                edges = np.append(depths(plane) - LAYER_MM / 2, plane.behind_mm)
                axis.stairs(
                    np.maximum(line, 1e-6), edges,
                    color=COLOURS[engine], label=LABELS[engine], linewidth=1.2,
                )  # fmt: skip
            axis.axvline(0.0, color="0.6", linewidth=0.8)
            low, high = plane.shown_mm
            axis.set(xlim=(low, high), ylim=(3e-4, 3.0), yscale="log", title=plane.name)
            axis.set(xlabel="depth behind the plane (mm)", ylabel="dose over equilibrium")
        axes.flat[0].legend(loc="lower left")


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=100_000)
    found = results(engines, settings)
    parts = [[settings_line(settings)], region_lines(found, engines)]
    parts.append(backscatter_lines(found, engines))
    parts.append(ball_lines(ball_doses(engines, settings), engines))
    write(__file__, "Y-90 across planes between media, dose over equilibrium in tissue", parts)
    draw(found, engines)


if __name__ == "__main__":
    main()
