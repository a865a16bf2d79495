"""Slices that headers say there are, against the slices held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opensirt.errors import DicomError
from opensirt.io.dicom_files import integer
from opensirt.io.dicom_frames import Frame

__all__ = ["check_slices"]

LARGEST = 2**31
"""No whole number of DICOM is larger."""
APART = 1.5
"""Slices further apart than this many of their thicknesses leave something between them."""


def check_slices(ordered: Sequence[Frame], step_mm: float, name: str) -> tuple[str, ...]:
    """Notes on slices that are thinner than their distance, or fewer than their header declares.

    Parameters
    ----------
    ordered : Frames along the normal
    step_mm : float
        Usual distance of neighbours.

    Raises
    ------
    DicomError
        Where both hold and each slice is a file: those between were lost.
    """
    held = len(ordered)
    if held < 2:
        return ()
    several = len({id(frame.instance) for frame in ordered}) < held
    thickness_mm = ordered[0].thickness_mm
    apart = bool(thickness_mm and step_mm > APART * thickness_mm)
    counts = {integer(frame.instance.header, "NumberOfSlices", name) for frame in ordered}
    declared = max(filter(None, counts), default=held)
    numbers = [integer(frame.instance.header, "InstanceNumber", name) for frame in ordered]
    known = np.array([number for number in numbers if number and abs(number) < LARGEST])
    skips = len(known) == held and bool(np.median(np.abs(np.diff(known))) > 1)
    if not several and apart and (declared > held or skips):
        why = (
            f"NumberOfSlices is {declared}, {held} are here"
            if declared > held
            else "InstanceNumber skips between neighbours"
        )
        raise DicomError(
            f"{name}: slices are missing: they lie {step_mm:.2f} mm apart and are "
            f"{thickness_mm:.2f} mm thick (SliceThickness), and {why}; send the whole series"
        )
    notes = []
    if apart:
        notes.append(
            f"slices of {thickness_mm:.2f} mm (SliceThickness) lie {step_mm:.2f} mm apart; what is "
            "between them was not imaged"
        )
    if declared > held and several:
        notes.append(f"NumberOfSlices is {declared}, and there are {held}")
    elif declared > held:
        notes.append(f"{held} of {declared} slices (NumberOfSlices): a part of the scan")
    return tuple(notes)
