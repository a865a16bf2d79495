"""Sources as a reader wants them: what was not read is said once."""

from __future__ import annotations

from collections.abc import Iterable

from opensirt.findings import printed
from opensirt.physics.limits import UNREAD
from opensirt.physics.references import ASSUMPTION, cite
from opensirt.plan.plan import Plan
from opensirt.report.parts import Row

__all__ = ["UNVERIFIED", "reference_rows"]

UNVERIFIED = "not verified here"
"""Said once, in the references, of a source that nobody read in full for its row."""


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
