"""Commands on single maps: `dose`, `dvh`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from opensirt.cli import comparing
from opensirt.cli.console import (
    JSON_OPTION,
    constant_from,
    emit,
    progress,
    table,
)

__all__ = ["dose", "dvh"]

NUCLIDE = typer.Option(..., help="y90, ho166, tc99m, re188, p32, lu177 or i131.")
ENGINE = typer.Option(
    "voxel-convolution",
    help="Dose engine: local, voxel-convolution, voxel-superposition, monte-carlo; "
    "with --compare also all.",
)


def dose(
    activity: Path = typer.Option(..., help="Activity map at time zero (NIfTI, NRRD)."),
    activity_unit: str | None = typer.Option(
        None, help="Bq/mL, kBq/mL or MBq/mL, where the file does not state it; Bq/mL if not given."
    ),
    density: Path | None = typer.Option(None, help="Density map, g/mL."),
    ct: Path | None = typer.Option(None, help="CT, HU, instead of a density map."),
    nuclide: str = NUCLIDE,
    engine: str = ENGINE,
    dose_constant: str | None = typer.Option(None, help="Gy kg/GBq, or the name of one."),
    histories: int | None = typer.Option(None, help="Monte Carlo: decays to follow."),
    uncertainty: float | None = typer.Option(
        None, help="Monte Carlo: relative error to reach where the dose is high; default 0.01."
    ),
    seed: int | None = typer.Option(None, help="Monte Carlo: whole number; default 1."),
    threads: int | None = typer.Option(None, help="Monte Carlo: threads; default all cores."),
    mode: str | None = typer.Option(None, help="Monte Carlo: fast (default) or full."),
    device: str | None = typer.Option(None, help="Monte Carlo: cpu (default) or cuda."),
    compare: bool = typer.Option(
        False, "--compare", help="Several engines (all, or names with commas) and how they differ."
    ),
    regions: Path | None = typer.Option(None, help="With --compare: label map or segmentation."),
    out: Path = typer.Option(..., help="Dose map to write, Gy (.nii.gz)."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Absorbed dose to complete decay of an activity map."""
    from opensirt.units import BQ_PER_GBQ, activity_text
    from opensirt.workflow import MonteCarloOptions, dose_from_files

    options = MonteCarloOptions(histories, uncertainty, seed, threads, mode, device)
    if compare:
        comparing.compare(
            activity,
            as_json,
            density=density,
            ct=ct,
            nuclide_name=nuclide,
            engine=engine,
            to=out,
            regions=regions,
            dose_constant=constant_from(dose_constant),
            options=options,
            activity_unit=activity_unit,
        )
        return
    comparing.require_one_engine(engine, regions)
    with progress() as step:
        result = dose_from_files(
            activity,
            density=density,
            ct=ct,
            nuclide_name=nuclide,
            engine=engine,
            to=out,
            dose_constant=constant_from(dose_constant),
            options=options,
            step=step,
            activity_unit=activity_unit,
        )
    rows = [
        ["time", f"{result['seconds']:.2f} s with {result['threads']} threads"],
        *_statistics(result),
        ["activity in the map", activity_text(result["activity_gbq"] * BQ_PER_GBQ)],
        ["decays", f"{result['decays']:.4g}"],
        ["mean dose", f"{result['mean_dose_gy']:.4g} Gy"],
        ["highest dose", f"{result['maximum_dose_gy']:.4g} Gy"],
        ["written", result["out"]],
    ]

    def show() -> None:
        table(f"Dose, {engine}", ["what", "value"], rows)
        for finding in result["findings"]:
            typer.echo(f"{finding['severity']:<5} {finding['text']}")

    emit(result, as_json, show, is_written=True)


def _statistics(result: dict[str, Any]) -> list[list[str]]:
    """Rows of a Monte Carlo run; none for the other engines."""
    if "histories" not in result:
        return []
    return [
        [
            "histories",
            f"{result['histories']:,} ({result['histories_per_second']:,.0f} per second)",
        ],
        ["mean relative error, high dose", f"{result['mean_relative_error']:.2%}"],
        ["energy balance", f"{result['energy_balance']:+.1e}"],
        ["energy that left the grid", f"{result['escaped_fraction']:.2%}"],
        ["media", ", ".join(result["media"])],
        ["relative error map", result["relative_error_out"]],
    ]


def dvh(
    dose: Path = typer.Option(..., help="Dose map, Gy: RT Dose, NIfTI or NRRD."),
    regions: Path = typer.Option(..., help="Label map or segmentation on any grid."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Dose figures and cumulative histogram of each region."""
    from opensirt.workflow import histograms_from_files

    result = histograms_from_files(dose, regions)
    figures = ("mean_dose_gy", "d98_gy", "d95_gy", "d70_gy", "d50_gy", "d2_gy")
    rows = [
        [row["name"], f"{row['volume_ml']:.2f}", f"{row['volume_with_dose_ml']:.2f}"]
        + (["outside"] * len(figures) if row.get("outside") else [f"{row[f]:.4g}" for f in figures])
        for row in result["regions"]
    ]
    columns = ["region", "mL", "with dose", "mean (Gy)", "D98", "D95", "D70", "D50", "D2"]

    def show() -> None:
        table("Dose-volume figures", columns, rows)
        if result["left_out"]:
            left = [[item["what"], item["why"]] for item in result["left_out"]]
            table("Left out", ["what", "why"], left)

    emit(result, as_json, show)
