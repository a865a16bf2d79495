"""RT Dose: written with its dose-volume histograms, and read back as a dose `Volume`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.errors import DicomError, InputError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_common import DicomContext, add_decimals, instance_reference, long_text, save
from opensirt.io.dicom_files import numbers, pixel_frames, required, title
from opensirt.io.dicom_geometry import check_orientation
from opensirt.io.dicom_planes import DicomPlanes, decimal
from opensirt.io.door import reader
from opensirt.units import Unit

__all__ = [
    "MAX_HISTOGRAM_BINS",
    "RT_DOSE_CLASS",
    "DoseVolumeHistogram",
    "build_rt_dose",
    "read_rt_dose",
    "write_rt_dose",
]

RT_DOSE_CLASS = "1.2.840.10008.5.1.4.1.1.481.2"
RT_PLAN_CLASS = "1.2.840.10008.5.1.4.1.1.481.5"
STRUCTURE_SET_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
LARGEST_STORED = {16: 2**16 - 1, 32: 2**31 - 1}
"""32-bit doses leave the top bit free, so that a reader that takes it as a sign is right too."""
MAX_HISTOGRAM_BINS = 1000
"""DVHData of a few thousand numbers outgrows the 64 KiB that its representation allows."""
SAME_PLACE_MM = 0.01

DoseType = Literal["PHYSICAL", "EFFECTIVE"]
Array = npt.NDArray[np.generic]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DoseVolumeHistogram:
    """A cumulative dose-volume histogram of one region.

    `volume_ml[i]` is the volume that receives at least `dose_gy[i]`; `dose_gy` rises from 0.
    """

    name: str
    dose_gy: npt.NDArray[np.float64]
    volume_ml: npt.NDArray[np.float64]
    mean_gy: float
    minimum_gy: float
    maximum_gy: float

    def __post_init__(self) -> None:
        dose, volume = np.asarray(self.dose_gy), np.asarray(self.volume_ml)
        fits = dose.ndim == 1 and dose.shape == volume.shape and dose.size >= 2
        if not fits or dose[0] != 0 or np.any(np.diff(dose) <= 0) or np.any(np.diff(volume) > 1e-9):
            raise InputError(
                f"histogram of {self.name!r}: expected doses rising from 0 Gy and as many volumes "
                "that never rise; give a cumulative histogram"
            )


def write_rt_dose(
    path: Path,
    dose: Volume,
    context: DicomContext,
    *,
    bits: int = 32,
    dose_type: DoseType = "PHYSICAL",
    histograms: Sequence[DoseVolumeHistogram] = (),
    roi_numbers: Mapping[str, int] | None = None,
    name: str = "dose",
) -> Path:
    """Write a dose as RT Dose (GY, PLAN) that refers to the RT Plan of the same context.

    Parameters
    ----------
    dose : Volume, (slice, row, column), Gy
        Stored as unsigned integers of `bits` times DoseGridScaling (32, or 16 for old readers).
    dose_type : str
        "PHYSICAL", or "EFFECTIVE" for a BED or EQD2.
    histograms, roi_numbers
        Histograms, and the number of each name in the RT Structure Set of the same context.
    name : str
        Under which UIDs are made; a second dose of one result needs another name.

    Raises
    ------
    UnitMismatchError, GridMismatchError, InputError
    """
    dataset = build_rt_dose(
        dose, context, bits=bits, dose_type=dose_type, histograms=histograms,
        roi_numbers=roi_numbers, name=name,
    )  # fmt: skip
    return save(dataset, path)


def build_rt_dose(
    dose: Volume,
    context: DicomContext,
    *,
    bits: int = 32,
    dose_type: DoseType = "PHYSICAL",
    histograms: Sequence[DoseVolumeHistogram] = (),
    roi_numbers: Mapping[str, int] | None = None,
    name: str = "dose",
) -> Dataset:
    """The data set of `write_rt_dose`."""
    values = dose.require(Unit.GY)
    planes = DicomPlanes.of(dose.grid)
    described = "Absorbed dose" if dose_type == "PHYSICAL" else "Biologically effective dose"
    dataset = context.start(name, RT_DOSE_CLASS, "RTDOSE", f"{described}, opensirt")
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = context.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.ImagePositionPatient = planes.position(0)
    dataset.ImageOrientationPatient = planes.orientation
    dataset.PixelSpacing = planes.pixel_spacing
    dataset.SliceThickness = decimal(planes.slice_spacing_mm)
    _write_pixels(dataset, planes.arrange(values), bits)
    if planes.grid.shape[0] > 1:
        dataset.FrameIncrementPointer = 0x3004000C
        dataset.NumberOfFrames = planes.grid.shape[0]
        dataset.GridFrameOffsetVector = planes.offsets
    dataset.DoseUnits = "GY"
    dataset.DoseType = dose_type
    dataset.DoseSummationType = "PLAN"
    dataset.DoseComment = long_text(f"{described}, research use only")
    dataset.ReferencedRTPlanSequence = [instance_reference(RT_PLAN_CLASS, context.sop_uid("plan"))]
    if histograms:
        structures = context.sop_uid("structures")
        reference = instance_reference(STRUCTURE_SET_CLASS, structures)
        dataset.ReferencedStructureSetSequence = [reference]
        dataset.DVHSequence = [_histogram(h, roi_numbers or {}, dose_type) for h in histograms]
    return dataset


def _write_pixels(dataset: Dataset, values: Array, bits: int) -> None:
    """Scale doses to unsigned integers; nothing is clipped but rounding noise below zero."""
    if bits not in LARGEST_STORED:
        raise InputError(f"expected 16 or 32 bits for an RT Dose, got {bits}")
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError("expected finite doses for an RT Dose, got NaN or infinity")
    scaling = decimal(high / LARGEST_STORED[bits] * (1 + 1e-9)) if high > 0 else "1"
    step_gy = float(scaling)
    if low < -0.5 * step_gy and low < -1e-5 * max(high, 0.0):
        raise InputError(
            f"expected doses of 0 Gy and more for an RT Dose, got {low:.4g} Gy; set negative "
            "doses to zero where they are noise"
        )
    stored = np.empty(values.shape, dtype=f"<u{bits // 8}")
    for frame, plane in enumerate(values):
        whole = np.rint(plane.astype(np.float64) / step_gy)
        stored[frame] = np.clip(whole, 0, LARGEST_STORED[bits])
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = values.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.DoseGridScaling = scaling
    pixels = stored.tobytes()
    dataset.add_new("PixelData", "OW", pixels + b"\0" * (len(pixels) % 2))


def _histogram(
    histogram: DoseVolumeHistogram, numbers: Mapping[str, int], dose_type: DoseType
) -> Dataset:
    """An item of DVHSequence: pairs of bin width (Gy) and volume at the bin's lower edge (mL)."""
    if histogram.name not in numbers:
        known = ", ".join(numbers) or "none"
        raise InputError(
            f"expected a histogram of a region of the structure set, got {histogram.name!r}; "
            f"regions: {known}"
        )
    dose, volume = histogram.dose_gy, histogram.volume_ml
    if dose.size > MAX_HISTOGRAM_BINS:
        even = np.linspace(0.0, float(dose[-1]), MAX_HISTOGRAM_BINS)
        dose, volume = even, np.interp(even, dose, volume)
    widths = np.diff(dose, append=2 * dose[-1] - dose[-2])
    pairs = np.stack([widths, volume], axis=1).ravel()
    item = Dataset()
    item.DVHType = "CUMULATIVE"
    item.DoseUnits = "GY"
    item.DoseType = dose_type
    item.DVHDoseScaling = "1"
    item.DVHVolumeUnits = "CM3"
    item.DVHNumberOfBins = int(dose.size)
    add_decimals(item, "DVHData", [f"{v:.8g}" for v in pairs.tolist()], implicit=False)
    item.DVHMinimumDose = decimal(histogram.minimum_gy)
    item.DVHMaximumDose = decimal(histogram.maximum_gy)
    item.DVHMeanDose = decimal(histogram.mean_gy)
    roi = Dataset()
    roi.DVHROIContributionType = "INCLUDED"
    roi.ReferencedROINumber = numbers[histogram.name]
    item.DVHReferencedROISequence = [roi]
    return item


