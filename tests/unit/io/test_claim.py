"""Several jobs, each a process of its own, write to one place: one after the other, or told no."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from opensirt.errors import InputError
from opensirt.io import claim
from opensirt.io.archive import staged_directory, staged_files, write_json, write_text
from opensirt.io.claim import LOCK, held, work_folder
from opensirt.io.places import refuse_unusable, refuse_unusable_file
from opensirt.io.written import identity

ROUNDS = """
import sys, time
from collections import Counter
from pathlib import Path
from opensirt.errors import InputError
from opensirt.io import claim
from opensirt.io.archive import staged_directory, write_text
from opensirt.io.places import refuse_unusable
claim.PATIENCE_S = float(sys.argv[3])
out, word, told = Path(sys.argv[1]), sys.argv[2], Counter()
end = time.monotonic() + 3.0
while time.monotonic() < end:
    try:
        refuse_unusable(out, overwrite=True)
        with staged_directory(out, overwrite=True) as folder:
            for number in range(20):
                write_text(folder / f"{word}{number}.txt", word)
        told["done"] += 1
    except InputError as error:
        told[str(error)] += 1
for words, count in told.items():
    print(count, words)
"""
BUSY = "another opensirt is writing there; wait for its end, or choose another to=..."
needs_locks = pytest.mark.skipif(claim.fcntl is None, reason="needs locks")


@pytest.mark.parametrize("patience_s", [0.0, 3.0])
@needs_locks
def test_jobs_into_one_place_are_done_or_told_no_and_whole_results_stand(
    tmp_path: Path, patience_s: float
) -> None:
    """Three jobs that replace each other's results for three seconds, looked at all the time."""
    out = tmp_path / "out"
    with staged_directory(out) as folder:
        write_text(folder / "a.txt", "a")
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", ROUNDS, str(out), word, str(patience_s)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for word in "bcd"
    ]  # fmt: skip
    looks: Counter[int] = Counter()
    while any(job.poll() is None for job in jobs):
        before, names = identity(out), os.listdir(out)
        if identity(out) == before:  # and not what was replaced while it was listed
            looks[len(names)] += 1
        time.sleep(0.001)
    told: Counter[str] = Counter()
    for job in jobs:
        said, faults = job.communicate()
        assert (job.returncode, faults) == (0, "")
        for line in said.splitlines():
            count, _, words = line.partition(" ")
            told[words] += int(count)
    assert told["done"] > 20
    assert set(told) <= {"done", f"expected to write {out}, but {BUSY}"}
    assert set(looks) == {2, 21}, "the list with one file, or with twenty"
    assert looks[21] > 100
    assert os.listdir(tmp_path) == ["out"]


@needs_locks
def test_a_job_is_told_before_its_work_that_another_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "PATIENCE_S", 0.1)
    for out, ask in (
        (tmp_path / "out", lambda place: refuse_unusable(place, overwrite=True)),
        (tmp_path / "dose.nii.gz", refuse_unusable_file),
    ):
        with held(out, out), pytest.raises(InputError, match=BUSY):
            ask(out)
        ask(out)
    assert os.listdir(tmp_path) == []


@needs_locks
def test_the_second_of_two_jobs_leaves_the_first_ones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "PATIENCE_S", 0.1)
    out = tmp_path / "dose.json"
    with staged_files({"dose": out}) as first:
        with pytest.raises(InputError, match=BUSY), staged_files({"dose": out}):
            pass
        write_json(first["dose"], {"a": 1})
    assert out.read_text() == '{\n  "a": 1\n}\n'
    assert os.listdir(tmp_path) == ["dose.json"]


@needs_locks
def test_the_lock_of_a_job_that_was_killed_is_nobodys(tmp_path: Path) -> None:
    words = (
        "import sys, time; from pathlib import Path; from opensirt.io.claim import held\n"
        "with held(Path(sys.argv[1]), Path('out')): print(flush=True); time.sleep(60)"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", words, str(tmp_path / "out")], stdout=subprocess.PIPE
    )
    assert job.stdout is not None
    job.stdout.readline()
    job.send_signal(signal.SIGKILL)
    job.wait()
    job.stdout.close()
    assert os.listdir(work_folder(tmp_path / "out")) == [LOCK]
    with held(tmp_path / "out", Path("out")):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("locks", ["no locks", "no module"])
def test_without_locks_a_folder_that_is_left_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: str
) -> None:
    """As on Windows, and on shares that know none."""

    def refuse(handle: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    if locks == "no module":
        monkeypatch.setattr(claim, "fcntl", None)
    else:
        pytest.importorskip("fcntl")
        monkeypatch.setattr(claim.fcntl, "flock", refuse)
    monkeypatch.setattr(claim, "PATIENCE_S", 0.1)
    out = tmp_path / "out"
    told = pytest.raises(InputError, match=r"or was killed: remove \S+ where none is running")
    with held(out, out), told, held(out, out):
        pass
    assert os.listdir(tmp_path) == []


def test_a_link_in_place_of_the_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "PATIENCE_S", 0.1)
    (tmp_path / "theirs").mkdir()
    work_folder(tmp_path / "out").symlink_to(tmp_path / "theirs")
    with (
        pytest.raises(InputError, match="in the way, which opensirt did not make"),
        held(tmp_path / "out", Path("out")),
    ):
        pass
    assert os.listdir(tmp_path / "theirs") == []
