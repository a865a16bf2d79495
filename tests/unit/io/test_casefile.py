"""case.toml: everything it may say, and every mistake one by one."""

from __future__ import annotations

from datetime import UTC, datetime

import nibabel
import numpy as np
import pytest

from opensirt.errors import CaseError, FileFormatError, RegionError
from opensirt.image import Region
from opensirt.io.casefile import read_case_file, write_case_file
from opensirt.io.nifti import write_labels_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.units import Unit
from tests.region_samples import (
    turned_grid,
)
from tests.unit.io.case_samples import ACQUIRED, GOOD, GRID, boxes, write_good_case


@pytest.fixture
def folder(tmp_path):
    return write_good_case(tmp_path)


def test_all_keys(folder):
    case = read_case_file(folder / "case.toml")
    assert case.id == "liver-2"
    spect, ct = case.images
    assert (spect.role, spect.label, spect.acquired) == ("planning-activity",) * 2 + (ACQUIRED,)
    assert (spect.volume.unit, spect.volume.nuclide) == (Unit.COUNTS, "tc99m")
    assert spect.volume.time == ACQUIRED
    assert spect.notes == ("3 voxels below 0, lowest -2, are kept as they are",)
    assert spect.volume.values.min() == -2
    assert (ct.role, ct.label, ct.volume.unit) == ("ct", "low-dose CT", Unit.HU)
    assert [(r.name, r.role, r.territory) for r in case.regions] == [
        ("liver", "liver", None), ("Tumor 1", "tumour", "right"),
        ("perfused volume", "other", None),
    ]  # fmt: skip
    assert case.region("liver").volume_ml == pytest.approx(4 * 9 * 11 * 3 * 1.5 * 1.25 / 1000)
    assert case.assumptions.density_g_ml == 1.06
    assert case.assumptions.lung_shunt_fraction == 0.05
    assert case.assumptions.lung_mass_g == 1000.0
    assert (case.patient.sex, case.patient.height_cm, case.patient.weight_kg) == ("F", 165, 62.5)
    assert case.treatment.product == "glass-y90"
    assert case.treatment.activity_bq == 1.4e9
    assert case.treatment.injected == datetime(2025, 1, 10, 12, 0, tzinfo=UTC)
    assert sorted(case.provenance.inputs) == [
        "case.toml", "image 1", "image 2", "regions 1",
    ]  # fmt: skip
    assert all(len(digest) == 64 for digest in case.provenance.inputs.values())


def test_without_roles_the_names_decide(folder):
    text = GOOD.replace('[regions.roles]\n"liver" = "liver"\n"Tumor 1" = "tumour"\n', "")
    (folder / "case.toml").write_text(text)
    roles = [region.role for region in read_case_file(folder / "case.toml").regions]
    assert roles == ["liver", "tumour", "perfused"]


