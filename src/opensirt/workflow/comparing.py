"""The job `dose --compare`: several engines on one activity map, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opensirt.asking import named, option
from opensirt.dose.comparison import EngineComparison, EngineDose, compare_doses, reference_engine
from opensirt.dose.density_regions import density_classes, density_regions
from opensirt.dose.disagreement import disagreement_findings
from opensirt.dose.engine import dose_engines
from opensirt.errors import InputError, RegionError, UnknownNameError, did_you_mean
from opensirt.image import Regions, Volume
from opensirt.io.archive import staged_files, write_json, write_text
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.places import refuse_unusable_file
from opensirt.provenance import Provenance, hash_file
from opensirt.report.engine_maps import difference_picture
from opensirt.report.engines import (
    ComparisonPage,
    comparison_table,
    engine_table,
    facts_of,
    render_comparison,
)
from opensirt.workflow.dosing import (
    ENDINGS,
    MONTE_CARLO,
    Dosing,
    MonteCarloOptions,
    activity_findings,
    calculate,
    error_path,
    read_maps,
)
from opensirt.workflow.files import is_unit_stated, read_regions, require_ending

__all__ = ["ComparedFiles", "compare_from_files", "engine_names"]

ALL = "all"
Step = Callable[[str, float], None]
COMPARING_SHARE = 0.15
"""Part of the progress bar for the comparison after the engines."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedFiles:
    """What a comparison found and wrote."""

    comparison: EngineComparison
    page: ComparisonPage
    result: dict[str, Any]
    """For `--json`."""


def engine_names(text: str) -> tuple[str, ...]:
    """The engines meant by "all" or by names with commas; Monte Carlo last, as it takes longest.

    Raises
    ------
    UnknownNameError, InputError
        For a name that no engine has, or where fewer than two are meant.
    """
    known = dose_engines.names()
    asked = known if text == ALL else [part.strip() for part in text.split(",") if part.strip()]
    for name in asked:
        if name not in known:
            raise UnknownNameError(
                f"dose engine {name!r} is unknown; choose among {', '.join(known)}, or {ALL}"
                f"{did_you_mean(name, known)}"
            )
    if len(set(asked)) < 2:
        raise InputError(
            f"a comparison needs at least two engines, found {text!r}; give "
            f"{option('engine', ALL)} or names with commas"
        )
    return tuple(sorted(dict.fromkeys(asked), key=lambda name: name == MONTE_CARLO))


def compare_from_files(
    activity: Path,
    *,
    density: Path | None,
    ct: Path | None,
    nuclide_name: str,
    engine: str,
    to: Path,
    regions: Path | None = None,
    dose_constant: float | str | None = None,
    options: MonteCarloOptions | None = None,
    step: Step | None = None,
    activity_unit: str | None = None,
) -> ComparedFiles:
    """Dose of one activity map by several engines, held against the most trusted of them.

    Writes, beside one another and all or none: a map per engine (the name of `to` with the
    engine's added), and the comparison as JSON, HTML and PNG. Without `regions`, density and dose
    make them. `engine` is "all" or names with commas; other arguments as for `dose_from_files`.
    """
    require_ending(to, ENDINGS)
    names = engine_names(engine)
    if options is not None and options.chosen() and MONTE_CARLO not in names:
        given = ", ".join(option(name) for name in options.chosen())
        raise InputError(
            f"{given} needs the engine {MONTE_CARLO}, found {', '.join(names)}; add it to "
            f"{named('engine')} with a comma"
        )
    every = {"activity": activity, "density": density, "ct": ct, "regions": regions}
    roles = {role: path for role, path in every.items() if path is not None}
    inputs = list(roles.values())
    paths = _paths(to, names)
    for path in paths.values():
        refuse_unusable_file(path, inputs)
    source, mass, of = read_maps(activity, density, ct, nuclide_name, dose_constant, activity_unit)
    drawn = _regions(regions, source) if regions is not None else None
    known = density_classes(mass) if drawn is None else drawn
    say = step or (lambda what, done: None)
    share = (1.0 - COMPARING_SHARE) / len(names)
    made: dict[str, Dosing] = {}
    for number, name in enumerate(names):
        begun = number * share
        say(name, begun)
        made[name] = calculate(
            name, source, mass, of, options, _within(say, name, begun, share), known
        )
    doses = [
        EngineDose(name, done.dose, done.relative_error, done.region_errors)
        for name, done in made.items()
    ]
    comparison, page = _judge(doses, mass, drawn, made, say)
    is_stated = is_unit_stated(activity, activity_unit)
    page = replace(page, findings=(*activity_findings(source, is_stated), *page.findings))
    record = Provenance(
        inputs={role: hash_file(path) for role, path in roles.items()},
        options={"engines": list(names), "nuclide": of.name},
        citations=("low1998", "ju2008", "mikell2015"),
    )
    result = {
        "engines": {name: done.facts | {"out": paths[name].name} for name, done in made.items()},
        "regions_from": "regions" if regions is not None else "density and dose",
        "comparison": comparison.as_dict(),
        "findings": [finding.as_dict() for finding in page.findings],
        "paths": {name: path.name for name, path in paths.items()},
    }
    _write(paths, inputs, made, page, result | {"provenance": record.as_dict()})
    told = {
        "engines": {name: done.facts | {"out": str(paths[name])} for name, done in made.items()},
        "paths": {name: str(path) for name, path in paths.items()},
    }
    return ComparedFiles(comparison, page, result | told)


