"""Clocks: a zone stated by the user, an instant whose zone nobody stated."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest

from opensirt.clock import UNSTATED, in_words, is_unstated, on_clock, time_zone
from opensirt.errors import InputError

NOON = datetime(2025, 1, 10, 12, tzinfo=UNSTATED)


def test_an_unstated_zone_is_neither_utc_nor_lost_on_the_way() -> None:
    assert is_unstated(NOON)
    assert is_unstated(pickle.loads(pickle.dumps(NOON)))
    assert is_unstated(NOON + timedelta(hours=3))
    assert not is_unstated(NOON.replace(tzinfo=UTC))
    assert (in_words(NOON), in_words(NOON.replace(tzinfo=UTC))) == (
        "2025-01-10T12:00:00",
        "2025-01-10T12:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("text", "hours"),
    [("Europe/Berlin", 1), ("+01:00", 1), ("-0330", -3.5), ("UTC", 0), ("Z", 0),
     ("Asia/Kolkata", 5.5), ("America/Los_Angeles", -8)],
)  # fmt: skip
def test_a_clock_of_a_zone_is_right_in_winter(text: str, hours: float) -> None:
    found = on_clock(NOON, time_zone(text))
    assert found == datetime(2025, 1, 10, 12, tzinfo=UTC) - timedelta(hours=hours)


def test_differences_count_the_hour_of_a_change_of_clocks() -> None:
    """29 to 30 March 2025 has 23 hours in Berlin."""
    berlin = time_zone("Europe/Berlin")
    first, last = (on_clock(datetime(2025, 3, day, 12), berlin) for day in (29, 30))
    assert last - first == timedelta(hours=23)


@pytest.mark.parametrize(("month", "day"), [(3, 30), (10, 26)])
def test_a_reading_that_a_zone_has_twice_or_never_is_refused(month: int, day: int) -> None:
    with pytest.raises(InputError, match="comes twice or not at all in Europe/Berlin"):
        on_clock(datetime(2025, month, day, 2, 30), time_zone("Europe/Berlin"))
    assert on_clock(datetime(2025, month, day, 2, 30), time_zone("+02:00")).hour == 2


@pytest.mark.parametrize(
    "text",
    ["Mars", "", "Europe", "../UTC", "/etc/passwd", "+15:00", "+14:30", "1", "localtime", "Factory",
     "posixrules", "right/UTC"],
)  # fmt: skip
def test_an_unknown_zone_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="write an IANA name such as Europe/Berlin"):
        time_zone(text)


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(InputError) as caught:
        time_zone("x" * 5000)
    assert len(str(caught.value)) < 200
