"""What decided a plan's activity."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.findings import Finding
from opensirt.plan.plan import Formula

__all__ = ["Decision"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The activity to deliver and, where a limit or rule chose it, which one."""

    delivered_gbq: float
    binding_limit: str | None = None
    """One sentence for the signer."""
    findings: tuple[Finding, ...] = ()
    formulae: tuple[Formula, ...] = ()
    bsa_m2: float | None = None
