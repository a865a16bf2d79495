"""Laws that every engine keeps: linear, mirrored, turned, shifted, no energy from nowhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensirt.dose import dose_engines
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import JOULE_PER_MEV, Unit

Y90 = nuclide("y90")
APART = {"voxel-superposition": 0.01}
"""Part of the maximum by which a mirrored or turned case may differ where an engine samples voxels
at places of its own; its rays do."""
SPACINGS_MM = [(3.0, 3.0, 3.0), (4.0, 2.0, 2.0), (6.0, 6.0, 6.0), (5.0, 4.0, 3.0)]
ENGINES = [name for name in dose_engines.names() if name != "monte-carlo"]
"""The Monte Carlo keeps these laws within its errors: see test_monte_carlo_laws.py."""

shapes = st.tuples(*[st.integers(3, 14)] * 3)
seeds = st.integers(0, 10_000)
spacings = st.sampled_from(SPACINGS_MM)
few = settings(max_examples=12, deadline=None)

Floats = npt.NDArray[np.float32]


def maps(shape: tuple[int, int, int], seed: int) -> tuple[Floats, Floats]:
    """Sparse activity (Bq/mL) and tissue densities (g/mL)."""
    rng = np.random.default_rng(seed)
    activity = rng.random(shape, dtype=np.float32) * (rng.random(shape) < 0.3) * 1e6
    activity[tuple(n // 2 for n in shape)] = 1e6
    return activity.astype(np.float32), rng.uniform(0.9, 1.2, shape).astype(np.float32)


def dose_of(
    name: str, activity: Floats, density: Floats, spacing_mm: tuple[float, float, float]
) -> Floats:
    grid = Grid.regular(activity.shape, spacing_mm)
    source, medium = Volume(activity, grid, Unit.BQ_PER_ML), Volume(density, grid, Unit.G_PER_ML)
    return np.asarray(dose_engines.create(name).dose(source, medium, Y90).values)


def assert_same(found: Floats, expected: Floats, part_of_maximum: float) -> None:
    assert np.abs(found - expected).max() <= part_of_maximum * expected.max()


@pytest.mark.parametrize("name", ENGINES)
@few
@given(shape=shapes, seed=seeds, spacing_mm=spacings, factor=st.floats(1e-3, 1e3))
def test_dose_is_linear_in_activity(
    name: str,
    shape: tuple[int, int, int],
    seed: int,
    spacing_mm: tuple[float, float, float],
    factor: float,
) -> None:
    first, density = maps(shape, seed)
    second = np.roll(first, 1, axis=0)
    density[:] = 1.05
    parts = [dose_of(name, a, density, spacing_mm) for a in (first, second)]
    both = dose_of(name, first + np.float32(factor) * second, density, spacing_mm)
    assert_same(both, parts[0] + np.float32(factor) * parts[1], 5e-6)


@pytest.mark.parametrize("name", ENGINES)
@few
@given(shape=shapes, seed=seeds, spacing_mm=spacings, axis=st.integers(0, 2))
def test_a_mirrored_case_gives_a_mirrored_dose(
    name: str,
    shape: tuple[int, int, int],
    seed: int,
    spacing_mm: tuple[float, float, float],
    axis: int,
) -> None:
    """Within 0.05 % of the maximum: the coarse far part starts at the first voxel of each axis."""
    activity, density = maps(shape, seed)
    dose = dose_of(name, activity, density, spacing_mm)
    mirrored = dose_of(name, np.flip(activity, axis), np.flip(density, axis), spacing_mm)
    assert_same(mirrored, np.flip(dose, axis), APART.get(name, 5e-4))


@pytest.mark.parametrize("name", ENGINES)
@few
@given(shape=shapes, seed=seeds, spacing_mm=spacings, axes=st.permutations(range(3)))
def test_a_case_with_axes_exchanged_gives_the_same_dose(
    name: str,
    shape: tuple[int, int, int],
    seed: int,
    spacing_mm: tuple[float, float, float],
    axes: list[int],
) -> None:
    activity, density = maps(shape, seed)
    dose = dose_of(name, activity, density, spacing_mm)
    sizes = tuple(spacing_mm[axis] for axis in axes)
    turned = dose_of(name, activity.transpose(axes), density.transpose(axes), sizes)
    assert_same(turned, dose.transpose(axes), APART.get(name, 1e-5))


@pytest.mark.parametrize("name", ENGINES)
@few
@given(seed=seeds, spacing_mm=spacings, shift=st.tuples(*[st.integers(-4, 4)] * 3))
def test_a_shifted_source_gives_a_shifted_dose(
    name: str, seed: int, spacing_mm: tuple[float, float, float], shift: tuple[int, int, int]
) -> None:
    activity, density = np.zeros((28, 28, 28), np.float32), np.ones((28, 28, 28), np.float32)
    activity[11:17, 11:17, 11:17] = maps((6, 6, 6), seed)[0]
    dose = dose_of(name, activity, density, spacing_mm)
    moved = dose_of(name, np.roll(activity, shift, (0, 1, 2)), density, spacing_mm)
    inner = (slice(5, 23),) * 3
    assert_same(np.roll(moved, [-s for s in shift], (0, 1, 2))[inner], dose[inner], 5e-4)


@pytest.mark.parametrize("name", ENGINES)
@few
@given(shape=shapes, seed=seeds, spacing_mm=spacings)
def test_no_more_energy_than_released_and_no_negative_dose(
    name: str, shape: tuple[int, int, int], seed: int, spacing_mm: tuple[float, float, float]
) -> None:
    activity, density = maps(shape, seed)
    dose = dose_of(name, activity, density, spacing_mm)
    released = activity.sum(dtype=np.float64) * Y90.mean_life_s * Y90.mean_energy_mev
    absorbed = (dose.astype(np.float64) * density).sum() * 1e-3  # Gy g/mL -> J/mL
    assert float(dose.min()) >= 0.0
    assert absorbed <= released * JOULE_PER_MEV * (1 + 1e-5)
