"""Where results may go: a place that can be written to, that holds no input and nothing foreign."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from opensirt.asking import option
from opensirt.errors import InputError
from opensirt.io.claim import elsewhere, unwritable
from opensirt.io.made import foreign_in, is_own_file, protected_in
from opensirt.io.swap import recover
from opensirt.io.written import identity

__all__ = [
    "real_place",
    "refuse_file",
    "refuse_folder",
    "refuse_overlap",
    "refuse_unusable",
    "refuse_unusable_file",
]

PROBE = ".opensirt-probe-"
LOOKS = 5
"""At a folder that other jobs replace meanwhile."""


def refuse_unusable(shown: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """`InputError` where results cannot go to this folder; ask before long work.

    Parameters
    ----------
    shown : Path
        The folder as it was given.
    overwrite : bool
        Whether a folder that opensirt made may be replaced. One that it did not make, or in which
        anything was added or changed since, never is.
    inputs : sequence of Path
        Files and folders that are read; the folder may not be one, hold one or lie in one.
    """
    refuse_overlap(shown, inputs)
    recover(real_place(shown), shown)
    refuse_folder(shown, overwrite=overwrite)


def refuse_folder(shown: Path, *, overwrite: bool) -> None:
    """`InputError` where results cannot go to this folder, as it is now."""
    target = real_place(shown)
    if not target.exists():
        _refuse_unwritable(shown, target)
        return
    if not target.is_dir():
        raise InputError(f"expected {shown} to be a folder, found a file; {elsewhere()}")
    if os.path.ismount(target):
        raise InputError(
            f"expected {shown} to be a folder that can be replaced, found the top of a disk; "
            f"choose a folder in it with {option('out')}"
        )
    used, foreign, kept = _look(target, shown, overwrite)
    if used and not overwrite:
        raise InputError(
            f"expected the output folder {shown} to be new or empty, found files in it; "
            f"{elsewhere()}, or replace it with {option('overwrite')}"
        )
    if foreign:
        what = "files that opensirt did not put there" if foreign == "." else foreign
        why = "" if foreign == "." else ", which opensirt did not put there or somebody changed,"
        raise InputError(
            f"expected to replace results of opensirt in {shown}, found {what}{why} "
            f"in it; nothing foreign is replaced: {elsewhere()} or move it away"
        )
    if kept:
        _refuse_protected(shown, "it" if kept == "." else f"{kept} in it")
    _refuse_unwritable(shown, target)


def _look(target: Path, shown: Path, overwrite: bool) -> tuple[bool, str, str]:
    """Whether anything is in a folder, what of it is foreign, and what is write-protected.

    Looked at again where another job replaced the folder meanwhile.
    """
    for _ in range(LOOKS):
        before = identity(target)
        try:
            used = any(target.iterdir())
            foreign = foreign_in(target) if used and overwrite else ""
            is_replaced = not foreign and (overwrite or not used)
            found = used, foreign, protected_in(target) if is_replaced else ""
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(
                f"expected to read the output folder {shown}, got {error.strerror}; {elsewhere()}"
            ) from error
        if identity(target) == before:
            return found
    raise InputError(f"expected {shown} to stay as it is, found other jobs there; {elsewhere()}")


def _refuse_protected(shown: Path, what: str) -> None:
    raise InputError(
        f"expected to replace {shown}, found {what} write-protected; {elsewhere()}, or allow "
        "writing"
    )


def refuse_unusable_file(shown: Path, inputs: Sequence[Path] = ()) -> None:
    """`InputError` where a file cannot be written here: a folder, an input, somebody else's."""
    refuse_overlap(shown, inputs)
    recover(real_place(shown), shown)
    refuse_file(shown)


def refuse_file(shown: Path) -> None:
    """`InputError` where a file cannot be written here, as the place is now."""
    target = real_place(shown)
    if target.is_dir():
        raise InputError(f"expected {shown} to be a file, found a folder; {elsewhere()}")
    if _is_foreign(target) and _is_foreign(target):  # and not just replaced by another job
        raise InputError(
            f"expected {shown} to be new or a file of opensirt, found one that it did not make; "
            f"nothing foreign is replaced: {elsewhere()} or move it away"
        )
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        _refuse_protected(shown, "it")
    _refuse_unwritable(shown, target)


def _is_foreign(target: Path) -> bool:
    return target.exists() and not is_own_file(target) and target.exists()


def refuse_overlap(shown: Path, inputs: Sequence[Path]) -> None:
    """`InputError` where an output is an input, holds one or lies in one, by whatever name."""
    ours = list(_identities(real_place(shown)))
    for given in inputs:
        theirs = list(_identities(real_place(given)))
        if not theirs or theirs[0][0] != real_place(given):
            continue  # an input that does not exist is told by whoever reads it
        (_, theirs_here), theirs_above = theirs[0], {key for _, key in theirs[1:]}
        is_there = ours[0][0] == real_place(shown)
        if is_there and ours[0][1] == theirs_here:
            relation = "is an input"
        elif any(key == theirs_here for path, key in ours):
            relation = "lies in an input"
        elif is_there and ours[0][1] in theirs_above:
            relation = "holds an input"
        else:
            continue
        raise InputError(
            f"expected results to go apart from what is read, but {shown} {relation}, {given}; "
            f"{elsewhere()}"
        )


def _identities(target: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """What exists of a path and the folders above it, each by device and number."""
    for path in (target, *target.parents):
        try:
            facts = path.stat()
        except OSError:
            continue
        yield path, (facts.st_dev, facts.st_ino)


def real_place(shown: Path) -> Path:
    """The place itself, links followed; a link to nowhere is refused."""
    try:
        if any(path.is_symlink() and not path.exists() for path in (shown, *shown.parents)):
            raise InputError(
                f"expected {shown} to be a place for results, found a link that leads nowhere; "
                f"{elsewhere()}"
            )
        target = Path(os.path.realpath(shown))
        if target.parent == target:
            raise InputError(
                f"expected {shown} to be a place for results, found the top of all folders; "
                f"{elsewhere()}"
            )
        above = next(path for path in target.parents if path.exists())
        for name in target.relative_to(above).parts:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                (above / name).lstat()  # a name that the file system cannot hold ends here
        return target
    except (OSError, ValueError) as error:
        raise InputError(unwritable(shown, error)) from error


def _refuse_unwritable(shown: Path, target: Path) -> None:
    """Make something, and take it away again, in the lowest folder above that exists.

    What a job that was killed in between left is taken away too: `rmdir` takes empty folders alone.
    """
    try:
        above = next(path for path in target.parents if path.exists())
        tempfile.mkdtemp(prefix=PROBE, dir=above)
        for probe in above.glob(f"{PROBE}*"):
            with contextlib.suppress(OSError):  # another job's, or gone by now
                probe.rmdir()
    except OSError as error:
        raise InputError(unwritable(shown, error)) from error
