"""Every error that opensirt raises on purpose.

A message says what was needed, what was found, and the next step, in one line. The command line
turns any `OpenSirtError` into that line and exit code 2.
"""

from __future__ import annotations

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
]


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
