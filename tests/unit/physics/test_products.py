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
