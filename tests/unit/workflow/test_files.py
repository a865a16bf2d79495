"""Histograms of DICOM dose and regions, file to file, and what is said where that cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from opensirt.errors import FileFormatError, InputError
from opensirt.image import Grid, Region, Volume
from opensirt.io.dicom_dose import write_rt_dose
from opensirt.io.dicom_plan import PlanSummary, write_rt_plan
from opensirt.io.dicom_segmentation import write_segmentation
from opensirt.io.dicom_structures import write_rt_structures
from opensirt.io.nifti import read_nifti_regions, write_labels_nifti, write_volume_nifti
from opensirt.units import Unit
from opensirt.workflow import files
from opensirt.workflow.files import histograms_from_files
from tests.dicom_samples import GRIDS, sample_context, sample_dose, sample_regions
from tests.region_samples import FRAME, box_loop, loop_mm, structure_set

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


SMALL = Grid.regular((4, 20, 20), (2.0, 1.0, 1.0))


def a_dose(folder):
    """1 Gy on 4 x 20 x 20 voxels of 2 x 1 x 1 mm."""
    dose = Volume(np.ones(SMALL.shape, np.float32), SMALL, Unit.GY)
    path = folder / "small.dcm"
    write_rt_dose(path, dose, replace(sample_context(SMALL), frame_of_reference_uid=FRAME))
    return path


def boxes(folder, *columns, frame=FRAME):
    """A structure set: 10 x 10 voxels of one slice (0.2 mL) from each column on."""
    rois = []
    for first in columns:
        loop = [(row, column + first) for row, column in box_loop(-0.5, 9.5)]
        moved = [(row + 5, column) for row, column in loop]
        rois.append((f"from {first}", [loop_mm(SMALL, 2, moved)]))
    dataset = structure_set(rois, frame=frame)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(folder / "boxes.dcm", dataset, enforce_file_format=True)
    return folder / "boxes.dcm"


def test_a_structure_that_reaches_beyond_the_dose_has_its_whole_volume(tmp_path):
    """0.2 mL each: inside, with 4 of 10 columns beyond, and wholly outside."""
    found = histograms_from_files(a_dose(tmp_path), boxes(tmp_path, 5, 14, 40))
    rows = [(r["name"], r["volume_ml"], r["volume_with_dose_ml"]) for r in found["regions"]]
    assert rows == [
        ("from 5", pytest.approx(0.2), pytest.approx(0.2)),
        ("from 14", pytest.approx(0.2), pytest.approx(0.12)),
        ("from 40", pytest.approx(0.2), 0.0),
    ]
    assert [row.get("outside", False) for row in found["regions"]] == [False, False, True]
    assert found["left_out"] == []


def test_dose_and_structures_of_two_frames_of_reference_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match=f"{FRAME} in the dose and 1.2.3 in boxes.dcm"):
        histograms_from_files(a_dose(tmp_path), boxes(tmp_path, 5, frame="1.2.3"))


def test_a_roi_that_a_histogram_leaves_out_is_listed(tmp_path):
    path = boxes(tmp_path, 5, 7)
    dataset = dcmread(path)
    dataset.ROIContourSequence[1].ContourSequence[0].NumberOfContourPoints = 9
    dataset.save_as(path)
    found = histograms_from_files(a_dose(tmp_path), path)
    assert [row["name"] for row in found["regions"]] == ["from 5"]
    assert [item["what"] for item in found["left_out"]] == ["contours of 'from 7'"]


def test_contours_too_far_from_the_dose_for_one_grid_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="no grid can hold both"):
        histograms_from_files(a_dose(tmp_path), boxes(tmp_path, 5, 10_000_000))


def test_another_dicom_object_is_named(folder):
    with pytest.raises(FileFormatError, match=r"found plan.dcm \(RTPLAN\)"):
        histograms_from_files(folder / "dose.dcm", folder / "plan.dcm")


def test_a_label_may_have_any_name(tmp_path):
    mask = np.zeros(GRID.shape)
    mask[2, 3, 4] = 1
    name = "a ]]> b <c> & 'd'"
    write_labels_nifti(tmp_path / "l.nii.gz", [Region.from_mask(name, "other", mask, GRID)])
    assert [r.name for r in read_nifti_regions(tmp_path / "l.nii.gz")] == [name]


ROW = Grid.regular((1, 10, 10), (20.0, 10.0, 5.0), (3.0, 4.0, 5.0))
"""Voxels of 1 mL."""


def test_each_figure_of_a_histogram_has_its_own_number(tmp_path):
    """1 to 100 Gy in 100 mL: 98 % get more than 2 Gy, half more than 50 Gy, 2 % more than 98 Gy."""
    gray = np.arange(1, 101, dtype=np.float32).reshape(ROW.shape)
    write_volume_nifti(tmp_path / "dose.nii.gz", Volume(gray, ROW, Unit.GY))
    whole = Region.from_mask("liver", "liver", np.ones(ROW.shape), ROW)
    away = Grid.regular(ROW.shape, ROW.spacing_mm, (900.0, 0.0, 0.0))
    far = Region.from_mask("far", "tumour", np.ones(away.shape), away)
    write_labels_nifti(tmp_path / "liver.nii.gz", [whole])
    (row,) = histograms_from_files(tmp_path / "dose.nii.gz", tmp_path / "liver.nii.gz")["regions"]
    found = [row[f"d{x}_gy"] for x in (98, 95, 70, 50, 2)]
    assert found == pytest.approx([2.0, 5.0, 30.0, 50.0, 98.0], abs=1e-4)
    assert row["volume_ml"] == pytest.approx(100.0)
    assert (row["minimum_gy"], row["mean_dose_gy"], row["maximum_gy"]) == pytest.approx(
        (1.0, 50.5, 100.0)
    )
    assert np.interp(40.5, row["dose_gy"], row["volume_fraction"]) == pytest.approx(0.6, abs=0.01)
    write_labels_nifti(tmp_path / "far.nii.gz", [far])
    found = histograms_from_files(tmp_path / "dose.nii.gz", tmp_path / "far.nii.gz")
    assert found["regions"] == [
        {
            "name": "far", "role": "other", "volume_ml": pytest.approx(100.0),
            "volume_with_dose_ml": 0.0, "outside": True,
        }
    ]  # fmt: skip
    assert found["dose"] == str(tmp_path / "dose.nii.gz")


def test_each_ending_has_its_reader(tmp_path, monkeypatch):
    """A header of its own beside the data is NRRD too; capitals say the same."""
    nrrd = ("nrrd", np.ones(ROW.shape, np.float32), ROW)
    monkeypatch.setattr(files, "stated_unit", lambda path: None)
    monkeypatch.setattr(files, "read_nrrd", lambda path: nrrd[1:])
    monkeypatch.setattr(files, "read_nrrd_regions", lambda path: "nrrd")
    monkeypatch.setattr(files, "read_volume_nifti", lambda path, unit, **facts: (unit, facts))
    monkeypatch.setattr(files, "read_nifti_regions", lambda path: "nifti")
    monkeypatch.setattr(files, "open_dicom", lambda path: {"FrameOfReferenceUID": "1.2"})
    monkeypatch.setattr(files, "read_rt_dose", lambda dataset: dataset)
    for name in ("a.nrrd", "b.nhdr", "C.NRRD", "d.nii", "e.nii.gz", "f.NII", "g.dcm"):
        (tmp_path / name).touch()
    for name in ("a.nrrd", "b.nhdr", "C.NRRD"):
        found, frame = files.read_dose(tmp_path / name)
        assert frame == ""
        assert (found.unit, found.grid) == (Unit.GY, ROW)
        named = files.read_volume(tmp_path / name, Unit.HU, nuclide="y90")
        assert (named.unit, named.nuclide) == (Unit.HU, "y90")
        assert files.read_regions(tmp_path / name, found) == ("nrrd", ())
    for name in ("d.nii", "e.nii.gz", "f.NII"):
        assert files.read_dose(tmp_path / name) == ((Unit.GY, {}), "")
        assert files.read_regions(tmp_path / name, found) == ("nifti", ())
    assert files.read_dose(tmp_path / "g.dcm") == ({"FrameOfReferenceUID": "1.2"}, "1.2")
    with pytest.raises(FileFormatError, match="expected a file, found none at"):
        files.read_dose(tmp_path / "h.nii")
    with pytest.raises(FileFormatError, match=r"expected a file, found the folder .*; give a file"):
        files.read_dose(tmp_path)


@pytest.mark.parametrize("field", ["sample units: kBq/mL", 'sample units: "kBq/mL"'])
def test_an_nrrd_states_its_unit_in_sample_units(tmp_path, field):
    header = (
        "NRRD0005", "type: float", "dimension: 3", "space: left-posterior-superior",
        "sizes: 2 2 2", "space directions: (2,0,0) (0,3,0) (0,0,5)", "endian: little",
        "encoding: raw", "space origin: (1,2,3)", field, "", "",
    )  # fmt: skip
    path = tmp_path / "a.nrrd"
    path.write_bytes("\n".join(header).encode() + np.full(8, 2.5, "<f4").tobytes())
    found = files.read_activity(path, None)
    assert (found.unit, float(found.values[1, 1, 1])) == (Unit.BQ_PER_ML, 2500.0)
    with pytest.raises(InputError, match="is in kBq/mL by its header, not in Bq/mL"):
        files.read_activity(path, "Bq/mL")
    with pytest.raises(InputError, match="expected values in Gy, found kBq/mL in its header"):
        files.read_volume(path, Unit.GY)
