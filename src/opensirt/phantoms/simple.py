"""Plain phantoms with answers that can be worked out by hand: uniform, sphere, nema-like, slabs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from opensirt.image import Grid, Regions
from opensirt.phantoms.imaging import default_spect, noisy_ct
from opensirt.phantoms.patient import (
    DigitalPatient,
    Part,
    concentration_maps,
    paint,
    patient_shape,
    volume_of,
)
from opensirt.phantoms.shapes import Box, Cylinder, Ellipsoid, HalfSpace
from opensirt.physics.tables import load_table
from opensirt.units import BQ_PER_GBQ, Unit

__all__ = ["make_nema_like", "make_slabs", "make_sphere", "make_uniform"]

Spacing = Sequence[float]
UNIFORM_MM, UNIFORM_SOURCE_MM = 200.0, 144.0  # faces on the voxel edges of 2, 3, 4 and 6 mm
SPHERE_WATER_MM, SPHERE_MM = 120.0, 30.0
NEMA_RADII_MM, NEMA_LENGTH_MM, NEMA_MARGIN_MM = (150.0, 115.0), 194.0, 10.0
SLAB_MM, SLABS_MM = 60.0, 120.0


def make_uniform(voxel_mm: Spacing = (4.0, 4.0, 4.0), seed: int = 1) -> DigitalPatient:
    """A water cube of 200 mm; its inner cube of 144 mm, the "liver", holds the activity evenly."""
    cube = Box((0.0, 0.0, 0.0), (UNIFORM_MM,) * 3)
    source = Box((0.0, 0.0, 0.0), (UNIFORM_SOURCE_MM,) * 3)
    parts = [Part("Body", cube, "water", 0.0, "body"), Part("Liver", source, "water", 1.0, "liver")]
    return _patient("uniform", parts, (UNIFORM_MM + 40,) * 3, voxel_mm, seed)


def make_sphere(
    voxel_mm: Spacing = (2.0, 2.0, 2.0), seed: int = 1, diameter_mm: float = SPHERE_MM
) -> DigitalPatient:
    """One sphere that holds all activity, in cold water of 120 mm."""
    side = max(SPHERE_WATER_MM, 2 * diameter_mm)
    water = Box((0.0, 0.0, 0.0), (side,) * 3)
    ball = Ellipsoid((0.0, 0.0, 0.0), (diameter_mm / 2,) * 3)
    parts = [
        Part("Body", water, "water", 0.0, "body"),
        Part("Liver", water, "water", 0.0, "liver"),
        Part("Tumour 1", ball, "water", 1.0, "tumour"),
    ]
    return _patient("sphere", parts, (side,) * 3, voxel_mm, seed)


def make_nema_like(voxel_mm: Spacing = (2.0, 2.0, 2.0), seed: int = 1) -> DigitalPatient:
    """Six hot spheres around a lung insert in a warm water body of about the NEMA section."""
    table = load_table("phantoms").rows["nema-like"][0]
    ratio = table.quantity("sphere_to_background").value
    circle_mm = table.quantity("sphere_circle_mm").value / 2
    insert_mm = table.quantity("lung_insert_mm").value / 2
    body = Cylinder((0.0, 0.0, 0.0), NEMA_RADII_MM, NEMA_LENGTH_MM, 2.3)
    insert = Cylinder((0.0, 0.0, 0.0), (insert_mm, insert_mm), NEMA_LENGTH_MM)
    parts = [
        Part("Body", body, "water", 0.0, "body"),
        Part("Lung insert", insert, "lung", 0.0, "lungs"),
        Part("Background", body - insert, "water", 1.0, "liver"),
    ]
    for index, diameter in enumerate(table.quantity("sphere_diameter_mm").values):
        angle = math.radians(60 * index)
        centre = (circle_mm * math.cos(angle), circle_mm * math.sin(angle), 0.0)
        ball = Ellipsoid(centre, (diameter / 2,) * 3)
        parts.append(Part(f"Sphere {diameter:g} mm", ball, "water", ratio, "tumour"))
    size = (NEMA_LENGTH_MM, 2 * NEMA_RADII_MM[1], 2 * NEMA_RADII_MM[0])
    return _patient("nema-like", parts, [s + 2 * NEMA_MARGIN_MM for s in size], voxel_mm, seed)


def make_slabs(voxel_mm: Spacing = (2.0, 2.0, 2.0), seed: int = 1) -> DigitalPatient:
    """Lung, active soft tissue and bone side by side along x, 60 mm each, to test interfaces."""
    whole = Box((0.0, 0.0, 0.0), (3 * SLAB_MM, SLABS_MM, SLABS_MM))
    left = HalfSpace((-SLAB_MM / 2, 0.0, 0.0), (1.0, 0.0, 0.0))
    right = HalfSpace((SLAB_MM / 2, 0.0, 0.0), (-1.0, 0.0, 0.0))
    parts = [
        Part("Body", whole, "soft-tissue", 0.0, "body"),
        Part("Lung slab", whole & left, "lung", 0.0, "lungs"),
        Part("Bone slab", whole & right, "bone", 0.0, "other"),
        Part("Soft slab", whole - left - right, "soft-tissue", 1.0, "liver"),
    ]
    return _patient("slabs", parts, (SLABS_MM, SLABS_MM, 3 * SLAB_MM), voxel_mm, seed)


def _patient(
    name: str, parts: list[Part], size_mm: Sequence[float], voxel_mm: Spacing, seed: int
) -> DigitalPatient:
    """A digital patient without a lung shunt, on a grid centred at the origin."""
    step = np.asarray(voxel_mm, dtype=float)
    shape = patient_shape(size_mm, voxel_mm)
    first = -(shape - 1) / 2 * step
    grid = Grid.regular(shape.tolist(), step.tolist(), first[::-1].tolist())
    painting = paint(grid, parts)
    regions = Regions(painting.regions)
    per_ml, unit_per_ml = concentration_maps(painting, None, 0.0)
    injected_bq = default_spect().injected_bq
    return DigitalPatient(
        name=name,
        ct=noisy_ct(volume_of(painting.hu, grid, Unit.HU), seed=seed),
        density=volume_of(painting.density, grid, Unit.G_PER_ML),
        activity=volume_of(
            per_ml * np.float32(BQ_PER_GBQ), grid, Unit.BQ_PER_ML, "y90", BQ_PER_GBQ
        ),
        tracer=volume_of(
            per_ml * np.float32(injected_bq), grid, Unit.BQ_PER_ML, "tc99m", injected_bq
        ),
        regions=regions,
        truth={
            "name": name,
            "seed": seed,
            "voxel_mm": list(grid.spacing_mm),
            "injected_bq": BQ_PER_GBQ,
            "lung_shunt_fraction": 0.0,
            **_truth(parts, regions, unit_per_ml),
        },
    )


def _truth(parts: list[Part], regions: Regions, unit_per_ml: float) -> dict[str, Any]:
    """What each part holds; a part that a later one lies in counts with what is in it."""
    warm = min((part.uptake for part in parts if part.uptake > 0), default=1.0)
    tumours, rows = [], []
    for part in parts:
        volume_ml = regions[part.name].volume_ml
        row: dict[str, Any] = {
            "name": part.name, "role": part.role, "volume_ml": volume_ml,
            "mass_g": volume_ml * part.density_g_ml,
            "activity_fraction": volume_ml * part.uptake * unit_per_ml,
        }  # fmt: skip
        if part.role == "tumour" and isinstance(part.shape, Ellipsoid):
            row["analytic_volume_ml"] = part.shape.volume_ml
            row["diameter_mm"] = 2 * part.shape.radii_mm[0]
            alone = all(other.uptake == 0 for other in parts if other.role == "liver")
            row["tumour_to_normal"] = None if alone else part.uptake / warm
            tumours.append(row)
        elif part.role == "liver":
            rows.append(row)
    for row in rows:  # the spheres lie in the liver part and replace what was there
        row["activity_fraction"] += sum(t["activity_fraction"] for t in tumours)
        background = next(p.uptake for p in parts if p.name == row["name"])
        row["activity_fraction"] -= sum(t["volume_ml"] for t in tumours) * background * unit_per_ml
    return {"regions": rows, "tumours": tumours}
