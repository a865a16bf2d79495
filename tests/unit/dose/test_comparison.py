"""Engines against a reference: differences by hand, what is flagged, and what noise allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.dose.comparison import (
    EngineDose,
    compare_doses,
    gamma_criteria,
    mean_tolerance,
    reference_engine,
)
from opensirt.dose.density_regions import (
    HALF_MAXIMUM,
    density_regions,
    regions_of_varied_density,
)
from opensirt.dose.disagreement import density_findings, disagreement_findings
from opensirt.errors import GridMismatchError, InputError
from opensirt.image import Region, Regions, Volume
from opensirt.units import Unit
from tests.dose_samples import volume

SHAPE = (20, 20, 20)


@pytest.fixture
def density() -> Volume:
    """Air in the first two layers, then lung, soft tissue from layer 8, bone in the last two."""
    rho = np.full(SHAPE, 1.05)
    rho[:8], rho[:2], rho[18:] = 0.3, 0.001, 1.5
    return volume(rho, Unit.G_PER_ML)


@pytest.fixture
def regions(density) -> Regions:
    """Lungs reach into air."""
    lungs, liver = np.zeros(SHAPE), np.zeros(SHAPE)
    lungs[:8], liver[8:18] = 1, 1
    return Regions((
        Region.from_mask("lungs", "lungs", lungs, density.grid),
        Region.from_mask("liver", "liver", liver, density.grid),
    ))  # fmt: skip


def made(lungs_gy: float, liver_gy: float, air_gy: float = 0.0) -> Volume:
    gray = np.full(SHAPE, liver_gy)
    gray[:8], gray[:2], gray[18:] = lungs_gy, air_gy, 0.2
    return volume(gray, Unit.GY)


def errors(fraction: float) -> Volume:
    return volume(np.full(SHAPE, fraction), Unit.FRACTION)


def test_differences_of_the_means_by_hand(density, regions):
    """Air counts in neither mean, whatever the engine says of it."""
    doses = [
        EngineDose("local", made(7.3, 103.0)),
        EngineDose("voxel-convolution", made(10.0, 100.0, 900.0)),
    ]
    found = compare_doses(doses, density, regions)
    assert (found.reference, found.engines) == ("voxel-convolution", ("local",))
    lungs, liver = found.of("local")
    assert (lungs.name, lungs.verdict) == ("lungs", "differs")
    assert lungs.volume_ml == pytest.approx(6 * 400 * 0.027)
    assert (lungs.mean_dose_gy, lungs.reference_mean_dose_gy) == pytest.approx((7.3, 10.0))
    assert lungs.mean_difference_gy == pytest.approx(-2.7, rel=1e-5)
    assert lungs.mean_difference_fraction == pytest.approx(-0.27, rel=1e-5)
    assert lungs.d95_difference_fraction == pytest.approx(-0.27, rel=1e-5)
    assert lungs.reference_error_fraction is None
    assert (liver.name, liver.verdict) == ("liver", "agrees")
    assert liver.d50_difference_gy == pytest.approx(3.0, rel=1e-5)
    assert [row.tolerance_fraction for row in (lungs, liver)] == [0.10, 0.05]


def test_gamma_per_map_and_region(density, regions):
    """3 and 2.7 % of the maximum too high, but layers beside a steep fall agree within 1 mm.

    12.7 Gy falls to none in 3 mm beside air, so 10 Gy is 0.6 mm away: 1 layer of 6; the liver has
    two such layers of 10.
    """
    doses = [EngineDose("local", made(12.7, 103.0)), EngineDose("monte-carlo", made(10.0, 100.0))]
    found = compare_doses(doses, density, regions)
    assert found.criteria == ("1 %, 1 mm above 10 %",)
    assert found.gamma[0].evaluated_voxels == 16 * 400
    lungs, liver = found.of("local")
    assert lungs.gamma_pass_fractions == (pytest.approx(1 / 6),)
    assert liver.gamma_pass_fractions == (pytest.approx(2 / 10),)
    assert found.gamma[0].pass_fraction == pytest.approx(3 / 16)
    coarse = compare_doses(
        [replace(d, dose=volume(d.dose.values, Unit.GY, (4.0, 4.0, 4.0))) for d in doses],
        volume(density.values, Unit.G_PER_ML, (4.0, 4.0, 4.0)),
        Regions(),
    )
    assert coarse.criteria == ("1 %, 1 mm above 10 %", "3 %, 3 mm above 10 %")
    assert [g.pass_fraction for g in coarse.gamma] == pytest.approx([3 / 16, 1.0])


def test_the_most_trusted_engine_is_the_reference():
    assert reference_engine(["local", "voxel-convolution", "monte-carlo"]) == "monte-carlo"
    assert reference_engine(["voxel-convolution", "voxel-superposition"]) == "voxel-superposition"
    with pytest.raises(InputError, match=r"needs one of monte-carlo, .* found local"):
        reference_engine(["local"])


def test_noise_of_the_reference_is_allowed_for(density, regions):
    """Cubes of 3 x 3 x 3 voxels (9 mm) err as one, so 100 % in a voxel is 8 % in this liver."""
    doses = [EngineDose("local", made(10.0, 106.0)), EngineDose("monte-carlo", made(10.0, 100.0))]
    blocks = [np.diff(np.r_[np.arange(0, n, 3), n]) for n in (10, 20, 20)]
    sizes = np.multiply.outer(np.multiply.outer(*blocks[:2]), blocks[2])
    per_voxel = float(np.sqrt((sizes**2).sum()) / sizes.sum())
    for error, verdict in ((0.05, "differs"), (0.5, "uncertain")):
        noisy = [doses[0], replace(doses[1], relative_error=errors(error))]
        liver = compare_doses(noisy, density, regions, with_gamma=False).of("local")[1]
        assert liver.reference_error_fraction == pytest.approx(per_voxel * error, rel=1e-5)
        assert liver.verdict == verdict
    assert per_voxel == pytest.approx(0.085, abs=0.01)


def test_a_wrong_lung_is_a_warning_with_its_numbers(density, regions):
    doses = [EngineDose("local", made(7.3, 101.0)), EngineDose("monte-carlo", made(10.0, 100.0))]
    found = compare_doses(doses, density, regions, with_gamma=False)
    (finding,) = disagreement_findings(found)
    assert (finding.severity, finding.code) == ("warn", "engine-disagreement")
    assert finding.source == "assumption"
    assert finding.text == (
        "local gives lungs 27 % less (7.3 for 10 Gy), compared with monte-carlo."
    )
    assert disagreement_findings(found, judged="monte-carlo")[0].severity == "note"
    other = replace(found, reference="voxel-superposition")
    (matters,) = density_findings(other, "local", frozenset({"lungs"}))
    assert (matters.severity, matters.code) == ("warn", "density-matters")
    assert "lungs 27 % less (7.3 for 10 Gy), compared with voxel-superposition" in matters.text


def test_density_is_named_as_the_cause_only_where_it_varies(density, regions):
    """Same difference, even density: the reach of electrons is the cause, or nothing known is."""
    doses = [
        EngineDose("local", made(7.3, 101.0)),
        EngineDose("voxel-superposition", made(10.0, 100.0)),
    ]
    found = compare_doses(doses, density, regions, with_gamma=False)
    (reach,) = density_findings(found, "local", frozenset({"liver"}))
    assert (reach.severity, reach.code) == ("note", "electron-reach")
    assert "lungs 27 % less" in reach.text
    assert "Density is not the cause there, the reach of electrons is" in reach.text
    assert "plan with" not in reach.text
    renamed = replace(
        found, regions=tuple(replace(r, engine="voxel-convolution") for r in found.regions)
    )
    (wrong,) = density_findings(renamed, "voxel-convolution", frozenset())
    assert (wrong.severity, wrong.code) == ("warn", "engine-disagreement")
    assert "one of the two is wrong" in wrong.text


def test_what_lies_within_reach_decides_whether_density_varies():
    """A block 12 mm from lung: electrons of 11 mm do not get there, those of 13 mm do."""
    rho = np.full((20, 20, 20), 1.05)
    rho[:4] = 0.26
    rho[10:13] *= 1.1
    mask = np.zeros(rho.shape)
    mask[8:12, 8:12, 8:12] = 1
    where = volume(rho, Unit.G_PER_ML)
    block = Regions((Region.from_mask("block", "tumour", mask, where.grid),))
    assert regions_of_varied_density(where, block, 11.0) == frozenset()
    assert regions_of_varied_density(where, block, 15.1) == {"block"}
    even = volume(np.full(rho.shape, 0.3), Unit.G_PER_ML)
    assert regions_of_varied_density(even, block, 15.0) == frozenset()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [-1, 1])
def test_other_density_within_reach_counts_on_every_side(axis, side):
    """Lung 10 to 12 mm from one voxel, along axes of three spacings: 8 mm do not reach, 13 do."""
    spacing_mm, middle = (4.0, 3.0, 2.0), 12
    away = 1 + round(9.0 / spacing_mm[axis])
    rho = np.full((24, 24, 24), 1.05)
    plane = [slice(None)] * 3
    plane[axis] = slice(middle + away, None) if side > 0 else slice(None, middle - away + 1)
    rho[tuple(plane)] = 0.26
    mask = np.zeros(rho.shape)
    mask[middle, middle, middle] = 1
    where = volume(rho, Unit.G_PER_ML, spacing_mm)
    block = Regions((Region.from_mask("block", "tumour", mask, where.grid),))
    assert regions_of_varied_density(where, block, 8.0) == frozenset()
    assert regions_of_varied_density(where, block, 13.0) == {"block"}


@pytest.mark.parametrize("corner", [(0, 0, 0), (9, 8, 7), (1, 8, 0)])
def test_density_is_looked_at_up_to_the_borders_of_the_grid(corner):
    """One voxel near a corner of tissue; with 30 mm of reach, of lung two voxels farther on."""
    rho, mask = np.full((10, 9, 8), 1.05), np.zeros((10, 9, 8))
    mask[corner] = 1
    where = volume(rho, Unit.G_PER_ML)
    block = Regions((Region.from_mask("block", "tumour", mask, where.grid),))
    assert regions_of_varied_density(where, block, 30.0) == frozenset()
    rho[3:7] = 0.26
    lung = volume(rho, Unit.G_PER_ML)
    assert regions_of_varied_density(lung, block, 30.0) == {"block"}
    assert regions_of_varied_density(lung, block, 5.0) == frozenset()


def test_reach_is_counted_in_fine_voxels_too():
    """Voxels of half a millimetre, lung 10 mm away: 8 mm do not reach it, 13 do."""
    rho, mask = np.full((1, 1, 60), 1.05), np.zeros((1, 1, 60))
    mask[..., 30], rho[..., 50:] = 1, 0.26
    where = volume(rho, Unit.G_PER_ML, (0.5, 0.5, 0.5))
    block = Regions((Region.from_mask("block", "tumour", mask, where.grid),))
    assert regions_of_varied_density(where, block, 8.0) == frozenset()
    assert regions_of_varied_density(where, block, 13.0) == {"block"}


@pytest.mark.parametrize(("planes", "varied"), [(0, False), (1, True)])
def test_density_varies_by_its_share_within_reach_alone(planes, varied):
    """One voxel in a ball of tissue of 15 mm, all lung beyond it, which does not count; a plane of
    lung 12 mm away is a tenth of the ball."""
    line = (np.arange(13) - 6) ** 2
    away2 = line[:, None, None] + line[:, None] + line
    rho = np.where(away2 <= 25, 1.05, 0.26)
    rho[10 : 10 + planes] = 0.26
    where = volume(rho, Unit.G_PER_ML)
    block = Regions((Region.from_mask("block", "tumour", away2 == 0, where.grid),))
    assert (regions_of_varied_density(where, block, 15.0) == {"block"}) is varied


def test_agreement_and_doubt_are_said(density, regions):
    doses = [EngineDose("local", made(10.5, 101.0)), EngineDose("monte-carlo", made(10.0, 100.0))]
    found = compare_doses(doses, density, regions, with_gamma=False)
    (finding,) = disagreement_findings(found)
    assert (finding.code, finding.source) == ("engines-agree", "mikell2015")
    assert "within 5 % (10 % in lungs) of monte-carlo" in finding.text
    assert density_findings(found, "local", frozenset({"lungs"})) == ()
    noisy = [doses[0], replace(doses[1], relative_error=errors(1.5))]
    unsure = disagreement_findings(compare_doses(noisy, density, regions, with_gamma=False))
    assert [f.code for f in unsure] == ["comparison-uncertain"]
    assert "monte-carlo are more than the difference looked for in lungs (" in unsure[0].text


def test_a_region_with_next_to_no_dose_is_not_judged(density, regions):
    doses = [EngineDose("local", made(0.0, 100.0)), EngineDose("monte-carlo", made(0.05, 100.0))]
    lungs = compare_doses(doses, density, regions, with_gamma=False).of("local")[0]
    assert (lungs.verdict, lungs.mean_difference_fraction) == ("negligible", pytest.approx(-1.0))


@pytest.mark.parametrize(("liver_gy", "verdict"), [(51.0, "negligible"), (49.0, "differs")])
def test_negligible_is_a_part_of_the_highest_reference_dose(density, regions, liver_gy, verdict):
    """0.05 Gy is 0.1 % of the reference's 50 Gy, neither of another engine's nor of air's."""
    doses = [
        EngineDose("local", made(0.04, 500.0)),
        EngineDose("monte-carlo", made(0.05, liver_gy, 900.0)),
    ]
    lungs = compare_doses(doses, density, regions, with_gamma=False).of("local")[0]
    assert lungs.verdict == verdict
    doses[0] = EngineDose("local", made(0.0, 10.0))
    other = compare_doses(doses, density, regions, with_gamma=False).of("local")[0]
    assert other.verdict == verdict


