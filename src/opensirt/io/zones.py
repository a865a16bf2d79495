"""The time zone of a study's clocks: as its headers state it, or as the user states it for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

from opensirt.asking import option
from opensirt.case import Case, StudyImage
from opensirt.clock import is_unstated, on_clock, time_zone
from opensirt.findings import Finding
from opensirt.io.dicom_times import ZONE_NOTE

__all__ = ["with_time_zone"]


def with_time_zone(case: Case, stated: str | None) -> Case:
    """The case with its times on the clock of a zone, where their headers state none.

    Parameters
    ----------
    stated : str, optional
        An IANA name or an offset. A header that states its own offset keeps it; a finding says so
        where the two differ. Without it, headers that state one beside others that do not are a
        finding.

    Raises
    ------
    InputError
        An unknown zone, or a time that the zone has twice.
    """
    timed = [image for image in case.images if image.acquired]
    if stated is None:
        if len({image.acquired and is_unstated(image.acquired) for image in timed}) > 1:
            text = (
                "some images state their time zone and others do not (TimezoneOffsetFromUTC), so "
                "decay between them may be wrong by the offset; state it with "
                f"{option('time-zone')}"
            )
            return case.with_findings(Finding("warn", "time-zone-unknown", text))
        return case
    zone = time_zone(stated)
    images = tuple(_with_zone(image, zone, stated) for image in case.images)
    return replace(case, images=images).with_findings(
        *(found for image in timed if (found := _difference(image, zone, stated)))
    )


def _with_zone(image: StudyImage, zone: tzinfo, stated: str) -> StudyImage:
    if image.acquired is None or not is_unstated(image.acquired):
        return image
    acquired = on_clock(image.acquired, zone)
    volume = image.volume
    if volume.time == image.acquired:
        volume = replace(volume, time=acquired)
    note = f"time zone {stated}, as stated for this study; its header states none"
    notes = tuple(note if known == ZONE_NOTE else known for known in image.notes)
    return replace(image, acquired=acquired, volume=volume, notes=notes)


def _difference(image: StudyImage, zone: tzinfo, stated: str) -> Finding | None:
    acquired = image.acquired
    if acquired is None or is_unstated(acquired):
        return None
    if acquired.utcoffset() == acquired.astimezone(zone).utcoffset():
        return None
    text = (
        f"{image.label!r} states the offset {acquired:%z}, which is not that of {stated}; its own "
        "is used."
    )
    return Finding("warn", "time-zone-differs", text)
