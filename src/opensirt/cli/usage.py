"""What is said of wrong words: what is missing, how a number is typed, and whose help to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opensirt.cli.numbers import how_to_type

__all__ = ["usage_text"]


def usage_text(problem: Exception, words: Sequence[str], program: Any) -> str:
    """One line for words that a command does not take.

    Parameters
    ----------
    problem : Exception
        As typer raises it; one for something missing names the first thing alone.
    words : sequence of str
        Those of the command line, without the program's name.
    program : click command
        The program with all of its commands.
    """
    describe = getattr(problem, "format_message", None)
    said = (str(describe()) if describe else str(problem)).rstrip(".")
    page, command = "opensirt", program
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        page, command = f"{page} {word}", command.commands[word]
    first = getattr(problem, "param", None)
    if said.startswith("Missing ") and first is not None:
        said = f"Missing {_listed(_missing(first, words, command))}"
    return f"{said}{how_to_type(said, words)}; see {page} --help"


def _missing(first: Any, words: Sequence[str], command: Any) -> list[Any]:
    """The argument that is missing first, and every required option that was not typed."""
    typed = {word.partition("=")[0] for word in words}
    options = (each for each in command.params if each.param_type_name == "option")
    missing = [each for each in options if each.required and typed.isdisjoint(each.opts)]
    return missing if first.param_type_name == "option" else [first, *missing]


def _listed(missing: Sequence[Any]) -> str:
    """Each by its name and what its help says of it, such as the names to choose from."""
    named = []
    for each in missing:
        is_option = each.param_type_name == "option"
        name = each.opts[-1] if is_option else each.name.upper()
        about = (getattr(each, "help", None) or "").rstrip(".")
        named.append(f"{name} ({about})" if about else name)
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
