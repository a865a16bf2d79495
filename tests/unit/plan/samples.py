"""Planning input that the planning tests share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opensirt.findings import worst_severity
from opensirt.plan.plan import LungInput, Plan, PlanningInput, TumourInput

TUMOURS = (TumourInput("T1", 200.0, 4.0), TumourInput("T2", 50.0, 2.0))


def inputs(**changes: Any) -> PlanningInput:
    """Two tumours in 1.45 kg of perfused liver, K 50, shunt 0.1, lungs 1 kg, resin, mCRC, unilobar.

    Per GBq: D_N = 50 x 0.9 / 2.1 = 21.4286 Gy, tumours 85.714 and 42.857, perfused 31.034,
    whole normal (1.6 kg) 16.0714, lungs 5 Gy.
    """
    base = PlanningInput(
        product="resin-y90",
        dose_constant_gy_kg_per_gbq=50.0,
        lung=LungInput(0.1, 1000.0, "measured", "measured"),
        perfused_mass_g=1450.0,
        tumours=TUMOURS,
        normal_mass_g=1200.0,
        whole_normal_mass_g=1600.0,
        indication="mcrc",
        intent="unilobar",
    )
    return replace(base, **changes)


def codes(plan: Plan) -> dict[str, str]:
    """Gravest severity of the findings by their code."""
    found: dict[str, str] = {}
    for finding in plan.findings:
        alike = tuple(other for other in plan.findings if other.code == finding.code)
        found[finding.code] = str(worst_severity(alike))
    return found


def text_of(plan: Plan, code: str) -> str:
    """Text of the first finding with a code."""
    return next(finding.text for finding in plan.findings if finding.code == code)
