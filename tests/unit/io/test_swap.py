"""What is exchanged at the end of a job: nothing of anybody else's is removed, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opensirt.errors import InputError
from opensirt.io import claim, made, swap, written
from opensirt.io.archive import staged_directory, staged_files, write_json, write_text
from opensirt.io.claim import LOCK, MARK, work_folder
from opensirt.io.made import MARKER, foreign_in
from tests.killed import KILLED, exit_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")


@pytest.fixture(params=["one step", "two steps"], autouse=True)
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without a system that exchanges two names in one step."""
    monkeypatch.setattr(claim, "PATIENCE_S", 0.1)
    if request.param == "two steps":
        monkeypatch.setattr(swap, "_exchanged", lambda one, other: False)
    return str(request.param)


def write(out: Path, word: str, meanwhile: Callable[[], object] = lambda: None) -> Path:
    with staged_directory(out, overwrite=True) as folder:
        write_text(folder / "a.txt", word)
        meanwhile()
    return out


def precious(folder: Path) -> Callable[[], object]:
    return lambda: (folder / "notes.txt").write_text("precious")


def notes_below(home: Path) -> list[str]:
    return [path.read_text() for path in home.rglob("notes.txt")]


def standing_as_before(home: Path) -> bool:
    """The old results with the notes in them, and nothing else."""
    found = [(home / "out" / name).read_text() for name in ("a.txt", "notes.txt")]
    return found == ["old", "precious"] and os.listdir(home) == ["out"]


def test_a_socket_that_came_in_meanwhile_takes_nobodys_files_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    out = write(tmp_path / "out", "old")

    def meanwhile() -> None:
        precious(out)()
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("out/a.sock")

    with pytest.raises(InputError, match=r"got a\.sock in it that opensirt did not make"):
        write(out, "new", meanwhile)
    (out / "a.sock").unlink()
    assert standing_as_before(tmp_path)


@pytest.mark.parametrize("error", [PermissionError(13, "no"), KeyboardInterrupt, ZeroDivisionError])
def test_whatever_is_raised_while_it_is_looked_at_what_was_there_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    out = write(tmp_path / "out", "old")
    written.forget()

    def interrupted(folder: Path) -> str:
        raise error

    def meanwhile() -> None:
        precious(out)()
        monkeypatch.setattr(swap, "foreign_in", interrupted)

    with pytest.raises((InputError, KeyboardInterrupt, ZeroDivisionError)):
        write(out, "new", meanwhile)
    assert standing_as_before(tmp_path)
    assert written.standing() == []


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also under nohup, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_a_large_file_is_read_brings_everything_back(tmp_path: Path) -> None:
    """A sparse file of 3 GiB, which takes seconds to read; stopped after 0.3 s of them."""
    out = write(tmp_path / "out", "old")

    def meanwhile() -> None:
        precious(out)()
        (out / "big").touch()
        os.truncate(out / "big", 3 << 30)
        data = json.loads((out / MARKER).read_text())
        data["files"] |= {"big": "0"}
        (out / MARKER).write_text(json.dumps(data))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        write(out, "new", meanwhile)
    (out / "big").unlink()
    assert standing_as_before(tmp_path)


def test_a_folder_that_cannot_be_put_back_stays_and_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    exchange: str,
) -> None:
    out = write(tmp_path / "out", "old")
    real, calls = swap._exchanged, []

    def once(one: Path, other: Path) -> bool:
        calls.append(one)
        return len(calls) == 1 and real(one, other)

    monkeypatch.setattr(swap, "_exchanged", once)
    if exchange == "two steps":
        return
    with pytest.raises(InputError, match=r"notes\.txt in it that opensirt did not make"):
        write(out, "new", precious(out))
    assert notes_below(tmp_path) == ["precious"]
    assert "holds notes.txt that opensirt did not make" in caplog.text
    monkeypatch.setattr(swap, "_exchanged", real)
    with pytest.raises(InputError, match=r"found .*/whole \(holds notes\.txt .*; move it away"):
        write(out, "later")
    assert notes_below(tmp_path) == ["precious"]
    shutil.move(work_folder(out) / "whole", tmp_path / "mine")
    write(out, "later")
    assert sorted(os.listdir(tmp_path)) == ["mine", "out"]


