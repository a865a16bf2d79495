"""How the Y-90 kernel answers to small changes of the laws, for the uncertainty in the docs.

``python validation/point_kernels/sensitivity.py [--histories N] [--threads N]``

Differences carry the printed standard error, as the histories of two cases are independent.
"""

from __future__ import annotations

import argparse

import numpy as np

from opensirt.dose.mc_shells import ShellEnergies, ShellPlan, shell_edges, shell_energies
from opensirt.dose.mc_source import decay_source
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Cuts, Laws, build_laws, media_named
from opensirt.physics.nuclides import nuclide

SHELL_MM, RANGE_MM = 0.5, 11.3
SHOWN = (1, 3, 5, 9, 13, 15, 17)
FAST = Cuts(absorb_mev=0.020, collision_mev=0.020, photon_mev=0.020)
SCATTERING = ("elastic_per_mm", "first_moment_per_mm", "second_moment_per_mm")


def laws_of(cuts: Cuts) -> Laws:
    """Laws of water."""
    return build_laws(media_named(["water"]), cuts)


def scaled(laws: Laws, columns: tuple[str, ...], factor: float) -> Laws:
    """The same laws with some columns multiplied, and the event rate to match."""
    electron = laws.electron.copy()
    for name in columns:
        electron[:, :, ELECTRON_COLUMNS.index(name)] *= factor
    events = [ELECTRON_COLUMNS.index(f"{name}_per_mm") for name in ("elastic", "moller", "photon")]
    electron[:, :, ELECTRON_COLUMNS.index("events_per_mm")] = electron[:, :, events].sum(axis=2)
    return laws._replace(electron=electron)


def shells(laws: Laws, plan: ShellPlan) -> ShellEnergies:
    """Energy per 0.5 mm shell."""
    source = decay_source(nuclide("y90"), laws.absorb_mev[0])
    return shell_energies(source, laws, shell_edges(SHELL_MM, RANGE_MM), plan)


def main() -> None:
    """Print the ratio to the plain case for each change."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    plain = laws_of(FAST)
    cases = {
        "cuts 10 keV": laws_of(Cuts()),
        "angle step 0.1, loss step 0.05": laws_of(
            Cuts(0.020, 0.020, 0.020, angle_step=0.1, loss_step=0.05)
        ),
        "scattering +2 %": scaled(plain, SCATTERING, 1.02),
        "stopping +0.5 %": scaled(plain, ("stopping_mev_mm",), 1.005),
        "soft straggling +20 %": scaled(plain, ("straggling_mev2_mm",), 1.2),
    }
    reference = shells(plain, ShellPlan(options.histories, 1, options.threads))
    print("shell from (mm)", " ".join(f"{SHELL_MM * i:7.1f}" for i in SHOWN))
    for seed, (name, laws) in enumerate(cases.items(), 2):
        found = shells(laws, ShellPlan(options.histories, seed, options.threads))
        ratio = found.energy_mev / reference.energy_mev
        sigma = ratio * np.hypot(found.rel_err, reference.rel_err)
        print(name, " ".join(f"{ratio[i]:.4f}({10000 * sigma[i]:.0f})" for i in SHOWN), flush=True)


if __name__ == "__main__":
    main()
