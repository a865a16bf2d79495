"""Which grid the outlines of a case meet on, and when its images share one space."""

from __future__ import annotations

import pytest

from opensirt.case import Case, StudyImage
from opensirt.errors import CaseError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.units import Unit
from opensirt.workflow import study
from opensirt.workflow.study import prepare_case
from tests.unit.quantify.samples import block, volume

COARSE = Grid.regular((6, 6, 50), (8.0, 8.0, 8.0), (4.0, 4.0, 4.0))
FINE = Grid.regular((12, 12, 100), (4.0, 4.0, 4.0), (2.0, 2.0, 2.0))
"""The same place in halves of its voxels."""


def part(name: str, role: str, last: int = 50, on: Grid = COARSE) -> Region:
    depth = on.shape[0] // 3
    return block(name, role, (depth, 2 * depth), (depth, 2 * depth), (0, last), grid=on)


def case(*regions: Region, ct: str | None = "1.2", spect: str = "1.2", **more) -> Case:
    def image(role: str, unit: Unit, frame: str) -> StudyImage:
        values: Volume = volume(1.0, unit, COARSE)
        return StudyImage(role, values, role, frame_of_reference_uid=frame)

    images = (image("planning-activity", Unit.COUNTS, spect),)
    if ct is not None:
        images = (image("ct", Unit.HU, ct), *images)
    return Case("a", images, Regions(regions or (part("liver", "liver"),)), **more)


@pytest.mark.parametrize("role", ["tumour", "perfused", "necrosis"])
def test_the_finest_outline_of_liver_or_lesion_gives_the_grid(role):
    prepared = prepare_case(case(part("liver", "liver"), part("x", role, 4, FINE)))
    assert {r.grid.spacing_mm for r in prepared.regions} == {(4.0, 4.0, 4.0)}
    assert prepared.region("liver").volume_ml == pytest.approx(2 * 2 * 50 * 0.512, rel=1e-5)
    assert prepared.region(role).volume_ml == pytest.approx(4 * 4 * 4 * 0.064, rel=1e-5)


@pytest.mark.parametrize("role", ["lungs", "stomach", "body"])
def test_a_fine_outline_of_something_else_does_not(role):
    prepared = prepare_case(case(part("liver", "liver"), part("x", role, 4, FINE)))
    assert {r.grid.spacing_mm for r in prepared.regions} == {(8.0, 8.0, 8.0)}


@pytest.mark.parametrize(("held", "spacing_mm"), [(48, 8.0), (50, 4.0)])
def test_a_grid_must_hold_the_liver_but_for_rounding(held, spacing_mm):
    """A fine grid that ends two of 50 columns before the liver does holds 96 % of it."""
    short = FINE.crop((slice(0, 12), slice(0, 12), slice(0, 2 * held)))
    spot = block("x", "tumour", (5, 6), (5, 6), (0, 1), grid=short)
    prepared = prepare_case(case(part("liver", "liver"), spot))
    assert prepared.region("liver").grid.spacing_mm == (spacing_mm,) * 3


@pytest.mark.parametrize(("ct", "spect"), [("1.2", "1.2"), ("", "1.2"), ("1.2", ""), (None, "1.2")])
def test_images_share_a_space_where_nothing_says_otherwise(ct, spect):
    prepared = prepare_case(case(ct=ct, spect=spect), assume_aligned=True)
    assert prepared.findings == ()
    assert prepared.provenance.assumptions == ()


def test_two_spaces_taken_as_one_are_a_warning_and_an_assumption():
    apart = case(ct="1.2", spect="1.3")
    with pytest.raises(CaseError, match="expected 'ct' and 'planning-activity' in one frame of"):
        prepare_case(apart)
    prepared = prepare_case(apart, assume_aligned=True)
    (finding,) = prepared.findings
    text = "'ct' and 'planning-activity' have different frames of reference."
    assert (finding.severity, finding.code) == ("warn", "assumed-aligned")
    assert finding.text == f"{text} They are taken as aligned."
    assert prepared.provenance.assumptions == (f"{text} Taken as aligned on request.",)


@pytest.mark.parametrize(("severity", "stops"), [("note", False), ("warn", False), ("stop", True)])
def test_what_reading_found_stops_only_where_it_is_a_stop(severity, stops):
    found = case(findings=(Finding("note", "a-b", "A."), Finding(severity, "c-d", "Wrong.")))
    if stops:
        with pytest.raises(CaseError, match="Wrong"):
            prepare_case(found)
    else:
        assert len(prepare_case(found).findings) == 2


def test_reading_is_told_what_was_chosen_and_gives_roles_by_name(monkeypatch):
    asked, said = {}, []

    def read(path, *, choose, time_zone, progress):
        asked.update(path=str(path), choose=choose, zone=time_zone)
        progress(3, 12)
        progress(0, 0)
        return case(part("liver", "liver"), part("x", "other", 4))

    monkeypatch.setattr(study, "read_study", read)
    found = study.read_case(
        "there", choose={"ct": "CT 1"}, roles={"x": "tumour"}, time_zone="UTC",
        progress=lambda what, done: said.append((what, done)),
    )  # fmt: skip
    assert asked == {"path": "there", "choose": {"ct": "CT 1"}, "zone": "UTC"}
    assert said == [("reading files", 0.25), ("reading files", 0.0)]
    assert [(r.name, r.role) for r in found.regions] == [("liver", "liver"), ("x", "tumour")]
