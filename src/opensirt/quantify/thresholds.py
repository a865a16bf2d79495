"""Where quantification starts to call for attention, from ``tables/quantify/attention.toml``."""

from __future__ import annotations

from opensirt.physics.tables import Quantity, load_table

__all__ = ["threshold"]


def threshold(name: str) -> Quantity:
    """The quantity `name`, with its `value` and `source`; `TableError` where it is unknown."""
    return load_table("quantify/attention").quantity(name)
