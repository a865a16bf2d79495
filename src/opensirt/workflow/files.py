"""Jobs on single files: a voxel kernel, histograms; and how maps and regions are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from opensirt.case import StudyImage
from opensirt.dose.dvh import dose_volume_histogram
from opensirt.dose.kernels import VoxelKernel, voxel_kernel
from opensirt.errors import FileFormatError, InputError, UnknownNameError
from opensirt.image import Region, Volume
from opensirt.io.archive import staged_file
from opensirt.io.dicom_dose import read_rt_dose
from opensirt.io.dicom_files import open_dicom
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.nifti import read_nifti_regions, read_volume_nifti
from opensirt.io.slicer import read_nrrd, read_nrrd_regions
from opensirt.physics.materials import tissue
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

__all__ = [
    "histograms_from_files",
    "kernel_to_file",
    "read_dose",
    "read_regions",
    "read_volume",
    "require_ending",
]

MEDIA = ("water", "soft-tissue", "liver", "lung", "bone")
KERNEL_ENGINE = "voxel-convolution"


def kernel_to_file(
    nuclide_name: str,
    voxel_mm: tuple[float, float, float],
    *,
    medium: str,
    density_g_ml: float | None,
    extent: int | None,
    engine: str,
    out: Path,
) -> dict[str, Any]:
    """Voxel S values, mGy/(MBq s), of a uniformly filled voxel, as an `.npz` file.

    `voxel_mm` is along (x, y, z); the array is (slice, row, column) = (z, y, x).
    """
    if engine != KERNEL_ENGINE:
        raise UnknownNameError(f"engine {engine!r} makes no voxel kernels; choose {KERNEL_ENGINE}")
    if medium not in MEDIA:
        raise UnknownNameError(f"medium {medium!r} is unknown; choose one of {', '.join(MEDIA)}")
    if min(voxel_mm) <= 0:
        raise InputError(f"voxel sizes must be above 0 mm, found {voxel_mm}")
    require_ending(out, (".npz",))
    rho = density_g_ml if density_g_ml is not None else tissue(medium).density_g_ml
    x, y, z = voxel_mm
    kernel: VoxelKernel = voxel_kernel(nuclide(nuclide_name), (z, y, x), rho, extent)
    values = kernel.s_values_mgy_per_mbq_s()
    with staged_file(out) as staged, staged.open("wb") as stream:
        np.savez_compressed(stream, s_mgy_per_mbq_s=values, density_g_ml=rho, voxel_mm=voxel_mm)
    middle = tuple(n // 2 for n in values.shape)
    return {
        "out": str(out),
        "nuclide": nuclide_name,
        "medium": medium,
        "density_g_ml": rho,
        "shape": list(values.shape),
        "self_s_mgy_per_mbq_s": float(values[middle]),
        "energy_in_array_fraction": float(kernel.energy_mev.sum() / kernel.total_mev),
    }


def histograms_from_files(dose: Path, regions: Path) -> dict[str, Any]:
    """Dose figures and cumulative histogram of each region of a label or structure file."""
    gray = read_dose(dose)
    rows = []
    for region in read_regions(regions, gray):
        here = region.onto(gray.grid)
        if here.is_empty:
            rows.append({"name": region.name, "volume_ml": region.volume_ml, "outside": True})
            continue
        curve = dose_volume_histogram(gray, here)
        doses_gy, fraction = curve.cumulative()
        figures = {f"d{x}_gy": curve.d(x) for x in (98, 95, 70, 50, 2)}
        rows.append(
            {
                "name": region.name,
                "role": region.role,
                "volume_ml": curve.volume_ml,
                "mean_dose_gy": curve.mean_gy,
                "minimum_gy": curve.minimum_gy,
                "maximum_gy": curve.maximum_gy,
                **figures,
                "dose_gy": doses_gy.tolist(),
                "volume_fraction": fraction.tolist(),
            }
        )
    return {"dose": str(dose), "regions": rows}


def read_volume(path: Path, unit: Unit, **facts: Any) -> Volume:
    """A NIfTI or NRRD file whose unit the caller states."""
    _require_file(path)
    if _is_nrrd(path):
        values, grid = read_nrrd(path)
        return Volume(values, grid, unit, **facts)
    return read_volume_nifti(path, unit, **facts)


def read_dose(path: Path) -> Volume:
    """A dose in Gy from RT Dose, NIfTI or NRRD."""
    _require_file(path)
    if _is_nrrd(path) or _is_nifti(path):
        return read_volume(path, Unit.GY)
    return read_rt_dose(open_dicom(path))


def read_regions(path: Path, on: Volume) -> tuple[Region, ...]:
    """Regions of a label map, a Slicer segmentation, a DICOM SEG or an RTSTRUCT.

    An RTSTRUCT says nothing of voxels: its contours are filled on the grid of `on`.
    """
    _require_file(path)
    if _is_nrrd(path):
        return read_nrrd_regions(path)
    if _is_nifti(path):
        return read_nifti_regions(path)
    dataset = open_dicom(path)
    kind = str(dataset.get("Modality", ""))
    if kind == "SEG":
        return read_segmentation(dataset, ())[0]
    if kind == "RTSTRUCT":
        return read_rtstruct(dataset, (_as_image(on, dataset),))[0]
    raise FileFormatError(
        f"expected regions as NIfTI, NRRD, SEG or RTSTRUCT, found {path.name} ({kind or 'unknown'})"
    )


def _as_image(volume: Volume, structures: Dataset) -> StudyImage:
    """A map as the image that contours lie on, in their frame of reference."""
    frames = structures.get("ReferencedFrameOfReferenceSequence") or [structures]
    frame = str(frames[0].get("FrameOfReferenceUID", ""))
    return StudyImage("ct", volume, "map", frame_of_reference_uid=frame)


def require_ending(out: Path, endings: tuple[str, ...]) -> None:
    """`InputError` where the name of a file to write does not say its format."""
    if not out.name.lower().endswith(endings):
        raise InputError(f"expected --out to end in {' or '.join(endings)}, found {out.name}")


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise FileFormatError(f"expected a file, found none at {path}")


def _is_nrrd(path: Path) -> bool:
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))
