"""A small study on disk, written once for all tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.case_files import write_small_case


@pytest.fixture(scope="session")
def small_study(tmp_path_factory) -> Path:
    """`case.toml` of the small case."""
    return write_small_case(tmp_path_factory.mktemp("small-study"))


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as where they are piped, whatever started the tests."""
    monkeypatch.delenv("COLUMNS", raising=False)
