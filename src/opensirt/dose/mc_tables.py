"""Tabulated laws that the compiled transport reads, for any media: lengths in mm at 1 g/cm3.

The elastic events are split as in mixed (class II) simulation [penelope]: events above an angle
`mu_cut(E)`, whose mean free path is `angle_step` of the first transport mean free path (or
`loss_step` of the residual range, if shorter), are played one by one; the rest of each step is one
deflection at a random hinge with the exact first and second angular moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from opensirt.dose.mc_atoms import FloatArray, atom, atoms_per_g, beta_squared, electrons_per_g
from opensirt.dose.mc_attenuation import PHOTON_GRID_MEV, coherent_table, photon_coefficients
from opensirt.dose.mc_bremsstrahlung import emission, sampling_shapes
from opensirt.dose.mc_media import (
    Medium,
    collision_constant,
    collision_stopping_power,
    csda_range,
    media_named,
    radiative_stopping_power,
)
from opensirt.dose.mc_scattering import (
    deflection_moment,
    elastic_integrals,
    moller_integral,
    screening,
    soft_inelastic_moment,
)
from opensirt.errors import InputError
from opensirt.units import MM_PER_CM

__all__ = ["ELECTRON_COLUMNS", "Cuts", "Laws", "Medium", "build_laws", "media_named"]

ROWS = 240
PER_MM = 1.0 / MM_PER_CM
"""cm2/g to 1/mm at 1 g/cm3."""
_BISECTIONS = 60
_SMALLEST_MU = 1e-12
_LOWEST_LOSS_MEV = 1e-9

ELECTRON_COLUMNS = (
    "stopping_mev_mm",
    "straggling_mev2_mm",
    "elastic_per_mm",
    "moller_per_mm",
    "photon_per_mm",
    "first_moment_per_mm",
    "second_moment_per_mm",
    "mu_cut",
    "beta2",
    "events_per_mm",
    "total_stopping_mev_mm",
    "transport_per_mm",
    "range_mm",
)
"""Restricted stopping power, straggling, rates of played events, soft transport rates; then the
unrestricted stopping power (collision and radiative), the whole first transport rate (nuclei and
electrons), and the CSDA range."""


@dataclass(frozen=True, slots=True)
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


class Laws(NamedTuple):
    """Arrays for the compiled transport; every length is in mm for 1 g/cm3."""

    log_start: float
    per_log: float
    """An energy lies at row ``(ln E - log_start) * per_log``."""
    electron: FloatArray
    """(medium, row, column), columns of ELECTRON_COLUMNS."""
    elastic: FloatArray
    """(medium, row, element, 2): share of played elastic events up to here; screening eta."""
    charge: FloatArray
    """(medium, element): atomic number; padding has charge 0 and share 1."""
    shapes: FloatArray
    """(row, 41): bremsstrahlung k dsigma/dk over its maximum on fractions 0 ... 1."""
    photon_log_start: float
    photon_per_log: float
    photon: FloatArray
    """(medium, row, 3): photo-electric, incoherent and coherent coefficients, 1/mm."""
    coherent: FloatArray
    """(medium, point, 2): x^2 (1/angstrom^2), integral of F^2 over x^2 from 0, 1 at the end."""
    absorb_mev: FloatArray
    """(medium,), as in `Cuts`."""
    collision_mev: FloatArray
    """(medium,)"""
    photon_mev: float
    loss_step: float


@dataclass(frozen=True, slots=True)
class _Common:
    """What media of the same cuts share on one grid of energies (MeV); arrays end in (rows,)."""

    energy: FloatArray
    hard_loss: FloatArray
    hard_rate: FloatArray
    hard_moment: FloatArray
    straggling: FloatArray
    photons: FloatArray
    soft_share: FloatArray
    inelastic: dict[str, FloatArray]
    """Per element, (2, rows): soft moments per atom and collision constant per electron."""


def _common(media: Sequence[Medium], energy: FloatArray, cuts: Cuts) -> _Common:
    symbols = tuple(sorted({symbol for medium in media for symbol in medium.composition}))
    top, cut = 0.5 * energy, np.full(ROWS, cuts.collision_mev)
    low = np.full(ROWS, _LOWEST_LOSS_MEV)
    photons, soft_share = emission(energy, cuts.photon_mev)
    return _Common(
        energy=energy,
        hard_loss=moller_integral(energy, cut, top, 1),
        hard_rate=moller_integral(energy, cut, top, 0),
        hard_moment=deflection_moment(energy, cut, top, 1),
        straggling=moller_integral(energy, low, np.minimum(cut, top), 2),
        photons=photons,
        soft_share=soft_share,
        inelastic=dict(
            zip(symbols, soft_inelastic_moment(energy, cuts.collision_mev, symbols), strict=True)
        ),
    )


def _elements(medium: Medium) -> dict[str, float]:
    """Atoms per gram, the strongest scatterer first."""
    counts = atoms_per_g(medium.composition)
    return dict(sorted(counts.items(), key=lambda item: -item[1] * atom(item[0]).number ** 2))


def _elastic(energy: FloatArray, counts: dict[str, float], mu: FloatArray) -> FloatArray:
    """Integrals of orders 0, 1, 2 from 0 to mu (cm2/g), (elements, 3, rows)."""
    return np.array([n * elastic_integrals(energy, s, mu) for s, n in counts.items()])


def _hard_angle(energy: FloatArray, counts: dict[str, float], target: FloatArray) -> FloatArray:
    """mu above which elastic events have this rate (cm2/g), (rows,); 0 when all must be played."""
    whole = _elastic(energy, counts, np.ones_like(energy))[:, 0].sum(axis=0)
    low, high = np.full_like(energy, _SMALLEST_MU), np.ones_like(energy)
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low * high)
        above = whole - _elastic(energy, counts, middle)[:, 0].sum(axis=0)
        too_many = above > target
        low, high = np.where(too_many, middle, low), np.where(too_many, high, middle)
    return np.where(whole <= target, 0.0, np.sqrt(low * high))


def _medium_laws(medium: Medium, shared: _Common, cuts: Cuts) -> tuple[FloatArray, FloatArray]:
    """Columns (rows, columns) and elastic shares with eta (rows, elements, 2) of one medium."""
    energy, counts = shared.energy, _elements(medium)
    constant = collision_constant(medium)
    collision = collision_stopping_power(medium, energy)
    radiative = radiative_stopping_power(medium, energy)
    stopping = collision - constant * shared.hard_loss + radiative * shared.soft_share
    moller, photons = constant * shared.hard_rate, radiative * shared.photons
    whole = _elastic(energy, counts, np.ones_like(energy))
    nuclei = whole[:, 1].sum(axis=0)
    path = np.minimum(cuts.angle_step / nuclei, cuts.loss_step * energy / stopping)
    mu_cut = _hard_angle(energy, counts, 1.0 / path)
    below = _elastic(energy, counts, mu_cut)
    played = whole[:, 0] - below[:, 0]
    elastic = played.sum(axis=0)
    per_electron = constant / electrons_per_g(medium.composition)
    electrons = per_electron * np.sum([n * shared.inelastic[s] for s, n in counts.items()], axis=0)
    first = below[:, 1].sum(axis=0) + electrons[0]
    second = below[:, 2].sum(axis=0) + electrons[1]
    transport = nuclei + electrons[0] + constant * shared.hard_moment
    per_mm = PER_MM * np.stack(
        [stopping, constant * shared.straggling, elastic, moller, photons, first, second]
    )
    events, total = PER_MM * (elastic + moller + photons), PER_MM * (collision + radiative)
    ranges = MM_PER_CM * csda_range(medium, energy)
    tail = [mu_cut, beta_squared(energy), events, total, PER_MM * transport, ranges]
    eta = np.array([screening(energy, s) for s in counts])
    shares = np.cumsum(played, axis=0) / elastic
    return np.vstack([per_mm, tail]).T, np.stack([shares, eta], axis=-1).swapaxes(0, 1)


def _check(media: Sequence[Medium], cuts: Sequence[Cuts]) -> None:
    if not media:
        raise InputError("transport needs at least one medium, found none; name one")
    for of in cuts:
        for name in ("absorb_mev", "collision_mev", "photon_mev", "angle_step", "loss_step"):
            value = getattr(of, name)
            if not 0.0 < value < of.highest_mev:
                raise InputError(
                    f"cut {name} must lie between 0 and {of.highest_mev:g}, found {value:g}"
                )
    top = max(of.highest_mev for of in cuts)
    known = min(float(atom(s).electron_energy_mev[-1]) for m in media for s in m.composition)
    if top > known:
        raise InputError(f"highest_mev may be {known:g} at most, where tables end, found {top:g}")
    if len({(of.photon_mev, of.loss_step, of.highest_mev) for of in cuts}) > 1:
        raise InputError(
            "all media need the same photon_mev, loss_step and highest_mev; only the cuts of "
            "electrons may differ"
        )


def build_laws(media: Sequence[Medium], cuts: Cuts | Sequence[Cuts] | None = None) -> Laws:
    """All laws of these media, in their order, with cuts for all or for each.

    Raises
    ------
    InputError
        When there is no medium, or a cut is not positive and below the highest energy.
    UnknownNameError
        When a medium has an element without atomic data.
    """
    one = cuts or Cuts()
    chosen = [one] * len(media) if isinstance(one, Cuts) else list(one)
    _check(media, chosen)
    lowest = min(of.absorb_mev for of in chosen)
    energy = np.geomspace(0.5 * lowest, chosen[0].highest_mev, ROWS)
    shared = {of: _common(media, energy, of) for of in dict.fromkeys(chosen)}
    width = max(len(medium.composition) for medium in media)
    elastic = np.ones((len(media), ROWS, width, 2))
    charge = np.zeros((len(media), width))
    electron = np.empty((len(media), ROWS, len(ELECTRON_COLUMNS)))
    for i, (medium, of) in enumerate(zip(media, chosen, strict=True)):
        numbers = [atom(symbol).number for symbol in _elements(medium)]
        charge[i, : len(numbers)] = numbers
        electron[i], elastic[i, :, : len(numbers)] = _medium_laws(medium, shared[of], of)
    grid = PHOTON_GRID_MEV
    return Laws(
        log_start=float(np.log(energy[0])),
        per_log=(ROWS - 1) / float(np.log(energy[-1] / energy[0])),
        electron=electron,
        elastic=elastic,
        charge=charge,
        shapes=sampling_shapes(energy),
        photon_log_start=float(np.log(grid[0])),
        photon_per_log=(len(grid) - 1) / float(np.log(grid[-1] / grid[0])),
        photon=PER_MM * np.array([photon_coefficients(m.composition, grid) for m in media]),
        coherent=np.array([coherent_table(m.composition) for m in media]),
        absorb_mev=np.array([of.absorb_mev for of in chosen]),
        collision_mev=np.array([of.collision_mev for of in chosen]),
        photon_mev=chosen[0].photon_mev,
        loss_step=chosen[0].loss_step,
    )
