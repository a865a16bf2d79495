"""Plant each listed error in a copy of the tree and see that a test notices.

python -m tests.mutants                     all
python -m tests.mutants io quantify-...     some lists, or errors by id
python -m tests.mutants --sample 20 --seed 3
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.mutants.field import NOTICED, STALE, UNSEEN, Field
from tests.mutants.listing import Mutant, all_mutants, chosen

PASSED, FAULTY = 0, 1


def main(words: Sequence[str]) -> int:
    """Exit status 0 where every error asked for is noticed, else 1."""
    asked = _asked(words)
    mutants = chosen(all_mutants(), asked.wanted)
    if asked.sample is not None:
        mutants = random.Random(asked.seed).sample(mutants, min(asked.sample, len(mutants)))
    if asked.list:
        for mutant in mutants:
            print(f"{mutant.id:<44} {mutant.file:<34} {mutant.harm}")
        return PASSED
    with Field() as field:
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        passed, said = field.tests_pass(tests)
        if not passed:
            print(said[-3000:])
            print("the tests fail without any planted error; mend them first")
            return FAULTY
        outcomes = [_try(field, mutant) for mutant in mutants]
    return _summary(mutants, outcomes)


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__)
    parser.add_argument("wanted", nargs="*", help="ids of errors, or names of lists; default all")
    parser.add_argument("--sample", type=int, help="only so many, drawn by chance")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--list", action="store_true", help="print the list and stop")
    return parser.parse_args(words)


def _try(field: Field, mutant: Mutant) -> str:
    start = time.perf_counter()
    outcome, why = field.outcome(mutant)
    took = time.perf_counter() - start
    print(f"{outcome:<12} {mutant.id:<44} {took:5.1f} s  {why or mutant.harm}", flush=True)
    return outcome


def _summary(mutants: Sequence[Mutant], outcomes: Sequence[str]) -> int:
    print()
    for package in sorted({mutant.package for mutant in mutants}):
        found = Counter(o for m, o in zip(mutants, outcomes, strict=True) if m.package == package)
        print(f"{package:<12} {found[NOTICED]:>4} of {found.total():>4} noticed")
    total = Counter(outcomes)
    print(
        f"{'together':<12} {total[NOTICED]:>4} of {len(outcomes):>4} noticed, "
        f"{total[UNSEEN]} not noticed, {total[STALE]} stale"
    )
    return PASSED if total[NOTICED] == len(outcomes) else FAULTY


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
