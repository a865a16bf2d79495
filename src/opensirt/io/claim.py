"""One job at a time writes to a place: it holds a folder beside it, in which its results are made.

The folder's name holds a hash of the whole name of the place, so that no two places share one. Its
first file is the lock, which says whose the folder is; what does not begin so is somebody else's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from opensirt.asking import option
from opensirt.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: a folder that is left over is not taken for anybody's
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "elsewhere", "held", "unwritable", "work_folder"]

LOCK, MARK = "lock", b"opensirt makes results here\n"
LONGEST, DIGITS = 50, 16
"""Characters of a place's name and of its hash in the folder's; the former may take four bytes."""
PATIENCE_S, PAUSE_S = 3.0, 0.02
"""Wait for a job that ends or only looks; not for one that computes."""
TAKEN = (errno.EWOULDBLOCK, errno.EACCES)
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
BUSY = "another opensirt is writing there; wait for its end"
UNSURE = "another opensirt is writing there, or was killed: remove {} where none is running"
FOREIGN = "{} is in the way, which opensirt did not make; move it away"


def work_folder(target: Path) -> Path:
    """The folder that the job of a place holds, beside it."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:DIGITS]
    return target.with_name(f".{target.name[:LONGEST]}.opensirt-{digest}")


@contextmanager
def held(target: Path, shown: Path) -> Iterator[Path]:
    """The folder of a place while this job alone holds it; gone at the end where it is empty.

    Raises
    ------
    InputError
        When another job holds it, it cannot be made, or something foreign has its name.
    """
    folder = work_folder(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = _hold(folder, shown)
    except OSError as error:
        raise InputError(unwritable(shown, error)) from error
    try:
        yield folder
    finally:
        _leave(folder, handle)


def elsewhere() -> str:
    """What to do where results cannot go to a place."""
    return f"choose another {option('out')}"


def unwritable(shown: Path, error: OSError | ValueError) -> str:
    """What to say of a place in which nothing can be made."""
    why = getattr(error, "strerror", None) or str(error)
    cure = f"choose a place you may write to with {option('out')}"
    return f"expected to create {shown}, got {why}; {cure}"


def _hold(folder: Path, shown: Path) -> int:
    """The open lock of a folder, made where there is none."""
    end = time.monotonic() + PATIENCE_S
    while True:
        is_new = _made(folder)
        why = _obstacle(folder)
        if not why:
            handle, why = _locked(folder, is_new)
            if handle is not None:
                return handle
        if time.monotonic() > end:
            raise InputError(f"expected to write {shown}, but {why}, or {elsewhere()}")
        time.sleep(PAUSE_S)


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def _obstacle(folder: Path) -> str:
    """Why a folder of this name is not a job's; "" if it may be, or is gone."""
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return FOREIGN.format(folder)
        names = os.listdir(folder)
        is_lock = LOCK in names and stat.S_ISREG((folder / LOCK).lstat().st_mode)
    except PermissionError:
        return UNSURE.format(folder)
    except FileNotFoundError:
        return ""
    return "" if is_lock or not names else FOREIGN.format(folder)


def _locked(folder: Path, is_new: bool) -> tuple[int | None, str]:
    """The lock if it is ours now, else why not."""
    try:
        handle = os.open(folder / LOCK, FLAGS, 0o600)
    except FileNotFoundError:
        return None, BUSY  # its job ended just now
    try:
        is_free = _lock(handle)
        if is_free and not _stands(handle, folder / LOCK):
            is_free, why = False, BUSY
        elif is_free or (is_free is None and is_new):
            why = _sign(handle, folder)
        else:
            why = BUSY if is_free is False else UNSURE.format(folder)
    except OSError:
        _leave(folder, handle)
        raise
    if not why:
        return handle, ""
    os.close(handle)
    return None, why


def _lock(handle: int) -> bool | None:
    """Whether a file is locked now by this job; None where the system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in TAKEN else None
    return True


def _stands(handle: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), path.lstat())
    return False


def _sign(handle: int, folder: Path) -> str:
    """Say in the lock whose folder it is, before anything else is in it; or why it is not ours."""
    content = os.read(handle, len(MARK) + 1)
    if content == MARK:
        return ""
    if not MARK.startswith(content) or os.listdir(folder) != [LOCK]:
        return FOREIGN.format(folder)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, MARK)
    os.fsync(handle)
    return ""


def _leave(folder: Path, handle: int) -> None:
    """Take the folder away where only the lock is in it, and let go."""
    is_bare = False
    with suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        is_bare = MARK.startswith(os.read(handle, len(MARK) + 1)) and os.listdir(folder) == [LOCK]
    if fcntl is None:  # a file that is open cannot be removed there
        os.close(handle)
    try:
        if is_bare:
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()
    finally:
        if fcntl is not None:
            os.close(handle)
