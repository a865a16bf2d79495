"""Tables on narrow terminals: no word is broken, and COLUMNS counts where output is piped."""

from __future__ import annotations

import pytest

from opensirt.cli.console import table

ORGANS = [["perfused normal liver", "35.9", "at most 30 Gy"], ["lungs", "4.2", ""]]


@pytest.mark.parametrize("width", [29, 30, 44, 60, 80, 140])
def test_no_word_is_broken_however_narrow_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """COLUMNS counts where the output is piped too; every line fits and every word is whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    table("Doses", ["Compartment", "Mean (Gy)", "Limit"], ORGANS)
    said = capsys.readouterr().out
    assert max(map(len, said.rstrip("\n").split("\n"))) <= width
    words = said.replace("│", " ").split()
    for row in ORGANS:
        for cell in row:
            assert set(cell.split()) <= set(words), cell
    assert ("┃" in said) == (width >= 30)


def test_narrow_rows_name_their_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    table("Doses", ["Compartment", "Mean (Gy)", "Limit"], ORGANS)
    assert capsys.readouterr().out.splitlines() == [
        "Doses", "perfused normal liver", "  Mean (Gy): 35.9", "  Limit: at most 30 Gy", "lungs",
        "  Mean (Gy): 4.2",
    ]  # fmt: skip
    table("Dose", ["what", "value"], [["written", "/a/path/that/is/longer/than/that.nii"]])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "written:", "    /a/path/that/is/longer/than/that.nii",
    ]  # fmt: skip
    monkeypatch.delenv("COLUMNS")
    table("Doses", ["Compartment", "Mean (Gy)", "Limit"], ORGANS)
    assert "┃" in capsys.readouterr().out
