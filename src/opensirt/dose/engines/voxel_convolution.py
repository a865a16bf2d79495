"""Dose engine `voxel-convolution`: energy carried away from the decay by a voxel kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    rounded_density,
)
from opensirt.errors import GridMismatchError, unknown_name
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["VoxelConvolution"]

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]
Triple = tuple[int, int, int]

COARSE_VOXEL_MM = 6.0
"""The far part of the kernel is convolved on voxels of about this edge; it varies over cm."""
CLASSES_G_ML = (0.1, 0.2, 0.4, 0.8)
"""Borders of the classes of density by which sources are told apart: halvings from the density of
soft tissue down to the thinnest lung."""


@dose_engines.register("voxel-convolution")
@dataclass(frozen=True, slots=True)
class VoxelConvolution:
    """Absorbed dose by convolution with the voxel kernel of a uniform medium.

    The kernel is made for the exact voxel size from the nuclide's dose point kernel in the medium
    that the density stands for, with distances scaled by the density. It gives the energy in every
    voxel; the dose is that energy over the voxel's mass, or, where the voxel is thinner than the
    tissue it comes from, over the mass it would have in that tissue: a thin voxel beside dense
    tissue takes over its dose, not its energy. The first centimetre is convolved voxel by voxel,
    the rest (photons) on coarser voxels; what leaves the grid is lost. Suits soft tissue and
    voxels of up to about the beta range; in lung beside liver it is low, because the range does
    not follow the local density.

    References
    ----------
    .. [bolch1999] MIRD Pamphlet 17, voxel-level S values.
    """

    density_scaling: Literal["local", "none"] = "local"
    """"local" divides the energy in a voxel by that voxel's mass, or by the mass at the density
    class of the source where that is more; "none" divides by the mass of a voxel of the medium, as
    with tabulated voxel S values."""
    medium_density_g_ml: float | None = None
    """Density that the kernel is made for; by default the mean where the activity is."""
    min_density_g_ml: float = 0.1
    """Voxels below this density, such as air, receive zero dose."""

    def __post_init__(self) -> None:
        if self.density_scaling not in ("local", "none"):
            raise unknown_name("density scaling", self.density_scaling, ("local", "none"))

    @property
    def traits(self) -> EngineTraits:
        """Energy goes through one medium."""
        return EngineTraits("kernel", self.medium_density_g_ml, self.density_scaling == "local")

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, ``D = tau * sum over classes k of (a_k * K) / max(rho, rho_k)``.

        `a_k` is the concentration at injection (Bq/mL) of voxels in class `k` of density, from
        `rho_k` (g/mL) on; `*` is a convolution, `K` the share of a decay's energy (MeV) that
        reaches each voxel, `tau` the mean life (s), `rho` the density (g/mL) of the voxel. Photons
        from beyond the first centimetre bring a dose, so that their energy counts at the density
        of the medium. float32. See `DoseEngine.dose` for shapes, units and errors.
        """
        a = activity_values(activity)
        rho = density_values(density, activity, self.min_density_g_ml)
        grid = activity.grid
        if not grid.is_orthogonal:
            raise GridMismatchError(f"the grid {grid} is sheared; resample the activity first")
        medium_g_ml = self._medium_density(a, rho)
        kernel = point_kernel(nuclide.name, kernel_medium_at(rounded_density(medium_g_ml)))
        gray = self._near_dose(a, rho, kernel, grid.spacing_mm, medium_g_ml)
        far = _far_energy(a, kernel, grid.spacing_mm, rounded_density(medium_g_ml))
        gray_g_ml_per_mev = nuclide.energy_scale * nuclide.mean_life_s * JOULE_PER_MEV * G_PER_KG
        least = lowest_density(self.min_density_g_ml)
        for index, far_slice in enumerate(far):  # slice by slice: no copy of the volume
            gray[index] += far_slice / medium_g_ml
            gray[index] *= gray_g_ml_per_mev
            gray[index][np.asarray(rho[index], np.float32) < least] = 0.0
        return activity.with_values(gray, Unit.GY)

    def _near_dose(
        self, a: Values, rho: Values, kernel: PointKernel, spacing_mm: Spacing, medium_g_ml: float
    ) -> Floats:
        """Decay rate times MeV/g that the near part brings to each voxel."""
        energies = _near_kernel(kernel, spacing_mm, rounded_density(medium_g_ml), _triple(a.shape))
        if self.density_scaling == "none":
            gray = convolve(a, energies)
            gray /= np.float32(medium_g_ml)
            return gray
        least = lowest_density(self.min_density_g_ml)
        floors = [float(least), *(border for border in CLASSES_G_ML if border > least)]
        total: Floats | None = None
        for floor, sources in _by_class(a, rho, floors):
            part = convolve(sources, energies)
            for plane, mass in zip(part, rho, strict=True):
                plane /= np.maximum(np.asarray(mass, np.float32), np.float32(floor))
            total = part if total is None else np.add(total, part, out=total)
        return np.zeros(a.shape, np.float32) if total is None else total

    def _medium_density(self, a: Values, rho: Values) -> float:
        """The density to make the kernel for, g/mL."""
        if self.medium_density_g_ml is not None:
            return self.medium_density_g_ml
        mass = total = 0.0
        for a_slice, rho_slice in zip(a, rho, strict=True):
            mass += float(np.vdot(a_slice, rho_slice))  # a weighted mean: single precision will do
            total += float(a_slice.sum(dtype=np.float64))
        return mass / total if total > 0.0 else 1.0


def _by_class(a: Values, rho: Values, floors: Sequence[float]) -> Iterator[tuple[float, Values]]:
    """Activity by class of density, with the lower border of each; classes without are left out.

    What is thinner than the first border belongs to its class.
    """
    borders = [-np.inf, *floors[1:], np.inf]
    for floor, low, high in zip(floors, borders[:-1], borders[1:], strict=True):
        inside = np.zeros(a.shape, dtype=bool)
        others = False
        for mask, plane, mass in zip(inside, a, rho, strict=True):
            active = np.asarray(plane) > 0
            np.logical_and(active, (mass >= low) & (mass < high), out=mask)
            others = others or bool((active & ~mask).any())
        if not others:
            yield floor, a
            return
        if inside.any():
            yield floor, np.where(inside, np.asarray(a, np.float32), np.float32(0))


def _near_kernel(
    kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float, shape: Triple
) -> npt.NDArray[np.float64]:
    """The near part of the kernel (MeV), no larger than what joins two voxels of a grid."""
    check_geometry(spacing_mm, density_g_ml)
    reach = half_shape_for(near_radius_mm(kernel, density_g_ml), spacing_mm)
    half = _triple(min(pair) for pair in zip(reach, shape, strict=True))
    return part_energies(kernel, spacing_mm, density_g_ml, "near", half)


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
