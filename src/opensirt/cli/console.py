"""Printing: results on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

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
PIPED_WIDTH = 160
"""Columns of a table that no terminal shows and no COLUMNS bounds."""
FRAME = 3
"""Columns of a table that each of its columns needs for lines and space."""
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
    """A table on stdout; the first column is text, the others numbers or text.

    As wide as the terminal, or as COLUMNS says. Where the longest words of the columns do not fit
    beside one another, rows stand below one another instead: no word is broken.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    class Printer(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    is_sized = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    console = Printer(width=None if is_sized else PIPED_WIDTH, markup=False, highlight=False)
    room = console.width - FRAME * len(columns) - 1
    least, most = [], []
    for cells in zip(columns, *rows, strict=True):
        least.append(max(cell_len(word) for cell in cells for word in (*cell.split(), "")))
        most.append(max(map(cell_len, cells)))
    if sum(least) > room:
        _print_rows(title, columns, rows, console.width)
        return
    widths = _shared(least, most, room)
    grid = Table(title=title, title_justify="left", header_style="bold")
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        justify: Literal["left", "right"] = "left" if index == 0 else "right"
        grid.add_column(column, justify=justify, overflow="fold", width=width)
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def _shared(least: list[int], most: list[int], room: int) -> list[int]:
    """Widths of columns from `least` to `most`: what is left of `room` goes to each alike."""
    widths, left = list(least), room - sum(least)
    order = sorted(range(len(least)), key=lambda n: most[n] - least[n])
    for place, n in enumerate(order):
        more = min(most[n] - least[n], left // (len(order) - place))
        widths[n] += more
        left -= more
    return widths


def _print_rows(title: str, columns: list[str], rows: list[list[str]], width: int) -> None:
    """Each row as its first cell and a line for each other one, for a terminal that is narrow."""
    shape: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    inner: dict[str, Any] = {"initial_indent": "  ", "subsequent_indent": "    ", **shape}
    lines = [title]
    for first, *rest in rows:
        cells = [(name, cell) for name, cell in zip(columns[1:], rest, strict=True) if cell]
        if len(columns) == 2:
            cells, first = [], f"{first}: {rest[0]}"
        lines += textwrap.wrap(first, width, subsequent_indent="    ", **shape)
        for name, cell in cells:
            text = f"{name}: {cell}" if name else cell
            lines += textwrap.wrap(text, width, **inner)
    print("\n".join(lines))


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
