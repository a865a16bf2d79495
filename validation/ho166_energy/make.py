"""Energy that Ho-166 leaves in a finite liver, J/GBq, by geometry: 15.5 to 16.2.

``python validation/ho166_energy/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    BoolArray,
    Estimate,
    Scene,
    Settings,
    estimate,
    mass_kg,
    options,
    run,
    scene,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.physics.nuclides import nuclide
from opensirt.units import BQ_PER_GBQ, JOULE_PER_MEV

VOXEL_MM = 4.0
LIVER_G_ML, BODY_G_ML, LUNG_G_ML, AIR_G_ML = 1.06, 1.04, 0.26, 0.0012
PUBLISHED_J_PER_GBQ = 15.87
"""Clinical dose constant in use [jnm2016ho]."""
RIM_MM = 12.0
"""Rim of tissue that takes up every electron which leaves the liver."""
LOWEST, HIGHEST = 15.5, 16.2
"""All electrons absorbed and no photon; everything absorbed."""


@dataclass(frozen=True)
class Body:
    """A liver of some volume in what surrounds it."""

    name: str
    liver_ml: float
    surrounding: str
    """"body" (trunk in air), "lung" (trunk, lung above the dome) or "nothing" (liver in air)."""


BODIES = (
    Body("lobe of 500 mL in a trunk", 500.0, "body"),
    Body("liver of 1000 mL in a trunk", 1000.0, "body"),
    Body("liver of 1500 mL in a trunk", 1500.0, "body"),
    Body("liver of 1500 mL, lung above", 1500.0, "lung"),
    Body("liver of 2500 mL in a trunk", 2500.0, "body"),
    Body("liver of 1500 mL alone in air", 1500.0, "nothing"),
)


def grid_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxel centres (mm) along slice, row and column of a grid of 336 x 280 x 400 mm."""
    counts = (84, 70, 100)
    z, y, x = ((np.arange(n) + 0.5 - n / 2) * VOXEL_MM for n in counts)
    return z[:, None, None], y[:, None], x


def build(body: Body) -> tuple[Scene, BoolArray]:
    """The scene, active all over the liver, and the liver's voxels.

    The liver is an ellipsoid 1.6 : 1.2 : 1 (left-right, front-back, head-foot).
    """
    z, y, x = grid_points()
    short = (3.0 * body.liver_ml * 1e3 / (4.0 * np.pi * 1.6 * 1.2)) ** (1.0 / 3.0)
    level = ((x + 60.0) / (1.6 * short)) ** 2 + (y / (1.2 * short)) ** 2 + (z / short) ** 2
    liver = np.asarray(level < 1.0)
    trunk = np.asarray((x / 180.0) ** 2 + (y / 120.0) ** 2 + 0.0 * z < 1.0)
    density = np.where(trunk, BODY_G_ML, AIR_G_ML)
    if body.surrounding == "nothing":
        density[:] = AIR_G_ML
    if body.surrounding == "lung":
        inner = (x / 160.0) ** 2 + (y / 100.0) ** 2 + 0.0 * z < 1.0
        density[inner & (z > 0.55 * short)] = LUNG_G_ML
    density[liver] = LIVER_G_ML
    return scene(liver * 1e6, density, (VOXEL_MM,) * 3), liver


def deposited(body: Body, engine: str, settings: Settings) -> tuple[Estimate, ...]:
    """J/GBq left in the liver, in liver and rim, and in the whole grid."""
    where, liver = build(body)
    maps = run(engine, where, nuclide("ho166"), settings)
    kg_per_gbq = mass_kg(where) * BQ_PER_GBQ / where.activity.total()
    distance_mm = distance_transform_edt(~liver, sampling=VOXEL_MM)
    masks = (liver, distance_mm <= RIM_MM, np.ones_like(liver))
    weights = [np.where(mask, kg_per_gbq, 0.0) for mask in masks]
    return tuple(estimate(maps, lambda gray, w=w: float(np.vdot(gray, w))) for w in weights)


def bounds() -> tuple[float, float]:
    """J/GBq of all electrons of Ho-166, and of everything, from the nuclide's table."""
    ho166 = nuclide("ho166")
    factor = JOULE_PER_MEV * ho166.mean_life_s * BQ_PER_GBQ
    energies = ho166.energies
    return energies.all_electrons_mev * factor, energies.everything_mev * factor


MARKS = (("o", "white", "liver"), ("o", None, "with rim"), ("s", "white", "whole grid"))


def draw(found: dict[str, dict[str, tuple[Estimate, ...]]]) -> None:
    """J/GBq by geometry, between the two bounds."""
    low, high = bounds()
    with figure("ho166_energy", columns=1) as (drawing, axis):
        drawing.set_size_inches(8.8, 3.3)
        axis.axvspan(LOWEST, HIGHEST, color="0.93")
        for value, label in ((low, "electrons"), (high, "everything")):
            axis.axvline(value, color="0.4", linewidth=0.8)
            axis.text(value, 1.01, label, transform=axis.get_xaxis_transform(), ha="center")
        axis.axvline(PUBLISHED_J_PER_GBQ, color="black", linestyle=":", label="in use: 15.87")
        for engine, values in found.items():
            for part, (mark, face, what) in enumerate(MARKS):
                x = [values[b.name][part].value for b in BODIES]
                style = {"color": COLOURS[engine], "markerfacecolor": face or COLOURS[engine]}
                label = f"{LABELS[engine]}: {what}"
                axis.plot(x, range(len(BODIES)), mark, label=label, **style)
        axis.set_yticks(range(len(BODIES)), [b.name for b in BODIES])
        axis.invert_yaxis()
        axis.set(xlabel="energy left (J/GBq)", xlim=(15.0, 16.3))
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=20_000)
    engines = tuple(e for e in engines if e != "local")
    found = {e: {b.name: deposited(b, e, settings) for b in BODIES} for e in engines}
    body = []
    for where in BODIES:
        cells = [where.name]
        for engine in engines:
            cells += [plus_minus(value, 3) for value in found[engine][where.name]]
        body.append(cells)
    header = ["geometry"]
    for engine in engines:
        header += [f"{LABELS[engine]}: liver", "with rim", "whole grid"]
    low, high = bounds()
    notes = [
        f"- All electrons {low:.3f}, everything {high:.3f} J/GBq; in use {PUBLISHED_J_PER_GBQ}; "
        f"goal: liver and {RIM_MM:g} mm rim, "
        f"which holds every electron, between {LOWEST} and {HIGHEST}.",
    ]
    for engine in engines:
        values = [found[engine][b.name][1].value for b in BODIES[:-1]]
        met = all(LOWEST <= v <= HIGHEST for v in values)
        notes.append(
            f"- {LABELS[engine]}: {min(values):.3f} to {max(values):.3f} "
            f"({'met' if met else 'not met'})"
        )
    parts = [[settings_line(settings)], table(header, body), notes]
    write(__file__, "Energy of Ho-166 left in a liver, J/GBq", parts)
    draw(found)


if __name__ == "__main__":
    main()
