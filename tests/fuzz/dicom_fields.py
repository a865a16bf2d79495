"""Damage to one element of a DICOM file: its value, its representation, its being there."""

from __future__ import annotations

import copy
import random
import struct

from tests.fuzz.elements import Element, every_element, parsed, written

__all__ = ["damaged_dicom"]

TEXTS = {
    "text": "damaged", "nan": "nan", "inf": "inf", "zero": "0", "vast": "1e308", "huge": "65535",
    "minus one": "-1", "one": "1",
}  # fmt: skip
"""Kind -> what is written into an element of text."""
NUMBERS = {
    "nan": float("nan"), "inf": float("inf"), "zero": 0, "vast": 1e308, "huge": 65535,
    "minus one": -1, "one": 1, "one more": 1, "one less": -1,
}  # fmt: skip
FORMATS = {b"US": "<H", b"UL": "<I", b"SS": "<h", b"SL": "<i", b"FD": "<d", b"FL": "<f"}
STRUCTURE = ("delete", "empty", "twice", "other type")


def damaged_dicom(chance: random.Random, name: str, content: bytes) -> tuple[bytes, str, str]:
    """A file with one element damaged, each keyword as likely as the next; kind, keyword."""
    elements = parsed(content)
    by_keyword: dict[str, list[tuple[list[Element], Element]]] = {}
    for holder, element in every_element(elements):
        by_keyword.setdefault(element.keyword, []).append((holder, element))
    keyword = chance.choice(sorted(by_keyword))
    holder, element = chance.choice(by_keyword[keyword])
    if element.vr == b"SQ":
        kind = chance.choice((*STRUCTURE, "item less", "item twice"))
    elif element.vr in FORMATS:
        kind = chance.choice((*STRUCTURE, *NUMBERS, "text"))
    elif element.keyword == "PixelData":
        kind = chance.choice((*STRUCTURE, "longer", "shorter"))
    else:
        kind = chance.choice((*STRUCTURE, *TEXTS, "negative", "one value", "value less"))
    _damage(chance, kind, holder, element)
    return written(elements), kind, keyword


def _damage(chance: random.Random, kind: str, holder: list[Element], element: Element) -> None:
    if kind == "delete":
        holder.remove(element)
    elif kind == "empty":
        element.value, element.items = b"", []
    elif kind == "twice":
        holder.insert(holder.index(element), copy.deepcopy(element))
    elif kind == "other type":
        element.vr = chance.choice([vr for vr in (b"LO", b"FD", b"US", b"OB") if vr != element.vr])
        element.value, element.items = element.value or b"damaged ", []
    elif kind in ("longer", "shorter"):
        element.value = element.value + b"\x11" * 64 if kind == "longer" else element.value[:-8]
    elif kind.startswith("item"):
        if element.items:
            index = chance.randrange(len(element.items))
            again = [copy.deepcopy(element.items[index])] * 2 if kind == "item twice" else []
            element.items[index : index + 1] = again
    elif element.vr in FORMATS:
        element.value = _number(kind, element)
    else:
        element.value = _text(kind, element.value)


def _number(kind: str, element: Element) -> bytes:
    """A binary number; what the type cannot hold is all bits set."""
    form = FORMATS[element.vr]
    size = struct.calcsize(form)
    if kind == "text":
        return b"damaged "
    value = NUMBERS[kind]
    if kind in ("one more", "one less") and len(element.value) >= size:
        value += struct.unpack_from(form, element.value)[0]
    try:
        packed = struct.pack(form, value)
    except (struct.error, OverflowError, ValueError):
        packed = b"\xff" * size
    return packed + element.value[size:]


def _text(kind: str, value: bytes) -> bytes:
    """One of several values replaced, so that their number stays."""
    first, *rest = value.split(b"\\")
    if kind == "negative":
        first = first[1:] if first.startswith(b"-") else b"-" + first
    elif kind == "one value":
        rest = []
    elif kind == "value less":
        first, rest = (rest[0], rest[1:]) if rest else (b"", [])
    else:
        first = TEXTS[kind].encode()
    joined = b"\\".join([first, *rest])
    return joined + b" " * (len(joined) % 2)
