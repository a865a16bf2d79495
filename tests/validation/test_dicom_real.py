"""DICOM output of a real study (liver CT with lesions), read back against its own images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from opensirt.image import Regions, Volume
from opensirt.io.dicom_common import DicomContext
from opensirt.io.dicom_dose import read_rt_dose
from opensirt.io.dicom_plan import PlanSummary
from opensirt.io.dicom_results import write_dicom_results
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.study import read_study
from opensirt.units import Unit
from tests.paths import SHARED, needs_shared


@needs_shared
def test_results_overlay_on_a_real_ct(tmp_path: Path) -> None:
    study = SHARED / "data" / "liver-ct-crlm-1006"
    case = read_study(study)
    image = case.image("ct")
    grid = image.volume.grid
    chosen = [r for r in case.regions if r.role in ("liver", "tumour")]
    regions = Regions(tuple(region.onto(grid) for region in chosen))
    dose = Volume(np.random.default_rng(0).random(grid.shape, np.float32) * 100, grid, Unit.GY)
    paths = write_dicom_results(
        tmp_path,
        context=DicomContext.for_case(case, image=image),
        dose=dose,
        regions=regions,
        activity=None,
        plan_summary=PlanSummary("mird", "", 100.0, regions.items[0].name),
        region_doses={},
        dvhs=[],
    )
    assert [path.stem for path in paths] == ["plan", "dose", "structures", "segmentation"]
    found = {path.stem: pydicom.dcmread(path) for path in paths}

    headers = [pydicom.dcmread(f, stop_before_pixels=True) for f in (study / "ct").iterdir()]
    height_mm = {h.SOPInstanceUID: float(h.ImagePositionPatient[2]) for h in headers}
    assert found["dose"].StudyInstanceUID == headers[0].StudyInstanceUID
    assert found["dose"].FrameOfReferenceUID == headers[0].FrameOfReferenceUID
    for contour in found["structures"].ROIContourSequence[0].ContourSequence:
        uid = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert float(contour.ContourData[2]) == pytest.approx(height_mm[uid], abs=0.01)
    for frame in found["segmentation"].PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        z_mm = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        assert z_mm == pytest.approx(height_mm[source], abs=0.01)

    outlined, _ = read_rtstruct(found["structures"], [image])
    voxels, _ = read_segmentation(found["segmentation"], [image])
    assert len(outlined) == len(voxels) == len(regions) >= 2
    for region, outline, voxel in zip(regions, outlined, voxels, strict=True):
        assert voxel.volume_ml == pytest.approx(region.volume_ml, rel=1e-3)
        assert outline.volume_ml == pytest.approx(region.volume_ml, rel=0.01)
        assert outline.centroid_mm == pytest.approx(region.centroid_mm, abs=0.1)
    assert read_rt_dose(found["dose"]).grid.matches(grid)
