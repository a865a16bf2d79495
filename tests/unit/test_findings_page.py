"""Programs go by the codes of findings, so the format page must name every one."""

import ast
import re

from tests.paths import ROOT

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def codes_in_source() -> set[str]:
    """Second argument of every `Finding(...)` in the package, where it is a literal or a choice."""
    found: set[str] = set()
    for path in (ROOT / "src" / "opensirt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                literals = (n.value for n in ast.walk(node.args[1]) if isinstance(n, ast.Constant))
                found |= {text for text in literals if CODE.fullmatch(str(text))}
    return found


def test_every_code_is_on_the_page():
    page = (ROOT / "docs" / "formats" / "findings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9-]+)`", page))
    codes = codes_in_source()
    assert len(codes) > 35
    assert codes - named == set()
