"""Coded concepts of the written objects: SNOMED CT, DICOM and UCUM codes, and our own few.

Codes are those of DICOM PS3.16 (context groups 7150, 7151, 10061, 84), which names SNOMED CT
concepts free of charge for use in DICOM. A quantity that has no standard code found there uses the
private scheme `99OPENSIRT`, described in each object that uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from highdicom.sr import CodedConcept

from opensirt.errors import unknown_name

__all__ = [
    "LIVER",
    "OWN_SCHEME",
    "Quantity",
    "RegionCodes",
    "quantity",
    "region_codes",
    "unit_code",
]

OWN_SCHEME = "99OPENSIRT"


def _sct(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "SCT", meaning)


def _own(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, OWN_SCHEME, meaning)


ANATOMY = _sct("91723000", "Anatomical Structure")
ABNORMAL = _sct("49755003", "Morphologically Abnormal Structure")
FUNCTION = _sct("246464006", "Function")
TISSUE = _sct("85756007", "Tissue")
LIVER = _sct("10200004", "Liver")
LUNG = _sct("39607008", "Lung")
TOMOGRAPHIC_ACTIVITY = CodedConcept("110821", "DCM", "Nuclear Medicine Tomographic Activity")
RADIOTHERAPY = _sct("309903007", "Radiotherapy")


@dataclass(frozen=True, slots=True)
class RegionCodes:
    """What a region is: category, type, side of a paired organ, and the organ it lies in."""

    category: CodedConcept
    kind: CodedConcept
    side: CodedConcept | None = None
    site: CodedConcept | None = None


_REGIONS = {
    "liver": RegionCodes(ANATOMY, LIVER),
    "tumour": RegionCodes(ABNORMAL, _sct("108369006", "Neoplasm"), site=LIVER),
    "perfused": RegionCodes(FUNCTION, _sct("371863001", "Perfusion"), site=LIVER),
    "lungs": RegionCodes(ANATOMY, LUNG, _sct("51440002", "Right and left")),
    "lung-left": RegionCodes(ANATOMY, LUNG, _sct("7771000", "Left")),
    "lung-right": RegionCodes(ANATOMY, LUNG, _sct("24028007", "Right")),
    "necrosis": RegionCodes(ABNORMAL, _sct("6574001", "Necrosis"), site=LIVER),
    "gallbladder": RegionCodes(ANATOMY, _sct("28231008", "Gallbladder")),
    "stomach": RegionCodes(ANATOMY, _sct("69695003", "Stomach")),
    "bowel": RegionCodes(ANATOMY, _sct("113276009", "Intestine")),
    "body": RegionCodes(ANATOMY, _sct("38266002", "Entire body")),
    "other": RegionCodes(TISSUE, TISSUE),
}


def region_codes(role: str) -> RegionCodes:
    """Codes of a region role."""
    return _REGIONS[role]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured quantity: its code and the units it may be given in."""

    code: CodedConcept
    units: tuple[str, ...]


def _dcm(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "DCM", meaning)


_QUANTITIES = {
    "volume": Quantity(_sct("118565006", "Volume"), ("mL",)),
    "mass": Quantity(_sct("118538004", "Mass"), ("g",)),
    "mean-absorbed-dose": Quantity(_dcm("128533", "Mean Absorbed Radiation Dose"), ("Gy",)),
    "minimum-absorbed-dose": Quantity(_dcm("128532", "Minimum Absorbed Radiation Dose"), ("Gy",)),
    "maximum-absorbed-dose": Quantity(_dcm("128531", "Maximum Absorbed Radiation Dose"), ("Gy",)),
    "activity-fraction": Quantity(
        _own("ACTIVITY-SHARE", "Fraction of the delivered activity"), ("1", "%")
    ),
    "activity": Quantity(_own("ACTIVITY", "Activity at injection"), ("Bq", "MBq")),
    "bed": Quantity(_own("BED", "Biologically effective dose"), ("Gy",)),
    "eud": Quantity(_own("EUD", "Equivalent uniform dose"), ("Gy",)),
    "v-limit-fraction": Quantity(
        _own("V-LIMIT", "Fraction of the volume at or above the limit dose"), ("1", "%")
    ),
}
_UNITS = {
    "Gy": "Gy", "mL": "milliliter", "g": "gram", "Bq": "becquerel", "MBq": "megabecquerel",
    "1": "no units", "%": "Percent", "Bq/ml": "Becquerels/milliliter",
}  # fmt: skip


def quantity(key: str) -> Quantity:
    """The quantity of a key: "volume", "mean-absorbed-dose", "d70", "v50gy", "bed" and so on.

    Raises
    ------
    UnknownNameError
    """
    if key in _QUANTITIES:
        return _QUANTITIES[key]
    if match := re.fullmatch(r"d(\d+(?:\.\d+)?)", key):
        percent = match[1]
        meaning = f"Least dose to the hottest {percent} % of the volume"
        return Quantity(_own(f"D{percent}", meaning), ("Gy",))
    if match := re.fullmatch(r"v(\d+(?:\.\d+)?)gy", key):
        meaning = f"Fraction of the volume with {match[1]} Gy or more"
        return Quantity(_own(f"V{match[1]}GY", meaning), ("1", "%"))
    raise unknown_name("quantity", key, (*_QUANTITIES, "d70", "v50gy"))


def unit_code(unit: str) -> CodedConcept:
    """The UCUM code of a unit such as "Gy" or "mL"."""
    if unit not in _UNITS:
        raise unknown_name("unit", unit, _UNITS)
    return CodedConcept(unit, "UCUM", _UNITS[unit])
