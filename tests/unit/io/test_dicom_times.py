"""The instant that values hold at: which attribute says it, and what is refused where none does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_times import (
    ZONE_NOTE,
    acquisition_instant,
    combined,
    half_life,
    nm_timing,
    pet_timing,
    start_of,
)
from tests.unit.io import dicom_factory as make

PLUS_ONE, MINUS_FIVE = timezone(timedelta(hours=1)), timezone(timedelta(hours=-5))
Y90_S = 64.1 * 3600
NOON = datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)


def slices_of(**more):
    """Headers of three PET slices."""
    return make.pet(np.full((3, 2, 2), 100, dtype=np.uint16), **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20250110093015.25-0500", datetime(2025, 1, 10, 9, 30, 15, 250_000, tzinfo=MINUS_FIVE)),
        ("20250110093015", datetime(2025, 1, 10, 9, 30, 15, tzinfo=PLUS_ONE)),
        ("202501100930", datetime(2025, 1, 10, 9, 30, tzinfo=PLUS_ONE)),
        ("2025011009", datetime(2025, 1, 10, 9, tzinfo=PLUS_ONE)),
        ("", None),
    ],
)
def test_a_date_with_time_has_its_own_zone_or_that_of_the_header(text, expected):
    dataset = make.item(AcquisitionDateTime=text, TimezoneOffsetFromUTC="+0100")
    found = combined(dataset, "AcquisitionDateTime", "x")
    assert found == expected
    assert found is None or found.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    "text", ["20250110", "2025011", "202501100930+01", "20250110093015.1234567"]
)
def test_a_date_without_hours_is_no_instant(text):
    dataset = make.item()
    dataset.add_new("AcquisitionDateTime", "LO", text)
    with pytest.raises(DicomError, match="AcquisitionDateTime is not a date with time"):
        combined(dataset, "AcquisitionDateTime", "x")


def test_the_acquisition_is_at_its_datetime_before_its_date_and_time():
    both = make.item(
        AcquisitionDateTime="20250110093000", AcquisitionDate="20250111", AcquisitionTime="101500"
    )
    assert acquisition_instant(both, "x") == datetime(2025, 1, 10, 9, 30, tzinfo=UTC)
    del both.AcquisitionDateTime
    assert acquisition_instant(both, "x") == datetime(2025, 1, 11, 10, 15, tzinfo=UTC)
    del both.AcquisitionDate
    assert acquisition_instant(both, "x") is None


@pytest.mark.parametrize(
    ("text", "hour"), [("20250110083000", 8), ("20250110083000-0500", 14)]
)  # fmt: skip
def test_an_injection_has_its_own_zone_or_that_of_the_image(text, hour):
    """Items of a sequence hold no zone of their own: 8:30 is that of the image, one hour east."""
    header = make.item(TimezoneOffsetFromUTC="+0100")
    item = make.item(RadiopharmaceuticalStartDateTime=text)
    found = start_of(header, item, "RadiopharmaceuticalStartDateTime", "x")
    assert found == datetime(2025, 1, 10, hour, 30, tzinfo=PLUS_ONE)


@pytest.mark.parametrize(("said", "reference"), [("YES", 9), ("NO", 12), ("", 12)])
def test_a_correction_instant_counts_only_where_values_are_corrected(said, reference):
    """DecayCorrectionDateTime says 9:00; DecayCorrection START says 12:00, the series' time."""
    headers = slices_of(DecayCorrectionDateTime="20250110090000", DecayCorrected=said)
    timing = pet_timing(headers, "x")
    assert timing.reference == NOON.replace(hour=reference)
    assert (timing.decay_correction, timing.factors) == ("START", None)


def test_slices_corrected_in_two_ways_are_refused():
    headers = slices_of()
    headers[1].DecayCorrection = "NONE"
    with pytest.raises(DicomError, match="must be NONE, START or ADMIN, found several values"):
        pet_timing(headers, "x")
    headers = slices_of()
    headers[2].SeriesTime = "120001"
    with pytest.raises(DicomError, match="needs one SeriesDate and SeriesTime"):
        pet_timing(headers, "x")


def test_the_scan_starts_with_the_series_where_it_is_earlier():
    """The first bed position after a scout: acquired 40 minutes after the series began."""
    timing = pet_timing(slices_of(AcquisitionTime="124000"), "x")
    assert timing.reference == NOON
    assert pet_timing(slices_of(AcquisitionTime=""), "x").reference == NOON


