"""Simulated images: blur, counts kept, Poisson noise, seeds."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from opensirt.errors import GridMismatchError, UnitMismatchError
from opensirt.image import Grid, Volume
from opensirt.phantoms.imaging import (
    PetSettings,
    SpectSettings,
    blurred_onto,
    default_pet,
    default_spect,
    image_grid,
    noisy_ct,
    simulate_pet,
    simulate_spect,
)
from opensirt.physics.references import cite
from opensirt.physics.tables import load_table
from opensirt.units import Unit

SPECT = SpectSettings(4.418, 64, 12.0, 2.0e7, 150e6, 3600.0, 1200.0)
PET = PetSettings(4.0, 64, 7.0, 5.0, 0.0015, 72000.0, 1200.0)
INJECTED = datetime(2026, 1, 12, 9, tzinfo=UTC)


def block(value: float = 3.0e5, side: int = 40, nuclide: str = "y90") -> Volume:
    grid = Grid.regular((side,) * 3, (2.0,) * 3, (-side + 1.0,) * 3)
    values = np.zeros(grid.shape, np.float32)
    values[8:-8, 8:-8, 8:-8] = value
    total = float(values.sum(dtype=np.float64)) * grid.voxel_volume_ml
    return Volume(values, grid, Unit.BQ_PER_ML, nuclide=nuclide, injected_bq=total)


@pytest.mark.parametrize("fwhm_mm", [0.0, 5.0, 12.0])
def test_blur_and_resampling_keep_the_total(fwhm_mm: float) -> None:
    source = block()
    target = image_grid(source.grid, 4.418, 64)
    assert blurred_onto(source, target, fwhm_mm).sum() == pytest.approx(source.total(), rel=1e-4)


def test_without_blur_an_aligned_grid_gets_exact_sums() -> None:
    source = block()
    target = Grid.regular((20,) * 3, (4.0,) * 3, (-38.0,) * 3)
    sums = source.values.reshape(20, 2, 20, 2, 20, 2).sum(axis=(1, 3, 5)) * 0.008
    assert np.allclose(blurred_onto(source, target, 0.0), sums, rtol=1e-6)


@pytest.mark.parametrize("fwhm_mm", [7.0, 12.0])
def test_point_source_has_the_stated_width(fwhm_mm: float) -> None:
    """Second moment of a point's image along each axis, less that of the two voxels."""
    grid = Grid.regular((3, 3, 3), (1.0,) * 3, (-1.0, -1.0, -1.0))
    values = np.zeros(grid.shape)
    values[1, 1, 1] = 1e6
    target = Grid.regular((61,) * 3, (1.5,) * 3, (-45.0,) * 3)
    image = blurred_onto(Volume(values, grid, Unit.BQ_PER_ML), target, fwhm_mm)
    place = (np.arange(61) - 30) * 1.5
    for axis in range(3):
        profile = image.sum(axis=tuple(a for a in range(3) if a != axis))
        variance = (profile @ place**2) / profile.sum() - (1.0**2 + 1.5**2) / 12
        assert math.sqrt(8 * math.log(2) * variance) == pytest.approx(fwhm_mm, rel=1e-3)


def test_flipped_axes_change_nothing_in_the_patient() -> None:
    source = block()
    target = image_grid(source.grid, 4.0, 32)
    matrix = source.grid.matrix
    matrix[:3, 3] = source.grid.to_patient((39, 0, 39))
    matrix[:3, 0] *= -1
    matrix[:3, 2] *= -1
    values = source.values.copy()
    values[10:14, 9:12, 8:10] = 0  # not symmetric
    flipped = Volume(
        values[::-1, :, ::-1], Grid.from_matrix(source.grid.shape, matrix), source.unit
    )
    plain = source.with_values(values)
    assert np.allclose(blurred_onto(flipped, target, 7.0), blurred_onto(plain, target, 7.0))


def test_turned_grid_and_other_units_are_refused() -> None:
    turned = Grid.from_directions(
        (4, 4, 4), (2,) * 3, (0, 0, 0), [[0, 0, 1], [0.6, 0.8, 0], [0.8, -0.6, 0]]
    )
    with pytest.raises(GridMismatchError, match="expected an axial grid"):
        blurred_onto(block(), turned, 5.0)
    with pytest.raises(UnitMismatchError, match="expected a volume in Bq/mL, got counts"):
        simulate_spect(block().with_values(block().values, Unit.COUNTS), seed=1)


def test_spect_counts_follow_poisson_law() -> None:
    tracer = block(nuclide="tc99m")
    mean = simulate_spect(tracer, settings=SPECT, seed=1, noise=False)
    image = simulate_spect(tracer, settings=SPECT, seed=1)
    assert mean.total() == pytest.approx(SPECT.total_counts, rel=1e-4)
    assert image.total() == pytest.approx(SPECT.total_counts, abs=4 * math.sqrt(SPECT.total_counts))
    seen = mean.values > 5
    pulls = (image.values[seen] - mean.values[seen]) / np.sqrt(mean.values[seen])
    assert pulls.mean() == pytest.approx(0, abs=4 / math.sqrt(seen.sum()))
    assert pulls.var() == pytest.approx(1, abs=4 * math.sqrt(2.2 / seen.sum()))
    assert np.all(image.values == np.rint(image.values))


