"""The zone of a study's clocks: from its headers, or stated for them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from opensirt.clock import is_unstated
from opensirt.io.study import describe_study, read_study
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 20, np.uint16)
NOON_IN_PARIS = datetime(2025, 1, 10, 12, tzinfo=timezone(timedelta(hours=1)))


def without_zone(folder: Path) -> Path:
    make.save(make.pet(SMALL, TimezoneOffsetFromUTC=""), folder / "pt")
    return folder


def test_times_without_a_zone_are_on_the_clock_stated_for_them(tmp_path: Path) -> None:
    image = read_study(without_zone(tmp_path), time_zone="Europe/Paris").images[0]
    assert image.acquired == image.volume.time == NOON_IN_PARIS
    assert [note for note in image.notes if "zone" in note] == [
        "time zone Europe/Paris, as stated for this study; its header states none"
    ]


def test_without_one_no_offset_is_told(tmp_path: Path) -> None:
    case = read_study(without_zone(tmp_path))
    assert case.images[0].acquired
    assert is_unstated(case.images[0].acquired)
    assert describe_study(case)["images"][0]["acquired"] == "2025-01-10T12:00:00"


@pytest.mark.parametrize(("zone", "told"), [("Europe/Paris", False), ("Asia/Tokyo", True)])
def test_the_zone_of_a_header_stands_and_a_difference_is_said(
    tmp_path: Path, zone: str, told: bool
) -> None:
    make.save(make.pet(SMALL), tmp_path / "pt")
    case = read_study(tmp_path, time_zone=zone)
    assert case.images[0].acquired == NOON_IN_PARIS
    assert ("time-zone-differs" in [f.code for f in case.findings]) is told


def test_the_offset_of_one_time_is_that_of_the_header(tmp_path: Path) -> None:
    """An offset at the end of AcquisitionDateTime says which clock the other times are of."""
    more = {"AcquisitionDateTime": "20250110120000+0100", "TimezoneOffsetFromUTC": ""}
    make.save(make.pet(SMALL, **more), tmp_path / "pt")
    image = read_study(tmp_path).images[0]
    assert image.acquired == NOON_IN_PARIS
    assert not is_unstated(image.acquired)
