"""Convolution of a sparse map with a small kernel: only the active part is transformed.

The map is cut into boxes that hold activity; each is convolved linearly (zero padded, so nothing
wraps around) by a real transform in float32, and added to the result. What reaches beyond the grid
leaves it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from opensirt.backend import thread_count

__all__ = [
    "active_box",
    "active_boxes",
    "bin_sum",
    "convolve",
    "spread",
]

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]
Box = tuple[slice, slice, slice]
Triple = tuple[int, int, int]

LARGEST_TRANSFORM = 1 << 24
"""Most points of one transform (64 MiB in float32); larger active boxes are cut in halves."""


def active_box(values: Values, within: Box | None = None) -> Box | None:
    """Smallest box, inside `within`, of every voxel above zero; None where there is none."""
    outer = within or (
        slice(0, values.shape[0]),
        slice(0, values.shape[1]),
        slice(0, values.shape[2]),
    )
    part = values[outer]
    flat = np.zeros(part.shape[1:], dtype=bool)
    slices = np.zeros(part.shape[0], dtype=bool)
    for index, plane in enumerate(part):  # one pass, no mask of the whole volume
        mask = plane > 0
        slices[index] = mask.any()
        flat |= mask
    used = (slices, flat.any(axis=1), flat.any(axis=0))
    if not slices.any():
        return None
    found = []
    for line, border in zip(used, outer, strict=True):
        places = np.flatnonzero(line)
        found.append(slice(border.start + int(places[0]), border.start + int(places[-1]) + 1))
    return found[0], found[1], found[2]


def active_boxes(values: Values, kernel_shape: Triple) -> Iterator[Box]:
    """Disjoint boxes that hold all activity, each small enough for one transform."""
    whole = active_box(values)
    waiting = [] if whole is None else [whole]
    while waiting:
        box = waiting.pop()
        lengths = np.array([s.stop - s.start for s in box]) / np.array(kernel_shape)
        shape = _transform_shape(box, kernel_shape, values.shape)
        small = math.prod(shape) <= LARGEST_TRANSFORM
        if small or lengths.max() <= 1.0:  # a box shorter than the kernel is not worth cutting
            yield box
            continue
        halves = _halved(box, int(np.argmax(lengths)))
        waiting += [part for half in halves if (part := active_box(values, half)) is not None]


def convolve(values: Values, kernel: npt.NDArray[np.float64]) -> Floats:
    """Linear convolution, same shape as `values`, float32, never negative.

    Parameters
    ----------
    values : ndarray, (slice, row, column), not negative
    kernel : ndarray, odd shape, not negative
        Its centre is the origin. Every axis may be longer than that of `values`.
    """
    result = np.zeros(values.shape, dtype=np.float32)
    kernel = _reachable(kernel, values.shape)
    spectra: dict[Triple, npt.NDArray[np.complex64]] = {}
    for box in active_boxes(values, _triple(kernel.shape)):
        shape = _transform_shape(box, _triple(kernel.shape), values.shape)
        if shape not in spectra:
            spectra = {shape: _transform(kernel, shape)}  # keep one; boxes often share a shape
        _add_box(result, values, box, kernel.shape, spectra[shape])
    return result


def bin_sum(values: Values, factors: Triple) -> Floats:
    """Sums over blocks of `factors` voxels, float32; blocks at the far ends may be partial."""
    shape = [math.ceil(n / f) for n, f in zip(values.shape, factors, strict=True)]
    result = np.zeros(shape, dtype=np.float32)
    box = active_box(values)
    if box is None:
        return result
    first = [s.start // f for s, f in zip(box, factors, strict=True)]
    rows, columns = (_block_starts(s, f) for s, f in zip(box[1:], factors[1:], strict=True))
    for block in range(first[0], math.ceil(box[0].stop / factors[0])):
        low = block * factors[0]
        plane = values[low : low + factors[0], box[1], box[2]].sum(axis=0, dtype=np.float64)
        sums = np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)
        row, column = first[1:]
        result[block, row : row + sums.shape[0], column : column + sums.shape[1]] = sums
    return result


def spread(coarse: Floats, shape: Triple, factors: Triple) -> Iterator[Floats]:
    """A coarse map on a fine grid of this shape, slice by slice, by linear interpolation.

    `coarse` has one more voxel on every side than ``bin_sum`` gives. Its values are shared out: the
    fine values of a coarse voxel add up to its own, where the fine grid covers it.
    """
    share = np.float32(1.0 / math.prod(factors))
    lows, uppers = zip(*(_places(n, f) for n, f in zip(shape, factors, strict=True)), strict=True)
    planes: dict[int, Floats] = {}
    for low, upper in zip(lows[0].tolist(), uppers[0], strict=True):
        planes = {near: plane for near, plane in planes.items() if near >= low}
        for near in {low, low + 1} - planes.keys():  # each coarse slice is interpolated once
            rows = _between(coarse[near] * share, lows[1], uppers[1], axis=0)
            planes[near] = _between(rows, lows[2], uppers[2], axis=1)
        yield planes[low] + upper * (planes[low + 1] - planes[low])


def _places(fine: int, factor: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Lower coarse neighbour of each fine voxel along one axis, and the weight of the upper."""
    place = (np.arange(fine) + 0.5) / factor + 0.5  # one coarse voxel was added before the first
    low = np.floor(place).astype(np.intp)
    return low, (place - low).astype(np.float32)


