"""A point kernel taken apart into what electrons and what photons leave, folded to voxels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.folding import fold_shells
from opensirt.dose.kernels import (
    FAR_STEPS,
    NEAR_STEP_MM,
    NEAR_STEPS,
    PHOTON_SHARE_OF_SHELLS,
    PointKernel,
    Spacing,
    charged_radius_mm,
    half_shape_for,
)

__all__ = ["HalfShape", "cumulative_mev", "electron_kernel", "electron_reach_mm", "photon_kernel"]

FloatArray = npt.NDArray[np.float64]
HalfShape = tuple[int, int, int]

REACH_FRACTION = 0.9998
"""Share of the electrons' energy that lies within their reach."""


def electron_reach_mm(kernel: PointKernel) -> float:
    """Radius in the kernel's own medium beyond which all energy counts as the photons'."""
    return charged_radius_mm(kernel, REACH_FRACTION)


@lru_cache(maxsize=8)
def cumulative_mev(kernel: PointKernel) -> tuple[FloatArray, FloatArray]:
    """Energy within each shell edge, from 0, that electrons and that photons leave; read-only.

    The equal shells at the start of a table reach beyond every electron, so their outermost tenth
    shows the photon energy per mm, which changes little over some mm.
    """
    width = np.diff(kernel.outer_radius_mm, prepend=0.0)
    equal = int(np.argmin(np.isclose(width, width[0], rtol=0.02))) or width.size
    last = max(1, int(np.ceil(equal * PHOTON_SHARE_OF_SHELLS)))
    per_mm = kernel.energy_mev[equal - last : equal].sum() / width[equal - last : equal].sum()
    inside = kernel.outer_radius_mm <= electron_reach_mm(kernel)
    photons = np.where(inside, np.minimum(per_mm * width, kernel.energy_mev), kernel.energy_mev)
    parts = [np.concatenate([[0.0], np.cumsum(p)]) for p in (kernel.energy_mev - photons, photons)]
    for part in parts:
        part.flags.writeable = False
    return parts[0], parts[1]


@lru_cache(maxsize=8)
def electron_kernel(
    kernel: PointKernel, spacing_mm: Spacing, density_g_ml: float, greatest: HalfShape
) -> FloatArray:
    """MeV per decay and voxel left by electrons in a uniform medium; read-only."""
    scale = kernel.density_g_ml / density_g_ml
    reach_mm = electron_reach_mm(kernel) * scale
    wanted = half_shape_for(reach_mm, spacing_mm)
    half = (min(wanted[0], greatest[0]), min(wanted[1], greatest[1]), min(wanted[2], greatest[2]))
    step_mm = min(min(spacing_mm) / NEAR_STEPS, NEAR_STEP_MM * scale)
    edges = kernel.edges_mm(density_g_ml)
    return _folded(edges, cumulative_mev(kernel)[0], spacing_mm, (0.0, reach_mm), half, step_mm)


@lru_cache(maxsize=8)
def photon_kernel(
    kernel: PointKernel,
    spacing_mm: Spacing,
    density_g_ml: float,
    range_mm: tuple[float, float],
    half: HalfShape,
) -> FloatArray:
    """MeV per decay and voxel left by photons between two radii (mm at 1 g/mL); read-only."""
    edges = kernel.edges_mm(density_g_ml)
    low, high = (min(radius / density_g_ml, float(edges[-1])) for radius in range_mm)
    step_mm = min(spacing_mm) / FAR_STEPS
    return _folded(edges, cumulative_mev(kernel)[1], spacing_mm, (low, high), half, step_mm)


def _folded(
    edges_mm: FloatArray,
    cumulative: FloatArray,
    spacing_mm: Spacing,
    range_mm: tuple[float, float],
    half: HalfShape,
    step_mm: float,
) -> FloatArray:
    values = fold_shells(edges_mm, cumulative, spacing_mm, range_mm, half, step_mm)
    values.flags.writeable = False
    return values
