"""Dose limits and targets by product, indication and intent, each with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import cast

from opensirt.errors import InputError, TableError, unknown_name
from opensirt.findings import Severity
from opensirt.physics.plausible import require_plausible
from opensirt.physics.products import product_names
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import Quantity, Table, load_table

__all__ = ["INDICATIONS", "INTENTS", "UNREAD", "Limit", "limits_for", "lung_limits"]

UNREAD = "not read"
"""Level of evidence of a limit whose source was not read at its origin."""

INDICATIONS = ("hcc", "icc", "mcrc", "net")
"""Hepatocellular and intrahepatic bile duct carcinoma, colorectal and neuroendocrine metastases."""
INTENTS = ("segmentectomy", "lobectomy", "unilobar", "bilobar")
SENSES = ("at least", "above", "at most", "below")
QUANTITIES = {
    "perfused-mean": "mean dose to the perfused volume",
    "perfused-normal-mean": "mean dose to the perfused normal liver",
    "whole-normal-mean": "mean dose to the whole normal liver",
    "tumour-mean": "mean dose to the tumour",
    "lung-mean": "mean lung dose",
    "lung-mean-cumulative": "mean lung dose of all treatments",
    "lung-shunt": "lung shunt fraction",
}
MODELS = ("any", "bsa", "mird", "partition")
_GUIDELINE_FILES = ("glass", "resin", "holmium", "net")
_SEVERITIES = ("stop", "warn", "note")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit or target of a guideline, a maker or a study."""

    product: str
    indication: str
    """"any" where the limit does not depend on it."""
    intent: str
    quantity: str
    """A key of `QUANTITIES`, such as "perfused-normal-mean"."""
    sense: str
    """"at least" and "above" are targets, "at most" is a limit (also where printed as "<"), as is
    "below", which the value itself breaks."""
    value: float
    unit: str
    """"Gy", or "1" for a fraction."""
    severity: Severity
    source: str
    level_of_evidence: str
    """As the source prints it, or "not read"."""
    at: str = ""
    note: str = ""
    verified: bool = True
    """False for an assumption, such as a limit transferred from another indication."""
    upper: float | None = None
    """The other end of an aim that has two, in `unit`; None where more is not worse."""
    unless_whole_liver_gy: float | None = None
    """The limit may be passed while the mean dose of the whole liver stays below this."""

    @property
    def value_gy(self) -> float:
        """The dose, Gy; `TableError` for a limit on a fraction."""
        if self.unit != "Gy":
            raise TableError(
                f"{self.quantity} limit is in {self.unit}, not in Gy; read value, unit"
            )
        return self.value

    @property
    def is_target(self) -> bool:
        """True where the quantity should reach the value."""
        return self.sense in ("at least", "above")

    def is_met(self, value: float) -> bool:
        """True where `value`, in the limit's unit, keeps the limit or lies within the aim."""
        within = self.upper is None or value <= self.upper
        return (
            within
            and {
                "at least": value >= self.value,
                "above": value > self.value,
                "at most": value <= self.value,
                "below": value < self.value,
            }[self.sense]
        )

    def is_exceeded(self, value: float) -> bool:
        """True where `value` lies above the upper end of an aim that has two ends."""
        return self.upper is not None and value > self.upper

    @property
    def text(self) -> str:
        """One line: what, sense, value, exception, note."""
        amount = f"{self.value:g} Gy" if self.unit == "Gy" else f"{self.value * 100.0:g} %"
        if self.upper is not None:
            amount = f"{self.value:g} to {self.upper:g} Gy"
        sense = self.sense if self.upper is None else "from"
        exception = ""
        if self.unless_whole_liver_gy is not None:
            exception = f" unless the whole liver stays below {self.unless_whole_liver_gy:g} Gy"
        note = f" ({self.note})" if self.note else ""
        return f"{QUANTITIES[self.quantity]} {sense} {amount}{exception}{note}"


@dataclass(frozen=True, slots=True)
class _Row:
    product: str
    indications: tuple[str, ...]
    intents: tuple[str, ...]
    models: tuple[str, ...]
    condition: str
    quantity: str
    sense: str
    severity: Severity
    level_of_evidence: str
    note: str
    limit: Quantity
    upper: Quantity | None
    unless_whole_liver: Quantity | None

    def speaks_of(self, indication: str, intent: str, model: str | None) -> bool:
        """True where the source gives the row for this indication, intent and planning model."""
        return (
            indication in self.indications
            and intent in self.intents
            and (model is None or "any" in self.models or model in self.models)
        )

    def limit_of(self, indication: str, intent: str) -> Limit:
        """The row as a limit of one indication and intent."""
        return Limit(
            product=self.product,
            indication="any" if self.indications == ("any",) else indication,
            intent="any" if self.intents == ("any",) else intent,
            quantity=self.quantity,
            sense=self.sense,
            value=self.limit.value,
            unit=self.limit.unit,
            severity=self.severity,
            source=self.limit.source,
            level_of_evidence=self.level_of_evidence,
            at=self.limit.at or (self.limit.note if self.limit.source == ASSUMPTION else ""),
            note=self.note,
            verified=self.limit.verified,
            upper=None if self.upper is None else self.upper.value,
            unless_whole_liver_gy=(
                None if self.unless_whole_liver is None else self.unless_whole_liver.value
            ),
        )


