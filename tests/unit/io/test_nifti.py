"""NIfTI: places, scaling, label maps, and what is refused."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opensirt.errors import FileFormatError, GridMismatchError, RegionError
from opensirt.image import Grid, Region, Volume
from opensirt.io.nifti import (
    read_nifti,
    read_nifti_regions,
    read_volume_nifti,
    write_labels_nifti,
    write_volume_nifti,
)
from opensirt.units import Unit
from tests.region_samples import turned_grid

SHAPE = (4, 5, 6)


def save(path, array_xyz, affine=None, *, sform=1, qform=0, **header):
    image = nibabel.Nifti1Image(array_xyz, np.diag([1, 1, 1, 1.0]) if affine is None else affine)
    image.header.set_sform(image.affine, code=sform)
    image.header.set_qform(image.affine, code=qform)
    for key, value in header.items():
        image.header[key] = value
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def test_ras_becomes_lps_and_axes_turn_round(tmp_path):
    values = np.zeros((6, 5, 4), np.int16)  # x, y, z
    values[5, 3, 1] = 7
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (10, 20, 30)
    array, grid = read_nifti(save(tmp_path / "a.nii.gz", values, affine))
    assert array.shape == (4, 5, 6)
    assert array.dtype == np.int16
    assert array[1, 3, 5] == 7
    assert grid.to_patient((1, 3, 5)) == pytest.approx((-20, -29, 34), abs=1e-9)
    assert grid.spacing_mm == pytest.approx((4, 3, 2))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    flips=st.tuples(*[st.sampled_from((1, -1))] * 3),
    kind=st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8"]),
    seed=st.integers(0, 1000),
)
def test_written_volume_reads_back_the_same(tmp_path, degrees, flips, kind, seed):
    grid = turned_grid(SHAPE, degrees=degrees, flips=flips)
    values = (np.random.default_rng(seed).random(SHAPE) * 100).astype(kind)
    write_volume_nifti(tmp_path / "v.nii.gz", Volume(values, grid, Unit.GY))
    back = read_volume_nifti(tmp_path / "v.nii.gz", Unit.GY)
    assert np.array_equal(back.values, values)
    assert back.values.dtype == values.dtype
    for corner in ((0, 0, 0), (3, 4, 5), (3, 0, 5)):
        assert back.grid.to_patient(corner) == pytest.approx(grid.to_patient(corner), abs=1e-3)


def test_small_shear_is_taken_out_and_a_tilt_refused(tmp_path):
    """2e-4 over an image of 400 mm moves its corners by 0.02 mm; a gantry of 15 degrees by cm."""
    values = np.ones((100, 4, 100), np.int16)
    for slope, tilt in ((2e-4, False), (-2e-3, False), (np.tan(np.radians(15)), True)):
        matrix = turned_grid(values.shape, (4.0, 3.0, 4.0)).matrix
        matrix[:3, 0] += slope * 4.0 * matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
        grid = Grid.from_matrix(values.shape, matrix)
        assert not grid.is_orthogonal
        write_volume_nifti(tmp_path / "v.nii", Volume(values, grid, Unit.GY))
        if tilt:
            with pytest.raises(FileFormatError, match=r"v\.nii: its axes are 15\.0 degrees off"):
                read_nifti(tmp_path / "v.nii")
            continue
        _, back = read_nifti(tmp_path / "v.nii")
        assert back.is_orthogonal
        ends = np.array([[i, j, k] for i in (0, 99) for j in (0, 3) for k in (0, 99)])
        moved = np.linalg.norm(back.to_patient(ends) - grid.to_patient(ends), axis=1)
        assert 0 < moved.max() < 0.25 * abs(slope) * 400 * 2**0.5


def test_scaling_of_the_header_is_applied(tmp_path):
    image = nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[112:120] = np.array([0.5, -3], "<f4").tobytes()
    raw[352:] = np.arange(8, dtype="<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(raw)
    array, _ = read_nifti(tmp_path / "a.nii")
    assert array.dtype == np.float32
    assert array.transpose(2, 1, 0).ravel(order="F").tolist() == [v * 0.5 - 3 for v in range(8)]


def test_one_volume_with_a_fourth_axis_is_taken(tmp_path):
    array, _ = read_nifti(save(tmp_path / "a.nii", np.ones((3, 4, 5, 1), np.int16)))
    assert array.shape == (5, 4, 3)


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.ones((3, 4, 5, 2), np.int16), {}, "expected one three-dimensional .* 3 x 4 x 5 x 2"),
        (np.ones((3, 4, 5), np.complex64), {}, "expected real numbers, found complex64"),
        (np.full((3, 4, 5), np.nan, np.float32), {}, "60 voxels are not finite"),
    ],
)
def test_doubtful_files_are_refused(tmp_path, array, options, message):
    with pytest.raises(FileFormatError, match=message):
        read_nifti(save(tmp_path / "a.nii", array, **options))


def test_no_place_in_the_patient_is_refused(tmp_path):
    path = save(tmp_path / "a.nii", np.ones((3, 4, 5), np.int16))
    raw = bytearray(path.read_bytes())
    raw[252:256] = bytes(4)  # qform_code and sform_code
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match="sform_code and qform_code are both 0"):
        read_nifti(path)


def test_sform_and_qform_that_differ_are_refused(tmp_path):
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), np.eye(4))
    image.header.set_qform(np.diag([1, 1, 1.5, 1]), code=1)
    image.header.set_sform(np.eye(4), code=2)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(
        FileFormatError, match=r"sform \(code 2\) and qform \(code 1\) differ by 2 mm"
    ):
        read_nifti(tmp_path / "a.nii")


def test_qform_alone_is_used(tmp_path):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    path = save(tmp_path / "a.nii", np.ones((3, 4, 5), np.int16), affine, sform=0, qform=1)
    _, grid = read_nifti(path)
    assert grid.to_patient((1, 1, 1)) == pytest.approx((-2, -3, 4), abs=1e-6)


def test_metres_become_millimetres(tmp_path):
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), np.diag([0.002, 0.003, 0.004, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    _, grid = read_nifti(tmp_path / "a.nii")
    assert grid.spacing_mm == pytest.approx((4, 3, 2), rel=1e-5)


@pytest.mark.parametrize(("unit", "size"), [("micron", 1e-3), ("meter", 1e3), ("mm", 1.0)])
@pytest.mark.parametrize("form", ["sform", "qform"])
def test_steps_and_origin_are_in_the_unit_of_the_header(tmp_path, unit, size, form):
    """Steps of 2, 3 and 4 mm from (10, -20, 30) mm, written in each unit of length."""
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (10, -20, 30)
    affine[:3] /= size
    codes = (1, 0) if form == "sform" else (0, 1)
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), affine)
    image.header.set_sform(affine, code=codes[0])
    image.header.set_qform(affine, code=codes[1])
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    _, grid = read_nifti(tmp_path / "a.nii")
    assert grid.spacing_mm == pytest.approx((4, 3, 2), rel=1e-5)
    assert grid.origin_mm == pytest.approx((-10, 20, 30), rel=1e-5)


@pytest.mark.parametrize(("unit", "size"), [("micron", 1e-3), ("meter", 1e3), ("mm", 1.0)])
@pytest.mark.parametrize("apart_mm", [0.05, 5.0])
def test_forms_that_differ_by_their_origin_alone(tmp_path, unit, size, apart_mm):
    """5 mm apart is refused and said in mm, 0.05 mm is rounding, whatever the unit of length."""
    sform, qform = np.diag([1.0, 1.0, 1.0, 1.0]), np.diag([1.0, 1.0, 1.0, 1.0])
    qform[1, 3] = apart_mm
    sform[:3], qform[:3] = sform[:3] / size, qform[:3] / size
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), sform)
    image.header.set_sform(sform, code=2)
    image.header.set_qform(qform, code=1)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    if apart_mm > 1:
        with pytest.raises(FileFormatError, match="differ by 5 mm"):
            read_nifti(tmp_path / "a.nii")
    else:
        assert read_nifti(tmp_path / "a.nii")[1].spacing_mm == pytest.approx((1, 1, 1))


def test_a_voxel_of_exactly_one_half_is_in_its_label(tmp_path):
    fractions = np.zeros(SHAPE, np.float32)
    fractions[1, 2, 1:5] = 0.25, 0.5, 0.75, 1.0
    region = Region.from_mask("Liver", "liver", fractions, turned_grid(SHAPE))
    write_labels_nifti(tmp_path / "l.nii.gz", [region])
    assert read_nifti_regions(tmp_path / "l.nii.gz")[0].whole()[1, 2].tolist() == [0, 0, 1, 1, 1, 0]


def test_damaged_and_other_files(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"no image at all")
    with pytest.raises(FileFormatError, match=r"a.nii: cannot be read as NIfTI"):
        read_nifti(tmp_path / "a.nii")
    path = save(tmp_path / "b.nii", np.ones((9, 9, 9), np.int16))
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(FileFormatError, match=r"b.nii: .* 1810 bytes, the file holds 600"):
        read_nifti(path)


def two_regions(grid):
    liver, tumour = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    liver[1:3, 1:4, 1:4] = True
    tumour[3, 0, 5] = True
    return (
        Region.from_mask("Liver", "liver", liver, grid),
        Region.from_mask("Tumor 1", "tumour", tumour, grid),
    )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3), flips=st.tuples(*[st.sampled_from((1, -1))] * 3)
)
def test_written_labels_read_back_the_same(tmp_path, degrees, flips):
    grid = turned_grid(SHAPE, degrees=degrees, flips=flips)
    regions = two_regions(grid)
    write_labels_nifti(tmp_path / "l.nii.gz", regions)
    back = read_nifti_regions(tmp_path / "l.nii.gz")
    assert [(r.name, r.role) for r in back] == [("Liver", "liver"), ("Tumor 1", "tumour")]
    for one, other in zip(regions, back, strict=True):
        assert np.array_equal(one.whole(), other.whole())
    assert back[1].centroid_mm == pytest.approx(tuple(grid.to_patient((3, 0, 5))), abs=0.01)


def test_names_without_a_table(tmp_path):
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 1, 1] = 1
    assert [r.name for r in read_nifti_regions(save(tmp_path / "liver.nii.gz", labels))] == [
        "liver"
    ]
    labels[1, 1, 2] = 5
    found = read_nifti_regions(save(tmp_path / "organs.nii", labels))
    assert [r.name for r in found] == ["label 1", "label 5"]


@pytest.mark.parametrize(
    ("value", "message"), [(0.5, "whole numbers, found fractions"), (-1, "from 0, found -1")]
)
def test_intensities_are_no_labels(tmp_path, value, message):
    labels = np.full((3, 4, 5), value, np.float32)
    with pytest.raises(FileFormatError, match=message):
        read_nifti_regions(save(tmp_path / "l.nii", labels))


def test_overlap_cannot_be_a_label_map(tmp_path):
    liver, _ = two_regions(turned_grid(SHAPE))
    with pytest.raises(RegionError, match=r"regions 'Liver' and 'copy' overlap"):
        write_labels_nifti(tmp_path / "l.nii", [liver, liver.named("copy")])
    with pytest.raises(RegionError, match="at least one region"):
        write_labels_nifti(tmp_path / "l.nii", [])
    with pytest.raises(GridMismatchError, match="'Tumor 1' is on"):
        write_labels_nifti(tmp_path / "l.nii", [liver, two_regions(turned_grid((5, 5, 6)))[1]])


@pytest.mark.parametrize(("apart_mm", "refused"), [(0.09, False), (0.11, True), (-0.11, True)])
def test_forms_a_tenth_of_a_mm_apart_are_two_places(tmp_path, apart_mm, refused):
    sform, qform = np.diag([2.0, 2.0, 2.0, 1.0]), np.diag([2.0, 2.0, 2.0, 1.0])
    qform[2, 3] = apart_mm
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), sform)
    image.header.set_sform(sform, code=2)
    image.header.set_qform(qform, code=1)
    nibabel.save(image, tmp_path / "a.nii")
    if refused:
        with pytest.raises(FileFormatError, match=r"differ by 0\.11 mm"):
            read_nifti(tmp_path / "a.nii")
    else:
        assert read_nifti(tmp_path / "a.nii")[1].spacing_mm == pytest.approx((2, 2, 2))


def test_the_sform_comes_before_the_qform(tmp_path):
    sform, qform = np.diag([2.0, 3.0, 4.0, 1.0]), np.diag([2.0, 3.0, 4.0, 1.0])
    qform[2, 3] = 0.05
    image = nibabel.Nifti1Image(np.ones((3, 4, 5), np.int16), sform)
    image.header.set_sform(sform, code=2)
    image.header.set_qform(qform, code=1)
    nibabel.save(image, tmp_path / "a.nii")
    assert read_nifti(tmp_path / "a.nii")[1].origin_mm == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("sheared", [False, True])
def test_a_written_file_has_both_forms_where_both_can_hold_its_place(tmp_path, sheared):
    matrix = turned_grid(SHAPE).matrix
    if sheared:
        matrix[1, 0] += 1.0
    grid = Grid.from_matrix(SHAPE, matrix)
    write_volume_nifti(tmp_path / "v.nii", Volume(np.ones(SHAPE, np.float16), grid, Unit.GY))
    image = nibabel.load(tmp_path / "v.nii")
    header = image.header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 0 if sheared else 1)
    assert header.get_xyzt_units()[0] == "mm"
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    assert affine[:, [2, 1, 0, 3]] == pytest.approx(matrix, abs=1e-5)
    assert image.get_data_dtype() == np.float32


def test_names_of_labels_come_from_the_table_of_the_file(tmp_path):
    grid = turned_grid(SHAPE)
    liver, tumour = two_regions(grid)
    renamed = (tumour.named("Herd <1> & mehr"), liver.named("Leber"))
    write_labels_nifti(tmp_path / "l.nii.gz", renamed)
    back = read_nifti_regions(tmp_path / "l.nii.gz")
    assert [r.name for r in back] == ["Herd <1> & mehr", "Leber"]
    assert back[0].volume_ml == pytest.approx(tumour.volume_ml)
    with pytest.raises(FileFormatError, match=r"ends in \.nii or \.nii\.gz, got l\.img"):
        write_labels_nifti(tmp_path / "l.img", renamed)


def saved_as(path, labels):
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4), dtype=labels.dtype), path)
    return path


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "f4", "f8"])
def test_labels_of_any_type_are_whole_numbers(tmp_path, kind):
    """Labels 1, 3 and 300 (200 in one byte), in files of every type of number."""
    last = 200 if kind == "u1" else 300
    labels = np.zeros((4, 5, 6), kind)
    labels[1, 1, 1:4], labels[2, 2, 2], labels[3, 4, 5] = 1, 3, last
    found = read_nifti_regions(saved_as(tmp_path / "organs.nii", labels))
    assert [r.name for r in found] == ["label 1", "label 3", f"label {last}"]
    assert [r.volume_ml for r in found] == pytest.approx([0.003, 0.001, 0.001])


def test_one_label_that_is_not_1_keeps_its_number(tmp_path):
    labels = np.zeros((3, 4, 5), np.int16)
    labels[1, 1, 1] = 5
    assert [r.name for r in read_nifti_regions(save(tmp_path / "x.nii", labels))] == ["label 5"]
    labels[0, 0, 0] = -1
    with pytest.raises(FileFormatError, match="whole numbers from 0, found -1"):
        read_nifti_regions(save(tmp_path / "x.nii", labels))
