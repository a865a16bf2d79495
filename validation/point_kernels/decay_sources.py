"""What a decay emits, as weighted particles: ICRP-107 betas, electrons and photons [icrp107].

Beta energies are drawn evenly over the quantiles of a law that favours the high energies, whose
betas alone reach the outer shells; the weights undo the favour. Energies in MeV.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from law_tables import Cuts
from scipy.interpolate import PchipInterpolator
from tracking import ELECTRON, PHOTON
from water import FloatArray

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BETA_GRID = 20_001
SHARE_OF_LINES = 0.3
"""Electron lines, and photon lines, get this number of histories per beta history."""


@dataclass(frozen=True)
class Setup:
    """How one nuclide is simulated and tallied."""

    nuclide: str
    """ICRP name, such as Y-90."""
    shell_mm: float
    """Width of the shells in the beta range."""
    fine_limit_mm: float
    """End of the equal shells, about 1.2 times the CSDA range of the largest beta energy."""
    histories: int
    """Betas (or lines, where there are no betas) simulated in production."""
    cuts: Cuts


LONG = Cuts(absorb_mev=0.010, collision_mev=0.010, photon_mev=0.010)
"""For betas of millimetres: a 10 keV electron reaches 2.5 um, a twentieth of a shell."""
SHORT = Cuts(absorb_mev=0.002, collision_mev=0.002, photon_mev=0.005)
"""For shells of a few micrometres."""
SETUPS = {
    "y90": Setup("Y-90", 0.05, 13.5, 4_000_000, LONG),
    "ho166": Setup("Ho-166", 0.05, 10.8, 1_200_000, LONG),
    "re188": Setup("Re-188", 0.05, 12.6, 1_200_000, LONG),
    "p32": Setup("P-32", 0.05, 9.9, 1_200_000, LONG),
    "lu177": Setup("Lu-177", 0.005, 2.1, 1_000_000, SHORT),
    "i131": Setup("I-131", 0.01, 4.0, 1_000_000, SHORT),
    "tc99m": Setup("Tc-99m", 0.002, 0.3, 1_000_000, SHORT),
}


@dataclass(frozen=True)
class Emissions:
    """Emissions per decay of one nuclide."""

    beta_mev: FloatArray
    beta_density: FloatArray
    """Betas per MeV and decay on `beta_mev` (empty arrays where there are no betas)."""
    electrons: FloatArray
    """Energy (MeV) and yield per line."""
    photons: FloatArray
    local_mev: float
    """Energy that never leaves the source point."""

    def mean_energy_mev(self) -> float:
        """Energy of all electrons and photons per decay."""
        beta = 0.0
        if len(self.beta_mev):
            beta = float(np.trapezoid(self.beta_mev * self.beta_density, self.beta_mev))
        lines = sum(float(np.sum(a[:, 0] * a[:, 1])) for a in (self.electrons, self.photons))
        return beta + lines + self.local_mev


def spectrum_path(name: str, nuclide: str) -> Path:
    """The shipped ICRP-107 beta spectrum, else the copy in the shared reference folder."""
    shipped = ROOT / "src" / "opensirt" / "tables" / "spectra" / f"{name}-beta.csv"
    shared = ROOT / ".." / "shared" / "reference" / f"beta_spectrum_icrp107_{nuclide}.csv"
    return shipped if shipped.exists() else shared


def read_spectrum(path: Path) -> FloatArray:
    """Energy (MeV) and betas per MeV per decay; comment and heading lines are skipped."""
    rows = [line.split(",")[:2] for line in path.read_text().splitlines()]
    return np.array([row for row in rows if row[0].strip()[:1].isdigit()], dtype=float)


def read_emissions(name: str) -> Emissions:
    """Emissions of a nuclide, its beta spectrum interpolated and scaled to the betas per decay.

    The square root of the spectrum is interpolated: it is nearly straight towards the end point
    (the Kurie plot), where the table is coarse.
    """
    nuclide = SETUPS[name].nuclide
    lines: dict[str, list[tuple[float, float]]] = {"electron": [], "photon": []}
    betas, local = 0.0, 0.0
    with (HERE / "data" / "emissions.csv").open() as file:
        for row in csv.reader(file):
            if row[0] != nuclide:
                continue
            line_mev, per_decay = float(row[2]), float(row[3])
            if row[1] == "betas":
                betas = per_decay
            elif row[1] == "local":
                local = line_mev
            else:
                lines[row[1]].append((line_mev, per_decay))
    energy, density = np.zeros(0), np.zeros(0)
    if betas > 0.0:
        table = read_spectrum(spectrum_path(name, nuclide))
        energy = np.linspace(0.0, table[-1, 0], BETA_GRID)
        density = PchipInterpolator(table[:, 0], np.sqrt(table[:, 1]))(energy) ** 2
        density *= betas / np.trapezoid(density, energy)
    arrays = [np.array(lines[kind]).reshape(-1, 2) for kind in ("electron", "photon")]
    return Emissions(energy, density, arrays[0], arrays[1], local)


def draw_betas(emissions: Emissions, count: int, rng: np.random.Generator) -> FloatArray:
    """`count` weighted betas; the weights add to the betas per decay."""
    energy, density = emissions.beta_mev, emissions.beta_density
    favour = 0.1 + (energy / energy[-1]) ** 1.5
    steps = (
        0.5 * np.diff(energy) * (density * favour)[1:]
        + 0.5 * np.diff(energy) * (density * favour)[:-1]
    )
    cumulative = np.concatenate([[0.0], np.cumsum(steps)])
    quantile = (np.arange(count) + rng.random(count)) / count * cumulative[-1]
    drawn = np.interp(quantile, cumulative, energy)
    weight = cumulative[-1] / count / np.interp(drawn, energy, favour)
    return np.column_stack([np.full(count, ELECTRON), drawn, weight])


def draw_lines(lines: FloatArray, kind: float, count: int, rng: np.random.Generator) -> FloatArray:
    """About `count` weighted particles, shared by emitted energy; every line has at least one."""
    share = lines[:, 0] * lines[:, 1] / np.sum(lines[:, 0] * lines[:, 1])
    numbers = np.maximum(1, np.round(share * count)).astype(int)
    energy = np.repeat(lines[:, 0], numbers)
    weight = np.repeat(lines[:, 1] / numbers, numbers)
    return np.column_stack([np.full(len(energy), kind), energy, weight])


def draw_particles(emissions: Emissions, count: int, rng: np.random.Generator) -> FloatArray:
    """Weighted source particles (kind, energy, weight) that stand for one decay."""
    parts, lines = [], count
    if len(emissions.beta_mev):
        parts.append(draw_betas(emissions, count, rng))
        lines = max(1, int(SHARE_OF_LINES * count))
    for table, kind in ((emissions.electrons, ELECTRON), (emissions.photons, PHOTON)):
        if len(table):
            parts.append(draw_lines(table, kind, lines, rng))
    return np.concatenate(parts)
