"""Which regions a result holds, each under a name that says what it is.

Two kinds: the parts that doses are given for, as the whole voxels that count; and every outline of
the study, as drawn. A lesion is in both: its viable part and the whole, where necrosis or another
lesion is cut out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opensirt.case import Case, LeftOut
from opensirt.image import Region, Regions
from opensirt.io.region_names import unique_name
from opensirt.quantify.lesion import Lesion
from opensirt.quantify.voxels import whole_voxels

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


def make_structures(case: Case, names: Mapping[str, str], counted: Regions) -> Structures:
    """The regions of a prepared case.

    Parameters
    ----------
    names : mapping
        From `structure_names`.
    counted : Regions
        Those of the dose table. A lesion that nothing is cut out of is one of them under its plain
        name, and in `on_dose` once; its outline as drawn has the same name.
    """
    parts = Regions(tuple(r.named(names.get(r.name, r.name)) for r in counted))
    plain = {r.name for r in parts if r.role == "tumour" and r.name not in names.values()}
    taken = [region.name.casefold() for region in parts]
    drawn: list[Region] = []
    left_out: list[LeftOut] = []
    kept, moved = [], []
    for outline in case.regions:
        name = whole_name(outline, names)
        is_part = outline.role == "tumour" and name in plain
        if not is_part:
            name = f"{name} (outline)" if name.casefold() in taken else name
            name = unique_name(name, [r.name for r in (*parts, *drawn)])
        region = outline.named(name)
        drawn.append(region)
        if (region.fractions >= HALF).any():
            kept.append(region)
        else:
            left_out.append(LeftOut(name, UNDRAWN))
        voxels = whole_voxels(region, parts.items[0].grid, least=1)
        if voxels.is_empty:
            left_out.append(LeftOut(name, BEYOND))
        elif not is_part:
            moved.append(voxels)
    return Structures(parts.adding(*moved), Regions(tuple(kept)), tuple(left_out))


def structure_names(lesions: Iterable[Lesion]) -> Mapping[str, str]:
    """The names of viable parts in tables, pictures and structures, by name of the lesion; one that
    nothing is cut out of keeps its own."""
    return {x.name: f"{x.name} viable" for x in lesions if x.is_cut}


def whole_name(region: Region, names: Mapping[str, str]) -> str:
    """The name of an outline of the study: of a lesion with a viable part, that it is the whole."""
    is_cut = region.role == "tumour" and region.name in names
    return f"{region.name} whole" if is_cut else region.name
