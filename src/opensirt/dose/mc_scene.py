"""From maps to what the transport moves through: media by density, laws and ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_density import (
    ABSENT,
    highest_densities,
    media_by_density,
    media_of,
    share_by_medium,
)
from opensirt.dose.mc_media import Medium, csda_range, media_named
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Cuts, Laws, build_laws
from opensirt.dose.mc_tracks import BINS
from opensirt.dose.mc_voxels import Scene
from opensirt.errors import OpenSirtError
from opensirt.units import MM_PER_CM

__all__ = [
    "Matter",
    "chord_for",
    "cuts_by_medium",
    "cuts_for",
    "make_matter",
    "make_scene",
    "only_medium",
    "softest_mev",
]

FloatArray = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

CUT_SHARE_OF_VOXEL = 0.02
"""Range of the softest electron that is followed, over the smallest voxel edge."""
CUT_SHARE_OF_THIN_VOXEL = 0.08
"""The same in mm g/cm3, over the smallest edge of a medium's thinnest active voxel."""
CUT_STEP = math.sqrt(2.0)
"""Cuts for thin voxels lie on a ladder of such steps, so that few sets of laws are made."""
CUT_SHARE_OF_REACH = 0.004
"""The same over how far the nuclide's electrons reach; the shorter one holds."""
CHORD_SHARE_OF_VOXEL = 0.05
"""Distance between the vertices of a track, over the smallest voxel edge."""
CHORD_SHARE_OF_REACH = 0.035
"""The same over the reach; the shorter one holds."""
LOWEST_CUT_MEV, HIGHEST_CUT_MEV = 0.010, 0.200


@dataclass(frozen=True)
class Matter:
    """Media of one simulation with their laws."""

    media: tuple[Medium, ...]
    highest_g_ml: Floats
    """Highest density of each medium of the table, rising; see ``mc_density``."""
    medium_of: npt.NDArray[np.uint8]
    """Number of each medium of the table in `media`, `ABSENT` where it is not among them."""
    laws: Laws
    ratios: FloatArray
    """(home, BINS, medium, 2): length ratio and ratio of scattering per energy lost."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the media, in the order of their numbers."""
        return tuple(medium.name for medium in self.media)

    def medium_at(self, density: Floats) -> npt.NDArray[np.uint8]:
        """Number of the medium at each density (g/mL), same shape.

        Raises
        ------
        OpenSirtError
            When a density belongs to a medium that is not among those of this simulation.
        """
        flat = np.ascontiguousarray(density, dtype=np.float32).reshape(-1)
        numbers = np.empty(flat.size, dtype=np.uint8)
        none = media_of(self.highest_g_ml, self.medium_of, flat, numbers)
        if none >= 0:
            raise OpenSirtError(
                f"the simulation needs the medium of {flat[none]:.9g} g/mL, found only "
                f"{', '.join(self.names)}; make the media from the density map that is simulated"
            )
        return numbers.reshape(np.shape(density))


def cuts_for(
    smallest_voxel_mm: float, reach_mm: float = math.inf, density_g_ml: float = 1.0
) -> Cuts:
    """Cuts of the electron transport for voxels whose shortest edge is this (mm).

    The softest electron followed has a CSDA range in water of 2 % of the edge, and at most 0.4 %
    of `reach_mm`, the radius in water that holds what the nuclide's electrons leave. In voxels of
    a low density the range is at most 8 % of the edge measured in mm g/cm3: softer electrons leave
    such a voxel, and to let them stay would add 3 % of its dose at 0.03 g/mL and double it in air.
    """
    wanted = min(CUT_SHARE_OF_VOXEL * smallest_voxel_mm, CUT_SHARE_OF_REACH * reach_mm)
    thin = CUT_SHARE_OF_THIN_VOXEL * smallest_voxel_mm * density_g_ml
    cut = _energy_of_range(wanted)
    if thin < wanted:
        steps = math.floor(math.log(_energy_of_range(thin) / LOWEST_CUT_MEV, CUT_STEP) + 1e-9)
        cut = min(cut, LOWEST_CUT_MEV * CUT_STEP**steps)
    return Cuts(absorb_mev=cut, collision_mev=cut, photon_mev=LOWEST_CUT_MEV)


def _energy_of_range(range_mm: float) -> float:
    """Energy (MeV) of electrons of this range in water, within the bounds of a cut."""
    energies, ranges_mm = _water_ranges()
    energy = float(np.interp(range_mm, ranges_mm, energies))
    return min(max(energy, LOWEST_CUT_MEV), HIGHEST_CUT_MEV)


