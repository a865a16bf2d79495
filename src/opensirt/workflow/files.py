"""Jobs on single files: histograms; and how maps and regions are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from opensirt.case import StudyImage
from opensirt.dose.dvh import dose_volume_histogram
from opensirt.errors import FileFormatError, InputError
from opensirt.image import Region, Volume
from opensirt.io.dicom_dose import read_rt_dose
from opensirt.io.dicom_files import open_dicom
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.nifti import read_nifti_regions, read_volume_nifti
from opensirt.io.slicer import read_nrrd, read_nrrd_regions
from opensirt.units import Unit

__all__ = [
    "histograms_from_files",
    "read_dose",
    "read_regions",
    "read_volume",
    "require_ending",
]


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
