"""What stored values of an emission image mean: unit, scale and nuclide.

`Units` of PET, or a real world value mapping (`dicom_real_world`), decide. Only Bq/mL is activity
and only counts are relative activity; every other unit is refused by keyword and value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset

from opensirt.clock import in_words
from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_files import items, number, title
from opensirt.io.dicom_times import CLOCK_ROUNDING_S, half_life, start_of
from opensirt.units import BQ_PER_MBQ, Unit

__all__ = [
    "administration",
    "emission_unit",
    "nuclide_in_text",
    "nuclide_of",
]

LEAST_INJECTED_BQ = 1e5
"""A total dose below this (0.1 MBq) was written in MBq, whatever the standard asks for."""

_REFUSED = {
    "GML": "a standardised uptake value (SUV)",
    "CM2ML": "a standardised uptake value by body surface",
    "PROPCPS": "proportional to counts per second by an unknown factor",
    "PROPCNTS": "proportional to counts by an unknown factor",
    "PCNT": "per cent of something",
    "CPS": "counts per second",
    "NONE": "without unit",
}
_ELEMENTS = {
    "technetium": "tc", "yttrium": "y", "holmium": "ho", "fluorine": "f", "fluor": "f",
    "indium": "in", "gallium": "ga", "germanium": "ge", "iodine": "i", "lutetium": "lu",
    "rhenium": "re", "phosphorus": "p", "copper": "cu", "zirconium": "zr", "carbon": "c",
    "nitrogen": "n", "oxygen": "o", "rubidium": "rb", "thallium": "tl", "samarium": "sm",
    "radium": "ra", "actinium": "ac", "terbium": "tb", "scandium": "sc", "cobalt": "co",
    "caesium": "cs", "cesium": "cs", "xenon": "xe", "krypton": "kr",
}  # fmt: skip
_NAMES = "|".join(sorted({*_ELEMENTS, *_ELEMENTS.values()}, key=len, reverse=True))
_NAME_FIRST = re.compile(rf"(?<![a-z])({_NAMES})[\s^_-]*(\d{{1,3}})(m)?(?![a-z0-9])")
_MASS_FIRST = re.compile(rf"(?<![a-z0-9])(\d{{1,3}})(m)?[\s^_-]*({_NAMES})(?![a-z])")


BY_CASE_FILE = (
    ". Where what wrote it states no more, save the image as NIfTI or NRRD and state role, unit "
    "and nuclide in a case.toml (docs/formats/case-toml.md)"
)
"""The way out for images of software that writes no complete DICOM header."""


def emission_unit(header: Dataset, name: str, *, needed: bool) -> Unit | None:
    """The unit that `Units` names; None where it is absent and not `needed`.

    Raises
    ------
    NotUsableError
        For units that are neither Bq/mL nor counts.
    DicomError
        Where `Units` is needed and missing.
    """
    text = title(header, "Units", name)
    if not text and not needed:
        return None
    if not text:
        raise DicomError(
            f"{name}: Units is missing or empty; only BQML or CNTS can be used{BY_CASE_FILE}"
        )
    if text == "BQML":
        return Unit.BQ_PER_ML
    if text == "CNTS":
        return Unit.COUNTS
    meaning = _REFUSED.get(text, "not a unit known here")
    raise NotUsableError(
        f"{name}: refused as activity: Units is {text}, {meaning}; export the series in BQML"
    )


def nuclide_of(header: Dataset, name: str) -> str | None:
    """Nuclide such as "y90" or "f18" that the header names, None where it names none.

    RadionuclideCodeSequence decides; then the radiopharmaceutical's code and text; for NM the name
    of the energy window.

    Raises
    ------
    DicomError
        Where one attribute names several nuclides.
    """
    drugs = items(header, "RadiopharmaceuticalInformationSequence", name)
    sources = {
        "RadionuclideCodeSequence": _meanings(drugs, "RadionuclideCodeSequence", name),
        "RadiopharmaceuticalCodeSequence": _meanings(
            drugs, "RadiopharmaceuticalCodeSequence", name
        ),
        "Radiopharmaceutical": [title(drug, "Radiopharmaceutical", name) for drug in drugs],
        "EnergyWindowName": [
            title(window, "EnergyWindowName", name)
            for window in items(header, "EnergyWindowInformationSequence", name)
        ],
    }
    for keyword, texts_found in sources.items():
        found = sorted({n for text in texts_found if (n := nuclide_in_text(text)) is not None})
        if len(found) > 1:
            raise DicomError(f"{name}: {keyword} names several nuclides: {', '.join(found)}")
        if found:
            return found[0]
    return None


def nuclide_in_text(text: str) -> str | None:
    """The nuclide written in a text, such as "99mTc-MAA", "^18^Fluorine" or "Yttrium-90"."""
    lowered = text.lower()
    mass_first, name_first = _MASS_FIRST.search(lowered), _NAME_FIRST.search(lowered)
    if mass_first and (name_first is None or mass_first.start() <= name_first.start()):
        mass, state, element = mass_first.groups()
    elif name_first:
        element, mass, state = name_first.groups()
    else:
        return None
    return f"{_ELEMENTS.get(element, element)}{int(mass)}{state or ''}"


def administration(
    header: Dataset, reference: datetime | None, name: str, *, is_pet: bool
) -> tuple[float | None, tuple[str, ...]]:
    """Injected activity at `reference`, Bq, and a note of what the header says.

    RadionuclideTotalDose is in Bq for PET and in MBq for NM. It is carried to `reference` only with
    RadiopharmaceuticalStartDateTime and RadionuclideHalfLife; a clock time without its date is
    noted and not used.
    """
    for item in items(header, "RadiopharmaceuticalInformationSequence", name):
        dose = number(item, "RadionuclideTotalDose", name)
        if not dose or dose <= 0:
            continue
        if is_pet == (dose < LEAST_INJECTED_BQ):
            expected = "Bq" if is_pet else "MBq"
            return None, (f"RadionuclideTotalDose {dose:g} cannot be in {expected}; not used",)
        injected_bq = dose if is_pet else dose * BQ_PER_MBQ
        text = f"injected {injected_bq / BQ_PER_MBQ:.1f} MBq (RadionuclideTotalDose)"
        start = start_of(header, item, "RadiopharmaceuticalStartDateTime", name)
        if start is None:
            clock = title(item, "RadiopharmaceuticalStartTime", name) or "an unknown time"
            return None, (f"{text} at {clock}, date not stated; not carried to the image",)
        text = f"{text} at {in_words(start)}"
        half_life_s = half_life(header, name)
        if reference is None or half_life_s is None:
            return None, (text,)
        late_s = (reference - start).total_seconds()
        if late_s < -CLOCK_ROUNDING_S:
            return None, (f"{text}, after the image; not used",)
        return float(injected_bq * 2.0 ** (-late_s / half_life_s)), (text,)
    return None, ()


def _meanings(drugs: Sequence[Dataset], keyword: str, name: str) -> list[str]:
    return [
        title(code, "CodeMeaning", name) for drug in drugs for code in items(drug, keyword, name)
    ]
