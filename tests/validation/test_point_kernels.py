"""Radial dose point kernels: the shipped tables against published figures and the transport."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Iterator

import numpy as np
import pytest

from opensirt.dose import PointKernel, point_kernel
from opensirt.dose.kernels import KERNEL_MEDIA
from opensirt.dose.mc_kernel import KernelPlan, simulated_kernel
from opensirt.dose.mc_shells import ShellPlan, shell_edges, shell_energies
from opensirt.dose.mc_source import decay_source
from opensirt.dose.mc_tables import Cuts, build_laws, media_named
from opensirt.physics.nuclides import nuclide
from opensirt.physics.tables import load_csv
from tests.paths import ROOT

FOLDER = ROOT / "validation" / "point_kernels"
KERNELS = ROOT / "src" / "opensirt" / "tables" / "kernels"
NAMES = ("y90", "ho166", "re188", "p32", "lu177", "i131", "tc99m")
SOFT_TISSUE_G_ML = 1.04


@pytest.fixture
def generator() -> Iterator[None]:
    """Puts the generator's folder on the import path."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("medium", KERNEL_MEDIA)
@pytest.mark.parametrize("name", NAMES)
def test_shipped_kernel_closes_its_energy_and_matches_its_checksum(name: str, medium: str) -> None:
    """Shells and what escapes add to the energy emitted; the file is the one described."""
    about = tomllib.loads((KERNELS / f"{name}-{medium}.toml").read_text())
    data = (KERNELS / f"{name}-{medium}.csv").read_bytes()
    table = load_csv(f"kernels/{name}-{medium}")
    assert hashlib.sha256(data).hexdigest() == about["sha256"]
    assert len(data) < 12_000
    assert (about["medium"], about["nuclide"]) == (medium, nuclide(name).label)
    assert np.all(np.diff(table.column("r_outer_mm")) > 0.0)
    assert table.column("r_outer_mm")[-1] == 200.0
    total = table.column("energy_mev_per_decay").sum() + about["escaped_mev_per_decay"]
    assert total == pytest.approx(about["mean_energy_mev_per_decay"], rel=3e-5)


MEAN_ENERGIES_MEV = (
    ("y90", 0.9331),
    ("ho166", 0.7265),
    ("re188", 0.8406),
    ("p32", 0.6948),
    ("lu177", 0.1831),
    ("i131", 0.5747),
    ("tc99m", 0.1428),
)
"""Betas, conversion and Auger electrons and photons, in MeV per decay [icrp107]."""


@pytest.mark.parametrize("medium", KERNEL_MEDIA)
@pytest.mark.parametrize(("name", "mean_mev"), MEAN_ENERGIES_MEV)
def test_mean_energy_is_that_of_icrp_107(name: str, mean_mev: float, medium: str) -> None:
    """The interpolated spectrum and the listed lines keep the stated energies within 0.1 %."""
    about = tomllib.loads((KERNELS / f"{name}-{medium}.toml").read_text())
    assert about["mean_energy_mev_per_decay"] == pytest.approx(mean_mev, rel=1e-3)


@pytest.mark.parametrize(
    ("fraction", "radius_mm"), [(0.50, 2.37), (0.90, 5.47), (0.95, 6.37), (0.99, 8.13)]
)
def test_y90_radii_of_energy_agree_with_another_code(fraction: float, radius_mm: float) -> None:
    """Graves et al. 2019, water; the two codes agree within 1.5 %."""
    kernel, total = point_kernel("y90"), nuclide("y90").energies.everything_mev
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    own = float(np.interp(fraction * total, cumulative, kernel.edges_mm(1.0)))
    assert own == pytest.approx(radius_mm, rel=0.015)


def sphere_fraction(kernel: PointKernel, radius_mm: float, total_mev: float) -> float:
    """Absorbed share in a sphere: two of its points r apart overlap 1 - 3r/4R + r^3/16R^3."""
    edges = np.minimum(kernel.edges_mm(SOFT_TISSUE_G_ML) / radius_mm, 2.0)
    middle = 0.5 * (edges[1:] + edges[:-1])
    return float(np.vdot(kernel.energy_mev, 1.0 - 0.75 * middle + middle**3 / 16.0)) / total_mev


@pytest.mark.parametrize(
    ("radius_mm", "published"),
    [(1.0, 0.17), (2.5, 0.39), (10.0, 0.80), (13.3, 0.85), (16.8, 0.88), (28.7, 0.93)],
)
def test_y90_sphere_absorbed_fractions(radius_mm: float, published: float) -> None:
    """Akabani and Amato, density 1.04; 0.005 and half of their last printed digit."""
    kernel, total = point_kernel("y90", "soft-tissue"), nuclide("y90").energies.everything_mev
    assert sphere_fraction(kernel, radius_mm, total) == pytest.approx(published, abs=0.01)


def test_heavier_media_scatter_more_and_stop_less_per_gram() -> None:
    """Bone, in water's mm at 1 g/cm3: 5 to 9 % less in the first mm, twice as much in the last."""
    edges = np.array([0.0, 1.0, 9.0, 10.0])
    water, bone = (
        np.diff(np.interp(edges, k.edges_mm(1.0), np.append(0.0, np.cumsum(k.energy_mev))))
        for k in (point_kernel("y90", medium) for medium in ("water", "bone"))
    )
    assert 0.91 < bone[0] / water[0] < 0.95
    assert 1.8 < bone[2] / water[2] < 2.6


