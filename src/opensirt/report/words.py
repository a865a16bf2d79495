"""Findings and sources as a reader wants them: repeats merged, what was not read said once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opensirt.findings import Finding
from opensirt.physics.limits import UNREAD
from opensirt.physics.references import ASSUMPTION, cite
from opensirt.plan.plan import Plan
from opensirt.report.parts import Row

__all__ = ["UNVERIFIED", "merged_findings", "printed", "reference_rows"]

UNVERIFIED = "not verified here"
"""Said once, in the references, of a source that nobody read in full for its row."""
_ORDER = ("stop", "warn", "note")
_REACHES_HEALTHY = ("organ-", "lung-", "perfused-", "whole-", "activity-outside", "shunt-")
"""Beginnings of the codes of what healthy tissue receives: read first among equals."""
_DEFAULTS = ("binding-limit", "indication-not-chosen", "intent-not-chosen", "sphere-number")
"""Beginnings of the codes of what nobody chose: read last."""
_NOT_READ = re.compile(r" \([^()]* not read\)|[;,] [^;,()\[\]]* not read\b")
_QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)""")
"""A name as Python quotes it: in double quotes where it has an apostrophe, which is no quote."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


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
    return _ORDER.index(finding.severity), kind


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


def reference_rows(plan: Plan, sources: Iterable[str]) -> tuple[Row, ...]:
    """Each source once; those that nobody read in full are marked so."""
    unread = {limit.source for limit in plan.limits if limit.level_of_evidence == UNREAD}
    rows = []
    for key in dict.fromkeys(key for key in sources if key and key != ASSUMPTION):
        citation = cite(key)
        clean = printed(citation)
        doubtful = clean != citation or key in unread
        rows.append(Row(key, clean, UNVERIFIED if doubtful else ""))
    return tuple(rows)
