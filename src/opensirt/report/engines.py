"""Engines compared, as tables and as a page of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from opensirt.dose.comparison import EngineComparison, RegionComparison
from opensirt.findings import Finding
from opensirt.report.content import NOTICE
from opensirt.report.figures import Picture
from opensirt.report.parts import Row, Table

__all__ = ["ComparisonPage", "comparison_table", "engine_table", "facts_of", "render_comparison"]

MARKS = {"differs": " ▲", "uncertain": " ?", "negligible": "", "agrees": ""}
LEGEND = (
    "▲ beyond the tolerance and twice the standard error of the reference; ? statistics do not "
    "suffice. Voxels of air are left out."
)


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """All that the page of `opensirt dose --compare` shows."""

    title: str
    facts: tuple[Row, ...]
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    picture: Picture


def comparison_table(comparison: EngineComparison) -> Table:
    """One row per region: the reference mean, and per engine how far mean and D95 are off.

    Below the regions, a row per gamma criterion.
    """
    of = {engine: comparison.of(engine) for engine in comparison.engines}
    rows = []
    for number, first in enumerate(of[comparison.engines[0]]):
        cells = [first.name, _reference_mean(first)]
        for engine in comparison.engines:
            row = of[engine][number]
            mark = MARKS[row.verdict]
            cells.append(_percent(row.mean_difference_fraction) + mark)
            cells.append(_percent(row.d95_difference_fraction))
        rows.append(tuple(cells))
    for criteria in comparison.criteria:
        passed = {g.engine: g.pass_fraction for g in comparison.gamma if g.criteria == criteria}
        cells = [f"gamma at most 1 ({criteria})", ""]
        for engine in comparison.engines:
            cells += [f"{100 * passed[engine]:.1f} %", ""]
        rows.append(tuple(cells))
    heads = [head for engine in comparison.engines for head in (f"{engine}\nmean", "D95")]
    columns = ("Region", f"{comparison.reference}\nmean (Gy)", *heads)
    caption = f"Differences from {comparison.reference}. {LEGEND}"
    return Table("Engines compared", columns, tuple(rows), caption)


def engine_table(comparison: EngineComparison, engine: str) -> Table:
    """Every figure of one engine against the reference."""
    rows = [
        (
            row.name + MARKS[row.verdict],
            f"{row.mean_dose_gy:.4g}",
            f"{row.reference_mean_dose_gy:.4g}",
            _difference(row.mean_difference_gy, row.mean_difference_fraction),
            _difference(row.d95_difference_gy, row.d95_difference_fraction),
            _difference(row.d50_difference_gy, row.d50_difference_fraction),
            *("–" if g is None else f"{100 * g:.1f} %" for g in row.gamma_pass_fractions),
        )
        for row in comparison.of(engine)
    ]
    columns = (
        "Region",
        f"{engine} (Gy)",
        f"{comparison.reference} (Gy)",
        "Mean",
        "D95",
        "D50",
        *(f"Gamma {criteria}" for criteria in comparison.criteria),
    )
    whole = ", ".join(
        f"{100 * g.pass_fraction:.1f} % ({g.criteria})"
        for g in comparison.gamma
        if g.engine == engine
    )
    return Table(
        f"{engine} against {comparison.reference}",
        columns,
        tuple(rows),
        f"Differences in Gy and of the reference. Gamma at most 1 in the whole map: {whole}. "
        + LEGEND,
    )


def render_comparison(page: ComparisonPage) -> str:
    """One HTML page with its picture inside; all text is escaped."""
    from jinja2 import Environment, StrictUndefined

    template = resources.files("opensirt") / "templates" / "comparison.html.j2"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        page=page,
        notice=NOTICE,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        image=base64.b64encode(page.picture.png).decode("ascii"),
    )


def facts_of(
    comparison: EngineComparison, engines: Mapping[str, Mapping[str, Any]]
) -> tuple[Row, ...]:
    """The head of the page: who was compared, how long each took, statistics of the reference."""
    rows = [
        Row("Reference", comparison.reference, _statistics(engines[comparison.reference])),
        Row("Compared", ", ".join(comparison.engines)),
    ]
    for name, facts in engines.items():
        highest = f"highest dose {facts['maximum_dose_gy']:.4g} Gy"
        rows.append(Row(f"Time of {name}", f"{facts['seconds']:.2f} s", highest))
    return tuple(rows)


def _statistics(facts: Mapping[str, Any]) -> str:
    if "histories" not in facts:
        return ""
    return (
        f"{facts['histories']:,} histories, mean relative error {facts['mean_relative_error']:.2%} "
        "where the dose is high"
    )


def _reference_mean(row: RegionComparison) -> str:
    error = row.reference_error_fraction
    mean = f"{row.reference_mean_dose_gy:.3g}"
    return mean if error is None else f"{mean} ± {error * row.reference_mean_dose_gy:.1g}"


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{round(100 * fraction, 1) + 0.0:+.1f} %"


def _difference(gray: float, fraction: float | None) -> str:
    return f"{gray:+.3g} Gy" if fraction is None else f"{gray:+.3g} Gy ({_percent(fraction)})"
