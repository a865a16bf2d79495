"""DICOM studies of a few voxels: CT, PET, NM, enhanced CT, and regions on a CT."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian

from opensirt.image import Grid
from tests import region_samples as samples
from tests.fuzz.study import SECRET, Seed
from tests.fuzz.voxels import masks, stored
from tests.unit.io import dicom_factory as make

__all__ = ["DICOM_SEEDS"]

FRAME = "1.2.3.9"
GRID = Grid.regular((4, 9, 8), (4.0, 2.0, 1.5), (10.0, -20.0, 30.0))
"""The grid of the CT that `dicom_factory` makes of (4, 9, 8) voxels."""
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
Y90_S, TC99M_S = 64.1 * 3600, 6.0067 * 3600
WHO = dict.fromkeys(
    ("PatientName", "PatientID", "OtherPatientIDs", "AccessionNumber", "PatientAddress",
     "InstitutionName", "ReferringPhysicianName", "PatientComments", "StudyID"),
    SECRET,
)  # fmt: skip
"""Who the patient is."""
WHEN = (
    "ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime",
    "ContributingEquipmentSequence",
)  # fmt: skip
"""What differs from run to run."""


def _dicom(*several: Dataset) -> dict[str, bytes]:
    """Files named by modality and number, with the secret in them."""
    files = {}
    for index, dataset in enumerate(several):
        for keyword, value in WHO.items():
            setattr(dataset, keyword, value)
        for keyword in WHEN:
            dataset.pop(keyword, None)
        target = io.BytesIO()
        dataset.save_as(target, enforce_file_format=True)
        files[f"{dataset.Modality}-{index}.dcm"] = target.getvalue()
    return files


def _ct_slices(count: int = GRID.shape[0]) -> list[Dataset]:
    more: dict[str, Any] = {
        "AcquisitionDate": "20250110",
        "AcquisitionTime": "090000",
        "AcquisitionNumber": 1,
    }
    return make.slices(
        make.CT, "CT", stored((count, *GRID.shape[1:])), SeriesInstanceUID=samples.SERIES,
        SeriesDescription="CT AC", TimezoneOffsetFromUTC="+0100", **more,
    )  # fmt: skip


def _ct() -> Seed:
    files = _dicom(*_ct_slices(5))
    return Seed("ct", files, ".", tuple(files), "dicom")


def _pet() -> Seed:
    drug = make.drug(
        RadiopharmaceuticalStartDateTime="20250110080000+0100", RadionuclideTotalDose=1.5e9,
        RadionuclideHalfLife=Y90_S,
    )  # fmt: skip
    files = _dicom(
        *make.pet(stored((3, 4, 5)), RadiopharmaceuticalInformationSequence=drug, RescaleSlope=2.5)
    )
    return Seed("pet", files, ".", tuple(files), "dicom")


def _nm() -> Seed:
    drug = make.drug(
        "^99m^Technetium", RadiopharmaceuticalStartDateTime="20250110080000+0100",
        RadionuclideTotalDose=150, RadionuclideHalfLife=TC99M_S,
    )  # fmt: skip
    dataset = make.spect(
        stored((4, 4, 5)), RadiopharmaceuticalInformationSequence=drug,
        TimezoneOffsetFromUTC="+0100", CorrectedImage=["ATTN"],
    )  # fmt: skip
    files = _dicom(dataset)
    return Seed("nm", files, ".", tuple(files), "dicom")


def _enhanced() -> Seed:
    files = _dicom(make.enhanced_ct(stored((4, 4, 5)), order=[2, 0, 3, 1]))
    return Seed("enhanced-ct", files, ".", tuple(files), "dicom")


def _structures() -> Dataset:
    """A liver with a hole in its middle slice, and a tumour of an octagon."""
    liver = [samples.loop_mm(GRID, k, samples.box_loop(0.6, 6.4)) for k in (0, 1, 2, 3)]
    liver.append(samples.loop_mm(GRID, 1, samples.box_loop(4.3, 5.6)))
    tumour = [samples.loop_mm(GRID, k, samples.circle(2.6, 2.7, 1.4, 8)) for k in (1, 2)]
    dataset = samples.structure_set([("Liver", liver), ("Tumor 1", tumour)], frame=FRAME)
    dataset.SOPClassUID, dataset.SOPInstanceUID = RTSTRUCT, "1.2.3.78.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.4", "1.2.3.78.2"
    dataset.StructureSetLabel = "plan"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    series = make.item(SeriesInstanceUID=samples.SERIES)
    study = make.item(RTReferencedSeriesSequence=DicomSequence([series]))
    dataset.ReferencedFrameOfReferenceSequence = DicomSequence(
        [make.item(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=DicomSequence([study]))]
    )
    return dataset


def _rtstruct() -> Seed:
    files = _dicom(*_ct_slices(), _structures())
    targets = tuple(name for name in files if name.startswith("RTSTRUCT"))
    return Seed("rtstruct", files, ".", targets, "dicom")


def _seg() -> Seed:
    pixels = np.stack(masks(GRID.shape), axis=-1).astype(np.uint8)
    dataset = samples.segmentation(GRID, pixels, ["Liver", "Tumor 1"], frame=FRAME)
    files = _dicom(*_ct_slices(), dataset)
    targets = tuple(name for name in files if name.startswith("SEG"))
    return Seed("seg", files, ".", targets, "dicom")


DICOM_SEEDS = {
    "ct": _ct, "pet": _pet, "nm": _nm, "enhanced-ct": _enhanced, "rtstruct": _rtstruct, "seg": _seg,
}  # fmt: skip
"""Name -> how it is made."""
