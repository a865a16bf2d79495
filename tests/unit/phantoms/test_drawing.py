"""The drawing of the torso, part by part, and the plain phantoms, distance by distance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.image import Grid, Region, Volume
from opensirt.phantoms import DigitalPatient, liver_net, make_phantom, true_doses_gy
from opensirt.phantoms.anatomy import CANTLIE_PLANE, torso
from opensirt.phantoms.coverage import coverage, shape_region
from opensirt.phantoms.imaging import noisy_ct
from opensirt.phantoms.lesions import Lesion, LesionMix, lesion_diameters_mm, place_lesions
from opensirt.phantoms.patient import Part, concentration_maps, paint, patient_shape
from opensirt.phantoms.shapes import Box, Cylinder, Ellipsoid, HalfSpace, rotation_matrix
from opensirt.physics.materials import density_from_hu, tissue
from opensirt.physics.tables import load_table
from opensirt.units import Unit

GRID = Grid.regular((36, 48, 48), (10.0, 8.0, 8.0), (-188.0, -188.0, -120.0))
"""z from -125 to 235 mm, as the CT shows it."""


@pytest.mark.parametrize(
    ("name", "volume_ml", "centre_mm"),
    [
        ("skin and fat", 24715, (0.0, 0.0, 55.0)), ("muscle wall", 19664, (0.0, 1.0, 55.0)),
        ("cavity", 14806, (0.0, -1.0, 55.0)), ("bowel", 746, (21.9, -32.0, -98.6)),
        ("heart", 696, (20.6, -35.0, 135.2)), ("vessels", 247, (-2.3, 36.2, 34.9)),
        ("spleen", 4 / 3 * math.pi * 26 * 44 * 52 / 1000, (112.0, 38.0, 22.0)),
        ("kidneys", 252, (8.7, 52.2, -75.7)), ("stomach", 533, (62.1, -14.6, 5.7)),
        ("stomach gas", 53, (41.5, -49.2, -33.3)), ("spine", 642, (0.0, 71.9, 53.1)),
        ("spinal canal", math.pi * 10 * 8 * 360 / 1000, (0.0, 87.0, 55.0)),
        ("ribs", 459, (0.0, 10.4, 102.7)),
        ("gallbladder", 4 / 3 * math.pi * 13.5 * 14.5 * 32 / 1000, (-48.0, -42.0, -56.0)),
        ("lungs", 3676, (-6.4, 4.0, 137.2)), ("liver", 1779, (-61.0, -6.6, 6.2)),
    ],
)  # fmt: skip
def test_a_part_of_the_torso_has_its_size_and_place(name, volume_ml, centre_mm) -> None:
    """Of the drawing itself, measured on voxels of 10 x 8 x 8 mm; exact where it is plain."""
    part = shape_region(torso()[name], GRID, name, "other")
    assert part.volume_ml == pytest.approx(volume_ml, rel=0.01)
    assert part.centroid_mm == pytest.approx(centre_mm, abs=0.4)


def test_the_border_of_the_territories_runs_from_gallbladder_to_caval_vein() -> None:
    """Cantlie's line passes both within 5 mm; the right lobe lies behind it."""
    for place in ((-48.0, -42.0, -56.0), (-20.0, 34.0, 0.0)):
        assert abs(CANTLIE_PLANE.level_at(place)) < 5.0
    assert CANTLIE_PLANE.level_at((-74.0, 4.0, -6.0)) < -30
    assert CANTLIE_PLANE.level_at((2.0, -40.0, 29.0)) > 40
    right = shape_region(torso()["liver"] & CANTLIE_PLANE, GRID, "right", "other")
    assert right.volume_ml == pytest.approx(1290, rel=0.01)


@pytest.fixture(scope="module")
def net() -> DigitalPatient:
    return make_phantom("liver-net", voxel_mm=8.0, seed=3)


def test_each_lesion_is_of_the_territory_it_lies_in(net: DigitalPatient) -> None:
    for row in net.truth["tumours"]:
        side = "right" if CANTLIE_PLANE.level_at(row["centre_mm"]) < 0 else "left"
        assert row["territory"] == f"Perfused {side}"
        assert net.regions[row["name"]].territory == row["territory"]
    assert {row["territory"] for row in net.truth["tumours"]} == {
        "Perfused right", "Perfused left",
    }  # fmt: skip


