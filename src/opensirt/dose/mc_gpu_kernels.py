"""CUDA kernels of the Monte Carlo: the laws of the CPU, one thread per track, history or photon.

Every history, track and photon has its own random stream, and what is summed is summed in whole
numbers, so a result does not depend on the order in which threads run. Work items go by rising beta
energy, so the threads of a warp replay the same track from places far apart: they read the same
records and take the same branches.

Scratch is one array per kind with the threads along its last axis, so that neighbouring threads
touch neighbouring words. Arrays reach the kernels inside named tuples only, which the simulator
hands on to the compiled laws as they are.
"""

# mypy: disable-error-code="no-untyped-def,misc"

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float64, int64, uint64
from numba.extending import overload

from opensirt.dose.mc_atomic import atomic_add
from opensirt.dose.mc_cpu import place_history
from opensirt.dose.mc_electrons import STACK_COLUMNS
from opensirt.dose.mc_gpu_memory import SIMULATED
from opensirt.dose.mc_photons import drain
from opensirt.dose.mc_random import STATE_WORDS, law, seed_stream, uniform
from opensirt.dose.mc_replay import replay
from opensirt.dose.mc_source import emit_decay
from opensirt.dose.mc_tracks import BINS, BRANCH, END, PHOTON_RECORD, RECORD_VALUES, make_track
from opensirt.dose.mc_voxels import BOOK_SIZE, CARRY, EMITTED, ESCAPED, TRACKLESS, medium_at, settle

__all__ = [
    "BLOCK_VOXELS",
    "BOOK_ENTRIES",
    "DEEPEST",
    "FAILED",
    "HISTORIES",
    "SPARE_ROWS",
    "UNITS_PER_MEV",
    "USED",
    "close_batch",
    "drain_queue",
    "fire_full",
    "fire_replays",
    "generate",
    "voxel_of_history",
]

BLOCK_VOXELS = 16
"""Activity is summed up to the end of every block of so many voxels."""
UNITS_PER_MEV = 2.0**36
"""Energies of the account are summed in whole units of 1.5e-11 MeV."""
HISTORIES = BOOK_SIZE
BOOK_ENTRIES = BOOK_SIZE + 1
TRACK_STREAM, PHOTON_STREAM = 1 << 48, 1 << 49
SPARE_ROWS = 2
"""Rows of a stack beyond the last that its users know of: two photons may follow a positron."""
USED, FAILED, DEEPEST = 0, 1, 2
"""In `Tracks.state`: records written, tracks that found no room, most branches open at once."""

kernel = cuda.jit if SIMULATED else cuda.jit(max_registers=128)
"""128 registers let 4 blocks of 128 threads reside on one multiprocessor."""

if not SIMULATED:  # the simulator runs the laws compiled for the CPU

    @overload(atomic_add, target="cuda")
    def _atomic_add_on_device(array, index, value):
        def add(array, index, value):
            cuda.atomic.add(array, index, value)

        return add


@law
def _copy_track(codes, values, used, to_codes, to_values, at):
    """Move a track to its place; returns its photons and the most branches open at once."""
    photons, depth, deepest = 0, 0, 0
    for row in range(used):
        kind = codes[row] // BINS
        if kind == PHOTON_RECORD:
            photons += 1
        elif kind == BRANCH:
            depth += 1
            deepest = max(deepest, depth)
        elif kind == END:
            depth -= 1
        to_codes[at + row] = codes[row]
        for column in range(RECORD_VALUES):
            to_values[at + row, column] = values[row, column]
    return photons, deepest


@law
def _serial_of(job, item):
    """Number of the history of one work item."""
    return item * job.stride % job.histories


@law
def _quantile_of(job, item):
    """Beta quantile of one work item."""
    return (item + job.shift) / job.histories