@pytest.mark.parametrize(("apart", "taken"), [(0.018, True), (-0.018, True), (0.022, False)])
@pytest.mark.parametrize("first", [0, 2])
def test_the_factor_of_the_earliest_slice_confirms_the_scan_start(apart, taken, first):
    """Two hours of Y-90 in one frame decay by 1.1 % on average; 2 % off that is another start."""
    decays = np.log(2) / Y90_S * 7200
    within = decays / (1 - np.exp(-decays))
    headers = slices_of(
        SeriesTime="150000", AcquisitionTime="123000", DecayFactor=1.5,
        ActualFrameDuration=7_200_000,
        RadiopharmaceuticalInformationSequence=make.drug(RadionuclideHalfLife=Y90_S),
    )  # fmt: skip
    headers[first].AcquisitionTime = "120000"
    nearest = within if apart > 0 else 1.0
    headers[first].DecayFactor = round(nearest + apart, 6)
    if not taken:
        with pytest.raises(DicomError, match="SeriesTime is later than AcquisitionTime"):
            pet_timing(headers, "x")
        return
    timing = pet_timing(headers, "x")
    assert timing.reference == NOON
    assert timing.notes[-1].startswith("SeriesTime is 10800 s after acquisition")


@pytest.mark.parametrize("lost", ["DecayFactor", "ActualFrameDuration", "RadionuclideHalfLife"])
def test_a_rewritten_series_needs_all_that_confirms_its_start(lost):
    facts = {"DecayFactor": 1.0, "ActualFrameDuration": 60_000}
    drug = {"RadionuclideHalfLife": Y90_S}
    for group in (facts, drug):
        group.pop(lost, None)
    sequence = make.drug(**drug)
    headers = slices_of(
        SeriesTime="150000", RadiopharmaceuticalInformationSequence=sequence, **facts
    )
    with pytest.raises(DicomError, match="send the original series"):
        pet_timing(headers, "x")


def test_uncorrected_slices_at_several_times_need_the_half_life():
    headers = slices_of(DecayCorrection="NONE")
    assert pet_timing(headers, "x").factors is None
    headers[1].AcquisitionTime = "120500"
    with pytest.raises(DicomError, match=r"up to 300 s apart .* need RadionuclideHalfLife"):
        pet_timing(headers, "x")
    for header in headers:
        header.RadiopharmaceuticalInformationSequence = make.drug(RadionuclideHalfLife=600)
    timing = pet_timing(headers, "x")
    assert timing.factors == pytest.approx([1.0, 2**0.5, 1.0])
    assert timing.notes == (
        "slices acquired up to 300 s later were brought to the first acquisition",
    )
    for header in headers:
        del header.TimezoneOffsetFromUTC
    assert ZONE_NOTE in pet_timing(headers, "x").notes


@pytest.mark.parametrize(("stated", "expected"), [(230760, 230760.0), (0, None), (-5, None)])
def test_a_half_life_is_above_nothing(stated, expected):
    drugs = make.DicomSequence([make.item(), make.item(RadionuclideHalfLife=stated)])
    header = make.item(RadiopharmaceuticalInformationSequence=drugs)
    assert half_life(header, "x") == expected
    assert half_life(make.item(), "x") is None


def nm(**more):
    return make.item(
        AcquisitionDate="20250110", AcquisitionTime="093000", TimezoneOffsetFromUTC="+0100", **more
    )


@pytest.mark.parametrize("absolute", [True, False])
def test_an_uncorrected_nm_image_holds_at_its_acquisition(absolute):
    timing = nm_timing(nm(CorrectedImage=["ATTN", "SCAT"]), "x", absolute=absolute)
    assert timing.reference == NOON.replace(hour=9, minute=30)
    assert (timing.decay_correction, timing.notes) == ("NONE", ())


