"""What to type where a number was typed as a percentage or with a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opensirt.findings import as_fraction

__all__ = ["how_to_type"]

_NO_NUMBER = re.compile(r"Invalid value for '(--[a-z-]+)'.*valid (?:number|float|int)")


def how_to_type(message: str, words: Sequence[str]) -> str:
    """More words for a message on an option whose value is no number; "" where nothing is known.

    `words` are those of the command line: the message does not repeat what was typed.
    """
    found = _NO_NUMBER.search(message)
    if found is None:
        return ""
    typed = _value_of(found[1], words)
    plain = typed.strip().removesuffix("%").strip().replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return f", got {typed!r}" if typed else ""
    if typed.strip().endswith("%"):
        return f", got {typed!r}: write a fraction, {as_fraction(number)}"
    if "," in typed:
        return f", got {typed!r}: write it with a decimal point, {plain}"
    return f", got {typed!r}"


def _value_of(option: str, words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name == option:
            return value if sign else next(iter(words[place + 1 :]), "")
    return ""
