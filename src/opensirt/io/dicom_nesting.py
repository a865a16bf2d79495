"""Lengths in a DICOM file against each other: what lies in an item ends where the item ends.

pydicom reads on where a wrong length swallows the contours, or regions, that follow; nothing says
how many there were. A sound file accounts for each of its bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from opensirt.errors import DicomError
from opensirt.io.dicom_files import open_dicom

__all__ = ["open_nested"]

ITEM, ITEM_END, SEQUENCE_END = Tag(0xFFFEE000), Tag(0xFFFEE00D), Tag(0xFFFEE0DD)
PIXELS = 0x7FE0
"""Group of pixel data, which ends a file; what it holds is counted elsewhere."""
UNDEFINED = 0xFFFFFFFF
LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT",
            b"UV")  # fmt: skip
"""With four bytes of length, after two that are reserved."""
PADDING = Tag(0xFFFCFFFC)
PREAMBLE, META = 132, 0x0002


def open_nested(path: Path) -> Dataset:
    """`open_dicom`, of a file in which attributes and items end where their lengths say.

    Big endian and deflated data sets are taken as pydicom reads them.

    Raises
    ------
    FileFormatError, DicomError
        As `open_dicom`; with the tag at which the lengths part.
    """
    dataset = open_dicom(path)
    implicit, little = dataset.original_encoding
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not little or syntax == DeflatedExplicitVRLittleEndian:
        return dataset
    data = path.read_bytes()
    walk = _Walk(data, explicit=True)
    try:
        start = walk.elements(PREAMBLE if data[128:PREAMBLE] == b"DICM" else 0, None, group=META)
        walk.explicit = not implicit
        walk.elements(start, len(data))
    except _PartedError as parted:
        raise DicomError(
            f"{path.name}: the length of attribute {parted.tag} does not fit what it lies in, so "
            "what follows it may be lost; export it again"
        ) from None
    return dataset


class _PartedError(Exception):
    """An attribute or item that ends beyond what holds it."""

    def __init__(self, tag: BaseTag) -> None:
        super().__init__()
        self.tag = tag


@dataclass
class _Walk:
    """Ends of attributes and items, read from their lengths alone; each method returns one."""

    data: bytes
    explicit: bool

    def elements(self, at: int, end: int | None, *, group: int | None = None) -> int:
        """Attributes from `at` on: to `end`, to the mark that ends an item, or of one group."""
        limit, tag = len(self.data) if end is None else end, ITEM
        while at < limit:
            tag = self._tag(at, limit)
            if group is not None and tag.group != group:
                return at
            if end is None and tag == ITEM_END:
                return at + 8
            if tag.group == PIXELS or tag == PADDING:
                return limit
            at = self._element(tag, at, limit)
        if at != limit or (end is None and group is None):
            raise _PartedError(tag)
        return at

    def _element(self, tag: BaseTag, at: int, limit: int) -> int:
        vr, begin, length = self._head(tag, at, limit)
        if length == UNDEFINED:
            inner = self if vr == b"SQ" or not vr else _Walk(self.data, explicit=False)
            return inner._items(tag, begin, None, limit)  # a sequence called UN is implicit within
        if begin + length > limit:
            raise _PartedError(tag)
        if vr == b"SQ":
            self._items(tag, begin, begin + length, limit)
        return begin + length

    def _head(self, tag: BaseTag, at: int, limit: int) -> tuple[bytes, int, int]:
        """VR, where the value begins, and its length."""
        if not self.explicit:
            vr = b"SQ" if not tag.is_private and _is_sequence(tag) else b""
            return vr, at + 8, self._number("<I", at + 4, limit, tag)
        vr = self.data[at + 4 : at + 6]
        if vr in LONG_VRS:
            return vr, at + 12, self._number("<I", at + 8, limit, tag)
        return vr, at + 8, self._number("<H", at + 6, limit, tag)

    def _items(self, of: BaseTag, at: int, end: int | None, limit: int) -> int:
        """Items of a sequence, to its end or the mark of it."""
        stop = limit if end is None else end
        while at < stop:
            tag = self._tag(at, stop)
            length = self._number("<I", at + 4, stop, of)
            if end is None and tag == SEQUENCE_END:
                return at + 8
            if tag != ITEM or (length != UNDEFINED and at + 8 + length > stop):
                raise _PartedError(of)
            at = self.elements(at + 8, None if length == UNDEFINED else at + 8 + length)
        if at != stop or end is None:
            raise _PartedError(of)
        return at

    def _tag(self, at: int, limit: int) -> BaseTag:
        group = self._number("<H", at, limit, ITEM)
        return Tag(group, self._number("<H", at + 2, limit, ITEM))

    def _number(self, kind: str, at: int, limit: int, tag: BaseTag) -> int:
        if at + struct.calcsize(kind) > limit:
            raise _PartedError(tag)
        return int(struct.unpack_from(kind, self.data, at)[0])


def _is_sequence(tag: BaseTag) -> bool:
    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False
