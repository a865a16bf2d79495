"""Results appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.io import swap
from opensirt.io.archive import staged_directory, staged_files, write_json, write_text
from opensirt.io.made import MARKER, foreign_in


def made(out: Path, name: str = "old.txt", **options) -> Path:
    """Results of opensirt with one file in them."""
    with staged_directory(out, **options) as folder:
        write_text(folder / name, name)
    return out


def shown(folder: Path) -> list[str]:
    """Everything below a folder but the list of what was made."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.name != MARKER)
    return sorted(found)


def test_results_appear_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    with staged_directory(out) as folder:
        assert folder.parent.parent == out.parent
        write_text(folder / "report.txt", "one\n")
        assert not out.exists()
    assert (out / "report.txt").read_bytes() == b"one\n"
    assert [p.name for p in out.parent.iterdir()] == ["out"]
    assert foreign_in(out) == ""


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
    assert shown(tmp_path) == ["out", "out/a.txt"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("a file")
    with pytest.raises(InputError, match="to be a folder, found a file"), staged_directory(out):
        pass


@pytest.fixture(params=["one step", "two steps"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without a system that exchanges two names in one step."""
    if request.param == "two steps":
        monkeypatch.setattr(swap, "_exchanged", lambda one, other: False)
    return str(request.param)


@pytest.mark.usefixtures("exchange")
def test_overwriting_swaps_whole_folders(tmp_path: Path) -> None:
    out = made(tmp_path / "out")
    with staged_directory(out, overwrite=True) as folder:
        write_text(folder / "new.txt", "new")
        assert (out / "old.txt").exists()
    assert shown(tmp_path) == ["out", "out/new.txt"]
    assert foreign_in(out) == ""


def test_overwriting_keeps_the_old_results_on_an_error(tmp_path: Path) -> None:
    out = made(tmp_path / "out")
    with pytest.raises(ValueError, match="stop"), staged_directory(out, overwrite=True):
        raise ValueError("stop")
    assert shown(tmp_path) == ["out", "out/old.txt"]


@pytest.mark.usefixtures("exchange")
def test_a_failed_swap_puts_the_old_results_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = made(tmp_path / "out")
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "new.txt").exists() and target == out:
            raise PermissionError(13, "Permission denied")
        return real(self, target)

    def overwrite() -> None:
        with staged_directory(out, overwrite=True) as folder:
            write_text(folder / "new.txt", "new")

    monkeypatch.setattr(swap, "_exchanged", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(InputError, match=r"to move the results to .*, got Permission denied"):
        overwrite()
    assert shown(tmp_path) == ["out", "out/old.txt"]


def put(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")


@pytest.mark.parametrize(
    "touch",
    [
        lambda out: put(out / "thesis.txt"),
        lambda out: put(out / "sub" / "thesis.txt"),
        lambda out: put(out / "old.txt"),
        lambda out: (out / MARKER).unlink(),
        lambda out: (out / MARKER).write_text("[]"),
        lambda out: (out / MARKER).write_text('{"made_by": "opensirt"}'),
        lambda out: (out / "link").symlink_to(out.parent),
    ],
)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.usefixtures("exchange")
def test_what_somebody_put_or_changed_is_never_replaced(tmp_path: Path, touch, late: bool) -> None:
    """Before the job or while it runs, with --overwrite; nothing else is left either."""
    out = made(tmp_path / "out")
    if not late:
        touch(out)
    kept = shown(tmp_path)

    def overwrite() -> None:
        with staged_directory(out, overwrite=True) as folder:
            write_text(folder / "new.txt", "new")
            if late:
                touch(out)
                kept[:] = [name for name in shown(tmp_path) if not name.startswith(".out")]

    with pytest.raises(InputError, match=r"did not (make|put)"):
        overwrite()
    assert shown(tmp_path) == kept


def test_what_the_system_leaves_in_a_folder_is_nobodys(tmp_path: Path) -> None:
    out = made(tmp_path / "out")
    put(out / ".DS_Store")
    made(out, "new.txt", overwrite=True)
    assert shown(out) == ["new.txt"]


@pytest.mark.parametrize(
    ("out", "given", "relation"),
    [
        ("study", "study", "is an input"),
        ("home", "home/study", "holds an input"),
        ("study/inner/deep", "study", "lies in an input"),
        ("link", "study", "is an input"),
        ("link/inner", "study", "lies in an input"),
        ("study/a.dcm", "study/a.dcm", "is an input"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_results_stay_apart_from_what_is_read(
    tmp_path: Path, out: str, given: str, relation: str, overwrite: bool
) -> None:
    (tmp_path / given).parent.mkdir(parents=True, exist_ok=True)
    if given.endswith(".dcm"):
        put(tmp_path / given)
    else:
        made(tmp_path / given)
    (tmp_path / "link").symlink_to(tmp_path / "study")
    kept = shown(tmp_path)
    job = staged_directory(tmp_path / out, overwrite=overwrite, inputs=[tmp_path / given])
    with pytest.raises(InputError, match=relation), job:
        pass
    assert shown(tmp_path) == kept


def test_results_beside_an_input_are_welcome(tmp_path: Path) -> None:
    made(tmp_path / "study")
    made(tmp_path / "study-plan", inputs=[tmp_path / "study", tmp_path / "absent"])
    assert (tmp_path / "study-plan" / "old.txt").exists()


def test_a_new_folder_that_somebody_fills_meanwhile_stays_theirs(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def late() -> None:
        with staged_directory(out) as folder:
            write_text(folder / "late.txt", "late")
            put(out / "first.txt")

    with pytest.raises(InputError, match="files in it by now"):
        late()
    assert shown(tmp_path) == ["out", "out/first.txt"]


def test_an_empty_folder_keeps_its_access(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o700)
    made(out)
    assert out.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["x" * 300, "a/" + "y" * 300 + "/b", "nul\0l"])
def test_a_name_that_no_file_system_holds_is_one_line(tmp_path: Path, name: str) -> None:
    job = staged_directory(tmp_path / name)
    with pytest.raises(InputError, match="expected to create") as caught, job:
        pass
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ü" * 120, "\U0001fac0" * 62])
def test_a_name_just_short_enough_is_used(tmp_path: Path, name: str) -> None:
    assert (made(tmp_path / name) / "old.txt").exists()


def test_a_link_to_nowhere_is_refused_and_one_to_a_folder_followed(tmp_path: Path) -> None:
    (tmp_path / "lost").symlink_to(tmp_path / "unplugged")
    with (
        pytest.raises(InputError, match="a link that leads nowhere"),
        staged_directory(tmp_path / "lost"),
    ):
        pass
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    made(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "old.txt").exists()


def test_files_become_theirs_together(tmp_path: Path) -> None:
    paths = {"one": tmp_path / "a.json", "two": tmp_path / "b" / "c.json"}
    data = {"provenance": {"versions": {"opensirt": "1"}}}
    for turn in (1, 2):
        with staged_files(paths) as staged:
            assert [path.name for path in staged.values()] == ["a.json", "c.json"]
            for path in staged.values():
                write_json(path, data | {"turn": turn})
    assert json.loads(paths["two"].read_text())["turn"] == 2
    assert shown(tmp_path) == ["a.json", "b", "b/c.json"]


@pytest.mark.parametrize("earlier", [True, False])
def test_what_belongs_to_an_earlier_file_goes_with_it(tmp_path: Path, earlier: bool) -> None:
    """Errors of one dose beside another one would be read as its own."""
    paths = {"one": tmp_path / "a.json", "two": tmp_path / "c.json"}
    data = {"provenance": {"versions": {"opensirt": "1"}}}
    if earlier:
        with staged_files(paths) as staged:
            for path in staged.values():
                write_json(path, data | {"turn": 1})
    with pytest.raises(KeyError), staged_files(paths, away=["two"]) as staged:
        raise KeyError
    assert shown(tmp_path) == (["a.json", "c.json"] if earlier else [])
    with staged_files(paths, away=["two"]) as staged:
        write_json(staged["one"], data | {"turn": 2})
    assert shown(tmp_path) == ["a.json"]
    assert json.loads(paths["one"].read_text())["turn"] == 2


@pytest.mark.parametrize("where", ["one", "two"])
def test_files_of_others_stay_and_nothing_comes_beside_them(tmp_path: Path, where: str) -> None:
    paths = {"one": tmp_path / "a.json", "two": tmp_path / "b.json"}
    paths[where].write_text('{"mine": 1}')
    with pytest.raises(InputError, match="one that it did not make"), staged_files(paths):
        pass
    assert shown(tmp_path) == [paths[where].name]
    with pytest.raises(InputError, match="is an input"), staged_files(paths, [paths[where]]):
        pass


def test_a_job_that_fails_leaves_earlier_files_as_they_were(tmp_path: Path) -> None:
    paths = {"one": tmp_path / "a.json", "two": tmp_path / "b.json"}
    data = {"provenance": {"versions": {"opensirt": "1"}}}
    with staged_files(paths) as staged:
        for path in staged.values():
            write_json(path, data)

    def fail() -> None:
        with staged_files(paths) as staged:
            write_json(staged["one"], {"half": 1})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [json.loads(path.read_text()) for path in paths.values()] == [data, data]
    assert shown(tmp_path) == ["a.json", "b.json"]


def test_an_impossible_parent_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = staged_directory(tmp_path / "file" / "out")
    with pytest.raises(InputError, match="expected to create") as caught, blocked:
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
