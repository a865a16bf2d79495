"""`--role` on the command line: patterns, several at once, suggestions of `read`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from opensirt.cli.activity import spread_values
from opensirt.cli.naming import region_roles
from opensirt.errors import InputError
from opensirt.image import Regions
from tests import cases
from tests.case_files import write_small_case
from tests.command_line import call, call_json, refusal

NAMES = {"liver": "Leber MH", "Tumour A": "L1", "Tumour B": "L2", "perfused right": "Gebiet"}


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small case with names that say no role, but for the lungs."""
    regions = cases.outlines(cases.grid((8.0, 8.0, 8.0)))
    renamed = (r.named(NAMES.get(r.name, r.name), "other") for r in regions)
    case = replace(
        cases.small_case(), images=cases.images(regions), regions=Regions(tuple(renamed))
    )
    path = write_small_case(tmp_path_factory.mktemp("unnamed"), case)
    text = path.read_text()
    kept = text[: text.index("[regions.roles]")] + text[text.index("[assumptions]") :]
    path.write_text(kept)
    return path


def roles(study: Path, *words: object) -> dict[str, str]:
    return {r["name"]: r["role"] for r in call_json("read", study, *words)["regions"]}


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "L[12]=tumour", "--role", "Leber MH=liver"),
        ("--role", "L?=tumour", "Leber MH=liver"),
        ("--role=L1=tumour", "L2=tumour", "Leber*=liver"),
    ],
)
def test_several_roles_at_once(unnamed: Path, words: tuple[str, ...]) -> None:
    found = roles(unnamed, *words)
    assert (found["L1"], found["L2"], found["Leber MH"]) == ("tumour", "tumour", "liver")
    assert (found["Gebiet"], found["lungs"]) == ("other", "lungs")


def test_what_follows_a_role_is_a_role_by_its_last_word(unnamed: Path) -> None:
    assert spread_values(["run", "--role", "a=liver", "b=tumour", "x/y=z", "--out", "o"]) == [
        "run", "--role", "a=liver", "--role", "b=tumour", "x/y=z", "--out", "o"
    ]  # fmt: skip
    assert spread_values(["read", "a=liver", "--choose", "ct=x"]) == [
        "read", "a=liver", "--choose", "ct=x"
    ]  # fmt: skip
    assert spread_values(["read", "--role", "a=nothing", "b=liver"]) == [
        "read", "--role", "a=nothing", "--role", "b=liver"
    ]  # fmt: skip
    assert roles(unnamed, "--role", "L1=tumour")["L2"] == "other"


def test_a_name_may_hold_the_sign_and_gets_one_role() -> None:
    assert region_roles(["a=b=tumour", " c = liver "]) == {"a=b": "tumour", "c": "liver"}
    assert region_roles(["a=liver", "a=liver"]) == {"a": "liver"}
    with pytest.raises(InputError, match="gives 'a' two roles, liver and tumour; leave one out"):
        region_roles(["a=liver", "a=tumour"])


def test_read_says_what_to_type_and_that_works(unnamed: Path) -> None:
    hints = call_json("read", unnamed)["suggested_roles"]
    assert [(h["pattern"], h["role"], h["regions"]) for h in hints] == [
        ("Leber MH", "liver", ["Leber MH"]), ("L[0-9]*", "tumour", ["L1", "L2"])
    ]  # fmt: skip
    said = call("read", unnamed).stdout
    assert "No role yet: L1, L2; if tumour is right, --role 'L[0-9]*=tumour'" in said
    words = [word for hint in hints for word in shlex.split(hint["typed"])]
    found = roles(unnamed, *words)
    assert (found["L1"], found["Leber MH"]) == ("tumour", "liver")
    assert [h["pattern"] for h in call_json("read", unnamed, *words)["suggested_roles"]] == []


def test_a_pattern_that_fits_nothing_is_answered_with_one_that_does(unnamed: Path) -> None:
    line = refusal("read", unnamed, "--role", "M*=tumour")
    assert line.startswith("no region fits the pattern 'M*'")
    assert "--role 'L[0-9]*=tumour'" in line


def test_patterns_in_a_case_file(unnamed: Path, tmp_path: Path) -> None:
    text = unnamed.read_text().replace("[assumptions]", "{}\n[assumptions]")
    for name in unnamed.parent.iterdir():
        (tmp_path / name.name).symlink_to(name) if name.suffix != ".toml" else None
    case = tmp_path / "case.toml"
    case.write_text(text.format('[regions.roles]\n"L*" = "tumour"\n"Leber MH" = "liver"'))
    found = roles(case)
    assert [found[name] for name in ("L1", "L2", "Leber MH", "lungs")] == [
        "tumour", "tumour", "liver", "other"
    ]  # fmt: skip
    case.write_text(text.format('[regions.roles]\n"M*" = "tumour"'))
    assert refusal("read", case).startswith(
        "[[regions]] 1: regions.seg.nrrd: no region fits the pattern 'M*'"
    )
    case.write_text(text.format('[regions.roles]\n"l*s" = "tumour"'))
    assert "finds only regions that have a role: lungs (lungs)" in refusal("read", case)
