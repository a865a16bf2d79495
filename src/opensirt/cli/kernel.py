"""Command `kernel`: voxel S values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from opensirt.cli.console import JSON_OPTION, emit, progress, table

__all__ = ["kernel"]


def kernel(
    nuclide: str = typer.Option(..., help="y90, ho166, tc99m, re188, p32, lu177 or i131."),
    voxel_mm: str = typer.Option(
        ..., help="Voxel size in mm: X, or X,Y,Z; X runs along columns, Z along slices."
    ),
    medium: str = typer.Option("water", help="water, soft-tissue, liver, lung or bone."),
    density_g_ml: float | None = typer.Option(None, help="Density; the medium's if not given."),
    extent: int | None = typer.Option(None, help="Voxels along each side of the array, odd."),
    engine: str = typer.Option("voxel-convolution", help="voxel-convolution or monte-carlo."),
    histories: int | None = typer.Option(None, help="Monte Carlo: decays to follow."),
    uncertainty: float | None = typer.Option(
        None, help="Monte Carlo: relative error of the self-dose to reach; default 0.002."
    ),
    seed: int | None = typer.Option(None, help="Monte Carlo: whole number; default 1."),
    threads: int | None = typer.Option(None, help="Monte Carlo: threads; default all cores."),
    out: Path = typer.Option(..., help="File to write (.npz)."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Voxel S values of a uniformly filled voxel, mGy/(MBq s)."""
    from opensirt.workflow import KernelStatistics, kernel_to_file

    with progress() as step:
        result = kernel_to_file(
            nuclide,
            voxel_size_from(voxel_mm),
            medium=medium,
            density_g_ml=density_g_ml,
            extent=extent,
            engine=engine,
            to=out,
            statistics=KernelStatistics(histories, uncertainty, seed, threads),
            step=step,
        )
    title = f"Kernel, {nuclide}"
    emit(result, as_json, lambda: table(title, ["what", "value"], _rows(result)), is_written=True)


def _rows(result: dict[str, Any]) -> list[list[str]]:
    voxel = " x ".join(f"{size:g}" for size in result["spacing_mm"])
    rows = [
        ["self S value", f"{result['self_s_mgy_per_mbq_s']:.4g} mGy/(MBq s)"],
        ["medium", _medium(result)],
        ["density", f"{result['density_g_ml']:.4g} g/mL"],
        ["array (slice x row x column)", " x ".join(str(n) for n in result["shape"])],
        ["voxel (slice x row x column)", f"{voxel} mm"],
        ["energy in the array", f"{result['energy_in_array_fraction']:.2%}"],
    ]
    if "histories" in result:
        speed = f"{result['histories_per_second']:,.0f} per second"
        rows += [
            ["histories", f"{result['histories']:,} ({speed})"],
            ["relative error of the self S value", f"{result['mean_relative_error']:.2%}"],
            ["energy balance", f"{result['energy_balance']:+.1e}"],
        ]
    return [*rows, ["written", result["out"]]]


def _medium(result: dict[str, Any]) -> str:
    """The medium, and whose kernel stands for it."""
    if result["kernel_medium"] == result["medium"]:
        return str(result["medium"])
    return f"{result['medium']} (kernel of {result['kernel_medium']} at its density)"


def voxel_size_from(text: str) -> tuple[float, float, float]:
    """`X` or `X,Y,Z` in mm."""
    from opensirt.errors import InputError

    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) == 1:
        sizes *= 3
    if len(sizes) != 3:
        raise InputError(f"--voxel-mm needs X or X,Y,Z in mm, found {text!r}")
    return sizes[0], sizes[1], sizes[2]
