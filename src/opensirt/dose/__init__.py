"""Dose engines, kernels, histograms and the doses of regions."""

# ruff: noqa: E402 - the place of machine code comes before what is compiled
from opensirt.machine_code import keep_machine_code

keep_machine_code()

from opensirt.dose.dvh import Dvh, dose_volume_histogram
from opensirt.dose.engine import DoseEngine, dose_engines
from opensirt.dose.kernels import PointKernel, VoxelKernel, point_kernel, voxel_kernel
from opensirt.dose.statistics import RegionDose, RegionDoseOptions, region_doses

__all__ = [
    "DoseEngine",
    "Dvh",
    "PointKernel",
    "RegionDose",
    "RegionDoseOptions",
    "VoxelKernel",
    "dose_engines",
    "dose_volume_histogram",
    "point_kernel",
    "region_doses",
    "voxel_kernel",
]
