"""The `opensirt` program: its commands, and one line with exit code 2 for bad input."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import typer

from opensirt.cli import activity, dosimetry, kernel, machine, study
from opensirt.cli.streams import make_safe, tell
from opensirt.errors import OpenSirtError

__all__ = ["app", "main"]

STOPPED = 130
"""Exit code of a program that Ctrl-C ended."""
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""The base of what typer raises for wrong words; of these it exports only BadParameter."""

app = typer.Typer(
    name="opensirt",
    help="Plan radioembolization (SIRT) from a hospital's own images. Research software.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(activity.app, name="activity")
app.command("demo")(study.demo)
app.command("read")(study.read)
app.command("run")(study.run)
app.command("dose")(dosimetry.dose)
app.command("kernel")(kernel.kernel)
app.command("dvh")(dosimetry.dvh)
app.command("phantom")(study.phantom)
app.command("doctor")(machine.doctor)


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        from opensirt._version import __version__

        typer.echo(f"opensirt {__version__}")
        raise typer.Exit()


def main() -> None:
    """Run the program; a deliberate error becomes one line on stderr and exit code 2."""
    make_safe()
    for name in ("SIGTERM", "SIGHUP"):  # cleaned up after like Ctrl-C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    try:
        code = app(args=activity.spread_values(sys.argv[1:]), standalone_mode=False)
    except USAGE_ERROR as problem:
        _fail(f"{_words_of(problem)}; see opensirt --help")
    except OpenSirtError as problem:
        _fail(str(problem))
    except (OSError, MemoryError) as problem:
        _fail(f"{type(problem).__name__}: {problem}")
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except Exception as problem:  # no fault of ours ends in a traceback on a clinician's screen
        _fail(
            f"an error that opensirt did not foresee, {type(problem).__name__}; nothing unfinished "
            "is kept; set OPENSIRT_TRACEBACK=1 and report what it prints, without the patient's "
            "data"
        )
    if code == STOPPED:  # typer turns Ctrl-C into this code or into Abort, by its version
        tell("stopped; nothing unfinished is kept")
    sys.exit(code if isinstance(code, int) else 0)


def _words_of(problem: Exception) -> str:
    describe = getattr(problem, "format_message", None)
    return str(describe()) if describe else str(problem)


def _fail(message: str) -> NoReturn:
    if os.environ.get("OPENSIRT_TRACEBACK"):
        raise
    tell(message)
    sys.exit(2)
