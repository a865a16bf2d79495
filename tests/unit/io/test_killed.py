"""Results of a job that is killed at every step: the old ones or the new ones, and a next start."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from opensirt.io import swap
from opensirt.io.archive import staged_directory, staged_files, write_json, write_text
from tests.killed import KILLED, exit_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
PARTS = ("a.txt", "inner/b.txt", "inner/c.txt")


def write_folder(out: Path, word: str) -> None:
    with staged_directory(out, overwrite=True) as folder:
        (folder / "inner").mkdir()
        for part in PARTS:
            write_text(folder / part, word)


def words_of(out: Path) -> set[str]:
    return {(out / part).read_text() for part in PARTS}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_the_old_or_the_new_one_wherever_its_job_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool, exchange: bool
) -> None:
    """Where the system cannot exchange two names, the old one may stand aside for a moment."""
    if not exchange:
        monkeypatch.setattr(swap, "_exchanged", lambda one, other: False)
    for step in range(1, 200):
        home = tmp_path / str(step)
        home.mkdir()
        (home / "thesis.txt").write_text("mine")
        if before:
            write_folder(home / "out", "old")
        code = exit_of(lambda: write_folder(home / "out", "new"), step)  # noqa: B023
        if before or (home / "out").exists():
            aside = [] if exchange or (home / "out").exists() else home.glob(".out.*/old")
            (stands,) = aside or [home / "out"]
            assert words_of(stands) in ({"old"}, {"new"}), step
        write_folder(home / "out", "again")
        assert words_of(home / "out") == {"again"}, step
        assert sorted(os.listdir(home)) == ["out", "thesis.txt"], step
        assert (home / "thesis.txt").read_text() == "mine"
        if code == 0:
            break
        assert code == KILLED, step
    assert 8 < step < 199


def write_files(home: Path, word: str) -> None:
    paths = {name: home / f"{name}.json" for name in ("dose", "error")}
    with staged_files(paths) as staged:
        for path in staged.values():
            write_json(path, {"word": word, "provenance": {"versions": {"opensirt": "1"}}})


def words_in(home: Path) -> dict[str, str]:
    return {path.stem: json.loads(path.read_text())["word"] for path in home.glob("[!.]*")}


@pytest.mark.parametrize("before", [True, False])
def test_files_are_whole_and_never_of_two_jobs_wherever_their_job_dies(
    tmp_path: Path, before: bool
) -> None:
    """The first of earlier files stands until it is replaced; nothing is left by the next job."""
    for step in range(1, 200):
        home = tmp_path / str(step)
        home.mkdir()
        if before:
            write_files(home, "old")
        code = exit_of(lambda: write_files(home, "new"), step)  # noqa: B023
        found = words_in(home)
        assert set(found.values()) in ([{"old"}, {"new"}] if before else [{"new"}, set()]), step
        assert "dose" in found or not found, step
        write_files(home, "again")
        assert words_in(home) == {"dose": "again", "error": "again"}, step
        assert sorted(os.listdir(home)) == ["dose.json", "error.json"], step
        if code == 0:
            break
        assert code == KILLED, step
    assert 8 < step < 199
