"""All sound studies by name, each built once in a process and the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from unittest.mock import patch

from pydicom.uid import UID

from tests import region_samples as samples
from tests.fuzz.seeds_dicom import DICOM_SEEDS
from tests.fuzz.seeds_files import FILE_SEEDS
from tests.fuzz.study import Seed
from tests.unit.io import dicom_factory as make

__all__ = ["SEEDS", "seed_named"]

SEEDS: dict[str, Callable[[], Seed]] = {**DICOM_SEEDS, **FILE_SEEDS}
"""Name -> how it is made."""


@cache
def seed_named(name: str) -> Seed:
    """The seed of a name of `SEEDS`."""
    with _fixed_uids():
        return SEEDS[name]()


@contextmanager
def _fixed_uids() -> Iterator[None]:
    """UIDs that count up instead of random ones."""
    numbers = count(1)

    def uid(*_: object, **__: object) -> UID:
        return UID(f"1.2.3.77.{next(numbers)}")

    with (
        patch.object(make, "generate_uid", uid),
        patch.object(samples, "generate_uid", uid),
        patch("pydicom.uid.generate_uid", uid),
    ):
        yield
