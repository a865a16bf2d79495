"""Each number of the report against a plan worked out by hand, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.case import Case, LeftOut
from opensirt.findings import AcceptedStop, Finding
from opensirt.image import Grid, Region
from opensirt.plan.plan import PlannedDose, Prescription
from opensirt.quantify.compartment_findings import coverage_findings
from opensirt.quantify.lesion import Lesion
from opensirt.report import OrganDose, content, render_html, tables
from tests.unit.report.samples import described, limit, region, sample_doses, sample_plan


def cards(**change):
    report = described(sample_plan(**change))
    return {row.label: (row.value, row.note) for row in report.headline}


def test_drawn_up_and_delivered_activity_are_not_the_same():
    """2000 MBq are 54.05 mCi; a tenth stays behind."""
    found = cards()
    assert found["Activity to draw up"] == ("2.00 GBq", "54.1 mCi, at the time of injection")
    assert found["Delivered activity"] == ("1.80 GBq", "residual fraction 10.0%")


def test_the_cards_of_page_one():
    found = cards()
    assert found["Product"] == (
        "Y-90 resin microspheres", "about 40 million spheres at 45 Bq each"
    )  # fmt: skip
    assert found["Indication, intent"] == ("HCC, lobectomy", "as chosen")
    assert found["Planning model"] == ("partition", "prescribed by normal dose, 35 Gy")
    assert found["Dose engine"] == ("local", "49.67 Gy kg/GBq")
    closest = "closest: lungs, all treatments 54.0 of 50 Gy (108%)"
    assert found["Binding limit"] == ("none: prescribed", closest)
    assert cards(limits=())["Binding limit"] == ("none: prescribed", "")
    assert "Body surface area" not in found
    assert cards(bsa_m2=1.734)["Body surface area"][0] == "1.73 m²"


@pytest.mark.parametrize(
    ("prescription", "words"),
    [
        (Prescription("binding-limit"), "largest activity that keeps every limit"),
        (Prescription("activity", 2.5e9), "prescribed by activity, 2.50 GBq"),
        (Prescription("tumour-dose", 120.0), "prescribed by tumour dose, 120 Gy"),
    ],
)
def test_the_prescription_in_words(prescription, words):
    assert cards(prescription=prescription)["Planning model"][1] == words


def test_a_binding_limit_is_named_without_what_was_not_read():
    text = "mean lung dose at most 30 Gy [vanroekel, level of evidence not read]"
    assert (
        cards(binding_limit=text)["Binding limit"][0] == "mean lung dose at most 30 Gy [vanroekel]"
    )


def test_a_choice_nobody_made_stands_on_page_one():
    told = tuple(Finding("warn", f"{what}-not-chosen", "x") for what in ("indication", "intent"))
    for findings, note in (
        (told, "indication and intent not chosen: default"),
        (told[1:], "intent not chosen: default"),
    ):
        report = described(findings=findings)
        assert {row.label: row.note for row in report.headline}["Indication, intent"] == note


def test_doses_beside_limits():
    """By mass: (100 x 160 + 50 x 130) / 150 = 150; in voxels of 100.8 and 65.8 g 142.2."""
    rows = described().limit_table.rows
    assert rows == (
        ("2 tumours, mean by mass", "150.0", "142.2", "at least 150 Gy", "weber2022", "1 of 2"),
        ("lowest: Tumour 2", "130.0", "124.0", "–", "", ""),
        ("highest: Tumour 1", "160.0", "154.0", "–", "", ""),
        ("perfused normal liver", "36.0", "34.0", "at most 40 Gy", "weber2022", "kept"),
        ("perfused normal liver", "36.0", "34.0", "at least 70 Gy", "weber2022", "not reached"),
        ("whole normal liver", "21.0", "20.5", "at most 20 Gy", "weber2022", "BROKEN"),
        ("perfused volume", "72.0", "71.0", "–", "", ""),
        ("whole liver", "48.0", "47.0", "–", "", ""),
        ("lungs", "9.0", "8.0", "at most 30 Gy", "vanroekel", "kept"),
        ("lungs, all treatments", "54.0", "–", "at most 50 Gy", "vanroekel", "BROKEN"),
    )
    assert described().limit_table.caption.startswith("Tumour-to-normal ratio 4.10, by tumour mass")


@pytest.mark.parametrize(
    ("aim", "dose_gy", "shown", "verdict"),
    [
        (limit("tumour-mean", "at least", 205.0, upper=300.0), 250.0, "205 to 300 Gy", "reached"),
        (limit("tumour-mean", "at least", 205.0, upper=300.0), 301.0, "205 to 300 Gy", "ABOVE"),
        (
            limit("tumour-mean", "at least", 205.0, upper=300.0),
            204.0,
            "205 to 300 Gy",
            "not reached",
        ),
        (limit("tumour-mean", "above", 205.0), 205.0, "above 205 Gy", "reached"),
        (limit("tumour-mean", "above", 205.0), 204.9, "above 205 Gy", "not reached"),
    ],
)
def test_an_aim_with_two_ends(aim, dose_gy, shown, verdict):
    tumour = PlannedDose("Tumour 1", "tumour", 100.0, dose_gy, 0.2)
    plan = sample_plan(tumours=(tumour,), limits=(aim,))
    assert described(plan).limit_table.rows[0] == (
        "Tumour 1", f"{dose_gy:.1f}", "154.0", shown, "weber2022", verdict
    )  # fmt: skip


@pytest.mark.parametrize(
    ("whole_gy", "verdict"),
    [
        (149.0, "kept by the whole liver"),
        (150.0, "kept by the whole liver"),
        (151.0, "BROKEN"),
    ],
)
def test_a_limit_that_the_whole_liver_lifts(whole_gy, verdict):
    rule = limit("perfused-mean", "at most", 70.0, unless_whole_liver_gy=150.0)
    liver = PlannedDose("whole liver", "liver", 1550.0, whole_gy, 0.9)
    rows = described(sample_plan(limits=(rule,), whole_liver=liver)).limit_table.rows
    found = next(row for row in rows if row[0] == "perfused volume")
    assert found[3:] == ("at most 70 Gy, or whole liver below 150 Gy", "weber2022", verdict)


def test_each_limit_stands_beside_the_dose_it_judges():
    """Two limits of one compartment: its dose is read in both rows."""
    rules = (limit("perfused-mean", "at most", 70.0), limit("perfused-mean", "at most", 150.0))
    rows = described(sample_plan(limits=rules)).limit_table.rows
    found = [row for row in rows if row[0] == "perfused volume"]
    assert len(found) == 2
    assert found[0][:3] == found[1][:3]
    assert [row[3] for row in found] == ["at most 70 Gy", "at most 150 Gy"]


def test_the_hottest_organs_at_risk_stand_on_page_one():
    many = [
        OrganDose(region(f"o{n}", "other", float(n), 9.0, maximum_gy=3.0 * n), 0.0, "counts")
        for n in (2, 5, 1, 4)
    ]
    rows = described(organs=many).limit_table.rows[-3:]
    assert [row[:4] for row in rows] == [
        ("o5", "–", "5.0", "highest voxel 15.0"),
        ("o4", "–", "4.0", "highest voxel 12.0"),
        ("o2", "–", "2.0", "highest voxel 6.0"),
    ]


def test_what_healthy_tissue_gets_is_read_before_the_rest_and_defaults_last():
    codes = (
        "binding-limit",
        "intent-not-chosen",
        "partial-volume",
        "organ-dose",
        "lung-shunt",
    )
    told = (*(Finding("warn", code, code) for code in codes), Finding("stop", "lung-dose", "x"))
    found = [finding.code for finding in described(findings=told).findings]
    assert found == [
        "lung-dose", "organ-dose", "lung-shunt", "partial-volume",
        "binding-limit", "intent-not-chosen",
    ]  # fmt: skip


def test_an_activity_solved_for_a_limit_does_not_break_it():
    normal = PlannedDose("perfused normal liver", "other", 850.0, 40.0 * (1 + 1e-12), 0.6)
    rows = described(sample_plan(normal=normal)).limit_table.rows
    assert next(row for row in rows if row[0] == normal.name)[5] == "kept"


def test_aims_count_the_tumours_that_the_image_resolves():
    record = sample_plan().provenance.adding(
        options={
            "planning input": {
                "tumours": [
                    {"name": "Tumour 1", "is_measurable": True},
                    {"name": "Tumour 2", "is_measurable": False},
                ]
            }
        }
    )
    assert described(sample_plan(provenance=record)).limit_table.rows[0][5] == "reached"


def test_the_dose_table_column_by_column():
    table = described().dose_table
    assert table.columns == (
        "Region", "mL", "Activity", "Mean, model", "Mean, voxels",
        "D95", "D70", "D50", "D2", "V(limit)",
    )  # fmt: skip
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Tumour 1"] == (
        "96.0", "17.0%", "160.0", "154.0", "154.1", "154.2", "154.3", "154.4", "–"
    )  # fmt: skip
    assert rows["perfused normal liver"] == (
        "810", "31.0%", "36.0", "34.0", "34.1", "34.2", "34.3", "34.4", "23% ≥ 40 Gy"
    )  # fmt: skip
    assert rows["lungs"][:4] == ("3200", "9.0%", "9.0", "8.0")
    assert rows["whole liver"][2:4] == ("48.0", "47.0")
    without = described(doses=sample_doses()[:-1]).dose_table.rows[-1]
    assert without == ("lungs", "–", "10.0%", "9.0", *("–",) * 6)


def test_the_effects_column_by_column():
    table = described().effect_table
    assert table.columns == ("Region", "BED", "EQD2", "EUD", "EUBED")
    assert table.rows == (("Tumour 1", "24.0", "27.0", "25.0", "26.0"),)
    assert "Tumour: alpha 0.002/Gy (assumption)." in table.caption
    assert described(doses=sample_doses()[:4]).effect_table is None


def test_organs_at_risk_column_by_column():
    organ = OrganDose(region("gallbladder", "gallbladder", 184.0, 41.8), 12.5, "counts as spheres")
    table = described(organs=(organ,)).organ_table
    assert table.rows == (("gallbladder", "41.8", "12.5", "184.0", "–", "184.6"),)
    assert table.columns[2:] == (
        "Without own activity", "Dose map", "Mean, scenario", "Highest voxel",
    )  # fmt: skip
    assert table.caption.endswith("Scenario, which the highest voxel follows: counts as spheres.")
    seen = replace(organ, in_map_gy=14.0)
    assert described(organs=(seen,)).organ_table.rows[0][2:] == ("12.5", "14.0", "184.0", "184.6")
    assert described().organ_table is None
    many = [OrganDose(region(f"o{n}", "other", float(n), 9.0), 0.0, "counts") for n in range(1, 15)]
    table = described(organs=many).organ_table
    assert [row[0] for row in table.rows] == [f"o{n}" for n in range(14, 2, -1)]
    assert table.caption.endswith("2 more with less dose are in results.json.")


def test_the_lung_rows():
    rows = [(row.label, row.value, row.note) for row in described().lung]
    assert rows == [
        ("Lung shunt", "10.0%", "measured: counts"),
        ("Lung mass", "995 g", "given for this plan"),
        ("Mean lung dose", "9.0 Gy", "this treatment alone"),
    ]


def test_forty_lesions_share_a_table():
    """Thirteen lesions of 13 down to 1 mL: ten singly, three in one row behind them.

    Small ones: 1, 2, 3 mL with means 101, 102, 103 Gy; of 6, 3 and
    2 g (606 + 306 + 206) / 11 = 101.6. Model: masses as the voxels', doses 10 higher.
    """
    lesions = tuple(
        region(f"L{n}", "tumour", 100.0 + n, float(n), activity_fraction=0.001 * n, mass_g=6.0 / n)
        for n in range(1, 14)
    )
    planned = tuple(PlannedDose(f"L{n}", "tumour", 1.0, 110.0 + n, 0.1) for n in range(1, 14))
    doses = (*sample_doses()[:4], *lesions, sample_doses()[-1])
    table = described(sample_plan(tumours=planned), doses).dose_table
    names = [row[0] for row in table.rows]
    assert [name for name in names if name.startswith("L")] == [f"L{n}" for n in range(4, 14)]
    assert names[-2:] == ["3 smaller lesions, 1.0 to 3.0 mL", "lungs"]
    assert table.rows[-2][1:] == ("6.0", "0.6%", "111.6", "101.6", *("–",) * 5)
    assert "means of 101 to 103 Gy" in table.caption
    twelve = described(sample_plan(tumours=planned), doses[:4] + lesions[:12]).dose_table
    assert sum(row[0].startswith("L") for row in twelve.rows) == 12


def test_repeated_findings_are_one_line_with_the_names():
    cold = [("A", 0.95), ("B", 0.9), ("C", 0.8)]
    code = "tumour-colder-than-liver"
    findings = (
        *(
            Finding("warn", code, f"Lesion {name!r} takes up {ratio} times.")
            for name, ratio in cold
        ),
        Finding("note", "lung-dose-limit-met", "9 Gy; at most 30 Gy: met.", "weber2022"),
        Finding("note", "lung-dose-limit-met", "9 Gy; at most 25 Gy: met.", "weber2022"),
    )
    texts = [finding.text for finding in described(findings=findings).findings]
    assert texts == [
        "Lesion 'A' takes up 0.95 times. The same for 2 more: B (0.9), C (0.8).",
        "9 Gy; at most 30 Gy: met.",
        "9 Gy; at most 25 Gy: met.",
    ]


def test_lesions_that_are_not_perfused_are_one_line_whatever_their_names():
    """An apostrophe puts a name in double quotes; one in the sentence quotes nothing."""
    names = ["Tumour 1", "Tumour 12", "Couinaud's 4", 'say "5"', *(f"L{n}" for n in range(6))]
    grid = Grid.regular((2, 2, 2), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
    part = Region.from_mask("part", "tumour", np.ones(grid.shape), grid)
    none = Region.from_mask("none", "tumour", np.zeros(grid.shape), grid)
    found = coverage_findings([Lesion(name, part, part, none, False) for name in names])
    assert len(found) == 10
    (line,) = described(findings=found).findings
    assert (line.severity, line.code) == ("warn", "lesion-not-perfused")
    assert line.text == (
        "Lesion 'Tumour 1' lies outside the perfused volume; it is not treated. The same for 9 "
        'more: Tumour 12, Couinaud\'s 4, say "5", L0, L1, L2, L3, L4, L5.'
    )
    apart = [Finding("note", "x-y", f"The maker's {what} and the lungs' mean.") for what in "ab"]
    assert len(described(findings=apart).findings) == 2


def test_what_nobody_read_is_said_once_in_the_references():
    text = "9.0 Gy planned; at most 30 Gy (one treatment): met (level of evidence not read)."
    finding = Finding("note", "lung-dose-limit-met", text, "vanroekel")
    report = described(findings=(finding, Finding("note", "x-y", "A.", "weber2022")))
    page = render_html(report)
    assert "not read" not in page
    assert report.findings[0].text.endswith("(one treatment): met.")
    notes = {row.label: row.note for row in report.references}
    assert notes == {"vanroekel": "not verified here", "weber2022": ""}
    assert page.count("not verified here") == 1


STOP = Finding("stop", "lung-dose-limit", "54 Gy <b>planned</b>.", "weber2022")


def test_a_stop_stands_across_the_head():
    page = render_html(described(findings=(STOP,)))
    head = page.split("Activity to draw up")[0]
    assert "STOP: do not treat on this plan." in head
    assert "54 Gy &lt;b&gt;planned&lt;/b&gt;. [weber2022]" in head
    assert "No RT Plan was written." in head
    assert "STOP" not in render_html(described())


def test_an_accepted_stop_still_stands_with_name_and_reason():
    accepted = AcceptedStop("Dr A. Example", "retreatment agreed")
    page = render_html(described(findings=(STOP,), accepted=accepted))
    assert "Accepted by Dr A. Example: retreatment agreed" in page
    assert "written as UNAPPROVED" in page
    assert "No RT Plan was written" not in page
    assert described(accepted=accepted).accepted is None


def test_assumptions_that_a_finding_says_are_not_repeated():
    record = replace(sample_plan().provenance, assumptions=("Said.", "Not said."))
    report = described(sample_plan(provenance=record), findings=(Finding("warn", "a-b", "Said."),))
    assert report.assumptions == ("Not said.",)


def test_the_study_rows():
    rows = [(row.label, row.value, row.note) for row in described().study]
    assert rows == [("Case", "case-1", "pseudonym"), ("Patient", "165 cm, 64 kg, sex F", "")]


def test_options_are_printed_as_words():
    results = {
        "provenance": {
            "created": "2026", "versions": {"opensirt": "1"}, "inputs": {"ct": "ab" * 32},
            "options": {
                "prescription": {"kind": "normal-dose", "value": 35.0, "for": None},
                "planning input": "x" * 161, "model": "mird", "assume_aligned": False,
                "compare": True, "nothing": None,
            },
        }
    }  # fmt: skip
    rows = {row.label: row.value for row in described(results=results).provenance}
    assert rows["Option prescription"] == "kind normal-dose, value 35"
    assert rows["Option planning input"] == "see results.json"
    assert (rows["Option model"], rows["Input ct"]) == ("mird", "ab" * 8)
    assert (rows["Option assume aligned"], rows["Option compare"]) == ("no", "yes")
    assert "Option nothing" not in rows


@pytest.mark.parametrize(
    ("gray", "shown"),
    [(0.0, "0.0"), (0.019, "0.019"), (0.4, "0.4"), (99.94, "99.9"), (1763.2, "1763"), (None, "–")],
)
def test_digits_of_a_dose_suit_its_size(gray, shown):
    assert tables._gray(gray) == shown


@pytest.mark.parametrize(
    ("volume_ml", "shown"), [(0.0042, "0.0042"), (0.42, "0.42"), (3.52, "3.5"), (1763.2, "1763")]
)
def test_digits_of_a_volume_suit_its_size(volume_ml, shown):
    assert tables._volume(volume_ml) == shown


def test_what_was_left_out_for_one_reason_is_one_row():
    items = (*(LeftOut(f"ROI {n}", "no contours") for n in range(3)), LeftOut("MIP", "a MIP"))
    rows = content._left_out_rows(Case("a", left_out=items))
    assert [(row.label, row.value, row.note) for row in rows] == [
        ("3 of one kind", "no contours", "ROI 0, ROI 1, ROI 2"), ("MIP", "a MIP", ""),
    ]  # fmt: skip


def test_a_report_without_an_identity_has_a_place_to_write_it():
    page = render_html(described())
    assert page.count("<input") == 3
    assert "Hospital number" in page
