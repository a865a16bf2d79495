"""Lesions of a digital liver: sizes, places, uptake and necrosis, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from opensirt.errors import InputError
from opensirt.phantoms.shapes import Ellipsoid, Point, Shape

__all__ = ["Lesion", "LesionMix", "lesion_diameters_mm", "place_lesions"]

EDGE_MM, GAP_MM = 2.0, 2.5
"""Least normal liver around a lesion, and between two."""
ROUND_BELOW_MM = 15.0
ASPECT = 0.13
"""Largest relative change of a half axis of lesions that are not round."""
MOST_TRIES, TRIES_AT_ONCE = 204_800, 512


@dataclass(frozen=True, slots=True)
class LesionMix:
    """What the lesions are like; numbers from ``tables/phantoms.toml``."""

    count: int
    smallest_mm: float
    largest_mm: float
    uptake_mean: float
    uptake_sd: float
    uptake_low: float
    uptake_high: float
    necrosis_from_mm: float
    core_scale: float


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion: an ellipsoid, its uptake relative to normal liver and its necrotic core."""

    name: str
    shape: Ellipsoid
    diameter_mm: float
    """Of the sphere of the same volume."""
    uptake: float
    core: Ellipsoid | None
    in_first_territory: bool


def lesion_diameters_mm(count: int, smallest_mm: float, largest_mm: float) -> list[float]:
    """Largest first: even quantiles of a log-normal law, from `smallest_mm` to `largest_mm`."""
    if count < 2:
        return [largest_mm]
    quantiles = ndtri((np.arange(count) + 0.5) / count)
    share = (quantiles - quantiles[0]) / (quantiles[-1] - quantiles[0])
    sizes = smallest_mm * (largest_mm / smallest_mm) ** share
    return [float(size) for size in sizes[::-1]]


def place_lesions(
    liver: Shape, first_territory: Shape, mix: LesionMix, seed: int
) -> tuple[Lesion, ...]:
    """Lesions wholly inside the liver and one territory, apart from each other, largest first.

    Raises
    ------
    InputError
        When the lesions do not fit into the liver.
    """
    rng = np.random.default_rng(seed)
    placed: list[Lesion] = []
    for number, diameter in enumerate(
        lesion_diameters_mm(mix.count, mix.smallest_mm, mix.largest_mm), start=1
    ):
        radii = _radii(diameter, rng)
        centre, first = _free_place(liver, first_territory, max(radii), placed, rng)
        uptake = float(
            np.clip(rng.normal(mix.uptake_mean, mix.uptake_sd), mix.uptake_low, mix.uptake_high)
        )
        has_core = diameter >= mix.necrosis_from_mm and number % 2 == 1
        core = Ellipsoid(centre, _scaled(radii, mix.core_scale)) if has_core else None
        placed.append(
            Lesion(
                name=f"Tumour {number}",
                shape=Ellipsoid(centre, radii),
                diameter_mm=diameter,
                uptake=uptake,
                core=core,
                in_first_territory=first,
            )
        )
    return tuple(placed)


def _radii(diameter_mm: float, rng: np.random.Generator) -> Point:
    """Half axes with the volume of a sphere; small lesions stay round."""
    first, second = 1 + ASPECT * rng.uniform(-1, 1, 2)
    if diameter_mm < ROUND_BELOW_MM:
        first = second = 1.0
    half = diameter_mm / 2
    return float(half * first), float(half * second), float(half / (first * second))


def _scaled(radii: Point, factor: float) -> Point:
    return radii[0] * factor, radii[1] * factor, radii[2] * factor


def _free_place(
    liver: Shape, first: Shape, radius_mm: float, placed: Sequence[Lesion],
    rng: np.random.Generator,
) -> tuple[Point, bool]:  # fmt: skip
    """A random centre that keeps `radius_mm` clear of edges, territories and other lesions."""
    low, high = (np.asarray(v) for v in liver.bounds_mm)
    others: npt.NDArray[np.float64] = np.array(
        [[*lesion.shape.centre_mm, max(lesion.shape.radii_mm)] for lesion in placed]
    ).reshape(-1, 4)
    for _ in range(MOST_TRIES // TRIES_AT_ONCE):
        points = rng.uniform(low, high, (TRIES_AT_ONCE, 3))
        x, y, z = (points[:, axis].astype(np.float32) for axis in range(3))
        side = first.level_mm(x, y, z)
        good = (np.abs(side) > radius_mm + EDGE_MM) & (
            liver.level_mm(x, y, z) < -(radius_mm + EDGE_MM)
        )
        gaps = np.linalg.norm(others[None, :, :3] - points[:, None], axis=2) - others[:, 3]
        good &= (gaps > radius_mm + GAP_MM).all(axis=1)
        if good.any():
            found = int(np.argmax(good))
            cx, cy, cz = (round(float(v), 3) for v in points[found])
            return (cx, cy, cz), bool(side[found] < 0)
    raise InputError(
        f"a lesion of radius {radius_mm:.1f} mm does not fit into the liver after "
        f"{MOST_TRIES} tries; ask for fewer or smaller lesions"
    )
