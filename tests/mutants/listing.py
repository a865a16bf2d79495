"""The list of planted errors: one TOML file per package, one table per error."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

__all__ = ["Mutant", "all_mutants", "chosen", "planted", "source_of"]

FOLDER = Path(__file__).parent
KEYS = {"id", "file", "right", "wrong", "harm", "tests"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong line.

    Parameters
    ----------
    id : str
        Lower-case with hyphens; begins with the package.
    package : str
        Name of the list it stands in.
    file : str
        Path below ``src/opensirt``.
    right, wrong : str
        Text that occurs once in the file, and what takes its place.
    harm : str
        The wrong number, or the fault, that a user would get.
    tests : tuple of str
        Test files or test names, at least one of which must fail.
    """

    id: str
    package: str
    file: str
    right: str
    wrong: str
    harm: str
    tests: tuple[str, ...]


def all_mutants(folder: Path = FOLDER) -> tuple[Mutant, ...]:
    """Every planted error of the lists, in their order; `ValueError` for a faulty table."""
    found: list[Mutant] = []
    for path in sorted(folder.glob("*.toml")):
        for row in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", []):
            if set(row) != KEYS or not row["tests"]:
                raise ValueError(f"{path.name}: {row.get('id')} needs exactly {sorted(KEYS)}")
            found.append(Mutant(package=path.stem, **{**row, "tests": tuple(row["tests"])}))
    names = [mutant.id for mutant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"planted errors must differ in id, found twice: {', '.join(twice)}")
    return tuple(found)


def source_of(mutant: Mutant, root: Path = ROOT) -> Path:
    """The file that the error is planted in."""
    return root / "src" / "opensirt" / mutant.file


def planted(mutant: Mutant, text: str) -> str | None:
    """`text` with the error in it; None where its right line does not occur exactly once."""
    if text.count(mutant.right) != 1:
        return None
    return text.replace(mutant.right, mutant.wrong)


def chosen(mutants: Sequence[Mutant], wanted: Sequence[str]) -> list[Mutant]:
    """Those whose id or package is named, all where nothing is; `ValueError` for an unknown one."""
    known = {mutant.id for mutant in mutants} | {mutant.package for mutant in mutants}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no planted error and no list is called {unknown[0]!r}")
    return [m for m in mutants if not wanted or m.id in wanted or m.package in wanted]
