"""Named regions with a role and, where it applies, a territory; and their algebra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from opensirt.errors import (
    GridMismatchError,
    RegionError,
    UnknownNameError,
    did_you_mean,
    unknown_name,
)
from opensirt.image.boxes import (
    NOTHING,
    Box,
    bounding_box,
    box_shape,
    hull,
    inside,
    overlap,
    shifted,
)
from opensirt.image.coverage import parallel_coverage
from opensirt.image.grid import Grid
from opensirt.image.volume import Volume

__all__ = ["REGION_ROLES", "Region", "Regions", "joined", "require_role"]

REGION_ROLES = (
    "liver", "tumour", "perfused", "lungs", "lung-left", "lung-right", "necrosis",
    "gallbladder", "stomach", "bowel", "body", "other",
)  # fmt: skip

Fractions = npt.NDArray[np.float32]


def require_role(role: str) -> str:
    """`role`, after checking that it is one of `REGION_ROLES`."""
    if role not in REGION_ROLES:
        raise unknown_name("region role", role, REGION_ROLES)
    return role


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of the body, as the fraction of each voxel inside it.

    Only the box that holds the region is stored, so that 40 lesions on a CT grid stay small.
    Make one with `Region.from_mask`.

    Parameters
    ----------
    name, role : str
        Name in the source; role is one of `REGION_ROLES`.
    grid : Grid
        The whole grid that the region is defined on.
    box : three slices
        Where `fractions` lies in the grid.
    fractions : ndarray float32, shape of the box
        0 outside, 1 inside, between where a voxel is partly covered.
    territory : str, optional
        Name of the arterial territory (treated volume) the region belongs to.
    """

    name: str
    role: str
    grid: Grid
    box: Box
    fractions: Fractions
    territory: str | None = None

    def __post_init__(self) -> None:
        require_role(self.role)
        view = self.fractions.view()
        view.flags.writeable = False
        object.__setattr__(self, "fractions", view)

    @classmethod
    def from_mask(
        cls,
        name: str,
        role: str,
        mask: npt.NDArray[Any],
        grid: Grid,
        territory: str | None = None,
    ) -> Region:
        """A region from a boolean mask, or fractions from 0 to 1, on the whole `grid`."""
        if mask.shape != grid.shape:
            raise GridMismatchError(f"region {name!r}: mask {mask.shape} is not {grid.shape}")
        box = bounding_box(mask)
        return cls(name, role, grid, box, mask[box].astype(np.float32), territory)

    @property
    def is_empty(self) -> bool:
        """True where the region has no volume."""
        return self.fractions.size == 0 or not bool(self.fractions.any())

    @property
    def volume_ml(self) -> float:
        """Volume, mL, partly covered voxels counted by their fraction."""
        return float(self.fractions.sum(dtype=np.float64)) * self.grid.voxel_volume_ml

    @property
    def centroid_mm(self) -> tuple[float, float, float]:
        """Centre of volume in patient (x, y, z), mm."""
        if self.is_empty:
            raise RegionError(f"region {self.name!r} is empty, so it has no centre")
        index = np.argwhere(self.fractions > 0)
        weight = self.fractions[tuple(index.T)].astype(np.float64)
        middle = (index * weight[:, None]).sum(axis=0) / weight.sum()
        x, y, z = self.grid.to_patient(middle + [s.start for s in self.box])
        return float(x), float(y), float(z)

    def whole(self) -> Fractions:
        """Fractions on the whole grid, float32."""
        full = np.zeros(self.grid.shape, dtype=np.float32)
        full[self.box] = self.fractions
        return full

    def fractions_on(self, box: Box) -> Fractions:
        """Fractions on any box of the grid, float32; what lies outside the box is dropped."""
        part = np.zeros(box_shape(box), dtype=np.float32)
        common = overlap(self.box, box)
        if common != NOTHING:
            part[inside(common, box)] = self.fractions[inside(common, self.box)]
        return part

    def trimmed(self) -> Region:
        """The same region on the smallest box that holds it."""
        inner = bounding_box(self.fractions)
        return replace(self, box=shifted(inner, self.box), fractions=self.fractions[inner].copy())

    def values_of(self, volume: Volume) -> tuple[npt.NDArray[np.float64], Fractions]:
        """Values of `volume` in the voxels touched, and the fraction of each.

        Raises
        ------
        GridMismatchError
            When the volume is on another grid; move the region first with `region.onto(grid)`.
        """
        if not volume.grid.matches(self.grid):
            raise GridMismatchError(
                f"region {self.name!r} is on {self.grid}, the volume on {volume.grid}; "
                "move the region first with region.onto(volume.grid)"
            )
        inside = self.fractions > 0
        return volume.values[self.box][inside].astype(np.float64), self.fractions[inside]

    def sum_of(self, volume: Volume) -> float:
        """Sum of the volume's voxel values, weighted by the covered fraction."""
        values, fractions = self.values_of(volume)
        return float(values @ fractions.astype(np.float64))

    def mean_of(self, volume: Volume) -> float:
        """Mean value in the region, by volume."""
        if self.is_empty:
            raise RegionError(f"region {self.name!r} is empty, so it has no mean")
        values, fractions = self.values_of(volume)
        return float(values @ fractions.astype(np.float64)) / float(fractions.sum(dtype=np.float64))

    def onto(self, grid: Grid) -> Region:
        """The region on another grid, as the fraction of each new voxel inside it.

        Exact between parallel grids, whatever their voxels; from samples where one is turned.
        """
        if self.grid.matches(grid):
            return replace(self, grid=grid)
        from opensirt.image.resample import resample_values

        target_box = _box_seen_from(self, grid)
        if target_box is None:
            return Region.from_mask(
                self.name, self.role, np.zeros(grid.shape, bool), grid, self.territory
            )
        target = grid.crop(target_box)
        part = parallel_coverage(self.fractions, self.grid.crop(self.box), target)
        if part is None:
            around = _padded(self.grid, self.box)
            part = resample_values(np.pad(self.fractions, 1), around, target, nearest=True)
        return replace(self, grid=grid, box=target_box, fractions=part).trimmed()

    # -- algebra; the result keeps the name and role of the left side unless given others

    def __and__(self, other: Region) -> Region:
        """Intersection."""
        return self._combine(other, np.minimum, overlap(self.box, other.box))

    def __or__(self, other: Region) -> Region:
        """Union."""
        return joined((self, other))

    def __sub__(self, other: Region) -> Region:
        """What is in this region and not in `other`; closes with `&` to this region's volume."""
        return self._combine(other, lambda a, b: a - np.minimum(a, b), self.box)

    def named(self, name: str, role: str | None = None, territory: str | None = None) -> Region:
        """The same place under another name, and role and territory where given."""
        return replace(
            self, name=name, role=role or self.role, territory=territory or self.territory
        )

    def _combine(self, other: Region, rule: Any, box: Box) -> Region:
        """`rule` of the fractions of both, on a box outside which nothing is left."""
        _require_one_grid(self, other)
        values = rule(self.fractions_on(box), other.fractions_on(box))
        return replace(self, box=box, fractions=values).trimmed()


