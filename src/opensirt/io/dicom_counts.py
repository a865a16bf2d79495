"""Slices that headers say there are, against the slices held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import DicomError
from opensirt.io.dicom_files import integer, number
from opensirt.io.dicom_frames import Frame

__all__ = ["check_slices"]

LARGEST = 2**31
"""No whole number of DICOM is larger."""
APART = 1.5
"""Slices further apart than this many of their thicknesses leave something between them; a gap of
this many others is no rounding."""
SAME_SPACING = 0.02
"""A stated distance this close, over itself, to the one found is the same."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Slices of one stack, in order: their usual distance, and what headers say of them."""

    count: int
    step_mm: float
    thickness_mm: float | None
    spacing_mm: float | None
    declared: int
    numbers: npt.NDArray[np.float64]
    """InstanceNumber of each; empty where one has none."""

    @classmethod
    def of(cls, ordered: Sequence[Frame], step_mm: float, name: str) -> _Held:
        headers = [frame.instance.header for frame in ordered]
        counts = {integer(header, "NumberOfSlices", name) for header in headers}
        numbers = [integer(header, "InstanceNumber", name) for header in headers]
        known = [n for n in numbers if n is not None and abs(n) < LARGEST]
        stated = number(headers[0], "SpacingBetweenSlices", name)
        return cls(
            len(ordered), step_mm, ordered[0].thickness_mm, abs(stated) if stated else None,
            max(filter(None, counts), default=len(ordered)),
            np.array(known if len(known) == len(ordered) else [], dtype=np.float64),
        )  # fmt: skip

    @property
    def is_apart(self) -> bool:
        """True where slices are thinner than their distance."""
        return bool(self.thickness_mm and self.step_mm > APART * self.thickness_mm)

    @property
    def is_as_stated(self) -> bool:
        """True where SpacingBetweenSlices is the distance found."""
        stated = self.spacing_mm
        return bool(stated and abs(stated - self.step_mm) <= SAME_SPACING * self.step_mm)

    def of_distance(self) -> str:
        """Why slices seem to lie too far from each other, "" where they do not."""
        if self.spacing_mm and self.step_mm > APART * self.spacing_mm:
            return f"should lie {self.spacing_mm:.2f} mm apart (SpacingBetweenSlices)"
        if self.is_apart and not self.is_as_stated:
            return f"are {self.thickness_mm:.2f} mm thick (SliceThickness)"
        return ""

    def of_number(self) -> str:
        """Why slices seem to be too few, "" where they do not."""
        if self.declared > self.count:
            return f"NumberOfSlices is {self.declared}, {self.count} are here"
        if self.numbers.size and np.median(np.abs(np.diff(self.numbers))) > 1:
            return "InstanceNumber skips between neighbours"
        return ""


def check_slices(
    ordered: Sequence[Frame], heights_mm: npt.NDArray[np.float64], name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes, and doubts that somebody must see: slices fewer or further apart than headers say.

    Parameters
    ----------
    ordered : Frames along the normal
    heights_mm : (slices,)
        Where they lie along it.

    Raises
    ------
    DicomError
        Where their number and their distance both say that slices were lost.
    """
    if len(ordered) < 2:
        return (), ()
    gaps_mm = np.diff(heights_mm)
    step_mm = float(np.median(gaps_mm))
    held = _Held.of(ordered, step_mm, name)
    uneven = _uneven(held, gaps_mm, name)
    far, few = held.of_distance(), held.of_number()
    one_object = len({id(frame.instance) for frame in ordered}) < held.count
    if far and few and not one_object:
        raise DicomError(
            f"{name}: slices are missing: they lie {step_mm:.2f} mm apart and {far}, and {few}; "
            "send the whole series"
        )
    notes, doubts = [], list(uneven)
    if held.is_apart:
        notes.append(
            f"slices of {held.thickness_mm:.2f} mm (SliceThickness) lie {step_mm:.2f} mm apart; "
            "what is between them was not imaged"
        )
    if few:
        doubts.append(f"slices may be missing: {few}")
    elif far and not held.is_apart:
        doubts.append(f"slices may be missing: they lie {step_mm:.2f} mm apart and {far}")
    return tuple(notes), tuple(doubts)


def _uneven(held: _Held, gaps_mm: npt.NDArray[np.float64], name: str) -> list[str]:
    """What to say of gaps that differ by more than rounding; an error where numbers skip there."""
    least, most = float(gaps_mm.min()), float(gaps_mm.max())
    if most <= APART * least:
        return []
    wide = gaps_mm > np.sqrt(least * most)
    if held.numbers.size:
        skipped = np.abs(np.diff(held.numbers))
        if np.median(skipped[wide]) > np.median(skipped[~wide]):
            raise DicomError(
                f"{name}: slices are missing: gaps of {least:.2f} and of {most:.2f} mm, and "
                "InstanceNumber skips where they are wide; send the whole series"
            )
    return [
        f"slices may be missing: {np.count_nonzero(wide)} gaps of up to {most:.2f} mm among gaps "
        f"of {least:.2f} mm were filled by linear interpolation"
    ]
