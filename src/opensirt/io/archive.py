"""Results appear whole or not at all: a staged folder or staged files, and strict JSON and text."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.errors import InputError
from opensirt.io.made import mark_folder
from opensirt.io.places import create_beside, real_place, refuse_unusable, refuse_unusable_file
from opensirt.io.swap import lock_folder, put_in_place, recover, staging_prefix

__all__ = ["staged_directory", "staged_files", "write_json", "write_text"]


@contextmanager
def staged_directory(
    out: Path, *, overwrite: bool = False, inputs: Sequence[Path] = ()
) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when the block ends well.

    Any exception, Ctrl-C included, removes the temporary folder and leaves `out` as it was. With
    `overwrite`, an old `out` that opensirt made stays until the new one is complete, then the two
    are exchanged. What a killed job left beside `out` is brought back or removed first.

    Raises
    ------
    InputError
        When `out` cannot be created, is a file, is a folder with something in it (without
        `overwrite`) or with something that opensirt did not make, is one of the `inputs`, holds
        one or lies in one.
    """
    target = real_place(out)
    recover(target)
    refuse_unusable(out, overwrite=overwrite, inputs=inputs)
    with _staging(out) as staged:
        staged.chmod(_usual_mode())
        yield staged
        mark_folder(staged)
        put_in_place(staged, target, out, overwrite=overwrite)


@contextmanager
def staged_files(
    paths: Mapping[str, Path], inputs: Sequence[Path] = ()
) -> Iterator[dict[str, Path]]:
    """Temporary files that become these when the block ends well, and only then; by name.

    The first, which the others belong to, is replaced in one step; others of an earlier job go
    before, so that no two jobs mix. What a killed job left beside them is removed first. Temporary
    names end like the final ones, since writers choose the format by it. See `refuse_unusable_file`
    for what is refused.
    """
    for path in paths.values():
        refuse_unusable_file(path, inputs)
    targets = {name: real_place(path) for name, path in paths.items()}
    for target in targets.values():
        recover(target)
    try:
        with ExitStack() as stack:
            folders = {name: stack.enter_context(_staging(path)) for name, path in paths.items()}
            staged = {name: folders[name] / target.name for name, target in targets.items()}
            yield staged
            for path in paths.values():
                refuse_unusable_file(path, inputs)  # nothing foreign came meanwhile
            for target in list(targets.values())[1:]:
                target.unlink(missing_ok=True)
            for name, target in targets.items():
                staged[name].replace(target)
    except OSError as error:
        shown = ", ".join(str(path) for path in paths.values())
        raise InputError(
            f"expected to write {shown}, got {error.strerror or error}; choose another --out"
        ) from error


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, held while the job lives and gone afterwards."""
    staged = create_beside(out, staging_prefix(real_place(out)))
    held = lock_folder(staged)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if held is not None:
            os.close(held)


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
