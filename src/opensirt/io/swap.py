"""A finished folder takes the place of another in one step, or of nothing; what a killed run left
behind is found again.

Beside a folder `out` stand, while a job runs, ``.out.opensirt-new-*`` (what is being made) and,
where the file system cannot exchange two names at once, for a moment ``.out.opensirt-old-*``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import shutil
import sys
from pathlib import Path

from opensirt.errors import InputError
from opensirt.io.made import foreign_in

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing that lies about is taken for stale
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock_folder", "put_in_place", "recover", "staging_prefix"]

LONGEST = 50
"""Characters of the name of `out` that temporary names repeat; they may take four bytes each."""
EXCHANGE, SWAP = 2, 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""
HERE = -100
"""AT_FDCWD of Linux: paths as they are."""
NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


def staging_prefix(target: Path, kind: str = "new") -> str:
    """How the names of temporary folders beside `target` begin."""
    return f".{target.name[:LONGEST]}.opensirt-{kind}-"


def lock_folder(folder: Path) -> int | None:
    """Hold a folder while the job lives; the handle, or None where it is held or cannot be."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def recover(target: Path) -> None:
    """Bring back what a killed job set aside, and remove what it left half-made.

    Only folders that nobody holds are touched; without locks none is.
    """
    with contextlib.suppress(OSError):  # a folder that cannot be read is told by whoever writes
        for left in _left(target, "old"):
            if not target.exists() and not foreign_in(left):
                left.rename(target)
            elif not foreign_in(left):
                _discard(left, target)
        for left in _left(target, "new"):
            handle = lock_folder(left)
            if handle is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(handle)


def _left(target: Path, kind: str) -> list[Path]:
    return sorted(target.parent.glob(f"{glob.escape(staging_prefix(target, kind))}*"))


def put_in_place(staged: Path, target: Path, shown: Path, *, overwrite: bool) -> None:
    """Rename `staged` to `target`, onto nothing or an empty folder; else exchange the two.

    Raises
    ------
    InputError
        When something came to lie in `target` meanwhile that may not be replaced.
    """
    try:
        if target.is_dir() and any(target.iterdir()):
            if not overwrite:
                raise OSError(errno.ENOTEMPTY, "files in it by now")
            _replace(staged, target)
            return
        if target.is_dir():
            staged.chmod(target.stat().st_mode & 0o777)  # an empty folder kept for oneself
            if os.name == "nt":
                target.rmdir()
        staged.rename(target)
    except OSError as error:
        why = "files in it by now" if error.errno in NOT_EMPTY else error.strerror
        raise InputError(
            f"expected to move the results to {shown}, got {why}; choose another --out"
        ) from error


def _replace(staged: Path, target: Path) -> None:
    """Exchange two folders, so that one of them stands at `target` at every instant.

    What is replaced is looked at where nothing more can come into it by the name of `target`.
    """
    if _exchanged(staged, target):
        if foreign := foreign_in(staged):
            _exchanged(staged, target)
            raise OSError(errno.EPERM, f"{foreign} in it that opensirt did not make")
        return
    if foreign := foreign_in(target):
        raise OSError(errno.EPERM, f"{foreign} in it that opensirt did not make")
    old = target.with_name(staging_prefix(target, "old") + staged.name.rpartition("-")[2])
    target.rename(old)
    try:
        staged.rename(target)
    except OSError:
        old.rename(target)
        raise
    _discard(old, target)


def _discard(old: Path, target: Path) -> None:
    """Remove what was set aside, under the name of something half-made.

    What is left of it when the job is killed then goes with the next job.
    """
    rest = target.with_name(staging_prefix(target) + old.name.rpartition("-")[2])
    with contextlib.suppress(OSError):
        old = old.rename(rest)
    shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the system exchanged the two names in one step."""
    names = os.fsencode(one), os.fsencode(other)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, SWAP) == 0)
        return bool(library.renameat2(HERE, names[0], HERE, names[1], EXCHANGE) == 0)
    except (OSError, AttributeError, TypeError):
        return False
