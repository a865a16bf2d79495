"""Angular laws of the electron transport beside Mott's series, ELSEPA and EGSnrc's rules.

``python validation/elastic_scattering/make.py`` writes ``comparison.md`` here and
``docs/methods/img/elastic-scattering.png``; no Monte Carlo is run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mott import approximate_ratio, exact_ratio, no_spin, second_born, transport_cm2_g
from quoted_scattering import (
    EGSNRC_CARBON_ETA,
    EGSNRC_WATER,
    ELSEPA,
    KERNEL_RADII_MM,
    KERNEL_RATIOS,
    KERNEL_SHELLS_MM,
)
from validation.report import IMAGES, figure, table, write

from opensirt.dose.mc_atoms import ELECTRON_MASS_MEV, FINE_STRUCTURE, FloatArray, atoms_per_g
from opensirt.dose.mc_scattering import elastic_integrals, screening
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, build_laws, media_named
from opensirt.physics.materials import tissue
from opensirt.units import MM_PER_CM

ENERGIES_MEV = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
CALCIUM = {"Ca": 1.0}
COLOURS = 48
"""Of the picture, which keeps it small."""
THOMAS_FERMI = 0.88534
"""Length of the Thomas-Fermi atom in Bohr radii times Z^(1/3)."""
LAWS = (
    ("played: first-order ratio, first-Born screening", approximate_ratio, False),
    ("Mott's ratio, first-Born screening", exact_ratio, False),
    ("first-order ratio, second-Born factor", approximate_ratio, True),
    ("Mott's ratio, second-Born factor", exact_ratio, True),
)
LINES = (
    ("-", "played"),
    ("--", "Mott's R"),
    (":", "second-Born factor"),
    ("-.", "both"),
)


def composition(name: str) -> dict[str, float]:
    """Mass fractions of a tissue, or of calcium."""
    return CALCIUM if name == "calcium" else dict(tissue(name).composition)


def nuclei_cm2_g(name: str, energy_mev: FloatArray) -> FloatArray:
    """First and second transport coefficients of the nuclei that are played: (2, energies)."""
    counts = atoms_per_g(composition(name)).items()
    top = np.ones_like(energy_mev)
    return np.asarray(sum(n * elastic_integrals(energy_mev, s, top)[1:] for s, n in counts))


def whole_cm2_g(energy_mev: FloatArray) -> FloatArray:
    """First transport coefficient of water with its electrons, as tabulated (cm2/g)."""
    laws = build_laws(media_named(["water"]))
    rates = laws.electron[0, :, ELECTRON_COLUMNS.index("transport_per_mm")]
    place = (np.log(energy_mev) - laws.log_start) * laws.per_log
    rows = np.arange(len(rates))
    return np.asarray(MM_PER_CM * np.exp(np.interp(place, rows, np.log(rates))))


def percent(value: float) -> str:
    """Difference of a ratio from 1."""
    return f"{100.0 * (value - 1.0):+.2f}"


def elsepa(name: str) -> FloatArray:
    """Quoted transport coefficients: (energies, 3)."""
    return np.array([row[1:] for row in ELSEPA if row[0] == name])


def elsepa_rows() -> list[str]:
    """The played law over ELSEPA, both moments."""
    rows = []
    for name in ("water", "bone", "calcium"):
        quoted = elsepa(name)
        for order, own in enumerate(nuclei_cm2_g(name, quoted[:, 0])):
            ratios = own / quoted[:, 1 + order]
            rows.append([name, ("first", "second")[order], *map(percent, ratios)])
    return table(["medium", "moment", *(f"{e:g} MeV" for e in ENERGIES_MEV)], rows)


def pair_rows() -> list[str]:
    """First moment over ELSEPA with one or both laws at the next order."""
    rows = []
    for name in ("water", "bone", "calcium"):
        for label, ratio, factor in LAWS:
            values = [
                transport_cm2_g(composition(name), line[0], ratio, factor) / line[1]
                for line in elsepa(name)
            ]
            rows.append([name, label, *map(percent, values)])
    return table(["medium", "law", *(f"{e:g} MeV" for e in ENERGIES_MEV)], rows)


def mott_rows() -> list[str]:
    """First moment with the played ratio, and with none, over that with Mott's."""
    rows = []
    for name in ("water", "soft-tissue", "lung", "bone", "calcium"):
        for label, ratio in (("played", approximate_ratio), ("without spin", no_spin)):
            found = [
                transport_cm2_g(composition(name), e, ratio)
                / transport_cm2_g(composition(name), e, exact_ratio)
                for e in ENERGIES_MEV
            ]
            rows.append([name, label, *map(percent, found)])
    return table(["medium", "ratio R", *(f"{e:g} MeV" for e in ENERGIES_MEV)], rows)