def test_several_region_files_and_absolute_paths(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "lungs.nii.gz"
    lungs = np.zeros(GRID.shape, bool)
    lungs[0, 0, 0] = True
    write_labels_nifti(other, [Region.from_mask("lungs", "lungs", lungs, GRID)])
    text = GOOD + f'[[regions]]\nfile = "{other}"\nroles = {{ lungs = "lungs" }}\n'
    (folder / "case.toml").write_text(text)
    case = read_case_file(folder / "case.toml")
    assert case.region("lungs").volume_ml == pytest.approx(3 * 1.5 * 1.25 / 1000)
    assert len(case.regions) == 4


def test_a_stated_resolution_belongs_to_its_image(folder):
    text = GOOD.replace('unit = "counts"', 'unit = "counts"\nresolution_mm = 6.5')
    (folder / "case.toml").write_text(text)
    case = read_case_file(folder / "case.toml")
    assert [image.resolution_mm for image in case.images] == [6.5, None]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('[case]\nid = "liver-2"\n', "", r"\[case\]: key 'id' is missing"),
        ('id = "liver-2"', "id = 7", r"\[case\]: key 'id' must be text in quotes.*found 7"),
        ('id = "liver-2"', 'id = ""', r"\[case\]: key 'id' must be text in quotes"),
        ("[case]", "[cases]", r"case.toml: key 'cases' is unknown; known: case, image, regions"),
        ('id = "liver-2"', 'id = "a"\nname = "b"', r"\[case\]: key 'name' is unknown; known: id"),
        ('unit = "counts"\n', "", r"\[\[image\]\] 1: key 'unit' is missing; write one of counts, "),
        ('"counts"', '"cps"', r"\[\[image\]\] 1: key 'unit' must be one of counts, Bq/mL; found "),
        ('"HU"', '"counts"', r"\[\[image\]\] 2: key 'unit' must be one of HU; found \"counts\""),
        ('nuclide = "tc99m"\n', "", r"\[\[image\]\] 1: key 'nuclide' is missing; write one of .*t"),
        ('"tc99m"', '"Tc-99m"', r"\[\[image\]\] 1: key 'nuclide' must be one of .*; found \"Tc-99"),
        ('unit = "HU"', 'nuclide = "y90"', r"key 'nuclide' does not belong to role \"ct\""),
        ('role = "ct"\n', "", r"\[\[image\]\] 2: key 'role' is missing; write one of ct, mr, plan"),
        ('role = "ct"', 'role = "CT"', r"key 'role' must be one of ct, mr, .*; found \"CT\""),
        ('role = "ct"', 'role = "planning-activity"\nnuclide = "y90"', "key 'unit' must be one of"),
        ('file = "ct.nii.gz"\n', "", r"\[\[image\]\] 2: key 'file' is missing; write the name of "),
        ('"ct.nii.gz"', '"gone.nii.gz"', r"\[\[image\]\] 2: file \"gone.nii.gz\" does not exist; "),
        ("09:30:00Z", "09:30:00", r"key 'acquired' 2025-01-10T09:30:00 has no time zone; write a"),
        ("2025-01-10T09:30:00Z", "2025-01-10", r"key 'acquired' must be a date and time .*2025-01"),
        ("2025-01-10T09:30:00Z", '"today"', r"key 'acquired' must be a date .*; found \"today\""),
        ("label =", "tag =", r"\[\[image\]\] 2: key 'tag' is unknown; known: file, role, nuclide"),
        ('label = "low-dose CT"', "label = 3", r"key 'label' must be text in quotes; found 3"),
        ('label = "low-dose CT"', 'series = "x"', "'series' belongs to a DICOM folder, not to a f"),
        ("[[image]]", "[[images]]", r"key 'images' is unknown; known: case, image"),
        ('label = "low-dose CT"', "slice_thickness_mm = 3", "'slice_thickness_mm' is for Interfil"),
        ('label = "low-dose CT"', "resolution_mm = 7", "'resolution_mm' does not belong to role"),
        ('unit = "counts"', 'unit = "counts"\nresolution_mm = 50', "above 1.5 and below 50; fo"),
        ('unit = "counts"', 'unit = "counts"\nresolution_mm = 0', "above 1.5 and below 50; fo"),
        (
            'label = "low-dose CT"', 'decay_correction = "YES"',
            "key 'decay_correction' must be one of NONE, START, ADMIN; found \"YES\"",
        ),
        ("segmentation.seg", "gone.seg", r"\[\[regions\]\] 1: file \"gone.seg.nrrd\" does not exi"),
        (
            '"liver" = "liver"', '"Liver" = "liver"',
            r"\"Liver\" is not in .*\(did you mean \"liver\"\?\); it has liver, Tumor 1, perfused",
        ),
        (
            '"Tumor 1" = "tumour"', '"Tumor 1" = "tumor"',
            "role \"tumor\" of region \"Tumor 1\" is unknown; write one of liver, tumour, perfused",
        ),
        ('"Tumor 1" = "right"', '"Tumor 9" = "right"', "region \"Tumor 9\" is not in segmentation"),
        ('"liver" = "liver"', '"liver" = 3', "key 'roles' must be a table of"),
        ("[regions.roles]", "[regions.role]", r"\[\[regions\]\] 1: key 'role' is unknown; known: "),
        ("density_g_ml = 1.06", "density = 1", r"\[assumptions\]: key 'density' is unknown; known"),
        ("1.06", "0", r"\[assumptions\]: key 'density_g_ml' must be a number above 0; found 0"),
        ("1.06", '"1.06"', "key 'density_g_ml' must be a number above 0; found \"1.06\""),
        ("1.06", "true", "key 'density_g_ml' must be a number above 0; found true"),
        ("1.06", "nan", "key 'density_g_ml' must be a number above 0; found nan"),
        ("= 0.05", "= 5.0", r"from 0 and below 1 \(5 % is 0.05\); found 5"),
        ("lung_mass_g = 1000", "lung_mass_g = -1", "'lung_mass_g' must be a number above 0; found"),
        ('product = "glass-y90"\n', "", r"\[treatment\]: key 'product' is missing; write one of g"),
        ("glass-y90", "glass", "key 'product' must be one of glass-y90, .*; found \"glass\""),
        ("activity_gbq = 1.4\n", "", r"\[treatment\]: key 'activity_gbq' is missing; write the in"),
        ("activity_gbq = 1.4", "activity_mbq = 1", r"\[treatment\]: key 'activity_mbq' is unknown"),
        ("12:00:00Z", "12:00:00", r"\[treatment\]: key 'injected' 2025-01-10T12:00:00 has no time"),
        ('sex = "F"', 'sex = "female"', r"\[patient\]: key 'sex' must be one of F, M, O; found \""),
        ("height_cm = 165", "height_m = 1.65", r"\[patient\]: key 'height_m' is unknown"),
        ("[case]", "[case", "case.toml: is not valid TOML"),
    ],
)  # fmt: skip
def test_mistakes_name_the_key_and_what_to_write(folder, old, new, message):
    assert old in GOOD
    (folder / "case.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(CaseError, match=message) as caught:
        read_case_file(folder / "case.toml")
    assert "\n" not in str(caught.value)


def test_no_image_two_of_a_role_and_no_file(folder):
    path = folder / "case.toml"
    path.write_text('[case]\nid = "a"\n')
    with pytest.raises(CaseError, match=r"no \[\[image\]\] is given"):
        read_case_file(path)
    path.write_text('image = 3\n[case]\nid = "a"\n')
    with pytest.raises(CaseError, match=r"'image' must be written as \[\[image\]\] tables"):
        read_case_file(path)
    path.write_text('[case]\nid = "a"\n' + '[[image]]\nfile = "ct.nii.gz"\nrole = "ct"\n' * 2)
    with pytest.raises(CaseError, match='role "ct" is given 2 times'):
        read_case_file(path)
    with pytest.raises(CaseError, match=r"none.toml: cannot be read: No such file"):
        read_case_file(folder / "none.toml")


def test_one_region_name_in_two_files(folder):
    (folder / "case.toml").write_text(GOOD + '[[regions]]\nfile = "segmentation.seg.nrrd"\n')
    with pytest.raises(CaseError, match=r"\[\[regions\]\] 2: region \"Tumor 1\" is already given"):
        read_case_file(folder / "case.toml")


def test_unknown_endings(folder):
    (folder / "ct.png").write_bytes(b"x")
    path = folder / "case.toml"
    path.write_text(GOOD.replace('"ct.nii.gz"', '"ct.png"'))
    with pytest.raises(CaseError, match=r"\[\[image\]\] 2: file \"ct.png\" has an unknown ending"):
        read_case_file(path)
    path.write_text(GOOD.replace("segmentation.seg.nrrd", "ct.png"))
    with pytest.raises(CaseError, match=r"\[\[regions\]\] 1: file \"ct.png\" has an unknown end"):
        read_case_file(path)


def test_broken_image_keeps_its_own_message(folder):
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2, 3), "i2"), np.eye(4)), folder / "4d.nii")
    (folder / "case.toml").write_text(GOOD.replace('"ct.nii.gz"', '"4d.nii"'))
    with pytest.raises(FileFormatError, match=r"4d.nii: expected one three-dimensional volume"):
        read_case_file(folder / "case.toml")


