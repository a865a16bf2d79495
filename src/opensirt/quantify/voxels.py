"""Liver compartments on the voxels of an activity image.

Voxels there are large, and one on the border of the perfused volume is partly outside it. Its
activity belongs inside, yet a mean by covered fraction would give part of it to the outside, and
regional doses would fall with the voxel size (by about 3 % at 4 mm). So the outer borders of the
liver and of the perfused volume follow whole voxels: the fullest, as many as make the volume.
Inside them, lesions, necrosis, organs and normal liver share each voxel by fractions, as drawn.
Sums still close, and the mean dose of the perfused volume is its energy over its mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from opensirt.errors import RegionError
from opensirt.image import Grid, Region
from opensirt.quantify.compartments import Lesion, LiverCompartments

__all__ = ["fullest", "moved_once", "on_voxels", "whole_voxels"]

Fractions = npt.NDArray[np.float32]


def on_voxels(drawn: LiverCompartments, grid: Grid) -> LiverCompartments:
    """Compartments moved from the grid they were drawn on to that of an activity image.

    Raises
    ------
    RegionError
        When the liver or the perfused volume covers no voxel of the image by half.
    """
    frame = _Frame(drawn, grid)
    lesions = tuple(frame.lesion(lesion) for lesion in drawn.lesions)
    necrosis, perfused_necrosis = frame.optional(drawn.necrosis, drawn.perfused_necrosis)
    organs, perfused_organs = frame.optional(drawn.organs, drawn.perfused_organs)
    inside = _sum(frame, [x.perfused for x in lesions], perfused_necrosis, perfused_organs)
    everywhere = _sum(frame, [x.viable for x in lesions], necrosis, organs)
    perfused_normal = frame.region(drawn.perfused_normal, frame.carrier - inside)
    whole_normal = frame.region(drawn.whole_normal, frame.liver - everywhere)
    return replace(
        drawn,
        whole_liver=frame.region(drawn.whole_liver, frame.liver),
        lesions=lesions,
        necrosis=necrosis,
        perfused_necrosis=perfused_necrosis,
        organs=organs,
        perfused_organs=perfused_organs,
        perfused=frame.region(drawn.perfused, frame.carrier),
        territories=tuple(whole_voxels(region, grid) for region in drawn.territories),
        perfused_normal=perfused_normal,
        whole_normal=whole_normal,
        non_perfused_normal=frame.region(
            drawn.non_perfused_normal,
            (frame.liver - everywhere) - (frame.carrier - inside),
        ),
    )


def whole_voxels(region: Region, grid: Grid, *, least: int = 0) -> Region:
    """A region on another grid by whole voxels: the fullest ones, as many as make its volume.

    At least so many, where it touches as many.
    """
    moved = region.onto(grid)
    return replace(moved, fractions=fullest(moved.fractions, least=least))


class _Frame:
    """Liver and perfused volume by whole voxels, on the box of the liver, and what is in them."""

    def __init__(self, drawn: LiverCompartments, grid: Grid) -> None:
        self.grid = grid
        liver = drawn.whole_liver.onto(grid)
        self._box = liver.box
        self._liver_share = liver.fractions
        self._carrier_share = self.on_box(drawn.perfused.onto(grid))
        self.liver: Fractions = fullest(self._liver_share)
        self.carrier: Fractions = fullest(self._carrier_share, within=self.liver)
        for what, mask in (("liver", self.liver), ("perfused volume", self.carrier)):
            if not mask.any():
                raise RegionError(
                    f"the {what} covers no voxel of the activity image; check that they overlap"
                )

    def part(self, whole: Region, perfused: Region | None) -> tuple[Fractions, Fractions]:
        """Shares of a part on the voxels: everywhere, and in perfused ones; on the liver's box."""
        inner = self.on_box(perfused) if perfused is not None else 0.0
        outer = np.maximum(self.on_box(whole) - inner, 0.0)
        outside_share = self._liver_share - self._carrier_share
        perfused_part = self.carrier * _ratio(inner, self._carrier_share)
        other_part = (self.liver - self.carrier) * _ratio(outer, outside_share)
        return perfused_part + other_part, perfused_part

    def lesion(self, lesion: Lesion) -> Lesion:
        """A lesion with its viable and perfused parts on the voxels."""
        drawn, whole, inner = moved_once((lesion.drawn, lesion.viable, lesion.perfused), self.grid)
        viable, perfused = self.part(whole, inner)
        return replace(
            lesion,
            drawn=drawn,
            viable=self.region(lesion.viable, viable),
            perfused=self.region(lesion.perfused, perfused),
        )

    def optional(
        self, whole: Region | None, perfused: Region | None
    ) -> tuple[Region | None, Region | None]:
        """Necrosis or organs, where there are any."""
        if whole is None:
            return None, None
        moved = moved_once([r for r in (whole, perfused) if r is not None], self.grid)
        everywhere, inside = self.part(moved[0], moved[1] if perfused is not None else None)
        return self.region(whole, everywhere), (
            self.region(perfused, inside) if perfused is not None else None
        )

    def region(self, like: Region, fractions: Fractions) -> Region:
        """A region named as `like`, from fractions on the liver's box."""
        values = np.clip(fractions, 0.0, 1.0)
        return replace(like, grid=self.grid, box=self._box, fractions=values).trimmed()

    def on_box(self, region: Region) -> Fractions:
        """Fractions of a region of this grid on the liver's box."""
        return region.fractions_on(self._box)


