"""One lesion of a liver, by its parts."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.image import Region

__all__ = ["Lesion"]

ROUNDING = 1e-5
"""Relative difference of two volumes that sums of 32-bit fractions explain."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One lesion: as drawn, its viable part, and the part of that which is perfused."""

    name: str
    drawn: Region
    viable: Region
    perfused: Region
    is_targeted: bool
    territory: str | None = None
    """The territory that holds most of its perfused part."""

    @property
    def is_cut(self) -> bool:
        """True where the viable part is not all of the lesion: necrosis, or another lesion's."""
        return self.viable.volume_ml < (1.0 - ROUNDING) * self.drawn.volume_ml

    @property
    def covered_fraction(self) -> float:
        """Perfused part of the viable volume, from 0 to 1."""
        volume_ml = self.viable.volume_ml
        return self.perfused.volume_ml / volume_ml if volume_ml > 0 else 0.0
