"""Electrons of one energy: point kernels in water, depth dose and backscatter of slabs.

``python validation/monoenergetic/make.py [--histories N] [--threads N] [--engines full fast]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import Estimate, FloatArray, Settings, options
from validation.monoenergetic.beam import Beam, fire
from validation.monoenergetic.point import scaled_kernel
from validation.monoenergetic.published import (
    BACKSCATTER,
    DEPTH_DOSE,
    EGSNRC_DEPTH_DOSE,
    EGSNRC_KERNEL,
    ETRAN_KERNEL,
    RANGE_MM,
    numbers,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.dose.mc_atoms import element_names
from opensirt.dose.mc_tables import Medium

MEDIA = {
    "graphite": Medium("graphite", {"C": 1.0}, 1.7, 78e-6),
    "aluminium": Medium("aluminium", {"Al": 1.0}, 2.699, 166e-6),
}
"""Densities and mean excitation energies of [estar]."""
KERNELS = {1.0: "EGSnrc", 0.5: "ETRAN", 0.1: "EGSnrc"}
INNER = 0.15
"""The engine's source is a voxel of r0/40, which blurs shells nearer than this."""
OUTER = 0.95
"""Beyond, the dose falls by a factor of two per shell."""
Kernel = tuple[FloatArray, list[Estimate]]


def published_kernel(energy_mev: float, middle: FloatArray) -> FloatArray:
    """Published scaled kernel at the middle of each shell."""
    if KERNELS[energy_mev] == "EGSnrc":
        return numbers(EGSNRC_KERNEL[energy_mev])
    values = numbers(ETRAN_KERNEL[energy_mev])
    return np.interp(middle, 0.05 * np.arange(values.size), values)


def held_radius(middle: FloatArray, density: FloatArray, share: float) -> float:
    """Radius over r0 that holds a share of the energy, from the density in equal shells."""
    width = middle[1] - middle[0]
    rising = np.concatenate([[0.0], np.cumsum(density) * width])
    return float(np.interp(share * rising[-1], rising, np.append(middle - width / 2, 1.2)))


def kernel_lines(found: dict[tuple[float, str], Kernel]) -> list[str]:
    """Largest differences of the scaled kernels, and radii of 50, 90 and 95 % of the energy."""
    body = []
    for (energy, mode), (middle, values) in found.items():
        own, other = np.array([v.value for v in values]), published_kernel(energy, middle)
        inside = (middle > INNER) & (middle < OUTER)
        gap = own[inside] - other[inside]
        worst = int(np.argmax(np.abs(gap)))
        error = np.array([v.error for v in values])[inside][worst]
        cells = [f"{energy:g}", LABELS[mode], KERNELS[energy]]
        cells.append(f"{gap[worst]:+.3f} ± {error:.3f} of {other[inside][worst]:.3f}")
        cells.append(f"{float(np.sqrt(np.mean(gap**2))):.4f}")
        for share in (0.5, 0.9, 0.95):
            pair = held_radius(middle, own, share), held_radius(middle, other, share)
            cells.append(f"{pair[0]:.4f} / {pair[1]:.4f}")
        body.append(cells)
    header = ["MeV", "engine", "reference", "largest difference", "root mean square"]
    header += [f"r{p}/r0, here / published" for p in (50, 90, 95)]
    title = f"## Point kernels in water, d(E/E0)/d(r/r0) for r/r0 of {INNER} to {OUTER}"
    return [title, "", *table(header, body)]


def depth_lines(beams: dict[tuple[str, float], Beam]) -> list[str]:
    """Depth dose against calorimetry and, for aluminium, EGSnrc."""
    body = []
    for key, beam in beams.items():
        range_g, uncertainty, depths, doses = DEPTH_DOSE[key]
        own = np.array([v.value for v in beam.deposit])
        ratio = np.interp(numbers(depths), beam.depth, own) / numbers(doses)
        cells = [key[0], f"{key[1]:g}", f"{range_g:g}", f"{100 * uncertainty:.1f} %"]
        cells += [f"{ratio.mean():.3f}", f"{ratio.min():.3f} to {ratio.max():.3f}"]
        if key in EGSNRC_DEPTH_DOSE:
            other = numbers(EGSNRC_DEPTH_DOSE[key])
            against = own[: other.size] / other
            cells.append(f"{against.min():.3f} to {against.max():.3f}")
        else:
            cells.append("-")
        body.append(cells)
    header = ["slab", "MeV", "r0 g/cm2", "measured within", "mean ratio", "ratios", "over EGSnrc"]
    return ["## Depth dose of slabs over calorimetry", "", *table(header, body)]


