"""Random numbers of the Monte Carlo: one small state per stream, the same on CPU and CUDA.

The generator is xoshiro256+ [blackman2021], seeded by SplitMix64. A stream is named by whole
numbers (seed, batch, part), so a result does not depend on which thread draws it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, uint64

__all__ = ["STATE_WORDS", "law", "normal", "seed_stream", "uniform"]

law = njit(nogil=True, cache=True, error_model="numpy")
"""Compiles one law or transport routine; a CUDA kernel that calls it compiles it for the device."""

STATE_WORDS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0


@law
def _mixed(word):  # type: ignore[no-untyped-def]
    """SplitMix64's output function of one 64-bit word."""
    word = uint64(uint64(word ^ (word >> uint64(30))) * _MIX_1)
    word = uint64(uint64(word ^ (word >> uint64(27))) * _MIX_2)
    return uint64(word ^ (word >> uint64(31)))


@law
def seed_stream(state, seed, batch, part):  # type: ignore[no-untyped-def]
    """Fill `state` (uint64, 4 words) for the stream of these three whole numbers."""
    word = _mixed(uint64(seed) + _GOLDEN)
    word = _mixed(uint64(word ^ uint64(batch)) + _GOLDEN)
    word = _mixed(uint64(word ^ uint64(part)) + _GOLDEN)
    for i in range(4):
        word = uint64(word + _GOLDEN)
        state[i] = _mixed(word)


@law
def uniform(state):  # type: ignore[no-untyped-def]
    """Next number, uniform in [0, 1)."""
    result = uint64(state[0] + state[3])
    shifted = uint64(state[1] << uint64(17))
    state[2] = uint64(state[2] ^ state[0])
    state[3] = uint64(state[3] ^ state[1])
    state[1] = uint64(state[1] ^ state[2])
    state[0] = uint64(state[0] ^ state[3])
    state[2] = uint64(state[2] ^ shifted)
    state[3] = uint64((state[3] << uint64(45)) | (state[3] >> uint64(19)))
    return (result >> uint64(11)) * _TO_UNIT


@law
def normal(state):  # type: ignore[no-untyped-def]
    """Next number of the standard normal law (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))