def _regions(path: Path, source: Volume) -> Regions:
    """The regions of a file that lie on the map."""
    moved = [region.onto(source.grid) for region in read_regions(path, source)[0]]
    kept = tuple(region for region in moved if not region.is_empty)
    if not kept:
        raise RegionError(f"no region of {path.name} lies on the activity map; check their places")
    return Regions(kept)


def _within(say: Step, name: str, begun: float, share: float) -> Step:
    """Progress of one engine as a part of the whole."""
    return lambda what, done: say(f"{name}: {what}", begun + share * done)


def _judge(
    doses: Sequence[EngineDose],
    mass: Volume,
    drawn: Regions | None,
    made: dict[str, Dosing],
    say: Step,
) -> tuple[EngineComparison, ComparisonPage]:
    """The comparison, and the page that shows it."""
    judged = drawn
    if judged is None:
        reference = reference_engine(list(made))
        judged = density_regions(mass, made[reference].dose)
    begun = 1.0 - COMPARING_SHARE
    comparison = compare_doses(
        doses, mass, judged, step=lambda what, done: say(what, begun + 0.8 * COMPARING_SHARE * done)
    )
    say("drawing", 1.0 - 0.2 * COMPARING_SHARE)
    page = ComparisonPage(
        title="Dose engines on one activity map",
        facts=facts_of(comparison, {name: done.facts for name, done in made.items()}),
        findings=disagreement_findings(comparison),
        tables=(
            comparison_table(comparison),
            *(engine_table(comparison, engine) for engine in comparison.engines),
        ),
        picture=difference_picture(doses, comparison.reference, mass, drawn or Regions()),
    )
    return comparison, page


def _paths(out: Path, names: Sequence[str]) -> dict[str, Path]:
    """Where everything goes, beside `out`."""
    ending = next(e for e in ENDINGS if out.name.lower().endswith(e))
    stem = out.name[: -len(ending)]
    paths = {name: out.with_name(f"{stem}-{name}{ending}") for name in names}
    if MONTE_CARLO in names:
        paths["relative error"] = error_path(paths[MONTE_CARLO])
    for kind in ("json", "html", "png"):
        paths[f"comparison {kind}"] = out.with_name(f"{stem}-comparison.{kind}")
    return paths


def _write(
    paths: dict[str, Path],
    inputs: Sequence[Path],
    made: dict[str, Dosing],
    page: ComparisonPage,
    data: dict[str, Any],
) -> None:
    """Everything to temporary names first; then all move into place. No path in a file."""
    with staged_files(paths, inputs) as staged:
        for name, done in made.items():
            write_volume_nifti(staged[name], done.dose)
            if done.relative_error is not None:
                write_volume_nifti(staged["relative error"], done.relative_error)
        write_json(staged["comparison json"], data)
        write_text(staged["comparison html"], render_comparison(page))
        staged["comparison png"].write_bytes(page.picture.png)
