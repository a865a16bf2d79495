"""What a message tells to give has its name on the command line and in Python, and exists there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
import typer

from opensirt import workflow
from opensirt.asking import PYTHON, accepted, named, option, speaking_to, together
from opensirt.case import Treatment
from opensirt.cli.app import app
from opensirt.findings import AcceptedStop
from opensirt.workflow import MonteCarloOptions
from tests.command_line import refusal
from tests.unit.cli.advising import CALLS, OPTION, SOURCE, called, parsed, shown_nodes

FORM = re.compile(r"(?:(\w+)\()?(\w+)=(\.\.\.|True|Treatment\(([A-Z_, ]+)\))\)?")
"""Class or function, argument, and what stands for its value."""

FORMS = [
    (option, ("density-g-ml",), "--density-g-ml", "RunOptions(density_g_ml=...)"),
    (option, ("vials", 3), "--vials 3", "vials=3"),
    (option, ("model", "mird"), "--model mird", 'model="mird"'),
    (option, ("overwrite",), "--overwrite", "overwrite=True"),
    (option, ("role", ("L[0-9]*", "tumour"), ("O'Neil", "liver")),
     "--role 'L[0-9]*=tumour' --role 'O'\"'\"'Neil=liver'",
     'roles={"L[0-9]*": "tumour", "O\'Neil": "liver"}'),
    (option, ("choose", ("ct", "Läsion, 2 mm")), '--choose ct="Läsion, 2 mm"',
     'choose={"ct": "Läsion, 2 mm"}'),
    (named, ("identity",), "--identity", "identity"),
    (named, ("lung-shunt",), "--lung-shunt", "lung_shunt_fraction"),
    (together, ("height-cm", "weight-kg"), "--height-cm and --weight-kg",
     "height_cm=... and weight_kg=..."),
    (together, ("given-gbq", "injected"), "--given-gbq and --injected",
     "RunOptions(given=Treatment(PRODUCT, ACTIVITY_BQ, INJECTED))"),
    (accepted, ("A. Example", "why"), '"A. Example: why"', 'AcceptedStop("A. Example", "why")'),
]  # fmt: skip


@pytest.mark.parametrize(("say", "words", "typed", "written"), FORMS)
def test_one_call_gives_the_form_of_either_face(say, words, typed: str, written: str) -> None:
    assert say(*words) == written
    with speaking_to("command line"):
        assert say(*words) == typed
    assert say(*words) == written


def test_what_is_written_is_python_and_what_is_typed_is_one_word_for_a_shell() -> None:
    name = 'a "b" \\ c'
    assert eval(f"dict({option('choose', ('ct', name))})") == {"choose": {"ct": name}}
    stop = eval(accepted("A. Example", 'said "yes"'), {"AcceptedStop": AcceptedStop})
    assert stop.reason == 'said "yes"'


def test_a_thread_of_a_command_speaks_as_the_command_does() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # the thread is there before the command
        with speaking_to("command line"):
            assert pool.submit(option, "vials").result() == "--vials"
        assert pool.submit(option, "vials").result() == "vials=..."


def test_a_command_in_this_process_leaves_python_to_speak_as_before() -> None:
    assert refusal("run", "away", "--product", "resin-y90", "--model", "mird", "--identity", "x",
                   "--out", "new").startswith("--identity must be")  # fmt: skip
    assert named("identity") == "identity"


def commands(node: typer.core.TyperCommand | None = None) -> Iterator[typer.core.TyperCommand]:
    """Every command of the program."""
    node = node or typer.main.get_command(app)
    yield node
    for child in getattr(node, "commands", {}).values():
        yield from commands(child)


@pytest.mark.parametrize("name", sorted(PYTHON))
def test_each_name_is_an_option_and_an_argument_of_what_is_public(name: str) -> None:
    assert any(f"--{name}" in each.opts for command in commands() for each in command.params)
    match = FORM.fullmatch(PYTHON[name])
    assert match, PYTHON[name]
    owner, argument, value, of_treatment = match.groups()
    takers = {each for each in workflow.__all__ if argument in taken(getattr(workflow, each))}
    assert takers if owner is None else owner in takers
    if value == "True":
        assert taken(getattr(workflow, sorted(takers)[0]))[argument].annotation in ("bool", bool)
    if of_treatment:
        assert of_treatment.lower().split(", ") == [field.name for field in fields(Treatment)]


def taken(of: object) -> dict[str, inspect.Parameter]:
    """Arguments of a verb, or of a class of options."""
    return dict(inspect.signature(of).parameters)


def test_results_go_to_a_place_by_one_name() -> None:
    assert [name for name in workflow.__all__ if "out" in taken(getattr(workflow, name))] == []


def test_the_table_holds_what_messages_name_and_nothing_else() -> None:
    used = {
        part.value
        for _, tree in parsed()
        for node in ast.walk(tree)
        if called(node) in CALLS.keys() - {"accepted"}
        for part in (node.args if called(node) == "together" else node.args[:1])
        if isinstance(part, ast.Constant)
    }
    of_monte_carlo = {field.name for field in fields(MonteCarloOptions)}
    assert used | of_monte_carlo == set(PYTHON)


def test_no_text_outside_the_command_line_names_an_option_itself() -> None:
    """Docstrings aside; there too, dashes before a name that is put in."""
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path, tree in parsed()
        if path.parent.name != "cli" and path.name != "asking.py"
        for node in shown_nodes(tree)
        if OPTION.search(literal(node))
    ]
    assert found == []
    (shown,) = ast.parse('f"give --{name}"').body
    assert OPTION.search(literal(shown.value))


def literal(node: ast.AST) -> str:
    """A text as written, with letters for each value put into it."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = (part.value if isinstance(part, ast.Constant) else "xx" for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def test_texts_are_made_when_they_are_said() -> None:
    """A constant, or a default, would speak to whoever imported it."""
    early = [
        (path.name, node.lineno)
        for path, tree in parsed()
        for node in outside_functions(tree)
        if called(node) in CALLS
    ]
    assert early == []


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run when a module is imported."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from outside_functions(child.args)
            continue
        yield child
        yield from outside_functions(child)


def test_all_that_says_something_is_known_here() -> None:
    assert set(CALLS) == {"accepted", "named", "option", "together"}
