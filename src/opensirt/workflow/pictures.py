"""Which regions and planes the pictures of a report show."""

from __future__ import annotations

from collections.abc import Sequence

from opensirt.case import Case
from opensirt.dose.dvh import Dvh, dose_volume_histogram
from opensirt.image import Region, Regions, Volume
from opensirt.report import Picture, dvh_picture, make_scene, planes_picture, tumour_tiles
from opensirt.report.figures import SINGLE_TUMOUR
from opensirt.workflow.export import outline_image
from opensirt.workflow.setting import Setting
from opensirt.workflow.structures import structure_names, whole_name

__all__ = ["report_pictures"]

TILES_PER_PICTURE = 20
SAME_VOLUME = 0.01
"""A perfused volume within this part of the liver's is not drawn beside it."""


def report_pictures(
    case: Case, setting: Setting, dose: Volume, regions: Regions, organs: Sequence[Region]
) -> list[Picture]:
    """Planes through the largest lesion, histograms of counted voxels, a cut-out of each lesion.

    `organs` are drawn too; `regions` gives necrosis.
    """
    parts, names = setting.compartments, structure_names(setting.drawn.lesions)
    lesions = sorted(
        (x.drawn.named(whole_name(x.drawn, names)) for x in parts.lesions if not x.drawn.is_empty),
        key=lambda region: -region.volume_ml,
    )
    outlined = _outlines(parts.whole_liver, parts.perfused, lesions, regions)
    focus = (parts.whole_liver, *lesions)
    scene = make_scene(outline_image(case).volume, dose, Regions((*outlined, *organs)), focus)
    planes = planes_picture(scene, lesions[0] if lesions else parts.perfused)
    groups = [
        lesions[start : start + TILES_PER_PICTURE]
        for start in range(0, len(lesions), TILES_PER_PICTURE)
    ]
    tiles = [
        tumour_tiles(scene, group, number + 1, len(groups)) for number, group in enumerate(groups)
    ]
    return [planes, dvh_picture(_curves(setting, dose)), *tiles]


def _outlines(
    liver: Region, perfused: Region, lesions: Sequence[Region], regions: Regions
) -> list[Region]:
    wanted = [liver, *lesions]
    if abs(perfused.volume_ml / liver.volume_ml - 1.0) > SAME_VOLUME:
        wanted.append(perfused)
    return [*wanted, *(region for region in regions if region.role == "necrosis")]


def _curves(setting: Setting, dose: Volume) -> list[tuple[str, str, Dvh]]:
    parts, names = setting.counted, structure_names(setting.drawn.lesions)
    curves = [
        (
            names.get(lesion.name, lesion.name),
            SINGLE_TUMOUR,
            dose_volume_histogram(dose, lesion.viable),
        )
        for lesion in parts.lesions
        if len(parts.lesions) > 1 and not lesion.viable.is_empty
    ]
    tumours = Regions(tuple(x.viable for x in parts.lesions if not x.viable.is_empty))
    whole = "all tumours, viable" if names else "all tumours"
    together = tumours.union("tumour", whole)
    named = [together] if together is not None else []
    named += [parts.perfused_normal, parts.whole_normal]
    if setting.lungs is not None and not setting.lungs.is_empty:
        named.append(setting.lungs)
    curves += [(r.name, r.role, dose_volume_histogram(dose, r)) for r in named if not r.is_empty]
    return curves
