"""Voxel S values against Lanconelli 2012, MIRD Pamphlet 17, DPM and the worked examples.

``python validation/voxel_s_values/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    REFERENCE,
    Estimate,
    FloatArray,
    Maps,
    Scene,
    Settings,
    estimate,
    options,
    run,
    scene,
)
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.physics.nuclides import nuclide

Offset = tuple[int, int, int]
OFFSETS: tuple[Offset, ...] = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 2))
VOXELS_MM = (2.21, 3.0, 4.0, 4.8, 6.0)
TISSUE_G_ML = 1.04
BONE_G_ML = 1.85
"""Densities that the energy of the published tables adds up to."""
REACH_MM = 32.0
PHOTON_REACH_MM = 120.0
"""Medium on every side of the source voxel, and for doses that photons alone bring."""
SETS = (
    ("y90", "90Y", "soft", TISSUE_G_ML),
    ("y90", "90Y", "bone", BONE_G_ML),
    ("re188", "188Re", "soft", TISSUE_G_ML),
    ("lu177", "177Lu", "soft", TISSUE_G_ML),
    ("i131", "131I", "soft", TISSUE_G_ML),
)
"""Nuclide, name in the published file, medium, density."""
NUCLIDES = {"P-32": "p32", "Y-90": "y90", "Tc-99m": "tc99m", "I-131": "i131"}
SELF_GOAL, FACE_GOAL = 0.01, 0.015


@dataclass(frozen=True)
class Source:
    """One uniformly filled voxel in a uniform medium, with what an engine made of it."""

    where: Scene
    maps: Maps
    nuclide_name: str

    def s_value(self, offset: Offset) -> Estimate:
        """mGy per MBq s at an offset in voxels, mean over all equivalent places."""
        middle = np.array(self.where.activity.grid.shape) // 2
        cubic = len({round(s, 6) for s in self.where.activity.grid.spacing_mm}) == 1
        orders = set(permutations(offset)) if cubic else {offset}
        signs = list(product((-1, 1), repeat=3))
        places = {tuple(middle + np.array(o) * s) for o in orders for s in signs}
        index = tuple(np.array(sorted(places)).T)
        decays = self.where.activity.total() * nuclide(self.nuclide_name).mean_life_s
        return estimate(self.maps, lambda gray: float(gray[index].mean()) / decays * 1e9)

    def kept(self) -> Estimate:
        """Share of the emitted energy that stays in the source voxel."""
        of, here = nuclide(self.nuclide_name), self.s_value((0, 0, 0))
        rho = float(self.where.density.values.flat[0])
        kg = rho * self.where.voxel_ml * 1e-3
        mev = here.value * 1e-9 * kg / 1.602_176_634e-13
        share = mev / of.energies.everything_mev
        return Estimate(share, share * here.error / here.value)


def source(
    name: str,
    spacing_mm: tuple[float, float, float],
    density_g_ml: float,
    engine: str,
    settings: Settings,
    reach_mm: float = REACH_MM,
) -> Source:
    """Run an engine on one active voxel amid `reach_mm` of the medium."""
    half = [int(np.ceil(reach_mm / s)) for s in spacing_mm]
    activity: FloatArray = np.zeros([2 * n + 1 for n in half])
    activity[tuple(half)] = 1e6
    where = scene(activity, density_g_ml, spacing_mm)
    return Source(where, run(engine, where, nuclide(name), settings), name)


def published(label: str, medium: str) -> dict[tuple[float, int, int, int], float]:
    """S (mGy per MBq s) of [lanconelli2012] by voxel edge (mm) and offset; empty when absent."""
    path = REFERENCE / f"vsv_lanconelli2012_{label}_{medium}.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    keys = ("i", "j", "k")
    return {
        (float(row["voxel_mm"]), *(int(row[k]) for k in keys)): float(row["S_mGy_per_MBq_s"])
        for row in rows
    }


def lanconelli_lines(engine: str, settings: Settings) -> tuple[list[str], dict[str, list]]:
    """Table of an engine's S and its ratio to the published one; ratios by set for the figure."""
    body, ratios = [], {}
    for name, label, medium, density in SETS:
        listed = published(label, medium)
        for edge in VOXELS_MM:
            found = source(name, (edge, edge, edge), density, engine, settings)
            cells = [f"{name} {medium}", f"{edge:g}"]
            for offset in OFFSETS:
                own, other = found.s_value(offset), listed.get((edge, *offset))
                if other is None:
                    cells.append(f"{own.value:.4g}")
                    continue
                ratio = own.over(other)
                cells.append(f"{own.value:.4g} ({plus_minus(ratio, 3)})")
                ratios.setdefault(f"{name} {medium}", []).append((edge, offset, ratio))
            body.append(cells)
    header = ["source", "voxel mm", *(str(o) for o in OFFSETS)]
    return table(header, body), ratios


