"""What a comparison of engines tells the person who signs, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from opensirt.asking import option
from opensirt.dose.comparison import EngineComparison, RegionComparison, mean_tolerance
from opensirt.findings import Finding, Severity, percent

__all__ = ["density_findings", "disagreement_findings"]

NAMED = 4
"""Regions named in one sentence; the table has them all."""
STAYS_IN_VOXEL = "local"
"""The engine that carries no energy out of the voxel of the decay."""
MANIFOLD = 10.0
"""From so many times the reference on, a percentage says nothing."""


def disagreement_findings(
    comparison: EngineComparison, judged: str | None = None
) -> tuple[Finding, ...]:
    """One finding per engine that gives a region another mean than the reference.

    A warning, or for engines other than `judged`, whose dose is not the one in use, a note. Where
    all agree, one note says so; where the statistics of the reference do not suffice, another.
    """
    found = []
    for engine in comparison.engines:
        apart = _with_verdict(comparison.of(engine), "differs")
        if apart:
            severity: Severity = "warn" if judged in (None, engine) else "note"
            if judged == comparison.reference:
                severity = "note"
            text = f"{engine} {_words(apart, comparison.reference)}"
            found.append(Finding(severity, "engine-disagreement", text, _source(apart)))
    doubtful = _uncertain(comparison)
    if not found and not doubtful:
        names = " and ".join(comparison.engines)
        text = f"Mean doses of {names} are within {_tolerances()} of {comparison.reference}."
        found.append(Finding("note", "engines-agree", text, "mikell2015"))
    return (*found, *doubtful)


def density_findings(
    comparison: EngineComparison, engine: str, varied: frozenset[str]
) -> tuple[Finding, ...]:
    """Where a dose that does not follow the density differs from one that does, and why.

    Parameters
    ----------
    comparison : EngineComparison
    engine : str
        The one whose dose is in use.
    varied : frozenset of str
        Regions where density is a cause: two engines that differ in it alone differ there, or
        without those, `regions_of_varied_density`. Elsewhere a dose that stays where it is differs
        by the reach of electrons alone.
    """
    apart = _with_verdict(comparison.of(engine), "differs")
    by_density = [row for row in apart if row.name in varied]
    elsewhere = [row for row in apart if row.name not in varied]
    return (
        *_density_finding(by_density, comparison, engine),
        *_even(elsewhere, comparison, engine),
    )


def _density_finding(
    apart: Sequence[RegionComparison], comparison: EngineComparison, engine: str
) -> tuple[Finding, ...]:
    if not apart:
        return ()
    text = (
        f"Density matters here: {engine} {_words(apart, comparison.reference)} The latter follows "
        f"the density along the way; plan with {option('engine', comparison.reference)} or "
        "monte-carlo."
    )
    return (Finding("warn", "density-matters", text, _source(apart)),)


def _even(
    apart: Sequence[RegionComparison], comparison: EngineComparison, engine: str
) -> tuple[Finding, ...]:
    """The difference where density is no cause."""
    if not apart:
        return ()
    said = f"{engine} {_words(apart, comparison.reference)} Density"
    if engine != STAYS_IN_VOXEL:
        text = (
            f"{said} is even within reach there and is no cause; one of the two is wrong: "
            "compare with monte-carlo."
        )
        return (Finding("warn", "engine-disagreement", text, _source(apart)),)
    text = (
        f"{said} is not the cause there, the reach of electrons is: {comparison.reference} "
        "carries energy out of the voxels, and spreads once more what the image has blurred "
        "already. On an image whose blur is wider than the reach of electrons and is not "
        f"corrected, {engine} is nearer to the true mean."
    )
    return (Finding("note", "electron-reach", text, _source(apart)),)


def _with_verdict(rows: Sequence[RegionComparison], verdict: str) -> list[RegionComparison]:
    """Regions of one verdict, the largest difference first."""
    found = [row for row in rows if row.verdict == verdict]
    return sorted(found, key=lambda row: -abs(row.mean_difference_fraction or 0.0))


def _words(rows: Sequence[RegionComparison], reference: str) -> str:
    """ "gives lungs 27 % less than monte-carlo (3.1 for 4.2 Gy)." for the regions that differ."""
    parts = [f"{row.name} {_amount(row)}" for row in rows[:NAMED]]
    more = f", and {len(rows) - NAMED} more regions" if len(rows) > NAMED else ""
    return f"gives {', '.join(parts)}{more}, compared with {reference}."


def _amount(row: RegionComparison) -> str:
    part = row.mean_difference_fraction
    doses = f"({row.mean_dose_gy:.3g} for {row.reference_mean_dose_gy:.3g} Gy)"
    if part is None or part >= MANIFOLD:
        return f"far more {doses}"
    return f"{percent(abs(part))} {'more' if part > 0 else 'less'} {doses}"


def _tolerances() -> str:
    lungs, tissue = mean_tolerance("lungs").value, mean_tolerance("liver").value
    return f"{percent(tissue)} ({percent(lungs)} in lungs)"


def _source(rows: Sequence[RegionComparison]) -> str:
    """The source of the tolerance, where the same one stands behind every region named."""
    sources = {mean_tolerance(row.role).source for row in rows}
    return sources.pop() if len(sources) == 1 else "assumption"


def _uncertain(comparison: EngineComparison) -> tuple[Finding, ...]:
    rows = {
        row.name: row.reference_error_fraction or 0.0
        for row in comparison.regions
        if row.verdict == "uncertain"
    }
    if not rows:
        return ()
    named = [f"{name} ({percent(2 * error)})" for name, error in list(rows.items())[:NAMED]]
    more = f", and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    text = (
        f"Two standard errors of {comparison.reference} are more than the difference looked for in "
        f"{', '.join(named)}{more}; simulate more histories to judge these."
    )
    return (Finding("note", "comparison-uncertain", text, "assumption"),)
