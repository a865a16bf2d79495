"""A grid as DICOM planes: frames in increasing order along the image normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.errors import GridMismatchError
from opensirt.image import Grid

__all__ = ["DicomPlanes", "decimal"]

FloatArray = npt.NDArray[np.float64]


def decimal(value: float) -> str:
    """A number as a DICOM decimal string: 16 characters at most, no more than 10 digits."""
    text = f"{value:.10g}"
    if len(text) > 16:
        text = f"{value:.8g}"
    return "0" if float(text) == 0 else text


@dataclass(frozen=True, slots=True)
class DicomPlanes:
    """How the voxels of a `Grid` are laid out as frames.

    DICOM takes the direction from frame to frame from the cross product of the row and column
    directions. A grid that runs the other way along its slices is written with its slices
    reversed; `arrange` does the same to the values, so that nothing moves in the patient.

    Parameters
    ----------
    grid : Grid
        The grid after any reversal: right-handed, slices along the image normal.
    reversed : bool
        True where slice 0 of the caller's grid is the last frame.
    """

    grid: Grid
    reversed: bool

    @classmethod
    def of(cls, grid: Grid) -> DicomPlanes:
        """The planes of a grid.

        Raises
        ------
        GridMismatchError
            When the grid is sheared: DICOM dose and segmentation frames stack along their normal.
        """
        if not grid.is_orthogonal:
            raise GridMismatchError(
                f"expected a grid with right angles for DICOM frames, got the sheared {grid}; "
                "resample it first with volume.onto(grid)"
            )
        along, down, across = grid.directions
        if float(np.cross(across, down) @ along) > 0:
            return cls(grid, False)
        matrix = grid.matrix
        matrix[:3, 3] = grid.to_patient((grid.shape[0] - 1, 0, 0))
        matrix[:3, 0] = -matrix[:3, 0]
        return cls(Grid.from_matrix(grid.shape, matrix), True)

    def arrange(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """A view of values (slice, row, column) on the caller's grid, in frame order."""
        return values[::-1] if self.reversed else values

    def frame_of(self, slice_index: int) -> int:
        """Frame number from 0 of a slice of the caller's grid."""
        return self.grid.shape[0] - 1 - slice_index if self.reversed else slice_index

    @property
    def normal(self) -> FloatArray:
        """Unit vector from frame to frame."""
        return np.asarray(self.grid.directions[0])

    @property
    def orientation(self) -> list[str]:
        """ImageOrientationPatient: direction along a row, then down a column."""
        _, down, across = self.grid.directions
        return [decimal(round(float(v), 10)) for v in (*across, *down)]

    @property
    def pixel_spacing(self) -> list[str]:
        """PixelSpacing: between rows, then between columns, mm."""
        return [decimal(v) for v in self.grid.spacing_mm[1:]]

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between neighbouring frames, mm."""
        return self.grid.spacing_mm[0]

    def position_mm(self, frame: int) -> FloatArray:
        """Centre of the first voxel of a frame, patient (x, y, z), mm."""
        return self.grid.to_patient((frame, 0, 0))

    def position(self, frame: int) -> list[str]:
        """ImagePositionPatient of a frame."""
        return [decimal(float(v)) for v in self.position_mm(frame)]

    @property
    def offsets(self) -> list[str]:
        """GridFrameOffsetVector, relative to the first frame, mm."""
        return [decimal(i * self.slice_spacing_mm) for i in range(self.grid.shape[0])]
