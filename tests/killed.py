"""A job that dies at a given change of the file system, as by kill -9 or a power cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["KILLED", "exit_of"]

KILLED = 137
_CHANGES = frozenset({
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.link", "os.symlink",
    "os.truncate", "os.utime", "shutil.rmtree", "shutil.move", "ctypes.dlsym", "fcntl.flock",
})  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def exit_of(job: Callable[[], Any], step: int) -> int:
    """Exit code of a job in a process of its own: `KILLED` at its `step`-th change, 0 if done.

    Changes are those that Python's audit events tell of, opening a file for writing among them;
    the process dies before the change, without cleaning up.
    """
    process = os.fork()
    if process == 0:
        _run(job, step)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _run(job: Callable[[], Any], step: int) -> None:
    left = step

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if opens or event in _CHANGES:
            left -= 1
            if left == 0:
                os._exit(KILLED)

    sys.addaudithook(watch)
    try:
        job()
    except BaseException:
        os._exit(1)
    os._exit(0)
