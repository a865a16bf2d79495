"""case.toml in detail: what a header leaves open the table may say, and places that do not fit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest

from opensirt.errors import CaseError, RegionError
from opensirt.image import Grid, Region, Volume
from opensirt.io.case_images import hash_path
from opensirt.io.case_keys import Table
from opensirt.io.casefile import read_case_file, write_case_file
from opensirt.io.nifti import write_labels_nifti, write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.units import Unit
from tests.region_samples import turned_grid
from tests.unit.io.case_samples import GOOD, write_good_case
from tests.unit.io.dicom_factory import pet, save, slices, spect

VOXELS = np.full((3, 8, 8), 5, np.int16)
NOON = datetime(2025, 1, 10, 12, tzinfo=UTC)


def case_of(folder, more, role="planning-activity", file="nm", regions=""):
    path = folder / "case.toml"
    path.write_text(
        f'[case]\nid = "a"\n[[image]]\nfile = "{file}"\nrole = "{role}"\n{more}\n{regions}'
    )
    return read_case_file(path)


def counts(folder, **more):
    save(spect(VOXELS.astype(np.uint16), **more), folder / "nm")
    return folder


def test_a_stated_instant_stands_where_the_header_has_none(tmp_path):
    folder = counts(tmp_path, AcquisitionDate="", AcquisitionTime="")
    image = case_of(folder, "acquired = 2025-01-10T12:00:00Z").activity_image
    assert (image.acquired, image.volume.time) == (NOON, NOON)
    image = case_of(folder, "").activity_image
    assert (image.acquired, image.volume.time) == (None, None)


def test_a_stated_instant_must_be_that_of_the_header(tmp_path):
    folder = counts(tmp_path)  # 09:30, zone not stated
    image = case_of(folder, "acquired = 2025-01-10T09:30:00+01:00").activity_image
    assert image.acquired == image.volume.time == NOON.replace(hour=8, minute=30)
    for other in ("2025-01-10T09:31:00Z", "2025-01-10T10:30:00+01:00"):
        with pytest.raises(CaseError, match="header says 2025-01-10T09:30:00; leave the key out"):
            case_of(folder, f"acquired = {other}")


def test_a_case_states_the_zone_of_clocks_whose_headers_do_not(tmp_path):
    case_of(counts(tmp_path), "")
    path = tmp_path / "case.toml"
    zone = 'id = "a"\ntime_zone = "America/Los_Angeles"'
    path.write_text(path.read_text().replace('id = "a"', zone))
    assert read_case_file(path).activity_image.acquired == NOON.replace(hour=17, minute=30)


def test_a_stated_nuclide_stands_where_the_header_has_none(tmp_path):
    folder = counts(tmp_path, RadiopharmaceuticalInformationSequence=[])
    assert case_of(folder, 'nuclide = "tc99m"').activity_image.volume.nuclide == "tc99m"
    with pytest.raises(CaseError, match="key 'nuclide' is missing"):
        case_of(folder, "")
    save(slices("1.2.840.10008.5.1.4.1.1.2", "CT", VOXELS), folder / "ct")
    with pytest.raises(CaseError, match="'nuclide' does not belong to role \"ct\""):
        case_of(folder, 'nuclide = "y90"', role="ct", file="ct")


def test_a_stated_correction_stands_where_the_header_has_none(tmp_path):
    folder = counts(tmp_path, CorrectedImage=["DECY"])
    assert case_of(folder, 'decay_correction = "ADMIN"').activity_image.decay_correction == "ADMIN"
    assert case_of(folder, "").activity_image.decay_correction == ""
    plain = counts(tmp_path / "plain")
    assert case_of(plain, "").activity_image.decay_correction == "NONE"


def test_a_label_is_the_one_stated_or_that_of_the_series(tmp_path):
    folder = counts(tmp_path)
    assert case_of(folder, "").activity_image.label == "MAA SPECT"
    assert case_of(folder, 'label = "mine"').activity_image.label == "mine"


def test_one_of_several_series_is_named_by_description_or_identity(tmp_path):
    for number in (1, 2):
        facts = {"SeriesDescription": f"PET {number}", "SeriesInstanceUID": f"1.9.{number}"}
        save(pet(VOXELS * number, **facts), tmp_path / "pt" / str(number))
    for wanted in ("PET 2", "1.9.2"):
        case = case_of(tmp_path, f'series = "{wanted}"', role="treatment-activity", file="pt")
        assert case.activity_image.volume.values.max() == 10
    with pytest.raises(CaseError, match='found 2; write series = one of "PET 1", "PET 2"'):
        case_of(tmp_path, "", role="treatment-activity", file="pt")
    with pytest.raises(CaseError, match="found 0; write series = one of"):
        case_of(tmp_path, 'series = "PET"', role="treatment-activity", file="pt")


def test_one_dicom_file_is_an_image(tmp_path):
    folder = counts(tmp_path)
    (path,) = (folder / "nm").iterdir()
    case = case_of(folder, "", file=f"nm/{path.name}")
    assert case.activity_image.volume.total() == 5 * 192
    upper = path.rename(path.with_suffix(".DCM"))
    assert case_of(folder, "", file=f"nm/{upper.name}").activity_image.volume.total() == 5 * 192


def test_only_values_below_zero_are_noted(tmp_path):
    values = np.zeros((3, 4, 5), np.float32)
    grid = Grid.regular((3, 4, 5), (3.0, 2.0, 1.5))
    table = 'nuclide = "y90"\nunit = "Bq/mL"'
    for low, notes in (
        (0.0, ()), (-0.5, ("2 voxels below 0, lowest -0.5, are kept as they are",)),
    ):  # fmt: skip
        values[1, 1, 1:3] = low
        write_volume_nifti(tmp_path / "a.nii", Volume(values, grid, Unit.BQ_PER_ML))
        image = case_of(tmp_path, table, file="a.nii").activity_image
        assert image.notes == notes
        assert image.volume.values.min() == low
    write_volume_nifti(tmp_path / "ct.nii", Volume(values, grid, Unit.HU))
    assert case_of(tmp_path, "", role="ct", file="ct.nii").images[0].notes == ()


def test_a_folder_is_hashed_by_what_is_in_it(tmp_path):
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "inner" / "x").write_bytes(b"one")
    (tmp_path / "a" / "y").write_bytes(b"two")
    digests = sorted(hashlib.sha256(data).hexdigest() for data in (b"one", b"two"))
    assert hash_path(tmp_path / "a") == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert hash_path(tmp_path / "a" / "y") == hashlib.sha256(b"two").hexdigest()


def test_a_case_knows_its_files_by_hash(tmp_path):
    case = read_case_file(write_good_case(tmp_path) / "case.toml")
    names = {"case.toml": "case.toml", "image 1": "spect.nii.gz", "image 2": "ct.nii.gz"}
    names["regions 1"] = "segmentation.seg.nrrd"
    assert dict(case.provenance.inputs) == {
        said: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for said, name in names.items()
    }


# -- places


INTERFILE = """!INTERFILE :=
!name of data file := a.i33
imagedata byte order := LITTLEENDIAN
!matrix size [1] := 5
!matrix size [2] := 4
!number of slices := 3
!number format := unsigned integer
!number of bytes per pixel := 2
scaling factor (mm/pixel) [1] := 1.5
scaling factor (mm/pixel) [2] := 2.0
slice thickness (mm) := 3.0
"""


@pytest.mark.parametrize("ending", ["h33", "h00", "hv", "H33"])
def test_interfile_has_several_endings(tmp_path, ending):
    (tmp_path / f"a.{ending}").write_text(INTERFILE)
    (tmp_path / "a.i33").write_bytes(np.ones(60, "<u2").tobytes())
    table = 'nuclide = "lu177"\nunit = "Bq/mL"\n'
    image = case_of(tmp_path, table, file=f"a.{ending}").activity_image
    assert (image.label, image.volume.grid.shape) == ("planning-activity", (3, 4, 5))


@pytest.mark.parametrize(("origin", "fits"), [((0.0, 0.0, 0.0), True), ((0.0, 5.0, 0.0), False)])
def test_regions_of_an_image_without_a_position_are_on_its_voxels(tmp_path, origin, fits):
    (tmp_path / "a.h33").write_text(INTERFILE)
    (tmp_path / "a.i33").write_bytes(np.ones(60, "<u2").tobytes())
    grid = Grid.regular((3, 4, 5), (3.0, 2.0, 1.5), origin)
    region = Region.from_mask("liver", "liver", np.ones(grid.shape), grid)
    write_labels_nifti(tmp_path / "liver.nii.gz", [region])
    table = 'nuclide = "lu177"\nunit = "Bq/mL"\n'
    regions = '[[regions]]\nfile = "liver.nii.gz"\n'
    if fits:
        case = case_of(tmp_path, table, file="a.h33", regions=regions)
        assert case.region("liver").volume_ml == pytest.approx(0.54)
    else:
        with pytest.raises(CaseError, match='so "liver" must be on the same voxels'):
            case_of(tmp_path, table, file="a.h33", regions=regions)


def place_region(folder, grid, region_grid):
    write_volume_nifti(folder / "ct.nii", Volume(np.zeros(grid.shape, "i2"), grid, Unit.HU))
    region = Region.from_mask("liver", "liver", np.ones(region_grid.shape), region_grid)
    write_labels_nifti(folder / "liver.nii.gz", [region])
    regions = '[[regions]]\nfile = "liver.nii.gz"\n'
    return case_of(folder, "", role="ct", file="ct.nii", regions=regions)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_region_that_ends_where_the_image_begins_lies_outside(tmp_path, axis, side):
    """Boxes count by the edges of their voxels: touching is outside, half a voxel in is inside."""
    shape, spacing = (4, 5, 6), (3.0, 2.0, 1.5)
    image = Grid.regular(shape, spacing, (10.0, -20.0, 30.0))
    for inwards, fits in ((0.0, False), (0.5, True)):
        index = np.zeros(3)
        index[axis] = side * (shape[axis] - inwards)
        moved = Grid.regular(shape, spacing, image.to_patient(index))
        if fits:
            assert len(place_region(tmp_path, image, moved).regions) == 1
        else:
            with pytest.raises(RegionError, match="lies outside every image"):
                place_region(tmp_path, image, moved)


@pytest.mark.parametrize("turned", ["region", "image"])
def test_a_region_beside_the_corner_of_a_turned_image_lies_outside(tmp_path, turned):
    """Along the axes of one the boxes overlap, along those of the other they do not."""
    straight = turned_grid((4, 10, 10), (3.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    oblique = turned_grid((4, 10, 10), (3.0, 2.0, 2.0), (29.0, 12.0, 0.0), degrees=(0, 0, 45))
    grids = (straight, oblique) if turned == "region" else (oblique, straight)
    with pytest.raises(RegionError, match="lies outside every image"):
        place_region(tmp_path, *grids)


@pytest.mark.parametrize(("value", "sound"), [(1e-6, True), (0, False), (0.0, False), (-1, False)])
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("assumptions", "density_g_ml"), ("assumptions", "lung_mass_g"), ("patient", "height_cm"),
        ("patient", "weight_kg"),
    ],
)  # fmt: skip
def test_amounts_are_above_nothing(tmp_path, table, key, value, sound):
    path = write_good_case(tmp_path) / "case.toml"
    text = GOOD.split("[assumptions]")[0]
    path.write_text(f"{text}[{table}]\n{key} = {value}\n")
    if sound:
        assert getattr(getattr(read_case_file(path), table), key) == value
    else:
        with pytest.raises(CaseError, match=rf"\[{table}\]: key '{key}' must be a number above 0"):
            read_case_file(path)


def test_keys_say_what_was_found():
    table = Table.of("[x]", {"a": [1], "b": {}, "c": NOON, "d": True, "e": 1.5, "f": " "}, "abcdef")
    for key, found in (
        ("a", "a list"), ("b", "a table"), ("c", "2025-01-10T12:00:00"), ("d", "true"),
        ("e", "1.5"), ("f", '" "'),
    ):  # fmt: skip
        with pytest.raises(CaseError, match=f"key '{key}' must be text in quotes; found {found}"):
            table.text(key)
    assert Table.of("[x]", {}, ()).text("a", "") == ""
    with pytest.raises(CaseError, match=r"\[x\]: expected a table, found 3"):
        Table.of("[x]", 3, ())


def test_one_table_may_be_written_with_single_brackets(tmp_path):
    path = write_good_case(tmp_path) / "case.toml"
    text = GOOD.split("[[image]]")
    path.write_text(f"{text[0]}[image]{text[1]}")
    assert [image.role for image in read_case_file(path).images] == ["planning-activity"]


@pytest.mark.parametrize(("shunt", "sound"), [(0, True), (0.999, True), (1.0, False)])
def test_a_shunt_may_be_nothing_and_not_all(tmp_path, shunt, sound):
    path = write_good_case(tmp_path) / "case.toml"
    path.write_text(GOOD.replace("lung_shunt_fraction = 0.05", f"lung_shunt_fraction = {shunt}"))
    if sound:
        assert read_case_file(path).assumptions.lung_shunt_fraction == shunt
    else:
        with pytest.raises(CaseError, match=r"must be a number from 0 and below 1 .*; found 1"):
            read_case_file(path)


def test_written_numbers_are_read_to_the_last_digit(tmp_path):
    write_good_case(tmp_path)
    path = write_case_file(
        tmp_path / "again.toml", case_id="a",
        images=[{"file": "ct.nii.gz", "role": "ct"}], patient={"sex": "M", "weight_kg": 70},
        assumptions={"density_g_ml": 1 / 3, "lung_mass_g": 1e3, "lung_shunt_fraction": 0.1 + 0.2},
    )  # fmt: skip
    case = read_case_file(path)
    assert case.assumptions.density_g_ml == 1 / 3
    assert (case.assumptions.lung_mass_g, case.assumptions.lung_shunt_fraction) == (1e3, 0.1 + 0.2)
    assert (case.patient.sex, case.patient.weight_kg, case.patient.height_cm) == ("M", 70, None)
    assert case.treatment is None


@pytest.mark.parametrize("wrong", ['"Tumor 1" = 3', '"liver" = 3'])
def test_every_role_is_a_word(tmp_path, wrong):
    path = write_good_case(tmp_path) / "case.toml"
    name = wrong.split(" = ")[0]
    role = {'"liver"': '"liver" = "liver"', '"Tumor 1"': '"Tumor 1" = "tumour"'}[name]
    path.write_text(GOOD.replace(role, wrong, 1))
    with pytest.raises(CaseError, match="key 'roles' must be a table of"):
        read_case_file(path)


def test_what_each_file_leaves_out_is_said(tmp_path):
    """Two segmentations, each with two regions that hold no voxel."""
    write_good_case(tmp_path)
    grid = turned_grid((6, 16, 20), (3.0, 1.5, 1.25))
    for number, name in enumerate("ab"):
        full = np.zeros(grid.shape)
        full[number, 2, 3] = 1
        write_regions_seg_nrrd(
            tmp_path / f"{name}.seg.nrrd",
            [
                Region.from_mask(f"full {name}", "other", full, grid),
                Region.from_mask(f"empty {name}", "other", np.zeros(grid.shape), grid),
                Region.from_mask(f"none {name}", "other", np.zeros(grid.shape), grid),
            ],
        )
    regions = "".join(f'[[regions]]\nfile = "{name}.seg.nrrd"\n' for name in "ab")
    case = case_of(tmp_path, "", role="ct", file="ct.nii.gz", regions=regions)
    assert [region.name for region in case.regions] == ["full a", "full b"]
    assert [item.what for item in case.left_out] == [
        "region 'empty a'", "region 'none a'", "region 'empty b'", "region 'none b'",
    ]  # fmt: skip


def test_a_ct_has_no_instant_of_activity_and_a_map_of_activity_has(tmp_path):
    values = np.ones((3, 4, 5), np.float32)
    grid = Grid.regular((3, 4, 5), (3.0, 2.0, 1.5))
    write_volume_nifti(tmp_path / "a.nii", Volume(values, grid, Unit.HU))
    when = "acquired = 2025-01-10T12:00:00Z"
    (ct,) = case_of(tmp_path, when, role="ct", file="a.nii").images
    assert (ct.acquired, ct.volume.time, ct.volume.nuclide) == (NOON, None, None)
    more = f'nuclide = "y90"\nunit = "Bq/mL"\n{when}'
    (pet,) = case_of(tmp_path, more, file="a.nii").images
    assert (pet.acquired, pet.volume.time, pet.volume.nuclide) == (NOON, NOON, "y90")
    more = 'nuclide = "y90"\nunit = "Bq/mL"'
    assert case_of(tmp_path, more, file="a.nii").images[0].volume.time is None


def test_a_territory_is_of_the_region_that_is_named(tmp_path):
    case = read_case_file(write_good_case(tmp_path) / "case.toml")
    assert {region.name: region.territory for region in case.regions} == {
        "liver": None, "Tumor 1": "right", "perfused volume": None,
    }  # fmt: skip


def test_keys_that_nobody_reads_are_not_written(tmp_path):
    image = {"file": "ct.nii.gz", "role": "ct"}
    for table, known in (
        ("treatment", "product"), ("patient", "sex"), ("assumptions", "density_g_ml"),
    ):  # fmt: skip
        with pytest.raises(CaseError, match=rf"\[{table}\]: key 'x' is unknown; known: {known}"):
            write_case_file(tmp_path / "a.toml", case_id="a", images=[image], **{table: {"x": 1}})
    with pytest.raises(CaseError, match=r"\[\[regions\]\] 1: key 'x' is unknown"):
        write_case_file(tmp_path / "a.toml", case_id="a", images=[image], regions=[{"x": 1}])
