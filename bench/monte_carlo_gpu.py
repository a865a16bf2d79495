"""Histories per second of the Monte Carlo on a CUDA device, against CPU threads.

    python bench/monte_carlo_gpu.py [--nuclide y90] [--batches 12] [--out bench/results]

Three CT-like phantoms (body, two lungs, spine, liver with activity) of 128 x 128 x 96 voxels at
2 mm and 4 mm, and of 128 x 128 x 128 at 2 mm. A batch is 8 million histories in fast mode and
1 million in full mode, from the making of its tracks to the closing of its sums; the first batch,
which compiles the kernels, is not counted. Where there is no GPU: one line, and exit code 2.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.backend import gpu_status, thread_count
from opensirt.dose.mc_device import Setting, Threads, Transport
from opensirt.dose.mc_scene import cuts_for, make_matter
from opensirt.dose.mc_source import decay_source
from opensirt.physics.nuclides import nuclide

PHANTOMS = (((96, 128, 128), 2.0), ((96, 128, 128), 4.0), ((128, 128, 128), 2.0))
HISTORIES = {"fast": 8_000_000, "full": 1_000_000}
CPU_HISTORIES = {"fast": 2_000_000, "full": 50_000}
REPLAYS = 100
REGISTERS, THREADS_OF_A_BLOCK = 65_536, 128
"""Registers of one multiprocessor, compute capability 7.0 to 9.0 (CUDA programming guide)."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Speed:
    """What was measured in one phantom and mode."""

    per_second: float
    """Histories."""
    mean_mev: float
    """Per history, in the voxels with activity."""
    error_mev: float
    """Standard error of the mean."""
    balance: float


def ct_like(shape: tuple[int, int, int]) -> tuple[Floats, Floats]:
    """Density (g/mL) and activity on a grid, ellipsoids in shares of its edges."""
    axes = [(np.arange(n) + 0.5) / n for n in shape]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)

    def ellipsoid(centre: tuple[float, ...], semi: tuple[float, ...]) -> npt.NDArray[np.bool_]:
        parts = [((a - c) / s) ** 2 for a, c, s in zip((z, y, x), centre, semi, strict=True)]
        return np.asarray(parts[0] + parts[1] + parts[2] < 1.0)

    density = np.full(shape, 0.0012, np.float32)
    density[ellipsoid((0.5, 0.5, 0.5), (2.0, 0.38, 0.46))] = 1.02
    for side in (0.28, 0.72):
        density[ellipsoid((0.78, 0.47, side), (0.30, 0.25, 0.15))] = 0.26
    density[ellipsoid((0.5, 0.78, 0.5), (2.0, 0.06, 0.06))] = 1.4
    liver = ellipsoid((0.36, 0.48, 0.36), (0.22, 0.24, 0.24))
    density[liver] = 1.05
    activity = np.where(liver, np.float32(1.0), np.float32(0.0))
    activity[ellipsoid((0.36, 0.5, 0.4), (0.06, 0.06, 0.06))] = 4.0
    return density, activity


def setting_of(shape: tuple[int, int, int], spacing_mm: float, name: str) -> Setting:
    """The phantom with a nuclide."""
    density, activity = ct_like(shape)
    cuts = cuts_for(spacing_mm)
    source = decay_source(nuclide(name), cuts.absorb_mev)
    return Setting(density, activity, (spacing_mm,) * 3, make_matter(density, cuts), source)


def tracks_for(of: Setting, mode: str, histories: int) -> list[int]:
    """Tracks per medium for one batch."""
    if mode == "full":
        return []
    home = of.matter.medium_at(of.density[of.activity > 0.0])
    shares = np.bincount(home, minlength=len(of.matter.media)) / home.size
    return [max(256, round(s * histories / REPLAYS)) if s > 0.0 else 0 for s in shares]


