"""Changes of structure sets and segmentations whose right outcome is known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from tests.fuzz.meaning import Objects, dicom, moved, put, without
from tests.fuzz.study import SECRET

__all__ = ["REGIONS"]

LIVER, TUMOUR = 0, 1


def _contours(objects: Objects, roi: int = LIVER) -> Any:
    return objects[0].ROIContourSequence[roi].ContourSequence


def _points(change: Callable[[np.ndarray], np.ndarray], *, every: bool = True) -> Any:
    """Other points for the liver's contours, their number declared as it then is."""

    def edit(objects: Objects) -> None:
        for contour in _contours(objects)[: None if every else 1]:
            points = change(np.array(contour.ContourData, dtype=float).reshape(-1, 3))
            contour.ContourData = [f"{v:.9g}" for v in points.ravel()]
            contour.NumberOfContourPoints = len(points)

    return edit


def _raw(roi: int, **values: object) -> Any:
    """Attributes of the first contour of an ROI, nothing else with them."""

    def edit(objects: Objects) -> None:
        for keyword, value in values.items():
            setattr(_contours(objects, roi)[0], keyword, value)

    return edit


def _half(objects: Objects) -> None:
    contour = _contours(objects)[0]
    contour.ContourData = list(contour.ContourData)[:6]


def _twice(by_mm: float) -> Any:
    """Contours stored twice, the second time `by_mm` beside the first."""

    def edit(objects: Objects) -> None:
        contours = _contours(objects)
        for contour in list(contours):
            again = copy.deepcopy(contour)
            points = np.array(contour.ContourData, dtype=float) + by_mm
            points[2::3] -= by_mm
            again.ContourData = [f"{v:.9g}" for v in points]
            contours.append(again)

    return edit


def _roi(index: int, **values: object) -> Any:
    def edit(objects: Objects) -> None:
        for keyword, value in values.items():
            setattr(objects[0].StructureSetROISequence[index], keyword, value)

    return edit


def _belongs(number: int) -> Any:
    def edit(objects: Objects) -> None:
        objects[0].ROIContourSequence[LIVER].ReferencedROINumber = number

    return edit


def _shared_contours(objects: Objects) -> None:
    """A second item of contours for the tumour, with those of the liver."""
    again = copy.deepcopy(objects[0].ROIContourSequence[LIVER])
    again.ReferencedROINumber = 2
    objects[0].ROIContourSequence.append(again)


def _tilt(points: np.ndarray) -> np.ndarray:
    points[0, 2] += 30
    return points


def _beside(by_mm: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points + np.array([by_mm, 0, 0])


def _without_plane(objects: Objects) -> None:
    del _contours(objects)[2]


def _shuffled(objects: Objects) -> None:
    contours = _contours(objects)
    contours[:] = list(contours)[::-1]


STRUCTURES = (
    dicom("rtstruct", "ROINumber twice", "refused", _roi(TUMOUR, ROINumber=1)),
    dicom("rtstruct", "contours of an ROI that is not there", "refused", _belongs(9)),
    dicom("rtstruct", "contours of the liver given to the tumour", "refused", _belongs(2)),
    dicom("rtstruct", "contours of the liver given to the tumour too", "refused", _shared_contours),
    dicom("rtstruct", "half the points of a contour", "refused", _half),
    dicom("rtstruct", "one more point declared", "refused", _raw(LIVER, NumberOfContourPoints=5)),
    dicom("rtstruct", "two numbers of a point lost", "refused",
          _raw(TUMOUR, ContourData=["1", "2", "3", "4"])),
    dicom("rtstruct", "points instead of contours", "told",
          _raw(LIVER, ContourGeometricType="POINT")),
    dicom("rtstruct", "a kind of contour that holds the rest of the header", "told",
          _raw(LIVER, ContourGeometricType="POINT\0\x10" + SECRET)),
    dicom("rtstruct", "a label that holds the rest of the header", "same",
          put(StructureSetLabel="plan\0\x10" + SECRET)),
    dicom("rtstruct", "no contours under such a label", "refused",
          put(StructureSetLabel="plan\0\x10" + SECRET), without("StructureSetROISequence")),
    dicom("rtstruct", "a space that holds the rest of the header", "refused",
          _roi(LIVER, ReferencedFrameOfReferenceUID="1.2\0\x10" + SECRET)),
    dicom("rtstruct", "a name that holds the rest of the header", "told",
          _roi(TUMOUR, ROIName="Tumor 1\0\x10" + SECRET),
          _raw(TUMOUR, ContourGeometricType="POINT")),
    dicom("rtstruct", "contours stored twice", "same", _twice(0.0)),
    dicom("rtstruct", "contours stored twice 0.02 mm apart", "told", _twice(0.02)),
    dicom("rtstruct", "another space", "refused",
          _roi(LIVER, ReferencedFrameOfReferenceUID="1.2.3.55"),
          _roi(TUMOUR, ReferencedFrameOfReferenceUID="1.2.3.55")),
    dicom("rtstruct", "another patient", "refused", put(PatientID="other")),
    dicom("rtstruct", "a contour across slices", "refused", _points(_tilt, every=False)),
    dicom("rtstruct", "drawn 500 mm beside the image", "refused", _points(_beside(500))),
    dicom("rtstruct", "partly beside the image", "told", _points(_beside(-6))),
    dicom("rtstruct", "a plane missing between others", "told", _without_plane),
    dicom("rtstruct", "no ROI", "refused", without("StructureSetROISequence")),
    dicom("rtstruct", "no contours", "refused", without("ROIContourSequence")),
    dicom("rtstruct", "points the other way round", "same", _points(lambda p: p[::-1])),
    dicom("rtstruct", "points from another beginning", "same", _points(lambda p: np.roll(p, 1, 0))),
    dicom("rtstruct", "contours closed by their first point", "same",
          _points(lambda p: np.vstack([p, p[:1]]))),
    dicom("rtstruct", "contours in another order", "same", _shuffled),
)  # fmt: skip


def _frame(index: int, sequence: str, **values: object) -> Any:
    def edit(objects: Objects) -> None:
        item = objects[0].PerFrameFunctionalGroupsSequence[index][sequence][0]
        for keyword, value in values.items():
            setattr(item, keyword, value)

    return edit


def _measures(**values: object) -> Any:
    def edit(objects: Objects) -> None:
        shared = objects[0].SharedFunctionalGroupsSequence[0]
        for keyword, value in values.items():
            setattr(shared.PixelMeasuresSequence[0], keyword, value)

    return edit


def _place(dataset: Dataset, index: int) -> Any:
    return dataset.PerFrameFunctionalGroupsSequence[index].PlanePositionSequence[0]


def _frame_aside(objects: Objects) -> None:
    item = _place(objects[0], 1)
    item.ImagePositionPatient = moved(item.ImagePositionPatient, 30, 0, 0)


def _frame_on_frame(objects: Objects) -> None:
    """The second frame of the liver where its first one is."""
    _place(objects[0], 1).ImagePositionPatient = _place(objects[0], 0).ImagePositionPatient


def _segment(index: int, **values: object) -> Any:
    def edit(objects: Objects) -> None:
        for keyword, value in values.items():
            setattr(objects[0].SegmentSequence[index], keyword, value)

    return edit


def _bytes(change: Callable[[bytes], bytes]) -> Any:
    def edit(objects: Objects) -> None:
        objects[0].PixelData = change(objects[0].PixelData)

    return edit


def _skewed(objects: Objects) -> None:
    shared = objects[0].SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0.5, 1, 0]