def test_files_of_others_outlive_a_job_that_is_killed_anywhere_and_the_next(
    tmp_path: Path,
) -> None:
    """Notes are put into the old results while the job runs; each step of it is the last one."""
    refused = 0
    for step in range(1, 200):
        home = tmp_path / str(step)
        home.mkdir()
        out = write(home / "out", "old")
        code = exit_of(lambda: write(out, "new", precious(out)), step)  # noqa: B023
        notes = notes_below(home)
        try:
            write(out, "later")
        except InputError:
            refused += 1
        assert notes_below(home) == notes, step
        if code != KILLED:
            break
    assert notes == ["precious"]
    assert code == 1
    assert 8 < step < 199
    assert refused > 3


@pytest.mark.parametrize("inside", ["x", "whole/x", "half/x", f"{LOCK}/x"])
def test_a_folder_of_others_of_the_name_of_ours_stays(tmp_path: Path, inside: str) -> None:
    theirs = work_folder(tmp_path / "out") / inside
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    with pytest.raises(InputError, match="in the way, which opensirt did not make; move it away"):
        write(tmp_path / "out", "new")
    assert theirs.read_text() == "precious"
    assert os.listdir(tmp_path) == [work_folder(tmp_path / "out").name]


@pytest.mark.parametrize(
    ("lock", "inside"), [(b"mine", "x"), (b"", "half/x"), (MARK, "x"), (b"mine", "")]
)
def test_what_a_lock_does_not_vouch_for_stays(tmp_path: Path, lock: bytes, inside: str) -> None:
    """A lock of other words, one without words beside files, and a file that no job makes."""
    folder = work_folder(tmp_path / "out")
    folder.mkdir()
    (folder / LOCK).write_bytes(lock)
    if inside:
        (folder / inside).parent.mkdir(exist_ok=True)
        (folder / inside).write_text("precious")
    with pytest.raises(InputError, match="did not make"):
        write(tmp_path / "out", "new")
    assert (folder / LOCK).read_bytes() == lock
    assert not inside or (folder / inside).read_text() == "precious"


def test_what_a_killed_job_left_half_made_goes_and_what_it_set_aside_comes_back(
    tmp_path: Path,
) -> None:
    out, folder = write(tmp_path / "out", "old"), work_folder(tmp_path / "out")
    (folder / "half" / "inner").mkdir(parents=True)
    (folder / "half" / "inner" / "a.txt").write_text("half")
    (folder / LOCK).write_bytes(MARK)
    out.rename(folder / "old")
    with pytest.raises(InputError, match="new or empty, found files in it"), staged_directory(out):
        pass
    assert os.listdir(tmp_path) == ["out"]
    assert (out / "a.txt").read_text() == "old"


def test_an_old_result_set_aside_does_not_come_over_a_new_one(tmp_path: Path) -> None:
    out, folder = write(tmp_path / "out", "old"), work_folder(tmp_path / "out")
    folder.mkdir()
    (folder / LOCK).write_bytes(MARK)
    out.rename(folder / "old")
    write(tmp_path / "other", "new").rename(out)
    write(out, "later")
    assert (os.listdir(tmp_path), (out / "a.txt").read_text()) == (["out"], "later")


def test_places_whose_names_begin_alike_share_nothing(tmp_path: Path) -> None:
    """Two patients whose folders differ after 60 letters; one's job is killed."""
    meier, schulz = (tmp_path / ("A" * 60 + name) for name in ("-MEIER", "-SCHULZ"))
    write(meier, "Meier")
    folder = work_folder(meier)
    folder.mkdir()
    (folder / LOCK).write_bytes(MARK)
    meier.rename(folder / "old")
    with staged_directory(schulz) as staged:
        write_text(staged / "a.txt", "Schulz")
    assert (schulz / "a.txt").read_text() == "Schulz"
    assert (folder / "old" / "a.txt").read_text() == "Meier"
    with pytest.raises(InputError, match="found files in it"), staged_directory(meier):
        pass
    assert (meier / "a.txt").read_text() == "Meier"