def test_ratios_of_whole_and_viable_lesions_follow_from_the_rows(net: DigitalPatient) -> None:
    """Activity over volume of the lesions, over that of normal liver; cores take up nothing."""
    rows, ratios = net.truth["tumours"], net.truth["tumour_to_normal"]
    normal = next(row for row in net.truth["regions"] if row["name"] == "Normal liver")
    activity = sum(row["activity_fraction"] for row in rows)
    per_ml = normal["activity_fraction"] / normal["volume_ml"]
    for key, volume in (("viable_by_volume", "viable_volume_ml"), ("whole_by_volume", "volume_ml")):
        expected = activity / sum(row[volume] for row in rows) / per_ml
        assert ratios[key] == pytest.approx(expected), key
    per_g = normal["activity_fraction"] / normal["mass_g"]
    by_mass = activity / sum(row["mass_g"] for row in rows) / per_g
    assert ratios["whole_by_mass"] == pytest.approx(by_mass)
    for row in rows:
        held = row["tumour_to_normal"] * row["viable_volume_ml"] * per_ml
        assert row["activity_fraction"] == pytest.approx(held)


def test_rows_of_the_liver_add_up(net: DigitalPatient) -> None:
    rows = {row["name"]: row for row in net.truth["regions"]}
    sides = [rows["Perfused right"], rows["Perfused left"]]
    for key in ("mass_g", "activity_fraction", "volume_ml"):
        assert sum(side[key] for side in sides) == pytest.approx(rows["Liver"][key], rel=1e-5)
    lesions = {
        key: sum(row[key] for row in net.truth["tumours"]) for key in ("mass_g", "volume_ml")
    }
    for key, total in lesions.items():
        assert rows["Normal liver"][key] + total == pytest.approx(rows["Liver"][key], rel=1e-5)
    assert rows["Normal liver"]["mass_g"] == pytest.approx(
        rows["Normal liver"]["volume_ml"] * tissue("liver").density_g_ml
    )
    assert rows["Lungs"]["mass_g"] == pytest.approx(rows["Lungs"]["volume_ml"] * 0.26)
    assert rows["Lungs"]["volume_ml"] == pytest.approx(net.regions["Lungs"].volume_ml)


def test_true_doses_grow_with_the_activity_and_fall_with_the_mass() -> None:
    truth = {"regions": [{"name": "a", "activity_fraction": 0.5, "mass_g": 250.0}], "tumours": []}
    assert true_doses_gy(truth, 50.0) == {"a": pytest.approx(100.0)}
    assert true_doses_gy(truth, 50.0, 3e9) == {"a": pytest.approx(300.0)}


def test_a_later_part_covers_an_earlier_by_its_share_of_the_voxel() -> None:
    """Bone over half of a voxel of water in air: half of both; CT numbers give densities back."""
    grid = Grid.regular((1, 1, 3), (2.0, 2.0, 2.0))
    parts = [
        Part("w", Box((3.0, 0.0, 0.0), (4.0, 2.0, 2.0)), "water", 2.0, "liver"),
        Part("b", Box((4.5, 0.0, 0.0), (3.0, 2.0, 2.0)), "bone", 8.0, "", "side"),
    ]
    painting = paint(grid, parts)
    air, water, bone = (tissue(name).density_g_ml for name in ("air", "water", "bone"))
    assert painting.density[0, 0] == pytest.approx([air, 1.0, bone], abs=1e-5)
    parts[1] = Part("b", Box((4.0, 0.0, 0.0), (2.0, 2.0, 2.0)), "bone", 8.0)
    parts.append(Part("g", Box((2.5, 0.0, 0.0), (1.0, 2.0, 2.0)), "air", 0.0))
    painting = paint(grid, parts)
    assert painting.density[0, 0] == pytest.approx([air, (water + air) / 2, bone], abs=1e-5)
    assert painting.uptake[0, 0] == pytest.approx([0.0, 1.0, 8.0])
    assert [region.name for region in painting.regions] == ["w"]
    assert density_from_hu(painting.hu)[0, 0, [0, 2]] == pytest.approx([air, bone], abs=0.01)


