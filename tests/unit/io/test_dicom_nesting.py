"""Lengths that do not fit each other: contours that a wrong one swallows are missed."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from opensirt.errors import DicomError, FileFormatError
from opensirt.io.dicom_nesting import open_nested

CONTOURS = 3


def structures(*, undefined: bool = False) -> Dataset:
    """One region of three contours; lengths of sequences and items as numbers or as marks."""
    contours = []
    for z in range(CONTOURS):
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = 3
        contour.ContourData = [0, 0, z, 1, 0, z, 0, 1, z]
        contours.append(contour)
    roi = Dataset()
    roi.ReferencedROINumber = 1
    roi.ContourSequence = Sequence(contours)
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "RTSTRUCT"
    dataset.ROIContourSequence = Sequence([roi])
    for holder in (dataset, roi):
        for element in holder:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
                for item in element.value:
                    item.is_undefined_length_sequence_item = undefined
    return dataset


def write(path: Path, dataset: Dataset, syntax: str, *, meta: bool = True) -> Path:
    if meta:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path, enforce_file_format=True)
    else:
        implicit = syntax == ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    return path


SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda s: s.name)
@pytest.mark.parametrize("undefined", [False, True])
def test_sound_files_are_read(tmp_path: Path, syntax, undefined: bool) -> None:
    path = write(tmp_path / "a.dcm", structures(undefined=undefined), syntax)
    assert len(open_nested(path).ROIContourSequence[0].ContourSequence) == CONTOURS


@pytest.mark.parametrize("syntax", SYNTAXES[:2], ids=lambda s: s.name)
def test_a_file_without_preamble_is_read(tmp_path: Path, syntax) -> None:
    path = write(tmp_path / "a.dcm", structures(), syntax, meta=False)
    assert len(open_nested(path).ROIContourSequence[0].ContourSequence) == CONTOURS


def longer(path: Path, what: bytes, by: int, *, explicit: bool, which: int = 0) -> None:
    """Add to the length of the attribute whose tag is `what`, at its `which`-th place."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(which + 1):
        at = data.index(what, at + 1)
    long = not explicit or data[at + 4 : at + 6] in (b"SQ", b"UN")
    at += 8 if explicit and long else 6 if explicit else 4
    kind = "<I" if long else "<H"
    struct.pack_into(kind, data, at, struct.unpack_from(kind, data, at)[0] + by)
    path.write_bytes(data)


DATA, KIND, NUMBER = (struct.pack("<HH", 0x3006, e) for e in (0x0050, 0x0042, 0x0046))
CONTOUR_SEQUENCE = struct.pack("<HH", 0x3006, 0x0040)
ITEM = struct.pack("<HH", 0xFFFE, 0xE000)


@pytest.mark.parametrize("syntax", SYNTAXES[:2], ids=lambda s: s.name)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    ("what", "by", "which"),
    [
        (DATA, 64, 0),
        (DATA, 2, 0),
        (DATA, -2, 1),
        (DATA, 2, 2),
        (KIND, 12, 1),
        (CONTOUR_SEQUENCE, -8, 0),
        (CONTOUR_SEQUENCE, 8, 0),
    ],
)
def test_a_length_that_swallows_what_follows_is_refused(
    tmp_path: Path, syntax, undefined: bool, what: bytes, by: int, which: int
) -> None:
    if undefined and what == CONTOUR_SEQUENCE:
        pytest.skip("has no length")
    path = write(tmp_path / "a.dcm", structures(undefined=undefined), syntax)
    longer(path, what, by, explicit=syntax == ExplicitVRLittleEndian, which=which)
    with pytest.raises(
        FileFormatError, match=r"a\.dcm: (the length of attribute|not a DICOM file)"
    ):
        open_nested(path)


@pytest.mark.parametrize("syntax", SYNTAXES[:2], ids=lambda s: s.name)
@pytest.mark.parametrize(("which", "by"), [(0, 8), (1, 90), (2, -4), (3, 4)])
def test_an_item_that_ends_elsewhere_is_refused(tmp_path: Path, syntax, which, by) -> None:
    path = write(tmp_path / "a.dcm", structures(), syntax)
    longer(path, ITEM, by, explicit=False, which=which)
    with pytest.raises(DicomError, match="the length of attribute"):
        open_nested(path)


def test_a_file_cut_within_a_number_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", structures(), ImplicitVRLittleEndian)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FileFormatError, match=r"the length of attribute|damaged"):
        open_nested(path)


def test_a_private_sequence_called_unknown_is_walked(tmp_path: Path) -> None:
    """Undefined length under UN holds implicit items whatever the rest of the file is."""
    dataset = structures()
    block = dataset.private_block(0x3007, "ACME", create=True)
    inner = Dataset()
    inner.Modality = "CT"
    block.add_new(0x01, "SQ", Sequence([inner]))
    path = write(tmp_path / "a.dcm", dataset, ExplicitVRLittleEndian)
    data = path.read_bytes()
    at = data.index(struct.pack("<HH", 0x3007, 0x1001))
    item = struct.pack("<HHI", 0x0008, 0x0060, 2) + b"CT"
    unknown = data[at : at + 4] + b"UN\0\0" + b"\xff" * 4 + ITEM + struct.pack("<I", len(item))
    unknown += item + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    path.write_bytes(data[:at] + unknown)
    assert open_nested(path)[0x3007, 0x1001].value[0].Modality == "CT"
