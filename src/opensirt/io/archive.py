"""Results appear whole or not at all: a staged folder or staged files, and strict JSON and text."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.errors import InputError, OpenSirtError
from opensirt.io.claim import elsewhere
from opensirt.io.made import mark_folder
from opensirt.io.places import real_place, refuse_file, refuse_folder, refuse_overlap
from opensirt.io.swap import HALF, put_files_in_place, put_in_place, working

__all__ = ["staged_directory", "staged_files", "write_json", "write_text"]

FULL = (errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", -1))
"""What a disk answers that takes no more; libraries make other errors of it."""
LONGEST_REASON = 120


@contextmanager
def staged_directory(
    out: Path, *, overwrite: bool = False, inputs: Sequence[Path] = ()
) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when the block ends well.

    Any exception, Ctrl-C included, removes the temporary folder and leaves `out` as it was. With
    `overwrite`, an old `out` that opensirt made stays until the new one is complete, then the two
    are exchanged. What a killed job left beside `out` is brought back or removed first. Another
    job into the same `out` is refused meanwhile.

    Raises
    ------
    InputError
        When `out` cannot be created or written, is a file, is a folder with something in it
        (without `overwrite`) or with something that opensirt did not make, is one of the `inputs`,
        holds one or lies in one.
    """
    target = real_place(out)
    refuse_overlap(out, inputs)
    with working(target, out) as work, _written([out], {work / HALF: out}):
        refuse_folder(out, overwrite=overwrite)
        half = _begin(work)
        half.chmod(_usual_mode())
        yield half
        mark_folder(half)
        put_in_place(work, target, out, overwrite=overwrite)


@contextmanager
def staged_files(
    paths: Mapping[str, Path], inputs: Sequence[Path] = (), *, away: Sequence[str] = ()
) -> Iterator[dict[str, Path]]:
    """Temporary files that become these when the block ends well, and only then; by name.

    The first, which the others belong to, is replaced in one step; others of an earlier job go
    before, so that no two jobs mix. What a killed job left beside them is removed first. Temporary
    names end like the final ones, since writers choose the format by it. Those named in `away` are
    not written: what an earlier job left there goes with its first file. See `refuse_unusable_file`
    for what is refused.
    """
    for path in paths.values():
        refuse_overlap(path, inputs)
    targets = {name: real_place(path) for name, path in paths.items()}
    with ExitStack() as stack:
        works = {
            name: stack.enter_context(working(targets[name], path)) for name, path in paths.items()
        }
        staged = {name: works[name] / HALF / target.name for name, target in targets.items()}
        own = {staged[name]: path for name, path in paths.items()}
        stack.enter_context(_written(paths.values(), own))
        for path in paths.values():
            refuse_file(path)
        for work in works.values():
            _begin(work)
        yield staged
        for path in paths.values():
            refuse_file(path)  # nothing foreign came meanwhile
        put_files_in_place(works, targets, away)


def _begin(work: Path) -> Path:
    """The folder that is written to, in the one that the job holds."""
    half = work / HALF
    half.mkdir()
    return half


@contextmanager
def _written(shown: Iterable[Path], names: Mapping[Path, Path]) -> Iterator[None]:
    """What goes wrong on the disk is one line that names the place by the name it was given.

    Parameters
    ----------
    shown : Path
        What is written.
    names : mapping of Path to Path
        Temporary names and theirs.
    """
    try:
        yield
    except OpenSirtError as error:
        text = str(error)
        for temporary, name in names.items():
            text = text.replace(str(temporary), str(name))
        if text == str(error):
            raise
        raise type(error)(text) from error
    except Exception as error:
        why = _fault_of_the_disk(error)
        if not why:
            raise
        places = ", ".join(str(path) for path in shown)
        raise InputError(f"expected to write {places}, got {why}; {elsewhere()}") from error


def _fault_of_the_disk(error: BaseException) -> str:
    """The system's words for what a write met, through what libraries wrap around it; or ""."""
    first: BaseException | None = error
    while first is not None:
        if isinstance(first, OSError) and first.strerror:
            return first.strerror if isinstance(error, OSError) or first.errno in FULL else ""
        first = first.__cause__ or first.__context__
    return " ".join(str(error).split())[:LONGEST_REASON] if isinstance(error, OSError) else ""


def _usual_mode() -> int:
    """Access of a new folder, as the user's umask has it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask


def write_json(path: Path, data: Any) -> Path:
    """Sorted, indented UTF-8 JSON; NumPy scalars and arrays are written as numbers and lists.

    Raises
    ------
    InputError
        When a value is NaN or infinite, or of a type that JSON has no form for.
    """
    try:
        text = json.dumps(
            data, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False, default=_plain
        )
    except (ValueError, TypeError) as error:
        raise InputError(
            f"expected finite plain values for {path.name}, got a value JSON cannot hold "
            f"({error}); use null where a number does not apply"
        ) from error
    return write_text(path, text + "\n")


def write_text(path: Path, text: str) -> Path:
    """UTF-8 text with line feeds on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} is not plain data")