def backscatter_lines(settings: Settings) -> tuple[list[str], list[tuple[float, float, Estimate]]]:
    """Electrons back from aluminium against measurement; graphite and water for comparison."""
    body, found = [], []
    if "Al" in element_names():
        for (energy, degrees), measured in BACKSCATTER.items():
            beam = _beam("aluminium", energy, degrees, settings)
            ratio = plus_minus(beam.number_back.over(measured), 3)
            found.append((energy, degrees, beam.number_back))
            cells = ["aluminium", f"{energy:g}", f"{degrees:g}", plus_minus(beam.number_back)]
            body.append([*cells, f"{measured:.3f}", ratio, plus_minus(beam.energy_back)])
    for energy in (0.1, 0.5, 1.0, 2.0):
        beam = _beam("graphite", energy, 0.0, settings)
        cells = ["graphite", f"{energy:g}", "0", plus_minus(beam.number_back), "-", "-"]
        body.append([*cells, plus_minus(beam.energy_back)])
    header = ["slab", "MeV", "angle", "electrons back", "measured", "ratio", "energy back"]
    note = "Counted from 10 keV, the cut of the transport; measured charge counts from 50 eV."
    return ["## Backscatter", "", *table(header, body), "", note], found


def _beam(material: str, energy_mev: float, degrees: float, settings: Settings) -> Beam:
    per_run = settings.of("full") * settings.repeats
    return fire(MEDIA[material], energy_mev, degrees, per_run, settings.repeats, settings.seed)


def draw(
    kernels: dict[tuple[float, str], Kernel],
    beams: dict[tuple[str, float], Beam],
    back: list[tuple[float, float, Estimate]],
) -> None:
    """Kernels, depth doses and backscatter."""
    with figure("monoenergetic", columns=3) as (_, (left, middle, right)):
        for (energy, mode), (radius, values) in kernels.items():
            shift = {1.0: 0.0, 0.5: 0.5, 0.1: 1.0}[energy]
            left.step(
                radius, np.array([v.value for v in values]) + shift, where="mid",
                color=COLOURS[mode], label=LABELS[mode] if energy == 1.0 else None,
            )  # fmt: skip
            left.plot(radius, published_kernel(energy, radius) + shift, "r+", markersize=5)
            left.text(0.02, shift + 0.2, f"{energy:g} MeV, {KERNELS[energy]} (+{shift:g})")
        left.set(xlabel="r / r0", ylabel="d(E/E0) / d(r/r0)", title="point kernels in water")
        left.legend()
        for (material, energy), beam in beams.items():
            range_g, _, depths, doses = DEPTH_DOSE[(material, energy)]
            own, label = [v.value for v in beam.deposit], f"{material} {energy:g} MeV"
            line = middle.plot(beam.depth * range_g, own, label=label)
            style = {"color": line[0].get_color(), "linestyle": "none", "marker": "+"}
            middle.plot(numbers(depths) * range_g, numbers(doses), **style)
        middle.set(xlabel="depth (g/cm2)", ylabel="MeV cm2/g", title="depth dose, +: measured")
        middle.legend()
        for angle, mark in ((0.0, "o"), (60.0, "s")):
            points = [(e, v) for e, d, v in back if d == angle]
            x, y = [e for e, _ in points], [v.value for _, v in points]
            right.errorbar(x, y, [v.error for _, v in points], fmt=mark, color=COLOURS["full"])
            measured = {e: v for (e, d), v in BACKSCATTER.items() if d == angle}
            right.plot(list(measured), list(measured.values()), "r+-", markersize=8)
        ticks = sorted({energy for energy, _ in BACKSCATTER})
        right.set(xlabel="energy (MeV)", ylabel="electrons back", ylim=(0, 0.45), xticks=ticks)
        right.set_title("aluminium, 0 and 60 degrees, +: measured")


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=100_000)
    modes = [e for e in engines if e in ("full", "fast")]
    kernels = {
        (energy, mode): scaled_kernel(energy, RANGE_MM[energy], mode, settings)
        for energy in KERNELS
        for mode in modes
    }
    known = [k for k in DEPTH_DOSE if k[0] != "aluminium" or "Al" in element_names()]
    beams = {key: _beam(key[0], key[1], 0.0, settings) for key in known}
    lines, back = backscatter_lines(settings)
    parts = [[settings_line(settings)], kernel_lines(kernels), depth_lines(beams), lines]
    write(__file__, "Electrons of one energy", parts)
    draw(kernels, beams, back)


if __name__ == "__main__":
    main()
