"""Which regions a result holds, each under a name that says what it is.

Two kinds: the parts that doses are given for, as the whole voxels that count; and every outline of
the study, as drawn. A lesion is in both, its viable part and the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opensirt.case import Case, LeftOut
from opensirt.image import Region, Regions
from opensirt.io.region_names import unique_name
from opensirt.quantify.voxels import whole_voxels
from opensirt.workflow.setting import Setting

__all__ = ["Structures", "make_structures", "structure_names", "whole_name"]

HALF = 0.5
"""Coverage of a voxel from which on an outline is drawn around it."""
UNDRAWN = "covers no voxel of its image by half, so the outlines as drawn do not hold it"
BEYOND = "lies outside the activity image, so the structures of the dose do not hold it"


@dataclass(frozen=True, slots=True, eq=False)
class Structures:
    """The regions of a result, in two groups."""

    on_dose: Regions
    """Whole voxels of the dose grid: first those of the dose table, under their names there, then
    the outlines."""
    outlines: Regions
    """Every outline of the study that is used, on the grid it was drawn on."""
    left_out: tuple[LeftOut, ...]
    """Outlines too small to be drawn, or beyond the dose grid."""


def make_structures(case: Case, setting: Setting, counted: Regions) -> Structures:
    """The regions of a prepared case; `counted` are those of the dose table."""
    names = structure_names(counted)
    parts = Regions(tuple(r.named(names.get(r.name, r.name)) for r in counted))
    taken = [region.name.casefold() for region in parts]
    drawn: list[Region] = []
    for region in case.regions:
        name = whole_name(region)
        if name.casefold() in taken:
            name = f"{name} (outline)"
        drawn.append(region.named(unique_name(name, [r.name for r in (*parts, *drawn)])))
    left_out: list[LeftOut] = []
    kept, moved = [], []
    for region in drawn:
        voxels = whole_voxels(region, parts.items[0].grid, least=1)
        if (region.fractions >= HALF).any():
            kept.append(region)
        else:
            left_out.append(LeftOut(region.name, UNDRAWN))
        if voxels.is_empty:
            left_out.append(LeftOut(region.name, BEYOND))
        else:
            moved.append(voxels)
    return Structures(parts.adding(*moved), Regions(tuple(kept)), tuple(left_out))


def structure_names(regions: Iterable[Region]) -> Mapping[str, str]:
    """The names of viable parts in tables, pictures and structures, by name of the lesion."""
    return {r.name: f"{r.name} viable" for r in regions if r.role == "tumour"}


def whole_name(region: Region) -> str:
    """The name of an outline of the study: that of a lesion says that it is the whole."""
    return f"{region.name} whole" if region.role == "tumour" else region.name
