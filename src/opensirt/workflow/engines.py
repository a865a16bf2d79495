"""Other dose engines on a plan: all of them on request, the density-aware one always."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opensirt.case import Case
from opensirt.dose.comparison import EngineDose, compare_doses
from opensirt.dose.density_regions import regions_of_varied_density
from opensirt.dose.disagreement import density_findings, disagreement_findings
from opensirt.dose.engine import dose_engines
from opensirt.dose.gate_emission import emission_of
from opensirt.errors import DoseMapError
from opensirt.findings import Finding
from opensirt.image import Regions, Volume
from opensirt.physics.nuclides import Nuclide
from opensirt.report import Picture, Table
from opensirt.report.engine_maps import difference_picture
from opensirt.report.engines import comparison_table
from opensirt.workflow.dosing import MONTE_CARLO, calculate
from opensirt.workflow.setting import make_setting

__all__ = ["EngineCheck", "EngineSection", "check_engines", "engine_section"]

DENSITY_AWARE = "voxel-superposition"
PLAIN = "voxel-convolution"
BLIND_TO_DENSITY = ("local", PLAIN)
"""Engines whose energy does not follow the density along the way; their dose is checked."""
Step = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class EngineCheck:
    """The dose in use, first, and those of other engines on the same activity."""

    doses: tuple[EngineDose, ...]
    is_full: bool
    """True where the comparison was asked for, so that the report has a section on it."""
    reach_mm: float = 0.0
    """How far the nuclide's electrons go in water."""
    failure: str = ""
    """Why the other engine's dose could not be used; nothing is compared then."""
    plain: EngineDose | None = None
    """Carries energy out of the voxels as the density-aware engine does, but is blind to density:
    the difference of the two is density's alone."""


@dataclass(frozen=True, slots=True, eq=False)
class EngineSection:
    """What the report takes from a check."""

    findings: tuple[Finding, ...]
    block: dict[str, Any] | None
    """`engine_comparison` of `results.json`; None where nothing was compared."""
    table: Table | None
    picture: Picture | None


def check_engines(
    case: Case,
    activity: Volume,
    used: EngineDose,
    nuclide: Nuclide,
    *,
    every: bool = False,
    regions: Regions | None = None,
    step: Step | None = None,
) -> EngineCheck | None:
    """Doses of other engines, or None where there is nothing to hold the dose in use against.

    Parameters
    ----------
    case : Case
        Prepared; gives the density.
    activity : Volume, Bq/mL
        As for `compute_dose`.
    used : EngineDose
        The dose in use and its engine.
    every : bool
        All registered engines; otherwise the density-aware one, where `used` is blind to density,
        and for `local` the plain convolution, which tells density from the reach of electrons.
        If its map is refused the check says so, and the dose in use stands.
    regions : Regions, optional
        Those of the report, for the statistical error of their mean doses.
    """
    say = step or (lambda what, done: None)
    known = dose_engines.names()
    if every:
        others = [name for name in known if name != used.engine]
    else:
        is_checked = used.engine in BLIND_TO_DENSITY and DENSITY_AWARE in known
        others = [DENSITY_AWARE] if is_checked else []
        if is_checked and used.engine != PLAIN and PLAIN in known:
            others.append(PLAIN)
    if not others:
        return None
    others.sort(key=lambda name: name == MONTE_CARLO)
    density, made, plain = make_setting(case).density, [used], None
    for number, name in enumerate(others):
        begun = number / len(others)
        say(f"computing dose ({name})", begun)
        within = _within(say, begun, len(others))
        try:
            done = calculate(name, activity, density, nuclide, None, within, regions)
        except DoseMapError as error:
            if every:
                raise
            if name == PLAIN:
                continue
            return EngineCheck((used,), False, failure=str(error))
        dose = EngineDose(name, done.dose, done.relative_error, done.region_errors)
        if every or name != PLAIN:
            made.append(dose)
        else:
            plain = dose
    return EngineCheck(tuple(made), every, emission_of(nuclide).reach_mm, plain=plain)


def engine_section(check: EngineCheck, density: Volume, regions: Regions) -> EngineSection:
    """The comparison in the regions of the report.

    The table is there on request, and wherever engines disagree; the picture on request.
    """
    used = check.doses[0].engine
    if check.failure:
        text = f"Whether density matters could not be checked: {check.failure}."
        return EngineSection((Finding("warn", "density-not-checked", text),), None, None, None)
    found = compare_doses(check.doses, density, regions, with_gamma=check.is_full)
    if check.is_full:
        findings = disagreement_findings(found, judged=used)
        picture = difference_picture(check.doses, found.reference, density, regions)
        return EngineSection(findings, found.as_dict(), comparison_table(found), picture)
    varied = _where_density_matters(check, density, regions)
    findings = density_findings(found, used, varied)
    table = comparison_table(found) if findings else None
    return EngineSection(findings, found.as_dict(), table, None)


def _where_density_matters(check: EngineCheck, density: Volume, regions: Regions) -> frozenset[str]:
    """Regions where the density along the way changes the dose, or without a plain dose, may."""
    if check.plain is None:
        return regions_of_varied_density(density, regions, check.reach_mm)
    pair = (check.plain, *check.doses[1:])
    rows = compare_doses(pair, density, regions, with_gamma=False).of(check.plain.engine)
    return frozenset(row.name for row in rows if row.verdict == "differs")


def _within(say: Step, begun: float, count: int) -> Step:
    """Progress of one engine as a part of the whole."""
    return lambda what, done: say(what, begun + done / count)
