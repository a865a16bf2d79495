"""Nuclides: names, choice of constants, decay, lines."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.physics.nuclides import (
    Energies,
    decay_factor,
    dose_constant,
    dose_constants,
    nuclide,
    nuclide_names,
)
from opensirt.units import JOULE_PER_MEV


def test_names():
    assert nuclide_names() == ("ho166", "i131", "lu177", "p32", "re188", "tc99m", "y90")
    with pytest.raises(UnknownNameError, match="nuclide 'y-90' is unknown; choose one of ho166"):
        nuclide("y-90")
    with pytest.raises(UnknownNameError, match="data set 'mird' is unknown; choose icrp107 or"):
        nuclide("y90", data="mird")


@pytest.mark.parametrize("name", ["ho166", "i131", "lu177", "p32", "re188", "tc99m", "y90"])
def test_the_own_constant_has_scale_one_and_follows_from_energy_and_life(name: str):
    of = nuclide(name)
    assert of.energy_scale == 1.0
    by_hand = of.mean_energy_mev * JOULE_PER_MEV * of.half_life_s / np.log(2.0) * 1e9
    assert of.dose_constant_gy_kg_per_gbq == pytest.approx(by_hand, rel=1e-12)


def test_a_chosen_constant_scales_the_energy():
    y90 = nuclide("y90")
    chosen = y90.with_dose_constant(50.0)
    assert chosen.dose_constant_gy_kg_per_gbq == pytest.approx(50.0, rel=1e-12)
    assert chosen.energy_scale == pytest.approx(50.0 / y90.dose_constant_gy_kg_per_gbq, rel=1e-12)
    again = chosen.with_dose_constant("49.38")
    assert again.dose_constant_gy_kg_per_gbq == pytest.approx(49.38, rel=1e-12)
    assert again.energy_scale == pytest.approx(49.38 / y90.dose_constant_gy_kg_per_gbq, rel=1e-12)
    assert again.half_life_s == y90.half_life_s


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_constant_is_refused(value: float):
    with pytest.raises(InputError, match="dose constant must be above 0 Gy kg/GBq"):
        nuclide("y90").with_dose_constant(value)


def test_all_constants_in_use_are_selectable():
    values = {c.name: c.value_gy_kg_per_gbq for c in dose_constants("y90")}
    assert {"50": 50.0, "49.8": 49.8, "49.7": 49.7, "49.67": 49.67, "49.38": 49.38}.items() <= (
        values.items()
    )
    assert dose_constant("ho166", "16").source == "vanroekel"
    with pytest.raises(UnknownNameError, match="dose constant '51' of y90 is unknown"):
        dose_constant("y90", "51")


def test_half_lives_of_both_evaluations():
    assert nuclide("y90").half_life_s == pytest.approx(64.10 * 3600)
    assert nuclide("y90", data="ddep").half_life_s == pytest.approx(64.042 * 3600)
    assert nuclide("p32", data="ddep").half_life_s == pytest.approx(14.284 * 86400)
    assert nuclide("y90", data="ddep").half_life_source == "ddep"


def test_decay_before_and_after():
    y90 = nuclide("y90")
    assert decay_factor(y90, y90.half_life_s) == pytest.approx(0.5)
    assert decay_factor(y90, -y90.half_life_s) == pytest.approx(2.0)


def test_lines_of_holmium_and_technetium():
    strongest = max(
        nuclide("ho166").photons, key=lambda line: line.energy_mev > 0.07 and line.yield_per_decay
    )
    assert strongest.energy_mev == pytest.approx(0.080574)
    assert strongest.yield_per_decay == pytest.approx(0.0671)
    gamma = [line for line in nuclide("tc99m").photons if line.energy_mev > 0.14]
    assert gamma[0].energy_mev == pytest.approx(0.1405, abs=1e-4)
    assert gamma[0].yield_per_decay == pytest.approx(0.89, abs=0.01)
    assert all(line.yield_per_decay >= 1e-5 for line in nuclide("i131").electrons)
    assert nuclide("p32").photons == ()


def test_positrons_are_those_of_yttrium():
    assert nuclide("y90").positron_yield == 32e-6
    assert nuclide("ho166").positron_yield == 0.0


def test_no_spectrum_where_there_are_no_betas():
    with pytest.raises(UnknownNameError, match="Tc-99m has no beta spectrum"):
        nuclide("tc99m").beta_spectrum()


def test_electrons_are_betas_and_lines_and_everything_is_more():
    energies = Energies(beta_mev=0.5, electron_mev=0.25, photon_mev=0.125)
    assert energies.all_electrons_mev == 0.75
    assert energies.everything_mev == 0.875


def test_holmium_counts_its_conversion_electrons():
    """ICRP 107: 0.6647 MeV of betas and 0.0308 of electrons, so 4.6 % more."""
    energies = nuclide("ho166").energies
    constants = {c.name: c.value_gy_kg_per_gbq for c in dose_constants("ho166")}
    ratio = constants["icrp107-all-electrons"] / constants["icrp107-betas"]
    assert ratio == pytest.approx(1.046, abs=0.002)
    assert ratio == pytest.approx(1 + energies.electron_mev / energies.beta_mev)
    assert constants["icrp107-everything"] > constants["icrp107-all-electrons"]
