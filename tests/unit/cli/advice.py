"""Advice in messages: rows of mistake, words and cure, and the cures."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.command_line import Outcome, call, refusal
from tests.unit.cli.advice_desk import Desk

__all__ = [
    "Row", "Words", "add", "all_of", "drop", "elsewhere", "every_role", "follow", "fraction",
    "printed", "swap", "write",
]  # fmt: skip

Words = list[str]
Cure = Callable[[str, Words, Desk], Words]
LISTED = r"(?:choose(?: one of| among)?|there are|must be|the case has|use|is for) "


@dataclass(frozen=True)
class Row:
    """A command with a mistake, words of what is said of it, and what the words tell to type."""

    name: str
    says: str
    wrong: Callable[[Desk], Words]
    cure: Cure
    code: int = 0
    is_told: bool = False
    """A finding, a series left out or a last line: the command itself is done."""


def follow(row: Row, desk: Desk) -> Outcome:
    """Make the mistake, read what is said, do what it says."""
    words = row.wrong(desk)
    message = _told(words) if row.is_told else refusal(*words)
    assert row.says in message, message
    better = row.cure(message, words, desk)
    assert better != words
    if row.is_told and "--out" in better:
        better = [*_without("--out", better, 1), "--out", str(desk.fresh())]
    outcome = call(*better, *(("--json",) if row.is_told else ()))
    assert outcome.code == row.code, outcome.stderr
    if row.is_told and row.code == 0:
        assert row.says not in _said(outcome)
    return outcome


def _told(words: Words) -> str:
    outcome = call(*words, "--json")
    assert outcome.code in (0, 3), outcome.stderr
    return _said(outcome)


def _said(outcome: Outcome) -> str:
    """What a command that was done tells: findings, what was left out, its last line."""
    result = json.loads(outcome.stdout)
    lines = [finding["text"] for finding in result.get("findings", ())]
    lines += [item["why"] for item in result.get("left_out", ())]
    return "\n".join([*lines, outcome.stderr])


def add(option: str, *values: object, once: bool = True) -> Cure:
    """Type an option that the message names, with the user's own value, in place of an old one."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        assert re.search(rf"{option}(?![a-z-])", message), message
        return [
            *(_without(option, words, len(values)) if once else words),
            option,
            *map(str, values),
        ]

    return cure


def printed(option: str) -> Cure:
    """Type an option and its value as the message prints them, read as a shell reads them."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        found = re.search(rf"""{option} ((?:[^\s"']|"[^"]*"|'[^']*')+)""", message)
        assert found, message
        (value,) = shlex.split(found[1].rstrip(".,;)"))
        return [*_without(option, words, 1), option, value]

    return cure


def every_role(message: str, words: Words, desk: Desk) -> Words:
    """Type every role that the message prints, names of one's own but for ``NAME``."""
    found = re.findall(r"""--role ((?:[^\s"';,]|"[^"]*"|'[^']*')+)""", message)
    typed = [value for text in found for value in shlex.split(text) if "NAME" not in value]
    assert typed, message
    return [*words, *(part for value in typed for part in ("--role", value))]


def swap(option: str, *, listed: str = LISTED) -> Cure:
    """Type the first name that the message lists as the option's value; "" is the second word."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        found = re.search(rf"{listed}'?([\w.+:/-]+)", message)
        assert found, message
        if not option:
            return [words[0], found[1], *words[2:]]
        return [*_without(option, words, 1), option, found[1]]

    return cure


def drop(option: str, values: int = 1) -> Cure:
    """Leave an option out."""
    return lambda message, words, desk: _without(option, words, values)


def all_of(*cures: Cure) -> Cure:
    """One cure after the other, of one message."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        for one in cures:
            words = one(message, words, desk)
        return words

    return cure


def fraction(option: str) -> Cure:
    """Type the fraction that the message says a percentage is."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        percent, is_fraction = re.search(r"\(([\d.]+) % is ([\d.]+)\)", message).groups()
        assert words[words.index(option) + 1] == percent
        return [*_without(option, words, 1), option, is_fraction]

    return cure


def elsewhere(message: str, words: Words, desk: Desk) -> Words:
    """Write to another place, of the same kind."""
    assert "--out" in message
    ending = "".join(Path(words[words.index("--out") + 1]).suffixes[:2])
    return [*_without("--out", words, 1), "--out", str(desk.fresh(f"o{ending[:8]}"))]


def write(name: str, text: str) -> Cure:
    """Write a file into the folder that the command was given, as the message tells."""

    def cure(message: str, words: Words, desk: Desk) -> Words:
        assert name in message
        (Path(words[1]) / name).write_text(text)
        return [words[0], str(Path(words[1]) / name), *words[2:]]

    return cure


def _without(option: str, words: Words, values: int) -> Words:
    if option not in words:
        return list(words)
    at = words.index(option)
    return _without(option, [*words[:at], *words[at + 1 + values :]], values)
