"""Dose of electrons in voxels of any density: convolution where uniform, paths where not.

Three kinds of medium are told apart: thin, soft and bony. Each has the convolution with the kernel
of its own mean density; where the density around a voxel is that, the convolution is the
dose. Elsewhere backward paths give it, and the convolution serves as their control: what the paths
collect is corrected by what they miss in the uniform medium, where the answer is known.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from opensirt.backend import thread_count
from opensirt.dose.backward_paths import Paths
from opensirt.dose.convolution import convolve
from opensirt.dose.superposition import (
    PathMedium,
    gather,
    path_medium,
    path_stencils,
    voxel_paths,
)

__all__ = ["ElectronField", "electron_dose"]

Floats = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Triple = tuple[float, float, float]

KINDS_G_ML = (0.0, 0.6, 1.2, math.inf)
"""Densities between thin (lung and air), soft and bony media: half way from lung to soft tissue,
and where bone mineral must be present."""
DENSITY_STEP_G_ML = 0.005
UNIFORM_WITHIN = 0.05
"""Density counts as that of the medium within 5 %: a range then is right to 0.5 mm in tissue."""
SMOOTHED_OVER_MM = 5.0
"""Density is judged as the mean over this many mm g/mL, so that noise of CT does not count."""
LOOK_AROUND = 0.55
"""How far density matters, over the reach of electrons: 99 % of the energy lies within."""
LEAST_DOSE = 5e-4
"""Paths are followed where the dose is at least this part of the maximum."""
SHARED_WITHIN_MM = 0.7
"""Width of the Gaussian weight (mm g/mL) of neighbours that speak for a voxel not followed."""
DENSE_G_ML = 1.2
"""In denser media every voxel sends paths out."""
ONE_IN = 3
"""Of voxels with little dose only every third sends paths out, the others go by them."""
LITTLE_DOSE = 0.1
"""Little dose, as a part of the maximum."""
LEAST_CONTROL = 0.2
"""The control is a measure of the dose where it is at least this part of it."""
AIR_G_ML = 0.05
"""Below this no convolution is a measure of the dose."""
MOVED_DOSE = 0.02
"""More sets of paths are followed where density moves more than this part of the maximum."""
NOT_FOLLOWED = -1.0


@dataclass(frozen=True, slots=True)
class ElectronField:
    """What the electron dose is made from.

    Parameters
    ----------
    kernel_mev : callable
        Voxel kernel (MeV per decay and voxel, odd shape) for a density (g/mL) and greatest half
        shape.
    reach_mm : float
        Reach of the electrons at 1 g/mL.
    paths : Paths
    sets : int
        Sets of 48 paths per voxel.
    """

    kernel_mev: Callable[[float, tuple[int, int, int]], FloatArray]
    reach_mm: float
    paths: Paths
    sets: int


def electron_dose(
    activity: Floats, density: Floats, spacing_mm: Triple, field: ElectronField
) -> Floats:
    """MeV/g per decay/mL, in the shape of the maps.

    Maps are in g/mL and decays per mL.
    """
    dose, reached, kinds = _convolved(activity, density, spacing_mm, field)
    flagged: list[tuple[npt.NDArray[np.int64], float]] = []
    smooth = _smoothed(density, kinds[-1].base_g_ml, spacing_mm)
    highest = float(dose[activity > 0].max())
    for kind in kinds:
        uneven = np.abs(smooth * np.float32(1.0 / kind.base_g_ml) - 1.0) > UNIFORM_WITHIN
        around = _dilated(uneven, LOOK_AROUND * field.reach_mm / kind.base_g_ml, spacing_mm)
        flags = around & kind.voxels & (reached > LEAST_DOSE * highest)
        flagged.append((np.flatnonzero(flags), kind.base_g_ml))
        flags = ~around & kind.voxels
        dose[flags] *= kind.base_g_ml / smooth[flags]
    del smooth, reached
    if any(targets.size for targets, _ in flagged):
        _follow(dose, highest, activity, density, spacing_mm, field, flagged)
    return dose


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """Voxels that count with one kind of medium, and its mean density."""

    base_g_ml: float
    voxels: Bools


def _convolved(
    activity: Floats, density: Floats, spacing_mm: Triple, field: ElectronField
) -> tuple[Floats, Floats, list[_Kind]]:
    """Dose by the convolution of each voxel's own kind; that of the thinnest kind; the kinds."""
    kinds: list[_Kind] = []
    dose = np.zeros(density.shape, dtype=np.float32)
    reached: Floats | None = None
    for low, high in pairwise(KINDS_G_ML):
        voxels = (density >= low) & (density < high)
        if not voxels.any():
            continue
        base = _base(activity, density, voxels)
        spread = convolve(activity, field.kernel_mev(base, _triple(activity.shape)))
        spread *= np.float32(1.0 / base)
        kinds.append(_Kind(base, voxels))
        np.copyto(dose, spread, where=voxels)
        reached = spread if reached is None else reached
    assert reached is not None
    return dose, reached, kinds


