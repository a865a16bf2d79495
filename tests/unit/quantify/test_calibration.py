"""Calibration: activity is conserved, goes where the counts are, and every step is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opensirt.errors import CaseError, GridMismatchError, InputError, RegionError, UnitMismatchError
from opensirt.image import Grid, Region, Volume
from opensirt.quantify import absolute_activity, patient_relative_activity
from opensirt.units import Unit
from tests.unit.quantify.samples import (
    GRID,
    VOXEL_ML,
    block,
    lesion,
    liver,
    lungs,
    perfused,
    volume,
)

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def relative(image: Volume, carrier: Region, shunt: float = 0.1, **options: object):
    options.setdefault("lungs", None)
    return patient_relative_activity(
        image, carrier, lung_shunt_fraction=shunt, nuclide="y90", **options
    )


def found(findings: tuple, code: str):
    return next(finding for finding in findings if finding.code == code)


def test_activity_follows_the_counts_and_adds_up() -> None:
    """A lesion with four times the counts: sum is injected (1 - L), ratio stays 4."""
    counts = np.ones(GRID.shape, np.float32)
    counts[4:6, 4:6, 7:9] = 4.0
    activity, summary = relative(volume(counts), liver(), shunt=0.1, injected_bq=2e9)
    assert activity.total() == pytest.approx(1.8e9, rel=1e-6)
    assert activity.unit is Unit.BQ_PER_ML
    assert activity.values[4, 4, 7] / activity.values[3, 3, 3] == pytest.approx(4.0)
    assert activity.values[4, 4, 7] == pytest.approx(1.8e9 * 4 / (352 + 8 * 4) / VOXEL_ML, rel=1e-6)
    assert activity.values[0, 0, 0] == 0.0
    assert (activity.nuclide, activity.time, activity.injected_bq) == ("y90", "injection", 2e9)
    assert summary.bq_per_unit == pytest.approx(1.8e9 / 384)
    assert summary.in_map_bq == pytest.approx(1.8e9, rel=1e-6)
    assert summary.carrier == "liver"


def test_a_concentration_image_gives_the_same_map_as_counts() -> None:
    counts = np.random.default_rng(1).random(GRID.shape, dtype=np.float32)
    from_counts, _ = relative(volume(counts), liver())
    from_bq, summary = relative(volume(counts / np.float32(VOXEL_ML), Unit.BQ_PER_ML), liver())
    assert from_bq.values == pytest.approx(from_counts.values, rel=1e-5)
    assert summary.bq_per_unit * counts[liver().box].sum() == pytest.approx(0.9e9, rel=1e-5)


def test_fractions_of_border_voxels_share_the_activity() -> None:
    """A carrier that is half a voxel thick in one slice puts half the activity there."""
    mask = np.zeros(GRID.shape, np.float32)
    mask[3], mask[4] = 1.0, 0.5
    carrier = Region.from_mask("perfused", "perfused", mask, GRID)
    activity, _ = relative(volume(1.0), carrier, shunt=0.0)
    assert activity.values[4].sum() / activity.values[3].sum() == pytest.approx(0.5)


def test_lungs_in_view_get_the_shunt_by_volume() -> None:
    activity, summary = relative(volume(1.0), liver(), shunt=0.2, lungs=lungs())
    assert activity.total() == pytest.approx(1e9, rel=1e-6)
    assert lungs().sum_of(activity) * VOXEL_ML == pytest.approx(0.2e9, rel=1e-6)
    assert summary.lungs_in_map_fraction == 1.0


def test_lungs_get_the_shunt_by_mass_where_density_is_known() -> None:
    """Half the lung at 0.2, half at 0.4 g/mL: Bq per gram is the same everywhere."""
    density = np.full(GRID.shape, 0.2, np.float32)
    density[:, :, 6:] = 0.4
    activity, _ = relative(
        volume(1.0), liver(), shunt=0.2, lungs=lungs(), density=volume(density, Unit.G_PER_ML)
    )
    per_gram = activity.values[8, 4, 1:11] / density[8, 4, 1:11]
    assert per_gram == pytest.approx(per_gram[0], rel=1e-6)
    assert lungs().sum_of(activity) * VOXEL_ML == pytest.approx(0.2e9, rel=1e-6)


def test_shared_voxels_belong_to_the_carrier() -> None:
    both = block("lungs", "lungs", (7, 9), (2, 8), (1, 11))
    activity, _ = relative(volume(1.0), liver(), shunt=0.2, lungs=both)
    assert liver().sum_of(activity) * VOXEL_ML == pytest.approx(0.8e9, rel=1e-6)


def test_cut_lungs_get_only_the_visible_share() -> None:
    """2 x 6 x 10 voxels at 0.25 g/mL are 3 g of lungs that weigh 12 g: a quarter is placed."""
    cut = block("lungs", "lungs", (8, 10), (2, 8), (1, 11))
    activity, summary = relative(
        volume(1.0),
        liver(),
        shunt=0.2,
        lungs=cut,
        density=volume(0.25, Unit.G_PER_ML),
        lung_mass_g=12.0,
    )
    assert summary.lungs_in_map_fraction == pytest.approx(0.25)
    assert cut.sum_of(activity) * VOXEL_ML == pytest.approx(0.05e9, rel=1e-6)
    text = found(summary.findings, "lungs-cut-by-activity-image").text
    assert text.startswith("The lungs reach the edge of the activity image (last slice); 25 %")


def test_shunt_without_lungs_in_view_is_said() -> None:
    activity, summary = relative(volume(1.0), liver(), shunt=0.2)
    assert activity.total() == pytest.approx(0.8e9, rel=1e-6)
    assert found(summary.findings, "lungs-outside-map").severity == "note"


def test_counts_elsewhere_are_a_fraction_and_no_activity() -> None:
    """1200 equal voxels, 360 of them liver and 60 lungs: 65 % elsewhere."""
    activity, summary = relative(volume(1.0), liver(), lungs=lungs())
    assert summary.elsewhere_fraction == pytest.approx(1 - 420 / 1200)
    assert found(summary.findings, "counts-elsewhere").severity == "warn"
    assert activity.values[0].sum() == 0.0


def test_elsewhere_is_measured_against_the_whole_liver() -> None:
    """Counts in liver that is not perfused are not elsewhere."""
    counts = np.zeros(GRID.shape, np.float32)
    counts[2:8, 2:8, 1:11] = 1.0
    lobe = block("lobe", "perfused", (2, 8), (2, 8), (6, 11))
    _, summary = relative(volume(counts), lobe, liver=liver())
    assert summary.elsewhere_fraction == pytest.approx(0.0)
    assert found(summary.findings, "counts-elsewhere").severity == "note"
    _, alone = relative(volume(counts), lobe)
    assert alone.elsewhere_fraction == pytest.approx(0.5)


def test_negative_counts_are_zero_in_use_and_reported() -> None:
    counts = np.ones(GRID.shape, np.float32)
    counts[3, 3, 3] = -7.0
    activity, summary = relative(volume(counts), liver())
    assert activity.values[3, 3, 3] == 0.0
    assert activity.total() == pytest.approx(0.9e9, rel=1e-6)
    assert summary.negative_fraction == pytest.approx(7 / 359)
    assert found(summary.findings, "negative-values").severity == "warn"
    assert counts[3, 3, 3] == -7.0


def test_background_is_subtracted_and_said() -> None:
    """Lesion 5, liver 2, background 1: the ratio becomes 4."""
    counts = np.full(GRID.shape, 2.0, np.float32)
    counts[4:6, 4:6, 7:9] = 5.0
    activity, summary = relative(volume(counts), liver(), background=1.0)
    assert activity.values[4, 4, 7] / activity.values[3, 3, 3] == pytest.approx(4.0)
    text = found(summary.findings, "background-subtracted").text
    assert text == "A background of 1 counts was subtracted from every voxel."


def test_integer_counts_with_background_do_not_wrap() -> None:
    counts = np.zeros(GRID.shape, np.uint16)
    counts[4:6, 4:6, 7:9] = 3
    activity, summary = relative(volume(counts), liver(), background=1.0, shunt=0.0)
    assert lesion().sum_of(activity) * VOXEL_ML == pytest.approx(1e9, rel=1e-6)
    assert summary.elsewhere_fraction == pytest.approx(0.0)


@pytest.mark.parametrize("shunt", [-0.1, 1.0, float("nan")])
def test_impossible_shunt(shunt: float) -> None:
    with pytest.raises(InputError, match=r"lung shunt fraction must be from 0 to below 1 .*, got"):
        relative(volume(1.0), liver(), shunt=shunt)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"injected_bq": 0.0}, "the injected activity must be above 0 Bq, got 0.0"),
        ({"background": -1.0}, "the background must be 0 or more, got -1.0"),
    ],
)
def test_impossible_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        relative(volume(1.0), liver(), **options)


def test_wrong_units_grids_and_empty_regions() -> None:
    with pytest.raises(UnitMismatchError, match="needs counts or Bq/mL, got HU"):
        relative(volume(1.0, Unit.HU), liver())
    other = Grid.regular(GRID.shape, (4.0, 4.0, 4.0))
    with pytest.raises(GridMismatchError, match="resample first"):
        relative(volume(1.0, grid=other), liver())
    nothing = Region.from_mask("off", "perfused", np.zeros(GRID.shape, bool), GRID)
    with pytest.raises(RegionError, match="region 'off' is empty on the activity image"):
        relative(volume(1.0), nothing)
    with pytest.raises(CaseError, match="region 'liver' holds no counts above 0"):
        relative(volume(0.0), liver())
    with pytest.raises(InputError, match="values that are not numbers"):
        relative(volume(float("nan")), liver())
    with pytest.raises(RegionError, match="region 'lungs' has no mass on the density map"):
        relative(volume(1.0), liver(), lungs=lungs(), density=volume(0.0, Unit.G_PER_ML))


def pet(value: float = 1e6, time: datetime | str | None = NOON, **kw: object) -> Volume:
    return Volume(np.full(GRID.shape, value, np.float32), GRID, Unit.BQ_PER_ML, time=time, **kw)


def test_absolute_activity_goes_back_one_half_life() -> None:
    """64.1 h after injection half is left: the map doubles, 120 mL hold 0.24 GBq."""
    start = NOON - timedelta(hours=64.1)
    activity, summary = absolute_activity(
        pet(), nuclide="y90", injection=start, administered_bq=0.24e9
    )
    assert activity.values[0, 0, 0] == pytest.approx(2e6, rel=1e-5)
    assert (activity.time, activity.injected_bq) == ("injection", 0.24e9)
    assert summary.in_map_bq == pytest.approx(0.24e9, rel=1e-5)
    assert found(summary.findings, "activity-agrees").severity == "note"


def test_disagreement_with_the_administered_activity_is_a_warning() -> None:
    activity, summary = absolute_activity(
        pet(time="injection"), nuclide="y90", injection=None, administered_bq=0.2e9
    )
    finding = found(summary.findings, "activity-disagrees")
    assert finding.severity == "warn"
    assert "120.0 MBq at injection, 60.0 % of the 200.0 MBq administered" in finding.text
    assert activity.total() == pytest.approx(0.12e9, rel=1e-6)


def test_unknown_administered_activity_is_replaced_by_the_total_with_a_warning() -> None:
    activity, summary = absolute_activity(pet(time="injection"), nuclide="y90", injection=None)
    assert activity.injected_bq == pytest.approx(0.12e9, rel=1e-6)
    assert found(summary.findings, "administered-activity-unknown").severity == "warn"


def test_negative_concentrations() -> None:
    values = np.full(GRID.shape, 1e6, np.float32)
    values[0] = -1e6
    image = Volume(values, GRID, Unit.BQ_PER_ML, time="injection")
    activity, summary = absolute_activity(image, nuclide="y90", injection=None)
    assert float(activity.values.min()) == 0.0
    assert summary.negative_fraction == pytest.approx(1 / 9)
    kept, _ = absolute_activity(image, nuclide="y90", injection=None, keep_negative=True)
    assert kept.total() == pytest.approx(96e6, rel=1e-6)


@pytest.mark.parametrize(
    ("image", "injection", "message"),
    [
        (pet(time=None), NOON, "states no instant"),
        (pet(), None, "the time of injection is not known"),
        (pet(), NOON + timedelta(hours=1), "is older than the injection"),
        (pet(), datetime(2026, 1, 9), "has no time zone"),
        (pet(nuclide="tc99m"), NOON, "the image shows tc99m, not y90"),
        (pet(nuclide="f18"), NOON, "the image shows 'f18', not y90"),
    ],
)
def test_doubtful_times_and_nuclides_are_refused(image, injection, message) -> None:
    with pytest.raises(InputError, match=message):
        absolute_activity(image, nuclide="y90", injection=injection)


def test_counts_are_not_absolute() -> None:
    with pytest.raises(UnitMismatchError, match="needs an image in Bq/mL, got counts"):
        absolute_activity(volume(1.0), nuclide="y90", injection=NOON)


def test_absolute_image_without_activity() -> None:
    with pytest.raises(CaseError, match="holds no activity"):
        absolute_activity(pet(0.0), nuclide="y90", injection=NOON)
    with pytest.raises(InputError, match="administered activity must be above 0 Bq, got 0"):
        absolute_activity(pet(), nuclide="y90", injection=NOON, administered_bq=0)


def test_lungs_that_overlap_the_liver_are_counted_once_as_inside() -> None:
    """360 liver, 60 lung and 780 other voxels of 1; the lung region also claims 60 of the liver."""
    greedy = block("lungs", "lungs", (7, 9), (2, 8), (1, 11))
    _, summary = relative(volume(1.0), perfused(), shunt=0.1, lungs=greedy, liver=liver())
    assert summary.elsewhere_fraction == pytest.approx(1 - (360 + 36 + 60) / 1200, abs=1e-6)
