"""One small digital patient gives the figures it gave before, field by field."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from opensirt.dose.engine import dose_engines
from tests.golden.figures import dose_figures, study_figures
from tests.golden.pinned import Pinned, differences, read

AGAIN = "see `python -m tests.golden`; where it is meant, pin it with `--pin`"


def test_results_of_the_study_are_as_pinned(tmp_path: Path) -> None:
    moved = differences("study", study_figures(tmp_path), read())
    assert not moved, "\n".join([f"{len(moved)} figures moved; {AGAIN}", *moved])


@pytest.mark.parametrize("engine", dose_engines.names())
def test_dose_map_of_each_engine_is_as_pinned(engine: str) -> None:
    pinned = read()
    assert engine in pinned.figures, f"no figures are pinned for dose engine {engine!r}; {AGAIN}"
    moved = differences(engine, dose_figures(engine), pinned)
    assert not moved, "\n".join([f"{len(moved)} figures moved; {AGAIN}", *moved])


def test_no_figures_are_pinned_of_an_engine_that_is_gone() -> None:
    assert set(read().figures) == {"study", *dose_engines.names()}


def test_what_moved_is_told_from_what_did_not() -> None:
    pinned = Pinned(
        {"loose*": 0.1}, {"*difference": 0.5},
        {"study": {"a": 2.0, "loose b": 2.0, "a difference": 0.1, "gone": 1.0, "codes": "x"}},
    )  # fmt: skip
    same = {"a": 2.0001, "loose b": 2.1, "a difference": 0.5, "gone": 1.0, "codes": "x"}
    assert differences("study", same, pinned) == []
    found = {
        "a": 2.001, "loose b": 2.3, "a difference": 0.7, "new": 3.0, "codes": "y",
    }  # fmt: skip
    assert differences("study", found, pinned) == [
        "study: a: 2 -> 2.001 (+0.05%)",
        "study: a difference: 0.1 -> 0.7 (+600.00%)",
        "study: codes: x -> y",
        "study: gone: 1 -> nothing",
        "study: loose b: 2 -> 2.3 (+15.00%)",
        "study: new: nothing -> 3",
    ]
    assert differences("study", {**same, "a": math.nan}, pinned) != []
