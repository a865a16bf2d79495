"""Dose engine `voxel-superposition`: energy carried through tissue of any density."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.dose.convolution import active_box, convolve
from opensirt.dose.engine import activity_values, density_values, dose_engines, lowest_density
from opensirt.dose.kernel_parts import cumulative_mev, electron_kernel, electron_reach_mm
from opensirt.dose.kernels import (
    PointKernel,
    Spacing,
    kernel_medium_at,
    point_kernel,
    rounded_density,
)
from opensirt.dose.photon_dose import photon_dose
from opensirt.dose.ray_kernel import fitted_kernel
from opensirt.dose.rays import AIR_G_ML, add_density_effect, share_facing_air
from opensirt.errors import GridMismatchError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["VoxelSuperposition"]

Floats = npt.NDArray[np.float32]
Box = tuple[slice, slice, slice]

THINNEST_REACHED_G_ML = 0.2
"""Electron dose is given as far from the activity as electrons reach in lung of this density."""
UNIFORM_WITHIN = 1e-3
"""Density that differs less than this from that of the kernel changes nothing."""

LOST_AT_AIR, LOST_DEPTH = 0.28, 0.2
"""Share of the electron dose that is missing at a flat surface, because air sends nothing back, and
the depth of that loss over the mean distance at which a decay leaves its energy. Assumption: fitted
to Monte Carlo, see docs/methods/dose-voxel-superposition.md."""


@dataclass(frozen=True, slots=True)
class _Medium:
    """The uniform medium of the convolution: the mean of the density where the activity is."""

    density_g_ml: float
    kernel: PointKernel

    @classmethod
    def of(cls, activity: Floats, density: Floats, nuclide_name: str) -> _Medium:
        mean = float(np.vdot(density, activity)) / float(activity.sum(dtype=np.float64))
        rounded = rounded_density(mean)
        return cls(rounded, point_kernel(nuclide_name, kernel_medium_at(rounded)))


@dose_engines.register("voxel-superposition")
@dataclass(frozen=True, slots=True)
class VoxelSuperposition:
    """Absorbed dose by convolution, put right along rays for the density they meet.

    The convolution with the kernel of one medium is exact where that is all there is. What density
    changes is the difference of two sums along rays, through the patient's density and through
    that of the medium, with the same energy per mm of mass met; so the dose follows range into
    lung and bone without noise. Straight rays know no backscatter; what air does not send back is
    taken off near it. Suits the dome of the liver and the lung; what leaves the grid is lost.

    References
    ----------
    .. [ahnesjo1989] Collapsed cone convolution.
    .. [fano1954] Density alone changes no dose where decays per mass are the same.
    """

    min_density_g_ml: float = 0.0
    """Voxels below this density receive zero dose; energy still passes through them. By default
    even air has its dose, as in ``monte-carlo``; the uniform engines cannot say it."""

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, float32. See `DoseEngine.dose` for shapes, units and errors."""
        a = np.asarray(activity_values(activity), dtype=np.float32)
        rho = np.asarray(density_values(density, activity), dtype=np.float32)
        grid = activity.grid
        if not grid.is_orthogonal:
            raise GridMismatchError(f"the grid {grid} is sheared; resample the activity first")
        active = active_box(a)
        if active is None:
            return activity.with_values(np.zeros(a.shape, dtype=np.float32), Unit.GY)
        medium = _Medium.of(a, rho, nuclide.name)
        gray = _electron_dose(a, rho, grid.spacing_mm, medium, active)
        near, far = photon_dose(a, rho, grid.spacing_mm, medium.kernel, medium.density_g_ml)
        if near is not None:
            gray += near
        del near
        factor = np.float32(nuclide.energy_scale * nuclide.mean_life_s * JOULE_PER_MEV * G_PER_KG)
        least = lowest_density(self.min_density_g_ml)
        for index, photons in enumerate(far):  # slice by slice: no copy of the volume
            gray[index] += photons
            np.maximum(gray[index], 0.0, out=gray[index])
            gray[index] *= factor
            gray[index][rho[index] < least] = 0.0
        return activity.with_values(gray, Unit.GY)


def _electron_dose(
    activity: Floats, density: Floats, spacing_mm: Spacing, medium: _Medium, active: Box
) -> Floats:
    """MeV/g per decay/mL, in the shape of the maps; never negative."""
    base, kernel = medium.density_g_ml, medium.kernel
    greatest = (activity.shape[0], activity.shape[1], activity.shape[2])
    dose = convolve(activity, electron_kernel(kernel, spacing_mm, base, greatest))
    dose *= np.float32(1.0 / base)
    reach_mm = electron_reach_mm(kernel)
    box = _widened(active, reach_mm / THINNEST_REACHED_G_ML, spacing_mm, activity.shape)
    least, most = float(density[box].min()), float(density[box].max())
    if max(base - least, most - base) > UNIFORM_WITHIN * base:
        rays = fitted_kernel(kernel.edges_mm(1.0), cumulative_mev(kernel)[0], reach_mm)
        add_density_effect(dose[box], activity[box], density[box], base, spacing_mm, rays)
        np.maximum(dose, 0.0, out=dose)
        _take_off_backscatter(dose[box], density[box], spacing_mm, kernel)
    return dose


def _take_off_backscatter(
    dose: Floats, density: Floats, spacing_mm: Spacing, kernel: PointKernel
) -> None:
    """In place: the dose less what would come back if there were tissue instead of air."""
    if float(density.min()) >= AIR_G_ML:
        return
    within_mev, edges_mm = cumulative_mev(kernel)[0], kernel.edges_mm(1.0)
    middle_mm = 0.5 * (edges_mm[1:] + edges_mm[:-1])
    mean_mm = float(np.vdot(np.diff(within_mev), middle_mm) / within_mev[-1])
    facing = share_facing_air(density, spacing_mm, LOST_DEPTH * mean_mm)
    np.minimum(facing, 0.5, out=facing)  # what faces more air than that sends nothing out itself
    facing *= np.float32(-2.0 * LOST_AT_AIR)
    facing += np.float32(1.0)
    dose *= facing


def _widened(box: Box, by_mm: float, spacing_mm: Spacing, shape: tuple[int, ...]) -> Box:
    wide = []
    for span, size, length in zip(box, spacing_mm, shape, strict=True):
        more = math.ceil(by_mm / size)
        wide.append(slice(max(0, span.start - more), min(length, span.stop + more)))
    return wide[0], wide[1], wide[2]
