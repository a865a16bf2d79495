"""The digital patients against what they say of themselves (hand formulas and plain counting)."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.phantoms import DigitalPatient, make_phantom, phantom_names, true_doses_gy
from opensirt.phantoms.imaging import default_spect, simulate_spect
from opensirt.physics.materials import density_from_hu, tissue

COARSE_MM = 4.0


@pytest.fixture(scope="module")
def net() -> DigitalPatient:
    return make_phantom("liver-net", voxel_mm=COARSE_MM, seed=1)


@pytest.fixture(scope="module")
def fine() -> DigitalPatient:
    return make_phantom("liver-net", voxel_mm=(2.5, 2.0, 2.0), seed=1)


def test_forty_lesions_from_3_to_60_mm(net: DigitalPatient) -> None:
    diameters = [t["diameter_mm"] for t in net.truth["tumours"]]
    assert len(diameters) == 40
    assert (min(diameters), max(diameters)) == (pytest.approx(3.0), pytest.approx(60.0))
    assert 10 < np.median(diameters) < 18
    ratios = [t["tumour_to_normal"] for t in net.truth["tumours"]]
    assert 3.0 <= min(ratios) < 4.0 < 5.0 < max(ratios) <= 7.0
    assert len(net.regions.with_role("necrosis")) >= 3


def test_lesions_are_apart_and_in_the_liver_and_one_territory(fine: DigitalPatient) -> None:
    tumours = fine.regions.with_role("tumour")
    for a, b in itertools.combinations(fine.truth["tumours"], 2):
        gap = math.dist(a["centre_mm"], b["centre_mm"])
        assert gap > (a["diameter_mm"] + b["diameter_mm"]) / 2 + 2
    for tumour in tumours:
        assert tumour.territory is not None
        outside = (tumour - fine.regions[tumour.territory]).volume_ml
        assert outside == pytest.approx(0, abs=2e-3 * tumour.volume_ml)
        assert (tumour - fine.regions["Liver"]).volume_ml == pytest.approx(0, abs=1e-6)


def test_organs_have_adult_sizes(fine: DigitalPatient) -> None:
    """Liver as ordered (1.6 to 1.8 L); lungs of an adult, 950 to 1200 g with blood (ICRP 89)."""
    rows = {row["name"]: row for row in fine.truth["regions"]}
    assert 1600 < rows["Liver"]["volume_ml"] < 1800
    assert 3000 < rows["Lungs"]["volume_ml"] < 4000
    assert 850 < rows["Lungs"]["mass_g"] < 1200
    assert rows["Perfused left"]["volume_ml"] / rows["Liver"]["volume_ml"] == pytest.approx(
        0.28, abs=0.05
    )


def test_same_volumes_at_another_voxel_size(net: DigitalPatient, fine: DigitalPatient) -> None:
    for region in net.regions:
        assert region.volume_ml == pytest.approx(fine.regions[region.name].volume_ml, rel=0.01)
    for row in (*net.truth["tumours"], *fine.truth["tumours"]):
        assert row["volume_ml"] == pytest.approx(row["analytic_volume_ml"], rel=0.005)
        assert row["analytic_volume_ml"] == pytest.approx(
            math.pi / 6 * row["diameter_mm"] ** 3 * 1e-3, rel=1e-9
        )


def test_territories_close_to_the_liver(net: DigitalPatient) -> None:
    rows = {row["name"]: row for row in net.truth["regions"]}
    for key in ("volume_ml", "mass_g", "activity_fraction"):
        both = rows["Perfused right"][key] + rows["Perfused left"][key]
        assert both == pytest.approx(rows["Liver"][key], rel=1e-6)
    assert rows["Liver"]["activity_fraction"] == pytest.approx(0.95, rel=2e-4)
    in_tumours = sum(t["activity_fraction"] for t in net.truth["tumours"])
    assert rows["Normal liver"]["activity_fraction"] + in_tumours == pytest.approx(0.95, rel=2e-4)


def test_activity_map_holds_the_injection_and_the_shunt(net: DigitalPatient) -> None:
    assert net.activity.injected_bq == 1e9
    assert net.activity.total() == pytest.approx(1e9, rel=1e-6)
    lungs = net.regions["Lungs"]
    inside = lungs.fractions > 0
    in_lungs = net.activity.values[lungs.box][inside].sum(dtype=float) * 0.064
    liver = net.regions["Liver"].whole()[lungs.box][inside].sum(dtype=float) * 0.064
    in_lungs -= liver * net.truth["normal_concentration_bq_ml"]  # share of edge voxels
    assert in_lungs == pytest.approx(0.05e9, rel=1e-4)
    assert net.tracer.total() == pytest.approx(default_spect().injected_bq, rel=1e-6)


def test_tumour_to_normal_is_exact_on_the_true_map(fine: DigitalPatient) -> None:
    """In voxels wholly inside the viable part, the ratio is the one in the truth."""
    normal = fine.truth["normal_concentration_bq_ml"]
    seen = 0
    for row in fine.truth["tumours"]:
        tumour = fine.regions[row["name"]]
        core = row["name"].replace("Tumour", "Necrosis")
        viable = tumour - fine.regions[core] if core in fine.regions else tumour
        values = fine.activity.values[viable.box][viable.fractions == 1]
        if values.size:
            seen += 1
            assert np.allclose(values / normal, row["tumour_to_normal"], rtol=1e-5)
    assert seen >= 35


def test_activity_fractions_come_back_by_unmixing_the_voxels(net: DigitalPatient) -> None:
    """Sum over a tumour's voxels, less normal liver in them, is its activity (hand algebra)."""
    normal, ml = net.truth["normal_concentration_bq_ml"], net.activity.grid.voxel_volume_ml
    liver = net.regions["Liver"].whole()
    for row in net.truth["tumours"]:
        tumour = net.regions[row["name"]]
        others = sum(
            other["activity_fraction"]
            for other in net.truth["tumours"]
            if other["name"] != row["name"] and _touch(net, row["name"], other["name"])
        )
        if others:
            continue
        used = tumour.fractions > 0
        total = net.activity.values[tumour.box][used].sum(dtype=float) * ml
        around = (liver[tumour.box][used] - tumour.fractions[used]).sum(dtype=float) * ml * normal
        assert (total - around) / 1e9 == pytest.approx(row["activity_fraction"], rel=2e-3)


