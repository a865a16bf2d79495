"""The list of planted errors does not rot, and a handful of them is noticed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.field import NOTICED, STALE, UNSEEN, Field
from tests.mutants.listing import Mutant, all_mutants, chosen, planted, source_of
from tests.paths import ROOT

MUTANTS = all_mutants()
HANDFUL = (
    "image-difference-by-product", "io-nifti-origin-unscaled", "io-band-at-its-edge",
    "physics-weakest-reduction", "quantify-background-share", "dose-v-above-not-at",
    "phantoms-lesion-volume", "root-stop-below-warn",
)  # fmt: skip
"""Errors of several packages whose tests are quick."""


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    with Field() as planting:
        yield planting


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_each_error_can_be_planted(mutant: Mutant) -> None:
    """The right line is there once, the wrong one is Python, and its tests exist."""
    wrong = planted(mutant, source_of(mutant).read_text(encoding="utf-8"))
    assert wrong is not None, f"the right line does not occur once in {mutant.file}"
    ast.parse(wrong)
    assert mutant.id.startswith(f"{mutant.package}-")
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), f"{file} does not exist"
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


def test_errors_are_planted_over_all_packages() -> None:
    assert len(MUTANTS) >= 150
    packages = {path.name for path in (ROOT / "src" / "opensirt").iterdir() if path.is_dir()}
    assert {mutant.package for mutant in MUTANTS} - packages <= {"root"}


def test_a_handful_is_noticed(field: Field) -> None:
    handful = chosen(MUTANTS, HANDFUL)
    passed, said = field.tests_pass(sorted({test for m in handful for test in m.tests}))
    assert passed, said
    outcomes = {mutant.id: field.outcome(mutant) for mutant in handful}
    unseen = {name: why for name, (outcome, why) in outcomes.items() if outcome != NOTICED}
    assert not unseen


def test_an_error_that_no_test_looks_at_passes_unseen(field: Field) -> None:
    """The field itself tells noticed from not noticed and from what cannot be planted."""
    real = chosen(MUTANTS, ["root-stop-below-warn"])[0]
    elsewhere = ("tests/unit/image/test_boxes.py",)
    facts = {"package": real.package, "file": real.file, "harm": "", "id": "x"}
    blind = Mutant(right=real.right, wrong=real.wrong, tests=elsewhere, **facts)
    assert field.outcome(blind) == (UNSEEN, "")
    gone = Mutant(right="no such line", wrong="", tests=elsewhere, **facts)
    assert field.outcome(gone)[0] == STALE
    lost = Mutant(right=real.right, wrong=real.wrong, tests=("tests/no_such.py",), **facts)
    assert field.outcome(lost)[0] == STALE
    assert source_of(real, field.root).read_bytes() == source_of(real).read_bytes()


def test_machine_code_is_made_anew_for_an_edited_file(field: Field) -> None:
    """A test that passes where numba keeps its code in a folder of the error's own."""
    probe = field.root / "tests" / "unit" / "test_probe.py"
    probe.write_text(
        "from pathlib import Path\n\nfrom numba.core import config\n\n\n"
        "def test_place() -> None:\n"
        "    assert Path(config.CACHE_DIR).name.startswith('numba-')\n"
    )
    facts = {"package": "dose", "harm": "", "id": "x", "tests": ("tests/unit/test_probe.py",)}
    compiled = Mutant(
        file="dose/mc_random.py", right="STATE_WORDS = 4", wrong="STATE_WORDS = 5", **facts
    )
    assert field.outcome(compiled) == (UNSEEN, "")
    plain = Mutant(
        file="dose/dvh.py", right="SAME_VOLUME = 1e-9", wrong="SAME_VOLUME = 2e-9", **facts
    )
    assert field.outcome(plain)[0] == NOTICED


def test_faulty_lists_are_refused(tmp_path: Path) -> None:
    row = '[[mutant]]\nid = "a"\nfile = "f"\nright = "r"\nwrong = "w"\nharm = "h"\ntests = ["t"]\n'
    (tmp_path / "a.toml").write_text(row)
    assert all_mutants(tmp_path)[0] == Mutant("a", "a", "f", "r", "w", "h", ("t",))
    (tmp_path / "b.toml").write_text(row)
    with pytest.raises(ValueError, match="found twice: a"):
        all_mutants(tmp_path)
    (tmp_path / "b.toml").write_text(row.replace('tests = ["t"]\n', ""))
    with pytest.raises(ValueError, match=r"b.toml: a needs exactly"):
        all_mutants(tmp_path)
