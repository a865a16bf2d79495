"""The whole job in one call: read, prepare, quantify, plan, dose, report, write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from opensirt.case import Case
from opensirt.errors import CaseError, InputError
from opensirt.image import Volume
from opensirt.io.archive import refuse_unusable
from opensirt.plan.plan import Plan, Prescription
from opensirt.report import Report
from opensirt.units import BQ_PER_GBQ
from opensirt.workflow.options import TREATMENT, RunOptions
from opensirt.workflow.planning import calibrate, compute_dose, make_plan
from opensirt.workflow.results import build_report, write_results
from opensirt.workflow.study import Progress, prepare_case, read_case

__all__ = ["RunResult", "run_study"]


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
    refuse_unusable(Path(to), overwrite=overwrite)
    nuclide = options.nuclide()
    case = read_case(
        study,
        choose=options.choose,
        roles=options.roles,
        progress=lambda what, done: step(what, 0.3 * done),
    )
    step("bringing into one space", 0.32)
    case = prepare_case(options.apply_to(case), assume_aligned=options.assume_aligned)
    prescription = _what_to_plan(case, options)
    step("quantifying activity", 0.4)
    relative, _ = calibrate(case, nuclide.name)
    step("planning", 0.5)
    plan = make_plan(
        case,
        relative,
        model=options.model,
        product=options.product,
        prescription=prescription,
        facts=options.facts(),
    )
    activity = plan.scale(relative)
    step(f"computing dose ({options.engine})", 0.55)
    dose = compute_dose(case, activity, engine=options.engine, nuclide=nuclide)
    step("drawing the report", 0.7)
    report = build_report(
        case,
        plan,
        dose,
        activity=activity,
        engine=options.engine,
        nuclide=nuclide,
        options=options.as_dict(),
    )
    step("writing", 0.85)
    paths = write_results(case, plan, dose, report, to=to, activity=activity, overwrite=overwrite)
    step("done", 1.0)
    return RunResult(case, plan, activity, dose, report, paths)


def _what_to_plan(case: Case, options: RunOptions) -> Prescription:
    """The prescription; for an image after treatment it is the activity that was given.

    Raises
    ------
    CaseError, InputError
        After treatment: when what was given is not stated, was another product, or a prescription
        asks for something else.
    """
    given = case.treatment
    if case.activity_image.role != TREATMENT:
        return options.prescription
    if given is None:
        raise CaseError(
            "the image was taken after treatment, but what was given is not stated; add "
            "[treatment] with product, activity_gbq and injected to case.toml, or give "
            "--given-gbq and --injected"
        )
    if given.product != options.product:
        raise InputError(f"the treatment was with {given.product}, not with {options.product}")
    drawn_up_bq = given.activity_bq / (1.0 - options.residual_fraction)
    asked = options.prescription
    same = asked.kind == "activity" and asked.value is not None
    if same and math.isclose(asked.value or 0.0, drawn_up_bq, rel_tol=1e-3):
        return asked
    if asked.kind != "binding-limit":
        raise InputError(
            f"an image after treatment shows the {given.activity_bq / BQ_PER_GBQ:g} GBq that were "
            "given; leave the prescription out, or plan on the image before treatment"
        )
    return Prescription("activity", drawn_up_bq)
