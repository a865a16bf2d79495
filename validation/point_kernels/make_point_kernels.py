"""Make the radial dose point kernels of ``src/opensirt/tables/kernels`` with the own Monte Carlo.

``python validation/point_kernels/make_point_kernels.py [--nuclides y90 ...] [--media water ...]
[--resume] [--scale 0.1] [--out FOLDER]``

Energy per spherical shell about an isotropic point source in an endless medium, per decay, lengths
at 1 g/cm3. See ``docs/methods/point-kernels.md`` for the model.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensirt.dose.kernels import KERNEL_MEDIA
from opensirt.dose.mc_electrons import ELECTRON
from opensirt.dose.mc_shells import ShellEnergies, ShellPlan, shell_edges, shell_energies
from opensirt.dose.mc_source import DecaySource, decay_source
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Cuts, Laws, build_laws, media_named
from opensirt.physics.nuclides import nuclide

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "src" / "opensirt" / "tables" / "kernels"
SEED = 20_260_101
BATCHES = 40
PHOTON_SPLIT = 30


@dataclass(frozen=True)
class Setup:
    """How one nuclide is simulated and tallied."""

    shell_mm: float
    """Width of the equal shells."""
    cuts: Cuts
    histories: int
    """Betas (or lines, where there are no betas) in water in production."""
    histories_elsewhere: int


LONG = Cuts(absorb_mev=0.020, collision_mev=0.010, photon_mev=0.010)
"""For betas of millimetres: a 20 keV electron reaches 8.5 um, a sixth of a shell of 0.05 mm."""
MIDDLE = Cuts(absorb_mev=0.010, collision_mev=0.010, photon_mev=0.005)
SHORT = Cuts(absorb_mev=0.005, collision_mev=0.005, photon_mev=0.005)
"""For shells of 5 um, a 5 keV electron reaching 0.8 um."""
SHORTEST = Cuts(absorb_mev=0.002, collision_mev=0.002, photon_mev=0.005)
SETUPS = {
    "y90": Setup(0.05, LONG, 2_500_000, 1_000_000),
    "ho166": Setup(0.05, LONG, 600_000, 400_000),
    "re188": Setup(0.05, LONG, 600_000, 400_000),
    "p32": Setup(0.05, LONG, 600_000, 400_000),
    "lu177": Setup(0.005, SHORT, 500_000, 400_000),
    "i131": Setup(0.01, MIDDLE, 500_000, 400_000),
    "tc99m": Setup(0.002, SHORTEST, 400_000, 300_000),
}
METHOD = (
    "mixed (class II) condensed-history electron and photon Monte Carlo of opensirt in an endless"
    " medium, no replays; ICRP-107 emissions"
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
    "mckinley1948",
    "hubbell1975",
    "penelope",
    "kochmotz1959",
    "kleinnishina1929",
    "xraylib2011",
)


def histories_of(name: str, medium: str, scale: float) -> int:
    """Histories of one kernel, a whole number of batches."""
    setup = SETUPS[name]
    wanted = setup.histories if medium == "water" else setup.histories_elsewhere
    return BATCHES * max(1, round(scale * wanted / BATCHES))


def longest_range_mm(source: DecaySource, laws: Laws) -> float:
    """CSDA range (mm at 1 g/cm3) of the strongest beta, or of the strongest electron line."""
    lines = source.line_mev[source.line_kind == ELECTRON]
    highest_mev = source.beta_mev[-1] if source.betas_per_decay > 0.0 else lines.max()
    ranges = laws.electron[0, :, ELECTRON_COLUMNS.index("range_mm")]
    place = (np.log(highest_mev) - laws.log_start) * laws.per_log
    return float(np.interp(place, np.arange(len(ranges)), ranges))


def simulate(
    name: str, medium: str, histories: int, *, seed: int = SEED, threads: int | None = None
) -> ShellEnergies:
    """One kernel; progress is shown on the error stream where that is a terminal."""
    setup = SETUPS[name]
    laws = build_laws(media_named([medium]), setup.cuts)
    source = decay_source(nuclide(name), setup.cuts.absorb_mev)
    edges = shell_edges(setup.shell_mm, longest_range_mm(source, laws))
    plan = ShellPlan(histories, seed, threads, BATCHES, PHOTON_SPLIT)
    started = time.perf_counter()

    def show(done: float) -> None:
        left = (time.perf_counter() - started) * (1.0 / done - 1.0)
        if sys.stderr.isatty():
            print(f"\r{name} {medium}: {done:4.0%}, {left:4.0f} s left ", end="", file=sys.stderr)

    kernel = shell_energies(source, laws, edges, plan, show)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    return kernel


def kernel_csv(kernel: ShellEnergies) -> str:
    """The table as text: 5 digits of energy, 2 of error."""
    lines = ["r_outer_mm,energy_mev_per_decay,rel_err"]
    columns = zip(kernel.r_outer_mm, kernel.energy_mev, kernel.rel_err, strict=True)
    lines += [f"{r:.6g},{energy:.5g},{error:.2g}" for r, energy, error in columns]
    return "\n".join(lines) + "\n"


def mean_error(kernel: ShellEnergies) -> float:
    """Relative standard error of a shell, mean weighted with the energy of the shells."""
    return float(np.average(kernel.rel_err, weights=kernel.energy_mev))


def kernel_toml(name: str, medium: str, kernel: ShellEnergies, seed: int, digest: str) -> str:
    """The description that goes beside the table."""
    keys = ", ".join(f'"{key}"' for key in REFERENCES)
    cuts = SETUPS[name].cuts
    return f'''name = "{name}-{medium}"
nuclide = "{nuclide(name).label}"
medium = "{medium}"
density_g_ml = 1.0
file = "{name}-{medium}.csv"
sha256 = "{digest}"
source = "opensirt"
script = "validation/point_kernels/make_point_kernels.py"
seed = {seed}
histories = {kernel.histories}
photon_split = {PHOTON_SPLIT}
absorb_mev = {cuts.absorb_mev:g}
collision_mev = {cuts.collision_mev:g}
photon_mev = {cuts.photon_mev:g}
method = "{METHOD}"
mean_energy_mev_per_decay = {kernel.emitted_mev:.6g}
escaped_mev_per_decay = {kernel.escaped_mev:.6g}
mean_rel_err = {mean_error(kernel):.2g}
note = "{NOTE}"
licence = "Apache-2.0"
references = [{keys}]

[columns]
r_outer_mm = "mm"
energy_mev_per_decay = "MeV"
rel_err = "1"
'''


def write_kernel(name: str, medium: str, kernel: ShellEnergies, seed: int, folder: Path) -> None:
    """Write <name>-<medium>.csv, then the .toml that makes it valid."""
    text = kernel_csv(kernel)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{medium}.csv").write_text(text, newline="\n")
    description = kernel_toml(name, medium, kernel, seed, digest)
    (folder / f"{name}-{medium}.toml").write_text(description, newline="\n")


def is_made(name: str, medium: str, histories: int, seed: int, folder: Path) -> bool:
    """Whether the folder holds this kernel from this seed and number of histories."""
    path, table = (folder / f"{name}-{medium}.{ending}" for ending in ("toml", "csv"))
    if not path.exists() or not table.exists():
        return False
    about = tomllib.loads(path.read_text())
    whole = hashlib.sha256(table.read_bytes()).hexdigest() == about["sha256"]
    return whole and (about["seed"], about["histories"]) == (seed, histories)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nuclides", nargs="+", choices=list(SETUPS), default=list(SETUPS))
    parser.add_argument("--media", nargs="+", choices=KERNEL_MEDIA, default=list(KERNEL_MEDIA))
    parser.add_argument("--resume", action="store_true", help="leave what is made already")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the histories")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, help="default: every core")
    parser.add_argument("--out", type=Path, default=KERNELS)
    options = parser.parse_args()
    jobs = [(name, medium) for name in options.nuclides for medium in options.media]
    for number, (name, medium) in enumerate(jobs, 1):
        histories = histories_of(name, medium, options.scale)
        if options.resume and is_made(name, medium, histories, options.seed, options.out):
            print(f"{number}/{len(jobs)} {name} {medium}: made already", flush=True)
            continue
        start = time.perf_counter()
        kernel = simulate(name, medium, histories, seed=options.seed, threads=options.threads)
        write_kernel(name, medium, kernel, options.seed, options.out)
        print(
            f"{number}/{len(jobs)} {name} {medium}: {histories} histories in"
            f" {time.perf_counter() - start:.0f} s, error of a shell {mean_error(kernel):.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
