"""Time and memory of the density-aware dose against plain convolution and the raw transform.

    python bench/superposition.py [--repeats 3] [--out bench/results]

A clinical map of 128^3 voxels (2 to 4 mm): 1.7 L of liver under lung, inside a body with air around
and ribs, with hot tumours and a shunt to the lungs. Every case runs alone in its own process and
once beforehand, so that kernels and compiled code are there; memory is the growth of the peak
resident size above the inputs. The raw bound is one `scipy.fft` transform there and back, float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from convolution import processor, resident_mib

from opensirt.backend import thread_count
from opensirt.dose.engine import dose_engines
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

SIDE = 128
SPACINGS_MM = (2.0, 3.0, 4.0)
ENGINES = ("voxel-convolution", "voxel-superposition")
BOUND = "raw transform there and back"
LIVER_MM = (62.0, 70.0, 93.5)
"""Semi-axes of 1.70 L; what the grid or the body cuts off is less."""
TUMOURS = ((40.0, 0.0, 0.0, 10.0), (-20.0, 30.0, -40.0, 12.0), (10.0, -30.0, 30.0, 8.0))
"""Centre in the liver (slice, row, column) and radius, mm."""
SHUNT = 0.05

Floats = npt.NDArray[np.float32]


def clinical_map(spacing_mm: float) -> tuple[Floats, Floats]:
    """Activity (Bq/mL) and density (g/mL)."""
    line = ((np.arange(SIDE) + 0.5) * spacing_mm - 0.5 * SIDE * spacing_mm).astype(np.float32)
    z, y, x = line[:, None, None], line[:, None], line
    inside = np.hypot(y / 118.0, x / 124.0)
    density = np.where(inside < 1.0, np.float32(1.05), np.float32(0.0012)) + 0.0 * z
    ribs = (inside > 0.86) & (inside < 0.93) & (np.mod(z, 24.0) < 10.0)
    liver = (
        (z + 25.0) ** 2 / LIVER_MM[0] ** 2
        + y**2 / LIVER_MM[1] ** 2
        + (x + 15) ** 2 / LIVER_MM[2] ** 2
    ) < 1.0
    lung = (inside < 0.78) & (z > 10.0) & (np.abs(x) > 14.0) & ~liver
    density[ribs], density[lung], density[liver] = 1.92, 0.26, 1.06
    activity = liver.astype(np.float32)
    for down, back, left, radius in TUMOURS:
        away2 = (z + 25.0 - down) ** 2 + (y - back) ** 2 + (x + 15.0 - left) ** 2
        activity[liver & (away2 < radius**2)] = 5.0
    activity[lung] = SHUNT / (1 - SHUNT) * activity.sum(dtype=np.float64) / max(1, lung.sum())
    return activity * np.float32(1e6), density.astype(np.float32)


def prepared(case: str, spacing_mm: float) -> Callable[[], Any]:
    """The computation of a case, with its inputs in memory."""
    activity, density = clinical_map(spacing_mm)
    if case == BOUND:
        return lambda: scipy.fft.irfftn(
            scipy.fft.rfftn(activity, workers=thread_count()),
            s=activity.shape,
            workers=thread_count(),
        )
    grid = Grid.regular(activity.shape, (spacing_mm,) * 3)
    source = Volume(activity, grid, Unit.BQ_PER_ML)
    medium = Volume(density, grid, Unit.G_PER_ML)
    engine, y90 = dose_engines.create(case), nuclide("y90")
    return lambda: engine.dose(source, medium, y90)


def run_case(case: str, spacing_mm: float, repeats: int) -> dict[str, float]:
    """Seconds of the first run and of the best of more, CPU seconds, and peak memory."""
    compute = prepared(case, spacing_mm)
    before = resident_mib("VmRSS")
    times, cpu = [], []
    for _ in range(repeats + 1):
        start, spent = time.perf_counter(), time.process_time()
        compute()
        times.append(time.perf_counter() - start)
        cpu.append(time.process_time() - spent)
    peak = resident_mib("VmHWM") - before
    return {
        "first_seconds": times[0],
        "seconds": min(times[1:]),
        "cpu_seconds": min(cpu[1:]),
        "peak_mib": peak,
    }


def measure(repeats: int) -> dict[str, Any]:
    """Every case and voxel size in a process of its own."""
    load = round(os.getloadavg()[0], 1)
    cases: dict[str, Any] = {}
    for spacing_mm in SPACINGS_MM:
        for case in (BOUND, *ENGINES):
            command = [sys.executable, __file__, "--case", case, "--spacing", str(spacing_mm)]
            command += ["--repeats", str(repeats)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            cases[f"{spacing_mm:g} mm, {case}"] = json.loads(done.stdout)
            print(spacing_mm, case, done.stdout.strip(), file=sys.stderr, flush=True)
    return {
        "side": SIDE,
        "spacings_mm": list(SPACINGS_MM),
        "active_ml": [float((clinical_map(s)[0] > 0).sum() * s**3 * 1e-3) for s in SPACINGS_MM],
        "grid_mib": SIDE**3 * 4 / 2**20,
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "processor": processor(),
        "repeats": repeats,
        "other_load": load,
        "cases": cases,
    }


def as_markdown(found: dict[str, Any]) -> str:
    """The measurements as a page."""
    active = ", ".join(f"{ml:.0f}" for ml in found["active_ml"])
    lines = [
        "# Density-aware dose against plain convolution",
        "",
        f"{found['side']}^3 voxels of 2, 3, 4 mm with {active} mL active (liver, tumours, lungs);"
        f" {found['threads']} threads on {found['cores']} cores, {found['processor']}; best of"
        f" {found['repeats']} after a first run; load of the machine at the start:"
        f" {found['other_load']:g}. One float32 grid is {found['grid_mib']:.0f} MiB; memory is the"
        " peak above the inputs, compiled code and kernels included.",
        "",
        "| case | seconds | CPU seconds | first run | peak MiB | grids | times plain | times raw |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, run in found["cases"].items():
        voxel = name.split(",")[0]
        plain = found["cases"][f"{voxel}, {ENGINES[0]}"]["seconds"]
        raw = found["cases"][f"{voxel}, {BOUND}"]["seconds"]
        lines.append(
            f"| {name} | {run['seconds']:.2f} | {run['cpu_seconds']:.2f}"
            f" | {run['first_seconds']:.2f} | {run['peak_mib']:.0f}"
            f" | {run['peak_mib'] / found['grid_mib']:.1f} | {run['seconds'] / plain:.1f}"
            f" | {run['seconds'] / raw:.1f} |"
        )
    lines += ["", "Made by `python bench/superposition.py`."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="time and memory of the density-aware dose")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--case", choices=(BOUND, *ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--spacing", type=float, default=2.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run_case(options.case, options.spacing, options.repeats)))
        return
    found = measure(options.repeats)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "superposition.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "superposition.md").write_text(as_markdown(found))


if __name__ == "__main__":
    main()
