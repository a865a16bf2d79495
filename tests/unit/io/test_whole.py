"""Bytes declared against bytes held, and foreign errors of readers as one line."""

from __future__ import annotations

import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from opensirt.errors import FileFormatError, OpenSirtError
from opensirt.io.door import reader
from opensirt.io.nifti import read_nifti, read_nifti_regions
from opensirt.io.slicer import read_nrrd, read_nrrd_regions

SHAPE = (6, 7, 8)
VOXELS = np.arange(336, dtype=np.int16).reshape(SHAPE)


def nifti(path, **header):
    """A volume of 336 voxels of 2 mm; fields of the header changed afterwards."""
    image = nibabel.Nifti1Image(VOXELS.transpose(2, 1, 0), np.diag([2.0, 2.0, 2.0, 1.0]))
    image.header.set_xyzt_units("mm")
    plain = path.with_name("plain.nii")
    nibabel.save(image, plain)
    raw = bytearray(plain.read_bytes())
    plain.unlink()
    head = np.frombuffer(raw, dtype=nibabel.nifti1.header_dtype, count=1)[0].copy()
    for field, value in header.items():
        head[field] = value
    raw[:348] = head.tobytes()
    path.write_bytes(gzip.compress(bytes(raw)) if path.suffix == ".gz" else bytes(raw))
    return path


def nrrd(path, *, packed=True):
    image = sitk.GetImageFromArray(VOXELS)
    sitk.WriteImage(image, str(path), useCompression=packed)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "b.nrrd"])
def test_a_sound_file_is_read(tmp_path, name):
    path = tmp_path / name
    found, _ = (
        read_nrrd(nrrd(path, packed=name[0] == "a")) if "nrrd" in name else read_nifti(nifti(path))
    )
    assert np.array_equal(found, VOXELS)


def test_padding_with_zeros_is_no_surplus(tmp_path):
    path = nifti(tmp_path / "a.nii")
    path.write_bytes(path.read_bytes() + b"\0" * 512)
    assert np.array_equal(read_nifti(path)[0], VOXELS)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FileFormatError, match="holds more than"):
        read_nifti(path)


@pytest.mark.parametrize(("end", "sound"), [(b"\n", True), (b"\r\n", True), (b"\n\n\n", False)])
def test_the_end_of_a_line_is_no_surplus(tmp_path, end, sound):
    path = nrrd(tmp_path / "a.nrrd", packed=False)
    path.write_bytes(path.read_bytes() + end)
    if sound:
        assert np.array_equal(read_nrrd(path)[0], VOXELS)
    else:
        with pytest.raises(FileFormatError, match="holds more than"):
            read_nrrd(path)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_every_bit_of_a_compressed_file_counts(tmp_path, name):
    """One bit of the voxels or of the check sum at the end."""
    path = tmp_path / name
    (nrrd if "nrrd" in name else nifti)(path)
    whole = path.read_bytes()
    read = read_nrrd if "nrrd" in name else read_nifti
    for place in (-1, -4, -5, -8, -9, -20, -60, -120):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"^a\."):
            read(path)
    for held in (len(whole) - 1, len(whole) - 9, len(whole) // 2 + 150):
        path.write_bytes(whole[:held])
        with pytest.raises(FileFormatError, match=r"^a\."):
            read(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"dim": [3, 8, 7, 5, 1, 1, 1, 1]}, "holds more than"),
        ({"dim": [3, 7, 7, 6, 1, 1, 1, 1]}, "holds more than"),
        ({"datatype": 2, "bitpix": 8}, "holds more than"),
        ({"dim": [3, 8, 7, 7, 1, 1, 1, 1]}, "cut short"),
        ({"datatype": 16, "bitpix": 32}, "cut short"),
        ({"dim": [3, 2000, 2000, 1000, 1, 1, 1, 1]}, "cut short"),
        ({"dim": [3, 32000, 32000, 32000, 1, 1, 1, 1]}, "no image of a patient"),
        ({"datatype": 999}, "cannot be read as NIfTI"),
        ({"datatype": 0}, "cannot be read as NIfTI"),
        ({"vox_offset": np.inf}, "cannot be read as NIfTI|cut short|no image"),
        ({"vox_offset": 100}, "cannot be read as NIfTI"),
        ({"dim": [-1, 8, 7, 6, 1, 1, 1, 1]}, "cannot be read as NIfTI"),
        ({"scl_slope": 2.0, "scl_inter": np.nan}, "cannot be read as NIfTI"),
        ({"xyzt_units": 7}, "the code 7 for lengths"),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 5.0}, "cannot be read as NIfTI"),
    ],
)
def test_a_header_that_does_not_fit_is_one_line(tmp_path, name, header, said):
    path = nifti(tmp_path / name, **header)
    for read in (read_nifti, read_nifti_regions):
        with pytest.raises(FileFormatError, match=said) as caught:
            read(path)
        assert str(caught.value).startswith(f"{name}: ")
        assert "\n" not in str(caught.value)