@pytest.mark.parametrize("medium", ["soft-tissue", "lung", "bone"])
def test_shipped_kernel_is_that_of_the_transport_of_today(medium: str) -> None:
    """A short run of the same transport: energy per mm to 6 mm within four standard errors."""
    laws = build_laws(media_named([medium]), Cuts(0.02, 0.01, 0.01))
    histories, edges = 16_000, shell_edges(1.0, 10.0)
    about = tomllib.loads((KERNELS / f"y90-{medium}.toml").read_text())
    kernel, source = point_kernel("y90", medium), decay_source(nuclide("y90"), laws.absorb_mev[0])
    within = np.interp(
        edges[:6], kernel.edges_mm(1.0), np.append(0.0, np.cumsum(kernel.energy_mev))
    )
    found = shell_energies(source, laws, edges, ShellPlan(histories, 11, 1, photon_split=1))
    sigma = found.rel_err * found.energy_mev * np.sqrt(1.0 + histories / about["histories"])
    shipped = np.diff(within, prepend=0.0)
    assert np.all(np.abs(found.energy_mev[:6] - shipped) < 4.0 * sigma[:6])


@pytest.mark.parametrize(
    ("name", "medium", "density_g_ml", "voxel_mm"),
    [("y90", "bone", 1.92, 3.0), ("p32", "soft-tissue", 1.04, 3.0), ("lu177", "lung", 0.3, 4.0)],
)
def test_folded_and_simulated_voxel_kernels_agree(
    name: str, medium: str, density_g_ml: float, voxel_mm: float
) -> None:
    """Self 0.5 %, face 1 %, and three standard errors of the simulation."""
    from opensirt.dose import voxel_kernel

    spacing, plan = (voxel_mm,) * 3, KernelPlan(histories=60_000, seed=6)
    found = simulated_kernel(nuclide(name), spacing, density_g_ml, medium, 3, plan)
    folded = voxel_kernel(nuclide(name), spacing, density_g_ml, 3, medium).energy_mev
    for place, relative in (((1, 1, 1), 0.005), ((1, 1, 2), 0.01)):
        allowed = relative + 3.0 * found.rel_err[place]
        assert found.kernel.energy_mev[place] == pytest.approx(folded[place], rel=allowed)


@pytest.mark.parametrize(
    ("name", "voxel_mm", "s_value"),
    [
        ("y90", 3.0, 1.61),
        ("y90", 6.0, 0.346),
        ("p32", 3.0, 1.65),
        ("p32", 6.0, 0.319),
        ("i131", 3.0, 0.920),
        ("i131", 6.0, 0.129),
        ("tc99m", 3.0, 0.0902),
        ("tc99m", 6.0, 0.0120),
    ],
)
def test_voxel_self_dose_of_mird_17(name: str, voxel_mm: float, s_value: float) -> None:
    """MIRD Pamphlet 17 [bolch1999], soft tissue 1.04 g/mL, mGy/MBq s: within 3 %."""
    from opensirt.dose import voxel_kernel

    kernel = voxel_kernel(nuclide(name), (voxel_mm,) * 3, SOFT_TISSUE_G_ML, 1, "soft-tissue")
    own = float(kernel.s_values_mgy_per_mbq_s()[0, 0, 0])
    assert own == pytest.approx(s_value, rel=0.03)


def test_y90_statistics_are_good_to_the_end_of_the_range() -> None:
    """Standard error per shell: mean below 0.3 % to 6 mm, all below 2 % to 8 mm; photons 3 %."""
    table = load_csv("kernels/y90-water")
    outer, error = table.column("r_outer_mm"), table.column("rel_err")
    assert error[outer < 6.01].mean() < 0.003
    assert error[outer < 8.01].max() < 0.02
    assert error[outer > 14.0].max() < 0.03


def test_generator_writes_a_kernel_that_it_can_resume(
    generator: None, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tc-99m in bone, 4000 decays: conversion electrons (0.0162 MeV) near, photons beyond."""
    import make_point_kernels as make

    words = ["make", "--nuclides", "tc99m", "--media", "bone", "--scale", "0.004", "--resume"]
    monkeypatch.setattr(sys, "argv", [*words, "--threads", "1", "--out", str(tmp_path)])
    make.main()
    text = (tmp_path / "tc99m-bone.csv").read_text()
    make.main()
    assert (tmp_path / "tc99m-bone.csv").read_text() == text
    assert "1/1 tc99m bone: made already" in capsys.readouterr().out
    table = np.loadtxt(tmp_path / "tc99m-bone.csv", delimiter=",", skiprows=1)
    about = tomllib.loads((tmp_path / "tc99m-bone.toml").read_text())
    assert about["histories"] == 1200
    total = table[:, 1].sum() + about["escaped_mev_per_decay"]
    assert total == pytest.approx(about["mean_energy_mev_per_decay"], rel=1e-4)
    assert table[table[:, 0] <= 0.3, 1].sum() == pytest.approx(0.0162, rel=0.05)
