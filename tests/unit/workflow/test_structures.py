"""Which regions a result holds, and what they are called."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.image import Grid, Region, Regions
from opensirt.workflow.structures import make_structures, structure_names, whole_name

FINE = Grid.regular((8, 8, 8), (1.0, 1.0, 1.0))
DOSE = Grid.regular((4, 4, 4), (2.0, 2.0, 2.0), (0.5, 0.5, 0.5))


def part(name: str, role: str, stop: int, grid: Grid = FINE, full: float = 1.0) -> Region:
    mask = np.zeros(grid.shape, np.float32)
    mask[:, :, :stop] = full
    return Region.from_mask(name, role, mask, grid)


COUNTED = Regions(
    (
        part("whole liver", "liver", 4, DOSE), part("T", "tumour", 1, DOSE),
        part("lungs", "lungs", 1, DOSE),
    )
)  # fmt: skip


def made(*regions: Region):
    return make_structures(SimpleNamespace(regions=Regions(regions)), None, COUNTED)


def test_parts_and_outlines_say_what_they_are():
    """A lesion is there twice; an outline named like a part, in any case, says that it is one."""
    found = made(part("Liver", "liver", 8), part("T", "tumour", 4), part("Lungs", "lungs", 2))
    assert [r.name for r in found.on_dose] == [
        "whole liver", "T viable", "lungs", "Liver", "T whole", "Lungs (outline)",
    ]  # fmt: skip
    assert [r.name for r in found.outlines] == ["Liver", "T whole", "Lungs (outline)"]
    assert found.on_dose["T whole"].grid.matches(DOSE)
    volumes = [found.on_dose["T whole"].volume_ml, found.outlines["T whole"].volume_ml]
    assert volumes == pytest.approx([0.256, 0.256])
    assert found.outlines["T whole"].grid.matches(FINE)
    assert found.left_out == ()
    assert structure_names(COUNTED) == {"T": "T viable"}
    assert whole_name(COUNTED["whole liver"]) == "whole liver"


def test_a_name_taken_by_a_viable_part_is_not_given_twice():
    found = made(part("T", "tumour", 4), part("T viable", "other", 4), part("T whole", "other", 2))
    names = [r.name for r in found.on_dose]
    assert names[3:] == ["T whole", "T viable (outline)", "T whole (2)"]


def test_an_outline_too_small_to_be_drawn_is_left_out_and_told():
    far = Grid.regular((8, 8, 8), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    found = made(part("thin", "tumour", 2, full=0.4), part("far", "other", 8, far))
    assert [r.name for r in found.outlines] == ["far"]
    assert [r.name for r in found.on_dose][3:] == ["thin whole"]
    assert [(item.what, item.why.split(",")[0]) for item in found.left_out] == [
        ("thin whole", "covers no voxel of its image by half"),
        ("far", "lies outside the activity image"),
    ]
