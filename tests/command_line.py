"""The command line called in this process, with what it printed and how it ended."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from opensirt.cli.app import main

__all__ = ["Outcome", "call", "call_json", "files_in", "refusal"]


STOPPED = 3


@dataclass(frozen=True)
class Outcome:
    """Exit code and both outputs of one command."""

    code: int
    stdout: str
    stderr: str


def call(*words: object) -> Outcome:
    """`opensirt` with these words; an exception that escapes is the test's failure."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["opensirt", *map(str, words)]),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return Outcome(code, stdout.getvalue(), stderr.getvalue())


def call_json(*words: object, code: int = 0) -> dict[str, Any]:
    """The result of a command that must end with `code`; stdout must be JSON alone.

    Nothing is on stderr, but one line where a stop stands.
    """
    outcome = call(*words, "--json")
    assert outcome.code == code, outcome.stderr
    lines = outcome.stderr.splitlines()
    assert len(lines) == (code == STOPPED), lines
    assert all("stop" in line for line in lines)
    result: dict[str, Any] = json.loads(outcome.stdout)
    return result


def refusal(*words: object) -> str:
    """The one line of a command that must fail on bad input, without its prefix."""
    outcome = call(*words)
    assert (outcome.code, outcome.stdout) == (2, "")
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, outcome.stderr
    assert lines[0].startswith("opensirt: ")
    return lines[0].removeprefix("opensirt: ")


def files_in(*folders: Path) -> Sequence[str]:
    """Everything below some folders, hidden things too, to see that nothing was left behind."""
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))
