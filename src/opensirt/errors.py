"""Every error that opensirt raises on purpose.

A message says what was needed, what was found, and the next step, in one line. The command line
turns any `OpenSirtError` into that line and exit code 2.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

__all__ = [
    "AmbiguousStudyError",
    "CaseError",
    "DicomError",
    "DoseMapError",
    "FileFormatError",
    "GridMismatchError",
    "InputError",
    "NotUsableError",
    "OpenSirtError",
    "PlanError",
    "RegionError",
    "TableError",
    "UnitMismatchError",
    "UnknownNameError",
    "alike",
    "did_you_mean",
    "unknown_name",
]

ALIKE = 0.6
"""Least likeness of two names, of 1, for one to be meant by the other."""
SHORTEST = 3
"""Letters of a part of a name that may stand for the whole; shorter ones are in too many."""
MOST_MEANT = 3
"""Names that a message offers as meant."""


class OpenSirtError(Exception):
    """Base of every deliberate error; its text is one line for the user."""


class InputError(OpenSirtError):
    """A value given by the user is missing, impossible or contradictory."""


class UnknownNameError(InputError):
    """A name (engine, model, product, nuclide, region) is not known."""


class UnitMismatchError(OpenSirtError):
    """A volume is in another unit than the computation needs."""


class GridMismatchError(OpenSirtError):
    """Two volumes do not share one voxel grid."""


class DoseMapError(OpenSirtError):
    """A computed dose map shows what no emission allows; it is not used and not written."""


class TableError(OpenSirtError):
    """A data table lacks a unit, a source or its checksum."""


class FileFormatError(InputError):
    """A file cannot be read, or is not what its name or header says."""


class DicomError(FileFormatError):
    """A DICOM attribute is missing, unusable or contradicts another; the text names the keyword."""


class NotUsableError(DicomError):
    """A sound DICOM object that cannot serve: other units, no place in the patient, no image."""


class AmbiguousStudyError(InputError):
    """A study offers several series for one role, and none is clearly meant."""


class CaseError(InputError):
    """A case lacks an image, a region or a fact that the job needs."""


class RegionError(CaseError):
    """A region is missing, empty or outside the image."""


class PlanError(InputError):
    """A prescription cannot be met or does not make sense for the model."""


def unknown_name(what: str, name: str, known: Iterable[str], of: str = "") -> UnknownNameError:
    """The error for a name that is none of `known`: all of these, and what may be meant.

    Parameters
    ----------
    what : str
        What has the name, such as "product".
    name : str
        As it was given.
    known : iterable of str
    of : str, optional
        Whose name it is, such as the nuclide of a dose constant.
    """
    names = tuple(known)
    choice = " or ".join(names) if len(names) == 2 else f"one of {', '.join(names)}"
    whose = f" of {of}" if of else ""
    return UnknownNameError(
        f"{what} {name!r}{whose} is unknown; choose {choice}{did_you_mean(name, names)}"
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Words to end a message with: ``; did you mean 'net'?``, or "" where no name is like it."""
    like = alike(name, known)[:MOST_MEANT]
    return f"; did you mean {' or '.join(map(repr, like))}?" if like else ""


def alike(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known names that `name` may stand for, compared without case, accents and punctuation.

    One that is the same then ("Y-90" for "y90"), else all of which `name` is a part ("lobar" for
    "unilobar" and "bilobar"), else the one most like it; none where none is.
    """
    by_form: dict[str, list[str]] = {}
    for each in known:
        by_form.setdefault(_form(each), []).append(each)
    meant = _form(name)
    parts = [form for form in by_form if len(meant) >= SHORTEST and meant in form]
    forms = [meant] if meant in by_form else parts
    forms = forms or difflib.get_close_matches(meant, by_form, 1, ALIKE)
    return tuple(each for form in forms for each in by_form[form])


def _form(name: str) -> str:
    """A name as it is compared: lower-case letters without accents, and digits."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if letter.isalnum())
