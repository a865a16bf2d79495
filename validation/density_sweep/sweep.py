"""One point of the sweep: the energy that an active voxel of a given density absorbs.

    python -m validation.density_sweep.sweep NUCLIDE MODE DEVICE HISTORIES DENSITY...

prints one line of JSON. The simulator is chosen when numba is imported, hence a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.mc_density import media_by_density, medium_name_at
from opensirt.dose.mc_media import collision_stopping_power, media_named
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["EDGE_MM", "around_borders", "densities", "on_simulator", "point", "stopping_ratio"]

EDGE_MM = 3.0
LOWEST, HIGHEST, STEPS = 0.001, 3.0, 24
ROOT = Path(__file__).resolve().parents[2]
TYPICAL_MEV = 0.5


def around_borders() -> list[tuple[float, float, float]]:
    """Each border of media as a float32 number, between its two neighbours (g/mL)."""
    borders = [np.float32(bound) for _, bound in media_by_density()[:-1]]
    return [
        (
            float(np.nextafter(b, np.float32(0.0))),
            float(b),
            float(np.nextafter(b, np.float32(np.inf))),
        )
        for b in borders
    ]


def densities() -> list[float]:
    """Densities of the whole sweep, rising (g/mL)."""
    steps = np.geomspace(LOWEST, HIGHEST, STEPS).astype(np.float32).tolist()
    return sorted({*steps, *(rho for three in around_borders() for rho in three)})


def stopping_ratio(below_g_ml: float, above_g_ml: float) -> float:
    """Mass collision stopping power of the medium above over that of the medium below."""
    media = media_named([medium_name_at(above_g_ml), medium_name_at(below_g_ml)])
    above, below = (collision_stopping_power(m, np.array([TYPICAL_MEV]))[0] for m in media)
    return float(above / below)


def point(
    name: str, mode: str, device: str, histories: int, density_g_ml: float, seed: int = 1
) -> tuple[float, float]:
    """Energy in the source voxel, MeV per decay, and its standard error."""
    rho = np.full((5, 5, 5), density_g_ml, np.float32)
    rho[0] = 1.0 if medium_name_at(density_g_ml) != "water" else 1.6
    activity = np.zeros((5, 5, 5), np.float32)
    activity[2, 2, 2] = 1e6
    grid = Grid.regular((5, 5, 5), (EDGE_MM,) * 3)
    of = nuclide(name)
    engine = MonteCarlo(histories=histories, mode=mode, device=device, seed=seed, threads=1)  # type: ignore[arg-type]
    found = engine.simulate(
        Volume(activity, grid, Unit.BQ_PER_ML), Volume(rho, grid, Unit.G_PER_ML), of
    )
    joule_per_ml = float(found.dose.values[2, 2, 2]) * float(rho[2, 2, 2]) / G_PER_KG
    energy = joule_per_ml / (1e6 * of.mean_life_s * JOULE_PER_MEV)
    return energy, energy * float(found.relative_error.values[2, 2, 2])


def on_simulator(
    name: str, mode: str, histories: int, at_g_ml: Sequence[float]
) -> list[tuple[float, float]]:
    """`point` at each density on the GPU that numba simulates."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "validation.density_sweep.sweep", name, mode, "cuda"),
            *(str(histories), *(repr(rho) for rho in at_g_ml)),
        ],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(run.stderr[-2000:])
    return [(value, error) for value, error in json.loads(run.stdout)]


def main() -> None:
    """The densities named on the command line."""
    name, mode, device, histories, *at = sys.argv[1:]
    print(json.dumps([point(name, mode, device, int(histories), float(rho)) for rho in at]))


if __name__ == "__main__":
    main()
