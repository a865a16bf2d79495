"""Whole commands killed at some of their steps; at all: ``python -m tests.killed run demo``."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opensirt.io.made import MARKER
from tests.killed.commands import COMMANDS
from tests.killed.walk import FaultError, Files, judge

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs the threads of a process")
@pytest.mark.parametrize(
    ("words", "walks"),
    [
        ("run dose dose-monte-carlo --sample 2", 6),
        ("demo --sample 2 --earlier with", 1),
    ],
)
def test_a_killed_command_leaves_the_old_or_the_new_and_starts_again(
    words: str, walks: int
) -> None:
    """In a process of its own, since this one may have threads, which a fork lacks."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed", *words.split()],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.splitlines()
    assert len(told) == walks
    assert all(", 0 faults; after the death lay there: " in line for line in told), told


def results(word: str, *names: str) -> Files:
    """A folder of results whose files hold a word."""
    files = {f"out/{name}": f"{word} {name}".encode() for name in names}
    sums = {name: hashlib.sha256(files[f"out/{name}"]).hexdigest() for name in names}
    return files | {"out/": b"", f"out/{MARKER}": json.dumps({"files": sums}).encode()}


OLD, NEW = results("old", "a", "b"), results("new", "a", "b")
FIRST, SECOND = "dose.nii.gz", "dose-relative-error.nii.gz"


@pytest.mark.parametrize(
    ("found", "lay"),
    [
        (OLD, "old"),
        (NEW, "new"),
        (results("later", "a", "b"), "new"),
        ({}, None),
        (NEW | {"out/b": OLD["out/b"]}, None),
        ({name: content for name, content in NEW.items() if name != "out/b"}, None),
        (results("new", "a"), None),
        (results("new", "a", "b", "c"), None),
    ],
)
def test_a_folder_is_judged_by_its_list(found: Files, lay: str | None) -> None:
    if lay is not None:
        assert judge(found, OLD, NEW, COMMANDS["run"]) == lay
        return
    with pytest.raises(FaultError):
        judge(found, OLD, NEW, COMMANDS["run"])


@pytest.mark.parametrize(
    ("found", "lay"),
    [
        ({FIRST: b"old", SECOND: b"old"}, "old"),
        ({FIRST: b"old"}, "old"),
        ({FIRST: b"new"}, "new"),
        ({FIRST: b"new", SECOND: b"old"}, None),
        ({SECOND: b"old"}, None),
        ({FIRST: b"half"}, None),
        ({}, None),
    ],
)
def test_two_files_are_judged_by_the_first(found: Files, lay: str | None) -> None:
    old, new = ({FIRST: word, SECOND: word} for word in (b"old", b"new"))
    if lay is not None:
        assert judge(found, old, new, COMMANDS["dose-monte-carlo"]) == lay
        return
    with pytest.raises(FaultError):
        judge(found, old, new, COMMANDS["dose-monte-carlo"])


def test_without_earlier_results_nothing_may_lie_there() -> None:
    assert judge({}, {}, NEW, COMMANDS["run"]) == "nothing"
