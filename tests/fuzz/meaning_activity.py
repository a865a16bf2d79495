"""Changes of PET, NM and enhanced CT whose right outcome is known."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from tests.fuzz.meaning import Objects, dicom, moved, one, put, without
from tests.fuzz.meaning_ct import surplus
from tests.fuzz.study import SECRET

__all__ = ["ENHANCED", "NM", "PET"]

F18_S = 6588.0
"""Half-life of F-18, 1.83 h, where Y-90 has 64.1 h."""


def _drug(**values: object) -> Any:
    def edit(objects: Objects) -> None:
        for dataset in objects:
            for keyword, value in values.items():
                setattr(dataset.RadiopharmaceuticalInformationSequence[0], keyword, value)

    return edit


def _frame_place(dataset: Dataset, index: int) -> Any:
    return dataset.PerFrameFunctionalGroupsSequence[index].PlanePositionSequence[0]


def _frame_aside(objects: Objects) -> None:
    item = _frame_place(objects[0], 1)
    item.ImagePositionPatient = moved(item.ImagePositionPatient, 30, 0, 0)


def _frame_on_frame(objects: Objects) -> None:
    place = _frame_place(objects[0], 0).ImagePositionPatient
    _frame_place(objects[0], 1).ImagePositionPatient = place


def _frame_item_lost(objects: Objects) -> None:
    del objects[0].PerFrameFunctionalGroupsSequence[3]
    objects[0].NumberOfFrames = 3


def _shared(sequence: str, **values: object) -> Any:
    def edit(objects: Objects) -> None:
        item = objects[0].SharedFunctionalGroupsSequence[0][sequence][0]
        for keyword, value in values.items():
            setattr(item, keyword, value)

    return edit


PET = (
    dicom("pet", "Units GML", "refused", put(Units="GML")),
    dicom("pet", "Units missing", "refused", without("Units")),
    dicom("pet", "Units of one slice other", "refused", one(1, Units="CNTS")),
    dicom("pet", "DecayCorrection missing", "refused", without("DecayCorrection")),
    dicom("pet", "DecayCorrection of one slice other", "refused", one(1, DecayCorrection="ADMIN")),
    dicom("pet", "DecayCorrection NONE beside DECY", "refused", put(DecayCorrection="NONE")),
    dicom("pet", "DecayCorrection START without DECY", "told", put(CorrectedImage=["ATTN"])),
    dicom("pet", "SeriesTime 3 h after the acquisition", "refused", put(SeriesTime="150000")),
    dicom("pet", "SeriesTime missing", "refused", without("SeriesTime")),
    dicom("pet", "the half-life of F-18", "refused", _drug(RadionuclideHalfLife=F18_S)),
    dicom("pet", "activity in MBq where Bq belongs", "told", _drug(RadionuclideTotalDose=1500)),
    dicom("pet", "injected a year later", "told",
          _drug(RadiopharmaceuticalStartDateTime="20260110080000+0100")),
    dicom("pet", "SeriesType GATED", "refused", put(SeriesType=["GATED", "IMAGE"])),
    dicom("pet", "SeriesType GATED on one slice", "refused", one(1, SeriesType=["GATED", "IMAGE"])),
    dicom("pet", "no time zone but that of the injection", "same",
          without("TimezoneOffsetFromUTC")),
    dicom("pet", "no time zone", "told", without("TimezoneOffsetFromUTC"),
          _drug(RadiopharmaceuticalStartDateTime="20250110080000")),
    dicom("pet", "a slice of another time zone", "refused", one(1, TimezoneOffsetFromUTC="-0500")),
    dicom("pet", "a slice of another study date", "refused", one(1, SeriesDate="20250111")),
    dicom("pet", "a slice of another patient", "refused", one(1, PatientID="other")),
    dicom("pet", "RescaleSlope 1e308", "refused", put(RescaleSlope="1e308")),
    dicom("pet", "RescaleSlope -1", "refused", put(RescaleSlope=-1)),
    dicom("pet", "RescaleIntercept -1e5, below 0 throughout", "told", put(RescaleIntercept=-1e5)),
    dicom("pet", "not corrected for attenuation", "told", put(CorrectedImage=["DECY"])),
)  # fmt: skip
NM = (
    dicom("nm", "NumberOfFrames one less", "refused", put(NumberOfFrames=3)),
    dicom("nm", "NumberOfFrames one more", "refused", put(NumberOfFrames=5)),
    dicom("nm", "NumberOfFrames missing", "refused", without("NumberOfFrames")),
    dicom("nm", "a frame fewer in all counts, not in the pixels", "refused",
          put(NumberOfFrames=3, NumberOfSlices=3, SliceVector=[1, 2, 3])),
    dicom("nm", "SliceVector names a slice twice", "refused", put(SliceVector=[1, 2, 2, 4])),
    dicom("nm", "SliceVector too short", "refused", put(SliceVector=[1, 2, 3])),
    dicom("nm", "NumberOfSlices 8 of 4 frames", "told", put(NumberOfSlices=8)),
    dicom("nm", "SpacingBetweenSlices missing", "refused", without("SpacingBetweenSlices")),
    dicom("nm", "slices ten times as far apart as thick", "told", put(SpacingBetweenSlices=40)),
    dicom("nm", "a transmission image", "refused",
          put(ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "TRANSMISSION"])),
    dicom("nm", "an ImageType that holds the rest of the header", "refused",
          put(ImageType=["ORIGINAL", "PRIMARY", "RECON\0\x10" + SECRET, "EMISSION"])),
    dicom("nm", "projections", "refused",
          put(ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"])),
    dicom("nm", "two energy windows", "refused",
          put(NumberOfEnergyWindows=2, EnergyWindowVector=[1, 1, 2, 2])),
    dicom("nm", "RescaleSlope -1", "refused", put(RescaleSlope=-1, RescaleIntercept=0)),
    dicom("nm", "Columns one less", "refused", put(Columns=4)),
    dicom("nm", "a frame too many in the pixels", "refused", surplus(40)),
    dicom("nm", "activity in Bq where MBq belongs", "told", _drug(RadionuclideTotalDose=150e6)),
    dicom("nm", "no detector", "refused", without("DetectorInformationSequence")),
    dicom("nm", "voxels of 1e6 mm", "refused", put(PixelSpacing=[1e6, 1e6])),
)  # fmt: skip
ENHANCED = (
    dicom("enhanced-ct", "NumberOfFrames one less", "refused", put(NumberOfFrames=3)),
    dicom("enhanced-ct", "NumberOfFrames one more", "refused", put(NumberOfFrames=5)),
    dicom("enhanced-ct", "a frame 30 mm aside", "refused", _frame_aside),
    dicom("enhanced-ct", "two frames in one place", "refused", _frame_on_frame),
    dicom("enhanced-ct", "an item and the count of a frame lost", "refused", _frame_item_lost),
    dicom("enhanced-ct", "RescaleSlope -1", "refused",
          _shared("PixelValueTransformationSequence", RescaleSlope=-1)),
    dicom("enhanced-ct", "RescaleSlope 0", "refused",
          _shared("PixelValueTransformationSequence", RescaleSlope=0)),
    dicom("enhanced-ct", "thin slices far apart", "told",
          _shared("PixelMeasuresSequence", SliceThickness=1)),
    dicom("enhanced-ct", "no groups", "refused", without("PerFrameFunctionalGroupsSequence")),
    dicom("enhanced-ct", "Rows one less", "refused", put(Rows=3)),
)  # fmt: skip
