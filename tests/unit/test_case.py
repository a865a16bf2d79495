"""The images and regions of a case: one of a role is found, none or two are refused."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.case import Case, LeftOut, StudyImage
from opensirt.errors import CaseError, UnknownNameError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.units import Unit

GRID = Grid.regular((2, 2, 2), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))


def image(role: str, label: str) -> StudyImage:
    return StudyImage(role, Volume(np.zeros(GRID.shape), GRID, Unit.COUNTS), label)


def case(*roles: str, **more) -> Case:
    images = tuple(image(role, f"series {n}") for n, role in enumerate(roles, 1))
    return Case("c", images=images, **more)


def region(name: str, role: str, column: int) -> Region:
    mask = np.zeros(GRID.shape, np.float32)
    mask[0, 0, column] = 1.0
    return Region.from_mask(name, role, mask, GRID)


@pytest.mark.parametrize(
    ("roles", "has"), [((), False), (("ct",), True), (("ct", "ct"), False), (("mr",), False)]
)
def test_an_image_is_there_where_exactly_one_has_its_role(roles, has):
    assert case(*roles).has_image("ct") is has


def test_two_images_of_a_role_are_no_answer():
    with pytest.raises(CaseError) as raised:
        case("ct", "planning-activity", "ct").image("ct")
    assert str(raised.value) == (
        "expected one image with role 'ct', found 2; the study has 'series 1' (ct), "
        "'series 2' (planning-activity), 'series 3' (ct)"
    )
    assert case("ct", "mr", "planning-activity").image("mr").label == "series 2"


def test_what_was_left_out_is_said_where_an_image_is_missing():
    """Three reasons at most, each once; files that are no DICOM are none."""
    left = tuple(LeftOut(f"f{n}", why) for n, why in enumerate(("a", "not a DICOM file", *"abcd")))
    with pytest.raises(CaseError) as raised:
        case(left_out=left).image("ct")
    assert str(raised.value) == (
        "expected one image with role 'ct', found none; the study has no images; "
        "left out: a | b | c"
    )


def test_two_images_after_treatment_leave_the_planning_image():
    twice = case("treatment-activity", "treatment-activity", "planning-activity")
    assert twice.activity_image.label == "series 3"
    assert not twice.is_treated
    assert case("treatment-activity").is_treated
    with pytest.raises(UnknownNameError, match="image role 'pet' is unknown; choose one of ct, mr"):
        image("pet", "x")


def test_regions_of_a_role_are_joined_and_a_missing_one_is_said():
    regions = Regions((region("A", "tumour", 0), region("B", "tumour", 1), region("L", "liver", 0)))
    found = case(regions=regions)
    assert found.region("tumour").volume_ml == pytest.approx(2.0)
    assert found.region("liver").volume_ml == pytest.approx(1.0)
    with pytest.raises(CaseError, match=r"role 'lungs', found none; regions: 'A' \(tumour\), 'B'"):
        found.region("lungs")


def test_findings_of_a_case_are_added_behind_those_it_has():
    first, second = Finding("note", "a-b", "A."), Finding("warn", "c-d", "C.")
    assert case(findings=(first,)).with_findings(second, first).findings == (first, second)
