"""The program as a whole: help, version, wrong words, Ctrl-C, `doctor`."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from opensirt import __version__
from tests.command_line import call, call_json, files_in, refusal

COMMANDS = ("demo", "read", "run", "activity", "dose", "kernel", "dvh", "phantom", "doctor")
START = "from opensirt.cli import main; main()"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command):
    outcome = call(command, "--help")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert f" {command} [OPTIONS]" in outcome.stdout.splitlines()[0]


def test_help_lists_every_command():
    outcome = call("--help")
    assert outcome.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in outcome.stdout] == []


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "activity"])
def test_every_command_takes_json(command):
    assert "--json" in call(command, "--help").stdout


def test_version():
    assert call("--version").stdout == f"opensirt {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plant",), "'plant'"),
        (("run",), "STUDY"),
        (("run", "study", "--model", "partition"), "--product"),
        (("read",), "STUDY"),
        (("kernel", "--voxel-mm", "3", "--out", "k.npz"), "--nuclide"),
        (("phantom", "sphere", "--out", "p", "--voxel-mm", "wide"), "--voxel-mm"),
    ],
)
def test_wrong_words_are_one_line(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said.lower() in refusal(*words).lower()
    assert files_in(tmp_path) == []


def test_doctor():
    result = call_json("doctor")
    assert result["compiled_kernels"]["works"] is True
    engines = ["local", "monte-carlo", "voxel-convolution", "voxel-superposition"]
    assert result["dose_engines"] == engines
    assert result["planning_models"] == ["bsa", "mird", "partition"]
    assert result["threads"] >= 1
    assert result["versions"]["opensirt"] == __version__
    assert "opensirt on this machine" in call("doctor").stdout


@pytest.mark.parametrize("verb", ["compute_dose", "build_report", "write_results"])
def test_ctrl_c_leaves_nothing_and_exits_130(verb, tmp_path, monkeypatch, small_study):
    import opensirt.workflow.run as module

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, verb, interrupt)
    words = ("run", small_study, "--product", "resin-y90", "--model", "partition")
    outcome = call(*words, "--engine", "local", "--out", tmp_path / "out")
    assert outcome.code == 130
    assert outcome.stderr == "opensirt: stopped; nothing unfinished is kept\n"
    assert files_in(tmp_path) == []


def test_ctrl_c_while_writing_leaves_nothing(tmp_path, monkeypatch, small_study):
    import opensirt.workflow.results as module

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_dicom", interrupt)
    words = ("run", small_study, "--product", "resin-y90", "--model", "partition")
    outcome = call(*words, "--engine", "local", "--out", tmp_path / "out")
    assert (outcome.code, files_in(tmp_path)) == (130, [])


def test_help_starts_quickly():
    """The project promises half a second; processor time of the best of three, with some room."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", START, "--help"], capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
    assert min(seconds) < 1.0