def test_the_shunt_is_spread_by_volume_and_the_rest_by_uptake() -> None:
    """A tenth to the lung voxels of 8 mm3, nine tenths by 1 : 3; all adds up to one."""
    grid = Grid.regular((1, 1, 4), (2.0, 2.0, 2.0))
    parts = [
        Part("n", Box((0.0, 0.0, 0.0), (2.0, 2.0, 2.0)), "liver", 1.0, "liver"),
        Part("t", Box((2.0, 0.0, 0.0), (2.0, 2.0, 2.0)), "liver", 3.0, "tumour"),
    ]
    fractions = np.zeros(grid.shape, np.float32)
    fractions[0, 0, 2:] = 0.5, 1.0
    lungs = Region.from_mask("Lungs", "lungs", fractions, grid)
    per_ml, normal = concentration_maps(paint(grid, parts), lungs, 0.1)
    assert normal == pytest.approx(0.9 / 4 / 0.008)
    assert per_ml[0, 0] * 0.008 == pytest.approx([0.225, 0.675, 0.1 / 3, 0.2 / 3])
    with pytest.raises(InputError, match="a lung shunt needs lungs"):
        concentration_maps(paint(grid, parts), None, 0.1)
    fractions[0, 0, 1] = 0.5
    shared = Region.from_mask("Lungs", "lungs", fractions, grid)
    per_ml, _ = concentration_maps(paint(grid, parts), shared, 0.1)
    assert per_ml[0, 0] * 0.008 == pytest.approx([0.225, 0.675 + 0.025, 0.025, 0.05])


def test_a_noisy_ct_is_not_below_air() -> None:
    grid = Grid.regular((20, 20, 20), (2.0, 2.0, 2.0))
    ct = noisy_ct(Volume(np.full(grid.shape, -1010.0), grid, Unit.HU), seed=1, noise_hu=30)
    assert ct.values.min() == -1024
    assert np.count_nonzero(ct.values == -1024) > 1000
    quiet = noisy_ct(Volume(np.full(grid.shape, 40.6), grid, Unit.HU), seed=1, noise_hu=0)
    assert np.unique(quiet.values).tolist() == [41]


def test_spheres_of_the_nema_body_lie_on_their_circle() -> None:
    """10 to 37 mm, sixty degrees apart on a circle of 114.4 mm around an insert of 50 mm."""
    made = make_phantom("nema-like", voxel_mm=4.0)
    sizes = [10.0, 13.0, 17.0, 22.0, 28.0, 37.0]
    assert [row["diameter_mm"] for row in made.truth["tumours"]] == sizes
    for number, size in enumerate(sizes):
        angle = math.radians(60 * number)
        place = (57.2 * math.cos(angle), 57.2 * math.sin(angle), 0.0)
        region = made.regions[f"Sphere {size:g} mm"]
        assert region.centroid_mm == pytest.approx(place, abs=0.2)
        assert region.volume_ml == pytest.approx(math.pi / 6 * size**3 / 1000, rel=0.02)
    assert [row["tumour_to_normal"] for row in made.truth["tumours"]] == [8.0] * 6
    insert = made.regions["Lung insert"]
    assert insert.volume_ml == pytest.approx(math.pi * 25**2 * 194 / 1000, rel=0.01)
    assert made.regions["Body"].centroid_mm == pytest.approx((0, 0, 0), abs=0.1)


def test_slabs_lie_side_by_side_from_lung_to_bone() -> None:
    made = make_phantom("slabs", voxel_mm=4.0)
    for name, x in (("Lung slab", -60.0), ("Soft slab", 0.0), ("Bone slab", 60.0)):
        assert made.regions[name].centroid_mm == pytest.approx((x, 0, 0), abs=0.05)
        assert made.regions[name].volume_ml == pytest.approx(60 * 120 * 120 / 1000)
    for x, name in ((-60.0, "lung"), (0.0, "soft-tissue"), (60.0, "bone")):
        assert made.density.at((x, 1.0, 1.0)) == pytest.approx(tissue(name).density_g_ml)
    assert made.activity.at((-32.5, 1.0, 1.0)) == made.activity.at((32.5, 1.0, 1.0)) == 0.0
    (row,) = made.truth["regions"]
    assert row["activity_fraction"] == pytest.approx(1.0)


