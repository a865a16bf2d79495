"""Digital patients as DICOM and NIfTI, read back by plain pydicom, SimpleITK and our own reader."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from opensirt.errors import InputError, UnitMismatchError
from opensirt.image import REGION_ROLES, Grid, Region, Regions, Volume
from opensirt.io.dicom_image_writers import (
    Injection,
    write_ct_series,
    write_nm_recon_tomo,
    write_pet_series,
)
from opensirt.io.phantom_study import STUDY_TIME, PhantomStudy, treated_at, write_phantom_study
from opensirt.io.study import read_study
from opensirt.units import Unit

Y90_HALF_LIFE_S = 64.1 * 3600
SCOUT, TREATMENT = (150e6, 3600.0, 1200.0), (2e9, 72000.0, 1200.0)


def small_study(name: str = "tiny") -> PhantomStudy:
    """A study of a few voxels; no two axes, spacings or sizes alike."""
    rng = np.random.default_rng(4)
    ct = Grid.regular((6, 16, 12), (3.0, 2.0, 1.5), (-20.0, 10.0, 5.0))
    nm = Grid.regular((5, 9, 7), (4.418, 4.418, 4.418), (-25.0, 8.0, 3.0))
    pt = Grid.regular((4, 8, 9), (4.0, 3.5, 3.5), (-24.0, 9.0, 4.0))
    mask = np.zeros(ct.shape)
    mask[1:5, 3:13, 2:10] = 1
    spot = np.zeros(ct.shape)
    spot[2:4, 6:10, 4:8] = 1
    hu = rng.integers(-1024, 1500, ct.shape).astype(np.int16)
    return PhantomStudy(
        name=name,
        variant="seed 4",
        ct=Volume(hu, ct, Unit.HU),
        spect=Volume(rng.poisson(300, nm.shape).astype(np.float32), nm, Unit.COUNTS, "tc99m"),
        regions=Regions(
            (
                Region.from_mask("Liver", "liver", mask, ct),
                Region.from_mask("Tumour 1", "tumour", spot, ct, "Perfused right"),
            )
        ),
        truth={"lung_shunt_fraction": 0.05},
        scout=SCOUT,
        pet=Volume(
            rng.gamma(2, 1e6, pt.shape).astype(np.float32), pt, Unit.BQ_PER_ML, "y90", treated_at()
        ),
        treatment=TREATMENT,
        maps={"activity": Volume(hu.astype(np.float32), ct, Unit.BQ_PER_ML)},
    )


@pytest.fixture(scope="module")
def study() -> PhantomStudy:
    return small_study()


@pytest.fixture(scope="module")
def folder(study: PhantomStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom_study(tmp_path_factory.mktemp("phantom") / "out", study)


def test_layout_and_truth(folder: Path) -> None:
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert len([n for n in names if n.startswith("dicom/ct/")]) == 6
    assert len([n for n in names if n.startswith("dicom/pt/")]) == 4
    for name in ("dicom/nm/spect.dcm", "dicom/rtstruct.dcm", "nifti/case.toml", "truth.json"):
        assert name in names
    assert json.loads((folder / "truth.json").read_text())["lung_shunt_fraction"] == 0.05


def test_one_patient_study_and_frame_of_reference(folder: Path) -> None:
    headers = [pydicom.dcmread(p, stop_before_pixels=True) for p in folder.rglob("*.dcm")]
    assert {h.PatientID for h in headers} == {"tiny"}
    assert len({h.StudyInstanceUID for h in headers}) == 1
    assert len({h.FrameOfReferenceUID for h in headers}) == 1
    assert len({h.SeriesInstanceUID for h in headers}) == 4
    assert len({h.SOPInstanceUID for h in headers}) == 6 + 4 + 1 + 1
    assert {h.SeriesDescription.partition(", ")[2] for h in headers} == {"digital patient"}


def test_spect_header_gives_the_geometry_to_plain_pydicom(
    folder: Path, study: PhantomStudy
) -> None:
    header = pydicom.dcmread(folder / "dicom/nm/spect.dcm")
    detector = header.DetectorInformationSequence[0]
    grid = study.spect.grid
    assert [float(v) for v in detector.ImagePositionPatient] == pytest.approx(grid.origin_mm)
    assert [float(v) for v in detector.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]
    assert [float(v) for v in header.PixelSpacing] == pytest.approx([4.418, 4.418])
    assert float(header.SpacingBetweenSlices) == pytest.approx(4.418)
    assert list(header.ImageType) == ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    assert header.SliceVector == [1, 2, 3, 4, 5]
    assert np.array_equal(header.pixel_array, study.spect.values)
    drug = header.RadiopharmaceuticalInformationSequence[0]
    assert float(drug.RadionuclideTotalDose) == 150.0  # MBq in NM
    assert drug.RadionuclideCodeSequence[0].CodeValue == "72454006"
    window = header.EnergyWindowInformationSequence[0].EnergyWindowRangeSequence[0]
    assert float(window.EnergyWindowLowerLimit) == pytest.approx(126.5, abs=0.1)
    assert float(window.EnergyWindowUpperLimit) == pytest.approx(154.6, abs=0.1)


def test_spect_values_and_spacing_in_simpleitk(folder: Path, study: PhantomStudy) -> None:
    image = sitk.ReadImage(str(folder / "dicom/nm/spect.dcm"))
    assert np.array_equal(sitk.GetArrayFromImage(image), study.spect.values)
    assert image.GetSpacing() == pytest.approx((4.418, 4.418, 4.418))
    assert image.GetOrigin() == pytest.approx(study.spect.grid.origin_mm)
    assert image.GetDirection() == pytest.approx((1, 0, 0, 0, 1, 0, 0, 0, 1))


@pytest.mark.parametrize("kind", ["ct", "pt"])
def test_series_values_and_place_in_simpleitk(folder: Path, study: PhantomStudy, kind: str) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "dicom" / kind)))
    image = reader.Execute()
    volume = study.ct if kind == "ct" else study.pet
    assert volume is not None
    assert image.GetOrigin() == pytest.approx(volume.grid.origin_mm)
    assert image.GetSpacing()[::-1] == pytest.approx(volume.grid.spacing_mm)
    found = sitk.GetArrayFromImage(image)
    if kind == "ct":
        assert np.array_equal(found, volume.values)
    else:  # START: 20 h after the instant of the values
        decay = 0.5 ** (72000 / Y90_HALF_LIFE_S)
        expected = volume.values * decay
        step = expected.max(axis=(1, 2), keepdims=True) / 65535
        assert np.all(np.abs(found - expected) < 0.6 * step + 2e-4 * expected)


def test_own_reader_gives_the_same_case_from_dicom_and_nifti(
    folder: Path, study: PhantomStudy
) -> None:
    for sub in ("dicom", "nifti"):
        case = read_study(folder / sub)
        spect = case.image("planning-activity").volume
        assert spect.grid.matches(study.spect.grid)
        assert spect.total() == study.spect.total()
        assert spect.nuclide == "tc99m"
        assert case.image("ct").volume.grid.matches(study.ct.grid)
        assert np.array_equal(case.image("ct").volume.values, study.ct.values)
        assert case.regions["Liver"].volume_ml == pytest.approx(
            study.regions["Liver"].volume_ml, rel=0.02
        )
        assert case.regions["Tumour 1"].role == "tumour"
        pet = case.image("treatment-activity").volume
        assert pet.grid.matches(study.pet.grid)  # type: ignore[union-attr]
    assert case.regions["Tumour 1"].territory == "Perfused right"


def test_admin_correction_gives_the_activity_at_injection(
    tmp_path: Path, study: PhantomStudy
) -> None:
    write_phantom_study(tmp_path / "a", study, decay_correction="ADMIN", nifti=False)
    header = pydicom.dcmread(tmp_path / "a/dicom/pt/pt-0001.dcm")
    assert header.DecayCorrection == "ADMIN"
    assert float(header.DecayFactor) == pytest.approx(2 ** (72000 / Y90_HALF_LIFE_S), rel=2e-3)
    drug = header.RadiopharmaceuticalInformationSequence[0]
    assert float(drug.RadionuclideTotalDose) == 2e9  # Bq in PET
    found = header.pixel_array * float(header.RescaleSlope)
    assert study.pet is not None
    assert found.max() == pytest.approx(float(study.pet.values[0].max()), rel=1e-6)
    assert not (tmp_path / "a/nifti").exists()


def test_same_study_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = write_phantom_study(tmp_path / "again", small_study())
    for path in sorted(folder.rglob("*.dcm")):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()
    other = write_phantom_study(tmp_path / "other", small_study("other"), nifti=False)
    uid = pydicom.dcmread(other / "dicom/nm/spect.dcm").StudyInstanceUID
    assert uid != pydicom.dcmread(folder / "dicom/nm/spect.dcm").StudyInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("dicom/ct/ct-0001.dcm", "CTImage"),
        ("dicom/nm/spect.dcm", "NMImage"),
        ("dicom/pt/pt-0001.dcm", "PETImage"),
        ("dicom/rtstruct.dcm", "RTStructureSet"),
    ],
)
def test_dciodvfy_has_nothing_to_say(folder: Path, file: str, first: str) -> None:
    done = subprocess.run(
        ["dciodvfy", str(folder / file)], capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr).split("\n") == [first, ""]


def test_what_cannot_be_written_is_refused(tmp_path: Path, study: PhantomStudy) -> None:
    injection = Injection("tc99m", 150e6, STUDY_TIME, STUDY_TIME + timedelta(hours=1), 1200)
    given = Injection("y90", 2e9, treated_at(), treated_at(), 1200)
    half = study.spect.with_values(study.spect.values + 0.5)
    with pytest.raises(UnitMismatchError, match="expected whole counts from 0 to 65535"):
        write_nm_recon_tomo(tmp_path / "x.dcm", half, study.context, injection)
    with pytest.raises(UnitMismatchError, match="expected a volume in HU, got counts"):
        write_ct_series(tmp_path, study.spect, study.context)
    with pytest.raises(InputError, match="agent with nuclide tc99m, y90, got 'f18'"):
        Injection("f18", 1, STUDY_TIME, STUDY_TIME, 1)
    with pytest.raises(InputError, match="expected an image after the injection"):
        Injection("y90", 1, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), 1)
    with pytest.raises(InputError, match="expected a gamma emitter for SPECT, got 'y90'"):
        write_nm_recon_tomo(tmp_path / "x.dcm", study.spect, study.context, given)
    assert study.pet is not None
    timeless = Volume(study.pet.values, study.pet.grid, Unit.BQ_PER_ML, "y90", "injection")
    with pytest.raises(InputError, match="instant of its activity, got 'injection'"):
        write_pet_series(tmp_path, timeless, study.context, given)


def test_the_spect_was_acquired_its_delay_after_the_injection(folder: Path) -> None:
    """An hour after the injection, as DICOM and as NIfTI; 20 minutes is how long it took."""
    for place in ("nifti/case.toml", "dicom"):
        images = {image.role: image for image in read_study(folder / place).images}
        assert images["planning-activity"].acquired == STUDY_TIME + timedelta(hours=1)


def test_headers_state_time_in_ms_and_activity_in_their_own_unit(folder: Path) -> None:
    """20 minutes are 1.2e6 ms; 2 GBq are 2e9 Bq in a PET, 150 MBq are 150 in an NM header."""
    pet = pydicom.dcmread(next((folder / "dicom" / "pt").iterdir()))
    assert float(pet.ActualFrameDuration) == 1_200_000
    assert float(pet.FrameReferenceTime) == 600_000
    (given,) = pet.RadiopharmaceuticalInformationSequence
    assert float(given.RadionuclideTotalDose) == 2e9
    assert float(given.RadionuclideHalfLife) == pytest.approx(Y90_HALF_LIFE_S)
    spect = pydicom.dcmread(folder / "dicom" / "nm" / "spect.dcm")
    assert float(spect.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose) == 150
    (turn,) = spect.RotationInformationSequence
    assert turn.ActualFrameDuration * turn.NumberOfFramesInRotation == 1_200_000


def test_each_role_is_in_its_own_label_map_and_what_half_fills_no_voxel_in_none(
    tmp_path: Path,
) -> None:
    """Parts that may overlap are kept apart; a lesion of 0.49 of a voxel would vanish."""
    made = small_study()
    grid = made.ct.grid
    regions = []
    for number, role in enumerate(REGION_ROLES):
        mask = np.zeros(grid.shape)
        mask[number // 2, 2 + number, 3] = 0.5
        regions.append(Region.from_mask(role, role, mask, grid))
    faint = np.zeros(grid.shape)
    faint[0, 0, 0] = 0.49
    regions.append(Region.from_mask("faint", "tumour", faint, grid))
    study = replace(made, regions=Regions(tuple(regions)), pet=None)
    write_phantom_study(tmp_path / "out", study, dicom=False)
    folder = tmp_path / "out" / "nifti"
    assert not (tmp_path / "out" / "dicom").exists()
    case = read_study(folder / "case.toml")
    assert {region.name: region.role for region in case.regions} == {r: r for r in REGION_ROLES}
    names = {path.name.split(".")[0] for path in folder.glob("*.nii.gz")}
    assert names == {
        "ct", "spect", "activity", "organs", "perfused", "tumours", "necrosis", "body", "other",
    }  # fmt: skip
    assert [image.role for image in case.images] == ["ct", "planning-activity"]


def test_the_treatment_is_a_week_after_the_planning_study(folder: Path) -> None:
    assert treated_at() - STUDY_TIME == timedelta(days=7)
    pet = pydicom.dcmread(folder / "dicom/pt/pt-0001.dcm")
    assert (pet.SeriesDate, pet.SeriesTime) == ("20260113", "050000")  # 20 h later
    spect = pydicom.dcmread(folder / "dicom/nm/spect.dcm")
    assert (spect.SeriesDate, spect.SeriesTime) == ("20260105", "100000")
    image = read_study(folder / "nifti" / "case.toml").image("treatment-activity")
    assert image.acquired == treated_at()
    assert image.volume.nuclide == "y90"


def test_identities_follow_from_name_and_variant(study: PhantomStudy) -> None:
    other = replace(study, variant="seed 5")
    assert study.context.study_uid != other.context.study_uid
    assert study.context.frame_of_reference_uid != other.context.frame_of_reference_uid
    assert study.context.study_uid == small_study().context.study_uid
    assert study.context.patient_id == "tiny"
    with pytest.raises(InputError, match="expected a treatment"):
        write_phantom_study(Path("x"), replace(study, treatment=None))
