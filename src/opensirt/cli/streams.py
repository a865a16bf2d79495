"""What is printed: a stream that is closed, full or of few letters never decides how a job ends."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

__all__ = ["LOST", "forget_stdout", "make_safe", "tell"]

LOST = "what was printed is incomplete"


def make_safe() -> None:
    """Streams that can be written to, whatever the shell closed and whatever letters they have."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: nobody listens
            setattr(sys, name, _nowhere())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a letter it lacks becomes "?"


def tell(message: str) -> None:
    """One line on stderr; one that cannot be printed is nobody's to read."""
    with contextlib.suppress(OSError):
        print(f"opensirt: {' '.join(message.split())}", file=sys.stderr, flush=True)


def forget_stdout() -> None:
    """Print nothing more: the reader has gone, or the place is full."""
    lost = sys.stdout
    sys.stdout = _nowhere()
    with contextlib.suppress(OSError, ValueError):  # what it still holds is lost too
        os.dup2(sys.stdout.fileno(), lost.fileno())


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")
