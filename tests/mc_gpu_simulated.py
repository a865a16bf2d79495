"""Cases of the CUDA Monte Carlo, for a process of its own in numba's simulator.

    NUMBA_ENABLE_CUDASIM=1 python -m tests.mc_gpu_simulated laws|fast|full|engine|borders|trackless

prints one line of JSON. The simulator is chosen when numba is imported, hence the process.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from opensirt.backend import gpu_status
from opensirt.dose import mc_physics as laws
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.mc_density import media_by_density
from opensirt.dose.mc_device import Setting, Threads, Transport
from opensirt.dose.mc_gpu import Gpu
from opensirt.dose.mc_random import STATE_WORDS, law, seed_stream
from opensirt.dose.mc_scene import cuts_for, make_matter
from opensirt.dose.mc_source import decay_source
from opensirt.dose.mc_voxels import EMITTED, TRACKLESS
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

EDGE, SPACING_MM = 12, 3.0
LAW_SEED = 7
REGIONS = {
    "source": np.s_[3:9, 3:9, 3:9],
    "source in lung": np.s_[3:9, 3:9, 3:5],
    "bone beside": np.s_[8:],
    "lung beside": np.s_[3:9, 3:9, :3],
    "everything": np.s_[:],
}


class LawTables(NamedTuple):
    """What the laws read, and where the kernel writes."""

    table: Any
    shapes: Any
    coherent: Any
    out: Any


def law_tables() -> LawTables:
    """Small tables of plausible shape."""
    table = np.linspace(1.0, 3.0, 24).reshape(2, 6, 2)
    shapes = np.linspace(1.0, 0.1, 41).reshape(1, 41)
    x2 = np.linspace(0.0, 60.0, 50)
    coherent = np.stack([x2, 1.0 - np.exp(-x2)], axis=-1)[None]
    return LawTables(table, shapes, coherent, np.zeros(26))


@law
def play_laws(tables: Any, state: Any) -> None:
    """Every law once; those that reject draw from `state` one after the other."""
    out = tables.out
    u, v, w = laws.isotropic(0.3, 0.7)
    out[0], out[1], out[2] = u, v, w
    out[3], out[4], out[5] = laws.turned(u, v, w, 0.8, 0.36, 0.48)
    out[6], out[7], out[8] = laws.along_and_across(u, v, w, 0.1, 0.2, 0.9)
    out[9] = laws.free_path_mm(2.0, 0.4)
    out[10] = laws.interpolated(tables.table, 1, 2.3, 1)
    out[11], out[12] = laws.widened(0.9, 1.7)
    out[13] = laws.soft_mu(0.05, 0.14, 0.6, 0.2)
    out[14], out[15] = laws.moller_cosines(0.9, 0.2)
    out[16] = laws.photon_cosine(0.7, 0.35)
    out[17] = laws.soft_loss(0.05, 1e-4, state)
    out[18] = laws.soft_loss(0.05, 7e-4, state)
    out[19] = laws.soft_loss(0.05, 9e-4, state)
    out[20] = laws.hard_elastic_mu(8.0, 1e-4, 1e-3, 0.8, state)
    out[21] = laws.moller_loss(1.2, 0.05, state)
    out[22] = laws.photon_energy(1.2, 0.01, tables.shapes, 0, state)
    out[23], out[24] = laws.compton(0.4, state)
    out[25] = laws.coherent_cosine(0.06, tables.coherent, 0, state)


@cuda.jit
def laws_kernel(tables, seed):  # type: ignore[no-untyped-def]
    """`play_laws` on the device."""
    state = cuda.local.array(STATE_WORDS, types.uint64)
    seed_stream(state, seed, 0, 0)
    play_laws(tables, state)


def laws_case() -> dict[str, Any]:
    """The laws through a CUDA kernel."""
    tables = law_tables()
    laws_kernel[1, 1](tables, LAW_SEED)
    return {"values": tables.out.tolist()}


def setting() -> Setting:
    """Y-90 in a block that reaches from lung into water, below bone."""
    activity = np.zeros((EDGE,) * 3, np.float32)
    activity[3:9, 3:9, 3:9] = 1.0
    activity[3:9, 3:9, 6:9] = 2.5
    density = np.ones((EDGE,) * 3, np.float32)
    density[:, :, :5] = 0.26
    density[8:] = 1.8
    cuts = cuts_for(SPACING_MM)
    source = decay_source(nuclide("y90"), cuts.absorb_mev)
    return Setting(density, activity, (SPACING_MM,) * 3, make_matter(density, cuts), source)


def region_means(
    transport: Transport, tracks: list[int], histories: int, batches: int
) -> dict[str, Any]:
    """MeV per history and region, its standard error over batches, and the energy balances."""
    energies, balances = [], []
    for batch in range(batches):
        transport.reset()
        book = transport.run_batch(tracks, histories, (3, batch), lambda: False)
        energy = transport.sums().total.reshape((EDGE,) * 3).astype(float)
        energies.append([energy[region].sum() / book[-1] for region in REGIONS.values()])
        balances.append((energy.sum() + book[2] - book[3]) / book[3])
    found = np.array(energies)
    error = found.std(axis=0, ddof=1) / np.sqrt(batches)
    return {
        "mean": found.mean(axis=0).tolist(),
        "error": error.tolist(),
        "balance": float(np.abs(balances).max()),
    }


def transport_case(mode: str) -> dict[str, Any]:
    """The same simulation on the simulated GPU and on the CPU."""
    of = setting()
    media = len(of.matter.media)
    gpu = Gpu(of)
    tracks, more = ([30] * media, [300] * media) if mode == "fast" else ([], [])
    with ThreadPoolExecutor(1) as pool:
        return {
            "regions": list(REGIONS),
            "gpu": region_means(gpu, tracks, 500, 12),
            "again": region_means(gpu, tracks, 500, 2)["mean"],
            "fresh": region_means(Gpu(of), tracks, 500, 2)["mean"],
            "cpu": region_means(Threads(of, 1, pool), more, 5000, 12),
        }


def engine_case() -> dict[str, Any]:
    """The engine by its name, with a GPU that the simulator stands in for."""
    of = setting()
    grid = Grid.regular((EDGE,) * 3, (SPACING_MM,) * 3)
    engine = MonteCarlo(histories=1000, mode="full", device="cuda", seed=2)
    found = engine.simulate(
        Volume(of.activity, grid, Unit.BQ_PER_ML),
        Volume(of.density, grid, Unit.G_PER_ML),
        nuclide("y90"),
    )
    return {
        "status": gpu_status(),
        "device": found.device,
        "histories": found.histories,
        "balance": found.energy_balance,
        "mean_gy": float(found.dose.values[3:9, 3:9, 3:9].mean()),
    }


def border_setting(density_g_ml: float) -> Setting:
    """An active voxel of this density amid its like, a slice of another medium beside."""
    density = np.full((5, 5, 5), density_g_ml, np.float32)
    density[0] = 1.6 if density_g_ml < 1.2 else 1.0
    activity = np.zeros((5, 5, 5), np.float32)
    activity[2, 2, 2] = 1.0
    cuts = cuts_for(SPACING_MM)
    source = decay_source(nuclide("p32"), cuts.absorb_mev)
    return Setting(density, activity, (SPACING_MM,) * 3, make_matter(density, cuts), source)


def borders_case() -> list[dict[str, Any]]:
    """MeV emitted and kept per decay at every border of media and one float32 to each side."""
    rows = []
    for _, bound in media_by_density()[:-1]:
        middle = np.float32(bound)
        for rho in (
            np.nextafter(middle, np.float32(0)),
            middle,
            np.nextafter(middle, np.float32(9)),
        ):
            of = border_setting(float(rho))
            tracks = [8 if share > 0.0 else 0 for share in of.homes[0]]
            gpu = Gpu(of)
            gpu.reset()
            book = gpu.run_batch(tracks, 64, (3, 0), lambda: False)
            rows.append(
                {
                    "density": float(rho),
                    "emitted": book[EMITTED] / book[-1],
                    "trackless": book[TRACKLESS],
                    "kept": float(gpu.sums().total.sum()) / book[-1],
                }
            )
    return rows


def trackless_case() -> dict[str, Any]:
    """A batch without tracks of the medium in which all decays happen."""
    of = border_setting(1.01)
    gpu = Gpu(of)
    gpu.reset()
    tracks = [0 if share > 0.0 else 8 for share in of.homes[0]]
    book = gpu.run_batch(tracks, 40, (3, 0), lambda: False)
    return {"histories": book[-1], "trackless": book[TRACKLESS], "emitted": book[EMITTED]}


def main() -> None:
    """Run the case named on the command line."""
    name = sys.argv[1]
    if name == "laws":
        result = laws_case()
    elif name == "engine":
        result = engine_case()
    elif name == "borders":
        result = {"rows": borders_case()}
    elif name == "trackless":
        result = trackless_case()
    else:
        result = transport_case(name)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
