"""Real world value mappings: the value that a header says a stored one stands for.

A mapping to Bq/mL (in any prefix or volume) or to counts is applied: slope, intercept and the
stored values it is for. A table of values, or several mappings by range, are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import items, number, title
from opensirt.units import Unit

__all__ = ["Scale", "mapped_units", "real_world_scale", "require_proportional"]

_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_PER_ML = {"ml": 1.0, "mL": 1.0, "cm3": 1.0, "l": 1e-3, "L": 1e-3}
_UCUM = {
    **{
        f"{prefix}Bq/{volume}": (Unit.BQ_PER_ML, factor * per_ml)
        for prefix, factor in _PREFIXES.items()
        for volume, per_ml in _PER_ML.items()
    },
    "{counts}": (Unit.COUNTS, 1.0), "{cnts}": (Unit.COUNTS, 1.0), "[hnsf'U]": (Unit.HU, 1.0),
}  # fmt: skip
"""UCUM code to unit and factor; upper and lower case differ in UCUM (MBq is not mBq)."""
_SEQUENCE = "RealWorldValueMappingSequence"
_RANGE = ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped")


@dataclass(frozen=True, slots=True)
class Scale:
    """Linear meaning of stored values: `value = slope * stored + intercept` in `unit`.

    It holds for stored values from `first` to `last`.
    """

    slope: float
    intercept: float
    unit: Unit
    first: float = -math.inf
    last: float = math.inf


def real_world_scale(groups: Sequence[Dataset], name: str) -> Scale | None:
    """The real world value mapping of a frame, None where there is none in a unit known here.

    `groups` are looked through in order: per-frame, shared, whole data set. One to Bq/mL is taken
    before one to counts.

    Raises
    ------
    NotUsableError
        A table of values (RealWorldValueLUTData) instead of slope and intercept.
    DicomError
        Slope or intercept missing or senseless, or several mappings to the unit that differ.
    """
    for group in groups:
        found = list(_scales(group, name))
        for unit in (Unit.BQ_PER_ML, Unit.COUNTS, Unit.HU):
            of_unit = list(dict.fromkeys(scale for scale in found if scale.unit is unit))
            if len(of_unit) > 1:
                raise DicomError(
                    f"{name}: {_SEQUENCE} holds {len(of_unit)} mappings to {unit.value} that "
                    "differ; export the series with one for all stored values"
                )
            if of_unit:
                return of_unit[0]
    return None


def mapped_units(groups: Sequence[Dataset], name: str) -> tuple[str, ...]:
    """Codes of every unit that the real world value mappings name, for messages."""
    return tuple(_code(mapping, name) for mapping in _mappings(groups, name))


def require_proportional(groups: Sequence[Dataset], name: str) -> None:
    """Refuse mappings to units not known here under which stored values are not proportional.

    Where every one is a slope alone, stored values are a relative measure as they stand.
    """
    for mapping in _mappings(groups, name):
        slope = number(mapping, "RealWorldValueSlope", name)
        if slope is None or slope <= 0 or number(mapping, "RealWorldValueIntercept", name):
            known = "Bq/ml, kBq/ml, MBq/ml or {counts}"
            raise NotUsableError(
                f"{name}: {_SEQUENCE} maps stored values to {_code(mapping, name) or 'no unit'}, "
                f"not by a slope alone; export the series with a mapping to {known}"
            )


def _mappings(groups: Sequence[Dataset], name: str) -> Iterator[Dataset]:
    return (mapping for group in groups for mapping in items(group, _SEQUENCE, name))


def _code(mapping: Dataset, name: str) -> str:
    codes = items(mapping, "MeasurementUnitsCodeSequence", name)
    return title(codes[0], "CodeValue", name) if codes else ""


def _scales(group: Dataset, name: str) -> Iterator[Scale]:
    for mapping in items(group, _SEQUENCE, name):
        code = _code(mapping, name)
        if code not in _UCUM:
            continue
        unit, factor = _UCUM[code]
        slope = number(mapping, "RealWorldValueSlope", name)
        intercept = number(mapping, "RealWorldValueIntercept", name)
        if slope is None and "RealWorldValueLUTData" in mapping:
            raise NotUsableError(
                f"{name}: RealWorldValueLUTData maps stored values to {code} by a table; export "
                "the series with RealWorldValueSlope and RealWorldValueIntercept"
            )
        if slope is None or intercept is None:
            missing = "Slope" if slope is None else "Intercept"
            raise DicomError(
                f"{name}: RealWorldValue{missing} of the mapping to {code} is missing, and cannot "
                "be guessed"
            )
        if slope <= 0:
            raise DicomError(f"{name}: RealWorldValueSlope is {slope:g}; it must be above 0")
        yield Scale(slope * factor, intercept * factor, unit, *_range(mapping, name))


def _range(mapping: Dataset, name: str) -> tuple[float, float]:
    """The stored values that a mapping is for; all where it does not say."""
    ends = []
    for keyword, otherwise in zip(_RANGE, (-math.inf, math.inf), strict=True):
        value = number(mapping, keyword, name)
        if value is None:
            value = number(mapping, f"DoubleFloat{keyword}", name)
        ends.append(otherwise if value is None else float(value))
    first, last = ends
    if first > last and first >= 1 << 15:
        first -= 1 << 16  # written as unsigned
    if first > last:
        raise DicomError(f"{name}: {_RANGE[0]} is {first:g}, above {_RANGE[1]} {last:g}")
    return first, last
