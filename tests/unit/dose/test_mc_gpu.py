"""The Monte Carlo's CUDA kernels: in numba's simulator, as device code, and on the host's side."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt import backend
from opensirt.dose import mc_device
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.mc_random import STATE_WORDS, seed_stream
from opensirt.errors import InputError

ROOT = Path(__file__).parents[3]
KERNELS = ("generate", "fire_replays", "drain_queue", "fire_full", "close_batch")


def simulated(case: str) -> dict[str, Any]:
    """A case of ``tests.mc_gpu_simulated`` in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.mc_gpu_simulated", case],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return dict(json.loads(run.stdout))


def test_laws_through_a_kernel_equal_the_laws_on_the_cpu() -> None:
    from tests.mc_gpu_simulated import LAW_SEED, law_tables, play_laws

    tables = law_tables()
    state = np.empty(STATE_WORDS, np.uint64)
    seed_stream(state, LAW_SEED, 0, 0)
    play_laws.py_func(tables, state)
    assert np.count_nonzero(tables.out) == 26
    assert simulated("laws")["values"] == pytest.approx(tables.out.tolist(), rel=1e-12)


@pytest.mark.parametrize("mode", ["fast", "full"])
def test_regions_agree_with_the_cpu_within_four_standard_errors(mode: str) -> None:
    found = simulated(mode)
    gpu, cpu = found["gpu"], found["cpu"]
    error = np.hypot(gpu["error"], cpu["error"])
    excess = (np.array(gpu["mean"]) - cpu["mean"]) / error
    assert np.abs(excess).max() < 4.0, dict(zip(found["regions"], excess, strict=True))
    assert gpu["error"][0] / gpu["mean"][0] < 0.02
    assert gpu["balance"] < 1e-6
    assert found["again"] == found["fresh"]


def test_engine_runs_on_the_device_asked_for() -> None:
    found = simulated("engine")
    assert found["device"] == "cuda"
    assert found["histories"] == pytest.approx(1000, abs=24)
    assert abs(found["balance"]) < 1e-6
    assert found["status"]["mode"] == "simulator"
    assert found["status"]["available"] is False


def test_decays_at_the_border_of_a_medium_replay_their_own_tracks() -> None:
    """P-32, 0.695 MeV a decay, from 8 evenly spread betas: at and beside every border of media."""
    rows = simulated("borders")["rows"]
    assert len(rows) == 15
    for row in rows:
        assert row["trackless"] == 0
        assert row["emitted"] == pytest.approx(0.695, rel=0.12), row
        assert row["kept"] > (0.2 if row["density"] > 0.5 else 1e-3) * row["emitted"], row


def test_decays_without_tracks_are_counted_and_leave_nothing() -> None:
    found = simulated("trackless")
    assert found["histories"] == found["trackless"] == pytest.approx(40, abs=1)
    assert found["emitted"] == 0.0


def test_no_gpu_is_one_line_and_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    none = {"mode": "none", "available": False, "reason": "no CUDA driver or device found"}
    monkeypatch.setattr(mc_device, "gpu_status", lambda: none)
    with pytest.raises(InputError) as refused:
        MonteCarlo(device="cuda")
    assert str(refused.value) == (
        "device cuda needs a CUDA GPU and numba-cuda; found none: "
        'no CUDA driver or device found; run with device="cpu"'
    )


def test_status_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    assert backend.gpu_status() == {
        "mode": "none",
        "available": False,
        "reason": "numba-cuda is not installed: pip install 'opensirt[gpu]'",
    }


@pytest.mark.parametrize("histories", [1, 2, 7, 1000, 8191, 10_007])
def test_every_history_is_played_once(histories: int) -> None:
    from opensirt.dose.mc_gpu import golden_stride

    serials = np.arange(histories) * golden_stride(histories) % histories
    assert np.array_equal(np.sort(serials), np.arange(histories))
    if histories > 100:
        quantile = np.argsort(serials) / histories
        step = np.abs(np.diff(quantile))
        assert set(np.round(step, 2)) == {0.38, 0.62}


