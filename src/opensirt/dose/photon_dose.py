"""Dose of photons in voxels of any density, on coarse voxels: it varies over centimetres."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from opensirt.dose.convolution import bin_sum, convolve, spread
from opensirt.dose.kernel_parts import cumulative_mev, photon_kernel
from opensirt.dose.kernels import NEAR_RADIUS_MM, PointKernel, Spacing, half_shape_for
from opensirt.dose.ray_kernel import fitted_kernel
from opensirt.dose.rays import add_density_effect

__all__ = ["photon_dose"]

Floats = npt.NDArray[np.float32]
Triple = tuple[int, int, int]

COARSE_VOXEL_MM = 6.0
FOLLOWED_SHARE = 0.01
"""Photons with less than this of the energy are only convolved: what density changes of their dose
is below one part in a thousand of the dose in the liver."""


def photon_dose(
    activity: Floats, density: Floats, spacing_mm: Spacing, kernel: PointKernel, base_g_ml: float
) -> tuple[Floats | None, Iterator[Floats]]:
    """Photon dose close by, where photons matter, and the rest slice by slice.

    MeV/g per decay/mL, to be added up. The dose is energy over the mass of the uniform medium of
    `base_g_ml`, with what density changes along rays added: a photon's fluence hardly knows the
    density of the voxel that it leaves energy in.

    Parameters
    ----------
    activity, density : ndarray, (slice, row, column), float32
        Decays per mL and g/mL.
    spacing_mm : (float, float, float)
    kernel : PointKernel
        Of the medium that `base_g_ml` stands for.
    """
    f, g, h = (max(1, round(COARSE_VOXEL_MM / s)) for s in spacing_mm)
    factors = (f, g, h)
    coarse_mm = (spacing_mm[0] * f, spacing_mm[1] * g, spacing_mm[2] * h)
    decays = np.pad(bin_sum(activity, factors), 1)
    edges_mm, within_mev = kernel.edges_mm(1.0), cumulative_mev(kernel)[1]
    matters = within_mev[-1] > FOLLOWED_SHARE * kernel.total_mev
    border, end = NEAR_RADIUS_MM if matters else 0.0, float(edges_mm[-1])
    near = None
    if matters:
        half = _smaller(half_shape_for(border / base_g_ml, spacing_mm), activity.shape)
        near = convolve(activity, photon_kernel(kernel, spacing_mm, base_g_ml, (0.0, border), half))
        near *= np.float32(1.0 / base_g_ml)
    half = _smaller(half_shape_for(end / base_g_ml, coarse_mm), decays.shape)
    dose = convolve(decays, photon_kernel(kernel, coarse_mm, base_g_ml, (border, end), half))
    dose *= np.float32(1.0 / base_g_ml)
    if matters:
        counts = _counts(activity.shape, factors)
        inside = decays[1:-1, 1:-1, 1:-1] / counts
        mass = bin_sum(density, factors) / counts
        rays = fitted_kernel(edges_mm, within_mev, end)
        changed = np.zeros_like(inside)
        add_density_effect(changed, inside, mass, base_g_ml, coarse_mm, rays)
        dose += np.pad(changed * np.float32(math.prod(factors)), 1, mode="edge")
    return near, spread(dose, (activity.shape[0], activity.shape[1], activity.shape[2]), factors)


def _smaller(half: Triple, shape: tuple[int, ...]) -> Triple:
    return min(half[0], shape[0]), min(half[1], shape[1]), min(half[2], shape[2])


def _counts(shape: tuple[int, ...], factors: Triple) -> Floats:
    """Fine voxels in each coarse one."""
    lines = [
        np.minimum(f, n - f * np.arange(math.ceil(n / f))).astype(np.float32)
        for n, f in zip(shape, factors, strict=True)
    ]
    return np.asarray(lines[0][:, None, None] * lines[1][:, None] * lines[2])
