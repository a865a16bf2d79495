"""Every text in the sources that names an option, as the command line says it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from opensirt import asking

__all__ = [
    "CALLS", "OPTION", "SOURCE", "advising_texts", "called", "helpers_in", "parsed", "shown_nodes",
    "texts_in",
]  # fmt: skip

OPTION = re.compile(r"--[a-z][a-z-]+")
SOURCE = Path(__file__).parents[3] / "src" / "opensirt"
CALLS = {name: getattr(asking, name) for name in asking.__all__ if callable(getattr(asking, name))}
del CALLS["speaking_to"]
HOLE = "HOLE"


def advising_texts() -> Iterator[tuple[str, str]]:
    """Place and text of every string in the package, but for its help, that names an option.

    Values put into a text are a NUL here; what `asking` puts there is what it says on the command
    line, and a function that returns such a text is the text. A docstring, an option's own name and
    the declaration of an option are no advice.
    """
    helpers = helpers_in(*(tree for _, tree in parsed()))
    for path, tree in parsed():
        for line, text in texts_in(tree, helpers):
            yield f"{path.relative_to(SOURCE)}:{line}", text


def texts_in(tree: ast.AST, helpers: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Line and text of what names an option; what `asking` says alone counts by itself."""
    for node in shown_nodes(tree):
        text = _text(node, helpers)
        is_advice = isinstance(node, ast.Call) or (text is not None and " " in text.strip())
        if text is not None and OPTION.search(text) and is_advice:
            yield node.lineno, text


@lru_cache
def parsed() -> tuple[tuple[Path, ast.Module], ...]:
    """Every source file of the package."""
    paths = sorted(SOURCE.rglob("*.py"))
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def called(node: ast.AST) -> str:
    """The name of a function that is called, or ""."""
    is_named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if is_named else ""


def shown_nodes(tree: ast.AST) -> Iterator[Any]:
    """Nodes outside docstrings and `typer.Option(...)`; parts of an f-string come as the whole."""
    for child in ast.iter_child_nodes(tree):
        is_bare = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if is_bare or (isinstance(child, ast.Call) and "typer" in ast.unparse(child.func)):
            continue
        yield child
        if not isinstance(child, ast.JoinedStr):
            yield from shown_nodes(child)


def helpers_in(*trees: ast.AST) -> dict[str, str]:
    """Functions that return a text with an option in it, such as where else to write."""
    found = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return):
            text = _text(node.body[-1].value, {})
            if text is not None and OPTION.search(text):
                found[node.name] = text
    return found


def _text(node: ast.AST | None, helpers: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part, helpers) for part in node.values)
    if called(node) in CALLS:
        return _said(node)
    return None


def _part(part: Any, helpers: dict[str, str]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    name = called(part.value)
    return _said(part.value) if name in CALLS else helpers.get(name, "\0")


def _said(call: Any) -> str:
    """What `asking` says on the command line, with holes for what only a run knows."""
    with asking.speaking_to("command line"):
        said = CALLS[called(call)](*(_value(each, called(call)) for each in call.args))
    return str(said.replace(HOLE, "\0"))


def _value(node: ast.AST, name: str) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(_value(each, name) for each in node.elts)
    if isinstance(node, ast.Starred) and name == "option":
        return (HOLE, HOLE)
    return node.value if isinstance(node, ast.Constant) else HOLE
