"""Slices that a header says there are, against those held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensirt.case import StudyImage
from opensirt.errors import DicomError
from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

HEIGHTS = [4.0 * k for k in range(8)]


THIRDS = [0, 2, 3, 5, 6]
"""What is left where every third slice was lost."""


def image(folder: Path, kept: slice | list[int], kind: str = "pet", **facts: Any) -> StudyImage:
    """A part of eight slices, 4 mm apart and thick."""
    stored = np.full((8, 6, 7), 1100, np.uint16)
    if kind == "pet":
        objects = make.pet(stored, heights=HEIGHTS, **facts)
    else:
        objects = make.slices(make.CT, "CT", stored, heights=HEIGHTS, **facts)
    numbers = range(8)[kept] if isinstance(kept, slice) else kept
    return read_dicom_image(make.save([objects[number] for number in numbers], folder))


def notes(folder: Path, kept: slice | list[int], kind: str = "pet", **facts: Any) -> list[str]:
    """What reading says of them."""
    return [note for note in image(folder, kept, kind, **facts).notes if "zone" not in note]


def test_every_second_slice_lost_is_refused_by_its_declared_number(tmp_path: Path) -> None:
    with pytest.raises(
        DicomError, match=r"slices are missing: they lie 8\.00 mm .* NumberOfSlices is 8, 4 are"
    ):
        notes(tmp_path, slice(0, 8, 2), NumberOfSlices=8)


@pytest.mark.parametrize("kind", ["pet", "ct"])
def test_it_is_refused_by_the_numbers_of_the_slices(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DicomError, match="InstanceNumber skips between neighbours"):
        notes(tmp_path, slice(0, 8, 2), kind)


def test_it_is_refused_by_the_stated_distance_where_slices_overlap(tmp_path: Path) -> None:
    facts = {"SliceThickness": 8.0, "SpacingBetweenSlices": 4.0}
    with pytest.raises(DicomError, match=r"should lie 4\.00 mm apart \(SpacingBetweenSlices\)"):
        notes(tmp_path, slice(0, 8, 2), "ct", **facts)


@pytest.mark.parametrize("facts", [{"SliceThickness": 8.0}, {"SliceThickness": None}])
def test_numbers_that_skip_alone_are_a_finding(tmp_path: Path, facts: dict[str, Any]) -> None:
    found = image(tmp_path, slice(0, 8, 2), "ct", **facts).findings
    assert [finding.code for finding in found] == ["slices-missing"]
    assert "InstanceNumber skips" in found[0].text


def test_thin_slices_numbered_by_twos_are_read_where_their_distance_is_stated(
    tmp_path: Path,
) -> None:
    facts = {"SliceThickness": 1.0, "SpacingBetweenSlices": 8.0}
    found = image(tmp_path, slice(0, 8, 2), "ct", **facts)
    assert found.volume.grid.spacing_mm[0] == 8.0
    assert [finding.code for finding in found.findings] == ["slices-missing"]


def test_every_third_slice_lost_is_refused_by_numbers_and_told_without(tmp_path: Path) -> None:
    with pytest.raises(
        DicomError, match=r"gaps of 4\.00 and of 8\.00 mm, and InstanceNumber skips"
    ):
        notes(tmp_path / "numbered", THIRDS)
    found = image(tmp_path / "plain", THIRDS, InstanceNumber=None)
    assert [finding.code for finding in found.findings] == ["slices-missing"]
    assert "2 gaps of up to 8.00 mm among gaps of 4.00 mm" in found.findings[0].text


def test_a_part_of_a_scan_and_gaps_on_purpose_are_used_and_said(tmp_path: Path) -> None:
    part = image(tmp_path / "part", slice(2, 7), NumberOfSlices=8)
    assert [finding.code for finding in part.findings] == ["slices-missing"]
    assert "NumberOfSlices is 8, 5 are here" in part.findings[0].text
    gaps = notes(tmp_path / "gaps", slice(0, 8), "ct", SliceThickness=1.0)
    assert gaps == [
        "slices of 1.00 mm (SliceThickness) lie 4.00 mm apart; what is between them was not imaged"
    ]


@pytest.mark.parametrize("thickness", [4.0, 8.0])
def test_whole_scans_say_nothing(tmp_path: Path, thickness: float) -> None:
    """Slices may be thicker than they are apart."""
    facts = {"NumberOfSlices": 8, "SliceThickness": thickness}
    whole = image(tmp_path, slice(0, 8), SpacingBetweenSlices=4.0, **facts)
    assert not whole.findings
    assert all("zone" in note for note in whole.notes)
