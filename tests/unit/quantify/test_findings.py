"""From where on quantification calls for attention: on the bound it is quiet, beyond it speaks."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.image import Grid, Region, Regions
from opensirt.quantify import ct_coverage_findings, liver_compartments, patient_relative_activity
from opensirt.quantify.calibration_findings import (
    agreement_findings,
    background_findings,
    negative_findings,
)
from opensirt.quantify.density import uncovered_findings
from opensirt.units import Unit
from tests.unit.quantify.samples import block, liver, lungs, volume

LONG = Grid.regular((1, 1, 1200), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
"""Voxels of 1 mL in a row."""


def row(name: str, role: str, start: int, stop: int) -> Region:
    return block(name, role, (0, 1), (0, 1), (start, stop), grid=LONG)


def said(*regions: Region) -> list[str]:
    found = liver_compartments(Regions((row("liver", "liver", 0, 1000), *regions)))
    return [f.code for f in found.findings if f.code != "perfused-is-whole-liver"]


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ((row("T1", "tumour", 901, 1001),), []),
        ((row("T1", "tumour", 902, 1002),), ["lesion-outside-liver"]),
        ((row("A", "tumour", 0, 200), row("B", "tumour", 199, 299)), []),
        ((row("A", "tumour", 0, 200), row("B", "tumour", 198, 298)), ["lesions-overlap"]),
        ((row("P", "perfused", 901, 1001),), []),
        ((row("P", "perfused", 902, 1002),), ["perfused-cropped-to-liver"]),
        ((row("P", "perfused", 0, 50), row("Q", "perfused", 49, 100)), []),
        ((row("P", "perfused", 0, 50), row("Q", "perfused", 48, 100)), ["territories-overlap"]),
    ],
)
def test_one_part_in_a_hundred_is_drawing_and_two_are_said(more, codes) -> None:
    assert said(*more) == codes


@pytest.mark.parametrize(("share", "codes"), [(0.049, []), (0.051, ["organ-inside-liver"])])
def test_an_organ_is_named_from_what_reads_as_a_tenth_on(share: float, codes: list[str]) -> None:
    mask = np.zeros(LONG.shape, np.float32)
    mask[0, 0, 500] = share
    assert said(Region.from_mask("bowel", "bowel", mask, LONG)) == codes


def test_lungs_are_looked_for_where_something_goes_there() -> None:
    """Without a shunt nothing is missing from the map, be the lungs out of view or cut."""
    cut = block("lungs", "lungs", (8, 10), (2, 8), (1, 11))
    for seen, code in ((None, "lungs-outside-map"), (cut, "lungs-cut-by-activity-image")):
        for shunt in (0.0, 0.001):
            _, summary = patient_relative_activity(
                volume(1.0), liver(), lung_shunt_fraction=shunt, lungs=seen, nuclide="y90"
            )
            assert (code in {f.code for f in summary.findings}) is (shunt > 0)


@pytest.mark.parametrize(
    ("fraction", "severity"), [(0.0, None), (0.005, "note"), (0.01, "note"), (0.011, "warn")]
)
def test_negative_values_are_a_note_up_to_a_hundredth(fraction: float, severity: str) -> None:
    assert [f.severity for f in negative_findings(fraction)] == ([severity] if severity else [])


def test_what_became_of_negative_values_and_background_is_said() -> None:
    assert negative_findings(0.0234)[0].text == (
        "Negative values, 2.34 % of the positive ones, were set to zero for the activity map."
    )
    (kept,) = negative_findings(0.0234, kept=True)
    assert "2.34 % of the positive ones, were kept for" in kept.text
    assert background_findings(0.0, Unit.COUNTS) == ()
    (finding,) = background_findings(1500.0, Unit.BQ_PER_ML)
    assert (finding.severity, finding.code) == ("note", "background-subtracted")
    assert "1500 Bq/mL was subtracted" in finding.text


@pytest.mark.parametrize(
    ("held", "severity"), [(0.89, "warn"), (0.91, "note"), (1.09, "note"), (1.11, "warn")]
)
def test_the_image_may_be_a_tenth_off_what_was_administered(held: float, severity: str) -> None:
    (finding,) = agreement_findings(held * 2e9, 2e9)
    assert finding.severity == severity
    assert f"{100 * held:.1f} % of the 2000.0 MBq administered" in finding.text
    (unknown,) = agreement_findings(0.5e9, None)
    assert (unknown.severity, unknown.code) == ("warn", "administered-activity-unknown")
    assert "the 500.0 MBq in the field of view" in unknown.text


def test_a_ct_may_miss_a_thousandth_of_a_region() -> None:
    """999 of 1000 voxels are seen, then 998."""
    whole = row("liver", "liver", 0, 1000)
    assert ct_coverage_findings(LONG.crop(_first(999)), whole) == ()
    (finding,) = ct_coverage_findings(LONG.crop(_first(998)), whole)
    assert (finding.severity, finding.code) == ("warn", "ct-does-not-cover")
    assert "covers 99.8 % of region 'liver'" in finding.text
    nothing = Region.from_mask("off", "other", np.zeros(LONG.shape, np.float32), LONG)
    assert ct_coverage_findings(LONG, nothing) == ()
    assert [f.severity for f in uncovered_findings(0.011)] == ["warn"]


def _first(count: int) -> tuple[slice, slice, slice]:
    return slice(0, 1), slice(0, 1), slice(0, count)


def test_a_map_says_how_it_was_made() -> None:
    """Background 1 of 3 counts: 2 x 360 make 0.9 of 2 GBq."""
    activity, summary = patient_relative_activity(
        volume(3.0), liver(), lung_shunt_fraction=0.1, lungs=lungs(), nuclide="y90",
        injected_bq=2e9, background=1.0,
    )  # fmt: skip
    assert (summary.method, summary.injected_bq) == ("patient-relative", 2e9)
    assert (summary.lung_shunt_fraction, summary.background) == (0.1, 1.0)
    assert summary.bq_per_unit == pytest.approx(1.8e9 / 720)
    assert (summary.carrier, summary.negative_fraction) == ("liver", 0.0)
    assert summary.in_map_bq == pytest.approx(activity.total()) == pytest.approx(2e9)
