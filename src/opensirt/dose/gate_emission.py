"""What a decay emits, as the gate of dose maps sees it: from the nuclide's table, from no engine.

Energies in MeV per decay; a path in g/cm2 is a length times a density.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.kernels import point_kernel
from opensirt.dose.mc_attenuation import photon_coefficients
from opensirt.dose.mc_media import collision_stopping_power, csda_range, media_named
from opensirt.physics.nuclides import Nuclide
from opensirt.physics.tables import load_table
from opensirt.units import MM_PER_CM

__all__ = ["Emission", "emission_of", "gate_figure"]

FloatArray = npt.NDArray[np.float64]

ELECTRON_REST_MEV = 0.51099895
ANGLES = 2000
"""Cosines over which the energy of Compton electrons is averaged."""
SOFTEST_MEV = 0.001
"""What is softer stays within micrometres."""


@dataclass(frozen=True, eq=False)
class Emission:
    """Electrons, photons and how far they reach, by nuclide.

    Parameters
    ----------
    electrons_mev, photons_mev : float
        Mean energy per decay, as in the nuclide's table.
    reach_mm : float
        Range of the most energetic electron at 1 g/mL, with the table's margin.
    electron_mev, electron_yield : ndarray, (n,)
        Energies of the electrons and how many of each per decay.
    electron_mev_cm2_g : ndarray, (n,)
        Their collision stopping power in water.
    photon_mev, photon_yield, photon_cm2_g : ndarray, (m,)
        Lines, and their mass energy-absorption coefficient in water.
    """

    electrons_mev: float
    photons_mev: float
    reach_mm: float
    electron_mev: FloatArray
    electron_yield: FloatArray
    electron_mev_cm2_g: FloatArray
    photon_mev: FloatArray
    photon_yield: FloatArray
    photon_cm2_g: FloatArray

    @property
    def everything_mev(self) -> float:
        """All that a decay emits but neutrinos."""
        return self.electrons_mev + self.photons_mev

    def from_thin_media(self, fluence: float, per_gram: float) -> float:
        """MeV/g from electrons of thin voxels.

        `fluence` is the largest integral of emission over path (decays/mL times cm), `per_gram`
        the largest emission per gram.
        """
        stopped = gate_figure("stopping_power_ratio") * gate_figure("backscatter_factor")
        along = stopped * self.electron_mev_cm2_g * fluence
        known = float(np.vdot(self.electron_mev, self.electron_yield))
        soft = max(0.0, self.electrons_mev - known) * per_gram
        spent = np.minimum(along, self.electron_mev * per_gram)
        return float(np.vdot(self.electron_yield, spent)) + soft

    def from_photons(self, fluence: float, per_gram: float) -> float:
        """MeV/g from photons and bremsstrahlung; arguments as for `from_thin_media`."""
        grown = gate_figure("buildup_factor") * fluence
        lines = np.minimum(self.photon_cm2_g * grown, per_gram)
        known = self.photon_mev * self.photon_yield
        soft = max(0.0, self.photons_mev - float(known.sum())) * per_gram
        radiated = self.electrons_mev * gate_figure("bremsstrahlung_fraction")
        brems = min(gate_figure("bremsstrahlung_cm2_g") * grown, per_gram)
        return float(np.vdot(known, lines)) + soft + radiated * brems


def gate_figure(name: str) -> float:
    """A number of ``tables/dose/gate.toml``."""
    return load_table("dose/gate").quantity(name).value


@lru_cache(maxsize=16)
def emission_of(of: Nuclide) -> Emission:
    """The emission of a nuclide, scaled as its dose constant was chosen."""
    energies, scale = of.energies, of.energy_scale
    mev, number = _electrons(of)
    water = media_named(["water"])[0]
    photons = [line for line in of.photons if line.energy_mev >= SOFTEST_MEV]
    photon_mev = np.array([line.energy_mev for line in photons], dtype=np.float64)
    highest = [of.beta_spectrum()[0][-1]] if of.has_beta_spectrum else []
    reach_cm = float(csda_range(water, np.array([*highest, mev.max()])).max())
    return Emission(
        electrons_mev=energies.all_electrons_mev * scale,
        photons_mev=energies.photon_mev * scale,
        reach_mm=reach_cm * MM_PER_CM * gate_figure("reach_margin"),
        electron_mev=mev,
        electron_yield=number * scale,
        electron_mev_cm2_g=collision_stopping_power(water, mev),
        photon_mev=photon_mev,
        photon_yield=scale * np.array([line.yield_per_decay for line in photons]),
        photon_cm2_g=_absorption_cm2_g(water.composition, photon_mev),
    )


def kept_fraction(of: Nuclide, radius_mm: float) -> float:
    """Share of the electrons' energy within a radius (mm of water) of a decay."""
    kernel = point_kernel(of.name)
    inside = np.concatenate([[0.0], np.cumsum(kernel.energy_mev)])
    held = float(np.interp(radius_mm, kernel.edges_mm(1.0), inside))
    return min(1.0, held / of.energies.all_electrons_mev)


def _electrons(of: Nuclide) -> tuple[FloatArray, FloatArray]:
    """Betas in the middle of each piece of the spectrum, and lines: energy and number."""
    lines = [line for line in of.electrons if line.energy_mev >= SOFTEST_MEV]
    mev = np.array([line.energy_mev for line in lines], dtype=np.float64)
    number = np.array([line.yield_per_decay for line in lines], dtype=np.float64)
    if not of.has_beta_spectrum:
        return mev, number
    edges, per_mev = of.beta_spectrum()
    middle = 0.5 * (edges[1:] + edges[:-1])
    betas = 0.5 * (per_mev[1:] + per_mev[:-1]) * np.diff(edges)
    betas *= of.energies.beta_mev / float(np.vdot(middle, betas))
    keep = middle >= SOFTEST_MEV
    return np.concatenate([middle[keep], mev]), np.concatenate([betas[keep], number])


def _absorption_cm2_g(composition: object, photon_mev: FloatArray) -> FloatArray:
    """Photo-electric, and the part of incoherent scattering that goes to electrons (cm2/g)."""
    if photon_mev.size == 0:
        return photon_mev
    parts = photon_coefficients(composition, photon_mev)  # type: ignore[arg-type]
    return np.asarray(parts[:, 0] + parts[:, 1] * _transferred(photon_mev))


def _transferred(photon_mev: FloatArray) -> FloatArray:
    """Mean share of a photon's energy that its Compton electron takes [kleinnishina1929]."""
    cosine = np.linspace(-1.0, 1.0, ANGLES)
    left = 1.0 / (1.0 + photon_mev[:, None] / ELECTRON_REST_MEV * (1.0 - cosine))
    weight = left**2 * (left + 1.0 / left - 1.0 + cosine**2)
    return np.asarray((weight * (1.0 - left)).sum(axis=1) / weight.sum(axis=1))
