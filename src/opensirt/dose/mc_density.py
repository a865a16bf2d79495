"""Which medium a density counts as: one law for scene builder, kernels, CPU and GPU.

A density is a float32 number wherever it is compared. A medium reaches up to its highest density,
that density included, so each border of ``tables/media.toml`` belongs to the medium below it.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_random import law
from opensirt.physics.tables import load_table

__all__ = [
    "ABSENT",
    "THINNEST_G_ML",
    "highest_densities",
    "media_by_density",
    "media_of",
    "medium_name_at",
    "medium_number",
    "share_by_medium",
]

Floats = npt.NDArray[np.float32]
ABSENT = 255
"""Number of a medium that a scene does not have; no array has a place for it."""
THINNEST_G_ML = 1e-6
"""An empty voxel counts as this thin a gas, through which a particle simply flies on."""


@lru_cache(maxsize=1)
def media_by_density() -> tuple[tuple[str, float], ...]:
    """Name and highest density (g/mL) of each medium, rising."""
    rows = load_table("media").rows["medium"]
    return tuple((row.text("name"), row.quantity("up_to_density_g_ml").value) for row in rows)


def highest_densities() -> Floats:
    """Highest density (g/mL) of each medium, rising; the last medium has no end."""
    return np.array([highest for _, highest in media_by_density()], dtype=np.float32)


def medium_name_at(density_g_ml: float) -> str:
    """The medium of a density, as the transport chooses it."""
    table = media_by_density()
    numbers = np.arange(len(table), dtype=np.uint8)
    number = medium_number(highest_densities(), numbers, np.float32(density_g_ml))
    return table[int(number)][0]


@law
def medium_number(highest_g_ml, numbers, density):
    """The one of `numbers` that belongs to a float32 density (g/mL)."""
    place = 0
    while place < len(highest_g_ml) - 1 and density > highest_g_ml[place]:
        place += 1
    return numbers[place]


@law
def media_of(highest_g_ml, numbers, density, out):
    """Write the number of the medium of each voxel; returns the first that has none, or -1."""
    none = -1
    for voxel in range(len(density)):
        out[voxel] = medium_number(highest_g_ml, numbers, density[voxel])
        if out[voxel] == ABSENT and none < 0:
            none = voxel
    return none


@law
def share_by_medium(highest_g_ml, numbers, density, activity, total, thinnest):
    """Add the activity of each medium to `total`, and put its thinnest active voxel in `thinnest`.

    Both have one place per medium; the activity may not lie in a medium that is absent.
    """
    for voxel in range(len(activity)):
        if activity[voxel] > 0.0:
            medium = medium_number(highest_g_ml, numbers, density[voxel])
            total[medium] += activity[voxel]
            thinnest[medium] = min(thinnest[medium], density[voxel])
