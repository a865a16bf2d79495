"""The random generator: its recurrence, its streams, its two distributions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import mc_random
from opensirt.dose.mc_random import STATE_WORDS, normal, seed_stream, uniform

WORD = 2**64
State = npt.NDArray[np.uint64]
Draw = Callable[[State], float]
FORMS = ["python", "compiled"]


def stream(seed: int, batch: int = 0, part: int = 0) -> State:
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, seed, batch, part)
    return state


def draws(count: int, state: State, law: Draw = uniform) -> npt.NDArray[np.float64]:
    return np.array([law(state) for _ in range(count)])


def in_form(law: object, form: str) -> Draw:
    """The law as plain Python or as compiled by numba."""
    return law.py_func if form == "python" else law  # type: ignore[no-any-return,attr-defined]


def test_seeding_words_are_those_of_split_mix() -> None:
    """First outputs of SplitMix64 for the seed 1234567, as its reference code prints them."""
    state, found = 1234567, []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) % WORD
        found.append(int(mc_random._mixed(np.uint64(state))))
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("form", FORMS)
def test_uniform_follows_the_recurrence_of_xoshiro256_plus(form: str) -> None:
    """Against the published recurrence in whole numbers of Python [blackman2021]."""
    state = stream(7, 3, 11)
    s = [int(word) for word in state]
    for _ in range(200):
        expected = ((s[0] + s[3]) % WORD >> 11) / 2**53
        shifted = (s[1] << 17) % WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = ((s[3] << 45) | (s[3] >> 19)) % WORD
        with np.errstate(over="ignore"):
            assert in_form(uniform, form)(state) == expected


def test_numbers_fill_the_unit_interval_evenly() -> None:
    """Chi-squared over 100 bins and over pairs in 20 x 20: within four standard deviations."""
    u = draws(100_000, stream(1))
    assert 0.0 <= u.min() < 1e-4
    assert 1.0 - 1e-4 < u.max() < 1.0
    for counts in (np.histogram(u, 100)[0], np.histogram2d(u[::2], u[1::2], 20)[0].ravel()):
        expected = counts.sum() / counts.size
        chi2 = float(((counts - expected) ** 2 / expected).sum())
        assert abs(chi2 - (counts.size - 1)) < 4.0 * math.sqrt(2.0 * counts.size)


@pytest.mark.parametrize("other", [(2, 0, 0), (1, 1, 0), (1, 0, 1), (1, 0, 1 << 32), (0, 0, 0)])
def test_streams_of_other_names_are_independent(other: tuple[int, int, int]) -> None:
    """Correlation within four standard errors of none."""
    first, second = draws(20_000, stream(1)), draws(20_000, stream(*other))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4.0 / math.sqrt(20_000)
    assert not np.any(first[:100] == second[:100])


def test_a_stream_is_the_same_each_time() -> None:
    assert np.array_equal(draws(1000, stream(5, 6, 7)), draws(1000, stream(5, 6, 7)))


@pytest.mark.parametrize("form", FORMS)
def test_normal_numbers_have_the_moments_of_the_normal_law(form: str) -> None:
    """Mean 0, variance 1, fourth moment 3, each within four standard errors."""
    count = 40_000
    x = draws(count, stream(3), in_form(normal, form))
    assert abs(x.mean()) < 4.0 / math.sqrt(count)
    assert x.var() == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / count))
    assert (x**4).mean() == pytest.approx(3.0, abs=4.0 * math.sqrt(96.0 / count))
