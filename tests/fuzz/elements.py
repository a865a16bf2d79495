"""Explicit little-endian DICOM as a tree of raw elements, so that any of them can be damaged."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.datadict import keyword_for_tag

__all__ = ["Element", "every_element", "parsed", "written"]

LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
"""Value representations whose length is written in four bytes."""
PREAMBLE = 132
_ITEM = 0xFFFEE000


@dataclass(slots=True)
class Element:
    """One element: where its tag and its value begin in the file, and what it holds."""

    tag: int
    vr: bytes
    value: bytes = b""
    items: list[list[Element]] = field(default_factory=list)
    """Of a sequence."""
    head: int = 0
    start: int = 0
    end: int = 0

    @property
    def keyword(self) -> str:
        """The DICOM keyword, or the tag as a number."""
        return keyword_for_tag(self.tag) or f"{self.tag:08X}"


def parsed(content: bytes) -> list[Element]:
    """The elements of a file with preamble; lengths must be defined, as those of the seeds are."""
    return _elements(content, PREAMBLE, len(content))


def _elements(content: bytes, at: int, end: int) -> list[Element]:
    found = []
    while at < end:
        group, number, vr = struct.unpack_from("<HH2s", content, at)
        if vr in LONG:
            (length,), start = struct.unpack_from("<I", content, at + 8), at + 12
        else:
            (length,), start = struct.unpack_from("<H", content, at + 6), at + 8
        element = Element(group << 16 | number, vr, head=at, start=start, end=start + length)
        if vr == b"SQ":
            element.items = _items(content, start, start + length)
        else:
            element.value = content[start : start + length]
        found.append(element)
        at = start + length
    return found


def _items(content: bytes, at: int, end: int) -> list[list[Element]]:
    found = []
    while at < end:
        (length,) = struct.unpack_from("<I", content, at + 4)
        found.append(_elements(content, at + 8, at + 8 + length))
        at += 8 + length
    return found


def written(elements: list[Element]) -> bytes:
    """The file again."""
    return bytes(PREAMBLE - 4) + b"DICM" + _encoded(elements)


def _encoded(elements: list[Element]) -> bytes:
    out = bytearray()
    for element in elements:
        value = element.value
        for item in element.items if element.vr == b"SQ" else ():
            inner = _encoded(item)
            value += struct.pack("<HHI", _ITEM >> 16, _ITEM & 0xFFFF, len(inner)) + inner
        out += struct.pack("<HH2s", element.tag >> 16, element.tag & 0xFFFF, element.vr)
        wide = element.vr in LONG
        out += struct.pack("<2xI", len(value)) if wide else struct.pack("<H", len(value) & 0xFFFF)
        out += value
    return bytes(out)


def every_element(elements: list[Element]) -> Iterator[tuple[list[Element], Element]]:
    """Each element, those of sequences too, with the list that holds it."""
    for element in elements:
        yield elements, element
        for item in element.items:
            yield from every_element(item)
