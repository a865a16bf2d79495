"""Which event ends a step, on which element, and how far photons come through layers of media."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose import mc_electrons, mc_photons
from opensirt.dose.mc_electrons import PHOTON, STACK_COLUMNS
from opensirt.dose.mc_photons import drain
from opensirt.dose.mc_scene import _majorant, cuts_for, make_matter, make_scene
from opensirt.dose.mc_voxels import BOOK_SIZE, ESCAPED
from tests.mc_samples import stream

PHOTONS = 8000


def made_laws() -> Any:
    """Two media of three elements; in the second 0.2, 0.5 and 0.3 of the events at row 0, 0.6, 0.3
    and 0.1 at row 1, and rates of 2, 1 and 0.5 per mm."""
    electron = np.zeros((2, 3, 13))
    electron[1, :, mc_electrons.ELASTIC] = 2.0
    electron[1, :, mc_electrons.MOLLER] = 1.0
    electron[1, :, mc_electrons.RADIATE] = 0.5
    elastic = np.ones((2, 3, 3, 2))
    elastic[1, 0, :, 0], elastic[1, 1, :, 0] = (0.2, 0.7, 1.0), (0.6, 0.9, 1.0)
    elastic[1, :, :, 1] = (0.01, 0.02, 0.03)
    return SimpleNamespace(
        electron=electron, elastic=elastic, charge=np.array([[1.0, 2.0, 3.0], [8.0, 1.0, 6.0]]),
        collision_mev=np.array([0.3, 0.1]), photon_mev=0.05, log_start=0.0, per_log=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("place", "shares"),
    [(0.0, (0.2, 0.5, 0.3)), (1.0, (0.6, 0.3, 0.1)), (0.25, (0.3, 0.45, 0.25))],
)
def test_an_elastic_event_is_on_an_element_by_its_share(
    monkeypatch: pytest.MonkeyPatch, place: float, shares: tuple[float, ...]
) -> None:
    """Each with its own charge and screening; between two rows by the nearer one, at random."""
    seen: list[tuple[float, float]] = []

    def drawn(charge: float, eta: float, *others: Any) -> float:
        seen.append((charge, eta))
        return 0.1

    monkeypatch.setattr(mc_electrons, "hard_elastic_mu", drawn)
    p, state = np.array([0.0, 0, 0, 0, 0, 1, 0, 0, 0]), stream(3)
    for _ in range(6000):
        mc_electrons._play_elastic.py_func(made_laws(), 1, place, p, state)
    for (charge, eta), share in zip(((8.0, 0.01), (1.0, 0.02), (6.0, 0.03)), shares, strict=True):
        assert seen.count((charge, eta)) / 6000 == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize(
    ("u", "energy", "event"),
    [
        (0.0, 1.0, "elastic"), (0.39, 1.0, "elastic"), (0.41, 1.0, "moller"), (0.59, 1.0, "moller"),
        (0.61, 1.0, "photon"), (0.69, 1.0, "photon"), (0.71, 1.0, "none"), (0.99, 1.0, "none"),
        (0.5, 0.21, "moller"), (0.5, 0.2, "none"),  # twice the cut: the slower one is below it
        (0.65, 0.051, "photon"), (0.65, 0.05, "none"),
        (0.39, 0.01, "elastic"),
    ],
)  # fmt: skip
def test_the_event_of_a_step_is_by_the_rates(
    monkeypatch: pytest.MonkeyPatch, u: float, energy: float, event: str
) -> None:
    """2, 1 and 0.5 of at most 5 per mm; what is left of the bound is no event."""
    played = ["none"]
    monkeypatch.setattr(mc_electrons, "uniform", lambda state: u)
    monkeypatch.setattr(mc_electrons, "place_of", mc_electrons.place_of.py_func)
    for name, gives in (("elastic", None), ("moller", (0.7, 4)), ("photon", (0.6, 5))):

        def play(*given: Any, name: str = name, gives: Any = gives) -> Any:
            played.append(name)
            return gives

        monkeypatch.setattr(mc_electrons, f"_play_{name}", play)
    stack = np.zeros((8, STACK_COLUMNS))
    found = mc_electrons.play_event.py_func(
        made_laws(), 1, energy, 5.0, np.zeros(9), stack, 3, stream(1)
    )
    assert played[-1] == event
    assert found == {"moller": (0.7, 4), "photon": (0.6, 5)}.get(event, (energy, 3))
    played.append("none")
    mc_electrons.play_event.py_func(
        made_laws(), 1, energy, 5.0, np.zeros(9), stack, 7, stream(1)
    )  # a full stack
    assert played[-1] == ("elastic" if event == "elastic" else "none")


LAYERS = ((60.0, 0.3, "lung"), (30.0, 1.0, "water"), (15.0, 1.8, "bone"))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("energy_mev", [0.1, 0.6])
def test_photons_come_through_layers_as_their_attenuations_say(
    axis: int, energy_mev: float
) -> None:
    """What leaves at its first energy has met nothing, or was scattered coherently: between the
    exponentials of the sum over layers with and without that part, four standard errors apart."""
    shape, spacing_mm = [41, 41, 41], [100.0, 100.0, 100.0]
    shape[axis], spacing_mm[axis] = 7, 15.0
    density = np.zeros(shape, np.float32)
    line = np.moveaxis(density, axis, 0)
    line[:4], line[4:6], line[6:] = 0.3, 1.0, 1.8
    matter = make_matter(density, cuts_for(15.0))
    scene = make_scene(density, tuple(spacing_mm), matter, 1e6)
    place = (math.log(energy_mev) - matter.laws.photon_log_start) * matter.laws.photon_per_log
    rows = np.arange(matter.laws.photon.shape[1])
    whole, coherent = 0.0, 0.0
    for mm, rho, name in LAYERS:
        table = matter.laws.photon[matter.names.index(name)]
        parts = [float(np.interp(place, rows, table[:, column])) for column in range(3)]
        whole += mm * rho * sum(parts)
        coherent += mm * rho * parts[2]
    tally, book, state = np.zeros(density.size, np.uint32), np.zeros(BOOK_SIZE), stream(4)
    stack, p, cell = np.zeros((64, STACK_COLUMNS)), np.zeros(9), np.zeros(3, np.int64)
    ones, through = np.ones((3, 1)), 0
    start = np.full(3, 20.5)
    start[axis] = 0.0
    for _ in range(PHOTONS):
        stack[0, :2] = PHOTON, energy_mev
        stack[0, 2:5], stack[0, 5:8], stack[0, 8:11] = start, np.eye(3)[axis], np.floor(start)
        book[ESCAPED] = 0.0
        drain(matter.laws, scene, tally, stack, 1, p, cell, ones, book, state)
        through += abs(book[ESCAPED] - energy_mev) < 1e-9
    share = through / PHOTONS
    error = 4.0 * math.sqrt(share * (1.0 - share) / PHOTONS)
    assert math.exp(-whole) - error < share < math.exp(coherent - whole) + error


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_the_free_path_of_a_photon_is_by_no_less_than_its_attenuation(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """In water, this far from a row of the tables to the next, where it has fallen or risen."""
    density = np.ones((3, 3, 3), np.float32)
    matter = make_matter(density, cuts_for(2.0))
    scene, laws = make_scene(density, (2.0, 2.0, 2.0), matter, 1e6), matter.laws
    bounds: list[float] = []

    def free_path_mm(rate: float, u: float) -> float:
        bounds.append(rate)
        return 1e6  # out of the grid

    monkeypatch.setattr(mc_photons, "free_path_mm", free_path_mm)
    tally, book = np.zeros(density.size, np.uint32), np.zeros(BOOK_SIZE)
    for row in range(1, laws.photon.shape[1] - 1):
        energy = math.exp(laws.photon_log_start + (row + share) / laws.photon_per_log)
        p, cell = np.array([1.5, 1.5, 1.5, 0, 0, 1.0, 0, 0, 0]), np.ones(3, np.int64)
        stack = np.zeros((8, STACK_COLUMNS))
        mc_photons.track_photon.py_func(
            laws, scene, tally, p, cell, energy, stack, 0, book, stream(1)
        )
        low, high = laws.photon[0, row].sum(), laws.photon[0, row + 1].sum()
        assert bounds[-1] >= (low + share * (high - low)) * (1.0 - 1e-6), energy
    assert len(bounds) == laws.photon.shape[1] - 2


@pytest.mark.parametrize("place", [0, 1 << 20, -1])
def test_the_densest_voxel_is_found_wherever_it_lies_in_a_large_map(place: int) -> None:
    """Maps are looked through in parts of 2^20 voxels."""
    density = np.ones((1 << 20) + 5, np.float32)
    density[place] = 1.8
    few = np.array([1.0, 1.8], np.float32)
    matter = make_matter(few.reshape(1, 1, 2), cuts_for(2.0))
    assert np.array_equal(_majorant(density, matter), _majorant(few, matter))
    assert _majorant(few, matter).sum() > 1.5 * _majorant(few[:1], matter).sum()