def _one_of(table: Table, key: str, known: tuple[str, ...], default: str | None = None) -> str:
    text = table.text(key, default)
    for word in text.split() if key in ("indications", "intents", "models") else (text,):
        if word not in known:
            raise TableError(f"{table.file}: {key} {word!r} is unknown; write {', '.join(known)}")
    return text


_CONDITIONS = (
    "",
    "bilirubin-high",
    "bilirubin-low",
    "reserve-low",
    "reserve-high",
    "liver-compromised",
    "liver-good",
    "liver-weak",
)


@cache
def _rows(file: str) -> tuple[_Row, ...]:
    return tuple(_row(row) for row in load_table(f"limits/{file}").rows["limit"])


def _row(row: Table) -> _Row:
    return _Row(
        product=_one_of(row, "product", product_names()),
        indications=tuple(_one_of(row, "indications", (*INDICATIONS, "any")).split()),
        intents=tuple(_one_of(row, "intents", (*INTENTS, "any")).split()),
        models=tuple(_one_of(row, "models", MODELS).split()),
        condition=_one_of(row, "condition", _CONDITIONS, ""),
        quantity=_one_of(row, "quantity", tuple(QUANTITIES)),
        sense=_one_of(row, "sense", SENSES),
        severity=cast(Severity, _one_of(row, "severity", _SEVERITIES)),
        level_of_evidence=row.text("level_of_evidence"),
        note=row.text("note", ""),
        limit=row.quantity("limit_gy" if row.has("limit_gy") else "limit_fraction"),
        upper=row.quantity("upper_gy") if row.has("upper_gy") else None,
        unless_whole_liver=(
            row.quantity("unless_whole_liver_gy") if row.has("unless_whole_liver_gy") else None
        ),
    )


def _facts(
    bilirubin_mg_dl: float | None, reserve_fraction: float | None, compromised: bool | None
) -> frozenset[str]:
    for name, value in (("bilirubin", bilirubin_mg_dl), ("reserve fraction", reserve_fraction)):
        if value is not None and not (math.isfinite(value) and value >= 0.0):
            raise InputError(f"{name} must be a number of at least 0, found {value}")
    if bilirubin_mg_dl is not None:
        require_plausible("bilirubin", bilirubin_mg_dl)
    table = load_table("limits/facts")
    # A fact that is not known is the worse one: high bilirubin, little reserve, a weak liver.
    highest = table.quantity("bilirubin_mg_per_dl").value
    low_bilirubin = bilirubin_mg_dl is not None and bilirubin_mg_dl < highest
    least = table.quantity("reserve_fraction").value
    enough = reserve_fraction is not None and reserve_fraction > least
    return frozenset(
        (
            "",
            "bilirubin-low" if low_bilirubin else "bilirubin-high",
            "reserve-high" if enough else "reserve-low",
            "liver-good" if compromised is False else "liver-compromised",
            *(("liver-weak",) if compromised is True else ()),
        )
    )


def limits_for(
    product: str,
    indication: str,
    intent: str,
    *,
    model: str | None = None,
    bilirubin_mg_dl: float | None = None,
    reserve_fraction: float | None = None,
    compromised_liver: bool | None = None,
) -> tuple[Limit, ...]:
    """Limits and targets of one product, indication and intent, lung limits last.

    A fact that is not given counts as the worse one. Neuroendocrine tumours have no verified
    threshold: they get normal-liver limits of other indications, `verified` False, and no target.

    Parameters
    ----------
    product : str
        Such as "resin-y90".
    indication : str
        One of `INDICATIONS`.
    intent : str
        One of `INTENTS`.
    model : str, optional
        Planning model: a value that the source prints for the single compartment, as the
        alternative to values for tumour and normal liver, belongs to "mird" alone. None: all rows.
    bilirubin_mg_dl : float, optional
        Total bilirubin, mg/dL.
    reserve_fraction : float, optional
        Untreated part of the liver, 0 to 1.
    compromised_liver : bool, optional
        True where the liver was treated before or works badly, False where it is known to be good.

    Raises
    ------
    UnknownNameError
        When product, indication or intent is not known.
    InputError
        When bilirubin or reserve is negative or not finite, or bilirubin is no mg/dL.

    References
    ----------
    .. [weber2022] Tables 2 to 4.
    """
    _check_name("product", product, product_names())
    _check_name("indication", indication, INDICATIONS)
    _check_name("intent", intent, INTENTS)
    facts = _facts(bilirubin_mg_dl, reserve_fraction, compromised_liver)
    hit = tuple(
        row.limit_of(indication, intent)
        for file in _GUIDELINE_FILES
        for row in _rows(file)
        if row.product == product
        and row.speaks_of(indication, intent, model)
        and row.condition in facts
    )
    return hit + lung_limits(product)


def lung_limits(product: str) -> tuple[Limit, ...]:
    """Limits on lung dose, one treatment and all, and on the lung shunt fraction of a product."""
    _check_name("product", product, product_names())
    return tuple(row.limit_of("any", "any") for row in _rows("lung") if row.product == product)


def _check_name(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise unknown_name(kind, name, known)
