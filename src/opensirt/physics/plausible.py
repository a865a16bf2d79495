"""Numbers that can only be a slip of the pen or another unit are refused."""

from __future__ import annotations

from collections.abc import Sequence

from opensirt.errors import InputError
from opensirt.physics.tables import load_table

__all__ = ["require_plausible", "require_plausible_voxels"]


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


def require_plausible_voxels(what: str, spacing_mm: Sequence[float]) -> None:
    """Refuse a grid whose voxel edges (mm) are no patient's: microns, metres, a broken header."""
    for edge_mm in spacing_mm:
        try:
            require_plausible("voxel edge", edge_mm)
        except InputError as error:
            raise InputError(f"{what}: {error}") from None