def test_uniform_and_sphere_hold_all_their_activity_where_they_say() -> None:
    cube = make_phantom("uniform", voxel_mm=8.0)
    assert cube.regions["Liver"].volume_ml == pytest.approx(144**3 / 1000)
    assert cube.regions["Body"].volume_ml == pytest.approx(200**3 / 1000)
    assert cube.activity.at((0.0, 0.0, 0.0)) == pytest.approx(1e9 / (144**3 / 1000), rel=1e-5)
    assert cube.truth["regions"][0]["activity_fraction"] == pytest.approx(1.0)
    ball = make_phantom("sphere", voxel_mm=4.0)
    (row,) = ball.truth["tumours"]
    assert (row["diameter_mm"], row["tumour_to_normal"]) == (30.0, None)
    assert row["activity_fraction"] == pytest.approx(1.0)
    assert row["analytic_volume_ml"] == pytest.approx(math.pi / 6 * 27)
    assert row["volume_ml"] == pytest.approx(row["analytic_volume_ml"], rel=0.005)
    assert ball.truth["regions"][0]["activity_fraction"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "voxel_mm"), [("liver-net", 0.1), ("sphere", 0.05), ("slabs", (3.0, 0.05, 0.05))]
)
def test_voxels_too_many_to_hold_are_refused_with_a_size_that_fits(name: str, voxel_mm) -> None:
    with pytest.raises(InputError, match=r"and a digital patient may have 2e\+08; give") as told:
        make_phantom(name, voxel_mm=voxel_mm)
    assert 0.05 < float(str(told.value).split("give ")[1].split()[0]) < 1.0


def test_the_size_advised_is_the_least_that_fits() -> None:
    """300 mm in each of three directions: 585 voxels of 0.513 mm are 2e8; rounded up, 0.6 mm."""
    said = r"voxels of 0\.5 x 0\.5 x 0\.5 mm are 2\.2e\+08 in all, .* give 0\.6 mm or more"
    with pytest.raises(InputError, match=said):
        patient_shape((300.0,) * 3, (0.5,) * 3)
    assert patient_shape((300.0,) * 3, (0.6,) * 3).tolist() == [500, 500, 500]


def test_voxels_are_asked_for_by_slice_row_and_column() -> None:
    made = make_phantom("sphere", voxel_mm=(8.0, 6.0, 5.0))
    assert made.ct.grid.spacing_mm == (8.0, 6.0, 5.0)
    assert made.truth["voxel_mm"] == [8.0, 6.0, 5.0]
    for sizes in ((3.0, 3.0), (3.0, 3.0, 0.0), -1.0, float("inf")):
        with pytest.raises(InputError, match="expected a voxel size of one or three positive mm"):
            make_phantom("sphere", voxel_mm=sizes)
    assert make_phantom("sphere", voxel_mm=8.0, seed=0).truth["seed"] == 0


def test_sizes_of_lesions_are_quantiles_from_the_largest_to_the_smallest() -> None:
    sizes = lesion_diameters_mm(5, 4.0, 36.0)
    assert (sizes[0], sizes[2], sizes[-1]) == pytest.approx((36.0, 12.0, 4.0))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] * sizes[3] == pytest.approx(12.0**2)
    assert lesion_diameters_mm(1, 4.0, 36.0) == [36.0]


def test_cores_are_scaled_lesions_and_lesions_that_do_not_fit_are_refused() -> None:
    liver = Ellipsoid((5.0, -9.0, 4.0), (90.0, 80.0, 70.0))
    border = HalfSpace((0.0, 0.0, 0.0), (1.0, 0.3, 0.0))
    mix = LesionMix(3, 20.0, 30.0, 4.0, 0.0, 2.0, 8.0, 20.0, 0.4)
    lesions = place_lesions(liver, border, mix, seed=2)
    assert [lesion.name for lesion in lesions] == ["Tumour 1", "Tumour 2", "Tumour 3"]
    assert [lesion.core is not None for lesion in lesions] == [True, False, True]
    assert {lesion.uptake for lesion in lesions} == {4.0}
    core = lesions[0].core
    assert core is not None
    assert core.centre_mm == lesions[0].shape.centre_mm
    assert core.radii_mm == pytest.approx([0.4 * r for r in lesions[0].shape.radii_mm])
    with pytest.raises(InputError, match=r"a lesion of radius \d+\.\d mm does not fit"):
        place_lesions(Ellipsoid((0, 0, 0), (20.0,) * 3), border, mix, seed=2)


@pytest.mark.parametrize("power", [2.0, 4.0, 12.0])
def test_a_turned_shape_is_drawn_whole(power: float) -> None:
    """Corners of a boxy shape reach further than those of an ellipsoid; none is cut off."""
    shape = Ellipsoid((1.0, 2.0, 3.0), (24.0, 16.0, 10.0), power, rotation_matrix("z", 45))
    grid = Grid.regular((40, 60, 60), (2.0, 2.0, 2.0), (-58.0, -57.0, -36.0))
    exact = 8 * 3840 * math.gamma(1 + 1 / power) ** 3 / math.gamma(1 + 3 / power) / 1000
    assert shape_region(shape, grid, "x", "other").volume_ml == pytest.approx(exact, rel=0.005)


