"""Parts that an installation may lack, and what to install for them."""

from __future__ import annotations

__all__ = ["EXTRA_OF_MODULE", "missing_part"]

EXTRA_OF_MODULE = {"numba_cuda": "gpu", "pandas": "tables"}
"""Optional part of the package, under `[project.optional-dependencies]`, that brings a module."""


def missing_part(problem: ModuleNotFoundError) -> str:
    """One line for a module that is not there: which part of opensirt to install."""
    module = (problem.name or str(problem)).partition(".")[0]
    extra = EXTRA_OF_MODULE.get(module)
    what = f"'opensirt[{extra}]'" if extra else "opensirt"
    return f"this needs the Python package {module}, which is not installed; pip install {what}"
