"""What stands of this process's results, for what is said when a job ends early."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["expect", "forget", "identity", "standing"]

_expected: dict[Path, tuple[int, int]] = {}


def identity(place: Path) -> tuple[int, int] | None:
    """What lies at a place, whatever its name; None for nothing."""
    try:
        facts = os.lstat(place)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def expect(target: Path, made: Path) -> None:
    """Something finished is about to be moved to its place."""
    who = identity(made)
    if who is not None:
        _expected[target] = who


def standing() -> list[Path]:
    """Places where results of this process lie now."""
    return [target for target, who in _expected.items() if identity(target) == who]


def forget() -> None:
    """A new job begins."""
    _expected.clear()
