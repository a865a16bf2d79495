"""Make the radial dose point kernels of ``src/opensirt/tables/kernels`` by Monte Carlo.

``python validation/point_kernels/make_point_kernels.py [--nuclides y90 ...] [--out FOLDER]``

Energy per spherical shell about an isotropic point source in infinite water of 1 g/cm3, per decay.
See ``docs/methods/point-kernels.md`` for the model.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from decay_sources import ROOT, SETUPS, Emissions, draw_particles, read_emissions
from law_tables import build_tables
from tracking import run_batch
from water import FloatArray

KERNELS = ROOT / "src" / "opensirt" / "tables" / "kernels"
OUTER_MM = 200.0
OUTER_SHELLS = 40
BATCHES = 40
SPLIT = 5
"""Photons per bremsstrahlung event, each with a fifth of its weight."""
METHOD = (
    "mixed condensed-history electron and photon Monte Carlo in infinite water: Berger-Seltzer"
    " losses, Moller secondaries, Mott-corrected screened Rutherford scattering, Bethe-Heitler"
    " bremsstrahlung scaled to ESTAR, Klein-Nishina photons, ICRP-107 emissions"
)
NOTE = (
    "shell from the previous r_outer to this one, the first from 0; rel_err is one standard error"
)
REFERENCES = (
    "icrp107",
    "bergerseltzer1983",
    "sternheimer1982",
    "icru37",
    "estar",
    "moller1932",
    "moliere1947",
    "mckinley1948",
    "hubbell1975",
    "penelope",
    "kochmotz1959",
    "kleinnishina1929",
    "xraylib2011",
)


@dataclass(frozen=True)
class Kernel:
    """A radial kernel with its statistical error."""

    r_outer_mm: FloatArray
    energy_mev: FloatArray
    """Per shell and decay."""
    rel_err: FloatArray
    """One standard error over the mean, from independent batches."""
    escaped_mev: float
    """Per decay, deposited beyond the last shell."""
    histories: int


def shell_edges(shell_mm: float, fine_limit_mm: float) -> FloatArray:
    """Outer radii (mm): equal shells up to the limit, then logarithmic ones to OUTER_MM."""
    fine = shell_mm * np.arange(1, round(fine_limit_mm / shell_mm) + 1)
    outer = np.geomspace(fine[-1], OUTER_MM, OUTER_SHELLS + 1)[1:]
    return np.concatenate([np.round(fine, 6), np.round(outer, 3)])


def simulate(name: str, histories: int, seed: int, threads: int) -> Kernel:
    """Kernel of a nuclide from this number of betas (or lines), in BATCHES independent batches."""
    setup, emissions = SETUPS[name], read_emissions(name)
    tables = build_tables(setup.cuts)
    edges = shell_edges(setup.shell_mm, setup.fine_limit_mm)
    fine = (1.0 / setup.shell_mm, setup.fine_limit_mm * (1.0 - 1e-9))
    per_batch = max(1, histories // BATCHES)

    def batch(index: int) -> FloatArray:
        rng = np.random.default_rng([seed, index])
        particles = draw_particles(emissions, per_batch, rng)
        tally: FloatArray = run_batch(tables, particles, edges, fine, SPLIT, seed + index)
        tally[0] += emissions.local_mev
        return tally

    with ThreadPoolExecutor(threads) as pool:
        tallies = np.array(list(pool.map(batch, range(BATCHES))))
    mean = tallies.mean(axis=0)
    error = tallies.std(axis=0, ddof=1) / np.sqrt(BATCHES)
    relative = np.divide(error, mean, out=np.ones_like(mean), where=mean > 0.0)
    total = BATCHES * per_batch
    return Kernel(edges, mean[:-1], relative[:-1], float(mean[-1]), total)


def kernel_csv(kernel: Kernel) -> str:
    """The table as text: 6 digits of energy, 2 of error."""
    lines = ["r_outer_mm,energy_mev_per_decay,rel_err"]
    columns = zip(kernel.r_outer_mm, kernel.energy_mev, kernel.rel_err, strict=True)
    lines += [f"{r:.6g},{energy:.6g},{error:.2g}" for r, energy, error in columns]
    return "\n".join(lines) + "\n"


def kernel_toml(name: str, kernel: Kernel, emissions: Emissions, seed: int, digest: str) -> str:
    """The description that goes beside the table."""
    keys = ", ".join(f'"{key}"' for key in REFERENCES)
    return f'''name = "{name}-water"
nuclide = "{SETUPS[name].nuclide}"
medium = "water"
density_g_ml = 1.0
file = "{name}-water.csv"
sha256 = "{digest}"
source = "opensirt"
script = "validation/point_kernels/make_point_kernels.py"
seed = {seed}
histories = {kernel.histories}
method = "{METHOD}"
mean_energy_mev_per_decay = {emissions.mean_energy_mev():.6g}
escaped_mev_per_decay = {kernel.escaped_mev:.6g}
note = "{NOTE}"
licence = "Apache-2.0"
references = [{keys}]

[columns]
r_outer_mm = "mm"
energy_mev_per_decay = "MeV"
rel_err = "1"
'''


def write_kernel(name: str, kernel: Kernel, seed: int, folder: Path) -> None:
    """Write <name>-water.csv and <name>-water.toml."""
    text = kernel_csv(kernel)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-water.csv").write_text(text, newline="\n")
    description = kernel_toml(name, kernel, read_emissions(name), seed, digest)
    (folder / f"{name}-water.toml").write_text(description, newline="\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nuclides", nargs="+", choices=list(SETUPS), default=list(SETUPS))
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the histories")
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=KERNELS)
    options = parser.parse_args()
    for name in options.nuclides:
        start = time.perf_counter()
        histories = int(options.scale * SETUPS[name].histories)
        kernel = simulate(name, histories, options.seed, options.threads)
        write_kernel(name, kernel, options.seed, options.out)
        seconds = time.perf_counter() - start
        print(f"{name}: {kernel.histories} histories in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
