"""Where voxels lie in the patient: shape and affine, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError
from opensirt.units import ML_PER_MM3

__all__ = ["Grid"]

FloatArray = npt.NDArray[np.float64]

SAME_PLACE_MM = 1e-2
"""Corners of two grids closer than this are the same place (files round coordinates)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular voxel grid in DICOM patient space.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels along (slice, row, column), the axes of every array in opensirt.
    affine : 4 x 4 nested tuple of float
        Maps homogeneous voxel indices (slice, row, column, 1), taken at voxel centres, to patient
        coordinates (x, y, z, 1) in mm, LPS. Make it with `from_directions` or `regular`.
    """

    shape: tuple[int, int, int]
    affine: tuple[tuple[float, float, float, float], ...]

    def __post_init__(self) -> None:
        matrix = np.asarray(self.affine, dtype=np.float64)
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise InputError(f"a grid needs three positive sizes, got {self.shape}")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InputError("a grid needs a finite 4 x 4 affine")
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
            raise InputError(
                "the grid's affine is singular: two axes coincide or a spacing is zero"
            )

    @classmethod
    def from_matrix(cls, shape: Sequence[int], matrix: npt.ArrayLike) -> Grid:
        """A grid from a 4 x 4 array-like affine."""
        rows = np.asarray(matrix, dtype=np.float64)
        size = tuple(int(n) for n in shape)
        return cls(size, tuple(tuple(float(v) for v in row) for row in rows))  # type: ignore[arg-type, misc]

    @classmethod
    def from_directions(
        cls,
        shape: Sequence[int],
        spacing_mm: Sequence[float],
        origin_mm: Sequence[float],
        directions: npt.ArrayLike,
    ) -> Grid:
        """A grid from per-axis spacing and unit vectors.

        `directions` is 3 x 3; its row *i* is the patient direction of array axis *i*, so that row 0
        points from slice to slice. `origin_mm` is the centre of voxel (0, 0, 0).
        """
        matrix = np.eye(4)
        unit_vectors = np.asarray(directions, dtype=np.float64)
        matrix[:3, :3] = (unit_vectors * np.asarray(spacing_mm, dtype=np.float64)[:, None]).T
        matrix[:3, 3] = origin_mm
        return cls.from_matrix(shape, matrix)

    @classmethod
    def regular(
        cls,
        shape: Sequence[int],
        spacing_mm: Sequence[float],
        origin_mm: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> Grid:
        """An axial grid: slices along +z, rows along +y, columns along +x."""
        return cls.from_directions(shape, spacing_mm, origin_mm, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])

    @property
    def matrix(self) -> FloatArray:
        """The affine as a fresh 4 x 4 array."""
        return np.asarray(self.affine, dtype=np.float64)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along (slice, row, column), mm."""
        lengths = np.linalg.norm(self.matrix[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def origin_mm(self) -> tuple[float, float, float]:
        """Patient (x, y, z) of the centre of voxel (0, 0, 0), mm."""
        x, y, z = self.matrix[:3, 3]
        return float(x), float(y), float(z)

    @property
    def directions(self) -> FloatArray:
        """3 x 3; row *i* is the unit vector of array axis *i* in patient space."""
        columns = self.matrix[:3, :3]
        return np.asarray((columns / np.linalg.norm(columns, axis=0)).T)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel, mL; right for sheared grids too."""
        return float(abs(np.linalg.det(self.matrix[:3, :3]))) * ML_PER_MM3

    @property
    def is_orthogonal(self) -> bool:
        """False for a sheared grid, such as slices stacked along a tilted gantry."""
        axes = self.directions
        return bool(np.abs(axes @ axes.T - np.eye(3)).max() < 1e-4)

    def straightened(self) -> tuple[Grid, float]:
        """The nearest right-angled grid about the same centre, and how far a corner moves, mm."""
        left, _, right = np.linalg.svd(self.directions)
        directions = left @ right
        last = np.array(self.shape) - 1
        centre = self.to_patient(last / 2)
        matrix = np.eye(4)
        matrix[:3, :3] = (directions * np.asarray(self.spacing_mm)[:, None]).T
        matrix[:3, 3] = centre - matrix[:3, :3] @ (last / 2)
        straight = Grid.from_matrix(self.shape, matrix)
        ends = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).T.reshape(-1, 3) * last
        moved = np.linalg.norm(straight.to_patient(ends) - self.to_patient(ends), axis=1)
        return straight, float(moved.max())

    def to_patient(self, indices: npt.ArrayLike) -> FloatArray:
        """Patient (x, y, z), mm, of voxel indices (..., 3), which may be fractional."""
        points = np.asarray(indices, dtype=np.float64)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def to_index(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Fractional voxel indices (..., 3) of patient points (..., 3), mm."""
        inverse = np.linalg.inv(self.matrix)
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])

    def crop(self, box: tuple[slice, slice, slice]) -> Grid:
        """The part of this grid inside a box of unit-step index slices."""
        start = [s.indices(n)[0] for s, n in zip(box, self.shape, strict=True)]
        stop = [s.indices(n)[1] for s, n in zip(box, self.shape, strict=True)]
        matrix = self.matrix
        matrix[:3, 3] = self.to_patient(start)
        return Grid.from_matrix([b - a for a, b in zip(start, stop, strict=True)], matrix)

    def matches(self, other: Grid) -> bool:
        """True where both grids have one shape and all corners within `SAME_PLACE_MM`."""
        if self.shape != other.shape:
            return False
        last = np.asarray(self.shape) - 1
        corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).T.reshape(-1, 3) * last
        gap = np.abs(self.to_patient(corners) - other.to_patient(corners))
        return bool(gap.max() < SAME_PLACE_MM)

    def __str__(self) -> str:
        size = " x ".join(str(n) for n in self.shape)
        step = " x ".join(f"{s:.4g}" for s in self.spacing_mm)
        place = ", ".join(f"{o:.5g}" for o in self.origin_mm)
        return f"{size} voxels of {step} mm at ({place}) mm"
