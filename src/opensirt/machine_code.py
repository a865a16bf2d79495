"""Where numba keeps compiled code: any place that can be written; its damaged files do no harm.

Called before the first compiled function is declared. Numba keeps machine code beside the sources,
else under the user's home; where neither can be written, declaring a function fails. There a folder
of this process alone is used, and removed at its end: code that others could write is never run.
Code that cannot be kept, as on a full disk, is compiled again by the next process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["keep_machine_code"]

VARIABLE = "NUMBA_CACHE_DIR"


def keep_machine_code() -> None:
    """Make numba's cache usable: a folder that can be written, damaged files taken for absent."""
    given = os.environ.get(VARIABLE)
    if not (given and _writable(Path(given))) and not _has_a_place():
        own = tempfile.mkdtemp(prefix="opensirt-numba-")
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        os.environ[VARIABLE] = own
    from numba import config
    from numba.core import caching

    if os.environ.get(VARIABLE):
        config.CACHE_DIR = os.environ[VARIABLE]
    _forgive(caching.IndexDataCacheFile)
    _keep_what_fits(caching.Cache)


def _has_a_place() -> bool:
    """Whether numba finds a folder of its own choice: beside the sources, or the user's cache."""
    from numba.misc.appdirs import AppDirs

    beside = Path(__file__).parent / "dose" / "__pycache__"
    return _writable(beside) or _writable(Path(AppDirs("numba", appauthor=False).user_cache_dir))


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _forgive(cache: type[Any]) -> None:
    """Damaged files of the cache are missing files: the code is compiled and written again."""
    if getattr(cache, "_forgives", False) or not hasattr(cache, "_load_index"):
        return
    cache._load_index = _else(cache._load_index, lambda problem: {})
    cache._load_data = _else(cache._load_data, _missing)
    cache._forgives = True


def _keep_what_fits(cache: type[Any]) -> None:
    """Code that the place of the cache does not take is used all the same."""
    if getattr(cache, "_keeps_what_fits", False) or not hasattr(cache, "_save_overload"):
        return
    cache._save_overload = _else(cache._save_overload, _unless_it_is_the_disk)
    cache._keeps_what_fits = True


def _missing(problem: Exception) -> None:
    raise FileNotFoundError("damaged file of machine code") from problem


def _unless_it_is_the_disk(problem: Exception) -> None:
    if not isinstance(problem, OSError):
        raise problem


def _else(load: Callable[..., Any], otherwise: Callable[[Exception], Any]) -> Callable[..., Any]:
    def loaded(*args: Any) -> Any:
        try:
            return load(*args)
        except Exception as problem:  # whatever a damaged pickle raises
            return otherwise(problem)

    return loaded
