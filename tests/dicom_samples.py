"""Grids, doses and regions that the tests of written DICOM objects share."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from opensirt.case import Case, StudyImage
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.io.dicom_common import DicomContext
from opensirt.io.dicom_dose import DoseVolumeHistogram
from opensirt.io.dicom_report import RegionMeasurement
from opensirt.units import Unit

SHAPE = (9, 14, 13)
"""Planes of 182 voxels, which end in the middle of a byte of bits."""
SPACING_MM = (3.0, 1.5, 2.25)
ORIGIN_MM = (-31.5, 42.25, 17.125)
CREATED = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rotation by angles (radian) about x, then y, then z."""
    cx, cy, cz = np.cos((x, y, z))
    sx, sy, sz = np.sin((x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


AXIAL = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float)
DIRECTIONS = {
    "axial": AXIAL,
    "slices-downwards": AXIAL * [[-1], [1], [1]],
    "rows-reversed": AXIAL * [[1], [-1], [1]],
    "columns-reversed": AXIAL * [[1], [1], [-1]],
    "all-reversed": -AXIAL,
    "sagittal": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=float),
    "coronal": np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], dtype=float),
    "oblique": AXIAL @ rotation(0.3, -0.4, 0.7).T,
    "oblique-left-handed": (AXIAL @ rotation(-0.2, 0.5, 0.1).T) * [[-1], [1], [1]],
}
GRIDS = {
    name: Grid.from_directions(SHAPE, SPACING_MM, ORIGIN_MM, directions)
    for name, directions in DIRECTIONS.items()
}


def sample_dose(grid: Grid, high_gy: float = 260.0) -> Volume:
    """Every voxel its own dose, so that a swapped axis cannot pass."""
    rng = np.random.default_rng(7)
    values = rng.uniform(0.0, high_gy, grid.shape).astype(np.float32)
    values.flat[5] = high_gy
    return Volume(values, grid, Unit.GY)


def sample_regions(grid: Grid) -> Regions:
    """A liver with a hole through it, the tumour in the hole, a lung, and a too small lesion."""
    s, r, c = np.indices(grid.shape)
    rows, columns = (grid.shape[1] - 1) / 2, (grid.shape[2] - 1) / 2
    radius = np.hypot((r - rows) / 5.5, (c - columns) / 5.0)
    liver = (radius <= 1) & (radius > 0.4) & (s >= 1) & (s <= 6)
    tumour = (radius <= 0.4) & (s >= 2) & (s <= 5)
    lung = (c <= 2) & (r <= 3) & (s >= 5)
    speck = ((s == 4) & (r == 7) & (c == 6)) * 0.25
    return Regions(
        (
            Region.from_mask("liver", "liver", liver, grid),
            Region.from_mask("tumour 1", "tumour", tumour, grid),
            Region.from_mask("left lung", "lung-left", lung, grid),
            Region.from_mask("speck", "tumour", speck, grid),
        )
    )


def source_image(grid: Grid) -> StudyImage:
    """A CT of one instance per slice, as a reader would give it."""
    return StudyImage(
        role="ct",
        volume=Volume(np.zeros(grid.shape, np.float32), grid, Unit.HU),
        label="CT",
        modality="CT",
        series_uid="1.2.3.4",
        frame_of_reference_uid="1.2.3.5",
        study_uid="1.2.3.6",
        instance_uids=tuple(f"1.2.3.7.{i}" for i in range(grid.shape[0])),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    )


def sample_context(grid: Grid | None = None) -> DicomContext:
    """A repeatable context, with a CT as source where a grid is given."""
    image = source_image(grid) if grid is not None else None
    return DicomContext.for_case(
        Case(id="case-1"), image=image, uid_seed="seed of the tests", created=CREATED
    )


def sample_histograms() -> list[DoseVolumeHistogram]:
    """One triangular histogram: volume falls evenly from 40 mL at 0 Gy to 0 at 200 Gy."""
    dose = np.linspace(0.0, 200.0, 101)
    return [DoseVolumeHistogram("liver", dose, 40.0 * (1 - dose / 200.0), 100.0, 0.0, 200.0)]


def sample_measurements() -> dict[str, list[RegionMeasurement]]:
    """Numbers of two regions."""
    return {
        "liver": [
            RegionMeasurement("volume", 40.0, "mL"),
            RegionMeasurement("mean-absorbed-dose", 51.25, "Gy"),
            RegionMeasurement("d70", 33.5, "Gy"),
            RegionMeasurement("activity-fraction", 0.625, "1"),
        ],
        "tumour 1": [
            RegionMeasurement("mean-absorbed-dose", 201.5, "Gy"),
            RegionMeasurement("bed", 250.0, "Gy"),
        ],
    }
