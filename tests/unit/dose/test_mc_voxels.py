"""Straight pieces of path through voxels against points along a line: energy goes by mass met."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose.mc_electrons import PHOTON, STACK_COLUMNS
from opensirt.dose.mc_replay import PLACE_COLUMNS, replay
from opensirt.dose.mc_scene import cuts_for, make_matter, make_scene
from opensirt.dose.mc_tracks import BINS, BRANCH, CHORD, END, KINK, PHOTON_RECORD
from opensirt.dose.mc_voxels import BOOK_SIZE, ESCAPED, GATHERED, march

Floats = npt.NDArray[np.float64]
SPACING_MM = np.array([2.0, 4.0, 5.0])
SHAPE = (7, 6, 5)
QUANTA_PER_MEV = 1e6
RNG = np.random.default_rng(11)
WATER = RNG.uniform(0.97, 1.01, SHAPE).astype(np.float32)  # water alone, of many densities
MIXED = RNG.choice([0.3, 0.99, 1.05, 1.8], SHAPE).astype(np.float32)
MATTER = make_matter(np.concatenate([WATER, MIXED]), cuts_for(2.0))
HEADINGS = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
            (0.48, -0.64, 0.6), (-0.6, 0.48, -0.64), (0.1, 0.3, 0.9487)]  # fmt: skip
START = np.array([3.3, 2.6, 2.2])
"""In voxels."""


def points(density: Any, heading: Any, mass: float, stretch: Any = None) -> tuple[Floats, Floats]:
    """Share of a path of this mass (mm g/cm3) by voxel, and where it ends, in 40,000 steps."""
    shares, place, left = np.zeros(SHAPE), START * SPACING_MM, mass
    step = 1e-3 * np.asarray(heading, float)
    while left > 0.0:
        cell = tuple(np.floor((place + 0.5 * step) / SPACING_MM).astype(int))
        if not all(0 <= c < n for c, n in zip(cell, SHAPE, strict=True)):
            break
        here = density[cell] * 1e-3
        if stretch is not None:
            here /= stretch(cell)
        shares[cell] += min(here, left) / mass
        left -= here
        place = place + step
    return shares, place / SPACING_MM


def moving(heading: Any) -> tuple[Floats, npt.NDArray[np.int64], Any, Floats]:
    p, cell = np.zeros(9), np.floor(START).astype(np.int64)
    p[:3], p[3:6] = START, heading
    return p, cell, np.zeros(np.prod(SHAPE), np.uint32), np.zeros(BOOK_SIZE)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_march_leaves_energy_by_the_mass_it_meets(heading: tuple[float, ...]) -> None:
    scene = make_scene(WATER, tuple(SPACING_MM), MATTER, QUANTA_PER_MEV)
    p, cell, tally, book = moving(heading)
    ones = np.ones((len(MATTER.media), 1))
    left = march(scene, tally, p, cell, 5.0, 2.0, ones, True, book)
    shares, end = points(WATER, heading, 5.0)
    assert left == 0.0
    found = tally.reshape(SHAPE) / QUANTA_PER_MEV
    found[tuple(cell)] += book[GATHERED]  # not yet settled
    assert found == pytest.approx(2.0 * shares, abs=2e-3)
    assert p[:3] == pytest.approx(end, abs=2e-3)
    assert cell.tolist() == np.floor(p[:3]).tolist()


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_march_out_of_the_grid_says_what_is_left(heading: tuple[float, ...]) -> None:
    scene = make_scene(WATER, tuple(SPACING_MM), MATTER, QUANTA_PER_MEV)
    p, cell, tally, book = moving(heading)
    ones = np.ones((len(MATTER.media), 1))
    left = march(scene, tally, p, cell, 60.0, 6.0, ones, True, book)
    shares, _ = points(WATER, heading, 60.0)
    assert left == pytest.approx(-60.0 * (1.0 - shares.sum()), abs=0.02)
    assert tally.reshape(SHAPE) / QUANTA_PER_MEV == pytest.approx(6.0 * shares, abs=2e-3)


def test_a_march_halts_where_the_medium_changes_or_stretches_the_step() -> None:
    """Water, then lung of 0.3 g/mL: 1.4 mm to the face; in lung a step reaches 1.5 times as far."""
    density = np.ones(SHAPE, np.float32)
    density[4:] = 0.3
    matter = make_matter(density, cuts_for(2.0))
    assert matter.names == ("lung", "water")
    scene = make_scene(density, tuple(SPACING_MM), matter, QUANTA_PER_MEV)
    scales = np.array([[1.5], [1.0]])
    p, cell, tally, book = moving((1.0, 0.0, 0.0))
    left = march(scene, tally, p, cell, 2.0, 1.0, scales, True, book)
    assert left == pytest.approx(0.6)
    assert (p[0], cell.tolist()) == (4.0, [4, 2, 2])
    p, cell, tally, book = moving((1.0, 0.0, 0.0))
    assert march(scene, tally, p, cell, 1.7, 1.0, scales, False, book) == 0.0
    assert p[0] == pytest.approx(4.0 + 0.3 * 1.5 / 0.3 / 2.0)
    assert tally.reshape(SHAPE)[3, 2, 2] == pytest.approx(1e6 * 1.4 / 1.7, abs=1)
    assert book[GATHERED] == pytest.approx(0.3 / 1.7)


def played(
    density: Any, heading: Any, records: list[tuple[int, float, float, float]], home: str
) -> tuple[Floats, Floats, Floats]:
    """Energy by voxel (MeV), what escaped, and the photons left, of a track written by hand.

    Records are kind, length, energy and cosine; turns go along the second axis across.
    """
    scene = make_scene(density, tuple(SPACING_MM), MATTER, QUANTA_PER_MEV)
    codes = np.array([kind * BINS + 40 for kind, *_ in records], np.uint16)
    values = np.array([(s, e, c, 0.0, (1 - c * c) ** 0.5) for _, s, e, c in records], np.float32)
    p, cell, tally, book = moving(heading)
    stack, places = np.zeros((8, STACK_COLUMNS)), np.zeros((8, PLACE_COLUMNS))
    number = MATTER.names.index(home)
    n = replay(
        codes, values, 0, number, MATTER.ratios[number], scene, tally, p, cell, places, stack, book
    )
    return tally.reshape(SHAPE) / QUANTA_PER_MEV, book[ESCAPED], stack[:n]


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_chord_at_home_leaves_energy_by_the_mass_it_meets(heading: tuple[float, ...]) -> None:
    found, escaped, _ = played(WATER, heading, [(KINK, 5.0, 2.0, 1.0), (END, 0, 0, 1.0)], "water")
    assert found == pytest.approx(2.0 * points(WATER, heading, 5.0)[0], abs=2e-3)
    assert escaped == 0.0
    far, escaped, _ = played(WATER, heading, [(KINK, 60.0, 6.0, 1.0), (END, 0, 0, 1.0)], "water")
    shares, _ = points(WATER, heading, 60.0)
    assert far == pytest.approx(6.0 * shares, abs=2e-3)
    assert escaped == pytest.approx(6.0 * (1.0 - shares.sum()), abs=2e-3)


@pytest.mark.parametrize("heading", HEADINGS[:7])
@pytest.mark.parametrize("home", ["lung", "bone"])
def test_a_chord_in_other_media_follows_the_ratio_of_their_stopping_powers(home, heading) -> None:
    number, media = MATTER.names.index(home), MATTER.medium_at(MIXED)
    records = [(KINK, 4.0, 2.0, 1.0), (END, 0, 0, 1.0)]
    found, *_ = played(MIXED, heading, records, home)
    shares, _ = points(MIXED, heading, 4.0, lambda c: MATTER.ratios[number, 40, media[c], 0])
    assert found == pytest.approx(2.0 * shares, abs=4e-3)


def test_branches_and_photons_start_where_they_were_left() -> None:
    """1 mm on, a branch; 2 mm on a turn of 90 degrees, 1 mm, and a photon; the branch then leaves
    its energy straight on from its own place, 0.5 mm farther."""
    water = np.ones(SHAPE, np.float32)
    records = [
        (KINK, 1.0, 0.1, 1.0), (BRANCH, 0, 0, 1.0), (CHORD, 2.0, 0.2, 1.0), (CHORD, 1.0, 0.4, 0.0),
        (PHOTON_RECORD, 0, 0.7, 1.0), (END, 0, 0, 1.0), (KINK, 0.5, 0.8, 1.0), (END, 0, 0, 1.0),
    ]  # fmt: skip
    found, escaped, photons = played(water, (1.0, 0.0, 0.0), records, "water")
    expected = np.zeros(SHAPE)  # from 6.6 mm: 1 to 7.6, branch to 8.1, 2 to 9.6, then across
    expected[3, 2, 2] += 0.1 + 0.8 * 0.4 / 0.5 + 0.2 * 0.4 / 2.0
    expected[4, 2, 2] += 0.8 * 0.1 / 0.5 + 0.2 * 1.6 / 2.0 + 0.4
    assert found == pytest.approx(expected, abs=3e-6)
    assert escaped == 0.0
    (photon,) = photons
    assert (photon[0], photon[1]) == (PHOTON, pytest.approx(0.7))
    turned = photon[5:8]
    assert turned[0] == pytest.approx(0.0, abs=1e-6)
    assert np.linalg.norm(turned) == pytest.approx(1.0)
    place = np.array([9.6, 10.4, 11.0]) / SPACING_MM + turned / SPACING_MM
    assert photon[2:5] == pytest.approx(place, abs=1e-5)
    assert photon[8:11].tolist() == [4, 2, 2]


def test_what_starts_outside_escapes_with_all_it_has() -> None:
    """9 mm along the first axis leave the grid: 7.4 mm are inside; branch and photon are not."""
    water = np.ones(SHAPE, np.float32)
    records = [
        (KINK, 9.0, 0.9, 1.0), (PHOTON_RECORD, 0, 0.3, 1.0), (BRANCH, 0, 0, 1.0), (END, 0, 0, 1.0),
        (KINK, 1.0, 0.5, -1.0), (END, 0, 0, 1.0),
    ]  # fmt: skip
    found, escaped, photons = played(water, (1.0, 0.0, 0.0), records, "water")
    assert found.sum() == pytest.approx(0.9 * 7.4 / 9.0, abs=1e-5)
    assert escaped == pytest.approx(0.9 * 1.6 / 9.0 + 0.3 + 0.5, abs=1e-5)
    assert len(photons) == 0


def test_scattering_widens_with_the_medium_but_not_the_start_of_a_particle() -> None:
    """A track of water in bone: tan^2 of half a chord's angle grows by the ratio, a kink's not."""
    bone = np.full(SHAPE, 1.8, np.float32)
    water_, bone_ = MATTER.names.index("water"), MATTER.names.index("bone")
    ratio = MATTER.ratios[water_, 40, bone_, 1]
    cosine = 0.9
    for kind, wanted in ((KINK, cosine), (CHORD, None)):
        records = [(kind, 1e-3, 0.1, cosine), (PHOTON_RECORD, 0, 0.7, 1.0), (END, 0, 0, 1.0)]
        _, _, (photon,) = played(bone, (1.0, 0.0, 0.0), records, "water")
        tan2 = ratio * (1 - cosine) / (1 + cosine)
        assert photon[5] == pytest.approx(wanted or (1 - tan2) / (1 + tan2), abs=1e-6)
        assert np.linalg.norm(photon[5:8]) == pytest.approx(1.0, abs=1e-6)
    assert ratio > 1.3
