"""Help, version and completion however they are asked for; parts that are not installed."""

from __future__ import annotations

import tomllib

import pytest

from opensirt import __version__, backend, workflow
from opensirt.asking import speaking_to
from opensirt.cli.parts import EXTRA_OF_MODULE, missing_part
from opensirt.dose import mc_device
from tests.command_line import call, call_json, refusal
from tests.paths import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("command", [(), ("activity",)])
def test_no_word_is_the_same_as_asking_for_help(command: tuple[str, ...]) -> None:
    bare = call(*command)
    assert (bare.code, bare.stderr) == (0, "")
    assert bare.stdout.startswith(f"Usage: {' '.join(('opensirt', *command))} [OPTIONS] COMMAND")
    assert len(bare.stdout.splitlines()) > 8
    assert call(*command, "--help") == call(*command, "-h") == bare


@pytest.mark.parametrize("command", ["run", "read", "dose", "doctor", "phantom"])
def test_a_short_help_of_each_command(command: str) -> None:
    assert call(command, "-h") == call(command, "--help")
    assert call(command, "-h").code == 0


@pytest.mark.parametrize("word", ["-v", "--version"])
def test_the_version(word: str) -> None:
    outcome = call(word)
    assert (outcome.code, outcome.stdout) == (0, f"opensirt {__version__}\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("opensirt ru", ["run"]),
        ("opensirt d", ["dose", "dvh", "demo", "doctor"]),
        ("opensirt run --lung", ["--lung-shunt", "--lung-mass-g"]),
        ("opensirt activity m", ["mird"]),
    ],
)
def test_the_tab_key_completes(
    monkeypatch: pytest.MonkeyPatch, words: str, completed: list[str]
) -> None:
    monkeypatch.setenv("_OPENSIRT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert sorted(call().stdout.split()) == sorted(completed)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_OPENSIRT_COMPLETE", f"source_{shell}")
    assert "_OPENSIRT_COMPLETE=complete_" + shell in call().stdout
    assert "--show-completion" in (ROOT / "docs" / "command-line.md").read_text()


def test_a_module_that_is_not_there_is_one_line_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    def without(*args: object, **more: object) -> None:
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas.core")

    monkeypatch.setattr(workflow, "read_case", without)
    assert refusal("read", tmp_path) == (
        "this needs the Python package pandas, which is not installed; pip install "
        "'opensirt[tables]'"
    )


def test_a_module_of_the_main_part_asks_for_all_of_it() -> None:
    said = missing_part(ModuleNotFoundError("No module named 'typst'", name="typst"))
    assert said.endswith("package typst, which is not installed; pip install opensirt")


def test_every_optional_part_is_named_where_it_is_missed() -> None:
    assert set(EXTRAS) - {"dev"} == set(EXTRA_OF_MODULE.values())
    for module, extra in EXTRA_OF_MODULE.items():
        assert any(need.replace("-", "_").startswith(module) for need in EXTRAS[extra])


def test_a_machine_without_the_gpu_part_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    find = backend.importlib.util.find_spec
    monkeypatch.setattr(
        backend.importlib.util,
        "find_spec",
        lambda name, *more: None if name == "numba_cuda" else find(name, *more),
    )
    assert "pip install 'opensirt[gpu]'" in call_json("doctor")["gpu"]["reason"]
    words = ("dose", "--activity", tmp_path, "--nuclide", "y90", "--out", tmp_path / "d.nii.gz")
    said = r"pip install 'opensirt\[gpu\]'; run with --device cpu"
    with speaking_to("command line"), pytest.raises(Exception, match=said):
        mc_device.require_gpu()
    assert "--activity" in refusal("dose", *words[3:])


SHUNT = ("activity", "mird", "--product", "glass-y90", "--perfused-mass-g", "500", "--lung-shunt")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            (*SHUNT, "5%"),
            ", got '5%': write a fraction, 5 % is 0.05; see opensirt activity mird --help",
        ),
        ((*SHUNT, "12.5 %"), ", got '12.5 %': write a fraction, 12.5 % is 0.125; see"),
        ((*SHUNT, "0,05"), ", got '0,05': write it with a decimal point, 0.05; see"),
        ((*SHUNT[:-1], "--lung-shunt=0,05"), ", got '0,05': write it with a decimal point, 0.05;"),
        ((*SHUNT, "much"), ", got 'much'; see opensirt activity mird --help"),
        (("xyz",), "No such command 'xyz'; see opensirt --help"),
        (("activity", "xyz"), "No such command 'xyz'; see opensirt activity --help"),
        (("run", "--prodct", "x"), "; see opensirt run --help"),
        (("dose", "--nuclide"), "'--nuclide' requires an argument; see opensirt dose --help"),
        (
            ("run",),
            "Missing STUDY (DICOM folder, case.toml, or a single image file), --product (resin-y90,"
            " glass-y90 or ho166-plla) and --model (Planning model: bsa, mird or partition); see "
            "opensirt run --help",
        ),
        (
            ("run", "study", "--model=mird"),
            "Missing --product (resin-y90, glass-y90 or ho166-plla); see opensirt run",
        ),
        (("activity", "mird"), "Missing --product (resin-y90, glass-y90 or ho166-plla)"),
    ],
)
def test_what_is_no_number_or_no_command_is_one_line_with_what_to_type(words, said) -> None:
    assert said in refusal(*words)


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_help_ends_with_where_more_of_it_is(words: tuple[str, ...]) -> None:
    lines = call(*words).stdout.split("\n")
    assert [line for line in lines if line][-1].strip() == (
        "opensirt COMMAND --help shows the options of a command."
    )
