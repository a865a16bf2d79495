"""Paths of electrons read backwards, from where they leave energy to where they may have started.

An electron that has the energy ``E`` somewhere had more before. Walked backwards it gains what it
lost, and turns as it was scattered; at every point of the way it may have been emitted, with the
chance that the nuclide emits an electron of just the energy reached. The energy ``E`` it is met
with is drawn from the share of all energy that electrons of the nuclide leave at that energy. So
the mean over such paths of the decays per mass met along them is the dose.

Loss is continuous, in water; turns have the exact mean cosine of all scattering on their piece of
path, by nuclei and electrons. Lengths are in mm at 1 g/mL.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opensirt.dose.mc_source import decay_source
from opensirt.dose.mc_tables import ELECTRON_COLUMNS, Cuts, build_laws, media_named
from opensirt.physics.nuclides import Nuclide

__all__ = ["IMAGES", "Paths", "electron_paths", "straight_paths"]

FloatArray = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

IMAGES = 48
"""A path and its images under every mirror and exchange of axes."""
SETS = 160
"""Enough that the mean over all is the kernel of water within some percent."""
LONGEST_MM = 3.0
TURN = 0.4
"""Longest piece of path over the mean free path of scattering (first transport)."""
MOST_PIECES = 40
BETAS_FOLLOWED = 0.9995
"""The hardest 0.05 % of the electrons count as of the energy that bounds them."""
SEED = 20260101


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Paths in sets of 48 images; every set alone is even in all axes.

    Parameters
    ----------
    pieces : ndarray float32, (sets, 48, pieces, 5)
        Unit vector (3), length (mm at 1 g/mL) and MeV per mm of a piece.
    count : ndarray int64, (sets,)
        Pieces of each set.
    starts : ndarray float32, (sets, 48, 3)
        Where in its voxel a path begins, -0.5 to 0.5 along each axis.
    """

    pieces: Floats
    count: npt.NDArray[np.int64]
    starts: Floats


@lru_cache(maxsize=4)
def electron_paths(of: Nuclide, shortest_mm: float) -> Paths:
    """Paths of the betas and electron lines of a nuclide, in pieces no shorter than this.

    The MeV per mm of a path add up to the electron energy per decay.
    """
    laws = _water()
    born = _Born.of(of)
    rng = np.random.default_rng(SEED)
    walks = [
        _walk(laws, born, (0.5 + place) / SETS, shortest_mm, rng) for place in _spread_order(SETS)
    ]
    return _images(walks, rng)


@lru_cache(maxsize=4)
def straight_paths(edges_mm: tuple[float, ...], energy_mev: tuple[float, ...]) -> Paths:
    """Straight paths that leave these energies between these radii, for photons."""
    rng = np.random.default_rng(SEED)
    lengths = np.diff(edges_mm)
    pieces = [(np.array([0.0, 0.0, 1.0]), n, e) for n, e in zip(lengths, energy_mev, strict=True)]
    return _images([pieces] * SETS, rng)


Piece = tuple[FloatArray, float, float]


@dataclass(frozen=True, slots=True)
class _Laws:
    """Water: MeV/mm and 1/mm at energies (MeV)."""

    energy_mev: FloatArray
    stopping_mev_mm: FloatArray
    transport_per_mm: FloatArray


@lru_cache(maxsize=1)
def _water() -> _Laws:
    laws = build_laws(media_named(["water"]), Cuts())
    rows = laws.electron[0]
    energy = np.exp(laws.log_start + np.arange(rows.shape[0]) / laws.per_log)
    columns = [
        rows[:, ELECTRON_COLUMNS.index(name)]
        for name in ("total_stopping_mev_mm", "transport_per_mm")
    ]
    return _Laws(energy, *columns)


@dataclass(frozen=True, slots=True)
class _Born:
    """Electrons per decay born above an energy, and the energy they leave below it."""

    energy_mev: FloatArray
    above: FloatArray
    left_mev: FloatArray
    highest_mev: float

    @classmethod
    def of(cls, nuclide: Nuclide) -> _Born:
        source = decay_source(nuclide, 0.0)
        lines = [
            (energy, share)
            for energy, share, kind in zip(
                source.line_mev, source.line_yield, source.line_kind, strict=True
            )
            if kind == 0
        ]
        top = max([float(source.beta_mev[-1]), *(energy for energy, _ in lines)])
        grid = np.linspace(0.0, top * 1.0001, 4001)
        above = np.zeros_like(grid)
        if source.betas_per_decay > 0.0:
            quantile = np.linspace(0.0, 1.0, source.beta_mev.size)
            above += source.betas_per_decay * (1.0 - np.interp(grid, source.beta_mev, quantile))
        for energy, share in lines:
            above += share * np.clip((energy - grid) / grid[1] + 0.5, 0.0, 1.0)
        steps = 0.5 * (above[1:] + above[:-1]) * np.diff(grid)
        highest = float(grid[np.argmax(above <= (1.0 - BETAS_FOLLOWED) * above[0])])
        return cls(grid, above, np.concatenate([[0.0], np.cumsum(steps)]), highest)


