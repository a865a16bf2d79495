"""The whole job in one call: read, prepare, quantify, plan, dose, report, write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opensirt.case import Case
from opensirt.dose.comparison import EngineDose
from opensirt.findings import Finding
from opensirt.image import Regions, Volume
from opensirt.io.dicom_identity import read_identity
from opensirt.io.inputs import places_of
from opensirt.io.places import refuse_unusable
from opensirt.physics.nuclides import Nuclide
from opensirt.plan.plan import Plan
from opensirt.report import Report
from opensirt.workflow.dosing import MONTE_CARLO, calculate
from opensirt.workflow.engines import check_engines
from opensirt.workflow.export import outline_image
from opensirt.workflow.figures import named_regions
from opensirt.workflow.missing import require_known
from opensirt.workflow.options import KEEP, RunOptions
from opensirt.workflow.planning import calibrate, compute_dose, make_plan
from opensirt.workflow.results import build_report, write_results
from opensirt.workflow.setting import make_setting
from opensirt.workflow.study import Progress, prepare_case, read_case

__all__ = ["RunResult", "run_study"]

GIVEN_NOT_USED = (
    "The activity given changes nothing here: this is a plan on the image before treatment. The "
    "dose that was given is on the image after treatment, if that is the one used."
)


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """What one run made, and where it lies."""

    case: Case
    plan: Plan
    activity: Volume
    dose: Volume
    report: Report
    paths: dict[str, Path]


def run_study(
    study: str | Path,
    options: RunOptions,
    *,
    to: str | Path,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Plan a study and write everything to a folder.

    Raises
    ------
    OpenSirtError
        With one line that says what was needed; nothing is left in `to` then.
    """
    step = progress or (lambda what, done: None)
    options.require_names()
    nuclide = options.nuclide()
    place = Path(study)
    if place.exists():  # else reading it says so
        refuse_unusable(Path(to), overwrite=overwrite, inputs=places_of(place))
    case = read_case(
        study,
        choose=options.choose,
        roles=options.roles,
        time_zone=options.time_zone,
        progress=lambda what, done: step(what, 0.3 * done),
    )
    step("bringing into one space", 0.32)
    case = options.apply_to(case)
    require_known(case, options)
    case = prepare_case(case, image=options.image, assume_aligned=options.assume_aligned)
    if options.given is not None and not case.is_treated:
        case = case.with_findings(Finding("warn", "given-not-used", GIVEN_NOT_USED))
    identity = None
    if options.identity == KEEP:
        identity = read_identity(Path(study), case, outline_image(case))
    step("quantifying activity", 0.4)
    relative, _ = calibrate(case, nuclide.name)
    step("planning", 0.5)
    plan = make_plan(
        case,
        relative,
        model=options.model,
        product=options.product,
        prescription=options.prescription,
        facts=options.facts(),
    )
    activity = plan.scale(relative)
    step(f"computing dose ({options.engine})", 0.55)
    used = _dose(case, activity, options.engine, nuclide, _part(step, 0.55, 0.6))
    check = check_engines(
        case,
        activity,
        used,
        nuclide,
        every=options.compare_engines,
        regions=_regions(case),
        step=_part(step, 0.6, 0.7),
    )
    step("drawing the report", 0.7)
    report = build_report(
        case,
        plan,
        used.dose,
        activity=activity,
        engine=options.engine,
        nuclide=nuclide,
        options=options.as_dict(),
        check=check,
        accepted=options.allow_stop,
        identity=identity,
    )
    step("writing", 0.85)
    paths = write_results(
        case, plan, used.dose, report, to=to, activity=activity, overwrite=overwrite
    )
    step("done", 1.0)
    return RunResult(case, plan, activity, used.dose, report, paths)


def _dose(
    case: Case, activity: Volume, engine: str, nuclide: Nuclide, step: Progress
) -> EngineDose:
    """The dose of the run; Monte Carlo with its error map and its own progress."""
    if engine != MONTE_CARLO:
        return EngineDose(engine, compute_dose(case, activity, engine=engine, nuclide=nuclide))
    density = make_setting(case).density
    done = calculate(engine, activity, density, nuclide, None, step, _regions(case))
    return EngineDose(engine, done.dose, done.relative_error, done.region_errors)


def _regions(case: Case) -> Regions:
    """The regions of the report."""
    return named_regions(make_setting(case))


def _part(step: Progress, first: float, last: float) -> Progress:
    """Progress of one stage as a part of the whole."""
    return lambda what, done: step(what, first + (last - first) * done)