def joined(regions: Sequence[Region]) -> Region:
    """The union of one region or more of one grid, named as the first; each voxel is seen once.

    Raises
    ------
    GridMismatchError
        When a grid differs from the first.
    """
    first = regions[0]
    for other in regions[1:]:
        _require_one_grid(first, other)
    filled = [region for region in regions if region.fractions.size]
    if len(regions) == 1 or not filled:
        return first
    box = reduce(hull, (region.box for region in filled))
    values = np.zeros(box_shape(box), dtype=np.float32)
    for region in filled:
        part = values[inside(region.box, box)]
        np.maximum(part, region.fractions, out=part)
    return replace(first, box=box, fractions=values).trimmed()


def _require_one_grid(a: Region, b: Region) -> None:
    if not a.grid.matches(b.grid):
        raise GridMismatchError(
            f"regions {a.name!r} and {b.name!r} are on different grids; "
            "move one first with region.onto(grid)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The regions of a case, each under its own name."""

    items: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        names = [region.name for region in self.items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise RegionError(f"region names must differ, found twice: {', '.join(twice)}")

    def __iter__(self) -> Iterator[Region]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Region:
        for region in self.items:
            if region.name == name:
                return region
        known = [region.name for region in self.items]
        raise UnknownNameError(
            f"region {name!r} is unknown; the case has {', '.join(known) or 'none'}"
            f"{did_you_mean(name, known)}"
        )

    def __contains__(self, name: object) -> bool:
        return any(region.name == name for region in self.items)

    def with_role(self, role: str) -> tuple[Region, ...]:
        """All regions of one role, in order."""
        require_role(role)
        return tuple(region for region in self.items if region.role == role)

    def union(self, role: str, name: str | None = None) -> Region | None:
        """All regions of one role joined into one, or None where there is none."""
        found = self.with_role(role)
        if not found:
            return None
        return joined(found).named(name or role)

    def adding(self, *more: Region) -> Regions:
        """These regions and `more`."""
        return Regions((*self.items, *more))

    def onto(self, grid: Grid) -> Regions:
        """Every region moved to one grid."""
        return Regions(tuple(region.onto(grid) for region in self.items))


def _padded(grid: Grid, box: Box) -> Grid:
    """Grid of `box` grown by one voxel on every side, which may reach beyond `grid`."""
    matrix = grid.matrix
    matrix[:3, 3] = grid.to_patient([s.start - 1 for s in box])
    return Grid.from_matrix([s.stop - s.start + 2 for s in box], matrix)


def _box_seen_from(region: Region, grid: Grid) -> Box | None:
    """The box of `grid` that can touch the region, or None where none does."""
    if region.fractions.size == 0:
        return None
    ends = [(s.start - 0.5, s.stop - 0.5) for s in region.box]
    corners = np.array(np.meshgrid(*ends)).T.reshape(-1, 3)
    seen = grid.to_index(region.grid.to_patient(corners))
    low = np.maximum(np.floor(seen.min(axis=0) + 0.5).astype(int), 0)
    high = np.minimum(np.ceil(seen.max(axis=0) + 0.5).astype(int), grid.shape)
    if np.any(high <= low):
        return None
    s = [slice(int(a), int(b)) for a, b in zip(low, high, strict=True)]
    return s[0], s[1], s[2]
