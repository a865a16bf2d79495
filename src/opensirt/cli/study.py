"""Commands on a patient's study: `read`, `run`, `demo`, `phantom`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from opensirt.cli.console import (
    JSON_OPTION,
    constant_from,
    emit,
    exit_on_stop,
    key_values,
    progress,
    show_findings,
    table,
)
from opensirt.cli.naming import ROLES, region_roles, show_suggestions
from opensirt.cli.options import (
    ACTIVITY_PER_SPHERE,
    BILIRUBIN,
    COMPROMISED,
    HOURS,
    INDEX_LESION,
    INDICATION,
    INTENT,
    PRESCRIBE_FOR,
    PREVIOUS_LUNG_DOSE,
    VIALS,
)

if TYPE_CHECKING:
    from opensirt.case import Case, Treatment
    from opensirt.workflow import RunOptions, RunResult

__all__ = ["demo", "phantom", "read", "run"]

STUDY = typer.Argument(..., help="DICOM folder, case.toml, or a single image file.")
CHOOSE = typer.Option(
    [], "--choose", help="ROLE=SERIES where several series could be meant, such as ct=LIVER."
)
TIME_ZONE = typer.Option(
    None, help="Of clocks whose DICOM header states none: Europe/Berlin, +01:00."
)


def read(
    study: Path = STUDY,
    choose: list[str] = CHOOSE,
    role: list[str] = ROLES,
    time_zone: str | None = TIME_ZONE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what is in a study: images, regions, and what was left out, why."""
    from opensirt.workflow import describe_case, read_case

    with progress() as step:
        case = read_case(
            study,
            choose=key_values(choose, "--choose"),
            roles=region_roles(role),
            time_zone=time_zone,
            progress=step,
        )
    result = describe_case(case)
    emit(result, as_json, lambda: _show_study(case, result))


