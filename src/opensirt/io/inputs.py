"""The files that a study is read from: never written over, and the same from first to last look."""

from __future__ import annotations

import glob
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from opensirt.errors import FileFormatError
from opensirt.io.walk import files_in

__all__ = ["CASE_FILE", "ReadFiles", "places_of"]

CASE_FILE = "case.toml"
IN_TWO_FILES = (".nhdr", ".h33", ".h00", ".hv", ".hdr")
"""Headers whose voxels lie in a file beside them, mostly of the same name."""
State = tuple[int, int, int, int, int]


class ReadFiles:
    """The files below a study as they are when reading begins.

    Raises
    ------
    FileFormatError
        `require_unchanged`: where one of them is another by now, so that its hash would be of what
        was not read.
    """

    def __init__(self, study: Path) -> None:
        self._roots = _roots(study)
        self.files = [file for root in self._roots for file in _below(root)]
        self._before = [_state(file) for file in self.files]

    def require_unchanged(self) -> None:
        """Compare again, after the last of them was read and hashed."""
        for number, (file, before) in enumerate(zip(self.files, self._before, strict=True), 1):
            if _state(file) != before:
                raise FileFormatError(
                    f"{file.name}: changed while the study was read (file {number} of "
                    f"{len(self.files)}); start again when nothing is written to it any more"
                )

    def places(self, study: Path) -> tuple[Path, ...]:
        """The study, the files and folders that its case.toml names, and where links lead."""
        found = {study.resolve(): study}
        for root in self._roots:
            home = root.resolve()
            found.setdefault(home, root)
            for file in self.files if root.is_dir() else ():
                real = file.resolve()
                if file.is_relative_to(root) and home not in real.parents:
                    found.setdefault(real.parent, real.parent)
        return tuple(found.values())


def places_of(study: Path) -> tuple[Path, ...]:
    """`ReadFiles.places` of a study that was not read yet."""
    return ReadFiles(study).places(study)


def _roots(study: Path) -> list[Path]:
    """The study's folder or file, or its case.toml with what that names."""
    case = study / CASE_FILE if study.is_dir() else study
    if case.name.lower().endswith(".toml") and case.is_file():
        return [case, *(case.parent / name for name in _named(case))]
    return [study]


def _below(path: Path) -> list[Path]:
    if path.is_dir():
        return files_in(path)[0]
    if path.name.lower().endswith(IN_TWO_FILES):
        return sorted(path.parent.glob(f"{glob.escape(path.stem)}.*"))
    return [path] if path.is_file() else []


def _named(case: Path) -> Iterable[str]:
    """Paths under key 'file' of a case.toml; none of one that cannot be read, which its reader
    tells."""
    try:
        content: dict[str, Any] = tomllib.loads(case.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    tables: Sequence[Any] = [
        table
        for name in ("image", "regions")
        for table in (content[name] if isinstance(content.get(name), list) else ())
    ]
    return [
        table["file"]
        for table in tables
        if isinstance(table, dict) and isinstance(table.get("file"), str)
    ]


def _state(file: Path) -> State | None:
    """What changes with the content or the identity of a file; None where it has gone."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
