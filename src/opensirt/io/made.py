"""What opensirt made itself: a folder by the list it leaves in it, a file by a mark inside.

Only that is ever replaced. The list holds the SHA-256 of each file, so that a folder in which
anybody put or changed something counts as theirs.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from opensirt.provenance import hash_file

__all__ = [
    "MARKER",
    "foreign_in",
    "is_own_file",
    "mark_folder",
    "protected_in",
    "remove_files",
    "remove_folder",
]

MARKER = ".opensirt-made.json"
MAKER = "opensirt"
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that file managers put into every folder that is looked at."""
BEGINNING = 65536
"""Bytes of a file that its mark is looked for in."""


def mark_folder(folder: Path) -> None:
    """Leave the list of everything in a folder in it; the last thing that is written."""
    (folder / MARKER).unlink(missing_ok=True)
    sums = {name: hash_file(path) for name, path in _files(folder) if _is_plain(path)}
    text = json.dumps({"made_by": MAKER, "files": sums}, indent=1, sort_keys=True)
    (folder / MARKER).write_text(text + "\n", encoding="utf-8")


def foreign_in(folder: Path) -> str:
    """The first thing in a folder that opensirt did not make or that was changed; "" if none.

    A folder without the list, or whose list cannot be read, is foreign as a whole: ".".
    """
    sums = _listed(folder)
    if sums is None:
        return "."
    for name, path in _files(folder):
        if path.name in OF_THE_SYSTEM or name == MARKER:
            continue
        if name not in sums or not _is_plain(path) or sums[name] != hash_file(path):
            return name
    return ""


def protected_in(folder: Path) -> str:
    """The first folder or file that somebody keeps from change; the folder itself is "."."""
    if not _is_open(folder):
        return "."
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(root) / name
            if not path.is_symlink() and not _is_open(path):
                return path.relative_to(folder).as_posix()
    return ""


def _is_open(path: Path) -> bool:
    """Whether its owner may write to a file, and this user too to a folder."""
    facts = path.stat()
    is_free = bool(facts.st_mode & stat.S_IWUSR)
    return is_free and (not stat.S_ISDIR(facts.st_mode) or os.access(path, os.W_OK))


def remove_folder(folder: Path) -> None:
    """Remove results file by file, only what their list names and nobody changed.

    The list goes last, so that what a death leaves is still known for opensirt's own.

    Raises
    ------
    OSError
        When something foreign is in the folder, which then stays, or something cannot be removed.
    """
    files = dict(_files(folder))
    if files and (found := foreign_in(folder)):
        raise OSError(errno.EPERM, f"holds {_said(found)} that opensirt did not make")
    for name, path in files.items():
        if name != MARKER:
            path.unlink(missing_ok=True)
    for root, folders, _ in os.walk(folder, topdown=False):
        for name in folders:
            (Path(root) / name).rmdir()
    if set(os.listdir(folder)) <= {MARKER}:
        (folder / MARKER).unlink(missing_ok=True)
    folder.rmdir()


def remove_files(folder: Path) -> None:
    """Remove a folder of single files of opensirt; `OSError` as of `remove_folder`."""
    for path in sorted(folder.iterdir()):
        if not is_own_file(path):
            raise OSError(errno.EPERM, f"holds {path.name}, which opensirt did not make")
        path.unlink()
    folder.rmdir()


def _said(found: str) -> str:
    return "files" if found == "." else found


def _is_plain(path: Path) -> bool:
    """Whether a regular file lies there: no link, and no pipe or device that is waited for."""
    return stat.S_ISREG(path.lstat().st_mode)


def _listed(folder: Path) -> dict[str, str] | None:
    try:
        if not _is_plain(folder / MARKER):
            return None
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or data.get("made_by") != MAKER:
        return None
    sums = data.get("files")
    return sums if isinstance(sums, dict) else None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Everything below that is no plain folder, in order; an unreadable folder is an `OSError`."""

    def refuse(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=refuse):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        folders.sort()
        for name in sorted([*files, *links]):
            path = Path(root) / name
            yield path.relative_to(folder).as_posix(), path


def is_own_file(path: Path) -> bool:
    """Whether a file that opensirt writes by itself (map, kernel, comparison) bears its mark."""
    name = path.name.lower()
    for ending, test in _MARKS.items():
        if name.endswith(ending):
            try:
                return path.is_file() and test(path)
            except Exception:  # whatever a damaged or foreign file raises: it is not ours
                return False
    return False


def _nifti(path: Path) -> bool:
    import nibabel

    return bytes(nibabel.load(path).header["descrip"]).startswith(MAKER.encode())


def _npz(path: Path) -> bool:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return "made_by" in arrays and str(arrays["made_by"]) == MAKER


def _json(path: Path) -> bool:
    data = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(data, dict) and MAKER in data.get("provenance", {}).get("versions", {})


def _begins_with(mark: bytes) -> Callable[[Path], bool]:
    def test(path: Path) -> bool:
        with path.open("rb") as stream:
            return mark in stream.read(BEGINNING)

    return test


_MARKS: dict[str, Callable[[Path], bool]] = {
    ".nii": _nifti,
    ".nii.gz": _nifti,
    ".npz": _npz,
    ".json": _json,
    ".html": _begins_with(b'<meta name="generator" content="opensirt">'),
    ".png": _begins_with(b"Software\x00opensirt"),
}
