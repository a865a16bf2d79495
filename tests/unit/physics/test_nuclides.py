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


@pytest.mark.parametrize(("value", "shown"), [(0.05, "0.05"), (49_770.0, "49770")])
def test_a_constant_of_another_unit_is_refused_beside_the_one_in_use(value: float, shown: str):
    said = rf"of y90 is 49\.77 Gy kg/GBq, got {shown} Gy kg/GBq; check the number and"
    with pytest.raises(InputError, match=said):
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


def test_electrons_of_the_pair_are_those_of_yttrium():
    """The level at 1.7607 MeV less two electron masses."""
    assert nuclide("y90").pair_energy_mev == pytest.approx(1.7607 - 2 * 0.51099895, abs=5e-5)
    assert nuclide("ho166").pair_energy_mev == 0.0


def test_other_data_change_half_life_and_betas_and_the_constant_follows():
    """DDEP: 64.042 h and 926.7 keV; electrons are those of ICRP 107 where it has none."""
    ddep = nuclide("y90", data="ddep")
    assert ddep.energies.beta_mev == 0.9267
    assert ddep.energies.electron_mev == nuclide("y90").energies.electron_mev == 0.000201
    assert ddep.mean_energy_mev == pytest.approx(0.9267 + 0.000201)
    assert (ddep.dose_constant_name, ddep.energy_scale) == ("ddep-all-electrons", 1.0)
    assert nuclide("lu177", data="ddep").half_life_s > 0


@pytest.mark.parametrize("name", nuclide_names())
def test_classes_of_energy_add_up_and_their_constants_follow(name: str):
    """Betas, then conversion and Auger electrons, then photons; k = E tau by hand."""
    of = nuclide(name)
    found = {c.name: c.value_gy_kg_per_gbq for c in dose_constants(name)}
    energies = of.energies
    sums = {
        "icrp107-betas": energies.beta_mev,
        "icrp107-all-electrons": energies.beta_mev + energies.electron_mev,
        "icrp107-everything": energies.beta_mev + energies.electron_mev + energies.photon_mev,
    }
    for key, energy_mev in sums.items():
        by_hand = energy_mev * 1.602176634e-13 * of.half_life_s / np.log(2.0) * 1e9
        assert found[key] == pytest.approx(by_hand, rel=1e-12), key
    assert of.mean_life_s == pytest.approx(of.half_life_s / np.log(2.0))
    assert of.has_beta_spectrum == (name != "tc99m")


def test_lines_are_of_one_particle_and_rise():
    for name in ("ho166", "i131", "lu177", "tc99m"):
        of = nuclide(name)
        assert {line.kind for line in of.photons} <= {"gamma", "x-ray"}
        assert {line.kind for line in of.electrons} <= {"conversion", "auger"}
        energies = [line.energy_mev for line in of.photons]
        assert energies == sorted(energies)


def test_a_constant_chosen_by_name_has_that_name():
    chosen = nuclide("y90").with_dose_constant("49.38")
    assert (chosen.dose_constant_name, chosen.name) == ("49.38", "y90")
    assert nuclide("y90").dose_constant_name == "icrp107-all-electrons"
    assert nuclide("ho166").dose_constant_name == "15.87"
    assert nuclide("y90").with_dose_constant(50.0).dose_constant_name == "50.0"
