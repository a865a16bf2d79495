"""Numbers that can only be a slip of the pen or another unit are refused."""

from __future__ import annotations

from opensirt.errors import InputError
from opensirt.physics.tables import load_table

__all__ = ["require_plausible"]


def require_plausible(name: str, value: float) -> float:
    """`value`, after checking that it lies in the range `name` of ``tables/plausible.toml``.

    Raises
    ------
    InputError
        Naming the quantity, the value and the range with its unit.
    """
    row = next(r for r in load_table("plausible").rows["range"] if r.text("name") == name)
    least, most = row.quantity("least"), row.quantity("most")
    if least.value <= value <= most.value:
        return value
    unit = "" if least.unit == "1" else f" {least.unit}"
    raise InputError(
        f"the {name} must be from {least.value:g} to {most.value:g}{unit}, got {value:g}; "
        "check the number and its unit"
    )
