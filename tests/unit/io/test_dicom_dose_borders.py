"""RT Dose at its borders: bits, offsets, heights, thickness and rounding."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from opensirt.errors import DicomError, InputError
from opensirt.image import Grid, Volume
from opensirt.io.dicom_dose import DoseVolumeHistogram, build_rt_dose, read_rt_dose
from opensirt.units import Unit
from tests.dicom_samples import GRIDS, sample_context, sample_dose


def written(dose: Volume, **options: object) -> Dataset:
    return build_rt_dose(dose, sample_context(), **options)  # type: ignore[arg-type]


def stored(dataset: Dataset) -> np.ndarray:
    """Numbers as they lie in the file."""
    return np.frombuffer(dataset.PixelData, dtype=f"<u{dataset.BitsAllocated // 8}")


def uniform(gray: float, shape: tuple[int, int, int] = (2, 2, 2)) -> Volume:
    return Volume(np.full(shape, gray), Grid.regular(shape, (3.0, 2.0, 1.5), (5, 6, 7)), Unit.GY)


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("high_gy", [1e-6, 0.3, 260.0, 5e4])
def test_the_highest_dose_fills_the_bits_and_none_overflows(bits: int, high_gy: float) -> None:
    """16 bits without a sign, 31 of 32, so that a reader that expects a sign is right too."""
    found = written(uniform(high_gy), bits=bits)
    largest = {16: 65535, 32: 2147483647}[bits]
    assert 0.999 * largest < stored(found).max() <= largest
    assert read_rt_dose(found).values == pytest.approx(high_gy, rel=1e-5)


@pytest.mark.parametrize(
    ("off_mm", "even"), [(0.009, True), (-0.009, True), (0.012, False), (-0.012, False)]
)
def test_offsets_within_a_hundredth_of_a_mm_are_even(off_mm: float, even: bool) -> None:
    found = written(sample_dose(GRIDS["axial"]))
    offsets = [3.0 * i for i in range(9)]
    offsets[4] += off_mm
    found.GridFrameOffsetVector = offsets
    if even:
        assert read_rt_dose(found).grid.spacing_mm[0] == pytest.approx(3.0)
    else:
        with pytest.raises(DicomError, match="expected even steps in GridFrameOffsetVector"):
            read_rt_dose(found)


@pytest.mark.parametrize(("start", "read"), [(0.009, True), (17.13, True), (17.14, False)])
def test_offsets_start_at_nothing_or_at_the_height_of_the_first_frame(
    start: float, read: bool
) -> None:
    """z of the first frame is 17.125 mm; a hundredth of a mm is rounding."""
    found = written(sample_dose(GRIDS["axial"]))
    expected = read_rt_dose(found).grid
    found.GridFrameOffsetVector = [start + 3.0 * i for i in range(9)]
    if read:
        assert read_rt_dose(found).grid.matches(expected)
    else:
        with pytest.raises(DicomError, match="expected GridFrameOffsetVector to start at 0"):
            read_rt_dose(found)


def test_heights_are_no_offsets_of_frames_that_are_not_axial() -> None:
    found = written(sample_dose(GRIDS["coronal"]))
    z_mm = float(found.ImagePositionPatient[2])
    found.GridFrameOffsetVector = [z_mm + 3.0 * i for i in range(9)]
    with pytest.raises(DicomError, match="expected GridFrameOffsetVector to start at 0"):
        read_rt_dose(found)


@pytest.mark.parametrize("thickness", [0, -3])
def test_one_frame_needs_a_thickness_above_nothing(thickness: float) -> None:
    found = written(uniform(2.0, (1, 2, 2)))
    assert read_rt_dose(found).grid.spacing_mm == pytest.approx((3.0, 2.0, 1.5))
    found.SliceThickness = thickness
    with pytest.raises(DicomError, match="expected SliceThickness above 0"):
        read_rt_dose(found)


@pytest.mark.parametrize("spacing", [[0, 1], [1, 0], [-1, 1], [1, -1]])
def test_pixels_of_a_dose_have_a_size(spacing: list[float]) -> None:
    found = written(uniform(2.0))
    found.PixelSpacing = spacing
    with pytest.raises(DicomError, match="expected PixelSpacing above 0 mm"):
        read_rt_dose(found)


def test_a_falling_dose_map_may_be_one_of_rounding_below_zero() -> None:
    """Half a step of the stored numbers below zero is rounding, whatever the highest dose."""
    step = 100.0 / 65535
    for part, sound in ((-0.49, True), (-0.9, False)):
        values = np.array([[[part * step, 100.0]]])
        dose = Volume(values, Grid.regular((1, 1, 2), (3, 3, 3)), Unit.GY)
        if sound:
            assert stored(written(dose, bits=16)).min() == 0
        else:
            with pytest.raises(InputError, match="0 Gy and more for an RT Dose"):
                written(dose, bits=16)


def test_a_histogram_of_up_to_a_thousand_bins_is_kept_as_it_is() -> None:
    dose = np.linspace(0.0, 200.0, 1000) ** 1.1
    kept = DoseVolumeHistogram("liver", dose, np.linspace(40.0, 0.0, 1000), 77.0, 3.0, 150.0)
    (item,) = written(
        sample_dose(GRIDS["axial"]), histograms=[kept], roi_numbers={"liver": 4}
    ).DVHSequence
    data = np.asarray(item.DVHData, float).reshape(-1, 2)
    assert np.concatenate([[0], np.cumsum(data[:-1, 0])]) == pytest.approx(dose, rel=1e-6, abs=1e-6)
    assert data[:, 1] == pytest.approx(kept.volume_ml, rel=1e-6, abs=1e-6)
    figures = (item.DVHMinimumDose, item.DVHMeanDose, item.DVHMaximumDose)
    assert tuple(map(float, figures)) == (3.0, 77.0, 150.0)


def test_the_description_says_which_dose_it_is() -> None:
    for kind, words in (
        ("PHYSICAL", "Absorbed dose"), ("EFFECTIVE", "Biologically effective dose"),
    ):  # fmt: skip
        found = written(uniform(2.0), dose_type=kind, name="bed")
        assert found.SeriesDescription == f"{words}, opensirt"
        assert found.DoseComment == f"{words}, research use only"


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_one_impossible_voxel_is_enough_to_refuse_a_dose(value: float) -> None:
    values = np.ones((2, 2, 2))
    values[1, 0, 1] = value
    with pytest.raises(InputError, match="expected finite doses for an RT Dose"):
        written(Volume(values, Grid.regular((2, 2, 2), (3, 3, 3)), Unit.GY))


@pytest.mark.parametrize("frames", [2, 3])
def test_frames_of_a_dose_have_their_offsets(frames: int) -> None:
    found = written(uniform(2.0, (frames, 2, 2)))
    assert [float(v) for v in found.GridFrameOffsetVector] == [3.0 * i for i in range(frames)]
    assert read_rt_dose(found).grid.shape == (frames, 2, 2)
