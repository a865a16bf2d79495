"""Instants in DICOM headers, and the instant that activity values refer to.

A date and a time are joined with `TimezoneOffsetFromUTC`, or the offset that another time of the
header carries. Where there is none, the clock is an unknown local one: the instant is `UNSTATED`,
so that differences within the study are right, and the note `ZONE_NOTE` says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from opensirt.clock import UNSTATED, offset_of
from opensirt.errors import DicomError
from opensirt.io.dicom_files import items, number, numbers, title

__all__ = [
    "ZONE_NOTE",
    "Timing",
    "acquisition_instant",
    "half_life",
    "instant",
    "nm_timing",
    "pet_timing",
    "start_of",
    "zone_notes",
]

ZONE_NOTE = "time zone not stated (TimezoneOffsetFromUTC); good for differences on one clock only"

DECAY_FACTOR_TOLERANCE = 0.02
"""Largest relative difference between `DecayFactor` and the one that the times imply."""
CLOCK_ROUNDING_S = 1.0
"""Headers cut one of two equal times to whole seconds."""

LONGEST_SCAN_S = 6 * 3600.0
"""No scan takes longer: a date that was not moved on at midnight, or a clock, is wrong."""

LONGEST_WAIT_S = 30 * 86400.0
"""Nothing given so long ago is seen in a scan."""

MS_PER_S = 1000.0
_WITH_OFFSET = ("AcquisitionDateTime", "DecayCorrectionDateTime")
"""Attributes that may carry the offset of the header's clock at their end."""


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """When values of an activity image hold.

    `factors` (one per slice) bring each slice to `reference`; None where they are all there.
    """

    reference: datetime | None
    decay_correction: str
    notes: tuple[str, ...] = ()
    factors: npt.NDArray[np.float64] | None = None


def instant(dataset: Dataset, date_keyword: str, time_keyword: str, name: str) -> datetime | None:
    """The instant of a DA and a TM attribute; None where either is empty."""
    day, clock = title(dataset, date_keyword, name), title(dataset, time_keyword, name)
    if not day or not clock:
        return None
    return datetime.combine(
        _date(day, date_keyword, name), _time(clock, time_keyword, name), _zone(dataset, name)
    )


def combined(dataset: Dataset, keyword: str, name: str) -> datetime | None:
    """The instant of a DT attribute; None where empty. A date without hours is an error."""
    text = title(dataset, keyword, name)
    if not text:
        return None
    match = re.fullmatch(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)([+-]\d{4})?", text)
    if match is None:
        raise DicomError(f"{name}: {keyword} is not a date with time (YYYYMMDDHHMMSS)")
    zone = _offset(match[3], keyword, name) if match[3] else _zone(dataset, name)
    return datetime.combine(_date(match[1], keyword, name), _time(match[2], keyword, name), zone)


def zone_notes(dataset: Dataset, name: str) -> tuple[str, ...]:
    """`ZONE_NOTE` where the header does not state its time zone."""
    return (ZONE_NOTE,) if _zone(dataset, name) is UNSTATED else ()


def acquisition_instant(dataset: Dataset, name: str) -> datetime | None:
    """When the data were acquired: AcquisitionDateTime, else AcquisitionDate and Time."""
    return combined(dataset, "AcquisitionDateTime", name) or instant(
        dataset, "AcquisitionDate", "AcquisitionTime", name
    )


def pet_timing(headers: Sequence[Dataset], name: str) -> Timing:
    """The instant that PET values are corrected to, from DecayCorrection.

    START: the start of the scan. ADMIN: RadiopharmaceuticalStartDateTime. NONE: each slice holds at
    its own acquisition; slices of later bed positions are brought to the earliest.

    Raises
    ------
    DicomError
        DecayCorrection missing or unknown, or the instant it needs is missing or contradictory.
    """
    explicit = combined(headers[0], "DecayCorrectionDateTime", name)
    if explicit is not None and title(headers[0], "DecayCorrected", name) == "YES":
        return Timing(explicit, "START", zone_notes(headers[0], name))
    kinds = {title(header, "DecayCorrection", name) for header in headers}
    kind = kinds.pop() if len(kinds) == 1 else "several values"
    notes = zone_notes(headers[0], name)
    if kind == "START":
        reference, more = _scan_start(headers, name)
        return Timing(reference, kind, notes + more)
    if kind == "ADMIN":
        given = _administered(headers[0], name)
        _require_before_scan(given, headers, name)
        return Timing(given, kind, notes)
    if kind == "NONE":
        return _uncorrected(headers, name, notes)
    raise DicomError(
        f"{name}: DecayCorrection must be NONE, START or ADMIN, found {kind or 'nothing'}"
    )


