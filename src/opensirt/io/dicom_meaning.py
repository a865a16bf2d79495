"""What the stored values of a series mean: unit, scale per slice, nuclide, instant, injection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from scipy import ndimage

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import integer, number, printable, texts, title
from opensirt.io.dicom_frames import Frame, find_group
from opensirt.io.dicom_nuclide import shown_nuclide
from opensirt.io.dicom_real_world import (
    Scale,
    mapped_units,
    real_world_scale,
    require_proportional,
)
from opensirt.io.dicom_times import Timing, nm_timing, pet_timing
from opensirt.io.dicom_units import administration, emission_unit
from opensirt.units import Unit

__all__ = ["Meaning", "ct_meaning", "emission_meaning", "is_attenuation_corrected", "mr_meaning"]

SLOPE_TOLERANCE = 1e-3
LARGEST = 1e20
"""Stored whole numbers times this still fit 32-bit floats."""
HIGHEST_PADDING_HU = -1000.0
"""Padding that stands for more than air is only taken off where it touches the picture's edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """How to turn stored values into `unit`: (slope, intercept) per slice as given, and facts."""

    unit: Unit
    scales: tuple[tuple[float, float], ...]
    nuclide: str | None = None
    acquired: datetime | None = None
    decay_correction: str = ""
    injected_bq: float | None = None
    notes: tuple[str, ...] = ()
    mapped: tuple[Scale, ...] = ()
    """Per slice as given, where the scales are of real world value mappings."""

    def require_mapped(self, stored: npt.NDArray[Any], index: int, name: str) -> None:
        """Refuse stored values that the real world value mapping of their slice is not for."""
        if not self.mapped:
            return
        least, most = float(stored.min()), float(stored.max())
        first, last = self.mapped[index].first, self.mapped[index].last
        if least < first or most > last:
            raise DicomError(
                f"{name}: stored values from {least:g} to {most:g}, but the real world value "
                f"mapping holds from {first:g} to {last:g} (RealWorldValueFirstValueMapped, "
                "RealWorldValueLastValueMapped); export the series with a mapping for all"
            )

    def is_padding(self, stored: npt.NDArray[Any], frame: Frame) -> npt.NDArray[np.bool_]:
        """Pixels of a plane that PixelPaddingValue marks as outside the image."""
        header, name = frame.instance.header, frame.instance.path.name
        first = _padding(header, "PixelPaddingValue", name)
        if first is None:
            return np.zeros(stored.shape, dtype=np.bool_)
        last = _padding(header, "PixelPaddingRangeLimit", name)
        low, high = sorted((first, first if last is None else last))
        found = np.asarray((stored >= low) & (stored <= high))
        slope, intercept = _rescale(frame, name, default=(1.0, 0.0))
        if slope * high + intercept <= HIGHEST_PADDING_HU or not found.any():
            return found
        labels, _ = ndimage.label(found)
        edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        return np.asarray(np.isin(labels, edge[edge > 0]))


def ct_meaning(planes: Sequence[Frame], name: str) -> Meaning:
    """Hounsfield units; RescaleSlope and RescaleIntercept are needed on every slice."""
    for plane in planes:
        kind = _rescale_type(plane, name)
        if kind not in ("", "HU", "US"):
            raise NotUsableError(
                f"{name}: RescaleType is {printable(kind)}, not HU; no ordinary CT"
            )
    return Meaning(Unit.HU, tuple(_rescale(plane, name) for plane in planes))


def mr_meaning(planes: Sequence[Frame], name: str) -> Meaning:
    """Arbitrary values that show anatomy."""
    scales = tuple(_rescale(plane, name, default=(1.0, 0.0)) for plane in planes)
    return Meaning(Unit.ARBITRARY, scales)