def test_pet_is_unbiased_and_as_noisy_as_its_pairs() -> None:
    """1.5e9 Bq, 20 h later: decay 0.806, 32 per million, 1200 s, 0.0015 detected: 7e4 pairs."""
    activity = block()
    given = {"injected_bq": 1.5e9, "injected": INJECTED, "settings": PET}
    mean = simulate_pet(activity, seed=1, noise=False, **given)  # type: ignore[arg-type]
    image = simulate_pet(activity, seed=1, **given)  # type: ignore[arg-type]
    assert mean.total() == pytest.approx(1.5e9, rel=1e-3)
    pairs = 1.5e9 * 0.8055 * 31.86e-6 * 1200 * 0.0015
    assert image.total() == pytest.approx(1.5e9, rel=4 / math.sqrt(pairs))
    assert image.total() != mean.total()
    assert (image.time, image.injected_bq, image.nuclide) == (INJECTED, 1.5e9, "y90")
    inside = mean.values > 0.99 * mean.values.max()
    spread = (image.values[inside] / mean.values[inside]).std()
    assert 0.02 < spread < 0.4


def test_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    tracer = block(nuclide="tc99m")
    a, b, c = (simulate_spect(tracer, settings=SPECT, seed=s).values.tobytes() for s in (5, 5, 6))
    assert a == b
    assert a != c


def test_ct_noise_has_the_asked_width_and_whole_numbers() -> None:
    grid = Grid.regular((40, 40, 40), (2.0,) * 3)
    ct = noisy_ct(Volume(np.full(grid.shape, 50.0, np.float32), grid, Unit.HU), seed=3, noise_hu=12)
    assert ct.values.dtype == np.int16
    assert ct.values.mean() == pytest.approx(50, abs=4 * 12 / math.sqrt(64000))
    assert ct.values.std() == pytest.approx(12, rel=0.02)


def test_defaults_come_from_the_table_and_every_source_resolves() -> None:
    assert (default_spect().voxel_mm, default_spect().total_counts) == (4.418, 21.6e6)
    assert (default_pet().fwhm_mm, default_pet().delay_s) == (7.0, 72000.0)
    for name in ("imaging", "phantoms"):
        for quantity in load_table(name).every_quantity():
            assert len(cite(quantity.source)) > 10


def test_pet_of_a_part_holds_the_part_of_what_was_injected() -> None:
    """A map that shows 40 % of the activity gives an image of 40 % of any injection."""
    activity = block()
    part = Volume(
        activity.values, activity.grid, activity.unit, "y90",
        injected_bq=activity.total() / 0.4,
    )  # fmt: skip
    image = simulate_pet(
        part, seed=1, noise=False, injected_bq=2e9, injected=INJECTED, settings=PET
    )
    assert image.total() == pytest.approx(0.4 * 2e9, rel=1e-3)


def test_pet_is_as_blurred_as_it_says() -> None:
    """Second moment of a point after detector and filter: 7 mm, and two more 4 mm voxels."""
    grid = Grid.regular((3, 3, 3), (1.0,) * 3, (-1.0, -1.0, -1.0))
    values = np.zeros(grid.shape)
    values[1, 1, 1] = 1e9
    source = Volume(values, grid, Unit.BQ_PER_ML, "y90")
    wide = PetSettings(2.0, 41, 7.0, 5.0, 0.0015, 72000.0, 1200.0)
    image = simulate_pet(
        source, seed=1, noise=False, injected_bq=1e6, injected=INJECTED, settings=wide
    )
    place = (np.arange(41) - 20) * 2.0
    for axis in (1, 2):
        profile = image.values.sum(axis=tuple(a for a in range(3) if a != axis))
        variance = (profile @ place**2) / profile.sum() - (1.0**2 + 3 * 2.0**2) / 12
        assert math.sqrt(8 * math.log(2) * variance) == pytest.approx(7.0, rel=0.02)


@pytest.mark.parametrize(("voxel_mm", "matrix"), [(4.0, 32), (3.0, 33), (4.418, 24)])
def test_the_image_grid_is_centred_on_the_body(voxel_mm: float, matrix: int) -> None:
    body = Grid.regular((31, 40, 27), (3.0, 2.0, 2.5), (-13.0, 22.5, 101.0))
    grid = image_grid(body, voxel_mm, matrix)
    middle = [(n - 1) / 2 for n in body.shape]
    assert grid.to_patient([(n - 1) / 2 for n in grid.shape]) == pytest.approx(
        body.to_patient(middle), abs=1e-9
    )
    assert grid.shape[0] * voxel_mm >= 31 * 3.0 + 4 * voxel_mm - 1e-9
    assert grid.shape[1:] == (matrix, matrix)


