"""A command killed at its steps, what lies there then, and the same command started again."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from opensirt.io.claim import work_folder
from opensirt.io.made import MARKER, mark_folder
from opensirt.io.places import PROBE
from tests.killed.commands import Command, Memory
from tests.killed.deaths import KILLED, run_until

__all__ = ["FaultError", "Files", "Walk", "judge"]

FOREIGN = ("thesis.txt", ".hidden/notes.txt", ".other.opensirt-0123456789abcdef/half/a.txt")
"""What others keep beside the results, a job into another place among them."""

Files = dict[str, bytes]
"""Content of files by their path; folders end in a slash and are empty."""


class FaultError(AssertionError):
    """A death or a new start that broke what is promised; says which and how."""


def files_in(folder: Path) -> Files:
    """Everything below a folder."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        found.update({f"{name}/": b""} if path.is_dir() else {name: path.read_bytes()})
    return found


def age(place: Path) -> None:
    """Make earlier results out of results: opensirt's own, every file another."""
    for path in [place] if place.is_file() else sorted(place.rglob("*")):
        if path.name.endswith(".gz"):
            content = bytearray(gzip.decompress(path.read_bytes()))
            content[-1] ^= 1
            path.write_bytes(gzip.compress(content))
        elif path.is_file():
            path.write_bytes(path.read_bytes() + b"\n")
    if place.is_dir():
        (place / "of-old.txt").write_text("old")
        mark_folder(place)


def parts(files: Files, command: Command) -> tuple[Files, Files, Files]:
    """Results, temporary things of the command, and all the rest."""
    results: Files = {}
    temporary: Files = {}
    rest: Files = {}
    outputs = (command.out, *command.beside)
    hidden = (PROBE, *(work_folder(Path(out)).name for out in outputs))
    for name, content in files.items():
        top = name.split("/")[0]
        kept = results if top in outputs else temporary if top.startswith(hidden) else rest
        kept[name] = content
    return results, temporary, rest


def judge(found: Files, old: Files, new: Files, command: Command) -> str:
    """Which results lie there: "old", "new", "nothing", or a `FaultError`.

    Of files without a folder of their own, those after the first may lack, but never lie beside
    another job's first.
    """
    if found == old:
        return "old" if old else "nothing"
    if command.out in found:
        for called, whole in (("old", old), ("new", new)):
            if found.items() <= whole.items():
                return called
        raise FaultError(f"a mixture in {sorted(found)}")
    if found.keys() != new.keys():
        raise FaultError(f"neither old results nor new: {sorted(found.keys() ^ new.keys())[:8]}")
    _require_listed(found, f"{command.out}/{MARKER}")
    return "new"


def _require_listed(found: Files, marker: str) -> None:
    """Each file as the list among them says; dates and UIDs make new results unlike others."""
    sums = json.loads(found[marker])["files"]
    for name in (name for name in found if name != marker and not name.endswith("/")):
        if hashlib.sha256(found[name]).hexdigest() != sums.get(name.partition("/")[2]):
            raise FaultError(f"{name} is not what the list of the results says")


class Walk:
    """One command; its homes lie in a folder."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command = command
        self.folder = folder
        self.memory = Memory(folder / "memory")
        self.said = folder / "said"
        self.code = 0
        self.new: Files = {}
        self.old: Files = {}
        self.rest: Files = {}

    def prepare(self) -> None:
        """The first run, which is not killed and is remembered; a home with results and one bare.

        Raises
        ------
        FaultError
            When it does not end well.
        """
        bare, used = self._start_of(False), self._start_of(True)
        for name in FOREIGN:
            (bare / name).parent.mkdir(parents=True, exist_ok=True)
            (bare / name).write_text(f"mine: {name}")
        self.command.inputs(bare)
        shutil.copytree(bare, used)
        self.code, _ = run_until(self.memory.kept(self.command.job(used, False, self.said)), 0)
        self.new, temporary, self.rest = parts(files_in(used), self.command)
        if self.code not in (0, 3) or not self.new or temporary or self.rest != files_in(bare):
            raise FaultError(f"the first run ended with {self.code}: {self._words()}")
        for name in (self.command.out, *self.command.beside):
            age(used / name)
        self.old = parts(files_in(used), self.command)[0]

    def length(self, earlier: bool) -> int:
        """Changes of a run that lives, with or without earlier results."""
        home = self._home(earlier)
        _, changes = self._start(home, 0, again=earlier)
        shutil.rmtree(home)
        return changes

    def outcomes(self, earlier: bool, steps: Sequence[int]) -> Iterator[tuple[int, str]]:
        """Each step that the command died before, and what lay there then, or "fault: ..."."""
        for step in steps:
            home = self._home(earlier)
            try:
                yield step, self._outcome(home, step, earlier)
            except FaultError as fault:
                yield step, f"fault: {fault}"
            shutil.rmtree(home)

    def _outcome(self, home: Path, step: int, earlier: bool) -> str:
        old = self.old if earlier else {}
        code, _ = self._start(home, step, again=earlier)
        if code != KILLED:
            raise FaultError(f"expected the death before this step, got exit code {code}")
        found, _ = self._found(home, "the death")
        lay = judge(found, old, self.new, self.command)
        code, _ = self._start(home, 0, again=lay != "nothing")
        if code != self.code:
            raise FaultError(f"started again it ended with {code}: {self._words()}")
        found, temporary = self._found(home, "the next start")
        if temporary:
            raise FaultError(f"the next start left {sorted(temporary)}")
        if judge(found, {}, self.new, self.command) != "new" or len(found) != len(self.new):
            raise FaultError(f"the next start left {sorted(found)}")
        return lay

    def _found(self, home: Path, after: str) -> tuple[Files, Files]:
        """Results and temporary things, where all the rest is as it was."""
        found, temporary, rest = parts(files_in(home), self.command)
        if rest != self.rest:
            unlike = {name for name in rest | self.rest if rest.get(name) != self.rest.get(name)}
            raise FaultError(f"{after} changed what is not the command's: {sorted(unlike)}")
        return found, temporary

    def _start(self, home: Path, step: int, again: bool) -> tuple[int, int]:
        """Exit code and changes of the command, `again` where results may lie."""
        job = self.memory.used(self.command.job(home, again, self.said))
        return run_until(job, step, under=home)

    def _start_of(self, earlier: bool) -> Path:
        return self.folder / ("used" if earlier else "bare")

    def _home(self, earlier: bool) -> Path:
        return Path(shutil.copytree(self._start_of(earlier), self.folder / "home"))

    def _words(self) -> str:
        return self.said.read_text(errors="replace")[-400:] if self.said.exists() else ""