def measure(transport: Transport, of: Setting, mode: str, histories: int, batches: int) -> Speed:
    """Time batches one by one, the first aside."""
    tracks = tracks_for(of, mode, histories)
    active = of.activity.reshape(-1) > 0.0
    seconds, means, balances = [], [], []
    for batch in range(batches + 1):
        transport.reset()
        start = time.perf_counter()
        book = transport.run_batch(tracks, histories, (1, batch), lambda: False)
        seconds.append(time.perf_counter() - start)
        energy = transport.sums().total
        means.append(float(energy[active].sum(dtype=float)) / book[-1])
        balances.append((energy.sum(dtype=float) + book[2] - book[3]) / book[3])
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    return Speed(
        per_second=histories * batches / sum(seconds[1:]),
        mean_mev=float(np.mean(means)),
        error_mev=float(error),
        balance=float(np.abs(balances).max()),
    )


def kernel_rows() -> list[list[str]]:
    """Registers, local memory and resident threads of each kernel that ran."""
    from opensirt.dose import mc_gpu_kernels as kernels

    rows = []
    for name in ("generate", "fire_replays", "drain_queue", "fire_full"):
        kernel: Any = getattr(kernels, name)
        for registers, local in zip(
            kernel.get_regs_per_thread().values(),
            kernel.get_local_mem_per_thread().values(),
            strict=True,
        ):
            blocks = REGISTERS // (registers * THREADS_OF_A_BLOCK)
            resident = blocks * THREADS_OF_A_BLOCK
            rows.append([name, f"{registers}", f"{local}", f"{resident} of 2048"])
    return rows


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def speed_rows(name: str, batches: int) -> list[list[str]]:
    """One row per phantom and mode."""
    from opensirt.dose.mc_gpu import Gpu

    rows = []
    for shape, spacing_mm in PHANTOMS:
        of = setting_of(shape, spacing_mm, name)
        for mode in ("fast", "full"):
            gpu = measure(Gpu(of), of, mode, HISTORIES[mode], batches)
            with ThreadPoolExecutor(thread_count()) as pool:
                cpu = measure(
                    Threads(of, thread_count(), pool), of, mode, CPU_HISTORIES[mode], batches
                )
            error = np.hypot(gpu.error_mev, cpu.error_mev)
            rows.append(
                [
                    f"{shape[2]} x {shape[1]} x {shape[0]}, {spacing_mm:g} mm",
                    mode,
                    f"{gpu.per_second:.3g}",
                    f"{cpu.per_second:.3g}",
                    f"{gpu.per_second / cpu.per_second:.1f}",
                    f"{100.0 * (gpu.mean_mev / cpu.mean_mev - 1.0):+.3f} %",
                    f"{100.0 * error / cpu.mean_mev:.3f} %",
                    f"{gpu.balance:.1e}",
                ]
            )
            print(" ".join(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nuclide", default="y90")
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    options = parser.parse_args()
    status = gpu_status()
    if not status["available"]:
        print(f"no GPU to measure: {status['reason']}", file=sys.stderr)
        raise SystemExit(2)
    rows = speed_rows(options.nuclide, options.batches)
    head = [
        "phantom",
        "mode",
        "GPU histories/s",
        "CPU histories/s",
        "ratio",
        "energy where active, GPU over CPU",
        "standard error",
        "energy balance",
    ]
    page = (
        "# Monte Carlo on a GPU\n\n"
        f"{status['device']} (compute capability {status['compute_capability']}); CPU: "
        f"{thread_count()} threads, {platform.processor() or platform.machine()}. Nuclide "
        f"{options.nuclide}; {options.batches} batches of {HISTORIES['fast']:,} histories (fast) "
        f"and {HISTORIES['full']:,} (full), tracks included, compilation not.\n\n"
        + table(head, rows)
        + "\nBy registers, of the threads that one multiprocessor can hold:\n\n"
        + table(["kernel", "registers", "local bytes", "resident threads"], kernel_rows())
        + "\nMade by `python bench/monte_carlo_gpu.py`.\n"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "monte_carlo_gpu.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
