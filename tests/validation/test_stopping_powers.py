"""Stopping powers, ranges and photon coefficients of the transport against ESTAR and NIST."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from opensirt.dose.mc_attenuation import photon_coefficients
from opensirt.dose.mc_media import (
    collision_stopping_power,
    csda_range,
    density_correction,
    media_named,
    radiative_stopping_power,
)
from opensirt.physics.materials import tissue
from tests.paths import ROOT, SHARED, needs_shared

sys.path.insert(0, str(ROOT / "validation" / "stopping_powers"))
from quoted_stopping_powers import ESTAR, XCOM

sys.path.pop(0)

NAMES = sorted({row[0] for row in ESTAR})
MEDIA = dict(zip(NAMES, media_named(NAMES), strict=True))
FOUR_DIGITS = 5e-4
"""Rounding of a figure printed with four digits, at most."""


@pytest.mark.parametrize("name", NAMES)
def test_stopping_powers_and_density_effect_of_estar(name: str) -> None:
    """Four printed digits: collision, radiative; delta within 2e-4."""
    rows = np.array([row[1:] for row in ESTAR if row[0] == name])
    energy = rows[:, 0]
    collision = collision_stopping_power(MEDIA[name], energy)
    radiative = radiative_stopping_power(MEDIA[name], energy)
    assert collision == pytest.approx(rows[:, 1], rel=FOUR_DIGITS)
    assert radiative == pytest.approx(rows[:, 2], rel=FOUR_DIGITS)
    assert density_correction(MEDIA[name], energy) == pytest.approx(rows[:, 3], abs=2e-4)


@pytest.mark.parametrize("name", ["water", "bone", "lung", "air"])
def test_photon_coefficients_of_xcom(name: str) -> None:
    """Each process within 0.1 % below 0.8 MeV; incoherent and their sum within 0.2 % above."""
    rows = np.array([row[1:] for row in XCOM if row[0] == name])
    own = photon_coefficients(tissue(name).composition, rows[:, 0])
    low = rows[:, 0] < 0.8
    assert own[low] == pytest.approx(rows[low, 1:], rel=1e-3)
    assert own[~low, 1] == pytest.approx(rows[~low, 2], rel=2e-3)
    assert own[~low].sum(axis=1) == pytest.approx(rows[~low, 1:].sum(axis=1), rel=2e-3)


@needs_shared
def test_water_against_the_estar_table() -> None:
    """Collision within 0.04 %; CSDA range within 0.1 % from 30 keV, 0.4 % down to 10 keV."""
    table = np.loadtxt(SHARED / "reference" / "electron_water_estar.csv", delimiter=",", skiprows=4)
    table = table[table[:, 0] <= 3.0]
    energy, water = table[:, 0], MEDIA["water"]
    assert collision_stopping_power(water, energy) == pytest.approx(table[:, 1], rel=4e-4)
    assert radiative_stopping_power(water, energy) == pytest.approx(table[:, 2], rel=FOUR_DIGITS)
    ranges, high = csda_range(water, energy), energy >= 0.03
    assert ranges[high] == pytest.approx(table[high, 4], rel=1e-3)
    assert ranges[~high] == pytest.approx(table[~high, 4], rel=4e-3)


@needs_shared
def test_water_against_the_nist_attenuation_table() -> None:
    """mu/rho within 0.1 % to 1 MeV; pair production, left out, is 1 % at 2 MeV."""
    table = np.genfromtxt(
        SHARED / "reference" / "photon_water_nist.csv", delimiter=",", skip_header=4
    )
    table = table[table[:, 0] <= 2.0]
    own = photon_coefficients(tissue("water").composition, table[:, 0]).sum(axis=1)
    low = table[:, 0] <= 1.0
    assert own[low] == pytest.approx(table[low, 1], rel=1e-3)
    assert own[~low] == pytest.approx(table[~low, 1], rel=1.1e-2)


ICRU_BRAGG_EV = {"H": 19.2, "C": 81.0, "N": 82.0, "O": 106.0}
"""Mean excitation energies of elements in liquid and solid compounds [icru37]."""
ELEMENT_EV = {"Na": 149.0, "P": 173.0, "S": 180.0, "K": 190.0}
"""Of the elements; in compounds they count 1.13 times, chlorine as it is (180 eV) [icru37]."""


@pytest.mark.parametrize("name", ["soft-tissue", "muscle", "liver"])
def test_mean_excitation_energies_follow_the_additivity_rule(name: str) -> None:
    from opensirt.dose.mc_atoms import atom

    found = tissue(name)
    values = ICRU_BRAGG_EV | {s: 1.13 * v for s, v in ELEMENT_EV.items()} | {"Cl": 180.0}
    weights = {s: w * atom(s).number / atom(s).weight_g_mol for s, w in found.composition.items()}
    log_mean = sum(w * np.log(values[s]) for s, w in weights.items()) / sum(weights.values())
    assert np.exp(log_mean) == pytest.approx(found.mean_excitation_ev, abs=0.06)


def test_mean_excitation_energies_are_those_of_the_tables() -> None:
    """Hubbell and Seltzer, Table 2 (eV)."""
    wanted = {"water": 75.0, "air": 85.7, "adipose": 64.8, "bone": 112.0, "lung": 75.2}
    assert {name: tissue(name).mean_excitation_ev for name in wanted} == wanted
