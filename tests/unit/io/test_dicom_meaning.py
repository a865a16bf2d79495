"""Units, decay reference, nuclide and injected activity of emission images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_times import ZONE_NOTE, instant
from opensirt.io.dicom_units import nuclide_in_text
from opensirt.units import Unit
from tests.unit.io import dicom_factory as make

VOLUME = np.full((3, 4, 5), 100, dtype=np.uint16)
PLUS_ONE = timezone(timedelta(hours=1))
Y90_S = 64.1 * 3600


def read(tmp_path: Path, **more):
    return read_dicom_image(make.save(make.pet(VOLUME, **more), tmp_path))


@pytest.mark.parametrize(("text", "unit"), [("BQML", Unit.BQ_PER_ML), ("CNTS", Unit.COUNTS)])
def test_units_that_can_be_used(tmp_path: Path, text: str, unit: Unit) -> None:
    volume = read(tmp_path, Units=text).volume
    assert volume.unit is unit
    assert volume.nuclide == "y90"
    assert float(volume.values.mean()) == 100.0


@pytest.mark.parametrize(
    "text", ["GML", "PROPCPS", "PROPCNTS", "CM2ML", "PCNT", "CPS", "NONE", "MGMINML", "WHATEVER"]
)
def test_units_that_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotUsableError, match=f"refused as activity: Units is {text},"):
        read(tmp_path, Units=text)


def test_units_must_agree_between_slices(tmp_path: Path) -> None:
    objects = make.pet(VOLUME)
    objects[1].Units = "CNTS"
    with pytest.raises(DicomError, match="Units differs between slices"):
        read_dicom_image(make.save(objects, tmp_path))


def test_start_refers_to_the_series_time(tmp_path: Path) -> None:
    image = read(tmp_path)
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)
    assert image.volume.time == image.acquired
    assert image.decay_correction == "START"
    assert ZONE_NOTE not in image.notes


def test_start_of_a_series_written_later(tmp_path: Path) -> None:
    """SeriesTime after the acquisition is no scan start, unless DecayFactor settles it."""
    with pytest.raises(DicomError, match="SeriesTime is later than AcquisitionTime"):
        read(tmp_path, SeriesTime="150000")
    factor = 1 + np.log(2) / Y90_S * 600 / 2
    facts = {"DecayFactor": round(factor, 6), "ActualFrameDuration": 600_000}
    drug = make.drug(RadionuclideHalfLife=Y90_S)
    image = read(
        tmp_path, SeriesTime="150000", RadiopharmaceuticalInformationSequence=drug, **facts
    )
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)
    assert any("SeriesTime is 10800 s after acquisition" in note for note in image.notes)
    far = {**facts, "DecayFactor": 1.3}
    with pytest.raises(DicomError, match="SeriesTime"):
        read(tmp_path, SeriesTime="150000", RadiopharmaceuticalInformationSequence=drug, **far)


def test_admin_refers_to_the_injection(tmp_path: Path) -> None:
    drug = make.drug(
        RadiopharmaceuticalStartDateTime="20250109083000", RadionuclideTotalDose=1.5e9,
        RadionuclideHalfLife=Y90_S,
    )  # fmt: skip
    image = read(tmp_path, DecayCorrection="ADMIN", RadiopharmaceuticalInformationSequence=drug)
    assert image.acquired == datetime(2025, 1, 9, 8, 30, tzinfo=PLUS_ONE)
    assert image.volume.injected_bq == pytest.approx(1.5e9)


def test_admin_needs_the_date(tmp_path: Path) -> None:
    drug = make.drug(RadiopharmaceuticalStartTime="083000")
    with pytest.raises(DicomError, match="ADMIN, which needs RadiopharmaceuticalStartDateTime"):
        read(tmp_path, DecayCorrection="ADMIN", RadiopharmaceuticalInformationSequence=drug)


def test_injected_activity_decays_to_the_image(tmp_path: Path) -> None:
    drug = make.drug(
        RadiopharmaceuticalStartDateTime="20250108120000+0100", RadionuclideTotalDose=2e9,
        RadionuclideHalfLife=Y90_S,
    )  # fmt: skip
    image = read(tmp_path, RadiopharmaceuticalInformationSequence=drug)
    assert image.volume.injected_bq == pytest.approx(2e9 * 0.5 ** (48 / 64.1))


def test_injected_activity_in_the_wrong_unit_is_not_used(tmp_path: Path) -> None:
    drug = make.drug(
        RadiopharmaceuticalStartDateTime="20250110080000", RadionuclideTotalDose=1500,
        RadionuclideHalfLife=Y90_S,
    )  # fmt: skip
    image = read(tmp_path, RadiopharmaceuticalInformationSequence=drug)
    assert image.volume.injected_bq is None
    assert "RadionuclideTotalDose 1500 cannot be in Bq; not used" in image.notes


def test_none_refers_to_each_acquisition(tmp_path: Path) -> None:
    """A bed position 30 minutes later is brought to the first by 2 ** (0.5 / 64.1)."""
    objects = make.pet(
        VOLUME, DecayCorrection="NONE",
        RadiopharmaceuticalInformationSequence=make.drug(RadionuclideHalfLife=Y90_S),
    )  # fmt: skip
    objects[2].AcquisitionTime = "123000"
    image = read_dicom_image(make.save(objects, tmp_path))
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)
    assert image.volume.values[:, 0, 0] == pytest.approx([100, 100, 100 * 2 ** (0.5 / 64.1)])
    del objects[1].AcquisitionTime
    with pytest.raises(DicomError, match="NONE, which needs AcquisitionDate and AcquisitionTime"):
        read_dicom_image(make.save(objects, tmp_path))


@pytest.mark.parametrize("kind", ["", "MAYBE"])
def test_unknown_decay_correction_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DicomError, match="DecayCorrection must be NONE, START or ADMIN, found"):
        read(tmp_path, DecayCorrection=kind)


def test_start_needs_the_series_time(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="needs one SeriesDate and SeriesTime"):
        read(tmp_path, SeriesTime="")


def test_half_life_must_be_the_nuclides(tmp_path: Path) -> None:
    drug = make.drug(RadionuclideHalfLife=6588.0)
    with pytest.raises(DicomError, match="RadionuclideHalfLife is 6588 s, but y90 has 230"):
        read(tmp_path, RadiopharmaceuticalInformationSequence=drug)


def test_unstated_zone_is_noted(tmp_path: Path) -> None:
    image = read(tmp_path, TimezoneOffsetFromUTC="")
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=UTC)
    assert ZONE_NOTE in image.notes


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("19931124", "0953", datetime(1993, 11, 24, 9, 53, tzinfo=UTC)),
        ("1993.11.24", "09:53:00", datetime(1993, 11, 24, 9, 53, tzinfo=UTC)),
        ("20200229", "235960.5", datetime(2020, 2, 29, 23, 59, 59, 500_000, tzinfo=UTC)),
        ("20200229", "", None),
    ],
)
def test_instants(day: str, clock: str, expected: datetime | None) -> None:
    dataset = make.item(SeriesDate=day, SeriesTime=clock)
    assert instant(dataset, "SeriesDate", "SeriesTime", "x") == expected


@pytest.mark.parametrize(
    ("day", "clock", "zone", "keyword"),
    [
        ("20230230", "10", "", "SeriesDate"), ("soon", "10", "", "SeriesDate"),
        ("20230203", "2510", "", "SeriesTime"), ("20230203", "10", "CET", "TimezoneOffsetFromUTC"),
    ],
)  # fmt: skip
def test_bad_instants_name_the_keyword(day: str, clock: str, zone: str, keyword: str) -> None:
    dataset = make.item(SeriesDate=day, SeriesTime=clock, TimezoneOffsetFromUTC=zone)
    with pytest.raises(DicomError, match=keyword):
        instant(dataset, "SeriesDate", "SeriesTime", "x")


@pytest.mark.parametrize(
    ("text", "nuclide"),
    [
        ("^99m^Technetium", "tc99m"), ("Tc-99m MAA", "tc99m"), ("99mTc-MAA", "tc99m"),
        ("Technetium Tc99m in saline", "tc99m"), ("^90^Yttrium", "y90"), ("Yttrium-90", "y90"),
        ("SIR-Spheres Y90", "y90"), ("Holmium 166", "ho166"), ("18F", "f18"), ("F^18^", "f18"),
        ("FDG -- fluorodeoxyglucose", None), ("177Lu-DOTATATE", "lu177"), ("I-131", "i131"),
        ("^68^Gallium", "ga68"), ("In-111", "in111"), ("", None),
    ],
)  # fmt: skip
def test_nuclides_in_text(text: str, nuclide: str | None) -> None:
    assert nuclide_in_text(text) == nuclide


def test_several_nuclides_are_refused(tmp_path: Path) -> None:
    both = make.DicomSequence([*make.drug("^90^Yttrium"), *make.drug("^99m^Technetium")])
    with pytest.raises(DicomError, match="names several nuclides: tc99m, y90"):
        read(tmp_path, RadiopharmaceuticalInformationSequence=both)


TC99M_S = 6.0067 * 3600


def spect_drug(dose: float, **more):
    return make.drug(
        "^99m^Technetium", RadionuclideTotalDose=dose, RadionuclideHalfLife=TC99M_S,
        RadiopharmaceuticalStartDateTime="20250110080000", **more,
    )  # fmt: skip


def test_injected_activity_of_nm_is_in_mbq(tmp_path: Path) -> None:
    """150 MBq at 8:00, image at 9:30; PET headers hold Bq, those of NM hold MBq."""
    objects = make.spect(VOLUME, RadiopharmaceuticalInformationSequence=spect_drug(150))
    image = read_dicom_image(make.save(objects, tmp_path))
    assert image.volume.injected_bq == pytest.approx(150e6 * 0.5 ** (1.5 / 6.0067))
    assert any(
        note.startswith("injected 150.0 MBq (RadionuclideTotalDose)") for note in image.notes
    )


def test_injected_activity_of_nm_in_bq_is_not_used(tmp_path: Path) -> None:
    objects = make.spect(VOLUME, RadiopharmaceuticalInformationSequence=spect_drug(150e6))
    image = read_dicom_image(make.save(objects, tmp_path))
    assert image.volume.injected_bq is None
    assert "RadionuclideTotalDose 1.5e+08 cannot be in MBq; not used" in image.notes


def test_decay_within_a_long_frame_confirms_the_scan_start(tmp_path: Path) -> None:
    """45 minutes of Tc-99m: the factor is 1.044, far from 1, so the frame's minutes decide."""
    decays = np.log(2) / TC99M_S * 45 * 60
    within = decays / (1 - np.exp(-decays))
    assert within == pytest.approx(1.0439, abs=1e-3)
    facts = {
        "SeriesTime": "150000", "ActualFrameDuration": 45 * 60_000,
        "RadiopharmaceuticalInformationSequence": spect_drug(150e6),
    }  # fmt: skip
    image = read(tmp_path, DecayFactor=round(within, 5), **facts)
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)
    for factor in (1.10, 2 * within - 1):
        with pytest.raises(DicomError, match="SeriesTime is later than AcquisitionTime"):
            read(tmp_path, DecayFactor=round(factor, 5), **facts)


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [("+0530", 330), ("-0330", -210), ("+0100", 60), ("-0800", -480), ("+0000", 0)],
)
def test_zones_east_and_west_and_of_half_hours(zone: str, minutes: int) -> None:
    dataset = make.item(SeriesDate="20250110", SeriesTime="120000", TimezoneOffsetFromUTC=zone)
    found = instant(dataset, "SeriesDate", "SeriesTime", "x")
    assert found == datetime(2025, 1, 10, 12, tzinfo=UTC) - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("clock", "microsecond"),
    [
        ("120000.5", 500_000),
        ("120000.050000", 50_000),
        ("120000.000005", 5),
        ("120000.12", 120_000),
    ],
)
def test_fractions_of_a_second(clock: str, microsecond: int) -> None:
    dataset = make.item(SeriesDate="20250110", SeriesTime=clock)
    found = instant(dataset, "SeriesDate", "SeriesTime", "x")
    assert found is not None
    assert found.microsecond == microsecond


