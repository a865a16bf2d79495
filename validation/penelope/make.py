"""Slabs and balls of several media: Monte Carlo against PENELOPE-2018, region by region.

``python validation/penelope/make.py [--histories N] [--threads N] [--engines fast full]``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import (
    BQ_PER_ML,
    Estimate,
    FloatArray,
    Maps,
    Scene,
    Settings,
    estimate,
    mass_kg,
    options,
    run,
    scene,
    slab_scene,
)
from validation.penelope.quoted_penelope import PENELOPE
from validation.report import LABELS, settings_line, table, write

from opensirt.physics.nuclides import Line, Nuclide, nuclide
from opensirt.units import JOULE_PER_MEV

RegionArray = npt.NDArray[np.int64]

DENSITY_G_ML = {"tissue": 1.04, "lung": 0.26, "bone": 1.92, "air": 0.001205, "water": 1.0}
SLAB_VOXEL_MM, BALL_HALF_MM = 1.0, 26.0
BALL_VOXELS_MM = (0.5, 0.25)
"""Both are run: what is left between them is the staircase of the voxels."""
OFF_LATTICE = (0.31, 0.17, 0.07)
"""Centre of a ball, in voxels from a corner of the lattice."""
SHOWN_MEV = 1e-3
"""Regions that absorb less of a decay are left out: their errors exceed 5 %."""


@dataclass(frozen=True)
class Case:
    """Layers along a line, or shells about a point, with the active span of them."""

    shape: str
    nuclide: str
    edges_mm: tuple[float, ...]
    """Edges of the regions; a ball's begin at 0."""
    media: tuple[str, ...]
    active_mm: tuple[float, float]

    @property
    def voxels_mm(self) -> tuple[float, ...]:
        """Edges of the voxels it is built from, in turn."""
        return (SLAB_VOXEL_MM,) if self.shape == "slab" else BALL_VOXELS_MM


FRONT = (-22.0, *(float(z) for z in range(-12, 1)))
THIN = (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0)
DENSE = (1.0, 2.0, 3.0, 4.0, 5.0, 12.0)
TISSUE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 20.0)


def _mirrored(edges: tuple[float, ...]) -> tuple[float, ...]:
    return (*(-edge for edge in reversed(edges)), 0.0)


def _plane(front: str, near: tuple[float, ...], behind: str, far: tuple[float, ...],
           active_mm: tuple[float, float]) -> Case:  # fmt: skip
    media = (front,) * (len(near) - 1) + (behind,) * len(far)
    return Case("slab", "y90", near + far, media, active_mm)


def _ball(name: str, edges: tuple[float, ...], inside: str, around: str) -> Case:
    media = (inside,) + (around,) * (len(edges) - 2)
    return Case("ball", name, edges, media, (0.0, edges[1]))


CASES = {
    "active tissue / lung": _plane("tissue", FRONT, "lung", THIN, (-5.0, 0.0)),
    "active tissue / bone": _plane("tissue", FRONT, "bone", DENSE, (-5.0, 0.0)),
    "active tissue / air": _plane("tissue", FRONT, "air", (10.0, 20.0), (-5.0, 0.0)),
    "active lung / tissue": _plane("lung", _mirrored(THIN), "tissue", TISSUE, (-20.0, 0.0)),
    "active bone / tissue": _plane("bone", _mirrored(DENSE), "tissue", TISSUE, (-5.0, 0.0)),
    "ball of tissue in lung": _ball("y90", (0.0, 5.0, 7.0, 10.0, 15.0, 20.0), "tissue", "lung"),
    "Ho-166 ball of water in bone": _ball("ho166", (0.0, 5.0, 6.0, 7.0, 10.0), "water", "bone"),
    "Ho-166 ball of water": _ball("ho166", (0.0, 5.0, 6.0, 7.0, 10.0), "water", "water"),
}


class ElectronsOnly(Nuclide):
    """A nuclide whose photons and internal pairs are left out."""

    @property
    def photons(self) -> tuple[Line, ...]:
        """None."""
        return ()


def electrons_of(name: str) -> ElectronsOnly:
    """The betas and electron lines of a nuclide: what PENELOPE was given."""
    whole = nuclide(name)
    given = {field.name: getattr(whole, field.name) for field in fields(whole)}
    given["energies"] = replace(whole.energies, photon_mev=0.0)
    given["positron_yield"] = 0.0
    return ElectronsOnly(**given)


