"""Dose of photons in voxels of any density, on coarser voxels: it varies over centimetres."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opensirt.dose.backward_paths import straight_paths
from opensirt.dose.convolution import bin_sum, convolve
from opensirt.dose.kernel_parts import cumulative_mev, photon_kernel
from opensirt.dose.kernels import (
    NEAR_RADIUS_MM,
    PointKernel,
    Spacing,
    half_shape_for,
    kernel_medium_at,
    point_kernel,
)
from opensirt.dose.superposition import OUTSIDE, gather, path_medium, path_stencils, voxel_paths

__all__ = ["photon_dose"]

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]
Triple = tuple[int, int, int]

COARSE_VOXEL_MM = 6.0
FOLLOWED_SHARE = 0.01
"""Photons with less than this of the energy are only convolved: what density changes of their dose
is below one part in a thousand of the dose in the liver."""
PIECES = 24
NEAREST_MM = 3.0
"""End of the first piece of the photon paths."""
BASE_STEP_G_ML = 0.005


def photon_dose(
    activity: Values, density: Values, spacing_mm: Spacing, nuclide_name: str
) -> tuple[Floats | None, Floats, Triple]:
    """Photon dose close by, photon dose on coarse voxels, and fine voxels per coarse one.

    MeV/g per decay/mL. The coarse one has one voxel more on every side, as `spread` takes it, and
    is a sum over fine voxels. Where photons matter, their dose within NEAR_RADIUS_MM g/mL is on the
    fine voxels, so that it stays sharp; otherwise that part is None.
    """
    f, g, h = (max(1, round(COARSE_VOXEL_MM / s)) for s in spacing_mm)
    factors = (f, g, h)
    coarse_mm = (spacing_mm[0] * f, spacing_mm[1] * g, spacing_mm[2] * h)
    decays = np.pad(bin_sum(activity, factors), 1)
    mass = bin_sum(density, factors)
    base = _base(decays[1:-1, 1:-1, 1:-1], mass / np.float32(math.prod(factors)))
    kernel = point_kernel(nuclide_name, kernel_medium_at(base))
    matters = cumulative_mev(kernel)[1][-1] > FOLLOWED_SHARE * kernel.total_mev
    border, end = NEAR_RADIUS_MM if matters else 0.0, float(kernel.outer_radius_mm[-1])
    near = None
    if matters:
        half = _smaller(half_shape_for(border / base, spacing_mm), activity.shape)
        near = convolve(activity, photon_kernel(kernel, spacing_mm, base, (0.0, border), half))
        near *= np.float32(1.0 / base)
    half = _smaller(half_shape_for(end / base, coarse_mm), decays.shape)
    dose = convolve(decays, photon_kernel(kernel, coarse_mm, base, (border, end), half))
    dose *= np.float32(1.0 / base)
    if matters:
        _follow(dose, decays, mass, _counts(activity.shape, factors), coarse_mm, kernel, base)
    return near, dose, factors


def _smaller(half: Triple, shape: tuple[int, ...]) -> Triple:
    return min(half[0], shape[0]), min(half[1], shape[1]), min(half[2], shape[2])


def _base(decays: Floats, density: Floats) -> float:
    total = float(decays.sum(dtype=np.float64))
    mean = float(np.vdot(decays, density)) / total if total > 0.0 else 1.0
    return max(1, round(mean / BASE_STEP_G_ML)) * BASE_STEP_G_ML


def _counts(shape: tuple[int, ...], factors: Triple) -> Floats:
    """Fine voxels in each coarse one."""
    lines = [
        np.minimum(f, n - f * np.arange(math.ceil(n / f))).astype(np.float32)
        for n, f in zip(shape, factors, strict=True)
    ]
    return np.asarray(lines[0][:, None, None] * lines[1][:, None] * lines[2])


def _follow(
    dose: Floats,
    decays: Floats,
    mass: Floats,
    counts: Floats,
    spacing_mm: Spacing,
    kernel: PointKernel,
    base_g_ml: float,
) -> None:
    """Scale the convolved dose by what straight paths collect, over what they would uniformly."""
    inner, cumulative = (slice(1, -1),) * 3, cumulative_mev(kernel)[1]
    medium = path_medium(mass / counts, decays[inner])
    diagonal = math.dist((0, 0, 0), [n * s for n, s in zip(mass.shape, spacing_mm, strict=True)])
    radii = np.concatenate(
        [[0.0], np.geomspace(NEAREST_MM, max(2 * NEAREST_MM, diagonal * base_g_ml), PIECES)]
    )
    within = np.interp(np.maximum(radii, NEAR_RADIUS_MM), kernel.edges_mm(1.0), cumulative)
    paths = voxel_paths(straight_paths(tuple(radii), tuple(np.diff(within))), spacing_mm)
    stencils = path_stencils(paths, base_g_ml, mass.shape)
    places = np.flatnonzero(medium.voxels[:, 0] < OUTSIDE)
    found, plain = gather(places, medium, paths, stencils, (0, 1))
    ratio = np.ones(medium.shape, dtype=np.float32)
    np.divide(found, plain, out=found, where=plain > 0.0)
    found[plain <= 0.0] = 1.0
    ratio.reshape(-1)[places] = found
    dose *= np.pad(ratio[inner], 1, mode="edge")
