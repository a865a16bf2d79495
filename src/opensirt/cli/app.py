"""The `opensirt` program: its commands, and one line with exit code 2 for bad input."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import typer

from opensirt.asking import speaking_to
from opensirt.cli import STOPPED, activity, dosimetry, kernel, machine, study
from opensirt.cli.parts import missing_part
from opensirt.cli.streams import make_safe, tell
from opensirt.cli.usage import usage_text
from opensirt.errors import OpenSirtError
from opensirt.io import written

__all__ = ["app", "main"]

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""The base of what typer raises for wrong words; of these it exports only BadParameter."""

NO_MEMORY = ("failed to map segment", "annot allocate memory")
"""What the system answers where a part of a program does not fit into the memory."""

app = typer.Typer(
    name="opensirt",
    help="Plan radioembolization (SIRT) from a hospital's own images. Research software.",
    epilog="opensirt COMMAND --help shows the options of a command.",
    context_settings={"help_option_names": ["-h", "--help"]},
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
    context: typer.Context,
    version: bool = typer.Option(False, "--version", "-v", help="Print the version and stop."),
) -> None:
    if version:
        from opensirt._version import __version__

        typer.echo(f"opensirt {__version__}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@speaking_to("command line")
def main() -> None:
    """Run the program; a deliberate error becomes one line on stderr and exit code 2."""
    make_safe()
    written.forget()
    for name in ("SIGTERM", "SIGHUP"):  # cleaned up after like Ctrl-C
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    words = activity.spread_values(sys.argv[1:])
    try:
        code = app(words, prog_name="opensirt", standalone_mode=False)
    except USAGE_ERROR as problem:
        _fail(usage_text(problem, words, typer.main.get_command(app)))
    except OpenSirtError as problem:
        _fail(str(problem))
    except ModuleNotFoundError as problem:
        _fail(missing_part(problem))
    except (OSError, MemoryError, ImportError) as problem:
        _fail(_words_of_the_system(problem))
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except Exception as problem:  # no fault of ours ends in a traceback on a clinician's screen
        _fail(
            f"an error that opensirt did not foresee, {type(problem).__name__}; {_what_stands()}; "
            "set OPENSIRT_TRACEBACK=1 and report what it prints, without the patient's data"
        )
    if code == STOPPED:  # typer turns Ctrl-C into this code or into Abort, by its version
        tell(f"stopped; {_what_stands()}")
    sys.exit(code if isinstance(code, int) else 0)


def _what_stands() -> str:
    places = ", ".join(map(str, written.standing()))
    return f"results were written to {places}" if places else "nothing unfinished is kept"


def _words_of_the_system(problem: Exception) -> str:
    """What a full disk or memory answers; a library that finds no room in memory is not loaded."""
    text = str(problem)
    if isinstance(problem, MemoryError) or any(part in text for part in NO_MEMORY):
        return (
            f"too little memory for this job ({text or 'all is used'}); {_what_stands()}; close "
            "other programs, or raise the limit on memory"
        )
    return f"{type(problem).__name__}: {problem}"


def _fail(message: str) -> NoReturn:
    if os.environ.get("OPENSIRT_TRACEBACK"):
        raise
    tell(message)
    sys.exit(2)
