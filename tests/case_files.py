"""The small case of `tests.cases` as files: NIfTI, a Slicer segmentation and case.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.case import Case
from opensirt.image import Grid, Volume
from opensirt.io.casefile import write_case_file
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.units import Unit
from tests.cases import small_case
from tests.paths import SHARED

__all__ = ["MAA", "write_maa_case", "write_map", "write_small_case"]

MAA = SHARED / "data" / "maa-spect-liver"


def write_small_case(
    folder: Path, case: Case | None = None, *, assumptions: dict[str, Any] | None = None
) -> Path:
    """Write a case into `folder` (created) and return its `case.toml`."""
    folder.mkdir(parents=True, exist_ok=True)
    case = case or small_case()
    images = []
    for image in case.images:
        volume, name = image.volume, f"{image.role}.nii.gz"
        write_volume_nifti(folder / name, volume)
        row = {"file": name, "role": image.role, "unit": volume.unit.value}
        row |= {"nuclide": volume.nuclide} if volume.nuclide else {}
        images.append(row | ({"acquired": image.acquired} if image.acquired else {}))
    write_regions_seg_nrrd(folder / "regions.seg.nrrd", case.regions.items)
    known = {
        "density_g_ml": case.assumptions.density_g_ml,
        "lung_shunt_fraction": case.assumptions.lung_shunt_fraction,
        "lung_mass_g": case.assumptions.lung_mass_g,
    }
    return write_case_file(
        folder / "case.toml",
        case_id=case.id,
        images=images,
        regions=[
            {
                "file": "regions.seg.nrrd",
                "roles": {region.name: region.role for region in case.regions},
            }
        ],
        assumptions=known if assumptions is None else assumptions,
    )


def write_maa_case(path: Path) -> Path:
    """`case.toml` of the real MAA SPECT beside this checkout."""
    return write_case_file(
        path,
        case_id="liver-2",
        images=[
            {
                "file": MAA / "patient_2_SPECT.nrrd", "role": "planning-activity",
                "nuclide": "tc99m", "unit": "counts",
            }
        ],
        regions=[
            {
                "file": MAA / "patient_2_Segmentation.seg.nrrd",
                "roles": {
                    "liver": "liver", "Tumor 1": "tumour", "Tumor 2": "tumour",
                    "perfused volume": "perfused", "gallbladder": "gallbladder",
                },
            }
        ],
        assumptions={"density_g_ml": 1.06, "lung_shunt_fraction": 0.05, "lung_mass_g": 1000},
    )  # fmt: skip


def write_map(
    path: Path,
    values: npt.NDArray[Any],
    spacing_mm: float = 4.0,
    unit: Unit = Unit.ARBITRARY,
) -> Path:
    """Values on a regular grid as NIfTI; where no unit is given, the reader states it."""
    grid = Grid.regular(values.shape, (spacing_mm,) * 3, (0.0, 0.0, 0.0))
    write_volume_nifti(path, Volume(np.asarray(values), grid, unit))
    return path
