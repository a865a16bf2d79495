"""Compare the shipped kernels with published figures; writes a table (Markdown) and a figure.

``python validation/point_kernels/compare.py [--kernels FOLDER]``

Third-party tables are read from ``../shared/reference`` beside the repository, where present, and
never enter the kernels. Voxel S values and absorbed fractions are compared at 1.04 g/cm3, the
density of the published tables; a kernel in water serves it by r -> r/1.04.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from decay_sources import ROOT, SETUPS
from kernel_metrics import (
    RadialKernel,
    radius_of_fraction,
    read_kernel,
    sphere_absorbed_fraction,
    voxel_s,
)
from make_point_kernels import OUTER_MM
from water import FloatArray, collision_stopping_power, csda_range

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
SHARED = ROOT / ".." / "shared" / "reference"
KERNELS = ROOT / "src" / "opensirt" / "tables" / "kernels"
FIGURE = ROOT / "docs" / "methods" / "img" / "point-kernels.png"
SOFT_TISSUE_G_ML = 1.04
FRACTIONS = (0.5, 0.9, 0.95, 0.99)
PUBLISHED_FRACTIONS = ((1, 0.17), (2.5, 0.39), (10, 0.80), (13.3, 0.85), (16.8, 0.88), (28.7, 0.93))
"""Sphere radius (mm) and Y-90 absorbed fraction: Akabani and Amato, in [hashempour2019]."""
GRAVES_MEAN_MEV = 0.9336
OFFSETS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 2))
VOXELS_MM = (2.21, 3.0, 4.0, 4.8, 6.0)
LANCONELLI = {"y90": "90Y", "re188": "188Re", "lu177": "177Lu", "i131": "131I"}


def graves() -> RadialKernel | None:
    """The Y-90 kernel of [graves2019], first 13 mm, where the shared folder is present."""
    path = SHARED / "dpk_y90_graves2019_water.csv"
    if not path.exists():
        return None
    rows = [line.split(",")[:2] for line in path.read_text().splitlines() if line[:1].isdigit()]
    table = np.array(rows, dtype=float)
    return RadialKernel(table[:, 0], table[:, 1], np.zeros(len(table)), GRAVES_MEAN_MEV, 0.0)


def lanconelli(name: str) -> dict[tuple[float, int, int, int], float]:
    """Voxel S values (mGy per MBq s) of [lanconelli2012] by voxel (mm) and offset."""
    path = SHARED / f"vsv_lanconelli2012_{LANCONELLI[name]}_soft.csv"
    values = {}
    if path.exists():
        for line in path.read_text().splitlines():
            if line[:1].isdigit():
                voxel, i, j, k, s = line.split(",")
                values[(float(voxel), int(i), int(j), int(k))] = float(s)
    return values


def stopping_lines() -> Iterator[str]:
    """Largest departure of stopping power and CSDA range from ESTAR."""
    path = SHARED / "electron_water_estar.csv"
    if not path.exists():
        return
    table = np.loadtxt(path, delimiter=",", skiprows=4)
    collision = collision_stopping_power(table[:, 0]) / table[:, 1] - 1.0
    ranges = [
        csda_range(float(e)) / r - 1.0 for e, r in zip(table[1:, 0], table[1:, 4], strict=True)
    ]
    yield "## Stopping power and range against ESTAR, 0.01-3 MeV"
    yield f"- collision stopping power: largest departure {100 * np.abs(collision).max():.3f} %"
    yield f"- CSDA range: largest departure {100 * np.abs(ranges).max():.3f} %"


def radius_lines(reference: RadialKernel | None) -> Iterator[str]:
    """Radii of 50, 90, 95 and 99 % of the energy."""
    yield "## Radii (mm, water 1 g/cm3) of 50/90/95/99 % of the emitted energy"
    for name in SETUPS:
        kernel = read_kernel(KERNELS, name)
        radii = [radius_of_fraction(kernel, f, kernel.mean_energy_mev) for f in FRACTIONS]
        shown = (f"{r:.3f}" if r < OUTER_MM else f"> {OUTER_MM:.0f}" for r in radii)
        yield f"- {name}: " + " / ".join(shown)
    if reference is not None:
        radii = [radius_of_fraction(reference, f, GRAVES_MEAN_MEV) for f in FRACTIONS]
        yield "- y90, Graves 2019: " + " / ".join(f"{r:.3f}" for r in radii)


def fraction_lines(reference: RadialKernel | None) -> Iterator[str]:
    """Absorbed fractions of Y-90 spheres."""
    kernel = read_kernel(KERNELS, "y90")
    yield "## Y-90 sphere absorbed fractions at 1.04 g/cm3"
    yield "| radius mm | this work | published | Graves folded |"
    yield "|---|---|---|---|"
    for radius, published in PUBLISHED_FRACTIONS:
        own = sphere_absorbed_fraction(kernel, radius, SOFT_TISSUE_G_ML)
        other = "-"
        if reference is not None and radius <= 6.0:
            other = f"{sphere_absorbed_fraction(reference, radius, SOFT_TISSUE_G_ML):.4f}"
        yield f"| {radius} | {own:.4f} | {published} | {other} |"


def voxel_lines() -> Iterator[str]:
    """Voxel S values over those of Lanconelli."""
    yield "## Voxel S (mGy/MBq s) at 1.04 g/cm3: this work, and its ratio to Lanconelli 2012"
    yield "| nuclide | voxel mm | " + " | ".join(str(offset) for offset in OFFSETS) + " |"
    yield "|---|---|" + "---|" * len(OFFSETS)
    for name in LANCONELLI:
        kernel, table = read_kernel(KERNELS, name), lanconelli(name)
        for voxel in VOXELS_MM:
            cells = []
            for offset in OFFSETS:
                own = voxel_s(kernel, voxel, offset, SOFT_TISSUE_G_ML)
                other = table.get((voxel, *offset))
                cells.append(f"{own:.4g}" + (f" ({own / other:.3f})" if other else ""))
            yield f"| {name} | {voxel:g} | " + " | ".join(cells) + " |"


def mird17_lines() -> Iterator[str]:
    """Self-dose over MIRD Pamphlet 17."""
    path = SHARED / "vsv_mird17_points.csv"
    if not path.exists():
        return
    names = {setup.nuclide: name for name, setup in SETUPS.items()}
    yield "## Voxel self-dose S against MIRD Pamphlet 17 (and DPM)"
    for line in path.read_text().splitlines():
        cells = line.split(",")
        if len(cells) < 6 or cells[2] != "0 0 0" or cells[0] not in names or "x" in cells[1]:
            continue
        kernel = read_kernel(KERNELS, names[cells[0]])
        own = voxel_s(kernel, float(cells[1]), (0, 0, 0), SOFT_TISSUE_G_ML)
        ratio = own / float(cells[3])
        yield f"- {cells[0]} {cells[1]} mm: {own:.4g}, {cells[5]} {cells[3]}, ratio {ratio:.3f}"


def coarse(kernel: RadialKernel, width_mm: float, last_mm: float) -> tuple[FloatArray, FloatArray]:
    """Centres (mm) and energy per emitted energy in shells of this width."""
    edges = np.arange(0.0, last_mm + 0.5 * width_mm, width_mm)
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    energy = np.diff(np.interp(edges, np.concatenate([[0.0], kernel.r_outer_mm]), cumulative))
    return 0.5 * (edges[1:] + edges[:-1]), energy / kernel.mean_energy_mev


def ratio_lines(reference: RadialKernel | None) -> Iterator[str]:
    """Shell energies of Y-90 over Graves's."""
    if reference is None:
        return
    centres, own = coarse(read_kernel(KERNELS, "y90"), 0.5, 11.0)
    other = coarse(reference, 0.5, 11.0)[1]
    yield "## Y-90 energy per 0.5 mm shell, both per emitted energy: this work over Graves 2019"
    for centre, ratio in zip(centres, own / other, strict=True):
        yield f"- {centre - 0.25:.1f}-{centre + 0.25:.1f} mm: {ratio:.4f}"


