"""The readers face damage: 2,000 drawn cases, and each change whose right outcome is known.

More cases than these: ``python -m tests.fuzz --cases 20000 --seed 3``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.fuzz.known import why_known
from tests.fuzz.meaning import is_right, judge_meaning
from tests.fuzz.mutations import drawn_case
from tests.fuzz.outcome import judge, quiet_libraries
from tests.fuzz.rows import ROWS, WRONG
from tests.fuzz.seeds import SEEDS, seed_named
from tests.fuzz.study import Files

SEED, CASES, CHUNKS = 1, 2000, 20


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_libraries():
        yield


@pytest.mark.parametrize("name", SEEDS)
def test_undamaged_studies_are_read(name: str) -> None:
    seed = seed_named(name)
    outcome = judge(seed, seed.files)
    assert (outcome.kind, outcome.detail) == ("same", "")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_damage_is_refused_told_or_without_effect(chunk: int) -> None:
    """No case but those of `known` is read as other values in silence, or ends badly."""
    kinds: Counter[str] = Counter()
    bad = []
    size = CASES // CHUNKS
    for number in range(chunk * size, (chunk + 1) * size):
        case = drawn_case(SEED, number)
        outcome = judge(case.seed, case.files)
        kinds[outcome.kind] += 1
        if outcome.kind in ("silent", "failure") and not why_known(case, outcome):
            bad.append(f"--seed {SEED} --only {number}: {case.name}: {outcome}")
    assert not bad, "\n".join(bad)
    assert kinds["refused"] > size / 4  # else nothing was damaged
    assert kinds["same"] > size / 10


@pytest.mark.parametrize("name", ROWS)
def test_changes_of_known_meaning(name: str, request: pytest.FixtureRequest) -> None:
    if name in WRONG:
        request.applymarker(pytest.mark.xfail(strict=True, reason=WRONG[name]))
    outcome = judge_meaning(ROWS[name])
    assert is_right(ROWS[name], outcome), f"right: {ROWS[name].right}, {outcome}"


def test_lists_name_rows() -> None:
    assert set(WRONG) <= set(ROWS)
    assert len(ROWS) >= 240


def test_a_case_is_the_same_whatever_ran_before() -> None:
    first = [drawn_case(5, number) for number in (40, 41, 42)]
    again = [drawn_case(5, number) for number in (42, 41, 40)][::-1]
    for one, other in zip(first, again, strict=True):
        assert one.name == other.name
        assert _digest(one.files) == _digest(other.files)


def _digest(files: Files) -> str:
    return sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()
