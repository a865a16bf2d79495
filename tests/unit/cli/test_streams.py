"""Printing that fails: the exit code is that of the job, and a stop is still told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opensirt.cli.streams import LOST

STOPPED = ("--product", "resin-y90", "--model", "partition", "--engine", "local",
           "--activity-gbq", "7")  # fmt: skip
KERNEL = ("kernel", "--nuclide", "y90", "--voxel-mm", "3")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")


def program(*words: object, out: str = "", err: str = "", encoding: str = "utf-8", after: str = ""):
    """The program in a shell, with its streams sent elsewhere."""
    line = " ".join(f"'{word}'" for word in ("-m", "opensirt", *words))
    line = f"'{sys.executable}' {line} {f'>{out}' if out else ''} {f'2>{err}' if err else ''}"
    more = {"PYTHONIOENCODING": encoding, "OPENSIRT_SITE_KEY": "0" * 32}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} {after}"],
        capture_output=True, env=os.environ | more, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_letters_that_a_stream_lacks_do_not_hide_a_stop(small_study, tmp_path, encoding) -> None:
    done = program("run", small_study, *STOPPED, "--out", tmp_path / "o", encoding=encoding)
    assert done.returncode == 3
    assert b"the plan is stopped by" in done.stderr
    assert b"did not foresee" not in done.stderr
    assert (tmp_path / "o" / "results.json").exists()


@full
def test_a_full_place_for_what_is_printed_does_not_hide_a_stop(small_study, tmp_path) -> None:
    words = ("run", small_study, *STOPPED, "--out", tmp_path / "o")
    done = program(*words, out="/dev/full")
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 3
    assert lines[0] == f"opensirt: {LOST} (No space left on device); the files are whole"
    assert lines[1].startswith("opensirt: the plan is stopped by")
    assert len(lines) == 2


@full
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_only_printed_is_lost_with_its_place(small_study, form) -> None:
    done = program("read", small_study, *form, out="/dev/full")
    assert (done.returncode, done.stderr.decode().strip()) == (
        2, "opensirt: expected to print the result, got No space left on device; nothing is kept",
    )  # fmt: skip


@full
def test_a_refusal_that_nobody_can_read_is_one_all_the_same() -> None:
    assert program("read", "/nowhere", err="/dev/full").returncode == 2


def test_a_reader_that_leaves_changes_nothing(small_study, tmp_path) -> None:
    """Pipefail gives the program's own code; `head` ends with 0."""
    done = program("read", small_study, after="| head -1")
    assert (done.returncode, done.stderr) == (0, b"")
    done = program(*KERNEL, "--out", tmp_path / "k.npz", "--json", after="| true")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "k.npz").exists()


def test_what_is_whole_is_printed(small_study) -> None:
    assert json.loads(program("read", small_study, "--json").stdout)["case_id"] == "small"
