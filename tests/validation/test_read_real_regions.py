"""Regions of real studies against figures measured on them (README of the reference data)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.image import Volume
from opensirt.io.casefile import read_case_file
from opensirt.io.dicom_files import open_dicom
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.interfile import read_interfile
from opensirt.io.nifti import read_nifti, read_nifti_regions
from opensirt.io.slicer import read_nrrd_regions
from opensirt.units import Unit
from tests.case_files import write_maa_case
from tests.paths import SHARED, needs_shared

pytestmark = [needs_shared, pytest.mark.shared]

DATA = SHARED / "data"
FRAME_OF_MOCK = "1.2.826.0.1.3680043.8.498.41321784967516118556817630335498661397"
HOLE_MM2 = 15 * 15 - 0.5


def dicom_image(folder, **options):
    return read_dicom_image(sorted(folder.glob("*")), **options)


@pytest.fixture(scope="module")
def maa_case(tmp_path_factory):
    return read_case_file(write_maa_case(tmp_path_factory.mktemp("maa") / "case.toml"))


@pytest.mark.parametrize(
    ("name", "role", "volume_ml", "mean_counts"),
    [
        ("liver", "liver", 1726, None),
        ("perfused volume", "perfused", 1082, None),
        ("Tumor 1", "tumour", 113, 1437),
        ("Tumor 2", "tumour", 129, 1209),
        ("perfused normal", "other", None, 322),
        ("gallbladder", "gallbladder", 42, None),
        ("whole liver normal", "other", None, None),
    ],
)
def test_maa_spect_regions(maa_case, name, role, volume_ml, mean_counts):
    region = maa_case.regions[name]
    counts = maa_case.activity_image.volume
    assert region.role == role
    if volume_ml is not None:
        assert region.volume_ml == pytest.approx(volume_ml, rel=0.006)
        assert region.onto(counts.grid).volume_ml == pytest.approx(volume_ml, rel=0.01)
    if mean_counts is not None:
        assert region.onto(counts.grid).mean_of(counts) == pytest.approx(mean_counts, rel=0.015)


def test_maa_spect_gallbladder_mean(maa_case):
    """504 on the segmentation's grid by every interpolation, 501 here; the README says 512."""
    counts = maa_case.activity_image.volume
    gallbladder = maa_case.regions["gallbladder"].onto(counts.grid)
    assert gallbladder.mean_of(counts) == pytest.approx(512, rel=0.025)


def test_maa_spect_shares_and_uptake_ratio(maa_case):
    image = maa_case.activity_image
    counts, regions = image.volume, maa_case.regions.onto(image.volume.grid)
    assert regions["liver"].sum_of(counts) / counts.total() == pytest.approx(0.60, abs=0.009)
    share = regions["perfused volume"].sum_of(counts) / counts.total()
    assert share == pytest.approx(0.57, abs=0.0086)
    normal = regions["perfused normal"].mean_of(counts)
    assert regions["Tumor 1"].mean_of(counts) / normal == pytest.approx(1437 / 322, rel=0.015)
    assert regions["Tumor 2"].mean_of(counts) / normal == pytest.approx(1209 / 322, rel=0.015)
    assert image.notes == ("461 voxels below 0, lowest -2, are kept as they are",)


@pytest.fixture(scope="module")
def crlm():
    return dicom_image(DATA / "liver-ct-crlm-1006" / "ct")


