"""The convolution equals the sum of shifted kernels, in blocks too, and nothing wraps around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft

from opensirt.dose import convolution
from opensirt.dose.convolution import active_box, active_boxes, bin_sum, convolve, spread


def sparse(shape: tuple[int, int, int], count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.zeros(shape, dtype=np.float32)
    values.ravel()[rng.choice(values.size, count, replace=False)] = rng.random(count) + 0.1
    return values


def kernel_of(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(9).random(shape)


@pytest.mark.parametrize("kernel_shape", [(3, 3, 3), (5, 1, 7), (31, 3, 41)])
@pytest.mark.parametrize("limit", [1 << 24, 3000])
def test_convolution_equals_the_sum_of_shifted_kernels(
    kernel_shape: tuple[int, int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel added at every active voxel; a low limit cuts the map into many blocks."""
    monkeypatch.setattr(convolution, "LARGEST_TRANSFORM", limit)
    values, kernel = sparse((14, 22, 19), 60), kernel_of(kernel_shape)
    expected = np.zeros([n + k - 1 for n, k in zip(values.shape, kernel_shape, strict=True)])
    for place in np.argwhere(values):
        box = tuple(slice(p, p + k) for p, k in zip(place, kernel_shape, strict=True))
        expected[box] += values[tuple(place)] * kernel
    middle = (slice(k // 2, k // 2 + n) for n, k in zip(values.shape, kernel_shape, strict=True))
    expected = expected[tuple(middle)]
    found = convolve(values, kernel)
    assert found.dtype == np.float32
    assert found.min() >= 0.0
    assert np.abs(found - expected).max() < 2e-6 * expected.max()


def test_activity_at_a_border_does_not_appear_at_the_other() -> None:
    values = np.zeros((8, 9, 10), dtype=np.float32)
    values[0, 0, 0] = 1.0
    found = convolve(values, np.ones((5, 5, 5)))
    assert found[:3, :3, :3] == pytest.approx(np.ones((3, 3, 3)), abs=1e-6)
    found[:3, :3, :3] = 0.0
    assert found.max() < 1e-6


def test_boxes_hold_all_activity_and_skip_what_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((60, 10, 10), dtype=np.float32)
    values[3, 4, 5] = values[55, 6, 2] = 1.0
    assert active_box(values) == (slice(3, 56), slice(4, 7), slice(2, 6))
    assert active_box(np.zeros((2, 2, 2), dtype=np.float32)) is None
    monkeypatch.setattr(convolution, "LARGEST_TRANSFORM", 200)
    boxes = list(active_boxes(values, (3, 3, 3)))
    assert sum(float(values[box].sum()) for box in boxes) == 2.0
    assert sum(values[box].size for box in boxes) == 2


def test_bins_and_spreading_keep_sums() -> None:
    values, factors = sparse((13, 9, 11), 80), (3, 2, 4)
    binned = bin_sum(values, factors)
    assert binned.shape == (5, 5, 3)
    assert binned.sum() == pytest.approx(values.sum(), rel=1e-6)
    assert binned[0, 0, 0] == pytest.approx(values[:3, :2, :4].sum(), rel=1e-6)
    coarse = np.zeros((5, 6, 7), dtype=np.float32)
    coarse[2, 3, 3] = 24.0
    fine = np.stack(list(spread(coarse, (9, 8, 20), factors)))
    assert fine.sum() == pytest.approx(24.0, rel=1e-6)
    assert fine[4, 4:6, 9:11] == pytest.approx(np.full((2, 2), 0.75 * 0.875), rel=1e-6)


def test_no_binning_is_the_identity() -> None:
    values = sparse((4, 5, 6), 30)
    coarse = np.pad(bin_sum(values, (1, 1, 1)), 1)
    assert np.array_equal(np.stack(list(spread(coarse, (4, 5, 6), (1, 1, 1)))), values)


def test_transforms_keep_to_the_threads_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    whole = scipy.fft.rfftn

    def watched(*args: Any, workers: int, **more: Any) -> Any:
        used.append(workers)
        return whole(*args, workers=workers, **more)

    monkeypatch.setattr(convolution.scipy.fft, "rfftn", watched)
    monkeypatch.setenv("OPENSIRT_THREADS", "1")
    convolve(sparse((8, 8, 8), 5), kernel_of((3, 3, 3)))
    assert set(used) == {1}


@pytest.mark.parametrize("first", [(1, 1, 1), (3, 2, 5), (4, 7, 0)])
def test_blocks_are_counted_from_the_grid_not_from_the_activity(
    first: tuple[int, int, int],
) -> None:
    """A box of activity that starts inside a block: each voxel is in the block of its own place."""
    values, factors = np.zeros((9, 11, 10), np.float32), (2, 3, 4)
    box = tuple(slice(s, s + 4) for s in first)
    values[box] = np.arange(64, dtype=np.float32).reshape(4, 4, 4)[: values[box].shape[0]]
    expected = np.zeros((5, 4, 3))
    for place in np.argwhere(values > 0):
        expected[tuple(place // factors)] += values[tuple(place)]
    assert np.array_equal(bin_sum(values, factors), expected.astype(np.float32))
