"""Machine code made ahead of the first job."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from opensirt.compiling import telling_of_compilation
from opensirt.dose.engine import dose_engines
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from opensirt.workflow.dosing import MONTE_CARLO, MonteCarloOptions, calculate

__all__ = ["make_machine_code"]

Progress = Callable[[str, float], None]
SHAPE, VOXEL_MM = (14, 16, 18), 4.0
LOOSE = 0.5
MODES = ("fast", "full")


def make_machine_code(progress: Progress | None = None) -> tuple[int, float]:
    """Run every dose engine on a small made-up patient, so that its code is compiled and kept.

    Returns
    -------
    How many functions were compiled now, and the seconds that it took.
    """
    step = progress or (lambda what, done: None)
    start = time.perf_counter()
    names: list[str] = []
    jobs: list[tuple[str, MonteCarloOptions | None]] = [
        (name, None) for name in dose_engines.names() if name != MONTE_CARLO
    ]
    jobs += [(MONTE_CARLO, MonteCarloOptions(uncertainty=LOOSE, mode=mode)) for mode in MODES]
    activity, density, regions = _patient()
    with telling_of_compilation(names.append):
        for number, (name, options) in enumerate(jobs):
            step(f"engine {name}", number / len(jobs))
            calculate(name, activity, density, nuclide("y90"), options, step, regions)
    step("done", 1.0)
    return len(names), time.perf_counter() - start


def _patient() -> tuple[Volume, Volume, Regions]:
    """Tissue with lung above it, and activity in both; float32 as images have it."""
    grid = Grid.regular(SHAPE, (VOXEL_MM,) * 3, (0.0, 0.0, 0.0))
    mass = np.full(SHAPE, 1.05, np.float32)
    mass[-5:] = 0.3
    decays = np.zeros(SHAPE, np.float32)
    decays[3:-3, 3:-3, 3:-3] = 1e5
    activity = Volume(
        decays, grid, Unit.BQ_PER_ML, "y90", datetime(2000, 1, 1, tzinfo=UTC),
        float(decays.sum()) * grid.voxel_volume_ml,
    )  # fmt: skip
    liver = Region.from_mask("liver", "liver", (decays > 0).astype(np.float32), grid)
    return activity, Volume(mass, grid, Unit.G_PER_ML), Regions((liver,))
