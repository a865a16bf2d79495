"""Digital patients: places, lesions and truth against what the voxels hold."""

from __future__ import annotations

import math

import pytest

from opensirt.phantoms import DigitalPatient, make_phantom, true_doses_gy
from opensirt.phantoms.anatomy import RibCage, torso
from opensirt.phantoms.lesions import LesionMix, lesion_diameters_mm, place_lesions
from opensirt.phantoms.shapes import Ellipsoid, HalfSpace
from opensirt.physics.materials import tissue

MIX = LesionMix(12, 6.0, 34.0, 4.0, 1.5, 2.0, 8.0, 20.0, 0.5)


@pytest.fixture(scope="module")
def net() -> DigitalPatient:
    return make_phantom("liver-net", voxel_mm=8.0, seed=3)


def test_lesions_have_the_volume_of_their_diameter_whatever_their_shape() -> None:
    liver = Ellipsoid((5.0, -9.0, 4.0), (90.0, 80.0, 70.0))
    lesions = place_lesions(liver, HalfSpace((0.0, 0.0, 0.0), (1.0, 0.3, 0.0)), MIX, seed=4)
    assert [lesion.diameter_mm for lesion in lesions] == lesion_diameters_mm(12, 6.0, 34.0)
    for lesion in lesions:
        assert lesion.shape.volume_ml == pytest.approx(
            math.pi / 6 * lesion.diameter_mm**3 / 1000, rel=1e-6
        )
    shapes = [len({round(r, 6) for r in lesion.shape.radii_mm}) for lesion in lesions]
    assert shapes[0] == 3  # the large ones are not round,
    assert shapes[-1] == 1  # the small ones are


def test_lesions_keep_clear_of_each_other_and_of_the_border_between_territories() -> None:
    liver = Ellipsoid((5.0, -9.0, 4.0), (90.0, 80.0, 70.0))
    border = HalfSpace((0.0, 0.0, 0.0), (1.0, 0.3, 0.0))
    lesions = place_lesions(liver, border, MIX, seed=4)
    for number, one in enumerate(lesions):
        reach = max(one.shape.radii_mm)
        side = border.level_at(one.shape.centre_mm)
        assert abs(side) > reach + 2.0
        assert liver.level_at(one.shape.centre_mm) < -(reach + 2.0)
        assert one.in_first_territory == (side < 0)
        assert (one.core is not None) == (one.diameter_mm >= 20.0 and number % 2 == 0)
        for other in lesions[:number]:
            gap = math.dist(one.shape.centre_mm, other.shape.centre_mm)
            assert gap > reach + max(other.shape.radii_mm) + 2.5


def test_activity_adds_up_to_what_was_injected(net: DigitalPatient) -> None:
    """Voxels hold 1 GBq, the lungs their shunt of it; so does the account of the truth."""
    shunt = net.truth["lung_shunt_fraction"]
    assert 0.0 < shunt < 0.2
    assert net.activity.total() == pytest.approx(1e9, rel=1e-5)
    rows = {row["name"]: row["activity_fraction"] for row in net.truth["regions"]}
    assert rows["Lungs"] == shunt
    assert rows["Liver"] + rows["Lungs"] == pytest.approx(1.0, abs=1e-3)
    assert rows["Perfused right"] + rows["Perfused left"] == pytest.approx(rows["Liver"])
    lesions = sum(row["activity_fraction"] for row in net.truth["tumours"])
    assert rows["Normal liver"] + lesions == pytest.approx(rows["Liver"], rel=1e-9)
    free = net.truth["free_pertechnetate_fraction"]
    assert net.tracer.total() == pytest.approx(net.tracer.injected_bq, rel=1e-5)
    stomach = net.regions["Stomach"].sum_of(net.tracer) * net.tracer.grid.voxel_volume_ml
    assert stomach / net.tracer.total() == pytest.approx(free, rel=0.15)


def test_the_largest_lesion_holds_what_the_truth_says(net: DigitalPatient) -> None:
    row, region = net.truth["tumours"][0], net.regions["Tumour 1"]
    core = net.regions["Necrosis 1"]
    assert row["viable_volume_ml"] == pytest.approx(region.volume_ml - core.volume_ml)
    assert row["activity_fraction"] * 1e9 == pytest.approx(
        row["tumour_to_normal"] * row["viable_volume_ml"]
        * net.truth["normal_concentration_bq_ml"], rel=1e-5,
    )  # fmt: skip
    viable = (region.whole() == 1) & (core.whole() == 0)
    normal = net.truth["normal_concentration_bq_ml"]
    assert viable.sum() > 10
    assert net.activity.values[viable] == pytest.approx(row["tumour_to_normal"] * normal, rel=1e-5)
    assert net.activity.values[core.whole() == 1] == pytest.approx(0.0, abs=1e-3 * normal)