def test_results_are_removed_by_their_list_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes in after the last look is not removed, nor is its folder; the next job says so."""
    out = write(tmp_path / "out", "old")
    real = made.foreign_in

    def then(folder: Path) -> str:
        found = real(folder)
        if folder.name != "out" and not notes_below(tmp_path):
            precious(folder)()
        return found

    monkeypatch.setattr(made, "foreign_in", then)
    write(out, "new")
    assert notes_below(tmp_path) == ["precious"]
    assert "Directory not empty" in caplog.text
    with pytest.raises(InputError, match=r"holds notes\.txt that opensirt did not"):
        write(out, "later")
    assert notes_below(tmp_path) == ["precious"]


@pytest.mark.parametrize("part", [".", "a.txt"])
def test_write_protected_results_are_kept(tmp_path: Path, part: str) -> None:
    out = write(tmp_path / "out", "old")
    (out / part).chmod(0o444 if part == "a.txt" else 0o555)
    with pytest.raises(InputError, match="write-protected; choose another to="):
        write(out, "new")
    (out / part).chmod(0o755)
    reason = r"got .* in it that is write-protected; choose another"
    with pytest.raises(InputError, match=reason):
        write(out, "new", lambda: (out / part).chmod(0o555))
    (out / part).chmod(0o755)
    assert (os.listdir(tmp_path), (out / "a.txt").read_text()) == (["out"], "old")


def test_an_empty_folder_that_is_write_protected_is_not_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    with (
        pytest.raises(InputError, match="found it write-protected"),
        staged_directory(tmp_path / "out"),
    ):
        pass
    assert os.listdir(tmp_path) == ["out"]


OURS = {"provenance": {"versions": {"opensirt": "1"}}}


def write_files(home: Path, word: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    paths = {name: home / f"{name}.json" for name in ("dose", "error")}
    with staged_files(paths) as staged:
        for path in staged.values():
            write_json(path, OURS | {"word": word})
        meanwhile()


@pytest.mark.parametrize("name", ["dose", "error"])
def test_a_file_that_somebody_writes_at_the_last_moment_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """After the last look at it by its own name; the other one stands as it stood."""
    write_files(tmp_path, "old")
    real = swap.put_files_in_place

    def late(*args: object) -> None:
        (tmp_path / f"{name}.json").write_text('{"word": "mine"}')
        real(*args)

    monkeypatch.setattr("opensirt.io.archive.put_files_in_place", late)
    with pytest.raises(InputError, match=rf"got {name}\.json that opensirt did not make"):
        write_files(tmp_path, "new")
    words = {p.stem: json.loads(p.read_text())["word"] for p in tmp_path.iterdir()}
    assert words == {"dose": "old", "error": "old"} | {name: "mine"}


def test_a_write_protected_file_is_kept(tmp_path: Path) -> None:
    write_files(tmp_path, "old")
    (tmp_path / "error.json").chmod(0o444)
    with pytest.raises(InputError, match="found it write-protected"):
        write_files(tmp_path, "new")
    assert json.loads((tmp_path / "dose.json").read_text())["word"] == "old"


def test_what_stands_of_a_job_is_known_at_every_moment(tmp_path: Path) -> None:
    written.forget()
    out = tmp_path / "out"
    write(out, "old", lambda: written.standing() == [] or pytest.fail("nothing stands yet"))
    assert written.standing() == [out]
    shutil.rmtree(out)
    assert written.standing() == []
    write_files(tmp_path, "new")
    assert written.standing() == [tmp_path / "dose.json", tmp_path / "error.json"]
    written.forget()
    assert written.standing() == []
    assert foreign_in(write(out, "later")) == ""


def test_a_job_whose_folder_is_taken_away_is_one_line(tmp_path: Path) -> None:
    out = write(tmp_path / "out", "old")
    with pytest.raises(InputError, match="got No such file or directory; choose another to="):
        write(out, "new", lambda: shutil.rmtree(work_folder(out)))
    assert (os.listdir(tmp_path), (out / "a.txt").read_text()) == (["out"], "old")


def test_a_file_that_was_not_written_leaves_earlier_ones_as_they_were(tmp_path: Path) -> None:
    write_files(tmp_path, "old")
    (tmp_path / "dose.json").unlink()
    with pytest.raises(InputError, match="got No such file or directory"):
        write_files(tmp_path, "new", lambda: next(tmp_path.glob(".dose*/half/*")).unlink())
    assert json.loads((tmp_path / "error.json").read_text())["word"] == "old"
    assert os.listdir(tmp_path) == ["error.json"]
