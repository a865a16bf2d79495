"""NIfTI images and label maps; RAS outside, LPS inside."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError

from opensirt.errors import FileFormatError
from opensirt.image import Grid, Region, Volume
from opensirt.io.dicom_files import printable
from opensirt.io.door import reader
from opensirt.io.label_maps import labels_from_regions, regions_from_labels
from opensirt.io.shear import right_angled
from opensirt.io.whole import require_whole
from opensirt.units import ACTIVITY_PER_ML, Unit

__all__ = [
    "read_nifti",
    "read_nifti_regions",
    "read_volume_nifti",
    "stated_unit_nifti",
    "write_labels_nifti",
    "write_volume_nifti",
]

Array = npt.NDArray[np.generic]

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 1e-3}
"""NIfTI files that leave the unit of length open hold millimetres, as all common writers do."""
SAME_PLACE_MM = 0.1
"""Corners of sform and qform closer than this agree: the quaternion is stored in 32 bits."""
STATED_UNITS = (*ACTIVITY_PER_ML, *(unit.value for unit in Unit))
_LABEL_NAMES_CODE = 0
"""Extension code under which TotalSegmentator stores a Caret label table."""


@reader("NIfTI")
def read_nifti(path: Path) -> tuple[Array, Grid]:
    """Values (slice, row, column), scaled by the header, and grid of a three-dimensional image.

    Stored whole numbers without scaling keep their type; scaled values are float32.

    Raises
    ------
    FileFormatError
        When it cannot be read, is no single volume of real numbers, or its place is not known.
    """
    return _read(_open(path), path)


@reader("NIfTI")
def read_volume_nifti(path: Path, unit: Unit, **facts: Any) -> Volume:
    """A `Volume` from a NIfTI file, whose unit and other `facts` the caller knows."""
    values, grid = read_nifti(path)
    return Volume(values, grid, unit, **facts)


@reader("NIfTI")
def read_nifti_regions(path: Path) -> tuple[Region, ...]:
    """One region per label, named by the file's label table where it has one."""
    image = _open(path)
    values, grid = _read(image, path)
    return regions_from_labels(values, grid, path, _label_names(image))


def stated_unit_nifti(path: Path) -> str:
    """The unit that `write_volume_nifti` left in the intent name; other programs' words there, as
    "Uptake", are no unit."""
    name = bytes(_open(path).header["intent_name"]).rstrip(b"\0").decode("ascii", "replace")
    return name if name in STATED_UNITS else ""


def write_volume_nifti(path: Path, volume: Volume) -> None:
    """Write a volume as NIfTI-1, sform and qform in scanner space, mm; values as they are.

    The unit is the intent name, so that opensirt need not ask for it.
    """
    values = np.asarray(volume.values)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    _write(path, values, volume.grid, unit=volume.unit.value)


def write_labels_nifti(path: Path, regions: Sequence[Region]) -> None:
    """Write regions that do not overlap as labels 1, 2, ..., with a table of their names."""
    labels, grid = labels_from_regions(regions)
    names = "".join(
        f'<Label Key="{number}">{escape(region.name)}</Label>'
        for number, region in enumerate(regions, start=1)
    )
    table = f"<CaretExtension><VolumeInformation><LabelTable>{names}</LabelTable>"
    _write(path, labels, grid, table + "</VolumeInformation></CaretExtension>")


# -- reading


def _open(path: Path) -> nibabel.Nifti1Image:
    try:
        image = nibabel.load(path)
    except (ImageFileError, OSError, ValueError, EOFError) as error:
        raise FileFormatError(f"{path.name}: cannot be read as NIfTI: {_reason(error)}") from None
    if not isinstance(image, nibabel.Nifti1Image | nibabel.Nifti2Image):
        raise FileFormatError(f"{path.name}: expected NIfTI, found {type(image).__name__}")
    return image


def _reason(error: Exception) -> str:
    """What is wrong, without the text of the library, which holds the path of the file."""
    if isinstance(error, ImageFileError):
        return "it is no NIfTI file, or its beginning is damaged; copy or export it again"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is damaged or cut short; copy or export it again"


