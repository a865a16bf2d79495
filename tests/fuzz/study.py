"""A sound study that the fuzzer damages, and the secret in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SECRET", "Files", "Seed"]

Files = Mapping[str, bytes]
"""Name -> content."""
SECRET = "SECRET4711"
"""Stands in every attribute that tells who the patient is; no message may hold it."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound study: its files, what is opened, and which files are damaged."""

    name: str
    files: Files
    opened: str
    """The path, from the folder of the files, that a user would give; "." for the folder."""
    targets: tuple[str, ...]
    form: str
    """"dicom", "nifti", "nrrd" or "toml": the form of the targets."""
