"""``python -m tests.killed run``: a whole command killed before each change that it makes.

With and without earlier results; `--every 7` takes each seventh step, `--sample 5` five of all.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.killed.walk import Walk

SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Libraries that would start threads when they are imported."""

EARLIER = ("without", "with")


def main() -> int:
    """One line for each walk and each fault; 1 where there is a fault."""
    for name in SINGLE:
        os.environ[name] = "1"
    from tests.killed.commands import COMMANDS, prepare_process

    parser = argparse.ArgumentParser(prog="python -m tests.killed", description=__doc__)
    parser.add_argument("commands", nargs="+", choices=COMMANDS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sample", type=int, default=0, help="so many steps, the last among them")
    parser.add_argument("--earlier", choices=(*EARLIER, "both"), default="both")
    given = parser.parse_args()
    prepare_process()
    return int(sum(_walk_command(name, given) for name in given.commands) > 0)


def _walk_command(name: str, given: argparse.Namespace) -> int:
    """Faults of a command."""
    from tests.killed.commands import COMMANDS
    from tests.killed.walk import Walk

    kinds = [kind for kind in EARLIER if given.earlier in (kind, "both")]
    with tempfile.TemporaryDirectory(prefix="opensirt-killed-") as folder:
        walk = Walk(COMMANDS[name], Path(folder))
        walk.prepare()
        return sum(_walk(walk, name, kind, given) for kind in kinds)


def _walk(walk: Walk, name: str, kind: str, given: argparse.Namespace) -> int:
    start, earlier = time.monotonic(), kind == "with"
    length = walk.length(earlier)
    steps = list(range(1, length + 1, given.every))
    if given.sample:
        parts = max(given.sample - 1, 1)
        steps = sorted({length - k * (length - 1) // parts for k in range(given.sample)})
    told: Counter[str] = Counter()
    for step, outcome in walk.outcomes(earlier, steps):
        told[outcome.partition(":")[0]] += 1
        if outcome.startswith("fault"):
            print(f"{name}: step {step} of {length}: {outcome}", flush=True)
    lay = ", ".join(f"{what} {told[what]}x" for what in ("nothing", "old", "new") if told[what])
    print(
        f"{name}, {kind} earlier results: {len(steps)} of {length} steps, {told['fault']} faults; "
        f"after the death lay there: {lay}; {time.monotonic() - start:.0f} s",
        flush=True,
    )
    return told["fault"]


if __name__ == "__main__":
    sys.exit(main())
