"""Changes of NIfTI, NRRD and case.toml whose right outcome is known."""

from __future__ import annotations

import gzip
from typing import Any

import nibabel
import numpy as np

from tests.fuzz.meaning import Edited, Meaning

__all__ = ["FILES"]


def _header(study: str, what: str, right: str, **values: Any) -> Meaning:
    """Fields of a NIfTI header; a tuple is (index, value)."""
    name = "image.nii" if study == "nii" else study if "labels" in study else "image.nii.gz"

    def change(files: Edited) -> None:
        plain = gzip.decompress(files[name]) if name.endswith(".gz") else files[name]
        header = nibabel.Nifti1Header(plain[:348], check=False).structarr.copy()
        for field, value in values.items():
            if isinstance(value, tuple):
                header[field][value[0]] = value[1]
            else:
                header[field] = value
        plain = header.tobytes() + plain[348:]
        files[name] = gzip.compress(plain, mtime=0) if name.endswith(".gz") else plain

    return Meaning(study, what, right, change)


def _content(study: str, what: str, right: str, name: str, change: Any) -> Meaning:
    def changed(files: Edited) -> None:
        files[name] = change(files[name])

    return Meaning(study, what, right, changed)


def _replaced(study: str, what: str, right: str, name: str, old: str, new: str) -> Meaning:
    """Text of a file in place of other text, which must be there."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return _content(study, what, right, name, change)


def _flip(at: int) -> Any:
    return lambda data: data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def _big_endian(data: bytes) -> bytes:
    header = nibabel.Nifti1Header(data[:348]).as_byteswapped(">")
    voxels = np.frombuffer(data[352:], "<i2").byteswap()
    return bytes(header.binaryblock) + data[348:352] + voxels.tobytes()


NIFTI = (
    _header("nii", "a column less than held", "refused", dim=(1, 7)),
    _header("nii", "a column more than held", "refused", dim=(1, 9)),
    _header("nii", "a slice less than held", "refused", dim=(3, 3)),
    _header("nii", "a slice more than held", "refused", dim=(3, 5)),
    _header("nii", "uint8 where int16 is held", "refused", datatype=2, bitpix=8),
    _header("nii", "float32 where int16 is held", "refused", datatype=16, bitpix=32),
    _header("nii", "30000 voxels along each axis", "refused",
            dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
    _header("nii.gz", "30000 voxels along each axis", "refused",
            dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
    _header("nii", "two volumes", "refused", dim=[4, 8, 9, 2, 2, 1, 1, 1]),
    _header("nii", "a fourth axis of length 1", "same", dim=[4, 8, 9, 4, 1, 1, 1, 1]),
    _header("nii", "qform 30 mm beside sform", "refused", qoffset_x=30.0),
    _header("nii", "sform 30 mm beside qform", "refused", srow_z=(3, 30.0)),
    _header("nii", "no form", "refused", sform_code=0, qform_code=0),
    _header("nii", "sform alone", "same", qform_code=0),
    _header("nii", "sform of NaN", "refused", srow_x=(0, np.nan)),
    _header("nii", "quaternion of NaN", "refused", quatern_b=np.nan),
    _header("nii", "quaternion of NaN beside an sform 3 mm off", "refused",
            quatern_b=np.nan, srow_z=(3, 103.75)),
    _header("nii", "two axes along one line", "refused", qform_code=0, srow_x=0.0),
    _header("nii", "micrometres: voxels of 1 um", "refused", xyzt_units=3),
    _header("nii", "metres: voxels of 1 m", "refused", xyzt_units=1),
    _header("nii", "a unit of length that is none", "refused", xyzt_units=7),
    _header("nii", "slope 0, which means none", "same", scl_slope=0.0),
    _header("nii", "slope -1, counts below 0", "told", scl_slope=-1.0, scl_inter=0.0),
    _header("nii", "slope 1e38, beyond any count", "refused", scl_slope=1e38, scl_inter=0.0),
    _header("nii", "complex numbers", "refused", datatype=32, bitpix=64),
    _header("labels.nii.gz", "a slice less than held", "refused", dim=(3, 3)),
    _header("labels.nii.gz", "labels of half numbers", "refused", scl_slope=0.5, scl_inter=0.0),
    _content("nii", "cut in half", "refused", "image.nii", lambda d: d[: len(d) // 2]),
    _content("nii", "more than declared", "refused", "image.nii", lambda d: d + b"\x11" * 16),
    _content("nii", "big endian", "same", "image.nii", _big_endian),
    _content("nii.gz", "a wrong check sum", "refused", "image.nii.gz", _flip(-6)),
    _content("nii.gz", "a wrong length", "refused", "image.nii.gz", _flip(-2)),
    _content("nii.gz", "cut before its check sum", "refused", "image.nii.gz", lambda d: d[:-8]),
    _content("nii.gz", "a letter after it", "refused", "image.nii.gz", lambda d: d + b"Dear sir"),
    _content("nii.gz", "compressed weakly", "same", "image.nii.gz",
             lambda d: gzip.compress(gzip.decompress(d), 1, mtime=0)),
    _content("nii.gz", "not compressed", "refused", "image.nii.gz", gzip.decompress),
    _content("labels.nii.gz", "a wrong check sum", "refused", "labels.nii.gz", _flip(-6)),
)  # fmt: skip


def _line(study: str, what: str, right: str, field: str, new: str) -> Meaning:
    """A field of an NRRD header with another value, or without one ("")."""
    name = {"nrrd": "image.nrrd", "nhdr": "image.nhdr", "seg.nrrd": "regions.seg.nrrd"}[study]

    def change(content: bytes) -> bytes:
        head, blank, data = content.partition(b"\n\n")
        lines = head.decode().split("\n")
        index = next(
            i for i, line in enumerate(lines) if line.startswith((f"{field}:", f"{field}="))
        )
        lines[index : index + 1] = [new] if new else []
        return "\n".join(lines).encode() + blank + data

    return _content(study, what, right, name, change)


NRRD = (
    _line("nrrd", "a slice more than held", "refused", "sizes", "sizes: 8 9 5"),
    _line("nrrd", "a slice less than held", "refused", "sizes", "sizes: 8 9 3"),
    _line("nrrd", "30000 voxels along each axis", "refused", "sizes", "sizes: 30000 30000 30000"),
    _line("nrrd", "a size below 0", "refused", "sizes", "sizes: -8 -9 4"),
    _line("nrrd", "sizes missing", "refused", "sizes", ""),
    _line("nrrd", "uchar where short is held", "refused", "type", "type: uchar"),
    _line("nrrd", "int where short is held", "refused", "type", "type: int"),
    _line("nrrd", "two dimensions", "refused", "dimension", "dimension: 2"),
    _line("nrrd", "no space", "refused", "space", ""),
    _line("nrrd", "a space that is not the patient", "refused", "space", "space: scanner-xyz"),
    _line("nrrd", "no directions", "refused", "space directions", ""),
    _line("nrrd", "directions of nothing", "refused", "space directions",
          "space directions: (0,0,0) (0,1.5,0) (0,0,3)"),
    _line("nrrd", "directions of 1e308 mm", "refused", "space directions",
          "space directions: (1e308,0,0) (0,1.5,0) (0,0,3)"),
    _line("nrrd", "directions of 1e6 mm", "refused", "space directions",
          "space directions: (1e6,0,0) (0,1e6,0) (0,0,3)"),
    _line("nrrd", "directions at an angle of 60 degrees", "refused", "space directions",
          "space directions: (1.25,0,0) (0.75,1.299,0) (0,0,3)"),
    _line("nrrd", "directions of nan", "refused", "space directions",
          "space directions: (nan,0,0) (0,1.5,0) (0,0,3)"),
    _line("nrrd", "no origin", "refused", "space origin", ""),
    _line("nrrd", "origin of nan", "refused", "space origin", "space origin: (nan,0,0)"),
    _line("nrrd", "gzip where raw is held", "refused", "encoding", "encoding: gzip"),
    _line("nrrd", "no order of bytes", "refused", "endian", ""),
    _content("nrrd", "cut short", "refused", "image.nrrd", lambda d: d[:-20]),
    _content("nrrd", "more than declared", "refused", "image.nrrd", lambda d: d + b"\x11" * 16),
    _line("nhdr", "data that is not there", "refused", "data file", "data file: other.raw"),
    _line("nhdr", "data in another folder", "refused", "data file", "data file: ../image.raw"),
    _line("nhdr", "data that is another file", "refused", "data file", "data file: case.toml"),
    _line("nhdr", "a slice less than held", "refused", "sizes", "sizes: 8 9 3"),
    _line("seg.nrrd", "a layer more than held", "refused", "sizes", "sizes: 3 8 9 4"),
    _line("seg.nrrd", "a segment in a layer that is not there", "refused", "Segment0_Layer",
          "Segment0_Layer:=5"),
    _line("seg.nrrd", "a segment in layer -1", "refused", "Segment0_Layer", "Segment0_Layer:=-1"),
    _line("seg.nrrd", "two segments of one layer and label", "refused", "Segment0_Layer",
          "Segment0_Layer:=1"),
    _line("seg.nrrd", "LabelValue 0", "refused", "Segment0_LabelValue", "Segment0_LabelValue:=0"),
    _line("seg.nrrd", "directions at an angle of 60 degrees", "refused", "space directions",
          "space directions: none (1.25,0,0) (0.75,1.299,0) (0,0,3)"),
    _line("seg.nrrd", "directions of 1e308 mm", "refused", "space directions",
          "space directions: none (1e308,0,0) (0,1.5,0) (0,0,3)"),
    _line("seg.nrrd", "no directions", "refused", "space directions", ""),
    _line("seg.nrrd", "a label that no voxel has", "refused", "Segment0_LabelValue",
          "Segment0_LabelValue:=2"),
    _content("seg.nrrd", "a wrong check sum", "refused", "regions.seg.nrrd", _flip(-6)),
)  # fmt: skip


def _toml(what: str, right: str, old: str, new: str) -> Meaning:
    return _replaced("toml", what, right, "case.toml", old, new)


TOML = (
    _toml("a key that is unknown", "refused", 'sex = "F"', 'sex = "F"\nage = 60'),
    _toml("a table that is unknown", "refused", "[patient]", "[person]"),
    _toml("an image role that is none", "refused", '"planning-activity"', '"planning"'),
    _toml("a region role that is none", "refused", '"tumour"', '"tumor"'),
    _toml("a role of a region that is not there", "refused", '"Tumor 1" = "t', '"Tumor 2" = "t'),
    _toml("a file that is not there", "refused", "image.nii", "images.nii"),
    _toml("a file of another kind", "refused", '"image.nii"', '"case.toml"'),
    _toml("a time without zone", "refused", "09:30:00Z", "09:30:00"),
    _toml("a time in quotes", "refused", "2025-01-10T09:30:00Z", '"2025-01-10T09:30:00Z"'),
    _toml("a date without time", "refused", "2025-01-10T12:00:00Z", "2025-01-10"),
    _toml("a day that is none", "refused", "2025-01-10T12", "2025-02-30T12"),
    _toml("the same time in another zone", "same", "09:30:00Z", "10:30:00+01:00"),
    _toml("a nuclide that is none", "refused", '"tc99m"', '"tc98"'),
    _toml("a unit that is none of activity", "refused", '"counts"', '"Gy"'),
    _toml("no unit", "refused", 'unit = "counts"\n', ""),
    _toml("no nuclide", "refused", 'nuclide = "tc99m"\n', ""),
    _toml("no id", "refused", 'id = "liver-2"\n', ""),
    _toml("a decay correction that is none", "refused", '"NONE"', '"MAYBE"'),
    _toml("a density below 0", "refused", "1.06", "-1.06"),
    _toml("a density of 1e308", "later", "1.06", "1e308"),
    _toml("a shunt in percent", "refused", "0.05", "5"),
    _toml("a shunt of nan", "refused", "0.05", "nan"),
    _toml("activity beyond any number", "refused", "activity_gbq = 1.4", "activity_gbq = 1e308"),
    _toml("activity of 0", "refused", "activity_gbq = 1.4", "activity_gbq = 0"),
    _toml("a weight of 1e308", "later", "62.5", "1e308"),
    _toml("a sex that is none", "refused", '"F"', '"female"'),
    _toml("a product that is none", "refused", '"glass-y90"', '"glass"'),
    _toml("regions twice", "refused", "[assumptions]",
          '[[regions]]\nfile = "regions.seg.nrrd"\n[assumptions]'),
    _toml("an image twice", "refused", "[[regions]]",
          '[[image]]\nfile = "image.nii"\nrole = "planning-activity"\nnuclide = "tc99m"\n'
          'unit = "counts"\n[[regions]]'),
    _toml("an id twice", "refused", 'id = "liver-2"', 'id = "liver-2"\nid = "liver-3"'),
    _toml("a remark", "same", "[patient]", "# as weighed\n[patient]"),
    _content("toml", "lines that end as in Windows", "same", "case.toml",
             lambda d: d.replace(b"\n", b"\r\n")),
    _content("toml", "not UTF-8", "refused", "case.toml",
             lambda d: d.replace(b"SPECT", b"SP\xc9CT")),
    _content("toml", "cut in a line", "refused", "case.toml", lambda d: d[: d.index(b"unit") + 8]),
    _content("toml", "nothing in it", "refused", "case.toml", lambda d: b""),
)  # fmt: skip
FILES = (*NIFTI, *NRRD, *TOML)