def cuts_by_medium(
    density: Floats, activity: Floats, smallest_voxel_mm: float, reach_mm: float = math.inf
) -> tuple[Cuts, ...]:
    """Cuts of each medium of the table, by its thinnest voxel with activity in it.

    `density` (g/mL) and `activity` are maps of one shape; lengths as for `cuts_for`.
    """
    highest = highest_densities()
    places = np.arange(highest.size, dtype=np.uint8)
    total, thinnest = np.zeros(highest.size), np.full(highest.size, np.inf, np.float32)
    for mass, decays in zip(density, activity, strict=True):
        flat = (np.ascontiguousarray(of, np.float32).reshape(-1) for of in (mass, decays))
        share_by_medium(highest, places, *flat, total, thinnest)
    return tuple(cuts_for(smallest_voxel_mm, reach_mm, float(rho)) for rho in thinnest)


def softest_mev(cuts: Cuts | Sequence[Cuts]) -> float:
    """Energy of the softest electron followed anywhere."""
    return min(of.absorb_mev for of in _each(cuts))


def _each(cuts: Cuts | Sequence[Cuts]) -> Sequence[Cuts]:
    return [cuts] if isinstance(cuts, Cuts) else cuts


def chord_for(
    smallest_voxel_mm: float, reach_mm: float = math.inf, density_g_ml: float = 1.0
) -> float:
    """Distance between the vertices of a track (mm at 1 g/cm3); lengths as for `cuts_for`.

    In a voxel of this density, below 1 g/mL, the edge measured in mm g/cm3 is shorter, and so is
    the distance: a chord that leaves its voxel would put there the energy of a path that turns back
    and forth, but leave along the straight line.
    """
    edge_mm = smallest_voxel_mm * min(1.0, density_g_ml)
    return min(CHORD_SHARE_OF_VOXEL * edge_mm, CHORD_SHARE_OF_REACH * reach_mm)


@lru_cache(maxsize=1)
def _water_ranges() -> tuple[FloatArray, FloatArray]:
    energies = np.geomspace(LOWEST_CUT_MEV, HIGHEST_CUT_MEV, 40)
    (water,) = media_named(["water"])
    return energies, MM_PER_CM * csda_range(water, energies)


def make_matter(density: Floats, cuts: Cuts | Sequence[Cuts]) -> Matter:
    """Media that a density map (g/mL) holds, chosen by density.

    `cuts` are those of every medium, or of each medium of the table (`cuts_by_medium`).
    """
    highest, table = highest_densities(), media_by_density()
    places = np.arange(len(table), dtype=np.uint8)
    present = np.zeros(len(table), dtype=bool)
    for plane in density:
        flat = np.ascontiguousarray(plane, dtype=np.float32).reshape(-1)
        numbers = np.empty(flat.size, dtype=np.uint8)
        media_of(highest, places, flat, numbers)
        present[np.unique(numbers)] = True
    used = np.flatnonzero(present).tolist()
    medium_of = np.full(len(table), ABSENT, dtype=np.uint8)
    medium_of[used] = np.arange(len(used))
    names = tuple(table[place][0] for place in used)
    chosen = [cuts] * len(names) if isinstance(cuts, Cuts) else [cuts[place] for place in used]
    return _matter(names, highest, medium_of, chosen)


def only_medium(name: str, cuts: Cuts) -> Matter:
    """The same medium at every density."""
    return _matter((name,), np.full(1, np.inf, np.float32), np.zeros(1, np.uint8), [cuts])


@lru_cache(maxsize=8)
def _laws(names: tuple[str, ...], cuts: tuple[Cuts, ...]) -> tuple[tuple[Medium, ...], Laws]:
    media = media_named(names)
    return media, build_laws(media, cuts)


def _matter(
    names: Sequence[str], highest: Floats, medium_of: npt.NDArray[np.uint8], cuts: Sequence[Cuts]
) -> Matter:
    media, laws = _laws(tuple(names), tuple(cuts))
    return Matter(media, highest, medium_of, laws, _ratios(laws))


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
    density: Floats,
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
        highest_g_ml=matter.highest_g_ml,
        medium_of=matter.medium_of,
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


def _majorant(density: Floats, matter: Matter) -> FloatArray:
    """Largest attenuation (1/mm) anywhere, at each photon row."""
    densest = np.zeros(len(matter.media))
    for start in range(0, density.size, 1 << 20):
        part = density[start : start + (1 << 20)]
        medium = matter.medium_at(part)
        for number in range(len(densest)):
            densest[number] = max(densest[number], part[medium == number].max(initial=0.0))
    attenuation = matter.laws.photon.sum(axis=2)
    return np.asarray((attenuation * densest[:, None]).max(axis=0))