def test_a_corrected_nm_image_in_counts_does_not_say_to_when():
    """Counts need no instant, so they are read; Bq/mL corrected to no one knows when is not."""
    header = nm(CorrectedImage=["DECY", "ATTN"])
    timing = nm_timing(header, "x", absolute=False)
    assert (timing.reference, timing.decay_correction) == (NOON.replace(hour=9, minute=30), "")
    with pytest.raises(DicomError, match="CorrectedImage says decay corrected, but DecayCorr"):
        nm_timing(header, "x", absolute=True)
    header.DecayCorrection, header.SeriesDate, header.SeriesTime = "START", "20250110", "092000"
    timing = nm_timing(header, "x", absolute=True)
    assert (timing.reference, timing.decay_correction) == (
        NOON.replace(hour=9, minute=20),
        "START",
    )


def test_only_activity_needs_an_instant():
    header = make.item(CorrectedImage=["ATTN"])
    timing = nm_timing(header, "x", absolute=False)
    assert (timing.reference, timing.decay_correction) == (None, "")
    assert timing.notes == ("no AcquisitionDate and AcquisitionTime in the header",)
    with pytest.raises(DicomError, match="AcquisitionDate and AcquisitionTime are needed"):
        nm_timing(header, "x", absolute=True)


def test_a_corrected_spect_in_counts_is_read(tmp_path: Path):
    counts = np.full((3, 4, 5), 9, dtype=np.uint16)
    image = read_dicom_image(make.save(make.spect(counts, CorrectedImage=["DECY"]), tmp_path))
    assert (image.volume.total(), image.decay_correction) == (9 * 60, "")


@pytest.mark.parametrize("corrected", [["DECY"], ["ATTN", "DECY", "SCAT"]])
def test_uncorrected_and_corrected_for_decay_is_a_contradiction(corrected):
    headers = slices_of(DecayCorrection="NONE", CorrectedImage=corrected)
    with pytest.raises(DicomError, match="CorrectedImage says that decay was corrected"):
        pet_timing(headers, "x")


@pytest.mark.parametrize(("clock", "refused"), [("175959", False), ("180001", True)])
def test_no_scan_takes_longer_than_a_quarter_of_a_day(clock, refused):
    """Bed positions over midnight under one date are a day apart."""
    drug = make.drug(RadionuclideHalfLife=Y90_S)
    headers = slices_of(DecayCorrection="NONE", RadiopharmaceuticalInformationSequence=drug)
    headers[2].AcquisitionTime = clock
    if refused:
        with pytest.raises(DicomError, match=r"6\.0 h apart, longer than any scan"):
            pet_timing(headers, "x")
    else:
        assert pet_timing(headers, "x").reference == NOON


def started(hours, *, factor=None, half_life_s=Y90_S, frame_ms=None):
    """Three slices acquired at noon whose series began `hours` earlier."""
    more = {} if factor is None else {"DecayFactor": factor}
    more |= {} if frame_ms is None else {"ActualFrameDuration": frame_ms}
    drug = make.drug(**({} if half_life_s is None else {"RadionuclideHalfLife": half_life_s}))
    series = NOON - timedelta(hours=hours)
    return slices_of(
        SeriesDate=series.strftime("%Y%m%d"), SeriesTime=series.strftime("%H%M%S"),
        RadiopharmaceuticalInformationSequence=drug, **more,
    )  # fmt: skip


@pytest.mark.parametrize("hours", [3, 24, 24 * 40])
@pytest.mark.parametrize("frame_ms", [None, 1_800_000])
def test_a_series_long_before_the_scan_is_no_start_where_nothing_decayed(hours, frame_ms):
    """Y-90 loses 3.2 % in 3 h: a DecayFactor of 1 says that the scan began when it was acquired."""
    timing = pet_timing(started(hours, factor=1.0, frame_ms=frame_ms), "x")
    assert timing.reference == NOON
    assert any(f"SeriesTime is {hours * 3600} s before acquisition" in n for n in timing.notes)


@pytest.mark.parametrize("hours", [0, 1, 5])
def test_a_decay_factor_that_fits_keeps_the_start_of_the_series(hours):
    factor = 2 ** (hours / 64.1)
    assert pet_timing(started(hours, factor=factor), "x").reference == NOON - timedelta(hours=hours)
    assert pet_timing(started(hours), "x").reference == NOON - timedelta(hours=hours)


@pytest.mark.parametrize("half_life_s", [None, Y90_S])
def test_a_start_a_day_before_the_scan_without_a_decay_factor_is_refused(half_life_s):
    with pytest.raises(DicomError, match="SeriesTime is long before AcquisitionTime"):
        pet_timing(started(24, half_life_s=half_life_s), "x")