def _between(values: Floats, low: npt.NDArray[np.intp], upper: Floats, axis: int) -> Floats:
    """Linear interpolation along one axis; takes elements, as a matrix product starts threads."""
    first, second = values.take(low, axis=axis), values.take(low + 1, axis=axis)
    weight = upper[:, None] if axis == 0 else upper
    second -= first
    second *= weight
    second += first
    return second


def _block_starts(span: slice, factor: int) -> npt.NDArray[np.intp]:
    """Where each block of `factor` starts within a span, counted from its start."""
    edges = np.arange(span.start // factor * factor, span.stop, factor)
    return np.asarray(np.maximum(edges - span.start, 0), dtype=np.intp)


def _halved(box: Box, axis: int) -> tuple[Box, Box]:
    middle = (box[axis].start + box[axis].stop) // 2
    lower, upper = list(box), list(box)
    lower[axis] = slice(box[axis].start, middle)
    upper[axis] = slice(middle, box[axis].stop)
    return (lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2])


def _triple(shape: tuple[int, ...]) -> Triple:
    return shape[0], shape[1], shape[2]


def _reachable(kernel: npt.NDArray[np.float64], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The part of a kernel that can join two voxels of a grid of this shape."""
    cut = []
    for length, size in zip(kernel.shape, shape, strict=True):
        spare = max(0, length // 2 - (size - 1))
        cut.append(slice(spare, length - spare))
    return kernel[tuple(cut)]


def _transform_shape(box: Box, kernel_shape: Triple, shape: tuple[int, ...]) -> Triple:
    """Lengths for a linear convolution of the box, rounded up to quick ones.

    What would wrap around may do so where it lies beyond the grid: nothing is taken from there.
    """
    n, r, c = (
        scipy.fft.next_fast_len(_length(s, k, size), real=True)
        for s, k, size in zip(box, kernel_shape, shape, strict=True)
    )
    return n, r, c


def _length(span: slice, kernel_size: int, size: int) -> int:
    """Least length along one axis that leaves the part of the result inside the grid alone."""
    half = kernel_size // 2
    full = span.stop - span.start + kernel_size - 1
    first = max(half - span.start, 0)
    last = first + min(span.stop + half, size) - max(span.start - half, 0)
    return int(max(full - first, last, kernel_size))


def _transform(values: Values, shape: Triple) -> npt.NDArray[np.complex64]:
    single = np.asarray(values, dtype=np.float32)
    return np.asarray(scipy.fft.rfftn(single, s=shape, workers=thread_count()))


def _add_box(
    result: Floats,
    values: Values,
    box: Box,
    kernel_shape: tuple[int, ...],
    kernel_spectrum: npt.NDArray[np.complex64],
) -> None:
    """Add the convolution of one box to the result, cut at the borders of the grid."""
    shape = _transform_shape(box, _triple(kernel_shape), result.shape)
    spectrum = _transform(values[box], shape)
    spectrum *= kernel_spectrum
    full = scipy.fft.irfftn(spectrum, s=shape, workers=thread_count(), overwrite_x=True)
    target, source = [], []
    for s, k, size in zip(box, kernel_shape, result.shape, strict=True):
        start, stop = s.start - k // 2, s.stop + k // 2
        target.append(slice(max(start, 0), min(stop, size)))
        source.append(slice(max(start, 0) - start, min(stop, size) - start))
    part = full[tuple(source)]
    np.maximum(part, 0.0, out=part)  # rounding of the transform leaves small negative values
    result[tuple(target)] += part
