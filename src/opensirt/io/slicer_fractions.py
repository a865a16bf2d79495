"""Slicer segmentations whose voxels hold covered fractions: "Fractional labelmap"."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from opensirt.errors import FileFormatError

__all__ = ["FractionRange", "fraction_range", "is_fractional"]

FractionRange = tuple[float, float]
"""The values of a voxel outside and of one wholly inside."""

REPRESENTATIONS = ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation")
_RANGE_KEY = re.compile(r"^Seg\w*_ScalarRange$")
LEAST_REACHED = 0.25
"""Part of a stated range that the highest voxel reaches in any region worth a figure."""
SLICER_RANGES = {"i1": (-108.0, 108.0), "u1": (0.0, 216.0)}
"""Slicer counts 6 x 6 x 6 points of each voxel, and may count from the middle."""


def is_fractional(image: sitk.Image) -> bool:
    """Whether the header of a `.seg.nrrd` says that its voxels hold fractions."""
    stated = [image.GetMetaData(key) for key in REPRESENTATIONS if image.HasMetaDataKey(key)]
    return any(text.strip().casefold() == "fractional labelmap" for text in stated)


def fraction_range(image: sitk.Image, values: npt.NDArray[np.generic], path: Path) -> FractionRange:
    """What stands for outside and wholly inside, by the header, else by the values.

    Without a range in the header it is one that ends where the values do: 0 to 1, that of Slicer,
    or 0 to the largest number of the type.

    Raises
    ------
    FileFormatError
        When neither says it, or values lie outside the range.
    """
    low, high = float(values.min()), float(values.max())
    if stated := _stated(image, path):
        if not (stated[0] <= low and high <= stated[1] and stated[0] < stated[1]):
            raise FileFormatError(
                f"{path.name}: ScalarRange says {stated[0]:g} to {stated[1]:g}, and voxels hold "
                f"{low:g} to {high:g}; save the segmentation again"
            )
        if high < LEAST_REACHED * stated[1]:
            raise FileFormatError(
                f"{path.name}: ScalarRange says {stated[0]:g} to {stated[1]:g}, and no voxel has "
                f"more than {high:g}: no region would be whole anywhere; save it again"
            )
        return stated
    known = [(0.0, 1.0)]
    if values.dtype.kind in "ui":
        known.append((0.0, float(np.iinfo(values.dtype.name).max)))
    known += [both for kind, both in SLICER_RANGES.items() if values.dtype == np.dtype(kind)]
    for least, most in known:
        if high == most and (low == least or least == 0.0 <= low):
            return least, most
    raise FileFormatError(
        f"{path.name}: a fractional labelmap of values {low:g} to {high:g}, which do not say what "
        "stands for a whole voxel; save it as a binary labelmap"
    )


def _stated(image: sitk.Image, path: Path) -> FractionRange | None:
    """The range that the header states, the same for every segment; None where it states none."""
    texts = {image.GetMetaData(key) for key in image.GetMetaDataKeys() if _RANGE_KEY.match(key)}
    if not texts:
        return None
    try:
        ((low, high),) = {tuple(float(part) for part in text.split()) for text in texts}
    except ValueError:
        raise FileFormatError(
            f"{path.name}: ScalarRange must be two numbers, the same for every segment; save the "
            "segmentation again"
        ) from None
    return low, high
