"""Giving out a region part by part, so that no voxel is given twice and the sum is the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensirt.image import Region

__all__ = ["Remainder"]


class Remainder:
    """What is left of a region after parts of it were taken.

    Works on the box of each part, so that 40 lesions in a liver on a CT grid cost 40 small boxes.
    """

    def __init__(self, whole: Region) -> None:
        self._whole = whole
        self._left = whole.fractions.copy()

    def take(self, part: Region) -> Region:
        """The share of `part` that is still there; it is then gone. Keeps name and role."""
        box = tuple(
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(self._whole.box, part.box, strict=True)
        )
        if part.fractions.size == 0 or any(s.stop <= s.start for s in box):
            nothing = slice(0, 0)
            empty = np.zeros((0, 0, 0), dtype=np.float32)
            return replace(part, box=(nothing, nothing, nothing), fractions=empty)
        mine = self._local(box, self._whole)
        share = np.minimum(self._left[mine], part.fractions[self._local(box, part)])
        self._left[mine] -= share
        full = np.zeros_like(part.fractions)
        full[self._local(box, part)] = share
        taken = replace(part, fractions=full)
        return taken & part  # trims the box to what was taken

    def region(self, name: str, role: str) -> Region:
        """All that is left, as a region."""
        rest = replace(
            self._whole, name=name, role=role, territory=None, fractions=self._left.copy()
        )
        return rest & rest

    @staticmethod
    def _local(box: tuple[slice, ...], region: Region) -> tuple[slice, ...]:
        return tuple(
            slice(s.start - r.start, s.stop - r.start) for s, r in zip(box, region.box, strict=True)
        )
