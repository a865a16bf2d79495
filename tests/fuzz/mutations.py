"""Damage drawn by chance: bytes, and fields of headers; case `number` of a `seed` is always one.

What is right for such a case is not known, so any outcome is right but a failure and other values
in silence. Names tell the seed study, what was done and to which field.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.dicom_fields import damaged_dicom
from tests.fuzz.header_fields import damaged_nifti, damaged_text
from tests.fuzz.places import Place, place_at, places_of
from tests.fuzz.seeds import SEEDS, seed_named
from tests.fuzz.study import Files, Seed

__all__ = ["Drawn", "drawn_case"]

LONGEST_RUN = 16
_BY_FORM: dict[str, Callable[..., tuple[bytes, str, str]]] = {
    "dicom": damaged_dicom, "nifti": damaged_nifti, "nrrd": damaged_text, "toml": damaged_text,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """One damaged study: what was done, to which field, of one file or of all alike."""

    seed: Seed
    files: Files
    kind: str
    field: str
    everywhere: bool = False

    @property
    def name(self) -> str:
        """For lists."""
        where = " everywhere" if self.everywhere else ""
        return f"{self.seed.name}: {self.kind} {self.field}{where}"


def drawn_case(seed: int, number: int) -> Drawn:
    """The case of these numbers, whatever ran before."""
    chance = random.Random(f"{seed}/{number}")
    study = seed_named(list(SEEDS)[number % len(SEEDS)])
    target = chance.choice(study.targets)
    if chance.random() < 0.4:
        content, kind, field = _bytes(chance, study.form, target, study.files[target])
        return Drawn(study, {**study.files, target: content}, kind, field)
    state = chance.getrandbits(64)
    everywhere = len(study.targets) > 1 and chance.random() < 0.5
    files, kind, field = dict(study.files), "", ""
    for name in study.targets if everywhere else (target,):
        again = random.Random(state)
        files[name], kind, field = _BY_FORM[study.form](again, name, study.files[name])
    return Drawn(study, files, kind, field, everywhere)


def _bytes(chance: random.Random, form: str, name: str, content: bytes) -> tuple[bytes, str, str]:
    """A bit flipped, the end cut, bytes put in or set to one value; and what it was."""
    places = places_of(form, name, content)
    kind = chance.choice(("flip", "flip", "flip", "cut", "insert", "zero", "ones"))
    at = chance.randrange(len(content))
    if kind == "cut":
        return content[:at], "cut in", place_at(places, at).field
    at = _outside_values(chance, places, len(content))
    place = place_at(places, at)
    if kind == "flip":
        flipped = content[at] ^ 1 << chance.randrange(8)
        return content[:at] + bytes([flipped]) + content[at + 1 :], "flip in", place.field
    length = chance.randint(1, LONGEST_RUN)
    if kind == "insert":
        return content[:at] + chance.randbytes(length) + content[at:], "insert in", place.field
    end = min(at + length, _next_values(places, at, len(content)))
    fill = b"\0" if kind == "zero" else b"\xff"
    return content[:at] + fill * (end - at) + content[end:], f"{kind} in", place.field


def _outside_values(chance: random.Random, places: list[Place], size: int) -> int:
    """A byte that is no voxel or point; each place likely, however short."""
    open_places = [i for i, place in enumerate(places) if not place.is_value and place.start < size]
    index = chance.choice(open_places)
    end = places[index + 1].start if index + 1 < len(places) else size
    return chance.randrange(places[index].start, max(end, places[index].start + 1))


def _next_values(places: list[Place], at: int, size: int) -> int:
    return next((place.start for place in places if place.is_value and place.start > at), size)
