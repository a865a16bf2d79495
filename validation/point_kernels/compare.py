"""Compare the shipped kernels with published figures; writes a table (Markdown) and a figure.

``python validation/point_kernels/compare.py``

Third-party tables are read from ``../shared/reference`` beside the repository, where present, and
never enter the kernels. Voxel S values: ``validation/voxel_s_values``; spheres:
``validation/sphere_fractions``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import GRAVES_MEAN_MEV, graves_kernel, shell_energies
from validation.report import figure, table

from opensirt.dose import PointKernel, point_kernel
from opensirt.dose.kernels import KERNEL_MEDIA
from opensirt.dose.mc_shells import OUTER_MM
from opensirt.physics.nuclides import nuclide
from opensirt.physics.tables import load_csv

FloatArray = npt.NDArray[np.float64]

NUCLIDES = ("y90", "ho166", "re188", "p32", "lu177", "i131", "tc99m")
FRACTIONS = (0.5, 0.9, 0.95, 0.99)
GRAVES_MM = {0.5: 2.37, 0.9: 5.47, 0.95: 6.37, 0.99: 8.13}
"""Radii of [graves2019], water."""
STEP_MM = 0.5


def emitted_mev(name: str) -> float:
    """Energy of all emissions, MeV per decay."""
    return nuclide(name).energies.everything_mev


def radius_of_fraction(kernel: PointKernel, fraction: float, total_mev: float) -> float:
    """Radius (mm at 1 g/cm3) that holds this fraction of `total_mev`."""
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    return float(np.interp(fraction * total_mev, cumulative, kernel.edges_mm(1.0)))


def radius_lines() -> Iterator[str]:
    """Radii of 50, 90, 95 and 99 % of the energy, every nuclide and medium."""
    yield "## Radii (mm at 1 g/cm3) that hold 50, 90, 95 and 99 % of the emitted energy"
    rows = []
    for name in NUCLIDES:
        for medium in KERNEL_MEDIA:
            kernel, total = point_kernel(name, medium), emitted_mev(name)
            radii = [radius_of_fraction(kernel, f, total) for f in FRACTIONS]
            shown = [f"{r:.3f}" if r < OUTER_MM else f"> {OUTER_MM:.0f}" for r in radii]
            rows.append([name, medium, *shown])
    graves = graves_kernel()
    if graves is not None:
        radii = [radius_of_fraction(graves, f, GRAVES_MEAN_MEV) for f in FRACTIONS]
        rows.append(["y90", "water, Graves 2019", *(f"{r:.3f}" for r in radii)])
    yield from table(["nuclide", "medium", "50 %", "90 %", "95 %", "99 %"], rows)


def graves_lines() -> Iterator[str]:
    """Y-90 in water against Graves: radii as printed, and energy per shell."""
    kernel = point_kernel("y90")
    yield "## Y-90 in water against Graves 2019"
    for fraction, published in GRAVES_MM.items():
        own = radius_of_fraction(kernel, fraction, emitted_mev("y90"))
        yield f"- R{100 * fraction:.0f}: {own:.3f} mm, {published} mm, {own / published - 1.0:+.1%}"
    graves = graves_kernel()
    if graves is None:
        return
    edges = np.arange(0.0, 11.01, STEP_MM)
    ratio = shares(kernel, edges, emitted_mev("y90")) / shares(graves, edges, GRAVES_MEAN_MEV)
    error = errors("y90", "water", edges)
    yield ""
    rows = [
        [f"{low:.1f}-{low + STEP_MM:.1f}", f"{r:.4f}", f"{r * e:.4f}"]
        for low, r, e in zip(edges[:-1], ratio, error, strict=True)
    ]
    yield from table(["shell (mm)", "this work over Graves", "standard error, at most"], rows)


def media_lines() -> Iterator[str]:
    """Y-90 in the other media over water."""
    edges = np.arange(0.0, 10.01, 1.0)
    water = shares(point_kernel("y90"), edges, 1.0)
    yield "## Y-90 energy per shell (mm at 1 g/cm3) over that in water"
    rows = []
    for medium in KERNEL_MEDIA[1:]:
        ratio = shares(point_kernel("y90", medium), edges, 1.0) / water
        rows.append([medium, *(f"{r:.3f}" for r in ratio)])
    yield from table(["medium", *(f"{e:.0f}-{e + 1:.0f}" for e in edges[:-1])], rows)


def shares(kernel: PointKernel, edges_mm: FloatArray, total_mev: float) -> FloatArray:
    """Energy between these radii (mm at 1 g/cm3) over the energy emitted."""
    return shell_energies(kernel, edges_mm) / total_mev


def errors(name: str, medium: str, edges_mm: FloatArray) -> FloatArray:
    """Relative standard error of the energy between these radii, at most.

    One electron crosses many shells, so the errors of neighbours go together: they are added.
    """
    columns = load_csv(f"kernels/{name}-{medium}")
    outer, energy = columns.column("r_outer_mm"), columns.column("energy_mev_per_decay")
    place = np.searchsorted(edges_mm, outer - 1e-9) - 1
    inside, count = place < len(edges_mm) - 1, len(edges_mm) - 1
    sigma = np.bincount(place[inside], (columns.column("rel_err") * energy)[inside], count)
    return sigma / np.bincount(place[inside], energy[inside], count)


def density(kernel: PointKernel, total_mev: float) -> tuple[FloatArray, FloatArray]:
    """Middle of each shell (mm) and share of the energy per mm."""
    edges = kernel.edges_mm(1.0)
    return 0.5 * (edges[1:] + edges[:-1]), kernel.energy_mev / np.diff(edges) / total_mev


def draw() -> None:
    """Left: all nuclides in water. Middle: Y-90 over Graves. Right: Y-90 in media over water."""
    with figure("point-kernels", 3) as (_, (left, middle, right)):
        for name in NUCLIDES:
            left.plot(*density(point_kernel(name), emitted_mev(name)), label=name)
        left.set(xscale="log", yscale="log", xlim=(0.002, OUTER_MM), ylim=(1e-6, 100))
        left.set(xlabel="radius (mm)", ylabel="energy share per mm", title="kernels in water")
        left.legend()
        edges = np.arange(0.0, 10.01, 0.25)
        centres = 0.5 * (edges[1:] + edges[:-1])
        graves = graves_kernel()
        own = shares(point_kernel("y90"), edges, emitted_mev("y90"))
        if graves is not None:
            ratio = own / shares(graves, edges, GRAVES_MEAN_MEV)
            error = ratio * errors("y90", "water", edges)
            middle.errorbar(centres, ratio, error, fmt="o", markersize=2.5)
        middle.axhline(1.0, color="black", linewidth=0.8)
        middle.set(xlabel="radius (mm)", ylabel="this work / Graves 2019", ylim=(0.9, 1.1))
        middle.set(title="Y-90 in water, energy per 0.25 mm shell")
        for medium in KERNEL_MEDIA[1:]:
            ratio = shares(point_kernel("y90", medium), edges, emitted_mev("y90")) / own
            right.plot(centres, ratio, label=medium)
        right.axhline(1.0, color="black", linewidth=0.8)
        right.set(xlabel="radius at 1 g/cm3 (mm)", ylabel="medium / water", ylim=(0.6, 2.0))
        right.set(title="Y-90, energy per 0.25 mm shell")
        right.legend()


def main() -> None:
    """Print the table, write it beside the script, and draw."""
    lines = ["# Point kernels against published figures (written by compare.py)"]
    for part in (radius_lines(), graves_lines(), media_lines()):
        lines += ["", *part]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_name("comparison.md").write_text(text, encoding="utf-8")
    print(text)
    draw()


if __name__ == "__main__":
    main()