def _touch(net: DigitalPatient, a: str, b: str) -> bool:
    boxes = net.regions[a].box, net.regions[b].box
    return all(i.start < j.stop and j.start < i.stop for i, j in zip(*boxes, strict=True))


def test_mass_from_the_noisy_ct_is_the_true_mass(fine: DigitalPatient) -> None:
    """CT numbers map back to tissue densities; what is left is the mix in edge voxels."""
    density = fine.ct.with_values(density_from_hu(fine.ct.values))
    ml = fine.ct.grid.voxel_volume_ml
    rows = {row["name"]: row for row in fine.truth["regions"]}
    liver_g = fine.regions["Liver"].sum_of(density) * ml
    assert liver_g == pytest.approx(rows["Liver"]["mass_g"], rel=0.005)
    lungs_g = fine.regions["Lungs"].sum_of(density) * ml
    assert rows["Lungs"]["mass_g"] < lungs_g < rows["Lungs"]["mass_g"] * 1.08
    assert rows["Lungs"]["mass_g"] == pytest.approx(
        rows["Lungs"]["volume_ml"] * tissue("lung").density_g_ml
    )


def test_true_doses_follow_the_definition(net: DigitalPatient) -> None:
    """A k f / m with k = 49.67: lungs 1 GBq x 49.67 x 0.05 / mass in kg."""
    doses = true_doses_gy(net.truth, 49.67)
    lungs = next(row for row in net.truth["regions"] if row["name"] == "Lungs")
    assert doses["Lungs"] == pytest.approx(49.67 * 0.05 / (lungs["mass_g"] / 1000))
    assert true_doses_gy(net.truth, 49.67, 2e9)["Liver"] == pytest.approx(2 * doses["Liver"])
    assert doses["Tumour 40"] / doses["Normal liver"] == pytest.approx(
        net.truth["tumours"][39]["tumour_to_normal"] * 1.06 / tissue("soft-tissue").density_g_ml
    )


def test_spect_keeps_the_counts_and_the_shunt(net: DigitalPatient) -> None:
    settings = default_spect()
    image = simulate_spect(net.tracer, seed=1, noise=False)
    assert image.total() == pytest.approx(settings.total_counts, rel=1e-3)
    noisy = simulate_spect(net.tracer, seed=1)
    assert noisy.total() == pytest.approx(settings.total_counts, rel=2e-3)
    assert noisy.values.tobytes() == simulate_spect(net.tracer, seed=1).values.tobytes()


def test_same_seed_same_bytes_other_seed_other_lesions(net: DigitalPatient) -> None:
    again = make_phantom("liver-net", voxel_mm=COARSE_MM, seed=1)
    assert again.ct.values.tobytes() == net.ct.values.tobytes()
    assert again.activity.values.tobytes() == net.activity.values.tobytes()
    assert json.dumps(again.truth) == json.dumps(net.truth)
    other = make_phantom("liver-net", voxel_mm=8.0, seed=2)
    assert other.truth["tumours"][0]["centre_mm"] != net.truth["tumours"][0]["centre_mm"]


def test_nema_like_spheres_and_ratio() -> None:
    phantom = make_phantom("nema-like")
    rows = phantom.truth["tumours"]
    assert [row["diameter_mm"] for row in rows] == [10, 13, 17, 22, 28, 37]
    assert [row["tumour_to_normal"] for row in rows] == [8.0] * 6
    for row in rows:
        assert row["volume_ml"] == pytest.approx(
            math.pi / 6 * row["diameter_mm"] ** 3 / 1000, rel=0.005
        )
    assert phantom.activity.total() == pytest.approx(1e9, rel=1e-6)


def test_uniform_sphere_and_slabs_hold_what_they_say() -> None:
    uniform = make_phantom("uniform")
    assert uniform.regions["Liver"].volume_ml == pytest.approx(144**3 / 1000, rel=1e-4)
    assert uniform.activity.values.max() == pytest.approx(1e9 / 2985.984, rel=1e-4)
    sphere = make_phantom("sphere")
    assert sphere.truth["tumours"][0]["activity_fraction"] == pytest.approx(1, rel=1e-6)
    assert sphere.truth["tumours"][0]["tumour_to_normal"] is None
    slabs = make_phantom("slabs")
    middle = slabs.density.values[30, 30, [10, 45, 80]]
    expected = [tissue(name).density_g_ml for name in ("lung", "soft-tissue", "bone")]
    assert middle.tolist() == pytest.approx(expected)
    assert slabs.regions["Soft slab"].volume_ml == pytest.approx(864, rel=1e-4)


def test_unknown_names_and_sizes_are_refused() -> None:
    assert phantom_names() == ("liver-net", "nema-like", "slabs", "sphere", "uniform")
    with pytest.raises(UnknownNameError, match="phantom 'liver' is unknown; choose one of liver-"):
        make_phantom("liver")
    with pytest.raises(InputError, match="one or three positive mm, got -2"):
        make_phantom("sphere", voxel_mm=-2)