@reader("RT Dose", told=False)
def read_rt_dose(
    dataset: Dataset, *, dose_type: DoseType = "PHYSICAL", name: str = "RT Dose"
) -> Volume:
    """The dose of an RT Dose data set, one frame or many, any byte order and orientation.

    `name` stands for the file in messages.

    Returns
    -------
    Volume, (slice, row, column), Gy, float32, slices along the image normal.

    Raises
    ------
    DicomError
        Naming the keyword that is missing or unusable: DoseUnits other than GY, another DoseType,
        uneven or contradictory GridFrameOffsetVector, no DoseGridScaling, no pixel data.
    """
    _require_value(dataset, "Modality", "RTDOSE", name)
    _require_value(dataset, "DoseUnits", "GY", name)
    _require_value(dataset, "DoseType", dose_type, name)
    scaling = _needed(dataset, "DoseGridScaling", name, 1)[0]
    if not scaling > 0:
        raise DicomError(f"{name}: expected DoseGridScaling above 0, found {scaling:g}")
    frames = pixel_frames(dataset, name)
    grid, backwards = _grid(dataset, frames.shape, name)
    values = np.empty(frames.shape, dtype=np.float32)
    for index, frame in enumerate(frames[::-1] if backwards else frames):
        values[index] = frame * scaling
    return Volume(values, grid, Unit.GY)


