"""What was read of a study, as facts, and how it differs from what was read undamaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from opensirt.case import Case, StudyImage
from opensirt.errors import InputError
from opensirt.image import Region
from opensirt.physics.plausible import require_plausible, require_plausible_voxels

__all__ = ["KINDS", "Outcome", "Seen", "compared", "seen"]

KINDS = ("same", "withheld", "later", "told", "refused", "silent", "failure")
"""What can come of a damaged study.

same: exactly the undamaged values; withheld: the same, but for an optional fact that is now absent;
later: numbers outside the plausible ranges, which every job refuses before it uses them; told:
other values and a word about it; refused: an error, or left out with the reason; silent: other
values and no word; failure: a foreign exception, a message that shows too much, a hang, memory.
"""
SAME_NUMBER = 1e-6
"""Of volumes and activities, relative."""
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one study: one of `KINDS`, and what differs or was said."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read: facts of each image, region and table, and every word said."""

    items: Mapping[str, Facts]
    told: frozenset[str]


def seen(case: Case) -> Seen:
    """The facts of a case, and every word said."""
    items = {f"image {image.role}": _image(image) for image in case.images}
    items |= {f"region {region.name}": _region(region) for region in case.regions}
    given = case.treatment
    items["patient"] = {
        "sex": case.patient.sex, "height": case.patient.height_cm, "weight": case.patient.weight_kg,
    }  # fmt: skip
    items["assumptions"] = {
        "density": case.assumptions.density_g_ml,
        "shunt": case.assumptions.lung_shunt_fraction,
        "lungs": case.assumptions.lung_mass_g,
    }
    items["treatment"] = {
        "product": given.product if given else None,
        "activity": given.activity_bq if given else None,
        "injected": given.injected if given else None,
    }
    frames = [image.frame_of_reference_uid for image in case.images]
    if len(frames) + len(case.regions) > 1:
        items["frames"] = {"shared": tuple(frames.index(f) if f else None for f in frames)}
    notes = [note for image in case.images for note in image.notes]
    left_out = [f"{item.what}: {item.why}" for item in case.left_out]
    return Seen(items, frozenset([*notes, *left_out, *(f.text for f in case.findings)]))


def _image(image: StudyImage) -> Facts:
    volume = image.volume
    return {
        "values": volume.values, "grid": volume.grid, "unit": volume.unit,
        "nuclide": volume.nuclide, "time": volume.time, "acquired": image.acquired,
        "decay": image.decay_correction, "injected": volume.injected_bq, "modality": image.modality,
    }  # fmt: skip


def _region(region: Region) -> Facts:
    return {
        "fractions": region.whole(), "grid": region.grid, "volume": region.volume_ml,
        "role": region.role, "territory": region.territory,
    }  # fmt: skip


def compared(before: Seen, after: Seen) -> Outcome:
    """What damage did to what is read, and whether a word tells it."""
    said = "; ".join(sorted(after.told - before.told))
    renamed = _renamed(before, after)
    lost = [key for key in before.items if renamed.get(key, key) not in after.items]
    new = sorted(set(after.items) - set(before.items) - set(renamed.values()))
    changed, withheld, later = [f"new {key}" for key in new], list[str](), list[str]()
    for key, facts in before.items.items():
        found = after.items.get(renamed.get(key, key), facts)
        for fact in (fact for fact in facts if not _equal(facts[fact], found[fact])):
            empty = found[fact] is None or (isinstance(found[fact], str) and not found[fact])
            kind = withheld if empty else later if _is_refused_later(key, found) else changed
            kind.append(f"{key}: {fact}")
    differs = ", ".join([*changed, *(f"lost {key}" for key in lost), *withheld, *later])
    if not differs:
        return Outcome("same", said)
    if said:
        return Outcome("told" if changed or not lost else "refused", f"{differs} | {said}")
    if changed or lost:
        return Outcome("silent", differs)
    return Outcome("later" if later else "withheld", differs)


def _is_refused_later(key: str, facts: Facts) -> bool:
    """Whether planning and dosimetry refuse the item for a number beyond `plausible.toml`."""
    named = {"height": "height", "weight": "weight", "density": "tissue density"}
    try:
        if key.startswith("image "):
            require_plausible_voxels(key, facts["grid"].spacing_mm)
        for fact, name in (*named.items(), ("lungs", "lung mass")):
            if facts.get(fact) is not None:
                require_plausible(name, facts[fact])
    except InputError:
        return True
    return False


def _renamed(before: Seen, after: Seen) -> dict[str, str]:
    """Regions under another name that lie where one of the old name lay: a name is only text."""
    pairs = {}
    for key, facts in before.items.items():
        if key.startswith("region ") and key not in after.items:
            for other, found in after.items.items():
                new = other.startswith("region ") and other not in before.items
                if new and _equal(facts["fractions"], found["fractions"]):
                    pairs[key] = other
    return pairs


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        if not isinstance(other, np.ndarray) or one.shape != other.shape:
            return False
        return bool(np.array_equal(one, other))
    if hasattr(one, "matches"):
        return bool(one.matches(other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= SAME_NUMBER * abs(one)
    return bool(one == other)
