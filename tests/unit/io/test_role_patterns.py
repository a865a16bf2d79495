"""Roles by name and by pattern: who wins, what keeps its role, what fits nothing."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.io.role_patterns import given_roles

LESIONS = tuple(f"L{number}" for number in range(1, 41))
STUDY = {"Liver": "liver", "Lungs": "lungs", **dict.fromkeys(LESIONS, "other"), "Milz": "other"}


def test_forty_lesions_by_one_pattern_and_the_liver_stays() -> None:
    """`L*` fits "Liver" and "Lungs" too, whose names say what they are."""
    given = given_roles(STUDY, {"L*": "tumour"})
    assert given.roles == dict.fromkeys(LESIONS, "tumour")
    (told,) = given.findings
    assert (told.severity, told.code) == ("note", "role-kept")
    assert told.text.startswith("'L*' = tumour leaves Liver (liver), Lungs (lungs) as it is")
    assert given_roles(STUDY, {"L[0-9]*": "tumour"}).findings == ()


def test_a_name_in_full_comes_before_a_pattern_and_before_the_role_it_has() -> None:
    given = given_roles(STUDY, {"L*": "tumour", "L7": "necrosis", "Liver": "other"}).roles
    assert (given["L6"], given["L7"], given["Liver"]) == ("tumour", "necrosis", "other")


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("L?", 9), ("L??", 31), ("L1*", 11), ("L[12]", 2), ("L[!1]", 8), ("Mil[a-z]", 1), ("*z", 1)],
)
def test_wildcards_are_those_of_a_shell(pattern: str, count: int) -> None:
    assert len(given_roles(STUDY, {pattern: "tumour"}).roles) == count


def test_patterns_are_case_sensitive_and_names_with_brackets_are_names() -> None:
    regions = {"Spot [1]": "other", "Spot 1": "other"}
    assert given_roles(regions, {"Spot [1]": "tumour"}).roles == {"Spot [1]": "tumour"}
    with pytest.raises(UnknownNameError, match=r"no region fits the pattern 'spot\*' \(did you"):
        given_roles(regions, {"spot*": "tumour"})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"Lver": "liver"}, r"region 'Lver' is unknown \(did you mean 'Liver'\?\); the case has L"),
        (
            {"Mlz": "other", "Nothing": "tumour"},
            r"region 'Mlz' is unknown \(did you mean 'Milz'\?\), region 'Nothing' is unknown; the",
        ),
        ({"M[0-9]*": "tumour"}, r"no region fits the pattern 'M\[0-9\]\*'"),
        (
            {"Nothing": "tumour"},
            r'L28 and 13 more; for example roles=\{"L\[0-9\]\*": "tumour"\}$',
        ),
    ],
)
def test_names_that_no_region_has_are_told_together(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        given_roles(STUDY, wanted)


def test_a_pattern_changes_no_role_that_a_region_has() -> None:
    with pytest.raises(InputError, match=r"'Li\*' finds only regions that have a role: Liver \("):
        given_roles(STUDY, {"Li*": "tumour"})


def test_two_patterns_of_two_roles_for_one_region_are_refused() -> None:
    with pytest.raises(InputError, match=r"'L1' is tumour by 'L\*' and necrosis by 'L1\*'; name"):
        given_roles(STUDY, {"L*": "tumour", "L1*": "necrosis"})
    assert given_roles(STUDY, {"L*": "tumour", "L1*": "tumour"}).roles["L1"] == "tumour"


def test_a_role_that_there_is_not_is_refused_before_all_else() -> None:
    with pytest.raises(UnknownNameError, match="region role 'tumor' is unknown; choose one of"):
        given_roles(STUDY, {"Nothing": "tumor"})
