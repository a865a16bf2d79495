"""Tables at their edges: values on a bound, parts not known, one more than a table holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.plan.plan import LungDose, PlannedDose
from opensirt.report import OrganDose
from tests.unit.report.samples import described, limit, region, sample_doses, sample_plan

HAIR = 1e-12


def one_tumour(aim, dose_gy: float):
    tumour = PlannedDose("Tumour 1", "tumour", 100.0, dose_gy, 0.2)
    return described(sample_plan(tumours=(tumour,), limits=(aim,))).limit_table.rows[0][5]


@pytest.mark.parametrize(
    ("dose_gy", "verdict"),
    [
        (205.0 * (1 - HAIR), "reached"),
        (205.0 * (1 - 1e-6), "not reached"),
        (300.0 * (1 + HAIR), "reached"),
        (300.0 * (1 + 1e-6), "ABOVE"),
    ],
)
def test_rounding_alone_misses_no_aim_and_exceeds_none(dose_gy: float, verdict: str) -> None:
    assert one_tumour(limit("tumour-mean", "at least", 205.0, upper=300.0), dose_gy) == verdict


@pytest.mark.parametrize(
    ("dose_gy", "verdict"),
    [(30.0, "kept"), (30.0 * (1 + HAIR), "kept"), (30.0 * (1 + 1e-6), "BROKEN")],
)
def test_a_limit_is_kept_up_to_its_value(dose_gy: float, verdict: str) -> None:
    lung = LungDose(0.1, 995.0, dose_gy)
    rows = described(sample_plan(lung=lung)).limit_table.rows
    assert next(row for row in rows if row[0] == "lungs")[5] == verdict


def test_the_row_of_all_treatments_is_there_with_its_limit_alone() -> None:
    rows = described(sample_plan(limits=(limit("lung-mean", "at most", 30.0),))).limit_table.rows
    assert [row[0] for row in rows][-1] == "lungs"


def test_what_a_plan_does_not_know_has_no_row() -> None:
    plan = sample_plan(
        tumours=(), normal=None, whole_normal=None, perfused=None, whole_liver=None,
        tumour_to_normal=None, limits=(),
    )  # fmt: skip
    table = described(plan).limit_table
    assert [row[0] for row in table.rows] == ["lungs"]
    assert table.caption.startswith("Model: uniform dose")
    assert described(plan).headline[6].note == ""


def test_lesions_that_the_voxels_do_not_show_have_no_voxel_mean() -> None:
    """Of two lesions one is below a voxel: the mean is that of the other."""
    doses = tuple(d for d in sample_doses() if d.name != "Tumour 2")
    rows = described(doses=doses).limit_table.rows
    assert [row[:3] for row in rows[:3]] == [
        ("2 tumours, mean by mass", "150.0", "154.0"),
        ("lowest: Tumour 2", "130.0", "–"),
        ("highest: Tumour 1", "160.0", "154.0"),
    ]
    none = tuple(d for d in sample_doses() if d.role != "tumour")
    assert described(doses=none).limit_table.rows[0][2] == "–"


def test_a_region_without_share_or_limit_has_dashes() -> None:
    doses = (
        region("a", "other", 5.0, 0.123, activity_fraction=None, limit_gy=40.0),
        region("b", "other", 5.0, 0.96, v_limit_fraction=0.5),
        region("c", "other", 5.0, 1.04, limit_gy=40.0, v_limit_fraction=1.0),
    )
    rows = described(doses=doses).dose_table.rows[:3]
    assert [(row[1], row[2], row[3], row[9]) for row in rows] == [
        ("0.12", "–", "–", "–"), ("0.96", "31.0%", "–", "–"), ("1.0", "31.0%", "–", "100% ≥ 40 Gy"),
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "shown"), [(12, 12), (13, 10)])
def test_of_more_than_twelve_effects_the_ten_largest_are_shown(count: int, shown: int) -> None:
    effect = {"bed_gy": 9.0, "eqd2_gy": 8.0, "eud_gy": 7.0, "eubed_gy": 6.0, "response": "soft."}
    doses = tuple(region(f"L{n}", "tumour", 9.0, float(n), **effect) for n in range(1, count + 1))
    table = described(doses=doses).effect_table
    assert table is not None
    assert [row[0] for row in table.rows] == [f"L{n}" for n in range(count - shown + 1, count + 1)]
    assert ("3 smaller lesions are in results.json." in table.caption) is (count == 13)
    assert table.caption.startswith("Linear-quadratic model. Soft.")


def test_a_product_without_spheres_says_nothing_of_them() -> None:
    cards = {row.label: row for row in described(sample_plan(spheres=None)).headline}
    assert cards["Product"].note == ""


def test_a_scenario_does_not_stand_among_measured_doses_unmarked():
    organ = OrganDose(region("o5", "other", 5.0, 9.0), 0.0, "counts")
    measured = described(organs=(organ,)).limit_table
    supposed = described(organs=(replace(organ, in_map_gy=0.5),)).limit_table
    assert (measured.rows[-1][0], supposed.rows[-1][0]) == ("o5", "o5, scenario")
    assert "Scenario" not in measured.caption
    assert supposed.caption.endswith(
        "Scenario: no dose of the map, but what the counts seen in the organ would mean as spheres."
    )


def test_a_lesion_perfused_in_part_is_named_where_the_model_gives_its_dose():
    """160 Gy to 60 % of it are 96 Gy over all of it, and miss an aim of 150 Gy."""
    plan = sample_plan()
    part = replace(plan.tumours[0], perfused_fraction=0.6)
    plan = replace(plan, tumours=(part, plan.tumours[1]))
    report = described(plan)
    words = "Perfused in part: Tumour 1 60%. The model's mean is that of this part"
    for table in (report.limit_table, report.dose_table):
        assert words in table.caption
    assert report.limit_table.rows[0][-1] == "0 of 2"
    whole = described()
    assert "in part" not in whole.limit_table.caption + whole.dose_table.caption
    assert whole.limit_table.rows[0][-1] == "1 of 2"
