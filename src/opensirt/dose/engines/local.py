"""Dose engine `local`: all energy stays in the voxel of the decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensirt.dose.engine import (
    EngineTraits,
    activity_values,
    density_values,
    dose_engines,
    lowest_density,
)
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["LocalDeposition"]


@dose_engines.register("local")
@dataclass(frozen=True, slots=True)
class LocalDeposition:
    """Absorbed dose where each decay happened.

    Suits voxels wider than the beta range, and emission images whose blur already stands in for
    it; on finer grids use ``voxel-convolution``.

    References
    ----------
    .. [bolch1999] MIRD Pamphlet 17, voxel-level S values, self-dose term.
    """

    min_density_g_ml: float = 0.1
    """Voxels below this density, such as air, receive zero dose."""

    @property
    def traits(self) -> EngineTraits:
        """Nothing leaves its voxel."""
        return EngineTraits("nothing")

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, ``D = a * tau * E / rho`` voxel by voxel, float32.

        `a` is the concentration at injection (Bq/mL), `tau` the mean life (s), `E` the mean
        energy per decay taken as absorbed on the spot (MeV), `rho` the voxel's density (g/mL).
        See `DoseEngine.dose` for shapes, units and errors.
        """
        a = activity_values(activity)
        rho = density_values(density, activity, self.min_density_g_ml)
        joule_per_bq = nuclide.mean_life_s * nuclide.mean_energy_mev * JOULE_PER_MEV
        gray = np.zeros(a.shape, dtype=np.float32)
        for index in range(a.shape[0]):  # slice by slice: no float64 copy of the volume
            density_slice = np.asarray(rho[index], dtype=np.float32)
            np.divide(
                np.asarray(a[index], dtype=np.float32) * np.float32(joule_per_bq * G_PER_KG),
                density_slice,
                out=gray[index],
                where=density_slice >= lowest_density(self.min_density_g_ml),
            )
        return activity.with_values(gray, Unit.GY)
