"""Images as DICOM: a CT series, a PET series, and a reconstructed SPECT as one multi-frame object.

Made for digital patients, whose study carries one study, one frame of reference and one pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import (
    CTImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
)

from opensirt.errors import InputError, UnitMismatchError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_common import DicomContext, SourceImages, save, short_text
from opensirt.io.dicom_planes import DicomPlanes, decimal
from opensirt.physics.nuclides import decay_factor, nuclide
from opensirt.units import BQ_PER_MBQ, Unit

__all__ = ["Injection", "write_ct_series", "write_nm_recon_tomo", "write_pet_series"]

SERIES_NUMBERS = {"ct": 1, "spect": 2, "pet": 3}
AIR_HU = -1024
LARGEST = 65535
BODY_PART = "ABDOMEN"
"""A part of the body that is not paired, so that no side is asked for."""
WINDOW_HU = (40, 400)
"""Centre and width of the window that viewers open with."""
KEV_PER_MEV = 1000.0
WINDOW_SHARE = 0.1
"""Half width of the photopeak window, relative to the line: the usual 20 % window."""
DecayCorrection = Literal["NONE", "START", "ADMIN"]
AGENTS = {
    "tc99m": (
        Code("72454006", "SCT", "^99m^Technetium"),
        Code("85693008", "SCT", "Technetium Tc^99m^ aggregated albumin"),
    ),
    "y90": (
        Code("14691008", "SCT", "^90^Yttrium"),
        Code("764678003", "SCT", "Yttrium^90^ microspheres"),
    ),
}
"""Codes of the radionuclide and of the agent, by nuclide name (PS3.16 context groups 18 and 25)."""
RECUMBENT = Code("102538003", "SCT", "recumbent")
SUPINE = Code("40199007", "SCT", "supine")
HEAD_FIRST = Code("102540008", "SCT", "headfirst")


@dataclass(frozen=True, slots=True)
class Injection:
    """What was injected, and when it was imaged.

    Parameters
    ----------
    nuclide : str
        "tc99m" (as macroaggregated albumin) or "y90" (as microspheres).
    injected_bq : float
    injected, imaged : datetime (aware)
        Instants of the injection and of the start of the image.
    duration_s : float
        Of the image.
    """

    nuclide: str
    injected_bq: float
    injected: datetime
    imaged: datetime
    duration_s: float

    def __post_init__(self) -> None:
        if self.nuclide not in AGENTS:
            known = ", ".join(AGENTS)
            raise InputError(f"expected an agent with nuclide {known}, got {self.nuclide!r}")
        if self.imaged < self.injected:
            raise InputError(
                f"expected an image after the injection at {self.injected}, got {self.imaged}"
            )


def write_ct_series(folder: Path, ct: Volume, context: DicomContext) -> SourceImages:
    """Write a CT as one file per slice; returns the identities that regions refer to.

    Raises
    ------
    UnitMismatchError
        When the volume is not in HU.
    GridMismatchError
        When the grid is sheared.
    """
    planes = DicomPlanes.of(ct.grid)
    values = planes.arrange(ct.require(Unit.HU))
    uids = []
    for frame in range(planes.grid.shape[0]):
        dataset = _slice(context, "ct", CTImageStorage, "CT", "CT, digital patient", planes, frame)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.AcquisitionNumber = 1
        dataset.KVP = ""
        dataset.PatientPosition = "HFS"
        dataset.RescaleIntercept, dataset.RescaleSlope = str(AIR_HU), "1"
        dataset.RescaleType = "HU"
        dataset.WindowCenter, dataset.WindowWidth = (str(v) for v in WINDOW_HU)
        stored = np.clip(np.rint(values[frame]) - AIR_HU, 0, LARGEST)
        _pixels(dataset, stored.astype(np.uint16))
        save(dataset, folder / f"ct-{frame + 1:04d}.dcm")
        uids.append(dataset.SOPInstanceUID)
    return SourceImages(str(CTImageStorage), context.series_uid("ct"), tuple(uids), planes.grid)


def write_pet_series(
    folder: Path,
    pet: Volume,
    context: DicomContext,
    injection: Injection,
    *,
    decay_correction: DecayCorrection = "START",
) -> SourceImages:
    """Write a PET in Bq/mL as one file per slice, each with its own rescale slope.

    The values are brought from the instant in `pet.time` to the one that `decay_correction` names:
    START the start of the image, ADMIN the injection, NONE the start too, for an image so short
    that decay during it does not matter.

    Raises
    ------
    InputError
        When `pet.time` is not an instant.
    """
    injection = _in_zone_of(context, injection)
    planes = DicomPlanes.of(pet.grid)
    values = planes.arrange(pet.require(Unit.BQ_PER_ML))
    factor = _to_reference(pet, injection, decay_correction)
    uids = []
    for frame in range(planes.grid.shape[0]):
        dataset = _slice(
            context, "pet", PositronEmissionTomographyImageStorage, "PT",
            "PET, digital patient", planes, frame,
        )  # fmt: skip
        _times(dataset, context, injection)
        _pet_header(dataset, planes.grid, injection, decay_correction)
        dataset.ImageIndex = frame + 1
        bq_ml = np.clip(np.asarray(values[frame], dtype=np.float64) * factor, 0, None)
        slope = decimal(float(bq_ml.max()) / LARGEST) if bq_ml.max() > 0 else "1"
        dataset.RescaleIntercept, dataset.RescaleSlope = "0", slope
        stored = np.clip(np.rint(bq_ml / float(slope)), 0, LARGEST)
        _pixels(dataset, stored.astype(np.uint16))
        save(dataset, folder / f"pt-{frame + 1:04d}.dcm")
        uids.append(dataset.SOPInstanceUID)
    kind = str(PositronEmissionTomographyImageStorage)
    return SourceImages(kind, context.series_uid("pet"), tuple(uids), planes.grid)


def write_nm_recon_tomo(
    path: Path, spect: Volume, context: DicomContext, injection: Injection
) -> SourceImages:
    """Write SPECT counts as one multi-frame NM object (RECON TOMO).

    As cameras do, the place of the first frame and the orientation stand in the Detector
    Information Sequence, and the gap between frames in SpacingBetweenSlices.

    Raises
    ------
    UnitMismatchError
        When the volume is not in counts, or they are not whole numbers up to 65535.
    """
    injection = _in_zone_of(context, injection)
    planes = DicomPlanes.of(spect.grid)
    counts = np.asarray(planes.arrange(spect.require(Unit.COUNTS)))
    if counts.min() < 0 or counts.max() > LARGEST or np.any(counts != np.rint(counts)):
        raise UnitMismatchError(
            f"expected whole counts from 0 to {LARGEST}, got {counts.min():g} to {counts.max():g}; "
            "round or scale them first"
        )
    dataset = context.start("spect", NuclearMedicineImageStorage, "NM", "SPECT, digital patient")
    dataset.SeriesNumber = SERIES_NUMBERS["spect"]
    _times(dataset, context, injection)
    frames = planes.grid.shape[0]
    dataset.FrameOfReferenceUID = context.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.BodyPartExamined = BODY_PART
    _lying(dataset)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.NumberOfFrames = frames
    dataset.FrameIncrementPointer = 0x00540080  # SliceVector
    dataset.SliceVector = list(range(1, frames + 1))
    dataset.NumberOfSlices = frames
    dataset.NumberOfEnergyWindows = dataset.NumberOfDetectors = dataset.NumberOfRotations = 1
    dataset.CountsAccumulated = int(counts.sum(dtype=np.float64))
    dataset.PixelSpacing = planes.pixel_spacing
    dataset.SliceThickness = dataset.SpacingBetweenSlices = decimal(planes.slice_spacing_mm)
    dataset.EnergyWindowInformationSequence = [_energy_window(injection.nuclide)]
    dataset.RadiopharmaceuticalInformationSequence = [_agent(injection, in_mbq=True)]
    dataset.DetectorInformationSequence = [_detector(planes)]
    dataset.RotationInformationSequence = [_rotation(injection.duration_s)]
    _pixels(dataset, counts.astype(np.uint16))
    save(dataset, path)
    return SourceImages(
        str(NuclearMedicineImageStorage), context.series_uid("spect"),
        (dataset.SOPInstanceUID,), planes.grid,
    )  # fmt: skip


def _slice(
    context: DicomContext, name: str, kind: str, modality: str, description: str,
    planes: DicomPlanes, frame: int,
) -> Dataset:  # fmt: skip
    """The header that one slice of a CT or PET series shares with the others, and its place."""
    dataset = context.start(name, kind, modality, description)
    dataset.SOPInstanceUID = context.uid("instance", name, str(frame))
    dataset.SeriesNumber = SERIES_NUMBERS[name]
    dataset.InstanceNumber = frame + 1
    _dates(dataset, context, context.created)
    dataset.FrameOfReferenceUID = context.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.BodyPartExamined = BODY_PART
    dataset.ImagePositionPatient = planes.position(frame)
    dataset.ImageOrientationPatient = planes.orientation
    dataset.PixelSpacing = planes.pixel_spacing
    dataset.SliceThickness = decimal(planes.slice_spacing_mm)
    along = float(planes.position_mm(frame) @ planes.normal)
    dataset.SliceLocation = decimal(along)
    return dataset


def _dates(dataset: Dataset, context: DicomContext, imaged: datetime) -> None:
    dataset.StudyDate, dataset.StudyTime = context.date, context.time
    dataset.StudyID = "1"
    for keyword in ("Series", "Acquisition", "Content"):
        setattr(dataset, f"{keyword}Date", imaged.strftime("%Y%m%d"))
        setattr(dataset, f"{keyword}Time", imaged.strftime("%H%M%S"))
    offset = imaged.strftime("%z")
    dataset.TimezoneOffsetFromUTC = offset


def _times(dataset: Dataset, context: DicomContext, injection: Injection) -> None:
    """Dates of an activity image, which says its instants in the zone of the context."""
    _dates(dataset, context, injection.imaged)


def _in_zone_of(context: DicomContext, injection: Injection) -> Injection:
    """The same instants, said in the time zone that the header states."""
    zone = context.created.tzinfo
    return replace(
        injection,
        injected=injection.injected.astimezone(zone),
        imaged=injection.imaged.astimezone(zone),
    )


def _pixels(dataset: Dataset, stored: npt.NDArray[np.uint16]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = np.ascontiguousarray(stored, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _lying(dataset: Dataset) -> None:
    """On the back, head first."""
    lying = _coded(RECUMBENT)
    lying.PatientOrientationModifierCodeSequence = [_coded(SUPINE)]
    dataset.PatientOrientationCodeSequence = [lying]
    dataset.PatientGantryRelationshipCodeSequence = [_coded(HEAD_FIRST)]


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _agent(injection: Injection, *, in_mbq: bool) -> Dataset:
    """The radiopharmaceutical; NM gives its activity in MBq, PET in Bq."""
    isotope, agent = AGENTS[injection.nuclide]
    emitter = nuclide(injection.nuclide)
    item = Dataset()
    item.Radiopharmaceutical = emitter.label
    item.RadiopharmaceuticalRoute = "Intra-arterial route"
    scale = BQ_PER_MBQ if in_mbq else 1.0
    item.RadionuclideTotalDose = decimal(injection.injected_bq / scale)
    item.RadiopharmaceuticalStartTime = injection.injected.strftime("%H%M%S")
    if not in_mbq:  # attributes that only PET has
        item.RadiopharmaceuticalStartDateTime = injection.injected.strftime("%Y%m%d%H%M%S%z")
        item.RadionuclideHalfLife = decimal(emitter.half_life_s)
        item.RadionuclidePositronFraction = decimal(emitter.positron_yield)
    item.RadionuclideCodeSequence = [_coded(isotope)]
    item.RadiopharmaceuticalCodeSequence = [_coded(agent)]
    return item


def _energy_window(name: str) -> Dataset:
    """The window over the strongest gamma line."""
    gammas = [line for line in nuclide(name).photons if line.kind == "gamma"]
    if not gammas:
        raise InputError(f"expected a gamma emitter for SPECT, got {name!r}; write tc99m counts")
    strongest = max(gammas, key=lambda line: line.yield_per_decay)
    energy_kev = strongest.energy_mev * KEV_PER_MEV
    limits = Dataset()
    limits.EnergyWindowLowerLimit = decimal(energy_kev * (1 - WINDOW_SHARE))
    limits.EnergyWindowUpperLimit = decimal(energy_kev * (1 + WINDOW_SHARE))
    window = Dataset()
    window.EnergyWindowName = short_text(nuclide(name).label)
    window.EnergyWindowRangeSequence = [limits]
    return window


def _detector(planes: DicomPlanes) -> Dataset:
    item = Dataset()
    item.CollimatorType = "PARA"
    item.ImagePositionPatient = planes.position(0)
    item.ImageOrientationPatient = planes.orientation
    return item


def _rotation(duration_s: float) -> Dataset:
    """One full turn, as the standard asks of a reconstructed image."""
    item = Dataset()
    item.StartAngle, item.AngularStep, item.ScanArc = "0", "3", "360"
    item.RotationDirection = "CW"
    item.NumberOfFramesInRotation = 120
    item.ActualFrameDuration = round(duration_s * 1000 / item.NumberOfFramesInRotation)
    return item


def _pet_header(
    dataset: Dataset, grid: Grid, injection: Injection, decay_correction: DecayCorrection
) -> None:
    imaged = injection.imaged
    _lying(dataset)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SeriesType = ["STATIC", "IMAGE"]
    dataset.Units = "BQML"
    dataset.CountsSource = "EMISSION"
    dataset.NumberOfSlices = grid.shape[0]
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    dataset.DecayCorrection = decay_correction
    if decay_correction == "NONE":
        dataset.CorrectedImage = dataset.CorrectedImage[1:]
    else:
        undone_s = (imaged - injection.injected).total_seconds()
        done_s = undone_s if decay_correction == "ADMIN" else 0.0
        dataset.DecayFactor = decimal(1 / decay_factor(nuclide(injection.nuclide), done_s))
    dataset.CollimatorType = "NONE"
    dataset.ActualFrameDuration = round(injection.duration_s * 1000)
    dataset.FrameReferenceTime = decimal(injection.duration_s * 500)
    dataset.RadiopharmaceuticalInformationSequence = [_agent(injection, in_mbq=False)]


def _to_reference(pet: Volume, injection: Injection, decay_correction: DecayCorrection) -> float:
    """Factor from the instant of the values to the one the header will name."""
    if not isinstance(pet.time, datetime):
        raise InputError(f"expected a PET with the instant of its activity, got {pet.time!r}")
    wanted = injection.injected if decay_correction == "ADMIN" else injection.imaged
    gap: timedelta = wanted - pet.time
    return float(decay_factor(nuclide(injection.nuclide), gap.total_seconds()))
