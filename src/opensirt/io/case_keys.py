"""Strict reading of `case.toml` tables: every key known, every value of its kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from opensirt.errors import CaseError, did_you_mean
from opensirt.findings import as_fraction

__all__ = ["Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file and where it stands, for messages such as "[[image]] 2"."""

    place: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, place: str, found: Any, known: Sequence[str]) -> Table:
        """A table whose keys are all among `known`."""
        if not isinstance(found, Mapping):
            raise CaseError(f"{place}: expected a table, found {_kind(found)}")
        for key in found:
            if key not in known:
                raise CaseError(
                    f"{place}: key '{key}' is unknown; known: {', '.join(known)}"
                    f"{did_you_mean(key, known)}"
                )
        return cls(place, found)

    def text(self, key: str, default: str | None = None, *, example: str = "") -> str:
        """A string that is not empty; `default` where the key is absent."""
        found = self.values.get(key, default)
        if found is None:
            raise CaseError(f"{self.place}: key '{key}' is missing{_write(example)}")
        if not isinstance(found, str) or (not found.strip() and found is not default):
            raise self.wrong(key, f"text in quotes{_write(example)}")
        return found

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """One of `known`; `default` where the key is absent."""
        choices = f"one of {', '.join(known)}"
        if key not in self.values and default is None:
            raise CaseError(f"{self.place}: key '{key}' is missing; write {choices}")
        found = self.values.get(key, default)
        if found == default or (isinstance(found, str) and found in known):
            return str(found)
        raise self.wrong(key, choices)

    def number(
        self, key: str, *, low: float = 0.0, below: float = math.inf, zero: bool = False
    ) -> float | None:
        """A finite number above `low` (or at it where `zero`) and below `below`, or None."""
        found = self.values.get(key)
        if found is None:
            return None
        limit = f" and below {below:g}" if below < math.inf else ""
        needed = f"a number {'from' if zero else 'above'} {low:g}{limit}"
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self.wrong(key, needed)
        if not math.isfinite(found) or not (found > low or (zero and found == low)):
            raise self.wrong(key, needed)
        if found >= below:
            raise self.wrong(key, needed + (f" ({as_fraction(found)})" if below == 1.0 else ""))
        return float(found)

    def instant(self, key: str) -> datetime | None:
        """A date and time with a time zone, or None where the key is absent."""
        found = self.values.get(key)
        if found is None:
            return None
        form = "a date and time with time zone, without quotes, such as 2025-01-10T09:30:00Z"
        if not isinstance(found, datetime):
            raise self.wrong(key, form)
        if found.tzinfo is None:
            raise CaseError(
                f"{self.place}: key '{key}' {found.isoformat()} has no time zone; write {form} "
                "(time_zone of [case] is for the clocks of DICOM headers)"
            )
        return found

    def names(self, key: str) -> dict[str, str] | None:
        """A table of name = "text", or None where the key is absent."""
        found = self.values.get(key)
        if found is None:
            return None
        if not isinstance(found, Mapping) or not all(isinstance(v, str) for v in found.values()):
            raise self.wrong(key, 'a table of "region name" = "text"')
        return dict(found)

    def wrong(self, key: str, needed: str) -> CaseError:
        """The error for a value that is not what the key needs."""
        return CaseError(
            f"{self.place}: key '{key}' must be {needed}; found {_kind(self.values[key])}"
        )


def _write(example: str) -> str:
    return f"; write {example}" if example else ""


def _kind(found: Any) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, str):
        return f'"{found}"'
    if isinstance(found, int | float):
        return f"{found:g}"
    if isinstance(found, datetime | date | time):
        return found.isoformat()
    return "a list" if isinstance(found, list) else "a table"