def _triple(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[0], shape[1], shape[2]


def _base(activity: Floats, density: Floats, voxels: Bools) -> float:
    """Mean density of a kind of medium where its activity is, or of all of it; rounded."""
    here = density[voxels]
    weights = activity[voxels]
    total = float(weights.sum(dtype=np.float64))
    if total > 0.0:
        mean = float(np.vdot(here, weights)) / total
    else:
        inside = here[here > 0.1]
        mean = float(inside.mean(dtype=np.float64)) if inside.size else 0.3
    return round(max(1, round(mean / DENSITY_STEP_G_ML)) * DENSITY_STEP_G_ML, 6)


def _smoothed(density: Floats, base_g_ml: float, spacing_mm: Triple) -> Floats:
    sizes = [2 * max(1, round(0.5 * SMOOTHED_OVER_MM / base_g_ml / s)) + 1 for s in spacing_mm]
    return np.asarray(ndimage.uniform_filter(density, sizes, mode="nearest"))


def _dilated(flags: Bools, reach_mm: float, spacing_mm: Triple) -> Bools:
    """Flags spread over a box of this half width."""
    wide = flags.view(np.uint8)
    for axis, size in enumerate(spacing_mm):
        half = min(math.ceil(reach_mm / size), flags.shape[axis])
        wide = ndimage.maximum_filter1d(wide, 2 * half + 1, axis=axis, mode="constant")
    return np.asarray(wide.view(bool))


def _follow(
    dose: Floats,
    highest: float,
    activity: Floats,
    density: Floats,
    spacing_mm: Triple,
    field: ElectronField,
    flagged: list[tuple[npt.NDArray[np.int64], float]],
) -> None:
    """Replace the dose of the flagged voxels, in place."""
    medium = path_medium(density, activity)
    paths = voxel_paths(field.paths, spacing_mm)
    found, plain = np.full((2, math.prod(medium.shape)), NOT_FOLLOWED, dtype=np.float32)
    for targets, base in flagged:
        if not targets.size:
            continue
        half = tuple(
            min(math.ceil(1.3 * field.reach_mm / base / s) + 1, n)
            for s, n in zip(spacing_mm, density.shape, strict=True)
        )
        stencils = path_stencils(paths, base, (half[0], half[1], half[2]))
        needed = dose.reshape(-1)[targets] > LITTLE_DOSE * highest
        needed |= _every_third(targets, density.shape)
        needed |= base > DENSE_G_ML  # neighbours in bone are too far to speak for one
        places = _with_layer(targets[needed], density.shape)
        found[places], plain[places] = gather(places, medium, paths, stencils, (0, 1))
        if field.sets > 1:
            places = places[_moved_dose(places, medium, found, plain) > MOVED_DOSE * highest]
            more = gather(places, medium, paths, stencils, (1, field.sets))
            for sums, extra in zip((found, plain), more, strict=True):
                sums[places] += (extra - sums[places]) * np.float32(1.0 - 1.0 / field.sets)
    followed = np.flatnonzero(plain != NOT_FOLLOWED)
    single = np.empty(followed.size, dtype=np.float32)
    _in_parts(
        lambda span: _controlled(
            followed[span], medium.voxels, medium.shape, found, plain, dose, single[span]
        ),
        followed.size,
    )
    targets = np.concatenate([part for part, _ in flagged])
    places = _with_layer(targets, density.shape)
    left = plain[places] == NOT_FOLLOWED
    targets, places = targets[left], places[left]
    result, sizes = np.empty(targets.size, dtype=np.float32), np.array(spacing_mm)
    found[followed] = single
    _in_parts(
        lambda span: _shared(
            places[span], medium.voxels, medium.shape, sizes, found, plain, dose, result[span]
        ),
        targets.size,
    )
    dose.reshape(-1)[targets] = result
    k, j, i = np.unravel_index(followed, medium.shape)
    dose[k - 1, j - 1, i - 1] = np.maximum(single, 0.0)


def _moved_dose(
    places: npt.NDArray[np.int64], medium: PathMedium, found: Floats, plain: Floats
) -> Floats:
    result = np.empty(places.size, dtype=np.float32)

    def run(span: slice) -> None:
        _moved(places[span], medium.voxels, medium.shape, found, plain, result[span])

    _in_parts(run, places.size)
    return result


def _in_parts(work: Callable[[slice], None], size: int) -> None:
    starts = range(0, size, 8192)
    with ThreadPoolExecutor(thread_count()) as pool:
        list(pool.map(lambda at: work(slice(at, min(at + 8192, size))), starts))


def _every_third(targets: npt.NDArray[np.int64], shape: tuple[int, ...]) -> Bools:
    """One voxel in three, evenly spread; the same when axes are mirrored or exchanged."""
    places = np.unravel_index(targets, shape)
    folded = sum(np.minimum(p, n - 1 - p) for p, n in zip(places, shape, strict=True))
    return np.asarray(folded % ONE_IN == 0)


def _with_layer(targets: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Flat indices in the grid with one more voxel on every side."""
    k, j, i = np.unravel_index(targets, shape)
    return np.asarray(((k + 1) * (shape[1] + 2) + j + 1) * (shape[2] + 2) + i + 1)


@numba.njit(cache=True, nogil=True)
def _alike(voxels, plain, at, there):
    """Whether a neighbour was followed and has about the same density."""
    density = voxels[at, 0]
    return plain[there] != NOT_FOLLOWED and abs(voxels[there, 0] - density) <= 0.25 * density


@numba.njit(cache=True, nogil=True)
def _moved(targets, voxels, shape, found, plain, result):
    """Dose that density moves: mean difference of found and plain over the neighbours alone."""
    for n in range(targets.size):
        at = targets[n]
        moved, count = 0.0, 0
        for dk in range(-1, 2):
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    there = at + (dk * shape[1] + dj) * shape[2] + di
                    if there != at and _alike(voxels, plain, at, there):
                        moved += abs(found[there] - plain[there])
                        count += 1
        result[n] = moved / max(count, 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _controlled(targets, voxels, shape, found, plain, control, result):
    """What each followed voxel says by itself: found + share * (control - plain).

    The share is the regression of found on plain over the neighbours, both less their trend, which
    the control gives. It is believed where it explains half of the spread, and less in proportion:
    where the two do not go together the control would only add noise. The voxel itself is not
    among them: its own chance hits would change the share, and the mean.
    """
    plane, row = shape[1] * shape[2], shape[2]
    for n in range(targets.size):
        at = targets[n]
        k, j, i = at // plane - 1, at // row % shape[1] - 1, at % row - 1
        met, trend = 0.0, 0.0
        for dk in range(-1, 2):
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    there = at + dk * plane + dj * row + di
                    if there != at and _alike(voxels, plain, at, there):
                        met += found[there]
                        trend += control[k + dk, j + dj, i + di]
        slope = met / trend if trend > 0.0 else 0.0
        both, missed, spread = 0.0, 0.0, 0.0
        for dk in range(-1, 2):
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    there = at + dk * plane + dj * row + di
                    if there != at and _alike(voxels, plain, at, there):
                        known = control[k + dk, j + dj, i + di]
                        rest, miss = found[there] - slope * known, plain[there] - known
                        both += rest * miss
                        missed += miss * miss
                        spread += rest * rest
        share = 0.0
        if missed > 0.0 and spread > 0.0 and both > 0.0:
            trust = min(2.0 * both * both / (missed * spread), 1.0)
            share = trust * min(both / missed, 1.0)
        if voxels[at, 0] < AIR_G_ML:
            share = 0.0
        result[n] = found[at] + share * (control[k, j, i] - plain[at])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _shared(targets, voxels, shape, size, single, plain, control, result):
    """Dose of voxels that were not followed, from neighbours of like density that were.

    The ratio of dose to control is taken over, or the dose itself where the control is no measure
    of it, weighted by nearness in mm g/mL.
    """
    plane, row = shape[1] * shape[2], shape[2]
    for n in range(targets.size):
        at = targets[n]
        k, j, i = at // plane - 1, at // row % shape[1] - 1, at % row - 1
        own = control[k, j, i]
        said, expected, ratio, weights = 0.0, 0.0, 0.0, 0.0
        for dk in range(-1, 2):
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    step = dk * plane + dj * row + di
                    if not _alike(voxels, plain, at, at + step):
                        continue
                    away2 = (dk * size[0]) ** 2 + (dj * size[1]) ** 2 + (di * size[2]) ** 2
                    weight = np.exp(-0.5 * away2 * (voxels[at, 0] / SHARED_WITHIN_MM) ** 2)
                    there = control[k + dk, j + dj, i + di]
                    said += weight * single[at + step]
                    expected += weight * there
                    ratio += weight * single[at + step] / max(there, 1e-30)
                    weights += weight
        if weights <= 0.0:
            result[n] = own
        elif voxels[at, 0] >= AIR_G_ML and expected > LEAST_CONTROL * said:
            result[n] = max(0.0, own * ratio / weights)
        else:
            result[n] = max(0.0, said / weights)
