"""Dose engine `voxel-superposition`: energy carried through tissue of any density."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.dose.backward_paths import electron_paths
from opensirt.dose.convolution import active_box, spread
from opensirt.dose.density_aware import ElectronField, electron_dose
from opensirt.dose.engine import activity_values, density_values, dose_engines, lowest_density
from opensirt.dose.kernel_parts import HalfShape, electron_kernel, electron_reach_mm
from opensirt.dose.kernels import Spacing, kernel_medium_at, point_kernel
from opensirt.dose.photon_dose import photon_dose
from opensirt.errors import GridMismatchError, InputError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.units import G_PER_KG, JOULE_PER_MEV, Unit

__all__ = ["VoxelSuperposition"]

Floats = npt.NDArray[np.float32]
Box = tuple[slice, slice, slice]

THINNEST_REACHED_G_ML = 0.2
"""Electron dose is given as far from the activity as electrons reach in lung of this density."""
SHORTEST_PIECE = 0.04
"""Shortest piece of a path, over the smallest voxel edge."""


@dose_engines.register("voxel-superposition")
@dataclass(frozen=True, slots=True)
class VoxelSuperposition:
    """Absorbed dose along paths of electrons through voxels of any density.

    Where the density within reach is that of the medium this is ``voxel-convolution``. Near lung,
    bone and air the dose of a voxel is gathered along a fixed set of scattered electron paths,
    read backwards and stretched by the local density, so range, backscatter and the loss of it at
    thin media follow. Photons run straight on coarser voxels. Suits the lung and the dome of the
    liver; what leaves the grid is lost.

    References
    ----------
    .. [fano1954] Density alone changes no dose where decays per mass are the same.
    """

    path_sets: int = 3
    """Sets of 48 paths per voxel near a change of density; noise falls with their number."""
    min_density_g_ml: float = 0.0
    """Voxels below this density receive zero dose; energy still passes through them. By default
    even air has its dose, as in ``monte-carlo``; the uniform engines cannot say it."""

    def __post_init__(self) -> None:
        if not 1 <= self.path_sets <= 64:
            raise InputError(f"path sets must be from 1 to 64, found {self.path_sets}")

    def dose(self, activity: Volume, density: Volume, nuclide: Nuclide) -> Volume:
        """Dose to complete decay, float32. See `DoseEngine.dose` for shapes, units and errors."""
        a = activity_values(activity)
        rho = density_values(density, activity)
        grid = activity.grid
        if not grid.is_orthogonal:
            raise GridMismatchError(f"the grid {grid} is sheared; resample the activity first")
        gray = np.zeros(a.shape, dtype=np.float32)
        active = active_box(a)
        if active is None:
            return activity.with_values(gray, Unit.GY)
        reach_mm = electron_reach_mm(point_kernel(nuclide.name))
        box = _widened(active, reach_mm / THINNEST_REACHED_G_ML, grid.spacing_mm, a.shape)
        gray[box] = electron_dose(
            np.ascontiguousarray(a[box], np.float32),
            np.ascontiguousarray(rho[box], np.float32),
            grid.spacing_mm,
            self._field(nuclide, grid.spacing_mm, reach_mm),
        )
        near, coarse, factors = photon_dose(a, rho, grid.spacing_mm, nuclide.name)
        if near is not None:
            gray += near
        del near
        fine = spread(coarse, (a.shape[0], a.shape[1], a.shape[2]), factors)
        factor = np.float32(nuclide.energy_scale * nuclide.mean_life_s * JOULE_PER_MEV * G_PER_KG)
        least = lowest_density(self.min_density_g_ml)
        for index, photons in enumerate(fine):  # slice by slice: no copy of the volume
            gray[index] += photons
            gray[index] *= factor
            gray[index][rho[index] < least] = 0.0
        return activity.with_values(gray, Unit.GY)

    def _field(self, nuclide: Nuclide, spacing_mm: Spacing, reach_mm: float) -> ElectronField:
        def kernel_mev(base_g_ml: float, greatest: HalfShape) -> npt.NDArray[np.float64]:
            kernel = point_kernel(nuclide.name, kernel_medium_at(base_g_ml))
            return electron_kernel(kernel, spacing_mm, base_g_ml, greatest)

        paths = electron_paths(nuclide, SHORTEST_PIECE * min(spacing_mm))
        return ElectronField(kernel_mev, reach_mm, paths, self.path_sets)


def _widened(box: Box, by_mm: float, spacing_mm: Spacing, shape: tuple[int, ...]) -> Box:
    wide = []
    for span, size, length in zip(box, spacing_mm, shape, strict=True):
        more = math.ceil(by_mm / size)
        wide.append(slice(max(0, span.start - more), min(length, span.stop + more)))
    return wide[0], wide[1], wide[2]
