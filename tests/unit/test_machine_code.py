"""Compiled code is kept where it can be, and its damaged files are compiled again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from opensirt.machine_code import keep_machine_code
keep_machine_code()
import numba

@numba.njit(cache=True)
def twice(value):
    return 2.0 * value

print(twice(4.0), twice.stats.cache_hits[twice.signatures[0]])
"""


def run(script: Path, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again(tmp_path: Path, script: Path, ending: str) -> None:
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    assert run(script, **kept) == "8.0 0"
    assert run(script, **kept) == "8.0 1"
    files = list((tmp_path / "kept").rglob(f"*.{ending}"))
    for file in files:
        file.write_bytes(b"garbage")
    assert files
    assert run(script, **kept) == "8.0 0"
    assert run(script, **kept) == "8.0 1"


def test_where_nothing_can_be_written_it_is_kept_for_one_process(
    tmp_path: Path, script: Path
) -> None:
    """Sources and home of another user: the folder used lies in the temporary one, and goes."""
    nowhere = "import opensirt.machine_code as m; m._writable = lambda folder: False\n"
    script.write_text(nowhere + PROGRAM + "\nimport os; print(os.environ[m.VARIABLE])")
    (tmp_path / "temporary").mkdir()
    words = run(script, NUMBA_CACHE_DIR="", TMPDIR=str(tmp_path / "temporary"))
    assert words.startswith("8.0 0\n" + str(tmp_path / "temporary"))
    assert not list((tmp_path / "temporary").iterdir())


def test_code_that_a_full_place_does_not_take_is_used_all_the_same(
    tmp_path: Path, script: Path
) -> None:
    """Files of at most 100 bytes, as on a full disk."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    script.write_text(full + PROGRAM)
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    assert [run(script, **kept), run(script, **kept)] == ["8.0 0", "8.0 0"]


def test_a_place_that_cannot_be_written_is_not_asked_for_code(tmp_path: Path, script: Path) -> None:
    """A file has the name of the folder that was given; code is kept beside its source."""
    (tmp_path / "file").write_text("")
    kept = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "folder")}
    assert [run(script, **kept), run(script, **kept)] == ["8.0 0", "8.0 1"]
