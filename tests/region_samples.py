"""Small images, structure sets and segmentations with a known answer, for the region readers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from opensirt.case import StudyImage
from opensirt.image import Grid, Volume
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.units import Unit

FRAME = "1.2.826.0.1.3680043.8.498.100"
SERIES = "1.2.826.0.1.3680043.8.498.101"
STUDY = "1.2.826.0.1.3680043.8.498.102"
_DATA = Tag("ContourData")
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"


def turned_grid(
    shape: Sequence[int] = (12, 20, 24),
    spacing_mm: Sequence[float] = (3.0, 1.5, 1.2),
    origin_mm: Sequence[float] = (-31.5, 12.25, 100.75),
    degrees: Sequence[float] = (0.0, 0.0, 0.0),
    flips: Sequence[int] = (1, 1, 1),
) -> Grid:
    """A grid turned about x, y and z, its axes flipped where `flips` is -1."""
    a, b, c = (math.radians(d) for d in degrees)
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    axes = (turn @ np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]).T).T * np.asarray(flips)[:, None]
    return Grid.from_directions(shape, spacing_mm, origin_mm, axes)


def study_image(grid: Grid, *, frame: str = FRAME, role: str = "ct") -> StudyImage:
    """A CT of zeros on a grid, with DICOM identities."""
    volume = Volume(np.zeros(grid.shape, np.float32), grid, Unit.HU)
    return StudyImage(role, volume, "CT", "CT", series_uid=SERIES, frame_of_reference_uid=frame)


def loop_mm(grid: Grid, slice_index: float, corners: Sequence[tuple[float, float]]) -> Any:
    """Patient points (n, 3) of a loop given as (row, column) indices in a slice."""
    index = np.array([(slice_index, row, column) for row, column in corners])
    return grid.to_patient(index)


def box_loop(low: float, high: float) -> list[tuple[float, float]]:
    """A square from `low` to `high` along rows and columns."""
    return [(low, low), (low, high), (high, high), (high, low)]


def circle(row: float, column: float, radius: float, count: int = 90) -> list[tuple[float, float]]:
    """A many-sided ring, its corners set so that its area is that of the circle."""
    turn = 2 * math.pi / count
    corner = radius * math.sqrt(turn / math.sin(turn))
    return [
        (row + corner * math.sin(turn * i), column + corner * math.cos(turn * i))
        for i in range(count)
    ]


def structure_set(
    rois: Sequence[tuple[str, Sequence[npt.NDArray[np.float64]]]],
    *,
    frame: str = FRAME,
    kinds: str | Sequence[str] = "CLOSED_PLANAR",
    types: Sequence[str] = (),
) -> Dataset:
    """An RTSTRUCT with one item per (name, contours in mm)."""
    dataset = Dataset()
    dataset.Modality = "RTSTRUCT"
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    for number, (name, contours) in enumerate(rois, start=1):
        item = Dataset()
        item.ROINumber, item.ROIName, item.ReferencedFrameOfReferenceUID = number, name, frame
        dataset.StructureSetROISequence.append(item)
        drawn = Dataset()
        drawn.ReferencedROINumber = number
        drawn.ContourSequence = []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = kinds if isinstance(kinds, str) else kinds[number - 1]
            contour.NumberOfContourPoints = len(points)
            text = "\\".join(f"{v:.9g}" for v in np.asarray(points).ravel()).encode()
            contour._dict[_DATA] = RawDataElement(_DATA, "DS", len(text), text, 0, False, True)
            drawn.ContourSequence.append(contour)
        dataset.ROIContourSequence.append(drawn)
        seen = Dataset()
        seen.ObservationNumber, seen.ReferencedROINumber = number, number
        seen.RTROIInterpretedType = types[number - 1] if types else ""
        dataset.RTROIObservationsSequence.append(seen)
    return dataset


AXIAL = Grid.regular((10, 40, 40), (3.0, 1.0, 1.0), (-20.0, -20.0, 50.0))


def read_one(grid, loops, **options):
    """The only region of a structure set whose loops are (slice, corners)."""
    points = [loop_mm(grid, index, corners) for index, corners in loops]
    regions, left_out = read_rtstruct(
        structure_set([("Liver", points)], **options), [study_image(grid)]
    )
    assert len(regions) == 1
    return regions[0], left_out


def ct_slices(grid: Grid, *, frame: str = FRAME) -> list[Dataset]:
    """One CT object per slice of a grid, without pixels worth seeing."""
    row_step, column_step = grid.directions[1], grid.directions[2]
    slices = []
    for index in range(grid.shape[0]):
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.SOPClassUID, d.SOPInstanceUID = CT_CLASS, generate_uid()
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = STUDY, SERIES, frame
        d.PatientID, d.PatientName, d.PatientBirthDate, d.PatientSex = "case", "", "", ""
        d.StudyID, d.StudyDate, d.StudyTime, d.AccessionNumber = "1", "20250110", "093000", ""
        d.ReferringPhysicianName, d.Modality, d.Manufacturer = "", "CT", ""
        d.SeriesNumber, d.InstanceNumber = 1, index + 1
        d.ImagePositionPatient = [f"{v:.9g}" for v in grid.to_patient((index, 0, 0))]
        d.ImageOrientationPatient = [f"{v:.9g}" for v in (*column_step, *row_step)]
        d.PixelSpacing = [f"{grid.spacing_mm[1]:.9g}", f"{grid.spacing_mm[2]:.9g}"]
        d.SliceThickness = f"{grid.spacing_mm[0]:.9g}"
        d.Rows, d.Columns = grid.shape[1:]
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.PixelData = np.zeros(grid.shape[1:], np.uint16).tobytes()
        slices.append(d)
    return slices


def segmentation(
    grid: Grid,
    pixels: npt.NDArray[Any],
    labels: Sequence[str],
    *,
    kind: str = "BINARY",
    frame: str = FRAME,
    **options: Any,
) -> Dataset:
    """A SEG made by highdicom: (slice, row, column[, segment]) values on a right-handed grid."""
    algorithm = hd.AlgorithmIdentificationSequence(
        name="drawn", version="1", family=codes.DCM.ArtificialIntelligence
    )
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Liver if label == "Liver" else codes.SCT.Mass,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, label in enumerate(labels, start=1)
    ]
    return hd.seg.Segmentation(
        source_images=ct_slices(grid, frame=frame),
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="another program",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
