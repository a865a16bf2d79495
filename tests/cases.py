"""A small made-up case in memory, with numbers that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from opensirt.case import Assumptions, Case, Patient, StudyImage
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.phantoms.coverage import coverage
from opensirt.phantoms.shapes import Ellipsoid
from opensirt.units import Unit

SPACING_MM = (4.0, 4.0, 4.0)
SHAPE = (66, 58, 66)
OUTLINE_MM = (2.0, 2.0, 2.0)
LIVER_HU, LUNG_HU = 55.0, -740.0
UPTAKE = {"liver": 100.0, "Tumour A": 500.0, "Tumour B": 300.0, "lungs": 12.0}
"""Counts per voxel."""
BLUR_MM = 5.0
"""Standard deviation of the SPECT's blur, about 12 mm full width at half maximum."""


def grid(spacing_mm: Sequence[float] = SPACING_MM) -> Grid:
    """A grid over the whole patient, centred at the origin, with voxels of another size."""
    length_mm = np.multiply(SHAPE, SPACING_MM)
    shape = np.rint(length_mm / spacing_mm).astype(int)
    origin = -(shape - 1) / 2 * np.asarray(spacing_mm)
    return Grid.regular(shape.tolist(), spacing_mm, origin[::-1].tolist())


def ellipsoid(
    on: Grid, centre_mm: tuple[float, float, float], radii_mm: tuple[float, float, float]
) -> npt.NDArray[np.float32]:
    """The share of every voxel inside an ellipsoid, centre and radii along (x, y, z)."""
    box, fractions = coverage(Ellipsoid(centre_mm, radii_mm), on)
    whole = np.zeros(on.shape, np.float32)
    whole[box] = fractions
    return whole


def outlines(on: Grid) -> Regions:
    """Liver with two tumours, its right part perfused, and lungs above."""
    liver = Region.from_mask("liver", "liver", ellipsoid(on, (0, 0, -25), (100, 80, 68)), on)
    right = Region.from_mask("half", "perfused", ellipsoid(on, (-60, 0, -25), (85, 95, 90)), on)
    lungs = ellipsoid(on, (-60, 5, 80), (45, 70, 34)) + ellipsoid(on, (60, 5, 80), (45, 70, 34))
    return Regions(
        (
            liver,
            (liver & right).named("perfused right", "perfused"),
            Region.from_mask("Tumour A", "tumour", ellipsoid(on, (-50, 12, -15), (26, 26, 26)), on),
            Region.from_mask(
                "Tumour B", "tumour", ellipsoid(on, (-12, -28, -42), (20, 18, 19)), on
            ),
            Region.from_mask("lungs", "lungs", np.minimum(lungs, 1.0), on),
        )
    )


def images(regions: Regions) -> tuple[StudyImage, StudyImage]:
    """A CT and a SPECT of these regions, on their grid; the SPECT is blurred and has no noise."""
    on = regions["liver"].grid
    hu = np.full(on.shape, -100.0, np.float32)
    counts = np.zeros(on.shape, np.float32)
    perfused = regions["perfused right"].whole()
    for name, value in (("liver", LIVER_HU), ("lungs", LUNG_HU)):
        share = regions[name].whole()
        hu += share * (value - hu)
    counts += perfused * UPTAKE["liver"] + regions["lungs"].whole() * UPTAKE["lungs"]
    for name in ("Tumour A", "Tumour B"):
        share = regions[name].whole() * perfused
        counts += share * (UPTAKE[name] - counts)
    counts = gaussian_filter(counts, [BLUR_MM / step for step in on.spacing_mm])
    ct = StudyImage("ct", Volume(hu, on, Unit.HU), "CT", modality="CT")
    spect = Volume(counts, on, Unit.COUNTS, nuclide="tc99m")
    return ct, StudyImage("planning-activity", spect, "MAA SPECT", modality="NM")


def small_case(with_ct: bool = True) -> Case:
    ct, spect = images(outlines(grid()))
    regions = outlines(grid(OUTLINE_MM))
    return Case(
        id="small",
        images=(ct, spect) if with_ct else (spect,),
        regions=regions,
        assumptions=Assumptions(1.06, 0.05, 1000.0),
        patient=Patient("F", 165.0, 64.0),
    )


def moved(case: Case, matrix: npt.NDArray[np.float64]) -> Case:
    """The same patient elsewhere: every affine multiplied by a 4 x 4 patient-space matrix."""

    def place(on: Grid) -> Grid:
        return Grid.from_matrix(on.shape, matrix @ on.matrix)

    return replace(
        case,
        images=tuple(
            replace(image, volume=replace(image.volume, grid=place(image.volume.grid)))
            for image in case.images
        ),
        regions=Regions(tuple(replace(r, grid=place(r.grid)) for r in case.regions)),
    )
