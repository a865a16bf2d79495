"""Planar nuclear medicine images: anterior and posterior views for the lung shunt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import (
    integer,
    items,
    load_pixels,
    numbers,
    open_dicom,
    printable,
    quiet_pydicom,
    texts,
    title,
)
from opensirt.io.dicom_units import BY_CASE_FILE, nuclide_of

__all__ = ["PlanarImage", "nm_kind", "read_planar", "require_reconstruction"]

PLANAR_KINDS = ("STATIC", "WHOLE BODY")
_REASONS = {
    "TOMO": "projections, not slices; reconstruct them first",
    "GATED TOMO": "gated projections, not slices; reconstruct them first",
    "RECON GATED TOMO": "a gated reconstruction; export the summed one",
    "DYNAMIC": "a dynamic study",
    "GATED": "a gated planar study",
}


@dataclass(frozen=True, slots=True, eq=False)
class PlanarImage:
    """One view of a planar acquisition.

    Parameters
    ----------
    view : str
        "anterior", "posterior" or "" where the header does not say.
    counts : ndarray float32, (row, column)
    pixel_mm : (row, column)
        Pixel size, mm.
    nuclide : str, optional
    label : str
        Series description.
    """

    view: str
    counts: npt.NDArray[np.float32]
    pixel_mm: tuple[float, float]
    nuclide: str | None = None
    label: str = ""


_NO_CODE = re.compile("[^A-Z0-9 _]")
"""What no value of the kind of ImageType (CS) holds."""


def nm_kind(header: Dataset, name: str) -> str:
    """Value 3 of ImageType: RECON TOMO, TOMO, STATIC, WHOLE BODY ..., "" where absent."""
    values = texts(header, "ImageType", name)
    return printable(values[2].upper()) if len(values) > 2 else ""


def require_reconstruction(header: Dataset, name: str) -> None:
    """Refuse an NM object that is not a reconstructed volume, naming ImageType."""
    kind = nm_kind(header, name)
    if kind == "RECON TOMO":
        _require_one_emission(header, name)
        return
    if kind in PLANAR_KINDS:
        raise NotUsableError(
            f"{name}: ImageType is {kind}: a planar view, of use for the planar lung shunt only"
        )
    reason = _REASONS.get(kind, "not a reconstructed volume (RECON TOMO)")
    values = texts(header, "ImageType", name)
    if len(values) == 1 and _NO_CODE.search(values[0]):
        raise NotUsableError(
            f"{name}: ImageType is malformed: one text, where DICOM holds four values apart by "
            f"backslashes{BY_CASE_FILE}"
        )
    raise NotUsableError(f"{name}: ImageType is {kind or 'missing'}: {reason}")


def _require_one_emission(header: Dataset, name: str) -> None:
    """Refuse maps of transmission, and volumes of several energy windows in one object."""
    values = [value.upper() for value in texts(header, "ImageType", name)]
    if len(values) > 3 and values[3] != "EMISSION":
        raise NotUsableError(
            f"{name}: ImageType is {printable(values[3])}, not EMISSION: no image of activity"
        )
    _require_one_window(header, name)


def _require_one_window(header: Dataset, name: str) -> None:
    windows = len(set(numbers(header, "EnergyWindowVector", name)))
    if windows > 1:
        raise NotUsableError(
            f"{name}: EnergyWindowVector names {windows} windows; export the photopeak alone"
        )


def read_planar(path: Path | str) -> tuple[PlanarImage, ...]:
    """The views of a STATIC or WHOLE BODY nuclear medicine object, for the lung shunt.

    Detectors are told apart by DetectorVector; each one's view comes from its own
    ViewCodeSequence or, failing that, from ImageID of a single-view object.

    Raises
    ------
    NotUsableError
        When the object is not planar.
    DicomError
        When an attribute that is needed is missing.
    """
    file = Path(path)
    name = file.name
    with quiet_pydicom():
        header = open_dicom(file, pixels=False)
        kind = nm_kind(header, name)
        if kind not in PLANAR_KINDS:
            raise NotUsableError(
                f"{name}: ImageType must be STATIC or WHOLE BODY for a planar view, "
                f"found {kind or 'nothing'}"
            )
        pixel_mm = numbers(header, "PixelSpacing", name, 2)
        if not pixel_mm:
            raise DicomError(f"{name}: PixelSpacing is missing, so the view has no size")
        stored, _ = load_pixels(file)
        views = _views(header, len(stored), name)
        _require_one_window(header, name)
        label, nuclide = title(header, "SeriesDescription", name), nuclide_of(header, name)
    return tuple(
        PlanarImage(view, frame.astype(np.float32), (pixel_mm[0], pixel_mm[1]), nuclide, label)
        for view, frame in zip(views, stored, strict=True)
    )


def _views(header: Dataset, frames: int, name: str) -> list[str]:
    """The view of each frame."""
    detectors = items(header, "DetectorInformationSequence", name)
    vector = numbers(header, "DetectorVector", name) or tuple(range(1, frames + 1))
    views = [_view_of_detector(item, name) for item in detectors]
    if len(vector) != frames:
        raise DicomError(f"{name}: DetectorVector numbers {len(vector)} of {frames} frames")
    fallback = _view_in_text(title(header, "ImageID", name)) if frames == 1 else ""
    found = []
    for detector in vector:
        index = int(detector) - 1
        own = views[index] if 0 <= index < len(views) else ""
        found.append(own or fallback)
    if (integer(header, "NumberOfFrames", name) or 1) != len(found):
        raise DicomError(f"{name}: NumberOfFrames does not fit PixelData")
    return found


def _view_of_detector(item: Dataset, name: str) -> str:
    for code in items(item, "ViewCodeSequence", name):
        if view := _view_in_text(title(code, "CodeMeaning", name)):
            return view
    return ""


def _view_in_text(text: str) -> str:
    lowered = text.lower()
    anterior, posterior = "ant" in lowered, "post" in lowered
    if anterior == posterior:
        return ""
    return "anterior" if anterior else "posterior"