def emission_meaning(planes: Sequence[Frame], name: str, *, is_pet: bool) -> Meaning:
    """Bq/mL or counts of PET or NM slices, brought to one instant.

    Raises
    ------
    NotUsableError
        Units that are neither.
    DicomError
        Units, RescaleSlope, DecayCorrection or an instant missing or contradictory.
    """
    headers = list({id(p.instance): p.instance.header for p in planes}.values())
    _require_static(headers[0], name)
    unit, scales, mapped = _unit_and_scales(planes, headers, name, is_pet=is_pet)
    absolute = unit is Unit.BQ_PER_ML
    if is_pet:
        timing = pet_timing([p.instance.header for p in planes], name)
    else:
        timing = nm_timing(headers[0], name, absolute=absolute)
    shown = {shown_nuclide(header, name, absolute=absolute) for header in headers}
    if len({isotope for isotope, _ in shown}) > 1:
        raise DicomError(f"{name}: RadionuclideCodeSequence differs between slices")
    isotope, notes = shown.pop()
    injected_bq, injected_notes = administration(headers[0], timing.reference, name, is_pet=is_pet)
    return Meaning(
        unit,
        _corrected(scales, timing),
        isotope,
        timing.reference,
        timing.decay_correction,
        injected_bq,
        (
            *timing.notes,
            *_decay_notes(headers[0], timing.decay_correction, name),
            *notes,
            *injected_notes,
            *_attenuation_notes(headers[0], name),
        ),
        mapped,
    )


def _require_static(header: Dataset, name: str) -> None:
    """Refuse PET that is one part of a heartbeat, a breath or a course of time."""
    kinds = {value.upper() for value in texts(header, "SeriesType", name)}
    if moving := sorted(kinds & {"GATED", "DYNAMIC"}):
        raise NotUsableError(
            f"{name}: SeriesType is {moving[0]}: one phase of many; export the summed image"
        )


def is_attenuation_corrected(header: Dataset, name: str) -> bool | None:
    """Whether CorrectedImage lists attenuation (ATTN); None where it lists nothing."""
    listed = title(header, "CorrectedImage", name)
    return "ATTN" in listed.split("\\") if listed else None


def _unit_and_scales(
    planes: Sequence[Frame], headers: Sequence[Dataset], name: str, *, is_pet: bool
) -> tuple[Unit, list[tuple[float, float]], tuple[Scale, ...]]:
    if len({title(header, "Units", name) for header in headers}) > 1:
        raise DicomError(f"{name}: Units differs between slices")
    text = title(headers[0], "Units", name)
    stated = {"BQML": Unit.BQ_PER_ML, "CNTS": Unit.COUNTS}.get(text)
    mapped = _mapped(planes, stated, name)
    if mapped:
        return mapped[0].unit, [(scale.slope, scale.intercept) for scale in mapped], mapped
    other = mapped_units(planes[0].groups, name)
    if is_pet and other and not text:
        raise NotUsableError(
            f"{name}: refused as activity: MeasurementUnitsCodeSequence names "
            f"{', '.join(other)}, and Units is missing; Bq/ml is needed"
        )
    unit = emission_unit(headers[0], name, needed=is_pet) or Unit.COUNTS
    if unit is Unit.COUNTS:
        for plane in planes:
            require_proportional(plane.groups, name)
    default = None if is_pet or unit is Unit.BQ_PER_ML else (1.0, 0.0)
    return unit, [_rescale(plane, name, default=default) for plane in planes], ()


def _mapped(planes: Sequence[Frame], stated: Unit | None, name: str) -> tuple[Scale, ...]:
    """The mapping of each plane to activity or counts; none where no plane has one.

    One to counts says nothing about an image whose Units are Bq/mL. Where Units say the same, each
    must agree with the plane's own rescaling, which does for planes without one.
    """
    scales = [real_world_scale(plane.groups, name) for plane in planes]
    use = {Unit.BQ_PER_ML} if stated is Unit.BQ_PER_ML else {Unit.BQ_PER_ML, Unit.COUNTS}
    pairs = [(p, s) for p, s in zip(planes, scales, strict=True) if s is not None and s.unit in use]
    found = tuple(scale for _, scale in pairs)
    for plane, scale in pairs:
        if scale.unit is stated:
            _check_agreement(plane, scale, name)
    partial = len(found) < len(planes)
    if partial and all(scale.unit is stated for scale in found):
        return ()
    if found and (partial or len({scale.unit for scale in found}) > 1):
        raise DicomError(
            f"{name}: RealWorldValueMappingSequence gives {found[0].unit.value} on {len(found)} of "
            f"{len(planes)} slices, and not on all the same; export the series again"
        )
    return found