def test_boxes_of_shapes_hold_them_and_what_is_joined_or_cut() -> None:
    a = Ellipsoid((0.0, 0.0, 0.0), (3.0, 4.0, 5.0))
    b = Box((10.0, 0.0, 0.0), (2.0, 4.0, 6.0))
    c = Cylinder((0.0, 0.0, 1.0), (2.0, 3.0), 8.0)
    assert a.bounds_mm == ((-3, -4, -5), (3, 4, 5))
    assert b.bounds_mm == ((9, -2, -3), (11, 2, 3))
    assert c.bounds_mm == ((-2, -3, -3), (2, 3, 5))
    assert (a | b).bounds_mm == ((-3, -4, -5), (11, 4, 5))
    assert (a & c).bounds_mm == ((-2, -3, -3), (2, 3, 5))
    assert (a - c).bounds_mm == a.bounds_mm
    assert a.grown(-1.0).bounds_mm == a.bounds_mm
    assert np.isinf(a.grown(1.0).bounds_mm).all()
    half = HalfSpace((7.0, 8.0, 9.0), (0.0, -1.0, 0.0))
    assert half.bounds_mm == ((-np.inf, 8, -np.inf), (np.inf,) * 3)


def test_levels_are_distances_where_shapes_are_plain() -> None:
    assert Box((1.0, 2.0, 3.0), (4.0, 6.0, 8.0)).level_at((6.0, 2.0, 3.0)) == pytest.approx(3.0)
    assert Box((1.0, 2.0, 3.0), (4.0, 6.0, 8.0)).level_at((1.0, 2.0, 3.0)) == pytest.approx(-2.0)
    tube = Cylinder((1.0, 2.0, 3.0), (5.0, 5.0), 20.0)
    assert tube.level_at((9.0, 2.0, 3.0)) == pytest.approx(3.0)
    assert tube.level_at((1.0, 2.0, 15.0)) == pytest.approx(2.0)
    ball = Ellipsoid((1.0, 2.0, 3.0), (5.0, 5.0, 5.0))
    assert ball.level_at((1.0, 9.0, 3.0)) == pytest.approx(2.0)
    assert ball.grown(1.5).level_at((1.0, 9.0, 3.0)) == pytest.approx(0.5)
    plane = HalfSpace((0.0, 0.0, 4.0), (0.0, 0.0, 2.0))
    assert plane.level_at((7.0, 7.0, 9.0)) == pytest.approx(5.0)
    assert (ball - plane).level_at((1.0, 2.0, 3.0)) == pytest.approx(1.0)


def test_coverage_near_a_corner_of_the_grid_stays_in_it() -> None:
    grid = Grid.regular((4, 5, 6), (2.0, 1.5, 1.0), (0.0, 0.0, 0.0))
    box, fractions = coverage(Box((-1.0, -1.0, -1.0), (4.0, 4.0, 4.0)), grid)
    assert [(s.start, s.stop) for s in box] == [(0, 1), (0, 2), (0, 2)]
    assert fractions.shape == (1, 2, 2)
    # z to 1 covers the first slice; y to 1 the first row and 1/6 of the second; x to 1 half more
    assert fractions[0] == pytest.approx(np.outer([1.0, 1 / 6], [1.0, 0.5]), abs=0.01)


@pytest.mark.parametrize(
    ("place", "made_of", "uptake"),
    [
        ((165, 0, 0), "adipose", 0), ((148, 0, -60), "muscle", 0), ((0, -85, 60), "adipose", 0),
        ((0, -58, -92), "soft-tissue", 0), ((26, -42, 120), "muscle", 0),
        ((12, 38, -100), "soft-tissue", 0), ((112, 38, 22), "soft-tissue", 0),
        ((62, 52, -72), "soft-tissue", 0), ((74, 8, 38), "water", 0), ((62, -50, -30), "air", 0),
        ((0, 60, 0), "bone", 0), ((0, 87, 15), "soft-tissue", 0), ((0, -98, 165), "bone", 0),
        ((-48, -42, -56), "water", 0), ((-80, 4, 150), "lung", 0), ((-110, 4, 0), "liver", 1),
        ((185, 0, 0), "air", 0),
    ],
)  # fmt: skip
def test_each_organ_is_made_of_its_tissue(place, made_of: str, uptake: float) -> None:
    """One small voxel deep inside each part; beads go to the liver alone."""
    voxel = Grid.regular((1, 1, 1), (1.0, 1.0, 1.0), [float(v) for v in place])
    painting = paint(voxel, liver_net._parts(torso(), ()))
    assert painting.density[0, 0, 0] == pytest.approx(tissue(made_of).density_g_ml, rel=1e-3)
    assert painting.uptake[0, 0, 0] == uptake


