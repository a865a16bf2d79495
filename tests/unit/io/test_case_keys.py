"""Numbers in case.toml: at and on each side of their bounds."""

from __future__ import annotations

import math

import pytest

from opensirt.errors import CaseError
from opensirt.io.case_keys import Table


def read(value: object, **bounds: float | bool) -> float | None:
    return Table.of("[x]", {"n": value}, ("n",)).number("n", **bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.0, 0, 0.05, 0.999])
def test_a_fraction_from_nothing_to_below_one(value: float) -> None:
    assert read(value, below=1.0, zero=True) == value


@pytest.mark.parametrize("value", [1.0, 1, 1.2, -0.01, math.nan, math.inf, True, "0.5"])
def test_a_fraction_of_one_or_more_is_refused(value: object) -> None:
    with pytest.raises(CaseError, match=r"'n' must be a number from 0 and below 1.*; found"):
        read(value, below=1.0, zero=True)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_an_amount_is_above_nothing(value: float) -> None:
    with pytest.raises(CaseError, match="key 'n' must be a number above 0; found"):
        read(value)
    assert read(1e-9) == 1e-9
    assert Table.of("[x]", {}, ("n",)).number("n") is None