def test_counts_out_of_the_field_of_view_are_lost() -> None:
    """A camera of 32 mm sees the middle of a block 48 mm wide: what it sees keeps its rate."""
    tracer = block(nuclide="tc99m")
    narrow = SpectSettings(4.0, 8, 0.0, 2.0e6, 150e6, 3600.0, 1200.0)
    image = simulate_spect(tracer, settings=narrow, seed=1, noise=False)
    share = (32.0 / 48.0) ** 2
    assert image.total() == pytest.approx(2.0e6 * share, rel=1e-3)


def test_pet_noise_is_that_of_the_pairs_detected_after_the_delay() -> None:
    """Spread of the total over seeds: 2.15e4 pairs, two half-lives after the injection."""
    activity = block(side=32)
    late = PetSettings(8.0, 16, 7.0, 5.0, 0.0015, 2 * 64.1 * 3600.0, 1200.0)
    given = {"injected_bq": 1.5e9, "injected": INJECTED, "settings": late, "noise": True}
    totals = [simulate_pet(activity, seed=s, **given).total() for s in range(60)]  # type: ignore[arg-type]
    pairs = 1.5e9 * 0.25 * 31.86e-6 * 1200 * 0.0015
    found = np.std(totals, ddof=1) / np.mean(totals)
    assert found == pytest.approx(pairs**-0.5, rel=4 / math.sqrt(2 * 59))


def test_counts_of_the_hottest_voxel_fit_sixteen_bits() -> None:
    """A small hot block counted so long that a voxel would hold more: the time is cut."""
    tracer = block(side=20, nuclide="tc99m")
    long = SpectSettings(4.0, 16, 6.0, 1.0e9, 150e6, 3600.0, 1200.0)
    image = simulate_spect(tracer, settings=long, seed=1, noise=False)
    assert image.values.max() == pytest.approx(60_000, rel=1e-5)


def test_blur_at_the_end_of_the_body_stays_in_the_image() -> None:
    """Activity up to the last slice: two voxels more at each end hold what it is blurred to."""
    grid = Grid.regular((20, 10, 10), (4.0,) * 3, (-18.0, -18.0, -38.0))
    source = Volume(np.ones(grid.shape, np.float32), grid, Unit.BQ_PER_ML)
    target = image_grid(grid, 4.0, 40)
    assert target.shape[0] == 24
    assert blurred_onto(source, target, 7.0).sum() == pytest.approx(source.total(), rel=2e-4)


def test_defaults_are_in_base_units() -> None:
    """An hour is 3600 s and 150 MBq are 1.5e8 Bq; the field of view is 128 voxels wide."""
    assert default_spect() == SpectSettings(4.418, 128, 12.0, 21.6e6, 150e6, 3600.0, 1200.0)
    assert default_pet() == PetSettings(4.0, 128, 7.0, 5.0, 0.0015, 72000.0, 1200.0)


def test_a_ct_has_the_noise_of_the_table() -> None:
    grid = Grid.regular((30, 30, 30), (2.0,) * 3)
    ct = noisy_ct(Volume(np.full(grid.shape, 50.0, np.float32), grid, Unit.HU), seed=3)
    assert ct.values.std() == pytest.approx(12.0, rel=0.03)


def test_images_hold_what_they_are_of() -> None:
    tracer = block(nuclide="tc99m")
    image = simulate_spect(tracer, settings=SPECT, seed=1, noise=False)
    assert (image.unit, image.nuclide, image.grid.shape[1:]) == (Unit.COUNTS, "tc99m", (64, 64))
    assert image.grid.spacing_mm == (4.418,) * 3
    with pytest.raises(GridMismatchError, match="expected an axial grid"):
        blurred_onto(Volume(np.ones((4, 4, 4)), Grid.from_directions(
            (4, 4, 4), (2,) * 3, (0, 0, 0), [[0, 0, 1], [0, 0.999, 0.045], [1, 0, 0]]),
            Unit.BQ_PER_ML), image.grid, 5.0)  # fmt: skip


def test_a_spect_is_as_blurred_as_it_says() -> None:
    """Second moment of a point, less that of its own voxel and of the image's."""
    grid = Grid.regular((3, 3, 3), (1.0,) * 3, (-1.0, -1.0, -1.0))
    values = np.zeros(grid.shape)
    values[1, 1, 1] = 1e9
    source = Volume(values, grid, Unit.BQ_PER_ML, "tc99m")
    sharp = SpectSettings(2.0, 41, 12.0, 1.0e6, 150e6, 3600.0, 1200.0)
    image = simulate_spect(source, settings=sharp, seed=1, noise=False)
    place = (np.arange(41) - 20) * 2.0
    for axis in (1, 2):
        profile = image.values.sum(axis=tuple(a for a in range(3) if a != axis))
        variance = (profile @ place**2) / profile.sum() - (1.0**2 + 2.0**2) / 12
        assert math.sqrt(8 * math.log(2) * variance) == pytest.approx(12.0, rel=0.02)
