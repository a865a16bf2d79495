"""The account of a Monte Carlo run: as much is emitted as the nuclide emits, and all is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_source import DecaySource, Emission, highest_energies
from opensirt.dose.mc_tables import Laws
from opensirt.dose.mc_voxels import EMITTED, ESCAPED, TRACKLESS
from opensirt.errors import InputError, OpenSirtError

__all__ = ["LARGEST_IMBALANCE", "Account", "require_energies", "require_tracks"]

FloatArray = npt.NDArray[np.float64]

LARGEST_IMBALANCE = 1e-4
"""Energy that may be missing from, or added to, what was emitted, over that; beyond is an error."""
ROUNDING = 1e-9
EMISSION_ERRORS = 5.0
"""Standard errors by which the energy emitted may differ from the nuclide's."""
UNEVENNESS = 0.5
"""Beta quantiles are the golden sequence: the mean of n of them is off by at most this times the
hardest beta times (1 + ln n)/n. The largest of 1400 runs of 1000 to 200,000 histories was 0.1."""


@dataclass
class Account:
    """Sums over the batches of a run."""

    emission: Emission
    book: FloatArray
    """Places of ``mc_voxels`` (MeV), and the histories last."""
    variance_mev2: float = 0.0
    """Of the energy emitted per decay, summed over the batches."""
    uneven_mev: float = 0.0
    """Bound of what uneven quantiles may add, summed over the batches."""
    batches: int = 0

    def add(self, book: FloatArray, tracks: Sequence[int], shares: FloatArray) -> None:
        """Close a batch: its book, and the tracks of each medium with its share; none in full mode.

        Tracks of a medium are drawn one by one but for the energy of their betas, which is spread
        evenly over them; histories choose tracks, or in full mode betas, by an even sequence.
        """
        self.book = book if self.book.size == 0 else self.book + book
        self.batches += 1
        of, histories = self.emission, max(float(book[-1]), 1.0)
        self.uneven_mev += (
            UNEVENNESS * of.highest_beta_mev * (1.0 + math.log(histories)) / histories
        )
        if tracks:
            for number, share in zip(tracks, shares, strict=True):
                if number > 0:
                    even = of.beta_slope2_mev2 / (12.0 * number**3)
                    self.variance_mev2 += share**2 * (of.variance_mev2 / number + even)
        else:
            self.variance_mev2 += of.variance_mev2 / histories

    @property
    def histories(self) -> int:
        """Decays followed."""
        return int(self.book[-1])

    @property
    def emitted_mev(self) -> float:
        """Energy emitted per decay."""
        return float(self.book[EMITTED] / self.book[-1])

    @property
    def escaped_fraction(self) -> float:
        """Part of the energy emitted that left the grid."""
        return float(self.book[ESCAPED] / self.book[EMITTED])

    @property
    def emission_bound_mev(self) -> float:
        """By how much the energy emitted per decay may differ from the nuclide's, by chance."""
        spread = EMISSION_ERRORS * math.sqrt(self.variance_mev2) / self.batches
        even = self.uneven_mev / self.batches
        return spread + even + LARGEST_IMBALANCE * self.emission.mean_mev

    def balance(self, deposited_mev: float) -> float:
        """(deposited + escaped - emitted)/emitted, after both checks.

        Raises
        ------
        OpenSirtError
            When energy is missing or too much, or what was emitted is not what the nuclide emits.
        """
        emitted = float(self.book[EMITTED])
        balance = (deposited_mev + float(self.book[ESCAPED]) - emitted) / emitted
        if not abs(balance) <= LARGEST_IMBALANCE:
            raise OpenSirtError(
                f"the Monte Carlo must account for all energy within {LARGEST_IMBALANCE:g}, found "
                f"{balance:+.2g}; the dose was discarded, please report this with the input maps"
            )
        wanted, bound = self.emission.mean_mev, self.emission_bound_mev
        if not abs(self.emitted_mev - wanted) <= bound:
            raise OpenSirtError(
                f"the decays must emit {wanted:.5g} MeV each, within {bound:.2g}, found "
                f"{self.emitted_mev:.5g}; the dose was discarded, please report this with the "
                "input maps"
            )
        return balance


def require_energies(source: DecaySource, laws: Laws) -> None:
    """An `InputError` where a decay emits what the tables of the transport do not reach."""
    tops = (
        math.exp(laws.log_start + (laws.electron.shape[1] - 1) / laws.per_log),
        math.exp(laws.photon_log_start + (laws.photon.shape[1] - 1) / laws.photon_per_log),
    )
    for what, energy, top in zip(
        ("electrons", "photons"), highest_energies(source), tops, strict=True
    ):
        if energy > top * (1.0 + ROUNDING):
            raise InputError(
                f"the transport knows {what} up to {top:.3g} MeV, found a decay that emits "
                f"{energy:.4g} MeV; choose another nuclide or engine"
            )


def require_tracks(book: FloatArray) -> None:
    """An `OpenSirtError` where a batch had histories of a medium without tracks."""
    if book[TRACKLESS] > 0.0:
        raise OpenSirtError(
            f"every decay needs a track of its medium, {book[TRACKLESS]:.0f} of {book[-1]:.0f} "
            "found none; please report this with the input maps"
        )
