"""Arguments of every CUDA kernel of the Monte Carlo, small, on the host: for their types."""

from __future__ import annotations

from typing import Any

import numpy as np

from opensirt.dose import mc_gpu_memory as memory
from opensirt.dose.mc_scene import cuts_for, make_matter, make_scene
from opensirt.dose.mc_source import decay_source
from opensirt.dose.mc_voxels import BOOK_SIZE
from opensirt.physics.nuclides import nuclide


def kernel_arguments() -> dict[str, tuple[Any, ...]]:
    """Arguments by kernel name, of the types that the engine passes."""
    density = np.ones((2, 2, 2), np.float32)
    cuts = cuts_for(2.0)
    matter = make_matter(density, cuts)
    laws, source = matter.laws, decay_source(nuclide("y90"), cuts.absorb_mev)
    scene = make_scene(density, (2.0, 2.0, 2.0), matter, 1.0)
    whole, real = np.zeros(1, np.int64), np.zeros(1)
    single, number = np.zeros(1, np.float32), np.zeros(1, np.int32)
    tracks = memory.Tracks(
        np.zeros(1, np.uint16),
        np.zeros((1, 5), np.float32),
        whole,
        real,
        number,
        whole,
        whole,
        whole,
    )
    bench = memory.Bench(
        np.zeros((3, 11, 1)),
        np.zeros((1, 10, 1), np.float32),
        np.zeros((1, 1), np.uint16),
        np.zeros((1, 5, 1), np.float32),
        np.ones((1, 1)),
    )
    ratios, decays = memory.Ratios(matter.ratios), memory.Decays(single, real)
    job = memory.Job(1, 0, 10, 7, 1.0, 0.5, 0.5)
    queue = memory.Queue(np.zeros((1, 11), np.float32), whole, whole)
    score = memory.Score(np.zeros(1, np.uint32), np.zeros(BOOK_SIZE + 1, np.uint64))
    return {
        "generate": (laws, source, tracks, bench, 0, 0.1, 1, 0),
        "fire_replays": (scene, tracks, ratios, decays, job, queue, bench, score, 0, 1, 0),
        "drain_queue": (laws, scene, job, queue, bench, score, 0),
        "fire_full": (laws, scene, source, decays, job, bench, score, 0, 1),
        "close_batch": (score, memory.Sums(single, single), 1.0),
    }
