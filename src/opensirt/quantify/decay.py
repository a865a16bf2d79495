"""Activity carried from one instant to another by physical decay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from opensirt.asking import option, together
from opensirt.clock import in_words, is_unstated
from opensirt.errors import InputError
from opensirt.image import Volume
from opensirt.physics.nuclides import Nuclide, decay_factor, nuclide_names
from opensirt.physics.nuclides import nuclide as nuclide_of
from opensirt.units import Unit

__all__ = ["at_injection", "decay_between", "injection_is_unknown", "lost_fraction"]


def injection_is_unknown() -> str:
    """What to say where nothing tells the time of injection."""
    return (
        "the time of injection is not known; give it, in case.toml under [treatment] 'injected' "
        f"or with {together('given-gbq', 'injected')}"
    )


def decay_between(nuclide: Nuclide, start: datetime, end: datetime) -> float:
    """Factor on an activity from `start` to `end`; above 1 when `end` is the earlier one.

    Raises
    ------
    InputError
        When an instant has no time zone, or only one of them has a zone that is known.
    """
    for instant in (start, end):
        if instant.tzinfo is None:
            raise InputError(f"the time {instant} has no time zone; give one, for example +00:00")
    if is_unstated(start) != is_unstated(end):
        raise InputError(
            f"{in_words(start)} and {in_words(end)} cannot be compared: one is of a clock whose "
            "time zone its DICOM header does not state (TimezoneOffsetFromUTC); state it with "
            f"{option('time-zone')}, or time_zone in case.toml under [case], such as Europe/Berlin"
        )
    return float(decay_factor(nuclide, (end - start).total_seconds()))


def lost_fraction(nuclide: Nuclide, delay_s: float) -> float:
    """Part of an activity that decays during `delay_s` (s), as between assay and injection."""
    if not delay_s >= 0:
        raise InputError(f"the delay must be 0 s or more, got {delay_s}")
    return 1.0 - float(decay_factor(nuclide, delay_s))


def at_injection(image: Volume, nuclide: str, injection: datetime | None) -> Volume:
    """An activity image in Bq/mL carried back to the time of injection.

    Parameters
    ----------
    image : Volume, Bq/mL
        `time` is the aware instant its values belong to, or "injection" where they do already.
    nuclide : str
        The nuclide that decays; an image naming another one is refused.
    injection : datetime (aware), optional
        Needed unless the image is at "injection".

    Returns
    -------
    Volume, Bq/mL float32, at "injection".
    """
    values = image.require(Unit.BQ_PER_ML)
    isotope = nuclide_of(nuclide)
    if image.nuclide is not None and image.nuclide != isotope.name:
        known = image.nuclide if image.nuclide in nuclide_names() else repr(image.nuclide)
        raise InputError(
            f"the image shows {known}, not {isotope.name}; its activity is not the treatment's"
        )
    factor = 1.0
    if image.time != "injection":
        factor = _factor_to_injection(image, isotope, injection)
    scaled = np.asarray(values, dtype=np.float32) * np.float32(factor)
    return replace(image, values=scaled, nuclide=isotope.name, time="injection")


def _factor_to_injection(image: Volume, isotope: Nuclide, injection: datetime | None) -> float:
    if not isinstance(image.time, datetime):
        raise InputError(
            f"the activity image states no instant (got {image.time!r}); give its acquisition "
            "time, in DICOM AcquisitionDateTime and DecayCorrection, in case.toml 'acquired'"
        )
    if injection is None:
        raise InputError(injection_is_unknown())
    factor = 1.0 / decay_between(isotope, injection, image.time)
    if factor < 1.0:
        raise InputError(
            f"the image ({image.time}) is older than the injection ({injection}); check both times"
        )
    return factor
