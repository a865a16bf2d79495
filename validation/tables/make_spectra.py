"""Make ``tables/spectra`` and ``tables/lines`` from the figures of ICRP Publication 107.

Run with the PyPI package ``icrp107-database`` 0.0.3 installed; its JSON files are encoded twice.
Prints the emitted energy by class, which stands in ``tables/nuclides``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

NUCLIDES = ("Y-90", "Ho-166", "Tc-99m", "Re-188", "P-32", "Lu-177", "I-131")
CLASSES = {"gamma": "photon", "X": "photon", "IE": "electron", "auger": "electron"}
KINDS = {"gamma": "gamma", "X": "x-ray", "IE": "conversion", "auger": "auger"}
LEAST_YIELD = 1e-5
LEAST_BETAS = 1e-3
SCRIPT = "validation/tables/make_spectra.py"
LICENCE = (
    "figures of ICRP Publication 107, cited; read through icrp107-database 0.0.3 (LGPL-3.0), "
    "of which no code or file is contained"
)


def emissions(nuclide: str) -> dict[str, list[list[float]]]:
    """Emissions of one nuclide: class -> rows of energy (MeV), yield per decay."""
    path = resources.files("icrp107_database") / "icrp107" / f"{nuclide}.json"
    data: Any = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(data, str):
        data = json.loads(data)
    found: dict[str, list[list[float]]] = data["emissions"]
    return found


def write(folder: Path, name: str, title: str, columns: dict[str, str], rows: list[str]) -> None:
    """Write ``name.csv`` and the ``name.toml`` that describes it."""
    folder.mkdir(parents=True, exist_ok=True)
    data = "\n".join([",".join(columns), *rows, ""]).encode("ascii")
    (folder / f"{name}.csv").write_bytes(data)
    lines = [
        f'title = "{title}"',
        'source = "icrp107"',
        f'licence = "{LICENCE}"',
        f'script = "{SCRIPT}"',
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
        "",
        "[columns]",
        *(f'{column} = "{unit}"' for column, unit in columns.items()),
        "",
    ]
    (folder / f"{name}.toml").write_text("\n".join(lines), encoding="ascii")


def main() -> None:
    """Write both folders below the given ``tables`` folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, help="src/opensirt/tables")
    tables = parser.parse_args().tables
    for nuclide in NUCLIDES:
        name = nuclide.lower().replace("-", "")
        found = emissions(nuclide)
        if sum(y for _, y in found["beta-"]) > LEAST_BETAS:
            rows = [f"{e:g},{n:g}" for e, n in found["b-spectra"]]
            columns = {"energy_mev": "MeV", "betas_per_mev_per_decay": "1/(MeV decay)"}
            title = f"{nuclide} beta spectrum: betas per MeV and decay against kinetic energy"
            write(tables / "spectra", f"{name}-beta", title, columns, rows)
        lines = sorted(
            (e, y, CLASSES[kind], KINDS[kind])
            for kind in CLASSES
            for e, y in found[kind]
            if y >= LEAST_YIELD
        )
        if lines:
            columns = {"particle": "text", "kind": "text", "energy_mev": "MeV", "yield": "1/decay"}
            rows = [f"{particle},{kind},{e:g},{y:g}" for e, y, particle, kind in lines]
            title = f"{nuclide} discrete photons and electrons with a yield of at least 1e-5"
            write(tables / "lines", name, title, columns, rows)
        totals = {
            "beta": sum(e * y for e, y in found["beta-"]),
            "electron": sum(e * y for kind in ("IE", "auger") for e, y in found[kind]),
            "photon": sum(e * y for kind in ("gamma", "X") for e, y in found[kind]),
        }
        print(nuclide, {kind: float(f"{energy:.5g}") for kind, energy in totals.items()})


if __name__ == "__main__":
    main()
