"""How the Y-90 kernel answers to small changes of the laws, for the uncertainty in the docs.

``python validation/point_kernels/sensitivity.py [--histories N]``

Every case uses the same source energies; the same histories cannot be kept, so differences carry
the printed statistical error.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from decay_sources import SETUPS, draw_particles, read_emissions
from law_tables import COLUMNS, Cuts, ElectronTables, build_tables
from make_point_kernels import BATCHES
from tracking import run_batch
from water import FloatArray

NUCLIDE = "y90"
EDGES_MM = np.arange(0.5, 10.01, 0.5)
SHOWN = (1, 3, 5, 9, 13, 15, 17)
FAST = Cuts(absorb_mev=0.020, collision_mev=0.020, photon_mev=0.020)
SCATTERING = ("elastic_per_mm", "first_moment_per_mm", "second_moment_per_mm")


def scaled(tables: ElectronTables, columns: tuple[str, ...], factor: float) -> ElectronTables:
    """The same laws with some columns multiplied, and the event rate to match."""
    laws = tables.laws.copy()
    for name in columns:
        laws[:, COLUMNS.index(name)] *= factor
    events = [COLUMNS.index(name) for name in ("elastic_per_mm", "moller_per_mm", "photon_per_mm")]
    laws[:, COLUMNS.index("events_per_mm")] = laws[:, events].sum(axis=1)
    return tables._replace(laws=laws)


def shells(tables: ElectronTables, histories: int, threads: int) -> tuple[FloatArray, FloatArray]:
    """Energy per 0.5 mm shell and its standard error."""
    emissions = read_emissions(NUCLIDE)

    def batch(index: int) -> FloatArray:
        particles = draw_particles(emissions, histories // BATCHES, np.random.default_rng(index))
        tally: FloatArray = run_batch(tables, particles, EDGES_MM, (2.0, 9.999), 1, index)
        return tally[:-1]

    with ThreadPoolExecutor(threads) as pool:
        tallies = np.array(list(pool.map(batch, range(BATCHES))))
    return tallies.mean(axis=0), tallies.std(axis=0, ddof=1) / np.sqrt(BATCHES)


def main() -> None:
    """Print the ratio to the plain case for each change."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    plain = build_tables(FAST)
    cases = {
        "plain, other cuts (10 keV)": build_tables(SETUPS[NUCLIDE].cuts),
        "scattering +2 %": scaled(plain, SCATTERING, 1.02),
        "stopping +0.5 %": scaled(plain, ("stopping_mev_mm",), 1.005),
        "soft straggling +20 %": scaled(plain, ("straggling_mev2_mm",), 1.2),
    }
    reference, error = shells(plain, options.histories, options.threads)
    print("shell from (mm)", " ".join(f"{EDGES_MM[i] - 0.5:7.1f}" for i in SHOWN))
    for name, tables in cases.items():
        energy, spread = shells(tables, options.histories, options.threads)
        ratio = energy / reference
        sigma = ratio * np.hypot(spread / energy, error / reference)
        print(name, " ".join(f"{ratio[i]:.4f}({10000 * sigma[i]:.0f})" for i in SHOWN), flush=True)


if __name__ == "__main__":
    main()
