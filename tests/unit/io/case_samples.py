"""A folder with a `case.toml` that says everything it may say, and its images."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from opensirt.image import Region, Volume
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.units import Unit
from tests.region_samples import turned_grid

GRID = turned_grid((6, 16, 20), (3.0, 1.5, 1.25))
ACQUIRED = datetime(2025, 1, 10, 9, 30, tzinfo=UTC)

GOOD = """\
[case]
id = "liver-2"
[[image]]
file = "spect.nii.gz"
role = "planning-activity"
nuclide = "tc99m"
unit = "counts"
acquired = 2025-01-10T09:30:00Z
[[image]]
file = "ct.nii.gz"
role = "ct"
unit = "HU"
label = "low-dose CT"
[[regions]]
file = "segmentation.seg.nrrd"
[regions.roles]
"liver" = "liver"
"Tumor 1" = "tumour"
[regions.territories]
"Tumor 1" = "right"
[assumptions]
density_g_ml = 1.06
lung_shunt_fraction = 0.05
lung_mass_g = 1000
[treatment]
product = "glass-y90"
activity_gbq = 1.4
injected = 2025-01-10T12:00:00Z
[patient]
sex = "F"
height_cm = 165
weight_kg = 62.5
"""


def boxes(grid=GRID):
    """A liver with one lesion, all of it perfused."""
    liver, tumour = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    liver[1:5, 3:12, 4:15] = True
    tumour[2:4, 5:8, 6:10] = True
    return [
        Region.from_mask("liver", "liver", liver, grid),
        Region.from_mask("Tumor 1", "tumour", tumour, grid),
        Region.from_mask("perfused volume", "perfused", liver, grid),
    ]


def write_good_case(folder: Path) -> Path:
    """`GOOD` and what it names, in `folder`."""
    counts = np.ones(GRID.shape, np.int16)
    counts[0, 0, :3] = -2
    write_volume_nifti(folder / "spect.nii.gz", Volume(counts, GRID, Unit.COUNTS))
    write_volume_nifti(folder / "ct.nii.gz", Volume(np.zeros(GRID.shape, "i2"), GRID, Unit.HU))
    write_regions_seg_nrrd(folder / "segmentation.seg.nrrd", boxes())
    (folder / "case.toml").write_text(GOOD)
    return folder
