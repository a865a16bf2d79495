"""What this machine computes with: CPU threads, compiled kernels, GPU."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from opensirt.errors import InputError

__all__ = ["compiled_kernels", "gpu_status", "thread_count"]

THREADS_VARIABLE = "OPENSIRT_THREADS"


def thread_count() -> int:
    """Threads to compute with: `OPENSIRT_THREADS` where set, otherwise every core allowed."""
    text = os.environ.get(THREADS_VARIABLE)
    if text is None:
        allowed = getattr(os, "sched_getaffinity", None)
        return len(allowed(0)) if allowed else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"{THREADS_VARIABLE} must be a whole number above 0, got {text!r}")
    return int(text)


def compiled_kernels() -> dict[str, Any]:
    """Compile and run one small kernel; `works`, and the error where it does not."""
    try:
        import numba

        triple = numba.njit(lambda value: 3.0 * value)
        works = triple(2.0) == 6.0
    except Exception as problem:  # any failure here is the diagnosis itself
        return {"works": False, "error": f"{type(problem).__name__}: {problem}"}
    return {"works": bool(works), "numba": numba.__version__}


def gpu_status() -> dict[str, Any]:
    """What CUDA kernels would run on; opensirt works without a GPU.

    `mode` is "gpu", "simulator" (numba's, in Python, slow: for tests) or "none"; `available` tells
    whether there is a device, which `device` then names; else `reason` says why not.
    """
    from numba import config

    if config.ENABLE_CUDASIM:
        reason = "NUMBA_ENABLE_CUDASIM is set, so kernels run in numba's simulator"
        return {"mode": "simulator", "available": False, "reason": reason}
    if importlib.util.find_spec("numba_cuda") is None:
        return _no_gpu("numba-cuda is not installed: pip install 'opensirt[gpu]'")
    from numba import cuda

    try:
        if not cuda.is_available():
            return _no_gpu("no CUDA driver or device found")
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
        major, minor = device.compute_capability
        return {
            "mode": "gpu",
            "available": True,
            "device": name,
            "compute_capability": f"{major}.{minor}",
        }
    except Exception as problem:
        return _no_gpu(f"{type(problem).__name__}: {problem}")


def _no_gpu(reason: str) -> dict[str, Any]:
    return {"mode": "none", "available": False, "reason": reason}
