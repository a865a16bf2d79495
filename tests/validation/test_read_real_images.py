"""Real images of every odd kind, against figures measured on them (shared/data/README.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import AmbiguousStudyError, DicomError, FileFormatError, InputError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.study import describe_study, read_study
from opensirt.units import Unit
from tests.paths import SHARED, needs_shared

pytestmark = needs_shared
DATA = SHARED / "data"
ODD = DATA / "odd-dicom"


def left_out(case) -> str:
    return " | ".join(f"{item.what}: {item.why}" for item in case.left_out)


def test_liver_ct() -> None:
    case = read_study(DATA / "liver-ct-crlm-1006")
    image = case.image("ct")
    assert image.volume.grid.shape == (51, 512, 512)
    assert image.volume.grid.spacing_mm == pytest.approx((5.0, 0.804688, 0.804688))
    assert image.volume.grid.origin_mm == pytest.approx((-191.0, -167.199997, -376.440002))
    assert any("2844372 voxels of padding" in note for note in image.notes)
    assert float(image.volume.values.min()) == -1024.0
    assert float(image.volume.values[0, 0, 0]) == -1000.0
    liver = case.region("liver")
    assert liver.volume_ml == pytest.approx(1577, rel=0.01)
    assert liver.mean_of(image.volume) == pytest.approx(115, abs=1)
    assert [r.volume_ml for r in case.regions.with_role("tumour")] == pytest.approx(
        [6.7, 1.5, 1.1, 0.7], abs=0.06
    )
    assert "(SEG) in file 55: the same region as in" in left_out(case)


def test_fdg_pet() -> None:
    image = read_dicom_image(sorted((DATA / "pet-fdg-sts001" / "pet").glob("*.dcm")))
    volume = image.volume
    assert volume.grid.shape == (225, 128, 128)
    assert volume.grid.spacing_mm == pytest.approx((3.27, 4.6875, 4.6875), abs=0.001)
    assert (volume.unit, volume.nuclide) == (Unit.BQ_PER_ML, "f18")
    assert image.decay_correction == "START"
    assert volume.time == datetime(2000, 9, 7, 11, 20, 11, tzinfo=UTC)
    text = " | ".join(image.notes)
    assert "slice gaps from 3.19 to 3.29 mm resampled linearly" in text
    assert "injected 388.8 MBq (RadionuclideTotalDose) at 103500.00" in text
    case = read_study(DATA / "pet-fdg-sts001")
    assert case.patient.weight_kg == 71.0
    codes = [finding.code for finding in case.findings]  # 225 of 267 slices are held
    assert codes == ["not-a-bead-nuclide", "slices-missing"]


def test_pet_matches_an_independent_reader() -> None:
    """Where a slice was not moved, SimpleITK reads the same values from the same file."""
    sitk = pytest.importorskip("SimpleITK")
    files = sorted((DATA / "pet-fdg-sts001" / "pet").glob("*.dcm"))
    volume = read_dicom_image(files).volume
    for file in (files[0], files[-1]):  # the ends of the stack stay where they are
        other = sitk.ReadImage(str(file))
        index = int(np.rint(volume.grid.to_index(other.GetOrigin())[0]))
        values = sitk.GetArrayFromImage(other)[0]
        assert np.abs(volume.values[index] - values).max() <= 1e-4 * values.max()


def test_pet_in_suv_is_refused_as_activity() -> None:
    case = read_study(DATA / "ct-pet-rtstruct-sts002")
    assert [image.role for image in case.images] == ["ct"]
    assert case.image("ct").volume.grid.shape == (48, 143, 161)
    assert "refused as activity: Units is GML, a standardised uptake value" in left_out(case)
    assert sorted(region.name for region in case.regions) == ["GTV_Mass_CT", "GTV_Mass_PET"]


def test_reconstruction_without_a_place_is_described_not_used() -> None:
    for place in (DATA / "nm-recon-tomo", next((DATA / "nm-recon-tomo").glob("*.dcm"))):
        case = read_study(place)
        assert case.images == ()
        assert "(series 1, NM, 13 x 64 x 64) of 6.232 x 3.116 x 3.116 mm" in left_out(case)
        assert "ImagePositionPatient is missing (DetectorInformationSequence)" in left_out(case)


def test_liver_of_three_slices() -> None:
    case = read_study(DATA / "liver-seg-3slice")
    assert case.image("ct").volume.grid.shape == (3, 512, 512)
    assert case.image("ct").volume.grid.spacing_mm[0] == pytest.approx(1.0)
    assert case.region("liver").volume_ml == pytest.approx(70.4, abs=0.1)


def test_oblique_ct_keeps_its_place() -> None:
    files = sorted((ODD / "rt-utils").glob("oriented_data_*.dcm"))
    volume = read_dicom_image(files).volume
    assert volume.grid.shape == (3, 50, 100)
    assert volume.grid.spacing_mm == pytest.approx((4.5, 3.5, 2.5), abs=1e-5)
    assert volume.grid.origin_mm == pytest.approx((123.0, -432.0, 30.0))
    third = volume.grid.to_patient((2, 0, 0))
    assert third == pytest.approx((122.0159697, -428.1596334, 38.0798058), abs=1e-4)


def test_folder_of_two_phantoms_asks_which() -> None:
    with pytest.raises(AmbiguousStudyError, match="'Created-SimpleITK' \\(CT, 3 x 50 x 100\\)"):
        read_study(ODD / "rt-utils")
    case = read_study(ODD / "rt-utils", choose={"ct": "PHANTOM_EXAMPLE"})
    assert case.image("ct").volume.grid.shape == (2, 512, 512)
    with pytest.raises(InputError, match="of 2 patients"):
        read_study(ODD / "pydicom")


# every odd file alone: an image, regions, something described and left out, or one clear error
OUTCOMES: dict[str, tuple[str, str]] = {
    "pydicom/CT_small.dcm": ("image", "1 x 128 x 128 HU"),
    "pydicom/ExplVR_BigEnd.dcm": ("left out", "Ultrasound Image: not read by opensirt"),
    "pydicom/JPEG2000.dcm": ("left out", "Secondary Capture Image: a picture"),
    "pydicom/LICENSE": ("error", "not a DICOM file"),
    "pydicom/MR_truncated.dcm": ("error", "PixelData holds 8130 of 8192 bytes"),
    "pydicom/UN_sequence.dcm": ("error", "Rows and Columns are missing"),
    "pydicom/badVR.dcm": ("error", "NumberOfFrames is not a number"),
    "pydicom/image_dfl.dcm": ("left out", "Secondary Capture Image: a picture"),
    "pydicom/liver_1frame.dcm": ("region", "Liver 23.8 mL"),
    "pydicom/liver_expb_1frame.dcm": ("region", "Liver 23.8 mL"),
    "pydicom/nested_priv_SQ.dcm": ("error", "SOPClassUID is missing"),
    "pydicom/no_meta.dcm": ("error", "not a DICOM file"),
    "pydicom/rtdose.dcm": ("left out", "a dose of 15 x 10 x 10 voxels (RELATIVE)"),
    "pydicom/rtdose_1frame.dcm": ("left out", "a dose of 1 x 10 x 10 voxels (RELATIVE)"),
    "pydicom/rtdose_expb.dcm": ("left out", "a dose of 15 x 10 x 10 voxels (RELATIVE)"),
    "pydicom/rtplan.dcm": ("left out", "RT Plan: not read by opensirt"),
    "pydicom/rtstruct.dcm": ("left out", "POINT encloses no area"),
    "rt-utils/LICENSE": ("error", "not a DICOM file"),
    "rt-utils/mock_data_ct_1.dcm": ("image", "1 x 512 x 512 HU"),
    "rt-utils/mock_data_ct_2.dcm": ("image", "1 x 512 x 512 HU"),
    "rt-utils/mock_data_rt.dcm": ("left out", "no image in its frame of reference"),
    "rt-utils/oriented_data_0.dcm": ("error", "single slice without SliceThickness"),
    "rt-utils/oriented_data_1.dcm": ("error", "single slice without SliceThickness"),
    "rt-utils/oriented_data_2.dcm": ("error", "single slice without SliceThickness"),
}


def test_no_odd_file_is_forgotten() -> None:
    found = {p.relative_to(ODD).as_posix() for p in ODD.rglob("*") if p.is_file()}
    assert found == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_odd_file_alone(name: str) -> None:
    kind, expected = OUTCOMES[name]
    if kind == "error":
        with pytest.raises(FileFormatError) as caught:
            read_study(ODD / name)
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    case = read_study(ODD / name)
    described = describe_study(case)
    if kind == "image":
        (image,) = described["images"]
        assert f"{' x '.join(map(str, image['shape']))} {image['unit']}" == expected
    elif kind == "region":
        assert [f"{r['name']} {r['volume_ml']:.1f} mL" for r in described["regions"]] == [expected]
    else:
        assert (described["images"], described["regions"]) == ([], [])
        assert expected in left_out(case)


def test_deflated_and_compressed_pixels_decode() -> None:
    """Objects that serve for nothing here still prove the decoders."""
    from opensirt.io.dicom_files import load_pixels

    deflated, _ = load_pixels(ODD / "pydicom" / "image_dfl.dcm")
    jpeg2000, digest = load_pixels(ODD / "pydicom" / "JPEG2000.dcm")
    assert deflated.shape == (1, 512, 512)
    assert jpeg2000.shape == (1, 1024, 256)
    assert len(digest) == 64
    with pytest.raises(DicomError, match="SamplesPerPixel is not 1"):
        load_pixels(ODD / "pydicom" / "ExplVR_BigEnd.dcm")


def test_nifti_and_nrrd_files_are_described() -> None:
    case = read_study(DATA / "abdomen-ct-multiorgan-nifti" / "example_ct.nii.gz")
    assert "112 x 101 x 122 voxels of 3 x 3 x 3 mm" in left_out(case)
    assert "states neither role nor unit" in left_out(case)
    seg = next((DATA / "maa-spect-liver").glob("*.seg.nrrd"))
    names = {region.name for region in read_study(Path(seg)).regions}
    assert {"Tumor 1", "Tumor 2"} <= names