def _slab(case: Case, h: float) -> tuple[Scene, RegionArray]:
    edges = np.array(case.edges_mm)
    place = np.arange(edges[0] + h / 2, edges[-1], h)
    region = np.searchsorted(edges, place) - 1
    density = np.array([DENSITY_G_ML[name] for name in case.media])[region]
    active = (place > case.active_mm[0]) & (place < case.active_mm[1])
    return slab_scene(active.astype(float), density, h), region


def _shells(case: Case, h: float) -> tuple[Scene, RegionArray]:
    """Each shell has the voxels nearest to its exact volume; the last medium goes on outside."""
    line = np.arange(-BALL_HALF_MM + h / 2, BALL_HALF_MM, h)
    z, y, x = (line - shift * h for shift in OFF_LATTICE)
    square = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    counts = [round(4.0 / 3.0 * np.pi * (edge / h) ** 3) for edge in case.edges_mm[1:]]
    ranked = np.partition(square.ravel(), [count - 1 for count in counts])
    region = np.searchsorted([ranked[count - 1] for count in counts], square)
    density = np.array([DENSITY_G_ML[name] for name in (*case.media, case.media[-1])])[region]
    return scene((region == 0) * BQ_PER_ML, density, (h, h, h)), region


def build(case: Case, voxel_mm: float) -> tuple[Scene, RegionArray]:
    """The scene, and the region of each voxel; the number of regions marks what is outside."""
    return _slab(case, voxel_mm) if case.shape == "slab" else _shells(case, voxel_mm)


def energies(
    found: Maps, case: Case, where: Scene, region: RegionArray, of: Nuclide
) -> list[Estimate]:
    """Energy (MeV) per decay in each region."""
    decays = where.activity.total() * of.mean_life_s
    weight = (mass_kg(where) / JOULE_PER_MEV / decays).ravel()
    result = []
    for index in range(len(case.media)):
        inside = region.ravel() == index

        def energy(gray: FloatArray, inside: npt.NDArray[np.bool_] = inside) -> float:
            return float(np.dot(gray.ravel()[inside], weight[inside]))

        result.append(estimate(found, energy))
    return result


def percent(ratio: Estimate) -> str:
    """Difference of a ratio from 1, in percent, with its error."""
    return f"{100.0 * (ratio.value - 1.0):+.1f} ± {100.0 * ratio.error:.1f}"


def lines(name: str, case: Case, ours: dict[str, list[Estimate]]) -> list[str]:
    """Table of one case: energy per decay by PENELOPE, and our differences from it."""
    body = []
    for index, (energy_mev, error_mev) in enumerate(PENELOPE[name]):
        if energy_mev < SHOWN_MEV:
            continue
        theirs = Estimate(energy_mev, error_mev)
        low, high = case.edges_mm[index : index + 2]
        cells = [f"{low:g} to {high:g}", case.media[index]]
        cells.append(f"{energy_mev:.5f} ± {error_mev:.5f}")
        cells += [percent(found[index].over(theirs)) for found in ours.values()]
        body.append(cells)
    header = ["mm", "medium", "PENELOPE-2018, MeV per decay", *ours]
    return [f"## {name}", "", *table(header, body)]


def simulate(case: Case, engines: tuple[str, ...], settings: Settings) -> dict[str, list[Estimate]]:
    """Energies per decay by column title; the full mode only in the coarser voxels."""
    of, found = electrons_of(case.nuclide), {}
    for voxel_mm in case.voxels_mm:
        where, region = build(case, voxel_mm)
        for engine in engines:
            if engine == "full" and voxel_mm != case.voxels_mm[0]:
                continue
            title = f"{LABELS[engine]}, {voxel_mm:g} mm, %"
            maps = run(engine, where, of, settings)
            found[title] = energies(maps, case, where, region, of)
    return found


def main() -> None:
    """One table per case."""
    settings, engines = options(__doc__, histories=100_000, fast_share=20)
    chosen = tuple(engine for engine in engines if engine in ("full", "fast"))
    parts = [[settings_line(settings)]]
    for name, case in CASES.items():
        parts.append(lines(name, case, simulate(case, chosen, settings)))
    write(__file__, "Slabs and balls of several media: Monte Carlo over PENELOPE-2018", parts)


if __name__ == "__main__":
    main()
