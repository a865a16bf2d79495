"""``python -m tests.fuzz --cases 20000 --seed 1``: any number of cases, and what came of them.

``--only 123`` reads one case again and says what was read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing.connection import Connection

from tests.fuzz.known import why_known
from tests.fuzz.mutations import drawn_case
from tests.fuzz.outcome import LONGEST_S, MOST_BYTES, judge, quiet_libraries, undamaged
from tests.fuzz.seeds import SEEDS
from tests.fuzz.seen import KINDS, Outcome

Row = tuple[int, str, str, str, Outcome]
"""Number, seed study and name of a case, why it is known, and what came of it."""


def main() -> int:
    """The table, and each silent wrong and failure by name; 1 where one is not known."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, default=None, help="the number of one case")
    given = parser.parse_args()
    if given.only is not None:
        case = drawn_case(given.seed, given.only)
        with quiet_libraries():
            print(case.name, judge(case.seed, case.files), sep="\n")
        return 0
    start = time.monotonic()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    bad: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _rows(given.seed, given.cases):
        counts[row[1]][row[4].kind] += 1
        if row[4].kind in ("silent", "failure"):
            bad[row[3] or f"not known, {row[4].kind}", row[2]].append(row)
        if row[0] % 50 == 49:
            done = f"{row[0] + 1} of {given.cases}, {time.monotonic() - start:.0f} s"
            print(f"\r{done}, {len(bad)} names to look at ", end="", file=sys.stderr, flush=True)
    print(f"\nseed {given.seed}, {given.cases} cases, {time.monotonic() - start:.0f} s")
    _print_table(counts)
    return _print_bad(bad, given.seed)


def _print_table(counts: dict[str, Counter[str]]) -> None:
    print(f"{'':14}" + "".join(f"{kind:>10}" for kind in KINDS))
    for name in SEEDS:
        print(f"{name:14}" + "".join(f"{counts[name][kind]:10}" for kind in KINDS))
    total = sum(counts.values(), Counter[str]())
    print(f"{'all':14}" + "".join(f"{total[kind]:10}" for kind in KINDS))


def _print_bad(bad: dict[tuple[str, str], list[Row]], seed: int) -> int:
    unknown, shown = 0, ""
    for (why, name), rows in sorted(bad.items()):
        unknown += why.startswith("not known")
        if why != shown:
            print(f"\n{why}")
        shown = why
        print(f"  {name} ({len(rows)}x, --seed {seed} --only {rows[0][0]})", end="")
        print(f": {rows[0][4].detail[:300]}" if why.startswith("not known") else "")
    return int(unknown > 0)


# -- in a process of its own, so that one that dies or hangs is a result too


def _rows(seed: int, cases: int) -> Iterator[Row]:
    first = 0
    while first < cases:
        here, there = multiprocessing.Pipe()
        worker = multiprocessing.Process(target=_work, args=(there, seed, first, cases))
        worker.start()
        there.close()
        try:
            while first < cases:
                if not here.poll(60 if first == 0 else 2 * LONGEST_S):
                    raise EOFError
                yield here.recv()
                first += 1
        except EOFError:
            worker.kill()
            worker.join()
            case = drawn_case(seed, first)
            why = Outcome("failure", f"the process died or hung (exit code {worker.exitcode})")
            yield first, case.seed.name, case.name, "", why
            first += 1
        worker.join()


def _work(pipe: Connection, seed: int, first: int, cases: int) -> None:
    with quiet_libraries():
        for name in SEEDS:
            undamaged(name)
        _limit_memory()
        for number in range(first, cases):
            case = drawn_case(seed, number)
            outcome = judge(case.seed, case.files)
            pipe.send((number, case.seed.name, case.name, why_known(case, outcome), outcome))


def _limit_memory() -> None:
    """Two gigabytes beyond what the process holds by now, where the system can."""
    try:
        import resource
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return
    most = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    sys.exit(main())
