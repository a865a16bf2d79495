"""Momentum of every collision that is played, and the rate of events along a step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import mc_electrons, mc_photons, mc_shells, mc_tracks
from opensirt.dose.mc_electrons import EVENTS, PHOTON, POSITRON, STACK_COLUMNS, draw_step, place_of
from opensirt.dose.mc_media import media_named
from opensirt.dose.mc_physics import MASS_MEV, interpolated, turned
from opensirt.dose.mc_random import law
from opensirt.dose.mc_scene import cuts_for, make_matter, make_scene
from opensirt.dose.mc_tables import Cuts, Laws, build_laws
from opensirt.dose.mc_voxels import BOOK_SIZE
from tests.mc_samples import stream

Floats = npt.NDArray[np.float64]
HEADING = np.array([0.48, -0.64, 0.6])
CUTS = Cuts(absorb_mev=0.01, collision_mev=0.01)
EVENTS_PLAYED = 50


@pytest.fixture(scope="module")
def laws() -> Laws:
    return build_laws(media_named(["water"]), CUTS)


def momentum(energy_mev: float) -> float:
    """Of an electron of this kinetic energy, MeV/c."""
    return math.sqrt(energy_mev * (energy_mev + 2.0 * MASS_MEV))


def start() -> tuple[Floats, Floats]:
    """A particle's place and heading, and an empty stack."""
    p = np.zeros(9)
    p[:3], p[3:6] = 2.5, HEADING
    return p, np.zeros((8, STACK_COLUMNS))


def test_a_moller_collision_keeps_momentum(laws: Laws) -> None:
    """Primary and secondary together fly as the primary did: none to the other's side."""
    state = stream(5)
    for _ in range(EVENTS_PLAYED):
        p, stack = start()
        left, n = mc_electrons._play_moller(laws, 0, 1.2, p, stack, 0, state)
        assert n == 1
        assert left + stack[0, 1] == pytest.approx(1.2)
        after = momentum(left) * p[3:6] + momentum(stack[0, 1]) * stack[0, 5:8]
        assert after == pytest.approx(momentum(1.2) * HEADING, abs=1e-9)


def compton_in_voxels(laws: Laws, p: Floats, stack: Floats, state: Any) -> tuple[float, int]:
    """One Compton event of 0.4 MeV in the voxel transport."""
    ones = np.ones((5, 5, 5), np.float32)
    scene = make_scene(ones, (2.0, 2.0, 2.0), make_matter(ones, CUTS), 1e6)
    tally, book = np.zeros(125, np.uint32), np.zeros(BOOK_SIZE)
    cell = np.full(3, 2)
    found: tuple[float, int] = mc_photons._play_compton(
        laws, 0, scene, tally, p, cell, 0.4, stack, 0, book, state
    )
    return found


def compton_in_shells(laws: Laws, p: Floats, stack: Floats, state: Any) -> tuple[float, int]:
    """The same about a point source."""
    outer = np.linspace(0.1, 10.0, 100)
    shells = mc_shells._Shells(outer, 10.0, 10.0, 1)
    found: tuple[float, int] = mc_shells._play_compton(
        laws, shells, np.zeros(101), p, 0.4, stack, 0, state
    )
    return found


@pytest.mark.parametrize("play", [compton_in_voxels, compton_in_shells])
def test_a_compton_event_keeps_momentum(laws: Laws, play: Callable[..., Any]) -> None:
    """Photon and electron together carry what the photon did; the electron is free."""
    state, released = stream(6), 0
    for _ in range(EVENTS_PLAYED):
        p, stack = start()
        scattered, n = play(laws, p, stack, state)
        if n == 1:
            released += 1
            assert scattered + stack[0, 1] == pytest.approx(0.4)
            after = scattered * p[3:6] + momentum(stack[0, 1]) * stack[0, 5:8]
            assert after == pytest.approx(0.4 * HEADING, abs=1e-9)
    assert released > EVENTS_PLAYED / 2


def annihilated_in_voxels(laws: Laws) -> Floats:
    p, stack = start()
    assert mc_photons.annihilate(p, np.full(3, 2), stack, 0, stream(7)) == 2
    return stack[:2, [1, 5, 6, 7]]


def annihilated_in_shells(laws: Laws) -> Floats:
    p, stack = start()
    shells = mc_shells._Shells(np.linspace(0.1, 10.0, 100), 10.0, 10.0, 1)
    tally = np.zeros(101)
    n = mc_shells._track_electron(laws, shells, tally, p, 0.005, POSITRON, stack, 0, stream(7))
    assert n == 2
    assert set(stack[:2, 0]) == {PHOTON}
    return stack[:2, [1, 5, 6, 7]]


def annihilated_in_a_track(laws: Laws) -> Floats:
    vertex = np.zeros(6)
    vertex[3:] = HEADING
    codes, values = np.zeros(4, np.uint16), np.zeros((4, 5))
    assert mc_tracks._annihilate(np.zeros(9), vertex, codes, values, 0, stream(7)) == 2
    return np.array([[values[i, 1], *turned(*HEADING, *values[i, 2:])] for i in range(2)])


@pytest.mark.parametrize(
    "annihilated", [annihilated_in_voxels, annihilated_in_shells, annihilated_in_a_track]
)
def test_annihilation_photons_fly_back_to_back(
    laws: Laws, annihilated: Callable[[Laws], Floats]
) -> None:
    (energy, *one), (other_energy, *other) = annihilated(laws)
    assert energy == other_energy == pytest.approx(0.510999, rel=1e-5)
    assert np.array(one) == pytest.approx(-np.array(other), abs=1e-12)
    assert np.linalg.norm(one) == pytest.approx(1.0)


@law
def above_the_bound(laws: Any, energy: Any, number: Any, state: Any) -> Any:
    """Share of event steps that end above the bound of the rate, and share of events missed."""
    events, above, missed, played = 0, 0, 0.0, 0.0
    for _ in range(number):
        _, loss, _, rate = draw_step(laws, 0, energy, state)
        if rate > 0.0 and energy - loss > laws.absorb_mev[0]:
            true = interpolated(laws.electron, 0, place_of(laws, energy - loss), EVENTS)
            events += 1
            played += true / rate
            if true > rate:
                above += 1
                missed += true / rate - 1.0
    return above / events, missed / played


@pytest.mark.parametrize(
    ("energy", "steps", "events"), [(0.06, 0.08, 5e-3), (0.1, 0.08, 5e-3), (0.2, 0.04, 2e-3)]
)
def test_few_events_are_missed_above_the_bound_of_the_rate(
    energy: float, steps: float, events: float
) -> None:
    """As `draw_step` says of itself, with the cuts of voxels of 2 mm."""
    tables = build_laws(media_named(["water"]), cuts_for(2.0))
    above, missed = above_the_bound(tables, energy, 100_000, stream(2))
    assert 0.0 < above < steps
    assert missed < events


def test_no_event_of_a_hard_electron_is_missed() -> None:
    tables = build_laws(media_named(["water"]), cuts_for(2.0))
    assert above_the_bound(tables, 1.5, 100_000, stream(2))[1] < 1e-4
