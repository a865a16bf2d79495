"""Small DICOM objects with a known bright voxel, for tests of the readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"
NM = "1.2.840.10008.5.1.4.1.1.20"

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
FLIPPED = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
OBLIQUE = ((0.8, 0.6, 0.0), (-0.48, 0.64, 0.6))


def item(**values: Any) -> Dataset:
    """A data set with these attributes."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def header(sop_class: str, modality: str, **more: Any) -> Dataset:
    """A data set with patient, study and series, and its meta information."""
    dataset = item(
        SOPClassUID=sop_class, SOPInstanceUID=generate_uid(), Modality=modality,
        PatientName="SECRET^NAME", PatientID="SECRET-ID", PatientSex="F", PatientSize=1.7,
        PatientWeight=65, StudyInstanceUID="1.2.3.4",
        SeriesInstanceUID=f"1.2.3.4.{int.from_bytes(modality.encode())}",
        FrameOfReferenceUID="1.2.3.9", SeriesNumber=1, SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2", BitsAllocated=16, BitsStored=16, HighBit=15,
        PixelRepresentation=0, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
    )  # fmt: skip
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def with_pixels(dataset: Dataset, values: npt.NDArray[Any]) -> Dataset:
    """Put (row, column) or (frame, row, column) values into a data set."""
    signed = np.issubdtype(values.dtype, np.signedinteger)
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.PixelRepresentation = int(signed)
    if values.ndim == 3:
        dataset.NumberOfFrames = len(values)
    dataset.PixelData = np.ascontiguousarray(values, dtype="<i2" if signed else "<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def slices(
    sop_class: str,
    modality: str,
    volume: npt.NDArray[Any],
    *,
    origin: Sequence[float] = (10.0, -20.0, 30.0),
    cosines: Sequence[Sequence[float]] = AXIAL,
    pixel: tuple[float, float] = (2.0, 1.5),
    heights: Sequence[float] | None = None,
    shear: Sequence[float] = (0.0, 0.0, 0.0),
    **more: Any,
) -> list[Dataset]:
    """Classic slices of a volume; `heights` are positions along the normal, `shear` mm per mm."""
    row, column = np.asarray(cosines[0]), np.asarray(cosines[1])
    normal = np.cross(row, column)
    places = heights if heights is not None else [4.0 * k for k in range(len(volume))]
    found = []
    for index, (plane, height) in enumerate(zip(volume, places, strict=True)):
        position = np.asarray(origin) + normal * height + np.asarray(shear) * height
        dataset = header(
            sop_class, modality, InstanceNumber=1000 - index, SliceThickness=4.0,
            PixelSpacing=list(pixel), ImagePositionPatient=[round(float(p), 6) for p in position],
            ImageOrientationPatient=[float(v) for v in (*row, *column)],
        )  # fmt: skip
        if modality in ("CT", "PT"):
            dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024 if modality == "CT" else 0
        for keyword, value in more.items():
            setattr(dataset, keyword, value)
        found.append(with_pixels(dataset, plane))
    return found


def drug(nuclide: str = "^90^Yttrium", **more: Any) -> DicomSequence:
    """RadiopharmaceuticalInformationSequence for a nuclide."""
    code = item(CodeValue="X", CodingSchemeDesignator="99T", CodeMeaning=nuclide)
    return DicomSequence([item(RadionuclideCodeSequence=DicomSequence([code]), **more)])


PET_FACTS: dict[str, Any] = {
    "Units": "BQML", "DecayCorrection": "START", "SeriesDate": "20250110", "SeriesTime": "120000",
    "AcquisitionDate": "20250110", "AcquisitionTime": "120000", "TimezoneOffsetFromUTC": "+0100",
    "SeriesDescription": "PET AC", "CorrectedImage": ["DECY", "ATTN"],
}  # fmt: skip


def pet(volume: npt.NDArray[Any], **more: Any) -> list[Dataset]:
    """A Y-90 PET series in BQML with DecayCorrection START."""
    facts = {**PET_FACTS, "RadiopharmaceuticalInformationSequence": drug(), **more}
    if facts["DecayCorrection"] == "NONE" and "CorrectedImage" not in more:
        facts["CorrectedImage"] = ["ATTN"]
    return slices(PET, "PT", volume, **facts)


def spect(
    volume: npt.NDArray[Any],
    *,
    spacing: float | None = 4.0,
    origin: Sequence[float] = (10.0, -20.0, 30.0),
    cosines: Sequence[Sequence[float]] = AXIAL,
    kind: str = "RECON TOMO",
    nuclide: str = "^99m^Technetium",
    **more: Any,
) -> Dataset:
    """An NM multi-frame object, its plane in the Detector Information Sequence."""
    dataset = header(
        NM, "NM", ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"], PixelSpacing=[2.0, 1.5],
        SliceThickness=4.0, NumberOfSlices=len(volume), SeriesDescription="MAA SPECT",
        SliceVector=list(range(1, len(volume) + 1)), AcquisitionDate="20250110",
        AcquisitionTime="093000", RadiopharmaceuticalInformationSequence=drug(nuclide),
        DetectorInformationSequence=DicomSequence([item(
            ImagePositionPatient=list(origin),
            ImageOrientationPatient=[float(v) for v in (*cosines[0], *cosines[1])],
        )]),
    )  # fmt: skip
    if spacing is not None:
        dataset.SpacingBetweenSlices = spacing
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return with_pixels(dataset, volume)


def enhanced_ct(
    volume: npt.NDArray[Any],
    *,
    origin: Sequence[float] = (10.0, -20.0, 30.0),
    cosines: Sequence[Sequence[float]] = AXIAL,
    order: Sequence[int] | None = None,
) -> Dataset:
    """An enhanced CT whose frames come in any `order`."""
    normal = np.cross(cosines[0], cosines[1])
    order = list(order) if order is not None else list(range(len(volume)))
    shared = item(
        PixelMeasuresSequence=DicomSequence([item(PixelSpacing=[2.0, 1.5], SliceThickness=4.0)]),
        PlaneOrientationSequence=DicomSequence(
            [item(ImageOrientationPatient=[float(v) for v in (*cosines[0], *cosines[1])])]
        ),
        PixelValueTransformationSequence=DicomSequence(
            [item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")]
        ),
    )
    frames = [
        item(PlanePositionSequence=DicomSequence([item(
            ImagePositionPatient=[round(float(v), 6) for v in np.asarray(origin) + normal * 4.0 * k]
        )]))
        for k in order
    ]  # fmt: skip
    dataset = header(
        ENHANCED_CT, "CT", SharedFunctionalGroupsSequence=DicomSequence([shared]),
        PerFrameFunctionalGroupsSequence=DicomSequence(frames),
    )  # fmt: skip
    return with_pixels(dataset, volume[order])


def save(datasets: Sequence[Dataset] | Dataset, folder: Path, **options: Any) -> list[Path]:
    """Write data sets as files; their names do not follow the slice order."""
    folder.mkdir(parents=True, exist_ok=True)
    several = [datasets] if isinstance(datasets, Dataset) else list(datasets)
    paths = []
    for index, dataset in enumerate(several):
        path = folder / f"{dataset.Modality}-{(index * 7) % 101:03d}-{index}.dcm"
        dataset.save_as(path, enforce_file_format=options.pop("enforce", True), **options)
        paths.append(path)
    return paths
