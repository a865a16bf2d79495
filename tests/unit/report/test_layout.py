"""HTML and PDF: the numbers are there, and hostile text stays text."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

import opensirt as sirt
from opensirt.case import Case
from opensirt.image import Regions
from opensirt.report import Picture, Report, render_html, render_pdf
from tests.cases import small_case

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "#panic() $x^2$ *bold* _it_ `raw` \\n [box] @ref <lbl> // -- ~",
    "$\\undefined$ ^_",
    "Läsion Ω 肝腫瘍 'quoted' \"double\"",
    "{{ 7 * 7 }} {% raw %} ]]>",
]


def report_of(case: Case, **plan_words) -> Report:
    prepared = sirt.prepare_case(case)
    activity = sirt.quantify_activity(prepared)
    words = {"model": "partition", "product": "resin-y90"} | plan_words
    plan = sirt.make_plan(prepared, activity, **words)
    dose = sirt.compute_dose(prepared, plan.scale(activity), engine="local")
    return sirt.build_report(prepared, plan, dose, engine="local")


def named(case: Case, names: dict[str, str]) -> Case:
    regions = (r.named(names.get(r.name, r.name), r.role) for r in case.regions)
    return replace(case, regions=Regions(tuple(regions)))


def without(case: Case, *names: str) -> Case:
    kept = tuple(region for region in case.regions if region.name not in names)
    return replace(case, regions=Regions(kept))


class Text(HTMLParser):
    """The words a reader sees, and the elements of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.tags, self.attributes = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def plain():
    return report_of(small_case())


def test_html_shows_every_number_of_the_tables(plain):
    page = Text(render_html(plain))
    text = " ".join(" ".join(page.words).split())
    for table in (plain.limit_table, plain.dose_table, plain.effect_table):
        for row in table.rows:
            for cell in row:
                assert " ".join(cell.split()) in text
    for row in plain.headline:
        assert row.value in text
    for formula in plain.formulae:
        assert " ".join(formula.numbers.split()) in text
    for finding in plain.findings:
        assert " ".join(finding.text.split()) in text
    assert plain.notice in text
    assert page.tags.count("img") == len(plain.pictures)


def test_html_is_one_file_without_script_or_links_elsewhere(plain):
    page = render_html(plain)
    assert "script" not in Text(page).tags
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []


def test_the_model_column_is_the_plan(plain):
    rows = {row[0]: row for row in plain.dose_table.rows}
    planned = {part["name"]: part["mean_dose_gy"] for part in plain.results["planned"]}
    assert {"Tumour A", "Tumour B", "perfused volume", "whole normal liver"} <= set(planned)
    for name, mean_gy in planned.items():
        assert rows[name][3] == f"{mean_gy:.1f}"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text_in_html_and_pdf(name):
    case = replace(named(small_case(), {"Tumour A": name}), id=name)
    report = report_of(case)
    page = Text(render_html(report))
    assert "script" not in page.tags
    assert "onerror" not in page.attributes
    assert page.tags.count("img") == len(report.pictures)
    assert any(name in words for words in page.words)
    assert report.case_id == name
    assert name in [row[0] for row in report.dose_table.rows]
    assert render_pdf(report).startswith(b"%PDF-")


def pages_of(pdf: bytes) -> int:
    """Number of pages from the page tree, whose objects may lie in compressed streams."""
    import zlib

    content = pdf
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S):
        try:
            content += zlib.decompress(found.group(1))
        except zlib.error:
            continue
    return len(re.findall(rb"/Type\s*/Page(?![s\w])", content))


def test_pdf_has_pages_and_pictures(plain):
    pdf = render_pdf(plain)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert 2 <= pages_of(pdf) <= 12
    assert len(pdf) > 50_000


def test_what_follows_a_tall_picture_fills_the_page_before_it(plain):
    """Pictures as high as two thirds of a page: what follows stands beside them, not behind."""
    png = io.BytesIO()
    Image.new("L", (100, 95), 128).save(png, "PNG")
    tall = Picture("tall", "Tall", "", png.getvalue())
    named = [replace(tall, name=f"tall-{number}") for number in range(4)]
    few, many = (
        pages_of(render_pdf(replace(plain, pictures=tuple(named[:number])))) for number in (1, 4)
    )
    assert many == few + 2


@pytest.mark.parametrize(
    ("case", "tumours", "tiles"),
    [
        (small_case(), 2, 1),
        (small_case(with_ct=False), 2, 1),
        (without(small_case(), "Tumour B"), 1, 1),
        (without(small_case(), "lungs"), 2, 1),
        (without(small_case(), "perfused right"), 2, 1),
    ],
    ids=["all", "no-ct", "one-tumour", "no-lungs", "no-perfused"],
)
def test_a_report_of_less(case, tumours, tiles):
    report = report_of(case)
    assert sum(d.role == "tumour" for d in report.doses) == tumours
    assert sum(p.name.startswith("tumours-") for p in report.pictures) == tiles
    assert {"planes", "dvh"} <= {p.name for p in report.pictures}
    assert render_html(report).count("<img") == len(report.pictures)
    assert render_pdf(report).startswith(b"%PDF-")
    lungs = [row for row in report.limit_table.rows if row[0] == "lungs"]
    assert len(lungs) == 1
    assert (lungs[0][2] == "–") == ("lungs" not in case.regions)


def test_a_report_without_tumours():
    report = report_of(without(small_case(), "Tumour A", "Tumour B"), model="mird")
    assert [d.name for d in report.doses if d.role == "tumour"] == []
    assert [p.name for p in report.pictures] == ["planes", "dvh"]
    assert report.results["tumour_to_normal"] is None
    assert "perfused volume" in render_html(report)
    assert render_pdf(report).startswith(b"%PDF-")


def test_without_a_ct_the_report_says_what_was_assumed():
    report = report_of(small_case(with_ct=False))
    assert "There is no CT: density 1.06 g/mL everywhere." in report.assumptions
    assert "density 1.06 g/mL" in render_html(report)


def test_findings_are_in_order_of_weight(plain):
    order = ["stop", "warn", "note"]
    weights = [order.index(finding.severity) for finding in plain.findings]
    assert weights == sorted(weights)
    assert plain.verdict == (order[weights[0]] if weights else None)