def moved_once(regions: Sequence[Region], grid: Grid) -> list[Region]:
    """Each region on another grid; those that hold the same voxels are resampled once."""
    moved: list[Region] = []
    for index, region in enumerate(regions):
        same = next((n for n in range(index) if _same_voxels(regions[n], region)), None)
        if same is None:
            moved.append(region.onto(grid))
        else:
            there = moved[same]
            moved.append(replace(region, grid=grid, box=there.box, fractions=there.fractions))
    return moved


def _same_voxels(a: Region, b: Region) -> bool:
    return a.grid == b.grid and a.box == b.box and np.array_equal(a.fractions, b.fractions)


def fullest(fractions: Fractions, within: Fractions | None = None, *, least: int = 0) -> Fractions:
    """1 in the fullest voxels, as many as the fractions add up to, 0 elsewhere.

    Of voxels that are equally full at the border, every so many-th is taken; none outside `within`,
    and at least so many where so many are touched.
    """
    wanted = max(round(float(fractions.sum(dtype=np.float64))), least)
    if within is not None:
        fractions = fractions * within
    wanted = min(wanted, int(np.count_nonzero(fractions)))
    whole = np.zeros(fractions.shape, dtype=np.float32)
    if wanted == 0:
        return whole
    last = np.partition(fractions, -wanted, axis=None)[-wanted]
    whole[fractions > last] = 1.0
    equal = np.flatnonzero(fractions == last)
    missing = wanted - int(np.count_nonzero(whole))
    whole.flat[equal[np.linspace(0, equal.size - 1, missing).round().astype(int)]] = 1.0
    return whole


def _ratio(part: Fractions | float, whole: Fractions) -> Fractions:
    """``part / whole`` between 0 and 1; zero where there is nothing to share."""
    share = np.zeros_like(whole)
    np.divide(part, whole, out=share, where=whole > 1e-6)
    return np.clip(share, 0.0, 1.0, out=share)


def _sum(frame: _Frame, regions: list[Region], *others: Region | None) -> Fractions:
    """Fractions of several parts that do not overlap, on the liver's box."""
    total = np.zeros_like(frame.liver)
    for region in (*regions, *others):
        if region is not None:
            total += frame.on_box(region)
    return np.minimum(total, 1.0, out=total)