def test_true_doses_are_activity_over_mass(net: DigitalPatient) -> None:
    """1 GBq in 1 kg is the dose constant; a lesion takes its share of both."""
    doses = true_doses_gy(net.truth, 50.0, 2e9)
    row = net.truth["tumours"][3]
    expected = 2.0 * 50.0 * row["activity_fraction"] / (row["mass_g"] / 1000)
    assert doses[row["name"]] == pytest.approx(expected)


def test_truth_of_the_spheres_follows_from_the_voxels_around_them() -> None:
    """Background times its volume without the spheres, and spheres at their ratio, are all."""
    made = make_phantom("nema-like", voxel_mm=4.0)
    warm = made.activity.at((110.0, 30.0, 40.0))
    (liver,), spheres = made.truth["regions"], made.truth["tumours"]
    assert len(spheres) == 6
    for row in spheres:
        held = row["tumour_to_normal"] * warm * row["volume_ml"]
        assert row["activity_fraction"] * 1e9 == pytest.approx(held, rel=1e-4)
        assert row["analytic_volume_ml"] == pytest.approx(
            math.pi / 6 * row["diameter_mm"] ** 3 / 1000
        )
    hot_ml = sum(row["volume_ml"] for row in spheres)
    hot = sum(row["activity_fraction"] for row in spheres)
    expected = (liver["volume_ml"] - hot_ml) * warm + hot * 1e9
    assert liver["activity_fraction"] * 1e9 == pytest.approx(expected, rel=1e-4)


def test_the_territories_lie_on_their_sides(net: DigitalPatient) -> None:
    """+x is the patient's left; the spleen's side of the liver is the smaller one."""
    right, left = net.regions["Perfused right"], net.regions["Perfused left"]
    assert right.centroid_mm[0] < -50 < left.centroid_mm[0]
    assert right.volume_ml > left.volume_ml
    assert right.volume_ml + left.volume_ml == pytest.approx(net.regions["Liver"].volume_ml)


def test_a_lesion_with_a_core_has_the_mass_of_both(net: DigitalPatient) -> None:
    """Soft tissue around, water inside; the ratio by mass is that by volume over the densities."""
    soft, water, liver = (tissue(name).density_g_ml for name in ("soft-tissue", "water", "liver"))
    row = net.truth["tumours"][0]
    core_ml = row["volume_ml"] - row["viable_volume_ml"]
    assert core_ml > 1.0
    assert row["viable_mass_g"] == pytest.approx(row["viable_volume_ml"] * soft)
    assert row["mass_g"] == pytest.approx(row["viable_volume_ml"] * soft + core_ml * water)
    ratios = net.truth["tumour_to_normal"]
    volume_ml, mass_g = (sum(r[k] for r in net.truth["tumours"]) for k in ("volume_ml", "mass_g"))
    by_mass = ratios["whole_by_volume"] * volume_ml / mass_g * liver
    assert ratios["whole_by_mass"] == pytest.approx(by_mass)
    assert ratios["viable_by_volume"] > ratios["whole_by_volume"]


def test_uptake_of_lesions_lies_between_the_ends_of_the_table() -> None:
    wide = LesionMix(40, 4.0, 12.0, 4.0, 5.0, 2.0, 8.0, 99.0, 0.5)
    liver = Ellipsoid((0.0, 0.0, 0.0), (95.0, 90.0, 85.0))
    lesions = place_lesions(liver, HalfSpace((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), wide, seed=1)
    uptake = [lesion.uptake for lesion in lesions]
    assert (min(uptake), max(uptake)) == (2.0, 8.0)
    assert 2.0 < sorted(uptake)[20] < 8.0


def test_organs_lie_where_they_do_in_a_body() -> None:
    """The heart's middle is no lung; ribs fall towards the front; liver right, spleen left."""
    parts = torso()
    for place in ((26.0, -42.0, 120.0), (4.0, -14.0, 185.0), (0.0, 40.0, 120.0)):
        assert parts["lungs"].level_at(place) > 0, place
    assert parts["lungs"].level_at((-74.0, 4.0, 120.0)) < 0
    assert parts["lungs"].level_at((74.0, 4.0, 120.0)) < 0
    assert (
        parts["liver"].level_at((-74.0, 4.0, 0.0)) < 0 < parts["liver"].level_at((74.0, 4.0, 0.0))
    )
    cage = RibCage((149.0, 98.5), 4.2, 27.0, 0.42, (-45.0, 200.0))
    side = (149.0, -1.0, 0.42 * -1.0)  # on the wall at the side, on the axis of a rib
    assert cage.level_at(side) == pytest.approx(-4.2, abs=0.05)
    front_y = -80.0  # -y is the front, so the rib lies lower there
    x = 149.0 * (1 - abs((front_y + 1.0) / 98.5) ** 2.2) ** (1 / 2.2)
    assert cage.level_at((x, front_y, 0.42 * front_y)) == pytest.approx(-4.2, abs=0.05)
    assert cage.level_at((x, front_y, -0.42 * front_y)) > 0
