"""Damage whose right outcome is known: what the study then means, or that it means nothing.

Each row tells the seed study, what is done to it and what a reader should make of it: "refused" (an
error, or left out with the reason), "told" (used, with a word about it), "withheld" (an optional
fact is not taken) or "same" (the undamaged values, for the change does not matter).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset

from opensirt.io.dicom_files import quiet_pydicom
from tests.fuzz.outcome import judge
from tests.fuzz.seeds import seed_named
from tests.fuzz.seen import Outcome

__all__ = [
    "Edited", "Meaning", "Objects", "dicom", "is_right", "judge_meaning", "moved", "one", "put",
    "without",
]  # fmt: skip

Edited = dict[str, bytes]
Objects = list[Dataset]
Edit = Callable[[Objects], Objects | None]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One change with its right outcome."""

    study: str
    what: str
    right: str
    change: Callable[[Edited], None]
    """Changes the files in place."""

    @property
    def name(self) -> str:
        """Of the test."""
        return f"{self.study}: {self.what}"


def judge_meaning(row: Meaning) -> Outcome:
    """What comes of a row."""
    seed = seed_named(row.study)
    files = dict(seed.files)
    with quiet_pydicom():
        row.change(files)
    return judge(seed, files)


def is_right(row: Meaning, outcome: Outcome) -> bool:
    """Whether the outcome is the right one; "told" needs a word, not other values."""
    said = outcome.kind == "same" and bool(outcome.detail)
    return outcome.kind == row.right or (row.right == "told" and said)


def dicom(study: str, what: str, right: str, *edits: Edit) -> Meaning:
    """A row whose edits get the data sets that the seed offers for damage, in the order of names.

    An edit changes them in place, or returns those that take their place.
    """

    def change(files: Edited) -> None:
        names = seed_named(study).targets
        objects: Objects = [pydicom.dcmread(io.BytesIO(files.pop(name))) for name in names]
        for edit in edits:
            objects = edit(objects) or objects
        for index, dataset in enumerate(objects):
            target = io.BytesIO()
            dataset.save_as(target, enforce_file_format=True)
            files[f"changed-{index}.dcm"] = target.getvalue()

    return Meaning(study, what, right, change)


def put(**values: object) -> Edit:
    """Set attributes of every object."""

    def edit(objects: Objects) -> None:
        for dataset in objects:
            _put(dataset, values)

    return edit


def one(index: int, **values: object) -> Edit:
    """Set attributes of one object; None takes them out."""
    return lambda objects: _put(objects[index], values)


def without(*keywords: str) -> Edit:
    """Take attributes out of every object."""
    return put(**dict.fromkeys(keywords))


def _put(dataset: Dataset, values: dict[str, object]) -> None:
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)


def moved(place: Sequence[float], *by_mm: float) -> list[float]:
    """A position, by millimetres along x, y, z."""
    return [float(a) + b for a, b in zip(place, by_mm, strict=True)]
