"""Dose point kernels, and the voxel kernels folded from them.

A point kernel says how much energy lands in each spherical shell about a decay. A voxel kernel says
how much lands in each voxel about a uniformly filled source voxel, for one exact voxel size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from opensirt.dose.folding import fold_shells
from opensirt.errors import InputError, TableError, UnknownNameError, did_you_mean
from opensirt.physics.nuclides import Nuclide, nuclide
from opensirt.physics.tables import load_csv
from opensirt.units import G_PER_KG, JOULE_PER_MEV, ML_PER_MM3

__all__ = [
    "KERNEL_MEDIA",
    "PointKernel",
    "VoxelKernel",
    "charged_radius_mm",
    "check_geometry",
    "extended",
    "half_shape",
    "half_shape_for",
    "kernel_medium",
    "kernel_medium_at",
    "near_radius_mm",
    "part_energies",
    "point_kernel",
    "rounded_density",
    "voxel_kernel",
]

FloatArray = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
HalfShape = tuple[int, int, int]

DENSITY_STEP_G_ML = 0.005
"""Half a per cent of a range in soft tissue."""
Part = Literal["near", "far"]
PARTS: tuple[Part, Part] = ("near", "far")

KERNEL_MEDIA = ("water", "soft-tissue", "lung", "bone")
"""Media with point kernels of their own."""
STAND_INS = {"adipose": "water", "liver": "soft-tissue", "muscle": "soft-tissue", "air": "lung"}
"""Whose kernel serves another tissue, at that tissue's density."""

CHARGED_FRACTION = 0.999
"""Share of the energy of electrons that a kernel of default extent holds at least."""
PHOTON_SHARE_OF_SHELLS = 0.1
"""The outermost tenth of the equal shells lies beyond every electron and shows photons alone."""


NEAR_RADIUS_MM = 10.0
"""The near part reaches at least this far in water, so that photon dose close by stays sharp."""
NEAR_STEP_MM = 0.15
"""Longest step in radius of the near part, in water; short against the slope of beta kernels."""
STEPS_TO_REACH = 40
"""Steps in radius over the reach of the electrons, at least."""
NEAR_STEPS, FAR_STEPS = 8, 3
"""Steps per smallest voxel edge."""
BEYOND_SHELLS, BEYOND_LENGTHS = 40, 8.0
"""Shells for what lies beyond a table, and how many decay lengths they reach."""


@dataclass(frozen=True, eq=False)
class PointKernel:
    """Energy per decay in concentric shells about a point source in a uniform medium.

    Parameters
    ----------
    nuclide : str
    outer_radius_mm : ndarray, (shells,)
        Outer radius of each shell; the first shell starts at 0.
    energy_mev : ndarray, (shells,)
        Energy deposited in each shell per decay.
    density_g_ml : float
        Density of the medium that the radii hold for.
    source : str
        Key in `references.bib`.
    medium : str
        One of KERNEL_MEDIA.
    """

    nuclide: str
    outer_radius_mm: FloatArray
    energy_mev: FloatArray
    density_g_ml: float = 1.0
    source: str = "opensirt"
    medium: str = "water"

    def __post_init__(self) -> None:
        radius, energy = self.outer_radius_mm, self.energy_mev
        if radius.shape != energy.shape or radius.ndim != 1 or radius.size < 2:
            raise TableError(f"point kernel {self.nuclide}: needs two columns of equal length")
        if not (np.all(np.diff(radius, prepend=0.0) > 0) and np.all(energy >= 0)):
            raise TableError(f"point kernel {self.nuclide}: radii must rise, energies be >= 0")

    @property
    def total_mev(self) -> float:
        """Energy in all shells, MeV per decay."""
        return float(self.energy_mev.sum())

    def edges_mm(self, density_g_ml: float) -> FloatArray:
        """Shell edges (shells + 1) in the same medium at another density: ``r / rho``."""
        scale = self.density_g_ml / density_g_ml
        return np.concatenate([[0.0], self.outer_radius_mm]) * scale