def _doubled_frame(objects: Objects) -> None:
    groups = objects[0].PerFrameFunctionalGroupsSequence
    groups.append(copy.deepcopy(groups[0]))


SEGMENTATIONS = (
    dicom("seg", "NumberOfFrames one less", "refused", put(NumberOfFrames=5)),
    dicom("seg", "NumberOfFrames one more", "refused", put(NumberOfFrames=7)),
    dicom("seg", "NumberOfFrames missing", "refused", without("NumberOfFrames")),
    dicom("seg", "groups of a frame that is not there", "refused", _doubled_frame),
    dicom("seg", "a frame of a segment that is not there", "refused",
          _frame(0, "SegmentIdentificationSequence", ReferencedSegmentNumber=7)),
    dicom("seg", "Rows one less", "refused", put(Rows=8)),
    dicom("seg", "Columns halved", "refused", put(Columns=4)),
    dicom("seg", "SegmentNumber twice", "refused", _segment(1, SegmentNumber=1)),
    dicom("seg", "SegmentNumber 0", "refused", _segment(0, SegmentNumber=0)),
    dicom("seg", "a frame 30 mm aside", "refused", _frame_aside),
    dicom("seg", "two frames of one segment in one place", "told", _frame_on_frame),
    dicom("seg", "PixelSpacing negative", "refused", _measures(PixelSpacing=[-2, 1.5])),
    dicom("seg", "PixelSpacing 1e6 mm", "refused", _measures(PixelSpacing=[1e6, 1e6])),
    dicom("seg", "directions at no right angle", "refused", _skewed),
    dicom("seg", "SegmentationType missing", "refused", without("SegmentationType")),
    dicom("seg", "a SegmentationType that holds the rest of the header", "refused",
          put(SegmentationType="BINARY\0\x10" + SECRET)),
    dicom("seg", "another space that holds the rest of the header", "refused",
          put(FrameOfReferenceUID="1.2\0\x10" + SECRET)),
    dicom("seg", "FRACTIONAL without its type", "refused", put(SegmentationType="FRACTIONAL")),
    dicom("seg", "another space", "refused", put(FrameOfReferenceUID="1.2.3.55")),
    dicom("seg", "another patient", "refused", put(PatientID="other")),
    dicom("seg", "pixels cut short", "refused", _bytes(lambda data: data[:-8])),
    dicom("seg", "more pixels than declared", "refused", _bytes(lambda data: data + bytes(18))),
    dicom("seg", "BitsAllocated 8", "refused", put(BitsAllocated=8, BitsStored=8, HighBit=7)),
    dicom("seg", "no segments", "refused", without("SegmentSequence")),
)  # fmt: skip
REGIONS = (*STRUCTURES, *SEGMENTATIONS)
