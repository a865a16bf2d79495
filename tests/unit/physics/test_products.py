"""Products: spheres, vials, rules."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.physics.nuclides import nuclide
from opensirt.physics.products import product, product_names, sphere_count, spheres_in


def test_names():
    assert product_names() == ("glass-y90", "ho166-plla", "resin-y90")
    with pytest.raises(UnknownNameError, match="product 'glass' is unknown; choose one of glass"):
        product("glass")


def test_plan_and_voxel_dose_share_one_constant():
    for name in product_names():
        of = product(name)
        own = nuclide(of.nuclide_name).dose_constant_gy_kg_per_gbq
        assert of.dose_constant_gy_kg_per_gbq == own
    assert product("ho166-plla").dose_constant_gy_kg_per_gbq == pytest.approx(15.87)


def test_spheres_of_glass_and_resin():
    glass, resin = product("glass-y90"), product("resin-y90")
    assert (glass.sphere_diameter_um, glass.activity_per_sphere_bq) == (25.0, 2500.0)
    assert [q.value for q in glass.quantities["sphere_density_g_ml"]] == [3.2, 3.245, 3.4, 3.6]
    assert (resin.sphere_diameter_um, resin.sphere_density_g_ml) == (32.5, 1.6)
    assert resin.quantity("sphere_diameter_um").high == 60


def test_vials():
    assert product("glass-y90").vials_gbq == (3, 5, 7, 10, 15, 20)
    assert product("resin-y90").vials_gbq == (3.0,)
    assert product("ho166-plla").vials_gbq == ()
    assert product("ho166-plla").shelf_life_h is None
    assert product("glass-y90").shelf_life_h == 288.0


def test_shunt_reductions_of_resin():
    resin = product("resin-y90")
    assert resin.shunt_reduction(0.10) is None
    assert resin.shunt_reduction(0.11).reduction_fraction == 0.20
    assert resin.shunt_reduction(0.15).reduction_fraction == 0.20
    assert resin.shunt_reduction(0.16).reduction_fraction == 0.40
    assert resin.maker_rules["shunt_contraindicated_above_fraction"].value == 0.20
    assert product("glass-y90").maker_rules["lung_activity_cap_gbq"].value == 0.61
    assert product("glass-y90").shunt_reduction(0.5) is None


def test_residuals_are_data():
    assert product("resin-y90").quantity("residual_fraction").value == 0.0301
    assert product("glass-y90").quantity("residual_fraction").value == 0.0061
    holmium = product("ho166-plla").quantity("residual_fraction")
    assert (holmium.value, holmium.low, holmium.high) == (0.043, 0.035, 0.069)
    assert holmium.source == "drescher2021"
    assert product("ho166-plla").quantity("scout_residual_fraction").value == 0.312


def test_what_one_vial_holds():
    """Resin 72 h before calibration; glass at calibration; holmium as the largest dose printed."""
    resin = 3.0 * 2 ** (72 / 64.1)
    assert product("resin-y90").vial_capacity_gbq == pytest.approx(resin, rel=1e-9)
    assert product("glass-y90").vial_capacity_gbq == 20.0
    assert product("ho166-plla").vial_capacity_gbq == 12.0


def test_sources_that_disagree_on_a_sphere_can_be_chosen_by_name():
    resin = product("resin-y90")
    found = {q.name: q.value for q in resin.quantities["activity_per_sphere_bq"]}
    assert found == {"maker": 68.2, "reviews": 50.0, "as-delivered": 65.0}
    assert resin.quantity("activity_per_sphere_bq", "reviews").source == "wjh2015"
    assert resin.quantity("activity_per_sphere_bq").source == "sirtex-web"
    for choice, count in (
        (None, 3e9 / 68.2),
        ("reviews", 60e6),
        ("as-delivered", 3e9 / 65),
        (75.0, 40e6),
    ):
        assert spheres_in(resin, 3e9, choice=choice).count == pytest.approx(count, rel=1e-12)
    with pytest.raises(
        UnknownNameError, match="'lab' of resin-y90 is unknown; choose one of maker"
    ):
        spheres_in(resin, 3e9, choice="lab")


def test_the_same_activity_is_more_spheres_later_and_fewer_before_calibration():
    """Glass after 5 days: 2500 Bq are 683, 3 GBq are 4.39 million spheres; resin a day early."""
    glass = spheres_in(product("glass-y90"), 3e9, hours_since_calibration=120.0)
    assert glass.activity_per_sphere_bq == pytest.approx(2500 * 2 ** (-120 / 64.1))
    assert glass.count == pytest.approx(1.2e6 * 2 ** (120 / 64.1))
    early = spheres_in(product("resin-y90"), 3e9, hours_since_calibration=-24.0, choice="reviews")
    assert early.count == pytest.approx(60e6 * 2 ** (-24 / 64.1))
    unknown = spheres_in(product("ho166-plla"), 3e9)
    assert (unknown.hours_since_calibration, unknown.source) == (None, "nice-ta985")
    assert (unknown.low, unknown.count, unknown.high) == pytest.approx((7.5e6, 10e6, 15e6))


def test_sphere_count_needs_sense():
    glass = product("glass-y90")
    assert sphere_count(glass, 3e9, 1250.0) == 2.4e6
    with pytest.raises(InputError, match="sphere count needs activity >= 0 Bq"):
        sphere_count(glass, -1.0)
    with pytest.raises(UnknownNameError, match="glass-y90 has no 'colour'"):
        glass.quantity("colour")


@pytest.mark.parametrize(
    ("activity_bq", "per_sphere_bq"), [(-1.0, 50.0), (3e9, 0.0), (3e9, -5.0), (-1.0, -5.0)]
)
def test_spheres_are_counted_from_nothing_up_and_by_what_each_holds(activity_bq, per_sphere_bq):
    with pytest.raises(InputError, match="sphere count needs activity >= 0 Bq and activity per"):
        sphere_count(product("glass-y90"), activity_bq, per_sphere_bq)
    assert sphere_count(product("glass-y90"), 0.0) == 0.0
    assert sphere_count(product("glass-y90"), 5000.0) == 2.0


def test_the_range_of_spheres_is_that_of_their_activity():
    """Fewer Bq each are more spheres: 64.4 to 72.5 Bq of resin; a given figure has no range."""
    found = spheres_in(product("resin-y90"), 3e9)
    assert found.low == pytest.approx(3e9 / 72.5)
    assert found.high == pytest.approx(3e9 / 64.4)
    assert found.activity_per_sphere_bq == 68.2
    bare = spheres_in(product("resin-y90"), 3e9, choice="reviews")
    assert (bare.low, bare.high) == (bare.count, bare.count)
    given = spheres_in(product("resin-y90"), 3e9, choice=60.0, hours_since_calibration=64.1)
    assert (given.source, given.activity_per_sphere_bq) == ("given", pytest.approx(30.0))
    assert given.low == given.high == given.count == pytest.approx(1e8)
    assert given.hours_since_calibration == 64.1


@pytest.mark.parametrize(
    ("shunt", "reduction"),
    [(0.0, None), (0.10, None), (0.1001, 0.2), (0.15, 0.2), (0.1501, 0.4), (0.9, 0.4)],
)
def test_the_maker_reduces_above_ten_and_fifteen_percent(shunt, reduction):
    found = product("resin-y90").shunt_reduction(shunt)
    assert (None if found is None else found.reduction_fraction) == reduction


def test_a_number_is_chosen_by_name_or_source_or_is_the_first():
    glass = product("glass-y90")
    densities = glass.quantities["sphere_density_g_ml"]
    assert glass.sphere_density_g_ml == densities[0].value == 3.2
    for quantity in densities:
        wanted = quantity.name or quantity.source
        assert glass.quantity("sphere_density_g_ml", wanted) == quantity
    with pytest.raises(UnknownNameError, match="'x' of glass-y90 is unknown; choose one of"):
        glass.quantity("sphere_density_g_ml", "x")


def test_labels_nuclides_and_rules_are_their_own():
    found = {name: product(name) for name in product_names()}
    assert {n: p.nuclide.name for n, p in found.items()} == {
        "glass-y90": "y90", "ho166-plla": "ho166", "resin-y90": "y90",
    }  # fmt: skip
    assert len({p.label for p in found.values()}) == 3
    assert set(found["resin-y90"].maker_rules) == {"shunt_contraindicated_above_fraction"}
    assert found["resin-y90"].shelf_life_h == 24.0
    sources = {rule.source for rule in found["resin-y90"].shunt_reductions}
    assert sources == {"vanroekel"}
