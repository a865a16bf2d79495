"""What a case gives planning: lungs that the CT cuts, volumes that the activity image cuts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.case import Assumptions, Treatment
from opensirt.errors import CaseError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions
from opensirt.plan.plan import Prescription
from opensirt.quantify.lungs import lung_mass_g
from opensirt.quantify.shunt import LungShunt
from opensirt.workflow import lung_parts, planning
from opensirt.workflow import setting as setting_module
from opensirt.workflow.planning import _as_given
from opensirt.workflow.setting import _mass, _refuse_cut, make_setting
from opensirt.workflow.study import prepare_case
from tests.cases import small_case


def cut_lungs(**change):
    """The small case with a CT that ends 40 mm above the middle of the lungs."""
    case = small_case()
    ct = case.image("ct")
    kept = ct.volume.grid.shape[0] - 18
    grid = Grid.from_matrix((kept, *ct.volume.grid.shape[1:]), ct.volume.grid.matrix)
    volume = replace(ct.volume, values=ct.volume.values[:kept], grid=grid)
    images = (replace(ct, volume=volume), case.image("planning-activity"))
    return replace(case, images=images, **change)


def lungs_on_ct(case):
    return case.regions["lungs"].onto(case.image("ct").volume.grid)


def test_the_mass_of_cut_lungs_is_the_stated_one_or_comes_with_a_finding():
    """In view are grams that no whole lungs have; they must not pass for the mass in silence."""
    case, findings, assumed = cut_lungs(), [], []
    whole_g, source = _mass(small_case(), lungs_on_ct(small_case()), 0.05, findings, assumed)
    assert source == "measured: CT density in the lungs"
    assert (findings, assumed) == ([], [])
    known, source = _mass(case, lungs_on_ct(case), 0.05, findings, assumed)
    assert (known, source) == (1000.0, "as stated in the study, not measured here")
    assert assumed == ["Lung mass 1000 g, as stated in the study; not measured here."]
    unknown = replace(case, assumptions=Assumptions())
    part_g, source = _mass(unknown, lungs_on_ct(unknown), 0.0, findings, assumed)
    assert source == "measured: CT density, part of the lungs only"
    assert part_g < 0.8 * whole_g
    assert [finding.code for finding in findings] == ["lung-mass-partial"]
    with pytest.raises(CaseError, match="a lung dose from a piece means nothing; give lung_mass_g"):
        _mass(unknown, lungs_on_ct(unknown), 0.05, [], [])


def test_a_mass_given_for_this_plan_comes_first():
    given = Assumptions(1.06, 0.05, 850.0, decided=frozenset(("lung_mass_g",)))
    case = replace(small_case(), assumptions=given)
    found = _mass(case, lungs_on_ct(case), 0.05, [], [])
    assert found == (850.0, "given for this plan")


def box(name, role, shape, grid, stop):
    mask = np.zeros(shape, np.float32)
    mask[:, :, :stop] = 1.0
    return Region.from_mask(name, role, mask, grid)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("whole_liver", "the activity image covers 96 % of the liver, needed are 97 %"),
        ("perfused", "the activity image covers 96 % of the perfused volume, needed are 97 %"),
    ],
)
def test_a_volume_that_the_image_cuts_is_refused(place, line):
    """96 of 100 voxels are seen of one volume, all of the other."""
    drawn = make_setting(prepare_case(small_case())).compartments
    grid = Grid.regular((1, 1, 100), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    shape = grid.shape
    whole = box("x", "liver", shape, grid, 100)
    drawn = replace(drawn, whole_liver=whole, perfused=whole, lesions=())
    _refuse_cut(drawn, replace(drawn, **{place: box("x", "liver", shape, grid, 97)}))
    with pytest.raises(CaseError, match=line):
        _refuse_cut(drawn, replace(drawn, **{place: box("x", "liver", shape, grid, 96)}))


def test_what_was_given_needs_its_residual_drawn_up_too():
    """1.8 GBq reached the patient with a tenth left behind: 2.0 GBq were drawn up."""
    asked = Prescription("binding-limit")
    found = _as_given(Treatment("resin-y90", 1.8e9), "resin-y90", asked, 0.1)
    assert (found.kind, found.value) == ("activity", pytest.approx(2.0e9))


def test_lungs_are_left_and_right_together():
    case = small_case()
    lungs = case.regions["lungs"]
    half = lungs.whole().copy()
    middle = half.shape[2] // 2
    left, right = half.copy(), half.copy()
    left[:, :, :middle], right[:, :, middle:] = 0.0, 0.0
    kept = tuple(r for r in case.regions if r.role != "lungs")
    split = (
        Region.from_mask("l", "lung-left", left, lungs.grid),
        Region.from_mask("r", "lung-right", right, lungs.grid),
    )
    two = make_setting(prepare_case(replace(case, regions=Regions((*kept, *split)))))
    one = make_setting(prepare_case(case))
    assert two.lungs_drawn.volume_ml == pytest.approx(one.lungs_drawn.volume_ml, rel=1e-6)
    assert two.lung.shunt_fraction == pytest.approx(one.lung.shunt_fraction, rel=1e-6)


def test_what_the_shunt_was_found_on_is_said(monkeypatch):
    cut = Finding("warn", "shunt-region-cut", "The lungs reach the edge.", "assumption")
    found = LungShunt(0.07, 7.0, 93.0, "counts", (cut,))
    monkeypatch.setattr(setting_module, "measure_lung_shunt", lambda *_: found)
    made = make_setting.__wrapped__(prepare_case(small_case()))
    assert cut in made.findings
    assert made.lung.shunt_fraction == 0.07


def test_the_map_of_cut_lungs_is_told_the_mass_of_whole_ones(monkeypatch):
    told = {}
    monkeypatch.setattr(planning, "patient_relative_activity", lambda *_, **more: told.update(more))
    case = prepare_case(small_case())
    planning.calibrate.__wrapped__(case, "y90")
    assert told["lung_mass_g"] == make_setting(case).lung.mass_g
    assert told["lung_shunt_fraction"] == make_setting(case).lung.shunt_fraction


def cut_at(case, stop):
    """The case with CT and outlines that end at a slice; the activity image goes on."""
    ct = case.image("ct")
    grid = Grid.from_matrix((stop, *ct.volume.grid.shape[1:]), ct.volume.grid.matrix)
    short = replace(ct, volume=replace(ct.volume, values=ct.volume.values[:stop], grid=grid))
    regions = tuple(region.onto(short.volume.grid) for region in case.regions)
    images = tuple(short if image.role == "ct" else image for image in case.images)
    return replace(case, images=images, regions=Regions(regions))


def test_lungs_that_the_ct_cuts_make_the_shunt_a_finding(monkeypatch):
    """Counts beyond the CT are in no region: the shunt of what is drawn is too low."""
    case = replace(small_case(), assumptions=Assumptions(lung_mass_g=1000.0))
    lungs = lungs_on_ct(case)
    whole = make_setting(prepare_case(case))
    assert not [f for f in whole.findings if f.code in ("shunt-region-cut", "liver-cut")]
    middle = (lungs.box[0].start + lungs.box[0].stop) // 2
    cut = make_setting(prepare_case(cut_at(case, middle)))
    (said,) = [f for f in cut.findings if f.code == "shunt-region-cut"]
    assert said.text.startswith("Region 'lungs' reaches the edge of the CT (last slice): the lung")
    (told,) = [f for f in cut.findings if f.code == "lung-shunt-extended"]
    assert "of the 1000 g of the lungs: the shunt measured in this part" in told.text
    free = cut_at(replace(case, assumptions=Assumptions()), middle)
    piece_g = lung_mass_g(free.image("ct").volume, lungs_on_ct(free))
    monkeypatch.setattr(setting_module, "require_enough", lambda *given: None)
    piece = make_setting(prepare_case(free)).lung
    assert piece.mass_g == pytest.approx(piece_g)
    assert piece.shunt_fraction < whole.lung.shunt_fraction
    for lung in (piece, cut.lung):  # both give the lungs the same activity per gram
        per_gram = lung.shunt_fraction / (1 - lung.shunt_fraction) / lung.mass_g
        assert per_gram == pytest.approx(
            piece.shunt_fraction / (1 - piece.shunt_fraction) / piece_g, rel=1e-4
        )
    assert cut.lung.mass_g == 1000.0
    assert cut.lung.shunt_source.endswith("extended to whole lungs by mass")
    decided = Assumptions(None, 0.07, 1000.0, frozenset(("lung_shunt_fraction", "lung_mass_g")))
    given = make_setting(prepare_case(cut_at(replace(case, assumptions=decided), middle)))
    assert (given.lung.shunt_fraction, given.lung.mass_g) == (0.07, 1000.0)
    assert not [f for f in given.findings if f.code == "lung-shunt-extended"]


def test_lungs_that_the_activity_image_cuts_have_shunt_and_mass_of_the_part_in_view(monkeypatch):
    """A SPECT that ends in the lungs, beside a CT that shows all of them."""
    monkeypatch.setattr(lung_parts, "require_enough", lambda *given: None)
    case = replace(small_case(), assumptions=Assumptions())
    whole = make_setting(prepare_case(case)).lung
    spect = case.image("planning-activity")
    kept = spect.volume.grid.shape[0] - 12
    short = replace(spect, volume=spect.volume.crop((slice(0, kept), slice(None), slice(None))))
    cut = replace(case, images=(case.image("ct"), short))
    made = make_setting(prepare_case(cut))
    held = made.lungs.volume_ml / made.lungs_drawn.volume_ml
    assert 0.1 < held < 0.9
    assert made.lung.mass_g == pytest.approx(held * whole.mass_g, rel=1e-6)
    assert made.lung.mass_source.startswith("measured: CT density in the part of the lungs that")
    (said,) = [f for f in made.findings if f.code == "lung-mass-partial"]
    assert said.text.startswith(f"The activity image holds {held:.0%}".replace("%", " % of the"))
    stated = make_setting(prepare_case(replace(cut, assumptions=Assumptions(lung_mass_g=250.0))))
    assert stated.lung.mass_g == pytest.approx(whole.mass_g * held, rel=1e-6)  # the CT is whole
    asked = Assumptions(lung_mass_g=2 * whole.mass_g, decided=frozenset(("lung_mass_g",)))
    more = make_setting(prepare_case(replace(cut, assumptions=asked))).lung
    odds = more.shunt_fraction / (1 - more.shunt_fraction)
    seen = made.lung.shunt_fraction / (1 - made.lung.shunt_fraction)
    assert odds == pytest.approx(seen * 2 / held, rel=1e-6)


def test_a_liver_cut_where_it_was_drawn_is_a_finding_with_and_without_a_ct():
    grid = small_case().image("ct").volume.grid
    case = cut_at(small_case(), small_case().region("liver").onto(grid).box[0].stop - 1)
    decided = Assumptions(1.06, 0.05, 1000.0, frozenset(("lung_shunt_fraction", "lung_mass_g")))
    for images, where in (
        (case.images, "CT"),
        (tuple(i for i in case.images if i.role != "ct"), "image it was drawn on"),
    ):
        kept = Regions(tuple(r for r in case.regions if r.role != "lungs"))
        made = make_setting(
            prepare_case(replace(case, images=images, regions=kept, assumptions=decided))
        )
        (said,) = [f for f in made.findings if f.code == "liver-cut"]
        assert f"edge of the {where} (last slice)" in said.text
