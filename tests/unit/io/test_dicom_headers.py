"""Fixed attributes of each written object: what a viewer or an archive goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from opensirt.image import Grid, Volume
from opensirt.io.dicom_image_writers import (
    Injection,
    write_ct_series,
    write_nm_recon_tomo,
    write_pet_series,
)
from opensirt.io.dicom_plan import PlanSummary
from opensirt.io.dicom_results import write_dicom_results
from opensirt.units import Unit
from tests.dicom_samples import (
    GRIDS,
    sample_context,
    sample_dose,
    sample_histograms,
    sample_measurements,
    sample_regions,
)

GRID = Grid.regular((3, 4, 5), (3.0, 2.0, 1.5), (-20.0, 10.0, 5.0))
INJECTED = datetime(2025, 1, 10, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Every kind of object, read back."""
    folder: Path = tmp_path_factory.mktemp("objects")
    grid, context = GRIDS["axial"], sample_context()
    paths = write_dicom_results(
        folder / "results", context=context, dose=sample_dose(grid), regions=sample_regions(grid),
        activity=Volume(sample_dose(grid).values, grid, Unit.BQ_PER_ML, "y90"),
        plan_summary=PlanSummary("p", "d", 120.0, "tumour 1"),
        region_doses=sample_measurements(), dvhs=sample_histograms(),
    )  # fmt: skip
    for name in ("ct", "pet"):
        (folder / name).mkdir()
    ones = np.ones(GRID.shape)
    write_ct_series(folder / "ct", Volume(ones, GRID, Unit.HU), context)
    given = Injection("y90", 2e9, INJECTED, INJECTED + timedelta(hours=1), 600.0)
    pet = Volume(ones, GRID, Unit.BQ_PER_ML, "y90", INJECTED)
    write_pet_series(folder / "pet", pet, context, given)
    scout = Injection("tc99m", 1e8, INJECTED, INJECTED + timedelta(hours=1), 600.0)
    write_nm_recon_tomo(folder / "nm.dcm", Volume(ones, GRID, Unit.COUNTS), context, scout)
    found = {path.stem: pydicom.dcmread(path) for path in paths}
    for name, path in (("ct", "ct/ct-0001.dcm"), ("pet", "pet/pt-0001.dcm"), ("nm", "nm.dcm")):
        found[name] = pydicom.dcmread(folder / path)
    return found


KINDS = {
    "plan": ("RT Plan Storage", "RTPLAN", "SIRT plan, opensirt"),
    "dose": ("RT Dose Storage", "RTDOSE", "Absorbed dose, opensirt"),
    "structures": ("RT Structure Set Storage", "RTSTRUCT", "Regions, opensirt"),
    "segmentation": ("Segmentation Storage", "SEG", "Regions, opensirt"),
    "report": ("Comprehensive 3D SR Storage", "SR", "SIRT plan, measurements, opensirt"),
    "activity": ("Parametric Map Storage", "OT", "Activity concentration, opensirt"),
    "ct": ("CT Image Storage", "CT", "CT, digital patient"),
    "pet": ("Positron Emission Tomography Image Storage", "PT", "PET, digital patient"),
    "nm": ("Nuclear Medicine Image Storage", "NM", "SPECT, digital patient"),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_object_says_what_it_is(written: dict[str, Dataset], name: str) -> None:
    found, (kind, modality, description) = written[name], KINDS[name]
    assert UID(found.SOPClassUID).name == kind
    assert found.file_meta.MediaStorageSOPClassUID == found.SOPClassUID
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert (found.Modality, found.SeriesDescription) == (modality, description)
    assert (found.Manufacturer, found.PatientID) == ("opensirt", "case-1")
    assert str(found.InstanceNumber) == "1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plan", {
            "PlanIntent": "RESEARCH", "RTPlanGeometry": "PATIENT", "ApprovalStatus": "UNAPPROVED",
        }),
        ("dose", {
            "DoseUnits": "GY", "DoseType": "PHYSICAL", "DoseSummationType": "PLAN",
            "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 32,
            "FrameIncrementPointer": 0x3004000C, "NumberOfFrames": 9, "Rows": 14, "Columns": 13,
            "SliceThickness": 3.0, "PixelRepresentation": 0,
        }),
        ("structures", {"ApprovalStatus": "UNAPPROVED", "StructureSetLabel": "opensirt"}),
        ("segmentation", {"SegmentationType": "BINARY", "ContentLabel": "REGIONS", "Rows": 14}),
        ("report", {
            "CompletionFlag": "COMPLETE", "VerificationFlag": "UNVERIFIED",
            "PreliminaryFlag": "PRELIMINARY",
        }),
        ("activity", {
            "ContentLabel": "ACTIVITY", "BodyPartExamined": "LIVER", "Rows": 14, "Columns": 13,
            "NumberOfFrames": 9,
        }),
        ("ct", {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "RescaleType": "HU", "Rows": 4,
            "Columns": 5, "PatientPosition": "HFS", "BodyPartExamined": "ABDOMEN", "HighBit": 15,
            "BitsStored": 16, "PixelRepresentation": 0, "SeriesNumber": 1,
        }),
        ("pet", {
            "Units": "BQML", "CountsSource": "EMISSION", "SeriesType": ["STATIC", "IMAGE"],
            "CollimatorType": "NONE", "RescaleIntercept": 0,
            "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
        }),
        ("nm", {
            "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            "FrameIncrementPointer": 0x00540080, "NumberOfEnergyWindows": 1,
            "NumberOfDetectors": 1, "NumberOfRotations": 1,
        }),
    ],
)  # fmt: skip
def test_fixed_attributes_are_those_of_the_standard(
    written: dict[str, Dataset], name: str, said: dict[str, object]
) -> None:
    found = {key: written[name][key].value for key in said}
    assert found == said


def test_a_histogram_is_cumulative_in_gray_and_millilitres(written: dict[str, Dataset]) -> None:
    (item,) = written["dose"].DVHSequence
    said = (item.DVHType, item.DoseUnits, item.DVHVolumeUnits, item.DVHNumberOfBins)
    assert said == ("CUMULATIVE", "GY", "CM3", 101)
    (roi,) = item.DVHReferencedROISequence
    assert roi.DVHROIContributionType == "INCLUDED"


@pytest.mark.parametrize("name", ["pet", "nm"])
def test_the_patient_lies_on_the_back_head_first(written: dict[str, Dataset], name: str) -> None:
    (lying,) = written[name].PatientOrientationCodeSequence
    (supine,) = lying.PatientOrientationModifierCodeSequence
    (first,) = written[name].PatientGantryRelationshipCodeSequence
    codes = [item.CodeValue for item in (lying, supine, first)]
    assert codes == ["102538003", "40199007", "102540008"]


def test_contours_are_closed_and_planar(written: dict[str, Dataset]) -> None:
    for roi in written["structures"].ROIContourSequence:
        for contour in roi.get("ContourSequence", []):
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
    rois = written["structures"].StructureSetROISequence
    assert [roi.ROINumber for roi in rois] == [1, 2, 3, 4]
    assert rois[0].ROIDescription.startswith("liver; ")
    volume = sample_regions(GRIDS["axial"])["liver"].volume_ml
    assert rois[0].ROIDescription == f"liver; {volume:.4g} mL"
