"""The program stopped at any moment, or without memory: one line, and what stands is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import opensirt.workflow as workflow
from opensirt.io import made
from tests.command_line import call, refusal

PHANTOM = ("phantom", "sphere", "--voxel-mm", "15", "--out")
SLOW_IMPORT = """
import builtins, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also under nohup
real = builtins.__import__
def slow(name, *more, **others):
    if name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *more, **others)
builtins.__import__ = slow
from opensirt.cli import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "opensirt.cli.app", "opensirt.errors", "signal"])
def test_ctrl_c_while_the_program_is_loaded_is_one_line(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW_IMPORT, name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "opensirt: stopped; nothing unfinished is kept\n"


def test_results_that_stand_when_a_job_is_stopped_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while earlier results are taken away, and while the new ones are listed."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    assert call(*PHANTOM, out).code == 0
    with monkeypatch.context() as stopped:
        stopped.setattr("opensirt.io.swap._REMOVE", {"whole": interrupt})
        outcome = call(*PHANTOM, out, "--overwrite")
    said = f"opensirt: stopped; results were written to {out}\n"
    assert (outcome.code, outcome.stderr) == (130, said)
    assert made.foreign_in(out) == ""
    assert call(*PHANTOM, out, "--overwrite").code == 0
    assert os.listdir(tmp_path) == ["out"]
    monkeypatch.setattr("opensirt.cli.study.emit", interrupt)
    outcome = call(*PHANTOM, out, "--overwrite")
    assert (outcome.code, outcome.stderr) == (130, said)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (MemoryError(), "too little memory for this job (all is used); nothing unfinished is kept"),
        (ImportError("a.so: failed to map segment from shared object"), "too little memory"),
        (OSError(12, "Cannot allocate memory"), "too little memory for this job ([Errno 12] "),
        (ImportError("no module of this name"), "ImportError: no module of this name"),
    ],
)
def test_too_little_memory_is_said(
    monkeypatch: pytest.MonkeyPatch, problem: Exception, says: str
) -> None:
    def instead(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(workflow, "read_case", instead)
    assert refusal("read", "s").startswith(says)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs signals")
def test_a_stopped_job_takes_no_file_of_others_with_it(tmp_path: Path) -> None:
    """SIGTERM while what was replaced is read: its user made one file 3 GiB long meanwhile."""
    out = tmp_path / "a"
    words = [sys.executable, "-m", "opensirt", *PHANTOM, str(out)]
    subprocess.run(words, check=True, capture_output=True)
    job = subprocess.Popen([*words, "--overwrite"], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".a.*/half")):
        time.sleep(0.002)
    (out / "untold.txt").write_text("precious")
    os.truncate(out / "truth.json", 3 << 30)
    while not list(tmp_path.glob(".a.*/whole/untold.txt")) and job.poll() is None:
        time.sleep(0.001)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate()
    assert (job.returncode, said) == (130, "opensirt: stopped; nothing unfinished is kept\n")
    assert (out / "untold.txt").read_text() == "precious"
    assert (out / "truth.json").stat().st_size == 3 << 30
    assert os.listdir(tmp_path) == ["a"]
