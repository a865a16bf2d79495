"""Tells when machine code is made: once on each machine, and the first job waits for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["telling_of_compilation"]

Tell = Callable[[str], None]
"""Called with the name of a function that is compiled."""


@contextmanager
def telling_of_compilation(tell: Tell) -> Iterator[None]:
    """Call `tell` for each function that numba compiles in the block; code kept on disk is none.

    Does nothing where numba was not imported before.
    """
    if "numba" not in sys.modules:
        yield
        return
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            function = getattr(event.data.get("dispatcher"), "py_func", None)
            tell(getattr(function, "__name__", "a function"))

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
