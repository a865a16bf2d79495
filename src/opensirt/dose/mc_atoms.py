"""Atoms of the transport: weights, shells, scattering functions and photon cross-sections.

The tables under ``tables/atoms`` are written by ``validation/atomic_data`` from xraylib
[xraylib2011] and ESTAR [estar]; electron shells are those of [carlson1975], weights those of
[iupac2021].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from opensirt.errors import UnknownNameError
from opensirt.physics.tables import CsvTable, load_csv

__all__ = [
    "AVOGADRO_PER_MOL",
    "ELECTRON_MASS_MEV",
    "ELECTRON_RADIUS_CM",
    "FINE_STRUCTURE",
    "PLANCK_C_MEV_ANGSTROM",
    "Atom",
    "FloatArray",
    "atom",
    "atoms_per_g",
    "beta_squared",
    "electrons_per_g",
    "element_names",
    "momentum_mev",
]

FloatArray = npt.NDArray[np.float64]

ELECTRON_MASS_MEV = 0.510_998_95
"""Electron rest energy (MeV) [codata2018]."""
ELECTRON_RADIUS_CM = 2.817_940_3262e-13
"""Classical electron radius (cm) [codata2018]."""
FINE_STRUCTURE = 7.297_352_5693e-3
"""Fine-structure constant [codata2018]."""
AVOGADRO_PER_MOL = 6.022_140_76e23
"""Avogadro constant (1/mol), exact in the SI."""
PLANCK_C_MEV_ANGSTROM = 1.239_841_984e-2
"""h c (MeV angstrom), exact in the SI."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One element; arrays of one table have the same length."""

    symbol: str
    number: int
    weight_g_mol: float
    shell_electrons: FloatArray
    shell_binding_ev: FloatArray
    x_per_angstrom: FloatArray
    """sin(theta/2)/wavelength of the two scattering functions."""
    incoherent: FloatArray
    """Incoherent scattering function S(x), electrons [hubbell1975]."""
    form_factor: FloatArray
    """Form factor F(x), electrons [hubbell1975]."""
    photon_energy_mev: FloatArray
    photo_cm2_g: FloatArray
    incoherent_cm2_g: FloatArray
    coherent_cm2_g: FloatArray
    electron_energy_mev: FloatArray
    radiative_mev_cm2_g: FloatArray
    """Radiative stopping power, electron-electron part included [estar]."""


def _rows(table: CsvTable, symbol: str) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.array(table.text_column("element")) == symbol)


def element_names() -> tuple[str, ...]:
    """Chemical symbols of the elements that the transport knows."""
    return load_csv("atoms/elements").text_column("element")


@cache
def atom(symbol: str) -> Atom:
    """The element of a chemical symbol.

    Raises
    ------
    UnknownNameError
        When ``tables/atoms`` has no such element.
    """
    if symbol not in element_names():
        known = ", ".join(element_names())
        raise UnknownNameError(f"element {symbol!r} has no atomic data; choose from {known}")
    elements, shells = load_csv("atoms/elements"), load_csv("atoms/shells")
    functions, photons = load_csv("atoms/functions"), load_csv("atoms/photons")
    place = element_names().index(symbol)
    losses = load_csv("atoms/radiative")
    tables = (shells, functions, photons, losses)
    shell, row, line, loss = (_rows(table, symbol) for table in tables)
    return Atom(
        symbol=symbol,
        number=int(elements.column("atomic_number")[place]),
        weight_g_mol=float(elements.column("weight_g_mol")[place]),
        shell_electrons=shells.column("electrons")[shell],
        shell_binding_ev=shells.column("binding_ev")[shell],
        x_per_angstrom=functions.column("x_per_angstrom")[row],
        incoherent=functions.column("incoherent")[row],
        form_factor=functions.column("form_factor")[row],
        photon_energy_mev=photons.column("energy_mev")[line],
        photo_cm2_g=photons.column("photo_cm2_g")[line],
        incoherent_cm2_g=photons.column("incoherent_cm2_g")[line],
        coherent_cm2_g=photons.column("coherent_cm2_g")[line],
        electron_energy_mev=losses.column("energy_mev")[loss],
        radiative_mev_cm2_g=losses.column("radiative_mev_cm2_g")[loss],
    )


def atoms_per_g(composition: Mapping[str, float]) -> dict[str, float]:
    """Atoms of each element in a gram, from mass fractions; these are scaled to add to 1."""
    total = sum(composition.values())
    return {
        symbol: AVOGADRO_PER_MOL * share / (total * atom(symbol).weight_g_mol)
        for symbol, share in composition.items()
    }


def electrons_per_g(composition: Mapping[str, float]) -> float:
    """Electrons in a gram of this composition (mass fractions)."""
    return sum(count * atom(symbol).number for symbol, count in atoms_per_g(composition).items())


def beta_squared(energy_mev: FloatArray) -> FloatArray:
    """Squared speed over c of electrons of these kinetic energies (MeV), same shape."""
    gamma = 1.0 + energy_mev / ELECTRON_MASS_MEV
    return 1.0 - 1.0 / gamma**2


def momentum_mev(energy_mev: FloatArray) -> FloatArray:
    """Momentum times c (MeV) of electrons of these kinetic energies (MeV), same shape."""
    return np.asarray(np.sqrt(energy_mev * (energy_mev + 2.0 * ELECTRON_MASS_MEV)))
