"""Write the two small cross-section tables under ``data/`` from xraylib (run once, by hand).

xraylib [xraylib2011] carries the Hubbell incoherent scattering functions [hubbell1975] and the
XCOM-like photon cross-sections used below 0.8 MeV. Only the figures needed for water are written,
so that the kernels can be made again without xraylib.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xraylib

DATA = Path(__file__).parent / "data"
MASS_FRACTION = {1: 0.111894, 8: 0.888106}
"""Mass fractions of hydrogen and oxygen in water."""
ATOM_FUNCTIONS = (xraylib.SF_Compt, xraylib.FF_Rayl)


def write_atoms() -> None:
    """Incoherent functions S(x) and form factors F(x) of H and O, x in 1/angstrom."""
    grid = np.geomspace(0.01, 20.0, 80)
    lines = [
        "# Incoherent functions S and form factors F of H and O (Hubbell 1975) through xraylib 4.",
        "# x = sin(theta/2)/wavelength in 1/angstrom; S and F in electrons.",
        "x_per_angstrom,s_hydrogen,s_oxygen,f_hydrogen,f_oxygen",
    ]
    for x in grid:
        values = [function(z, float(x)) for function in ATOM_FUNCTIONS for z in (1, 8)]
        lines.append(",".join(f"{value:.6g}" for value in (x, *values)))
    (DATA / "atom_functions.csv").write_text("\n".join(lines) + "\n")


def water(function: object, energy_kev: float) -> float:
    """Mass attenuation coefficient of water (cm2/g) by the mixture rule."""
    return sum(w * function(z, energy_kev) for z, w in MASS_FRACTION.items())  # type: ignore[operator]


def write_photon() -> None:
    """Photo-electric and Compton coefficients of water, 1 keV to 800 keV (cm2/g)."""
    lines = [
        "# Water, cm2/g, through xraylib 4: photo-electric and incoherent coefficients.",
        "# Above 0.8 MeV the code uses Klein-Nishina and extends the photo-electric power law.",
        "energy_mev,photo_cm2_g,compton_cm2_g",
    ]
    for energy in np.geomspace(0.001, 0.8, 70):
        photo = water(xraylib.CS_Photo, 1000.0 * float(energy))
        compton = water(xraylib.CS_Compt, 1000.0 * float(energy))
        lines.append(f"{energy:.6g},{photo:.6g},{compton:.6g}")
    (DATA / "photon_water.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    write_atoms()
    write_photon()
