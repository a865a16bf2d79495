"""Each limit is judged by the dose of its own compartment, and says which and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.plan.binding import largest_safe_activity
from opensirt.plan.distribution import Distribution
from opensirt.plan.limits import is_lifted, limit_findings
from opensirt.plan.plan import LungInput, PlannedDose, TumourInput
from tests.unit.plan.samples import inputs
from tests.unit.report.samples import limit

DOSES = Distribution(
    lung_dose_gy=9.0,
    perfused=PlannedDose("perfused volume", "perfused", 1450.0, 62.0, 0.9),
    tumours=(
        PlannedDose("T1", "tumour", 200.0, 160.0, 0.3),
        PlannedDose("T2", "tumour", 50.0, 80.0, 0.1),
    ),
    normal=PlannedDose("perfused normal liver", "other", 1200.0, 41.0, 0.5),
    whole_normal=PlannedDose("whole normal liver", "other", 1600.0, 31.0, 0.5),
    whole_liver=PlannedDose("whole liver", "liver", 1900.0, 47.0, 0.9),
)  # fmt: skip
GIVEN = inputs(previous_lung_dose_gy=15.0, lung=LungInput(0.12, 1000.0))


def judged(*limits, doses: Distribution = DOSES, given=GIVEN) -> list[tuple[str, str, str]]:
    """Severity, code and what comes before the limit's own words."""
    found = limit_findings(given, doses, limits)
    return [(f.severity, f.code, f.text.partition(";")[0]) for f in found]


@pytest.mark.parametrize(
    ("quantity", "code", "reached", "words"),
    [
        ("lung-mean", "lung-dose", 9.0, "9.0 Gy planned"),
        ("lung-mean-cumulative", "lung-dose-cumulative", 24.0, "24.0 Gy planned"),
        ("perfused-mean", "perfused-dose", 62.0, "62.0 Gy planned"),
        ("perfused-normal-mean", "perfused-normal-dose", 41.0, "41.0 Gy planned"),
        ("whole-normal-mean", "whole-normal-dose", 31.0, "31.0 Gy planned"),
    ],
)
def test_a_limit_is_kept_up_to_its_value_and_an_aim_reached_from_it_on(
    quantity: str, code: str, reached: float, words: str
) -> None:
    kept = limit(quantity, "at most", reached, severity="stop")
    assert judged(kept)[0] == ("note", f"{code}-limit-met", words)
    broken = limit(quantity, "at most", reached - 0.1, severity="stop")
    assert judged(broken)[0] == ("stop", f"{code}-limit", words)
    met = limit(quantity, "at least", reached)
    assert judged(met)[0] == ("note", f"{code}-target-met", words)
    missed = limit(quantity, "at least", reached + 0.1)
    assert judged(missed)[0] == ("warn", f"{code}-target", words)


def test_the_words_of_a_limit_kept_and_broken() -> None:
    shunt = limit("lung-shunt", "at most", 0.1, unit="1", level_of_evidence="not read")
    (found, *_) = limit_findings(GIVEN, DOSES, (shunt,))
    assert found.text == f"12.0 % lung shunt; {shunt.text}: broken."
    lung = limit("lung-mean", "at least", 30.0)
    (found, *_) = limit_findings(GIVEN, DOSES, (lung,))
    assert found.text == f"9.0 Gy planned; {lung.text}: not reached (level of evidence 3)."
    assert found.source == "weber2022"


@pytest.mark.parametrize(("bound_gy", "severity"), [(47.0, "note"), (46.9, "stop")])
def test_an_exception_holds_up_to_its_dose_in_the_whole_liver(bound_gy, severity) -> None:
    rule = limit("perfused-mean", "at most", 50.0, severity="stop", unless_whole_liver_gy=bound_gy)
    assert judged(rule)[0][::2] == (severity, "62.0 Gy planned, 47.0 Gy in the whole liver")
    assert is_lifted(rule, DOSES) is (severity == "note")
    assert not is_lifted(rule, Distribution(lung_dose_gy=1.0))


def test_lesions_that_can_be_measured_are_judged() -> None:
    aim = limit("tumour-mean", "at least", 100.0)
    (found, *_) = limit_findings(GIVEN, DOSES, (aim,))
    assert found.text == (
        f"1 of 2 tumours do not reach: {aim.text}: 'T2' 80.0 Gy (level of evidence 3)."
    )
    one = (TumourInput("T1", 200.0, 4.0), TumourInput("T2", 50.0, 2.0, is_measurable=False))
    (found, *_) = limit_findings(inputs(tumours=one), DOSES, (aim,))
    assert (found.severity, found.text) == (
        "note", f"The targeted tumour meets: {aim.text} (level of evidence 3)."
    )  # fmt: skip