def egsnrc_rows() -> list[str]:
    """Water beside EGSnrc's rules: nuclei, then nuclei and electrons."""
    quoted = np.array(EGSNRC_WATER)
    energy = quoted[:, 0]
    nuclei, whole = nuclei_cm2_g("water", energy)[0], whole_cm2_g(energy)
    rows = [
        [
            f"{e:g}",
            f"{q[1]:g}",
            percent(n / q[1]),
            f"{q[2]:g}",
            percent(w / q[2]),
            f"{w / n - 1:.3f}",
        ]
        for e, q, n, w in zip(energy, quoted, nuclei, whole, strict=True)
    ]
    header = [
        "MeV",
        "nuclei, cm2/g",
        "ours, %",
        "with electrons",
        "ours, %",
        "electrons/nuclei, ours",
    ]
    return table(header, rows)


def moliere_eta(z: int, energy_mev: float) -> float:
    """Moliere's screening with beta = 1 in its second-Born part, as the manual normalises by it."""
    tau = energy_mev / ELECTRON_MASS_MEV
    born = (FINE_STRUCTURE * z ** (1.0 / 3.0) / (2.0 * THOMAS_FERMI)) ** 2 / (tau * (tau + 2.0))
    return float(born * (1.13 + 3.76 * (FINE_STRUCTURE * z) ** 2))


def eta_rows() -> list[str]:
    """Screening of carbon beside the fit to partial waves in EGSnrc's manual."""
    rows = []
    for beta, quoted in EGSNRC_CARBON_ETA:
        energy = ELECTRON_MASS_MEV * (1.0 / np.sqrt(1.0 - beta**2) - 1.0)
        own = float(screening(np.array([energy]), "C")[0]) / moliere_eta(6, energy)
        factor = float(second_born(6, energy))
        rows.append([f"{energy:.3f}", f"{quoted:.3f}", f"{own:.3f}", f"{own * factor:.3f}"])
    return table(["MeV", "manual", "ours", "ours with second-Born factor"], rows)


def kernel_rows() -> list[str]:
    """Shells of the Y-90 kernel over ours, and radii."""
    rows = [[name, *(f"{v:.3f}" for v in values)] for name, values in KERNEL_RATIOS.items()]
    shells = table(["shell from, mm", *(f"{r:g}" for r in KERNEL_SHELLS_MM)], rows)
    radii = [[name, f"{half:.3f}", f"{most:.3f}"] for name, half, most in KERNEL_RADII_MM]
    return [*shells, "", *table(["", "R50, mm", "R90, mm"], radii)]


def draw() -> None:
    """Transport coefficients over ELSEPA for water and bone; the quoted kernels."""
    with figure("elastic-scattering", columns=2) as (_, (left, right)):
        for name, colour in (("water", "C0"), ("bone", "C3")):
            quoted = elsepa(name)
            for (_, ratio, factor), (style, label) in zip(LAWS, LINES, strict=True):
                own = [transport_cm2_g(composition(name), e, ratio, factor) for e in quoted[:, 0]]
                excess = 100.0 * (np.array(own) / quoted[:, 1] - 1.0)
                left.plot(quoted[:, 0], excess, style, color=colour, label=f"{name}: {label}")
        left.set(xscale="log", ylim=(-4.0, 1.2), xlabel="electron energy (MeV)")
        left.set(ylabel="first transport coefficient over ELSEPA (%)")
        left.set_xticks([0.02, 0.1, 0.5, 2.0], ["0.02", "0.1", "0.5", "2"])
        left.minorticks_off()
        radius = np.array(KERNEL_SHELLS_MM) + 0.25
        styles = ("C2o-", "C0.-", "C3.--", "C1.:")
        for (name, values), style in zip(KERNEL_RATIOS.items(), styles, strict=True):
            right.plot(radius, 100.0 * (np.array(values) - 1.0), style, label=name)
        right.set(xlabel="radius (mm)", ylabel="energy of a Y-90 shell in water over ours (%)")
        for axis, place in ((left, "lower right"), (right, "lower left")):
            axis.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
            axis.legend(loc=place)
    path = IMAGES / "elastic-scattering.png"
    Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    """Table and figure."""
    write(
        __file__,
        "Angular laws of the electron transport",
        (
            [
                "## Played law over ELSEPA, transport coefficients of the nuclei, %",
                "",
                *elsepa_rows(),
            ],
            [
                "## First moment over ELSEPA with one law or both at the next order, %",
                "",
                *pair_rows(),
            ],
            ["## First moment over that with Mott's ratio, same screening, %", "", *mott_rows()],
            ["## Water beside EGSnrc's rules with spin (evaluated by us)", "", *egsnrc_rows()],
            ["## Screening of carbon over Moliere's", "", *eta_rows()],
            ["## Y-90 kernel in water over ours (quoted from the study)", "", *kernel_rows()],
        ),
    )
    draw()


if __name__ == "__main__":
    main()
