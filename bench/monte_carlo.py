"""Speed, scaling and memory of the Monte Carlo engine in a CT-like phantom.

    python bench/monte_carlo.py [--out bench/results] [--quick]

Air, a body of soft tissue, two lungs, a spine, a liver of 1.7 L perfused evenly and three tumours
in it with five times the activity. Rates are per second of CPU time, which other processes on the
machine disturb least; wall time stands beside them. EGSnrc's rates in phantoms of these sizes were
measured on a core of the same kind and are quoted from the project's specification; mode "full",
which transports every electron anew, is the peer of the same run. Code is compiled beforehand,
except where compiling is timed. About five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from convolution import processor, resident_mib

from opensirt.dose.engines.monte_carlo import MonteCarlo, Simulation
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

Floats = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

CT_SHAPE, CUBE = (96, 128, 128), (128, 128, 128)
EGSNRC_PER_CPU_S = {2.0: 21_300, 4.0: 39_000}
LIVER_MM, LIVER_AXES_MM = (-10.0, 0.0, -20.0), (70.0, 62.0, 93.5)
"""An ellipsoid of 1.70 L."""
TUMOURS_MM = (((0.0, 10.0, -50.0), 20.0), ((-30.0, 20.0, 0.0), 12.0), ((20.0, -20.0, 10.0), 8.0))
LUNGS_MM, LUNG_AXES_MM = ((60.0, 0.0, 55.0), (70.0, 0.0, -75.0)), (60.0, 55.0, 40.0)
DENSITIES_G_ML = {"air": 0.0012, "body": 1.04, "lung": 0.26, "spine": 1.4, "liver": 1.06}
UPTAKE = {"liver": 1e6, "tumour": 5e6}


def ellipsoid(grid: Grid, centre: tuple[float, ...], axes: tuple[float, ...]) -> npt.NDArray[Any]:
    """Voxels whose centre lies inside; positions count from the middle of the grid, mm."""
    lines = [
        ((np.arange(n) + 0.5 - 0.5 * n) * step - c) / a
        for n, step, c, a in zip(grid.shape, grid.spacing_mm, centre, axes, strict=True)
    ]
    squares = [line.astype(np.float32) ** 2 for line in lines]
    return np.asarray(
        squares[0][:, None, None] + squares[1][:, None] + squares[2] < np.float32(1.0)
    )


def regions(grid: Grid) -> dict[str, npt.NDArray[Any]]:
    """Masks by name; later ones lie on top of earlier ones."""
    _, high, wide = (n * step for n, step in zip(grid.shape, grid.spacing_mm, strict=True))
    masks = {"body": ellipsoid(grid, (0.0, 0.0, 0.0), (1e6, 0.46 * high, 0.48 * wide))}
    masks["lung"] = np.any([ellipsoid(grid, c, LUNG_AXES_MM) for c in LUNGS_MM], axis=0)
    masks["spine"] = ellipsoid(grid, (0.0, 0.33 * high, 0.0), (1e6, 20.0, 20.0))
    masks["liver"] = ellipsoid(grid, LIVER_MM, LIVER_AXES_MM)
    masks["tumour"] = np.any([ellipsoid(grid, c, (r, r, r)) for c, r in TUMOURS_MM], axis=0)
    return masks


def phantom(shape: Shape, spacing_mm: float) -> tuple[Volume, Volume]:
    """Activity (Bq/mL) and density (g/mL)."""
    grid = Grid.regular(shape, (spacing_mm,) * 3)
    density = np.full(shape, DENSITIES_G_ML["air"], np.float32)
    activity = np.zeros(shape, np.float32)
    for name, mask in regions(grid).items():
        density[mask] = DENSITIES_G_ML.get(name, DENSITIES_G_ML["liver"])
        activity[mask] = UPTAKE.get(name, 0.0)
    return Volume(activity, grid, Unit.BQ_PER_ML), Volume(density, grid, Unit.G_PER_ML)


def timed(
    maps: tuple[Volume, Volume], name: str = "y90", **options: Any
) -> tuple[dict[str, Any], Simulation]:
    """One run: rates, seconds and the error of the voxels of high dose."""
    if "histories" in options:
        options["histories"] = max(int(options["histories"]), 1000)
    cpu, wall = time.process_time(), time.perf_counter()
    found = MonteCarlo(**{"threads": 1, **options}).simulate(*maps, nuclide(name))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    row = {
        "nuclide": name,
        "mode": found.mode,
        "shape": list(maps[0].grid.shape),
        "spacing_mm": maps[0].grid.spacing_mm[0],
        "threads": found.threads,
        "histories": found.histories,
        "wall_s": wall,
        "cpu_s": cpu,
        "per_cpu_s": found.histories / cpu,
        "per_wall_s": found.histories / wall,
        "mean_relative_error": found.mean_relative_error,
        "energy_balance": found.energy_balance,
    }
    print(row, file=sys.stderr, flush=True)
    return row, found


def rates(share: float) -> list[dict[str, Any]]:
    """Histories per CPU second: nuclides, voxel sizes, and both modes."""
    rows = []
    cases = [("y90", 2.0, CT_SHAPE), ("y90", 4.0, CT_SHAPE), ("y90", 2.0, CUBE)]
    cases += [(name, 2.0, CUBE) for name in ("ho166", "lu177", "i131")]
    for name, spacing_mm, shape in cases:
        maps = phantom(shape, spacing_mm)
        for mode, histories in (("fast", 6e6), ("full", 1e5)):
            rows.append(timed(maps, name, mode=mode, histories=share * histories)[0])
    return rows


def scaling(share: float) -> dict[str, list[dict[str, Any]]]:
    """Threads, histories and voxels, each on its own; y90, 2 mm (256 mm cubed for voxels)."""
    cube = phantom(CUBE, 2.0)
    threads = range(1, (os.cpu_count() or 1) + 1)
    many = int(share * 6e6)
    return {
        "threads": [timed(cube, histories=many, threads=n)[0] for n in threads],
        "histories": [timed(cube, histories=share * n)[0] for n in (3e4, 3e5, 3e6, 1.5e7)],
        "voxels": [timed(phantom((n,) * 3, 256.0 / n), histories=many)[0] for n in (64, 128, 256)],
    }


def regional(share: float) -> list[dict[str, Any]]:
    """Energy per region against time: deviations from the last, longest run."""
    maps = phantom(CUBE, 2.0)
    masks = regions(maps[0].grid)
    masks["liver"] &= ~masks["tumour"]
    masks["lung"] &= ~masks["liver"]
    rows, energies = [], []
    for seed, histories in enumerate((1e4, 1e5, 1e6, 1.2e7)):
        row, found = timed(maps, histories=share * histories, seed=seed)
        joule = found.dose.values * maps[1].values
        energies.append({n: float(joule[masks[n]].sum(dtype=np.float64)) for n in DEEP})
        rows.append(row)
    for row, energy in zip(rows, energies, strict=True):
        row["deviation"] = {n: energy[n] / energies[-1][n] - 1.0 for n in DEEP}
        row["efficiency"] = 1.0 / (row["mean_relative_error"] ** 2 * row["cpu_s"])
    return rows


DEEP = ("liver", "tumour", "lung")


def alone(case: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """A case in a process of its own."""
    command = [sys.executable, __file__, "--case", case]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=variables)
    return dict(json.loads(done.stdout))


def memory() -> dict[str, Any]:
    """Growth of the peak resident size above the inputs, over one float32 map of the grid."""
    small = phantom((16, 16, 16), 8.0)
    timed(small, histories=2000)  # code and physics tables
    shape = (256, 256, 256)
    maps = phantom(shape, 1.0)
    before = resident_mib("VmRSS")
    peak_before = resident_mib("VmHWM")
    timed(maps, histories=1_000_000)
    grid_mib = np.prod(shape) * 4 / 2**20
    peak = resident_mib("VmHWM")
    return {
        "shape": list(shape),
        "grid_mib": float(grid_mib),
        "peak_above_inputs_mib": peak - before,
        "hidden_below_earlier_peak": peak <= peak_before,
        "times_the_grid": float((peak - before) / grid_mib),
    }


def compiling() -> dict[str, Any]:
    """Seconds of the first small run; the second is subtracted."""
    small = phantom((16, 16, 16), 8.0)
    seconds = [timed(small, histories=2000)[0]["wall_s"] for _ in range(2)]
    return {"seconds": seconds[0] - seconds[1]}


def measure(quick: bool) -> dict[str, Any]:
    """All sections."""
    share = 0.02 if quick else 1.0
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        first = alone("compiling", {"NUMBA_CACHE_DIR": folder})
        cached = alone("compiling", {"NUMBA_CACHE_DIR": folder})
    for mode in ("fast", "full"):
        timed(phantom((16, 16, 16), 8.0), mode=mode, histories=2000)
    clinical = timed(phantom(CUBE, 2.0), uncertainty=0.2 if quick else 0.01, threads=None)[0]
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
        "other_load": load,
        "compile_s": first["seconds"],
        "load_compiled_s": cached["seconds"],
        "clinical_map": clinical,
        "rates": rates(share),
        "scaling": scaling(share),
        "regional": regional(share),
        "memory": alone("memory"),
    }


def size(row: dict[str, Any]) -> str:
    """Grid of a run in words."""
    return " x ".join(str(n) for n in row["shape"]) + f", {row['spacing_mm']:g} mm"


def rate_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of rates with the peers."""
    lines = [
        "| nuclide | grid | fast, per CPU s | per wall s | full, per CPU s | fast over full"
        " | EGSnrc (quoted) | fast over EGSnrc |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for fast, full in zip(rows[::2], rows[1::2], strict=True):
        quoted = fast["nuclide"] == "y90" and fast["shape"] == list(CT_SHAPE)
        peer = EGSNRC_PER_CPU_S[fast["spacing_mm"]] if quoted else None
        ours = fast["per_cpu_s"]
        lines.append(
            f"| {fast['nuclide']} | {size(fast)} | {ours:,.0f} | {fast['per_wall_s']:,.0f}"
            f" | {full['per_cpu_s']:,.0f} | {ours / full['per_cpu_s']:.1f}"
            + (f" | {peer:,} | {ours / peer:.1f} |" if peer else " | | |")
        )
    return lines


def scaling_lines(parts: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The table of scaling."""
    lines = [
        "| what grows | threads | histories | grid | wall s | per CPU s | per wall s |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {what} | {row['threads']} | {row['histories']:,} | {size(row)} | {row['wall_s']:.1f}"
        f" | {row['per_cpu_s']:,.0f} | {row['per_wall_s']:,.0f} |"
        for what, rows in parts.items()
        for row in rows
    ]


def regional_lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of energy per region."""
    lines = [
        "| histories | CPU s | error where dose is high | 1/(error^2 CPU s) | "
        + " | ".join(DEEP)
        + " |",
        "|---|---|---|---|" + "---|" * len(DEEP),
    ]
    for row in rows:
        parts = " | ".join(f"{100 * row['deviation'][name]:+.2f} %" for name in DEEP)
        lines.append(
            f"| {row['histories']:,} | {row['cpu_s']:.1f}"
            f" | {100 * row['mean_relative_error']:.1f} % | {row['efficiency']:.0f} | {parts} |"
        )
    return lines


def as_markdown(found: dict[str, Any]) -> str:
    """The measurements as a page."""
    map_1, memory_found = found["clinical_map"], found["memory"]
    lines = [
        "# Speed, scaling and memory of the Monte Carlo",
        "",
        f"{found['processor']}, {found['cores']} cores; Python {found['python']}, numba"
        f" {found['numba']}, numpy {found['numpy']}; processes of others running at the start:"
        f" {found['other_load']:g}. Rates are histories per second of CPU time, so per core.",
        "",
        f"A clinical map (y90, {size(map_1)}, 1.7 L of liver with three tumours) to"
        f" {100 * map_1['mean_relative_error']:.2f} % where the dose is above half its maximum:"
        f" {map_1['wall_s']:.0f} s on {map_1['threads']} threads ({map_1['cpu_s']:.0f} s of CPU"
        f" time), {map_1['histories']:,} histories.",
        "",
        *rate_lines(found["rates"]),
        "",
        "EGSnrc's rates are quoted from the project's specification, measured on a core of the"
        " same kind.",
        "",
        "## Scaling",
        "",
        *scaling_lines(found["scaling"]),
        "",
        "## Energy per region against time",
        "",
        "Deviation of the energy in each region from that of the longest run.",
        "",
        *regional_lines(found["regional"]),
        "",
        "## Memory and compiling",
        "",
        f"A grid of {size({**memory_found, 'spacing_mm': 1.0})} takes"
        f" {memory_found['peak_above_inputs_mib']:.0f} MiB above its inputs:"
        f" {memory_found['times_the_grid']:.2f} times the dose map in float32, tracks, error map"
        " and threads included.",
        f"Compiling takes {found['compile_s']:.0f} s once for an installation; later processes"
        f" load the compiled code in {found['load_compiled_s']:.1f} s.",
        "",
        "Made by `python bench/monte_carlo.py`.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="speed of the Monte Carlo engine")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the histories")
    parser.add_argument("--case", choices=("memory", "compiling"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps({"memory": memory, "compiling": compiling}[options.case]()))
        return
    found = measure(options.quick)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "monte_carlo.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "monte_carlo.md").write_text(as_markdown(found))


if __name__ == "__main__":
    main()
