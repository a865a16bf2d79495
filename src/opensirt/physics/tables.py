"""Data tables under ``tables/``: every number with its unit and its source, or an error.

A number is a TOML inline table: ``{ value = 64.1, source = "icrp107", at = "page 3" }``.
Its unit is the suffix of its key (``half_life_h``) or a ``unit`` entry. An array of such tables
holds sources that disagree: the first is the default, the others stay selectable.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.errors import TableError, UnknownNameError
from opensirt.physics.references import ASSUMPTION, reference_keys

__all__ = [
    "CsvTable",
    "Quantity",
    "Table",
    "load_csv",
    "load_table",
    "parse_csv",
    "parse_table",
    "table_names",
]

_SUFFIX_UNITS = {
    "_gy_kg_per_gbq": "Gy kg/GBq",
    "_mg_per_dl": "mg/dL",
    "_per_decay": "1/decay",
    "_per_mg": "1/mg",
    "_g_ml": "g/mL",
    "_ml_per_g": "mL/g",
    "_fraction": "1",
    "_count": "1",
    "_kev": "keV",
    "_mev": "MeV",
    "_gbq": "GBq",
    "_mbq": "MBq",
    "_bq": "Bq",
    "_gy": "Gy",
    "_um": "um",
    "_mm": "mm",
    "_ml": "mL",
    "_mg": "mg",
    "_kg": "kg",
    "_hu": "HU",
    "_ev": "eV",
    "_g": "g",
    "_h": "h",
    "_d": "d",
    "_s": "s",
}
_NUMBERS = ("value", "sd", "low", "high")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One cited number, or a list or a set of named parts of one (vials, composition)."""

    key: str
    unit: str
    source: str
    values: tuple[float, ...]
    names: tuple[str, ...] = ()
    """Names of `values` where they are parts, such as chemical symbols."""
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    name: str = ""
    at: str = ""
    read: str = ""
    note: str = ""
    verified: bool = True

    @property
    def value(self) -> float:
        """The single number; `TableError` where the entry holds several."""
        if len(self.values) != 1 or self.names:
            raise TableError(f"{self.key}: expected one number, found {len(self.values)}")
        return self.values[0]

    @property
    def parts(self) -> dict[str, float]:
        """Named parts, such as mass fractions by chemical symbol."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def is_assumption(self) -> bool:
        """True where no publication backs the number."""
        return self.source == ASSUMPTION


@dataclass(frozen=True, slots=True)
class Table:
    """One checked TOML table; `quantities` maps a key to its alternatives, default first."""

    file: str
    quantities: Mapping[str, tuple[Quantity, ...]]
    texts: Mapping[str, str]
    rows: Mapping[str, tuple[Table, ...]]
    """Arrays of tables such as ``[[limit]]``, each row a small table of its own."""

    def has(self, key: str) -> bool:
        """True where the table has this number."""
        return key in self.quantities

    def alternatives(self, key: str) -> tuple[Quantity, ...]:
        """All cited values of a number, the default first."""
        if key not in self.quantities:
            known = ", ".join(self.quantities) or "none"
            raise TableError(f"{self.file}: number {key!r} is missing; it has {known}")
        return self.quantities[key]

    def quantity(self, key: str, source: str | None = None) -> Quantity:
        """The default of a number, or the value of one source (or of one `name`)."""
        found = self.alternatives(key)
        if source is None:
            return found[0]
        for quantity in found:
            if source in (quantity.source, quantity.name):
                return quantity
        known = ", ".join(q.name or q.source for q in found)
        raise UnknownNameError(f"{self.file}: {key} from {source!r} is unknown; choose {known}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text entry; `TableError` where it is missing and has no default."""
        if key in self.texts:
            return self.texts[key]
        if default is None:
            raise TableError(f"{self.file}: text {key!r} is missing; add it")
        return default

    def every_quantity(self) -> Iterator[Quantity]:
        """Each number of the table and of its rows."""
        for found in self.quantities.values():
            yield from found
        for rows in self.rows.values():
            for row in rows:
                yield from row.every_quantity()


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A long table: columns by name, units, source, licence and the script that made it."""

    file: str
    columns: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str]
    source: str
    licence: str
    script: str
    texts: Mapping[str, str]

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """A numeric column, shape (rows,), in ``units[name]``."""
        cells = self.text_column(name)
        try:
            return np.array([float(cell) for cell in cells], dtype=np.float64)
        except ValueError as error:
            raise TableError(f"{self.file}: column {name!r} needs numbers: {error}") from None

    def text_column(self, name: str) -> tuple[str, ...]:
        """A column as text; `TableError` where there is none of this name."""
        if name not in self.columns:
            raise TableError(
                f"{self.file}: column {name!r} is missing; it has {list(self.columns)}"
            )
        return self.columns[name]


def _unit_of(file: str, key: str, entry: Mapping[str, Any]) -> str:
    unit = entry.get("unit")
    if isinstance(unit, str) and unit:
        return unit
    for suffix, known in _SUFFIX_UNITS.items():
        if key.endswith(suffix):
            return known
    raise TableError(f"{file}: {key} has no unit; end the key in one or add unit = ...")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(file: str, key: str, value: object) -> tuple[tuple[float, ...], tuple[str, ...]]:
    if isinstance(value, dict):
        values, names = tuple(value.values()), tuple(value)
    else:
        values, names = (tuple(value), ()) if isinstance(value, list) else ((value,), ())
    if not values or not all(_is_number(number) for number in values):
        raise TableError(f"{file}: {key} needs a number as value, found {value!r}")
    return tuple(float(number) for number in values), names


def check_source(file: str, key: str, source: object) -> str:
    """The source key of a number, or a `TableError` naming `file` and `key`."""
    if not isinstance(source, str) or not source:
        raise TableError(f"{file}: {key} has no source; add source = a key of references.bib")
    if source != ASSUMPTION and source not in reference_keys():
        raise TableError(
            f"{file}: {key} has unknown source {source!r}; add it to references.bib or write "
            f"{ASSUMPTION!r}"
        )
    return source


def _quantity(file: str, key: str, entry: Mapping[str, Any]) -> Quantity:
    source = check_source(file, key, entry.get("source"))
    values, names = _numbers(file, key, entry["value"])
    optional = {name: entry.get(name) for name in _NUMBERS[1:]}
    for name, number in optional.items():
        if number is not None and not _is_number(number):
            raise TableError(f"{file}: {key}.{name} needs a number, found {number!r}")
    return Quantity(
        key=key,
        unit=_unit_of(file, key, entry),
        source=source,
        values=values,
        names=names,
        sd=optional["sd"],
        low=optional["low"],
        high=optional["high"],
        name=str(entry.get("name", "")),
        at=str(entry.get("at", "")),
        read=str(entry.get("read", "")),
        note=str(entry.get("note", "")),
        verified=bool(entry.get("verified", True)) and source != ASSUMPTION,
    )


def parse_table(raw: Mapping[str, Any], file: str) -> Table:
    """A checked `Table` from decoded TOML.

    Raises
    ------
    TableError
        When a number lacks its unit or source, or its source is not in the bibliography.
    """
    quantities: dict[str, tuple[Quantity, ...]] = {}
    texts: dict[str, str] = {}
    rows: dict[str, tuple[Table, ...]] = {}
    for key, value in raw.items():
        if isinstance(value, str | bool | date):
            texts[key] = str(value).lower() if isinstance(value, bool) else str(value)
        elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            texts[key] = " ".join(value)
        elif isinstance(value, dict) and "value" in value:
            quantities[key] = (_quantity(file, key, value),)
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value) and value:
            if all("value" in item for item in value):
                quantities[key] = tuple(_quantity(file, key, item) for item in value)
            else:
                rows[key] = tuple(
                    parse_table(item, f"{file} {key}[{i}]") for i, item in enumerate(value)
                )
        elif isinstance(value, dict):
            rows[key] = (parse_table(value, f"{file} {key}"),)
        else:
            raise TableError(
                f"{file}: {key} = {value!r} has no source; write {{ value = ..., source = ... }}"
            )
    return Table(file, quantities, texts, rows)


def _root() -> Traversable:
    return resources.files("opensirt") / "tables"


def _read_toml(name: str) -> dict[str, Any]:
    path = _root().joinpath(*f"{name}.toml".split("/"))
    if not path.is_file():
        raise TableError(f"tables/{name}.toml does not exist; check the name of the table")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"tables/{name}.toml is not TOML: {error}") from None


@cache
def load_table(name: str) -> Table:
    """The checked table ``tables/<name>.toml``, for example ``load_table("nuclides/y90")``."""
    return parse_table(_read_toml(name), f"tables/{name}.toml")


def table_names(folder: str) -> tuple[str, ...]:
    """Names of the TOML tables in a folder of ``tables/``, sorted, without the ending."""
    place = _root().joinpath(*folder.split("/"))
    if not place.is_dir():
        raise TableError(f"tables/{folder} does not exist; check the name of the folder")
    return tuple(
        sorted(p.name.removesuffix(".toml") for p in place.iterdir() if p.name.endswith(".toml"))
    )


def parse_csv(raw: Mapping[str, Any], data: bytes, file: str) -> CsvTable:
    """A checked `CsvTable` from its TOML description and the bytes of the CSV beside it.

    Raises
    ------
    TableError
        When source, licence, script, checksum or a column unit is missing or does not agree.
    """
    for key in ("licence", "script", "sha256"):
        if not isinstance(raw.get(key), str) or not raw[key]:
            raise TableError(f"{file}: {key} is missing; a csv table needs it")
    found = hashlib.sha256(data).hexdigest()
    if found != raw["sha256"]:
        raise TableError(
            f"{file}: sha256 of the csv is {found[:12]}..., expected {raw['sha256'][:12]}...; "
            f"make it again with {raw['script']}"
        )
    source = check_source(file, "csv", raw.get("source"))
    lines = list(csv.reader(io.StringIO(data.decode("utf-8"))))
    units = {str(k): str(v) for k, v in raw.get("columns", {}).items()}
    for name in lines[0]:
        if not units.get(name):
            raise TableError(f"{file}: column {name!r} has no unit; add it under [columns]")
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(lines[0]):
            raise TableError(
                f"{file}: line {number} of the csv has {len(row)} cells, expected {len(lines[0])}"
            )
    columns = {name: tuple(row[i] for row in lines[1:]) for i, name in enumerate(lines[0])}
    texts = {k: v for k, v in raw.items() if isinstance(v, str)}
    return CsvTable(file, columns, units, source, raw["licence"], raw["script"], texts)


@cache
def load_csv(name: str) -> CsvTable:
    """The csv table ``tables/<name>.csv``, described by ``tables/<name>.toml`` beside it."""
    raw = _read_toml(name)
    path = _root().joinpath(*f"{name}.csv".split("/"))
    if not path.is_file():
        raise TableError(f"tables/{name}.csv does not exist; make it with {raw.get('script')}")
    return parse_csv(raw, path.read_bytes(), f"tables/{name}.toml")
