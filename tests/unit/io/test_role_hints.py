"""What is suggested for regions without a role; nothing where a name means two things."""

from __future__ import annotations

import shlex

import pytest

from opensirt.asking import speaking_to
from opensirt.io.role_hints import likely_role, listed, role_hints


def typed(*names: str) -> list[str]:
    with speaking_to("command line"):
        return [hint.typed for hint in role_hints(dict.fromkeys(names, "other"))]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Leber MH", "liver"), ("Livr", "liver"), ("Lebber", "liver"), ("Liv", "liver"),
        ("Tumr 3", "tumour"), ("GTV dr smith", "tumour"), ("Met S4", "tumour"),
        ("Lesion segment 4", "tumour"), ("Metastase rechter Lappen", "tumour"), ("Tu 1", "tumour"),
        ("Nekr 1", "necrosis"), ("Nec", "necrosis"),
        ("Fegato MH", "liver"), ("Polmoni MH", "lungs"), ("Duod 1", "bowel"),
        ("Lebermetastse", "tumour"), ("GB", "gallbladder"), ("VB", "gallbladder"),
        ("Stomack", "stomach"), ("Lunge MH", "lungs"), ("Tumor Nekrose MH", "necrosis"),
        ("Perf. Vol.", "perfused"), ("Perf_Vol_re", "perfused"), ("PerfVol", "perfused"),
    ],
)  # fmt: skip
def test_a_name_that_says_it_nearly(name: str, role: str) -> None:
    assert likely_role(name) == role


@pytest.mark.parametrize(
    "name",
    [
        "PTV Leber ohne Tumor", "Leber-GTV", "Leber segment 4", "rechter Leberlappen", "Leberzyste",
        "kidney tumor", "Metastase Niere", "lymph node met", "Milz", "spleen", "foie sain", "x",
        "Lunge Leber", "treated", "vésicule", "Restleber", "Tumorsaum Rand", "",
        "non perf vol", "perf lung",
    ],
)  # fmt: skip
def test_a_name_of_two_meanings_or_none_gets_no_suggestion(name: str) -> None:
    assert likely_role(name) is None


def test_numbered_lesions_are_one_pattern_that_leaves_the_liver_alone() -> None:
    assert typed(*(f"L{n}" for n in range(1, 41)), "Milz") == ["--role 'L[0-9]*=tumour'"]
    assert typed("Met 1", "Met 2", "GB") == ["--role 'Met [0-9]*=tumour'", "--role GB=gallbladder"]
    assert typed("Spot [a] 1", "Spot [a] 2") == []
    assert typed("L [a]1", "L [a]2") == []
    assert typed("L1") == []
    assert typed("ROI 1", "ROI 2", "Segment_1", "Segment_2", "os1", "os2") == []
    (hint,) = role_hints({"L1": "other", "L2": "other", "L3": "tumour"})
    assert hint.names == ("L1", "L2")


def test_what_is_printed_is_read_by_a_shell_as_it_is_meant() -> None:
    (said,) = typed("Tumr O'Neil [2]")
    assert shlex.split(said) == ["--role", "Tumr O'Neil [2]=tumour"]


def test_a_list_of_names_stays_short() -> None:
    assert listed([]) == "none"
    assert listed([str(n) for n in range(32)]).endswith("28, 29 and 2 more")
