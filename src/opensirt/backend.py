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
    """Whether a CUDA device can be used; opensirt works without one."""
    if importlib.util.find_spec("numba") is None:
        return {"available": False, "reason": "numba is not installed"}
    from numba import cuda

    try:
        if not cuda.is_available():
            return {"available": False, "reason": "no CUDA driver or device found"}
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
        return {"available": True, "device": name}
    except Exception as problem:
        return {"available": False, "reason": f"{type(problem).__name__}: {problem}"}
