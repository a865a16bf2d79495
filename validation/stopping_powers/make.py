"""Stopping powers, ranges and photon coefficients against ESTAR and XCOM: table and figure.

Writes ``comparison.md`` here and ``docs/methods/img/stopping-powers.png``. The water figures of
ESTAR are read from the shared reference data where they lie beside the checkout.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from quoted_stopping_powers import ESTAR, XCOM

from opensirt.dose.mc_atoms import FloatArray
from opensirt.dose.mc_attenuation import photon_coefficients
from opensirt.dose.mc_media import (
    Medium,
    collision_stopping_power,
    csda_range,
    density_correction,
    media_named,
    radiative_stopping_power,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WATER_ESTAR = ROOT.parent / "shared" / "reference" / "electron_water_estar.csv"
FIGURE = ROOT / "docs" / "methods" / "img" / "stopping-powers.png"
NAMES = ("air", "lung", "adipose", "water", "soft-tissue", "muscle", "liver", "bone")
MEDIA = dict(zip(NAMES, media_named(NAMES), strict=True))
HIGHEST_MEV = 3.0
COLOURS = {"water": "C0", "bone": "C3", "lung": "C2", "air": "C7", "adipose": "C1"}


def water_rows() -> list[str]:
    """Collision stopping power and CSDA range of water beside ESTAR's."""
    if not WATER_ESTAR.is_file():
        return ["The shared ESTAR table of water was not beside the checkout."]
    table = np.loadtxt(WATER_ESTAR, delimiter=",", skiprows=4)
    table = table[table[:, 0] <= HIGHEST_MEV]
    collision = collision_stopping_power(MEDIA["water"], table[:, 0]) / table[:, 1] - 1.0
    ranges = csda_range(MEDIA["water"], table[:, 0]) / table[:, 4] - 1.0
    rows = [
        "| E (MeV) | S collision (MeV cm2/g) | ours, % | CSDA range (g/cm2) | ours, % |",
        "|---|---|---|---|---|",
    ]
    for line, s, r in zip(table, collision, ranges, strict=True):
        rows.append(
            f"| {line[0]:g} | {line[1]:g} | {100 * s:+.3f} | {line[4]:g} | {100 * r:+.3f} |"
        )
    return rows


def estar_rows() -> list[str]:
    """Every quoted figure of ESTAR beside ours."""
    rows = [
        "| medium | E (MeV) | S collision | ours, % | S radiative | ours, % | delta | ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, energy_mev, collision, radiative, delta in ESTAR:
        medium, energy = MEDIA[name], np.array([energy_mev])
        s = 100.0 * (collision_stopping_power(medium, energy)[0] / collision - 1.0)
        r = 100.0 * (radiative_stopping_power(medium, energy)[0] / radiative - 1.0)
        own = density_correction(medium, energy)[0]
        rows.append(
            f"| {name} | {energy_mev:g} | {collision:g} | {s:+.3f} | {radiative:g} | {r:+.3f} "
            f"| {delta:g} | {own:.4f} |"
        )
    return rows


def xcom_rows() -> list[str]:
    """Every quoted figure of XCOM beside ours."""
    rows = [
        "| medium | E (MeV) | photo-electric | ours, % | incoherent | ours, % | coherent | ours, % "
        "| sum, % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, energy_mev, *parts in XCOM:
        own = photon_coefficients(MEDIA[name].composition, np.array([energy_mev]))[0]
        cells = [f"{p:g} | {100 * (o / p - 1):+.2f}" for p, o in zip(parts, own, strict=True)]
        whole = 100.0 * (own.sum() / sum(parts) - 1.0)
        rows.append(f"| {name} | {energy_mev:g} | {' | '.join(cells)} | {whole:+.2f} |")
    return rows


def range_rows() -> list[str]:
    """CSDA ranges of all media (g/cm2), for the reader."""
    energies = np.array([0.1, 0.5, 0.9331, 1.0, 1.8, 2.28])
    rows = [
        "| medium | " + " | ".join(f"{e:g} MeV" for e in energies) + " |",
        "|" + "---|" * (len(energies) + 1),
    ]
    for name, medium in MEDIA.items():
        cells = " | ".join(f"{r:.4g}" for r in csda_range(medium, energies))
        rows.append(f"| {name} | {cells} |")
    return rows


def write_table() -> None:
    """``comparison.md``."""
    parts = [
        "# Stopping powers and photon coefficients beside ESTAR and XCOM\n",
        "Made by `make.py`; ours minus the reference, in percent of it.\n",
        "## Water, shared ESTAR table\n",
        *water_rows(),
        "\n## Tissues, ESTAR at our composition, density and I (MeV cm2/g)\n",
        *estar_rows(),
        "\n## Photons, XCOM (cm2/g)\n",
        *xcom_rows(),
        "\n## CSDA ranges (g/cm2)\n",
        *range_rows(),
    ]
    (HERE / "comparison.md").write_text("\n".join(parts) + "\n")


def _curve(medium: Medium, energy: FloatArray) -> FloatArray:
    return collision_stopping_power(medium, energy) + radiative_stopping_power(medium, energy)


def draw() -> None:
    """Total stopping powers with ESTAR's points; their differences below."""
    energy = np.geomspace(0.01, 2.5, 300)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(7, 6.5), sharex=True, height_ratios=(2, 1), layout="constrained"
    )
    for name, colour in COLOURS.items():
        top.loglog(energy, _curve(MEDIA[name], energy), color=colour, label=name)
        points = np.array([row[1:4] for row in ESTAR if row[0] == name])
        whole = points[:, 1] + points[:, 2]
        top.plot(points[:, 0], whole, "o", color=colour, markersize=4)
        ratio = 100.0 * (_curve(MEDIA[name], points[:, 0]) / whole - 1.0)
        bottom.plot(points[:, 0], ratio, "o-", color=colour, markersize=4, linewidth=0.8)
    top.set_ylabel("total stopping power (MeV cm²/g)")
    top.set_yticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"])
    top.minorticks_off()
    top.legend(title="lines: opensirt, points: ESTAR", frameon=False)
    bottom.axhline(0.0, color="0.6", linewidth=0.8)
    bottom.set_ylim(-0.1, 0.1)
    bottom.set_ylabel("opensirt over ESTAR (%)")
    bottom.set_xlabel("electron energy (MeV)")
    bottom.set_xticks([0.01, 0.03, 0.1, 0.3, 1.0, 2.5], ["0.01", "0.03", "0.1", "0.3", "1", "2.5"])
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=130)


if __name__ == "__main__":
    write_table()
    draw()
