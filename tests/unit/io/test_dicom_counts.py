"""Slices that a header says there are, against those held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensirt.errors import DicomError
from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

HEIGHTS = [4.0 * k for k in range(8)]


def notes(folder: Path, kept: slice, kind: str = "pet", **facts: Any) -> list[str]:
    """What reading says of a part of eight slices, 4 mm apart and thick."""
    stored = np.full((8, 6, 7), 1100, np.uint16)
    if kind == "pet":
        objects = make.pet(stored, heights=HEIGHTS, **facts)
    else:
        objects = make.slices(make.CT, "CT", stored, heights=HEIGHTS, **facts)
    image = read_dicom_image(make.save(objects[kept], folder))
    return [note for note in image.notes if "zone" not in note]


def test_every_second_slice_lost_is_refused_by_its_declared_number(tmp_path: Path) -> None:
    with pytest.raises(
        DicomError, match=r"slices are missing: they lie 8\.00 mm .* NumberOfSlices is 8, 4 are"
    ):
        notes(tmp_path, slice(0, 8, 2), NumberOfSlices=8)


@pytest.mark.parametrize("kind", ["pet", "ct"])
def test_it_is_refused_by_the_numbers_of_the_slices(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DicomError, match="InstanceNumber skips between neighbours"):
        notes(tmp_path, slice(0, 8, 2), kind)


def test_a_part_of_a_scan_and_gaps_on_purpose_are_used_and_said(tmp_path: Path) -> None:
    part = notes(tmp_path / "part", slice(2, 7), NumberOfSlices=8)
    assert part == ["5 of 8 slices (NumberOfSlices): a part of the scan"]
    gaps = notes(tmp_path / "gaps", slice(0, 8), "ct", SliceThickness=1.0)
    assert gaps == [
        "slices of 1.00 mm (SliceThickness) lie 4.00 mm apart; what is between them was not imaged"
    ]


@pytest.mark.parametrize("thickness", [4.0, 8.0])
def test_whole_scans_say_nothing(tmp_path: Path, thickness: float) -> None:
    """Slices may be thicker than they are apart."""
    assert not notes(tmp_path, slice(0, 8), NumberOfSlices=8, SliceThickness=thickness)
