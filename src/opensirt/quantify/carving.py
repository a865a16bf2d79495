"""Giving out a region part by part, so that no voxel is given twice and the sum is the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensirt.image import Region
from opensirt.image.boxes import NOTHING, inside, overlap

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
        box = overlap(self._whole.box, part.box)
        if box == NOTHING:
            return replace(part, box=box, fractions=np.zeros((0, 0, 0), dtype=np.float32))
        mine, theirs = inside(box, self._whole.box), inside(box, part.box)
        share = np.minimum(self._left[mine], part.fractions[theirs])
        self._left[mine] -= share
        return replace(part, box=box, fractions=share).trimmed()

    def region(self, name: str, role: str) -> Region:
        """All that is left, as a region."""
        rest = replace(self._whole, name=name, role=role, territory=None, fractions=self._left)
        return rest.trimmed()
