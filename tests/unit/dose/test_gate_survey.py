"""The two passes of the gate over its maps against plain sums over voxels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose.gate_survey import LEVELS, Blocks, Wanted, survey_blocks, survey_sources

SHAPE = (19, 7, 11)
Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def maps() -> tuple[Floats, Floats, Floats, Floats]:
    """Activity in two thirds of the voxels, air to bone, doses, and errors to a half."""
    rng = np.random.default_rng(7)
    activity = (rng.random(SHAPE) * (rng.random(SHAPE) < 0.66) * 1e6).astype(np.float32)
    density = rng.choice([0.0012, 0.05, 0.1, 0.3, 1.0, 1.9], SHAPE).astype(np.float32)
    return (
        activity, density, (rng.random(SHAPE) * 90.0).astype(np.float32),
        (rng.random(SHAPE) * 0.5).astype(np.float32),
    )  # fmt: skip


def test_sources_are_sums_over_all_voxels(maps) -> None:
    """Of every slice; thin is below 0.1 g/mL, and a voxel of the least density takes part."""
    activity, density, *_ = maps
    thin, least, voxel_ml = np.float32(0.1), np.float32(0.3), 0.027
    found = survey_sources(activity, density, voxel_ml, float(thin), float(least))
    a, rho = activity.astype(float), density.astype(float)
    share = a / rho
    assert found.total == pytest.approx(a.sum(), rel=1e-6)
    assert found.kept == pytest.approx(a[density >= least].sum(), rel=1e-6)
    assert found.mean_g_ml == pytest.approx((a * rho).sum() / a.sum(), rel=1e-6)
    assert found.per_gram == pytest.approx(share[density >= thin].max(), rel=1e-6)
    assert found.thin_per_gram == pytest.approx(share[density < thin].max(), rel=1e-6)
    for fluence, part in ((found.fluence, a), (found.thin_fluence, a[density < thin])):
        volumes = np.sort(part.ravel())[::-1]
        levels = (np.arange(LEVELS)) / LEVELS * a.max()
        radii = [(3 * (volumes >= level)[volumes > 0].sum() * voxel_ml / (4 * math.pi)) ** (1 / 3)
                 for level in levels]  # fmt: skip
        assert fluence == pytest.approx(np.sum(radii) * a.max() / LEVELS, rel=1e-3)


def test_a_map_without_activity_has_no_sources() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    found = survey_sources(nothing, nothing + 1, 0.027, 0.1, 0.0)
    assert (found.total, found.kept, found.per_gram, found.thin_per_gram) == (0, 0, 0, 0)
    assert (found.fluence, found.thin_fluence, found.mean_g_ml) == (0, 0, 1)


def test_a_vacuum_emits_as_a_thin_gas() -> None:
    """2 Bq/mL at 0 g/mL are 2 / 1e-5 Bq/g."""
    a, rho = np.full((1, 1, 2), 2.0, np.float32), np.array([[[0.0, 1.0]]], np.float32)
    found = survey_sources(a, rho, 1.0, 0.1, 0.0)
    assert (found.per_gram, found.thin_per_gram) == (2.0, pytest.approx(2e5))


FACTORS = (2, 3, 4)
WANTED = Wanted(thin_g_ml=0.1, floor_g_ml=0.2, standard_errors=1.5, constant_gy=4.0)


def boxes() -> list[tuple[tuple[int, int, int], tuple[slice, slice, slice]]]:
    counts = [math.ceil(n / f) for n, f in zip(SHAPE, FACTORS, strict=True)]
    return [
        (place, tuple(slice(b * f, b * f + f) for b, f in zip(place, FACTORS, strict=True)))  # type: ignore[misc]
        for place in itertools.product(*(range(n) for n in counts))
    ]


@pytest.mark.parametrize("with_error", [True, False])
def test_extremes_of_blocks_are_those_of_their_voxels(maps, with_error: bool) -> None:
    """What chance may explain and the constant dose are taken off the highest; the lowest gets
    what chance may have taken. As energy the constant counts in at least 1 g/mL."""
    activity, density, gray, error = maps
    found = survey_blocks(activity, density, gray, error if with_error else None, WANTED, FACTORS)
    a, r, d = (np.asarray(of, float) for of in (activity, density, gray))
    unsure = 1.5 * d * error if with_error else 0.0 * d
    share = np.where(density >= np.float32(0.1), a / np.maximum(r, 0.2), 0.0)
    expected = {
        "activity_high": (a, np.max), "activity_low": (a, np.min),
        "per_gram_high": (share, np.max), "per_gram_low": (share, np.min),
        "density_low": (r, np.min),
        "dose_high": (d - unsure - 4.0, np.max), "dose_low": (d + unsure, np.min),
        "energy_high": ((d - unsure) * r - 4.0 * np.maximum(r, 1.0), np.max),
        "energy_low": ((d + unsure) * r, np.min),
        "activity_sum": (a, np.sum),
    }  # fmt: skip
    for name, (values, of) in expected.items():
        for place, box in boxes():
            value = getattr(found, name)[place]
            assert value == pytest.approx(of(values[box]), rel=1e-5, abs=1e-4), (name, place)
    assert found.energy_sum == pytest.approx((d * r).sum(), rel=1e-6)
    assert (found.factors, found.faults) == (FACTORS, 0)


@pytest.mark.parametrize("wrong", [-1e-6, np.nan, np.inf, -np.inf])
def test_every_dose_that_is_none_is_counted(maps, wrong: float) -> None:
    activity, density, gray, _ = maps
    spoilt = gray.copy()
    spoilt[0, 0, 0] = spoilt[9, 3, 5] = spoilt[18, 6, 10] = wrong
    found: Blocks = survey_blocks(activity, density, spoilt, None, WANTED, FACTORS)
    assert found.faults == 3
    clean = [(gray.astype(float) * density)[place] for place in ((0, 0, 0), (9, 3, 5), (18, 6, 10))]
    whole = (gray.astype(float) * density).sum()
    assert found.energy_sum == pytest.approx(whole - sum(clean), rel=1e-6)
    spoilt[0, 0, 0] = 0.0  # no dose is a dose
    assert survey_blocks(activity, density, spoilt, None, WANTED, FACTORS).faults == 2