def verdict(ratios: dict[str, list]) -> list[str]:
    """Largest departures of the source voxel and of its face neighbour, per set."""
    lines = ["Goals: source voxel 1 %, face neighbour 1.5 %, or two standard errors.", ""]
    for name, found in ratios.items():
        cells = []
        for offset, goal in ((OFFSETS[0], SELF_GOAL), (OFFSETS[1], FACE_GOAL)):
            gaps = [(abs(r.value - 1.0), r.error) for _, o, r in found if o == offset]
            worst = max(gap for gap, _ in gaps)
            met = all(gap <= max(goal, 2.0 * error) for gap, error in gaps)
            cells.append(f"within {100 * worst:.1f} % ({'met' if met else 'not met'})")
        lines.append(f"- {name}: source voxel {cells[0]}, face neighbour {cells[1]}")
    return lines


def mird17_lines(engine: str, settings: Settings) -> list[str]:
    """The points of MIRD Pamphlet 17 [bolch1999] and of DPM, at 1.04 g/mL."""
    path = REFERENCE / "vsv_mird17_points.csv"
    if not path.exists():
        return ["The points of MIRD Pamphlet 17 are not beside this checkout."]
    body = []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split(",")
        if len(cells) < 6 or cells[0] not in NUCLIDES:
            continue
        edges = [float(v) for v in cells[1].split("x")]
        spacing = (edges[2], edges[1], edges[0]) if len(edges) == 3 else (edges[0],) * 3
        offset = tuple(int(v) for v in cells[2].split())
        far = max(offset) > 2
        found = source(
            NUCLIDES[cells[0]],
            spacing,
            TISSUE_G_ML,
            engine,
            replace(settings, histories=settings.histories * 4) if far else settings,
            PHOTON_REACH_MM if far else REACH_MM,
        )
        own = found.s_value(offset)
        ratio = plus_minus(own.over(float(cells[3])), 3)
        body.append([cells[0], cells[1], cells[2], cells[5], cells[3], f"{own.value:.4g}", ratio])
    header = ["nuclide", "voxel mm", "offset", "origin", "published", "here", "ratio"]
    return table(header, body)


def example_lines(engine: str, settings: Settings) -> list[str]:
    """Worked example kernel-fraction-4.42mm: energy kept in a 4.42 mm voxel of water."""
    kept = source("y90", (4.42, 4.42, 4.42), 1.0, engine, settings).kept()
    return [
        "- Energy of Y-90 kept in a 4.42 mm voxel of water: "
        f"{plus_minus(kept)} (worked example: 0.40 ± 0.01)"
    ]


def draw(engine: str, ratios: dict[str, list]) -> None:
    """Ratios to the published tables, source voxel left and face neighbour right."""
    marks = dict(zip(ratios, "osD^v", strict=False))
    with figure("voxel_s_values") as (_, axes):
        for axis, offset, goal in zip(axes, OFFSETS[:2], (SELF_GOAL, FACE_GOAL), strict=True):
            axis.axhspan(1 - goal, 1 + goal, color="0.92")
            axis.axhline(1.0, color="black", linewidth=0.6)
            for name, found in ratios.items():
                here = [(edge, r) for edge, o, r in found if o == offset]
                edges, values = [e for e, _ in here], [r.value for _, r in here]
                errors = [r.error for _, r in here]
                axis.errorbar(edges, values, errors, fmt=marks[name] + "-", capsize=2, label=name)
            axis.set(xlabel="voxel edge (mm)", ylabel="over Lanconelli 2012")
        axes[0].set_title(f"source voxel, {LABELS[engine]}")
        axes[1].set_title("face neighbour; bands: goals 1 and 1.5 %")
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(low, high + 0.25 * (high - low))  # room for the legend
        axes[0].legend(loc="upper center", ncols=3)


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=40_000)
    parts = [[settings_line(settings)]]
    shown = "fast" if "fast" in engines else engines[0]
    for engine in engines:
        if engine not in COLOURS or engine == "local":
            continue  # local keeps everything in the one voxel
        lines, ratios = lanconelli_lines(engine, settings)
        parts += [[f"## {LABELS[engine]}", "", *lines], verdict(ratios)]
        parts += [mird17_lines(engine, settings), example_lines(engine, settings)]
        if engine == shown and ratios:
            draw(engine, ratios)
    write(__file__, "Voxel S values (mGy/MBq s) and their ratio to published ones", parts)


if __name__ == "__main__":
    main()