def _read(image: nibabel.Nifti1Image, path: Path) -> tuple[Array, Grid]:
    shape = image.shape
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise FileFormatError(
            f"{path.name}: expected one three-dimensional volume, found shape "
            f"{' x '.join(str(n) for n in shape)}; give one volume per file"
        )
    if image.get_data_dtype().kind not in "uif":
        raise FileFormatError(
            f"{path.name}: expected real numbers, found {image.get_data_dtype()} voxels"
        )
    _require_whole(image, path)
    try:
        stored = np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError) as error:
        raise FileFormatError(f"{path.name}: voxel data is {_reason(error)}") from None
    stored = stored.reshape(shape[:3])
    if stored.dtype == np.float64 and image.get_data_dtype() != np.float64:
        stored = stored.astype(np.float32)  # scaled whole numbers
    values = np.ascontiguousarray(stored.transpose(2, 1, 0))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise FileFormatError(
            f"{path.name}: {bad} voxels are not finite numbers; write 0 where nothing was measured"
        )
    matrix = _LPS_FROM_RAS @ _affine(image, path)
    swapped = matrix[:, [2, 1, 0, 3]]
    return values, right_angled(Grid.from_matrix(values.shape, swapped), path.name)


def _require_whole(image: nibabel.Nifti1Image, path: Path) -> None:
    """As many bytes as the header says, by name of the file that holds the voxels."""
    voxels = float(np.prod(np.array(image.shape, dtype=np.float64)))
    declared = voxels * image.get_data_dtype().itemsize + float(image.dataobj.offset)
    holder = Path(image.file_map["image"].filename or path)
    require_whole(holder, declared)


def _affine(image: nibabel.Nifti1Image, path: Path) -> npt.NDArray[np.float64]:
    """RAS affine, mm, of voxel indices (column, row, slice)."""
    header = image.header
    sform, s_code = header.get_sform(coded=True)
    qform, q_code = header.get_qform(coded=True)
    length = _unit_of_length(header, path)
    if s_code == 0 and q_code == 0:
        raise FileFormatError(
            f"{path.name}: sform_code and qform_code are both 0, so its place and orientation are "
            "not known; save it again with one of them set"
        )
    if s_code and q_code:
        ends = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]])).reshape(3, -1)
        gap = np.abs((sform - qform)[:3, :3] @ ends + (sform - qform)[:3, 3:])
        gap_mm = float(gap.max()) * _MM_PER_UNIT[length]
        if not gap_mm <= SAME_PLACE_MM:  # NaN too
            raise FileFormatError(
                f"{path.name}: sform (code {s_code}) and qform (code {q_code}) differ by "
                f"{gap_mm:.3g} mm; set the code of the wrong one to 0"
            )
    affine = np.array(sform if s_code else qform, dtype=np.float64)
    affine[:3] *= _MM_PER_UNIT[length]
    return affine


def _unit_of_length(header: nibabel.Nifti1Header, path: Path) -> str:
    code = int(header["xyzt_units"]) & 0x07
    try:
        return str(header.get_xyzt_units()[0])
    except KeyError:
        raise FileFormatError(
            f"{path.name}: xyzt_units has the code {code} for lengths, which stands for nothing; "
            "set it to 2 (mm)"
        ) from None


def _label_names(image: nibabel.Nifti1Image) -> dict[int, str]:
    """Label -> name from a Caret label table in a header extension, where there is one."""
    for extension in image.header.extensions:
        content = extension.get_content()
        text = content if isinstance(content, bytes) else str(content).encode()
        start, end = text.find(b"<LabelTable>"), text.find(b"</LabelTable>")
        if start < 0 or end < 0:
            continue
        try:
            table = ElementTree.fromstring(text[start : end + len(b"</LabelTable>")])
            names = {int(item.get("Key", "")): printable(item.text or "") for item in table}
        except (ElementTree.ParseError, ValueError):
            continue
        return {key: name for key, name in names.items() if name}
    return {}


# -- writing


def _write(path: Path, values: Array, grid: Grid, extension: str = "", *, unit: str = "") -> None:
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise FileFormatError(f"expected a name that ends in .nii or .nii.gz, got {path.name}")
    affine = _LPS_FROM_RAS @ grid.matrix[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), affine, dtype=values.dtype)
    image.header["descrip"] = b"opensirt"  # so that it may be replaced (io/made.py)
    image.header["intent_name"] = unit.encode("ascii")
    image.header.set_xyzt_units("mm")
    image.header.set_sform(affine, code=1)
    image.header.set_qform(affine, code=1 if grid.is_orthogonal else 0, strip_shears=True)
    if extension:
        image.header.extensions.append(
            nibabel.nifti1.Nifti1Extension(_LABEL_NAMES_CODE, extension.encode("utf-8"))
        )
    nibabel.save(image, path)
