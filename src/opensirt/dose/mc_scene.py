"""From maps to what the transport moves through: media by density, laws and ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_media import Medium, csda_range, media_named
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Cuts, Laws, build_laws
from opensirt.dose.mc_tracks import BINS
from opensirt.dose.mc_voxels import Scene
from opensirt.physics.tables import load_table
from opensirt.units import MM_PER_CM

__all__ = [
    "Matter",
    "chord_for",
    "cuts_for",
    "make_matter",
    "make_scene",
    "media_by_density",
    "only_medium",
]

FloatArray = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]

DENSITY_STEPS = 1000.0
DENSITY_ENTRIES = 4096
"""The density scale of the media reaches to 4.1 g/mL in steps of 0.001."""
CUT_SHARE_OF_VOXEL = 0.02
"""Range of the softest electron that is followed, over the smallest voxel edge."""
CUT_SHARE_OF_REACH = 0.004
"""The same over how far the nuclide's electrons reach; the shorter one holds."""
CHORD_SHARE_OF_VOXEL = 0.05
"""Distance between the vertices of a track, over the smallest voxel edge."""
CHORD_SHARE_OF_REACH = 0.035
"""The same over the reach; the shorter one holds."""
LOWEST_CUT_MEV, HIGHEST_CUT_MEV = 0.010, 0.200
HIGHEST_MEV = 2.4


