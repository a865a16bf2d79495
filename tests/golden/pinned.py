"""The reviewed file of pinned figures, and what differs from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

__all__ = ["FILE", "Pinned", "differences", "read", "write"]

FILE = Path(__file__).with_name("pinned.json")
Figures = Mapping[str, float | str]
TIGHT = 1e-4
"""Relative; transforms of other threads and processors differ by some 1e-6."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """What `pinned.json` holds.

    Parameters
    ----------
    relative, absolute : mapping of pattern to float
        Tolerances of the figures whose name fits the pattern, the last that fits; the greater of
        the two holds. `TIGHT` relative where none fits.
    figures : mapping of group to figures
        "study" and one group per dose engine.
    """

    relative: Mapping[str, float]
    absolute: Mapping[str, float]
    figures: Mapping[str, Figures]

    def tolerance(self, name: str, value: float) -> float:
        """How far a figure may lie from its pinned value."""
        relative = _last_fit(self.relative, name, TIGHT)
        return max(relative * abs(value), _last_fit(self.absolute, name, 0.0))


def read(path: Path = FILE) -> Pinned:
    """The pinned figures."""
    content = json.loads(path.read_text(encoding="utf-8"))
    tolerance = content["tolerance"]
    return Pinned(tolerance["relative"], tolerance["absolute"], content["figures"])


def write(pinned: Pinned, path: Path = FILE) -> None:
    """Write them, sorted, one a line, figures with eight digits."""
    content: dict[str, Any] = {
        "tolerance": {"relative": dict(pinned.relative), "absolute": dict(pinned.absolute)},
        "figures": {
            group: {name: _short(value) for name, value in sorted(figures.items())}
            for group, figures in sorted(pinned.figures.items())
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def differences(group: str, found: Figures, pinned: Pinned) -> list[str]:
    """A line for each figure that moved, appeared or went."""
    known = pinned.figures.get(group, {})
    lines = []
    for name in sorted({*known, *found}):
        was, now = known.get(name), found.get(name)
        if was is None or now is None:
            lines.append(f"{group}: {name}: {_said(was)} -> {_said(now)}")
        elif isinstance(was, str) or isinstance(now, str):
            if was != now:
                lines.append(f"{group}: {name}: {was} -> {now}")
        elif not abs(now - was) <= pinned.tolerance(name, was):  # NaN lies nowhere
            change = f" ({now / was - 1:+.2%})" if was else ""
            lines.append(f"{group}: {name}: {_said(was)} -> {_said(now)}{change}")
    return lines


def _last_fit(tolerances: Mapping[str, float], name: str, otherwise: float) -> float:
    fits = [value for pattern, value in tolerances.items() if fnmatchcase(name, pattern)]
    return fits[-1] if fits else otherwise


def _short(value: float | str) -> float | str:
    return value if isinstance(value, str) else float(f"{value:.8g}")


def _said(value: float | str | None) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else f"{value:.8g}"
