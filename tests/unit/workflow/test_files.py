"""Histograms of DICOM dose and regions, file to file, and what is said where that cannot be."""

import numpy as np
import pytest

from opensirt.errors import FileFormatError
from opensirt.image import Region
from opensirt.io.dicom_dose import write_rt_dose
from opensirt.io.dicom_plan import PlanSummary, write_rt_plan
from opensirt.io.dicom_segmentation import write_segmentation
from opensirt.io.dicom_structures import write_rt_structures
from opensirt.io.nifti import read_nifti_regions, write_labels_nifti
from opensirt.workflow.files import histograms_from_files
from tests.dicom_samples import GRIDS, sample_context, sample_dose, sample_regions

GRID = GRIDS["axial"]


@pytest.fixture
def folder(tmp_path):
    context, regions = sample_context(GRID), sample_regions(GRID)
    write_rt_dose(tmp_path / "dose.dcm", sample_dose(GRID), context)
    write_segmentation(tmp_path / "seg.dcm", regions, context)
    write_rt_structures(tmp_path / "structures.dcm", regions, context, holes="loops")
    write_rt_plan(tmp_path / "plan.dcm", PlanSummary("plan", "words"), context)
    return tmp_path


@pytest.mark.parametrize(("file", "tolerance"), [("seg.dcm", 1e-4), ("structures.dcm", 0.06)])
def test_histograms_of_dicom_regions(folder, file, tolerance):
    """Contours cut the corners of these regions, which are a few voxels wide."""
    rows = histograms_from_files(folder / "dose.dcm", folder / file)["regions"]
    found = {row["name"]: row for row in rows}
    dose = sample_dose(GRID)
    for region in sample_regions(GRID):
        if region.name in ("liver", "tumour 1"):
            row = found[region.name]
            assert row["volume_ml"] == pytest.approx(region.volume_ml, rel=tolerance)
            assert row["mean_dose_gy"] == pytest.approx(region.mean_of(dose), rel=tolerance)


def test_another_dicom_object_is_named(folder):
    with pytest.raises(FileFormatError, match=r"found plan.dcm \(RTPLAN\)"):
        histograms_from_files(folder / "dose.dcm", folder / "plan.dcm")


def test_a_label_may_have_any_name(tmp_path):
    mask = np.zeros(GRID.shape)
    mask[2, 3, 4] = 1
    name = "a ]]> b <c> & 'd'"
    write_labels_nifti(tmp_path / "l.nii.gz", [Region.from_mask(name, "other", mask, GRID)])
    assert [r.name for r in read_nifti_regions(tmp_path / "l.nii.gz")] == [name]
