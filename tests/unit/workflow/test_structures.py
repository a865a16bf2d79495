"""Which regions a result holds, and what they are called."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.image import Grid, Region, Regions
from opensirt.quantify.lesion import Lesion
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


CUT = {"T": "T viable"}


def made(*regions: Region, names=CUT):
    return make_structures(SimpleNamespace(regions=Regions(regions)), names, COUNTED)


def test_parts_and_outlines_say_what_they_are():
    """A cut lesion is there twice; an outline named like a part, in any case, says that."""
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
    assert whole_name(COUNTED["whole liver"], CUT) == "whole liver"


def test_a_lesion_that_nothing_is_cut_out_of_keeps_its_name_and_is_there_once():
    found = made(part("Liver", "liver", 8), part("T", "tumour", 4), names={})
    assert [r.name for r in found.on_dose] == ["whole liver", "T", "lungs", "Liver"]
    assert found.on_dose["T"].volume_ml == pytest.approx(COUNTED["T"].volume_ml)
    assert [r.name for r in found.outlines] == ["Liver", "T"]
    assert found.outlines["T"].volume_ml == pytest.approx(0.256)
    assert found.left_out == ()
    organ = made(part("T", "stomach", 4), names={})
    assert [r.name for r in organ.on_dose] == ["whole liver", "T", "lungs", "T (outline)"]


def test_only_what_is_cut_out_of_makes_a_viable_part():
    """Half of one lesion is dead, one is whole, and of two that share a voxel the second is cut."""
    whole, half = part("whole", "tumour", 2), part("half", "tumour", 4)
    lesions = [
        Lesion(drawn.name, drawn, viable.named(drawn.name), viable, True)
        for drawn, viable in ((whole, whole), (half, whole))
    ]
    assert [x.is_cut for x in lesions] == [False, True]
    assert structure_names(lesions) == {"half": "half viable"}
    nearly = part("nearly", "tumour", 2, full=1 - 1e-6)
    assert not Lesion("a", whole, nearly, nearly, True).is_cut
    small = part("small", "tumour", 2, full=0.999)
    assert Lesion("a", whole, small, small, True).is_cut


def test_a_name_taken_by_a_viable_part_is_not_given_twice():
    found = made(part("T", "tumour", 4), part("T viable", "other", 4), part("T whole", "other", 2))
    names = [r.name for r in found.on_dose]
    assert names[3:] == ["T whole", "T viable (outline)", "T whole (2)"]


def test_an_outline_too_small_to_be_drawn_is_left_out_and_told():
    far = Grid.regular((8, 8, 8), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    found = made(part("thin", "tumour", 2, full=0.4), part("far", "other", 8, far))
    assert [r.name for r in found.outlines] == ["far"]
    assert [r.name for r in found.on_dose][3:] == ["thin"]
    assert [(item.what, item.why.split(",")[0]) for item in found.left_out] == [
        ("thin", "covers no voxel of its image by half"),
        ("far", "lies outside the activity image"),
    ]
