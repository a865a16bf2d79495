"""Opening DICOM files: deflated ones that would fill the memory."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from opensirt.errors import FileFormatError
from opensirt.io import dicom_files
from opensirt.io.dicom_files import open_dicom
from tests.unit.io import dicom_factory as make


def deflated(folder: Path) -> Path:
    (slice_,) = make.slices(make.CT, "CT", np.full((1, 64, 64), 1024, np.uint16))
    slice_.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    slice_.save_as(folder / "deflated.dcm", enforce_file_format=True)
    return folder / "deflated.dcm"


def test_a_file_that_inflates_beyond_reason_is_refused_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 MiB of zeros in 0.3 MB, after a sound header; the limit is an eighth of the usual one."""
    assert dicom_files.MAX_INFLATED == 1 << 30
    monkeypatch.setattr(dicom_files, "MAX_INFLATED", 1 << 27)
    path = deflated(tmp_path)
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = bytearray(content[:start])
    bomb += deflate.compress(zlib.decompress(content[start:], -zlib.MAX_WBITS))
    zeros = bytes(1 << 24)
    for _ in range(16):
        bomb += deflate.compress(zeros)
    path.write_bytes(bytes(bomb + deflate.flush()))
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=r"inflates to more than 128 MiB"):
        open_dicom(path, pixels=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


@pytest.mark.parametrize("limit", [1 << 30, 1 << 12])
def test_the_limit_is_that_of_the_whole_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(dicom_files, "MAX_INFLATED", limit)
    path = deflated(tmp_path)
    if limit > 64 * 64 * 2:
        for source in (path, path.read_bytes()):
            assert open_dicom(source).Rows == 64
        return
    with pytest.raises(FileFormatError, match="inflates to more than"):
        open_dicom(path)


def test_a_deflated_file_cut_short_is_one_line(tmp_path: Path) -> None:
    path = deflated(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileFormatError, match="damaged beyond reading"):
        open_dicom(path)
