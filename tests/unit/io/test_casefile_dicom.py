"""case.toml beside DICOM: a series as an image, RTSTRUCT and SEG as regions."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import CaseError
from opensirt.io.casefile import read_case_file
from opensirt.units import Unit
from opensirt.workflow import RunOptions
from opensirt.workflow.missing import require_known
from tests.region_samples import (
    box_loop,
    ct_slices,
    loop_mm,
    segmentation,
    structure_set,
)
from tests.unit.io.case_samples import GOOD, GRID, boxes, write_good_case
from tests.unit.io.dicom_factory import pet, save


@pytest.fixture
def folder(tmp_path):
    return write_good_case(tmp_path)


@pytest.fixture
def dicom_ct(folder):
    (folder / "ct").mkdir()
    for number, dataset in enumerate(ct_slices(GRID)):
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1000
        dataset.RescaleType = "HU"
        dataset.SeriesDescription = "Abdomen"
        dataset.save_as(folder / "ct" / f"{number}.dcm", enforce_file_format=True)
    (folder / "ct" / "notes.txt").write_text("no image")
    return folder


def test_dicom_folder_as_image_with_dicom_regions(dicom_ct):
    points = [loop_mm(GRID, k, box_loop(2.5, 12.5)) for k in range(1, 5)]
    structures = structure_set([("GTV", points)])
    structures.SOPClassUID, structures.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3"
    structures.save_as(dicom_ct / "rs.dcm", implicit_vr=False, little_endian=True)
    liver = boxes()[0].whole().astype(np.uint8)
    segmentation(GRID, liver, ["Liver"]).save_as(dicom_ct / "seg.dcm")
    text = GOOD.replace('"ct.nii.gz"', '"ct"').replace(
        'label = "low-dose CT"', 'series = "Abdomen"'
    )
    text = text[: text.index("[[regions]]")]
    text += '[[regions]]\nfile = "rs.dcm"\n[[regions]]\nfile = "seg.dcm"\n'
    (dicom_ct / "case.toml").write_text(text)
    case = read_case_file(dicom_ct / "case.toml")
    assert case.image("ct").volume.values.min() == -1000
    assert case.image("ct").volume.grid.matches(GRID)
    assert case.region("tumour").volume_ml == pytest.approx(400 * 3 * 1.5 * 1.25 / 1000, rel=1e-5)
    assert case.region("liver").volume_ml == pytest.approx(396 * 3 * 1.5 * 1.25 / 1000, rel=1e-5)


def test_dicom_regions_of_images_without_a_frame_say_what_is_missing(folder):
    """NIfTI names no frame of reference; the refusal of a plan gives that, not "no regions"."""
    points = [loop_mm(GRID, k, box_loop(2.5, 12.5)) for k in range(1, 5)]
    structures = structure_set([("GTV", points)])
    structures.save_as(folder / "rs.dcm", implicit_vr=False, little_endian=True)
    liver = boxes()[0].whole().astype(np.uint8)
    segmentation(GRID, liver, ["Liver"]).save_as(folder / "seg.dcm")
    text = GOOD[: GOOD.index("[[regions]]")]
    text += '[[regions]]\nfile = "rs.dcm"\n[[regions]]\nfile = "seg.dcm"\n'
    (folder / "case.toml").write_text(text)
    case = read_case_file(folder / "case.toml")
    assert len(case.regions) == 0
    assert [item.of_regions for item in case.left_out] == [True, True]
    with pytest.raises(CaseError) as refused:
        require_known(case, RunOptions("resin-y90", "mird"))
    assert "no regions that can be used, so no liver: no image in its frame" in str(refused.value)
    assert "images have none: give the images as DICOM, or the regions as" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('label = "low-dose CT"', 'series = "Head"', 'found 0; write series = one of "Abdomen"'),
        (
            'role = "ct"\nunit = "HU"',
            'role = "treatment-activity"',
            "needs counts or Bq/mL, ct is in",
        ),
        (
            'label = "low-dose CT"',
            "slice_thickness_mm = 3",
            "'slice_thickness_mm' is for Interfile",
        ),
    ],
)
def test_dicom_that_contradicts_the_table(dicom_ct, old, new, message):
    text = GOOD.replace('"ct.nii.gz"', '"ct"').replace(old, new)
    (dicom_ct / "case.toml").write_text(text)
    with pytest.raises(CaseError, match=message):
        read_case_file(dicom_ct / "case.toml")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("resolution_mm = 6.5\n", None),
        ('nuclide = "y90"\nunit = "Bq/mL"\ndecay_correction = "START"\n', None),
        ('nuclide = "ho166"\n', 'key \'nuclide\' says "ho166", the DICOM header says "y90"'),
        ('unit = "counts"\n', 'key \'unit\' says "counts", the DICOM header says "Bq/mL"'),
        ('decay_correction = "NONE"\n', "'decay_correction' says \"NONE\", the DICOM header says"),
        ("acquired = 2001-01-01T00:00:00Z\n", "key 'acquired' says 2001-01-01T00:00:00"),
    ],
)
def test_dicom_activity_agrees_with_its_header(tmp_path, more, message):
    save(pet(np.full((3, 8, 8), 5, np.int16)), tmp_path / "pet")
    path = tmp_path / "case.toml"
    text = '[case]\nid = "a"\n[[image]]\nfile = "pet"\nrole = "treatment-activity"\n'
    path.write_text(text + more)
    if message:
        with pytest.raises(CaseError, match=message):
            read_case_file(path)
        return
    image = read_case_file(path).activity_image
    assert (image.volume.unit, image.volume.nuclide) == (Unit.BQ_PER_ML, "y90")
    assert image.decay_correction == "START"
    assert image.acquired is not None
    assert image.resolution_mm == (6.5 if "resolution" in more else None)


def test_other_dicom_is_no_region_file(dicom_ct):
    text = GOOD.replace("segmentation.seg.nrrd", "ct/0.dcm")
    (dicom_ct / "case.toml").write_text(text)
    with pytest.raises(CaseError, match="expected Modality RTSTRUCT or SEG, found 'CT'"):
        read_case_file(dicom_ct / "case.toml")