@pytest.mark.parametrize("longest", [0, 1, 2])
def test_the_longest_voxel_edge_asks_for_coarse_criteria(longest):
    """3 mm is still fine; the other edges are."""
    for edge_mm, count in ((3.0, 1), (3.1, 2)):
        spacing_mm = [1.0, 1.0, 1.0]
        spacing_mm[longest] = edge_mm
        gray = volume(np.full((3, 3, 3), 10.0), Unit.GY, spacing_mm)
        doses = [EngineDose(name, gray) for name in ("local", "monte-carlo")]
        water = gray.with_values(np.ones(gray.grid.shape), Unit.G_PER_ML)
        assert len(compare_doses(doses, water, Regions()).criteria) == count


def test_figures_of_a_region_are_each_their_own(density, regions):
    """Ten layers of liver at 1 to 10 Gy by the reference, twice that and 3 Gy more by the other:
    means 5.5 and 14, D95 1 and 5, D50 5 and 13."""
    lines = [np.ones(SHAPE), np.ones(SHAPE)]
    for layer in range(10):
        lines[0][8 + layer], lines[1][8 + layer] = 2.0 * (layer + 1) + 3.0, layer + 1.0
    other, reference = (volume(line, Unit.GY) for line in lines)
    doses = [EngineDose("local", other), EngineDose("monte-carlo", reference)]
    (_, liver) = compare_doses(doses, density, regions, with_gamma=False).regions
    assert (liver.mean_dose_gy, liver.reference_mean_dose_gy) == pytest.approx((14.0, 5.5))
    assert liver.mean_difference_gy == pytest.approx(8.5)
    assert liver.mean_difference_fraction == pytest.approx(8.5 / 5.5)
    assert (liver.d95_difference_gy, liver.d50_difference_gy) == pytest.approx((4.0, 8.0))
    assert liver.d95_difference_fraction == pytest.approx(4.0)
    assert liver.d50_difference_fraction == pytest.approx(8.0 / 5.0)