def test_voxels_get_the_histories_their_activity_asks_for() -> None:
    from opensirt.dose.mc_gpu_kernels import BLOCK_VOXELS, voxel_of_history
    from opensirt.dose.mc_gpu_memory import Decays, Job

    activity = np.random.default_rng(4).random(1003).astype(np.float32)
    activity[activity < 0.4] = 0.0
    sums = np.add.reduceat(activity, np.arange(0, activity.size, BLOCK_VOXELS), dtype=float)
    ends = np.cumsum(sums)
    per_activity, offset = 5000.0 / ends[-1], 0.37
    job = Job(1, 0, math.floor(5000.0 + offset), 1, per_activity, offset, 0.5)
    decays = Decays(activity, ends)
    voxels = [voxel_of_history(decays, job, serial) for serial in range(job.histories)]
    rising = np.floor(np.cumsum(activity, dtype=float) * per_activity + offset)
    assert np.array_equal(np.bincount(voxels, minlength=1003), np.diff(rising, prepend=0.0))


def test_photons_of_a_launch_fit_in_the_queue() -> None:
    from opensirt.dose.mc_gpu import golden_stride, photon_launches
    from opensirt.dose.mc_gpu_memory import Job

    rng = np.random.default_rng(8)
    tracks = [37, 0, 120]
    photons = rng.poisson(0.4, sum(tracks)).astype(np.int32)
    job = Job(1, 0, 5000, golden_stride(5000), 1.0, 0.2, 0.73)
    launches, needed = photon_launches(photons, tracks, job, 400)
    assert [begin for begin, _ in launches[1:]] == [end for _, end in launches[:-1]]
    assert (launches[0][0], launches[-1][1]) == (0, 5000)
    quantile = (np.arange(5000) + job.shift) / 5000
    in_first = photons[:37][(quantile * 37).astype(int)]
    in_last = photons[37:][(quantile * 120).astype(int)]
    worst = np.maximum(in_first, in_last)
    taken = [int(worst[begin:end].sum()) for begin, end in launches]
    assert max(taken) <= 400
    assert sum(taken) == worst.sum()
    assert max(taken) <= needed < 400 + 64 * 3 * photons.max() + 1


def test_rows_without_a_photon_are_void_and_each_photon_has_its_stream() -> None:
    """Two photons of history 7 where its track has three: rows 4 to 6; the others stay."""
    from opensirt.dose.mc_gpu_kernels import PHOTON_STREAM, _fill_queue, _load_photon
    from opensirt.dose.mc_gpu_memory import Queue

    rows = np.arange(88.0, dtype=np.float32).reshape(8, 11) + 1.0
    before = rows.copy()
    queue = Queue(rows, np.zeros(8, np.int64), np.zeros(1, np.int64))
    _fill_queue.py_func(queue, 4, 2, 3, 7)
    before[6, 1] = 0.0
    assert np.array_equal(queue.rows, before)
    wanted = [PHOTON_STREAM + 7 * 1024 + row for row in range(3)]
    assert queue.stream.tolist() == [0, 0, 0, 0, *wanted, 0]
    stack = np.zeros((3, 11))
    _load_photon.py_func(queue, 5, stack)
    assert np.array_equal(stack, [before[5], np.zeros(11), np.zeros(11)])


def test_the_book_of_a_thread_is_added_once() -> None:
    """Energies in units, counts as they are; what is gathered or carried is no part of it."""
    from opensirt.dose import mc_gpu_kernels as kernels

    books = np.zeros(kernels.BOOK_ENTRIES, np.uint64)
    book = np.zeros(kernels.BOOK_ENTRIES)
    for escaped, emitted, trackless, histories in ((0.25, 1.5, 2.0, 5.0), (0.5, 0.25, 0.0, 3.0)):
        book[:] = 9.0, 0.7, escaped, emitted, trackless, histories
        kernels._close_book.py_func(book, books)
        assert book.tolist() == [9.0, 0.7, 0.0, 0.0, 0.0, 0.0]
        kernels._close_book.py_func(book, books)  # nothing is left to add
    unit = kernels.UNITS_PER_MEV
    assert books.tolist() == [0, 0, 0.75 * unit, 1.75 * unit, 2, 8]


def test_a_closed_batch_is_in_the_sums_and_leaves_an_empty_tally() -> None:
    from opensirt.dose.mc_gpu_kernels import _take
    from opensirt.dose.mc_gpu_memory import Score, Sums

    score = Score(np.array([6, 0, 3], np.uint32), np.zeros(6, np.uint64))
    sums = Sums(np.array([1.0, 1.0, 1.0], np.float32), np.array([2.0, 2.0, 2.0], np.float32))
    for voxel in range(3):
        _take.py_func(score, sums, voxel, 0.5)
    assert score.tally.tolist() == [0, 0, 0]
    assert sums.total.tolist() == [4.0, 1.0, 2.5]
    assert sums.squares.tolist() == [11.0, 2.0, 4.25]


