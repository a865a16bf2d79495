"""Which lesions, outlines and curves the pictures of a report show."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.case import Case, StudyImage
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.quantify.compartments import liver_compartments
from opensirt.report import Picture
from opensirt.units import Unit
from opensirt.workflow import pictures
from opensirt.workflow.setting import Setting

GRID = Grid.regular((4, 8, 40), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0))


def part(name: str, role: str, *columns: int, rows: int = 8) -> Region:
    mask = np.zeros(GRID.shape, np.float32)
    mask[:, :rows, slice(*columns)] = 1.0
    return Region.from_mask(name, role, mask, GRID)


LIVER = part("liver", "liver", 0, 36)
LUNGS = part("lungs", "lungs", 37, 40)
STOMACH = part("stomach", "stomach", 36, 37)


@pytest.fixture
def drawn(monkeypatch):
    """What each drawing was asked for."""
    asked = SimpleNamespace(scenes=[], planes=[], tiles=[], curves=[])

    def scene(background, dose, regions, focus):
        asked.scenes.append(([r.name for r in regions], [r.name for r in focus]))

    def planes(_, focus):
        asked.planes.append(focus.name)
        return Picture("planes", "", "", b"")

    def tiles(_, lesions, part, parts):
        asked.tiles.append(([r.name for r in lesions], part, parts))
        return Picture(f"tumours-{part}", "", "", b"")

    def dvh(curves):
        asked.curves = [
            (name, role, curve.volume_ml, curve.mean_gy) for name, role, curve in curves
        ]
        return Picture("dvh", "", "", b"")

    for name, made in (
        ("make_scene", scene), ("planes_picture", planes), ("tumour_tiles", tiles),
        ("dvh_picture", dvh),
    ):  # fmt: skip
        monkeypatch.setattr(pictures, name, made)
    return asked


def pictures_of(*more: Region, organs: tuple[Region, ...] = (), lungs: Region | None = LUNGS):
    """Dose by column: 0, 1, 2 Gy and so on."""
    drawn_regions = Regions((LIVER, *more))
    parts = liver_compartments(drawn_regions)
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), GRID.shape)
    dose = Volume(ramp.copy(), GRID, Unit.GY)
    image = StudyImage("planning-activity", Volume(ramp.copy(), GRID, Unit.COUNTS), "x")
    setting = Setting(parts, lungs, parts, lungs, dose, None, None, (), ())
    regions = parts.regions()
    return pictures.report_pictures(Case(id="a", images=(image,)), setting, dose, regions, organs)


def test_planes_go_through_the_largest_lesion_and_tiles_begin_with_it(drawn):
    small, large = part("small", "tumour", 2, 3), part("large", "tumour", 10, 14)
    dead = part("dead", "necrosis", 12, 14)
    right = part("right", "perfused", 0, 20)
    made = pictures_of(small, large, dead, right, organs=(STOMACH,))
    assert drawn.planes == ["large whole"]
    assert drawn.tiles == [(["large whole", "small"], 1, 1)]
    ((names, focus),) = drawn.scenes
    assert names == [
        "whole liver", "large whole", "small", "perfused volume", "necrosis", "stomach",
    ]  # fmt: skip
    assert focus == ["whole liver", "large whole", "small"]
    assert [p.name for p in made] == ["planes", "dvh", "tumours-1"]


def test_curves_are_those_of_the_viable_lesions_and_of_normal_liver(drawn):
    """Columns of 4 mL: lesions 2 and 10 to 11 (the rest dead); normal liver without them all."""
    lesions = (part("small", "tumour", 2, 3), part("large", "tumour", 10, 14))
    pictures_of(*lesions, part("dead", "necrosis", 12, 14), part("right", "perfused", 0, 20))
    rows = {name: (role, volume_ml, mean_gy) for name, role, volume_ml, mean_gy in drawn.curves}
    assert list(rows) == [
        "small", "large viable", "all tumours, viable", "perfused normal liver",
        "whole normal liver", "lungs",
    ]  # fmt: skip
    assert rows["small"] == ("single-tumour", pytest.approx(4.0), pytest.approx(2.0))
    assert rows["large viable"] == ("single-tumour", pytest.approx(8.0), pytest.approx(10.5))
    assert rows["all tumours, viable"] == ("tumour", pytest.approx(12.0), pytest.approx(23.0 / 3))
    inside = [n for n in range(20) if n != 2 and not 10 <= n < 14]
    assert rows["perfused normal liver"][1:] == pytest.approx((60.0, np.mean(inside)))
    assert rows["whole normal liver"][1:] == pytest.approx(
        (124.0, np.mean([*inside, *range(20, 36)]))
    )
    assert rows["lungs"] == ("lungs", pytest.approx(12.0), pytest.approx(38.0))


def test_one_lesion_has_no_curve_beside_that_of_all(drawn):
    pictures_of(part("only", "tumour", 10, 14), lungs=None)
    assert [row[0] for row in drawn.curves] == [
        "all tumours", "perfused normal liver", "whole normal liver",
    ]  # fmt: skip


@pytest.mark.parametrize(("last", "shown"), [(36, False), (35, True)])
def test_a_perfused_volume_is_drawn_where_it_is_not_the_liver(last, shown, drawn):
    pictures_of(part("right", "perfused", 0, last))
    assert ("perfused volume" in drawn.scenes[0][0]) is shown
    assert drawn.planes == ["perfused volume"]
    assert drawn.tiles == []


def test_twenty_lesions_are_one_picture_and_the_rest_the_next(drawn):
    lesions = [part(f"T{n}", "tumour", n, n + 1, rows=1 + n % 7) for n in range(22)]
    made = pictures_of(*lesions)
    assert [(len(names), part, parts) for names, part, parts in drawn.tiles] == [
        (20, 1, 2), (2, 2, 2),
    ]  # fmt: skip
    assert drawn.tiles[1][0] == ["T14", "T21"]
    assert [p.name for p in made] == ["planes", "dvh", "tumours-1", "tumours-2"]