def test_dose_from_nothing_has_no_percentage(density, regions):
    doses = [EngineDose("local", made(3.0, 100.0)), EngineDose("monte-carlo", made(0.0, 100.0))]
    found = compare_doses(doses, density, regions, with_gamma=False)
    assert found.of("local")[0].mean_difference_fraction is None
    assert "lungs far more (3 for 0 Gy)" in disagreement_findings(found)[0].text


@pytest.mark.parametrize(
    ("lungs_gy", "words"),
    [
        (0.5, "95 % less (0.5 for 10 Gy)"),
        (0.0, "100 % less (0 for 10 Gy)"),
        (19.5, "95 % more (19.5 for 10 Gy)"),
        (109.0, "990 % more (109 for 10 Gy)"),
        (111.0, "far more (111 for 10 Gy)"),
    ],
)
def test_a_difference_is_in_percent_up_to_ten_times_the_reference(
    density, regions, lungs_gy, words
):
    doses = [EngineDose("local", made(lungs_gy, 100.0)), EngineDose("monte-carlo", made(10, 100))]
    found = compare_doses(doses, density, regions, with_gamma=False)
    (finding,) = disagreement_findings(found)
    assert finding.text == f"local gives lungs {words}, compared with monte-carlo."


def test_regions_by_density_and_dose(density):
    """Layers 2-7, 8-17 and 18-19 of 400 voxels; 100 Gy in soft tissue, 10 Gy in lung."""
    found = density_regions(density, made(10.0, 100.0, 900.0))
    assert [region.name for region in found] == [
        "lung by density (0.1 to 0.6 g/mL)",
        "soft tissue by density (0.6 to 1.2 g/mL)",
        "bone by density (above 1.2 g/mL)",
        HALF_MAXIMUM,
    ]
    layers = [region.volume_ml / (400 * 0.027) for region in found]
    assert layers == pytest.approx([6, 10, 2, 10])


def test_the_criteria_follow_the_voxels():
    assert [c.label for c in gamma_criteria(3.0)] == ["1 %, 1 mm above 10 %"]
    assert [c.label for c in gamma_criteria(4.8)][1] == "3 %, 3 mm above 10 %"
    assert (mean_tolerance("tumour").source, mean_tolerance("lung-left").value) == (
        "mikell2015",
        0.1,
    )


def test_what_a_comparison_refuses(density, regions):
    one = EngineDose("monte-carlo", made(1.0, 2.0))
    with pytest.raises(InputError, match="at least two dose engines, found 1"):
        compare_doses([one], density, regions)
    other = EngineDose("local", volume(np.ones((3, 3, 3)), Unit.GY))
    with pytest.raises(GridMismatchError, match="resample first"):
        compare_doses([one, other], density, regions)
