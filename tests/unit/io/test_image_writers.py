"""Written CT, PET and SPECT: what they store, the instant they state, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pydicom
import pytest

from opensirt.errors import InputError, UnitMismatchError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_image_writers import (
    Injection,
    write_ct_series,
    write_nm_recon_tomo,
    write_pet_series,
)
from opensirt.io.dicom_images import read_dicom_image
from opensirt.units import Unit
from tests.dicom_samples import sample_context

Y90_S = 64.1 * 3600
GRID = Grid.regular((3, 4, 5), (3.0, 2.0, 1.5), (-20.0, 10.0, 5.0))
DOWN = Grid.from_directions((3, 4, 5), (3.0, 2.0, 1.5), (-20.0, 10.0, 5.0),
                            [[0, 0, -1], [0, 1, 0], [1, 0, 0]])  # fmt: skip
INJECTED = datetime(2025, 1, 10, 8, tzinfo=UTC)
GIVEN = Injection("y90", 2e9, INJECTED, INJECTED + timedelta(hours=16), 1800.0)
SCOUT = Injection("tc99m", 150e6, INJECTED, INJECTED + timedelta(hours=1), 1200.0)


def headers(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def test_ct_numbers_are_stored_from_minus_1024_on(tmp_path: Path) -> None:
    values = np.full(GRID.shape, 40.4)
    values[1, 0, :4] = -1024, -1025, 64511, 64512
    source = write_ct_series(tmp_path, Volume(values, GRID, Unit.HU), sample_context())
    found = headers(tmp_path)
    assert found[1].pixel_array[0].tolist() == [0, 0, 65535, 65535, 1064]
    assert (found[0].RescaleSlope, found[0].RescaleIntercept) == (1, -1024)
    assert source.instance_uids == tuple(str(dataset.SOPInstanceUID) for dataset in found)
    assert [dataset.InstanceNumber for dataset in found] == [1, 2, 3]
    assert [float(d.ImagePositionPatient[2]) for d in found] == [5, 8, 11]
    assert [float(d.SliceLocation) for d in found] == [5, 8, 11]
    assert [float(v) for v in found[0].PixelSpacing] == [2.0, 1.5]
    assert found[0].SliceThickness == 3.0
    assert (found[0].WindowCenter, found[0].WindowWidth) == (40, 400)


@pytest.mark.parametrize("kind", ["ct", "pet"])
def test_slices_that_run_downwards_are_written_upwards(tmp_path: Path, kind: str) -> None:
    values = np.zeros(DOWN.shape)
    values[0] = 100.0
    context = sample_context()
    if kind == "ct":
        source = write_ct_series(tmp_path, Volume(values, DOWN, Unit.HU), context)
    else:
        pet = Volume(values, DOWN, Unit.BQ_PER_ML, "y90", GIVEN.imaged)
        source = write_pet_series(tmp_path, pet, context, GIVEN)
    found = headers(tmp_path)
    assert [float(dataset.ImagePositionPatient[2]) for dataset in found] == [-1, 2, 5]
    shown = [d.pixel_array.max() * d.RescaleSlope + d.RescaleIntercept for d in found]
    assert shown == pytest.approx([0.0, 0.0, 100.0])
    assert source.grid.origin_mm == pytest.approx((-20.0, 10.0, -1.0))


@pytest.mark.parametrize(
    ("correction", "hours"), [("START", 16), ("NONE", 16), ("ADMIN", 0)]
)  # fmt: skip
@pytest.mark.parametrize("known_at", [-24, 0, 16])
def test_pet_values_hold_at_the_instant_that_the_header_names(
    tmp_path: Path, correction: str, hours: int, known_at: int
) -> None:
    """Known at one hour after the injection, written for another: decay by the gap between."""
    values = np.linspace(0, 5e6, 60).reshape(GRID.shape)
    pet = Volume(values, GRID, Unit.BQ_PER_ML, "y90", INJECTED + timedelta(hours=known_at))
    write_pet_series(tmp_path, pet, sample_context(), GIVEN, decay_correction=correction)  # type: ignore[arg-type]
    left = 0.5 ** ((hours - known_at) / 64.1)
    for plane, dataset in zip(values, headers(tmp_path), strict=True):
        assert dataset.DecayCorrection == correction
        slope = float(dataset.RescaleSlope)
        assert np.abs(dataset.pixel_array * slope - plane * left).max() < 0.51 * slope + 1e-3
        assert dataset.pixel_array.max() == 65535
        assert ("DECY" in dataset.CorrectedImage) == (correction != "NONE")
        assert "ATTN" in dataset.CorrectedImage
        factor = {"START": 1.0, "ADMIN": 2 ** (16 / 64.1)}.get(correction)
        assert dataset.get("DecayFactor") == (None if factor is None else pytest.approx(factor))


def test_a_pet_header_states_injection_and_image(tmp_path: Path) -> None:
    pet = Volume(np.ones(GRID.shape), GRID, Unit.BQ_PER_ML, "y90", GIVEN.imaged)
    write_pet_series(tmp_path, pet, sample_context(), GIVEN)
    found = headers(tmp_path)
    first = found[0]
    assert (first.Units, first.NumberOfSlices) == ("BQML", 3)
    assert [dataset.ImageIndex for dataset in found] == [1, 2, 3]
    assert (first.SeriesDate, first.SeriesTime) == ("20250111", "000000")
    assert (first.AcquisitionDate, first.AcquisitionTime) == ("20250111", "000000")
    assert (first.ActualFrameDuration, first.FrameReferenceTime) == (1_800_000, 900_000)
    (drug,) = first.RadiopharmaceuticalInformationSequence
    assert drug.RadiopharmaceuticalStartDateTime == "20250110080000+0000"
    assert drug.RadiopharmaceuticalStartTime == "080000"
    assert float(drug.RadionuclideTotalDose) == 2e9
    assert float(drug.RadionuclidePositronFraction) == pytest.approx(32e-6)
    assert drug.RadionuclideCodeSequence[0].CodeValue == "14691008"
    assert drug.RadiopharmaceuticalCodeSequence[0].CodeValue == "764678003"
    assert {dataset.SeriesNumber for dataset in found} == {3}


def test_pet_values_below_zero_are_nothing(tmp_path: Path) -> None:
    values = np.full(GRID.shape, -5.0)
    values[1, 1, 1] = 10.0
    pet = Volume(values, GRID, Unit.BQ_PER_ML, "y90", GIVEN.imaged)
    write_pet_series(tmp_path, pet, sample_context(), GIVEN)
    planes = [d.pixel_array * float(d.RescaleSlope) for d in headers(tmp_path)]
    assert [plane.min() for plane in planes] == [0, 0, 0]
    assert [plane.max() for plane in planes] == pytest.approx([0, 10, 0])


def test_a_spect_is_timed_in_the_zone_of_its_study(tmp_path: Path) -> None:
    """Imaged at 9:00 UTC in a study written in New York: 4:00, and the zone says so."""
    west = timezone(timedelta(hours=-5))
    created = datetime(2025, 1, 10, 3, tzinfo=west)
    context = replace(sample_context(), created=created)
    counts = Volume(np.ones(GRID.shape), GRID, Unit.COUNTS)
    write_nm_recon_tomo(tmp_path / "nm.dcm", counts, context, SCOUT)
    found = pydicom.dcmread(tmp_path / "nm.dcm")
    assert (found.AcquisitionTime, found.TimezoneOffsetFromUTC) == ("040000", "-0500")
    assert (found.SeriesDate, found.ContentTime) == ("20250110", "040000")
    assert (found.StudyDate, found.StudyTime) == ("20250110", "030000")
    (drug,) = found.RadiopharmaceuticalInformationSequence
    assert drug.RadiopharmaceuticalStartTime == "030000"


def test_a_pet_is_timed_in_the_zone_of_its_study(tmp_path: Path) -> None:
    """Midnight UTC is 19:00 of the day before in New York; a reader gets the same instants."""
    created = datetime(2025, 1, 10, 3, tzinfo=timezone(timedelta(hours=-5)))
    context = replace(sample_context(), created=created)
    pet = Volume(np.ones(GRID.shape), GRID, Unit.BQ_PER_ML, "y90", GIVEN.imaged)
    write_pet_series(tmp_path, pet, context, GIVEN)
    first = headers(tmp_path)[0]
    assert (first.SeriesDate, first.SeriesTime) == ("20250110", "190000")
    assert first.TimezoneOffsetFromUTC == "-0500"
    (drug,) = first.RadiopharmaceuticalInformationSequence
    assert drug.RadiopharmaceuticalStartDateTime == "20250110030000-0500"
    image = read_dicom_image(sorted(tmp_path.iterdir()))
    assert image.acquired == GIVEN.imaged
    assert image.volume.injected_bq == pytest.approx(2e9 * 0.5 ** (16 / 64.1), rel=1e-4)


def test_a_spect_counts_what_it_holds(tmp_path: Path) -> None:
    values = np.arange(60.0).reshape(GRID.shape)
    write_nm_recon_tomo(
        tmp_path / "nm.dcm", Volume(values, GRID, Unit.COUNTS), sample_context(), SCOUT
    )
    found = pydicom.dcmread(tmp_path / "nm.dcm")
    assert found.CountsAccumulated == 1770
    assert np.array_equal(found.pixel_array, values)
    assert (found.NumberOfFrames, found.NumberOfSlices, found.SeriesNumber) == (3, 3, 2)
    assert (found.SliceThickness, found.SpacingBetweenSlices) == (3.0, 3.0)
    (drug,) = found.RadiopharmaceuticalInformationSequence
    assert drug.RadiopharmaceuticalCodeSequence[0].CodeValue == "85693008"
    assert "RadionuclideHalfLife" not in drug
    (turn,) = found.RotationInformationSequence
    assert float(turn.AngularStep) * turn.NumberOfFramesInRotation == float(turn.ScanArc) == 360


@pytest.mark.parametrize(
    ("value", "fits"), [(65535, True), (65536, False), (-1, False), (0, True), (1.5, False)]
)
def test_counts_are_whole_and_fit_sixteen_bits(tmp_path: Path, value: float, fits: bool) -> None:
    values = np.ones(GRID.shape)
    values[1, 2, 3] = value
    volume = Volume(values, GRID, Unit.COUNTS)
    if fits:
        write_nm_recon_tomo(tmp_path / "nm.dcm", volume, sample_context(), SCOUT)
    else:
        with pytest.raises(UnitMismatchError, match="expected whole counts from 0 to 65535"):
            write_nm_recon_tomo(tmp_path / "nm.dcm", volume, sample_context(), SCOUT)


def test_an_image_may_begin_with_the_injection_and_not_before() -> None:
    assert Injection("y90", 1e9, INJECTED, INJECTED, 60.0).imaged == INJECTED
    with pytest.raises(InputError, match="expected an image after the injection"):
        Injection("y90", 1e9, INJECTED, INJECTED - timedelta(seconds=1), 60.0)
