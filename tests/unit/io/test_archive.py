"""Results appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.io.archive import staged_directory, write_json, write_text


def test_results_appear_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    with staged_directory(out) as folder:
        assert folder.parent == out.parent
        write_text(folder / "report.txt", "one\n")
        assert not out.exists()
    assert (out / "report.txt").read_bytes() == b"one\n"
    assert [p.name for p in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "out"

    def interrupted() -> None:
        with staged_directory(out) as folder:
            write_text(folder / "half.txt", "half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_used_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    with (
        pytest.raises(InputError, match="new or empty, found files in it"),
        staged_directory(tmp_path),
    ):
        pass
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with staged_directory(out) as folder:
        write_text(folder / "a.txt", "a")
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "a.txt"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("a file")
    with pytest.raises(InputError, match="to be a folder, found a file"), staged_directory(out):
        pass


def test_overwriting_swaps_whole_folders(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    with staged_directory(out, overwrite=True) as folder:
        write_text(folder / "new.txt", "new")
        assert (out / "old.txt").exists()
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "new.txt"]


def test_overwriting_keeps_the_old_results_on_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    with pytest.raises(ValueError, match="stop"), staged_directory(out, overwrite=True):
        raise ValueError("stop")
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "old.txt"]


def test_a_failed_swap_puts_the_old_results_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "new.txt").exists():
            raise PermissionError(13, "Permission denied")
        return real(self, target)

    def overwrite() -> None:
        with staged_directory(out, overwrite=True) as folder:
            write_text(folder / "new.txt", "new")

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(InputError, match=r"to move the results to .*, got Permission denied"):
        overwrite()
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "old.txt"]


def test_an_impossible_parent_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = staged_directory(tmp_path / "file" / "out")
    with pytest.raises(InputError, match="expected to create the output folder") as caught, blocked:
        pass
    assert "\n" not in str(caught.value)


def test_json_is_sorted_utf8_and_plain(tmp_path: Path) -> None:
    data = {"b": np.float32(0.5), "a": np.arange(3), "ü": Path("x") / "y"}
    path = write_json(tmp_path / "r.json", data)
    assert json.loads(path.read_text("utf-8")) == {"a": [0, 1, 2], "b": 0.5, "ü": "x/y"}
    assert path.read_text("utf-8").index('"a"') < path.read_text("utf-8").index('"b"')
    assert "ü" in path.read_text("utf-8")


@pytest.mark.parametrize("value", [float("nan"), np.float64("inf"), object()])
def test_json_refuses_what_it_cannot_hold(tmp_path: Path, value: object) -> None:
    with pytest.raises(InputError, match=r"expected finite plain values for r\.json"):
        write_json(tmp_path / "r.json", {"a": value})
    assert not (tmp_path / "r.json").exists()
