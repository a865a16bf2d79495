"""The one door of every reader: a damaged file is one clear line, whichever library stumbles."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from opensirt.errors import FileFormatError, OpenSirtError

__all__ = ["reader"]

P = ParamSpec("P")
R = TypeVar("R")


def reader(form: str, *, told: bool = True) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For a function that reads a file of a `form`: any foreign error becomes `FileFormatError`.

    The file is named where that is known. What a library says of a DICOM header may repeat a value
    of it, a patient's name among them: such readers are not `told`.
    """

    def through(read: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(read)
        def opened(*args: P.args, **more: P.kwargs) -> R:
            if args and isinstance(args[0], Path):
                _require_open(args[0])
            try:
                return read(*args, **more)
            except OpenSirtError:
                raise
            except MemoryError as error:
                raise FileFormatError(
                    f"{_named(args)}{form} asks for more memory than there is"
                ) from error
            except Exception as error:
                kind = type(error).__name__
                why = (" ".join(str(error).split()) or kind) if told else f"{kind}; export it again"
                raise FileFormatError(f"{_named(args)}cannot be read as {form}: {why}") from (
                    error if told else None
                )

        return opened

    return through


def _require_open(path: Path) -> None:
    """Said before a library takes a file that may not be read for one that is damaged."""
    try:
        if path.is_file():
            path.open("rb").close()
    except OSError as error:
        raise FileFormatError(f"{path.name}: cannot be opened ({error.strerror})") from None


def _named(args: tuple[Any, ...]) -> str:
    """The file's name where the first argument is its path, or a data set that came from one."""
    first = args[0] if args else None
    came_from = first if isinstance(first, Path) else getattr(first, "filename", None)
    return f"{Path(came_from).name}: " if isinstance(came_from, str | Path) else ""