def nm_timing(header: Dataset, name: str, *, absolute: bool) -> Timing:
    """The instant of an NM image: its acquisition, or what DecayCorrection says.

    Relative counts need no instant; an image in Bq/mL does. One that says it is decay corrected
    (CorrectedImage has DECY) must say to when.
    """
    if title(header, "DecayCorrection", name) in ("START", "ADMIN"):
        return pet_timing([header], name)
    acquired = acquisition_instant(header, name)
    corrected = "DECY" in title(header, "CorrectedImage", name).split("\\")
    if absolute and corrected:
        raise DicomError(
            f"{name}: CorrectedImage says decay corrected, but DecayCorrection does not say to when"
        )
    if absolute and acquired is None:
        raise DicomError(f"{name}: AcquisitionDate and AcquisitionTime are needed for Bq/mL")
    if acquired is None:
        return Timing(None, "", ("no AcquisitionDate and AcquisitionTime in the header",))
    return Timing(acquired, "" if corrected else "NONE", zone_notes(header, name))


def _administered(header: Dataset, name: str) -> datetime:
    for item in items(header, "RadiopharmaceuticalInformationSequence", name):
        start = start_of(header, item, "RadiopharmaceuticalStartDateTime", name)
        if start is not None:
            return start
    raise DicomError(
        f"{name}: DecayCorrection is ADMIN, which needs RadiopharmaceuticalStartDateTime; "
        "a time without its date could be a day off"
    )


def _require_before_scan(given: datetime, headers: Sequence[Dataset], name: str) -> None:
    """Refuse an administration after the scan, or weeks before it: a date is off."""
    times = [t for header in headers if (t := acquisition_instant(header, name)) is not None]
    if not times:
        return
    late_s = (min(times) - given).total_seconds()
    if not -CLOCK_ROUNDING_S <= late_s <= LONGEST_WAIT_S:
        side = "before" if late_s > 0 else "after"
        raise DicomError(
            f"{name}: RadiopharmaceuticalStartDateTime, to which DecayCorrection ADMIN refers, "
            f"lies {abs(late_s) / 3600:.1f} h {side} the scan; which of the two is wrong?"
        )


def start_of(header: Dataset, item: Dataset, keyword: str, name: str) -> datetime | None:
    """A DT attribute of an item; the zone, where absent, is that of the whole header."""
    start = combined(item, keyword, name)
    if start is None:
        return None
    stated = re.search(r"[+-]\d{4}$", title(item, keyword, name))
    return start if stated else start.replace(tzinfo=_zone(header, name))


def _scan_start(headers: Sequence[Dataset], name: str) -> tuple[datetime, tuple[str, ...]]:
    """Start of the scan for DecayCorrection START, not fooled by series rewritten later."""
    series = {instant(header, "SeriesDate", "SeriesTime", name) for header in headers}
    if len(series) != 1 or None in series:
        raise DicomError(
            f"{name}: DecayCorrection is START, which needs one SeriesDate and SeriesTime"
        )
    start = series.pop()
    assert start is not None
    timed = [(t, h) for h in headers if (t := acquisition_instant(h, name)) is not None]
    if not timed:
        return start, ()
    first, header = min(timed, key=lambda pair: pair[0])
    late_s = (start - first).total_seconds()
    if late_s > CLOCK_ROUNDING_S or _is_early(header, -late_s, name):
        return _rewritten_start(first, header, start, name)
    return start, ()


def _is_early(header: Dataset, early_s: float, name: str) -> bool:
    """Whether a start of scan long before the first acquisition contradicts its DecayFactor."""
    factor, half_life_s = number(header, "DecayFactor", name), half_life(header, name)
    if factor and half_life_s:
        decayed = float(np.exp2(early_s / half_life_s))
        return decayed > 1.0 + DECAY_FACTOR_TOLERANCE and _is_of_one_frame(header, factor, name)
    return early_s > LONGEST_SCAN_S


def _is_of_one_frame(header: Dataset, factor: float, name: str) -> bool:
    """Whether a DecayFactor is 1, or that of the decay within the frame alone."""
    half_life_s, frame_ms = half_life(header, name), number(header, "ActualFrameDuration", name)
    within = 1.0
    if half_life_s and frame_ms:
        decays = np.log(2.0) / half_life_s * frame_ms / MS_PER_S
        within = float(decays / -np.expm1(-decays))
    return min(abs(factor - within), abs(factor - 1.0)) < DECAY_FACTOR_TOLERANCE


