"""Decay between instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opensirt.clock import UNSTATED
from opensirt.errors import InputError
from opensirt.physics.nuclides import nuclide
from opensirt.quantify import decay_between, lost_fraction

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def test_one_half_life_each_way() -> None:
    y90 = nuclide("y90")
    later = NOON + timedelta(seconds=y90.half_life_s)
    assert decay_between(y90, NOON, later) == pytest.approx(0.5)
    assert decay_between(y90, later, NOON) == pytest.approx(2.0)


def test_time_zones_are_respected() -> None:
    """The same instant in two zones is no decay."""
    other = datetime.fromisoformat("2026-01-10T13:00:00+01:00")
    assert decay_between(nuclide("ho166"), NOON, other) == 1.0


def test_a_clock_of_unknown_zone_is_compared_with_itself_alone() -> None:
    y90, here = nuclide("y90"), NOON.replace(tzinfo=UNSTATED)
    later = here + timedelta(seconds=y90.half_life_s)
    assert decay_between(y90, here, later) == pytest.approx(0.5)
    for start, end in ((here, NOON), (NOON, here)):
        with pytest.raises(InputError, match=r"cannot be compared.*time_zone="):
            decay_between(y90, start, end)


def test_lost_between_assay_and_injection() -> None:
    """2.2 h lose 2.35 % of y90 (hoang2018)."""
    assert lost_fraction(nuclide("y90"), 2.2 * 3600) == pytest.approx(0.0235, abs=6e-5)
    with pytest.raises(InputError, match="the delay must be 0 s or more, got -1"):
        lost_fraction(nuclide("y90"), -1)


def test_naive_time_is_refused() -> None:
    with pytest.raises(InputError, match="has no time zone"):
        decay_between(nuclide("y90"), datetime(2026, 1, 1), NOON)