def test_what_no_limit_speaks_of_is_said() -> None:
    lung = limit("lung-mean", "at most", 30.0)
    assert [(s, c) for s, c, _ in judged(lung)] == [
        ("note", "lung-dose-limit-met"),
        ("note", "no-tumour-threshold"),
        ("warn", "no-liver-limit"),
    ]  # fmt: skip
    aim = limit("tumour-mean", "at least", 100.0)
    liver = limit("whole-normal-mean", "at most", 40.0)
    assert [c for _, c, _ in judged(aim, liver)] == [
        "tumour-dose-target",
        "whole-normal-dose-limit-met",
    ]
    only_aim = limit("perfused-mean", "at least", 40.0)
    assert "no-liver-limit" in [c for _, c, _ in judged(only_aim)]


def test_a_compartment_of_unknown_mass_is_judged_by_the_most_it_can_have() -> None:
    """Normal liver unknown: as much as the perfused volume, 62 Gy, where that has no limit."""
    bare = Distribution(lung_dose_gy=9.0, perfused=DOSES.perfused)
    rule = limit("whole-normal-mean", "at most", 50.0, severity="stop")
    found = limit_findings(replace(GIVEN, normal_mass_g=None), bare, (rule,))
    assert [(f.severity, f.code) for f in found if f.code.startswith(("whole", "limits"))] == [
        ("stop", "whole-normal-dose-limit-unknown-mass"), ("warn", "limits-not-checked"),
    ]  # fmt: skip
    assert found[0].text == (
        "The mass of perfused normal liver is not known, and normal liver may have as much as the "
        f"perfused volume, 62.0 Gy; {rule.text}: may be broken. Give the mass of perfused normal "
        "liver."
    )
    part = Distribution(lung_dose_gy=9.0, perfused=DOSES.perfused, normal=DOSES.normal)
    assert [c for _, c, _ in judged(rule, doses=part)] == [
        "no-tumour-threshold",
        "limits-not-checked",
    ]
    own = limit("perfused-mean", "at most", 70.0)
    assert "whole-normal-dose-limit-unknown-mass" not in [
        c for _, c, _ in judged(rule, own, doses=bare)
    ]
    aim = limit("whole-normal-mean", "at least", 70.0)
    assert judged(aim, doses=bare)[-1][:2] == ("note", "limits-not-checked")
    lacking = Distribution(lung_dose_gy=9.0)
    text = limit_findings(GIVEN, lacking, (rule, rule, aim))[-1].text
    assert text == (
        f"Not checked, because masses are not known (the compartment): {rule.text}; {aim.text}."
    )


def test_the_binding_limit_is_named_with_its_source_and_is_the_first_to_be_reached() -> None:
    """Per GBq 21.4 Gy in perfused normal liver: 40 Gy at 1.867 GBq, lungs 30 Gy at 6 GBq."""
    per_gbq = Distribution(
        lung_dose_gy=5.0, normal=PlannedDose("n", "other", 1200.0, 450.0 / 21.0, 0.5)
    )
    found = largest_safe_activity(inputs(), per_gbq, "partition")
    assert found.delivered_gbq == pytest.approx(40.0 * 21.0 / 450.0)
    assert found.binding_limit is not None
    assert "perfused normal liver at most 40 Gy" in found.binding_limit
    (finding,) = found.findings
    assert found.binding_limit in finding.text
    assert finding.code == "binding-limit"
    thin = largest_safe_activity(
        inputs(), Distribution(lung_dose_gy=30.0, normal=per_gbq.normal), "partition"
    )
    assert thin.delivered_gbq == pytest.approx(1.0)


def test_a_dose_solved_for_the_end_of_an_aim_reaches_it() -> None:
    """160 Gy but for rounding, of an aim that ends at 160 Gy: neither below nor above."""
    aim = limit("tumour-mean", "at least", 100.0, upper=160.0)
    for change, code in ((1e-12, "target-met"), (0.9e-9, "target-met"), (1e-6, "above-aim")):
        lesion = PlannedDose("T1", "tumour", 200.0, 160.0 * (1 + change), 0.3)
        doses = Distribution(lung_dose_gy=9.0, tumours=(lesion,))
        assert judged(aim, doses=doses)[0][1] == f"tumour-dose-{code}"