def _rewritten_start(
    first: datetime, header: Dataset, series: datetime, name: str
) -> tuple[datetime, tuple[str, ...]]:
    """Start of the scan where SeriesTime is not that of the first acquisition, so not the scan's.

    The earliest acquisition is taken only where DecayFactor of that slice confirms that nothing but
    the decay within its own frame was corrected.
    """
    factor = number(header, "DecayFactor", name)
    apart_s = (series - first).total_seconds()
    when = "later than" if apart_s > 0 else "long before"
    told = factor and half_life(header, name)
    if apart_s > 0:  # the decay within the frame must be known to tell it from a longer one
        told = told and number(header, "ActualFrameDuration", name)
    if factor and told and _is_of_one_frame(header, factor, name):
        place = "after" if apart_s > 0 else "before"
        note = (
            f"SeriesTime is {abs(apart_s):.0f} s {place} acquisition; the "
            "first AcquisitionTime, confirmed by DecayFactor, is the decay reference"
        )
        return first, (note,)
    raise DicomError(
        f"{name}: SeriesTime is {when} AcquisitionTime, so it is not the start of scan that "
        "DecayCorrection START refers to; send the original series"
    )


def _uncorrected(headers: Sequence[Dataset], name: str, notes: tuple[str, ...]) -> Timing:
    """Values as measured: bring every slice to the earliest acquisition."""
    if any("DECY" in title(header, "CorrectedImage", name).split("\\") for header in headers):
        raise DicomError(
            f"{name}: DecayCorrection is NONE, and CorrectedImage says that decay was corrected "
            "(DECY): which is it?"
        )
    times = [acquisition_instant(header, name) for header in headers]
    known = [t for t in times if t is not None]
    if len(known) != len(times):
        raise DicomError(
            f"{name}: DecayCorrection is NONE, which needs AcquisitionDate and AcquisitionTime"
        )
    first = min(known)
    late_s = np.array([(t - first).total_seconds() for t in known])
    if not late_s.any():
        return Timing(first, "NONE", notes)
    if late_s.max() > LONGEST_SCAN_S:
        raise DicomError(
            f"{name}: slices were acquired up to {late_s.max() / 3600:.1f} h apart, longer than "
            "any scan; AcquisitionDate must move on at midnight"
        )
    half_life_s = half_life(headers[0], name)
    if not half_life_s:
        raise DicomError(
            f"{name}: slices acquired up to {late_s.max():.0f} s apart without decay correction "
            "need RadionuclideHalfLife"
        )
    note = f"slices acquired up to {late_s.max():.0f} s later were brought to the first acquisition"
    return Timing(first, "NONE", (*notes, note), np.exp2(late_s / half_life_s))


def half_life(header: Dataset, name: str) -> float | None:
    """RadionuclideHalfLife, s, None where absent or not positive."""
    for item in items(header, "RadiopharmaceuticalInformationSequence", name):
        found = numbers(item, "RadionuclideHalfLife", name)
        if found and found[0] > 0:
            return found[0]
    return None


def _zone(dataset: Dataset, name: str) -> timezone:
    text = title(dataset, "TimezoneOffsetFromUTC", name)
    if text:
        return _offset(text, "TimezoneOffsetFromUTC", name)
    inner = items(dataset, "RadiopharmaceuticalInformationSequence", name)
    for holder, keyword in (
        *((dataset, keyword) for keyword in _WITH_OFFSET),
        *((item, "RadiopharmaceuticalStartDateTime") for item in inner),
    ):
        if stated := re.search(r"[+-]\d{4}$", title(holder, keyword, name)):
            return _offset(stated[0], keyword, name)
    return UNSTATED


def _offset(text: str, keyword: str, name: str) -> timezone:
    found = offset_of(text)
    if found is None:
        raise DicomError(f"{name}: {keyword} has no valid offset from UTC such as +0100")
    return found


def _date(text: str, keyword: str, name: str) -> date:
    match = re.fullmatch(r"(\d{4})[.]?(\d{2})[.]?(\d{2})", text)
    try:
        if match is None:
            raise ValueError
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise DicomError(f"{name}: {keyword} is not a date (YYYYMMDD)") from None


def _time(text: str, keyword: str, name: str) -> time:
    match = re.fullmatch(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?", text)
    try:
        if match is None:
            raise ValueError
        second = min(int(match[3] or 0), 59)  # a leap second is written 60
        return time(int(match[1]), int(match[2] or 0), second, int((match[4] or "0").ljust(6, "0")))
    except ValueError:
        raise DicomError(f"{name}: {keyword} is not a time (HHMMSS)") from None
