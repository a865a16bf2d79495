"""Dose along straight rays through voxels of any density: collapsed cones on exact ray paths.

Each decay sends its energy out along rays; along one, the energy left per mm falls with the mass
met, ``e(t) = sum_i A_i exp(-b_i t)``, `t` in mm at 1 g/mL. Parallel rays, one through each column
of voxels, are followed from face to face [ahnesjo1989]: every voxel is crossed by as many as leave
it, and each adds the mean of its energy over the piece of path there. No energy moves sideways,
and in a medium with equal decays per gram the dose is that of equilibrium whatever the density.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from opensirt.backend import thread_count
from opensirt.dose.ray_kernel import RayKernel, ray_directions

__all__ = ["AIR_G_ML", "add_density_effect", "share_facing_air"]

Floats = npt.NDArray[np.float32]
Triple = tuple[float, float, float]

MOST_WORKERS = 8
"""Each holds a map of its own."""
VISITS = 4e8
"""Crossings of voxels by rays that one dose may take: it sets the number of directions."""
SPREAD = (0.754_877_666_246_693, 0.569_840_290_998_053)
"""Multiples of these, modulo 1, fill a square evenly (powers of the plastic number): where in a
voxel the rays of each direction enter, so that no two directions sample the same places."""
THIN, DIM = 0.02, 1e-20
"""Below the first a path counts as thin: series stand for exponentials. Energies below the second
are nothing, before they fall below the smallest normal number."""
AIR_G_ML = 0.05
"""Thinner than any lung: a ray that enters the map here comes through air."""


def add_density_effect(
    dose: Floats,
    activity: Floats,
    density: Floats,
    base_g_ml: float,
    spacing_mm: Triple,
    kernel: RayKernel,
) -> None:
    """Add, in place, what density changes: rays through the map less rays through the base.

    Parameters
    ----------
    dose : ndarray, (slice, row, column), float32, MeV/g per decay/mL
        That of the base medium; where less comes through the map, less is left of it.
    activity, density : ndarray, same shape, float32
        Decays per mL and g/mL.
    base_g_ml : float
        Density of the base medium.
    spacing_mm : (float, float, float)
    kernel : RayKernel
    """
    _send(dose, activity, density, base_g_ml, spacing_mm, kernel, 0.0)


def share_facing_air(density: Floats, spacing_mm: Triple, depth_mm: float) -> Floats:
    """Mean over directions of ``exp(-t / depth_mm)``, `t` the mass met on the way out into air.

    Half at a flat surface, 0 deep in tissue or lung and where a way out leads through tissue to
    the border of the map, beyond which more of the same is taken to lie.

    Parameters
    ----------
    density : ndarray, (slice, row, column), float32, g/mL
    spacing_mm : (float, float, float)
    depth_mm : float
        mm at 1 g/mL.

    Returns
    -------
    ndarray, same shape, float32
        From 0 to 1.
    """
    share = np.zeros(density.shape, dtype=np.float32)
    light = RayKernel(np.array([1.0 / depth_mm]), np.zeros(1))
    _send(share, density, density, 1.0, spacing_mm, light, 1.0)
    return share


def _send(
    total: Floats,
    activity: Floats,
    density: Floats,
    base_g_ml: float,
    spacing_mm: Triple,
    kernel: RayKernel,
    entering: float,
) -> None:
    """Rays of every direction, added to `total`; those from air enter with `entering`."""
    directions = ray_directions(VISITS / density.size)
    phases = np.outer(np.arange(len(directions)) + 0.5, SPREAD) % 1.0
    steepest = np.argmax(np.abs(directions) / np.asarray(spacing_mm), axis=1)
    for axis in range(3):  # one axis after another: the turned maps take room
        order = (axis, *(other for other in range(3) if other != axis))
        met = np.ascontiguousarray(density.transpose(order))
        born = met if activity is density else np.ascontiguousarray(activity.transpose(order))
        turned = _Turned(born, met, np.asarray(spacing_mm)[list(order)])
        along, weight = steepest == axis, 1.0 / len(directions)
        _add(
            total.transpose(order), turned, directions[along][:, order], phases[along],
            base_g_ml, kernel, weight, entering,
        )  # fmt: skip
        del turned, met, born


@dataclass(frozen=True, slots=True)
class _Turned:
    """Maps with the axis first that rays are steepest along."""

    activity: Floats
    density: Floats
    size_mm: npt.NDArray[np.float64]


def _add(
    total: Floats,
    maps: _Turned,
    directions: npt.NDArray[np.float64],
    phases: npt.NDArray[np.float64],
    base_g_ml: float,
    kernel: RayKernel,
    weight: float,
    entering: float,
) -> None:
    """Add the sum over these directions to `total`; each thread has a map of its own."""
    workers = min(thread_count(), MOST_WORKERS, max(1, len(directions)))
    lit = maps.activity.any(axis=2) if entering == 0.0 else (maps.density < AIR_G_ML).any(axis=2)

    def work(first: int) -> Floats:
        out = np.zeros(total.shape, dtype=np.float32)
        for number in range(first, len(directions), workers):
            _follow(
                maps.activity, maps.density, lit, directions[number], phases[number],
                maps.size_mm, base_g_ml, kernel.per_mm, kernel.mev_per_mm, weight, entering, out,
            )  # fmt: skip
        return out

    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(work, range(workers)):
            total += part


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _follow(
    activity, density, lit, direction, phases, size, base, per_mm, mev, weight, entering, out
):
    """All rays of one direction, plane after plane along the first axis, piece after piece."""
    planes, rows, columns = activity.shape
    step = size[0] / abs(direction[0])
    drift_row, drift_column = abs(direction[1]) * step / size[1], abs(direction[2]) * step / size[2]
    up_row, up_column = direction[1] > 0.0, direction[2] > 0.0
    real = np.zeros((len(mev), rows, columns), np.float32)
    plain = np.zeros((len(mev), rows, columns), np.float32)
    bright = np.zeros(rows, np.bool_)
    row, column = 0, 0  # how far the rays have moved, in whole voxels
    at_row, at_column = phases
    first = 0 if direction[0] > 0.0 else planes - 1
    if entering > 0.0:
        real[:] = np.where(density[first] < AIR_G_ML, np.float32(entering), np.float32(0.0))
    for n in range(planes):
        plane = n if direction[0] > 0.0 else planes - 1 - n
        done = 0.0
        while True:
            to_row = (1.0 - at_row) / drift_row if drift_row > 0.0 else math.inf
            to_column = (1.0 - at_column) / drift_column if drift_column > 0.0 else math.inf
            part = min(to_row, to_column, 1.0 - done)
            if part > 1e-9:
                _cross(
                    activity[plane], density[plane], lit[plane], out[plane], real, plain, bright,
                    row % rows, column % columns, part * step, base, per_mm, mev, weight * part,
                    entering > 0.0,
                )  # fmt: skip
            if part == 1.0 - done:
                at_row += part * drift_row
                at_column += part * drift_column
                break
            done += part
            if to_row <= to_column:
                at_row, at_column = 0.0, at_column + part * drift_column
                row += 1 if up_row else -1
                new = -row % rows if up_row else (rows - 1 - row) % rows
                real[:, new] = 0.0  # a ray that left on one side enters anew on the other
                plain[:, new] = 0.0
                bright[new] = False
                if entering > 0.0:
                    side = density[plane, 0 if up_row else rows - 1]
                    for k in range(columns):
                        if side[k] < AIR_G_ML:
                            real[:, new, (k - column) % columns] = entering
            else:
                at_row, at_column = at_row + part * drift_row, 0.0
                column += 1 if up_column else -1
                new = -column % columns if up_column else (columns - 1 - column) % columns
                real[:, :, new] = 0.0
                plain[:, :, new] = 0.0
                if entering > 0.0:
                    edge = density[plane, :, 0 if up_column else columns - 1]
                    for j in range(rows):
                        if edge[j] < AIR_G_ML:
                            real[:, (j - row) % rows, new] = entering


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _cross(
    activity, density, lit, out, real, plain, bright, row, column, length, base, per_mm, mev,
    weight, fades,
):  # fmt: skip
    """Every ray through one piece of path (mm) in its voxel of a plane."""
    rows, columns = activity.shape
    for j in range(rows):
        ray = (j - row) % rows
        if not (bright[ray] or lit[j]):
            continue
        bright[ray] = True
        for i in range(len(mev)):
            rate, gain = np.float32(per_mm[i] * length), np.float32(mev[i] * length)
            mean, left, fill = _shares(np.float32(per_mm[i] * length * base))
            for first, last, of in ((0, column, columns - column), (column, columns, -column)):
                if fades:
                    _fade(
                        density[j, first:last], out[j, first:last],
                        real[i, ray, first + of : last + of], rate, np.float32(weight),
                    )  # fmt: skip
                    continue
                _pass(
                    activity[j, first:last], density[j, first:last], out[j, first:last],
                    real[i, ray, first + of : last + of], plain[i, ray, first + of : last + of],
                    rate, gain, mean, left, fill, np.float32(weight),
                )  # fmt: skip


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _pass(activity, density, out, real, plain, rate, gain, mean, left, fill, weight):
    """One exponential of the rays of a row: add what they leave, then what they carry on."""
    for k in range(len(activity)):
        source = activity[k] * gain
        here_mean, here_left, here_fill = _shares(rate * density[k])
        met, base_met = real[k], plain[k]
        there = met * here_mean + source * here_fill
        out[k] += weight * (there - base_met * mean - source * fill)
        met = met * here_left + source * here_mean
        base_met = base_met * left + source * mean
        real[k] = met if abs(met) > np.float32(DIM) else np.float32(0.0)
        plain[k] = base_met if abs(base_met) > np.float32(DIM) else np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _fade(density, out, real, rate, weight):
    """As `_pass`, of rays that nothing is born on and that no other medium is held against."""
    for k in range(len(density)):
        mean, left, _ = _shares(rate * density[k])
        out[k] += weight * real[k] * mean
        met = real[k] * left
        real[k] = met if met > np.float32(DIM) else np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _shares(x):
    """For a path of length `x`: mean of exp(-t) over it, exp(-x), and mean of what is born on it.

    ``(1 - e^-x)/x``, ``e^-x``, ``(1 - (1 - e^-x)/x)/x``; within 1e-3 of them.
    """
    one = np.float32(1.0)
    y = np.float32(0.25) * x
    left = one / (
        one + y * (one + y * (np.float32(1 / 2) + y * (np.float32(1 / 6) + y * np.float32(1 / 24))))
    )
    left *= left
    left *= left
    thin = x < np.float32(THIN)
    safe = np.float32(THIN) if thin else x
    mean = one - x * (np.float32(1 / 2) - x * np.float32(1 / 6)) if thin else (one - left) / safe
    fill = np.float32(1 / 2) - x * np.float32(1 / 6) if thin else (one - mean) / safe
    return mean, one - x * mean, fill
