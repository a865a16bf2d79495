"""Changes of a CT whose right outcome is known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.fuzz.elements import Element, parsed, written
from tests.fuzz.meaning import Edited, Meaning, Objects, dicom, moved, one, put, without
from tests.fuzz.study import SECRET

__all__ = ["CT", "surplus"]


def _aside(*by_mm: float, index: int = 2) -> Any:
    def edit(objects: Objects) -> None:
        dataset = objects[index]
        dataset.ImagePositionPatient = moved(dataset.ImagePositionPatient, *by_mm)

    return edit


def _lost(*indices: int) -> Any:
    return lambda objects: [d for index, d in enumerate(objects) if index not in indices]


def _doubled(**values: object) -> Any:
    """Another object of a slice that is there, with other attributes."""

    def edit(objects: Objects) -> Objects:
        again = copy.deepcopy(objects[2])
        for keyword, value in values.items():
            setattr(again, keyword, value)
        again.file_meta.MediaStorageSOPInstanceUID = again.SOPInstanceUID
        return [*objects, again]

    return edit


def _encoded(syntax: Any, *, little: bool = True, implicit: bool = False) -> Any:
    """The same data sets in another transfer syntax."""

    def edit(objects: Objects) -> None:
        for dataset in objects:
            dataset.decode()
            list(dataset.iterall())  # raw elements would be written in their old order of bytes
            if not little:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
            dataset.file_meta.TransferSyntaxUID = syntax
            dataset.set_original_encoding(implicit, little)

    return edit


def _rle(objects: Objects) -> None:
    for dataset in objects:
        dataset.compress(RLELossless, generate_instance_uid=False)


def surplus(size: int) -> Any:
    """More bytes of pixels than the header declares."""

    def edit(objects: Objects) -> None:
        for dataset in objects:
            dataset.PixelData = dataset.PixelData + b"\x11" * size

    return edit


def _cut(name: str, part: float) -> Any:
    def change(files: Edited) -> None:
        files[name] = files[name][: int(len(files[name]) * part)]

    return change


def _raw(keyword: str, change: Callable[[Element], None]) -> Any:
    """One element of every slice changed as it is stored, rules of DICOM or not."""

    def edit(files: Edited) -> None:
        for name, content in files.items():
            elements = parsed(content)
            change(next(e for e in elements if e.keyword == keyword))
            files[name] = written(elements)

    return edit


def _odd(element: Element) -> None:
    element.value += b"\x11"


def _as_numbers(element: Element) -> None:
    element.vr = b"US"


def _flipped(objects: Objects) -> None:
    objects[2].ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]


OTHER = {"SOPInstanceUID": "1.2.3.99", "SeriesDescription": "CT AC"}
CT = (
    dicom("ct", "RescaleSlope -1 on every slice", "refused", put(RescaleSlope=-1)),
    dicom("ct", "RescaleSlope -1 on one slice", "refused", one(1, RescaleSlope=-1)),
    dicom("ct", "RescaleSlope 0 on one slice", "refused", one(1, RescaleSlope=0)),
    dicom("ct", "RescaleSlope missing on one slice", "refused", one(1, RescaleSlope=None)),
    dicom("ct", "RescaleIntercept missing", "refused", without("RescaleIntercept")),
    dicom("ct", "RescaleType OD", "refused", put(RescaleType="OD")),
    dicom("ct", "a RescaleType that holds the rest of the header", "refused",
          put(RescaleType="OD\0\x10" + SECRET)),
    dicom("ct", "a slice 30 mm aside", "refused", _aside(30, 0, 0)),
    dicom("ct", "an end slice 30 mm aside", "refused", _aside(0, 30, 0, index=4)),
    dicom("ct", "a slice 1 mm off its place", "told", _aside(0, 0, 1)),
    dicom("ct", "a slice of another patient", "refused", one(1, PatientID="other")),
    dicom("ct", "a slice of another space", "refused", one(1, FrameOfReferenceUID="1.2.3.55")),
    dicom("ct", "a slice mirrored", "refused", _flipped),
    dicom("ct", "a slice of other pixel size", "refused", one(2, PixelSpacing=[3, 1.5])),
    dicom("ct", "a slice taken for a localizer", "refused", one(2, ImageType=["A", "LOCALIZER"])),
    dicom("ct", "the middle slice missing", "refused", _lost(2)),
    dicom("ct", "the second slice missing", "refused", _lost(1)),
    dicom("ct", "every second slice missing", "refused", _lost(1, 3), put(NumberOfSlices=5)),
    dicom("ct", "an end slice missing", "told", _lost(4), put(NumberOfSlices=5)),
    dicom("ct", "a doubled slice of other content", "refused",
          _doubled(**OTHER, PixelData=b"\x11\x04" * 72)),
    dicom("ct", "a doubled slice of other name", "refused", _doubled(**OTHER)),
    dicom("ct", "a copy of a slice", "same", _doubled()),
    dicom("ct", "Rows one less", "refused", put(Rows=8)),
    dicom("ct", "Columns one less", "refused", put(Columns=7)),
    dicom("ct", "Columns one more", "refused", put(Columns=9)),
    dicom("ct", "Rows and Columns exchanged", "refused", one(1, Rows=8, Columns=9)),
    dicom("ct", "more pixel bytes than declared", "refused", surplus(16)),
    Meaning("ct", "an odd number of pixel bytes", "refused", _raw("PixelData", _odd)),
    Meaning("ct", "TransferSyntaxUID of numbers", "refused",
            _raw("TransferSyntaxUID", _as_numbers)),
    dicom("ct", "BitsStored 8 where pixels use 11", "refused", put(BitsStored=8, HighBit=7)),
    dicom("ct", "HighBit 11 of 16 bits", "refused", put(HighBit=11)),
    dicom("ct", "BitsAllocated 8", "refused", put(BitsAllocated=8, BitsStored=8, HighBit=7)),
    dicom("ct", "SamplesPerPixel 3", "refused", put(SamplesPerPixel=3)),
    dicom("ct", "PALETTE COLOR", "refused", put(PhotometricInterpretation="PALETTE COLOR")),
    dicom("ct", "MONOCHROME1, which is display alone", "same",
          put(PhotometricInterpretation="MONOCHROME1")),
    dicom("ct", "thin slices far apart", "told", put(SliceThickness=1)),
    dicom("ct", "pixels of 1e6 mm", "refused", put(PixelSpacing=[1e6, 1e6])),
    dicom("ct", "sex that is none", "withheld", put(PatientSex="UNSURE")),
    dicom("ct", "a sex that holds the rest of the header", "withheld",
          put(PatientSex="F \x10\0 \0LO\n" + SECRET)),
    dicom("ct", "a weight of 65 t", "later", put(PatientWeight=65000)),
    dicom("ct", "slices in another order", "same", lambda objects: objects[::-1]),
    dicom("ct", "implicit VR", "same", _encoded(ImplicitVRLittleEndian, implicit=True)),
    dicom("ct", "big endian", "same", _encoded(ExplicitVRBigEndian, little=False)),
    dicom("ct", "deflated", "same", _encoded(DeflatedExplicitVRLittleEndian)),
    dicom("ct", "compressed without loss", "same", _rle),
    Meaning("ct", "an end slice cut short", "told", _cut("CT-4.dcm", 0.5)),
    Meaning("ct", "the middle slice cut short", "refused", _cut("CT-2.dcm", 0.5)),
    Meaning("ct", "a slice cut in its pixels", "refused", _cut("CT-2.dcm", 0.97)),
    Meaning("ct", "a letter beside the slices", "same",
            lambda files: files.update({"readme.txt": b"Dear colleague, ..."})),
)  # fmt: skip
