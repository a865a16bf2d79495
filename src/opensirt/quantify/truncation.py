"""Whether a region is cut off by the edge of its image."""

from __future__ import annotations

from opensirt.image import Region

__all__ = ["edges_touched"]

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