def draw(reference: RadialKernel | None) -> None:
    """Left: kernels of all nuclides. Right: Y-90 shells over Graves's."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in SETUPS:
        kernel = read_kernel(KERNELS, name)
        radii = np.concatenate([[0.0], kernel.r_outer_mm])
        density = kernel.energy_mev / np.diff(radii) / kernel.mean_energy_mev
        left.stairs(density, radii, label=name)
    left.set(xscale="log", yscale="log", xlim=(0.002, 200), ylim=(1e-6, 100))
    left.set(xlabel="radius (mm)", ylabel="energy share per mm", title="kernels in water")
    left.legend(fontsize=8)
    if reference is not None:
        centres, own = coarse(read_kernel(KERNELS, "y90"), 0.2, 10.0)
        right.plot(centres, own / coarse(reference, 0.2, 10.0)[1], "o-", markersize=3)
        right.axhline(1.0, color="black", linewidth=0.8)
    right.set(xlabel="radius (mm)", ylabel="this work / Graves 2019", ylim=(0.9, 1.1))
    right.set(title="Y-90, energy per 0.2 mm shell")
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Print the table, write it beside the script, and draw."""
    global KERNELS
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=Path, default=KERNELS)
    KERNELS = parser.parse_args().kernels
    reference = graves()
    lines = ["# Point kernels against published figures (written by compare.py)"]
    for part in (stopping_lines(), radius_lines(reference), fraction_lines(reference)):
        lines += ["", *part]
    for part in (voxel_lines(), mird17_lines(), ratio_lines(reference)):
        lines += ["", *part]
    text = "\n".join(lines) + "\n"
    (HERE / "comparison.md").write_text(text)
    print(text)
    draw(reference)


if __name__ == "__main__":
    main()