def test_crlm_structure_set_segmentation_and_labels_agree(crlm):
    folder = DATA / "liver-ct-crlm-1006"
    contours, left_out = read_rtstruct(open_dicom(folder / "rtstruct.dcm"), [crlm])
    segments, nothing = read_segmentation(open_dicom(folder / "seg.dcm"), [crlm])
    labels = read_nrrd_regions(folder / "labels.nrrd")
    assert nothing == ()
    assert len(left_out) == 1
    assert left_out[0].why.startswith("runs through voxel centres")
    whole = labels[0]
    for lesion in labels[1:]:
        whole = whole | lesion
    expected = [(1577, 115), (6.7, None), (1.5, None), (1.1, None), (0.7, None)]
    for contour, segment, label, (volume_ml, mean_hu) in zip(
        contours, segments, (whole, *labels[1:]), expected, strict=True
    ):
        assert contour.role == segment.role == ("liver" if volume_ml > 100 else "tumour")
        assert contour.volume_ml == pytest.approx(volume_ml, rel=0.001 if mean_hu else 0.04)
        for other in (segment, label):
            assert contour.volume_ml == pytest.approx(other.volume_ml, rel=0.01)
            gap = np.subtract(contour.centroid_mm, other.centroid_mm)
            assert float(np.linalg.norm(gap)) < 1.0
        if mean_hu:
            assert contour.mean_of(crlm.volume) == pytest.approx(mean_hu, abs=0.5)
        else:
            assert 83 <= contour.mean_of(crlm.volume) <= 94


def test_crlm_lesion_on_the_segmentation_grid_meets_the_ct(crlm):
    segments, _ = read_segmentation(open_dicom(DATA / "liver-ct-crlm-1006" / "seg.dcm"), [crlm])
    liver = segments[0].onto(crlm.volume.grid)
    assert liver.mean_of(crlm.volume) == pytest.approx(115, abs=0.5)


def test_sarcoma_contours_on_uneven_pet_slices():
    folder = DATA / "pet-fdg-sts001"
    image = dicom_image(folder / "pet")
    regions, left_out = read_rtstruct(open_dicom(folder / "rtstruct.dcm"), [image])
    assert [(r.name, r.role) for r in regions] == [("GTV_Mass", "tumour"), ("GTV_Edema", "other")]
    # polygon area times plane spacing, summed over the contours (calculated apart)
    assert regions[0].volume_ml == pytest.approx(365.18, rel=1e-3)
    assert regions[1].volume_ml == pytest.approx(580.62, rel=1e-3)
    assert left_out == ()


def test_sarcoma_contours_on_ct_and_pet_are_one_place():
    folder = DATA / "ct-pet-rtstruct-sts002"
    ct = dicom_image(folder / "ct")
    regions, left_out = read_rtstruct(open_dicom(folder / "rtstruct_ct.dcm"), [ct])
    on_pet, _ = read_rtstruct(open_dicom(folder / "rtstruct_pet.dcm"), [ct])
    assert regions[0].volume_ml == pytest.approx(53.27, rel=0.01)
    assert on_pet[0].volume_ml == pytest.approx(regions[0].volume_ml, rel=0.01)
    gap = np.subtract(regions[0].centroid_mm, on_pet[0].centroid_mm)
    assert float(np.linalg.norm(gap)) < 0.2
    assert left_out == ()


def test_liver_on_three_slices():
    folder = DATA / "liver-seg-3slice"
    ct = dicom_image(folder / "ct")
    regions, left_out = read_segmentation(open_dicom(folder / "seg_liver.dcm"), [ct])
    assert (regions[0].name, regions[0].role, left_out) == ("Liver", "liver", ())
    voxels = 36233 + 35645 + 35220
    assert regions[0].volume_ml == pytest.approx(voxels * 0.810547**2 / 1000, rel=1e-4)
    assert regions[0].onto(ct.volume.grid).mean_of(ct.volume) == pytest.approx(37.33, abs=0.1)


def test_abdomen_labels_have_the_names_of_the_file():
    folder = DATA / "abdomen-ct-multiorgan-nifti"
    regions = read_nifti_regions(folder / "example_seg_fast_force_split.nii.gz")
    found = {region.name: region for region in regions}
    values, grid = read_nifti(folder / "example_ct.nii.gz")
    ct = Volume(values, grid, Unit.HU)
    labels, _ = read_nifti(folder / "example_seg_fast_force_split.nii.gz")
    for name, label, role in [
        ("spleen", 1, "other"), ("liver", 5, "liver"), ("stomach", 6, "stomach"),
        ("lung_upper_lobe_left", 10, "lung-left"), ("lung_lower_lobe_right", 14, "lung-right"),
        ("portal_vein_and_splenic_vein", 64, "other"),
    ]:  # fmt: skip
        assert found[name].role == role
        assert found[name].volume_ml == pytest.approx(0.027 * np.count_nonzero(labels == label))
    assert found["liver"].mean_of(ct) > 30
    assert found["lung_lower_lobe_right"].mean_of(ct) < -400
    # right is towards lower x (LPS): the liver lies right of the spleen
    assert found["liver"].centroid_mm[0] < found["spleen"].centroid_mm[0] - 100


