"""Results appear whole or not at all: a staged folder, and strict JSON and text files in it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from opensirt.errors import InputError

__all__ = ["refuse_unusable", "staged_directory", "staged_file", "write_json", "write_text"]


@contextmanager
def staged_directory(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `out` that becomes `out` when the block ends well.

    Any exception, Ctrl-C included, removes the temporary folder and leaves `out` as it was. With
    `overwrite`, an old `out` stays until the new one is complete, then the two are swapped.

    Raises
    ------
    InputError
        When `out` is a file, is a folder with something in it (without `overwrite`), or cannot be
        created.
    """
    target = Path(out).absolute()
    refuse_unusable(out, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        staged.chmod(0o755)
    except OSError as error:
        raise InputError(
            f"expected to create the output folder {out}, got {error.strerror}; "
            "choose a folder you may write to with --out"
        ) from error
    try:
        yield staged
        _move_into_place(staged, target, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def staged_file(out: Path) -> Iterator[Path]:
    """A temporary file beside `out` that replaces `out` when the block ends well, and only then.

    Its name ends like that of `out`, since writers choose the format by it.
    """
    target = Path(out).absolute()
    if target.is_dir():
        raise InputError(f"expected {out} to be a file, found a folder; choose another --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InputError(
            f"expected to create {out}, got {error.strerror}; choose a place you may write to"
        ) from error
    try:
        yield folder / target.name
        (folder / target.name).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_unusable(shown: Path, *, overwrite: bool) -> None:
    """`InputError` where results cannot go to this folder; worth asking before long work."""
    target = Path(shown).absolute()
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"expected {shown} to be a folder, found a file; choose another --out")
    try:
        used = any(target.iterdir())
    except OSError as error:
        raise InputError(
            f"expected to read the output folder {shown}, got {error.strerror}; choose another"
        ) from error
    if used and not overwrite:
        raise InputError(
            f"expected the output folder {shown} to be new or empty, found files in it; "
            "choose another or allow overwriting"
        )


def _move_into_place(staged: Path, target: Path, shown: Path) -> None:
    """Rename `staged` to `target`; an old target is set aside first and put back on failure."""
    aside: Path | None = None
    try:
        if target.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            target.rename(aside / "old")
        staged.rename(target)
    except OSError as error:
        if aside is not None and (aside / "old").exists():
            (aside / "old").rename(target)
        raise InputError(
            f"expected to move the results to {shown}, got {error.strerror}; choose another --out"
        ) from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


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
