"""Published figures of electrons of one energy, typed in, with where they were read.

[mainegra2005]: EGSnrc (EDKnrc), and [seltzer1991]: ETRAN, scaled point kernels in water,
d(E/E0)/d(r/r0) against r/r0. Both were read in the example TestEm12 of Geant4, which names them.

[lockwood1980]: calorimetric depth dose at normal incidence, MeV cm2/g per electron against depth
over the range r0 given with each set; read in the examples of Radiant.jl, those of aluminium also
in TestEm11 of Geant4, which gives EGSnrc (DOSRZnrc) beside them. The two copies differ at two
depths of aluminium at 1.033 MeV (0.127 and 0.142: 2.80 and 2.88 here, 2.90 and 2.98 there).

[lockwood1981]: charge backscatter of aluminium; read in the tests of FRENSIE.
"""

from __future__ import annotations

import numpy as np
from validation.common import FloatArray

RANGE_MM = {1.0: 4.367, 0.5: 1.766, 0.1: 0.1431}
"""CSDA range in water of 1 g/cm3 by energy (MeV), mm [estar]."""
EGSNRC_KERNEL = {
    1.0: (
        "0.764 0.814 0.850 0.886 0.930 0.984 1.050 1.130 1.222 1.318 1.405 1.466 "
        "1.483 1.436 1.313 1.103 0.834 0.536 0.279 0.104 0.024 0.002 0.000 0.000"
    ),
    0.1: (
        "0.577 0.630 0.680 0.739 0.813 0.900 1.002 1.120 1.248 1.375 1.494 1.572 "
        "1.601 1.553 1.402 1.190 0.916 0.614 0.349 0.157 0.050 0.009 0.001 0.000"
    ),
}
"""Means of shells of r0/20 by energy (MeV) [mainegra2005]."""
ETRAN_KERNEL = {
    0.5: (
        "0.674 0.721 0.763 0.805 0.854 0.914 0.989 1.086 1.203 1.330 1.452 1.549 1.593 "
        "1.562 1.442 1.235 0.956 0.633 0.336 0.152 0.048 0.007 0.001 0.000 0.000"
    ),
}
"""Values at r/r0 = 0, 0.05, ... 1.2 by energy (MeV) [seltzer1991]."""
DEPTH_DOSE: dict[tuple[str, float], tuple[float, float, str, str]] = {
    ("graphite", 1.0): (
        0.489,
        0.020,
        "0.016 0.107 0.198 0.289 0.378 0.472 0.568 0.673 0.781 0.883",
        "1.66 2.09 2.50 2.89 3.03 2.98 2.64 1.97 1.21 0.49",
    ),
    ("aluminium", 1.033): (
        0.569,
        0.014,
        "0.0317 0.0591 0.0987 0.142 0.195 0.253 0.320 0.391 0.443 0.511 0.552 0.621 0.736",
        "2.01 2.28 2.64 2.88 3.22 3.28 3.11 2.76 2.43 1.93 1.63 1.09 0.42",
    ),
    ("aluminium", 0.521): (
        0.234,
        0.014,
        "0.0403 0.0771 0.109 0.143 0.203 0.242 0.279 0.345 0.424 0.475 0.538 0.615 0.682",
        "2.58 3.07 3.40 3.81 4.05 4.08 3.91 3.66 3.07 2.62 2.10 1.34 0.81",
    ),
}
"""By material and energy (MeV): range (g/cm2), uncertainty, depths, doses [lockwood1980]."""
EGSNRC_DEPTH_DOSE = {
    ("aluminium", 1.033): (
        "1.814 2.105 2.365 2.595 2.836 3.031 3.197 3.305 3.367 3.371 3.347 3.293 3.206 3.128 "
        "2.976 2.819 2.650 2.487 2.318 2.130 1.928 1.725 1.566 1.352 1.158 0.981 0.813 0.652"
    ),
    ("aluminium", 0.521): (
        "2.157 2.566 2.899 3.249 3.529 3.756 3.934 4.043 4.102 4.112 4.079 3.974 3.827 3.677 "
        "3.528 3.337 3.147 2.941 2.721 2.502 2.265 2.022 1.779 1.557 1.326 1.112 0.918 0.727"
    ),
}
"""EGSnrc, layers of r0/40 from the surface, of the same sets."""
BACKSCATTER = {
    (0.109, 0.0): 0.136,
    (0.314, 0.0): 0.122,
    (0.521, 0.0): 0.111,
    (1.033, 0.0): 0.092,
    (0.109, 60.0): 0.365,
    (0.314, 60.0): 0.363,
    (0.521, 60.0): 0.354,
    (1.033, 60.0): 0.337,
}
"""Electrons back per electron sent, aluminium, by energy (MeV) and angle [lockwood1981]."""


def numbers(text: str) -> FloatArray:
    """The figures of one of the rows above."""
    return np.array(text.split(), dtype=float)
