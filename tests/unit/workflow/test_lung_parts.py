"""Shunt and mass of the same part of the lungs: by hand, for each image that cuts them."""

from __future__ import annotations

import pytest

from opensirt.errors import CaseError
from opensirt.plan.plan import LungInput
from opensirt.workflow.lung_parts import LungView, of_one_part

WHOLE_G = 1000.0


def lung(shunt: float = 0.02, mass_g: float = WHOLE_G, mass: str = "given for this plan"):
    return LungInput(shunt, mass_g, "measured: SPECT counts in lungs and liver", mass)


def odds(shunt: float) -> float:
    return shunt / (1.0 - shunt)


@pytest.mark.parametrize(
    ("view", "part_g"),
    [
        (LungView(400.0, 1.0, 1.0, True), 400.0),  # drawn to the edge of the CT
        (LungView(1000.0, 1.0, 0.4, False), 400.0),  # SPECT ends in them
        (LungView(400.0, 0.4, 1.0, False), None),  # drawn whole, counts whole: the CT alone is cut
        (LungView(400.0, 0.4, 0.5, False), 500.0),
        (LungView(400.0, 1.0, 0.5, True), 200.0),
        (LungView(None, 1.0, 0.4, False), 400.0),  # no CT: by volume
        (LungView(None, 1.0, 1.0, True), None),  # nothing says how much lies beyond
        (LungView(1000.0, 1.0, 1.0, False), None),
        (LungView(980.0, 1.0, 1.0, True), None),  # all of it but the border
        (LungView(1200.0, 1.0, 1.0, True), None),  # more than was given
    ],
)
def test_the_shunt_of_a_part_is_extended_to_the_mass_given(view, part_g) -> None:
    findings: list = []
    found = of_one_part(lung(), view, findings)
    if part_g is None:
        assert (found, findings) == (lung(), [])
        return
    assert odds(found.shunt_fraction) == pytest.approx(odds(0.02) * WHOLE_G / part_g)
    assert found.mass_g == WHOLE_G
    (said,) = findings
    assert (said.severity, said.code) == ("warn", "lung-shunt-extended")
    assert said.text.startswith(f"The images show {part_g:.0f} g of the 1000 g of the lungs")


@pytest.mark.parametrize(
    ("view", "mass_g"),
    [
        (LungView(900.0, 1.0, 0.5, False), 450.0),
        (LungView(400.0, 0.4, 0.5, False), 500.0),
        (LungView(400.0, 0.4, 1.0, False), 1000.0),  # counts of the whole: the mass of the whole
        (LungView(400.0, 1.0, 1.0, True), None),  # mass and counts are of one part already
        (LungView(400.0, 1.0, 0.99, False), None),
    ],
)
def test_a_measured_mass_is_that_of_the_part_that_counts_are_of(view, mass_g) -> None:
    findings: list = []
    measured = lung(mass_g=view.ct_mass_g, mass="measured: CT density in the lungs")
    found = of_one_part(measured, view, findings)
    assert found.shunt_fraction == 0.02
    assert found.mass_g == pytest.approx(mass_g or view.ct_mass_g)
    assert [f.code for f in findings] == ["lung-mass-partial"] * (mass_g is not None)


def test_a_scrap_of_the_lungs_says_nothing() -> None:
    scrap = LungView(90.0, 1.0, 1.0, True)
    for shunt in (0.0, 0.02):
        with pytest.raises(CaseError, match=r"90 g of the 1000 g of the lungs, less than 10 %"):
            of_one_part(lung(shunt), scrap, [])
    assert of_one_part(lung(), LungView(110.0, 1.0, 1.0, True), []).shunt_fraction > 0.1
    small = lung(mass_g=500.0, mass="measured: CT density in the lungs")
    with pytest.raises(CaseError, match="the images show 250 g of the lungs, which weigh 300 g"):
        of_one_part(small, LungView(500.0, 1.0, 0.5, False), [])


def test_a_shunt_that_was_given_is_of_whole_lungs() -> None:
    given = LungInput(0.02, WHOLE_G, "given for this plan", "given for this plan")
    assert of_one_part(given, LungView(90.0, 1.0, 0.1, True), []) is given
