"""Printing: results on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from opensirt.cli.streams import LOST, forget_stdout, tell
from opensirt.compiling import telling_of_compilation

if TYPE_CHECKING:
    from opensirt.findings import Finding

__all__ = [
    "JSON_OPTION",
    "constant_from",
    "emit",
    "exit_on_stop",
    "key_values",
    "progress",
    "show_findings",
    "table",
]

STOP_STANDS = 3
"""Exit code where results are whole, but a finding says not to treat by them."""
COMPILING = "making machine code, first use only"
JSON_OPTION = typer.Option(False, "--json", help="Machine-readable result on stdout.")


def emit(
    result: Mapping[str, Any],
    as_json: bool,
    show: Callable[[], None],
    *,
    is_written: bool = False,
) -> None:
    """Print `result` as JSON, or call `show` to print it for people.

    Where `is_written`, files hold the result: printing that fails is told on stderr, and changes
    nothing else. Otherwise it is an `InputError`. A reader that has gone is neither.
    """
    from opensirt.errors import InputError

    try:
        if as_json:
            print(json.dumps(result, indent=1, allow_nan=False))
        else:
            show()
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()
    except OSError as error:
        forget_stdout()
        why = error.strerror or str(error)
        if not is_written:
            raise InputError(f"expected to print the result, got {why}; nothing is kept") from error
        tell(f"{LOST} ({why}); the files are whole")


def show_findings(findings: Sequence[Finding]) -> None:
    """A line for each finding, its severity first."""
    for finding in findings:
        typer.echo(f"{finding.severity:<5} {finding.text}")


def exit_on_stop(findings: Sequence[Finding], line: str) -> None:
    """Leave with `STOP_STANDS` where a finding of severity "stop" stands, after the results.

    `line` is told on stderr; ``{codes}`` in it are those of the stops.
    """
    codes = dict.fromkeys(f.code for f in findings if f.severity == "stop")
    if codes:
        tell(line.format(codes=", ".join(codes)))
        raise typer.Exit(STOP_STANDS)


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout; the first column is text, the others numbers or text."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        grid.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)

    class Printer(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Printer(width=None if sys.stdout.isatty() else 140, markup=False, highlight=False)
    console.print(grid)


def key_values(text: list[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping; a wrong form is an error that names the option."""
    from opensirt.errors import InputError

    pairs = {}
    for item in text:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            raise InputError(f"{option} needs NAME=VALUE, got {item!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def constant_from(text: str | None) -> float | str | None:
    """A dose constant typed as a number, or as the name of one in the tables."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """A progress bar on stderr; call it with what is being done and the part done, 0 to 1."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<35}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=1.0)

        def step(what: str, done: float) -> None:
            bar.update(task, description=what, completed=done)

        def compiling(name: str) -> None:
            bar.update(task, description=COMPILING)

        with telling_of_compilation(compiling):
            yield step
