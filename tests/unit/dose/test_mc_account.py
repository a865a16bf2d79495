"""The account of a run by hand: what chance allows, what is missing, what the tables reach."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose.mc_account import Account, require_energies, require_tracks
from opensirt.dose.mc_electrons import ELECTRON, PHOTON
from opensirt.dose.mc_source import Emission, line_source
from opensirt.errors import InputError, OpenSirtError

EMISSION = Emission(mean_mev=2.0, variance_mev2=0.09, beta_slope2_mev2=1.2, highest_beta_mev=3.0)
NOTHING = np.zeros(0)


def book(
    emitted: float, escaped: float, histories: float, trackless: float = 0.0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Gathered and carried parts are no part of the sums."""
    return np.array([7.0, 0.3, escaped, emitted, trackless, histories])


def account(emitted: float, escaped: float = 100.0, histories: float = 500.0) -> Account:
    """One batch of full physics."""
    made = Account(EMISSION, NOTHING)
    made.add(book(emitted, escaped, histories), [], NOTHING)
    return made


def test_sums_over_batches() -> None:
    found = Account(EMISSION, NOTHING)
    for emitted, escaped, histories in ((900.0, 90.0, 500.0), (1500.0, 30.0, 700.0)):
        found.add(book(emitted, escaped, histories), [], NOTHING)
    assert (found.batches, found.histories) == (2, 1200)
    assert found.emitted_mev == pytest.approx(2400.0 / 1200.0)
    assert found.escaped_fraction == pytest.approx(120.0 / 2400.0)


def test_the_bound_of_chance_in_full_physics() -> None:
    """Five standard errors of the mean of both batches, and the unevenness of their quantiles."""
    found = Account(EMISSION, NOTHING)
    for histories in (400.0, 900.0):
        found.add(book(2.0 * histories, 0.0, histories), [], NOTHING)
    spread = 5.0 * math.sqrt(0.09 / 400 + 0.09 / 900) / 2
    uneven = sum(0.5 * 3.0 * (1 + math.log(n)) / n for n in (400, 900)) / 2
    assert found.emission_bound_mev == pytest.approx(spread + uneven + 1e-4 * 2.0, rel=1e-12)


def test_the_bound_of_chance_with_tracks() -> None:
    """Tracks are drawn in each medium for itself: the variance of the mean by squared shares."""
    found = Account(EMISSION, NOTHING)
    found.add(book(2000.0, 0.0, 1000.0), [10, 0, 40], np.array([0.25, 0.0, 0.75]))
    variance = 0.0625 * (0.09 / 10 + 1.2 / 12 / 10**3) + 0.5625 * (0.09 / 40 + 1.2 / 12 / 40**3)
    assert found.variance_mev2 == pytest.approx(variance, rel=1e-12)
    uneven = 0.5 * 3.0 * (1 + math.log(1000)) / 1000
    assert found.emission_bound_mev == pytest.approx(5 * math.sqrt(variance) + uneven + 2e-4)


@pytest.mark.parametrize("missing_mev", [-0.099, 0.0, 0.099])
def test_a_balance_within_one_in_ten_thousand_is_stated(missing_mev: float) -> None:
    """Deposited, escaped and emitted: 900, 100 and 1000 MeV."""
    found = account(1000.0).balance(900.0 - missing_mev)
    assert found == pytest.approx(-missing_mev / 1000.0, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("missing_mev", [-0.101, 0.101, 100.0, math.nan])
def test_energy_missing_or_added_is_an_error(missing_mev: float) -> None:
    with pytest.raises(OpenSirtError, match=r"account for all energy within 0\.0001, found"):
        account(1000.0).balance(900.0 - missing_mev)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_emission_off_by_more_than_chance_is_an_error(side: float) -> None:
    bound = account(1000.0).emission_bound_mev
    inside, outside = (500.0 * (2.0 + side * share * bound) for share in (0.999, 1.001))
    assert abs(account(inside).balance(inside - 100.0)) < 1e-9
    with pytest.raises(OpenSirtError, match=r"decays must emit 2 MeV each, within"):
        account(outside).balance(outside - 100.0)


def tables(electron_mev: float, photon_mev: float) -> Any:
    """Tables of 240 and 600 rows that start at 5 and 1 keV and end at these energies."""
    return SimpleNamespace(
        log_start=math.log(0.005), per_log=239 / math.log(electron_mev / 0.005),
        electron=np.zeros((2, 240, 3)), photon_log_start=math.log(0.001),
        photon_per_log=599 / math.log(photon_mev / 0.001), photon=np.zeros((2, 600, 3)),
    )  # fmt: skip


def test_each_kind_of_particle_has_the_end_of_its_own_table() -> None:
    """1.5 MeV lies within photon tables to 2 MeV, beyond electron tables to 1.2 MeV."""
    electron, photon = line_source(1.5, ELECTRON), line_source(1.5, PHOTON)
    require_energies(photon, tables(1.2, 2.0))
    require_energies(electron, tables(2.0, 1.2))
    with pytest.raises(InputError, match=r"electrons up to 1\.2 MeV, found .* emits 1\.5 MeV"):
        require_energies(electron, tables(1.2, 2.0))
    with pytest.raises(InputError, match=r"photons up to 1\.2 MeV, found .* emits 1\.5 MeV"):
        require_energies(photon, tables(2.0, 1.2))
    require_energies(electron, tables(1.5, 1.0))  # the last row belongs to the table


def test_betas_and_pairs_are_held_to_the_electrons_table() -> None:
    none = line_source(0.1, PHOTON)
    betas = none._replace(betas_per_decay=1.0, beta_mev=np.array([0.0, 0.7, 1.5]))
    pairs = none._replace(pair_yield=1e-5, pair_mev=1.4)
    for source, hardest in ((betas, "1.5"), (pairs, "1.4")):
        require_energies(source, tables(1.6, 0.2))
        with pytest.raises(InputError, match=rf"electrons up to 1\.2 MeV, .* emits {hardest} MeV"):
            require_energies(source, tables(1.2, 2.0))
    require_energies(betas._replace(betas_per_decay=0.0), tables(1.2, 2.0))
    require_energies(pairs._replace(pair_yield=0.0), tables(1.2, 2.0))


def test_a_single_decay_without_a_track_is_an_error() -> None:
    require_tracks(book(1.0, 0.0, 500.0))
    with pytest.raises(OpenSirtError, match=r"needs a track of its medium, 1 of 500 found none"):
        require_tracks(book(1.0, 0.0, 500.0, trackless=1.0))