@dataclass(frozen=True, eq=False)
class VoxelKernel:
    """Energy in each voxel about a uniformly filled source voxel, which is at the centre.

    Parameters
    ----------
    nuclide : str
    spacing_mm : (float, float, float)
        Voxel size along (slice, row, column).
    density_g_ml : float
        Density of the uniform medium.
    energy_mev : ndarray, (slice, row, column), odd shape
        Energy per decay in each voxel.
    total_mev : float
        Energy per decay in the whole point kernel, what lies outside the array included.
    """

    nuclide: str
    spacing_mm: Spacing
    density_g_ml: float
    energy_mev: FloatArray
    total_mev: float

    @property
    def half_shape(self) -> HalfShape:
        """Voxels from the centre to the last one, along each axis."""
        n, r, c = self.energy_mev.shape
        return n // 2, r // 2, c // 2

    @property
    def voxel_mass_g(self) -> float:
        """Mass of one voxel, g."""
        return math.prod(self.spacing_mm) * ML_PER_MM3 * self.density_g_ml

    def s_values_mgy_per_mbq_s(self) -> FloatArray:
        """Voxel S values, mGy per MBq s, same shape: dose in each voxel per decay in the centre.

        1 MBq s is 1e6 decays and 1 Gy is 1e3 mGy.
        """
        gray_per_decay = self.energy_mev * (JOULE_PER_MEV * G_PER_KG / self.voxel_mass_g)
        return np.asarray(gray_per_decay * 1e9)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a kernel file (npz) holds: S values with the source at the centre, and their terms.

        ``s_mgy_per_mbq_s`` (slice, row, column) odd shape, ``spacing_mm`` (3,), ``density_g_ml``,
        ``energy_mev`` of the decay that they add up to in an endless medium, ``nuclide``.
        """
        return {
            "s_mgy_per_mbq_s": self.s_values_mgy_per_mbq_s(),
            "spacing_mm": np.array(self.spacing_mm),
            "density_g_ml": np.array(self.density_g_ml),
            "energy_mev": np.array(self.total_mev),
            "nuclide": np.array(self.nuclide),
        }


def kernel_medium(tissue_name: str) -> str:
    """The medium, one of KERNEL_MEDIA, whose point kernel stands for a tissue."""
    chosen = STAND_INS.get(tissue_name, tissue_name)
    if chosen not in KERNEL_MEDIA:
        known = (*KERNEL_MEDIA, *STAND_INS)
        raise UnknownNameError(
            f"no kernel stands for medium {tissue_name!r}; choose one of {', '.join(known)}"
            f"{did_you_mean(tissue_name, known)}"
        )
    return chosen


def rounded_density(density_g_ml: float) -> float:
    """The density (g/mL) in steps of 0.005, at least one: kernels at it can be kept."""
    steps = max(1, round(density_g_ml / DENSITY_STEP_G_ML))
    return round(steps * DENSITY_STEP_G_ML, 6)


def kernel_medium_at(density_g_ml: float) -> str:
    """The medium whose kernel serves where only a density is known, as `monte-carlo` chooses it."""
    from opensirt.dose.mc_density import medium_name_at  # compiled transport: on first use

    return kernel_medium(medium_name_at(density_g_ml))


@cache
def point_kernel(nuclide_name: str, medium: str = "water") -> PointKernel:
    """A nuclide's point kernel in a medium, from ``tables/kernels/<nuclide>-<medium>.csv``.

    Raises
    ------
    UnknownNameError
        When no kernel stands for the medium.
    TableError
        When there is no table for the nuclide, or it lacks its source or checksum.
    """
    chosen = kernel_medium(medium)
    table = load_csv(f"kernels/{nuclide_name}-{chosen}")
    within = PointKernel(
        nuclide=nuclide_name,
        outer_radius_mm=table.column("r_outer_mm"),
        energy_mev=table.column("energy_mev_per_decay"),
        source=table.source,
        medium=chosen,
    )
    return extended(within, nuclide(nuclide_name).energies.everything_mev)


def extended(kernel: PointKernel, emitted_mev: float) -> PointKernel:
    """The kernel with photon energy beyond its last shell, so that it holds all that is emitted.

    Energy per mm falls exponentially from its value in the last shell, with the decay length that
    makes the total `emitted_mev`. A kernel that holds it already is returned as it is.
    """
    beyond_mev = emitted_mev - kernel.total_mev
    if beyond_mev <= 0.0:
        return kernel
    last_mm = float(kernel.outer_radius_mm[-1])
    per_mm = float(kernel.energy_mev[-1]) / (last_mm - float(kernel.outer_radius_mm[-2]))
    length_mm = beyond_mev / per_mm if per_mm > 0.0 else last_mm
    depths = np.linspace(0.0, BEYOND_LENGTHS, BEYOND_SHELLS + 1)
    share = -np.diff(np.exp(-depths))
    return replace(
        kernel,
        outer_radius_mm=np.append(kernel.outer_radius_mm, last_mm + length_mm * depths[1:]),
        energy_mev=np.append(kernel.energy_mev, beyond_mev * share / share.sum()),
    )


def charged_radius_mm(kernel: PointKernel, fraction: float = CHARGED_FRACTION) -> float:
    """Radius that holds at least `fraction` of the energy left by electrons, in its own medium.

    The equal shells at the start of the table reach beyond the range of every electron, so their
    outermost part measures the photon energy per mm, which changes little over some mm.
    """
    width = np.diff(kernel.outer_radius_mm, prepend=0.0)
    equal = int(np.argmin(np.isclose(width, width[0], rtol=0.02))) or width.size
    energy, radius = kernel.energy_mev[:equal], kernel.outer_radius_mm[:equal]
    last = max(1, math.ceil(equal * PHOTON_SHARE_OF_SHELLS))
    electrons = np.cumsum(energy - energy[-last:].mean())
    held = electrons >= fraction * electrons[-1]
    return float(radius[int(np.argmax(held))])


def voxel_kernel(
    of: Nuclide,
    spacing_mm: Spacing,
    density_g_ml: float = 1.0,
    extent: int | None = None,
    medium: str = "water",
) -> VoxelKernel:
    """The voxel kernel for one exact, possibly anisotropic, voxel size.

    Parameters
    ----------
    of : Nuclide
        Its `energy_scale` multiplies every value.
    spacing_mm : (float, float, float)
        Voxel size along (slice, row, column).
    density_g_ml : float
        Uniform density; distances scale with its inverse.
    extent : int, optional
        Voxels on each side of the array, odd. By default the array holds at least 99.9 % of the
        energy left by electrons; photon energy is included wherever the array reaches.
    medium : str
        Tissue whose point kernel is folded; see `kernel_medium`.

    Raises
    ------
    InputError
        When a size, the density or the extent is impossible.
    """
    kernel = point_kernel(of.name, medium)
    check_geometry(spacing_mm, density_g_ml)
    half = half_shape(kernel, spacing_mm, density_g_ml, extent)
    near, far = (part_energies(kernel, spacing_mm, density_g_ml, p, half) for p in PARTS)
    return VoxelKernel(
        nuclide=of.name,
        spacing_mm=spacing_mm,
        density_g_ml=density_g_ml,
        energy_mev=(near + far) * of.energy_scale,
        total_mev=kernel.total_mev * of.energy_scale,
    )


def half_shape(
    kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float, extent: int | None
) -> HalfShape:
    """Half shape of a voxel kernel of this extent; by default what electrons reach."""
    if extent is None:
        return half_shape_for(near_radius_mm(kernel, density_g_ml), spacing_mm)
    if extent < 1 or extent % 2 == 0:
        raise InputError(f"the extent of a kernel must be odd and positive, got {extent} voxels")
    return (extent // 2,) * 3


def check_geometry(spacing_mm: Spacing, density_g_ml: float) -> None:
    """An `InputError` where a voxel size or the density is not a positive number."""
    if len(spacing_mm) != 3 or not all(0.0 < s < math.inf for s in spacing_mm):
        raise InputError(f"a kernel needs three positive voxel sizes in mm, got {spacing_mm}")
    if not 0.0 < density_g_ml < math.inf:
        raise InputError(f"a kernel needs a positive density in g/mL, got {density_g_ml:g}")


def half_shape_for(radius_mm: float, spacing_mm: Spacing) -> HalfShape:
    """Half shape that holds everything within `radius_mm` of any point of the source voxel."""
    n, r, c = (math.floor(radius_mm / s) + 1 for s in spacing_mm)
    return n, r, c


def near_radius_mm(kernel: PointKernel, density_g_ml: float) -> float:
    """Where the near part ends and the far part starts, mm in the medium of `density_g_ml`."""
    radius_mm = max(charged_radius_mm(kernel), NEAR_RADIUS_MM)
    return min(radius_mm, float(kernel.outer_radius_mm[-1])) * kernel.density_g_ml / density_g_ml


@lru_cache(maxsize=8)
def part_energies(
    kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float, part: Part, half_shape: HalfShape
) -> FloatArray:
    """MeV per decay and voxel from one part of a point kernel; read-only.

    The "near" part ends at `near_radius_mm`; the "far" part is the rest, almost all photons.
    """
    edges_mm = kernel.edges_mm(density_g_ml)
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    values = np.zeros(tuple(2 * half + 1 for half in half_shape))
    for range_mm, step_mm in _pieces(kernel, min(spacing_mm), density_g_ml, part):
        values += fold_shells(edges_mm, cumulative, spacing_mm, range_mm, half_shape, step_mm)
    values.flags.writeable = False
    return values


def _pieces(
    kernel: PointKernel, edge_mm: float, density_g_ml: float, part: Part
) -> list[tuple[tuple[float, float], float]]:
    """Radii and step (mm) of the pieces of one part: short steps as far as electrons reach."""
    border_mm = near_radius_mm(kernel, density_g_ml)
    if part == "far":
        last_mm = float(kernel.edges_mm(density_g_ml)[-1])
        return [((border_mm, last_mm), edge_mm / FAR_STEPS)]
    scale = kernel.density_g_ml / density_g_ml
    reach_mm = min(charged_radius_mm(kernel) * scale, border_mm)
    step_mm = min(edge_mm / NEAR_STEPS, NEAR_STEP_MM * scale)
    pieces = [((0.0, reach_mm), min(step_mm, reach_mm / STEPS_TO_REACH))]
    return pieces if reach_mm == border_mm else [*pieces, ((reach_mm, border_mm), step_mm)]