def _walk(
    laws: _Laws, born: _Born, place: float, shortest_mm: float, rng: np.random.Generator
) -> list[Piece]:
    """One path from the energy at this quantile of the energy left, up to the highest energy.

    Each turn is in the middle of the step it stands for, so pieces reach from turn to turn.
    """
    total = born.left_mev[-1]
    energy = float(np.interp(place * total, born.left_mev, born.energy_mev))
    energy = min(energy, 0.999 * born.highest_mev)
    scale = total / float(np.interp(energy, born.energy_mev, born.above))
    direction, held_mm, held_mev = np.array([0.0, 0.0, 1.0]), 0.0, 0.0
    pieces: list[Piece] = []
    while energy < born.highest_mev:
        stopping = float(np.interp(energy, laws.energy_mev, laws.stopping_mev_mm))
        transport = float(np.interp(energy, laws.energy_mev, laws.transport_per_mm))
        length = min(max(TURN / transport, shortest_mm), LONGEST_MM)
        upper = energy + stopping * length
        if upper >= born.highest_mev or len(pieces) == MOST_PIECES - 2:
            length = (born.highest_mev - energy) / stopping
            upper = born.highest_mev
        middle = 0.5 * (energy + upper)
        low, half, high = np.interp((energy, middle, upper), born.energy_mev, born.above) * scale
        high = 0.0 if upper >= born.highest_mev else high
        pieces.append((direction, held_mm + 0.5 * length, held_mev + low - half))
        transport = float(np.interp(middle, laws.energy_mev, laws.transport_per_mm))
        cosine = _cosine(math.exp(-transport * length), float(rng.random()))
        direction = _turned(direction, cosine, 2.0 * math.pi * float(rng.random()))
        held_mm, held_mev, energy = 0.5 * length, half - high, upper
    pieces.append((direction, held_mm, held_mev))
    return pieces


def _cosine(mean: float, u: float) -> float:
    """Cosine of this mean from the distribution that is exponential in it (von Mises-Fisher)."""
    if mean > 0.9999:
        return 1.0
    k = mean * (3.0 - mean * mean) / (1.0 - mean * mean)  # start of Newton's steps [banerjee2005]
    for _ in range(20):
        found = 1.0 / math.tanh(k) - 1.0 / k
        k = max(k - (found - mean) / (1.0 - found * found - 2.0 * found / k), 1e-3)
    return max(-1.0, 1.0 + math.log(u + (1.0 - u) * math.exp(-2.0 * k)) / k)


def _turned(direction: FloatArray, cosine: float, azimuth: float) -> FloatArray:
    across = np.eye(3)[int(np.argmin(np.abs(direction)))]
    first = np.cross(direction, across)
    first /= np.linalg.norm(first)
    second = np.cross(direction, first)
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    side = math.cos(azimuth) * first + math.sin(azimuth) * second
    return np.asarray(cosine * direction + sine * side)


def _spread_order(count: int) -> npt.NDArray[np.intp]:
    """0 ... count - 1 in an order whose every run is spread over the whole."""
    return np.argsort(np.argsort((np.arange(count) * (math.sqrt(5.0) - 1.0) / 2.0) % 1.0))


def _images(walks: list[list[Piece]], rng: np.random.Generator) -> Paths:
    """Each walk turned to a direction of its own, with its 48 images."""
    longest = max(len(walk) for walk in walks)
    pieces = np.zeros((len(walks), IMAGES, longest, 5), dtype=np.float32)
    starts = np.zeros((len(walks), IMAGES, 3), dtype=np.float32)
    points = _even_points(len(walks))
    for index, walk in enumerate(walks):
        vectors = np.array([vector for vector, _, _ in walk]) @ _frame(points[index, :3])
        for image, (order, signs) in enumerate(_symmetries()):
            pieces[index, image, : len(walk), :3] = vectors[:, order] * signs
            starts[index, image] = (points[index, 3:] - 0.5)[list(order)] * signs
        pieces[index, :, : len(walk), 3] = [length for _, length, _ in walk]
        pieces[index, :, : len(walk), 4] = [mev / max(n, 1e-9) for _, n, mev in walk]
    count = np.array([len(walk) for walk in walks], dtype=np.int64)
    for array in (pieces, starts, count):
        array.flags.writeable = False
    return Paths(pieces, count, starts)


def _even_points(count: int) -> FloatArray:
    """Points of six dimensions in the unit cube, evenly spread (an additive recurrence)."""
    root = 1.5
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / 7.0)
    return np.asarray((0.5 + np.arange(1, count + 1)[:, None] * root ** -np.arange(1.0, 7.0)) % 1.0)


def _frame(u: FloatArray) -> FloatArray:
    """The rotation (3, 3) that three numbers in [0, 1) stand for, evenly [shoemake1992]."""
    a, b = math.sqrt(1.0 - u[0]), math.sqrt(u[0])
    x, y = a * math.sin(2 * math.pi * u[1]), a * math.cos(2 * math.pi * u[1])
    z, w = b * math.sin(2 * math.pi * u[2]), b * math.cos(2 * math.pi * u[2])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _symmetries() -> Iterator[tuple[tuple[int, ...], tuple[float, ...]]]:
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            yield order, signs
