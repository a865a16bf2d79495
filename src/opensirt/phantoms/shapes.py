"""Analytic shapes, and how much of each voxel of a grid they cover.

A shape is a level function of patient coordinates: negative inside, zero on the surface, positive
outside, in mm, and never steeper than one. Its size at a point is therefore a lower bound of the
distance to the surface, so that one look at a voxel's centre tells most voxels wholly in or out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "Cylinder", "Ellipsoid", "HalfSpace", "Shape", "rotation_matrix", "smooth_union"]

Array = npt.NDArray[np.float32]
Point = tuple[float, float, float]
Bounds = tuple[Point, Point]
EVERYWHERE: Bounds = ((-np.inf,) * 3, (np.inf,) * 3)
UPRIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


class Shape(ABC):
    """A solid in patient space; combine with ``|`` (or), ``&`` (and), ``-`` (without)."""

    @abstractmethod
    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """Level at patient points (mm, arrays that broadcast), negative inside."""

    @property
    @abstractmethod
    def bounds_mm(self) -> Bounds:
        """Lowest and highest (x, y, z) that the shape can reach, mm; infinite where open."""

    def level_at(self, point_mm: Sequence[float]) -> float:
        """Level at one patient point (x, y, z), mm."""
        x, y, z = (np.asarray(v, dtype=np.float64) for v in point_mm)
        return float(self.level_mm(x, y, z))  # type: ignore[arg-type]

    def grown(self, margin_mm: float) -> Shape:
        """The shape with its level moved out by at least `margin_mm` (in, where negative)."""
        return _Grown(self, margin_mm)

    def __or__(self, other: Shape) -> Shape:
        return _Union(self, other)

    def __and__(self, other: Shape) -> Shape:
        return _Intersection(self, other)

    def __sub__(self, other: Shape) -> Shape:
        return _Difference(self, other)


@dataclass(frozen=True, slots=True)
class Ellipsoid(Shape):
    """All points with ``|u/a|^p + |v/b|^p + |w/c|^p <= 1``; p = 2 is the ellipsoid, more is boxier.

    Parameters
    ----------
    centre_mm, radii_mm : (x, y, z)
        Centre and half axes ``a, b, c``, mm.
    power : float
        Exponent ``p``, at least 2.
    axes : three unit vectors
        Patient directions of the half axes; see `rotation_matrix`.
    """

    centre_mm: Point
    radii_mm: Point
    power: float = 2.0
    axes: tuple[Point, Point, Point] = UPRIGHT

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """``(q - 1) * shortest half axis``, with ``q`` the p-norm of the scaled coordinates."""
        x, y, z = x - self.centre_mm[0], y - self.centre_mm[1], z - self.centre_mm[2]
        total: npt.NDArray[np.floating[Any]] | float = 0.0
        for axis, radius in zip(self.axes, self.radii_mm, strict=True):
            along = _dot((x, y, z), axis) / np.float32(radius)
            total = total + (along * along if self.power == 2 else np.abs(along) ** self.power)
        norm = np.sqrt(total) if self.power == 2 else np.asarray(total) ** (1 / self.power)
        return np.asarray((norm - 1) * np.float32(min(self.radii_mm)))

    @property
    def bounds_mm(self) -> Bounds:
        """Exact for p = 2 and for upright shapes, wider than needed for other turned ones."""
        scaled = np.abs(np.asarray(self.axes)) * np.asarray(self.radii_mm)[:, None]
        reach = np.sqrt((scaled**2).sum(axis=0)) if self.power == 2 else scaled.sum(axis=0)
        return _bounds(np.asarray(self.centre_mm) - reach, np.asarray(self.centre_mm) + reach)

    @property
    def volume_ml(self) -> float:
        """Exact volume of the ellipsoid (power 2), mL."""
        return float(4 / 3 * np.pi * np.prod(self.radii_mm)) * 1e-3


@dataclass(frozen=True, slots=True)
class Box(Shape):
    """A box along the patient axes: centre and full sizes (x, y, z), mm."""

    centre_mm: Point
    size_mm: Point

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """The largest of the three distances from the centre, less the half sizes."""
        gaps = [
            np.abs(v - c) - np.float32(s / 2)
            for v, c, s in zip((x, y, z), self.centre_mm, self.size_mm, strict=True)
        ]
        return np.asarray(np.maximum(np.maximum(gaps[0], gaps[1]), gaps[2]))

    @property
    def bounds_mm(self) -> Bounds:
        """The box itself."""
        half = np.asarray(self.size_mm) / 2
        return _bounds(np.asarray(self.centre_mm) - half, np.asarray(self.centre_mm) + half)


@dataclass(frozen=True, slots=True)
class Cylinder(Shape):
    """A cylinder along z with an elliptic (or, with a higher power, boxier) section.

    Parameters
    ----------
    centre_mm : (x, y, z)
    radii_mm : (x, y)
        Half axes of the section.
    length_mm : float
        Full length along z; may be infinite.
    power : float
        Exponent of the section's outline, at least 2.
    """

    centre_mm: Point
    radii_mm: tuple[float, float]
    length_mm: float
    power: float = 2.0

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """The larger of the level of the section and that of the two ends."""
        across = np.abs(x - self.centre_mm[0]) / np.float32(self.radii_mm[0])
        deep = np.abs(y - self.centre_mm[1]) / np.float32(self.radii_mm[1])
        if self.power == 2:
            norm = np.sqrt(across * across + deep * deep)
        else:
            norm = (across**self.power + deep**self.power) ** (1 / self.power)
        ends = np.abs(z - self.centre_mm[2]) - np.float32(self.length_mm / 2)
        return np.asarray(np.maximum((norm - 1) * np.float32(min(self.radii_mm)), ends))

    @property
    def bounds_mm(self) -> Bounds:
        """The box around the cylinder."""
        reach = np.asarray([*self.radii_mm, self.length_mm / 2])
        return _bounds(np.asarray(self.centre_mm) - reach, np.asarray(self.centre_mm) + reach)


@dataclass(frozen=True, slots=True)
class HalfSpace(Shape):
    """Everything behind a plane: `normal` points out of the shape, through `point_mm`."""

    point_mm: Point
    normal: Point

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance to the plane."""
        direction = np.asarray(self.normal) / np.linalg.norm(self.normal)
        offset = float(direction @ np.asarray(self.point_mm))
        return np.asarray(_dot((x, y, z), direction) - np.float32(offset))

    @property
    def bounds_mm(self) -> Bounds:
        """Bounded only where the plane is square to an axis."""
        low, high = np.full(3, -np.inf), np.full(3, np.inf)
        used = np.flatnonzero(self.normal)
        if used.size == 1:
            axis = int(used[0])
            (high if self.normal[axis] > 0 else low)[axis] = self.point_mm[axis]
        return _bounds(low, high)