def run(
    study: Path = STUDY,
    product: str = typer.Option(..., help="resin-y90, glass-y90 or ho166-plla."),
    model: str = typer.Option(..., help="Planning model: bsa, mird or partition."),
    engine: str = typer.Option(
        "voxel-convolution",
        help="Dose engine: local, voxel-convolution, voxel-superposition, monte-carlo.",
    ),
    tumour_dose_gy: float | None = typer.Option(None, help="Prescribe the tumour dose."),
    perfused_dose_gy: float | None = typer.Option(None, help="Prescribe the perfused-volume dose."),
    normal_dose_gy: float | None = typer.Option(None, help="Prescribe the perfused normal dose."),
    activity_gbq: float | None = typer.Option(None, help="Prescribe the activity to draw up."),
    prescribe_for: str | None = PRESCRIBE_FOR,
    index_lesion: str | None = INDEX_LESION,
    indication: str | None = INDICATION,
    intent: str | None = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
    compromised_liver: bool | None = COMPROMISED,
    previous_lung_dose_gy: float = PREVIOUS_LUNG_DOSE,
    vials: int = VIALS,
    hours_since_calibration: float | None = HOURS,
    activity_per_sphere: str | None = ACTIVITY_PER_SPHERE,
    lung_shunt: float | None = typer.Option(None, help="Lung shunt fraction, 0 to 1."),
    lung_mass_g: float | None = typer.Option(None, help="Lung mass."),
    density_g_ml: float | None = typer.Option(None, help="Tissue density where there is no CT."),
    residual: float = typer.Option(0.0, help="Fraction left in vial and tubing."),
    dose_constant: str | None = typer.Option(
        None, help="Gy kg/GBq or the name of one; the product's if not given."
    ),
    height_cm: float | None = typer.Option(None, help="For the BSA model."),
    weight_kg: float | None = typer.Option(None, help="For the BSA model."),
    bsa_formula: str = typer.Option("dubois", help="dubois or mosteller."),
    image: str | None = typer.Option(
        None, help="planning-activity or treatment-activity, where a study has both."
    ),
    given_gbq: float | None = typer.Option(None, help="Activity given, for a treatment image."),
    injected: str | None = typer.Option(
        None,
        help="When it was given, with time zone: 2025-01-10T12:00:00+00:00; or without, by "
        "--time-zone.",
    ),
    time_zone: str | None = TIME_ZONE,
    assume_aligned: bool = typer.Option(
        False, help="Take images of different frames of reference as aligned; recorded."
    ),
    compare_engines: bool = typer.Option(
        False, "--compare-engines", help="Every dose engine on the same activity, in the report."
    ),
    identity: str = typer.Option(
        "remove", help="keep writes the patient's identity into report and DICOM objects."
    ),
    allow_stop: str | None = typer.Option(
        None,
        "--allow-stop",
        metavar="NAME: REASON",
        help="Write the RT Plan, unapproved, although findings stop it. NAME is your name, the "
        "person who accepts; REASON is why.",
    ),
    choose: list[str] = CHOOSE,
    role: list[str] = ROLES,
    out: Path = typer.Option(Path("opensirt-out"), help="Folder for report and DICOM objects."),
    overwrite: bool = typer.Option(False, help="Replace the folder, if opensirt made it."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Plan a study: activity, dose in every voxel, report and DICOM objects.

    Give one prescription; without any, the binding limit decides and is named. Exit code 3: results
    were written, but something stops the plan.
    """
    from opensirt.findings import AcceptedStop
    from opensirt.workflow import RunOptions, prescription_from

    options = RunOptions(
        product=product,
        model=model,
        engine=engine,
        prescription=prescription_from(
            tumour_dose_gy,
            perfused_dose_gy,
            normal_dose_gy,
            activity_gbq,
            purpose=prescribe_for,
            index_lesion=index_lesion,
        ),
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
        compromised_liver=compromised_liver,
        previous_lung_dose_gy=previous_lung_dose_gy,
        vials=vials,
        hours_since_calibration=hours_since_calibration,
        activity_per_sphere=constant_from(activity_per_sphere),
        lung_shunt_fraction=lung_shunt,
        lung_mass_g=lung_mass_g,
        density_g_ml=density_g_ml,
        residual_fraction=residual,
        dose_constant_gy_kg_per_gbq=constant_from(dose_constant),
        image=image,
        given=_given(product, given_gbq, injected, time_zone),
        assume_aligned=assume_aligned,
        height_cm=height_cm,
        weight_kg=weight_kg,
        bsa_formula=bsa_formula,
        compare_engines=compare_engines,
        identity=identity,
        allow_stop=None if allow_stop is None else AcceptedStop.parse(allow_stop),
        time_zone=time_zone,
        choose=key_values(choose, "--choose"),
        roles=region_roles(role),
    )
    outcome = _run(study, options, out, overwrite)
    emit(outcome.report.results, as_json, lambda: _show_run(outcome), is_written=True)
    _end(outcome)


def _end(outcome: RunResult) -> None:
    """Leave with code 3 and one line where a stop stands, accepted or not."""
    accepted = outcome.report.accepted
    no_plan = 'no RT Plan was written; --allow-stop "YOUR NAME: REASON" writes it'
    line = f"the plan is stopped by {{codes}}; {no_plan}"
    if outcome.plan.is_given:
        line = "what was given has findings that stop: {codes}; a verification has no RT Plan"
    elif accepted:
        name = accepted.name.replace("{", "{{").replace("}", "}}")
        line = f"the plan is stopped by {{codes}}; accepted by {name}; the RT Plan says so"
    exit_on_stop(outcome.report.stops, line)


def _given(
    product: str, given_gbq: float | None, injected: str | None, zone: str | None
) -> Treatment | None:
    """What was given, from the options; both or none."""
    from datetime import datetime

    from opensirt.case import Treatment
    from opensirt.clock import on_clock
    from opensirt.clock import time_zone as zone_named
    from opensirt.errors import InputError
    from opensirt.units import BQ_PER_GBQ

    if given_gbq is None and injected is None:
        return None
    if given_gbq is None or injected is None:
        missing = "--given-gbq" if given_gbq is None else "--injected"
        raise InputError(
            f"expected --given-gbq and --injected together, found one of them; add {missing}"
        )
    try:
        instant = datetime.fromisoformat(injected)
    except ValueError:
        instant = None
    if instant is not None and instant.tzinfo is None and zone is not None:
        instant = on_clock(instant, zone_named(zone))
    if instant is None or instant.tzinfo is None:
        raise InputError(
            "--injected needs a time with zone such as 2025-01-10T12:00:00+00:00, or --time-zone "
            f"beside it, got {injected!r}"
        )
    if not given_gbq > 0:
        raise InputError(f"--given-gbq must be above 0, got {given_gbq}")
    return Treatment(product, given_gbq * BQ_PER_GBQ, instant)


def _run(study: Path, options: RunOptions, out: Path, overwrite: bool) -> RunResult:
    from opensirt.workflow import run_study

    with progress() as step:
        return run_study(study, options, to=out, overwrite=overwrite, progress=step)


def demo(
    out: Path = typer.Option(Path("opensirt-demo"), help="Folder for study and results."),
    voxel_mm: float | None = typer.Option(None, help="CT voxel size of the digital patient."),
    seed: int = typer.Option(1, help="Seed of the image noise."),
    overwrite: bool = typer.Option(True, help="Replace the folder, if opensirt made it."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a digital NET patient, plan it from its DICOM, compare with its truth."""
    from opensirt.io.places import refuse_unusable

    refuse_unusable(out, overwrite=overwrite)  # before slow imports
    from opensirt.workflow import run_demo

    with progress() as step:
        outcome = run_demo(out, voxel_mm=voxel_mm, seed=seed, overwrite=overwrite, progress=step)

    def show() -> None:
        _show_run(outcome.run)
        rows = [
            [c.quantity, f"{c.true:.4g}", f"{c.recovered:.4g}", f"{c.recovered / c.true - 1:+.1%}"]
            for c in outcome.comparisons
        ]
        table("Recovered against true", ["quantity", "true", "recovered", "difference"], rows)
        typer.echo(
            "Small lesions read low because the SPECT blurs them; nothing corrects for it here."
        )
        typer.echo(f"Study made: {outcome.study}")
        peak = outcome.peak_memory_mb
        memory = "" if peak is None else f", peak memory {peak:.0f} MB"
        typer.echo(f"Took {outcome.seconds:.0f} s{memory}")

    emit(outcome.as_dict(), as_json, show, is_written=True)
    _end(outcome.run)


def phantom(
    name: str = typer.Argument(..., help="liver-net, uniform, sphere, nema-like or slabs."),
    out: Path = typer.Option(..., help="Folder to write."),
    voxel_mm: float | None = typer.Option(None, help="CT voxel size, mm."),
    seed: int = typer.Option(1, help="Seed of the image noise."),
    overwrite: bool = typer.Option(False, help="Replace the folder, if opensirt made it."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write a digital patient or phantom as DICOM and NIfTI, with its truth."""
    from opensirt.io.places import refuse_unusable

    refuse_unusable(out, overwrite=overwrite)  # before slow imports
    from opensirt.workflow import write_phantom

    with progress() as step:
        result = write_phantom(
            name, out, voxel_mm=voxel_mm, seed=seed, overwrite=overwrite, progress=step
        )

    def show() -> None:
        for what, path in result["paths"].items():
            typer.echo(f"{what:<12} {path}")

    emit(result, as_json, show, is_written=True)


def _show_study(case: Case, result: dict[str, Any]) -> None:
    rows = [
        [
            image["label"], image["modality"], image["role"], image["unit"],
            image["nuclide"] or "–",
            " x ".join(str(n) for n in image["shape"]),
            " x ".join(f"{s:.4g}" for s in image["spacing_mm"]), str(image["acquired"] or "–"),
        ]
        for image in result["images"]
    ]  # fmt: skip
    columns = ["image", "modality", "role", "unit", "nuclide", "voxels", "mm", "acquired"]
    table(f"Study {result['case_id']}: images", columns, rows)
    rows = [[r["name"], r["role"], _volume(r["volume_ml"])] for r in result["regions"]]
    table("Regions", ["region", "role", "volume (mL)"], rows)
    show_suggestions(result)
    if case.left_out:
        table("Left out", ["what", "why"], [[item.shown, item.why] for item in case.left_out])


def _volume(volume_ml: float) -> str:
    """A volume in mL; of a small one two digits, and 0 for nothing alone."""
    return f"{volume_ml:.1f}" if volume_ml >= 9.95 else f"{volume_ml:.2g}"


def _show_run(outcome: RunResult) -> None:
    report = outcome.report
    table(
        f"{report.title}, {report.case_id}",
        ["what", "value", ""],
        [[row.label, row.value, row.note] for row in report.headline],
    )
    for shown in (report.limit_table, report.dose_table, report.organ_table):
        if shown is not None:
            table(shown.title, list(shown.columns), [list(row) for row in shown.rows])
    show_findings(report.findings)
    typer.echo("")
    for what, path in outcome.paths.items():
        typer.echo(f"{what:<12} {path}")
