"""Figures derived from a radial kernel: radii of energy, absorbed fractions, voxel S values.

A kernel in water of 1 g/cm3 serves another density by r -> r/rho. Lengths in mm, energies in MeV.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from water import FloatArray

JOULE_PER_MEV = 1.602_176_634e-13
GAUSS_PER_SHELL = 4
DIRECTIONS = 6000
CHUNK = 200


@dataclass(frozen=True)
class RadialKernel:
    """Energy per shell and decay."""

    r_outer_mm: FloatArray
    energy_mev: FloatArray
    rel_err: FloatArray
    mean_energy_mev: float
    escaped_mev: float


def read_kernel(folder: Path, name: str) -> RadialKernel:
    """Read <name>-water.csv and its description."""
    table = np.loadtxt(folder / f"{name}-water.csv", delimiter=",", skiprows=1)
    about = tomllib.loads((folder / f"{name}-water.toml").read_text())
    mean, escaped = about["mean_energy_mev_per_decay"], about["escaped_mev_per_decay"]
    return RadialKernel(table[:, 0], table[:, 1], table[:, 2], mean, escaped)


def radius_of_fraction(kernel: RadialKernel, fraction: float, total_mev: float) -> float:
    """Radius (mm) that holds this fraction of `total_mev`."""
    cumulative = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    radii = np.concatenate([[0.0], kernel.r_outer_mm])
    return float(np.interp(fraction * total_mev, cumulative, radii))


def _shell_points(kernel: RadialKernel) -> tuple[FloatArray, FloatArray]:
    """Gauss points in every shell and the energy each stands for, uniform in r inside a shell."""
    nodes, weights = np.polynomial.legendre.leggauss(GAUSS_PER_SHELL)
    inner = np.concatenate([[0.0], kernel.r_outer_mm[:-1]])
    half = 0.5 * (kernel.r_outer_mm - inner)
    radius = inner[:, None] + half[:, None] * (1.0 + nodes)
    return radius.ravel(), (kernel.energy_mev[:, None] * 0.5 * weights).ravel()


def sphere_absorbed_fraction(kernel: RadialKernel, radius_mm: float, density: float = 1.0) -> float:
    """Absorbed share of the mean energy in a uniformly filled sphere.

    Two points of a sphere of radius R at distance r: the overlap is 1 - 3r/4R + r^3/16R^3.
    """
    r, energy = _shell_points(kernel)
    x = np.minimum(r / density / radius_mm, 2.0)
    overlap = 1.0 - 0.75 * x + x**3 / 16.0
    return float(np.sum(energy * overlap)) / kernel.mean_energy_mev


def voxel_s(
    kernel: RadialKernel, voxel_mm: float, offset: tuple[int, int, int], density: float
) -> float:
    """Voxel S value (mGy per MBq s) of a cubic voxel `offset` voxels away from the source voxel.

    For a displacement d the share of pairs of points is the product over the axes of
    max(0, 1 - |d_i/a - offset_i|); it is averaged over directions on a Fibonacci sphere.
    """
    r, energy = _shell_points(kernel)
    near = r / density <= voxel_mm * (np.sqrt(3.0) * (1 + max(abs(i) for i in offset)))
    r, energy = r[near] / density / voxel_mm, energy[near]
    i = np.arange(DIRECTIONS) + 0.5
    z = 1.0 - 2.0 * i / DIRECTIONS
    phi = np.pi * (1.0 + 5.0**0.5) * i
    sine = np.sqrt(1.0 - z * z)
    directions = np.stack([sine * np.cos(phi), sine * np.sin(phi), z])
    mev = 0.0
    for start in range(0, len(r), CHUNK):
        part = slice(start, start + CHUNK)
        share = np.ones((len(r[part]), DIRECTIONS))
        for axis, shift in zip(directions, offset, strict=True):
            share *= np.clip(1.0 - np.abs(np.outer(r[part], axis) - shift), 0.0, None)
        mev += float(np.sum(energy[part] * share.mean(axis=1)))
    mass_kg = density * voxel_mm**3 * 1e-6
    return mev * JOULE_PER_MEV / mass_kg * 1e9
