"""Small maps of activity, density and dose for the tests of dose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import JOULE_PER_MEV, Unit

Spacing = Sequence[float]


def volume(values: npt.ArrayLike, unit: Unit, spacing_mm: Spacing = (3.0, 3.0, 3.0)) -> Volume:
    """Values (float32) on an axial grid."""
    array = np.asarray(values, dtype=np.float32)
    return Volume(array, Grid.regular(array.shape, spacing_mm), unit)


def uniform(
    value: float, unit: Unit, shape: Sequence[int], spacing_mm: Spacing = (3.0, 3.0, 3.0)
) -> Volume:
    """One value everywhere."""
    return volume(np.full(shape, value), unit, spacing_mm)


def equilibrium_gy(nuclide: Nuclide, bq_per_ml: float, density_g_ml: float) -> float:
    """Energy released over mass: the dose deep inside a uniform medium, Gy."""
    joule_per_ml = bq_per_ml * nuclide.mean_life_s * nuclide.mean_energy_mev * JOULE_PER_MEV
    return joule_per_ml / (density_g_ml * 1e-3)


def sphere_fractions(
    radius_mm: float, spacing_mm: float, samples: int = 6
) -> npt.NDArray[np.float64]:
    """Covered fraction of cubic voxels by a sphere at the centre, with no empty border."""
    half = int(np.ceil(radius_mm / spacing_mm - 0.5))
    count = 2 * half + 1
    line = (np.arange(count * samples) + 0.5) / samples * spacing_mm - count * spacing_mm / 2
    square = line**2
    inside = (
        square[:, None, None] + square[None, :, None] + square[None, None, :] <= radius_mm**2
    ).astype(np.float32)
    return inside.reshape(count, samples, count, samples, count, samples).mean(axis=(1, 3, 5))