def test_lutetium_phantom_organ_totals():
    path = DATA / "lu177-voxel-phantom-interfile" / "patient15_LuDOTATATE_src.h33"
    values, grid, notes = read_interfile(path, slice_thickness_mm=4.4196)
    assert grid.shape == (90, 70, 108)
    assert grid.voxel_volume_ml == pytest.approx(3.9063**2 * 4.4196 / 1000)
    assert notes[0].startswith("position in the patient is not known")
    codes, voxels = np.unique(values[values >= 15000], return_counts=True)
    assert dict(zip(codes.tolist(), voxels.tolist(), strict=True)) == {
        15000: 15381, 16000: 1535, 17000: 2052, 18000: 2493, 19000: 93, 20000: 55, 21000: 90,
    }  # fmt: skip
    assert float(values.sum(dtype=np.float64)) == 753790813.0
    assert 15381 * grid.voxel_volume_ml == pytest.approx(1037.3, rel=1e-3)  # liver, mL


@pytest.mark.parametrize("name", ["liver_1frame.dcm", "liver_expb_1frame.dcm"])
def test_odd_segmentations_of_one_frame(name):
    regions, left_out = read_segmentation(open_dicom(DATA / "odd-dicom" / "pydicom" / name), [])
    assert (regions[0].name, regions[0].role, left_out) == ("Liver", "liver", ())
    assert regions[0].volume_ml == pytest.approx(36233 * 0.810547**2 / 1000, rel=1e-4)
    assert regions[0].centroid_mm == pytest.approx((-74.4102, -33.1315, -128.69), abs=0.01)


def test_odd_structure_set_without_an_image():
    regions, left_out = read_rtstruct(open_dicom(DATA / "odd-dicom/pydicom/rtstruct.dcm"), [])
    assert regions == ()
    assert [item.what for item in left_out] == [
        "contours of 'patient'", "contours of 'Isocenter 1'", "contours of 'Isocenter 2'",
    ]  # fmt: skip
    assert left_out[0].why == (
        "no image in its frame of reference, so no grid to fill: FrameOfReferenceUID "
        "1.2.826.0.1.3680043.8.498.2010020400001.2, images have none"
    )
    assert left_out[1].why == "1 contours: ContourGeometricType POINT encloses no area"


def test_odd_structure_set_on_two_slices():
    folder = DATA / "odd-dicom" / "rt-utils"
    ct = read_dicom_image([folder / "mock_data_ct_1.dcm", folder / "mock_data_ct_2.dcm"])
    regions, left_out = read_rtstruct(open_dicom(folder / "mock_data_rt.dcm"), [ct])
    assert regions == ()  # its frame of reference is not that of the CT it came with
    assert left_out[0].why == (
        "no image in its frame of reference, so no grid to fill: FrameOfReferenceUID "
        f"{FRAME_OF_MOCK}, images have "
        "1.2.840.113619.2.405.3.84541899.902.1605198123.912.6060.1"
    )
    regions, left_out = read_rtstruct(
        open_dicom(folder / "mock_data_rt.dcm"),
        [replace(ct, frame_of_reference_uid=FRAME_OF_MOCK)],
    )
    # a square of 24 mm with a hole of 15 mm, two corners cut by 1 mm, on a slice of 5 mm
    assert regions[0].volume_ml == pytest.approx((24**2 - HOLE_MM2) * 5 / 1000, rel=1e-4)