@dataclass(frozen=True)
class Matter:
    """Media of one simulation with their laws."""

    media: tuple[Medium, ...]
    medium_of: npt.NDArray[np.uint8]
    """Medium by density in steps of 1/`DENSITY_STEPS` g/mL."""
    laws: Laws
    ratios: FloatArray
    """(home, BINS, medium, 2): length ratio and ratio of scattering per energy lost."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the media, in the order of their numbers."""
        return tuple(medium.name for medium in self.media)

    def medium_at(self, density: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Number of the medium at each density (g/mL)."""
        return self.medium_of[_step_of(density)]


def _step_of(density: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Place of each density (g/mL) on the density scale."""
    steps = (density * np.float32(DENSITY_STEPS)).astype(np.int64)
    return np.minimum(steps, DENSITY_ENTRIES - 1)


@lru_cache(maxsize=1)
def media_by_density() -> tuple[tuple[str, float], ...]:
    """Name and highest density (g/mL) of each medium, rising."""
    rows = load_table("media").rows["medium"]
    return tuple((row.text("name"), row.quantity("up_to_density_g_ml").value) for row in rows)


def cuts_for(smallest_voxel_mm: float, reach_mm: float = math.inf) -> Cuts:
    """Cuts of the electron transport for voxels whose shortest edge is this (mm).

    The softest electron followed has a CSDA range in water of 2 % of the edge, and at most 0.4 %
    of `reach_mm`, the radius in water that holds what the nuclide's electrons leave.
    """
    wanted = min(CUT_SHARE_OF_VOXEL * smallest_voxel_mm, CUT_SHARE_OF_REACH * reach_mm)
    energies, ranges_mm = _water_ranges()
    energy = float(np.interp(wanted, ranges_mm, energies))
    cut = min(max(energy, LOWEST_CUT_MEV), HIGHEST_CUT_MEV)
    return Cuts(absorb_mev=cut, collision_mev=cut, photon_mev=LOWEST_CUT_MEV)


def chord_for(smallest_voxel_mm: float, reach_mm: float = math.inf) -> float:
    """Distance between the vertices of a track (mm at 1 g/cm3); arguments as for `cuts_for`."""
    return min(CHORD_SHARE_OF_VOXEL * smallest_voxel_mm, CHORD_SHARE_OF_REACH * reach_mm)


@lru_cache(maxsize=1)
def _water_ranges() -> tuple[FloatArray, FloatArray]:
    energies = np.geomspace(LOWEST_CUT_MEV, HIGHEST_CUT_MEV, 40)
    (water,) = media_named(["water"])
    return energies, MM_PER_CM * csda_range(water, energies)


def make_matter(density: npt.NDArray[np.float32], cuts: Cuts) -> Matter:
    """Media that a density map (g/mL) holds, chosen by density."""
    table = media_by_density()
    bounds = np.array([bound for _, bound in table])
    steps = (np.arange(DENSITY_ENTRIES) + 0.5) / DENSITY_STEPS
    by_step = np.searchsorted(bounds, steps)
    present = np.zeros(DENSITY_ENTRIES, dtype=bool)
    for plane in density:
        present[_step_of(plane)] = True
    used = sorted(set(by_step[present].tolist()))
    renumber = {old: new for new, old in enumerate(used)}
    medium_of = np.array([renumber.get(int(old), 0) for old in by_step], dtype=np.uint8)
    return _matter(tuple(table[old][0] for old in used), medium_of, cuts)


def only_medium(name: str, cuts: Cuts) -> Matter:
    """The same medium at every density."""
    return _matter((name,), np.zeros(DENSITY_ENTRIES, dtype=np.uint8), cuts)


@lru_cache(maxsize=8)
def _laws(names: tuple[str, ...], cuts: Cuts) -> tuple[tuple[Medium, ...], Laws]:
    media = media_named(names)
    return media, build_laws(media, cuts)


def _matter(names: Sequence[str], medium_of: npt.NDArray[np.uint8], cuts: Cuts) -> Matter:
    media, laws = _laws(tuple(names), cuts)
    return Matter(media, medium_of, laws, _ratios(laws))


def _ratios(laws: Laws) -> FloatArray:
    """Ratios of each medium to each other at the middle of every energy bin."""
    rows = laws.electron.shape[1]
    places = (np.arange(BINS) + 0.5) * rows / BINS
    stopping, transport = (
        np.array(
            [
                np.interp(places, np.arange(rows), medium[:, ELECTRON_COLUMNS.index(column)])
                for medium in laws.electron
            ]
        )
        for column in ("total_stopping_mev_mm", "transport_per_mm")
    )
    scattering = transport / stopping
    length = stopping[:, :, None] / stopping.T[None, :, :]
    wider = scattering.T[None, :, :] / scattering[:, :, None]
    return np.ascontiguousarray(np.stack([length, wider], axis=-1))


def make_scene(
    density: npt.NDArray[np.float32],
    spacing_mm: Spacing,
    matter: Matter,
    quanta_per_mev: float,
    *,
    infinite: bool = False,
) -> Scene:
    """The scene of a density map (slice, row, column), g/mL.

    `infinite`: the medium of the first voxel goes on outside; otherwise outside is vacuum.
    """
    flat = np.ascontiguousarray(density, dtype=np.float32).reshape(-1)
    return Scene(
        density=flat,
        medium_of=matter.medium_of,
        density_steps=DENSITY_STEPS,
        slices=density.shape[0],
        rows=density.shape[1],
        columns=density.shape[2],
        per_slice=1.0 / spacing_mm[0],
        per_row=1.0 / spacing_mm[1],
        per_column=1.0 / spacing_mm[2],
        infinite=infinite,
        majorant=_majorant(flat, matter),
        quanta_per_mev=quanta_per_mev,
    )


def _majorant(density: npt.NDArray[np.float32], matter: Matter) -> FloatArray:
    """Largest attenuation (1/mm) anywhere, at each photon row."""
    densest = np.zeros(len(matter.media))
    for start in range(0, density.size, 1 << 20):
        part = density[start : start + (1 << 20)]
        medium = matter.medium_at(part)
        for number in range(len(densest)):
            densest[number] = max(densest[number], part[medium == number].max(initial=0.0))
    attenuation = matter.laws.photon.sum(axis=2)
    return np.asarray((attenuation * densest[:, None]).max(axis=0))
