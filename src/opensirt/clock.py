"""Clocks: instants whose time zone nobody stated, and the zone that a user states for them.

A DICOM header that lacks TimezoneOffsetFromUTC tells the time of some local clock. Such an instant
carries `UNSTATED`: differences on the same clock are right, and it is never held against a time
from outside before someone says which clock it was.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from opensirt.errors import InputError

__all__ = ["UNSTATED", "in_words", "is_unstated", "offset_of", "on_clock", "time_zone"]

UNSTATED = timezone(timedelta(0), "unstated")
"""The zone of a time whose source states none; its offset stands for nothing."""
FURTHEST = timedelta(hours=14)
"""No place on earth has a greater offset from UTC."""
NO_PLACES = ("Factory", "localtime", "posixrules", "posix/", "right/")
"""Files beside those of zones: the clock of this machine, rules, clocks with leap seconds."""


def is_unstated(instant: datetime) -> bool:
    """Whether an instant is of a clock whose zone is not known."""
    return instant.tzname() == UNSTATED.tzname(None)


def in_words(instant: datetime) -> str:
    """ISO 8601, without an offset where none is known."""
    return (instant.replace(tzinfo=None) if is_unstated(instant) else instant).isoformat()


def offset_of(text: str) -> timezone | None:
    """The zone of an offset as DICOM writes it, +0100; None for what is none on earth."""
    match = re.fullmatch(r"([+-])(\d{2})(\d{2})", text)
    if match is None or int(match[3]) > 59:
        return None
    shift = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if shift > FURTHEST:
        return None
    return timezone(shift if match[1] == "+" else -shift)


def time_zone(text: str) -> tzinfo:
    """The zone that a text names: an IANA name, an offset such as +01:00, or UTC.

    Raises
    ------
    InputError
        Saying what to write.
    """
    if offset := offset_of(re.sub(r"^(.\d\d):(\d\d)$", r"\1\2", text)):
        return offset
    if text in ("UTC", "Z"):
        return UTC
    try:
        if not text or text.startswith(NO_PLACES):
            raise ValueError
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # not found, no name, a folder of names
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise InputError(
            f"the time zone {shown!r} is not known; write an IANA name such as Europe/Berlin, or "
            "an offset such as +01:00"
        ) from None


def on_clock(instant: datetime, zone: tzinfo) -> datetime:
    """The same reading of a clock, now known to be of `zone`, as a fixed offset.

    Raises
    ------
    InputError
        For a reading that the zone has twice, or not at all, as its clocks are changed.
    """
    first, second = (instant.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    offset = first.utcoffset()
    if offset is None or offset != second.utcoffset():
        raise InputError(
            f"{instant:%Y-%m-%d %H:%M} comes twice or not at all in {zone}, where clocks are "
            "changed; give the offset then, such as +01:00, in place of the zone's name"
        )
    return first.replace(tzinfo=timezone(offset))
