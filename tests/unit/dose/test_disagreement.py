"""What a comparison says: which regions, in which order, how grave, on whose word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.dose import disagreement
from opensirt.dose.comparison import EngineComparison, RegionComparison, Verdict, mean_tolerance
from opensirt.dose.disagreement import density_findings, disagreement_findings


def row(
    name: str,
    mean_gy: float,
    verdict: Verdict = "differs",
    *,
    engine: str = "local",
    role: str = "tumour",
    error: float | None = None,
) -> RegionComparison:
    """A region whose reference mean is 100 Gy."""
    part = mean_gy / 100.0 - 1.0
    return RegionComparison(
        engine=engine, name=name, role=role, volume_ml=1.0,
        mean_dose_gy=mean_gy, reference_mean_dose_gy=100.0,
        mean_difference_gy=mean_gy - 100.0, mean_difference_fraction=part,
        d95_difference_gy=0.0, d95_difference_fraction=0.0,
        d50_difference_gy=0.0, d50_difference_fraction=0.0,
        reference_error_fraction=error, tolerance_fraction=0.05,
        gamma_pass_fractions=(), verdict=verdict,
    )  # fmt: skip


def compared(*rows: RegionComparison, reference: str = "monte-carlo") -> EngineComparison:
    engines = tuple(dict.fromkeys(of.engine for of in rows))
    return EngineComparison(reference, engines, (), rows, ())


LARGE_LOSS = (row("a", 110.0), row("b", 50.0), row("c", 130.0), row("d", 80.0))


def test_the_largest_difference_is_named_first_whatever_its_sign() -> None:
    (found,) = disagreement_findings(compared(*LARGE_LOSS))
    assert found.text == (
        "local gives b 50 % less (50 for 100 Gy), c 30 % more (130 for 100 Gy), "
        "d 20 % less (80 for 100 Gy), a 10 % more (110 for 100 Gy), compared with monte-carlo."
    )


@pytest.mark.parametrize(("beyond", "said"), [(0, ""), (1, ", and 1 more regions"), (3, "3 more")])
def test_four_regions_are_named_and_the_others_counted(beyond: int, said: str) -> None:
    others = [row(f"e{n}", 108.0) for n in range(beyond)]
    (found,) = disagreement_findings(compared(*LARGE_LOSS, *others))
    assert "a 10 % more" in found.text
    assert "e0" not in found.text
    assert said in found.text
    assert ("more region" in found.text) is (beyond > 0)
    unsure = [row(f"u{n}", 100.0, "uncertain", error=0.1) for n in range(4 + beyond)]
    (doubt,) = disagreement_findings(compared(*unsure))
    assert doubt.text.count("(20 %)") == 4
    assert ("more; simulate" in doubt.text) is (beyond > 0)
    assert said.removesuffix(" regions") in doubt.text


def test_from_eleven_times_the_reference_a_percentage_says_nothing() -> None:
    """Ten times the reference more is where it ends."""
    (found,) = disagreement_findings(compared(row("a", 1100.0), row("b", 1099.0), row("c", 0.0)))
    assert found.text == (
        "local gives a far more (1.1e+03 for 100 Gy), b 999 % more (1.1e+03 for 100 Gy), "
        "c 100 % less (0 for 100 Gy), compared with monte-carlo."
    )


def test_only_regions_of_the_verdict_are_named() -> None:
    """Regions that agree, are negligible or in doubt are no disagreement, however far apart."""
    others: tuple[Verdict, ...] = ("agrees", "negligible", "uncertain")
    rows = [row(f"no {verdict}", 20.0, verdict, error=0.2) for verdict in others]
    differs, doubt = disagreement_findings(compared(row("yes", 90.0), *rows))
    assert "no " not in differs.text
    assert "yes" not in doubt.text
    assert "no uncertain (40 %)" in doubt.text
    assert (differs.code, doubt.code) == ("engine-disagreement", "comparison-uncertain")


def test_two_standard_errors_are_said_once_per_region() -> None:
    """3.1 % is one standard error: 6 % of doubt; two engines share the reference and its doubt."""
    rows = [
        row("liver", 101.0, "uncertain", engine=e, role="liver", error=0.031)
        for e in ("local", "voxel-convolution")
    ]
    (found,) = disagreement_findings(compared(*rows))
    assert (found.severity, found.source) == ("note", "assumption")
    assert found.text == (
        "Two standard errors of monte-carlo are more than the difference looked for in "
        "liver (6 %); simulate more histories to judge these."
    )


@pytest.mark.parametrize(
    ("judged", "severities"),
    [
        (None, ["warn", "warn"]),
        ("local", ["warn", "note"]),
        ("voxel-convolution", ["note", "warn"]),
        ("monte-carlo", ["note", "note"]),
        ("voxel-superposition", ["note", "note"]),
    ],
)
def test_the_engine_in_use_decides_what_is_a_warning(judged, severities) -> None:
    rows = [row("a", 50.0), row("b", 70.0, engine="voxel-convolution")]
    found = disagreement_findings(compared(*rows), judged)
    assert [f.severity for f in found] == severities
    assert [f.text.split()[0] for f in found] == ["local", "voxel-convolution"]


@pytest.mark.parametrize(
    ("roles", "source"),
    [
        (("tumour", "liver"), "mikell2015"),
        (("lungs", "lung-left", "lung-right"), "assumption"),
        (("lungs", "tumour"), "assumption"),
    ],
)
def test_a_source_is_named_where_it_stands_behind_every_tolerance(roles, source) -> None:
    rows = [row(role, 50.0, role=role) for role in roles]
    (found,) = disagreement_findings(compared(*rows))
    assert found.source == source
    whole = frozenset(roles)
    (matters,) = density_findings(compared(*rows), "local", whole)
    (even,) = density_findings(compared(*rows), "local", frozenset())
    assert (matters.source, even.source) == (source, source)


def test_no_one_source_stands_for_tolerances_of_several(monkeypatch) -> None:
    """The tolerance of each role has a source of its own here."""
    own = lambda role: replace(mean_tolerance(role), source=role)  # noqa: E731
    monkeypatch.setattr(disagreement, "mean_tolerance", own)
    rows = [row(role, 50.0, role=role) for role in ("tumour", "liver", "lungs")]
    assert disagreement_findings(compared(*rows))[0].source == "assumption"
    assert disagreement_findings(compared(rows[1]))[0].source == "liver"


def test_agreement_is_said_of_all_engines_with_both_tolerances() -> None:
    rows = [row("a", 101.0, "agrees"), row("a", 99.0, "agrees", engine="voxel-convolution")]
    (found,) = disagreement_findings(compared(*rows))
    assert (found.severity, found.code, found.source) == ("note", "engines-agree", "mikell2015")
    assert found.text == (
        "Mean doses of local and voxel-convolution are within 5 % (10 % in lungs) of monte-carlo."
    )
    mixed = disagreement_findings(compared(rows[0], replace(rows[1], verdict="differs")))
    assert [f.code for f in mixed] == ["engine-disagreement"]
    doubt = disagreement_findings(compared(rows[0], replace(rows[1], verdict="uncertain")))
    assert [f.code for f in doubt] == ["comparison-uncertain"]


def test_density_is_the_cause_where_it_varies_and_reach_elsewhere() -> None:
    rows = [row("varied", 70.0), row("even", 80.0), row("none", 30.0, engine="other")]
    found = compared(*rows, reference="voxel-superposition")
    matters, reach = density_findings(found, "local", frozenset({"varied", "none"}))
    assert (matters.severity, matters.code) == ("warn", "density-matters")
    assert matters.text == (
        "Density matters here: local gives varied 30 % less (70 for 100 Gy), compared with "
        "voxel-superposition. The latter follows the density along the way; plan with "
        'engine="voxel-superposition" or monte-carlo.'
    )
    assert (reach.severity, reach.code) == ("note", "electron-reach")
    assert reach.text.startswith(
        "local gives even 20 % less (80 for 100 Gy), compared with voxel-superposition. Density is "
        "not the cause there, the reach of electrons is: voxel-superposition carries"
    )
    assert reach.text.endswith("local is nearer to the true mean.")
    (wrong,) = density_findings(found, "other", frozenset())
    assert (wrong.severity, wrong.code) == ("warn", "engine-disagreement")
    assert density_findings(found, "nothing", frozenset({"varied"})) == ()
