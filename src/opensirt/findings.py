"""A finding: something that the signing physician or physicist must see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from opensirt.asking import accepted
from opensirt.errors import InputError

__all__ = [
    "AcceptedStop",
    "Finding",
    "Severity",
    "as_fraction",
    "beside",
    "digits_apart",
    "merged_findings",
    "percent",
    "percent_beside",
    "printed",
    "stops_of",
    "worst_severity",
]

Severity = Literal["stop", "warn", "note"]
_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
_ORDER: tuple[Severity, ...] = ("note", "warn", "stop")
_REACHES_HEALTHY = ("organ-", "lung-", "perfused-", "whole-", "activity-outside", "shunt-")
"""Beginnings of the codes of what healthy tissue receives: read first among equals."""
_DEFAULTS = ("binding-limit", "indication-not-chosen", "intent-not-chosen", "sphere-number")
"""Beginnings of the codes of what nobody chose: read last."""
_NOT_READ = re.compile(r" \([^()]* not read\)|[;,] [^;,()\[\]]* not read\b")
_QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)""")
"""A name as Python quotes it: in double quotes where it has an apostrophe, which is no quote."""
_MOST_DIGITS = 7
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


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


PLACEHOLDERS = frozenset({"YOUR NAME", "NAME", "REASON"})
"""Words of messages and help texts that stand for somebody's own."""


@dataclass(frozen=True, slots=True)
class AcceptedStop:
    """Who takes the stops of a result upon themselves, and why."""

    name: str
    """The person's, not the code of a finding."""
    reason: str

    def __post_init__(self) -> None:
        for what, text, most in (("name", self.name, 64), ("reason", self.reason, 400)):
            letters = sum(c.isalpha() for c in text)
            if letters < 2 or len(text) > most or not text.isprintable():
                raise InputError(
                    f"accepting a stop needs a {what} of 2 letters to {most} printable "
                    f"characters, got {text!r}; write {accepted('NAME', 'REASON')}"
                )
        if self.name.upper() in PLACEHOLDERS or self.reason.upper() in PLACEHOLDERS:
            raise InputError(
                "a stop is accepted by a person for a reason: put your own name and why in place "
                f"of {self.name!r} and {self.reason!r}; write {accepted('Dr A. Example', 'why')}"
            )
        if all(_CODE.fullmatch(word) for word in re.split(r"[,\s]+", self.name)):
            self._refuse_code()

    def require_person(self, findings: tuple[Finding, ...]) -> None:
        """`InputError` where the name is the code of one of these findings, however written."""
        if re.sub(r"[\s_]+", "-", self.name).lower() in {finding.code for finding in findings}:
            self._refuse_code()

    def _refuse_code(self) -> None:
        raise InputError(
            "a stop is accepted by a person, for all that stops: NAME must be your name, got the "
            f"code of a finding, {self.name!r}; write {accepted('Dr A. Example', 'why')}"
        )

    @classmethod
    def parse(cls, text: str) -> AcceptedStop:
        """From ``NAME: REASON``; `InputError` where either is missing."""
        name, _, reason = text.partition(":")
        return cls(" ".join(name.split()), " ".join(reason.split()))


def stops_of(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that forbid a plan until somebody accepts them by name."""
    return tuple(finding for finding in findings if finding.severity == "stop")


def worst_severity(findings: tuple[Finding, ...]) -> Severity | None:
    """The gravest severity among `findings`, or None where there is none."""
    return max((f.severity for f in findings), key=_ORDER.index, default=None)


def printed(text: str) -> str:
    """A text without remarks on what was not read; the references say that once."""
    return _NOT_READ.sub("", text)


def merged_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Gravest first, then what healthy tissue gets; findings that differ in a name and its
    numbers alone become one line."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        names = _QUOTED.search(finding.text)
        kind = _NUMBER.sub("#", _QUOTED.sub("''", finding.text)) if names else finding.text
        key = (finding.severity, finding.code, finding.source, kind)
        groups.setdefault(key, []).append(finding)
    merged = (_one(group) for group in groups.values())
    return tuple(sorted(merged, key=_rank))


def _rank(finding: Finding) -> tuple[int, int]:
    """Gravity, then consequence: healthy tissue, the rest, defaults."""
    kind = 1 - finding.code.startswith(_REACHES_HEALTHY) + finding.code.startswith(_DEFAULTS)
    return -_ORDER.index(finding.severity), kind


def _one(group: list[Finding]) -> Finding:
    first = group[0]
    text = printed(first.text)
    others = [_what_differs(finding.text) for finding in group[1:]]
    if others:
        text += f" The same for {len(others)} more: {', '.join(others)}."
    return Finding(first.severity, first.code, text, first.source)


def _what_differs(text: str) -> str:
    """The names in a text, each number that goes with them in brackets."""
    names = ", ".join(name[1:-1] for name in _QUOTED.findall(text))
    numbers = ", ".join(_NUMBER.findall(_QUOTED.sub("", text)))
    return f"{names} ({numbers})" if names and numbers else names or numbers


def percent(fraction: float, digits: int = 0) -> str:
    """A fraction as text for a finding or message: 0.25 is "25 %"."""
    return f"{fraction * 100.0:.{digits}f} %"


def digits_apart(value: float, bound: float, least: int = 1) -> int:
    """Digits after the point, `least` or as many as tell a value from a bound it is beside."""
    for digits in range(least, _MOST_DIGITS):
        if f"{value:.{digits}f}" != f"{bound:.{digits}f}":
            return digits
    return least


def beside(value: float, bound: float, least: int = 1) -> str:
    """A value as text, with as many digits as tell it from a bound that it is beside."""
    return f"{value:.{digits_apart(value, bound, least)}f}"


def percent_beside(fraction: float, bound: float, least: int = 1) -> str:
    """A fraction as text, with as many digits as tell it from a bound that it is beside."""
    return percent(fraction, digits_apart(100.0 * fraction, 100.0 * bound, least))


def as_fraction(typed: float) -> str:
    """What to type where a percentage was: 5 gives "5 % is 0.05", as does what is none."""
    shown = typed if 1.0 <= typed < 100.0 else 5.0
    return f"{shown:g} % is {shown / 100.0:g}"
