"""Pixels of 32 bits and of one bit in big-endian files, whose values are words of 16 bits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from opensirt.errors import DicomError
from opensirt.io.dicom_dose import read_rt_dose, write_rt_dose
from opensirt.io.dicom_files import open_dicom, pixel_frames
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.dicom_segmentation import write_segmentation
from tests.dicom_samples import GRIDS, sample_context, sample_dose, sample_regions

needs_dcmconv = pytest.mark.skipif(shutil.which("dcmconv") is None, reason="needs dcmtk")


def image(values, *, big, data=None, vr="OW"):
    """A data set of one frame with the bytes given, or those of the values as words."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRBigEndian if big else ExplicitVRLittleEndian
    d.set_original_encoding(is_implicit_vr=False, is_little_endian=not big)
    d.Rows, d.Columns = values.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 8 * values.dtype.itemsize
    d.HighBit, d.PixelRepresentation = d.BitsStored - 1, int(values.dtype.kind == "i")
    little = values.astype(values.dtype.newbyteorder("<")).tobytes()
    words = np.frombuffer(little, "<u2").astype(">u2").tobytes() if big else little
    d.add_new("PixelData", vr, words if data is None else data)
    return d


def test_a_number_of_32_bits_is_two_words_the_lesser_first():
    """0x01020304 lies as 03 04 01 02: by hand from PS3.5, and what dcmtk and GDCM write."""
    value = np.array([[0x01020304]], np.uint32)
    found = pixel_frames(image(value, big=True, data=bytes([3, 4, 1, 2])), "a.dcm")
    assert found.tolist() == [[[0x01020304]]]
    assert pixel_frames(image(value, big=False), "a.dcm").tolist() == [[[0x01020304]]]


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
def test_signs_and_whole_range(kind):
    limits = np.iinfo(kind)
    values = np.array([[limits.min, limits.max, 0, 1, 65535, 65536]], kind)
    assert np.array_equal(pixel_frames(image(values, big=True), "a.dcm")[0], values)


RAMP = (np.add.outer(np.arange(48), np.arange(48)) * 12_345_678).astype(np.uint32)


@pytest.mark.parametrize("order", ["<u4", ">u4"])
def test_another_order_of_bytes_is_refused_where_the_image_shows_it(order):
    wrong = image(RAMP, big=True, data=RAMP.astype(order).tobytes())
    with pytest.raises(DicomError, match=r"not in words of 16 bits, as OW has them"):
        pixel_frames(wrong, "a.dcm")
    assert np.array_equal(pixel_frames(image(RAMP, big=True), "a.dcm")[0], RAMP)


@pytest.mark.parametrize("scale", [0, 1, 17, 255, 256, 257, 4096, 65535, 65536, 65537, 70_000])
def test_small_and_even_values_are_not_refused(scale):
    values = (np.add.outer(np.arange(40), np.arange(40)) * scale).astype(np.uint32)
    assert np.array_equal(pixel_frames(image(values, big=True), "a.dcm")[0], values)


def test_noise_is_not_refused():
    values = np.random.default_rng(3).integers(0, 2**32, (64, 64), dtype=np.uint32)
    assert np.array_equal(pixel_frames(image(values, big=True), "a.dcm")[0], values)


def as_big(path: Path) -> Path:
    out = path.with_name("big.dcm")
    subprocess.run(["dcmconv", "+tb", path, out], check=True)
    assert pydicom.dcmread(out).file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    return out


@needs_dcmconv
@pytest.mark.parametrize("bits", [16, 32])
def test_a_dose_that_dcmtk_turned_is_the_same(tmp_path, bits):
    path = write_rt_dose(
        tmp_path / "d.dcm", sample_dose(GRIDS["oblique"]), sample_context(), bits=bits
    )
    expected = read_rt_dose(pydicom.dcmread(path))
    found = read_rt_dose(pydicom.dcmread(as_big(path)))
    assert np.array_equal(found.values, expected.values)


FORMS = [
    ("PixelData", "OW", np.uint8), ("PixelData", "OB", np.uint8), ("PixelData", "OW", np.int16),
    ("PixelData", "OW", np.int32), ("FloatPixelData", "OF", np.float32),
    ("DoubleFloatPixelData", "OD", np.float64),
]  # fmt: skip


@needs_dcmconv
@pytest.mark.parametrize(("keyword", "vr", "kind"), FORMS)
def test_every_form_of_pixels_that_dcmtk_turned_is_the_same(tmp_path, keyword, vr, kind):
    values = (np.arange(48).reshape(6, 8) * 2.4).astype(kind)
    dataset = image(values, big=False, vr="OW")
    del dataset.PixelData
    dataset.add_new(keyword, vr, values.tobytes())
    meta = dataset.file_meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = pixel_frames(open_dicom(as_big(tmp_path / "a.dcm")), "big.dcm")
    assert np.array_equal(found[0], values)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_single_bits_in_words_are_the_same(tmp_path, vr):
    """Segmentations of one bit: a big-endian file turns the two bytes of each word."""
    grid = GRIDS["axial"]
    path = write_segmentation(tmp_path / "s.dcm", sample_regions(grid), sample_context())
    expected, _ = read_segmentation(pydicom.dcmread(path), ())
    dataset = pydicom.dcmread(path)
    data = dataset.PixelData
    turned = np.frombuffer(data, "<u2").astype(">u2").tobytes() if vr == "OW" else data
    dataset.add_new("PixelData", vr, turned)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(
        tmp_path / "b.dcm", dataset, implicit_vr=False, little_endian=False, force_encoding=True
    )
    found, _ = read_segmentation(pydicom.dcmread(tmp_path / "b.dcm"), ())
    assert [r.name for r in found] == [r.name for r in expected]
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a.fractions_on(grid_box(grid)), b.fractions_on(grid_box(grid)))


def grid_box(grid):
    return tuple(slice(0, n) for n in grid.shape)