@pytest.mark.parametrize(
    ("text", "nuclide"),
    [
        ("Y-90 after 99mTc-MAA", "y90"), ("99mTc-MAA before Y-90", "tc99m"),
        ("Ho-166 (not 90Y)", "ho166"), ("90Y, not Ho-166", "y90"),
    ],
)  # fmt: skip
def test_the_nuclide_named_first_counts(text: str, nuclide: str) -> None:
    assert nuclide_in_text(text) == nuclide


@pytest.mark.parametrize("half_life_s", [0.9 * Y90_S, 1.1 * Y90_S])
def test_half_lives_shorter_and_longer_are_refused(tmp_path: Path, half_life_s: float) -> None:
    drug = make.drug(RadionuclideHalfLife=half_life_s)
    with pytest.raises(DicomError, match="the header contradicts itself"):
        read(tmp_path, RadiopharmaceuticalInformationSequence=drug)


def test_uncorrected_slices_refer_to_the_earliest_whatever_file_comes_first(
    tmp_path: Path,
) -> None:
    """The first file was acquired last: an hour later, so its values grow by 2 ** (1 / 64.1)."""
    objects = make.pet(
        VOLUME, DecayCorrection="NONE",
        RadiopharmaceuticalInformationSequence=make.drug(RadionuclideHalfLife=Y90_S),
    )  # fmt: skip
    objects[0].AcquisitionTime = "130000"
    image = read_dicom_image(make.save(objects, tmp_path))
    assert image.acquired == datetime(2025, 1, 10, 12, tzinfo=PLUS_ONE)
    assert image.volume.values[:, 0, 0] == pytest.approx([100 * 2 ** (1 / 64.1), 100, 100])


