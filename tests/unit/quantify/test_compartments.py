"""The liver compartments: volumes by counting voxels, sums that close, conventions said aloud."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import RegionError
from opensirt.image import Grid, Region, Regions
from opensirt.quantify import liver_compartments
from opensirt.quantify.carving import Remainder
from opensirt.quantify.compartments import _check_closure
from tests.unit.quantify.samples import GRID, VOXEL_ML, block, lesion, liver, perfused, regions


def codes(findings: tuple) -> list[str]:
    return [finding.code for finding in findings]


def test_one_lesion_in_the_perfused_lobe() -> None:
    """36 mL liver, 0.8 mL lesion, perfused columns 6 to 10 (18 mL): 17.2 mL perfused normal."""
    found = liver_compartments(regions(perfused(), lesion()))
    assert found.whole_liver.volume_ml == pytest.approx(36.0)
    assert found.perfused.volume_ml == pytest.approx(18.0)
    assert found.whole_normal.volume_ml == pytest.approx(35.2)
    assert found.perfused_normal.volume_ml == pytest.approx(17.2)
    assert found.non_perfused_normal.volume_ml == pytest.approx(18.0)
    assert found.treated_normal_fraction == pytest.approx(17.2 / 35.2)
    assert found.untreated_fraction == pytest.approx(18.0 / 35.2)
    assert found.tumour_involvement == pytest.approx(0.8 / 36.0)
    assert [t.name for t in found.targeted] == ["T1"]
    assert found.targeted[0].covered_fraction == pytest.approx(1.0)
    assert codes(found.findings) == ["perfused-cropped-to-liver"]


def test_no_perfused_region_means_the_whole_liver() -> None:
    found = liver_compartments(regions(lesion(), lesion("T2", column=3)))
    assert found.perfused.volume_ml == pytest.approx(36.0)
    assert found.untreated_fraction == pytest.approx(0.0)
    assert len(found.targeted) == 2
    assert found.territories == ()
    assert codes(found.findings) == ["perfused-is-whole-liver"]


def test_involvement_is_that_of_the_viable_part() -> None:
    """Half of a lesion of 0.8 mL is necrotic: 0.4 of 36 mL, 1.1 %."""
    dead = block("dead", "necrosis", (4, 5), (4, 6), (7, 9))
    found = liver_compartments(regions(lesion(), dead))
    assert found.lesions[0].drawn.volume_ml == pytest.approx(0.8)
    assert found.lesions[0].viable.volume_ml == pytest.approx(0.4)
    assert found.tumour_involvement == pytest.approx(0.4 / 36.0)
    assert found.lesions[0].covered_fraction == pytest.approx(1.0)
    assert "lesion-partly-perfused" not in codes(found.findings)


@pytest.mark.parametrize(
    ("first", "covered", "said"),
    [
        (2, 1.0, None),
        (1, 20 / 21, None),
        (0, 20 / 22, "lesion-partly-perfused"),
    ],
)
def test_a_lesion_covered_to_95_per_cent_is_covered(first: int, covered: float, said: str) -> None:
    """One of 21 slices outside is 95.2 % covered, two of 22 are 90.9 %."""
    grid = Grid.regular((24, 4, 4), (5.0, 10.0, 2.0))
    organ = block("liver", "liver", (0, 24), (0, 4), (0, 4), grid=grid)
    near = block("near", "perfused", (2, 24), (0, 4), (0, 4), grid=grid)
    spot = block("T1", "tumour", (first, 22), (1, 2), (1, 2), grid=grid)
    found = liver_compartments(Regions((organ, near, spot)))
    assert found.lesions[0].covered_fraction == pytest.approx(covered)
    assert [c for c in codes(found.findings) if c.startswith("lesion")] == ([said] if said else [])


@pytest.mark.parametrize(("inside", "targeted"), [(0, False), (1, False), (2, True)])
def test_a_lesion_is_targeted_where_more_than_a_twentieth_is_perfused(
    inside: int, targeted: bool
) -> None:
    """One of 20 voxels perfused is drawing noise, two are not."""
    grid = Grid.regular((24, 4, 4), (5.0, 10.0, 2.0))
    organ = block("liver", "liver", (0, 24), (0, 4), (0, 4), grid=grid)
    near = block("near", "perfused", (22 - inside, 24), (0, 4), (0, 4), grid=grid)
    spot = block("T1", "tumour", (2, 22), (1, 2), (1, 2), grid=grid)
    found = liver_compartments(Regions((organ, near, spot)))
    assert found.lesions[0].is_targeted is targeted
    said = "lesion-partly-perfused" if targeted else "lesion-not-perfused"
    assert said in codes(found.findings)


def test_no_tumour() -> None:
    found = liver_compartments(regions(perfused()))
    assert found.lesions == ()
    assert found.perfused_normal.volume_ml == pytest.approx(18.0)
    assert found.tumour_involvement == 0.0


def test_targeted_and_non_targeted_lesions() -> None:
    """T2 lies in columns 2 and 3, outside the perfused columns 6 to 10."""
    found = liver_compartments(regions(perfused(), lesion(), lesion("T2", column=2)))
    assert [t.name for t in found.targeted] == ["T1"]
    assert [t.name for t in found.non_targeted] == ["T2"]
    assert found.non_targeted[0].perfused.volume_ml == 0.0
    assert found.non_perfused_normal.volume_ml == pytest.approx(18.0 - 0.8)
    assert "lesion-not-perfused" in codes(found.findings)


def test_partly_perfused_lesion_is_targeted_and_said_so() -> None:
    """Columns 5 and 6: half of it is in the perfused volume."""
    found = liver_compartments(regions(perfused(), lesion(column=5)))
    assert found.targeted[0].covered_fraction == pytest.approx(0.5)
    assert found.perfused_normal.volume_ml == pytest.approx(18.0 - 0.4)
    text = next(f.text for f in found.findings if f.code == "lesion-partly-perfused")
    assert text == (
        "Lesion 'T1' is perfused only to 50 %: the rest receives no planned dose, and its planned "
        "mean is that of the perfused part."
    )


def test_necrosis_is_neither_tumour_nor_normal_liver() -> None:
    """Two of the lesion's eight voxels are necrotic: 0.6 mL viable, normal liver unchanged."""
    dead = block("dead core", "necrosis", (4, 5), (4, 5), (7, 9))
    found = liver_compartments(regions(perfused(), lesion(), dead))
    assert found.lesions[0].viable.volume_ml == pytest.approx(0.6)
    assert found.lesions[0].drawn.volume_ml == pytest.approx(0.8)
    assert found.necrosis is not None
    assert found.necrosis.volume_ml == pytest.approx(0.2)
    assert found.perfused_necrosis is not None
    assert found.perfused_necrosis.volume_ml == pytest.approx(0.2)
    assert found.whole_normal.volume_ml == pytest.approx(35.2)
    assert found.perfused_normal.volume_ml == pytest.approx(17.2)


