"""`liver-net`: a torso with forty neuroendocrine liver metastases in two arterial territories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from opensirt.image import Grid, Region, Regions
from opensirt.phantoms.anatomy import CANTLIE_PLANE, LOWEST_Z_MM, TOP_Z_MM, torso
from opensirt.phantoms.coverage import coverage
from opensirt.phantoms.imaging import default_spect, noisy_ct
from opensirt.phantoms.lesions import Lesion, LesionMix, place_lesions
from opensirt.phantoms.patient import (
    DigitalPatient,
    Painting,
    Part,
    concentration_maps,
    paint,
    patient_shape,
    volume_of,
)
from opensirt.physics.materials import tissue
from opensirt.physics.tables import Table, load_table
from opensirt.units import BQ_PER_GBQ, Unit

__all__ = ["make_liver_net"]

NAME = "liver-net"
RIGHT, LEFT = "Perfused right", "Perfused left"
HALF_WIDTH_MM = 190.0
TUMOUR_TISSUE, CORE_TISSUE = "soft-tissue", "water"
TISSUES = {
    "skin and fat": "adipose", "muscle wall": "muscle", "cavity": "adipose",
    "bowel": "soft-tissue", "lungs": "lung", "heart": "muscle", "vessels": "soft-tissue",
    "spleen": "soft-tissue", "kidneys": "soft-tissue", "stomach": "water", "stomach gas": "air",
    "liver": "liver", "gallbladder": "water", "spine": "bone", "spinal canal": "soft-tissue",
    "ribs": "bone",
}  # fmt: skip
OUTLINED = {
    "skin and fat": ("Body", "body"),
    "lungs": ("Lungs", "lungs"),
    "stomach": ("Stomach", "stomach"),
    "liver": ("Liver", "liver"),
    "gallbladder": ("Gallbladder", "gallbladder"),
}


def make_liver_net(voxel_mm: Sequence[float] = (2.0, 2.0, 2.0), seed: int = 1) -> DigitalPatient:
    """The patient on a CT grid with voxels of (slice, row, column) mm.

    Parameters
    ----------
    voxel_mm : (slice, row, column)
    seed : int
        Of lesion places, shapes and uptake, and of the CT noise.
    """
    table = load_table("phantoms").rows[NAME][0]
    shapes = torso()
    lesions = place_lesions(shapes["liver"], CANTLIE_PLANE, _mix(table), seed)
    grid = _grid(voxel_mm)
    painting = paint(grid, _parts(shapes, lesions))
    regions = _regions(painting, lesions)
    shunt = table.quantity("lung_shunt_fraction").value
    per_ml, normal_per_ml = concentration_maps(painting, regions["Lungs"], shunt)
    free = table.quantity("free_pertechnetate_fraction").value
    spect = default_spect()
    tracer = per_ml * np.float32(spect.injected_bq * (1 - free))
    stomach = regions["Stomach"]
    tracer[stomach.box] += stomach.fractions * np.float32(
        spect.injected_bq * free / stomach.volume_ml
    )
    ct = noisy_ct(volume_of(painting.hu, grid, Unit.HU), seed=seed)
    truth = {
        "name": NAME,
        "seed": seed,
        "voxel_mm": list(grid.spacing_mm),
        "injected_bq": BQ_PER_GBQ,
        "lung_shunt_fraction": shunt,
        "free_pertechnetate_fraction": free,
        "normal_concentration_bq_ml": normal_per_ml * BQ_PER_GBQ,
        **_truth(regions, lesions, normal_per_ml, shunt),
    }
    return DigitalPatient(
        name=NAME,
        ct=ct,
        density=volume_of(painting.density, grid, Unit.G_PER_ML),
        activity=volume_of(
            per_ml * np.float32(BQ_PER_GBQ), grid, Unit.BQ_PER_ML, "y90", BQ_PER_GBQ
        ),
        tracer=volume_of(tracer, grid, Unit.BQ_PER_ML, "tc99m", spect.injected_bq),
        regions=regions,
        truth=truth,
    )


def _grid(voxel_mm: Sequence[float]) -> Grid:
    lengths = np.array([TOP_Z_MM - LOWEST_Z_MM, 2 * HALF_WIDTH_MM, 2 * HALF_WIDTH_MM])
    step = np.asarray(voxel_mm, dtype=float)
    shape = patient_shape(lengths.tolist(), voxel_mm)
    middle = np.array([(TOP_Z_MM + LOWEST_Z_MM) / 2, 0.0, 0.0])
    first = middle - (shape - 1) / 2 * step
    return Grid.regular(shape.tolist(), step.tolist(), first[::-1].tolist())


def _mix(table: Table) -> LesionMix:
    sizes = table.quantity("lesion_diameter_mm").values
    ratio = table.quantity("tumour_to_normal")
    return LesionMix(
        count=int(table.quantity("lesion_count").value),
        smallest_mm=min(sizes),
        largest_mm=max(sizes),
        uptake_mean=ratio.value,
        uptake_sd=ratio.sd or 0.0,
        uptake_low=ratio.low or ratio.value,
        uptake_high=ratio.high or ratio.value,
        necrosis_from_mm=table.quantity("necrosis_from_diameter_mm").value,
        core_scale=table.quantity("necrotic_radius_fraction").value,
    )


def _parts(shapes: Any, lesions: Sequence[Lesion]) -> list[Part]:
    parts = []
    for name, shape in shapes.items():
        label, role = OUTLINED.get(name, (name, ""))
        uptake = 1.0 if name == "liver" else 0.0
        parts.append(Part(label, shape, TISSUES[name], uptake, role))
    for lesion in lesions:
        where = RIGHT if lesion.in_first_territory else LEFT
        parts.append(Part(lesion.name, lesion.shape, TUMOUR_TISSUE, lesion.uptake, "tumour", where))
        if lesion.core is not None:
            name = lesion.name.replace("Tumour", "Necrosis")
            parts.append(Part(name, lesion.core, CORE_TISSUE, 0.0, "necrosis", where))
    return parts


def _regions(painting: Painting, lesions: Sequence[Lesion]) -> Regions:
    """Body, organs, the two territories, then lesions and their cores."""
    by_name = {region.name: region for region in painting.regions}
    liver = by_name["Liver"]
    box, fractions = coverage(CANTLIE_PLANE, painting.grid)
    side = Region("side", "other", painting.grid, box, fractions)
    right = (liver & side).named(RIGHT, "perfused", RIGHT)
    left = (liver - right).named(LEFT, "perfused", LEFT)
    organs = [by_name[label] for label, _ in OUTLINED.values()]
    rest = [r for r in painting.regions if r.role in ("tumour", "necrosis")]
    return Regions((*organs, right, left, *rest))


def _truth(
    regions: Regions, lesions: Sequence[Lesion], normal_per_ml: float, shunt: float
) -> dict[str, Any]:
    """Volumes, masses and activity fractions, from the parts and not from voxel means."""
    tumours = [_lesion_truth(regions, lesion, normal_per_ml) for lesion in lesions]
    liver_g_ml = tissue("liver").density_g_ml
    rows = []
    for name in (RIGHT, LEFT):
        inside = [t for t in tumours if t["territory"] == name]
        normal_ml = regions[name].volume_ml - sum(t["volume_ml"] for t in inside)
        rows.append(
            {
                "name": name, "role": "perfused", "volume_ml": regions[name].volume_ml,
                "normal_volume_ml": normal_ml,
                "mass_g": normal_ml * liver_g_ml + sum(t["mass_g"] for t in inside),
                "activity_fraction": normal_ml * normal_per_ml
                + sum(t["activity_fraction"] for t in inside),
            }
        )  # fmt: skip
    normal_ml = sum(row.pop("normal_volume_ml") for row in rows)
    liver_row = {
        "name": "Liver", "role": "liver", "volume_ml": regions["Liver"].volume_ml,
        "mass_g": sum(row["mass_g"] for row in rows),
        "activity_fraction": sum(row["activity_fraction"] for row in rows),
    }  # fmt: skip
    normal_row = {
        "name": "Normal liver", "role": "liver", "volume_ml": normal_ml,
        "mass_g": normal_ml * liver_g_ml, "activity_fraction": normal_ml * normal_per_ml,
    }  # fmt: skip
    lungs_ml = regions["Lungs"].volume_ml
    lung_row = {
        "name": "Lungs", "role": "lungs", "volume_ml": lungs_ml,
        "mass_g": lungs_ml * tissue("lung").density_g_ml, "activity_fraction": shunt,
    }  # fmt: skip
    viable_ml = sum(t["viable_volume_ml"] for t in tumours)
    in_tumours = sum(t["activity_fraction"] for t in tumours)
    mass_g = sum(t["mass_g"] for t in tumours)
    normal_per_g = normal_per_ml / liver_g_ml
    return {
        "tumour_to_normal": {
            "viable_by_volume": in_tumours / viable_ml / normal_per_ml,
            "whole_by_volume": in_tumours / sum(t["volume_ml"] for t in tumours) / normal_per_ml,
            "whole_by_mass": in_tumours / mass_g / normal_per_g,
        },
        "regions": [liver_row, normal_row, *rows, lung_row],
        "tumours": tumours,
    }


def _lesion_truth(regions: Regions, lesion: Lesion, normal_per_ml: float) -> dict[str, Any]:
    region = regions[lesion.name]
    core_ml = 0.0
    if lesion.core is not None:
        core_ml = regions[lesion.name.replace("Tumour", "Necrosis")].volume_ml
    viable_ml = region.volume_ml - core_ml
    return {
        "name": lesion.name,
        "territory": region.territory,
        "centre_mm": list(lesion.shape.centre_mm),
        "diameter_mm": lesion.diameter_mm,
        "analytic_volume_ml": lesion.shape.volume_ml,
        "volume_ml": region.volume_ml,
        "viable_volume_ml": viable_ml,
        "mass_g": viable_ml * tissue(TUMOUR_TISSUE).density_g_ml
        + core_ml * tissue(CORE_TISSUE).density_g_ml,
        "viable_mass_g": viable_ml * tissue(TUMOUR_TISSUE).density_g_ml,
        "tumour_to_normal": lesion.uptake,
        "activity_fraction": lesion.uptake * viable_ml * normal_per_ml,
    }
