"""Time and memory of the dose convolution against `scipy.signal.fftconvolve` on the full grid.

    python bench/convolution.py [--repeats 3] [--out bench/results]

A CT grid of 300 x 512 x 512 voxels (2 x 0.8 x 0.8 mm) with activity in a liver-sized ellipsoid of
1.7 L, and the y90 voxel kernel at 1.04 g/mL. Every case runs alone in its own process; memory is
the growth of its peak resident size above the inputs. The kernel is made beforehand for all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from opensirt.dose.convolution import active_box, convolve
from opensirt.dose.engine import dose_engines
from opensirt.dose.kernels import half_shape_for, near_radius_mm, part_energies, point_kernel
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

SHAPE = (300, 512, 512)
SPACING_MM = (2.0, 0.8, 0.8)
SEMI_AXES_MM = (70.0, 62.0, 93.5)
"""An ellipsoid of 1.70 L."""
DENSITY_G_ML = 1.04
CASES = (
    "opensirt convolution",
    "fftconvolve float32",
    "fftconvolve float32, all cores",
    "fftconvolve float64",
    "opensirt engine",
)

Floats = npt.NDArray[np.float32]


def liver_activity() -> Floats:
    """Uneven activity (Bq/mL) in an ellipsoid right of the middle of the grid."""
    values = np.zeros(SHAPE, dtype=np.float32)
    rng = np.random.default_rng(1)
    centre = np.array(SHAPE) * (0.55, 0.45, 0.35) * SPACING_MM
    lines = [
        (((np.arange(n) + 0.5) * s - c) / a) ** 2
        for n, s, c, a in zip(SHAPE, SPACING_MM, centre, SEMI_AXES_MM, strict=True)
    ]
    plane = lines[1][:, None] + lines[2][None, :]
    for index in np.flatnonzero(lines[0] < 1.0):
        inside = plane + lines[0][index] < 1.0
        values[index][inside] = 1e6 * (0.5 + rng.random(int(inside.sum()), dtype=np.float32))
    return values


def near_kernel() -> npt.NDArray[np.float64]:
    """The y90 kernel that all cases convolve with."""
    kernel = point_kernel("y90")
    half = half_shape_for(near_radius_mm(kernel, DENSITY_G_ML), SPACING_MM)
    return part_energies(kernel, SPACING_MM, DENSITY_G_ML, "near", half)


def prepared(case: str) -> Callable[[], npt.NDArray[Any]]:
    """The computation of a case, with its inputs in memory."""
    values = liver_activity()
    if case == "opensirt engine":
        grid = Grid.regular(SHAPE, SPACING_MM)
        activity = Volume(values, grid, Unit.BQ_PER_ML)
        density = Volume(np.full(SHAPE, DENSITY_G_ML, np.float32), grid, Unit.G_PER_ML)
        engine, y90 = dose_engines.create("voxel-convolution"), nuclide("y90")
        return lambda: engine.dose(activity, density, y90).values
    kernel = near_kernel()
    if case == "opensirt convolution":
        return lambda: convolve(values, kernel)
    return reference(values, kernel, case)


def reference(
    values: Floats, kernel: npt.NDArray[np.float64], case: str
) -> Callable[[], npt.NDArray[Any]]:
    """`fftconvolve` in the precision and with the cores that the case names."""
    kind = np.float64 if "float64" in case else np.float32
    inputs = values.astype(kind, copy=False), kernel.astype(kind)
    workers = os.cpu_count() if case.endswith("all cores") else 1

    def compute() -> npt.NDArray[Any]:
        with scipy.fft.set_workers(workers):
            return np.asarray(scipy.signal.fftconvolve(*inputs, mode="same"))

    return compute


def resident_mib(field: str) -> float:
    """ "VmRSS" (now) or "VmHWM" (peak) of this process, MiB; the peak where only that is known."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith(field))
        return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def run_case(case: str, save: Path) -> dict[str, Any]:
    """One run: seconds, peak memory above the inputs, and the result in the active box."""
    compute = prepared(case)
    before = resident_mib("VmRSS")
    start = time.perf_counter()
    result = compute()
    seconds = time.perf_counter() - start
    peak = resident_mib("VmHWM") - before
    box = active_box(liver_activity())
    np.save(save, result[box])
    return {"seconds": seconds, "peak_mib": peak}


def processor() -> str:
    """Model of the processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(repeats: int) -> dict[str, Any]:
    """Every case in processes of its own; the quickest run counts, and its memory."""
    results: dict[str, Any] = {}
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            path = Path(folder) / f"{CASES.index(case)}.npy"
            runs = []
            for _ in range(repeats):
                command = [sys.executable, __file__, "--case", case, "--save", str(path)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs.append(json.loads(done.stdout))
            results[case] = min(runs, key=lambda run: float(run["seconds"]))
            print(case, results[case], file=sys.stderr, flush=True)
        ours, reference = (np.load(Path(folder) / f"{index}.npy") for index in (0, 3))
        difference = float(np.abs(ours - reference).max() / reference.max())
    return {
        "grid": list(SHAPE),
        "spacing_mm": list(SPACING_MM),
        "kernel_shape": list(near_kernel().shape),
        "active_ml": float((liver_activity() > 0).sum() * np.prod(SPACING_MM) * 1e-3),
        "cores": os.cpu_count(),
        "processor": processor(),
        "repeats": repeats,
        "other_load": load,
        "cases": results,
        "largest_difference_of_maximum": difference,
    }


def as_markdown(found: dict[str, Any]) -> str:
    """The measurements as a page."""
    ours = found["cases"][CASES[0]]
    size = " x ".join(str(n) for n in found["grid"])
    step = " x ".join(f"{s:g}" for s in found["spacing_mm"])
    kernel = " x ".join(str(n) for n in found["kernel_shape"])
    lines = [
        "# Convolution against `scipy.signal.fftconvolve`",
        "",
        f"Grid {size} voxels of {step} mm, {found['active_ml']:.0f} mL active, kernel {kernel};"
        f" {found['cores']} cores, {found['processor']}; best of {found['repeats']};"
        f" processes of others running at the start: {found['other_load']:g}.",
        "Memory is the peak of the process above its inputs, the result included. The engine also"
        " convolves the far (photon) part and divides by density.",
        "",
        "| case | seconds | peak MiB | times the time | times the memory |",
        "|---|---|---|---|---|",
    ]
    for case, run in found["cases"].items():
        slower = run["seconds"] / ours["seconds"]
        larger = run["peak_mib"] / ours["peak_mib"]
        lines.append(
            f"| {case} | {run['seconds']:.2f} | {run['peak_mib']:.0f} | {slower:.1f}"
            f" | {larger:.1f} |"
        )
    lines += [
        "",
        "Largest difference from the float64 reference in the active box, as a part of the maximum:"
        f" {found['largest_difference_of_maximum']:.1e}. The ratios are to the first row.",
        "Made by `python bench/convolution.py`.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="time and memory of the dose convolution")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run_case(options.case, options.save)))
        return
    found = measure(options.repeats)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "convolution.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "convolution.md").write_text(as_markdown(found))


if __name__ == "__main__":
    main()