@pytest.mark.parametrize(("late", "refused"), [("120001", False), ("120200", True)])
@pytest.mark.parametrize("first", [0, 2])
def test_a_series_written_minutes_later_is_no_scan_start(
    tmp_path: Path, late: str, refused: bool, first: int
) -> None:
    """One slice was acquired at 12:00:00, the others with the series; a second is rounding."""
    objects = make.pet(VOLUME, SeriesTime=late, AcquisitionTime=late)
    objects[first].AcquisitionTime = "120000"
    paths = make.save(objects, tmp_path)
    if refused:
        with pytest.raises(DicomError, match="SeriesTime is later than AcquisitionTime"):
            read_dicom_image(paths)
    else:
        assert read_dicom_image(paths).acquired == datetime(2025, 1, 10, 12, 0, 1, tzinfo=PLUS_ONE)


@pytest.mark.parametrize("zone", ["+1500", "-9900", "+0160", "0100", "+1"])
def test_zones_that_are_nowhere_are_refused(zone: str) -> None:
    dataset = make.item(SeriesDate="20250110", SeriesTime="12", TimezoneOffsetFromUTC=zone)
    with pytest.raises(DicomError, match="TimezoneOffsetFromUTC has no valid offset"):
        instant(dataset, "SeriesDate", "SeriesTime", "x")
