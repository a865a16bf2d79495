"""Bringing a case into one space: the finest outlines win, and frames of reference must agree."""

from dataclasses import replace

import pytest

from opensirt.errors import CaseError, UnknownNameError
from opensirt.findings import Finding
from opensirt.image import Regions
from opensirt.workflow.study import prepare_case, with_roles
from tests.cases import grid, outlines, small_case


def test_regions_of_several_grids_meet_on_the_finest_that_holds_the_liver():
    fine, coarse = outlines(grid((2.0, 2.0, 2.0))), outlines(grid((4.0, 4.0, 4.0)))
    mixed = Regions((coarse["liver"], fine["Tumour A"], coarse["perfused right"]))
    prepared = prepare_case(replace(small_case(), regions=mixed))
    assert {region.grid.spacing_mm for region in prepared.regions} == {(2.0, 2.0, 2.0)}
    assert prepared.region("liver").volume_ml == pytest.approx(coarse["liver"].volume_ml, rel=2e-3)


def test_a_fine_grid_that_cuts_the_liver_is_not_used():
    fine, coarse = outlines(grid((2.0, 2.0, 2.0))), outlines(grid((4.0, 4.0, 4.0)))
    tumour = fine["Tumour A"]
    cut = replace(
        tumour,
        grid=tumour.grid.crop(tumour.box),
        box=tuple(slice(0, n) for n in tumour.fractions.shape),
    )
    prepared = prepare_case(replace(small_case(), regions=Regions((coarse["liver"], cut))))
    assert prepared.region("tumour").grid.spacing_mm == (4.0, 4.0, 4.0)
    assert prepared.region("tumour").volume_ml == pytest.approx(tumour.volume_ml, rel=5e-3)


def test_images_of_two_frames_of_reference_need_a_word():
    case = small_case()
    ct, spect = case.images
    apart = replace(
        case,
        images=(
            replace(ct, frame_of_reference_uid="1.2.3"),
            replace(spect, frame_of_reference_uid="1.2.4"),
        ),
    )
    with pytest.raises(CaseError, match="found different FrameOfReferenceUID; register them first"):
        prepare_case(apart)
    accepted = prepare_case(apart, assume_aligned=True)
    assert [f.code for f in accepted.findings] == ["assumed-aligned"]
    assert "Taken as aligned on request." in accepted.provenance.assumptions[0]


def test_a_stop_found_while_reading_stops_the_job():
    stopped = small_case().with_findings(Finding("stop", "x", "The image shows f18."))
    with pytest.raises(CaseError, match="The image shows f18"):
        prepare_case(stopped)


def test_roles_can_be_given_by_region_name():
    case = with_roles(small_case(), {"Tumour B": "other"})
    assert [r.name for r in case.regions.with_role("tumour")] == ["Tumour A"]
    with pytest.raises(UnknownNameError, match=r"'Tumour C' is unknown .*; the case has liver"):
        with_roles(small_case(), {"Tumour C": "tumour"})
