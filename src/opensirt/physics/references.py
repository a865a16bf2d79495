"""The sources of every number: keys of ``tables/references.bib`` and their one-line citations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from opensirt.errors import TableError, UnknownNameError

__all__ = ["ASSUMPTION", "Reference", "cite", "parse_references", "reference", "reference_keys"]

ASSUMPTION = "assumption"
"""Source key of a number that no publication backs; reports show it as an assumption."""

_ENTRY = re.compile(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*?)\}\s*,?\s*$", re.MULTILINE | re.DOTALL)
_MAXIMUM_NAMES = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of the bibliography; a field that the entry lacks is an empty string."""

    key: str
    kind: str
    fields: Mapping[str, str]

    def field(self, name: str) -> str:
        """The text of a field such as ``title``, without TeX braces, or ""."""
        return re.sub(r"[{}\\]", "", self.fields.get(name, "")).replace("--", "-")

    @property
    def authors(self) -> str:
        """Surnames, "Weber et al." beyond three; an organisation as it is written."""
        raw = self.fields.get("author", "").strip()
        if raw.startswith("{"):
            return raw.strip("{}")
        names = [name.split(",")[0].strip() for name in re.split(r"\s+and\s+", raw) if name.strip()]
        if len(names) > _MAXIMUM_NAMES or "others" in names:
            return f"{names[0]} et al."
        return ", ".join(names)

    @property
    def citation(self) -> str:
        """One line: authors year, title, journal volume:pages, doi, note."""
        journal = self.field("journal") or self.field("booktitle") or self.field("publisher")
        journal = journal or self.field("school") or self.field("howpublished")
        volume, pages = self.field("volume"), self.field("pages")
        place = " ".join(part for part in (journal, volume) if part)
        place = f"{place}:{pages}" if pages else place
        doi = f"doi:{self.field('doi')}" if self.field("doi") else ""
        head = " ".join(part for part in (self.authors, self.field("year")) if part)
        parts = (head, self.field("title"), place, doi, self.field("note"))
        return re.sub(r"\s+", " ", ", ".join(part for part in parts if part))


def parse_references(text: str, name: str = "references.bib") -> dict[str, Reference]:
    """Entries of a BibTeX text by key; ``field = {value},`` one after the other.

    Raises
    ------
    TableError
        When a key occurs twice, or nothing could be read.
    """
    starts = list(_ENTRY.finditer(text))
    found: dict[str, Reference] = {}
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        body = text[start.end() : end].rstrip().removesuffix("}")
        fields = {match[1].lower(): match[2].strip() for match in _FIELD.finditer(body)}
        if start[2] in found:
            raise TableError(f"{name}: key {start[2]!r} occurs twice; keep one entry")
        found[start[2]] = Reference(start[2], start[1].lower(), MappingProxyType(fields))
    if not found:
        raise TableError(f"{name}: expected BibTeX entries, found none")
    return found


@cache
def _bibliography() -> dict[str, Reference]:
    path = resources.files("opensirt") / "tables" / "references.bib"
    return parse_references(path.read_text(encoding="utf-8"))


def reference_keys() -> tuple[str, ...]:
    """All keys of the bibliography, sorted."""
    return tuple(sorted(_bibliography()))


def reference(key: str) -> Reference:
    """The bibliography entry of a key; `UnknownNameError` where there is none."""
    try:
        return _bibliography()[key]
    except KeyError:
        raise UnknownNameError(
            f"source {key!r} is unknown; add it to tables/references.bib or write 'assumption'"
        ) from None


def cite(key: str) -> str:
    """One line for a report: "Author Year, title, journal volume:pages, doi".

    Raises
    ------
    UnknownNameError
        When `key` is neither in ``tables/references.bib`` nor "assumption".
    """
    if key == ASSUMPTION:
        return "Assumption of opensirt, not backed by a publication"
    return reference(key).citation