def test_a_header_that_claims_gigabytes_costs_no_memory(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", dim=[3, 1300, 1300, 1300, 1, 1, 1, 1])
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="cut short"):
        read_nifti(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


def rewritten(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"sizes: 8 7 6", b"sizes: 8 7 5", "holds more than"),
        (b"sizes: 8 7 6", b"sizes: 8 7 9", "cut short"),
        (b"sizes: 8 7 6", b"sizes: 40000 40000 40000", "no image of a patient"),
        (b"type: short", b"type: double", "cut short"),
        (b"type: short", b"type: uchar", "holds more than"),
        (b"type: short", b"type: thing", "type 'thing' is unknown"),
        (b"NRRD000", b"NRRX000", "expected NRRD"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_an_nrrd_header_that_does_not_fit_is_one_line(tmp_path, old, new, said, packed):
    path = rewritten(nrrd(tmp_path / "a.nrrd", packed=packed), old, new)
    for read in (read_nrrd, read_nrrd_regions):
        with pytest.raises(FileFormatError, match=said) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [b"../secret.raw", b"/etc/passwd", b"LIST", b"a%03d.raw 1 3 1"])
def test_data_of_an_nrrd_lie_in_one_file_beside_it(tmp_path, other):
    path = nrrd(tmp_path / "a.nhdr", packed=False)
    assert np.array_equal(read_nrrd(path)[0], VOXELS)
    rewritten(path, b"data file: a.raw", b"data file: " + other)
    with pytest.raises(FileFormatError, match="in one file beside it"):
        read_nrrd(path)


def test_a_data_file_that_is_gone_or_cut_is_named(tmp_path):
    path = nrrd(tmp_path / "a.nhdr", packed=False)
    (tmp_path / "a.raw").write_bytes(b"\0" * 100)
    with pytest.raises(FileFormatError, match=r"a\.raw: the header declares 672 bytes"):
        read_nrrd(path)
    (tmp_path / "a.raw").unlink()
    with pytest.raises(FileFormatError, match=r"data file a\.raw is not beside it"):
        read_nrrd(path)


@pytest.mark.parametrize(
    "error", [ValueError("two\nlines"), KeyError("x"), RecursionError(), MemoryError()]
)
def test_a_foreign_error_becomes_one_line_with_the_name(tmp_path, error):
    @reader("NIfTI")
    def read(path):
        raise error

    with pytest.raises(FileFormatError, match=r"^scan\.nii: ") as caught:
        read(tmp_path / "scan.nii")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_what_a_library_says_of_a_header_is_not_repeated(tmp_path):
    @reader("RTSTRUCT", told=False)
    def read(path):
        raise ValueError("DOE^JANE")

    with pytest.raises(FileFormatError) as caught:
        read(tmp_path / "a.dcm")
    assert str(caught.value) == "a.dcm: cannot be read as RTSTRUCT: ValueError; export it again"
    assert caught.value.__cause__ is None


def test_our_own_errors_pass_and_ctrl_c_too(tmp_path):
    for error in (OpenSirtError("ours"), KeyboardInterrupt()):

        @reader("NIfTI")
        def read(path, error=error):
            raise error

        with pytest.raises(type(error)):
            read(tmp_path)


@pytest.mark.parametrize("read", [read_nifti, read_nrrd])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, read):
    path = tmp_path / "a.nii"
    path.write_bytes(b"x" * 500)

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(FileFormatError, match=r"a\.nii: cannot be opened \(Permission denied\)"):
        read(path)
