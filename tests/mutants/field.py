"""A copy of the source tree in which errors are planted and tests are run, one at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.mutants.listing import Mutant, planted, source_of
from tests.paths import ROOT, SHARED

__all__ = ["NOTICED", "STALE", "UNSEEN", "Field"]

NOTICED, UNSEEN, STALE = "noticed", "NOT NOTICED", "STALE"
COPIED = ("src", "tests", "docs", "validation", "pyproject.toml", "README.md")
TIME_LIMIT_S = 900
NOTICING = (1, 2)
"""Exit status of pytest where a test failed, or a test file at its import."""


class Field:
    """A temporary copy of the tree; use it in a ``with`` block, which removes it.

    Machine code that numba keeps is copied too. It is dropped where an error is planted in a file
    that machine code is made from, because numba does not see an edit in a called function.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="opensirt-mutants-"))
        self.root = self._home / "tree"
        self.root.mkdir()
        for name in COPIED:
            place = root / name
            if place.is_dir():
                shutil.copytree(place, self.root / name)
            elif place.is_file():
                shutil.copy2(place, self.root / name)
        if SHARED.is_dir():
            (self._home / SHARED.name).symlink_to(SHARED)
        self._edits = 0
        self._nursery = self._start()

    def __enter__(self) -> Field:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def tests_pass(self, tests: Sequence[str]) -> tuple[bool, str]:
        """Whether tests pass on the tree as it is, and what they said."""
        status, said = self._run(tests, {})
        return status == 0, said

    def outcome(self, mutant: Mutant) -> tuple[str, str]:
        """`NOTICED`, `UNSEEN` or `STALE`, and the test that noticed or why none could."""
        path = source_of(mutant, self.root)
        if not path.is_file():
            return STALE, f"{mutant.file} does not exist"
        kept, stamp = path.read_bytes(), path.stat()
        wrong = planted(mutant, kept.decode("utf-8"))
        if wrong is None:
            return STALE, f"the right line does not occur once in {mutant.file}"
        self._edits += 1
        later = stamp.st_mtime + 10 * self._edits  # no cache may take the file for an older one
        path.write_text(wrong, encoding="utf-8")
        os.utime(path, (later, later))
        try:
            status, said = self._run(mutant.tests, self._own_cache(mutant, wrong))
        finally:
            path.write_bytes(kept)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        if status in NOTICING:
            return NOTICED, _first_failure(said)
        if status != 0:
            return STALE, f"its tests could not run (pytest ended with {status}): {_last(said)}"
        return UNSEEN, ""

    def _own_cache(self, mutant: Mutant, text: str) -> dict[str, str]:
        """Where machine code goes; an empty folder of its own for a file that is compiled."""
        name = Path(mutant.file).name
        if "numba" not in text and not name.startswith("mc_"):
            return {}
        return {"NUMBA_CACHE_DIR": str(self._home / f"numba-{self._edits}")}

    def _run(self, tests: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
        output = self._home / "said.txt"
        request = {
            "tests": list(tests), "environment": environment, "output": str(output),
            "seconds": TIME_LIMIT_S,
        }  # fmt: skip
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(request) + "\n")
        self._nursery.stdin.flush()
        status = int(self._nursery.stdout.readline())
        return status, output.read_text(encoding="utf-8", errors="replace")

    def _start(self) -> subprocess.Popen[str]:
        """The process that runs the tests, with nothing of the caller's own pytest about it."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV"))}
        place = {"PYTHONPATH": str(self.root / "src"), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "tests/mutants/nursery.py"], cwd=self.root, env={**plain, **place},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def _first_failure(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0].split(maxsplit=1)[1] if lines else _last(said)


def _last(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "nothing said"
