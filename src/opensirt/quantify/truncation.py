"""Whether a region is cut off by the edge of its image, and what that does to numbers from it."""

from __future__ import annotations

from opensirt.findings import Finding
from opensirt.image import Region

__all__ = ["edges_touched", "liver_cut_findings", "shunt_cut_findings"]

_AXES = ("slice", "row", "column")


def edges_touched(region: Region) -> tuple[str, ...]:
    """Edges of the image that the region lies against: "first slice", "last row", ...

    An organ that reaches the first or last voxel most likely goes on beyond it, so its volume, mass
    and counts are those of a part.
    """
    if region.is_empty:
        return ()
    touched = []
    for axis, part, size in zip(_AXES, region.box, region.grid.shape, strict=True):
        if size == 1:
            continue
        if part.start == 0:
            touched.append(f"first {axis}")
        if part.stop == size:
            touched.append(f"last {axis}")
    return tuple(touched)


def shunt_cut_findings(lungs: Region, liver: Region, image: str) -> tuple[Finding, ...]:
    """What a lung shunt from regions that an image cuts may be off by; `image` in words."""
    findings = []
    for region, effect in ((lungs, "underestimated"), (liver, "overestimated")):
        if cut := edges_touched(region):
            text = (
                f"Region {region.name!r} reaches the edge of the {image} ({', '.join(cut)}): "
                f"the lung shunt may be {effect}."
            )
            findings.append(Finding("warn", "shunt-region-cut", text, "assumption"))
    return tuple(findings)


def liver_cut_findings(liver: Region, image: str) -> tuple[Finding, ...]:
    """That a liver which an image cuts is not the whole liver; `image` in words."""
    cut = edges_touched(liver)
    if not cut:
        return ()
    text = (
        f"The liver reaches the edge of the {image} ({', '.join(cut)}): its volume, its mass and "
        "the activity planned from them may be those of a part."
    )
    return (Finding("warn", "liver-cut", text, "assumption"),)
