"""Absorbed fractions of Y-90 spheres, 0.5 to 40 mm radius, against published ones and kernels.

``python validation/sphere_fractions/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    BQ_PER_ML,
    GRAVES_MEAN_MEV,
    Estimate,
    Settings,
    absorbed_fraction,
    ball,
    graves_kernel,
    options,
    overlap_fraction,
    own_kernel,
    run,
    scene,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.physics.nuclides import nuclide

DENSITY_G_ML = 1.04
RADII_MM = (0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 13.3, 16.8, 20.0, 28.7, 40.0)
PUBLISHED = {1.0: 0.17, 2.5: 0.39, 10.0: 0.80, 13.3: 0.85, 16.8: 0.88, 28.7: 0.93}
"""Akabani (1, 2.5, 10 mm) and Amato (the rest), two digits, as quoted in [hashempour2019]."""
GRAVES = {0.5: 0.086, 1.0: 0.171, 2.0: 0.328, 2.5: 0.397, 5.0: 0.633, 10.0: 0.806}
GRAVES |= {13.3: 0.852, 16.8: 0.882, 20.0: 0.900, 28.7: 0.929, 40.0: 0.948}
"""Kernel of [graves2019] folded at 1.04 g/mL, its tail beyond 13 mm spread to 198 mm."""
GOAL = 0.005
"""Largest difference allowed, absolute; half a printed digit more where two digits are printed."""


def voxel_mm(radius_mm: float) -> float:
    """Voxel edge."""
    return min(radius_mm / 10.0, 0.45 * (radius_mm / 10.0) ** 0.625)


def margin_mm(radius_mm: float) -> float:
    """Cold tissue around the sphere, from which electrons and photons can come back."""
    return min(5.0, 1.5 + radius_mm)


def fraction(radius_mm: float, engine: str, settings: Settings) -> Estimate:
    """Absorbed fraction of one sphere of whole voxels by one engine."""
    edge = voxel_mm(radius_mm)
    inside = ball(radius_mm, edge, margin_mm(radius_mm))
    where = scene(inside * BQ_PER_ML, DENSITY_G_ML, (edge, edge, edge))
    y90 = nuclide("y90")
    return absorbed_fraction(run(engine, where, y90, settings), where, y90, inside)


def steps_cost(radius_mm: float) -> float:
    """What the stepped surface of whole voxels takes off the fraction.

    Both from the shipped kernel: folded with a smooth sphere, less folded with these voxels.
    """
    edge = voxel_mm(radius_mm)
    inside = ball(radius_mm, edge, 0.0)
    where = scene(inside * BQ_PER_ML, DENSITY_G_ML, (edge, edge, edge))
    y90 = nuclide("y90")
    stepped = absorbed_fraction(run("plain", where, y90, Settings()), where, y90, inside)
    return own_overlap(radius_mm) - stepped.value


def smooth_fraction(radius_mm: float, engine: str, settings: Settings) -> Estimate:
    """Absorbed fraction of a smooth sphere: that of the voxels and what their steps cost."""
    found = fraction(radius_mm, engine, settings)
    return Estimate(found.value + steps_cost(radius_mm), found.error)


def own_overlap(radius_mm: float) -> float:
    """The shipped kernel folded with the overlap of a sphere: no voxels."""
    y90 = nuclide("y90")
    kernel = own_kernel(y90, "soft-tissue")
    return overlap_fraction(kernel, y90.energies.everything_mev, radius_mm, DENSITY_G_ML)


def rows(settings: Settings, engines: tuple[str, ...]) -> dict[float, dict[str, Estimate]]:
    """Fractions by radius (mm) and engine."""
    return {r: {e: smooth_fraction(r, e, settings) for e in engines} for r in RADII_MM}


def lines(found: dict[float, dict[str, Estimate]], engines: tuple[str, ...]) -> list[str]:
    """The table."""
    header = ["radius mm", "voxel mm", "steps", "published", "Graves folded", "own kernel folded"]
    body = []
    for radius, by_engine in found.items():
        published = f"{PUBLISHED[radius]:.2f}" if radius in PUBLISHED else "-"
        cells = [f"{radius:g}", f"{voxel_mm(radius):.3f}", f"{steps_cost(radius):.4f}", published]
        cells += [f"{GRAVES[radius]:.3f}", f"{own_overlap(radius):.4f}"]
        body.append(cells + [plus_minus(by_engine[e]) for e in engines])
    return table(header + [LABELS[e] for e in engines], body)


def verdict(found: dict[float, dict[str, Estimate]], engine: str) -> list[str]:
    """Largest departures of an engine from the three references."""
    value = {r: by_engine[engine].value for r, by_engine in found.items()}
    own = max(abs(value[r] - own_overlap(r)) for r in value)
    graves = max(abs(value[r] - GRAVES[r]) for r in value)
    list_ = max(abs(value[r] - PUBLISHED[r]) for r in value if r in PUBLISHED)
    return [
        f"- {LABELS[engine]}: at most {own:.4f} from the own kernel folded, {graves:.4f} from "
        f"Graves folded, {list_:.4f} from the published two digits (goal {GOAL}; 0.005 of rounding)"
    ]


def draw(found: dict[float, dict[str, Estimate]], engines: tuple[str, ...]) -> None:
    """Left: fractions. Right: differences from Graves's kernel folded."""
    with figure("sphere_fractions") as (_, (left, right)):
        radii = np.geomspace(0.4, 45.0, 80)
        kernel = graves_kernel()
        if kernel is not None:
            near = radii[radii < 6.4]
            curve = [overlap_fraction(kernel, GRAVES_MEAN_MEV, r, DENSITY_G_ML) for r in near]
            left.plot(near, curve, color="0.7", linewidth=3, label="Graves folded")
        left.plot(radii, [own_overlap(r) for r in radii], color="0.4", label="own kernel folded")
        left.plot(list(PUBLISHED), list(PUBLISHED.values()), "k+", markersize=9, label="published")
        right.axhspan(-GOAL, GOAL, color="0.92")
        right.axhline(0.0, color="black", linewidth=0.6)
        own = [own_overlap(r) - GRAVES[r] for r in found]
        right.plot(list(found), own, color="0.4", label="own kernel folded")
        for engine in engines:
            value = np.array([found[r][engine].value for r in found])
            error = [found[r][engine].error for r in found]
            left.plot(list(found), value, "o", color=COLOURS[engine], label=LABELS[engine])
            gap = value - np.array([GRAVES[r] for r in found])
            right.errorbar(list(found), gap, error, fmt="o", color=COLOURS[engine], capsize=2)
        for axis in (left, right):
            axis.set(xscale="log", xlabel="radius (mm)")
        left.set(ylabel="absorbed fraction", title="Y-90 spheres, 1.04 g/mL")
        right.set(ylabel="difference", title="less Graves folded; band: goal 0.005")
        left.legend()


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=60_000)
    engines = tuple(e for e in engines if e not in ("plain", "local"))
    found = rows(settings, engines)
    notes = [line for engine in engines for line in verdict(found, engine)]
    about = (
        "Spheres are of whole voxels; `steps` is what their stepped surface costs, added to all."
    )
    parts = [[settings_line(settings), "", about], lines(found, engines), notes]
    write(__file__, "Absorbed fractions of Y-90 spheres, 1.04 g/mL", parts)
    draw(found, engines)


if __name__ == "__main__":
    main()
