"""Single voxels of the CT-like phantom: superposition and plain convolution over Monte Carlo.

``python validation/ct_phantom/voxel_by_voxel.py [--voxel-mm 2 4] [--nuclides ...] [--threads N]``
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scipy import ndimage
from validation.common import BoolArray
from validation.ct_phantom.phantom import Phantom, build
from validation.report import table

from opensirt.dose import dose_engines
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.physics.nuclides import nuclide

DECAYS = {
    "y90": 60_000_000,
    "ho166": 20_000_000,
    "p32": 20_000_000,
    "re188": 20_000_000,
    "lu177": 20_000_000,
    "i131": 4_000_000,
    "tc99m": 4_000_000,
}
ENGINES = ("voxel-superposition", "voxel-convolution")
BESIDE_MM = 5.0
SEED = 77
LEAST_SHARE = 0.01
"""Voxels below this part of the maximum are left out."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """Monte Carlo dose and its relative standard error."""

    gray: Floats
    error: Floats


def places(phantom: Phantom) -> dict[str, BoolArray]:
    """Where single voxels are compared."""
    rho = phantom.where.density.values
    lung = (rho > 0.1) & (rho < 0.6)
    liver = phantom.regions["normal liver"]
    steps = round(BESIDE_MM / phantom.where.density.grid.spacing_mm[0])
    tumours = [mask for name, mask in phantom.regions.items() if name.startswith("tumour")]
    return {
        "liver": liver,
        "tumours": np.any(tumours, axis=0),
        "liver within 5 mm of lung": liver & ndimage.binary_dilation(lung, iterations=steps),
        "lung base": phantom.regions["lung base"],
        "lungs": phantom.regions["lungs"],
        "soft tissue outside": (rho > 0.9) & (rho < 1.2) & (phantom.where.activity.values == 0.0),
    }


def row(name: str, mask: BoolArray, found: Floats, reference: Reference) -> list[str] | None:
    """Ratio of means, spread of voxels beyond the reference's noise, least and greatest ratio."""
    mask = mask & (reference.gray > LEAST_SHARE * reference.gray.max())
    if mask.sum() < 20:
        return None
    ratio = found[mask] / reference.gray[mask]
    mean = found[mask].sum(dtype=np.float64) / reference.gray[mask].sum(dtype=np.float64)
    noise2 = float((reference.error[mask] ** 2).mean())
    spread = float(np.sqrt(max(0.0, float(ratio.var()) - noise2)))
    return [
        name,
        f"{mask.sum():,}",
        f"{mean:.4f}",
        f"{spread:.4f}",
        f"{np.sqrt(noise2):.4f}",
        f"{ratio.min():.3f}",
        f"{ratio.max():.3f}",
    ]


def lines(phantom: Phantom, name: str, threads: int | None) -> list[list[str]]:
    """Rows of one nuclide, for every engine."""
    of = nuclide(name)
    scene = phantom.where
    run = MonteCarlo(histories=DECAYS[name], seed=SEED, threads=threads)
    found = run.simulate(scene.activity, scene.density, of)
    reference = Reference(found.dose.values, found.relative_error.values)
    body = []
    for engine in ENGINES:
        gray = dose_engines.create(engine).dose(scene.activity, scene.density, of).values
        for place, mask in places(phantom).items():
            cells = row(place, mask, gray, reference)
            if cells is not None:
                body.append([name, engine, *cells])
    return body


def main() -> None:
    """Command line; writes ``voxel_by_voxel.md`` beside the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--voxel-mm", type=float, nargs="+", default=[2.0, 4.0])
    parser.add_argument("--nuclides", nargs="+", choices=list(DECAYS), default=list(DECAYS))
    parser.add_argument("--threads", type=int, default=None)
    chosen = parser.parse_args()
    header = ["nuclide", "engine", "place", "voxels", "mean", "spread", "noise", "least", "most"]
    text = [
        "# Voxels of the CT-like phantom, over Monte Carlo (written by voxel_by_voxel.py)",
        "",
        f"Voxels above {LEAST_SHARE:.0%} of the maximum. Mean: ratio of the sums. Spread: standard"
        " deviation of the ratio of single voxels with the reference's noise taken off; least and"
        f" most with that noise in them. Monte Carlo, fast mode, seed {SEED}: "
        + ", ".join(f"{name} {DECAYS[name]:,} decays" for name in chosen.nuclides)
        + ".",
    ]
    for voxel_mm in chosen.voxel_mm:
        phantom = build(voxel_mm)
        body = [line for name in chosen.nuclides for line in lines(phantom, name, chosen.threads)]
        text += ["", f"## {voxel_mm:g} mm", "", *table(header, body)]
        (Path(__file__).parent / "voxel_by_voxel.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
