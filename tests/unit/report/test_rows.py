"""What stands around the numbers: images, people, what was left out, sources, and their order."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from opensirt.case import Case, LeftOut, Patient, StudyImage, Treatment
from opensirt.findings import Finding
from opensirt.image import Grid, Volume
from opensirt.io.dicom_identity import Identity
from opensirt.plan.plan import Formula
from opensirt.provenance import Provenance
from opensirt.report import Picture, render_html, render_pdf
from opensirt.units import Unit
from tests.unit.report.samples import described, limit, region, sample_plan

GRID = Grid.regular((3, 4, 5), (2.0, 3.0, 4.5), (-10.0, 20.0, 30.0))


def rows(found) -> list[tuple[str, str, str]]:
    return [(row.label, row.value, row.note) for row in found]


def image(role: str, label: str, unit: Unit, nuclide: str | None = None, **more) -> StudyImage:
    return StudyImage(role, Volume(np.zeros(GRID.shape), GRID, unit, nuclide), label, **more)


def test_each_image_has_its_place_its_time_and_what_reading_it_took():
    when = datetime(2026, 2, 3, 14, 5, tzinfo=UTC)
    spect = image(
        "planning-activity", "MAA", Unit.COUNTS, "tc99m", acquired=when, notes=("even gaps", "cut")
    )
    case = Case(
        "c-7", images=(image("ct", "Abdomen", Unit.HU), spect), patient=Patient(weight_kg=71.6),
        left_out=(LeftOut("mr.dcm", "another frame"),),
    )  # fmt: skip
    place = "3 x 4 x 5 voxels of 2 x 3 x 4.5 mm at (-10, 20, 30) mm"
    report = described(case=case)
    assert rows(report.study) == [
        ("Case", "c-7", "pseudonym"),
        ("Image, ct", "Abdomen", f"{place}; time not stated"),
        (
            "Image, planning-activity", "MAA, tc99m",
            f"{place}; 2026-02-03 14:05; even gaps; cut",
        ),
        ("Patient", "72 kg", ""),
    ]  # fmt: skip
    assert rows(report.left_out) == [("mr.dcm", "another frame", "")]
    assert rows(described(case=Case("c-8")).study) == [("Case", "c-8", "pseudonym")]


def test_a_kept_identity_is_a_row_for_each_fact_that_is_there():
    source = Dataset()
    source.PatientName, source.PatientID, source.AccessionNumber = "Doe^Ann", "P 7", "A-9"
    report = described(identity=Identity(source))
    assert rows(report.patient) == [
        ("name", "Doe^Ann", ""), ("patient id", "P 7", ""), ("accession number", "A-9", ""),
    ]  # fmt: skip
    assert report.identity is not None
    assert described().patient == ()


@pytest.mark.parametrize("read", ["3", "not read"])
def test_a_source_is_marked_where_a_limit_of_it_was_not_read(read):
    plan = sample_plan(
        limits=(limit("lung-mean", "at most", 30.0, source="weber2022", level_of_evidence=read),)
    )
    findings = (
        Finding("note", "a-b", "A.", "weber2022"),
        Finding("warn", "c-d", "C.", "chiesa2021"),
    )
    notes = {row.label: row.note for row in described(plan, findings=findings).references}
    assert notes == {
        "weber2022": "not verified here" if read == "not read" else "", "chiesa2021": "",
    }  # fmt: skip


def test_every_source_is_listed_once_in_the_order_met():
    """Of findings, then of formulae, then of the plan and the case; an assumption is none."""
    plan = sample_plan(
        limits=(),
        formulae=(Formula("x", "y", "z", "chiesa2021"), Formula("x", "y", "z", "weber2022")),
        provenance=Provenance(citations=("vanroekel", "chiesa2021")),
    )
    case = Case("c", provenance=Provenance(citations=("low1998",)))
    findings = (
        Finding("note", "a-b", "A.", "weber2022"), Finding("warn", "c-d", "C.", "assumption"),
        Finding("warn", "e-f", "E."),
    )  # fmt: skip
    found = described(plan, findings=findings, case=case)
    assert [row.label for row in found.references] == [
        "weber2022", "chiesa2021", "vanroekel", "low1998",
    ]  # fmt: skip


def test_the_gravest_findings_come_first_and_give_the_verdict():
    findings = tuple(
        Finding(severity, f"x-{n}", f"{n}.")
        for n, severity in enumerate(("note", "stop", "warn", "note", "stop"))
    )
    report = described(findings=findings)
    assert [f.code for f in report.findings] == ["x-1", "x-4", "x-2", "x-0", "x-3"]
    assert [f.code for f in report.stops] == ["x-1", "x-4"]
    assert report.verdict == "stop"
    assert described(findings=findings[2:4]).verdict == "warn"
    assert described().verdict is None


def test_findings_of_two_severities_or_sources_are_two_lines():
    same = [
        Finding("warn", "a-b", "Lesion 'A' is 3 mL.", "weber2022"),
        Finding("note", "a-b", "Lesion 'B' is 3 mL.", "weber2022"),
        Finding("warn", "a-b", "Lesion 'C' is 3 mL.", "chiesa2021"),
        Finding("warn", "a-b", "Lesion 'D' is 4.5 mL.", "weber2022"),
    ]
    assert [f.text for f in described(findings=same).findings] == [
        "Lesion 'A' is 3 mL. The same for 1 more: D (4.5).",
        "Lesion 'C' is 3 mL.",
        "Lesion 'B' is 3 mL.",
    ]


def test_the_pdf_is_told_each_picture_with_its_share_of_the_page(monkeypatch):
    """What the layout reads from its folder: numbers as words, pictures as files beside them."""
    told = {}

    def compile_(source, *, root, font_paths):
        folder = Path(root)
        told.update(json.loads((folder / "report.json").read_text()))
        told["files"] = {path.name: path.read_bytes() for path in folder.glob("*.png")}
        assert Path(source).name == "report.typ"
        assert font_paths
        return b"%PDF"

    monkeypatch.setattr("typst.compile", compile_)
    pictures = (
        Picture("planes", "Planes", "Through A.", b"one"),
        Picture("tumours-1", "Each", "Cut-outs.", b"two", 0.4),
    )
    report = replace(described(), pictures=pictures)
    assert render_pdf(report) == b"%PDF"
    assert told["pictures"] == [
        {"name": "planes", "title": "Planes", "caption": "Through A.", "width_percent": 100.0},
        {"name": "tumours-1", "title": "Each", "caption": "Cut-outs.", "width_percent": 40.0},
    ]
    assert told["files"] == {"planes.png": b"one", "tumours-1.png": b"two"}
    assert told["headline"][0]["value"] == "2.00 GBq"
    assert (told["results"], told["doses"], told["histograms"]) == ({}, [], [])


def test_the_page_shows_each_picture_with_its_own_bytes():
    pictures = (
        Picture("planes", "Planes", "Through A.", b"one"),
        Picture("dvh", "Curves", "All.", b"two"),
    )
    page = render_html(replace(described(), pictures=pictures))
    for picture in pictures:
        encoded = base64.b64encode(picture.png).decode("ascii")
        assert page.count(encoded) == 1
        assert page.index(encoded) < page.index(picture.caption)


def test_what_reading_and_planning_assumed_is_listed_once():
    plan = sample_plan(provenance=Provenance(assumptions=("Planned.", "Both.")))
    case = Case("c", provenance=Provenance(assumptions=("Read, table not read.", "Both.")))
    found = described(plan, findings=(Finding("warn", "a-b", "Planned."),), case=case)
    assert found.assumptions == ("Read.", "Both.")


def test_the_closest_limit_is_no_aim():
    """36 Gy are 180 % of an aim of 20 Gy and 90 % of a limit of 40 Gy; the lungs have 30 %."""
    limits = (
        limit("perfused-normal-mean", "at least", 20.0),
        limit("perfused-normal-mean", "at most", 40.0),
        limit("tumour-mean", "at least", 100.0),
        limit("lung-mean", "at most", 30.0),
    )
    cards = {row.label: row for row in described(sample_plan(limits=limits)).headline}
    assert cards["Binding limit"].note == "closest: perfused normal liver 36.0 of 40 Gy (90%)"


def test_an_effect_of_nothing_is_a_row_and_an_unknown_one_is_none():
    effect = {"bed_gy": 0.0, "eqd2_gy": 0.0, "eud_gy": 0.0, "eubed_gy": 0.0}
    doses = (
        region("cold", "tumour", 0.0, 9.0, **effect),
        region("other", "other", 3.0, 9.0),
    )
    assert described(doses=doses).effect_table.rows == (("cold", *("0.0",) * 4),)
    assert described(doses=doses[1:]).effect_table is None


def test_smaller_lesions_have_a_share_where_each_has_one():
    """Thirteen lesions, three of them in one row, and one of the three without a share."""
    for missing, share in ((None, "0.6%"), (2, "–")):
        lesions = tuple(
            region(
                f"L{n}", "tumour", 9.0, float(n),
                activity_fraction=None if n == missing else 0.001 * n,
            )
            for n in range(1, 14)
        )  # fmt: skip
        rows = described(doses=lesions).dose_table.rows
        (small,) = [row for row in rows if "smaller lesions" in row[0]]
        assert small[2] == share


def test_a_verification_says_so_and_has_nothing_to_draw_up():
    """1.8 GBq of 2.0 drawn up reached the patient; the plan of the same has the same numbers."""
    injected = datetime(2026, 2, 3, 14, 5, tzinfo=UTC)
    case = Case("c-7", treatment=Treatment("resin-y90", 1.8e9, injected))
    stop = (Finding("stop", "lung-dose-limit", "54 Gy."),)
    report = described(sample_plan(is_given=True), case=case, findings=stop)
    assert rows(report.headline)[:2] == [
        ("Activity given, as stated", "1.80 GBq", "48.6 mCi, 2026-02-03 14:05 UTC"),
        ("Activity drawn up", "2.00 GBq", "residual fraction 10.0%"),
    ]
    assert rows(report.headline)[4][2] == "doses of the activity given"
    assert "Binding limit" not in [row.label for row in report.headline]
    page = render_html(report)
    assert "<title>Radioembolization given: verification c-7</title>" in page
    assert "<h1>Radioembolization given: verification</h1>" in page
    for words in ("draw up", "do not treat", "No RT Plan was written", "Radioembolization plan"):
        assert words not in page
        assert words in render_html(described(case=case, findings=stop)), words
    assert "a verification has no RT Plan" in page
    whole = described(sample_plan(is_given=True, residual_fraction=0.0), case=Case("c-7"))
    assert rows(whole.headline)[0][2] == "48.6 mCi, time not stated"
    assert "drawn up" not in render_html(whole)


def test_signatures_stand_on_page_one_and_captions_beside_no_table_that_scrolls():
    findings = [Finding("warn", f"x-{n}", f"Warning {n}.") for n in range(2)]
    findings += [Finding("stop", "x-stop", "No."), Finding("note", "x-note", "So.")]
    page = render_html(described(findings=findings))
    first = page[page.index('<div class="first">') : page.index("<h2>Warnings</h2>")]
    assert "Doses and limits" in first
    assert "Medical physicist, date" in first
    assert "With the 2 warnings of this report." in first
    assert "With the 1 warning of this report." in render_html(described(findings=findings[:1]))
    assert "Without warnings." in render_html(described())
    templates = resources.files("opensirt") / "templates"
    for name in ("report.html.j2", "report.typ"):
        assert "report.sign_note" in (templates / name).read_text(encoding="utf-8")
    assert "<caption>" not in page
    assert page.index("</table></div>") < page.index("Model: uniform dose per compartment")