def test_empty_regions(folder):
    regions = boxes()
    empty = np.zeros(GRID.shape, bool)
    regions[1] = Region.from_mask("Tumor 1", "tumour", empty, GRID)
    regions[2] = Region.from_mask("perfused volume", "perfused", empty, GRID)
    write_regions_seg_nrrd(folder / "segmentation.seg.nrrd", regions)
    with pytest.raises(
        RegionError, match=r"region \"Tumor 1\" \(tumour\) is empty in segmentation"
    ):
        read_case_file(folder / "case.toml")
    text = GOOD.replace('"Tumor 1" = "tumour"\n', "").replace('"Tumor 1" = "right"\n', "")
    (folder / "case.toml").write_text(text)
    case = read_case_file(folder / "case.toml")
    assert [region.name for region in case.regions] == ["liver"]
    assert [item.what for item in case.left_out] == [
        "region 'Tumor 1'", "region 'perfused volume'",
    ]  # fmt: skip


def test_region_elsewhere(folder):
    far = turned_grid((6, 16, 20), (3.0, 1.5, 1.25), origin_mm=(500, 0, 0))
    write_regions_seg_nrrd(folder / "segmentation.seg.nrrd", boxes(far))
    with pytest.raises(RegionError, match=r"region \"liver\" of .* lies outside every image"):
        read_case_file(folder / "case.toml")


