"""Damage to one field of a NIfTI header, or to one line of an NRRD header or a case.toml."""

from __future__ import annotations

import gzip
import random
import re

import nibabel
import numpy as np

from tests.fuzz.places import field_of

__all__ = ["damaged_nifti", "damaged_text"]

VALUES = {
    "zero": 0, "one": 1, "minus one": -1, "huge": 30_000, "nan": np.nan, "inf": np.inf,
    "vast": 1e38,
}  # fmt: skip
CHANGES = ("negative", "one more", "one less", "doubled")
LINES = ("delete", "twice", "empty", "other key", "text", "nothing after")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
WORDS = {
    "zero": "0", "one": "1", "minus one": "-1", "huge": "30000", "nan": "nan", "inf": "inf",
    "vast": "1e308",
}  # fmt: skip
TOML = {"list": "[1, 2]", "true": "true", "table": "{ a = 1 }", "quoted": '"damaged"'}


def damaged_nifti(chance: random.Random, name: str, content: bytes) -> tuple[bytes, str, str]:
    """A NIfTI whose header has one other number; compressed with a good check sum where it was."""
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    header = nibabel.Nifti1Header(plain[:348], check=False).structarr.copy()
    field = chance.choice(sorted(header.dtype.names))
    kind = chance.choice((*VALUES, *CHANGES))
    old = np.atleast_1d(header[field]).copy()
    index = chance.randrange(old.size)
    if old.dtype.kind == "S":
        old[index] = b"damaged" if kind in VALUES else b""
    else:
        with np.errstate(all="ignore"):
            number = VALUES.get(kind, _changed(kind, float(old[index])))
            old[index] = np.float64(number).astype(old.dtype)
    header[field] = old.reshape(np.shape(header[field]))
    plain = header.tobytes() + plain[348:]
    what = f"{field}[{index}]" if old.size > 1 else field
    return gzip.compress(plain, mtime=0) if name.endswith(".gz") else plain, kind, what


def _changed(kind: str, value: float) -> float:
    return {"negative": -value, "one more": value + 1, "one less": value - 1}.get(kind, 2 * value)


def damaged_text(chance: random.Random, name: str, content: bytes) -> tuple[bytes, str, str]:
    """A header or case.toml with one line damaged; and what was done to which field."""
    is_toml = name.endswith(".toml")
    head, blank, data = (content, b"", b"") if is_toml else content.partition(b"\n\n")
    lines = head.decode().splitlines()
    index = chance.randrange(0 if is_toml else 1, len(lines))
    table = next((line for line in reversed(lines[: index + 1]) if line.startswith("[")), "")
    kind = chance.choice((*LINES, *WORDS, *CHANGES, *(TOML if is_toml else ())))
    field = field_of(lines[index], table)
    lines[index : index + 1] = _line(chance, kind, lines[index])
    ended = b"\n" if is_toml else blank
    return "\n".join(lines).encode() + ended + data, kind, field


def _line(chance: random.Random, kind: str, line: str) -> list[str]:
    key, sign, value = re.match(r"(.*?)( = |:=|: |$)(.*)", line).groups()  # type: ignore[union-attr]
    if kind == "delete":
        return []
    if kind == "twice":
        return [line, line]
    if kind == "other key":
        return [f"{key}x{sign}{value}"]
    if kind == "nothing after":
        return [key]
    if kind in ("empty", "text"):
        return [f"{key}{sign}{'damaged' if kind == 'text' else ''}"]
    if kind in TOML:
        return [f"{key}{sign}{TOML[kind]}"]
    found = list(NUMBER.finditer(value))
    if not found:
        return [f"{key}{sign}{WORDS.get(kind, 'damaged')}"]
    match = chance.choice(found)
    new = WORDS.get(kind) or f"{_changed(kind, float(match[0])):.12g}"
    return [f"{key}{sign}{value[: match.start()]}{new}{value[match.end() :]}"]
