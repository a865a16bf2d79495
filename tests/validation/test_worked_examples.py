"""Every worked example of the shared reference file, through the public functions.

Source of each: its own "source" entry. Tolerance: its own "tolerance" entry.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.paths import SHARED, needs_shared
from tests.validation.planning_examples import SOLVERS, check

DOSE_EXAMPLES = (
    "vsv-y90-3mm-MIRD17",
    "vsv-y90-4x4x3mm-DPM",
    "vsv-y90-3mm-Lanconelli",
    "vsv-y90-6mm-Lanconelli",
    "vsv-y90-3mm-neighbours-Lanconelli",
    "kernel-fraction-4.42mm",
    "sphere-AF-R2.5mm",
    "sphere-AF-R10mm",
    "sphere-AF-R28.7mm",
)
"""Examples that need a dose engine; test_voxel_s_values.py computes them."""


@cache
def examples() -> dict[str, dict[str, Any]]:
    text = (SHARED / "reference" / "worked-examples.json").read_text(encoding="utf-8")
    return {example["id"]: example for example in json.loads(text)}


def values(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: entry["value"] for key, entry in entries.items()}


@needs_shared
@pytest.mark.parametrize("name", SOLVERS)
def test_worked_example(name: str) -> None:
    example = examples()[name]
    found = SOLVERS[name](values(example["inputs"]))
    check(values(example["expected"]), example["tolerance"], found)


@needs_shared
def test_every_example_is_covered() -> None:
    """No example of the file is left out, and none is claimed that is not there."""
    assert sorted(examples()) == sorted((*SOLVERS, *DOSE_EXAMPLES))


@needs_shared
def test_a_wrong_answer_would_fail() -> None:
    """The check itself: a lung dose off by a tenth of a gray is outside the last printed digit."""
    example = examples()["mird-glass-1000mL-100Gy-lsf10"]
    found = SOLVERS[example["id"]](values(example["inputs"]))
    with pytest.raises(AssertionError, match="lung_dose"):
        check(
            values(example["expected"]),
            example["tolerance"],
            {**found, "lung_dose": found["lung_dose"] + 0.1},
        )