def test_a_track_goes_to_its_place_with_its_photons_and_depth_counted() -> None:
    """Two branches open at once, a third after one has ended; two photons."""
    from opensirt.dose.mc_gpu_kernels import _copy_track
    from opensirt.dose.mc_tracks import BINS, BRANCH, CHORD, END, KINK, PHOTON_RECORD

    kinds = [BRANCH, BRANCH, PHOTON_RECORD, END, CHORD, BRANCH, END, KINK, PHOTON_RECORD, END, END]
    codes = np.array(kinds, np.uint16) * BINS + np.arange(len(kinds), dtype=np.uint16)
    values = np.random.default_rng(1).random((len(kinds) + 3, 5)).astype(np.float32)
    to_codes, to_values = np.zeros(20, np.uint16), np.zeros((20, 5), np.float32)
    made = _copy_track.py_func(codes, values, len(kinds), to_codes, to_values, 4)
    assert made == (2, 2)
    assert to_codes[4:15].tolist() == codes.tolist()
    assert np.array_equal(to_values[4:15], values[:11])
    assert to_codes[:4].any() == to_codes[15:].any() == to_values[15:].any() == False  # noqa: E712


def test_the_track_of_a_quantile_is_one_of_its_medium() -> None:
    """Tracks 10 to 13 of the second medium: a fourth of the quantiles each, the last one at 1."""
    from opensirt.dose.mc_gpu_kernels import _quantile_of, _serial_of, _track_for
    from opensirt.dose.mc_gpu_memory import Job

    tracks: Any = SimpleNamespace(first_of=np.array([0, 10]), number_of=np.array([10, 4]))
    quantiles = (0.0, 0.24, 0.25, 0.74, 0.99, 1.0)
    assert [_track_for.py_func(tracks, 1, q) for q in quantiles] == [10, 10, 11, 12, 13, 13]
    assert _track_for.py_func(tracks, 0, 0.99) == 9
    job = Job(1, 0, 8, 3, 1.0, 0.2, 0.75)
    assert [_serial_of.py_func(job, item) for item in range(8)] == [0, 3, 6, 1, 4, 7, 2, 5]
    assert [_quantile_of.py_func(job, item) for item in (0, 7)] == [0.75 / 8, 7.75 / 8]


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_compile_to_device_code(
    name: str, capability: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba_cuda", reason="device code needs numba-cuda (the gpu extra)")
    from numba import cuda, typeof, types

    from opensirt.dose import mc_gpu_kernels
    from tests.mc_gpu_arguments import kernel_arguments

    device = SimpleNamespace(compute_capability=capability)
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)
    kernel = getattr(mc_gpu_kernels, name).py_func
    signature = types.void(*[typeof(value) for value in kernel_arguments()[name]])
    code, _ = cuda.compile_ptx(kernel, signature, cc=capability, device=False)
    assert f".target sm_{capability[0]}{capability[1]}" in code
    tallies = name in ("fire_replays", "drain_queue", "fire_full")
    assert ("atom.global.add.u32" in code) is tallies


def test_a_grid_that_does_not_fit_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from opensirt.dose import mc_gpu
    from tests.mc_gpu_simulated import setting

    monkeypatch.setattr(mc_gpu, "free_bytes", lambda: 1 << 28)
    with pytest.raises(InputError) as refused:
        mc_gpu.Gpu(setting())
    assert str(refused.value) == (
        "device cuda needs 0.9 GiB for 1728 voxels, found 0.2 GiB free; "
        'crop the grid or run with device="cpu"'
    )


def test_each_voxel_takes_21_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """1e9 voxels: 21e9 bytes, 0.39e9 of scratch and 0.54e9 of tracks and photons."""
    from opensirt.dose import mc_gpu

    monkeypatch.setattr(mc_gpu, "free_bytes", lambda: 20 << 30)
    with pytest.raises(InputError, match=r"needs 20\.5 GiB for 1000000000 voxels, found 20\.0 GiB"):
        mc_gpu._require_memory(10**9, 70)
    monkeypatch.setattr(mc_gpu, "free_bytes", lambda: 21 << 30)
    mc_gpu._require_memory(10**9, 70)
