"""A process that runs tests again and again, each time in a child with the heavy imports done.

Started as a script in the copy of the tree. Each line on its input is a JSON object with `tests`,
`environment` and `output` (a file); each line on its output is the exit status of pytest.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

HEAVY = (
    "pytest", "hypothesis", "numpy", "scipy.fft", "scipy.ndimage", "scipy.special", "SimpleITK",
    "pydicom", "highdicom", "nibabel", "matplotlib.pyplot", "numba", "contourpy", "typer", "rich",
)  # fmt: skip
"""Imported once; nothing of opensirt or of its tests, so that each child sees the planted error."""
TOO_LONG = 1
POLL_S = 0.02


def serve() -> None:
    """Answer requests until the input ends."""
    for name in HEAVY:
        import_module(name)
    for line in sys.stdin:
        print(_run(json.loads(line)), flush=True)


def _run(request: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _be_pytest(request)
    end = time.monotonic() + request["seconds"]
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL_S)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return TOO_LONG


def _be_pytest(request: dict[str, Any]) -> None:
    import pytest
    from numba.core import config

    stream = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.environ.update(request["environment"])
    config.reload_config()  # numba read where its machine code goes when it was imported
    status = 3  # as pytest ends after an error of its own
    try:
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *request["tests"]]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    serve()