@dataclass(frozen=True, slots=True)
class _Grown(Shape):
    shape: Shape
    margin_mm: float

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        return np.asarray(self.shape.level_mm(x, y, z) - np.float32(self.margin_mm))

    @property
    def bounds_mm(self) -> Bounds:
        """Open: a level that rises slowly may reach far; use it to cut other shapes."""
        return EVERYWHERE if self.margin_mm > 0 else self.shape.bounds_mm


@dataclass(frozen=True, slots=True)
class _Union(Shape):
    a: Shape
    b: Shape

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        return np.minimum(self.a.level_mm(x, y, z), self.b.level_mm(x, y, z))

    @property
    def bounds_mm(self) -> Bounds:
        a, b = self.a.bounds_mm, self.b.bounds_mm
        return _bounds(np.minimum(a[0], b[0]), np.maximum(a[1], b[1]))


@dataclass(frozen=True, slots=True)
class _Intersection(Shape):
    a: Shape
    b: Shape

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        return np.maximum(self.a.level_mm(x, y, z), self.b.level_mm(x, y, z))

    @property
    def bounds_mm(self) -> Bounds:
        a, b = self.a.bounds_mm, self.b.bounds_mm
        return _bounds(np.maximum(a[0], b[0]), np.minimum(a[1], b[1]))


@dataclass(frozen=True, slots=True)
class _Difference(Shape):
    a: Shape
    b: Shape

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        return np.maximum(self.a.level_mm(x, y, z), -self.b.level_mm(x, y, z))

    @property
    def bounds_mm(self) -> Bounds:
        return self.a.bounds_mm


@dataclass(frozen=True, slots=True)
class _SmoothUnion(Shape):
    a: Shape
    b: Shape
    blend_mm: float

    def level_mm(self, x: Array, y: Array, z: Array) -> Array:
        a, b = self.a.level_mm(x, y, z), self.b.level_mm(x, y, z)
        near = np.maximum(self.blend_mm - np.abs(a - b), 0) / np.float32(self.blend_mm)
        return np.asarray(np.minimum(a, b) - near * near * np.float32(self.blend_mm / 4))

    @property
    def bounds_mm(self) -> Bounds:
        """The hull of both, widened by the reach of the fillet, in mm of level."""
        a, b = self.a.bounds_mm, self.b.bounds_mm
        low = np.minimum(a[0], b[0]) - self.blend_mm
        return _bounds(low, np.maximum(a[1], b[1]) + self.blend_mm)


def smooth_union(a: Shape, b: Shape, blend_mm: float) -> Shape:
    """Both shapes with a fillet where their levels differ by less than `blend_mm`."""
    return _SmoothUnion(a, b, blend_mm)


def rotation_matrix(axis: str, degrees: float) -> tuple[Point, Point, Point]:
    """Rows are the patient directions of axes turned right-handedly about "x", "y" or "z"."""
    cos, sin = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    if axis == "x":
        return (1.0, 0.0, 0.0), (0.0, cos, sin), (0.0, -sin, cos)
    if axis == "y":
        return (cos, 0.0, -sin), (0.0, 1.0, 0.0), (sin, 0.0, cos)
    if axis == "z":
        return (cos, sin, 0.0), (-sin, cos, 0.0), (0.0, 0.0, 1.0)
    raise ValueError(f"expected axis x, y or z, got {axis!r}")


def _dot(points: tuple[Array, Array, Array], direction: npt.ArrayLike) -> Array:
    """Sum of products that skips zero components, so that upright shapes stay cheap."""
    total: Array | float = 0.0
    for values, weight in zip(points, np.asarray(direction, dtype=float), strict=True):
        if weight != 0:
            total = total + values * np.float32(weight)
    return np.asarray(total)


def _bounds(low: npt.ArrayLike, high: npt.ArrayLike) -> Bounds:
    a, b = (np.asarray(v, dtype=float).tolist() for v in (low, high))
    return (a[0], a[1], a[2]), (b[0], b[1], b[2])
