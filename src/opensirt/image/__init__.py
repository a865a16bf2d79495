"""Voxel grids, volumes with units, and named regions in DICOM patient space (LPS, mm)."""

from opensirt.image.grid import Grid
from opensirt.image.regions import REGION_ROLES, Region, Regions
from opensirt.image.volume import Volume

__all__ = ["REGION_ROLES", "Grid", "Region", "Regions", "Volume"]