def test_lesion_that_is_all_necrosis_has_no_viable_part() -> None:
    dead = block("dead", "necrosis", (4, 6), (4, 6), (7, 9))
    found = liver_compartments(regions(lesion(), dead))
    assert found.lesions[0].viable.volume_ml == 0.0
    assert found.targeted == ()
    assert codes(found.findings) == ["lesion-without-viable-part", "perfused-is-whole-liver"]


def test_overlapping_lesions_are_counted_once() -> None:
    """T2 shares one of its two columns with T1: 0.4 mL go to T1 alone."""
    found = liver_compartments(regions(lesion(), lesion("T2", column=8)))
    assert [t.viable.volume_ml for t in found.lesions] == pytest.approx([0.8, 0.4])
    text = next(f.text for f in found.findings if f.code == "lesions-overlap")
    assert text == "Lesions 'T1' and 'T2' share 0.40 mL; counted once, for 'T1'."


def test_lesion_outside_the_outline_is_liver_by_convention() -> None:
    """A lesion of 2 x 2 x 2 voxels with one slice above the liver adds 0.4 mL to it."""
    exophytic = block("T1", "tumour", (7, 9), (4, 6), (7, 9))
    found = liver_compartments(regions(exophytic))
    assert found.whole_liver.volume_ml == pytest.approx(36.4)
    assert found.whole_normal.volume_ml == pytest.approx(35.6)
    text = next(f.text for f in found.findings if f.code == "lesion-outside-liver")
    assert text.startswith("0.40 mL of lesion 'T1' (50 %) lie outside the liver outline")


def test_two_territories() -> None:
    right = block("right", "perfused", (2, 8), (2, 8), (6, 11), territory="RHA")
    left = block("left", "perfused", (2, 8), (2, 8), (1, 4))
    found = liver_compartments(regions(right, left, lesion(), lesion("T2", column=2)))
    assert found.perfused.volume_ml == pytest.approx(18.0 + 10.8)
    assert [t.volume_ml for t in found.territories] == pytest.approx([18.0, 10.8])
    assert [t.territory for t in found.lesions] == ["RHA", "left"]
    assert "territories-overlap" not in codes(found.findings)


def test_overlapping_territories_are_joined_with_a_warning() -> None:
    right = block("right", "perfused", (2, 8), (2, 8), (6, 11))
    middle = block("middle", "perfused", (2, 8), (2, 8), (5, 7))
    found = liver_compartments(regions(right, middle))
    assert found.perfused.volume_ml == pytest.approx(21.6)
    text = next(f.text for f in found.findings if f.code == "territories-overlap")
    assert text == "Perfused volumes share 3.6 mL; they are joined as one."


