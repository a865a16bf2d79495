"""NRRD packed by bzip2, attached and beside its header, whole, damaged and overfull."""

from __future__ import annotations

import bz2
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import FileFormatError
from opensirt.io.slicer import read_nrrd, read_nrrd_regions

VOXELS = np.arange(336, dtype="<i2").reshape(6, 7, 8)


def packed(path, *, encoding="bzip2", beside=False, data=None, sizes="8 7 6", ends="\n", more=()):
    """336 voxels of 2 mm in the file or in one beside it."""
    body = bz2.compress(VOXELS.tobytes()) if data is None else data
    lines = [
        "NRRD0005", "# made by hand", "type: short", "endian: little", "dimension: 3",
        "space: left-posterior-superior", f"sizes: {sizes}",
        "space directions: (2,0,0) (0,2,0) (0,0,2)", "space origin: (1,2,3)",
        f"encoding: {encoding}", *more,
    ]  # fmt: skip
    lines += ["data file: voxels.bz2"] if beside else []
    header = ends.join([*lines, ""]).encode()
    if beside:
        path.with_name("voxels.bz2").write_bytes(body)
        path.write_bytes(header)
    else:
        path.write_bytes(header + ends.encode() + body)
    return path


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["bzip2", "bz2", "BZIP2"])
def test_it_is_read_and_leaves_nothing_behind(tmp_path, monkeypatch, beside, ends, encoding):
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    name = "a.nhdr" if beside else "a.nrrd"
    found, grid = read_nrrd(packed(tmp_path / name, beside=beside, ends=ends, encoding=encoding))
    assert np.array_equal(found, VOXELS)
    assert grid.spacing_mm == pytest.approx((2, 2, 2))
    assert grid.origin_mm == pytest.approx((1, 2, 3))
    assert list(aside.iterdir()) == []


def test_segments_come_through(tmp_path):
    data = bz2.compress((VOXELS > 300).astype("<i2").tobytes())
    keys = ["Segment0_Name:=Liver", "Segment0_LabelValue:=1", "encoding:=a key, no field"]
    (liver,) = read_nrrd_regions(packed(tmp_path / "a.seg.nrrd", data=data, more=keys))
    assert (liver.name, liver.volume_ml) == ("Liver", pytest.approx(35 * 0.008))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bz2.compress(VOXELS.tobytes())[:-9], "compressed data is damaged or cut short"),
        (b"no bzip2 at all", "compressed data is damaged or cut short"),
        (bz2.compress(VOXELS.tobytes()[:-2]), "declares 672 bytes, the file holds 670"),
        (bz2.compress(VOXELS.tobytes() + bytes(range(200)) * 9), "holds more than the 672 bytes"),
    ],
)
def test_what_is_not_whole_is_refused(tmp_path, data, said):
    with pytest.raises(FileFormatError, match=said) as caught:
        read_nrrd(packed(tmp_path / "a.nrrd", data=data))
    assert "\n" not in str(caught.value)


def test_a_bomb_costs_no_memory(tmp_path):
    """400 MB of zeros in a few hundred bytes behind a header of 672."""
    path: Path = packed(tmp_path / "a.nrrd", data=bz2.compress(bytes(400_000_000), 9))
    assert path.stat().st_size < 2000
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="holds more than"):
            read_nrrd(path)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()
