"""A finding: something that the signing physician or physicist must see."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Finding", "Severity", "percent", "worst_severity"]

Severity = Literal["stop", "warn", "note"]
_ORDER: tuple[Severity, ...] = ("note", "warn", "stop")


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement left to a human, with the source of the limit behind it."""

    severity: Severity
    """"stop": a limit is broken; "warn": look before signing; "note": good to know."""
    code: str
    """Stable, lower-case with hyphens, for programs: "lung-dose-limit"."""
    text: str
    """One sentence with the numbers in it."""
    source: str = ""
    """Key in `tables/references.bib`, or "assumption"."""

    def as_dict(self) -> dict[str, str]:
        """The form in `results.json`."""
        return asdict(self)


def worst_severity(findings: tuple[Finding, ...]) -> Severity | None:
    """The gravest severity among `findings`, or None where there is none."""
    return max((f.severity for f in findings), key=_ORDER.index, default=None)


def percent(fraction: float, digits: int = 0) -> str:
    """A fraction as text for a finding or message: 0.25 is "25 %"."""
    return f"{fraction * 100.0:.{digits}f} %"
