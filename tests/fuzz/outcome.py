"""What a reader made of a study, compared with what it made of the undamaged one."""

from __future__ import annotations

import json
import logging
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import SimpleITK as sitk

from opensirt.errors import OpenSirtError
from opensirt.io.study import describe_study, read_study
from tests.fuzz.seeds import seed_named
from tests.fuzz.seen import Outcome, Seen, compared, seen
from tests.fuzz.study import SECRET, Files, Seed

__all__ = ["LONGEST_S", "MOST_BYTES", "judge", "quiet_libraries", "undamaged"]

LONGEST_S = 10
MOST_BYTES = 2 << 30


class Hang(BaseException):
    """A case took too long; no `Exception`, which a reader would turn into a message."""


@cache
def undamaged(name: str) -> Seen:
    """What is read of a seed as it is."""
    seed = seed_named(name)
    with _written(seed, seed.files) as place:
        return seen(read_study(place))


def judge(seed: Seed, files: Files) -> Outcome:
    """Read damaged files of a seed and compare."""
    before = undamaged(seed.name)
    start = time.monotonic()
    with _written(seed, files) as place:
        try:
            with _alarm():
                outcome = _read(seed, place, before)
        except Hang:
            outcome = Outcome("failure", f"more than {LONGEST_S} s")
    took_s = time.monotonic() - start
    return outcome if took_s < LONGEST_S else Outcome("failure", f"took {took_s:.0f} s")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Warnings of opensirt as errors, as in its tests; those of libraries not on the screen."""
    logger, shown = (
        logging.getLogger("nibabel.global"),
        sitk.ProcessObject.GetGlobalWarningDisplay(),
    )
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("error", category=RuntimeWarning, module="opensirt")
            yield
    finally:
        logger.setLevel(level)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read(seed: Seed, place: Path, before: Seen) -> Outcome:
    root = place if seed.opened == "." else place.parent
    held = _peak_bytes()
    try:
        case = read_study(place)
        after, shown = seen(case), json.dumps(describe_study(case), allow_nan=False)
    except OpenSirtError as error:
        text = str(error)
        return (
            Outcome("failure", wrong) if (wrong := _bad(text, root)) else Outcome("refused", text)
        )
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        own = [f for f in traceback.extract_tb(error.__traceback__) if "opensirt" in f.filename]
        at = f"{Path((own or [last])[-1].filename).name}:{(own or [last])[-1].lineno}"
        return Outcome("failure", f"{type(error).__name__} at {at}: {error}")
    if _peak_bytes() - held > MOST_BYTES:
        return Outcome("failure", "more than 2 GB of memory")
    for text in (*sorted(after.told), shown):
        if wrong := _bad(text, root):
            return Outcome("failure", wrong)
    return compared(before, after)


def _bad(text: str, root: Path) -> str:
    """What is wrong with a message; "" where nothing is."""
    if SECRET in text:
        return f"the patient's name in: {text!r}"
    if str(root) in text or str(Path.home()) in text:
        return f"a path of this machine in: {text!r}"
    if not text.strip() or not text.isprintable():
        return f"not one printable line: {text!r}"
    if "more memory than there is" in text:
        return "asks for more memory than there is"
    return ""


def _peak_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _alarm() -> Iterator[None]:
    """`Hang` after `LONGEST_S`, where the system can."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def late(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _written(seed: Seed, files: Files) -> Iterator[Path]:
    """The files in a folder of their own; the path that a user would open."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        root = Path(folder) / "study"
        root.mkdir()
        for name, content in files.items():
            (root / name).write_bytes(content)
        yield root if seed.opened == "." else root / seed.opened
