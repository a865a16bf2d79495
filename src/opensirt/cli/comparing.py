"""What `opensirt dose --compare` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from opensirt.cli.console import emit, progress, show_findings, table

__all__ = ["compare", "require_one_engine"]


def require_one_engine(engine: str, regions: Path | None) -> None:
    """Refuse several engines, or regions, where no comparison is asked for."""
    from opensirt.errors import InputError

    if engine == "all" or "," in engine:
        raise InputError(f"--engine {engine} means several engines; add --compare")
    if regions is not None:
        raise InputError("--regions belongs to a comparison; add --compare, or use opensirt dvh")


def compare(activity: Path, as_json: bool, **choices: Any) -> None:
    """Run several engines, write their maps and the comparison, and show it."""
    from opensirt.workflow.comparing import compare_from_files

    with progress() as step:
        done = compare_from_files(activity, step=step, **choices)

    def show() -> None:
        for shown in done.page.tables[:1]:
            table(shown.title, list(shown.columns), [list(row) for row in shown.rows])
            typer.echo(shown.caption)
        times = ", ".join(f"{n} {e['seconds']:.2f} s" for n, e in done.result["engines"].items())
        typer.echo(f"Time: {times}")
        show_findings(done.page.findings)
        typer.echo("")
        for what, path in done.result["paths"].items():
            typer.echo(f"{what:<20} {path}")

    emit(done.result, as_json, show, is_written=True)