def _check_agreement(plane: Frame, scale: Scale, name: str) -> None:
    """Two statements of the scale in one header must be the same."""
    slope, intercept = _rescale(plane, name, default=(scale.slope, scale.intercept))
    for keyword, one, other, step in (
        ("Slope", slope, scale.slope, 0.0),
        ("Intercept", intercept, scale.intercept, scale.slope),
    ):
        if abs(one - other) > SLOPE_TOLERANCE * max(abs(other), step):
            raise DicomError(
                f"{name}: Rescale{keyword} {one:g} and RealWorldValue{keyword} {other:g}, both for "
                f"{scale.unit.value}, contradict; which holds cannot be guessed"
            )


def _rescale(
    plane: Frame, name: str, *, default: tuple[float, float] | None = None
) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept of a plane; `default` where both are absent.

    Raises
    ------
    DicomError
        When one is missing, or both without a default, or the slope is not positive. It may be 0
        on a slice of nothing but 0 (the reader of pixels looks), for some write those so.
    """
    inner = find_group(plane.groups, "PixelValueTransformationSequence", name)
    group = inner[0] if inner else plane.groups[-1]
    slope, intercept = number(group, "RescaleSlope", name), number(group, "RescaleIntercept", name)
    if slope is None and intercept is None and default is not None:
        return default
    if slope is None:
        raise DicomError(f"{name}: RescaleSlope is missing, and cannot be guessed")
    if slope < 0:
        raise DicomError(f"{name}: RescaleSlope is {slope:g}, which turns more into less; above 0?")
    if max(slope, abs(intercept or 0.0)) > LARGEST:
        raise DicomError(f"{name}: RescaleSlope or RescaleIntercept lie beyond any quantity")
    if intercept is None:
        raise DicomError(f"{name}: RescaleIntercept is missing, and cannot be guessed")
    return slope, intercept


def _rescale_type(plane: Frame, name: str) -> str:
    inner = find_group(plane.groups, "PixelValueTransformationSequence", name)
    return title(inner[0] if inner else plane.groups[-1], "RescaleType", name).upper()


def _padding(header: Dataset, keyword: str, name: str) -> int | None:
    """A padding value in the sign of the stored pixels, however the file wrote it."""
    value = integer(header, keyword, name)
    bits = integer(header, "BitsAllocated", name)
    if value is None or not bits:
        return None
    if integer(header, "PixelRepresentation", name):
        return value - (1 << bits) if value >= 1 << (bits - 1) else value
    return value + (1 << bits) if value < 0 else value


def _corrected(
    scales: Sequence[tuple[float, float]], timing: Timing
) -> tuple[tuple[float, float], ...]:
    if timing.factors is None:
        return tuple(scales)
    pairs = zip(scales, timing.factors.tolist(), strict=True)
    return tuple((slope * factor, intercept * factor) for (slope, intercept), factor in pairs)


def _decay_notes(header: Dataset, correction: str, name: str) -> tuple[str, ...]:
    """That a list of corrections leaves out the decay which DecayCorrection says is in."""
    listed = title(header, "CorrectedImage", name)
    if correction in ("START", "ADMIN") and listed and "DECY" not in listed.split("\\"):
        return (f"DecayCorrection is {correction}, and CorrectedImage has no DECY; taken as done",)
    return ()


def _attenuation_notes(header: Dataset, name: str) -> tuple[str, ...]:
    if is_attenuation_corrected(header, name) is False:
        return ("not corrected for attenuation (CorrectedImage has no ATTN)",)
    return ()
