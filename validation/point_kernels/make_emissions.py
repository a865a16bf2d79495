"""Write ``data/emissions.csv``: lines of the seven nuclides from ICRP-107 [icrp107].

Run once, by hand, where the package icrp107-database is installed. Electrons and photons of at
least 1 keV and 1e-6 per decay are listed; what is weaker or softer is summed in one ``local`` row
per nuclide (its energy in MeV per decay, yield 1), and so are the betas of Tc-99m.
"""

from __future__ import annotations

import json
from pathlib import Path

import icrp107_database

NUCLIDES = ("Y-90", "Ho-166", "Re-188", "P-32", "Lu-177", "I-131", "Tc-99m")
KINDS = {"gamma": "photon", "X": "photon", "IE": "electron", "auger": "electron"}
LOWEST_MEV, LOWEST_YIELD = 0.001, 1e-6
NO_SPECTRUM = ("Tc-99m",)


def lines_of(nuclide: str) -> list[str]:
    """CSV rows of one nuclide."""
    path = Path(icrp107_database.__file__).parent / "icrp107" / f"{nuclide}.json"
    record = json.loads(json.loads(path.read_text()))  # the files are JSON text inside JSON
    emissions = record["emissions"]
    rows, local = [], 0.0
    for kind, particle in KINDS.items():
        for energy, per_decay in emissions[kind]:
            if energy < LOWEST_MEV or per_decay < LOWEST_YIELD:
                local += energy * per_decay
            else:
                rows.append(f"{nuclide},{particle},{energy:.6g},{per_decay:.6g}")
    if nuclide in NO_SPECTRUM:
        local += sum(energy * per_decay for energy, per_decay in emissions["beta-"])
    betas = sum(per_decay for _, per_decay in emissions["beta-"])
    if nuclide not in NO_SPECTRUM:
        rows.append(f"{nuclide},betas,0,{betas:.6g}")
    rows.append(f"{nuclide},local,{local:.6g},1")
    return rows


if __name__ == "__main__":
    head = [
        "# Discrete emissions of ICRP Publication 107, read through icrp107-database 0.0.3.",
        "# betas: number per decay (spectrum elsewhere). local: energy of all weak, soft lines.",
        "nuclide,particle,energy_mev,yield_per_decay",
    ]
    rows = [row for nuclide in NUCLIDES for row in lines_of(nuclide)]
    target = Path(__file__).parent / "data" / "emissions.csv"
    target.write_text("\n".join(head + rows) + "\n")
