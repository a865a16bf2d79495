"""Energy in an active voxel over its density, across every border of media.

``python validation/density_sweep/make.py [--nuclides ...] [--histories N] [--simulated N]``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import Estimate
from validation.density_sweep.sweep import (
    around_borders,
    densities,
    on_simulator,
    point,
    stopping_ratio,
)
from validation.report import plus_minus, table, write

from opensirt.dose.mc_density import medium_name_at

FAST_SHARE = 5
"""Histories of fast mode over those of full mode."""
Sweep = dict[float, Estimate]
COLUMNS = ("fast", "full", "fast, simulated GPU", "full, simulated GPU")


def sweeps(name: str, histories: int, simulated: int) -> dict[str, Sweep]:
    """By column of the table, the energy (MeV per decay) at each density."""
    rising = densities()
    found = {
        "fast": {
            r: Estimate(*point(name, "fast", "cpu", FAST_SHARE * histories, r)) for r in rising
        },
        "full": {r: Estimate(*point(name, "full", "cpu", histories, r)) for r in rising},
    }
    if simulated:
        near = [rho for three in around_borders() for rho in three]
        for mode in ("fast", "full"):
            values = on_simulator(name, mode, simulated, near)
            found[f"{mode}, simulated GPU"] = {
                rho: Estimate(*value) for rho, value in zip(near, values, strict=True)
            }
    return found


def lines_of(name: str, found: dict[str, Sweep]) -> list[str]:
    """The table of one nuclide."""
    body = []
    for rho, fast in found["fast"].items():
        full = found["full"][rho]
        ratio = fast.value / full.value
        error = ratio * float(np.hypot(fast.error / fast.value, full.error / full.value))
        row = [f"{rho:.9g}", medium_name_at(rho), _mev(fast), _mev(full)]
        row += [plus_minus(Estimate(ratio, error))]
        row += [_mev(found[c].get(rho)) for c in COLUMNS[2:] if c in found]
        body.append(row)
    header = ["g/mL", "medium", "fast", "full", "fast / full"]
    header += [column for column in COLUMNS[2:] if column in found]
    return [f"## {name}: MeV per decay in the source voxel", "", *table(header, body)]


def steps_of(name: str, found: dict[str, Sweep]) -> list[str]:
    """Steps at the borders: within a medium, and to the next against the stopping powers."""
    body = []
    for below, border, above in around_borders():
        row = [f"{border:.9g}", f"{medium_name_at(border)} / {medium_name_at(above)}"]
        for column, sweep in found.items():
            if column in COLUMNS:
                row += [_step(sweep, below, border), _step(sweep, border, above)]
        body.append([*row, f"{stopping_ratio(border, above):.3f}"])
    header = ["border", "media"]
    for column in found:
        header += [f"{column}: to the border", "beyond"]
    header.append("stopping powers")
    return [f"## {name}: steps at the borders, as ratios", "", *table(header, body)]


def _mev(found: Estimate | None) -> str:
    """An energy of any size with its standard error."""
    return "-" if found is None else f"{found.value:.4g} ± {found.error:.1g}"


def _step(sweep: Sweep, first: float, second: float) -> str:
    a, b = sweep[first], sweep[second]
    ratio = b.value / a.value
    error = ratio * float(np.hypot(a.error / a.value, b.error / b.value))
    return plus_minus(Estimate(ratio, error), 3)


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nuclides", nargs="+", default=["y90", "lu177"])
    parser.add_argument("--histories", type=int, default=40_000)
    parser.add_argument("--simulated", type=int, default=1000)
    parser.add_argument("--on-gpu", nargs="*", default=["y90"])
    given = parser.parse_args()
    parts = [
        [
            f"Decays per density: {given.histories:,} in full mode, "
            f"{FAST_SHARE * given.histories:,} in fast mode, {given.simulated:,} on the "
            "simulated GPU; ± is one standard error of the run. "
            "Neighbours at a border differ by one float32 number."
        ]
    ]
    for name in given.nuclides:
        found = sweeps(name, given.histories, given.simulated if name in given.on_gpu else 0)
        parts += [lines_of(name, found), steps_of(name, found)]
    write(__file__, "Density swept over every border of media", parts)


if __name__ == "__main__":
    main()
