"""The voxels that stand for each compartment in a dose-volume histogram: whole ones, each once.

A voxel on the border of a lesion holds both lesion and liver, and how much of it counts decides
D95: programs that read a dose with its structures take a voxel whole or not at all. So the doses of
a compartment are those of whole voxels of the dose grid: the fullest, as many as make its volume,
and one at least. Volumes, masses and activities of a plan stay with the fractions of `on_voxels`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from opensirt.image import Region
from opensirt.quantify.compartments import LiverCompartments
from opensirt.quantify.voxels import fullest

__all__ = ["counted_voxels"]

Fractions = npt.NDArray[np.float32]


def counted_voxels(parts: LiverCompartments) -> LiverCompartments:
    """Compartments of whole voxels, from those that share them by fractions.

    Parameters
    ----------
    parts : LiverCompartments
        From `on_voxels`; liver and perfused volume are of whole voxels there.

    Returns
    -------
    LiverCompartments
        No two share a voxel: necrosis and enclosed organs come first, then viable lesions from the
        smallest on; what they leave is normal liver. A part smaller than a voxel has its fullest
        one, shared where all that it touches is another's.
    """
    liver = parts.whole_liver
    pieces = [region for region in (parts.necrosis, parts.organs) if region is not None]
    pieces += sorted((x.viable for x in parts.lesions), key=lambda region: region.volume_ml)
    free = (liver.fractions > 0).astype(np.float32)
    found: dict[str, Region] = {}
    for piece in pieces:
        here = piece.fractions_on(liver.box)
        chosen = fullest(here, free, least=1)
        if not chosen.any():
            chosen = fullest(here, least=1)
        free[chosen > 0] = 0.0
        found[piece.name] = _region(piece, liver, chosen)
    perfused = parts.perfused.fractions_on(liver.box)

    def optional(region: Region | None) -> Region | None:
        return None if region is None else found.get(region.name, region)

    return replace(
        parts,
        lesions=tuple(replace(x, viable=found.get(x.viable.name, x.viable)) for x in parts.lesions),
        necrosis=optional(parts.necrosis),
        organs=optional(parts.organs),
        perfused_normal=_region(parts.perfused_normal, liver, free * perfused),
        whole_normal=_region(parts.whole_normal, liver, free),
        non_perfused_normal=_region(parts.non_perfused_normal, liver, free * (1.0 - perfused)),
    )


def _region(like: Region, liver: Region, fractions: Fractions) -> Region:
    return replace(like, grid=liver.grid, box=liver.box, fractions=fractions).trimmed()
