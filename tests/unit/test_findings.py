"""Findings, and who may accept a stop."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError
from opensirt.findings import AcceptedStop, Finding, as_fraction, percent, stops_of, worst_severity

NOTE, WARN, STOP = (Finding(s, f"a-{s}", f"{s}.", "weber2022") for s in ("note", "warn", "stop"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Al", "ok"), ("A" * 64, "b" * 400), ("Dr 1 A. B", "7 x 7 Gy: yes"), ("Åsa Ö", "därför")],
)
def test_a_name_and_a_reason_may_be_as_short_and_as_long_as_this(name, reason):
    found = AcceptedStop.parse(f"  {name} :  {reason}  ")
    assert (found.name, found.reason) == (name, reason)


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("A", "agreed", "a name of 2 letters to 64 printable"),
        ("A" * 65, "agreed", "a name of 2 letters to 64 printable"),
        ("Dr A. B", "x", "a reason of 2 letters to 400 printable"),
        ("Dr A. B", "b" * 401, "a reason of 2 letters to 400 printable"),
        ("Dr A.\nB", "agreed", "a name of 2 letters"),
        ("lung-dose-limit", "agreed", "accepted by a person"),
        ("lung-dose-limit, a-b", "agreed", "accepted by a person"),
    ],
)
def test_shorter_longer_or_the_code_of_a_finding_is_refused(name, reason, said):
    with pytest.raises(InputError, match=said):
        AcceptedStop(name, reason)


@pytest.mark.parametrize("name", ["A Stop", "a_stop", "A  stop"])
def test_a_name_that_reads_as_the_code_of_a_finding_is_refused(name):
    accepted = AcceptedStop(name, "agreed")
    accepted.require_person((NOTE, WARN))
    with pytest.raises(InputError, match="got the code of a finding"):
        accepted.require_person((NOTE, WARN, STOP))


def test_stops_are_those_that_stop():
    assert stops_of((NOTE, STOP, WARN, STOP)) == (STOP, STOP)
    assert stops_of((NOTE, WARN)) == ()
    assert worst_severity((NOTE, WARN, NOTE)) == "warn"
    assert worst_severity((WARN, STOP, NOTE)) == "stop"
    assert worst_severity(()) is None


def test_a_finding_as_plain_values():
    assert WARN.as_dict() == {
        "severity": "warn", "code": "a-warn", "text": "warn.", "source": "weber2022",
    }  # fmt: skip
    assert [percent(0.1234), percent(0.1234, 1), percent(1.5, 2)] == ["12 %", "12.3 %", "150.00 %"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [(5, "5 % is 0.05"), (12.5, "12.5 % is 0.125"), (1, "1 % is 0.01"), (100, "5 % is 0.05"),
     (0.99, "5 % is 0.05"), (-3, "5 % is 0.05"), (float("nan"), "5 % is 0.05")],
)  # fmt: skip
def test_a_percentage_as_the_fraction_to_type(typed: float, said: str) -> None:
    assert as_fraction(typed) == said
