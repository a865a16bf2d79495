"""Units of volumes, and the one home of conversion factors.

Inside opensirt: mm, mL, g, s, Bq, MeV, Gy. GBq, hours and percent appear at the surface only.
"""

from __future__ import annotations

from enum import Enum

from opensirt.errors import UnitMismatchError, did_you_mean

__all__ = [
    "ACTIVITY_PER_ML",
    "BQ_PER_GBQ",
    "BQ_PER_MBQ",
    "CM_PER_M",
    "G_PER_KG",
    "JOULE_PER_MEV",
    "MBQ_PER_MCI",
    "ML_PER_MM3",
    "MM_PER_CM",
    "SECONDS_PER_DAY",
    "SECONDS_PER_HOUR",
    "Unit",
    "activity_text",
    "parse_unit",
]

JOULE_PER_MEV = 1.602_176_634e-13
"""Exact since the 2019 SI: elementary charge 1.602176634e-19 C."""
G_PER_KG = 1000.0
ML_PER_MM3 = 1e-3
MM_PER_CM = 10.0
CM_PER_M = 100.0
BQ_PER_KBQ = 1e3
BQ_PER_MBQ = 1e6
BQ_PER_GBQ = 1e9
MBQ_PER_MCI = 37.0
"""Exact: 1 Ci = 3.7e10 Bq."""
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86400.0


ACTIVITY_PER_ML = {"Bq/mL": 1.0, "kBq/mL": BQ_PER_KBQ, "MBq/mL": BQ_PER_MBQ}
"""Bq/mL of one of each unit that a map of activity may be in."""


def activity_text(activity_bq: float) -> str:
    """An activity in the unit that leaves one to three digits before the point: "1.7 GBq"."""
    for name, size in (("GBq", BQ_PER_GBQ), ("MBq", BQ_PER_MBQ), ("kBq", BQ_PER_KBQ)):
        if abs(activity_bq) >= 0.9995 * size:
            return f"{activity_bq / size:.4g} {name}"
    return f"{activity_bq:.3g} Bq"


class Unit(Enum):
    """What the values of a `Volume` mean; the value is the form used in files."""

    BQ_PER_ML = "Bq/mL"
    COUNTS = "counts"
    GY = "Gy"
    G_PER_ML = "g/mL"
    HU = "HU"
    FRACTION = "1"
    """A ratio, such as a relative standard error."""
    ARBITRARY = "arbitrary"
    """Values that only show anatomy (MR); never used as a quantity."""

    @property
    def is_extensive(self) -> bool:
        """True where the value belongs to the whole voxel, so that it grows with voxel volume."""
        return self is Unit.COUNTS


def parse_unit(text: str) -> Unit:
    """The `Unit` written as `text`; an unknown one is an error, never a guess."""
    for unit in Unit:
        if unit.value == text:
            return unit
    known = [unit.value for unit in Unit]
    raise UnitMismatchError(
        f"unit {text!r} is unknown; write one of {', '.join(known)}{did_you_mean(text, known)}"
    )
