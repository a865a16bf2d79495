"""A broad beam of electrons of one energy, head-on or slanted, into a deep slab of one material.

Uses the transport of the engine's full mode as it is; only the source and the slab are made here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from validation.common import WIDE_MM, Estimate, FloatArray

from opensirt.dose.mc_electrons import ELECTRON, PHOTON, STACK_COLUMNS, push
from opensirt.dose.mc_media import Medium, csda_range
from opensirt.dose.mc_photons import track_electron, track_photon
from opensirt.dose.mc_random import STATE_WORDS, seed_stream
from opensirt.dose.mc_tables import Cuts, build_laws
from opensirt.dose.mc_voxels import BOOK_SIZE, ESCAPED, Scene, settle
from opensirt.units import MM_PER_CM

LAYERS_PER_RANGE = 40
DEPTH_RANGES = 1.5
"""Thickness of the slab over the CSDA range."""


@dataclass(frozen=True)
class Beam:
    """What a beam did, from independent repeats."""

    depth: FloatArray
    """Middle of each layer over the CSDA range."""
    deposit: list[Estimate]
    """MeV cm2/g per electron in each layer."""
    number_back: Estimate
    """Electrons that leave through the front, per electron sent."""
    energy_back: Estimate
    """Their energy over the energy sent."""


@njit(cache=True, nogil=True)
def _fire(laws, scene, energy, cosine, count, tally, seed, repeat):  # type: ignore[no-untyped-def]
    """Fire `count` electrons; returns how many came back and their energy (MeV)."""
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, seed, repeat, 0)
    stack = np.empty((1024, STACK_COLUMNS))
    p, cell = np.empty(9), np.empty(3, np.int64)
    scales, book = np.ones((1, 1)), np.zeros(BOOK_SIZE)
    back, back_mev = 0, 0.0
    for _ in range(count):
        p[:] = 0.0
        p[1], p[2] = 0.5, 0.5
        p[3], p[4] = cosine, np.sqrt(1.0 - cosine * cosine)
        n = push(stack, 0, ELECTRON, energy, p)
        while n > 0:
            n -= 1
            kind, left = int(stack[n, 0]), stack[n, 1]
            for i in range(6):
                p[i] = stack[n, 2 + i]
            for i in range(3):
                cell[i] = p[6 + i] = stack[n, 8 + i]
            if kind == PHOTON:
                n = track_photon(laws, scene, tally, p, cell, left, stack, n, book, state)
                continue
            before = book[ESCAPED]
            n = track_electron(
                laws, scene, tally, p, cell, left, kind, stack, n, scales, book, state
            )
            if cell[0] < 0:
                back += 1
                back_mev += book[ESCAPED] - before
        settle(scene, tally, cell, book)
    return back, back_mev


def fire(
    medium: Medium, energy_mev: float, degrees: float, count: int, repeats: int, seed: int
) -> Beam:
    """`count` electrons of `energy_mev` at `degrees` from the normal, in `repeats` runs."""
    cuts = Cuts()
    laws = build_laws([medium], cuts)
    range_mm = MM_PER_CM * float(csda_range(medium, np.array([energy_mev]))[0])
    layers = round(DEPTH_RANGES * LAYERS_PER_RANGE)
    layer_mm = range_mm / LAYERS_PER_RANGE
    per_run = max(1, count // repeats)
    quanta = 2.0**31 / (per_run * energy_mev)
    scene = Scene(
        density=np.ones(layers, np.float32),
        highest_g_ml=np.full(1, np.inf, np.float32),
        medium_of=np.zeros(1, np.uint8),
        slices=layers,
        rows=1,
        columns=1,
        per_slice=1.0 / layer_mm,
        per_row=1.0 / WIDE_MM,
        per_column=1.0 / WIDE_MM,
        infinite=False,
        majorant=laws.photon[0].sum(axis=1),
        quanta_per_mev=quanta,
    )
    deposits, back, back_mev = [], [], []
    for repeat in range(repeats):
        tally = np.zeros(layers, np.uint32)
        cosine = float(np.cos(np.radians(degrees)))
        number, energy = _fire(laws, scene, energy_mev, cosine, per_run, tally, seed, repeat)
        deposits.append(tally / quanta / per_run / (layer_mm / MM_PER_CM))
        back.append(number / per_run)
        back_mev.append(energy / per_run / energy_mev)
    return Beam(
        depth=(np.arange(layers) + 0.5) / LAYERS_PER_RANGE,
        deposit=[_of(values) for values in np.array(deposits).T],
        number_back=_of(np.array(back)),
        energy_back=_of(np.array(back_mev)),
    )


def _of(values: FloatArray) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