def _require_value(dataset: Dataset, keyword: str, needed: str, name: str) -> None:
    found = title(dataset, keyword, name)
    if found != needed:
        raise DicomError(
            f"{name}: expected {keyword} {needed}, found {found or 'nothing'}; export the dose "
            f"again with {keyword} {needed}"
        )


def _needed(dataset: Dataset, keyword: str, name: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers of an attribute that must be there."""
    required(dataset, keyword, name)
    return numbers(dataset, keyword, name, count)


def _grid(dataset: Dataset, shape: tuple[int, ...], name: str) -> tuple[Grid, bool]:
    """The grid with slices along the normal, and whether the frames run against it."""
    across, down = check_orientation(_needed(dataset, "ImageOrientationPatient", name, 6), name)
    normal = np.cross(across, down)
    origin = np.asarray(_needed(dataset, "ImagePositionPatient", name, 3))
    rows_mm, columns_mm = _needed(dataset, "PixelSpacing", name, 2)
    if min(rows_mm, columns_mm) <= 0:
        raise DicomError(f"{name}: expected PixelSpacing above 0 mm")
    step_mm = _frame_step_mm(dataset, shape[0], origin, normal, name)
    backwards = step_mm < 0
    start_mm = step_mm * (shape[0] - 1) if backwards else 0.0
    grid = Grid.from_directions(
        shape,
        (abs(step_mm), rows_mm, columns_mm),
        tuple(origin + start_mm * normal),
        [normal, down, across],
    )
    return grid, backwards


def _frame_step_mm(
    dataset: Dataset, count: int, origin: FloatArray, normal: FloatArray, name: str
) -> float:
    """Step from frame to frame along the normal, negative where frames run against it.

    Frame 0 lies at ImagePositionPatient. GridFrameOffsetVector starts at 0 (relative), or, for
    axial frames of old writers, at the patient z of frame 0 (absolute).
    """
    if count == 1:
        thickness_mm = _needed(dataset, "SliceThickness", name, 1)[0]
        if thickness_mm <= 0:
            raise DicomError(f"{name}: expected SliceThickness above 0, found {thickness_mm:g} mm")
        return thickness_mm
    offsets = np.asarray(_needed(dataset, "GridFrameOffsetVector", name, count))
    steps = np.diff(offsets)
    step_mm = float(steps.mean())
    uneven_mm = float(np.abs(offsets - offsets[0] - step_mm * np.arange(count)).max())
    if step_mm == 0 or uneven_mm > SAME_PLACE_MM:
        raise DicomError(
            f"{name}: expected even steps in GridFrameOffsetVector, found {steps.min():g} to "
            f"{steps.max():g} mm; export the dose on an even grid"
        )
    if abs(offsets[0]) <= SAME_PLACE_MM:
        return step_mm
    if abs(abs(normal[2]) - 1) < 1e-4 and abs(offsets[0] - origin[2]) <= SAME_PLACE_MM:
        return step_mm * float(np.sign(normal[2]))
    raise DicomError(
        f"{name}: expected GridFrameOffsetVector to start at 0, or at z = {origin[2]:g} mm of an "
        f"axial ImagePositionPatient, found {offsets[0]:g}"
    )
