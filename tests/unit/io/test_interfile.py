"""Interfile headers: sizes, number formats, spacing, and that the position is not known."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import FileFormatError
from opensirt.io.interfile import POSITION_NOT_KNOWN, read_interfile

HEADER = {
    "!INTERFILE": "",
    "!data offset in bytes": "0",
    "!name of data file": "a.i33",
    "imagedata byte order": "LITTLEENDIAN",
    "!total number of images": "4",
    "!matrix size [1]": "2",
    "!matrix size [2]": "3",
    "!number format": "unsigned integer",
    "!number of bytes per pixel": "2",
    "scaling factor (mm/pixel) [1]": "1.5",
    "scaling factor (mm/pixel) [2]": "2.5",
    "!number of slices": "4",
    "slice thickness (pixels)": "1.2",
    "slice orientation": "Transverse",
    "!END OF INTERFILE": "",
}
VALUES = np.arange(24).reshape(4, 3, 2)


def make(folder, changes=None, *, kind="<u2", before=b""):
    keys = {**HEADER, **(changes or {})}
    text = "\r\n".join(f"{k} := {v}" for k, v in keys.items() if v is not None)
    (folder / "a.h33").write_text(text)
    (folder / "a.i33").write_bytes(before + VALUES.astype(kind).tobytes())
    return folder / "a.h33"


def test_values_spacing_and_unknown_position(tmp_path):
    values, grid, notes = read_interfile(make(tmp_path))
    assert np.array_equal(values, VALUES)
    assert grid.spacing_mm == pytest.approx((1.2 * 1.5, 2.5, 1.5))
    assert grid.to_patient((3, 2, 1)) == pytest.approx((1.5, 5.0, 5.4), abs=0.01)
    assert notes == (POSITION_NOT_KNOWN, "slice thickness 1.2 pixels of 1.5 mm")


@pytest.mark.parametrize(
    ("kind", "name", "size", "order"),
    [
        (">i2", "signed integer", 2, "BIGENDIAN"),
        ("<u4", "unsigned integer", 4, "littleendian"),
        (">f4", "short float", 4, "BIGENDIAN"),
        ("<f8", "long float", 8, "LITTLEENDIAN"),
        ("<f4", "float", 4, "LITTLEENDIAN"),
        ("u1", "unsigned integer", 1, ""),
    ],
)
def test_number_formats(tmp_path, kind, name, size, order):
    changes = {
        "!number format": name, "!number of bytes per pixel": size, "imagedata byte order": order,
    }  # fmt: skip
    values, _, _ = read_interfile(make(tmp_path, changes, kind=kind))
    assert np.array_equal(values, VALUES)
    assert values.dtype.isnative


def test_offset_and_other_keys_for_the_third_axis(tmp_path):
    changes = {
        "!data offset in bytes": 10, "!total number of images": None, "!number of slices": None,
        "!matrix size[3]": 4, "scaling factor (mm/pixel) [3]": 7,
    }  # fmt: skip
    values, grid, notes = read_interfile(make(tmp_path, changes, before=bytes(10)))
    assert np.array_equal(values, VALUES)
    assert grid.spacing_mm[0] == 7
    assert notes == (POSITION_NOT_KNOWN,)


def test_thickness_that_may_be_mm_must_be_given(tmp_path):
    path = make(tmp_path, {"slice thickness (pixels)": "4.4"})
    with pytest.raises(FileFormatError, match=r"4.4 would mean slices of 6.6 mm .* height of 26.4"):
        read_interfile(path)
    _, grid, notes = read_interfile(path, slice_thickness_mm=4.4)
    assert grid.spacing_mm[0] == 4.4
    assert notes[1] == "slice thickness as given, not from the header"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"!matrix size [1]": None}, r"key 'matrix size \[1\]' is missing"),
        ({"!matrix size [1]": "two"}, r"'matrix size \[1\]' must be a number, found 'two'"),
        ({"!matrix size [1]": "0"}, r"'matrix size \[1\]' must be above 0"),
        ({"!matrix size [1]": "2.5"}, r"'matrix size \[1\]' must be a whole number"),
        ({"!number of slices": "5"}, "expected one volume, found 'number of slices' 5, 'total"),
        (
            {"!number of slices": None, "!total number of images": None},
            "'number of slices' is missing",
        ),
        ({"!number format": "ASCII"}, "'number format' 'ascii' with 2 bytes per pixel is not read"),
        ({"imagedata byte order": None}, "'imagedata byte order' must be LITTLEENDIAN or BIGEND"),
        ({"!name of data file": "b.i33"}, "data file b.i33 is not beside it"),
        ({"!data offset in bytes": "2"}, "must hold 48 bytes from byte 2, found 46"),
        ({"!data offset in bytes": "x"}, "'data offset in bytes' must be a number"),
        ({"slice thickness (pixels)": None}, r"key 'slice thickness \(pixels\)' is missing"),
        ({"slice orientation": "Coronal"}, "'slice orientation' must be Transverse, found 'coron"),
        ({"!INTERFILE": None}, "expected '!INTERFILE :='"),
    ],
)
def test_unusable_headers_name_the_key(tmp_path, changes, message):
    path = make(tmp_path, changes)
    if changes == {"!INTERFILE": None}:
        path.write_text(path.read_text().replace("!END OF INTERFILE", "!END"))
    with pytest.raises(FileFormatError, match=message):
        read_interfile(path)


def test_missing_header_file(tmp_path):
    with pytest.raises(FileFormatError, match=r"a.h33: cannot be read: No such file"):
        read_interfile(tmp_path / "a.h33")


def test_data_may_start_blocks_after_the_header(tmp_path):
    """A block is 2048 bytes (Interfile 3.3)."""
    changes = {"!data offset in bytes": None, "!data starting block": "1"}
    values, _, _ = read_interfile(make(tmp_path, changes, before=bytes(2048)))
    assert np.array_equal(values, VALUES)


@pytest.mark.parametrize("more", [-2, 2, 48])
def test_a_data_file_of_another_size_is_refused(tmp_path, more):
    """Shorter or longer than the header says: another image, or another number format."""
    path = make(tmp_path)
    data = (tmp_path / "a.i33").read_bytes() + bytes(48)
    (tmp_path / "a.i33").write_bytes(data[: 48 + more])
    with pytest.raises(FileFormatError, match=f"must hold 48 bytes from byte 0, found {48 + more}"):
        read_interfile(path)


@pytest.mark.parametrize(("pixels", "refused"), [("1.99", False), ("2", True), ("2.01", True)])
def test_a_thickness_of_two_pixels_or_more_may_be_mm(tmp_path, pixels, refused):
    path = make(tmp_path, {"slice thickness (pixels)": pixels})
    if refused:
        with pytest.raises(FileFormatError, match="it may be mm instead: give slice_thickness_mm"):
            read_interfile(path)
    else:
        assert read_interfile(path)[1].spacing_mm[0] == pytest.approx(1.99 * 1.5)


def test_a_thickness_in_mm_and_a_third_scale_come_before_one_in_pixels(tmp_path):
    changes = {"slice thickness (mm)": 5.5}
    assert read_interfile(make(tmp_path, changes))[1].spacing_mm == (5.5, 2.5, 1.5)
    changes["scaling factor (mm/pixel) [3]"] = 6.5
    assert read_interfile(make(tmp_path, changes))[1].spacing_mm == (6.5, 2.5, 1.5)
    _, grid, _ = read_interfile(make(tmp_path, changes), slice_thickness_mm=7.5)
    assert grid.spacing_mm == (7.5, 2.5, 1.5)


def test_the_first_of_two_equal_keys_counts_and_a_comment_is_none(tmp_path):
    path = make(tmp_path)
    text = path.read_text().replace("!matrix size [1] := 2", "; !matrix size [1] := 9\r\n"
                                    "!Matrix   Size [1] := 2\r\n!matrix size [1] := 7")  # fmt: skip
    path.write_text(text)
    assert np.array_equal(read_interfile(path)[0], VALUES)


@pytest.mark.parametrize(
    ("name", "size", "known"),
    [("float", 2, False), ("unsigned integer", 8, False), ("signed integer", 1, True)],
)
def test_a_number_format_has_its_own_sizes(tmp_path, name, size, known):
    changes = {"!number format": name, "!number of bytes per pixel": size}
    path = make(tmp_path, changes, kind="i1")
    if known:
        assert np.array_equal(read_interfile(path)[0], VALUES)
    else:
        with pytest.raises(FileFormatError, match=f"'{name}' with {size} bytes per pixel is not"):
            read_interfile(path)


def test_data_lies_beside_its_header_whatever_folder_it_names(tmp_path):
    for name in ("C:\\data\\a.i33", "/old/place/a.i33"):
        path = make(tmp_path, {"!name of data file": name})
        assert np.array_equal(read_interfile(path)[0], VALUES)
    path = make(tmp_path, kind="<f4", changes={
        "!number format": "short float", "!number of bytes per pixel": 4})  # fmt: skip
    values = VALUES.astype("<f4")
    values[1, 1, 1] = np.nan
    (tmp_path / "a.i33").write_bytes(values.tobytes())
    with pytest.raises(FileFormatError, match="holds values that are not finite numbers"):
        read_interfile(path)
