"""Pixels that use bits above BitsStored, and slopes of 0 and below."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from opensirt.errors import DicomError
from opensirt.io.dicom_files import pixel_frames

RAMP = np.add.outer(np.arange(16), np.arange(16)) * 10 + 1000  # 1000 to 1300, smooth


def pixels(words, *, stored=12, signed=False, big=False, high=None):
    """An image of 16-bit words as a file holds it."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    d.set_original_encoding(is_implicit_vr=False, is_little_endian=not big)
    d.Rows, d.Columns = words.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored = 16, stored
    d.HighBit = stored - 1 if high is None else high
    d.PixelRepresentation = int(signed)
    d.PixelData = words.astype(">u2" if big else "<u2").tobytes()
    return d


def marked(value, rows=(3,)):
    """The ramp with bits above 12 set in some rows."""
    words = RAMP.copy()
    words[list(rows)] |= value << 12
    return words


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("value", [1, 8, 9])
def test_an_overlay_above_the_values_is_taken_off(value, big):
    found = pixel_frames(pixels(marked(value), big=big), "a.dcm")
    assert np.array_equal(found[0], RAMP)


@pytest.mark.parametrize("big", [False, True])
def test_values_within_their_bits_are_as_stored(big):
    full = RAMP.copy()
    full[0, :2] = (0, 4095)
    assert np.array_equal(pixel_frames(pixels(full, big=big), "a.dcm")[0], full)
    assert np.array_equal(pixel_frames(pixels(full + 40000, stored=16), "a.dcm")[0], full + 40000)


@pytest.mark.parametrize(
    "words",
    [
        np.where(RAMP > 1290, 4096 + 50, 4000),  # metal that outgrew 12 bits
        marked(1, rows=range(2, 6)),  # a quarter of the image
        RAMP * 20,
    ],
)
def test_values_that_outgrew_their_bits_are_refused(words):
    with pytest.raises(DicomError, match="BitsStored says 12, and pixels have bits above set"):
        pixel_frames(pixels(words), "a.dcm")


def test_eight_bits_of_sixteen_are_refused():
    with pytest.raises(DicomError, match="BitsStored says 8"):
        pixel_frames(pixels(RAMP, stored=8), "a.dcm")


def test_negative_numbers_extend_their_sign_or_not():
    """-5 in 12 bits as 0xFFFB and as 0x0FFB."""
    values = RAMP - 1100
    found = pixel_frames(pixels(values & 0xFFFF, signed=True), "a.dcm")
    assert np.array_equal(found[0], values)
    short = pixel_frames(pixels(values & 0x0FFF, signed=True), "a.dcm")
    assert np.array_equal(short[0], values)
    with pytest.raises(DicomError, match="bits above set"):
        pixel_frames(pixels(RAMP * 5, signed=True), "a.dcm")


@pytest.mark.parametrize("high", [15, 10, 0])
def test_a_high_bit_that_does_not_fit_is_refused(high):
    with pytest.raises(DicomError, match=f"HighBit is {high} and BitsStored 12"):
        pixel_frames(pixels(RAMP, high=high), "a.dcm")