def test_the_mix_of_lesions_is_that_of_the_table() -> None:
    mix = liver_net._mix(load_table("phantoms").rows["liver-net"][0])
    assert mix == LesionMix(40, 3.0, 60.0, 4.5, 0.7, 3.0, 7.0, 24.0, 0.55)


def test_lesions_are_of_soft_tissue_around_a_core_of_water() -> None:
    lesion = Lesion("Tumour 7", Ellipsoid((-80.0, 4.0, 0.0), (12.0,) * 3), 24.0, 5.5,
                    Ellipsoid((-80.0, 4.0, 0.0), (6.0,) * 3), True)  # fmt: skip
    grid = Grid.regular((1, 1, 2), (1.0, 1.0, 1.0), (-71.0, 4.0, 0.0))
    shell = paint(grid, liver_net._parts(torso(), (lesion,)))
    assert shell.density[0, 0, 0] == pytest.approx(tissue("soft-tissue").density_g_ml, rel=1e-5)
    assert shell.uptake[0, 0, 0] == 5.5
    parts = liver_net._parts(torso(), (lesion,))[-2:]
    assert [(p.name, p.role, p.tissue, p.uptake, p.territory) for p in parts] == [
        ("Tumour 7", "tumour", "soft-tissue", 5.5, "Perfused right"),
        ("Necrosis 7", "necrosis", "water", 0.0, "Perfused right"),
    ]  # fmt: skip


def test_the_ct_shows_the_torso_from_end_to_end() -> None:
    """360 mm along z and 380 across, in whole voxels, centred."""
    for voxel, shape in (((8.0, 8.0, 8.0), (45, 48, 48)), ((7.0, 5.0, 3.0), (52, 76, 127))):
        grid = liver_net._grid(voxel)
        assert (grid.shape, grid.spacing_mm) == (shape, voxel)
        middle = grid.to_patient([(n - 1) / 2 for n in shape])
        assert middle == pytest.approx((0.0, 0.0, 55.0))


@pytest.mark.parametrize(
    ("name", "voxel_mm", "shape"),
    [("uniform", 4.0, (60, 60, 60)), ("sphere", 3.0, (40, 40, 40)), ("slabs", 5.0, (24, 24, 36)),
     ("nema-like", 10.0, (22, 25, 32)), ("uniform", 7.0, (35, 35, 35))],
)  # fmt: skip
def test_a_plain_phantom_fills_its_grid_and_lies_in_its_middle(name, voxel_mm, shape) -> None:
    """240 mm around a cube of 200; a sphere in 120; slabs of 180 x 120 x 120; 10 mm of margin."""
    made = make_phantom(name, voxel_mm=voxel_mm)
    assert made.ct.grid.shape == made.activity.grid.shape == shape
    middle = made.ct.grid.to_patient([(n - 1) / 2 for n in shape])
    assert middle == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("name", ["uniform", "sphere"])
def test_maps_say_what_they_are_of(name: str) -> None:
    made = make_phantom(name, voxel_mm=10.0)
    activity, tracer = made.activity, made.tracer
    assert (activity.nuclide, activity.time, activity.injected_bq) == ("y90", "injection", 1e9)
    assert (tracer.nuclide, tracer.time, tracer.injected_bq) == ("tc99m", "injection", 150e6)
    assert activity.total() == pytest.approx(1e9, rel=1e-5)
    assert tracer.total() == pytest.approx(150e6, rel=1e-5)
    units = [volume.unit for volume in (made.ct, made.density, activity, tracer)]
    assert units == [Unit.HU, Unit.G_PER_ML, Unit.BQ_PER_ML, Unit.BQ_PER_ML]
    assert (made.name, made.truth["name"], made.truth["injected_bq"]) == (name, name, 1e9)
    assert made.truth["lung_shunt_fraction"] == 0.0
