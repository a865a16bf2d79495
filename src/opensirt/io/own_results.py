"""DICOM objects that opensirt wrote as results, among the files of a study.

An archive gives them back with the images they were made from. They are no input: regions of a
plan beside those of the hospital would be counted with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from opensirt.case import LeftOut
from opensirt.image import Region
from opensirt.io.dicom_common import AS_DRAWN, MANUFACTURER
from opensirt.io.dicom_files import title
from opensirt.io.dicom_frames import Instance
from opensirt.io.region_names import role_from_name, unique_name

__all__ = ["DIGITAL_PATIENT", "STUDY_TIME", "drawn_outlines", "is_own_result", "nearest_to_drawn"]

STUDY_TIME = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""Every digital patient is scanned at this made-up instant, so that its files are the same."""
DIGITAL_PATIENT = "digital patient"
"""What the series of a digital patient are called, which is a study and no result."""
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
COMPARTMENTS = frozenset({
    "whole liver", "perfused volume", "perfused normal liver", "whole normal liver",
    "non-perfused normal liver", "necrosis", "lungs",
})  # fmt: skip
"""Parts that a plan gives doses for, by the names that results have them under."""
ONLY_IN_PLANS = frozenset({"perfused normal liver", "whole normal liver"})
"""Of those, the ones that nobody outlines: a set that has them was written from a plan."""
VIABLE, WHOLE, OUTLINE = " viable", " whole", " (outline)"


def is_own_result(instance: Instance) -> bool:
    """Whether opensirt wrote this object as a result, by what its header states.

    Where whoever made a study anonymous changed the maker, the description of the series tells it.

    The digital patients of opensirt are studies; those written before they said so in their series
    descriptions are known by the instant that all of them were made at.
    """
    named = [_text(instance, key) for key in ("Manufacturer", "ManufacturerModelName")]
    described = _text(instance, "SeriesDescription")
    if MANUFACTURER not in named and not described.endswith(f", {MANUFACTURER}"):
        return False
    if described.endswith(DIGITAL_PATIENT):
        return False
    day, time = (_text(instance, key) for key in ("InstanceCreationDate", "InstanceCreationTime"))
    return (day, time[:6]) != (f"{STUDY_TIME:%Y%m%d}", f"{STUDY_TIME:%H%M%S}")


def nearest_to_drawn(results: Sequence[Instance]) -> list[Instance]:
    """Of region objects of opensirt, those of the kind that is nearest to the outlines as drawn.

    One plan holds its regions four times: as drawn and on the grid of the dose, each as voxels and
    as lines. Voxels are exact where lines cut corners.
    """
    ranks = [
        (AS_DRAWN in _text(i, "SeriesDescription"), i.sop_class != STRUCTURE_SET) for i in results
    ]
    return [i for i, rank in zip(results, ranks, strict=True) if rank == max(ranks)]


def drawn_outlines(
    regions: Sequence[Region], what: str
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...]]:
    """Regions of a result as outlines of a study, under the names and roles that these have there.

    Compartments and viable parts are left out: they were made of the outlines, which the same
    object holds too, and "Tumour 1 viable" beside "Tumour 1 whole" would be two tumours.
    """
    names = {region.name for region in regions}
    made = COMPARTMENTS if names & ONLY_IN_PLANS else frozenset()
    parts = [
        name
        for name in (region.name for region in regions)
        if name in made or (name.endswith(VIABLE) and name.removesuffix(VIABLE) + WHOLE in names)
    ]
    kept: list[Region] = []
    for region in regions:
        if region.name in parts:
            continue
        plain = region.name.removesuffix(OUTLINE)
        plain = plain.removesuffix(WHOLE) if region.role == "tumour" else plain
        name = unique_name(plain, [other.name for other in kept])
        kept.append(region.named(name, role_from_name(plain) or region.role))
    why = "parts that a plan gave doses for, made of the outlines, which are used"
    listed = ", ".join(repr(name) for name in parts)
    return tuple(kept), (LeftOut(f"regions {listed} of {what}", why),) if parts else ()


def _text(instance: Instance, keyword: str) -> str:
    return title(instance.header, keyword, instance.path.name)