INTERFILE = """!INTERFILE :=
!data offset in bytes := 0
!name of data file := a.i33
imagedata byte order := LITTLEENDIAN
!matrix size [1] := 20
!matrix size [2] := 16
!number of slices := 6
!number format := unsigned integer
!number of bytes per pixel := 2
scaling factor (mm/pixel) [1] := 1.25
scaling factor (mm/pixel) [2] := 1.5
slice thickness (pixels) := 2.4
"""


def test_interfile_has_no_position(folder):
    (folder / "a.h33").write_text(INTERFILE)
    (folder / "a.i33").write_bytes(np.arange(6 * 16 * 20, dtype="<u2").tobytes())
    image = '[case]\nid = "a"\n[[image]]\nfile = "a.h33"\nrole = "treatment-activity"\n'
    image += 'nuclide = "lu177"\nunit = "Bq/mL"\nslice_thickness_mm = 3.0\n'
    path = folder / "case.toml"
    path.write_text(image)
    case = read_case_file(path)
    assert case.images[0].notes[0].startswith("position in the patient is not known")
    assert case.images[0].volume.total() == pytest.approx(1919 * 960 * 3 * 1.5 * 1.25 / 1000)
    path.write_text(image + '[[image]]\nfile = "ct.nii.gz"\nrole = "ct"\n')
    with pytest.raises(
        CaseError,
        match=r"\"treatment-activity\" has no position in the patient \(Interfile\), so \"ct",
    ):
        read_case_file(path)


def test_written_case_reads_back(folder):
    path = write_case_file(
        folder / "again.toml",
        case_id='odd "name" µ',
        images=[
            {
                "file": "spect.nii.gz", "role": "treatment-activity", "nuclide": "y90",
                "unit": "Bq/mL", "acquired": ACQUIRED, "decay_correction": "START",
            },
            {"file": folder / "ct.nii.gz", "role": "ct", "label": None},
        ],
        regions=[
            {
                "file": "segmentation.seg.nrrd",
                "roles": {"liver": "liver", "Tumor 1": "tumour"},
                "territories": {"Tumor 1": "left lobe"},
            }
        ],
        assumptions={"density_g_ml": 1.05},
        treatment={"product": "resin-y90", "activity_gbq": 2, "injected": ACQUIRED},
        patient={"height_cm": 170},
    )  # fmt: skip
    case = read_case_file(path)
    assert case.id == 'odd "name" µ'
    assert case.image("treatment-activity").acquired == ACQUIRED
    assert case.image("treatment-activity").decay_correction == "START"
    assert case.image("ct").volume.unit is Unit.HU
    assert case.regions["Tumor 1"].territory == "left lobe"
    assert (case.assumptions.density_g_ml, case.assumptions.lung_mass_g) == (1.05, None)
    assert (case.treatment.activity_bq, case.treatment.injected) == (2e9, ACQUIRED)
    assert case.patient.height_cm == 170


def test_writing_refuses_what_reading_would(folder):
    image = {"file": "ct.nii.gz", "role": "ct"}
    with pytest.raises(CaseError, match=r"\[\[image\]\] 1: key 'units' is unknown"):
        write_case_file(folder / "a.toml", case_id="a", images=[{**image, "units": "HU"}])
    with pytest.raises(CaseError, match="has no time zone"):
        write_case_file(
            folder / "a.toml", case_id="a", images=[{**image, "acquired": datetime(2025, 1, 1)}]
        )
    with pytest.raises(CaseError, match="cannot hold a value of type list"):
        write_case_file(folder / "a.toml", case_id="a", images=[{**image, "label": [1]}])
    assert not (folder / "a.toml").exists()