@law
def voxel_of_history(decays, job, serial):
    """The voxel in which the rising count of histories passes `serial`."""
    low, high = 0, len(decays.ends) - 1
    while low < high:
        middle = (low + high) // 2
        if math.floor(decays.ends[middle] * job.per_activity + job.offset) > serial:
            high = middle
        else:
            low = middle + 1
    total = decays.ends[low - 1] if low > 0 else 0.0
    found = low * BLOCK_VOXELS
    for voxel in range(found, min(found + BLOCK_VOXELS, len(decays.activity))):
        if decays.activity[voxel] > 0.0:
            found = voxel
            total += decays.activity[voxel]
            if math.floor(total * job.per_activity + job.offset) > serial:
                break
    return found


@law
def _close_book(book, books):
    """Add one thread's account to that of the batch, and empty it."""
    for entry in (ESCAPED, EMITTED):
        if book[entry] > 0.0:
            atomic_add(books, entry, np.uint64(book[entry] * UNITS_PER_MEV + 0.5))
            book[entry] = 0.0
    for entry in (TRACKLESS, HISTORIES):
        if book[entry] > 0.0:
            atomic_add(books, entry, np.uint64(book[entry]))
            book[entry] = 0.0


@law
def _track_for(tracks, home, quantile):
    """Number of the track of this medium and beta quantile."""
    count = tracks.number_of[home]
    return tracks.first_of[home] + min(int(quantile * count), count - 1)


@law
def _fill_queue(queue, slot, photons, most, serial):
    """Give the photons of one history their streams, and void the rows not taken."""
    for row in range(most):
        if row >= photons:
            queue.rows[slot + row, 1] = 0.0
        queue.stream[slot + row] = PHOTON_STREAM + serial * 1024 + row


@law
def _load_photon(queue, row, stack):
    """Copy a queued photon to the foot of a stack."""
    for column in range(STACK_COLUMNS):
        stack[0, column] = queue.rows[row, column]


@law
def _start_full(scene, source, quantile, tally, p, cell, stack, book, state):
    """Emit one decay at ``p``: what stays goes to the tally, the rest on the stack."""
    n = emit_decay(source, quantile, p, stack, 0, state)
    for row in range(n):
        book[EMITTED] += stack[row, 1]
    book[EMITTED] += source.local_mev
    book[0] += source.local_mev
    settle(scene, tally, cell, book)
    return n


@law
def _empty_book(book):
    for entry in range(BOOK_ENTRIES):
        book[entry] = 0.0


@kernel
def generate(laws, source, tracks, bench, medium, resolution, seed, batch):
    """One thread per track of `medium`; a finished track takes the next free records."""
    lane = cuda.grid(1)
    state = cuda.local.array(STATE_WORDS, uint64)
    p = cuda.local.array(9, float64)
    vertex = cuda.local.array(6, float64)
    work = (bench.stack[:-SPARE_ROWS, :, lane], p, vertex)
    codes, values = bench.codes[:, lane], bench.values[:, :, lane]
    first, count = tracks.first_of[medium], tracks.number_of[medium]
    for track in range(lane, count, bench.codes.shape[1]):
        seed_stream(state, seed, batch, TRACK_STREAM + (medium << 32) + track)
        quantile = (track + uniform(state)) / count
        used, energy = make_track(
            laws, medium, source, quantile, resolution, work, codes, values, 0, state
        )
        if used < 0:
            cuda.atomic.add(tracks.state, FAILED, 1)
            continue
        at = cuda.atomic.add(tracks.state, USED, used)
        if at + used <= tracks.codes.shape[0]:
            photons, deepest = _copy_track(codes, values, used, tracks.codes, tracks.values, at)
            cuda.atomic.max(tracks.state, DEEPEST, deepest)
            tracks.start[first + track] = at
            tracks.emitted_mev[first + track] = energy
            tracks.photons[first + track] = photons


