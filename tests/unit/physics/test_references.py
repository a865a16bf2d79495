"""Keys of the bibliography become one-line citations."""

from __future__ import annotations

import re
import tomllib

import pytest

from opensirt.errors import TableError, UnknownNameError
from opensirt.physics.references import cite, parse_references, reference, reference_keys
from tests.paths import ROOT

KEY_IN_TEXT = re.compile(r"\[([a-z]+(?:19|20)\d\d|icr[pu]\d+|estar|penelope)\]")


def test_cites_in_one_line():
    assert cite("mosteller1987") == (
        "Mosteller 1987, Simplified calculation of body-surface area, N Engl J Med 317:1098"
    )
    assert cite("weber2022").startswith("Weber et al. 2022, EANM procedure guideline")
    assert cite("weber2022").endswith("49:1682-1699, doi:10.1007/s00259-021-05600-z")


def test_every_key_has_a_citation_of_one_line():
    for key in reference_keys():
        line = cite(key)
        assert len(line) > 20
        assert "\n" not in line
        assert "{" not in line
        assert reference(key).field("title"), key


def test_the_keys_other_parts_need_are_there():
    needed = {
        *("weber2022", "chiesa2021", "levillain2021", "garin2021", "hoang2018", "kao2013"),
        *("vanroekel", "dubois1916", "mosteller1987", "bolch1999", "lanconelli2012"),
        *("graves2019", "strigari2010", "schneider2000", "selwyn2007", "allred2018", "jnm2016ho"),
    }
    assert needed <= set(reference_keys())


def test_sources_of_kernels_docstrings_and_pages_are_in_the_bibliography():
    keys = set(reference_keys())
    kernels = sorted((ROOT / "src/opensirt/tables/kernels").glob("*.toml"))
    assert len(kernels) == 28
    for path in kernels:
        assert set(tomllib.loads(path.read_text())["references"]) <= keys, path.name
    named: set[str] = set()
    for place, kind in (("src", "*.py"), ("validation", "*.py"), ("docs", "*.md")):
        for path in (ROOT / place).rglob(kind):
            named |= set(KEY_IN_TEXT.findall(path.read_text()))
    assert len(named) > 20
    assert named <= keys, sorted(named - keys)


def test_an_assumption_is_said_to_be_one():
    assert cite("assumption") == "Assumption of opensirt, not backed by a publication"


def test_an_unknown_key_is_refused():
    with pytest.raises(UnknownNameError, match="source 'nobody1999' is unknown; add it to tables"):
        cite("nobody1999")


def test_a_key_may_occur_once():
    entry = "@misc{a,\n  title = {One},\n}\n"
    with pytest.raises(TableError, match="key 'a' occurs twice"):
        parse_references(entry + entry)
    with pytest.raises(TableError, match="expected BibTeX entries, found none"):
        parse_references("")


def test_few_authors_are_all_named():
    fields = "author = {Koch, H. W. and Motz, J. W.},\n title = {T},\n year = {1959},\n"
    text = "@article{a,\n " + fields + "}\n"
    assert parse_references(text)["a"].citation == "Koch, Motz 1959, T"


@pytest.mark.parametrize(
    ("authors", "shown"),
    [
        ("Kao, Y. and Hock, J.", "Kao, Hock"),
        ("Kao, Y. and Hock, J. and Burgmans, M.", "Kao, Hock, Burgmans"),
        ("Kao, Y. and Hock, J. and Burgmans, M. and Irani, F.", "Kao et al."),
        ("Kao, Y. and others", "Kao et al."),
        ("{Sirtex Medical}", "Sirtex Medical"),
    ],
)
def test_authors_are_named_up_to_three(authors: str, shown: str):
    text = f"@article{{x1,\n author = {{{authors}}},\n title = {{T}},\n year = {{2020}}\n}}\n"
    assert parse_references(text)["x1"].authors == shown


def test_a_citation_has_its_parts_in_their_order():
    text = (
        "@article{x1,\n author = {Kao, Y.},\n title = {A {T}itle},\n journal = {J Nucl Med},\n"
        " volume = {57},\n pages = {10--19},\n year = {2016},\n doi = {10.1/x},\n note = {N}\n}\n"
        "@book{x2,\n author = {Hock, J.},\n title = {B},\n publisher = {P},\n year = {2001}\n}\n"
        "@misc{x3,\n author = {Irani, F.},\n title = {C},\n howpublished = {web}\n}\n"
    )
    found = parse_references(text)
    assert found["x1"].citation == "Kao 2016, A Title, J Nucl Med 57:10-19, doi:10.1/x, N"
    assert found["x2"].citation == "Hock 2001, B, P"
    assert found["x3"].citation == "Irani, C, web"
    assert [reference.kind for reference in found.values()] == ["article", "book", "misc"]
