"""Compressed pixels: decoded elsewhere, as they are; damage is one line, whatever it does there."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLosslessSV1, JPEGLSLossless

from opensirt.errors import DicomError
from opensirt.io import decoder
from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

VOLUME = np.random.default_rng(5).integers(0, 4000, (1, 64, 64)).astype(np.uint16)


def plain(folder: Path) -> Path:
    return make.save(make.slices(make.CT, "CT", VOLUME), folder)[0]


def jpeg_lossless(folder: Path) -> Path:
    """A slice compressed by GDCM, the one decoder there is for it."""
    source, target = plain(folder), folder / "lossless.dcm"
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert pydicom.dcmread(target).file_meta.TransferSyntaxUID == JPEGLosslessSV1
    return target


def jpeg_ls(folder: Path) -> Path:
    dataset = pydicom.dcmread(plain(folder))
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    dataset.save_as(folder / "ls.dcm")
    return folder / "ls.dcm"


@pytest.mark.parametrize("compressed", [jpeg_lossless, jpeg_ls])
def test_pixels_are_those_of_the_file_that_was_compressed(tmp_path: Path, compressed) -> None:
    found = read_dicom_image(compressed(tmp_path))
    assert np.array_equal(found.volume.values, VOLUME.astype(np.float32) - 1024)


def test_no_damage_takes_the_job_along_or_passes_as_an_image(tmp_path: Path) -> None:
    """Every bit of the first bytes of the stream, one at a time: some abort the decoder."""
    content = jpeg_lossless(tmp_path).read_bytes()
    start = content.index(b"\xff\xd8\xff")
    told = []
    for place in range(2, 26):
        damaged = bytearray(content)
        damaged[start + place] ^= 1 << place % 8
        path = tmp_path / "damaged.dcm"
        path.write_bytes(bytes(damaged))
        try:
            values = read_dicom_image(path).volume.values
        except DicomError as error:
            told.append(str(error))
        else:
            assert np.array_equal(values, VOLUME.astype(np.float32) - 1024), place
    assert told
    assert all(text.startswith("damaged.dcm: ") and "\n" not in text for text in told)


def test_a_decoder_that_died_is_started_again(tmp_path: Path) -> None:
    path = jpeg_lossless(tmp_path)
    read_dicom_image(path)
    process = decoder._DECODER._running()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert read_dicom_image(path).volume.values.shape == (1, 64, 64)
    decoder._DECODER._running().kill()  # dies while it is asked
    with contextlib.suppress(DicomError):
        read_dicom_image(path)
    assert read_dicom_image(path).volume.values.shape == (1, 64, 64)


def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "hangs.py"
    child.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(decoder, "_CHILD", child)
    monkeypatch.setattr(decoder, "LONGEST_S", 0.2)
    monkeypatch.setattr(decoder, "_DECODER", decoder._Child())
    with pytest.raises(DicomError, match="the decoder died of it"):
        read_dicom_image(jpeg_lossless(tmp_path))
