"""Figures of other codes and of the accuracy study, quoted for the comparison of angular laws."""

from __future__ import annotations

ELSEPA: tuple[tuple[str, float, float, float], ...] = (
    ("water", 0.02, 1106.1, 2768.4),
    ("water", 0.05, 213, 550.79),
    ("water", 0.1, 62.918, 166.48),
    ("water", 0.2, 19.424, 52.571),
    ("water", 0.5, 4.5104, 12.532),
    ("water", 1, 1.5638, 4.4081),
    ("water", 2, 0.53428, 1.5206),
    ("bone", 0.02, 1538, 3779.2),
    ("bone", 0.05, 301.84, 771.43),
    ("bone", 0.1, 89.913, 235.8),
    ("bone", 0.2, 27.947, 75.096),
    ("bone", 0.5, 6.5247, 18.03),
    ("bone", 1, 2.2696, 6.3678),
    ("bone", 2, 0.77738, 2.2035),
    ("calcium", 0.02, 2652, 6377.4),
    ("calcium", 0.05, 531.98, 1342),
    ("calcium", 0.1, 159.98, 415.48),
    ("calcium", 0.2, 50.085, 133.55),
    ("calcium", 0.5, 11.763, 32.318),
    ("calcium", 1, 4.1055, 11.461),
    ("calcium", 2, 1.4097, 3.9786),
)
"""First and second transport cross-sections of the nuclei (medium, MeV, cm2/g, cm2/g) [elsepa2005].

Read from material files that PENELOPE-2018's own data make (penRed, package pyPenred 1.15.2.0), per
molecule, and divided by its mass; five digits. Liquid water, calcium, and bone of our composition.
"""

EGSNRC_WATER: tuple[tuple[float, float, float], ...] = (
    (0.02, 1096.0, 1269.0),
    (0.05, 212.4, 245.6),
    (0.1, 62.89, 72.66),
    (0.2, 19.46, 22.48),
    (0.5, 4.518, 5.218),
    (1.0, 1.566, 1.809),
    (2.0, 0.5351, 0.6178),
)
"""First transport coefficient of water (MeV, nuclei alone, with electrons; cm2/g).

EGSnrc's rules with spin [pirs701] evaluated by us: Mott's ratio by partial waves, first-Born
screening, Z (Z + 1) less the part of Moller collisions above a cut of 10 keV, those by kinematics.
"""

EGSNRC_CARBON_ETA: tuple[tuple[float, float], ...] = (
    (0.548219, 1.04305),
    (0.730545, 1.04994),
    (0.875699, 1.05254),
)
"""Screening of carbon over Moliere's, fitted there to Dirac partial waves (beta, ratio) [pirs701].

Moliere's is (alpha Z^(1/3)/(2 C))^2/(tau (tau + 2)) (1.13 + 3.76 (alpha Z)^2), C = 0.88534.
"""

KERNEL_SHELLS_MM: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 5.5, 6.0, 7.0, 7.5, 8.0)
"""Where the shells of 0.5 mm start to which KERNEL_RATIOS belongs."""

KERNEL_RATIOS: dict[str, tuple[float, ...]] = {
    "PENELOPE-2018, I = 78 eV": (
        *(1.002, 0.999, 1.002, 0.999, 0.993, 0.993, 0.986, 0.994, 1.007, 1.008, 1.015),
    ),
    "EGSnrc's laws, spin on": (
        *(1.001, 1.001, 0.999, 1.002, 0.999, 0.994, 0.998, 1.001, 1.002, 0.997, 0.992),
    ),
    "EGSnrc's laws, spin off": (
        *(1.022, 1.025, 1.019, 1.005, 0.981, 0.959, 0.945, 0.934, 0.890, 0.876, 0.853),
    ),
    "our laws without spin": (
        *(1.011, 1.014, 1.010, 1.001, 0.991, 0.977, 0.970, 0.969, 0.959, 0.953, 0.940),
    ),
}
"""Energy of Y-90 per shell in water over ours, same spectrum, both with cuts of 10 keV.

PENELOPE-2018 is run as a whole (500,000 betas; error 0.1 % below 3 mm, 0.2 % to 6, 0.4 % at 7,
0.6 % at 8) and compared with ours at the same I. The others are our transport with other laws.
Ours: 2 million betas, error 0.1, 0.3 and 0.5 %. All were run when ours still had Moliere's
second-Born factor; without it a shell moves by 0.3 % at most.
"""

KERNEL_RADII_MM: tuple[tuple[str, float, float], ...] = (
    ("PENELOPE-2018, I = 78 eV", 2.351, 5.465),
    ("ours, I = 78 eV", 2.354, 5.455),
    ("EGSnrc's laws, spin on", 2.347, 5.439),
    ("ours, I = 75 eV", 2.349, 5.441),
    ("our laws without spin", 2.322, 5.391),
    ("EGSnrc's laws, spin off", 2.295, 5.327),
)
"""Radii of half and of 90 % of the energy, from the same runs."""
