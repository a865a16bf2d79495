"""The files below a folder, and which of them are DICOM."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from opensirt.case import LeftOut
from opensirt.errors import FileFormatError

__all__ = ["begins_as_dicom", "files_in"]


def files_in(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    """Files below a folder in the order of their names, and what may not be looked into.

    Links are followed, each folder once; names that begin with a dot are no files of a study.
    """
    files: list[Path] = []
    closed: list[LeftOut] = []
    seen: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        what = Path(error.filename).relative_to(folder).as_posix()
        why = f"cannot be opened: {error.strerror}"
        closed.append(LeftOut("a closed file or folder", why, file=what))

    def is_new(inner: Path) -> bool:
        """False for a folder that was walked before, as behind a link that leads back."""
        try:
            status = inner.stat()
        except OSError:
            return True  # the walk says why
        place = (status.st_dev, status.st_ino)
        known = place in seen
        seen.add(place)
        return not known

    def is_file(file: Path) -> bool:
        try:
            if file.is_symlink() and not file.exists():
                refused(OSError(errno.ENOENT, "a link that leads nowhere", str(file)))
            elif file.exists() and not file.is_file():
                refused(OSError(errno.EINVAL, "a pipe, socket or device", str(file)))
            return file.is_file()
        except OSError as error:
            refused(error)
            return False

    is_new(folder)
    for place, inner, names in os.walk(folder, onerror=refused, followlinks=True):
        inner[:] = [name for name in inner if is_new(Path(place, name))]
        shown = (Path(place, name) for name in names if not name.startswith("."))
        files += (file for file in shown if is_file(file))
    return sorted(files), closed


def begins_as_dicom(file: Path) -> bool:
    """True for a preamble with DICM, or a first element of a group that files start with."""
    try:
        with file.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise FileFormatError(f"{file.name}: cannot be opened ({error.strerror})") from None
    if not start:
        raise FileFormatError(f"{file.name}: is empty; copy or export it again")
    if start[128:132] == b"DICM":
        return True
    starts = {group.to_bytes(2, order) for group in (2, 8) for order in ("little", "big")}
    return len(start) > 8 and start[:2] in starts
