"""NRRD packed by bzip2, which ITK cannot read, as a plain copy that it can."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from opensirt.io.whole import PACKINGS, PIECE, nrrd_fields

__all__ = ["plain_nrrd"]


@contextmanager
def plain_nrrd(path: Path) -> Iterator[Path]:
    """The file itself, or where bzip2 packed it a copy that lasts as long as the context.

    Call `require_whole_nrrd` first: what is unpacked is then no longer than the header declares.
    """
    with path.open("rb") as stream:
        fields = nrrd_fields(path, stream)
        begins = stream.tell()
        if PACKINGS.get(fields.get("encoding", "raw").lower()) != "bzip2":
            yield path
            return
        stream.seek(0)
        header = _as_plain(stream.read(begins))
        with TemporaryDirectory() as folder:
            plain = Path(folder) / "plain.nrrd"
            with plain.open("wb") as out:
                out.write(header)
                if name := fields.get("data file", fields.get("datafile")):
                    with path.with_name(name).open("rb") as data:
                        _unpack(data, out)
                else:
                    _unpack(stream, out)
            yield plain


def _as_plain(header: bytes) -> bytes:
    """The header of the same data, raw and in the file itself, with the empty line at its end."""
    lines = [line for line in header.splitlines() if line.strip()]
    kept = [line for line in lines if not re.match(rb"data ?file:(?!=)", line, re.IGNORECASE)]
    plain = [re.sub(rb"^encoding:(?!=).*", b"encoding: raw", x, flags=re.IGNORECASE) for x in kept]
    return b"\n".join([*plain, b"", b""])


def _unpack(data: BinaryIO, out: BinaryIO) -> None:
    with bz2.BZ2File(data) as unpacked:
        while piece := unpacked.read(PIECE):
            out.write(piece)
