"""Which field of a file each byte belongs to, and which bytes are values that nothing checks.

A flipped bit in an uncompressed voxel, or in the point of a contour, is another sound value: no
reader can tell, so those bytes are not flipped. Compressed streams end in a check sum, and are.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import nibabel

from tests.fuzz.elements import PREAMBLE, every_element, parsed

__all__ = ["Place", "places_of"]

VALUES = ("PixelData", "ContourData")
NIFTI_DATA = 352


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes from `start` up to the next place."""

    start: int
    field: str
    is_value: bool = False
    """Of a voxel or point, without a check sum."""


def places_of(form: str, name: str, content: bytes) -> list[Place]:
    """The places of a file in their order."""
    if form == "dicom":
        return _dicom(content)
    if name.endswith(".gz"):
        return [Place(0, "stream")]
    if form == "nifti":
        return _nifti()
    return _lines(content)


def place_at(places: list[Place], offset: int) -> Place:
    """The place of a byte."""
    return places[bisect.bisect_right([place.start for place in places], offset) - 1]


def _dicom(content: bytes) -> list[Place]:
    found = [Place(0, "preamble")]
    for _, element in every_element(parsed(content)):
        is_value = element.keyword in VALUES
        found.append(Place(element.head, f"head of {element.keyword}"))
        if element.end > element.start and not element.items:
            found.append(Place(element.start, element.keyword, is_value))
    assert found[1].start == PREAMBLE
    return found


def _nifti() -> list[Place]:
    fields = nibabel.Nifti1Header().structarr.dtype.fields
    found = [Place(offset, name) for name, (_, offset) in fields.items()]
    return [*found, Place(348, "extension"), Place(NIFTI_DATA, "voxels", True)]


def _lines(content: bytes) -> list[Place]:
    """Lines of text by their key; what follows the blank line of an NRRD header is its data."""
    found, at, table = [], 0, ""
    for line in content.splitlines(keepends=True):
        if content.startswith(b"NRRD") and not line.strip():
            gzipped = content[at + len(line) :].startswith(b"\x1f\x8b")
            found.append(Place(at, "blank line"))
            found.append(Place(at + len(line), "data", not gzipped))
            break
        text = line.decode("utf-8", "replace").strip()
        table = text if text.startswith("[") else table
        found.append(Place(at, field_of(text, table)))
        at += len(line)
    return found


def field_of(line: str, table: str) -> str:
    """A name for a line: "sizes", "[[image]] role"."""
    if line.startswith("["):
        return line
    for sign in (" = ", ":=", ": "):
        if sign in line:
            key = line.partition(sign)[0].strip()
            return f"{table} {key}".strip()
    return line[:8]
