"""What to give, as a message names it: an option to who types commands, an argument in Python.

A message is written once, with ``option("density-g-ml")`` in it, and says ``--density-g-ml`` on the
command line and ``RunOptions(density_g_ml=...)`` to who calls opensirt from Python. The text is
made when the error is: a constant would hold the words of the face that imported it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

__all__ = ["PYTHON", "accepted", "named", "option", "speaking_to", "together"]

Face = Literal["python", "command line"]

PYTHON = {
    "activity-unit": "activity_unit=...",
    "assume-aligned": "assume_aligned=True",
    "choose": "choose=...",
    "ct": "ct=...",
    "density": "density=...",
    "density-g-ml": "RunOptions(density_g_ml=...)",
    "device": "device=...",
    "engine": "engine=...",
    "given-gbq": "RunOptions(given=Treatment(PRODUCT, ACTIVITY_BQ, INJECTED))",
    "height-cm": "height_cm=...",
    "histories": "histories=...",
    "identity": "identity=...",
    "image": "image=...",
    "index-lesion": "index_lesion=...",
    "injected": "RunOptions(given=Treatment(PRODUCT, ACTIVITY_BQ, INJECTED))",
    "lung-mass-g": "RunOptions(lung_mass_g=...)",
    "lung-shunt": "RunOptions(lung_shunt_fraction=...)",
    "mode": "mode=...",
    "model": "model=...",
    "out": "to=...",
    "overwrite": "overwrite=True",
    "prescribe-for": "purpose=...",
    "product": "product=...",
    "role": "roles=...",
    "seed": "seed=...",
    "threads": "threads=...",
    "time-zone": "time_zone=...",
    "tumour-dose-gy": "prescription_from(tumour_dose_gy=...)",
    "uncertainty": "uncertainty=...",
    "vials": "vials=...",
    "weight-kg": "weight_kg=...",
}
"""Options that messages name, and what stands for them in Python; the class or function with it,
where it is no argument of a verb that takes a case."""

_face: Face = "python"  # of the process, so that threads which a command starts speak alike


@contextmanager
def speaking_to(face: Face) -> Iterator[None]:
    """Messages made meanwhile name things as this reader gives them."""
    global _face
    before, _face = _face, face
    try:
        yield
    finally:
        _face = before


def option(name: str, *values: str | int | tuple[str, str]) -> str:
    """What to type or to write: ``--vials 3`` or ``vials=3``; without a value ``--vials``.

    Parameters
    ----------
    name : str
        Of the option, without its dashes.
    *values
        One value, or for "role" and "choose" pairs of name and role, or of role and series.
    """
    pairs = [value for value in values if isinstance(value, tuple)]
    if _face == "command line":
        typed = [_typed(name, *pair) for pair in pairs] or [str(value) for value in values]
        return " ".join(f"--{name} {value}" for value in typed) or f"--{name}"
    if not values:
        return PYTHON[name]
    items = ", ".join(f"{_literal(key)}: {_literal(value)}" for key, value in pairs)
    return PYTHON[name].replace("...", f"{{{items}}}" if pairs else _literal(*values))


def together(*names: str) -> str:
    """Several to give together; each once, where one argument stands for two options."""
    return " and ".join(dict.fromkeys(option(name) for name in names))


def named(name: str) -> str:
    """The bare name, of what is to be left out or is wrong: ``--identity`` or ``identity``."""
    if _face == "command line":
        return f"--{name}"
    return PYTHON[name].partition("=")[0].rpartition("(")[2]


def accepted(name: str, reason: str) -> str:
    """How somebody accepts a stop."""
    if _face == "command line":
        return f'"{name}: {reason}"'
    return f"AcceptedStop({_literal(name)}, {_literal(reason)})"


def _typed(name: str, key: str, value: str) -> str:
    """A pair as a shell reads it: patterns in single quotes, names of series in double ones."""
    return shlex.quote(f"{key}={value}") if name == "role" else f'{key}="{value}"'


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
