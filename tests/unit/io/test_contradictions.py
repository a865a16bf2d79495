"""Headers that contradict themselves: refused or told; sound oddities of writers are read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from opensirt.errors import DicomError, FileFormatError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.slicer import read_nrrd
from opensirt.io.study import read_study
from tests.region_samples import segmentation, turned_grid
from tests.unit.io import dicom_factory as make

STORED = np.full((4, 6, 7), 1100, np.uint16)


def pet_given(folder: Path, when: str) -> Volume:
    drug = make.drug(RadiopharmaceuticalStartDateTime=when, RadionuclideHalfLife=230760.0)
    facts = {"DecayCorrection": "ADMIN", "RadiopharmaceuticalInformationSequence": drug}
    return read_dicom_image(make.save(make.pet(STORED, **facts), folder)).volume


def test_activity_is_corrected_to_an_administration_before_the_scan(tmp_path: Path) -> None:
    """The scan is at 12:00 +0100."""
    assert pet_given(tmp_path / "a", "20250110080000+0100").time.hour == 8
    for number, when in enumerate(("20250110180000", "20250111080000", "20240110080000")):
        with pytest.raises(DicomError, match=r"lies .* h (before|after) the scan; which of"):
            pet_given(tmp_path / str(number), f"{when}+0100")


@pytest.mark.parametrize(("more", "read"), [(b"\0\0", True), (bytes(512), True), (b"\0\1", False)])
def test_zeros_after_the_pixels_are_padding(tmp_path: Path, more: bytes, read: bool) -> None:
    objects = make.slices(make.CT, "CT", np.full((4, 20, 20), 1100, np.uint16))
    for one in objects:
        one.PixelData += more
    paths = make.save(objects, tmp_path)
    if read:
        assert read_dicom_image(paths).volume.values.max() == 76
    else:
        with pytest.raises(DicomError, match=r"PixelData holds 802 bytes; .* declare 800"):
            read_dicom_image(paths)


def test_a_ct_of_nothing_but_padding_is_none(tmp_path: Path) -> None:
    paths = make.save(make.slices(make.CT, "CT", STORED, RescaleIntercept=-8192), tmp_path)
    with pytest.raises(DicomError, match="every voxel lies below -1024 HU"):
        read_dicom_image(paths)


def test_a_link_to_nowhere_and_a_slice_cut_in_its_class_are_findings(tmp_path: Path) -> None:
    paths = make.save(make.slices(make.CT, "CT", STORED), tmp_path / "ct")
    (tmp_path / "ct" / "z.dcm").symlink_to(tmp_path / "gone")
    case = read_study(tmp_path)
    assert [finding.code for finding in case.findings] == ["files-unreadable"]
    assert case.left_out[0].why == "cannot be opened: a link that leads nowhere"
    (tmp_path / "ct" / "z.dcm").unlink()
    content = paths[-1].read_bytes()
    paths[-1].write_bytes(
        content.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1\0\0\0")
    )
    assert [finding.code for finding in read_study(tmp_path).findings] == ["files-unreadable"]


def test_technetium_without_its_state_is_known_by_its_half_life(tmp_path: Path) -> None:
    drug = make.drug("Tc 99", RadionuclideHalfLife=21624.12)
    one = make.spect(STORED, RadiopharmaceuticalInformationSequence=drug)
    assert read_dicom_image(make.save(one, tmp_path)).volume.nuclide == "tc99m"


def test_occupancy_above_its_maximum_is_refused() -> None:
    grid = turned_grid((4, 6, 7), (3.0, 1.5, 1.25))
    dataset = segmentation(grid, np.ones(grid.shape, np.uint8), ["Liver"])
    dataset.SegmentationType, dataset.SegmentationFractionalType = "FRACTIONAL", "OCCUPANCY"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.MaximumFractionalValue = 7, 100
    dataset.PixelData = np.full(grid.shape, 128, np.uint8).tobytes()
    with pytest.raises(DicomError, match=r"PixelData holds 128, above MaximumFractionalValue"):
        read_segmentation(dataset, [])


@pytest.mark.parametrize(
    ("line", "words"),
    [("space units: \"cm\" \"cm\" \"cm\"\n", "'space units' names cm; expected mm"),
     ("space units: \"mm\" \"mm\" \"mm\"\n", ""), (None, "'space origin' must hold one point")],
)  # fmt: skip
def test_an_nrrd_says_its_place_in_mm(tmp_path: Path, line: str | None, words: str) -> None:
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(STORED.astype(np.int16)), str(path))
    content = path.read_bytes()
    if line is None:
        content = re.sub(rb"space origin:[^\n]*\n", b"", content)
    else:
        content = content.replace(b"space origin", line.encode() + b"space origin", 1)
    path.write_bytes(content)
    if not words:
        assert read_nrrd(path)[0].shape == (4, 6, 7)
        return
    with pytest.raises(FileFormatError, match=words):
        read_nrrd(path)


@pytest.mark.parametrize(("aside_mm", "told"), [(0.0, False), (500.0, True)])
def test_a_region_beside_every_image_is_a_finding(
    tmp_path: Path, aside_mm: float, told: bool
) -> None:
    image = make.slices(make.CT, "CT", STORED)
    grid = read_dicom_image(make.save(image, tmp_path)).volume.grid
    matrix = grid.matrix
    matrix[0, 3] += aside_mm
    moved = segmentation(
        Grid.from_matrix(grid.shape, matrix), np.ones(grid.shape, np.uint8), ["Liver"]
    )
    moved.PatientID, moved.FrameOfReferenceUID = image[0].PatientID, image[0].FrameOfReferenceUID
    make.save([moved], tmp_path)
    case = read_study(tmp_path)
    assert [region.name for region in case.regions] == ["Liver"]
    assert [finding.code for finding in case.findings] == ["region-outside-images"] * told
