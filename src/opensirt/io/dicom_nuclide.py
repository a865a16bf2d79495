"""The nuclide that an image shows: by name, else by its decay, and whether the two agree."""

from __future__ import annotations

from pydicom.dataset import Dataset

from opensirt.errors import DicomError
from opensirt.io.dicom_files import items, number
from opensirt.io.dicom_times import half_life
from opensirt.io.dicom_units import nuclide_of
from opensirt.physics.nuclides import nuclide, nuclide_names

__all__ = ["shown_nuclide"]

HALF_LIFE_TOLERANCE = 0.015
"""Largest relative difference between a header's half-life and the nuclide's own: 2.7 d for Y-90 is
1.1 % off; the nearest half-life to one of beads is that of Mo-99, 3.0 % off."""
POSITRON_FACTOR = 2.0
"""Most that a header's positron fraction may be over or under the nuclide's own: some round it."""
NO_BEAD_FRACTION = 0.01
"""No nuclide of beads emits a positron as often as this per decay."""


def shown_nuclide(
    header: Dataset, name: str, *, absolute: bool
) -> tuple[str | None, tuple[str, ...]]:
    """Nuclide and notes; a nuclide known by its decay alone is said in words if it is no other.

    Parameters
    ----------
    absolute : bool
        Values are Bq/mL: a decay of another nuclide than the named one makes them wrong.

    Raises
    ------
    DicomError
        Names or decay that contradict each other.
    """
    named = nuclide_of(header, name)
    half_life_s, fraction = half_life(header, name), _positron_fraction(header, name)
    if named is None:
        return _by_decay(half_life_s, fraction)
    if named not in nuclide_names():
        meant, notes = _by_decay(half_life_s, None)
        return (meant, notes) if meant == f"{named}m" else (named, ())
    own = nuclide(named)
    told = []
    if half_life_s is not None and not _same(half_life_s, own.half_life_s):
        told.append(
            f"RadionuclideHalfLife is {half_life_s:g} s, but {named} has {own.half_life_s:g} s"
        )
    if fraction and absolute and not _like(fraction, own.positron_yield):
        told.append(
            f"RadionuclidePositronFraction is {fraction:g}, but {named} has {own.positron_yield:g}"
        )
    if told and absolute:
        raise DicomError(f"{name}: {told[0]}; the header contradicts itself, so Bq/mL is not known")
    return named, tuple(told)


def _by_decay(
    half_life_s: float | None, fraction: float | None
) -> tuple[str | None, tuple[str, ...]]:
    if half_life_s is not None:
        for known in nuclide_names():
            if _same(half_life_s, nuclide(known).half_life_s):
                return known, (
                    f"no nuclide is named; RadionuclideHalfLife, {half_life_s:g} s, is that of "
                    f"{known}",
                )
        return f"a nuclide of half-life {half_life_s:g} s", ()
    if fraction and fraction > NO_BEAD_FRACTION:
        return f"a nuclide of positron fraction {fraction:g}", ()
    return None, ()


def _positron_fraction(header: Dataset, name: str) -> float | None:
    """RadionuclidePositronFraction, None where absent or not positive."""
    for item in items(header, "RadiopharmaceuticalInformationSequence", name):
        found = number(item, "RadionuclidePositronFraction", name)
        if found and found > 0:
            return found
    return None


def _same(stated_s: float, own_s: float) -> bool:
    return abs(stated_s - own_s) <= HALF_LIFE_TOLERANCE * own_s


def _like(stated: float, own: float) -> bool:
    return own / POSITRON_FACTOR <= stated <= own * POSITRON_FACTOR
