"""A job that dies at a given change of the file system, as by kill -9 or a power cut.

Changes are those that Python's audit events tell of, opening a file for writing among them; the
process dies before the change, without cleaning up. What a library written in C opens by itself is
not seen, nor is each piece of a file that is open: such a file lies there whole, cut or not at all.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["KILLED", "exit_of", "run_until"]

KILLED = 137
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.mkdir": ((0, 2),),
    "os.chmod": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.utime": ((0, 3),),
    "os.truncate": ((0, None),),
    "shutil.rmtree": ((0, None),),
    "shutil.move": ((0, None), (1, None)),
}
"""Where the arguments of an event hold a path, and the open folder that it begins at."""
_EXCHANGES = ("renameat2", "renamex_np")
"""Functions of the system that no event tells of, but the search for them; their paths are not."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def exit_of(job: Callable[[], Any], step: int) -> int:
    """Exit code of a job in a process of its own: `KILLED` at its `step`-th change, 0 if done."""
    return run_until(job, step)[0]


def run_until(job: Callable[[], Any], step: int, under: Path | None = None) -> tuple[int, int]:
    """Exit code of a job, and how many changes it came to; 0 as `step` lets it live.

    Parameters
    ----------
    job : function
        Run in a fork of this process, which must have no thread but one.
    under : Path, optional
        Only changes below this folder count; else all.
    """
    seen = mmap.mmap(-1, 8)
    process = os.fork()
    if process == 0:
        _run(job, step, under, seen)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return code, int.from_bytes(seen[:], "little")


def _run(job: Callable[[], Any], step: int, under: Path | None, seen: mmap.mmap) -> None:
    count = 0
    home = None if under is None else os.path.join(os.path.realpath(under), "")

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if _is_change(event, arguments, home):
            count += 1
            if count == step:
                os._exit(KILLED)
            seen[:] = count.to_bytes(8, "little")

    sys.addaudithook(watch)
    try:
        job()
    except SystemExit as ending:
        os._exit(ending.code if isinstance(ending.code, int) else int(ending.code is not None))
    except BaseException:
        os._exit(1)
    os._exit(0)


def _is_change(event: str, arguments: Sequence[Any], home: str | None) -> bool:
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and bool(flags & _WRITING)
        return writes and not isinstance(path, int) and _is_below(path, None, home)
    if event == "ctypes.dlsym":
        return home is None or arguments[1] in _EXCHANGES
    if event == "fcntl.flock":
        return True
    return any(
        _is_below(arguments[path], None if at is None else arguments[at], home)
        for path, at in _CHANGES.get(event, ())
    )


def _is_below(path: Any, at: int | None, home: str | None) -> bool:
    """Whether a path, open folder or open file lies below `home`; whatever cannot be said does."""
    if home is None:
        return True
    try:
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}").startswith(home)
        path = os.fsdecode(path)
        if at is not None and at >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{at}"), path)
        above, name = os.path.split(os.path.abspath(path))
        return os.path.join(os.path.realpath(above), name).startswith(home)
    except OSError:
        return True
