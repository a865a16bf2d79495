"""Nuclides: half-life, energies by class, spectra, lines and the dose constants in use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from opensirt.errors import InputError, UnknownNameError, unknown_name
from opensirt.physics.plausible import require_plausible
from opensirt.physics.tables import Quantity, Table, load_csv, load_table, table_names
from opensirt.units import BQ_PER_GBQ, JOULE_PER_MEV, SECONDS_PER_DAY, SECONDS_PER_HOUR

__all__ = [
    "DoseConstant",
    "Energies",
    "Line",
    "Nuclide",
    "decay_factor",
    "dose_constant",
    "dose_constant_gy_kg_per_gbq",
    "dose_constants",
    "nuclide",
    "nuclide_names",
]

_DATA_SETS = ("icrp107", "ddep")


@dataclass(frozen=True, slots=True)
class Energies:
    """Mean energy per decay by class of emission, MeV."""

    beta_mev: float
    electron_mev: float
    """Conversion and Auger electrons."""
    photon_mev: float
    """Gamma and X rays."""

    @property
    def all_electrons_mev(self) -> float:
        """Betas, conversion and Auger electrons, MeV per decay."""
        return self.beta_mev + self.electron_mev

    @property
    def everything_mev(self) -> float:
        """Every emission but neutrinos, MeV per decay."""
        return self.all_electrons_mev + self.photon_mev


@dataclass(frozen=True, slots=True)
class Line:
    """One discrete emission."""

    energy_mev: float
    yield_per_decay: float
    kind: str
    """"gamma", "x-ray", "conversion" or "auger"."""


@dataclass(frozen=True, slots=True)
class DoseConstant:
    """Gray per GBq in one kg at complete decay, by the name it is chosen with."""

    name: str
    value_gy_kg_per_gbq: float
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Nuclide:
    """A radionuclide as dose engines see it.

    `mean_energy_mev` is the energy taken as absorbed where the decay happened. Engines that follow
    the emitted energy themselves multiply by `energy_scale`, which is 1 unless a dose constant was
    chosen.
    """

    name: str
    label: str
    half_life_s: float
    mean_energy_mev: float
    energies: Energies
    half_life_source: str
    dose_constant_name: str
    positron_yield: float = 0.0
    """Positrons per decay."""
    pair_energy_mev: float = 0.0
    """Kinetic energy that the positron and the electron of an internal pair share, MeV."""
    energy_scale: float = 1.0

    @property
    def mean_life_s(self) -> float:
        """Half-life over ln 2, s."""
        return self.half_life_s / math.log(2.0)

    @property
    def dose_constant_gy_kg_per_gbq(self) -> float:
        """Absorbed dose of 1 GBq decaying completely in 1 kg, Gy kg/GBq."""
        return dose_constant_gy_kg_per_gbq(self.half_life_s, self.mean_energy_mev)

    def with_dose_constant(self, constant_gy_kg_per_gbq: float | str) -> Nuclide:
        """The nuclide with another dose constant, by number or by name in `dose_constants`.

        Raises
        ------
        InputError
            When the number is not above zero, or so far from the nuclide's own that it can only be
            of another unit; `UnknownNameError` for a name that is not known.
        """
        name, value = str(constant_gy_kg_per_gbq), constant_gy_kg_per_gbq
        if isinstance(value, str):
            value = dose_constant(self.name, value).value_gy_kg_per_gbq
        if not (math.isfinite(value) and value > 0.0):
            raise InputError(f"dose constant must be above 0 Gy kg/GBq, found {value}")
        ratio = value / self.dose_constant_gy_kg_per_gbq
        try:
            require_plausible("dose constant over that of the nuclide", ratio)
        except InputError:
            raise InputError(
                f"the dose constant of {self.name} is {self.dose_constant_gy_kg_per_gbq:.4g} "
                f"Gy kg/GBq, got {value:g} Gy kg/GBq; check the number and its unit"
            ) from None
        return replace(
            self,
            mean_energy_mev=self.mean_energy_mev * ratio,
            energy_scale=self.energy_scale * ratio,
            dose_constant_name=name,
        )

    @property
    def has_beta_spectrum(self) -> bool:
        """Whether `beta_spectrum` is there."""
        return f"{self.name}-beta" in table_names("spectra")

    def beta_spectrum(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Kinetic energy (MeV) and betas per MeV and decay, both (points,), as tabulated.

        Linear interpolation and the trapezoid rule give the mean energy within 0.4 % of
        `energies.beta_mev`, which stays the reference. Source: icrp107.
        """
        if not self.has_beta_spectrum:
            raise UnknownNameError(f"{self.label} has no beta spectrum; use its electron lines")
        table = load_csv(f"spectra/{self.name}-beta")
        return table.column("energy_mev"), table.column("betas_per_mev_per_decay")

    @property
    def photons(self) -> tuple[Line, ...]:
        """Gamma and X-ray lines of at least 1e-5 per decay, by rising energy. Source: icrp107."""
        return _lines(self.name, "photon")

    @property
    def electrons(self) -> tuple[Line, ...]:
        """Conversion and Auger lines of at least 1e-5 per decay. Source: icrp107."""
        return _lines(self.name, "electron")


