"""Jobs on single files: histograms; and how maps and regions are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from opensirt.asking import named, option
from opensirt.case import LeftOut, StudyImage
from opensirt.dose.dvh import dose_volume_histogram
from opensirt.errors import FileFormatError, InputError
from opensirt.image import Grid, Region, Volume
from opensirt.io.dicom_dose import read_rt_dose
from opensirt.io.dicom_files import open_dicom
from opensirt.io.dicom_nesting import open_nested
from opensirt.io.dicom_rtstruct import contour_corners, read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.nifti import read_nifti_regions, read_volume_nifti
from opensirt.io.slicer import read_nrrd, read_nrrd_regions
from opensirt.io.stated import stated_unit
from opensirt.units import ACTIVITY_PER_ML, Unit

__all__ = [
    "histograms_from_files",
    "is_unit_stated",
    "read_activity",
    "read_dose",
    "read_regions",
    "read_volume",
    "require_ending",
]

MOST_VOXELS = 5e8
"""Of a grid that contours are filled on."""


def histograms_from_files(dose: Path, regions: Path) -> dict[str, Any]:
    """Dose figures and cumulative histogram of each region of a label or structure file.

    Volumes are those of the whole regions; where a part lies beyond the dose grid, the figures are
    of the part with a dose, whose volume is said.
    """
    gray, frame = read_dose(dose)
    rows: list[dict[str, Any]] = []
    found, left_out = read_regions(regions, gray, frame)
    for region in found:
        row = {"name": region.name, "role": region.role, "volume_ml": region.volume_ml}
        here = region.onto(gray.grid)
        if here.is_empty:
            rows.append(row | {"volume_with_dose_ml": 0.0, "outside": True})
            continue
        curve = dose_volume_histogram(gray, here)
        doses_gy, fraction = curve.cumulative()
        figures = {f"d{x}_gy": curve.d(x) for x in (98, 95, 70, 50, 2)}
        rows.append(
            row
            | {
                "volume_with_dose_ml": curve.volume_ml,
                "mean_dose_gy": curve.mean_gy,
                "minimum_gy": curve.minimum_gy,
                "maximum_gy": curve.maximum_gy,
                **figures,
                "dose_gy": doses_gy.tolist(),
                "volume_fraction": fraction.tolist(),
            }
        )
    left = [item.as_dict() for item in left_out]
    return {"dose": str(dose), "regions": rows, "left_out": left}


def read_volume(path: Path, unit: Unit, **facts: Any) -> Volume:
    """A NIfTI or NRRD file whose unit the caller states; one that states another is refused."""
    _require_file(path)
    stated = stated_unit(path)
    if stated not in (None, unit.value):
        raise InputError(
            f"{path.name}: expected values in {unit.value}, found {stated} in its header; give "
            "another file"
        )
    return _volume(path, unit, **facts)


def _volume(path: Path, unit: Unit, **facts: Any) -> Volume:
    if _is_nrrd(path):
        values, grid = read_nrrd(path)
        return Volume(values, grid, unit, **facts)
    return read_volume_nifti(path, unit, **facts)


def read_activity(path: Path, unit: str | None, **facts: Any) -> Volume:
    """A map of activity in Bq/mL, from the unit that the file or the caller states.

    Where neither does it is Bq/mL, the unit of such maps by contract; see `is_unit_stated`.

    Raises
    ------
    InputError
        Where file and caller state different units, or one that is none of activity.
    """
    _require_file(path)
    stated, known = stated_unit(path), ", ".join(ACTIVITY_PER_ML)
    if unit is not None and unit not in ACTIVITY_PER_ML:
        raise InputError(f"the unit of an activity map is one of {known}, got {unit!r}; choose one")
    if stated is not None and stated not in ACTIVITY_PER_ML:
        raise InputError(
            f"{path.name}: expected activity in one of {known}, found {stated} in its "
            "header; give a map of activity"
        )
    if stated is not None and unit is not None and stated != unit:
        raise InputError(
            f"{path.name} is in {stated} by its header, not in {unit}; leave "
            f"{named('activity-unit')} out, or correct the file"
        )
    volume = _volume(path, Unit.BQ_PER_ML, **facts)
    scale = ACTIVITY_PER_ML[stated or unit or Unit.BQ_PER_ML.value]
    if scale == 1.0:
        return volume
    return volume.with_values(np.multiply(volume.values, scale, dtype=np.float32))


def is_unit_stated(path: Path, unit: str | None) -> bool:
    """True where a map of activity says its unit, or whoever gives it does."""
    return unit is not None or stated_unit(path) is not None


def read_dose(path: Path) -> tuple[Volume, str]:
    """A dose in Gy from RT Dose, NIfTI or NRRD, and its frame of reference where it has one."""
    _require_file(path)
    if _is_nrrd(path) or _is_nifti(path):
        return read_volume(path, Unit.GY), ""
    dataset = open_dicom(path)
    return read_rt_dose(dataset), str(dataset.get("FrameOfReferenceUID") or "")


def read_regions(
    path: Path, on: Volume, frame: str = ""
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...]]:
    """Regions of a label map, a Slicer segmentation, a DICOM SEG or an RTSTRUCT; what was left out.

    An RTSTRUCT says nothing of voxels: its contours are filled on the grid of `on`, as far as they
    reach.

    Raises
    ------
    FileFormatError
        Also where both the map and the structures state a frame of reference, not the same.
    """
    _require_file(path)
    if _is_nrrd(path):
        return read_nrrd_regions(path), ()
    if _is_nifti(path):
        return read_nifti_regions(path), ()
    dataset = open_nested(path)
    kind = str(dataset.get("Modality", ""))
    if kind not in ("SEG", "RTSTRUCT"):
        raise FileFormatError(
            f"expected regions as NIfTI, NRRD, SEG or RTSTRUCT, found {path.name} "
            f"({kind or 'unknown'})"
        )
    drawn_in = _frames(dataset)
    if frame and drawn_in and frame not in drawn_in:
        raise FileFormatError(
            "expected dose and regions in one frame of reference, found FrameOfReferenceUID "
            f"{frame} in the dose and {', '.join(drawn_in)} in {path.name}; register them first"
        )
    if kind == "SEG":
        return read_segmentation(dataset, ())
    frame = frame or (drawn_in[0] if drawn_in else "")
    image = StudyImage("ct", _reaching(on, dataset), "map", frame_of_reference_uid=frame)
    return read_rtstruct(dataset, (image,))


def _frames(dataset: Dataset) -> tuple[str, ...]:
    """Frames of reference that regions are drawn in; of a structure set those of its ROIs."""
    items = dataset.get("StructureSetROISequence") or []
    found = [str(item.get("ReferencedFrameOfReferenceUID") or "") for item in items]
    return tuple(
        dict.fromkeys(
            uid for uid in found or [str(dataset.get("FrameOfReferenceUID") or "")] if uid
        )
    )


def _reaching(volume: Volume, structures: Dataset) -> Volume:
    """An empty map on the lattice of a volume that holds every contour too."""
    grid = volume.grid
    ends = np.array([[-0.5] * 3, np.asarray(grid.shape) - 0.5])
    corners = contour_corners(structures)
    places = np.concatenate([ends, grid.to_index(corners)]) if corners.size else ends
    low = np.floor(places.min(axis=0) + 0.5).astype(int)
    shape = np.ceil(places.max(axis=0) - 0.5).astype(int) + 1 - low
    if float(np.prod(shape.astype(float))) > MOST_VOXELS:
        raise FileFormatError(
            "the contours reach so far beyond the dose grid that no grid can hold both; check "
            "that dose and structures belong together"
        )
    matrix = grid.matrix.copy()
    matrix[:3, 3] = grid.to_patient(low)
    size = (int(shape[0]), int(shape[1]), int(shape[2]))
    nothing = np.broadcast_to(np.float32(0.0), size)
    return Volume(nothing, Grid.from_matrix(size, matrix), Unit.GY)


def require_ending(out: Path, endings: tuple[str, ...]) -> None:
    """`InputError` where the name of a file to write does not say its format."""
    if not out.name.lower().endswith(endings):
        raise InputError(
            f"expected {option('out')} to end in {' or '.join(endings)}, found {out.name}"
        )


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise FileFormatError(f"expected a file, found the folder {path}; give a file in it")
    if not path.is_file():
        raise FileFormatError(f"expected a file, found none at {path}")


def _is_nrrd(path: Path) -> bool:
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))
