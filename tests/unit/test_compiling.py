"""Machine code is made once, and said to be."""

from __future__ import annotations

import numba

from opensirt.compiling import telling_of_compilation
from opensirt.workflow import make_machine_code
from tests.command_line import call_json


def test_what_is_compiled_is_told_and_what_is_there_is_not() -> None:
    names: list[str] = []

    @numba.njit
    def twice(value: float) -> float:
        return 2.0 * value

    with telling_of_compilation(names.append):
        assert twice(2.0) == 4.0
        assert names == ["twice"]
        assert twice(3.0) == 6.0
        assert names == ["twice"]
        twice(1)
        assert names == ["twice", "twice"]
    twice(1j)
    assert len(names) == 2


def test_code_made_ahead_leaves_none_to_make() -> None:
    said: list[str] = []
    make_machine_code(lambda what, done: said.append(what))
    assert {"engine local", "engine monte-carlo", "done"} <= set(said)
    assert make_machine_code()[0] == 0


def test_the_doctor_makes_it_when_asked() -> None:
    assert "warm" not in call_json("doctor")
    assert call_json("doctor", "--warm")["warm"]["compiled"] == 0
