"""Tabulated laws that the compiled transport reads: one row per energy, lengths in mm.

The elastic events are split as in mixed (class II) simulation [penelope]: events above an angle
`mu_cut(E)`, whose mean free path is `angle_step` of the first transport mean free path (or
`loss_step` of the residual range, if shorter), are played one by one; the rest of each step is one
deflection at a random hinge with the exact first and second angular moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from bremsstrahlung import emission_rate, sampling_shape
from photons import GRID_MEV, photon_coefficients
from scattering import (
    NUCLEI,
    elastic_integral,
    elastic_moment,
    hard_angle,
    moller_integral,
    screening,
    soft_inelastic_moment,
)
from water import (
    MOLECULES_PER_G,
    FloatArray,
    beta_squared,
    collision_stopping_power,
)

PER_MM = 0.1
"""cm2/g to 1/mm at 1 g/cm3."""
ROWS = 240
COLUMNS = (
    "stopping_mev_mm",
    "straggling_mev2_mm",
    "elastic_per_mm",
    "moller_per_mm",
    "photon_per_mm",
    "first_moment_per_mm",
    "second_moment_per_mm",
    "mu_cut",
    "hydrogen_share",
    "eta_hydrogen",
    "eta_oxygen",
    "beta2",
    "events_per_mm",
)


@dataclass(frozen=True)
class Cuts:
    """Energies (MeV) and step controls of the electron transport."""

    absorb_mev: float = 0.010
    """Electrons below this energy deposit where they are."""
    collision_mev: float = 0.010
    """Moller collisions that transfer more are played one by one."""
    photon_mev: float = 0.010
    """Bremsstrahlung photons above this energy are played one by one."""
    angle_step: float = 0.2
    """Mean free path of played elastic events over the first transport mean free path."""
    loss_step: float = 0.1
    """Largest fraction of the energy lost in one step."""
    highest_mev: float = 2.4
    """Top of the energy grid."""


class ElectronTables(NamedTuple):
    """Arrays for the compiled transport; `laws` has the columns COLUMNS."""

    log_start: float
    per_log: float
    laws: FloatArray
    shapes: FloatArray
    """Bremsstrahlung shape per energy row, on FRACTION_GRID."""
    photo: FloatArray
    """Photo-electric and incoherent coefficients (1/mm) on the photon energy grid."""
    photon_log_start: float
    photon_per_log: float
    absorb_mev: float
    collision_mev: float
    photon_mev: float
    loss_step: float


def _restricted(energy_mev: float, cuts: Cuts) -> tuple[float, float, float]:
    """Stopping power (MeV cm2/g) and straggling (MeV2 cm2/g) below the cuts; Moller rate above."""
    top = 0.5 * energy_mev
    hard = moller_integral(energy_mev, cuts.collision_mev, top, 1)
    rate = moller_integral(energy_mev, cuts.collision_mev, top, 0)
    stopping = float(collision_stopping_power(np.asarray(energy_mev))) - hard
    straggling = moller_integral(energy_mev, 1e-9, min(cuts.collision_mev, top), 2)
    return stopping, straggling, rate


def _row(energy_mev: float, cuts: Cuts) -> list[float]:
    """One row of COLUMNS at this energy."""
    stopping, straggling, moller = _restricted(energy_mev, cuts)
    photons, soft_radiative = emission_rate(energy_mev, cuts.photon_mev)
    stopping += soft_radiative
    transport = 1.0 / elastic_moment(energy_mev, 0.0, 1.0, 1)
    path = min(cuts.angle_step * transport, cuts.loss_step * energy_mev / stopping)
    mu_cut = hard_angle(energy_mev, path)
    elastic = elastic_moment(energy_mev, mu_cut, 1.0, 0)
    hydrogen = MOLECULES_PER_G * NUCLEI[0][1] * elastic_integral(energy_mev, 1, mu_cut, 1.0, 0)
    soft = [
        (elastic_moment(energy_mev, 0.0, mu_cut, order) if mu_cut > 0.0 else 0.0)
        + soft_inelastic_moment(energy_mev, cuts.collision_mev, order)
        for order in (1, 2)
    ]
    rates = [stopping, straggling, elastic, moller, photons, *soft]
    shares = [mu_cut, hydrogen / elastic, screening(energy_mev, 1), screening(energy_mev, 8)]
    shares.append(float(beta_squared(np.asarray(energy_mev))))
    events = PER_MM * (elastic + moller + photons)
    return [PER_MM * rate for rate in rates] + shares + [events]


def build_tables(cuts: Cuts) -> ElectronTables:
    """All laws for these cuts."""
    grid = np.geomspace(0.5 * cuts.absorb_mev, cuts.highest_mev, ROWS)
    laws = np.array([_row(float(energy), cuts) for energy in grid])
    shapes = np.array([sampling_shape(float(energy)) for energy in grid])
    return ElectronTables(
        log_start=float(np.log(grid[0])),
        per_log=(ROWS - 1) / float(np.log(grid[-1] / grid[0])),
        laws=laws,
        shapes=shapes,
        photo=PER_MM * photon_coefficients(GRID_MEV),
        photon_log_start=float(np.log(GRID_MEV[0])),
        photon_per_log=(len(GRID_MEV) - 1) / float(np.log(GRID_MEV[-1] / GRID_MEV[0])),
        absorb_mev=cuts.absorb_mev,
        collision_mev=cuts.collision_mev,
        photon_mev=cuts.photon_mev,
        loss_step=cuts.loss_step,
    )
