"""Dose engine `voxel-convolution`: energy carried away from the decay by a voxel kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from opensirt.dose.convolution import bin_sum, convolve, spread
from opensirt.dose.engine import (
    EngineTraits,
    activity_values,
    density_values,
    dose_engines,
    lowest_density,
)
from opensirt.dose.kernels import (
    PointKernel,
    Spacing,
    check_geometry,
    half_shape_for,
    kernel_medium_at,
    near_radius_mm,
    part_energies,
    point_kernel,
)
from opensirt.errors import GridMismatchError, InputError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["VoxelConvolution"]

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]

COARSE_VOXEL_MM = 6.0
"""The far part of the kernel is convolved on voxels of about this edge; it varies over cm."""
DENSITY_STEP_G_ML = 0.005
"""Kernel densities are rounded to this, 0.25 % of a range, so that kernels can be kept."""


@dose_engines.register("voxel-convolution")
@dataclass(frozen=True, slots=True)
class VoxelConvolution:
    """Absorbed dose by convolution with the voxel kernel of a uniform medium.

    The kernel is made for the exact voxel size from the nuclide's dose point kernel in the medium
    that the density stands for, with distances scaled by the density. It gives the energy in every
    voxel; the dose is that energy over a mass. The first centimetre is convolved voxel by voxel,
    the rest (photons) on coarser voxels; no energy is left off, but what leaves the grid is lost.
    Suits soft tissue and voxels of up to about the beta range; at the lung it misplaces energy,
    because the range does not follow the local density.

    References
    ----------
    .. [bolch1999] MIRD Pamphlet 17, voxel-level S values.
    """

    density_scaling: Literal["local", "none"] = "local"
    """"local" divides the energy in a voxel by that voxel's mass, so energy is conserved;
    "none" divides by the mass of a voxel of the medium, as with tabulated voxel S values."""
    medium_density_g_ml: float | None = None
    """Density that the kernel is made for; by default the mean where the activity is."""
    min_density_g_ml: float = 0.1
    """Voxels below this density, such as air, receive zero dose."""

    def __post_init__(self) -> None:
        if self.density_scaling not in ("local", "none"):
            raise InputError(
                f"density scaling {self.density_scaling!r} is unknown; choose local or none"
            )

    @property
    def traits(self) -> EngineTraits:
        """Energy goes through one medium."""
        return EngineTraits("kernel", self.medium_density_g_ml, self.density_scaling == "local")

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, ``D = (a * K) tau / rho`` with ``a * K`` a convolution, float32.

        `a` is the concentration at injection (Bq/mL), `K` the share of a decay's energy (MeV) that
        reaches each voxel, `tau` the mean life (s), `rho` the density (g/mL) of the voxel or of
        the medium. See `DoseEngine.dose` for shapes, units and errors.
        """
        a = activity_values(activity)
        rho = density_values(density, activity)
        grid = activity.grid
        if not grid.is_orthogonal:
            raise GridMismatchError(f"the grid {grid} is sheared; resample the activity first")
        medium_g_ml = self._medium_density(a, rho)
        kernel = point_kernel(nuclide.name, kernel_medium_at(_rounded(medium_g_ml)))
        gray = _near_energy(a, kernel, grid.spacing_mm, _rounded(medium_g_ml))
        far = _far_energy(a, kernel, grid.spacing_mm, _rounded(medium_g_ml))
        gray_g_ml_per_mev = nuclide.energy_scale * nuclide.mean_life_s * JOULE_PER_MEV * G_PER_KG
        for index, far_slice in enumerate(far):  # slice by slice: no copy of the volume
            gray[index] += far_slice
            self._to_dose(gray[index], rho[index], medium_g_ml, gray_g_ml_per_mev)
        return activity.with_values(gray, Unit.GY)

    def _medium_density(self, a: Values, rho: Values) -> float:
        """The density to make the kernel for, g/mL."""
        if self.medium_density_g_ml is not None:
            return self.medium_density_g_ml
        mass = total = 0.0
        for a_slice, rho_slice in zip(a, rho, strict=True):
            mass += float(np.vdot(a_slice, rho_slice))  # a weighted mean: single precision will do
            total += float(a_slice.sum(dtype=np.float64))
        return mass / total if total > 0.0 else 1.0

    def _to_dose(self, energy: Floats, rho: Values, medium_g_ml: float, factor: float) -> None:
        """Turn the energy per mL of one slice (MeV/mL per s of decay rate) into Gy, in place."""
        local = self.density_scaling == "local"
        energy *= factor if local else factor / medium_g_ml
        tissue = np.asarray(rho, np.float32) >= lowest_density(self.min_density_g_ml)
        if local:
            np.divide(energy, rho, out=energy, where=tissue)
        energy[~tissue] = 0.0


def _rounded(density_g_ml: float) -> float:
    steps = max(1, round(density_g_ml / DENSITY_STEP_G_ML))
    return round(steps * DENSITY_STEP_G_ML, 6)


def _near_energy(
    a: Values, kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float
) -> Floats:
    """Decay rate per mL times MeV that the near part brings to each voxel."""
    check_geometry(spacing_mm, density_g_ml)
    half = half_shape_for(near_radius_mm(kernel, density_g_ml), spacing_mm)
    return convolve(a, part_energies(kernel, spacing_mm, density_g_ml, "near", half))


def _far_energy(
    a: Values, kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float
) -> Iterator[Floats]:
    """The same for the far part, slice by slice.

    It is convolved on coarse voxels, one more of them on every side, and interpolated linearly.
    """
    factors = _triple(max(1, round(COARSE_VOXEL_MM / s)) for s in spacing_mm)
    coarse_mm = _triple(s * f for s, f in zip(spacing_mm, factors, strict=True))
    coarse = np.pad(bin_sum(a, factors), 1)
    reach = half_shape_for(float(kernel.edges_mm(density_g_ml)[-1]), coarse_mm)
    half = _triple(min(pair) for pair in zip(reach, coarse.shape, strict=True))
    coarse = convolve(coarse, part_energies(kernel, coarse_mm, density_g_ml, "far", half))
    return spread(coarse, _triple(a.shape), factors)


def _triple(numbers: Iterable[Any]) -> tuple[Any, Any, Any]:
    first, second, third = numbers
    return first, second, third
