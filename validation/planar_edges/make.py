"""Dose of Y-90 across a plane edge and at the centre of spheres, in water.

``python validation/planar_edges/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    REFERENCE,
    Estimate,
    FloatArray,
    Maps,
    Settings,
    emitted_joule,
    equilibrium_gy,
    estimate,
    mass_kg,
    options,
    run,
    scene,
    slab_scene,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.physics.nuclides import nuclide

LAYER_MM = 0.25
ACTIVE_MM, COLD_MM = 24.0, 24.0
"""Half a slab's thickness each: twice the range of the hardest beta."""
POINT_MM = 0.25
"""Edge of the active voxel that stands for the centre of a sphere, and of all others there."""
REACH_MM = 12.0
"""Half the size of the water about that voxel."""
GOAL = 0.01
"""Goal: a hundredth of equilibrium; the table is itself a folded kernel of another code."""


def reference() -> tuple[dict[float, float], dict[float, float]]:
    """Dose over equilibrium by signed depth (mm), and at the centre by sphere radius (mm).

    Folded from the kernel of [graves2019]; empty where the shared folder is absent.
    """
    path = REFERENCE / "y90_edge_and_centre_water.csv"
    if not path.exists():
        return {}, {}
    lines = [line for line in path.read_text().splitlines() if line[:1] in "-0123456789"]
    cells = [[float(c) if c.strip() else np.nan for c in line.split(",")] for line in lines]
    edge = {row[0]: row[1] for row in cells}
    return edge, {row[2]: row[3] for row in cells if row[2] > 0.0}


def edge_profile(engine: str, settings: Settings) -> tuple[FloatArray, list[Estimate]]:
    """Depth of layer centres (mm; below 0 outside the source) and dose over equilibrium."""
    cold, active = round(COLD_MM / LAYER_MM), round(ACTIVE_MM / LAYER_MM)
    where = slab_scene(np.repeat([0.0, 1.0], [cold, active]), 1.0, LAYER_MM)
    y90 = nuclide("y90")
    maps, whole = run(engine, where, y90, settings), equilibrium_gy(y90, 1.0)
    depth = (np.arange(cold + active) + 0.5) * LAYER_MM - COLD_MM
    return depth, [_layer(maps, k, whole) for k in range(depth.size)]


def _layer(maps: Maps, k: int, whole_gy: float) -> Estimate:
    return estimate(maps, lambda gray: float(gray[k, 0, 0]) / whole_gy)


def at_depth(depth: FloatArray, profile: list[Estimate], wanted_mm: float) -> Estimate:
    """Dose at a depth: mean of the two layers that meet there."""
    near = np.argsort(np.abs(depth - wanted_mm))[:2]
    pair = [profile[k] for k in near]
    return Estimate(
        float(np.mean([p.value for p in pair])), float(np.hypot(*(p.error for p in pair)) / 2)
    )


def centre_doses(engine: str, radii: list[float], settings: Settings) -> dict[float, Estimate]:
    """Dose over equilibrium at the centre of active spheres in cold water, by radius (mm).

    By reciprocity in a uniform medium: the share of the energy of one active voxel at the centre
    that stays within the radius. Voxels on the surface count by the part of them inside.
    """
    half = int(np.ceil(REACH_MM / POINT_MM))
    activity = np.zeros((2 * half + 1,) * 3)
    activity[half, half, half] = 1e6
    where, y90 = scene(activity, 1.0, (POINT_MM,) * 3), nuclide("y90")
    maps = run(engine, where, y90, settings)
    share = mass_kg(where) / emitted_joule(where, y90)
    line = (np.arange(-half, half + 1)) * POINT_MM
    r = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    found = {}
    for radius in radii:
        weight = share * np.clip((radius - r) / POINT_MM + 0.5, 0.0, 1.0)
        found[radius] = estimate(maps, lambda gray, w=weight: float(np.vdot(gray, w)))
    return found


def edge_lines(profiles: dict[str, tuple[FloatArray, list[Estimate]]]) -> list[str]:
    """Table of the plane edge."""
    depths = [d for d in reference()[0] if abs(d) <= 8.0]
    body = [
        [f"{d:g}", f"{reference()[0][d]:.4f}"]
        + [plus_minus(at_depth(*profile, d)) for profile in profiles.values()]
        for d in depths
    ]
    header = ["depth mm", "Graves folded", *(LABELS[e] for e in profiles)]
    return ["## Plane edge: dose over equilibrium", "", *table(header, body)]


def centre_lines(centres: dict[str, dict[float, Estimate]]) -> list[str]:
    """Table of sphere centres."""
    body = [
        [f"{r:g}", f"{expected:.4f}", *(plus_minus(found[r]) for found in centres.values())]
        for r, expected in reference()[1].items()
    ]
    header = ["radius mm", "Graves folded", *(LABELS[e] for e in centres)]
    return ["## Centre of a sphere in cold water: dose over equilibrium", "", *table(header, body)]


def verdict(
    profiles: dict[str, tuple[FloatArray, list[Estimate]]],
    centres: dict[str, dict[float, Estimate]],
) -> list[str]:
    """Largest differences from the table."""
    edge, centre = reference()
    lines = []
    for engine, profile in profiles.items():
        gap = max(abs(at_depth(*profile, d).value - v) for d, v in edge.items() if abs(d) <= 8.0)
        gap2 = max(abs(centres[engine][r].value - v) for r, v in centre.items())
        lines.append(
            f"- {LABELS[engine]}: edge within {gap:.4f}, centres within {gap2:.4f} (goal {GOAL})"
        )
    return lines


def draw(
    profiles: dict[str, tuple[FloatArray, list[Estimate]]],
    centres: dict[str, dict[float, Estimate]],
) -> None:
    """Left: dose across the edge. Right: differences of both from the table."""
    edge, centre = reference()
    with figure("planar_edges") as (_, (left, right)):
        left.plot(list(edge), list(edge.values()), "k+", markersize=8, label="Graves folded")
        right.axhspan(-GOAL, GOAL, color="0.92")
        for engine, (depth, profile) in profiles.items():
            colour, label = COLOURS[engine], LABELS[engine]
            left.plot(depth, [p.value for p in profile], color=colour, label=label)
            near = [d for d in edge if abs(d) <= 8.0]
            at = [at_depth(depth, profile, d) for d in near]
            gaps = [p.value - edge[d] for p, d in zip(at, near, strict=True)]
            right.errorbar(near, gaps, [p.error for p in at], fmt="o-", color=colour, label=label)
            gaps = [centres[engine][r].value - v for r, v in centre.items()]
            right.plot(list(centre), gaps, "s--", color=colour, markerfacecolor="white")
        left.set(xlabel="depth in the source (mm)", ylabel="dose over equilibrium", xlim=(-9, 9))
        left.set_title("Y-90, plane edge in water")
        right.set(xlabel="depth, or sphere radius (mm)", ylabel="less Graves folded")
        right.set_title("circles: edge; squares: sphere centres")
        left.legend()


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=100_000)
    engines = tuple(e for e in engines if e != "local")
    profiles = {e: edge_profile(e, settings) for e in engines}
    centres = {e: centre_doses(e, list(reference()[1]), settings) for e in engines}
    parts = [[settings_line(settings)], edge_lines(profiles), centre_lines(centres)]
    parts.append(verdict(profiles, centres))
    write(__file__, "Plane edges and sphere centres of Y-90 in water", parts)
    draw(profiles, centres)


if __name__ == "__main__":
    main()
