"""From maps to media: cuts and chords by rule, ratios of media, scene and majorant by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opensirt.dose.mc_density import media_by_density
from opensirt.dose.mc_media import collision_stopping_power as collision
from opensirt.dose.mc_media import csda_range, media_named, radiative_stopping_power
from opensirt.dose.mc_scene import (
    chord_for,
    cuts_by_medium,
    cuts_for,
    make_matter,
    make_scene,
    softest_mev,
)
from opensirt.dose.mc_tracks import BINS

WATER, LUNG, BONE = media_named(["water", "lung", "bone"])


def range_mm(energy_mev: float) -> float:
    """Of electrons in water."""
    return 10.0 * float(csda_range(WATER, np.array([energy_mev]))[0])


@pytest.mark.parametrize(
    ("edge_mm", "reach_mm", "density", "wanted_mm"),
    [
        (3.0, math.inf, 1.0, 0.06),  # 2 % of the edge
        (3.0, 30.0, 1.0, 0.06),
        (3.0, 5.0, 1.0, 0.02),  # 0.4 % of the reach
        (3.0, 5.0, 1.9, 0.02),  # nothing is finer for being dense
        (3.0, math.inf, 0.26, 0.06),  # 8 % of 0.78 mm g/cm3 is more
    ],
)
def test_the_softest_electron_followed_has_the_range_of_the_rule(
    edge_mm: float, reach_mm: float, density: float, wanted_mm: float
) -> None:
    found = cuts_for(edge_mm, reach_mm, density)
    assert range_mm(found.absorb_mev) == pytest.approx(wanted_mm, rel=0.01)
    assert found.collision_mev == found.absorb_mev
    assert found.photon_mev == 0.010


@pytest.mark.parametrize(
    ("edge_mm", "reach_mm", "density"),
    [(4.0, math.inf, 0.1), (4.0, math.inf, 0.24), (2.0, 8.0, 0.15), (10.0, math.inf, 0.03)],
)
def test_a_cut_for_thin_voxels_is_the_step_below_their_edge(
    edge_mm: float, reach_mm: float, density: float
) -> None:
    """Its range is at most 8 % of the edge in mm g/cm3; one step of sqrt 2 more were too much."""
    thin_mm = 0.08 * edge_mm * density
    assert thin_mm < min(0.02 * edge_mm, 0.004 * reach_mm)
    cut = cuts_for(edge_mm, reach_mm, density).absorb_mev
    steps = math.log(cut / 0.010, math.sqrt(2.0))
    assert steps == pytest.approx(round(steps), abs=1e-9)
    assert range_mm(cut) <= 1.01 * thin_mm
    assert range_mm(math.sqrt(2.0) * cut) > 0.99 * thin_mm


def test_cuts_lie_between_10_and_200_kev() -> None:
    assert cuts_for(0.01).absorb_mev == cuts_for(3.0, math.inf, 1e-5).absorb_mev == 0.010
    assert cuts_for(1e4).absorb_mev == 0.200
    assert softest_mev([cuts_for(1e4), cuts_for(0.01), cuts_for(3.0)]) == 0.010
    assert softest_mev(cuts_for(1e4)) == 0.200


@pytest.mark.parametrize(
    ("edge_mm", "reach_mm", "density", "expected"),
    [
        (4.0, math.inf, 1.0, 0.2),  # 5 % of the edge
        (4.0, math.inf, 1.8, 0.2),  # no longer for being dense
        (4.0, math.inf, 0.25, 0.05),  # of the edge in mm g/cm3
        (4.0, 2.0, 1.0, 0.07),  # 3.5 % of the reach
        (4.0, 2.0, 0.25, 0.05),
    ],
)
def test_chords_by_hand(edge_mm: float, reach_mm: float, density: float, expected: float) -> None:
    assert chord_for(edge_mm, reach_mm, density) == pytest.approx(expected)


def test_the_thinnest_active_voxel_of_a_medium_sets_its_cut() -> None:
    """Lung of 0.12, 0.15 (not active) and 0.2 g/mL, and water; other media have no voxel."""
    density = np.array([[[0.2, 0.15, 0.12]], [[1.0, 0.99, 1.0]]], np.float32)
    activity = np.array([[[1.0, 0.0, 2.0]], [[1.0, 1.0, 0.0]]], np.float32)
    names = [name for name, _ in media_by_density()]
    found = dict(zip(names, cuts_by_medium(density, activity, 4.0, 50.0), strict=True))
    assert found["lung"] == cuts_for(4.0, 50.0, 0.12) != cuts_for(4.0, 50.0, 0.2)
    assert found["water"] == cuts_for(4.0, 50.0, 0.99) == cuts_for(4.0, 50.0)
    activity[0, 0, 2] = 0.0
    less = dict(zip(names, cuts_by_medium(density, activity, 4.0, 50.0), strict=True))
    assert less["lung"] == cuts_for(4.0, 50.0, 0.2)


def test_media_are_numbered_as_they_rise_and_keep_their_own_cuts() -> None:
    table = [name for name, _ in media_by_density()]
    cuts = tuple(cuts_for(1.0 + place) for place in range(len(table)))
    matter = make_matter(np.array([[[1.9, 0.3, 1.0]]], np.float32), cuts)
    assert matter.names == ("lung", "water", "bone")
    wanted = [cuts[table.index(name)].absorb_mev for name in matter.names]
    assert matter.laws.absorb_mev.tolist() == wanted


def test_ratios_compare_the_voxel_with_the_home_of_the_track() -> None:
    """An electron goes farther where it loses less: by stopping power of home over that of here;
    angles grow where there is more scattering per energy lost."""
    matter = make_matter(np.array([[[0.3, 1.0, 1.9]]], np.float32), cuts_for(3.0))
    lung, water, bone = 0, 1, 2
    laws, middle = matter.laws, BINS // 2
    places = (np.arange(BINS) + 0.5) * laws.electron.shape[1] / BINS
    energy = np.exp(laws.log_start + places / laws.per_log)
    total = {of.name: collision(of, energy) + radiative_stopping_power(of, energy)
             for of in (LUNG, WATER, BONE)}  # fmt: skip
    lengths, ratios = matter.ratios[..., 0], matter.ratios[:, middle]
    assert lengths[water, :, bone] == pytest.approx(total["water"] / total["bone"], rel=5e-6)
    assert lengths[bone, :, lung] == pytest.approx(total["bone"] / total["lung"], rel=5e-6)
    assert ratios[water, bone, 0] > 1.05
    assert ratios[water, bone, 1] > 1.3  # calcium and phosphorus scatter more
    for home in (lung, water, bone):
        assert ratios[home, home].tolist() == [1.0, 1.0]
        for here in (lung, water, bone):
            assert ratios[home, here] * ratios[here, home] == pytest.approx([1.0, 1.0])
    low, high = matter.ratios[water, 2, bone, 0], matter.ratios[water, BINS - 3, bone, 0]
    assert low != pytest.approx(high, rel=0.01)  # at the energy of the bin, not at one for all


def test_a_scene_counts_voxels_per_mm_of_its_own_axes() -> None:
    density = np.ones((2, 3, 4), np.float32)
    matter = make_matter(density, cuts_for(2.0))
    scene = make_scene(density, (5.0, 2.0, 4.0), matter, 7.0, infinite=True)
    assert (scene.slices, scene.rows, scene.columns) == (2, 3, 4)
    assert (scene.per_slice, scene.per_row, scene.per_column) == (0.2, 0.5, 0.25)
    assert (scene.infinite, scene.quanta_per_mev) == (True, 7.0)
    assert make_scene(density, (5.0, 2.0, 4.0), matter, 7.0).infinite is False


def test_the_majorant_is_the_largest_attenuation_of_any_voxel() -> None:
    """At each energy; below 0.1 MeV bone leads, where it is thin or far above dense water."""
    density = np.array([[[0.3, 0.5, 1.0, 1.3]]], np.float32)
    for densest in (1.3, 1.9):
        density[0, 0, 3] = densest
        matter = make_matter(density, cuts_for(2.0))
        scene = make_scene(density, (2.0, 2.0, 2.0), matter, 1.0)
        attenuation = matter.laws.photon.sum(axis=2)
        media = matter.medium_at(density)[0, 0]
        each = [rho * attenuation[n] for rho, n in zip(density[0, 0], media, strict=True)]
        assert scene.majorant == pytest.approx(np.max(each, axis=0), rel=1e-6)
