"""RT Dose: places and values as independent readers see them, and what reading refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from opensirt.errors import DicomError, GridMismatchError, InputError, UnitMismatchError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_dose import (
    DoseVolumeHistogram,
    build_rt_dose,
    read_rt_dose,
    write_rt_dose,
)
from opensirt.units import Unit
from tests.dicom_samples import GRIDS, sample_context, sample_dose, sample_histograms

PLACES = np.array([[0, 0, 0], [8, 13, 12], [3, 1, 11], [7, 12, 2]])
"""Voxels (slice, row, column) of the samples."""


def written(dose: Volume, **options: object) -> Dataset:
    """A data set after going through a file."""
    return build_rt_dose(dose, sample_context(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("name", GRIDS)
def test_pydicom_arithmetic_finds_each_dose_in_its_place(
    tmp_path: Path, name: str, bits: int
) -> None:
    """Equation C.7.6.2.1-1 of PS3.3, with frames along the cross product."""
    dose = sample_dose(GRIDS[name])
    found = pydicom.dcmread(write_rt_dose(tmp_path / "d.dcm", dose, sample_context(), bits=bits))
    across, down = np.asarray(found.ImageOrientationPatient, float).reshape(2, 3)
    offsets = np.asarray(found.GridFrameOffsetVector, float)
    assert offsets[0] == 0
    assert (np.diff(offsets) > 0).all()
    s, r, c = np.indices(found.pixel_array.shape)
    step_r, step_c = map(float, found.PixelSpacing)
    points = (
        np.asarray(found.ImagePositionPatient, float)
        + offsets[s][..., None] * np.cross(across, down)
        + (r * step_r)[..., None] * down
        + (c * step_c)[..., None] * across
    )
    index = dose.grid.to_index(points)
    whole = np.rint(index).astype(int)
    assert np.abs(dose.grid.to_patient(whole) - points).max() < 0.01
    gray = found.pixel_array * float(found.DoseGridScaling)
    expected = dose.values[tuple(np.moveaxis(whole, -1, 0))]
    step_gy = float(found.DoseGridScaling)
    assert np.abs(gray - expected).max() <= 0.51 * step_gy + 1e-5
    assert step_gy < 0.005


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("name", GRIDS)
def test_itk_finds_each_dose_in_its_place(tmp_path: Path, name: str, bits: int) -> None:
    """GDCM through SimpleITK; it leaves DoseGridScaling to its user."""
    dose = sample_dose(GRIDS[name])
    path = write_rt_dose(tmp_path / "d.dcm", dose, sample_context(), bits=bits)
    image = sitk.ReadImage(str(path))
    scaling = float(pydicom.dcmread(path).DoseGridScaling)
    for place in PLACES:
        point = dose.grid.to_patient(place)
        index = image.TransformPhysicalPointToIndex(point.tolist())
        assert np.abs(np.asarray(image.TransformIndexToPhysicalPoint(index)) - point).max() < 0.01
        gray = image.GetPixel(index) * scaling
        assert gray == pytest.approx(float(dose.values[tuple(place)]), abs=0.51 * scaling + 1e-5)


@pytest.mark.parametrize("name", GRIDS)
def test_reading_back_gives_each_point_its_dose(name: str) -> None:
    dose = sample_dose(GRIDS[name])
    back = read_rt_dose(written(dose))
    assert back.unit is Unit.GY
    for place in PLACES:
        point = tuple(dose.grid.to_patient(place))
        assert back.at(point) == pytest.approx(float(dose.values[tuple(place)]), rel=1e-6)
    assert back.values.max() == pytest.approx(260.0, rel=1e-7)


def test_32_bits_resolve_a_lung_dose_beside_a_hot_tumour() -> None:
    """2000 Gy in 16 bits steps by 0.03 Gy, 6 % of 0.5 Gy; 32 bits keep it to a millionth."""
    values = np.full((2, 2, 2), 0.5, np.float32)
    values[0, 0, 0] = 2000.0
    dose = Volume(values, Grid.regular((2, 2, 2), (3, 3, 3)), Unit.GY)
    assert read_rt_dose(written(dose)).values[1, 1, 1] == pytest.approx(0.5, rel=2e-6)
    assert float(written(dose, bits=16).DoseGridScaling) == pytest.approx(0.0305, rel=2e-3)


def test_what_the_header_says() -> None:
    found = written(sample_dose(GRIDS["axial"]))
    said = (found.DoseUnits, found.DoseType, found.DoseSummationType, found.PatientID)
    assert said == ("GY", "PHYSICAL", "PLAN", "case-1")
    assert (found.BitsStored, found.HighBit, found.PixelRepresentation) == (32, 31, 0)
    assert str(found.PatientName) == ""
    plan = found.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID
    assert plan == sample_context().sop_uid("plan")
    assert "ReferencedStructureSetSequence" not in found
    assert "DVHSequence" not in found


def test_effective_dose_is_said_and_kept_apart() -> None:
    bed = written(sample_dose(GRIDS["axial"]), dose_type="EFFECTIVE", name="bed")
    assert bed.DoseType == "EFFECTIVE"
    assert bed.SOPInstanceUID != written(sample_dose(GRIDS["axial"])).SOPInstanceUID
    with pytest.raises(DicomError, match="expected DoseType PHYSICAL, found EFFECTIVE"):
        read_rt_dose(bed)
    assert read_rt_dose(bed, dose_type="EFFECTIVE").values.max() == pytest.approx(260.0)


def test_histogram_gives_the_volume_at_each_dose() -> None:
    """Bin widths add up to the dose at each edge (PS3.3 C.8.8.4.1)."""
    found = written(
        sample_dose(GRIDS["axial"]), histograms=sample_histograms(), roi_numbers={"liver": 3}
    )
    item = found.DVHSequence[0]
    data = np.asarray(item.DVHData, float).reshape(-1, 2)
    edges = np.concatenate([[0], np.cumsum(data[:-1, 0])])
    assert (item.DVHNumberOfBins, item.DVHType, item.DVHVolumeUnits) == (101, "CUMULATIVE", "CM3")
    assert np.interp(100.0, edges, data[:, 1]) == pytest.approx(20.0)
    assert data[0, 1] == pytest.approx(40.0)
    assert float(item.DVHMeanDose) == 100.0
    assert item.DVHReferencedROISequence[0].ReferencedROINumber == 3
    structures = found.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
    assert structures == sample_context().sop_uid("structures")


def test_a_long_histogram_is_thinned_to_fit() -> None:
    dose = np.linspace(0.0, 500.0, 40001)
    long = DoseVolumeHistogram("liver", dose, 1000.0 * np.exp(-dose / 100), 100.0, 0.0, 500.0)
    item = written(
        sample_dose(GRIDS["axial"]), histograms=[long], roi_numbers={"liver": 1}
    ).DVHSequence[0]
    data = np.asarray(item.DVHData, float).reshape(-1, 2)
    edges = np.concatenate([[0], np.cumsum(data[:-1, 0])])
    assert len(data) == 1000
    assert np.interp(150.0, edges, data[:, 1]) == pytest.approx(1000 * np.exp(-1.5), rel=1e-5)


def test_histograms_are_checked() -> None:
    with pytest.raises(InputError, match="got 'liver'; regions: none"):
        written(sample_dose(GRIDS["axial"]), histograms=sample_histograms())
    with pytest.raises(InputError, match="expected doses rising from 0 Gy"):
        DoseVolumeHistogram("x", np.array([0.0, 1.0]), np.array([1.0, 2.0]), 1.0, 0.0, 1.0)


def test_unfit_doses_are_refused() -> None:
    grid = Grid.regular((2, 2, 2), (3, 3, 3))
    ones = np.ones(grid.shape, np.float32)
    with pytest.raises(UnitMismatchError, match="expected a volume in Gy, got Bq/mL"):
        written(Volume(ones, grid, Unit.BQ_PER_ML))
    with pytest.raises(InputError, match="0 Gy and more for an RT Dose, got -1 Gy"):
        written(Volume(ones * [-1, 1], grid, Unit.GY))
    with pytest.raises(InputError, match="expected finite doses"):
        written(Volume(ones * np.nan, grid, Unit.GY))
    with pytest.raises(InputError, match="expected 16 or 32 bits for an RT Dose, got 8"):
        written(Volume(ones, grid, Unit.GY), bits=8)
    sheared = grid.matrix
    sheared[0, 0] = 1.0
    with pytest.raises(GridMismatchError, match="sheared"):
        written(Volume(ones, Grid.from_matrix(grid.shape, sheared), Unit.GY))


def test_noise_below_zero_becomes_zero() -> None:
    grid = Grid.regular((1, 1, 2), (3, 3, 3))
    dose = Volume(np.array([[[-1e-5, 100.0]]], np.float32), grid, Unit.GY)
    assert read_rt_dose(written(dose)).values.ravel() == pytest.approx([0.0, 100.0])


def test_an_empty_dose_is_zero() -> None:
    grid = Grid.regular((2, 2, 2), (3, 3, 3))
    assert read_rt_dose(written(Volume(np.zeros(grid.shape), grid, Unit.GY))).values.max() == 0


def test_one_frame_takes_its_thickness() -> None:
    grid = Grid.from_directions((1, 4, 5), (4.5, 2, 3), (1, 2, 3), GRIDS["oblique"].directions)
    dose = Volume(np.arange(20, dtype=np.float32).reshape(1, 4, 5), grid, Unit.GY)
    found = written(dose)
    assert "GridFrameOffsetVector" not in found
    assert read_rt_dose(found).grid.spacing_mm == pytest.approx((4.5, 2, 3))
    del found.SliceThickness
    with pytest.raises(DicomError, match="SliceThickness is missing"):
        read_rt_dose(found)


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [
        (ExplicitVRBigEndian, 16),
        (ExplicitVRBigEndian, 32),
        (ImplicitVRLittleEndian, 32),
        (RLELossless, 16),
    ],
)
def test_any_transfer_syntax_reads_the_same(tmp_path: Path, syntax: str, bits: int) -> None:
    dose = sample_dose(GRIDS["oblique"])
    path = write_rt_dose(tmp_path / "d.dcm", dose, sample_context(), bits=bits)
    expected = read_rt_dose(pydicom.dcmread(path))
    found = pydicom.dcmread(path)
    if syntax == RLELossless:
        found.compress(RLELossless)
    else:
        found.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            words = np.frombuffer(found.PixelData, "<u2")
            found.PixelData = words.astype(">u2").tobytes()
    little = syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(
        tmp_path / "e.dcm", found, implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=little, force_encoding=True,
    )  # fmt: skip
    back = read_rt_dose(pydicom.dcmread(tmp_path / "e.dcm"))
    assert np.array_equal(back.values, expected.values)
    assert back.grid.matches(expected.grid)


@pytest.mark.parametrize("name", ["axial", "rows-reversed"])
def test_absolute_offsets_are_patient_heights(name: str) -> None:
    """Old writers give the patient z of each frame; with reversed rows the normal points down."""
    dose = sample_dose(GRIDS[name])
    found = written(dose)
    expected = read_rt_dose(found)
    z_mm = expected.grid.to_patient([(i, 0, 0) for i in range(9)])[:, 2]
    found.GridFrameOffsetVector = [f"{v:.4f}" for v in z_mm]
    back = read_rt_dose(found)
    assert back.grid.matches(expected.grid)
    assert np.array_equal(back.values, expected.values)


def test_falling_offsets_run_against_the_normal() -> None:
    dose = sample_dose(GRIDS["oblique"])
    found = written(dose)
    expected = read_rt_dose(found)
    last = expected.grid.to_patient((8, 0, 0))
    found.ImagePositionPatient = [f"{v:.6f}" for v in last]
    found.GridFrameOffsetVector = [-3.0 * i for i in range(9)]
    found.PixelData = found.pixel_array[::-1].tobytes()
    back = read_rt_dose(found)
    assert back.grid.matches(expected.grid)
    assert np.array_equal(back.values, expected.values)


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("DoseUnits", "RELATIVE", "expected DoseUnits GY, found RELATIVE"),
        ("DoseUnits", None, "expected DoseUnits GY, found nothing"),
        ("Modality", "CT", "expected Modality RTDOSE, found CT"),
        ("DoseGridScaling", None, "DoseGridScaling is missing"),
        ("DoseGridScaling", "0", "expected DoseGridScaling above 0, found 0"),
        ("PixelData", None, "PixelData is missing"),
        ("PixelSpacing", [0, 1], "expected PixelSpacing above 0 mm"),
        ("ImagePositionPatient", [1, 2], "ImagePositionPatient must be 3 finite numbers"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "not two perpendicular unit vectors"),
        ("GridFrameOffsetVector", None, "GridFrameOffsetVector is missing"),
        ("GridFrameOffsetVector", [0, 3, 6, 9, 12, 15, 18, 21, 25], "even steps in GridFrameOff"),
        ("GridFrameOffsetVector", [0.0] * 9, "even steps in GridFrameOffsetVector"),
        ("GridFrameOffsetVector", list(range(5, 14)), "to start at 0, or at z = 17.125 mm"),
        ("GridFrameOffsetVector", [0, 3], "GridFrameOffsetVector must be 9 finite numbers"),
    ],
)
def test_unusable_doses_are_refused_by_keyword(keyword: str, value: object, message: str) -> None:
    found = written(sample_dose(GRIDS["axial"]))
    if value is None:
        delattr(found, keyword)
    else:
        setattr(found, keyword, value)
    with pytest.raises(DicomError, match=message):
        read_rt_dose(found)


@pytest.mark.parametrize("part", [-0.5, -0.01, -1e-4, -2e-5])
def test_negative_doses_beyond_rounding_are_refused(part: float) -> None:
    """A hundredth of the highest dose below zero is no rounding: the map is wrong."""
    grid = Grid.regular((1, 1, 2), (3, 3, 3))
    values = np.array([[[80.0 * part, 80.0]]], np.float32)
    with pytest.raises(InputError, match="0 Gy and more for an RT Dose"):
        written(Volume(values, grid, Unit.GY))


def test_every_bin_has_its_width_the_last_one_too() -> None:
    item = written(
        sample_dose(GRIDS["axial"]), histograms=sample_histograms(), roi_numbers={"liver": 1}
    ).DVHSequence[0]
    data = np.asarray(item.DVHData, float).reshape(-1, 2)
    assert data[:, 0] == pytest.approx(2.0)
    assert data[-1].tolist() == pytest.approx([2.0, 0.0])
    assert (float(item.DVHMinimumDose), float(item.DVHMaximumDose)) == (0.0, 200.0)
