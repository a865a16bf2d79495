"""Laws that the Monte Carlo keeps within its stated errors: linear, mirrored, turned, shifted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.mc_samples import Spacing, run_of

SHAPE = (6, 7, 8)
SPACING_MM = (3.0, 2.0, 2.5)
HISTORIES = {"fast": 60_000, "full": 24_000}
Floats = npt.NDArray[np.float64]


def maps() -> tuple[Floats, Floats]:
    """Sparse activity; lung, tissue and bone in layers that no symmetry leaves alone."""
    rng = np.random.default_rng(5)
    activity = rng.random(SHAPE) * (rng.random(SHAPE) < 0.3)
    density = np.full(SHAPE, 1.05)
    density[:2] = 0.26
    density[:, 5:, :3] = 1.6
    density[4:, :, 6:] = 0.0012
    return activity, density


def energies(
    activity: Floats, density: Floats, spacing_mm: Spacing, seed: int, mode: str = "fast"
) -> tuple[Floats, Floats]:
    """Energy per unit of activity in each voxel, and its standard error."""
    found = run_of(density, activity, spacing_mm, histories=HISTORIES[mode], seed=seed, mode=mode)
    energy = found.energy_mev.reshape(activity.shape).astype(np.float64) * activity.sum()
    return energy, energy * found.relative_error.reshape(activity.shape)


def assert_same(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> None:
    """Mean square deviation in standard errors 1 +- 0.25, and no voxel beyond 5.5.

    The errors themselves are known to 15 % (24 batches), which widens the tails.
    """
    error = np.hypot(first[1], second[1])
    scored = (first[0] > 0.02 * first[0].max()) & (error > 0.0)
    assert scored.sum() > 150
    deviation = (first[0] - second[0])[scored] / error[scored]
    assert np.mean(deviation**2) == pytest.approx(1.0, abs=0.25)
    assert np.abs(deviation).max() < 5.5
    total = np.sqrt((error**2).sum())
    assert abs(first[0].sum() - second[0].sum()) < 4.0 * total


MOVES: dict[str, Callable[[Floats], Floats]] = {
    "mirrored slices": lambda a: np.flip(a, 0),
    "mirrored columns": lambda a: np.flip(a, 2),
    "slices for columns": lambda a: a.transpose(2, 1, 0),
    "a third of a turn": lambda a: a.transpose(1, 2, 0),
}
AXES = {"slices for columns": (2, 1, 0), "a third of a turn": (1, 2, 0)}


@pytest.mark.parametrize(
    ("move", "mode"), [(move, "fast") for move in MOVES] + [("a third of a turn", "full")]
)
def test_a_moved_case_gives_the_moved_dose(move: str, mode: str) -> None:
    activity, density = maps()
    energy, error = energies(activity, density, SPACING_MM, 1, mode)
    change = MOVES[move]
    sizes = tuple(SPACING_MM[axis] for axis in AXES.get(move, (0, 1, 2)))
    moved = energies(change(activity), change(density), sizes, 2, mode)  # type: ignore[arg-type]
    assert_same((change(energy), change(error)), moved)


def test_dose_is_linear_in_activity() -> None:
    first, density = maps()
    second = np.roll(first, 2, axis=1)
    (one, error1), (two, error2) = (
        energies(a, density, SPACING_MM, seed) for seed, a in ((1, first), (2, second))
    )
    both = energies(first + 2.5 * second, density, SPACING_MM, 3)
    assert_same((one + 2.5 * two, np.hypot(error1, 2.5 * error2)), both)


def test_a_shifted_source_gives_the_shifted_dose() -> None:
    activity = np.zeros((12, 12, 12))
    activity[4:7, 4:7, 4:7] = np.random.default_rng(6).random((3, 3, 3))
    density = np.ones_like(activity)
    energy, error = energies(activity, density, SPACING_MM, 1)
    moved = energies(np.roll(activity, (1, -1, 1), (0, 1, 2)), density, SPACING_MM, 2)
    back = tuple(np.roll(a, (-1, 1, -1), (0, 1, 2))[2:-2, 2:-2, 2:-2] for a in moved)
    inner = (slice(2, -2),) * 3
    assert_same((energy[inner], error[inner]), back)  # type: ignore[arg-type]


def test_replayed_tracks_and_full_physics_agree_in_a_uniform_medium() -> None:
    """In the medium they were made in, replays are the tracks themselves."""
    activity, _ = maps()
    density = np.full(SHAPE, 1.05)
    fast, full = (
        energies(activity, density, SPACING_MM, seed, mode)
        for seed, mode in ((1, "fast"), (2, "full"))
    )
    assert_same(fast, full)