@kernel
def fire_replays(scene, tracks, ratios, decays, job, queue, bench, score, first, last, launch):
    """One thread per work item `first` to `last`: one replay, its photons to the queue."""
    lane = cuda.grid(1)
    state = cuda.local.array(STATE_WORDS, uint64)
    p = cuda.local.array(9, float64)
    cell = cuda.local.array(3, int64)
    book = cuda.local.array(BOOK_ENTRIES, float64)
    _empty_book(book)
    places = bench.places[:, :, lane]
    seed_stream(state, job.seed, job.batch, lane + (launch << 24))
    book[CARRY] = uniform(state)
    for item in range(first + lane, last, bench.places.shape[2]):
        serial = _serial_of(job, item)
        seed_stream(state, job.seed, job.batch, (1 << 47) + serial)
        voxel = voxel_of_history(decays, job, serial)
        place_history(scene, voxel, p, cell, state)
        home = medium_at(scene, scene.density[voxel])
        book[HISTORIES] += 1.0
        if home >= len(tracks.number_of) or tracks.number_of[home] == 0:
            book[TRACKLESS] += 1.0
            continue
        track = _track_for(tracks, home, _quantile_of(job, item))
        most = tracks.photons[track]
        slot = cuda.atomic.add(queue.used, launch, most) if most > 0 else 0
        photons = replay(
            tracks.codes,
            tracks.values,
            tracks.start[track],
            home,
            ratios.by_home[home],
            scene,
            score.tally,
            p,
            cell,
            places,
            queue.rows[slot : slot + most],
            book,
        )
        _fill_queue(queue, slot, photons, most, serial)
        book[EMITTED] += tracks.emitted_mev[track]
    _close_book(book, score.books)


@kernel
def drain_queue(laws, scene, job, queue, bench, score, launch):
    """One thread per queued photon: it and all that it sets free, to the end."""
    lane = cuda.grid(1)
    state = cuda.local.array(STATE_WORDS, uint64)
    p = cuda.local.array(9, float64)
    cell = cuda.local.array(3, int64)
    book = cuda.local.array(BOOK_ENTRIES, float64)
    _empty_book(book)
    stack = bench.stack[:-SPARE_ROWS, :, lane]
    for row in range(lane, queue.used[launch], bench.stack.shape[2]):
        if queue.rows[row, 1] > 0.0:
            seed_stream(state, job.seed, job.batch, queue.stream[row])
            book[CARRY] = uniform(state)
            _load_photon(queue, row, stack)
            drain(laws, scene, score.tally, stack, 1, p, cell, bench.ones, book, state)
            _close_book(book, score.books)


@kernel
def fire_full(laws, scene, source, decays, job, bench, score, first, last):
    """One thread per work item `first` to `last`: one decay, every particle to its end."""
    lane = cuda.grid(1)
    state = cuda.local.array(STATE_WORDS, uint64)
    p = cuda.local.array(9, float64)
    cell = cuda.local.array(3, int64)
    book = cuda.local.array(BOOK_ENTRIES, float64)
    _empty_book(book)
    stack = bench.stack[:-SPARE_ROWS, :, lane]
    for item in range(first + lane, last, bench.stack.shape[2]):
        serial = _serial_of(job, item)
        seed_stream(state, job.seed, job.batch, serial)
        book[CARRY] = uniform(state)
        place_history(scene, voxel_of_history(decays, job, serial), p, cell, state)
        n = _start_full(
            scene, source, _quantile_of(job, item), score.tally, p, cell, stack, book, state
        )
        drain(laws, scene, score.tally, stack, n, p, cell, bench.ones, book, state)
        book[HISTORIES] += 1.0
    _close_book(book, score.books)


@law
def _take(score, sums, voxel, quantum_mev):
    """Add one voxel's batch to the sums, and empty its tally."""
    if score.tally[voxel] > 0:
        energy = score.tally[voxel] * quantum_mev
        sums.total[voxel] += energy
        sums.squares[voxel] += energy * energy
        score.tally[voxel] = 0


@kernel
def close_batch(score, sums, quantum_mev):
    """One thread per voxel: the batch goes to the sums."""
    for voxel in range(cuda.grid(1), score.tally.shape[0], cuda.gridsize(1)):
        _take(score, sums, voxel, quantum_mev)