def test_gallbladder_inside_the_outline_is_no_normal_liver() -> None:
    """12 voxels inside the liver (8 of them perfused) and 6 outside: 1.2 and 0.8 mL taken out."""
    bladder = block("gallbladder", "gallbladder", (1, 4), (2, 4), (5, 8))
    found = liver_compartments(regions(perfused(), lesion(), bladder))
    assert found.organs is not None
    assert found.perfused_organs is not None
    assert found.organs.volume_ml == pytest.approx(1.2)
    assert found.perfused_organs.volume_ml == pytest.approx(0.8)
    assert found.whole_normal.volume_ml == pytest.approx(34.0)
    assert found.perfused_normal.volume_ml == pytest.approx(16.4)
    assert found.whole_liver.volume_ml == pytest.approx(36.0)
    text = next(f.text for f in found.findings if f.code == "organ-inside-liver")
    assert text == (
        "The liver outline encloses 1.2 mL of gallbladder; not counted as normal liver."
    )


def test_a_lesion_wins_over_the_organ_beside_it() -> None:
    bowel = block("colon", "bowel", (4, 6), (4, 6), (8, 10))
    stomach = block("stomach", "stomach", (2, 3), (2, 3), (1, 2))
    found = liver_compartments(regions(lesion(), bowel, stomach))
    assert found.lesions[0].viable.volume_ml == pytest.approx(0.8)
    assert found.organs is not None
    assert found.organs.volume_ml == pytest.approx(0.4 + 0.1)
    assert found.organs.name == "stomach, colon"


def test_names_for_the_report() -> None:
    found = liver_compartments(regions(perfused(), lesion()))
    assert [region.name for region in found.regions()] == [
        "whole liver",
        "perfused volume",
        "perfused normal liver",
        "whole normal liver",
        "non-perfused normal liver",
        "T1",
    ]


def test_fractional_borders_close() -> None:
    """Random fractions of every region: each sum of parts is its whole within 1e-4."""
    random = np.random.default_rng(7)

    def fuzzy(name: str, role: str) -> Region:
        return Region.from_mask(name, role, random.random(GRID.shape, dtype=np.float32), GRID)

    found = liver_compartments(
        Regions(
            (
                fuzzy("liver", "liver"),
                fuzzy("a", "tumour"),
                fuzzy("b", "tumour"),
                fuzzy("dead", "necrosis"),
                fuzzy("p", "perfused"),
                fuzzy("g", "gallbladder"),
            )
        )
    )
    viable_ml = sum(t.viable.volume_ml for t in found.lesions)
    parts_ml = sum(t.perfused.volume_ml for t in found.lesions)
    assert found.necrosis is not None
    assert found.perfused_necrosis is not None
    assert found.organs is not None
    assert found.perfused_organs is not None
    apart_ml = found.necrosis.volume_ml + found.organs.volume_ml
    whole_ml = found.whole_normal.volume_ml + viable_ml + apart_ml
    assert whole_ml == pytest.approx(found.whole_liver.volume_ml, rel=1e-6)
    apart_ml = found.perfused_necrosis.volume_ml + found.perfused_organs.volume_ml
    perfused_ml = found.perfused_normal.volume_ml + parts_ml + apart_ml
    assert perfused_ml == pytest.approx(found.perfused.volume_ml, rel=1e-6)


def test_volumes_that_do_not_close_are_refused() -> None:
    found = liver_compartments(regions(perfused(), lesion()))
    object.__setattr__(found, "whole_normal", found.perfused_normal)
    with pytest.raises(RegionError, match=r"the parts of the liver add up to 18\.0000 mL, not 36"):
        _check_closure(found)


def test_no_liver() -> None:
    with pytest.raises(RegionError, match="expected a region with role 'liver'"):
        liver_compartments(Regions((lesion(),)))


def test_perfused_volume_outside_the_liver() -> None:
    with pytest.raises(RegionError, match="perfused volume 'far' lies outside the liver"):
        liver_compartments(regions(block("far", "perfused", (0, 1), (0, 1), (0, 1))))


def test_liver_full_of_tumour() -> None:
    full = liver().named("T1", "tumour")
    with pytest.raises(RegionError, match="there is no normal liver to plan for"):
        liver_compartments(regions(full))


def test_remainder_gives_each_voxel_once() -> None:
    rest = Remainder(liver())
    assert rest.take(lesion()).volume_ml == pytest.approx(8 * VOXEL_ML)
    assert rest.take(lesion()).volume_ml == 0.0
    assert rest.take(block("off", "other", (0, 1), (0, 1), (0, 1))).is_empty
    assert rest.region("left", "other").volume_ml == pytest.approx(35.2)


def test_forty_lesions_on_a_ct_grid_stay_on_small_boxes() -> None:
    """A 256 x 256 x 100 grid with 40 lesions: parts hold their own box, not the liver's."""
    grid = Grid.regular((100, 256, 256), (2.0, 1.0, 1.0))
    organ = block("liver", "liver", (10, 90), (30, 220), (30, 220), grid=grid)
    lesions = [
        block(f"T{i}", "tumour", (15 + i, 19 + i), (40 + 4 * i, 44 + 4 * i), (60, 64), grid=grid)
        for i in range(40)
    ]
    found = liver_compartments(Regions((organ, *lesions)))
    assert max(t.perfused.fractions.size for t in found.lesions) == 64
    normal_ml = 80 * 190 * 190 * 0.002 - 40 * 64 * 0.002
    assert found.whole_normal.volume_ml == pytest.approx(normal_ml)