def dose_constant_gy_kg_per_gbq(half_life_s: float, energy_mev: float) -> float:
    """Dose constant ``k = E * tau``, Gy kg/GBq, of an energy (MeV) absorbed per decay."""
    joule_per_bq = energy_mev * JOULE_PER_MEV * half_life_s / math.log(2.0)
    return joule_per_bq * BQ_PER_GBQ


@cache
def _lines(name: str, particle: str) -> tuple[Line, ...]:
    if name not in table_names("lines"):
        return ()
    table = load_csv(f"lines/{name}")
    rows = zip(
        table.column("energy_mev").tolist(),
        table.column("yield").tolist(),
        table.text_column("kind"),
        table.text_column("particle"),
        strict=True,
    )
    return tuple(Line(e, y, kind) for e, y, kind, of in rows if of == particle)


def nuclide_names() -> tuple[str, ...]:
    """Names that `nuclide` knows, sorted."""
    return table_names("nuclides")


def _table(name: str) -> Table:
    if name not in nuclide_names():
        raise unknown_name("nuclide", name, nuclide_names())
    return load_table(f"nuclides/{name}")


def _optional(table: Table, key: str) -> float:
    return table.quantity(key).value if table.has(key) else 0.0


def _chosen(table: Table, key: str, data: str) -> Quantity:
    found = {q.source: q for q in reversed(table.alternatives(key))}
    return found.get(data, table.quantity(key))


def _half_life(table: Table, data: str) -> tuple[float, str]:
    hours = table.has("half_life_h")
    quantity = _chosen(table, "half_life_h" if hours else "half_life_d", data)
    return quantity.value * (SECONDS_PER_HOUR if hours else SECONDS_PER_DAY), quantity.source


def _energies(table: Table, data: str) -> Energies:
    return Energies(
        beta_mev=_chosen(table, "beta_energy_mev", data).value,
        electron_mev=_chosen(table, "electron_energy_mev", data).value,
        photon_mev=_chosen(table, "photon_energy_mev", data).value,
    )


def dose_constants(name: str) -> tuple[DoseConstant, ...]:
    """Dose constants of a nuclide to choose from: three of ICRP 107, then those in the literature.

    Names "icrp107-betas", "icrp107-all-electrons", "icrp107-everything" say which emissions count
    as absorbed; the others are cited figures.
    """
    table = _table(name)
    half_life_s, source = _half_life(table, "icrp107")
    energies = _energies(table, "icrp107")
    classes = {
        "icrp107-betas": energies.beta_mev,
        "icrp107-all-electrons": energies.all_electrons_mev,
        "icrp107-everything": energies.everything_mev,
    }
    computed = tuple(
        DoseConstant(key, dose_constant_gy_kg_per_gbq(half_life_s, energy), source)
        for key, energy in classes.items()
    )
    key = "dose_constant_gy_kg_per_gbq"
    cited = table.alternatives(key) if table.has(key) else ()
    return computed + tuple(DoseConstant(q.name, q.value, q.source, q.note) for q in cited)


def dose_constant(name: str, choice: str) -> DoseConstant:
    """One dose constant of nuclide `name` by the name of the choice."""
    found = {constant.name: constant for constant in dose_constants(name)}
    if choice not in found:
        raise unknown_name("dose constant", choice, found, of=name)
    return found[choice]


@cache
def nuclide(name: str, data: str = "icrp107") -> Nuclide:
    """A nuclide by name: y90 ho166 tc99m re188 p32 lu177 i131.

    Parameters
    ----------
    name : str
        Name of the nuclide.
    data : str
        "icrp107", or "ddep" for half-life and beta energy of that evaluation where it has them;
        the dose constant is then all electrons of these figures.

    Raises
    ------
    UnknownNameError
        When `name` or `data` is not known.
    """
    table = _table(name)
    if data not in _DATA_SETS:
        raise unknown_name("data set", data, _DATA_SETS)
    half_life_s, source = _half_life(table, data)
    energies = _energies(table, data)
    choice = f"{data}-all-electrons"
    plain = Nuclide(
        name=name,
        label=table.text("label"),
        half_life_s=half_life_s,
        mean_energy_mev=energies.all_electrons_mev,
        energies=energies,
        half_life_source=source,
        dose_constant_name=choice,
        positron_yield=_optional(table, "positron_yield_per_decay"),
        pair_energy_mev=_optional(table, "pair_energy_mev"),
    )
    if data != "icrp107":
        return plain
    # The choice of the table is the nuclide's own constant, so its energy scale is 1.
    return replace(plain.with_dose_constant(table.text("default_dose_constant")), energy_scale=1.0)


def decay_factor(of: Nuclide, seconds: float) -> float:
    """Fraction left after `seconds`; above 1 for a time before the reference."""
    return math.exp(-seconds / of.mean_life_s)
