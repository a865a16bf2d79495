"""Where a result came from: inputs by hash, options, version, seed, citations."""

from __future__ import annotations

import errno
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["Provenance", "hash_file", "package_versions"]

_PACKAGES = ("numpy", "scipy", "numba", "SimpleITK", "pydicom", "highdicom", "nibabel")


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; `OSError` for a pipe or device, which might wait."""
    if not path.is_file():
        path.stat()  # absent: says so
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of opensirt, Python and the packages whose numerics a result depends on."""
    found = {"python": platform.python_version()}
    for name in ("opensirt", *_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


@dataclass(frozen=True, slots=True)
class Provenance:
    """The record from which a result can be made again.

    `inputs` maps a short name to a SHA-256, `options` every choice made, `citations` keys of
    `tables/references.bib`, `assumptions` what was not measured and not sourced.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    citations: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def adding(
        self,
        inputs: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        citations: tuple[str, ...] = (),
        assumptions: tuple[str, ...] = (),
    ) -> Provenance:
        """A new record with more in it; nothing already recorded is lost."""
        return replace(
            self,
            inputs={**self.inputs, **(inputs or {})},
            options={**self.options, **(options or {})},
            citations=tuple(dict.fromkeys((*self.citations, *citations))),
            assumptions=tuple(dict.fromkeys((*self.assumptions, *assumptions))),
        )

    def as_dict(self) -> dict[str, Any]:
        """The form in `results.json`, with versions and the time of writing."""
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": package_versions(),
            "inputs": dict(self.inputs),
            "options": dict(self.options),
            "citations": list(self.citations),
            "assumptions": list(self.assumptions),
        }
