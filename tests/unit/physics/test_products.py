"""Products: spheres, vials, rules."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.physics.nuclides import nuclide
from opensirt.physics.products import product, product_names, sphere_count


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


def test_sphere_count_needs_sense():
    glass = product("glass-y90")
    assert sphere_count(glass, 3e9, 1250.0) == 2.4e6
    with pytest.raises(InputError, match="sphere count needs activity >= 0 Bq"):
        sphere_count(glass, -1.0)
    with pytest.raises(UnknownNameError, match="glass-y90 has no 'colour'"):
        glass.quantity("colour")
