"""A finished folder takes the place of another in one step, or of nothing; what a killed run left
behind is found again.

In the folder that a job holds beside its place (`claim`) lie, each for its time: `half`, what is
being made; `whole`, what is finished, and after the exchange what it replaced; where the system
cannot exchange two names, for a moment `old`; and `aside`, single files that are replaced. Only
`half` is removed as it lies, for nothing is ever moved there; of the others what opensirt made.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from opensirt.errors import InputError
from opensirt.io.claim import LOCK, elsewhere, held, work_folder
from opensirt.io.made import foreign_in, is_own_file, protected_in, remove_files, remove_folder
from opensirt.io.written import expect, identity

__all__ = ["HALF", "put_files_in_place", "put_in_place", "recover", "working"]

HALF, WHOLE, OLD, ASIDE = "half", "whole", "old", "aside"
EXCHANGE, SWAP = 2, 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""
HERE = -100
"""AT_FDCWD of Linux: paths as they are."""
NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_log = logging.getLogger(__name__)


@contextmanager
def working(target: Path, shown: Path) -> Iterator[Path]:
    """The folder in which the results of a place are made, with what a killed job left cleared.

    Raises
    ------
    InputError
        When another job holds it, or somebody's files are in it; these stay.
    """
    with held(target, shown) as work:
        with suppress(FileNotFoundError):
            if not os.path.lexists(target):
                (work / OLD).rename(target)
        if left := _clear(work):
            raise InputError(
                f"expected to write {shown}, found {left}, left by an earlier job; move it away, "
                f"or {elsewhere()}"
            )
        try:
            yield work
        finally:
            if left := _clear(work):
                _log.warning("opensirt: %s stays, set aside for %s; look into it", left, shown)


def recover(target: Path, shown: Path) -> None:
    """Bring back what a killed job set aside, and remove what it left half-made."""
    if os.path.lexists(work_folder(target)):
        with working(target, shown):
            pass


def _clear(work: Path) -> str:
    """Remove what a job left in its folder, and say what of it stays and why."""
    stays = ""
    found = os.listdir(work) if work.is_dir() else []  # somebody may have taken it away
    for name in sorted(set(found) - {LOCK}):
        try:
            _REMOVE.get(name, _keep)(work / name)
        except OSError as error:
            stays = stays or f"{work / name} ({error.strerror or error})"
    return stays


def _keep(path: Path) -> None:
    raise OSError(errno.EPERM, "opensirt did not make it")


_REMOVE: dict[str, Callable[[Path], None]] = {
    HALF: shutil.rmtree,
    WHOLE: remove_folder,
    OLD: remove_folder,
    ASIDE: remove_files,
}


def put_in_place(work: Path, target: Path, shown: Path, *, overwrite: bool) -> None:
    """Rename what was made to `target`, onto nothing or an empty folder; else exchange the two.

    Raises
    ------
    InputError
        When something came to lie in `target` meanwhile that may not be replaced.
    """
    whole = work / WHOLE
    try:
        (work / HALF).rename(whole)
        expect(target, whole)
        if target.is_dir() and any(target.iterdir()):
            if not overwrite:
                raise OSError(errno.ENOTEMPTY, "files in it by now")
            _replace(work, target)
            return
        if target.is_dir():
            whole.chmod(target.stat().st_mode & 0o777)  # an empty folder kept for oneself
            if os.name == "nt":
                target.rmdir()
        whole.rename(target)
    except OSError as error:
        why = "files in it by now" if error.errno in NOT_EMPTY else error.strerror
        raise InputError(
            f"expected to move the results to {shown}, got {why}; {elsewhere()}"
        ) from error


def _replace(work: Path, target: Path) -> None:
    """Exchange two folders, so that one of them stands at `target` at every instant.

    What is replaced is looked at where nothing more can come into it by the name of `target`. The
    two are exchanged again for whatever goes wrong, Ctrl-C included.
    """
    whole, old = work / WHOLE, work / OLD
    new = identity(whole)
    try:
        if not _exchanged(whole, target):
            target.rename(old)
            whole.rename(target)
        _require_own(old if os.path.lexists(old) else whole)
    except BaseException:
        stands = identity(target) == new
        if stands and not os.path.lexists(old):
            _exchanged(whole, target)
        elif stands:
            target.rename(whole)
        if os.path.lexists(old) and not os.path.lexists(target):
            old.rename(target)
        raise


def _require_own(folder: Path) -> None:
    if foreign := foreign_in(folder):
        raise OSError(errno.EPERM, f"{foreign} in it that opensirt did not make")
    if kept := protected_in(folder):
        raise OSError(errno.EACCES, f"{kept} in it that is write-protected")


def put_files_in_place(
    works: Mapping[str, Path], targets: Mapping[str, Path], away: Container[str] = ()
) -> None:
    """Move finished files to their places: earlier ones but the first go before it is replaced.

    Nothing comes to the places named in `away`.

    Raises
    ------
    OSError
        When one is foreign by now. Then all stand as they stood.
    """
    first, *others = targets
    made = {name: works[name] / HALF / target.name for name, target in targets.items()}
    new = identity(made[first])
    new_ones = [name for name in targets if name not in away]
    for name in new_ones:
        made[name].lstat()  # one that was not written is known before anything is moved
        expect(targets[name], made[name])
    try:
        for name in others:
            if os.path.lexists(targets[name]):
                aside = _aside(works[name], targets[name])
                targets[name].rename(aside)
                _require_own_file(aside)
        _replace_file(made[first], _aside(works[first], targets[first]), targets[first])
    except BaseException:
        if identity(targets[first]) != new:
            for name in others:
                with suppress(OSError):
                    if not os.path.lexists(targets[name]):
                        (works[name] / ASIDE / targets[name].name).rename(targets[name])
        raise
    for name in new_ones[1:]:
        made[name].replace(targets[name])


def _aside(work: Path, target: Path) -> Path:
    (work / ASIDE).mkdir(exist_ok=True)
    return work / ASIDE / target.name


def _replace_file(made: Path, aside: Path, target: Path) -> None:
    """As `_replace`, for one file; onto nothing too."""
    if not os.path.lexists(target):
        made.replace(target)
        return
    new = identity(made)
    made.rename(aside)
    try:
        if _exchanged(aside, target):
            _require_own_file(aside)
        else:
            _require_own_file(target)
            aside.replace(target)
    except BaseException:
        if identity(target) == new and os.path.lexists(aside):
            _exchanged(aside, target)
        raise


def _require_own_file(path: Path) -> None:
    if not is_own_file(path):
        raise OSError(errno.EPERM, f"{path.name} that opensirt did not make")


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the system exchanged the two names in one step."""
    names = os.fsencode(one), os.fsencode(other)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, SWAP) == 0)
        return bool(library.renameat2(HERE, names[0], HERE, names[1], EXCHANGE) == 0)
    except (OSError, AttributeError, TypeError):
        return False
