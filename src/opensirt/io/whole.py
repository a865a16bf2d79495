"""Bytes that a header declares against bytes that the file holds, before any is used.

Compressed streams are read to their end in small pieces, so that their check sum is verified and
a header that claims gigabytes costs no memory.
"""

from __future__ import annotations

import bz2
import gzip
import math
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from opensirt.errors import FileFormatError
from opensirt.io.dicom_files import PADDING, printable

__all__ = [
    "PACKINGS",
    "PIECE",
    "nrrd_fields",
    "require_directions",
    "require_whole",
    "require_whole_nrrd",
]

LINE_ENDS = (b"\n", b"\r\n")
"""What an editor or a script leaves at the end of a file."""
PIECE = 1 << 20
PACKINGS = {"raw": "", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
"""NRRD encodings of bytes, and how each is packed."""
SHORTEST_MM, LONGEST_MM = 1e-3, 1e3
"""Edges of voxels of a patient lie well between."""
MOST_BYTES = 8 << 30
"""Beyond any image of a patient."""
BYTES_OF_TYPE = {
    "signed char": 1, "int8": 1, "int8_t": 1, "uchar": 1, "unsigned char": 1, "uint8": 1,
    "uint8_t": 1, "short": 2, "short int": 2, "signed short": 2, "signed short int": 2, "int16": 2,
    "int16_t": 2, "ushort": 2, "unsigned short": 2, "unsigned short int": 2, "uint16": 2,
    "uint16_t": 2, "int": 4, "signed int": 4, "int32": 4, "int32_t": 4, "uint": 4,
    "unsigned int": 4, "uint32": 4, "uint32_t": 4, "longlong": 8, "long long": 8,
    "long long int": 8, "signed long long": 8, "signed long long int": 8, "int64": 8, "int64_t": 8,
    "ulonglong": 8, "unsigned long long": 8, "unsigned long long int": 8, "uint64": 8,
    "uint64_t": 8, "float": 4, "double": 8,
}  # fmt: skip
"""Names of the NRRD definition."""


def require_whole(path: Path, declared: float, *, after: int = 0) -> None:
    """`FileFormatError` unless a file, gzip-compressed by its name or not, holds what it declares.

    Parameters
    ----------
    declared : float
        Bytes from the beginning of the (uncompressed) content.
    after : int
        Bytes of the file before the content.
    """
    _require_possible(path, declared)
    packed = "gzip" if path.name.lower().endswith(".gz") else ""
    with path.open("rb") as stream:
        stream.seek(after)
        _compare(path, stream, declared, packed=packed)


def require_whole_nrrd(path: Path) -> None:
    """`FileFormatError` unless an NRRD holds what it declares, in itself or in a file beside it."""
    with path.open("rb") as stream:
        fields = nrrd_fields(path, stream)
        name = fields.get("data file", fields.get("datafile"))
        packed = PACKINGS.get(fields.get("encoding", "raw").lower())
        size = BYTES_OF_TYPE.get(fields.get("type", "").lower())
        if size is None:
            raise FileFormatError(f"{path.name}: the type {fields.get('type')!r} is unknown")
        declared = float(size)
        for count in fields.get("sizes", "").split():
            declared *= float(count)
        _require_possible(path, declared)
        if packed is None:
            return  # text is checked by the library that reads it
        if name is None:
            _compare(path, stream, declared, packed=packed)
            return
    if Path(name).name != name or name.upper() == "LIST" or "%" in name:
        raise FileFormatError(
            f"{path.name}: its data must lie in one file beside it, found {printable(name)!r}; put "
            "both into one folder"
        )
    data = path.with_name(name)
    if not data.is_file():
        raise FileFormatError(f"{path.name}: its data file {printable(name)} is not beside it")
    skip = int(fields.get("byte skip", fields.get("byteskip", "0")))
    if skip >= 0 and not int(fields.get("line skip", fields.get("lineskip", "0"))):
        with data.open("rb") as stream:
            _compare(data, stream, declared + skip, packed=packed)


def require_directions(path: Path) -> None:
    """`FileFormatError` for an NRRD without directions and sizes of voxels; ITK invents them."""
    with path.open("rb") as stream:
        fields = nrrd_fields(path, stream)
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", ""))) - {"mm", ""}
    if units:
        raise FileFormatError(
            f"{path.name}: NRRD field 'space units' names {printable(min(units))}; expected mm: "
            "save it again in mm"
        )
    origin = re.fullmatch(r"\(([^,()]+),([^,()]+),([^,()]+)\)", fields.get("space origin", ""))
    if origin is None:
        raise FileFormatError(
            f"{path.name}: NRRD field 'space origin' must hold one point, mm: the place in the "
            "patient is not known; save it again"
        )
    vectors = re.findall(r"\(([^)]*)\)", fields.get("space directions", ""))
    try:
        steps = [[float(part) for part in vector.split(",")] for vector in vectors]
    except ValueError:
        steps = []
    sound = len(steps) == 3 and all(
        len(step) == 3 and SHORTEST_MM < math.hypot(*step) < LONGEST_MM for step in steps
    )
    if not sound:
        raise FileFormatError(
            f"{path.name}: NRRD field 'space directions' must hold three vectors, mm, found "
            f"{len(steps)} that can be used: size and orientation are not known; save it again"
        )


def _require_possible(path: Path, declared: float) -> None:
    if not 0 < declared <= MOST_BYTES:
        raise FileFormatError(
            f"{path.name}: the header declares {declared / 2**30:.3g} GiB, no image of a patient"
        )


def nrrd_fields(path: Path, stream: BinaryIO) -> dict[str, str]:
    """Fields of the header in lower case; the stream stands at the data afterwards."""
    if not stream.readline(64).startswith(b"NRRD"):
        raise FileFormatError(f"{path.name}: expected NRRD, found something else")
    fields: dict[str, str] = {}
    while (line := stream.readline(1 << 24)).strip():
        match = re.match(rb"([^:#]+): ?(?!=)(.*)", line.rstrip(b"\r\n"))
        if match:
            key = match[1].decode("ascii", "replace").strip().lower()
            fields[key] = match[2].decode("utf-8", "replace").strip()
    return fields


_UNPACK: dict[str, Callable[[BinaryIO], Any]] = {
    "": lambda stream: stream,
    "gzip": lambda stream: gzip.GzipFile(fileobj=stream),
    "bzip2": lambda stream: bz2.BZ2File(stream),
}


def _compare(path: Path, stream: BinaryIO, declared: float, *, packed: str) -> None:
    held, rest = 0, b""
    try:
        source = _UNPACK[packed](stream)
        while piece := source.read(PIECE):
            held += len(piece)
            if held > declared:
                rest += piece[-int(min(len(piece), held - declared)) :]
            if len(rest) > PADDING:
                break
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{path.name}: its compressed data is damaged or cut short ({error}); copy it again"
        ) from error
    if held < declared:
        raise FileFormatError(
            f"{path.name}: the header declares {declared:.0f} bytes, the file holds {held}: "
            "it is cut short, or the header is wrong"
        )
    if len(rest) > PADDING or (rest.strip(b"\0") and rest not in LINE_ENDS):
        raise FileFormatError(
            f"{path.name}: the file holds more than the {declared:.0f} bytes that its header "
            "declares: shape or type in the header is wrong"
        )
